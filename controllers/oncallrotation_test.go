package controllers

import (
	"context"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	eventsv1 "k8s.io/api/events/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/caseload-dev/caseload/api/v1alpha1"
)

// midnight of today in UTC.
func midnight() time.Time { return time.Now().UTC().Truncate(24 * time.Hour) }

// rotation of agents by turns of four days, of which the first began two days ago.
func rotation(name, team string, agents ...string) *v1alpha1.OnCallRotation {
	layer := v1alpha1.OnCallLayer{
		Name: "first", TimeZone: "UTC", StartDate: v1alpha1.Date(midnight().AddDate(0, 0, -2).Format(time.DateOnly)), HandOff: v1alpha1.HandOff{Time: "00:00"},
		Turn: v1alpha1.Turn{Every: 4, Unit: v1alpha1.TurnDay}, Members: members(agents...), Duty: &v1alpha1.Duty{Type: v1alpha1.DutyAlways},
	}
	return &v1alpha1.OnCallRotation{ObjectMeta: named(name), Spec: v1alpha1.OnCallRotationSpec{
		TeamRef: v1alpha1.SupportTeamReference{Name: v1alpha1.ObjectName(team)}, Layers: []v1alpha1.OnCallLayer{layer},
		Coverage: &v1alpha1.Coverage{Type: v1alpha1.CoverageAlways},
	}}
}

func members(agents ...string) []v1alpha1.OnCallMember {
	all := make([]v1alpha1.OnCallMember, len(agents))
	for i, agent := range agents {
		all[i].AgentRef.Name = v1alpha1.ObjectName(agent)
	}
	return all
}

func override(name, rotation, agent, replaces string, start, end time.Time) *v1alpha1.OnCallOverride {
	return &v1alpha1.OnCallOverride{ObjectMeta: named(name), Spec: v1alpha1.OnCallOverrideSpec{
		RotationRef: v1alpha1.OnCallRotationReference{Name: v1alpha1.ObjectName(rotation)}, AgentRef: v1alpha1.AgentReference{Name: v1alpha1.ObjectName(agent)},
		ReplacesAgentRef: &v1alpha1.AgentReference{Name: v1alpha1.ObjectName(replaces)}, StartTime: metav1.NewTime(start), EndTime: metav1.NewTime(end),
	}}
}

// duties of a rotation: who is on call until when, and who is next.
func (t *tenant) duties(name string) string {
	GinkgoHelper()
	status := get[v1alpha1.OnCallRotation](t, name).Status
	var told []string
	for _, s := range status.Current {
		told = append(told, s.Agent+" until "+s.EndTime.UTC().Format(time.RFC3339))
	}
	if status.Next != nil {
		told = append(told, "then "+status.Next.Agent)
	}
	return strings.Join(told, ", ")
}

// revisions that are kept of a rotation.
func (t *tenant) revisions() int {
	GinkgoHelper()
	var list appsv1.ControllerRevisionList
	Expect(k8s.List(context.Background(), &list, client.InNamespace(t.namespace))).To(Succeed())
	return len(list.Items)
}

// told are the events of a reason.
func (t *tenant) told(reason string) func() []string {
	return func() []string {
		var list eventsv1.EventList
		Expect(k8s.List(context.Background(), &list, client.InNamespace(t.namespace))).To(Succeed())
		var notes []string
		for _, e := range list.Items {
			if e.Reason == reason {
				notes = append(notes, e.Note)
			}
		}
		return notes
	}
}

// rests waits until the operator writes nothing any more.
func (t *tenant) rests() {
	GinkgoHelper()
	Eventually(func() []string { defer t.writes.reset(); return t.writes.all() }).WithPolling(time.Second).Should(BeEmpty())
}

