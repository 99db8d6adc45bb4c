package desk

import (
	"fmt"
	"slices"

	"github.com/caseload-dev/caseload/api/v1alpha1"
	"github.com/caseload-dev/caseload/internal/escalation"
	"github.com/caseload-dev/caseload/internal/eventlog"
	"github.com/caseload-dev/caseload/internal/notify"
	"github.com/caseload-dev/caseload/internal/outbox"
	"github.com/caseload-dev/caseload/internal/plan"
	"github.com/caseload-dev/caseload/internal/ticket"
)

// stepChange is a step of an escalation taking place.
type stepChange struct {
	*change
	ticket *ticket.Ticket
	run    *escalation.Run
	step   *plan.EscalationStep
	reason string

	outcomes []eventlog.ActionOutcome
	notified []string
	// reached says that the step was not in vain: somebody was notified, or something was done.
	reached bool
	// hooks are the webhooks that get the step's record, and then is what is done to the ticket, once the step is on record.
	hooks []string
	then  []func(*ticket.Ticket) (*ticket.Ticket, error)
}

// take the actions of the step.
func (s *stepChange) take() error {
	chosen, err := s.roundRobin()
	if err != nil {
		return err
	}
	for i, action := range s.step.Actions {
		if notifies(action.Type) && chosen >= 0 && i != chosen {
			continue
		}
		if err := s.act(action); err != nil {
			return err
		}
	}
	return nil
}

func notifies(t v1alpha1.EscalationActionType) bool {
	return t == v1alpha1.ActionNotifyOnCall || t == v1alpha1.ActionNotifyAgent || t == v1alpha1.ActionNotifyChain
}

// roundRobin is the notifying action whose turn it is; -1: all take place.
func (s *stepChange) roundRobin() (int, error) {
	var turns []int
	for i, action := range s.step.Actions {
		if notifies(action.Type) {
			turns = append(turns, i)
		}
	}
	if !s.step.RoundRobin || len(turns) == 0 {
		return -1, nil
	}
	name := "escalation-turn/" + s.run.Policy + "/" + s.step.Name
	turn, err := metaNumber(s, name)
	if err != nil {
		return -1, err
	}
	return turns[turn%int64(len(turns))], putMetaNumber(s, name, turn+1)
}

func (s *stepChange) act(a v1alpha1.EscalationAction) error {
	switch a.Type {
	case v1alpha1.ActionNotifyOnCall:
		return s.tellOnCall(a)
	case v1alpha1.ActionNotifyAgent:
		return s.tell(a, string(a.AgentRef.Name), "")
	case v1alpha1.ActionNotifyChain:
		name, why := s.plan.Chain(a.Chain, s.ticket)
		return s.tell(a, name, why)
	case v1alpha1.ActionTransferToQueue:
		s.hand(a, string(a.QueueRef.Name), "")
	case v1alpha1.ActionTransferToNextLevel:
		queue, why := s.plan.NextLevel(s.ticket.Queue)
		s.hand(a, queue, why)
	case v1alpha1.ActionRaisePriority:
		s.raise(a)
	case v1alpha1.ActionWebhook:
		s.call(a)
	}
	return nil
}

func (s *stepChange) note(a v1alpha1.EscalationAction, target, skipped string) {
	s.outcomes = append(s.outcomes, eventlog.ActionOutcome{Action: string(a.Type), Target: target, Skipped: skipped})
	s.reached = s.reached || skipped == ""
}

// tellOnCall tells all who are on call now.
func (s *stepChange) tellOnCall(a v1alpha1.EscalationAction) error {
	name := string(a.RotationRef.Name)
	rotation := s.plan.Rotations[name]
	if rotation == nil {
		s.note(a, name, fmt.Sprintf("there is no rotation %s now", name))
		return nil
	}
	on := rotation.On(s.now)
	if len(on) == 0 {
		s.note(a, name, "nobody is on call")
	}
	for _, assignment := range on {
		if err := s.tell(a, assignment.Agent, ""); err != nil {
			return err
		}
	}
	return nil
}

