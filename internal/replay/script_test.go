package replay

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/caseload-dev/caseload/internal/caselog"
	"github.com/caseload-dev/caseload/internal/importer"
	"github.com/caseload-dev/caseload/internal/ticket"
)

func bakery(t *testing.T) (*caselog.Log, *importer.Organisation) {
	t.Helper()
	return history(t, "../caselog/testdata/bakery.csv", "Robot")
}

func history(t *testing.T, path string, notPeople ...string) (*caselog.Log, *importer.Organisation) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	log, err := caselog.Read(f, caselog.Options{Columns: caselog.DefaultColumns(), NotPeople: notPeople})
	if err != nil {
		t.Fatal(err)
	}
	org, err := importer.Derive(log, importer.Options{
		HelpDesk: "test", TierPattern: regexp.MustCompile(`\b(\d+)(?:st|nd|rd|th)$`), Channel: "Web", OfferTimeout: time.Minute, Hours: importer.DefaultHours(), KeptPercent: 80, SpeedUp: 1,
	})
	if err != nil {
		t.Fatal(err)
	}
	return log, org
}

func TestScriptsSayWhatTheHistoryDid(t *testing.T) {
	log, org := bakery(t)
	axis := caselog.NewAxis(log, 2*time.Hour)
	scripts := Scripts(log, org, axis)
	zoe, zoe2 := org.AgentOf["Zoe"], org.AgentOf["Zoë"]
	for i, want := range []struct {
		steps []string
		final ticket.Status
	}{
		{[]string{"work", "respond", "hand over k7-2nd +30m0s", "work", "hold +30m0s", "pass on kai>" + zoe + " +3h35m0s", "work", "resolve +30m0s", "close +2h0m0s"}, ticket.Closed},
		{[]string{"work", "respond", "pend +5m0s", "resolve +30m0s", "reopen +20m0s", "work", "pass on kai>" + org.AgentOf["??"] + " +10m0s", "work", "resolve +20m0s", "close"}, ticket.Closed},
		// Queued from one team to the next: each hand-over is there, and no time passes while the ticket waits.
		{[]string{"hand over k7-2nd", "hand over x-3rd", "work", "respond", "put back x-3rd +5m0s", "work", "cancel +5m0s"}, ticket.Cancelled},
		// Cancelled, but the history continues: only a resolved ticket can.
		{[]string{"work", "respond", "resolve +4m0s", "reopen +5m0s", "work", "resolve +10m0s"}, ticket.Resolved},
		{[]string{"resolve", "close"}, ticket.Closed},
	} {
		s := scripts[i]
		var got []string
		for _, step := range s.Steps {
			words := []string{string(step.Kind)}
			if step.Queue != "" {
				words = append(words, step.Queue)
			}
			if step.Agent != "" {
				words = append(words, step.Giver+">"+step.Agent)
			}
			if step.After > 0 {
				words = append(words, "+"+step.After.String())
			}
			got = append(got, strings.Join(words, " "))
		}
		if !slices.Equal(got, want.steps) {
			t.Errorf("%s:\n got  %q\n want %q", s.Case, got, want.steps)
		}
		if got := final(log.Cases[i].Final())[0]; got != want.final {
			t.Errorf("%s ends %s, want %s", s.Case, got, want.final)
		}
	}
	if zoe == zoe2 {
		t.Errorf("Zoe and Zoë are both %s", zoe)
	}
	if c := scripts[1].Content; c.Category != "D2" || c.Priority != ticket.Urgent || c.Reference.Key != "till-2" || c.Channel != "Web" {
		t.Errorf("till-2 is opened as %+v, want category D2, Urgent, its case as the reference", c)
	}
}

// TestAnEscalationWasSooner: a ticket that is where the history hands it is not handed there again.
func TestAnEscalationWasSooner(t *testing.T) {
	step := Step{Kind: HandOver, Queue: "works"}
	if a := Next(step, View{Status: ticket.Waiting, Queue: "works"}); a.Verb != Done {
		t.Errorf("in the queue already, what is next is to %s, want nothing", a.Verb)
	}
	if a := Next(step, View{Status: ticket.Waiting, Queue: "counter"}); a.Verb != TransferToQueue || a.To != "works" {
		t.Errorf("next is to %s %s, want to transfer it to works", a.Verb, a.To)
	}
}

