package e2e

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/caseload-dev/caseload/internal/desk/api"
	"github.com/caseload-dev/caseload/internal/eventlog"
	"github.com/caseload-dev/caseload/test/checker"
)

var _ = Describe("The three-tier sample", Ordered, func() {
	var t tenant

	BeforeAll(func(ctx SpecContext) {
		t = newTenant(ctx)
		t.sample("three-tier")
	})

	It("runs a desk and queue workers that the restricted standard admits", func(ctx SpecContext) {
		Eventually(t.readyPods(ctx, "acme-desk")).Should(HaveLen(1))
		Eventually(t.readyPods(ctx, "frontline-worker")).Should(HaveLen(2))
		Eventually(t.readyPods(ctx, "specialists-worker")).Should(HaveLen(1))
	})

	It("answers the first question about each kind", func() {
		Expect(t.must("get", "tiers")).To(MatchRegexp(`(?m)^NAME +TEAM +LEVEL +AGENTS +WORKERS +DESIRED +READY`))
		Expect(t.must("get", "queues")).To(MatchRegexp(`(?m)^NAME +TIER +AGENTS +OFFERS +STRATEGY +STATE +READY`))
		Expect(t.must("get", "support")).To(ContainSubstring("routingpolicy.support.caseload.dev/customer-care"))
	})

	It("takes a ticket from intake to resolved, and tells why it went where it went", func() {
		t.desk("ticket", "open", "--subject", "Refund for invoice 7", "--channel", "Email", "--category", "refund", "--customer", "kim")
		list, err := t.tickets("Waiting")
		Expect(err).NotTo(HaveOccurred())
		Expect(list.Items).To(HaveLen(1))
		Expect(list.Items[0].Queue).To(Equal("billing"))
		Expect(t.desk("ticket", "show", "1")).To(ContainSubstring("customer-care/invoices"))

		t.desk("agent", "presence", "lee", "Available")
		Eventually(func() (string, error) { return t.caseload("ticket", "show", "1") }).Should(ContainSubstring("Offered"))
	})

	It("scales a tier's queue workers, to nothing and back, and loses nothing", func(ctx SpecContext) {
		t.must("scale", "tier/frontline", "--replicas=4")
		Eventually(t.readyPods(ctx, "frontline-worker")).Should(HaveLen(4))

		t.must("scale", "tier/frontline", "--replicas=0")
		Eventually(t.readyPods(ctx, "frontline-worker")).Should(BeEmpty())
		t.desk("ticket", "open", "--subject", "Is anybody there?", "--channel", "Email", "--customer", "ann")
		before, err := t.tickets()
		Expect(err).NotTo(HaveOccurred())

		t.must("scale", "tier/frontline", "--replicas=2")
		Eventually(t.readyPods(ctx, "frontline-worker")).Should(HaveLen(2))
		after, err := t.tickets()
		Expect(err).NotTo(HaveOccurred())
		Expect(after.Items).To(HaveLen(len(before.Items)))
	})

	It("lets an autoscaler have the replicas", func() {
		// Two replicas at least: no load is needed to see that the HPA and the manager agree.
		_, err := t.apply(`
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: specialists}
spec:
  scaleTargetRef: {apiVersion: support.caseload.dev/v1alpha1, kind: Tier, name: specialists}
  minReplicas: 3
  maxReplicas: 5
  metrics: [{type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 80}}}]
`)
		Expect(err).NotTo(HaveOccurred())
		replicas := func() string {
			return t.must("get", "deployment/specialists-worker", "-o", "jsonpath={.spec.replicas}")
		}
		Eventually(replicas).Should(Equal("3"))
		Consistently(replicas, "5s", "500ms").Should(Equal("3"))
		Expect(t.must("get", "tier/specialists", "-o", "jsonpath={.spec.replicas}")).To(Equal("3"))
	})

	It("shows itself to scripts", func() {
		overview, err := t.overview()
		Expect(err).NotTo(HaveOccurred())
		Expect(overview.HelpDesk).To(Equal("acme"))
		var names []string
		for _, queue := range overview.Queues {
			names = append(names, queue.Name)
		}
		Expect(names).To(ContainElements("general", "technical", "billing", "unrouted"))
		var list struct{ Items []json.RawMessage }
		Expect(json.Unmarshal([]byte(t.desk("ticket", "list", "-o", "json")), &list)).To(Succeed())
		Expect(strings.TrimSpace(t.desk("route", "-f", "testdata/outage.json"))).To(ContainSubstring("customer-care/enterprise-outage"))
	})
})

