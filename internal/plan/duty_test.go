package plan

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/caseload-dev/caseload/api/v1alpha1"
)

// office is open on weekdays from 9 to 17 in Berlin, but on New Year and 12 March 2026.
func office() v1alpha1.BusinessCalendar {
	c := v1alpha1.BusinessCalendar{}
	c.Name, c.Spec.HelpDeskRef, c.Spec.TimeZone = "office", &v1alpha1.HelpDeskReference{Name: "acme"}, "Europe/Berlin"
	c.Spec.Hours = []v1alpha1.WeeklyHours{{Days: []v1alpha1.Weekday{"Mon", "Tue", "Wed", "Thu", "Fri"}, From: "09:00", To: "17:00"}}
	c.Spec.Holidays = []v1alpha1.Holiday{{Name: "New Year", Yearly: "01-01"}, {Date: "2026-03-12"}}
	return c
}

func onCalendar(name v1alpha1.ObjectName) *v1alpha1.Schedule {
	return &v1alpha1.Schedule{CalendarRef: &v1alpha1.BusinessCalendarReference{Name: name}}
}

// absence from and until midnight of days of March 2026, in UTC.
func absence(from, until int) v1alpha1.Absence {
	day := func(n int) metav1.Time { return metav1.NewTime(time.Date(2026, 3, n, 0, 0, 0, 0, time.UTC)) }
	return v1alpha1.Absence{Reason: "Leave", StartTime: day(from), EndTime: day(until)}
}

func TestDuty(t *testing.T) {
	o := acme()
	for i := range o.Agents {
		switch a := &o.Agents[i]; a.Name {
		case "sam":
			a.Spec.Absences = []v1alpha1.Absence{absence(9, 10), absence(4, 6), absence(6, 7)}
		case "lee":
			a.Spec.Schedule = onCalendar("around-the-clock")
			a.Spec.Absences = []v1alpha1.Absence{absence(4, 6)}
		}
	}
	always := office()
	always.Name, always.Spec.Holidays = "around-the-clock", nil
	always.Spec.Hours = []v1alpha1.WeeklyHours{{Days: []v1alpha1.Weekday{"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"}, From: "00:00", To: "00:00"}}
	o.Calendars = append(o.Calendars, always)
	result := Compile(o.declared(), nil)
	p, err := Build(result.Manifest, result.Entries)
	if err != nil || len(result.Problems) > 0 {
		t.Fatal(err, result.Problems)
	}
	if zone := p.ZoneOf("jo"); zone.String() != "Europe/Berlin" {
		t.Errorf("jo, who works by the office's calendar, is told times in %s", zone)
	}
	sick := DutyChange{Type: Absent, Reason: "Sick", Start: at("2026-03-03T12:00:00Z"), End: at("2026-03-03T13:00:00Z")}
	extra := DutyChange{Type: ExtraShift, Start: at("2026-03-07T10:00:00Z"), End: at("2026-03-07T14:00:00Z")}
	sickThen := DutyChange{Type: Absent, Reason: "Sick", Start: at("2026-03-07T11:00:00Z"), End: at("2026-03-07T13:00:00Z")}
	early := DutyChange{Type: ExtraShift, Start: at("2026-03-09T07:00:00Z"), End: at("2026-03-09T08:00:00Z")}
	for _, tc := range []struct {
		name, agent, at string
		told            []DutyChange
		on              bool
		reason, until   string
	}{
		{"at work", "jo", "2026-03-02T10:00:00Z", nil, true, "", "2026-03-02T16:00:00Z"},
		{"as the shift ends", "jo", "2026-03-02T16:00:00Z", nil, false, OffSchedule, "2026-03-03T08:00:00Z"},
		{"on the weekend", "jo", "2026-03-07T12:00:00Z", nil, false, OffSchedule, "2026-03-09T08:00:00Z"},
		{"on a holiday", "jo", "2026-03-12T12:00:00Z", nil, false, OffSchedule, "2026-03-13T08:00:00Z"},
		{"after the clocks were set forward", "jo", "2026-03-30T06:59:59Z", nil, false, OffSchedule, "2026-03-30T07:00:00Z"},
		{"before leave", "sam", "2026-03-03T10:00:00Z", nil, true, "", "2026-03-03T16:00:00Z"},
		{"on leave, that another and a weekend follow, and another", "sam", "2026-03-04T10:00:00Z", nil, false, "Leave", "2026-03-10T08:00:00Z"},
		{"on leave by night", "sam", "2026-03-05T02:00:00Z", nil, false, "Leave", "2026-03-10T08:00:00Z"},
		{"before short notice", "jo", "2026-03-03T10:00:00Z", []DutyChange{sick}, true, "", "2026-03-03T12:00:00Z"},
		{"off at short notice", "jo", "2026-03-03T12:00:00Z", []DutyChange{sick}, false, "Sick", "2026-03-03T13:00:00Z"},
		{"back from it", "jo", "2026-03-03T13:00:00Z", []DutyChange{sick}, true, "", "2026-03-03T16:00:00Z"},
		{"at an extra shift", "jo", "2026-03-07T12:00:00Z", []DutyChange{extra}, true, "", "2026-03-07T14:00:00Z"},
		{"before an extra shift", "jo", "2026-03-06T18:00:00Z", []DutyChange{extra}, false, OffSchedule, "2026-03-07T10:00:00Z"},
		{"sick at an extra shift", "jo", "2026-03-07T12:00:00Z", []DutyChange{extra, sickThen}, false, "Sick", "2026-03-07T13:00:00Z"},
		{"an extra shift right before the schedule's", "jo", "2026-03-09T07:30:00Z", []DutyChange{early}, true, "", "2026-03-09T16:00:00Z"},
		{"around the clock", "lee", "2026-03-08T03:00:00Z", nil, true, "", ""},
		{"around the clock, before leave", "lee", "2026-03-03T03:00:00Z", nil, true, "", "2026-03-04T00:00:00Z"},
		{"around the clock, on leave", "lee", "2026-03-04T03:00:00Z", nil, false, "Leave", "2026-03-06T00:00:00Z"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			a := p.Agents[tc.agent]
			want := Duty{On: tc.on, Reason: tc.reason}
			if tc.until != "" {
				want.Until = at(tc.until)
			}
			got := a.Duty(at(tc.at), tc.told)
			if got.On != want.On || got.Reason != want.Reason || !got.Until.Equal(want.Until) {
				t.Errorf("duty is %v, want %v", got, want)
			}
			if a.OnDuty(at(tc.at), tc.told) != tc.on {
				t.Error("on duty and duty differ")
			}
		})
	}
}

func at(value string) time.Time {
	t, err := time.Parse(time.RFC3339, value)
	if err != nil {
		panic(err)
	}
	return t
}
