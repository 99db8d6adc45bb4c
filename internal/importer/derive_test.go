package importer

import (
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/util/validation"
	"pgregory.net/rapid"

	"github.com/caseload-dev/caseload/internal/caselog"
	"github.com/caseload-dev/caseload/internal/ticket"
)

func bakery(t *testing.T) *Organisation {
	t.Helper()
	return derive(t, func(*Options) {})
}

func derive(t *testing.T, change func(*Options)) *Organisation {
	t.Helper()
	f, err := os.Open("../caselog/testdata/bakery.csv")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	log, err := caselog.Read(f, caselog.Options{Columns: caselog.DefaultColumns(), NotPeople: []string{"Robot"}})
	if err != nil {
		t.Fatal(err)
	}
	options := Options{
		HelpDesk: "bakery", TierPattern: regexp.MustCompile(`\b(\d+)(?:st|nd|rd|th)$`), Channel: "Web", OfferTimeout: time.Minute, Hours: DefaultHours(), KeptPercent: 80, EscalateAfter: 4 * time.Hour, SpeedUp: 1,
	}
	change(&options)
	org, err := Derive(log, options)
	if err != nil {
		t.Fatal(err)
	}
	return org
}

func TestDerive(t *testing.T) {
	org := bakery(t)
	queues := map[string]Queue{}
	for _, q := range org.Queues {
		queues[q.Name] = q
	}
	for name, want := range map[string]Queue{
		"d2":     {Name: "d2", Source: "D2", Level: 1, First: 3, People: 4, ServiceLevel: "se"},
		"k7-2nd": {Name: "k7-2nd", Source: "K7 2nd", Level: 2, First: 1, People: 4, ServiceLevel: "in"},
		"x-3rd":  {Name: "x-3rd", Source: "X 3rd", Level: 3, People: 1, ServiceLevel: "standard"},
		"old":    {Name: "old", Source: "!OLD!", Level: 1, First: 1, ServiceLevel: "standard"},
	} {
		if queues[name] != want {
			t.Errorf("queue %s is %+v, want %+v", name, queues[name], want)
		}
	}
	if org.DefaultQueue != "d2" {
		t.Errorf("default queue %s, want d2: most tickets entered it first", org.DefaultQueue)
	}
	if want := []string{"old"}; !slices.Equal(org.Summary.Unserved, want) {
		t.Errorf("unserved %v, want %v", org.Summary.Unserved, want)
	}

	agents := map[string]Agent{}
	for _, a := range org.Agents {
		agents[a.Source] = a
	}
	kai := agents["Kai"]
	if kai.Home != "k7-2nd" || !slices.Equal(kai.Others, []string{"d2"}) || !slices.Equal(kai.Levels, []int{1, 2}) || kai.Team != "workshop" {
		t.Errorf("Kai is %+v, want home k7-2nd, others d2, levels 1 and 2, team workshop", kai)
	}
	if zoe := agents["Zoë"]; zoe.Limit != 2 {
		t.Errorf("Zoë's limit is %d, want 2: two tickets were in progress at 08:15", zoe.Limit)
	}
	if a, b := agents["Zoe"].Name, agents["Zoë"].Name; a == b || a == "zoe" || b == "zoe" {
		t.Errorf("Zoe and Zoë are %s and %s, want two names with suffixes", a, b)
	}
	if odd := agents["??"].Name; !regexp.MustCompile(`^agent-[0-9a-f]{6}$`).MatchString(odd) {
		t.Errorf("?? is %s, want agent-<hash>", odd)
	}
	if _, ok := agents["Robot"]; ok {
		t.Error("a system became an Agent")
	}
}

func TestManifestsAreTheSameEachTime(t *testing.T) {
	first, err := bakery(t).Manifests()
	if err != nil {
		t.Fatal(err)
	}
	for range 5 {
		again, err := bakery(t).Manifests()
		if err != nil {
			t.Fatal(err)
		}
		for i := range first {
			if string(first[i].Data) != string(again[i].Data) {
				t.Fatalf("%s differs from one run to the next", first[i].Name)
			}
		}
	}
}

