package escalation_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/caseload-dev/caseload/internal/escalation"
)

var start = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

const minute = time.Minute

// fired is a step that took place.
type fired struct {
	Round, Step int
	After       time.Duration
}

// play a run that is looked at whenever it is due, each time late by lateness, until the end.
func play(p *escalation.Policy, reaches func(step int) bool, lateness time.Duration, end time.Duration) []fired {
	var all []fired
	run := p.Start(escalation.Run{Number: 1}, start)
	for !run.NextAt.IsZero() && run.NextAt.Sub(start) <= end {
		now := run.NextAt.Add(lateness)
		for run.Due(now) {
			all = append(all, fired{run.Round, run.Step, now.Sub(start)})
			run = p.Advance(run, reaches(run.Step), now)
		}
	}
	return all
}

func everybody(int) bool { return true }

func TestStepsAreDue(t *testing.T) {
	tests := map[string]struct {
		policy   escalation.Policy
		reaches  func(int) bool
		lateness time.Duration
		want     []fired
	}{
		"the first at once and the second after its delay (GoAlert escalation_test)": {
			policy: escalation.Policy{Afters: []time.Duration{0, 30 * minute}},
			want:   []fired{{0, 0, 0}, {0, 1, 30 * minute}},
		},
		"an empty level makes the next due at once (incident.io)": {
			policy:  escalation.Policy{Afters: []time.Duration{0, 10 * minute, 15 * minute, 20 * minute}},
			reaches: func(step int) bool { return step != 1 },
			want:    []fired{{0, 0, 0}, {0, 1, 10 * minute}, {0, 2, 10 * minute}, {0, 3, 15 * minute}},
		},
		"rounds count from the last step": {
			policy: escalation.Policy{Afters: []time.Duration{5 * minute, 15 * minute}, Times: 2, Every: time.Hour},
			want: []fired{
				{0, 0, 5 * minute}, {0, 1, 15 * minute},
				{1, 0, 80 * minute}, {1, 1, 90 * minute},
				{2, 0, 155 * minute}, {2, 1, 165 * minute},
			},
		},
		"who reaches nobody waits for the next round all the same": {
			policy:  escalation.Policy{Afters: []time.Duration{0, 15 * minute}, Times: 1, Every: time.Hour},
			reaches: func(int) bool { return false },
			want:    []fired{{0, 0, 0}, {0, 1, 0}, {1, 0, 60 * minute}, {1, 1, 60 * minute}},
		},
		"a late step takes nothing off the gap to the next": {
			policy:   escalation.Policy{Afters: []time.Duration{0, 10 * minute, 30 * minute}},
			lateness: 7 * minute,
			want:     []fired{{0, 0, 7 * minute}, {0, 1, 24 * minute}, {0, 2, 51 * minute}},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if tt.reaches == nil {
				tt.reaches = everybody
			}
			if diff := cmp.Diff(tt.want, play(&tt.policy, tt.reaches, tt.lateness, 24*time.Hour)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestAcknowledgedIsNotForgotten(t *testing.T) {
	p := &escalation.Policy{Afters: []time.Duration{0, 15 * minute}, AcknowledgementTimeout: 30 * minute}
	run := p.Advance(p.Start(escalation.Run{}, start), true, start)

	run = p.Acknowledge(run, "agent/jo", start.Add(5*minute))
	if run.Due(start.Add(34*minute)) || !run.Due(start.Add(35*minute)) {
		t.Fatalf("acknowledged 5 minutes in for half an hour, it is due at %v", run.NextAt)
	}
	run = p.Lapse(run, run.NextAt)
	if run.Acknowledged() || run.Step != 1 || !run.Due(start.Add(35*minute)) {
		t.Fatalf("the step that was to come is not due: %+v", run)
	}
	run = p.Advance(run, true, run.NextAt)
	if !run.Over() {
		t.Fatalf("no step is left, and it is not over: %+v", run)
	}

	run = p.Lapse(p.Acknowledge(run, "agent/jo", start), start.Add(30*minute))
	if run.Over() || run.Step != 0 || run.Round != 1 {
		t.Errorf("after the last step an acknowledgement lapsed, and nobody is told anew: %+v", run)
	}
}

// Each step of each round takes place exactly once, in order, none early and none before its full gap.
func TestEveryStepOnceInOrderNoneEarly(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := escalation.Policy{Times: rapid.IntRange(0, 3).Draw(t, "times"), Every: duration(1, 90).Draw(t, "every")}
		after := duration(0, 30).Draw(t, "first")
		for range rapid.IntRange(1, 10).Draw(t, "steps") {
			p.Afters = append(p.Afters, after)
			after += duration(1, 60).Draw(t, "gap")
		}
		empty := rapid.SliceOfN(rapid.Bool(), len(p.Afters), len(p.Afters)).Draw(t, "empty")
		lateness := duration(0, 20).Draw(t, "lateness")

		got := play(&p, func(step int) bool { return !empty[step] }, lateness, 1000*time.Hour)

		if want := (p.Times + 1) * len(p.Afters); len(got) != want {
			t.Fatalf("%d steps took place, want %d", len(got), want)
		}
		var last fired
		for i, f := range got {
			if f.Round != i/len(p.Afters) || f.Step != i%len(p.Afters) {
				t.Fatalf("step %d of round %d came as number %d", f.Step, f.Round, i)
			}
			var gap time.Duration
			switch {
			case i == 0:
				gap = p.Afters[0]
			case f.Step == 0:
				gap = p.Every + p.Afters[0]
			case !empty[f.Step-1]:
				gap = p.Afters[f.Step] - p.Afters[f.Step-1]
			default:
				if f.After != last.After {
					t.Fatalf("step %d follows an empty one and came %s after it", f.Step, f.After-last.After)
				}
				last = f
				continue
			}
			if f.After-last.After != gap+lateness {
				t.Fatalf("step %d of round %d came %s after the one before, want its gap of %s and the lateness of %s",
					f.Step, f.Round, f.After-last.After, gap, lateness)
			}
			last = f
		}
	})
}

func duration(low, high int) *rapid.Generator[time.Duration] {
	return rapid.Map(rapid.IntRange(low, high), func(n int) time.Duration { return time.Duration(n) * minute })
}
