package walltime

import (
	"testing"
	"time"
	_ "time/tzdata"

	"pgregory.net/rapid"

	"github.com/caseload-dev/caseload/internal/walltime/walltimetest"
)

func TestFirstAndLast(t *testing.T) {
	for _, tc := range []struct {
		name, zone, date string
		minute           int
		first, last      string
	}{
		{"once", "Europe/Berlin", "2024-01-15", 9 * 60, "2024-01-15T08:00:00Z", "2024-01-15T08:00:00Z"},
		{"skipped", "America/Chicago", "2020-03-08", 2*60 + 30, "2020-03-08T08:00:00Z", "2020-03-08T08:00:00Z"},
		{"where the gap begins", "America/Chicago", "2020-03-08", 2 * 60, "2020-03-08T08:00:00Z", "2020-03-08T08:00:00Z"},
		{"where the gap ends", "America/Chicago", "2020-03-08", 3 * 60, "2020-03-08T08:00:00Z", "2020-03-08T08:00:00Z"},
		{"twice", "America/Chicago", "2018-11-04", 90, "2018-11-04T06:30:00Z", "2018-11-04T07:30:00Z"},
		{"where the repetition begins", "America/Chicago", "2018-11-04", 60, "2018-11-04T06:00:00Z", "2018-11-04T07:00:00Z"},
		{"where the repetition ends", "America/Chicago", "2018-11-04", 2 * 60, "2018-11-04T08:00:00Z", "2018-11-04T08:00:00Z"},
		{"a midnight skipped", "America/Sao_Paulo", "2018-11-04", 0, "2018-11-04T03:00:00Z", "2018-11-04T03:00:00Z"},
		{"a midnight twice", "America/Havana", "2023-11-05", 0, "2023-11-05T04:00:00Z", "2023-11-05T05:00:00Z"},
		{"a last hour twice", "America/Asuncion", "2023-03-25", 23 * 60, "2023-03-26T02:00:00Z", "2023-03-26T03:00:00Z"},
		{"the midnight after it", "America/Asuncion", "2023-03-25", MinutesPerDay, "2023-03-26T04:00:00Z", "2023-03-26T04:00:00Z"},
		{"half an hour skipped", "Australia/Lord_Howe", "2023-10-01", 2*60 + 15, "2023-09-30T15:30:00Z", "2023-09-30T15:30:00Z"},
		{"half an hour twice", "Australia/Lord_Howe", "2023-04-02", 105, "2023-04-01T14:45:00Z", "2023-04-01T15:15:00Z"},
		{"a day skipped", "Pacific/Apia", "2011-12-30", 9 * 60, "2011-12-30T10:00:00Z", "2011-12-30T10:00:00Z"},
		{"the day after it", "Pacific/Apia", "2011-12-31", 0, "2011-12-30T10:00:00Z", "2011-12-30T10:00:00Z"},
		{"a day skipped by longer clocks", "Pacific/Kwajalein", "1993-08-21", 12 * 60, "1993-08-21T12:00:00Z", "1993-08-21T12:00:00Z"},
		{"a day twice", "America/Juneau", "1867-10-19", 12 * 60, "1867-10-18T20:57:41Z", "1867-10-19T20:57:41Z"},
		{"the end of a leap year far ahead", "Europe/Berlin", "2040-12-31", MinutesPerDay, "2040-12-31T23:00:00Z", "2040-12-31T23:00:00Z"},
		{"a negative minute", "UTC", "2024-03-01", -1, "2024-02-29T23:59:00Z", "2024-02-29T23:59:00Z"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			loc := walltimetest.Load(t, tc.zone)
			date, err := time.Parse(time.DateOnly, tc.date)
			if err != nil {
				t.Fatal(err)
			}
			y, m, d := date.Date()
			if got := First(loc, y, m, d, tc.minute); got.UTC().Format(time.RFC3339) != tc.first || got.Location() != loc {
				t.Errorf("the first is %s, want %s", got.UTC().Format(time.RFC3339), tc.first)
			}
			if got := Last(loc, y, m, d, tc.minute); got.UTC().Format(time.RFC3339) != tc.last || got.Location() != loc {
				t.Errorf("the last is %s, want %s", got.UTC().Format(time.RFC3339), tc.last)
			}
		})
	}
}

// Walking a clock minute by minute, First is the first at which it shows the time or a later one, and Last comes right
// before the clock shows later times for good.
func TestAsAClockShows(t *testing.T) {
	zones := walltimetest.Zones(t)
	rapid.Check(t, func(t *rapid.T) {
		loc := walltimetest.Load(t, rapid.SampledFrom(zones).Draw(t, "zone"))
		// From 1973 on all zones are whole minutes from UTC. Changes of the clock are found by stepping to one.
		at := time.Unix(rapid.Int64Range(1e8, time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC).Unix()).Draw(t, "at"), 0).In(loc)
		if _, change := at.ZoneBounds(); !change.IsZero() {
			at = change.Add(-24 * time.Hour)
		}
		y, m, d := at.Date()
		minute := rapid.IntRange(0, 3*MinutesPerDay).Draw(t, "minute")
		want := time.Date(y, m, d, 0, minute, 0, 0, time.UTC)

		first, last := time.Time{}, time.Time{}
		for at := at.Add(-3 * 24 * time.Hour).Truncate(time.Minute); at.Before(want.Add(3 * 24 * time.Hour)); at = at.Add(time.Minute) {
			face := time.Date(at.Year(), at.Month(), at.Day(), at.Hour(), at.Minute(), 0, 0, time.UTC)
			if first.IsZero() && !face.Before(want) {
				first = at
			}
			switch {
			case face.Equal(want):
				last = at
			case face.Before(want):
				last = at.Add(time.Minute)
			}
		}
		if got := First(loc, y, m, d, minute); !got.Equal(first) {
			t.Errorf("the first instant that shows %s is %s, want %s", want.Format(time.DateTime), got, first)
		}
		if got := Last(loc, y, m, d, minute); !got.Equal(last) {
			t.Errorf("the last instant that shows %s is %s, want %s", want.Format(time.DateTime), got, last)
		}
	})
}
