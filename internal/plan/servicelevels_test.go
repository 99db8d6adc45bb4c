package plan

import (
	"slices"
	"testing"
	"time"

	"github.com/caseload-dev/caseload/api/v1alpha1"
	"github.com/caseload-dev/caseload/internal/sla"
	"github.com/caseload-dev/caseload/internal/ticket"
)

// standard counts around the clock.
func standard() v1alpha1.ServiceLevel {
	l := v1alpha1.ServiceLevel{}
	l.Name, l.Spec.HelpDeskRef = "standard", &v1alpha1.HelpDeskReference{Name: "acme"}
	l.Spec.Targets = []v1alpha1.ServiceTargets{
		{Priority: "Low", FirstResponse: "8h", Resolution: "80h"},
		{Priority: "Urgent", FirstResponse: "15m", NextResponse: "30m", Resolution: "4h"},
	}
	return l
}

func levelRef(name v1alpha1.ObjectName) *v1alpha1.ServiceLevelReference {
	return &v1alpha1.ServiceLevelReference{Name: name}
}

func calendarRef(name v1alpha1.ObjectName) *v1alpha1.BusinessCalendarReference {
	return &v1alpha1.BusinessCalendarReference{Name: name}
}

func TestBuildServiceLevels(t *testing.T) {
	o := acme()
	p := build(t, o)
	level := p.ServiceLevels["standard"]
	if level.WarnAtPercent != 75 || level.Calendar != nil {
		t.Errorf("by default: %+v", level)
	}
	if got := level.Target(ticket.High, ticket.Resolution); got != 80*time.Hour {
		t.Errorf("resolution of High within %s", got)
	}
	if got := p.Router.Route(&ticket.Content{Channel: "Chat"}, nil); got.ServiceLevel != "standard" {
		t.Errorf("routed to %+v", got)
	}

	o.ServiceLevels[0].Spec.CalendarRef, o.ServiceLevels[0].Spec.WarnAtPercent = calendarRef("office"), 50
	next := build(t, o)
	if level := next.ServiceLevels["standard"]; level.WarnAtPercent != 50 || level.Calendar == nil || level.Calendar != next.Calendars["office"] {
		t.Errorf("of the office: %+v", level)
	}
	// Only deletion of the calendar leads here.
	o.Calendars, o.SupportTeams[0].Spec.Defaults.Schedule = nil, nil
	if gone := build(t, o); gone.ServiceLevels["standard"] != nil {
		t.Errorf("without its calendar it promises %+v", gone.ServiceLevels["standard"])
	}
}

func TestChangedServiceLevels(t *testing.T) {
	office := func(o *organisation) { o.ServiceLevels[0].Spec.CalendarRef = calendarRef("office") }
	for name, c := range map[string]struct {
		before, after func(*organisation)
		want          []string
	}{
		"nothing":          {office, func(o *organisation) { o.Queues[0].Spec.Priority = 3 }, nil},
		"a target":         {office, func(o *organisation) { o.ServiceLevels[0].Spec.Targets[0].FirstResponse = "9h" }, []string{"standard"}},
		"its calendar":     {office, func(o *organisation) { o.Calendars[0].Spec.Holidays = nil }, []string{"standard"}},
		"another calendar": {func(*organisation) {}, func(o *organisation) { o.Calendars[0].Spec.Holidays = nil }, nil},
		"gone and new": {office, func(o *organisation) {
			o.ServiceLevels[0].Name = "gold"
			o.SupportTeams[0].Spec.Defaults.ServiceLevelRef = nil
		},
			[]string{"gold", "standard"}},
	} {
		o := acme()
		c.before(&o)
		was := build(t, o)
		c.after(&o)
		if got := build(t, o).ChangedServiceLevels(was); !slices.Equal(got, c.want) {
			t.Errorf("%s: changed %v, want %v", name, got, c.want)
		}
	}
	if got := build(t, acme()).ChangedServiceLevels(&Plan{ServiceLevels: map[string]*sla.Level{}}); !slices.Equal(got, []string{"standard"}) {
		t.Errorf("in a first plan: %v", got)
	}
}
