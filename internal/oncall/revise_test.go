package oncall_test

import (
	"slices"
	"testing"
	"time"

	"github.com/caseload-dev/caseload/api/v1alpha1"
	"github.com/caseload-dev/caseload/internal/calendar"
	"github.com/caseload-dev/caseload/internal/oncall"
)

// weekly layer of agents, handed over on Mondays at 09:00 in Berlin from 2 November 2026 on.
func weekly(name string, agents ...string) v1alpha1.OnCallLayer {
	l := v1alpha1.OnCallLayer{
		Name: name, TimeZone: "Europe/Berlin", StartDate: "2026-11-02", HandOff: v1alpha1.HandOff{Day: v1alpha1.Monday, Time: "09:00"},
		Turn: v1alpha1.Turn{Every: 1, Unit: v1alpha1.TurnWeek},
	}
	for _, agent := range agents {
		l.Members = append(l.Members, v1alpha1.OnCallMember{AgentRef: v1alpha1.AgentReference{Name: v1alpha1.ObjectName(agent)}})
	}
	return l
}

func on(r *oncall.Rotation, at time.Time) string {
	var who string
	for _, a := range r.On(at) {
		who += a.Agent + " "
	}
	return who
}

func TestRevise(t *testing.T) {
	// On Wednesday 11 November it is B's turn, until Monday 16 November 09:00.
	now := instant(t, "2026-11-11T12:00:00Z")
	handOff := instant(t, "2026-11-16T08:00:00Z")
	before := []v1alpha1.OnCallLayer{weekly("first", "A", "B", "C")}
	hourEarlier := weekly("first", "A", "B", "C")
	hourEarlier.HandOff.Time = "08:00"
	leaving := weekly("first", "A", "B", "C")
	leaving.Members[1].Until = "2026-11-13"
	other := func(name string, precedence v1alpha1.Precedence) v1alpha1.OnCallLayer {
		l := weekly(name, "X", "Y")
		l.Precedence = precedence
		return l
	}
	for _, tc := range []struct {
		name    string
		edits   [][]v1alpha1.OnCallLayer
		rollout v1alpha1.Rollout
		gone    string
		now     string
		weeks   []string // who is on call right before the hand-off, at it, and weeks later
		pending int
	}{
		{"nothing", [][]v1alpha1.OnCallLayer{before}, "", "", "B ", []string{"B ", "C ", "A "}, 0},
		{"a member more", [][]v1alpha1.OnCallLayer{{weekly("first", "D", "A", "B", "C")}}, "", "", "B ", []string{"B ", "C ", "D ", "A "}, 1},
		{"another order", [][]v1alpha1.OnCallLayer{{weekly("first", "B", "A", "C")}}, "", "", "B ", []string{"B ", "A ", "C ", "B "}, 1},
		{"who is on call is removed", [][]v1alpha1.OnCallLayer{{weekly("first", "C", "A")}}, "", "", "B ", []string{"B ", "C ", "A ", "C "}, 1},
		{"an earlier hand-off", [][]v1alpha1.OnCallLayer{{hourEarlier}}, "", "", "B ", []string{"B ", "C ", "A "}, 1},
		{"the last edit wins", [][]v1alpha1.OnCallLayer{{weekly("first", "X")}, {weekly("first", "B", "A")}}, "", "", "B ", []string{"B ", "A ", "B "}, 1},
		{"a revert is no edit", [][]v1alpha1.OnCallLayer{{weekly("first", "X")}, before}, "", "", "B ", []string{"B ", "C ", "A "}, 0},
		{"a layer on top", [][]v1alpha1.OnCallLayer{{other("top", v1alpha1.PrecedenceInOrder), before[0]}}, "", "", "B ", []string{"B ", "X ", "Y "}, 2},
		{"a layer beside", [][]v1alpha1.OnCallLayer{{before[0], other("beside", v1alpha1.PrecedenceAdditional)}}, "", "", "B ", []string{"B ", "C X ", "A Y "}, 1},
		{"another layer instead", [][]v1alpha1.OnCallLayer{{other("other", v1alpha1.PrecedenceInOrder)}}, "", "", "B ", []string{"B ", "X ", "Y "}, 2},
		{"immediately a member more", [][]v1alpha1.OnCallLayer{{weekly("first", "A", "D", "B", "C")}}, v1alpha1.RolloutImmediate, "", "B ", []string{"B ", "C ", "A ", "D "}, 0},
		{"immediately without who is on call", [][]v1alpha1.OnCallLayer{{weekly("first", "C", "A")}}, v1alpha1.RolloutImmediate, "", "C ", []string{"C ", "A ", "C "}, 0},
		{"immediately what was to come", [][]v1alpha1.OnCallLayer{{weekly("first", "C", "A")}, {weekly("first", "C", "A")}}, v1alpha1.RolloutImmediate, "", "C ", []string{"C ", "A "}, 0},
		{"who is on call is gone", nil, "", "B", "C ", []string{"C ", "C ", "A ", "C "}, 0},
		{"who is on call is gone, and removed", [][]v1alpha1.OnCallLayer{{weekly("first", "A", "C")}}, "", "B", "C ", []string{"C ", "A ", "C "}, 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			env := oncall.Environment{Calendars: func(string) *calendar.Calendar { return nil }, Gone: func(agent string) bool { return agent == tc.gone }}
			revisions := oncall.Revise(nil, before, v1alpha1.RolloutAfterCurrentShift, now.AddDate(0, 0, -7), env)
			for i, edit := range tc.edits {
				rollout := v1alpha1.RolloutAfterCurrentShift
				if i == len(tc.edits)-1 && tc.rollout != "" {
					rollout = tc.rollout
				}
				revisions = oncall.Revise(revisions, edit, rollout, now.Add(time.Duration(i)*time.Minute), env)
				revisions = oncall.Revise(revisions, edit, rollout, now.Add(time.Duration(i)*time.Minute+time.Second), env)
			}
			pending := 0
			for _, r := range revisions {
				if r.EffectiveFrom.After(now.Add(time.Hour)) {
					pending++
				}
			}
			if pending != tc.pending {
				t.Errorf("%d revisions are pending, want %d: %+v", pending, tc.pending, revisions)
			}
			r := oncall.New(oncall.Declaration{Versions: oncall.NewVersions(revisions, env.Calendars), Gone: env.Gone})
			got := []string{on(r, handOff.Add(-1))}
			for week := range len(tc.weeks) - 1 {
				got = append(got, on(r, handOff.AddDate(0, 0, 7*week)))
			}
			if who := on(r, now.Add(2*time.Minute)); who != tc.now || !slices.Equal(got, tc.weeks) {
				t.Errorf("on call is now %q, then %q; want %q, then %q", who, got, tc.now, tc.weeks)
			}
		})
	}

	t.Run("who leaves hands over at once", func(t *testing.T) {
		env := oncall.Environment{}
		revisions := oncall.Revise(nil, []v1alpha1.OnCallLayer{leaving}, v1alpha1.RolloutAfterCurrentShift, now, env)
		r := oncall.New(oncall.Declaration{Versions: oncall.NewVersions(revisions, nil)})
		midnight := instant(t, "2026-11-12T23:00:00Z")
		if got := on(r, midnight.Add(-1)) + on(r, midnight) + on(r, handOff); got != "B C A " {
			t.Errorf("on call are %q, want B until the end of the 12th, then C, and after the hand-off A", got)
		}
	})
}

