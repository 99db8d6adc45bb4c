package e2e

import (
	"fmt"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

func object(kind, name, spec string) string {
	return fmt.Sprintf("apiVersion: support.caseload.dev/v1alpha1\nkind: %s\nmetadata: {name: %s}\nspec: %s\n", kind, name, spec)
}

var _ = Describe("A mistake", Ordered, func() {
	var t tenant

	BeforeAll(func(ctx SpecContext) {
		t = newTenant(ctx)
		t.sample("flat")
	})

	DescribeTable("is refused with what to do",
		func(manifest, says string) {
			_, err := output(manifest, "kubectl", "-n", t.namespace, "create", "-f", "-")
			Expect(err).To(HaveOccurred())
			Expect(err.Error()).To(ContainSubstring(says))
		},
		Entry("a limit of 0", object("Agent", "zero", "{teamRef: {name: everyone}, limits: [{channel: Email, max: 0}]}"),
			"spec.limits[0].max: Invalid value: 0"),
		Entry("an unknown skill level", object("Agent", "guru", "{teamRef: {name: everyone}, skills: [{name: editor, level: 9}]}"),
			"spec.skills[0].level: Invalid value: 9"),
		Entry("a rule that sends nowhere", object("RoutingPolicy", "nowhere", "{teamRef: {name: everyone}, rules: [{name: a}]}"),
			"a rule sends a ticket to exactly one place"),
		Entry("a typo in a field name", object("Queue", "typo", "{tierRef: {name: everyone}, prioritty: 3}"),
			`unknown field "spec.prioritty"`),
		Entry("a field of two megabytes", object("Agent", "long", `{teamRef: {name: everyone}, displayName: "`+strings.Repeat("x", 2<<20)+`"}`),
			"may not be more than 128"),
	)

	DescribeTable("is told by a condition",
		func(manifest, object, condition, says string) {
			_, err := t.apply(manifest)
			Expect(err).NotTo(HaveOccurred())
			Eventually(t.condition(object, condition)).Should(And(HavePrefix("False"), ContainSubstring(says)))
			lint, err := output(manifest, binary, "lint", "../../config/samples/flat", "-")
			Expect(err).To(HaveOccurred(), "lint says the same offline")
			Expect(lint + err.Error()).To(ContainSubstring(says))
			t.must("delete", object)
		},
		Entry("a missing team", object("Tier", "lost", "{teamRef: {name: customer-cares}, level: 1, agentSelector: {}}"),
			"tier/lost", "ResolvedRefs", `customer-cares`),
		Entry("a CEL rule that does not compile",
			object("RoutingPolicy", "cel", "{teamRef: {name: everyone}, rules: [{name: vip, when: 'ticket.subjct == \"x\"', queueRef: {name: inbox}}]}"),
			"routing/cel", "Accepted", "subjct"),
	)

	It("drains nothing when it is a typo in what runs", func() {
		t.desk("ticket", "open", "--subject", "Hello", "--channel", "Email", "--customer", "ann")
		before, err := t.tickets("Waiting")
		Expect(err).NotTo(HaveOccurred())
		t.must("patch", "queue/inbox", "--type=merge", "-p", `{"spec":{"tierRef":{"name":"no-such-tier"}}}`)
		Eventually(t.condition("queue/inbox", "ResolvedRefs")).Should(And(HavePrefix("False RefNotFound"), ContainSubstring("no-such-tier")))
		after, err := t.tickets("Waiting")
		Expect(err).NotTo(HaveOccurred())
		Expect(after.Items).To(HaveExactElements(HaveField("Queue", before.Items[0].Queue)))
	})
})
