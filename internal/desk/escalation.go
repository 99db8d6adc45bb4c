package desk

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/caseload-dev/caseload/api/v1alpha1"
	"github.com/caseload-dev/caseload/internal/desk/api"
	"github.com/caseload-dev/caseload/internal/escalation"
	"github.com/caseload-dev/caseload/internal/eventlog"
	"github.com/caseload-dev/caseload/internal/plan"
	"github.com/caseload-dev/caseload/internal/ticket"
)

// watch keeps what escalation has to know of a ticket in step with a change that is about to be stored.
func (c *change) watch(before, after *ticket.Ticket) error {
	policy := c.plan.EscalationFor(after.Queue)
	if policy == nil && after.Escalation == nil {
		return nil
	}
	var current, pinned *escalation.Policy
	matches := false
	if policy != nil {
		current = &policy.Policy
		if policy.Minds() {
			customer, err := c.customer(after.Customer)
			if err != nil {
				return err
			}
			matches = policy.Matches(&after.Content, customer)
		}
	}
	if run := after.Escalating(); run != nil {
		p, err := c.escalationPolicy(run)
		if err != nil {
			return err
		}
		pinned = &p.Policy
	}
	after.Watch(before, current, pinned, matches, c.now)
	return nil
}

// escalationPolicy is the version of its policy that a run started with: the one in force, or an older one that the store
// keeps.
func (c *change) escalationPolicy(run *escalation.Run) (*plan.EscalationPolicy, error) {
	if p := c.plan.Escalations[run.Policy]; p != nil && p.Hash == run.Hash {
		return p, nil
	}
	if p, known := c.desk.escalations.Load(run.Hash); known {
		return p.(*plan.EscalationPolicy), nil
	}
	entry, err := c.Entry(run.Hash)
	if err != nil {
		return nil, fmt.Errorf("the version of EscalationPolicy/%s that run %d started with: %w", run.Policy, run.Number, err)
	}
	p, err := plan.ReadEscalationPolicy(*entry)
	if err != nil {
		return nil, err
	}
	c.desk.escalations.Store(run.Hash, p)
	return p, nil
}

// trigger starts an escalation if the change that was stored is a cause for one. The ticket given is then the escalated
// one.
func (c *change) trigger(before, after *ticket.Ticket, r *eventlog.Record) error {
	policy := c.plan.EscalationFor(after.Queue)
	if policy == nil || !after.Status.Live() || after.Status == ticket.Resolved || after.Escalating() != nil {
		return nil
	}
	cause := cause(before, after, r)
	if !policy.Triggers[cause] {
		return nil
	}
	started, err := c.startEscalation(after, policy, cause, eventlog.Record{})
	if err != nil {
		return err
	}
	*after = *started
	return nil
}

// cause is the trigger that a change pulls, empty for none.
func cause(before, after *ticket.Ticket, r *eventlog.Record) v1alpha1.EscalationTriggerType {
	matched := before != nil && before.Escalation != nil && before.Escalation.Matches
	switch {
	case r.Type == eventlog.Reopened:
		return v1alpha1.TriggerReopened
	case r.Type == eventlog.AtRisk, r.Type == eventlog.Breached:
		return serviceTrigger(r)
	case after.Escalation != nil && after.Escalation.Matches && !matched:
		return v1alpha1.TriggerMatches
	}
	return ""
}

// happened tells what pulled a trigger that neither a person pulls nor the time without an agent.
func happened(cause v1alpha1.EscalationTriggerType) string {
	switch cause {
	case v1alpha1.TriggerReopened:
		return "it was resolved, and is reopened"
	case v1alpha1.TriggerMatches:
		return "what the policy looks for became true of it"
	}
	for metric, words := range eventlog.MetricWords {
		switch string(cause) {
		case string(metric) + "AtRisk":
			return words + " is at risk"
		case string(metric) + "Breached":
			return words + " is late"
		}
	}
	return ""
}

// startEscalation starts a run of the policy.
func (c *change) startEscalation(t *ticket.Ticket, policy *plan.EscalationPolicy, cause v1alpha1.EscalationTriggerType, r eventlog.Record) (*ticket.Ticket, error) {
	run := escalation.Run{Policy: policy.Name, Hash: policy.Hash, Trigger: string(cause), Reason: happened(cause)}
	switch cause {
	case v1alpha1.TriggerUnassigned:
		run.Reason = r.Reason
	case v1alpha1.TriggerRequested:
		run.Reason = c.asks(r.Reason)
	}
	next := t.Escalation.Start(&policy.Policy, run, t.OwnedByAgent(), c.now)
	r.Type = eventlog.EscalationStarted
	data := eventlog.EscalationData{
		Run: next.Runs, Policy: policy.Name, Trigger: string(cause), Times: policy.Times,
		EveryMillis: policy.Every.Milliseconds(), AcknowledgementMillis: policy.AcknowledgementTimeout.Milliseconds(),
	}
	for _, after := range policy.Afters {
		data.AfterMillis = append(data.AfterMillis, after.Milliseconds())
	}
	r.Data = eventlog.Encode(data)
	return c.apply(t, ticket.Escalate{Escalation: next}, r)
}

