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
	found := derive(t, func(o *Options) { o.Zones = map[string]string{"atlantis": "Atlantic/Azores", "Sweden": "Europe/Oslo"} })
	if text := rendered(t, found); !strings.Contains(text, "timeZone: Atlantic/Azores") || !strings.Contains(text, "timeZone: Europe/Oslo") {
		t.Error("the zones that are given are not those of the calendars")
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
