package caselog

import (
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

func readBakery(t *testing.T) *Log {
	t.Helper()
	f, err := os.Open("testdata/bakery.csv")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	log, err := Read(f, Options{Columns: DefaultColumns(), NotPeople: []string{"Robot"}})
	if err != nil {
		t.Fatal(err)
	}
	return log
}

func TestReadOrdersCasesByArrival(t *testing.T) {
	log := readBakery(t)
	var ids []string
	for _, c := range log.Cases {
		ids = append(ids, c.ID)
	}
	if want := []string{"oven-1", "till-2", "shop-3", "cake-4", "tart-5"}; !slices.Equal(ids, want) {
		t.Errorf("cases %v, want %v", ids, want)
	}
	first := log.Cases[0].Events[0]
	if want := time.Date(2030, 5, 6, 6, 0, 0, 0, time.UTC); !first.Time.Equal(want) || first.Line != 2 || first.State != Queued {
		t.Errorf("first event %+v, want time %s on line 2, queued", first, want)
	}
	if p := log.Cases[4].Events[0].Person; p != "" {
		t.Errorf("a system is %q, want nobody", p)
	}
}

func TestReadRefusesWhatItCannotUse(t *testing.T) {
	header := "case:concept:name,concept:name,org:resource,organization involved,time:timestamp\n"
	for name, c := range map[string]struct{ file, want string }{
		"empty":       {"", "the file is empty"},
		"no events":   {header, "no events"},
		"no team":     {header + "1,Queued,Ann,,2030-01-01T00:00:00Z\n", "line 2: case 1: the event has no team"},
		"no case":     {header + ",Queued,Ann,D2,2030-01-01T00:00:00Z\n", "line 2: the case has no id"},
		"time":        {header + "1,Queued,Ann,D2,yesterday\n", `line 2: case 1: time "yesterday" is not understood`},
		"column":      {"case,concept:name,org:resource,organization involved,time:timestamp\n", `no column "case:concept:name"`},
		"short a row": {header + "1,Queued\n", "line 2"},
	} {
		_, err := Read(strings.NewReader(c.file), Options{Columns: DefaultColumns()})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q", name, err, c.want)
		}
	}
}

// TestAWaitGoesOn while a log says again that the case is in the queue.
func TestAWaitGoesOn(t *testing.T) {
	start := time.Date(2030, 5, 6, 8, 0, 0, 0, time.UTC)
	c := Case{Events: []Event{
		{Time: start, State: Queued, Team: "A"},
		{Time: start.Add(time.Hour), State: Queued, Team: "A"},
		{Time: start.Add(2 * time.Hour), State: Working, Team: "A", Person: "Jo"},
	}}
	if waits := c.Waits(); len(waits) != 1 || !waits[0].From.Equal(start) {
		t.Errorf("waits %+v, want one of two hours", waits)
	}
}

func TestWhatACaseWentThrough(t *testing.T) {
	log := readBakery(t)
	for i, want := range []struct {
		teams     []string
		persons   int
		waits     []time.Duration
		final     State
		continues bool
	}{
		{[]string{"K7 2nd"}, 1, []time.Duration{10 * time.Minute, 20 * time.Minute}, Closed, false},
		{nil, 1, nil, Closed, true},
		{[]string{"K7 2nd", "X 3rd"}, 0, []time.Duration{20 * time.Minute, 5 * time.Minute}, Cancelled, false},
		{nil, 0, nil, Resolved, true},
		{nil, 0, nil, Closed, false},
	} {
		c := log.Cases[i]
		var waits []time.Duration
		for _, w := range c.Waits() {
			waits = append(waits, w.To.Sub(w.From))
		}
		if got := c.TeamChanges(); !slices.Equal(got, want.teams) {
			t.Errorf("%s: teams %v, want %v", c.ID, got, want.teams)
		}
		if got := c.PersonChanges(); got != want.persons {
			t.Errorf("%s: %d changes of person, want %d", c.ID, got, want.persons)
		}
		if !slices.Equal(waits, want.waits) {
			t.Errorf("%s: waits %v, want %v", c.ID, waits, want.waits)
		}
		if c.Final() != want.final || c.Continues() != want.continues {
			t.Errorf("%s: final %v continues %v, want %v %v", c.ID, c.Final(), c.Continues(), want.final, want.continues)
		}
	}
}