var _ = Describe("The follow-the-sun sample", func() {
	It("has somebody at work and on call whatever the hour", func(ctx SpecContext) {
		t := newTenant(ctx)
		t.sample("follow-the-sun")
		Expect(t.must("get", "oncall")).To(ContainSubstring("around-the-clock"))
		Expect(strings.Split(strings.TrimSpace(t.desk("oncall", "gaps")), "\n")).To(HaveLen(1), "nothing but the headings")

		agents := func(g Gomega) []api.Agent {
			var list api.AgentList
			g.Expect(json.Unmarshal([]byte(t.desk("agent", "list", "-o", "json")), &list)).To(Succeed())
			return list.Items
		}
		By("setting everybody Available: who has no working hours now is offered nothing")
		for _, agent := range []string{"aki", "ren", "yui", "amy", "ben", "zoe", "gus", "ivy", "lou"} {
			t.desk("agent", "presence", agent, "Available")
		}
		t.desk("ticket", "open", "--subject", "Good morning, somewhere", "--channel", "Email")
		Eventually(func(g Gomega) {
			list, err := t.tickets("Offered")
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(list.Items).To(HaveLen(1))
			for _, agent := range agents(g) {
				if agent.Name == list.Items[0].Agent {
					g.Expect(agent.Duty.On).To(BeTrue())
				}
			}
		}).Should(Succeed())

		By("having everybody work by the rotation: work goes to who is on call, also when that changes")
		for _, team := range []string{"tokyo", "london", "oakland"} {
			t.must("patch", "supportteam/"+team, "--type=merge", "-p", `{"spec":{"defaults":{"schedule":{"calendarRef":null,"rotationRef":{"name":"around-the-clock"}}}}}`)
		}
		given := func(subject, to string) {
			Eventually(func(g Gomega) {
				for _, agent := range agents(g) {
					g.Expect(agent.Duty.On).To(Equal(agent.Name == to), agent.Name)
				}
			}).Should(Succeed())
			t.desk("ticket", "open", "--subject", subject, "--channel", "Email")
			Eventually(func(g Gomega) {
				list, err := t.tickets("Offered")
				g.Expect(err).NotTo(HaveOccurred())
				g.Expect(list.Items).To(ContainElement(And(HaveField("Subject", subject), HaveField("Agent", to))))
			}).Should(Succeed())
		}
		onCall := func() string {
			var list api.OnCallList
			Expect(json.Unmarshal([]byte(t.desk("oncall", "who", "around-the-clock", "-o", "json")), &list)).To(Succeed())
			return list.Items[0].Current[0].Agent
		}
		first := onCall()
		given("For who is on call", first)
		cover := "aki"
		if first == cover {
			cover = "zoe"
		}
		hour := func(n time.Duration) string { return time.Now().Add(n * time.Hour).UTC().Format(time.RFC3339) }
		_, err := t.apply(object("OnCallOverride", "cover",
			fmt.Sprintf("{rotationRef: {name: around-the-clock}, agentRef: {name: %s}, startTime: %q, endTime: %q}", cover, hour(-1), hour(1))))
		Expect(err).NotTo(HaveOccurred())
		Eventually(onCall).Should(Equal(cover))
		given("For who stands in", cover)

		By("proving it from the log")
		Eventually(func(g Gomega) {
			now := time.Now()
			proof := checker.Check(t.log(g), now)
			g.Expect(proof.Violations).To(BeEmpty())
			g.Expect(proof.Decisions).To(BeNumerically(">=", 3))
		}).Should(Succeed())
		Expect(shiftsTold(t.records(Default))).To(ContainElements("oncall.ended "+first, "oncall.began "+cover))
	})
})

// shiftsTold are the records of shifts.
func shiftsTold(records []eventlog.Record) []string {
	var told []string
	for _, r := range records {
		if r.Type == eventlog.OnCallBegan || r.Type == eventlog.OnCallEnded {
			told = append(told, string(r.Type)+" "+r.Agent)
		}
	}
	return told
}

var _ = Describe("The example of the documentation", func() {
	const example = "../../docs/example.yaml"

	It("lints clean, is Ready as a whole, and goes again", func(ctx SpecContext) {
		_, err := output("", binary, "lint", "--strict", example)
		Expect(err).NotTo(HaveOccurred())

		t := newTenant(ctx)
		t.must("create", "secret", "generic", "acme-chat", "--from-literal=url=logger://")
		t.must("apply", "-f", example)
		t.ready()
		Expect(strings.Fields(t.must("get", "support", "-o", "jsonpath={.items[*].status.conditions[?(@.type=='Ready')].status}"))).
			To(HaveEach("True"), "also those that nobody waited for")

		t.must("delete", "-f", example, "--timeout="+deletion.String())
		Expect(t.must("get", "support", "-o", "name")).To(BeEmpty())
	})
})
