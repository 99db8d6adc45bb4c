package desk_test

import (
	"path/filepath"
	"testing"
	"time"

	clocktesting "k8s.io/utils/clock/testing"

	"github.com/caseload-dev/caseload/api/v1alpha1"
	"github.com/caseload-dev/caseload/internal/desk"
	"github.com/caseload-dev/caseload/internal/desk/api"
	"github.com/caseload-dev/caseload/internal/desk/store"
	"github.com/caseload-dev/caseload/internal/desk/store/sqlite"
	"github.com/caseload-dev/caseload/internal/plan"
)

// What a loop makes due at once, here the migration of more tickets than a turn has, the others do before all is settled.
func TestSettleLeavesNothingDue(t *testing.T) {
	db := must(sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "desk.db"), sqlite.Options{}))(t)
	defer func() { _ = db.Close() }()
	clock := clocktesting.NewFakeClock(start)
	d := must(desk.New(desk.Options{Store: db, Clock: clock, HelpDesk: "acme", TempDir: t.TempDir()}))(t)
	hash := "*"
	promise := func(resolution v1alpha1.Duration) {
		o := acme()
		o.level("standard", v1alpha1.ServiceTargets{Priority: "Low", Resolution: resolution})
		o.teams["support"].Spec.Defaults.ServiceLevelRef = levelRef("standard")
		entries := o.entries(t)
		hash = must(d.PushPlan(t.Context(), manager, hash, api.PushPlan{Manifest: plan.NewManifest("acme", entries), Entries: entries}))(t).Hash
	}
	promise("3h")
	for range 300 {
		must(d.OpenTicket(t.Context(), manager, chat()))(t)
	}
	clock.Step(time.Minute)
	promise("30s")
	must(d.Settle(t.Context()))(t)
	err := db.View(t.Context(), func(r store.Reader) error {
		next, err := r.NextWake()
		if !next.IsZero() && !next.After(clock.Now()) {
			t.Errorf("a timer due at %s has not fired at %s", next, clock.Now())
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}
