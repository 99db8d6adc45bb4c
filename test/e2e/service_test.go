package e2e

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/caseload-dev/caseload/internal/desk/api"
	"github.com/caseload-dev/caseload/internal/eventlog"
	"github.com/caseload-dev/caseload/internal/ticket"
	"github.com/caseload-dev/caseload/test/checker"
)

// history of a ticket.
func (t tenant) history(g Gomega, id string) *api.TicketHistory {
	text, err := t.caseload("ticket", "show", id, "-o", "json")
	g.Expect(err).NotTo(HaveOccurred())
	history := &api.TicketHistory{}
	g.Expect(json.Unmarshal([]byte(text), history)).To(Succeed())
	return history
}

var _ = Describe("The due time of a ticket", func() {
	It("moves by its pauses, follows its service level and says why", func(ctx SpecContext) {
		t := newTenant(ctx)
		t.sample("flat")
		within := func(resolution string) {
			GinkgoHelper()
			_, err := t.apply(object("ServiceLevel", "fast", "{targets: [{priority: Low, resolution: "+resolution+"}]}"))
			Expect(err).NotTo(HaveOccurred())
		}
		within("1h")
		t.must("patch", "supportteam/everyone", "--type=merge", "-p", `{"spec":{"defaults":{"serviceLevelRef":{"name":"fast"}}}}`)
		t.ready()
		resolution := func(g Gomega) *ticket.Clock {
			clock := t.history(g, "1").Ticket.Service.Clock(ticket.Resolution)
			g.Expect(clock).NotTo(BeNil())
			return clock
		}

		By("having somebody work on it")
		t.desk("agent", "presence", "ada", "Available")
		t.desk("ticket", "open", "--subject", "Wrong change", "--channel", "Email", "--customer", "ann")
		Eventually(func() (string, error) { return t.caseload("ticket", "show", "1") }).Should(ContainSubstring("Offered"))
		t.desk("ticket", "accept", "1", "--as-agent", "ada")
		due := resolution(Default).Due
		Expect(due).To(BeTemporally("==", t.history(Default, "1").Ticket.OpenedAt.Add(time.Hour)))

		for _, pause := range []struct {
			verb string
			as   eventlog.Type
		}{{"pend", eventlog.Pended}, {"hold", eventlog.Held}} {
			By("putting it off: " + pause.verb)
			t.desk("ticket", pause.verb, "1", "--as-agent", "ada")
			Expect(resolution(Default)).To(And(HaveField("State", ticket.ClockPaused), HaveField("Due", BeZero())))
			Expect(t.desk("ticket", "show", "1")).To(MatchRegexp(`resolution +paused, .*s used of 1h0m0s`))
			t.desk("ticket", "resume", "1", "--as-agent", "ada")
			records := t.history(Default, "1").Records
			last := len(records) - 1
			Expect(records[last-1].Type).To(Equal(pause.as))
			Expect(records[last].Type).To(Equal(eventlog.Resumed))
			due = due.Add(records[last].At.Sub(records[last-1].At))
			Expect(resolution(Default).Due).To(BeTemporally("==", due))
		}

		By("giving its service level another target")
		within("2h")
		due = due.Add(time.Hour)
		Eventually(func(g Gomega) {
			g.Expect(resolution(g).Due).To(BeTemporally("==", due))
			g.Expect(t.caseload("ticket", "show", "1")).To(And(
				MatchRegexp(`service level fast of plan revision \d+`),
				ContainSubstring("resolution is due at "+due.Local().Format(time.DateTime))))
		}).Should(Succeed())

		By("giving it one that is past")
		within("1s")
		Eventually(func(g Gomega) {
			types := typesOf(t.history(g, "1").Records, 1)
			g.Expect(types).To(ContainElement(eventlog.Breached))
			g.Expect(slices.Contains(types, eventlog.AtRisk)).To(BeFalse(), "there was no time to warn")
		}).Should(Succeed())
		Expect(t.desk("ticket", "show", "1")).To(MatchRegexp(fmt.Sprintf(`resolution +due %s .* breached`, due.Add(time.Second-2*time.Hour).Local().Format(time.DateTime))))

		proof := checker.Check(t.log(Default), time.Now().Add(-10*time.Second))
		Expect(proof.Violations).To(BeEmpty())
		Expect(proof.Timers).To(HaveKeyWithValue("ResolutionBreach", 1))
	})
})
