package notify_test

import (
	"testing"
	"time"
	_ "time/tzdata"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/caseload-dev/caseload/internal/notify"
)

func zone(t interface{ Fatal(...any) }, name string) *time.Location {
	location, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return location
}

func instant(t *testing.T, text string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	return at.UTC()
}

func quiet(location *time.Location, from, to time.Duration) *notify.QuietHours {
	return &notify.QuietHours{From: int(from.Minutes()), To: int(to.Minutes()), Location: location}
}

const hour = time.Hour

func TestAttempts(t *testing.T) {
	berlin, chicago := zone(t, "Europe/Berlin"), zone(t, "America/Chicago")
	night := quiet(berlin, 22*hour, 7*hour)
	for name, tc := range map[string]struct {
		contacts []notify.Contact
		urgent   bool
		now      string
		want     []string
	}{
		"at once, in the order declared": {
			contacts: []notify.Contact{{Address: "b"}, {Address: "a"}},
			now:      "2026-11-20T12:00:00Z", want: []string{"b 2026-11-20T12:00:00Z", "a 2026-11-20T12:00:00Z"},
		},
		"by their delays": {
			contacts: []notify.Contact{{Address: "phone", After: 10 * time.Minute}, {Address: "chat"}, {Address: "mail", After: time.Minute}},
			now:      "2026-11-20T12:00:00Z",
			want:     []string{"chat 2026-11-20T12:00:00Z", "mail 2026-11-20T12:01:00Z", "phone 2026-11-20T12:10:00Z"},
		},
		"before midnight it waits for the morning": {
			contacts: []notify.Contact{{Address: "a", Quiet: night}}, now: "2026-11-20T22:30:00Z", want: []string{"a 2026-11-21T06:00:00Z"},
		},
		"after midnight too": {
			contacts: []notify.Contact{{Address: "a", Quiet: night}}, now: "2026-11-21T02:00:00Z", want: []string{"a 2026-11-21T06:00:00Z"},
		},
		"from the first minute on": {
			contacts: []notify.Contact{{Address: "a", Quiet: night}}, now: "2026-11-20T21:00:00Z", want: []string{"a 2026-11-21T06:00:00Z"},
		},
		"and not before": {
			contacts: []notify.Contact{{Address: "a", Quiet: night}}, now: "2026-11-20T20:59:59Z", want: []string{"a 2026-11-20T20:59:59Z"},
		},
		"nor when they end": {
			contacts: []notify.Contact{{Address: "a", Quiet: night}}, now: "2026-11-21T06:00:00Z", want: []string{"a 2026-11-21T06:00:00Z"},
		},
		"urgent breaks them": {
			contacts: []notify.Contact{{Address: "a", Quiet: night, After: time.Minute}}, urgent: true,
			now: "2026-11-20T22:30:00Z", want: []string{"a 2026-11-20T22:31:00Z"},
		},
		"a delay into them waits for their end, and comes after who is not quiet": {
			contacts: []notify.Contact{{Address: "a", Quiet: night, After: hour}, {Address: "b", After: 2 * hour}},
			now:      "2026-11-20T20:30:00Z", want: []string{"b 2026-11-20T22:30:00Z", "a 2026-11-21T06:00:00Z"},
		},
		"within a day": {
			contacts: []notify.Contact{{Address: "a", Quiet: quiet(berlin, 12*hour, 13*hour)}}, now: "2026-11-20T11:30:00Z",
			want: []string{"a 2026-11-20T12:00:00Z"},
		},
		"the night the clocks are set forward is an hour shorter": {
			contacts: []notify.Contact{{Address: "a", Quiet: night}}, now: "2026-03-28T22:30:00Z", want: []string{"a 2026-03-29T05:00:00Z"},
		},
		"an end that is skipped is the end of the gap": {
			contacts: []notify.Contact{{Address: "a", Quiet: quiet(berlin, 22*hour, 2*hour+30*time.Minute)}}, now: "2026-03-28T22:30:00Z",
			want: []string{"a 2026-03-29T01:00:00Z"},
		},
		"an end that comes twice is the second": {
			contacts: []notify.Contact{{Address: "a", Quiet: quiet(chicago, 22*hour, 90*time.Minute)}}, now: "2026-11-01T05:00:00Z",
			want: []string{"a 2026-11-01T07:30:00Z"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, a := range notify.Attempts(tc.contacts, tc.urgent, instant(t, tc.now)) {
				got = append(got, a.Address+" "+a.At.Format(time.RFC3339))
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// Nobody is told while their clock shows quiet hours, and nobody waits longer than those last.
func TestNobodyIsDisturbedNorWaitsForLong(t *testing.T) {
	zones := []string{"Europe/Berlin", "America/Chicago", "America/Havana", "America/Sao_Paulo", "Australia/Lord_Howe", "Asia/Gaza", "UTC"}
	rapid.Check(t, func(t *rapid.T) {
		location := zone(t, rapid.SampledFrom(zones).Draw(t, "zone"))
		from, to := rapid.IntRange(0, 1439).Draw(t, "from"), rapid.IntRange(0, 1439).Draw(t, "to")
		if from == to {
			return
		}
		now := time.Unix(rapid.Int64Range(1420070400, 2051222400).Draw(t, "now"), 0).UTC()
		attempts := notify.Attempts([]notify.Contact{{Quiet: &notify.QuietHours{From: from, To: to, Location: location}}}, false, now)
		at := attempts[0].At

		showsQuiet := func(t time.Time) bool {
			local := t.In(location)
			minute := local.Hour()*60 + local.Minute()
			if from < to {
				return from <= minute && minute < to
			}
			return minute >= from || minute < to
		}
		length := (to - from + 1440) % 1440
		_, change := now.Add(-25 * hour).In(location).ZoneBounds()
		steady := change.IsZero() || change.After(now.Add(49*hour))
		switch {
		case at.Before(now):
			t.Fatalf("%s is before %s", at, now)
		case steady && showsQuiet(at), at.Equal(now) && showsQuiet(now):
			t.Fatalf("told at %s", at.In(location))
		case steady && !showsQuiet(now) && !at.Equal(now):
			t.Fatalf("put off from %s to %s", now.In(location), at.In(location))
		case at.Sub(now) > time.Duration(length)*time.Minute+2*hour:
			t.Fatalf("put off for %s, of quiet hours of %d minutes", at.Sub(now), length)
		}
	})
}
