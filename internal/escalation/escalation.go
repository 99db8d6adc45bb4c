// Package escalation decides when an escalation's steps are due: what a run does when nobody acts, is acknowledged, or
// was late. It is pure; whom a step reaches is the plan's to say when the step is due.
package escalation

import "time"

// Policy is what runs go by.
type Policy struct {
	// Afters are the instants of the steps, counted from the start of a round, growing.
	Afters []time.Duration
	// Times the steps are repeated after the first round, each round Every after the last step of the one before.
	Times int
	Every time.Duration
	// AcknowledgementTimeout is how long an acknowledgement holds.
	AcknowledgementTimeout time.Duration
	// Unassigned is how long a ticket may be without an agent before a run starts; zero: for ever.
	Unassigned time.Duration
}

// Run is one escalation of a ticket. Its zero value is none.
type Run struct {
	// Number of the run among those of the ticket, from 1.
	Number int `json:"number"`
	// Policy by name, and the Hash of the version that the run started with and keeps.
	Policy string `json:"policy"`
	Hash   string `json:"hash"`
	// Trigger that started it, and when.
	Trigger   string    `json:"trigger"`
	StartedAt time.Time `json:"startedAt"`
	// Reason of it, for who is called: what happened, or the words of who last asked for it.
	Reason string `json:"reason,omitempty"`
	// Round from 0, and the Step of it that comes next; the number of steps if there is none.
	Round int `json:"round"`
	Step  int `json:"step"`
	// NextAt is when the next step is due, or the acknowledgement lapses. Zero: nothing is to come.
	NextAt time.Time `json:"nextAt,omitzero"`
	// AcknowledgedBy is the agent or caller who stopped the run; empty while nobody acts.
	AcknowledgedBy string `json:"acknowledgedBy,omitempty"`
}

// ActionOutcome is what an action of a step came to.
type ActionOutcome struct {
	// Action is its type in api/v1alpha1.
	Action string `json:"action"`
	// Target is the agent notified, the queue that got the ticket, the priority it has or the webhook called.
	Target string `json:"target,omitempty"`
	// Skipped says why it came to nothing; empty if it took place.
	Skipped string `json:"skipped,omitempty"`
}

// Start a run.
func (p *Policy) Start(run Run, now time.Time) Run {
	run.StartedAt, run.Round, run.Step, run.AcknowledgedBy = now, 0, 0, ""
	run.NextAt = now.Add(p.Afters[0])
	return run
}

// Due says whether something is to happen at now.
func (r Run) Due(now time.Time) bool { return !r.NextAt.IsZero() && !r.NextAt.After(now) }

// Acknowledged says whether somebody stopped the run.
func (r Run) Acknowledged() bool { return r.AcknowledgedBy != "" }

// Over says whether all steps were gone through and nothing is to come.
func (r Run) Over() bool { return r.NextAt.IsZero() }

// Advance past the step that took place at now, be it late: the next keeps its full gap. One that reached nobody makes
// the next due at once, within its round.
func (p *Policy) Advance(r Run, reached bool, now time.Time) Run {
	step := r.Step
	r.Step++
	switch {
	case r.Step < len(p.Afters) && !reached:
		r.NextAt = now
	case r.Step < len(p.Afters):
		r.NextAt = now.Add(p.Afters[r.Step] - p.Afters[step])
	case r.Round < p.Times:
		r.Round, r.Step = r.Round+1, 0
		r.NextAt = now.Add(p.Every + p.Afters[0])
	default:
		r.NextAt = time.Time{}
	}
	return r
}

// Acknowledge stops the run, again if it was stopped: the timeout counts anew.
func (p *Policy) Acknowledge(r Run, by string, now time.Time) Run {
	r.AcknowledgedBy, r.NextAt = by, now.Add(p.AcknowledgementTimeout)
	return r
}

// Lapse ends the acknowledgement: the step that was to come is due at once. If all were gone through, a further round
// begins, so that nothing acknowledged is forgotten.
func (p *Policy) Lapse(r Run, now time.Time) Run {
	r.AcknowledgedBy, r.NextAt = "", now
	if r.Step == len(p.Afters) {
		r.Round, r.Step = r.Round+1, 0
	}
	return r
}
