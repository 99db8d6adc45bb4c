package desk_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"pgregory.net/rapid"

	"github.com/caseload-dev/caseload/api/v1alpha1"
	"github.com/caseload-dev/caseload/internal/desk/api"
	"github.com/caseload-dev/caseload/internal/desk/store"
	"github.com/caseload-dev/caseload/internal/eventlog"
	"github.com/caseload-dev/caseload/test/checker"
)

// Whoever works by a rotation is given work on shift alone, which the log proves whatever becomes of the rotation: hand-offs,
// people who stand in, edits that hold at once, at any moment and across restarts; and past shifts stay as the log has them.
func TestLogProvesWhoWasOnShift(t *testing.T) {
	given := 0
	rapid.Check(t, func(t *rapid.T) {
		w, end := newWorld(t, inTurns(t))
		defer end()
		for _, agent := range []string{"jo", "sam"} {
			if _, err := w.desk.SetPresence(w.ctx, as(agent), agent, api.SetPresence{Presence: "Available"}); err != nil {
				t.Fatal(err)
			}
		}
		give := func(t *rapid.T) { w.open(t); w.dispatch(t) }
		t.Repeat(map[string]func(*rapid.T){
			"give": give, "time": w.time, "duty": w.duty,
			"give at once": func(t *rapid.T) { w.clock.Step(time.Minute); give(t) }, // perhaps before a hand-off is on record
			"plan": func(t *rapid.T) {
				if rapid.Bool().Draw(t, "restart") {
					w.restart(t)
				}
				w.push(t, inTurns(t))
			},
		})
		w.settle(t)
		given += w.check(t).Decisions
	})
	if given == 0 {
		t.Error("nobody was given anything")
	}
}

// inTurns works on chats as they come, whoever is on call.
func inTurns(t *rapid.T) *organisation {
	o := acme()
	onCall(t, o)
	for _, a := range o.agents {
		a.Spec.Schedule = &v1alpha1.Schedule{RotationRef: &v1alpha1.OnCallRotationReference{Name: "turns"}}
		a.Spec.Limits[0].Max = 99
	}
	for _, q := range o.queues {
		q.Spec.Offer.Mode = v1alpha1.OfferAuto
	}
	return o
}

// onCall has agents work by a rotation that they serve in turns, with layers, hours and people who stand in, all of which
// change within the minutes that pass.
func onCall(t *rapid.T, o *organisation) {
	somebody := rapid.SampledFrom([]string{"jo", "sam"})
	minute := func(label string) time.Time {
		return start.Add(time.Duration(rapid.IntRange(0, 5).Draw(t, label)) * time.Minute)
	}
	windows := v1alpha1.Duty{Type: v1alpha1.DutyWindows, Windows: []v1alpha1.WeeklyHours{
		{Days: everyDay, From: "09:01", To: "09:03"}, {Days: everyDay, From: "09:04", To: "09:00"},
	}}
	o.rotation("turns", rapid.SampledFrom([]v1alpha1.Duty{{Type: v1alpha1.DutyAlways}, windows}).Draw(t, "duty"),
		rapid.SampledFrom([][]string{{"jo", "sam"}, {"sam", "jo"}, {"jo"}, {"sam"}}).Draw(t, "members")...)
	layers := &o.rotations["turns"].Spec.Layers
	(*layers)[0].StartDate, (*layers)[0].Turn.Unit = "2026-11-19", v1alpha1.TurnDay
	(*layers)[0].HandOff.Time = v1alpha1.TimeOfDay(minute("hand-off").Format("15:04"))
	if rapid.Bool().Draw(t, "second layer") {
		second := *(*layers)[0].DeepCopy()
		second.Name, second.Duty = "second", nil
		second.Members[0].AgentRef.Name = v1alpha1.ObjectName(somebody.Draw(t, "second"))
		second.Precedence = rapid.SampledFrom([]v1alpha1.Precedence{"", v1alpha1.PrecedenceAdditional}).Draw(t, "precedence")
		*layers = append(*layers, second)
	}
	for i := range rapid.IntRange(0, 2).Draw(t, "overrides") {
		x := &v1alpha1.OnCallOverride{ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprint("cover-", i)}}
		x.Spec.RotationRef.Name, x.Spec.AgentRef.Name = "turns", v1alpha1.ObjectName(somebody.Draw(t, "covers"))
		x.Spec.StartTime = metav1.NewTime(minute("override"))
		x.Spec.EndTime = metav1.NewTime(x.Spec.StartTime.Add(90 * time.Second))
		o.others = append(o.others, x)
	}
	for _, name := range slices.Sorted(maps.Keys(o.agents)) {
		if rapid.Bool().Draw(t, "works by turns") {
			o.agents[name].Spec.Schedule = &v1alpha1.Schedule{RotationRef: &v1alpha1.OnCallRotationReference{Name: "turns"}}
		}
	}
}

var everyDay = []v1alpha1.Weekday{"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"}

// handOff is the next of those that are not on record.
func (w *world) handOff(t *rapid.T) (next time.Time) {
	list, err := w.desk.OnCall(w.ctx, manager, api.OnCallQuery{})
	if err != nil {
		t.Fatal(err)
	}
	for _, item := range list.Items {
		if at, ok := w.active.Rotations[item.Rotation].HandOff(item.RecordedTo); ok && (next.IsZero() || at.Before(next)) {
			next = at
		}
	}
	return next
}

// checkLedger holds the rows of shifts against the log: both have the same people on call at any time.
func (w *world) checkLedger(t *rapid.T, records []checker.Record) {
	var rows []store.OnCallShift
	if err := w.store.View(w.ctx, func(r store.Reader) (err error) {
		rows, err = r.OnCallShifts("turns", time.Time{}, w.clock.Now().Add(time.Second))
		return err
	}); err != nil {
		t.Fatal(err)
	}
	var told []store.OnCallShift
	underWay := map[string]int{} // of told, by layer
	for _, r := range records {
		var s store.OnCallShift
		if !strings.HasPrefix(r.Type, "oncall.") {
			continue
		} else if err := json.Unmarshal(r.Data, &s); err != nil {
			t.Fatal(err)
		} else if r.Type == string(eventlog.OnCallBegan) {
			s.Agent, underWay[s.Layer] = r.Agent, len(told)
			told = append(told, s)
		} else {
			told[underWay[s.Layer]].End = s.End
		}
	}
	var edges []time.Time
	for _, s := range slices.Concat(rows, told) {
		edges = append(edges, s.Start, s.End)
	}
	for _, at := range edges {
		if log, ledger := servedAt(told, at), servedAt(rows, at); !slices.Equal(log, ledger) {
			t.Fatalf("at %s the log has %v on call, and the ledger %v", at, log, ledger)
		}
	}
}

// servedAt tells whose shifts contain an instant.
func servedAt(shifts []store.OnCallShift, at time.Time) (served []string) {
	for _, s := range shifts {
		if !at.Before(s.Start) && at.Before(s.End) {
			served = append(served, s.Layer+" "+s.Agent+" "+s.Override+" "+s.Replaces)
		}
	}
	slices.Sort(served)
	return served
}