func TestGaps(t *testing.T) {
	berlin := zone(t, "Europe/Berlin")
	office := hours(t, berlin, 9*60, 18*60, time.Monday, time.Tuesday, time.Wednesday, time.Thursday, time.Friday)
	l := layer(t, "Europe/Berlin", "2026-11-02", "18:00", 1, 1, oncall.Week)
	l.Duty = oncall.Duty{Calendar: office, Outside: true}
	l.Members[0].Until = instant(t, "2026-11-11T23:00:00Z")
	from, to := instant(t, "2026-11-09T12:00:00Z"), instant(t, "2026-11-13T12:00:00Z")
	gaps := func(coverage *oncall.Duty) string {
		var text string
		r := oncall.New(oncall.Declaration{Versions: []oncall.Version{{Layer: l}}, Coverage: coverage})
		for _, g := range r.Gaps(from, to) {
			text += g.Start.UTC().Format("02T15:04 ") + g.End.UTC().Format("02T15:04 ")
		}
		return text
	}
	for _, tc := range []struct {
		name     string
		coverage *oncall.Duty
		want     string
	}{
		{"none is asked for", nil, ""},
		{"from when the only member leaves", &oncall.Duty{Calendar: office, Outside: true}, "11T23:00 12T08:00 12T17:00 13T08:00 "},
		{"and always in the office", &oncall.Duty{}, "09T12:00 09T17:00 10T08:00 10T17:00 11T08:00 11T17:00 11T23:00 13T12:00 "},
	} {
		if got := gaps(tc.coverage); got != tc.want {
			t.Errorf("%s: gaps are %s, want %s", tc.name, got, tc.want)
		}
	}
}
