package importer

import (
	"os"
	"regexp"
	"slices"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/util/validation"
	"pgregory.net/rapid"

	"github.com/caseload-dev/caseload/internal/caselog"
)

func bakery(t *testing.T) *Organisation {
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
	org, err := Derive(log, Options{
		HelpDesk: "bakery", TierPattern: regexp.MustCompile(`\b(\d+)(?:st|nd|rd|th)$`), Channel: "Web", OfferTimeout: time.Minute,
	})
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
		"d2":     {Name: "d2", Source: "D2", Level: 1, First: 3, People: 4},
		"k7-2nd": {Name: "k7-2nd", Source: "K7 2nd", Level: 2, First: 1, People: 4},
		"x-3rd":  {Name: "x-3rd", Source: "X 3rd", Level: 3, People: 1},
		"old":    {Name: "old", Source: "!OLD!", Level: 1, First: 1},
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