// unassigned starts the escalation of a ticket that has been without an agent for too long.
func (c *change) unassigned(t *ticket.Ticket, r eventlog.Record) (*ticket.Ticket, error) {
	policy := c.plan.EscalationFor(t.Queue)
	if policy != nil && policy.Unassigned > 0 && !t.Escalation.WithoutAgentSince.Add(policy.Unassigned).After(c.now) {
		r.Reason = "without an agent for " + plan.FormatDuration(policy.Unassigned)
		return c.startEscalation(t, policy, v1alpha1.TriggerUnassigned, r)
	}
	r.Type, r.Reason = eventlog.EscalationPutOff, "the policy in force allows more time"
	return c.apply(t, ticket.Escalate{Escalation: *t.Escalation}, r)
}

// escalate lets the step that is due take place, or the acknowledgement lapse.
func (c *change) escalate(t *ticket.Ticket, r eventlog.Record) (*ticket.Ticket, error) {
	policy, err := c.escalationPolicy(t.Escalation.Run)
	if err != nil {
		return nil, err
	}
	if by := t.Escalation.Run.AcknowledgedBy; by != "" {
		r.Type, r.Reason = eventlog.AcknowledgementOver, by+" acknowledged it, and it is not resolved"
		return c.goOn(t, policy, r, r.Reason)
	}
	return c.takeStep(t, policy, r)
}

// Escalate starts an escalation, or makes the next step of the one under way due at once.
func (d *Desk) Escalate(ctx context.Context, call api.Call, id int64, body api.Because) (*ticket.Ticket, error) {
	if body.Reason == "" {
		return nil, invalid("body.reason", body.Reason, "say why the ticket is escalated: who is called must not have to ask")
	}
	return d.act(ctx, call, "escalate", id, func(c *change, t *ticket.Ticket) (*ticket.Ticket, error) {
		r := eventlog.Record{Reason: body.Reason}
		if run := t.Escalating(); run != nil {
			policy, err := c.escalationPolicy(run)
			if err != nil {
				return nil, err
			}
			r.Type = eventlog.EscalationRequested
			return c.goOn(t, policy, r, c.asks(r.Reason))
		}
		policy := c.plan.EscalationFor(t.Queue)
		switch {
		case policy == nil:
			return nil, conflict(api.ProblemConflict, "no EscalationPolicy is in force for queue %q: its team names none; transfer the ticket instead", t.Queue)
		case !policy.Triggers[v1alpha1.TriggerRequested]:
			return nil, conflict(api.ProblemConflict, "EscalationPolicy/%s has no trigger of type Requested; transfer the ticket instead", policy.Name)
		}
		return c.startEscalation(t, policy, v1alpha1.TriggerRequested, r)
	})
}

// goOn makes the next step of the run due at once, for a reason; of one whose steps are all gone through, a further round.
func (c *change) goOn(t *ticket.Ticket, policy *plan.EscalationPolicy, r eventlog.Record, reason string) (*ticket.Ticket, error) {
	next := *t.Clone().Escalation
	r.Data = eventlog.Encode(eventlog.EscalationData{Run: next.Run.Number, Policy: policy.Name, Round: next.Run.Round, Step: next.Run.Step})
	*next.Run = policy.Lapse(*next.Run, c.now)
	next.Run.Reason = reason
	return c.apply(t, ticket.Escalate{Escalation: next}, r)
}

// Acknowledge stops the escalation for a time: somebody who was notified acts, or the ticket's agent.
func (d *Desk) Acknowledge(ctx context.Context, call api.Call, id int64, body api.Because) (*ticket.Ticket, error) {
	return answer(ctx, d, call, fmt.Sprintf("acknowledge/%d", id), func(c *change) (*ticket.Ticket, error) {
		t, err := c.ticketByID(id)
		if err != nil {
			return nil, err
		}
		notified := t.Escalation != nil && call.Agent != "" && slices.Contains(t.Escalation.Notified, call.Agent)
		if err := mayAct(call, t); err != nil && !notified {
			return nil, err
		}
		if t.Escalation == nil || t.Escalation.Run == nil {
			return c.apply(t, ticket.Acknowledge{}, eventlog.Record{}) // which says what is wrong
		}
		policy, err := c.escalationPolicy(t.Escalation.Run)
		if err != nil {
			return nil, err
		}
		run := policy.Acknowledge(*t.Escalation.Run, cmp.Or(call.Agent, c.actor), c.now)
		return c.apply(t, ticket.Acknowledge{Run: run}, eventlog.Record{
			Type: eventlog.Acknowledged, Reason: body.Reason,
			Data: eventlog.Encode(eventlog.EscalationData{Run: run.Number, Policy: run.Policy, Until: run.NextAt, Round: run.Round, Step: run.Step}),
		})
	})
}