func TestNamesAreUniqueAndValid(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		// A small alphabet makes collisions likely.
		word := rapid.OneOf(rapid.StringMatching(`[aAäÄ .!-]{0,4}`), rapid.StringMatching(`[a-z]{60,80}`), rapid.String())
		originals := rapid.SliceOf(word).Draw(t, "originals")
		names := Names(originals, "agent")
		by := map[string]string{}
		for _, o := range originals {
			n := names[o]
			if problems := validation.IsDNS1123Label(n); len(problems) > 0 {
				t.Fatalf("%q became %q: %v", o, n, problems)
			}
			if other, taken := by[n]; taken && other != o {
				t.Fatalf("%q and %q both became %q", o, other, n)
			}
			by[n] = o
		}
		slices.Reverse(originals)
		for o, n := range Names(originals, "agent") {
			if names[o] != n {
				t.Fatalf("%q became %q and, in another order, %q", o, names[o], n)
			}
		}
	})
}

// TestCountriesAndTime: who works when, what is promised, and who gets what nobody takes.
func TestCountriesAndTime(t *testing.T) {
	org := bakery(t)
	zones := map[string]string{}
	for _, c := range org.Calendars {
		zones[c.Name] = string(c.Zone)
	}
	if want := map[string]string{"se": "Europe/Stockholm", "in": "Asia/Kolkata"}; !maps.Equal(zones, want) {
		t.Errorf("calendars %v, want %v: a country by its name and by its code is one", zones, want)
	}
	if want := []string{"Atlantis"}; !slices.Equal(org.Summary.UnknownCountries, want) {
		t.Errorf("unknown countries %v, want %v", org.Summary.UnknownCountries, want)
	}
	// oven-1 is the only Normal one. It waited for the vendor from 09:30 to the next day's 09:30.
	if got := org.Targets[ticket.Normal][ticket.Resolution]; got != 2*time.Hour {
		t.Errorf("a Normal ticket is resolved in %s, want 2h", got)
	}
	org.Targets[ticket.Low][ticket.Resolution] = 0
	night := caselog.Event{Time: time.Date(2030, 5, 6, 20, 0, 0, 0, time.UTC), State: caselog.Queued, Team: "D2", Impact: "Low", TeamCountry: "se"}
	morning := night
	morning.Time, morning.State = night.Time.Add(9*time.Hour), caselog.Resolved
	if _, met, _ := org.Attained(caselog.Case{Events: []caselog.Event{night, morning}}, ticket.Resolution); !met {
		t.Error("a night in Sweden counts for a target in business time")
	}
	text := rendered(t, org)
	for _, want := range []string{
		"timeZone: Asia/Kolkata", "schedule:\n    calendarRef:\n      name: in", "after: 4h0m0s\n    type: Unassigned",
		"defaultQueueRef:\n    name: line-2", "serviceLevelRef:\n        name: se",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the manifests have no %q", want)
		}
	}

	sped := derive(t, func(o *Options) { o.SpeedUp, o.MaxGap = 3600, time.Hour })
	if text := rendered(t, sped); strings.Contains(text, "BusinessCalendar") || !strings.Contains(text, "after: 4s\n    type: Unassigned") {
		t.Error("an hour in a second leaves 4 s until escalation, and no working hours")
	}
	if _, err := newAtlas([]string{"Sweden"}, DefaultHours(), map[string]string{"Narnia": "Europe/Oslo"}); err == nil || !strings.Contains(err.Error(), "Narnia") {
		t.Errorf("a zone of a country that the history does not name: %v, want it to be refused", err)
	}
	found := derive(t, func(o *Options) { o.Zones = map[string]string{"atlantis": "Atlantic/Azores", "Sweden": "Europe/Oslo"} })
	if text := rendered(t, found); !strings.Contains(text, "timeZone: Atlantic/Azores") || !strings.Contains(text, "timeZone: Europe/Oslo") {
		t.Error("the zones that are given are not those of the calendars")
	}
}

