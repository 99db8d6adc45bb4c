package calendar_test

import (
	"errors"
	"testing"
	"time"
	_ "time/tzdata"

	"github.com/google/go-cmp/cmp"

	"github.com/caseload-dev/caseload/internal/calendar"
	"github.com/caseload-dev/caseload/internal/walltime/walltimetest"
)

var workdays = []time.Weekday{time.Monday, time.Tuesday, time.Wednesday, time.Thursday, time.Friday}

func hours(days []time.Weekday, from, to int) calendar.Hours {
	return calendar.Hours{Days: days, From: from * 60, To: to * 60}
}

func newCalendar(t testing.TB, zone string, holidays []calendar.Holiday, hours ...calendar.Hours) *calendar.Calendar {
	t.Helper()
	c, err := calendar.New(calendar.Spec{Zone: walltimetest.Load(t, zone), Hours: hours, Holidays: holidays})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func at(t testing.TB, value string) time.Time {
	t.Helper()
	instant, err := time.Parse(time.RFC3339, value)
	if err != nil {
		t.Fatal(err)
	}
	return instant
}

// The known answers of other products, in the week of Monday 15 January 2024 unless dated otherwise.
func TestKnownAnswers(t *testing.T) {
	office := hours(workdays, 9, 17)
	desk := hours(workdays, 10, 18)
	thursdayAndFriday := []calendar.Holiday{{Year: 2024, Month: time.January, Day: 18}, {Month: time.January, Day: 19}}
	everyDay := hours([]time.Weekday{0, 1, 2, 3, 4, 5, 6}, 0, 24)
	for _, tc := range []struct {
		name     string
		zone     string
		hours    []calendar.Hours
		holidays []calendar.Holiday
		start    string
		target   time.Duration
		due      string
	}{
		{"1", "UTC", []calendar.Hours{office}, nil, "2024-01-17T10:00:00Z", 2 * time.Hour, "2024-01-17T12:00:00Z"},
		{"2", "UTC", []calendar.Hours{office}, nil, "2024-01-19T16:00:00Z", 2 * time.Hour, "2024-01-22T10:00:00Z"},
		{"3", "UTC", []calendar.Hours{office}, nil, "2024-01-17T07:00:00Z", 2 * time.Hour, "2024-01-17T11:00:00Z"},
		{"4", "UTC", []calendar.Hours{office}, nil, "2024-01-17T18:00:00Z", 2 * time.Hour, "2024-01-18T11:00:00Z"},
		{"5", "UTC", []calendar.Hours{office}, nil, "2024-01-20T10:00:00Z", 2 * time.Hour, "2024-01-22T11:00:00Z"},
		{"6", "UTC", []calendar.Hours{office}, nil, "2024-01-15T16:00:00Z", 10 * time.Hour, "2024-01-17T10:00:00Z"},
		{"7", "America/New_York", []calendar.Hours{office}, nil, "2024-01-19T16:00:00-05:00", 2 * time.Hour, "2024-01-22T10:00:00-05:00"},
		{"8", "UTC", []calendar.Hours{hours([]time.Weekday{time.Saturday}, 0, 24)}, nil, "2024-01-20T00:00:00Z", 24 * time.Hour, "2024-01-21T00:00:00Z"},
		{"9, first response", "UTC", []calendar.Hours{desk}, nil, "2024-01-15T08:00:00Z", time.Hour, "2024-01-15T11:00:00Z"},
		{"9, resolution", "UTC", []calendar.Hours{desk}, nil, "2024-01-15T08:00:00Z", 4 * time.Hour, "2024-01-15T14:00:00Z"},
		{"10, first response", "UTC", []calendar.Hours{desk}, nil, "2024-01-15T20:00:00Z", 30 * time.Minute, "2024-01-16T10:30:00Z"},
		{"10, resolution", "UTC", []calendar.Hours{desk}, nil, "2024-01-15T20:00:00Z", 2 * time.Hour, "2024-01-16T12:00:00Z"},
		{"11, first response", "UTC", []calendar.Hours{desk}, thursdayAndFriday, "2024-01-18T15:00:00Z", 30 * time.Minute, "2024-01-22T10:30:00Z"},
		{"11, resolution", "UTC", []calendar.Hours{desk}, thursdayAndFriday, "2024-01-18T15:00:00Z", 2 * time.Hour, "2024-01-22T12:00:00Z"},
		{"13", "UTC", []calendar.Hours{hours(workdays, 13, 17), hours(workdays, 9, 12)}, nil, "2024-01-16T11:30:00Z", time.Hour, "2024-01-16T13:30:00Z"},
		{"14", "America/New_York", []calendar.Hours{everyDay}, nil, "2026-03-08T00:30:00-05:00", 4 * time.Hour, "2026-03-08T05:30:00-04:00"},
		{"15", "UTC", []calendar.Hours{office}, nil, "2024-01-17T15:00:00Z", 2 * time.Hour, "2024-01-17T17:00:00Z"},
		{"a split day, within one half", "UTC", []calendar.Hours{hours(workdays, 9, 12), hours(workdays, 13, 17)}, nil, "2024-01-16T12:30:00Z", 4 * time.Hour, "2024-01-16T17:00:00Z"},
		{"a night", "UTC", []calendar.Hours{hours([]time.Weekday{time.Friday}, 22, 6)}, nil, "2024-01-19T23:00:00Z", 8 * time.Hour, "2024-01-26T23:00:00Z"},
		{"over New Year", "UTC", []calendar.Hours{hours(workdays, 22, 6)}, nil, "2024-12-31T23:00:00Z", 8 * time.Hour, "2025-01-01T23:00:00Z"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := newCalendar(t, tc.zone, tc.holidays, tc.hours...)
			start, due := at(t, tc.start), at(t, tc.due)
			if got := c.Add(start, tc.target); !got.Equal(due) {
				t.Errorf("%s after %s it is %s, want %s", tc.target, tc.start, got.In(due.Location()).Format(time.RFC3339), tc.due)
			}
			if got := c.Between(start, due); got != tc.target {
				t.Errorf("between %s and %s pass %s, want %s", tc.start, tc.due, got, tc.target)
			}
			if got := c.Between(due, start); got != -tc.target {
				t.Errorf("from %s back to %s pass %s, want %s", tc.due, tc.start, got, -tc.target)
			}
		})
	}
}

