package plan

import (
	"fmt"
	"iter"
	"time"

	"github.com/caseload-dev/caseload/api/v1alpha1"
	"github.com/caseload-dev/caseload/internal/escalation"
	"github.com/caseload-dev/caseload/internal/routing"
	"github.com/caseload-dev/caseload/internal/ticket"
)

// EscalationPolicy says what starts the escalation of a ticket, and what happens then.
type EscalationPolicy struct {
	Name string
	// Hash of its entry, by which a run keeps the version it started with.
	Hash string
	escalation.Policy
	Triggers   map[v1alpha1.EscalationTriggerType]bool
	Steps      []EscalationStep
	conditions []*routing.Condition
}

// EscalationStep is what happens when the step is due.
type EscalationStep struct {
	Name       string
	RoundRobin bool
	Actions    []v1alpha1.EscalationAction
}

// Matches says whether one of the policy's expressions is true of the ticket. The customer may be nil.
func (e *EscalationPolicy) Matches(content *ticket.Content, customer *ticket.Customer) bool {
	for _, c := range e.conditions {
		if c.Holds(content, customer) {
			return true
		}
	}
	return false
}

// Minds says whether the policy has a trigger of type Matches.
func (e *EscalationPolicy) Minds() bool { return len(e.conditions) > 0 }

// ReadEscalationPolicy makes the policy of an entry, also of one that is no longer in a plan.
func ReadEscalationPolicy(entry Entry) (*EscalationPolicy, error) {
	object, err := entry.Object()
	if err != nil {
		return nil, err
	}
	if problems := unreadable(object); len(problems) > 0 {
		return nil, fmt.Errorf("%s: %s: %s", entry.Key, problems[0].Field, problems[0].Message)
	}
	return newEscalationPolicy(object.(*v1alpha1.EscalationPolicy), entry.Hash()), nil
}

// newEscalationPolicy of a declaration that can be read.
func newEscalationPolicy(o *v1alpha1.EscalationPolicy, hash string) *EscalationPolicy {
	e := &EscalationPolicy{Name: o.Name, Hash: hash, Triggers: map[v1alpha1.EscalationTriggerType]bool{}}
	for _, t := range o.Spec.Triggers {
		e.Triggers[t.Type] = true
		switch t.Type {
		case v1alpha1.TriggerUnassigned:
			e.Unassigned, _ = duration(t.After, 0)
		case v1alpha1.TriggerMatches:
			if condition, err := routing.CompileCondition(t.When); err == nil {
				e.conditions = append(e.conditions, condition)
			}
		}
	}
	for _, s := range o.Spec.Steps {
		after, _ := duration(s.After, 0)
		e.Afters = append(e.Afters, after)
		e.Steps = append(e.Steps, EscalationStep{Name: s.Name, RoundRobin: s.Notify == v1alpha1.NotifyRoundRobin, Actions: s.Actions})
	}
	if r := o.Spec.Repeat; r != nil {
		e.Times = int(r.Times)
		e.Every, _ = duration(r.Every, 0)
	}
	e.AcknowledgementTimeout, _ = duration(o.Spec.AcknowledgementTimeout, defaultAcknowledgementTimeout)
	return e
}

func (d *declarations) addEscalations(p *Plan, m Manifest) {
	p.Escalations = make(map[string]*EscalationPolicy, len(d.escalations))
	for _, ref := range m.Entries {
		if ref.Kind == KindEscalationPolicy {
			p.Escalations[ref.Name] = newEscalationPolicy(d.escalations[ref.Name], ref.Hash)
		}
	}
	for _, team := range p.Teams {
		for above := range p.Lineage(team.Name) {
			if ref := d.teams[above.Name].Spec.Defaults.EscalationPolicyRef; ref != nil && team.EscalationPolicy == "" {
				team.EscalationPolicy = present(d.escalations, string(ref.Name))
			}
		}
	}
}

// EscalationFor is the policy for tickets in a queue, nil for none.
func (p *Plan) EscalationFor(queue string) *EscalationPolicy {
	if t := p.Teams[p.teamOf(queue)]; t != nil {
		return p.Escalations[t.EscalationPolicy]
	}
	return nil
}

// teamOf a queue; of one that the plan does not have, the desk's default.
func (p *Plan) teamOf(queue string) string {
	if q := p.Queues[queue]; q != nil {
		return q.Team
	}
	return p.HelpDesk.DefaultTeam
}