// tell an agent, unless why says that there is nobody to tell.
func (s *stepChange) tell(a v1alpha1.EscalationAction, name, why string) error {
	if why == "" && s.plan.Agents[name] == nil {
		why = fmt.Sprintf("there is no agent %s now", name)
	}
	if why == "" {
		told, err := s.notify(notification{kind: notify.Escalation, ticket: s.ticket, agent: name, reason: s.reason, urgent: true})
		if err != nil {
			return err
		}
		s.notified = append(s.notified, name)
		if !told {
			why = fmt.Sprintf("agent %s has no contact to be reached by", name)
		}
	}
	s.note(a, name, why)
	return nil
}

// hand the ticket to a queue once the step is on record.
func (s *stepChange) hand(a v1alpha1.EscalationAction, queue, why string) {
	if why == "" && s.ticket.Queue == queue && !s.ticket.OwnedByAgent() {
		why = "it waits there already"
	}
	if why == "" {
		if err := s.queueTakes(queue, s.ticket); err != nil {
			why = err.Error()
		}
	}
	s.note(a, queue, why)
	if why != "" {
		return
	}
	s.then = append(s.then, func(t *ticket.Ticket) (*ticket.Ticket, error) {
		next, err := ticket.Apply(*t, ticket.TransferToQueue{Queue: queue}, s.now)
		if err != nil {
			return nil, err
		}
		next.Rule, next.PlanRevision = transferredBy+s.reason, s.plan.Revision
		return &next, s.save(t, &next, eventlog.Record{Type: eventlog.Transferred, Reason: s.reason})
	})
}

// raise the ticket's priority once the step is on record; never lower it.
func (s *stepChange) raise(a v1alpha1.EscalationAction) {
	to := ticket.Priority(a.Priority)
	if to.Rank() >= s.ticket.Priority.Rank() {
		s.note(a, string(to), fmt.Sprintf("its priority is %s already", s.ticket.Priority))
		return
	}
	s.note(a, string(to), "")
	s.then = append(s.then, func(t *ticket.Ticket) (*ticket.Ticket, error) {
		content := t.Clone().Content
		content.Priority = to
		next, err := ticket.Apply(*t, ticket.Update{Content: content}, s.now)
		if err != nil {
			return nil, err
		}
		next.PrioritySet, next.AskedPriority = true, to
		return &next, s.save(t, &next, eventlog.Record{
			Type: eventlog.Updated, Reason: s.reason, Data: eventlog.Encode(eventlog.UpdatedData{Changed: map[string]any{"priority": to}}),
		})
	})
}

// call a webhook once the step is on record.
func (s *stepChange) call(a v1alpha1.EscalationAction) {
	i := slices.IndexFunc(s.plan.HelpDesk.Webhooks, func(w v1alpha1.Webhook) bool { return w.Name == a.Webhook })
	if i < 0 {
		s.note(a, a.Webhook, fmt.Sprintf("webhook %s is no longer declared", a.Webhook))
		return
	}
	s.note(a, a.Webhook, "")
	if !outbox.Wants(s.plan.HelpDesk.Webhooks[i], eventlog.Escalated) { // else it gets the record anyway
		s.hooks = append(s.hooks, a.Webhook)
	}
}

// follow does what the step does to the ticket, which is on record.
func (s *stepChange) follow(t *ticket.Ticket) (*ticket.Ticket, error) {
	if len(s.hooks) > 0 {
		records, err := s.LastRecords(t.ID, 1)
		if err != nil {
			return nil, err
		}
		body, err := outbox.Encode(s.desk.helpDesk, outbox.Event{Ticket: *t, Record: records[0]})
		if err != nil {
			return nil, err
		}
		for _, hook := range s.hooks {
			if err := s.post(hook, &records[0], body); err != nil {
				return nil, err
			}
		}
	}
	for _, then := range s.then {
		var err error
		if t, err = then(t); err != nil {
			return nil, err
		}
	}
	return t, nil
}
