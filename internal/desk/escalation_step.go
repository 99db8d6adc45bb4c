package desk

import (
	"fmt"
	"slices"

	"github.com/caseload-dev/caseload/internal/eventlog"
	"github.com/caseload-dev/caseload/internal/notify"
	"github.com/caseload-dev/caseload/internal/outbox"
	"github.com/caseload-dev/caseload/internal/plan"
	"github.com/caseload-dev/caseload/internal/ticket"
)

// takeStep lets the step of the ticket's run that is due take place: it notifies, puts the step on record, and then does
// what is to be done to the ticket.
func (c *change) takeStep(t *ticket.Ticket, policy *plan.EscalationPolicy, r eventlog.Record) (*ticket.Ticket, error) {
	next := *t.Clone().Escalation
	run := next.Run
	step := &policy.Steps[run.Step]
	turn, err := c.turn(policy, step)
	if err != nil {
		return nil, err
	}
	outcome := c.plan.Step(step, t, turn, c.now)
	reason := fmt.Sprintf("escalation %s, step %s", policy.Name, step.Name)
	for _, called := range outcome.Called {
		if err := c.notify(notification{
			kind: notify.Escalation, ticket: t, agent: called.Agent, reason: run.Reason, called: called.As + ", by " + reason,
		}); err != nil {
			return nil, err
		}
		if !slices.Contains(next.Notified, called.Agent) {
			next.Notified = append(next.Notified, called.Agent)
		}
	}
	r.Type, r.Data = eventlog.Escalated, eventlog.Encode(eventlog.EscalationData{
		Run: run.Number, Policy: run.Policy, Round: run.Round, Step: run.Step, Name: step.Name, Actions: outcome.Actions,
	})
	*run = policy.Advance(*run, outcome.Reached(), c.now)
	if t, err = c.apply(t, ticket.Escalate{Escalation: next}, r); err != nil {
		return nil, err
	}
	if err := c.callWebhooks(t, outcome.Webhooks); err != nil {
		return nil, err
	}
	for _, event := range outcome.Then {
		if t, err = c.follow(t, event, reason); err != nil {
			return nil, err
		}
	}
	return t, nil
}

// turn counts the escalations that came to a step before, if its notifying actions take turns.
func (c *change) turn(policy *plan.EscalationPolicy, step *plan.EscalationStep) (int64, error) {
	if !step.RoundRobin {
		return 0, nil
	}
	name := "escalation-turn/" + policy.Name + "/" + step.Name
	turn, err := metaNumber(c, name)
	if err != nil {
		return 0, err
	}
	return turn, putMetaNumber(c, name, turn+1)
}

// callWebhooks sends the step's record, the ticket's last, to those who do not get it anyway.
func (c *change) callWebhooks(t *ticket.Ticket, names []string) error {
	names = slices.DeleteFunc(slices.Clone(names), func(name string) bool {
		return outbox.Wants(*c.plan.HelpDesk.Webhook(name), eventlog.Escalated)
	})
	if len(names) == 0 {
		return nil
	}
	records, err := c.LastRecords(t.ID, 1)
	if err != nil {
		return err
	}
	body, err := outbox.Encode(c.desk.helpDesk, outbox.Event{Ticket: *t, Record: records[0]})
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := c.post(name, &records[0], body); err != nil {
			return err
		}
	}
	return nil
}

// follow lets what the step does to the ticket happen.
func (c *change) follow(t *ticket.Ticket, event ticket.Event, reason string) (*ticket.Ticket, error) {
	next, err := ticket.Apply(*t, event, c.now)
	if err != nil {
		return nil, err
	}
	r := eventlog.Record{Type: eventlog.Transferred, Reason: reason}
	if _, is := event.(ticket.Update); is {
		r.Type, r.Data = eventlog.Updated, eventlog.Encode(eventlog.UpdatedData{Changed: changedFields(t.Content, next.Content)})
	} else {
		next.Rule, next.PlanRevision = transferredBy+reason, c.plan.Revision
	}
	return &next, c.save(t, &next, r)
}
