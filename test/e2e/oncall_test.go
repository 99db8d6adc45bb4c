package e2e

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	eventsv1 "k8s.io/api/events/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/caseload-dev/caseload/api/v1alpha1"
	"github.com/caseload-dev/caseload/internal/desk/api"
)

// handOffTime is half a day away, so that no hand-off happens during the test but those it makes.
var handOffTime = time.Now().UTC().Add(12 * time.Hour).Truncate(time.Hour)

// turns is the rotation with turns of a day.
func turns(handOff time.Time, members ...string) string {
	listed := make([]string, len(members))
	for i, name := range members {
		listed[i] = "{agentRef: {name: " + name + "}}"
	}
	return object("OnCallRotation", "nights", fmt.Sprintf(`{teamRef: {name: care}, coverage: {type: Always}, layers: [{
  name: first, timeZone: UTC, startDate: "2026-01-01", handOff: {time: "%s"}, turn: {every: 1, unit: Day}, members: [%s]}]}`,
		handOff.Format("15:04"), strings.Join(listed, ", ")))
}

// covering is an override of the rotation.
func covering(name, agent string, start, end time.Time) string {
	return object("OnCallOverride", name, fmt.Sprintf(`{rotationRef: {name: nights}, agentRef: {name: %s}, startTime: "%s", endTime: "%s"}`,
		agent, start.Format(time.RFC3339), end.Format(time.RFC3339)))
}

// rotation as the cluster has it.
func (t tenant) rotation(ctx SpecContext) *v1alpha1.OnCallRotation {
	GinkgoHelper()
	rotation := &v1alpha1.OnCallRotation{}
	Expect(k8s.Get(ctx, client.ObjectKey{Namespace: t.namespace, Name: "nights"}, rotation)).To(Succeed())
	return rotation
}

// onCall as the desk has it.
func (t tenant) onCall(g Gomega, args ...string) api.OnCall {
	text, err := t.caseload(append([]string{"oncall"}, append(args, "nights", "-o", "json")...)...)
	g.Expect(err).NotTo(HaveOccurred())
	var list api.OnCallList
	g.Expect(json.Unmarshal([]byte(text), &list)).To(Succeed())
	g.Expect(list.Items).To(HaveLen(1))
	return list.Items[0]
}

// edits that events tell of the rotation.
func (t tenant) edits(ctx SpecContext) func() []string {
	return func() []string {
		var list eventsv1.EventList
		Expect(k8s.List(ctx, &list, client.InNamespace(t.namespace))).To(Succeed())
		var notes []string
		for _, e := range list.Items {
			if e.Regarding.Kind == "OnCallRotation" && strings.HasPrefix(e.Reason, "Edit") {
				notes = append(notes, e.Reason+": "+e.Note)
			}
		}
		return notes
	}
}

