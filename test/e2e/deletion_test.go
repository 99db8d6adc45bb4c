package e2e

import (
	"os/exec"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/gexec"
)

var _ = Describe("Deletion", func() {
	var t tenant

	BeforeEach(func(ctx SpecContext) {
		t = newTenant(ctx)
		t.sample("three-tier")
		t.desk("ticket", "open", "--subject", "The editor crashes", "--channel", "Email", "--category", "technical", "--customer", "ann")
		t.desk("ticket", "open", "--subject", "Invoice 7", "--channel", "Email", "--category", "billing", "--customer", "kim")
	})

	// gone deletes and waits as a person does.
	gone := func(args ...string) {
		GinkgoHelper()
		session, err := gexec.Start(exec.Command("kubectl", append([]string{"delete", "--wait=true"}, args...)...), GinkgoWriter, GinkgoWriter)
		Expect(err).NotTo(HaveOccurred())
		Eventually(session, deletion).Should(gexec.Exit(0))
	}

	It("of a queue moves its tickets, and their history says why", func() {
		gone("-n", t.namespace, "queue", "billing")
		Eventually(func() (string, error) { return t.caseload("ticket", "show", "2") }).Should(
			And(ContainSubstring("technical"), ContainSubstring("billing")))
		list, err := t.tickets("Waiting")
		Expect(err).NotTo(HaveOccurred())
		Expect(list.Items).To(ContainElement(And(HaveField("ID", int64(2)), HaveField("Queue", "technical"))))
	})

	It("of a team with open tickets ends, and the tickets wait for somebody", func() {
		gone("-n", t.namespace, "supportteam", "product-engineering")
		gone("-n", t.namespace, "supportteam", "customer-care")
		Eventually(func(g Gomega) {
			list, err := t.tickets("Waiting")
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(list.Items).To(HaveEach(HaveField("Queue", "unrouted")))
			g.Expect(list.Items).To(HaveLen(2))
		}).Should(Succeed())
	})

	It("of the HelpDesk keeps its tickets for one of the same name", func(ctx SpecContext) {
		gone("-n", t.namespace, "helpdesk", "acme")
		Eventually(t.readyPods(ctx, "acme-desk")).Should(BeEmpty())
		t.must("apply", "-k", "../../config/samples/three-tier")
		t.ready()
		list, err := t.tickets()
		Expect(err).NotTo(HaveOccurred())
		Expect(list.Items).To(HaveLen(2))
	})

	It("of the namespace ends", func() {
		gone("namespace", t.namespace)
	})
})
