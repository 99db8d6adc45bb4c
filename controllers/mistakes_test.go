package controllers

import (
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/caseload-dev/caseload/api/v1alpha1"
)

var _ = Describe("A mistake", func() {
	It("in a reference to an owner is told at each object it concerns, and heals when the owner comes", func() {
		t := newTenant()
		t.apply(helpDesk("acme"), tier("frontline", "care", 1), queue("general", "frontline"), agent("jo", "care", "1"))
		t.says(get[v1alpha1.Tier](t, "frontline"), v1alpha1.ConditionResolvedRefs, "False", v1alpha1.ReasonRefNotFound,
			"SupportTeam/care does not exist in this namespace")
		t.says(get[v1alpha1.Queue](t, "general"), v1alpha1.ConditionReady, "False", v1alpha1.ReasonNotAccepted,
			"Tier/frontline has a problem that keeps it out of the plan")
		t.says(get[v1alpha1.Queue](t, "general"), v1alpha1.ConditionReconciling, "True", v1alpha1.ReasonNotAccepted, "")
		t.says(get[v1alpha1.Agent](t, "jo"), v1alpha1.ConditionReady, "False", v1alpha1.ReasonRefNotFound, "care")
		t.says(get[v1alpha1.HelpDesk](t, "acme"), v1alpha1.ConditionResolvedRefs, "False", v1alpha1.ReasonRefNotFound, "care")

		t.apply(team("care", "acme"))
		t.settles(get[v1alpha1.HelpDesk](t, "acme"), get[v1alpha1.Tier](t, "frontline"),
			get[v1alpha1.Queue](t, "general"), get[v1alpha1.Agent](t, "jo"))
	})

	It("in a missing HelpDesk is told without one", func() {
		t := newTenant()
		t.apply(team("care", "acme"))
		t.says(get[v1alpha1.SupportTeam](t, "care"), v1alpha1.ConditionResolvedRefs, "False", v1alpha1.ReasonRefNotFound,
			"HelpDesk/acme does not exist in this namespace")
		t.apply(helpDesk("acme"))
		t.settles(get[v1alpha1.SupportTeam](t, "care"))
	})

	It("in what runs changes nothing that runs, and is told with what to do", func() {
		t := newTenant()
		objects := organisation()
		t.apply(objects...)
		t.settles(objects...)
		revision, entries := t.planOf("acme")

		By("a typo in a queue's tier")
		change(t, "billing", func(q *v1alpha1.Queue) { q.Spec.TierRef.Name = "specialist" })
		billing := get[v1alpha1.Queue](t, "billing")
		t.says(billing, v1alpha1.ConditionResolvedRefs, "False", v1alpha1.ReasonRefNotFound, "specialist")
		t.says(billing, v1alpha1.ConditionProgrammed, "False", v1alpha1.ReasonNotAccepted, "goes on with the last accepted content")

		By("a rule that does not compile")
		change(t, "care", func(p *v1alpha1.RoutingPolicy) { p.Spec.Rules[0].When = "ticket.subjct == 'x'" })
		care := get[v1alpha1.RoutingPolicy](t, "care")
		t.says(care, v1alpha1.ConditionAccepted, "False", v1alpha1.ReasonExpressionInvalid, "spec.rules[0].when")
		t.says(care, v1alpha1.ConditionStalled, "True", v1alpha1.ReasonExpressionInvalid, "subjct")

		By("the desk going on as before")
		now, kept := t.planOf("acme")
		Expect(now).To(Equal(revision))
		Expect(kept).To(Equal(entries))

		By("putting it right")
		change(t, "billing", func(q *v1alpha1.Queue) { q.Spec.TierRef.Name = "specialists" })
		change(t, "care", func(p *v1alpha1.RoutingPolicy) { p.Spec.Rules[0].When = "ticket.subject == 'x'" })
		t.settles(objects...)
	})

	It("in a calendar is told at the calendar, keeps nobody from work, and heals", func() {
		t := newTenant()
		office := &v1alpha1.BusinessCalendar{ObjectMeta: named("office"), Spec: v1alpha1.BusinessCalendarSpec{
			TimeZone: "Europe/Berln", Hours: []v1alpha1.WeeklyHours{{Days: []v1alpha1.Weekday{"Mon"}, From: "09:00", To: "17:00"}},
		}}
		objects := append(organisation(), office)
		objects[1].(*v1alpha1.SupportTeam).Spec.Defaults.Schedule = &v1alpha1.Schedule{
			CalendarRef: &v1alpha1.BusinessCalendarReference{Name: "office"},
		}
		t.apply(objects...)
		calendar := get[v1alpha1.BusinessCalendar](t, "office")
		t.says(calendar, v1alpha1.ConditionAccepted, "False", v1alpha1.ReasonUnknownTimeZone, `spec.timeZone: there is no time zone "Europe/Berln"`)
		t.says(calendar, v1alpha1.ConditionReady, "False", v1alpha1.ReasonUnknownTimeZone, "")
		t.settles(get[v1alpha1.Queue](t, "general"), get[v1alpha1.Agent](t, "jo"))

		change(t, "office", func(c *v1alpha1.BusinessCalendar) { c.Spec.TimeZone = "Europe/Berlin" })
		t.settles(objects...)
		_, entries := t.planOf("acme")

		By("taking its hours away")
		change(t, "office", func(c *v1alpha1.BusinessCalendar) { c.Spec.Hours = nil })
		t.says(calendar, v1alpha1.ConditionAccepted, "False", v1alpha1.ReasonNoOpenHours, "nothing would ever be due and nobody on duty")
		t.says(calendar, v1alpha1.ConditionProgrammed, "False", v1alpha1.ReasonNotAccepted, "goes on with the last accepted content")
		_, kept := t.planOf("acme")
		Expect(kept).To(Equal(entries))
	})

	It("that leaves work without people is told without holding anything up", func() {
		t := newTenant()
		objects := organisation()
		t.apply(objects...)
		t.settles(objects...)

		change(t, "specialists", func(tier *v1alpha1.Tier) {
			tier.Spec.AgentSelector = &metav1.LabelSelector{MatchLabels: map[string]string{"line": "none"}}
		})
		specialists := get[v1alpha1.Tier](t, "specialists")
		t.says(specialists, v1alpha1.ConditionStaffed, "False", v1alpha1.ReasonNoAgents, "")
		t.says(specialists, v1alpha1.ConditionReady, "True", v1alpha1.ReasonReady, "agent")

		change(t, "general", func(q *v1alpha1.Queue) {
			q.Spec.Requirements.Skills = []v1alpha1.SkillRequirement{{Name: "japanese", MinLevel: 4}}
		})
		t.says(get[v1alpha1.Queue](t, "general"), v1alpha1.ConditionStaffed, "False", v1alpha1.ReasonNobodyQualified, "japanese")

		By("hiring somebody")
		change(t, "jo", func(a *v1alpha1.Agent) { a.Spec.Skills = []v1alpha1.AgentSkill{{Name: "japanese", Level: 5}} })
		t.says(get[v1alpha1.Queue](t, "general"), v1alpha1.ConditionStaffed, "True", v1alpha1.ReasonStaffed, "")
	})

	It("of two HelpDesks' objects naming each other is told as that", func() {
		t := newTenant()
		objects := organisation()
		t.apply(objects...)
		other := helpDesk("zenith")
		other.Spec.DefaultTeamRef.Name = "core"
		t.apply(other, team("core", "zenith"), tier("core", "core", 3), queue("core", "core"), agent("zoe", "core", "3"))
		t.settles(objects...)
		t.settles(other)

		change(t, "care", func(team *v1alpha1.SupportTeam) { team.Spec.LeadRef = &v1alpha1.AgentReference{Name: "zoe"} })
		care := get[v1alpha1.SupportTeam](t, "care")
		t.says(care, v1alpha1.ConditionResolvedRefs, "False", v1alpha1.ReasonDifferentHelpDesk, "zoe")
		t.says(care, v1alpha1.ConditionStalled, "True", v1alpha1.ReasonDifferentHelpDesk, "zoe")
	})

	It("of the cluster's side, such as a volume that cannot shrink, is told and stops nothing", func() {
		t := newTenant()
		objects := organisation()
		t.apply(objects...)
		t.settles(objects...)
		change(t, "acme", func(h *v1alpha1.HelpDesk) { h.Spec.Storage.Embedded.Size.Set(1 << 30) })
		acme := get[v1alpha1.HelpDesk](t, "acme")
		t.says(acme, v1alpha1.ConditionAccepted, "False", v1alpha1.ReasonInvalid,
			"spec.storage.embedded.size: 1Gi is less than the 10Gi of PersistentVolumeClaim acme-desk")
		t.says(acme, v1alpha1.ConditionAvailable, "True", v1alpha1.ReasonAvailable, "")
		change(t, "acme", func(h *v1alpha1.HelpDesk) { h.Spec.Storage.Embedded.Size.Set(10 << 30) })
		t.settles(acme)
	})
})
