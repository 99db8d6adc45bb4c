package e2e

import (
	"encoding/json"
	"slices"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/caseload-dev/caseload/internal/eventlog"
	"github.com/caseload-dev/caseload/test/checker"
)

var _ = Describe("With every tier scaled to 0", Label("escalation"), func() {
	It("offers expire, breaches are recorded and pages arrive", func(ctx SpecContext) {
		if !onThisMachine() {
			Skip("the pods of another cluster do not reach the chat and mail servers of this test")
		}
		t, inbox := newTenant(ctx), receive(ctx)
		t.must("create", "secret", "generic", "notifiers", "--from-literal=chat="+inbox.chatURL(), "--from-literal=mail="+inbox.mailURL())
		t.must("apply", "-f", "testdata/escalation.yaml")
		_, err := t.apply(object("ServiceLevel", "fast", "{targets: [{priority: Low, firstResponse: 10s}]}"))
		Expect(err).NotTo(HaveOccurred())
		t.must("patch", "supportteam/care", "--type=merge", "-p", `{"spec":{"defaults":{"serviceLevelRef":{"name":"fast"}}}}`)
		t.must("patch", "queue/general", "--type=merge", "-p", `{"spec":{"offer":{"timeout":"30s"}}}`)
		t.ready()

		By("offering a ticket")
		t.desk("agent", "presence", "jo", "Available")
		t.desk("ticket", "open", "--subject", "Offered", "--channel", "Email", "--customer", "ann")
		Eventually(func() (string, error) { return t.caseload("ticket", "show", "1") }).Should(ContainSubstring("Offered"))
		t.must("scale", "tiers", "--all", "--replicas=0")
		Eventually(t.readyPods(ctx, "front-worker")).Should(BeEmpty())
		t.desk("ticket", "open", "--subject", "Nobody takes it", "--channel", "Email", "--customer", "ann")

		By("waiting for what the desk does alone")
		Expect(typesOf(t.records(NewWithT(GinkgoT())), 1)).NotTo(ContainElement(eventlog.OfferExpired), "the offer outlives the workers")
		Eventually(func(g Gomega) {
			records := t.records(g)
			g.Expect(typesOf(records, 1)).To(ContainElement(eventlog.OfferExpired))
			types := typesOf(records, 2)
			g.Expect(types).To(ContainElements(eventlog.AtRisk, eventlog.Breached, eventlog.Escalated))
			g.Expect(slices.Index(types, eventlog.AtRisk)).To(BeNumerically("<", slices.Index(types, eventlog.Breached)), "a warning comes first")
			for _, destination := range []string{"chat", "mail"} {
				g.Expect(pages(records, destination, 2)).To(ContainElement(BeKeyOf(inbox.keys(destination))), destination)
			}
		}, patience, "1s").Should(Succeed())
		Expect(t.desk("ticket", "show", "2")).To(MatchRegexp(`first response +due .* breached`))
		Expect(checker.Check(t.log(Default), time.Now().Add(-10*time.Second)).Violations).To(BeEmpty())
	})
})

// typesOf the records of a ticket, in order.
func typesOf(records []eventlog.Record, ticket int64) []eventlog.Type {
	var types []eventlog.Type
	for _, r := range records {
		if r.Ticket == ticket {
			types = append(types, r.Type)
		}
	}
	return types
}

// pages are the keys of the messages by which a ticket's escalation was to reach a destination.
func pages(records []eventlog.Record, destination string, ticket int64) []string {
	_, into := messages(records, destination)
	var keys []string
	for _, r := range records {
		var data eventlog.OutboxData
		if r.Type != eventlog.OutboxEnqueued || json.Unmarshal(r.Data, &data) != nil || data.Destination != destination || data.Ticket != ticket {
			continue
		}
		key := data.Key
		for into[key] != "" {
			key = into[key]
		}
		keys = append(keys, key)
	}
	return keys
}
