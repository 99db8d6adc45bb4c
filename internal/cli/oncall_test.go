package cli

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	ics "github.com/arran4/golang-ical"

	"github.com/caseload-dev/caseload/internal/desk/api"
)

const sunSample = "../../config/samples/follow-the-sun"

func TestOnCallByManifests(t *testing.T) {
	for name, tc := range map[string]struct {
		args []string
		want []string
	}{
		"who": {[]string{"who", "--at", "2026-12-01T10:00:00Z"}, []string{
			"ROTATION          ON CALL  LAYER   FOR  UNTIL                     NEXT", "around-the-clock  ben      london  -    Wed 2026-12-02 02:00 JST", "FIRST GAP"}},
		"next": {[]string{"next", "around-the-clock", "--at", "2026-12-01T10:00:00Z"}, []string{"ivy   oakland  -    Wed 2026-12-02 02:00 JST  Wed 2026-12-02 09:00 JST"}},
		"shifts": {[]string{"shifts", "--from", "2026-12-01T00:00:00Z", "--to", "2026-12-01T08:30:00Z"}, []string{
			"tokyo  ren    -    Tue 2026-12-01 09:00 JST  Tue 2026-12-01 17:30 JST  8.5"}},
		"gaps":     {[]string{"gaps", "--at", "2026-03-01T00:00:00Z"}, []string{"around-the-clock  Sun 2026-03-01 09:00 JST  Sun 2026-03-29 09:00 JST  672"}},
		"fairness": {[]string{"fairness", "--from", "2026-11-30T00:00:00+09:00", "--to", "2026-12-07T00:00:00+09:00"}, []string{"around-the-clock  ren    59.5   0       1         0"}},
		"month":    {[]string{"shifts", "--month", "2026-12"}, []string{"around-the-clock, December 2026 (Asia/Tokyo)", "Mon        Tue        Wed", "           1          2          3", "           ren        ren        ren"}},
	} {
		t.Run(name, func(t *testing.T) {
			out, errOut, code := run(t, "", append([]string{"oncall", "-f", sunSample}, tc.args...)...)
			if code != 0 || !strings.Contains(errOut, "have no history") {
				t.Errorf("exit %d\n%s", code, errOut)
			}
			for _, want := range tc.want {
				if !strings.Contains(out, want) {
					t.Errorf("misses %q:\n%s", want, out)
				}
			}
		})
	}

	t.Run("for programs", func(t *testing.T) {
		out, _, code := run(t, "", "oncall", "who", "-f", sunSample, "--at", "2026-12-01T10:00:00Z", "-o", "json")
		var list api.OnCallList
		if err := json.Unmarshal([]byte(out), &list); code != 0 || err != nil || len(list.Items) != 1 || list.Items[0].Current[0].Agent != "ben" {
			t.Errorf("exit %d, %v:\n%s", code, err, out)
		}
	})

	// By the days of the rotation's zone, and no others.
	t.Run("a month for programs", func(t *testing.T) {
		out, _, code := run(t, "", "oncall", "shifts", "-f", sunSample, "--month", "2026-12", "-o", "json")
		var list api.OnCallList
		if err := json.Unmarshal([]byte(out), &list); code != 0 || err != nil || len(list.Items) != 1 {
			t.Fatalf("exit %d, %v:\n%s", code, err, out)
		}
		hours := 0.0
		for _, s := range list.Items[0].Shares {
			hours += s.Hours
		}
		first := time.Date(2026, 12, 1, 0, 0, 0, 0, time.FixedZone("JST", 9*60*60))
		shifts := list.Items[0].Shifts
		if hours != 31*24 || shifts[0].Start.After(first) || !shifts[0].End.After(first) || !shifts[len(shifts)-1].Start.Before(first.AddDate(0, 1, 0)) {
			t.Errorf("%v hours from %v to %v", hours, shifts[0], shifts[len(shifts)-1])
		}
	})

	t.Run("mistakes", func(t *testing.T) {
		for want, args := range map[string][]string{
			"--at tomorrow is no instant":  {"who", "--at", "tomorrow"},
			"--to must come after --from":  {"shifts", "--from", "2026-12-02", "--to", "2026-12-01"},
			"no OnCallRotation nights":     {"who", "nights"},
			"--month December is no month": {"shifts", "--month", "December"},
			"[month from] are set none":    {"shifts", "--month", "2026-12", "--from", "2026-12-02"},
			"-o table: the only other":     {"gaps", "-o", "table"},
			"unknown flag: --from":         {"who", "--from", "2026-12-02"},
			"accepts at most 1 arg(s)":     {"next", "a", "b"},
		} {
			if _, errOut, code := run(t, "", append([]string{"oncall", "-f", sunSample}, args...)...); code != 1 || !strings.Contains(errOut, want) {
				t.Errorf("%v: exit %d, %q, want %q", args, code, errOut, want)
			}
		}
	})
}

// A calendar program reads the export back: the same shifts, with UIDs that stay.
func TestOnCallExport(t *testing.T) {
	export := func(args ...string) map[string][2]time.Time {
		out, errOut, code := run(t, "", append([]string{"oncall", "export", "-f", sunSample, "--to", "2026-12-14T00:00:00Z"}, args...)...)
		calendar, err := ics.ParseCalendar(strings.NewReader(out))
		if code != 0 || err != nil {
			t.Fatalf("exit %d, %v: %s", code, err, errOut)
		}
		events := map[string][2]time.Time{}
		for _, e := range calendar.Events() {
			start, err := e.GetStartAt()
			if err != nil {
				t.Fatal(err)
			}
			end, err := e.GetEndAt()
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(e.GetProperty(ics.ComponentPropertySummary).Value, "on call: around-the-clock") {
				t.Errorf("summary %v", e.GetProperty(ics.ComponentPropertySummary))
			}
			events[e.Id()] = [2]time.Time{start.UTC(), end.UTC()}
		}
		return events
	}
	all := export("--from", "2026-11-30T00:00:00Z")
	if len(all) < 3*14 {
		t.Errorf("%d shifts in two weeks of three regions", len(all))
	}
	later := export("--from", "2026-12-07T03:00:00Z")
	for id, times := range later {
		if all[id] != times {
			t.Errorf("event %s is from %v to %v, and was from %v to %v", id, times[0], times[1], all[id][0], all[id][1])
		}
	}
	ren := export("--from", "2026-11-30T00:00:00Z", "--agent", "ren")
	for id, times := range ren {
		if all[id] != times {
			t.Errorf("ren's event %s differs from that of the rotation", id)
		}
	}
	if len(ren) != 7 {
		t.Errorf("ren has %d shifts, want those of one week", len(ren))
	}
}
