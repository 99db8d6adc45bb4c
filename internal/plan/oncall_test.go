package plan

import (
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/caseload-dev/caseload/api/v1alpha1"
	"github.com/caseload-dev/caseload/internal/oncall"
)

// nights of jo and sam outside the hours of the calendar berlin, handed over on Mondays, with full coverage.
func nights() v1alpha1.OnCallRotation {
	o := v1alpha1.OnCallRotation{}
	o.Name, o.Spec.TeamRef.Name, o.Spec.Rollout = "nights", "care", v1alpha1.RolloutAfterCurrentShift
	outside := v1alpha1.Duty{Type: v1alpha1.DutyOutside, CalendarRef: &v1alpha1.BusinessCalendarReference{Name: "berlin"}}
	o.Spec.Layers = []v1alpha1.OnCallLayer{{
		Name: "first", TimeZone: "Europe/Berlin", StartDate: "2026-11-02", HandOff: v1alpha1.HandOff{Day: v1alpha1.Monday, Time: "18:00"},
		Turn: v1alpha1.Turn{Every: 1, Unit: v1alpha1.TurnWeek}, Members: []v1alpha1.OnCallMember{{AgentRef: *agentRef("jo")}, {AgentRef: *agentRef("sam")}},
		Duty: &outside, Counting: v1alpha1.CountingCalendar, Precedence: v1alpha1.PrecedenceInOrder,
	}}
	o.Spec.Coverage = &v1alpha1.Coverage{Type: v1alpha1.CoverageOutside, CalendarRef: outside.CalendarRef}
	return o
}

func berlin() v1alpha1.BusinessCalendar {
	c := v1alpha1.BusinessCalendar{}
	c.Name, c.Spec.TimeZone = "berlin", "Europe/Berlin"
	c.Spec.Hours = []v1alpha1.WeeklyHours{{Days: []v1alpha1.Weekday{"Mon", "Tue", "Wed", "Thu", "Fri"}, From: "09:00", To: "18:00"}}
	return c
}

// covers has an agent cover another, or whoever is on call.
func covers(name, agent, replaces, from, to string) *v1alpha1.OnCallOverride {
	o := &v1alpha1.OnCallOverride{}
	o.Name, o.Spec.RotationRef.Name, o.Spec.AgentRef = name, "nights", *agentRef(agent)
	if replaces != "" {
		o.Spec.ReplacesAgentRef = agentRef(replaces)
	}
	o.Spec.StartTime, o.Spec.EndTime = metav1.NewTime(at(from)), metav1.NewTime(at(to))
	return o
}

// onCall is acme with the nights, at noon of Wednesday 4 November 2026.
func onCall(rotation v1alpha1.OnCallRotation, more ...Object) Objects {
	office := berlin()
	o := acme().declared()
	o.Declared = append(o.Declared, &rotation, &office)
	o.Declared = append(o.Declared, more...)
	o.Now = at("2026-11-04T12:00:00Z")
	return o
}