func TestSubtract(t *testing.T) {
	c := newCalendar(t, "UTC", nil, hours(workdays, 9, 17))
	for _, tc := range []struct {
		from string
		d    time.Duration
		want string
	}{
		{"2024-01-22T10:00:00Z", 2 * time.Hour, "2024-01-19T16:00:00Z"},
		{"2024-01-17T17:00:00Z", 8 * time.Hour, "2024-01-17T09:00:00Z"}, // the instant of opening belongs to the day
		{"2024-01-20T10:00:00Z", time.Hour, "2024-01-19T16:00:00Z"},
		{"2024-01-20T10:00:00Z", 0, "2024-01-20T10:00:00Z"},
		{"2024-01-01T09:00:00Z", time.Hour, "2023-12-29T16:00:00Z"},
	} {
		if got := c.Add(at(t, tc.from), -tc.d); !got.Equal(at(t, tc.want)) {
			t.Errorf("%s before %s it is %s, want %s", tc.d, tc.from, got, tc.want)
		}
	}
}

func TestNext(t *testing.T) {
	everyDay := hours([]time.Weekday{0, 1, 2, 3, 4, 5, 6}, 0, 24)
	office := hours(workdays, 9, 17)
	for _, tc := range []struct {
		name       string
		zone       string
		hours      calendar.Hours
		holidays   []calendar.Holiday
		at         string
		open       bool
		start, end string // empty: beyond the horizon
	}{
		{"before it opens", "Europe/Berlin", office, nil, "2024-01-17T07:00:00Z", false, "2024-01-17T08:00:00Z", "2024-01-17T16:00:00Z"},
		{"as it opens", "Europe/Berlin", office, nil, "2024-01-17T08:00:00Z", true, "2024-01-17T08:00:00Z", "2024-01-17T16:00:00Z"},
		{"as it closes", "Europe/Berlin", office, nil, "2024-01-17T16:00:00Z", false, "2024-01-18T08:00:00Z", "2024-01-18T16:00:00Z"},
		{"over the weekend", "Europe/Berlin", office, nil, "2024-01-20T12:00:00Z", false, "2024-01-22T08:00:00Z", "2024-01-22T16:00:00Z"},
		{"the night before a holiday is worked to its end", "UTC", hours(workdays, 22, 6), []calendar.Holiday{{Month: time.May, Day: 1}},
			"2024-05-01T03:00:00Z", true, "2024-04-30T22:00:00Z", "2024-05-01T06:00:00Z"},
		{"the night of a holiday is not", "UTC", hours(workdays, 22, 6), []calendar.Holiday{{Month: time.May, Day: 1}},
			"2024-05-01T23:00:00Z", false, "2024-05-02T22:00:00Z", "2024-05-03T06:00:00Z"},
		{"around the clock", "Europe/Berlin", everyDay, nil, "2024-01-20T12:00:00Z", true, "", ""},
		{"around the clock but for one day", "UTC", everyDay, []calendar.Holiday{{Year: 2031, Month: time.March, Day: 1}},
			"2024-01-20T12:00:00Z", true, "", "2031-03-01T00:00:00Z"},
		{"around the clock but for leap days", "UTC", everyDay, []calendar.Holiday{{Month: time.February, Day: 29}},
			"2024-01-20T12:00:00Z", true, "2020-03-01T00:00:00Z", "2024-02-29T00:00:00Z"},
		{"a day of 23 hours", "Europe/Berlin", hours([]time.Weekday{time.Sunday}, 0, 24), nil,
			"2024-03-30T12:00:00Z", false, "2024-03-30T23:00:00Z", "2024-03-31T22:00:00Z"},
		{"a day of 25 hours", "Europe/Berlin", hours([]time.Weekday{time.Sunday}, 0, 24), nil,
			"2024-10-26T12:00:00Z", false, "2024-10-26T22:00:00Z", "2024-10-27T23:00:00Z"},
		{"a midnight that is skipped", "America/Sao_Paulo", hours([]time.Weekday{time.Sunday}, 0, 8), nil,
			"2018-11-04T00:00:00Z", false, "2018-11-04T03:00:00Z", "2018-11-04T10:00:00Z"},
		{"a Friday that is skipped", "Pacific/Apia", hours([]time.Weekday{time.Friday}, 9, 17), nil,
			"2011-12-30T00:00:00Z", false, "2012-01-05T19:00:00Z", "2012-01-06T03:00:00Z"},
		{"hours that are skipped", "America/Chicago", calendar.Hours{Days: []time.Weekday{time.Sunday}, From: 2 * 60, To: 3 * 60}, nil,
			"2020-03-08T00:00:00Z", false, "2020-03-15T07:00:00Z", "2020-03-15T08:00:00Z"},
		{"hours that come twice", "America/Chicago", calendar.Hours{Days: []time.Weekday{time.Sunday}, From: 75, To: 105}, nil,
			"2018-11-04T00:00:00Z", false, "2018-11-04T06:15:00Z", "2018-11-04T07:45:00Z"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := newCalendar(t, tc.zone, tc.holidays, tc.hours)
			now := at(t, tc.at)
			if got := c.Open(now); got != tc.open {
				t.Errorf("open is %t, want %t", got, tc.open)
			}
			var want calendar.Window
			if tc.start != "" {
				want.Start = at(t, tc.start)
			}
			if tc.end != "" {
				want.End = at(t, tc.end)
			}
			if got, ok := c.Next(now); !ok || !got.Start.Equal(want.Start) || !got.End.Equal(want.End) {
				t.Errorf("the next window is %v (%t), want %v", got, ok, want)
			}
		})
	}
}

