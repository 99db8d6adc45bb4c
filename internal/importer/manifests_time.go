package importer

import (
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/runtime"

	"github.com/caseload-dev/caseload/api/v1alpha1"
	"github.com/caseload-dev/caseload/internal/ticket"
)

// nextLine names the EscalationPolicy.
const nextLine = "next-line"

// warnAtPercent of a target.
const warnAtPercent = 75

// calendarObjects are the working hours of each country.
func (o *Organisation) calendarObjects() []runtime.Object {
	var objects []runtime.Object
	for _, c := range o.Calendars {
		objects = append(objects, &v1alpha1.BusinessCalendar{
			TypeMeta: typeMeta("BusinessCalendar"), ObjectMeta: objectMeta(c.Name, c.Source),
			Spec: v1alpha1.BusinessCalendarSpec{HelpDeskRef: o.deskRef(), TimeZone: c.Zone, Hours: []v1alpha1.WeeklyHours{o.Hours}},
		})
	}
	return objects
}

// serviceLevelObjects promise the same in the business time of each country that has a support team.
func (o *Organisation) serviceLevelObjects() []runtime.Object {
	var targets []v1alpha1.ServiceTargets
	for _, priority := range ticket.Priorities {
		if times, listed := o.Targets[priority]; listed {
			targets = append(targets, v1alpha1.ServiceTargets{
				Priority:      v1alpha1.Priority(priority),
				FirstResponse: o.sped(times[ticket.FirstResponse]), Resolution: o.sped(times[ticket.Resolution]),
			})
		}
	}
	var objects []runtime.Object
	for _, name := range o.levels() {
		level := &v1alpha1.ServiceLevel{
			TypeMeta: typeMeta("ServiceLevel"), ObjectMeta: objectMeta(name, ""),
			Spec: v1alpha1.ServiceLevelSpec{HelpDeskRef: o.deskRef(), WarnAtPercent: warnAtPercent, Targets: targets},
		}
		if slices.ContainsFunc(o.Calendars, func(c *Calendar) bool { return c.Name == name }) {
			level.Spec.CalendarRef = calendarRef(name)
		}
		objects = append(objects, level)
	}
	return objects
}

// Escalates says that there is a next line, and a time after which it gets a ticket.
func (o *Organisation) Escalates() bool { return o.EscalateAfter > 0 && len(o.Levels) > 1 }

// escalation hands a ticket that nobody takes from line to line.
func (o *Organisation) escalation() []runtime.Object {
	if !o.Escalates() {
		return nil
	}
	return []runtime.Object{&v1alpha1.EscalationPolicy{
		TypeMeta: typeMeta("EscalationPolicy"), ObjectMeta: objectMeta(nextLine, ""),
		Spec: v1alpha1.EscalationPolicySpec{
			HelpDeskRef: o.deskRef(),
			Triggers:    []v1alpha1.EscalationTrigger{{Type: v1alpha1.TriggerUnassigned, After: o.sped(o.EscalateAfter)}},
			Steps: []v1alpha1.EscalationStep{{
				Name: nextLine, After: "0s", Notify: v1alpha1.NotifyAll,
				Actions: []v1alpha1.EscalationAction{{Type: v1alpha1.ActionTransferToNextLevel}},
			}},
		},
	}}
}

func (o *Organisation) deskRef() *v1alpha1.HelpDeskReference {
	return &v1alpha1.HelpDeskReference{Name: v1alpha1.ObjectName(o.HelpDesk)}
}

func calendarRef(name string) *v1alpha1.BusinessCalendarReference {
	return &v1alpha1.BusinessCalendarReference{Name: v1alpha1.ObjectName(name)}
}

// sped is a time of the history as the desk has it; empty for none.
func (o *Organisation) sped(d time.Duration) v1alpha1.Duration {
	if d <= 0 {
		return ""
	}
	if o.SpeedUp > 1 {
		d = max(time.Duration(float64(d)/o.SpeedUp), time.Second)
	}
	return span(d)
}

// span to the second.
func span(d time.Duration) v1alpha1.Duration { return v1alpha1.Duration(d.Round(time.Second).String()) }
