package oncall_test

import (
	"testing"
	"time"
	_ "time/tzdata"

	"github.com/caseload-dev/caseload/internal/calendar"
	"github.com/caseload-dev/caseload/internal/oncall"
)

func zone(t testing.TB, name string) *time.Location {
	t.Helper()
	loc, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return loc
}

func instant(t testing.TB, text string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// members A, B, C … without ends.
func members(n int) []oncall.Member {
	all := make([]oncall.Member, n)
	for i := range all {
		all[i].Agent = string(rune('A' + i))
	}
	return all
}

// layer of n members that starts at a date, with hand-offs at a time of day.
func layer(t testing.TB, zoneName, start, handOff string, n int, every int, unit oncall.Unit) oncall.Layer {
	t.Helper()
	date, err := time.Parse(time.DateOnly, start)
	if err != nil {
		t.Fatal(err)
	}
	clock, err := time.Parse("15:04", handOff)
	if err != nil {
		t.Fatal(err)
	}
	return oncall.Layer{
		Name: "first", Zone: zone(t, zoneName), Year: date.Year(), Month: date.Month(), Day: date.Day(), Weekday: date.Weekday(), DayOfMonth: date.Day(),
		HandOff: clock.Hour()*60 + clock.Minute(), Lengths: []int{every}, Unit: unit, Members: members(n),
	}
}

// rotation of layers that nobody edited, by position.
func rotation(layers ...oncall.Layer) *oncall.Rotation {
	var d oncall.Declaration
	for i, l := range layers {
		d.Versions = append(d.Versions, oncall.Version{Layer: l, Position: i})
	}
	return oncall.New(d)
}

// hours of a week in a zone.
func hours(t testing.TB, loc *time.Location, from, to int, days ...time.Weekday) *calendar.Calendar {
	t.Helper()
	c, err := calendar.New(calendar.Spec{Zone: loc, Hours: []calendar.Hours{{Days: days, From: from, To: to}}})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// Hand-offs of the known cases: the shift in progress at an instant, in UTC.
func TestHandOffsOfKnownCases(t *testing.T) {
	for _, tc := range []struct {
		name       string
		layer      oncall.Layer
		at         string
		start, end string
		length     time.Duration
		who        string
	}{
		{"1: a week into daylight saving", layer(t, "America/Chicago", "2017-03-10", "08:00", 2, 1, oncall.Week), "2017-03-10T14:00:00Z", "2017-03-10T14:00:00Z", "2017-03-17T13:00:00Z", 167 * time.Hour, "A"},
		{"2: a week out of it", layer(t, "America/Chicago", "2017-11-04", "08:00", 2, 1, oncall.Week), "2017-11-05T00:00:00Z", "2017-11-04T13:00:00Z", "2017-11-11T14:00:00Z", 169 * time.Hour, "A"},
		{"3: a day into daylight saving", layer(t, "America/Chicago", "2017-03-11", "08:00", 2, 1, oncall.Day), "2017-03-11T14:00:00Z", "2017-03-11T14:00:00Z", "2017-03-12T13:00:00Z", 23 * time.Hour, "A"},
		{"3: a day out of it", layer(t, "America/Chicago", "2017-11-04", "08:00", 2, 1, oncall.Day), "2017-11-04T13:00:00Z", "2017-11-04T13:00:00Z", "2017-11-05T14:00:00Z", 25 * time.Hour, "A"},
		{"4: three hours into daylight saving", layer(t, "America/Chicago", "2017-03-12", "00:00", 2, 3, oncall.Hour), "2017-03-12T06:00:00Z", "2017-03-12T06:00:00Z", "2017-03-12T08:00:00Z", 2 * time.Hour, "A"},
		{"4: three hours out of it", layer(t, "America/Chicago", "2017-11-05", "00:00", 2, 3, oncall.Hour), "2017-11-05T05:00:00Z", "2017-11-05T05:00:00Z", "2017-11-05T09:00:00Z", 4 * time.Hour, "A"},
		{"5: a hand-off that does not exist", layer(t, "America/Chicago", "2020-03-07", "02:30", 3, 1, oncall.Day), "2020-03-08T08:00:00Z", "2020-03-08T08:00:00Z", "2020-03-09T07:30:00Z", 23*time.Hour + 30*time.Minute, "B"},
		{"5: before it", layer(t, "America/Chicago", "2020-03-07", "02:30", 3, 1, oncall.Day), "2020-03-08T07:59:00Z", "2020-03-07T08:30:00Z", "2020-03-08T08:00:00Z", 23*time.Hour + 30*time.Minute, "A"},
		{"6: a hand-off that occurs twice", layer(t, "America/Chicago", "2020-10-31", "01:30", 3, 1, oncall.Day), "2020-11-01T06:30:00Z", "2020-11-01T06:30:00Z", "2020-11-02T07:30:00Z", 25 * time.Hour, "B"},
		{"6: at its second occurrence", layer(t, "America/Chicago", "2020-10-31", "01:30", 3, 1, oncall.Day), "2020-11-01T07:29:00Z", "2020-11-01T06:30:00Z", "2020-11-02T07:30:00Z", 25 * time.Hour, "B"},
		{"7: one member, out of daylight saving", layer(t, "America/Chicago", "2024-10-29", "00:00", 1, 1, oncall.Week), "2024-11-03T12:00:00Z", "2024-10-29T05:00:00Z", "2024-11-05T06:00:00Z", 169 * time.Hour, "A"},
		{"7: one member, into it", layer(t, "America/Chicago", "2024-10-29", "00:00", 1, 1, oncall.Week), "2025-03-09T12:00:00Z", "2025-03-04T06:00:00Z", "2025-03-11T05:00:00Z", 167 * time.Hour, "A"},
		{"8: New York in March", layer(t, "America/New_York", "2026-01-05", "09:00", 2, 1, oncall.Week), "2026-03-08T12:00:00Z", "2026-03-02T14:00:00Z", "2026-03-09T13:00:00Z", 167 * time.Hour, "A"},
		{"8: New York in October", layer(t, "America/New_York", "2026-01-05", "09:00", 2, 1, oncall.Week), "2026-10-26T13:00:00Z", "2026-10-26T13:00:00Z", "2026-11-02T14:00:00Z", 169 * time.Hour, "A"},
		{"14: London on 10 March", layer(t, "Europe/London", "2026-03-01", "09:00", 2, 1, oncall.Day), "2026-03-10T09:00:00Z", "2026-03-10T09:00:00Z", "2026-03-11T09:00:00Z", 24 * time.Hour, "B"},
		{"14: New York on 10 March, 4 hours later", layer(t, "America/New_York", "2026-03-01", "09:00", 2, 1, oncall.Day), "2026-03-10T13:00:00Z", "2026-03-10T13:00:00Z", "2026-03-11T13:00:00Z", 24 * time.Hour, "B"},
		{"14: London on 30 March", layer(t, "Europe/London", "2026-03-01", "09:00", 2, 1, oncall.Day), "2026-03-30T08:00:00Z", "2026-03-30T08:00:00Z", "2026-03-31T08:00:00Z", 24 * time.Hour, "B"},
		{"14: New York on 30 March, 5 hours later", layer(t, "America/New_York", "2026-03-01", "09:00", 2, 1, oncall.Day), "2026-03-30T13:00:00Z", "2026-03-30T13:00:00Z", "2026-03-31T13:00:00Z", 24 * time.Hour, "B"},
		{"the 31st is the last day of a shorter month", layer(t, "UTC", "2027-01-31", "00:00", 3, 1, oncall.Month), "2027-02-28T00:00:00Z", "2027-02-28T00:00:00Z", "2027-03-31T00:00:00Z", 31 * 24 * time.Hour, "B"},
		{"and of a leap year's February", layer(t, "UTC", "2028-01-31", "00:00", 3, 1, oncall.Month), "2028-02-28T23:59:00Z", "2028-01-31T00:00:00Z", "2028-02-29T00:00:00Z", 29 * 24 * time.Hour, "A"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r, at := rotation(tc.layer), instant(t, tc.at)
			shifts := r.Shifts(at, at.Add(1))
			if len(shifts) != 1 {
				t.Fatalf("at %s there are the shifts %v, want one", tc.at, shifts)
			}
			s := shifts[0]
			if !s.Start.Equal(instant(t, tc.start)) || !s.End.Equal(instant(t, tc.end)) || s.End.Sub(s.Start) != tc.length || s.Agent != tc.who {
				t.Errorf("%s is on call from %s to %s (%s), want %s from %s to %s (%s)", s.Agent, s.Start.UTC(), s.End.UTC(), s.End.Sub(s.Start), tc.who, tc.start, tc.end, tc.length)
			}
			if on := r.On(at); len(on) != 1 || on[0] != s.Assignment {
				t.Errorf("on call is %v, and the shift is of %v", on, s.Assignment)
			}
			if next, ok := r.Next(at); !ok || !next.Start.Equal(s.End) {
				t.Errorf("the next shift begins %s (%t), want at the end of this", next.Start, ok)
			}
			if handOff, ok := r.HandOff(at); !ok || !handOff.Equal(s.End) {
				t.Errorf("the next hand-off is %s (%t), want the end of the shift", handOff, ok)
			}
		})
	}
}

// Restrictions of the known cases: who serves, and when that begins and ends.
func TestRestrictionsOfKnownCases(t *testing.T) {
	week := []time.Weekday{time.Monday, time.Tuesday, time.Wednesday, time.Thursday, time.Friday}
	utc, chicago := time.UTC, zone(t, "America/Chicago")
	for _, tc := range []struct {
		name    string
		duty    *calendar.Calendar
		on, off []string
		from    string
		next    [2]string
	}{
		{"9: over midnight", hours(t, utc, 20*60, 8*60, time.Monday),
			[]string{"2017-07-24T20:00:00Z", "2017-07-24T21:00:00Z", "2017-07-25T07:00:00Z"}, []string{"2017-07-25T08:00:00Z", "2017-07-24T09:00:00Z"},
			"2017-07-25T08:00:00Z", [2]string{"2017-07-31T20:00:00Z", "2017-08-01T08:00:00Z"}},
		{"10: days that touch are one block", hours(t, utc, 8*60, 8*60, week...),
			[]string{"2017-07-24T08:00:00Z", "2017-07-26T08:00:00Z", "2017-07-29T07:59:00Z"}, []string{"2017-07-24T07:59:00Z", "2017-07-29T08:00:00Z"},
			"2017-07-24T07:00:00Z", [2]string{"2017-07-24T08:00:00Z", "2017-07-29T08:00:00Z"}},
		{"11: half-open", hours(t, utc, 8*60, 20*60, time.Monday),
			[]string{"2017-07-24T08:00:00Z", "2017-07-24T19:59:59Z"}, []string{"2017-07-24T20:00:00Z", "2017-07-24T07:59:59Z"},
			"2017-07-24T07:00:00Z", [2]string{"2017-07-24T08:00:00Z", "2017-07-24T20:00:00Z"}},
		{"13: the start takes the first occurrence", hours(t, chicago, 90, 180, time.Sunday),
			[]string{"2018-11-04T06:30:00Z"}, []string{"2018-11-04T06:29:00Z"},
			"2018-11-04T06:00:00Z", [2]string{"2018-11-04T06:30:00Z", "2018-11-04T09:00:00Z"}},
		{"13: the end takes the last", hours(t, chicago, 0, 90, time.Sunday),
			[]string{"2018-11-04T07:29:00Z"}, []string{"2018-11-04T07:30:00Z"},
			"2018-11-04T04:00:00Z", [2]string{"2018-11-04T05:00:00Z", "2018-11-04T07:30:00Z"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			// One turn is long enough that no hand-off cuts the block.
			l := layer(t, "UTC", "2017-01-01", "00:00", 2, 100, oncall.Month)
			l.Duty.Calendar = tc.duty
			r := rotation(l)
			for _, at := range tc.on {
				if on := r.On(instant(t, at)); len(on) != 1 || on[0].Agent != "A" {
					t.Errorf("on call at %s is %v, want A", at, on)
				}
			}
			for _, at := range tc.off {
				if on := r.On(instant(t, at)); len(on) > 0 {
					t.Errorf("on call at %s is %v, want nobody", at, on)
				}
			}
			next, ok := r.Next(instant(t, tc.from))
			if !ok || !next.Start.Equal(instant(t, tc.next[0])) || !next.End.Equal(instant(t, tc.next[1])) {
				t.Errorf("the shift after %s is %s to %s, want %s to %s", tc.from, next.Start.UTC(), next.End.UTC(), tc.next[0], tc.next[1])
			}
		})
	}
}

// Case 17: three people by the day, and nobody works at weekends.
func TestCountingOfKnownCase(t *testing.T) {
	for _, onDuty := range []bool{false, true} {
		l := layer(t, "Europe/Berlin", "2026-11-06", "00:00", 3, 1, oncall.Day) // a Friday
		l.Duty.Calendar = hours(t, l.Zone, 0, 24*60, time.Monday, time.Tuesday, time.Wednesday, time.Thursday, time.Friday)
		l.CountOnDuty = onDuty
		want := []string{"A", "", "", "A", "B", "C"}
		if onDuty {
			want = []string{"A", "", "", "B", "C", "A"}
		}
		for i, who := range want {
			at := time.Date(2026, 11, 6+i, 12, 0, 0, 0, l.Zone)
			on := rotation(l).On(at)
			if who == "" && len(on) > 0 || who != "" && (len(on) != 1 || on[0].Agent != who) {
				t.Errorf("counting on duty %t: on call on %s is %v, want %q", onDuty, at.Format("Mon 2 Jan"), on, who)
			}
		}
	}
}
