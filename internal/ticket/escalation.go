package ticket

import (
	"slices"
	"time"

	"github.com/caseload-dev/caseload/internal/escalation"
)

// Escalation is what a ticket keeps of its escalations.
type Escalation struct {
	// Runs there were so far.
	Runs int `json:"runs,omitempty"`
	// Run under way, or gone through; nil before the first and once the ticket is resolved.
	Run *escalation.Run `json:"run,omitempty"`
	// Notified by the run, by name: they may acknowledge it.
	Notified []string `json:"notified,omitempty"`
	// WithoutAgentSince is when the ticket was opened or lost its agent; zero while it has one.
	WithoutAgentSince time.Time `json:"withoutAgentSince,omitzero"`
	// UnassignedAt is when that has lasted too long, which starts an escalation; zero if it does not, or did already.
	UnassignedAt time.Time `json:"unassignedAt,omitzero"`
	// Escalated says that there was an escalation since the ticket has been without an agent.
	Escalated bool `json:"escalated,omitempty"`
	// Matches says that an expression of the policy was true when the ticket last changed.
	Matches bool `json:"matches,omitempty"`
}

func (e *Escalation) clone() *Escalation {
	if e == nil {
		return nil
	}
	c := *e
	c.Run = clone(e.Run)
	c.Notified = slices.Clone(e.Notified)
	return &c
}

// Escalating is the run under way, nil if there is none or all its steps were gone through.
func (t *Ticket) Escalating() *escalation.Run {
	if t.Escalation == nil || t.Escalation.Run == nil || t.Escalation.Run.Over() {
		return nil
	}
	return t.Escalation.Run
}

func (e Escalate) apply(t *Ticket, _ time.Time) string {
	t.Escalation = e.Escalation.clone()
	return ""
}

func (e Acknowledge) apply(t *Ticket, _ time.Time) string {
	if t.Escalation == nil || t.Escalation.Run == nil {
		return "it is not being escalated"
	}
	t.Escalation.Run = clone(&e.Run)
	return ""
}

// Watch brings what the ticket keeps of its escalations in line with a change, before which it was as given; nil: it is
// new. Policy is the one in force for the ticket, and pinned the one its run goes by; either may be nil. Matches says that
// an expression of the policy is true of the ticket.
//
// An agent who takes the ticket acknowledges the run; that lapses when the ticket waits again. Resolving ends it.
func (t *Ticket) Watch(before *Ticket, policy, pinned *escalation.Policy, matches bool, now time.Time) {
	if t.Escalation == nil && policy == nil {
		return
	}
	e := t.Escalation.clone()
	if e == nil {
		e = &Escalation{}
	}
	t.Escalation = e
	if !t.Status.Live() || t.Status == Resolved {
		*e = Escalation{Runs: e.Runs}
	} else {
		e.Matches = matches
		e.answer(before, t, pinned, now)
		e.wait(before, t, policy, now)
	}
	if e.zero() {
		t.Escalation = nil
	}
}

// answer lets the run stop for the agent who takes the ticket, and go on when that agent no longer has it.
func (e *Escalation) answer(before, t *Ticket, pinned *escalation.Policy, now time.Time) {
	run := t.Escalating()
	if run == nil || pinned == nil {
		return
	}
	had := ""
	if before != nil && before.OwnedByAgent() {
		had = before.Agent
	}
	switch {
	case t.OwnedByAgent() && t.Agent != had:
		*run = pinned.Acknowledge(*run, t.Agent, now)
	case !t.OwnedByAgent() && had != "" && run.AcknowledgedBy == had:
		*run = pinned.Lapse(*run, now)
	}
}

// wait sets when the ticket will have been without an agent for too long.
func (e *Escalation) wait(before, t *Ticket, policy *escalation.Policy, now time.Time) {
	e.UnassignedAt = time.Time{}
	if t.OwnedByAgent() {
		e.WithoutAgentSince, e.Escalated = time.Time{}, false
		return
	}
	if e.WithoutAgentSince.IsZero() {
		e.WithoutAgentSince = now
		if before != nil && !before.OwnedByAgent() { // the policy is new to it
			e.WithoutAgentSince = t.EnteredQueueAt
		}
	}
	if t.Escalating() != nil {
		e.Escalated = true
	}
	if policy != nil && policy.Unassigned > 0 && !e.Escalated {
		e.UnassignedAt = e.WithoutAgentSince.Add(policy.Unassigned)
		if e.UnassignedAt.Before(now) { // the policy is new to it, and impatient
			e.UnassignedAt = now
		}
	}
}

func (e *Escalation) zero() bool {
	return e.Runs == 0 && e.Run == nil && e.WithoutAgentSince.IsZero() && !e.Matches
}

// Start is what the ticket keeps once the policy's run has started.
func (e *Escalation) Start(policy *escalation.Policy, run escalation.Run, assigned bool, now time.Time) Escalation {
	next := Escalation{Runs: 1}
	if e != nil {
		next = *e.clone()
		next.Runs++
	}
	run.Number = next.Runs
	run = policy.Start(run, now)
	next.Run, next.Notified, next.UnassignedAt, next.Escalated = &run, nil, time.Time{}, !assigned
	return next
}