// TestTargets: what a part of the history kept, and where it did not.
func TestTargets(t *testing.T) {
	at := func(minute int) time.Time { return time.Date(2030, 5, 6, 8, minute, 0, 0, time.UTC) }
	var log caselog.Log
	for i, impact := range []string{"Low", "High", "High", "High", "High", "High"} {
		// The first team of the High ones hands it on after 40 minutes, and the other resolves it after 20 more for each.
		resolved := at(40 + 20*i)
		log.Cases = append(log.Cases, caselog.Case{ID: impact, Events: []caselog.Event{
			{Time: at(0), State: caselog.Queued, Team: "A", Impact: impact},
			{Time: at(40), State: caselog.Working, Team: "B 2nd", Person: "Jo", Impact: impact},
			{Time: resolved, State: caselog.Resolved, Team: "B 2nd", Person: "Jo", Impact: impact},
		}})
	}
	org := func(kept int) *Organisation {
		o, err := Derive(&log, Options{
			HelpDesk: "desk", TierPattern: regexp.MustCompile(`(\d)nd`), Channel: "Web", Hours: DefaultHours(), KeptPercent: kept, SpeedUp: 1,
		})
		if err != nil {
			t.Fatal(err)
		}
		return o
	}
	for kept, want := range map[int]time.Duration{1: time.Hour, 60: 105 * time.Minute, 61: 2 * time.Hour, 80: 2 * time.Hour, 81: 150 * time.Minute, 100: 150 * time.Minute} {
		if got := org(kept).Targets[ticket.High][ticket.Resolution]; got != want {
			t.Errorf("%d of 100 kept %s, want %s", kept, got, want)
		}
	}
	o := org(80)
	if got := o.Targets[ticket.Low][ticket.Resolution]; got != 2*time.Hour {
		t.Errorf("a Low ticket is resolved in %s, want the 2h of what presses more", got)
	}
	slowest := log.Cases[5]
	if team, met, done := o.Attained(slowest, ticket.Resolution); team != "B 2nd" || met || !done {
		t.Errorf("the slowest was resolved in time: %t, by %s, want not, by B 2nd", met, team)
	}
	o.Targets[ticket.High] = map[ticket.Metric]time.Duration{ticket.FirstResponse: 39 * time.Minute, ticket.Resolution: 39 * time.Minute}
	for _, metric := range []ticket.Metric{ticket.FirstResponse, ticket.Resolution} {
		if team, met, done := o.Attained(slowest, metric); team != "A" || met || !done {
			t.Errorf("%s in time: %t, by %s, want not, by A, which had it when the time was over", metric, met, team)
		}
	}
	o.Targets[ticket.High][ticket.FirstResponse] = 40 * time.Minute
	if team, met, done := o.Attained(slowest, ticket.FirstResponse); team != "B 2nd" || !met || !done {
		t.Errorf("first response in time: %t, by %s, want so, by B 2nd", met, team)
	}
}

// TestOneLineHasNoNext: nothing is escalated in an organisation of one line.
func TestOneLineHasNoNext(t *testing.T) {
	org := derive(t, func(o *Options) { o.TierPattern = regexp.MustCompile(`(none)`) })
	if text := rendered(t, org); strings.Contains(text, "scalation") {
		t.Error("the manifests have an escalation to a line that is not there")
	}
}

func rendered(t *testing.T, org *Organisation) string {
	t.Helper()
	files, err := org.Manifests()
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	for _, f := range files {
		text.Write(f.Data)
	}
	return text.String()
}

// TestEveryCountryHasAZone reads the whole table.
func TestEveryCountryHasAZone(t *testing.T) {
	for name, c := range countries() {
		if _, err := time.LoadLocation(c.zone); err != nil || len(c.code) != 2 {
			t.Errorf("%s is %+v: %v", name, c, err)
		}
	}
}
