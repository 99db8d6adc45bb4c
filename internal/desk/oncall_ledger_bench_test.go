package desk

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/caseload-dev/caseload/api/v1alpha1"
	"github.com/caseload-dev/caseload/internal/desk/api"
	"github.com/caseload-dev/caseload/internal/desk/store/sqlite"
	"github.com/caseload-dev/caseload/internal/plan"
)

// What it costs to hand over with 1,000 rotations that do each hour, at any of its minutes or all at once.
func BenchmarkHandOff(b *testing.B) {
	b.Run("apart", func(b *testing.B) { benchmarkHandOff(b, 60) })
	b.Run("at once", func(b *testing.B) { benchmarkHandOff(b, 1) })
}

func benchmarkHandOff(b *testing.B, minutes int) {
	const rotations, members = 1000, 5
	desk, team := &v1alpha1.HelpDesk{}, &v1alpha1.SupportTeam{}
	desk.Name, desk.Spec.DefaultTeamRef.Name = "acme", "support"
	team.Name, team.Spec.HelpDeskRef.Name = "support", "acme"
	objects := []metav1.Object{desk, team}
	var people []v1alpha1.OnCallMember
	for i := range members {
		agent := &v1alpha1.Agent{}
		agent.Name, agent.Spec.TeamRef.Name = fmt.Sprintf("agent-%d", i), "support"
		people = append(people, v1alpha1.OnCallMember{AgentRef: v1alpha1.AgentReference{Name: v1alpha1.ObjectName(agent.Name)}})
		objects = append(objects, agent)
	}
	for i := range rotations {
		rotation := &v1alpha1.OnCallRotation{}
		rotation.Name, rotation.Spec.TeamRef.Name = fmt.Sprintf("rotation-%03d", i), "support"
		rotation.Spec.Layers = []v1alpha1.OnCallLayer{{
			Name: "only", TimeZone: "UTC", StartDate: "2026-11-01", HandOff: v1alpha1.HandOff{Time: v1alpha1.TimeOfDay(fmt.Sprintf("00:%02d", i%minutes))},
			Turn: v1alpha1.Turn{Every: 1, Unit: v1alpha1.TurnHour}, Members: people,
		}}
		objects = append(objects, rotation)
	}
	entries := make([]plan.Entry, len(objects))
	for i, object := range objects {
		var err error
		if entries[i], err = plan.NewEntry(object); err != nil {
			b.Fatal(err)
		}
	}

	ctx, clock := b.Context(), clocktesting.NewFakeClock(time.Date(2026, 11, 20, 9, 0, 30, 0, time.UTC))
	db, err := sqlite.Open(ctx, filepath.Join(b.TempDir(), "desk.db"), sqlite.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	d, err := New(Options{Store: db, Clock: clock, HelpDesk: "acme", TempDir: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	if _, err := d.PushPlan(ctx, api.Call{}, "*", api.PushPlan{Manifest: plan.NewManifest("acme", entries), Entries: entries}); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		var r rest
		for r.over(clock.Now()) {
			if r, err = d.keepLedger(ctx); err != nil {
				b.Fatal(err)
			}
		}
		clock.SetTime(r.until)
	}
}