var _ = Describe("A rotation", func() {
	handOff := func() time.Time { return midnight().AddDate(0, 0, 2) }
	jo := func(then string) string { return "jo until " + handOff().Format(time.RFC3339) + ", then " + then }
	settled := func() *tenant {
		t := newTenant()
		t.apply(organisation()...)
		nights := rotation("nights", "care", "jo", "sam")
		t.apply(nights)
		t.settles(nights)
		Eventually(t.duties).WithArguments("nights").Should(Equal(jo("sam")))
		return t
	}

	It("tells who is on call, is left in peace, and keeps one revision", func() {
		t := settled()
		t.rests()
		Expect(t.revisions()).To(Equal(1))
		By("applying the same again, as GitOps tools do")
		nights := rotation("nights", "care", "jo", "sam")
		nights.Namespace = t.namespace
		nights.TypeMeta = metav1.TypeMeta{APIVersion: v1alpha1.GroupVersion.String(), Kind: "OnCallRotation"}
		Expect(k8s.Patch(context.Background(), nights, client.Apply, client.FieldOwner("argocd"), client.ForceOwnership)).To(Succeed()) //nolint:staticcheck // As such tools send it.
		Consistently(t.writes.all, quiet).Should(BeEmpty(), "settled")
		t.restart()
		Consistently(t.writes.all, quiet).Should(BeEmpty(), "after a restart")
	})

	It("keeps who is on call through every edit until the hand-off, and tells of each before", func() {
		t := settled()
		for _, edit := range []struct {
			what string
			edit func(*v1alpha1.OnCallLayer)
			then string
		}{
			{"a member in front", func(l *v1alpha1.OnCallLayer) { l.Members = members("mara", "jo", "sam") }, "sam"},
			{"another order", func(l *v1alpha1.OnCallLayer) { l.Members = members("sam", "jo", "mara") }, "mara"},
			{"who is on call removed", func(l *v1alpha1.OnCallLayer) { l.Members = members("mara", "sam") }, "mara"},
			{"another hand-off", func(l *v1alpha1.OnCallLayer) { l.HandOff.Time = "07:30" }, "mara"},
			{"other turns", func(l *v1alpha1.OnCallLayer) {
				l.Turn, l.Members = v1alpha1.Turn{Every: 1, Unit: v1alpha1.TurnHour}, members("mara", "jo", "sam")
			}, "sam"},
		} {
			By(edit.what)
			change(t, "nights", func(r *v1alpha1.OnCallRotation) { edit.edit(&r.Spec.Layers[0]) })
			nights := get[v1alpha1.OnCallRotation](t, "nights")
			t.settles(nights)
			Eventually(t.duties).WithArguments("nights").Should(Equal(jo(edit.then)))
			Consistently(t.duties, time.Second).WithArguments("nights").Should(HavePrefix("jo until " + handOff().Format(time.RFC3339)))
			Expect(t.revisions()).To(Equal(2), "what is in force and what is to come")
			Eventually(t.told(v1alpha1.ReasonEditPending)).Should(ContainElement(And(
				ContainSubstring("takes effect on "+handOff().Format("Mon 2006-01-02 15:04")), ContainSubstring("passes to "+edit.then))))
		}

		By("taking all of it back")
		change(t, "nights", func(r *v1alpha1.OnCallRotation) { r.Spec.Layers = rotation("nights", "care", "jo", "sam").Spec.Layers })
		Eventually(t.duties).WithArguments("nights").Should(Equal(jo("sam")))
		Eventually(t.revisions).Should(Equal(1))
		Eventually(t.told(v1alpha1.ReasonEditTakenBack)).Should(ContainElement(And(
			ContainSubstring("layer first stays as it is"), ContainSubstring("take effect on "+handOff().Format("Mon 2006-01-02 15:04")))))

		By("an edit, and the hand-off")
		change(t, "nights", func(r *v1alpha1.OnCallRotation) { r.Spec.Layers[0].Members = members("jo", "mara", "sam") })
		Eventually(t.duties).WithArguments("nights").Should(Equal(jo("mara")))
		t.rests()
		t.stop()
		t.options.Clock = clocktesting.NewFakePassiveClock(handOff().Add(time.Hour))
		t.start()
		Eventually(t.duties).WithArguments("nights").Should(Equal("mara until " + handOff().AddDate(0, 0, 4).Format(time.RFC3339) + ", then sam"))
		Eventually(t.revisions).Should(Equal(1))
	})

	It("tells of each layer when several are edited together", func() {
		t := newTenant()
		t.apply(organisation()...)
		nights := rotation("nights", "care", "jo", "sam")
		nights.Spec.Layers = append(nights.Spec.Layers, *nights.Spec.Layers[0].DeepCopy())
		nights.Spec.Layers[1].Name = "second"
		t.apply(nights)
		t.settles(nights)
		change(t, "nights", func(r *v1alpha1.OnCallRotation) {
			for i := range r.Spec.Layers {
				r.Spec.Layers[i].Members = members("sam", "jo", "mara")
			}
		})
		Eventually(t.told(v1alpha1.ReasonEditPending)).Should(ConsistOf(
			ContainSubstring("the edit of layer first takes effect on"), ContainSubstring("the edit of layer second takes effect on")))
	})

	It("takes an edit at once where it is told to, and goes on with who is a member still", func() {
		t := settled()
		change(t, "nights", func(r *v1alpha1.OnCallRotation) {
			r.Spec.Rollout, r.Spec.Layers[0].Members = v1alpha1.RolloutImmediate, members("sam", "mara", "jo")
		})
		Eventually(t.told(v1alpha1.ReasonEditInEffect)).Should(ContainElement(ContainSubstring("takes effect at once, with the turn of jo")))
		change(t, "nights", func(r *v1alpha1.OnCallRotation) { r.Spec.Layers[0].Members = members("mara", "sam") })
		Eventually(t.duties).WithArguments("nights").Should(HavePrefix("mara until " + handOff().Format(time.RFC3339)))
	})

	It("passes the turn on when the agent is gone, and warns of the gap that the last one leaves", func() {
		t := settled()
		remove[v1alpha1.Agent](t, "jo")
		Eventually(t.duties).WithArguments("nights").Should(HavePrefix("sam until " + handOff().Format(time.RFC3339)))
		t.says(get[v1alpha1.OnCallRotation](t, "nights"), v1alpha1.ConditionResolvedRefs, "False", v1alpha1.ReasonRefNotFound, "Agent/jo does not exist")

		leaves := midnight().AddDate(0, 0, 10)
		change(t, "nights", func(r *v1alpha1.OnCallRotation) {
			r.Spec.Layers[0].Members = members("sam")
			r.Spec.Layers[0].Members[0].Until = v1alpha1.Date(leaves.Format(time.DateOnly))
		})
		nights := get[v1alpha1.OnCallRotation](t, "nights")
		t.says(nights, v1alpha1.ConditionCoverageGap, "True", v1alpha1.ReasonCoverageGap, "nobody will be on call from "+leaves.Format("Mon 2006-01-02 15:04 MST")+" on")
		t.settles(nights)
		Eventually(func() string {
			if gap := get[v1alpha1.OnCallRotation](t, "nights").Status.FirstGap; gap != nil {
				return gap.StartTime.UTC().Format(time.RFC3339)
			}
			return ""
		}).Should(Equal(leaves.Format(time.RFC3339)))
		Eventually(t.told(v1alpha1.ReasonCoverageGap)).ShouldNot(BeEmpty())

		change(t, "nights", func(r *v1alpha1.OnCallRotation) { r.Spec.Layers[0].Members = members("sam") })
		Eventually(func() *metav1.Condition {
			return meta.FindStatusCondition(get[v1alpha1.OnCallRotation](t, "nights").Status.Conditions, v1alpha1.ConditionCoverageGap)
		}).Should(BeNil())
	})

	It("lets an override substitute duty, tells the second of two that overlap, and one that covers none", func() {
		t := settled()
		first := override("first", "nights", "mara", "jo", midnight().AddDate(0, 0, -1), midnight().AddDate(0, 0, 1))
		t.apply(first)
		t.settles(first)
		Eventually(t.duties).WithArguments("nights").Should(Equal("mara until " + midnight().AddDate(0, 0, 1).Format(time.RFC3339) + ", then jo"))
		Expect(get[v1alpha1.OnCallRotation](t, "nights").Status.Current[0].Replaces).To(Equal("jo"))

		second := override("second", "nights", "sam", "jo", midnight(), handOff())
		t.apply(second)
		t.says(second, v1alpha1.ConditionAccepted, "False", v1alpha1.ReasonDuplicate, "overlaps OnCallOverride/first, by which mara already covers jo")
		idle := override("idle", "nights", "mara", "sam", midnight(), handOff())
		t.apply(idle)
		t.says(idle, v1alpha1.ConditionAccepted, "True", v1alpha1.ReasonAccepted, "Agent/sam never is on call in OnCallRotation/nights")

		remove[v1alpha1.OnCallOverride](t, "first")
		t.settles(second)
		Eventually(t.duties).WithArguments("nights").Should(HavePrefix("sam until " + handOff().Format(time.RFC3339)))
	})
})