func TestAxisShortensIdleGapsOnly(t *testing.T) {
	log, _ := bakery(t)
	whole, short := caselog.NewAxis(log, 0), caselog.NewAxis(log, time.Hour)
	events := log.Cases[0].Events
	if got, want := whole.Length(), events[len(events)-1].Time.Sub(events[0].Time); got != want {
		t.Errorf("the whole history takes %s, want %s", got, want)
	}
	// From 11:05 to the next day's 09:30 nothing happens, nor from 10:00 to 12:00.
	if got, want := short.Length(), 3*time.Hour+5*time.Minute+time.Hour+30*time.Minute+time.Hour; got != want {
		t.Errorf("with gaps of at most an hour it takes %s, want %s", got, want)
	}
	if got := short.At(events[1].Time); got != 10*time.Minute {
		t.Errorf("the second event is at %s, want 10m", got)
	}
}

// TestVerifyNoticesWhatIsWrong spoils a faithful replay in each way it is there to notice.
func TestVerifyNoticesWhatIsWrong(t *testing.T) {
	log, org := bakery(t)
	faithful := func() (map[string]*Observed, map[string]*ticket.Ticket) {
		seen, stored := map[string]*Observed{}, map[string]*ticket.Ticket{}
		for _, c := range log.Cases {
			o := &Observed{Case: c.ID, Ticket: 1, Opened: 1, PassedOn: c.PersonChanges(), View: View{Status: final(c.Final())[0]}}
			for _, team := range c.TeamChanges() {
				o.HandOvers = append(o.HandOvers, Transfer{To: org.QueueOf[team]})
			}
			if c.Continues() {
				o.Reopened = 1
			}
			seen[c.ID], stored[c.ID] = o, &ticket.Ticket{Status: o.View.Status}
		}
		return seen, stored
	}
	seen, stored := faithful()
	if wrong := Verify(log, org.QueueOf, seen, stored); len(wrong) > 0 {
		t.Fatalf("a faithful replay is called wrong: %q", wrong)
	}
	seen["oven-1"].HandOvers = append(seen["oven-1"].HandOvers, Transfer{To: "x-3rd", ByTime: true})
	if wrong := Verify(log, org.QueueOf, seen, stored); len(wrong) > 0 {
		t.Fatalf("a replay in which nobody took a ticket in time is called wrong: %q", wrong)
	}
	for want, spoil := range map[string]func(map[string]*Observed, map[string]*ticket.Ticket){
		"case oven-1: lost":                       func(s map[string]*Observed, _ map[string]*ticket.Ticket) { delete(s, "oven-1") },
		"case oven-1: opened 2 times":             func(s map[string]*Observed, _ map[string]*ticket.Ticket) { s["oven-1"].Opened = 2 },
		"is Open by its log":                      func(s map[string]*Observed, _ map[string]*ticket.Ticket) { s["oven-1"].View.Status = ticket.Open },
		"the desk does not find it":               func(_ map[string]*Observed, d map[string]*ticket.Ticket) { delete(d, "oven-1") },
		"ticket 1 is Open, and by its log Closed": func(_ map[string]*Observed, d map[string]*ticket.Ticket) { d["oven-1"].Status = ticket.Open },
		`handed over to ["x-3rd" "k7-2nd"], and`: func(s map[string]*Observed, _ map[string]*ticket.Ticket) {
			s["shop-3"].HandOvers = []Transfer{{To: "x-3rd"}, {To: "k7-2nd"}}
		},
		`handed over to [], and in the history to ["k`: func(s map[string]*Observed, _ map[string]*ticket.Ticket) { s["oven-1"].HandOvers = nil },
		"handed over to [\"k7-2nd\" \"x-3rd\"], and": func(s map[string]*Observed, _ map[string]*ticket.Ticket) {
			s["oven-1"].HandOvers = append(s["oven-1"].HandOvers, Transfer{To: "x-3rd"})
		},
		"passed on 0 times, and in the history 1": func(s map[string]*Observed, _ map[string]*ticket.Ticket) { s["till-2"].PassedOn = 0 },
		"was never reopened":                      func(s map[string]*Observed, _ map[string]*ticket.Ticket) { s["till-2"].Reopened = 0 },
	} {
		seen, stored := faithful()
		spoil(seen, stored)
		if wrong := strings.Join(Verify(log, org.QueueOf, seen, stored), "\n"); !strings.Contains(wrong, want) {
			t.Errorf("want %q, got %q", want, wrong)
		}
	}
}
