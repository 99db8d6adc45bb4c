package e2e

import (
	"fmt"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

// nights is a rotation of ada alone in the zone, with turns from the time of day on.
func nights(zone, handOff, member string) string {
	return object("OnCallRotation", "nights", fmt.Sprintf(`{teamRef: {name: everyone}, coverage: {type: Always}, layers: [{
  name: first, timeZone: %s, startDate: "2026-01-01", handOff: {time: "%s"}, turn: {every: 1, unit: Day}, members: [%s]}]}`, zone, handOff, member))
}

// swap is an override of nights for an hour of tomorrow.
func swap(name, replaces, agent string) string {
	start := tomorrow().Add(9 * time.Hour)
	return object("OnCallOverride", name, fmt.Sprintf(`{rotationRef: {name: nights}, replacesAgentRef: {name: %s}, agentRef: {name: %s}, startTime: "%s", endTime: "%s"}`,
		replaces, agent, start.Format(time.RFC3339), start.Add(time.Hour).Format(time.RFC3339)))
}

func tomorrow() time.Time { return time.Now().UTC().Truncate(24*time.Hour).AddDate(0, 0, 1) }

const ada = "{agentRef: {name: ada}}"

var _ = Describe("What will go wrong", Ordered, func() {
	var t tenant
	opened := 0

	BeforeAll(func(ctx SpecContext) {
		t = newTenant(ctx)
		t.sample("flat")
		for _, agent := range []string{"ada", "ben", "cem", "dia"} {
			t.desk("agent", "presence", agent, "Available")
		}
	})

	DescribeTable("is told by a condition and by lint, and the rest of the desk goes on",
		func(object, condition, begins, field, says string, manifests ...string) {
			manifest := strings.Join(manifests, "---\n")
			_, err := t.apply(manifest)
			Expect(err).NotTo(HaveOccurred())
			Eventually(t.condition(object, condition)).Should(And(HavePrefix(begins), ContainSubstring(field+": "), MatchRegexp(says)))

			lint, _ := output(manifest, binary, "lint", "--strict", "../../config/samples/flat", "-")
			Expect(strings.Split(lint, "\n")).To(ContainElement(And(ContainSubstring(" "+object+" "+field+": "), MatchRegexp(says))))

			t.desk("ticket", "open", "--subject", "Meanwhile", "--channel", "Email", "--customer", "ann")
			opened++
			Eventually(func() (string, error) { return t.caseload("ticket", "show", fmt.Sprint(opened)) }).Should(ContainSubstring("Offered"))
			_, err = output(manifest, "kubectl", "-n", t.namespace, "delete", "-f", "-")
			Expect(err).NotTo(HaveOccurred())
		},
		Entry("a rotation whose only member leaves", "OnCallRotation/nights", "CoverageGap", "True CoverageGap", "spec.coverage",
			"nobody will be on call from "+tomorrow().AddDate(0, 0, 2).Format("Mon 2006-01-02 15:04 MST")+" on",
			nights("UTC", "09:00", `{agentRef: {name: ada}, until: "`+tomorrow().AddDate(0, 0, 2).Format(time.DateOnly)+`"}`)),
		Entry("an escalation nobody can receive", "EscalationPolicy/deaf", "Accepted", "True", "spec.steps",
			"nobody can receive it: Agent/ada has no contact, .* its steps are skipped one after the other at once",
			object("EscalationPolicy", "deaf", `{triggers: [{type: Unassigned, after: 20m}], steps: [
  {name: ada, after: 0s, actions: [{type: NotifyAgent, agentRef: {name: ada}}]},
  {name: on-call, after: 15m, actions: [{type: NotifyOnCall, rotationRef: {name: nights}}]}]}`), nights("UTC", "09:00", ada)),
		Entry("overrides that overlap", "OnCallOverride/swap-b", "Accepted", "False Duplicate", "spec.startTime",
			"overlaps OnCallOverride/swap-a, by which ben already covers ada from "+tomorrow().Format("Mon 2006-01-02")+" 09:00 UTC",
			nights("UTC", "09:00", ada), swap("swap-a", "ada", "ben"), swap("swap-b", "ada", "cem")),
		Entry("an override that covers no duty", "OnCallOverride/idle", "Accepted", "True", "spec.startTime",
			"Agent/ben never is on call in OnCallRotation/nights from .*, so the override changes nothing",
			nights("UTC", "09:00", ada), swap("idle", "ben", "cem")),
		Entry("overflows in a circle", "Queue/second", "Accepted", "False CircularReference", "spec.overflow.queueRef.name",
			"overflows in a circle: second -> third -> second",
			object("Queue", "second", "{tierRef: {name: everyone}, overflow: {queueRef: {name: third}, after: 5m}}"),
			object("Queue", "third", "{tierRef: {name: everyone}, overflow: {queueRef: {name: second}, after: 5m}}")),
		Entry("a relaxation that tightens", "Queue/strict", "Accepted", "True", "spec.relaxation[0].requirements",
			"asks more than the stage before: skill japanese at level 3.* from 5m in the queue on fewer agents are asked",
			object("Queue", "strict", "{tierRef: {name: everyone}, relaxation: [{after: 5m, requirements: {skills: [{name: japanese, minLevel: 3}]}}]}")),
		Entry("a calendar with no open hours", "BusinessCalendar/never", "Accepted", "False NoOpenHours", "spec.hours",
			"no open hours, so nothing would ever be due",
			object("BusinessCalendar", "never", "{timeZone: UTC}")),
		Entry("a zone that does not exist", "OnCallRotation/nights", "Accepted", "False UnknownTimeZone", "spec.layers[0].timeZone",
			`there is no time zone "Europe/Berlino"`,
			nights("Europe/Berlino", "09:00", ada)),
		Entry("a hand-off at 02:30, which clocks skip or show twice", "OnCallRotation/nights", "Accepted", "True", "spec.layers[0].handOff.time",
			"on ... 20..-..-.. clocks in Europe/Berlin (skip 02:30: the hand-off happens right after|show 02:30 twice: the hand-off happens at the first), at",
			nights("Europe/Berlin", "02:30", ada)),
	)
})