func TestRotationProblems(t *testing.T) {
	edited := func(edit func(*v1alpha1.OnCallRotation)) v1alpha1.OnCallRotation {
		o := nights()
		edit(&o)
		return o
	}
	older := covers("older", "lee", "jo", "2026-11-04T00:00:00Z", "2026-11-06T00:00:00Z")
	older.CreationTimestamp = metav1.NewTime(time.Unix(1, 0))
	newer := covers("newer", "max", "", "2026-11-05T00:00:00Z", "2026-11-07T00:00:00Z")
	newer.CreationTimestamp = metav1.NewTime(time.Unix(2, 0))
	rotation, override := Key{KindOnCallRotation, "nights"}, Key{KindOnCallOverride, "a"}
	for name, tc := range map[string]struct {
		objects Objects
		want    []Problem
	}{
		"none":                   {onCall(nights(), covers("a", "lee", "jo", "2026-11-04T00:00:00Z", "2026-11-06T00:00:00Z"), covers("b", "max", "sam", "2026-11-09T00:00:00Z", "2026-11-11T00:00:00Z")), nil},
		"overrides side by side": {onCall(nights(), covers("a", "lee", "jo", "2026-11-04T00:00:00Z", "2026-11-06T00:00:00Z"), covers("b", "lee", "", "2026-11-06T00:00:00Z", "2026-11-07T00:00:00Z")), nil},
		"a member who does not exist": {
			onCall(edited(func(o *v1alpha1.OnCallRotation) { o.Spec.Layers[0].Members[1].AgentRef.Name = "sim" })),
			[]Problem{{Object: rotation, Field: "spec.layers[0].members[1].agentRef.name", Reason: "RefNotFound", Message: "did you mean sam?"}},
		},
		"a calendar that does not exist": {
			onCall(edited(func(o *v1alpha1.OnCallRotation) {
				o.Spec.Layers[0].Duty.CalendarRef = &v1alpha1.BusinessCalendarReference{Name: "munich"}
			})),
			[]Problem{{Object: rotation, Field: "spec.layers[0].duty.calendarRef.name", Reason: "RefNotFound", Message: "BusinessCalendar/munich does not exist"}},
		},
		"a zone that does not exist": {
			onCall(edited(func(o *v1alpha1.OnCallRotation) { o.Spec.Layers[0].TimeZone = "Europe/Berlino" })),
			[]Problem{{Object: rotation, Field: "spec.layers[0].timeZone", Reason: "UnknownTimeZone", Message: `there is no time zone "Europe/Berlino"`}},
		},
		"two layers of a name": {
			onCall(edited(func(o *v1alpha1.OnCallRotation) { o.Spec.Layers = append(o.Spec.Layers, o.Spec.Layers[0]) })),
			[]Problem{{Object: rotation, Field: "spec.layers[1].name", Reason: "Invalid", Message: "spec.layers[0] has the name first already"}},
		},
		"the only member leaves": {
			onCall(edited(func(o *v1alpha1.OnCallRotation) {
				o.Spec.Layers[0].Members = []v1alpha1.OnCallMember{{AgentRef: *agentRef("jo"), Until: "2026-11-26"}}
			})),
			[]Problem{{Object: rotation, Field: "spec.coverage", Reason: "CoverageGap", Warning: true,
				Message: "nobody will be on call from Thu 2026-11-26 00:00 CET to Thu 2026-11-26 09:00 CET although coverage asks for somebody"}},
		},
		"nobody is on call": {
			onCall(edited(func(o *v1alpha1.OnCallRotation) {
				o.Spec.Layers[0].Members[0].Until, o.Spec.Layers[0].Members[1].Until = "2026-11-03", "2026-11-03"
				o.Spec.Coverage = &v1alpha1.Coverage{Type: v1alpha1.CoverageAlways}
				o.Spec.Layers[0].Duty = &v1alpha1.Duty{Type: v1alpha1.DutyAlways}
			})),
			[]Problem{{Object: rotation, Field: "spec.coverage", Reason: "CoverageGap", Warning: true, Message: "nobody is on call since Tue 2026-11-03 00:00 CET on although"}},
		},
		"a hand-off that clocks skip": {
			onCall(edited(func(o *v1alpha1.OnCallRotation) {
				o.Spec.Layers[0].HandOff, o.Spec.Layers[0].Turn.Unit, o.Spec.Layers[0].StartDate = v1alpha1.HandOff{Time: "02:30"}, v1alpha1.TurnDay, "2026-10-26"
			})),
			[]Problem{{Object: rotation, Field: "spec.layers[0].handOff.time", Reason: "ClockChange", Warning: true,
				Message: "on Sun 2027-03-28 clocks in Europe/Berlin skip 02:30: the hand-off happens right after, at Sun 2027-03-28 03:00 CEST"}},
		},
		"a hand-off that comes twice": {
			onCall(edited(func(o *v1alpha1.OnCallRotation) {
				o.Spec.Layers[0].TimeZone, o.Spec.Layers[0].HandOff = "America/Chicago", v1alpha1.HandOff{Day: v1alpha1.Sunday, Time: "01:30"}
				o.Spec.Coverage = nil
			})),
			[]Problem{{Object: rotation, Field: "spec.layers[0].handOff.time", Reason: "ClockChange", Warning: true,
				Message: "on Sun 2027-11-07 clocks in America/Chicago show 01:30 twice: the hand-off happens at the first, at Sun 2027-11-07 01:30 CDT"}},
		},
		"overlapping overrides": {
			onCall(nights(), newer, older),
			[]Problem{{Object: Key{KindOnCallOverride, "newer"}, Field: "spec.startTime", Reason: "Duplicate", Message: "overlaps OnCallOverride/older, by which lee already covers jo from Wed 2026-11-04 00:00 UTC to Fri 2026-11-06 00:00 UTC"}},
		},
		"an override of nobody's duty": {
			onCall(nights(), covers("a", "lee", "sam", "2026-11-04T00:00:00Z", "2026-11-06T00:00:00Z")),
			[]Problem{{Object: override, Field: "spec.startTime", Reason: "NoDuty", Warning: true, Message: "Agent/sam never is on call in OnCallRotation/nights from Wed 2026-11-04 00:00 UTC to"}},
		},
		"an override within business hours": {
			onCall(nights(), covers("a", "lee", "", "2026-11-05T09:00:00Z", "2026-11-05T16:00:00Z")),
			[]Problem{{Object: override, Field: "spec.startTime", Reason: "NoDuty", Warning: true, Message: "nobody is on call"}},
		},
		"an override that is over": {onCall(nights(), covers("a", "lee", "sam", "2026-11-02T00:00:00Z", "2026-11-03T00:00:00Z")), nil},
		"an override by somebody who does not exist": {
			onCall(nights(), covers("a", "lea", "jo", "2026-11-04T00:00:00Z", "2026-11-06T00:00:00Z")),
			[]Problem{{Object: override, Field: "spec.agentRef.name", Reason: "RefNotFound", Message: "did you mean lee?"}},
		},
		"an override of a rotation that does not exist": {
			func() Objects {
				o := covers("a", "lee", "jo", "2026-11-04T00:00:00Z", "2026-11-06T00:00:00Z")
				o.Spec.RotationRef.Name = "night"
				return onCall(nights(), o)
			}(),
			[]Problem{{Object: override, Field: "spec.rotationRef.name", Reason: "RefNotFound", Message: "did you mean nights?"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := Compile(tc.objects, nil).Problems
			if !slices.EqualFunc(got, tc.want, func(g, w Problem) bool {
				return g.Object == w.Object && g.Field == w.Field && g.Reason == w.Reason && g.Warning == w.Warning && strings.Contains(g.Message, w.Message)
			}) {
				t.Errorf("problems are %+v, want %+v", got, tc.want)
			}
		})
	}
}

// The plan a desk builds says the same of who is on call as the compiled one, by the revisions.
func TestRotationTravelsWithItsRevisions(t *testing.T) {
	objects := onCall(nights(), covers("a", "lee", "jo", "2026-11-05T00:00:00Z", "2026-11-06T00:00:00Z"))
	first := Compile(objects, nil)
	revisions := oncall.Revise(nil, nights().Spec.Layers, v1alpha1.RolloutAfterCurrentShift, objects.Now, first.Plan.OnCallEnvironment())
	edit := nights()
	edit.Spec.Layers[0].Members = []v1alpha1.OnCallMember{{AgentRef: *agentRef("max")}, {AgentRef: *agentRef("jo")}, {AgentRef: *agentRef("lee")}}
	objects = onCall(edit, covers("a", "lee", "jo", "2026-11-05T00:00:00Z", "2026-11-06T00:00:00Z"))
	objects.Revisions = map[string][]oncall.Revision{
		"nights": oncall.Revise(revisions, edit.Spec.Layers, v1alpha1.RolloutAfterCurrentShift, objects.Now, first.Plan.OnCallEnvironment()),
	}
	second := Compile(objects, first.Entries)
	built, err := Build(second.Manifest, second.Entries)
	if err != nil {
		t.Fatal(err)
	}
	for when, want := range map[string]string{
		"2026-11-04T20:00:00Z": "jo", "2026-11-05T20:00:00Z": "lee", "2026-11-06T20:00:00Z": "jo", // as before, with the override
		"2026-11-09T20:00:00Z": "lee", "2026-11-16T20:00:00Z": "max", // who follows jo in the new order, from the next hand-off on
	} {
		for name, p := range map[string]*Plan{"compiled": second.Plan, "built": built} {
			if on := p.Rotations["nights"].On(at(when)); len(on) != 1 || on[0].Agent != want {
				t.Errorf("%s: on call at %s is %v, want %s", name, when, on, want)
			}
		}
	}
	if on := built.Rotations["nights"].On(at("2026-11-05T12:00:00Z")); len(on) > 0 {
		t.Errorf("within business hours %v is on call", on)
	}
}

// Who works by a rotation is on duty while on call in it.
func TestScheduleByRotation(t *testing.T) {
	objects := onCall(nights())
	jo, lee := agent("jo", "care"), agent("lee", "care")
	for _, a := range []*v1alpha1.Agent{&jo, &lee} {
		a.Spec.Schedule = &v1alpha1.Schedule{RotationRef: &v1alpha1.OnCallRotationReference{Name: "nights"}}
		i := slices.IndexFunc(objects.Declared, func(o Object) bool { return KeyOf(o) == Key{KindAgent, a.Name} })
		objects.Declared[i] = a
	}
	r := Compile(objects, nil)
	if !slices.ContainsFunc(r.Problems, func(p Problem) bool {
		return p.Object == Key{KindAgent, "lee"} && p.Reason == v1alpha1.ReasonNoDuty && p.Warning && strings.Contains(p.Message, "never on call in OnCallRotation/nights")
	}) {
		t.Errorf("problems are %+v, want one of lee, who is no member", r.Problems)
	}
	for _, tc := range []struct {
		at, until string
		on        bool
	}{
		{"2026-11-04T12:00:00Z", "2026-11-04T17:00:00Z", false},
		{"2026-11-04T17:00:00Z", "2026-11-05T08:00:00Z", true},
		{"2026-11-06T20:00:00Z", "2026-11-09T08:00:00Z", true},  // the weekend
		{"2026-11-09T20:00:00Z", "2026-11-16T17:00:00Z", false}, // sam's week
	} {
		duty := r.Plan.Agents["jo"].Duty(at(tc.at), nil)
		if duty.On != tc.on || !duty.Until.Equal(at(tc.until)) && tc.on {
			t.Errorf("at %s jo's duty is %+v, want %t until %s", tc.at, duty, tc.on, tc.until)
		}
		if r.Plan.Agents["lee"].OnDuty(at(tc.at), nil) {
			t.Errorf("at %s lee is on duty", tc.at)
		}
	}
}