// escalationSpans are the durations of a policy by their fields.
func escalationSpans(spec *v1alpha1.EscalationPolicySpec) iter.Seq2[string, v1alpha1.Duration] {
	return func(yield func(string, v1alpha1.Duration) bool) {
		for i, t := range spec.Triggers {
			if !yield(fmt.Sprintf("spec.triggers[%d].after", i), t.After) {
				return
			}
		}
		for i, s := range spec.Steps {
			if !yield(fmt.Sprintf("spec.steps[%d].after", i), s.After) {
				return
			}
		}
		if spec.Repeat != nil && !yield("spec.repeat.every", spec.Repeat.Every) {
			return
		}
		yield("spec.acknowledgementTimeout", spec.AcknowledgementTimeout)
	}
}

// minPause keeps a policy that reaches nobody from going round and round, and leaves who acknowledges time to act.
const minPause = time.Minute

func (c *compilation) checkEscalation(cand *candidate, o *v1alpha1.EscalationPolicy) {
	c.referHelpDesk(cand, o.Spec.HelpDeskRef)
	c.checkTriggers(cand, o.Spec.Triggers)
	names := map[string]int{}
	last := time.Duration(-1)
	for i, step := range o.Spec.Steps {
		field := fmt.Sprintf("spec.steps[%d]", i)
		if j, taken := names[step.Name]; taken {
			c.invalid(cand, field+".name", v1alpha1.ReasonInvalid,
				"spec.steps[%d] has the name %s already: every step needs a name of its own, as the history of a ticket shows it", j, step.Name)
		}
		names[step.Name] = i
		after, err := duration(step.After, 0)
		if err == nil && after <= last {
			c.invalid(cand, field+".after", v1alpha1.ReasonInvalid,
				"step %s is due %s after the start of a round, and the one before it after %s: steps come one after the other; put what happens together into one step",
				step.Name, FormatDuration(after), FormatDuration(last))
		}
		last = after
		for j, action := range step.Actions {
			c.checkAction(cand, fmt.Sprintf("%s.actions[%d]", field, j), action)
		}
	}
	if o.Spec.Repeat != nil {
		if every, err := duration(o.Spec.Repeat.Every, 0); err == nil && every < minPause {
			c.invalid(cand, "spec.repeat.every", v1alpha1.ReasonInvalid, "%s is too short: leave people at least %s between rounds", every, minPause)
		}
	}
	if timeout, err := duration(o.Spec.AcknowledgementTimeout, defaultAcknowledgementTimeout); err == nil && timeout < minPause {
		c.invalid(cand, "spec.acknowledgementTimeout", v1alpha1.ReasonInvalid, "%s is too short: leave who acknowledges at least %s to act", timeout, minPause)
	}
}

func (c *compilation) checkTriggers(cand *candidate, triggers []v1alpha1.EscalationTrigger) {
	first := map[v1alpha1.EscalationTriggerType]int{}
	for i, t := range triggers {
		if j, given := first[t.Type]; given && t.Type != v1alpha1.TriggerMatches {
			c.invalid(cand, fmt.Sprintf("spec.triggers[%d].type", i), v1alpha1.ReasonInvalid,
				"spec.triggers[%d] is %s already: a policy has one such trigger", j, t.Type)
		}
		first[t.Type] = i
		if t.Type != v1alpha1.TriggerMatches {
			continue
		}
		if _, err := routing.CompileCondition(t.When); err != nil {
			c.invalid(cand, fmt.Sprintf("spec.triggers[%d].when", i), v1alpha1.ReasonExpressionInvalid, "%s", err)
		}
	}
}

func (c *compilation) checkAction(cand *candidate, field string, a v1alpha1.EscalationAction) {
	if a.AgentRef != nil {
		c.refer(cand, field+".agentRef.name", KindAgent, a.AgentRef.Name)
	}
	if a.RotationRef != nil {
		c.refer(cand, field+".rotationRef.name", KindOnCallRotation, a.RotationRef.Name)
	}
	if a.QueueRef != nil {
		c.refer(cand, field+".queueRef.name", KindQueue, a.QueueRef.Name)
	}
	if a.Webhook == "" {
		return
	}
	for _, w := range c.objects.HelpDesk.Spec.Webhooks {
		if w.Name == a.Webhook {
			return
		}
	}
	c.invalid(cand, field+".webhook", v1alpha1.ReasonRefNotFound, "HelpDesk/%s has no webhook %s: declare it in spec.webhooks, or correct the name",
		c.objects.HelpDesk.Name, a.Webhook)
}