var _ = Describe("On call", Ordered, func() {
	var t tenant
	// Who has the turn when the test begins, and the two who follow.
	var current, second, third string

	BeforeAll(func(ctx SpecContext) {
		t = newTenant(ctx)
		t.must("apply", "-f", "testdata/oncall.yaml")
		_, err := t.apply(turns(handOffTime, "ana", "bo", "cy"))
		Expect(err).NotTo(HaveOccurred())
		t.ready()
	})

	It("is told who, until when, who is next, and the first gap", func(ctx SpecContext) {
		Eventually(func() string { return t.must("get", "oncall") }).Should(MatchRegexp(
			`(?m)^NAME +ON CALL +UNTIL +NEXT +FROM +FIRST GAP +READY.*\nnights +(ana|bo|cy) +` + handOffTime.Format(time.RFC3339) + ` +(ana|bo|cy) +` + handOffTime.Format(time.RFC3339)))
		members := []string{"ana", "bo", "cy"}
		current = t.rotation(ctx).Status.Current[0].Agent
		i := slices.Index(members, current)
		second, third = members[(i+1)%3], members[(i+2)%3]
		Expect(t.rotation(ctx).Status.Next.Agent).To(Equal(second))
		on := t.onCall(Default, "who")
		Expect(on.Current).To(HaveExactElements(HaveField("Agent", current)))
		Expect(on.Next.Agent).To(Equal(second))
	})

	It("stays as it is through edits, whose coming effect is told", func(ctx SpecContext) {
		for i, edit := range []struct {
			what    string
			handOff time.Time
			members []string
			next    string
		}{
			{"add a member", handOffTime, []string{current, "dee", second, third}, "dee"},
			{"remove another", handOffTime, []string{current, second, third}, second},
			{"reorder", handOffTime, []string{third, second, current}, third},
			{"change the hand-off", handOffTime.Add(3 * time.Hour), []string{third, second, current}, third},
		} {
			By(edit.what)
			_, err := t.apply(turns(edit.handOff, edit.members...))
			Expect(err).NotTo(HaveOccurred())
			if edit.what == "remove another" && current == "ana" {
				// It is as it was: the edit was taken back.
				Eventually(t.edits(ctx)).Should(ContainElement(HavePrefix("EditTakenBack: layer first stays as it is")))
			} else {
				Eventually(func() int { return len(t.edits(ctx)()) }).Should(BeNumerically(">", i))
				Expect(t.edits(ctx)()).To(ContainElement(fmt.Sprintf(
					"EditPending: the edit of layer first takes effect on %s, when the current turn ends and passes to %s; until then nothing changes",
					handOffTime.Format("Mon 2006-01-02 15:04 MST"), edit.next)))
			}
			Eventually(func(g Gomega) {
				shifts := t.onCall(g, "shifts").Shifts
				g.Expect(len(shifts)).To(BeNumerically(">", 2))
				g.Expect(shifts[0].Agent).To(Equal(current))
				g.Expect(shifts[0].End).To(BeTemporally("==", handOffTime))
				g.Expect(shifts[1].Agent).To(Equal(edit.next))
				g.Expect(t.onCall(g, "who").Current).To(HaveExactElements(HaveField("Agent", current)))
				status := t.rotation(ctx).Status
				g.Expect(status.Current).To(HaveExactElements(HaveField("Agent", current)))
				g.Expect(status.Next.Agent).To(Equal(edit.next))
			}).Should(Succeed())
		}
	})

	It("is left alone when the same is applied again", func(ctx SpecContext) {
		t.ready()
		before, told := t.rotation(ctx), t.edits(ctx)()
		revisions := t.must("get", "controllerrevisions", "-o", "name")
		for range 2 {
			_, err := t.apply(turns(handOffTime.Add(3*time.Hour), third, second, current))
			Expect(err).NotTo(HaveOccurred())
		}
		Consistently(func() string { return t.rotation(ctx).ResourceVersion }, "5s").Should(Equal(before.ResourceVersion))
		Expect(t.edits(ctx)()).To(ConsistOf(told))
		Expect(t.must("get", "controllerrevisions", "-o", "name")).To(Equal(revisions))
	})

	It("hands over to an override and back, tells the second that it overlaps, and keeps the past", func(ctx SpecContext) {
		start := time.Now().UTC().Truncate(time.Second).Add(5 * time.Second)
		end := start.Add(5 * time.Second)
		_, err := t.apply(covering("illness", "dee", start, end))
		Expect(err).NotTo(HaveOccurred())
		_, err = t.apply(covering("too", third, start, end.Add(time.Hour)))
		Expect(err).NotTo(HaveOccurred())
		Eventually(t.condition("oncalloverride/too", "Accepted")).Should(And(HavePrefix("False Duplicate"), ContainSubstring("overlaps OnCallOverride/illness, by which dee already covers whoever is on call")))
		t.must("delete", "oncalloverride/too")
		// As it was: dee in the place of the one with the turn.
		past := func(g Gomega) {
			on := t.onCall(g, "shifts", "--from", start.Add(-time.Second).Format(time.RFC3339), "--to", end.Add(time.Second).Format(time.RFC3339))
			g.Expect(on.RecordedTo).To(BeTemporally(">=", end))
			var told []string
			for _, s := range on.Shifts {
				told = append(told, s.Agent+"/"+s.Replaces)
			}
			g.Expect(told).To(Equal([]string{current + "/", "dee/" + current, current + "/"}))
			g.Expect(on.Shifts[1].Start).To(BeTemporally("==", start))
			g.Expect(on.Shifts[1].End).To(BeTemporally("==", end))
		}
		Eventually(past).Should(Succeed())

		By("deleting the override and the agents")
		t.must("delete", "oncalloverride/illness", "agent/dee")
		Eventually(func() (string, error) { return t.caseload("agent", "list") }).ShouldNot(ContainSubstring("dee"))
		past(Default)
	})

	It("passes on at once when the agent leaves", func(ctx SpecContext) {
		t.must("delete", "agent/"+current)
		Eventually(func(g Gomega) {
			status := t.rotation(ctx).Status
			g.Expect(status.Current).To(HaveExactElements(HaveField("Agent", Not(Equal(current)))))
			g.Expect(t.onCall(g, "who").Current).To(HaveExactElements(HaveField("Agent", status.Current[0].Agent)))
		}).Should(Succeed())
		Expect(t.condition("oncallrotation/nights", "ResolvedRefs")()).To(And(HavePrefix("False RefNotFound"), ContainSubstring("Agent/"+current+" does not exist")))
	})
})
