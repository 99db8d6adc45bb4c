package plan

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/caseload-dev/caseload/api/v1alpha1"
	"github.com/caseload-dev/caseload/internal/escalation"
	"github.com/caseload-dev/caseload/internal/ticket"
)

// StepOutcome is what a step of an escalation comes to.
type StepOutcome struct {
	// Actions in order, as the log tells them; one that notifies has an outcome for each whom it is for.
	Actions []escalation.ActionOutcome
	// Called are the agents whom the step is for; one may have no contact to be notified at.
	Called []Called
	// Webhooks to call, by name.
	Webhooks []string
	// Then is what is done to the ticket, in order: ticket.TransferToQueue or ticket.Update.
	Then []ticket.Event
}

// Called is an agent whom a step is for, by name, and as what, such as "as lead".
type Called struct{ Agent, As string }

// Reached says that the step is not in vain: somebody is notified, or something is done.
func (o *StepOutcome) Reached() bool {
	return slices.ContainsFunc(o.Actions, func(a escalation.ActionOutcome) bool { return a.Skipped == "" })
}

// Step is what a step comes to for the ticket at now: whom each of its actions is for by then, and why one comes to nothing.
// Turn counts the escalations that came to the step before: it says which of its notifying actions takes place if they take
// turns.
func (p *Plan) Step(step *EscalationStep, t *ticket.Ticket, turn int64, now time.Time) StepOutcome {
	d := stepDecision{plan: p, ticket: t, now: now, queue: t.Queue, waits: !t.OwnedByAgent(), priority: t.Priority}
	chosen := step.chosen(turn)
	for i := range step.Actions {
		if chosen < 0 || chosen == i || !notifies(step.Actions[i].Type) {
			d.decide(&step.Actions[i])
		}
	}
	return d.StepOutcome
}

func notifies(t v1alpha1.EscalationActionType) bool {
	return t == v1alpha1.ActionNotifyOnCall || t == v1alpha1.ActionNotifyAgent || t == v1alpha1.ActionNotifyChain
}

// chosen is the notifying action whose turn it is; -1: all take place.
func (s *EscalationStep) chosen(turn int64) int {
	var turns []int
	for i := range s.Actions {
		if s.RoundRobin && notifies(s.Actions[i].Type) {
			turns = append(turns, i)
		}
	}
	if len(turns) == 0 {
		return -1
	}
	return turns[turn%int64(len(turns))]
}

// stepDecision is a step under way.
type stepDecision struct {
	plan   *Plan
	ticket *ticket.Ticket
	now    time.Time
	// queue of the ticket, whether it waits there, and its priority, after the actions so far.
	queue    string
	waits    bool
	priority ticket.Priority
	StepOutcome
}

func (d *stepDecision) decide(a *v1alpha1.EscalationAction) {
	switch a.Type {
	case v1alpha1.ActionNotifyOnCall:
		d.onCall(a)
	case v1alpha1.ActionNotifyAgent:
		d.call(a, string(a.AgentRef.Name), "by name")
	case v1alpha1.ActionNotifyChain:
		if agent, why := d.plan.chain(a.Chain, d.ticket); why != "" {
			d.note(a, "", why)
		} else {
			d.call(a, agent, "as "+strings.ToLower(string(a.Chain)))
		}
	case v1alpha1.ActionTransferToQueue:
		d.transfer(a, string(a.QueueRef.Name))
	case v1alpha1.ActionTransferToNextLevel:
		if queue, why := d.plan.nextLevel(d.queue); why != "" {
			d.note(a, "", why)
		} else {
			d.transfer(a, queue)
		}
	case v1alpha1.ActionRaisePriority:
		d.raise(a)
	case v1alpha1.ActionWebhook:
		d.webhook(a)
	}
}

func (d *stepDecision) note(a *v1alpha1.EscalationAction, target, skipped string) {
	d.Actions = append(d.Actions, escalation.ActionOutcome{Action: string(a.Type), Target: target, Skipped: skipped})
}

// onCall calls all who are on call now.
func (d *stepDecision) onCall(a *v1alpha1.EscalationAction) {
	name := string(a.RotationRef.Name)
	rotation := d.plan.Rotations[name]
	if rotation == nil {
		d.note(a, name, fmt.Sprintf("there is no rotation %s now", name))
		return
	}
	on := rotation.On(d.now)
	if len(on) == 0 {
		d.note(a, name, "nobody is on call")
	}
	for i := range on {
		d.call(a, on[i].Agent, "as who is on call in "+name)
	}
}

// call an agent, once in a step.
func (d *stepDecision) call(a *v1alpha1.EscalationAction, agent, as string) {
	why := d.plan.unreachable(agent)
	if slices.ContainsFunc(d.Called, func(c Called) bool { return c.Agent == agent }) {
		why = "the step is for them already"
	} else if d.plan.Agents[agent] != nil {
		d.Called = append(d.Called, Called{agent, as})
	}
	d.note(a, agent, why)
}

// unreachable says why a notification cannot reach the agent; empty: it can.
func (p *Plan) unreachable(agent string) string {
	switch a := p.Agents[agent]; {
	case a == nil:
		return fmt.Sprintf("there is no agent %s now", agent)
	case len(a.Contacts) == 0:
		return fmt.Sprintf("agent %s has no contact to be reached by", agent)
	}
	return ""
}

// transfer the ticket to a queue, unless it waits there.
func (d *stepDecision) transfer(a *v1alpha1.EscalationAction, queue string) {
	why := d.plan.Refuses(queue, d.ticket.Channel)
	if d.waits && d.queue == queue {
		why = "it waits there already"
	}
	if why == "" {
		d.queue, d.waits = queue, true
		d.Then = append(d.Then, ticket.TransferToQueue{Queue: queue})
	}
	d.note(a, queue, why)
}

// Refuses says why a queue takes no tickets of the channel that are transferred to it; empty: it takes them.
func (p *Plan) Refuses(queue, channel string) string {
	q := p.Queues[queue]
	switch {
	case queue == UnroutedQueue:
		return ""
	case q == nil:
		return fmt.Sprintf("there is no queue %q", queue)
	case !q.Serves(channel):
		return fmt.Sprintf("queue %q does not serve channel %s", queue, channel)
	}
	return ""
}

// raise the ticket's priority; never lower it.
func (d *stepDecision) raise(a *v1alpha1.EscalationAction) {
	to := ticket.Priority(a.Priority)
	if to.Rank() >= d.priority.Rank() {
		d.note(a, string(to), fmt.Sprintf("its priority is %s already", d.priority))
		return
	}
	content := d.ticket.Clone().Content
	content.Priority = to
	d.priority, d.Then = to, append(d.Then, ticket.Update{Content: content, SetPriority: true})
	d.note(a, string(to), "")
}

// webhook gets the step's record, once.
func (d *stepDecision) webhook(a *v1alpha1.EscalationAction) {
	why := ""
	switch {
	case d.plan.HelpDesk.Webhook(a.Webhook) == nil:
		why = fmt.Sprintf("webhook %s is no longer declared", a.Webhook)
	case slices.Contains(d.Webhooks, a.Webhook):
		why = "the step calls it already"
	default:
		d.Webhooks = append(d.Webhooks, a.Webhook)
	}
	d.note(a, a.Webhook, why)
}

// Webhook of that name; nil for none.
func (d *HelpDesk) Webhook(name string) *v1alpha1.Webhook {
	i := slices.IndexFunc(d.Webhooks, func(w v1alpha1.Webhook) bool { return w.Name == name })
	if i < 0 {
		return nil
	}
	return &d.Webhooks[i]
}
