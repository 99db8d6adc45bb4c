package manifest

import (
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/caseload-dev/caseload/api/v1alpha1"
	"github.com/caseload-dev/caseload/internal/plan"
)

const desk = `
apiVersion: support.caseload.dev/v1alpha1
kind: HelpDesk
metadata: {name: acme}
spec: {defaultTeamRef: {name: care}}
---
apiVersion: support.caseload.dev/v1alpha1
kind: SupportTeam
metadata: {name: care}
spec: {helpDeskRef: {name: acme}}
--- # the line
apiVersion: support.caseload.dev/v1alpha1
kind: Tier
metadata: {name: all}
spec: {teamRef: {name: care}, level: 1, agentSelector: {}}
---
---
apiVersion: support.caseload.dev/v1alpha1
kind: Queue
metadata: {name: general}
spec:
  tierRef: {name: all}
  requirements: {skills: [{name: english}]}
`

func load(t *testing.T, content string) *Set {
	t.Helper()
	s, err := Load([]string{"-"}, strings.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// A program reads from files what a cluster would store: with the defaults of the schema.
func TestDefaultsAreThoseOfTheSchema(t *testing.T) {
	s := load(t, desk+`---
apiVersion: support.caseload.dev/v1alpha1
kind: EscalationPolicy
metadata: {name: standard}
spec:
  triggers: [{type: Requested}]
  steps: [{name: up, after: 0s, actions: [{type: TransferToNextLevel}]}]
`)
	if desks := s.Desks(); len(desks) != 1 || desks[0] != (Desk{Name: "acme"}) {
		t.Fatalf("desks = %v", desks)
	}
	declared := s.declared(Desk{Name: "acme"}, false)
	if d := declared.HelpDesk.Spec; d.ReopenWindow != "72h" || d.MaxMissedOffers != 2 || d.Storage.Type != "Embedded" {
		t.Errorf("HelpDesk = %+v", d)
	}
	i := slices.IndexFunc(declared.Declared, func(o plan.Object) bool { return plan.KeyOf(o).Kind == plan.KindQueue })
	q := declared.Declared[i].(*v1alpha1.Queue).Spec
	if q.Strategy != "LeastOccupied" || q.Offer.Mode != "Manual" || q.Offer.Timeout != "30s" || q.State != "Open" || q.Requirements.Skills[0].MinLevel != 1 {
		t.Errorf("Queue = %+v", q)
	}
	i = slices.IndexFunc(declared.Declared, func(o plan.Object) bool { return plan.KeyOf(o).Kind == plan.KindEscalationPolicy })
	if e := declared.Declared[i].(*v1alpha1.EscalationPolicy).Spec; e.AcknowledgementTimeout != "30m" {
		t.Errorf("EscalationPolicy = %+v", e)
	}
	// And what Build takes for granted where nothing is said is the same.
	r := s.Plan(Desk{Name: "acme"})
	p, err := plan.Build(r.Manifest, r.Entries)
	if err != nil || p.HelpDesk.ReopenWindow != 72*time.Hour || p.Queues["general"].Offer.Timeout != 30*time.Second {
		t.Errorf("plan = %+v %v", p, err)
	}
}

func TestLinesAcrossDocuments(t *testing.T) {
	s := load(t, strings.Replace(desk, "{name: english}", "{name: English}", 1))
	problems := s.Check()
	if len(problems) == 0 || problems[0].Line != 23 || problems[0].Field != "spec.requirements.skills[0].name" {
		t.Errorf("problems = %v", problems)
	}
}

func TestFileSystem(t *testing.T) {
	s, err := LoadFS(fstest.MapFS{"a/desk.yaml": {Data: []byte(desk)}, "README.md": {Data: []byte("---\n[")}})
	if err != nil || s.Files != 1 || s.Objects() != 4 {
		t.Errorf("%+v %v", s, err)
	}
	for _, p := range s.Check() {
		if p.File != "a/desk.yaml" || !p.Warning {
			t.Errorf("problem = %v", p)
		}
	}
}

// An object that a cluster would refuse is not there.
func TestPlanLeavesOutWhatTheSchemaRefuses(t *testing.T) {
	s := load(t, strings.Replace(desk, "tierRef: {name: all}", "tierRef: {name: all}\n  priority: 5000", 1))
	if r := s.Plan(Desk{Name: "acme"}); r.Belongs[plan.Key{Kind: plan.KindQueue, Name: "general"}] || len(r.Entries) != 3 {
		t.Errorf("entries = %+v", r.Entries)
	}
}

// Odd input is a problem with a place, never a crash.
func TestOddDocuments(t *testing.T) {
	for name, content := range map[string]string{
		"scalar":          "hello",
		"list":            "[1, 2]",
		"no kind":         "apiVersion: v1",
		"tab":             "a:\n\tb: 1",
		"names a number":  "apiVersion: support.caseload.dev/v1alpha1\nkind: Agent\nmetadata: {name: 5}\nspec: {}",
		"no metadata":     "apiVersion: support.caseload.dev/v1alpha1\nkind: Agent\nspec: {}",
		"metadata a list": "apiVersion: support.caseload.dev/v1alpha1\nkind: Agent\nmetadata: []\nspec: {}",
		"spec a string":   "apiVersion: support.caseload.dev/v1alpha1\nkind: Agent\nmetadata: {name: jo}\nspec: x",
		"spec missing":    "apiVersion: support.caseload.dev/v1alpha1\nkind: RoutingPolicy\nmetadata: {name: jo}",
		"null in a list":  "apiVersion: support.caseload.dev/v1alpha1\nkind: Agent\nmetadata: {name: jo}\nspec: {teamRef: {name: a}, skills: [null]}",
		"items not there": "apiVersion: v1\nkind: List\nitems: [1, null]",
		"size":            "apiVersion: support.caseload.dev/v1alpha1\nkind: HelpDesk\nmetadata: {name: d}\nspec: {defaultTeamRef: {name: t}, storage: {embedded: {size: much}}}",
	} {
		problems := load(t, content).Check()
		if len(problems) == 0 || problems[0].Line < 1 || problems[0].File != "-" {
			t.Errorf("%s: %v", name, problems)
		}
	}
	for name, content := range map[string]string{"empty": "", "comment": "# nothing\n---\n# here\n", "other": "apiVersion: v1\nkind: Secret"} {
		if s := load(t, content); len(s.Check()) != 0 || s.Objects() != 0 {
			t.Errorf("%s: %v", name, s.Check())
		}
	}
}