func TestAroundTheClock(t *testing.T) {
	var c *calendar.Calendar
	now := at(t, "2024-01-20T12:00:00Z")
	next, ok := c.Next(now)
	if !c.Open(now) || !ok || next != (calendar.Window{}) {
		t.Errorf("no calendar is not open around the clock: %v, %t", next, ok)
	}
	if got := c.Add(now, time.Hour); c.Between(now, got) != time.Hour || got.Sub(now) != time.Hour {
		t.Errorf("an hour after %s it is %s", now, got)
	}
	want := []calendar.Window{{Start: now, End: now.Add(time.Hour)}}
	if diff := cmp.Diff(want, c.Windows(now, now.Add(time.Hour))); diff != "" {
		t.Error(diff)
	}
}

func TestNeverOpen(t *testing.T) {
	var everyDay []calendar.Holiday
	for day := at(t, "2024-01-01T00:00:00Z"); day.Year() == 2024; day = day.AddDate(0, 0, 1) {
		everyDay = append(everyDay, calendar.Holiday{Month: day.Month(), Day: day.Day()})
	}
	office := []calendar.Hours{hours(workdays, 9, 17)}
	for name, spec := range map[string]calendar.Spec{
		"no hours":                {Zone: time.UTC},
		"hours of no day":         {Zone: time.UTC, Hours: []calendar.Hours{{From: 540, To: 1020}}},
		"holidays the whole year": {Zone: time.UTC, Hours: office, Holidays: everyDay},
	} {
		if _, err := calendar.New(spec); !errors.Is(err, calendar.ErrNeverOpen) {
			t.Errorf("%s: the error is %v", name, err)
		}
	}
	if _, err := calendar.New(calendar.Spec{Hours: office}); err == nil {
		t.Error("a calendar without a zone was taken")
	}
	if _, err := calendar.New(calendar.Spec{Zone: time.UTC, Hours: []calendar.Hours{{Days: workdays, From: 1440, To: 10}}}); err == nil {
		t.Error("a minute that no day has was taken")
	}
}

// Little open time makes what is far ahead come no later than the horizon, and never hangs.
func TestHorizon(t *testing.T) {
	c := newCalendar(t, "UTC", nil, calendar.Hours{Days: []time.Weekday{time.Monday}, From: 0, To: 1})
	now := at(t, "2024-01-20T12:00:00Z")
	for _, d := range []time.Duration{100 * time.Hour, 1<<63 - 1} {
		if got := c.Add(now, d); got.Year() != 2024+calendar.Horizon+1 {
			t.Errorf("%s after %s it is %s", d, now, got)
		}
		if got := c.Add(now, -d); got.Year() != 2024-calendar.Horizon {
			t.Errorf("%s before %s it is %s", d, now, got)
		}
	}
}
