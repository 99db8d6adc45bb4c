package plan

import (
	"fmt"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/caseload-dev/caseload/api/v1alpha1"
	"github.com/caseload-dev/caseload/internal/routing"
	"github.com/caseload-dev/caseload/internal/suggest"
)

// ownerField is where a kind names what it belongs to.
var ownerField = map[string]string{
	KindSupportTeam:      "spec.helpDeskRef.name",
	KindTier:             "spec.teamRef.name",
	KindQueue:            "spec.tierRef.name",
	KindAgent:            "spec.teamRef.name",
	KindRoutingPolicy:    "spec.teamRef.name",
	KindBusinessCalendar: "spec.helpDeskRef.name",
	KindEscalationPolicy: "spec.helpDeskRef.name",
	KindOnCallRotation:   "spec.teamRef.name",
	KindOnCallOverride:   "spec.rotationRef.name",
}

// maxSuggestions bounds the search for what was meant in one compile.
const maxSuggestions = 100

// mention is a reference that may dangle.
type mention struct {
	by    *candidate
	field string
	of    Key
}

// check reports what is wrong with the declared version by itself and with what it names.
func (c *compilation) check(cand *candidate) {
	for _, p := range unreadable(cand.object) {
		c.report(cand, p)
	}
	switch o := cand.object.(type) {
	case *v1alpha1.HelpDesk:
		c.refer(cand, "spec.defaultTeamRef.name", KindSupportTeam, o.Spec.DefaultTeamRef.Name)
	case *v1alpha1.SupportTeam:
		c.checkTeam(cand, o)
	case *v1alpha1.Tier:
		c.checkTier(cand, o)
	case *v1alpha1.Queue:
		c.refer(cand, ownerField[KindQueue], KindTier, o.Spec.TierRef.Name)
		c.checkQueue(cand, o)
	case *v1alpha1.Agent:
		c.checkAgent(cand, o)
	case *v1alpha1.RoutingPolicy:
		c.checkPolicy(cand, o)
	case *v1alpha1.BusinessCalendar:
		c.referHelpDesk(cand, o.Spec.HelpDeskRef)
	case *v1alpha1.EscalationPolicy:
		c.checkEscalation(cand, o)
	case *v1alpha1.ServiceLevel:
		c.referHelpDesk(cand, o.Spec.HelpDeskRef)
		if ref := o.Spec.CalendarRef; ref != nil {
			c.refer(cand, "spec.calendarRef.name", KindBusinessCalendar, ref.Name)
		}
	case *v1alpha1.OnCallRotation:
		c.checkRotation(cand, o)
	case *v1alpha1.OnCallOverride:
		c.checkOverride(cand, o)
	}
}

// refer reports a name that does not resolve.
func (c *compilation) refer(cand *candidate, field, kind string, name v1alpha1.ObjectName) {
	desk, exists := c.names.of[kind][string(name)]
	switch {
	case !exists:
		c.invalid(cand, field, v1alpha1.ReasonRefNotFound, "%s/%s does not exist in this namespace: create it, or correct the name%s",
			kind, name, c.didYouMean(kind, string(name)))
	case desk != "" && desk != c.names.desk:
		c.invalid(cand, field, v1alpha1.ReasonDifferentHelpDesk, "%s/%s belongs to HelpDesk/%s, and this object to HelpDesk/%s: name one of the same HelpDesk",
			kind, name, desk, c.names.desk)
	case field != ownerField[cand.key.Kind]:
		c.mentions = append(c.mentions, mention{cand, field, Key{kind, string(name)}})
	}
}

// referHelpDesk reports a HelpDesk that does not resolve, or that must be named and is not.
func (c *compilation) referHelpDesk(cand *candidate, ref *v1alpha1.HelpDeskReference) {
	switch {
	case ref != nil:
		c.refer(cand, "spec.helpDeskRef.name", KindHelpDesk, ref.Name)
	case len(c.names.desks) == 0:
		c.invalid(cand, "spec.helpDeskRef", v1alpha1.ReasonRefNotFound, "this namespace has no HelpDesk: create the one that this object belongs to")
	case len(c.names.desks) > 1:
		c.invalid(cand, "spec.helpDeskRef", v1alpha1.ReasonInvalid, "this namespace has several HelpDesks, %s: name the one that this object belongs to",
			strings.Join(c.names.desks, ", "))
	}
}

func (c *compilation) didYouMean(kind, name string) string {
	if c.suggested++; c.suggested > maxSuggestions {
		return ""
	}
	return suggest.DidYouMean(name, c.names.namesOf(kind))
}

func (c *compilation) invalid(cand *candidate, field, reason, format string, args ...any) {
	c.report(cand, Problem{Field: field, Reason: reason, Message: fmt.Sprintf(format, args...)})
}

func (c *compilation) checkTeam(cand *candidate, o *v1alpha1.SupportTeam) {
	c.refer(cand, ownerField[KindSupportTeam], KindHelpDesk, o.Spec.HelpDeskRef.Name)
	if ref := o.Spec.ParentTeamRef; ref != nil {
		c.refer(cand, "spec.parentTeamRef.name", KindSupportTeam, ref.Name)
	}
	if ref := o.Spec.LeadRef; ref != nil {
		c.refer(cand, "spec.leadRef.name", KindAgent, ref.Name)
	}
	if ref := o.Spec.DefaultQueueRef; ref != nil {
		c.refer(cand, "spec.defaultQueueRef.name", KindQueue, ref.Name)
	}
	c.checkSchedule(cand, "spec.defaults.schedule", o.Spec.Defaults.Schedule)
	if h := o.Spec.Defaults.HandOver; h != nil && h.AgentRef != nil {
		c.refer(cand, "spec.defaults.handOver.agentRef.name", KindAgent, h.AgentRef.Name)
	}
	if ref := o.Spec.Defaults.ServiceLevelRef; ref != nil {
		c.refer(cand, "spec.defaults.serviceLevelRef.name", KindServiceLevel, ref.Name)
	}
	c.checkLimits(cand, "spec.defaults.limits", o.Spec.Defaults.Limits)
	if ref := o.Spec.Defaults.EscalationPolicyRef; ref != nil {
		c.refer(cand, "spec.defaults.escalationPolicyRef.name", KindEscalationPolicy, ref.Name)
	}
}

func (c *compilation) checkTier(cand *candidate, o *v1alpha1.Tier) {
	c.refer(cand, ownerField[KindTier], KindSupportTeam, o.Spec.TeamRef.Name)
	if o.Spec.AgentSelector == nil {
		c.invalid(cand, "spec.agentSelector", v1alpha1.ReasonInvalid, "a tier must say whose work it is: select agents by label, or all with {}")
	}
	ref := o.Spec.DefaultQueueRef
	if ref == nil {
		return
	}
	c.refer(cand, "spec.defaultQueueRef.name", KindQueue, ref.Name)
	if q, ok := c.byKey[Key{KindQueue, string(ref.Name)}]; ok && q.links[declared].owner != cand.key {
		var own []string
		for _, q := range c.sorted {
			if q.links[declared].owner == cand.key {
				own = append(own, q.key.Name)
			}
		}
		hint := "it has none yet"
		if len(own) > 0 {
			hint = "it has " + strings.Join(own, ", ")
		}
		c.invalid(cand, "spec.defaultQueueRef.name", v1alpha1.ReasonInvalid, "Queue/%s is one of %s: name a queue of this tier; %s",
			ref.Name, q.links[declared].owner, hint)
	}
}

func (c *compilation) checkQueue(cand *candidate, o *v1alpha1.Queue) {
	if o.Name == UnroutedQueue {
		c.invalid(cand, "metadata.name", v1alpha1.ReasonInvalid, "%s is the desk's built-in queue: choose another name", UnroutedQueue)
	}
	c.checkRequirements(cand, "spec.requirements", &o.Spec.Requirements)
	for i, stage := range o.Spec.Relaxation {
		c.checkRequirements(cand, fmt.Sprintf("spec.relaxation[%d].requirements", i), stage.Requirements)
	}
	if o.Spec.Overflow != nil {
		c.refer(cand, "spec.overflow.queueRef.name", KindQueue, o.Spec.Overflow.QueueRef.Name)
	}
}

func (c *compilation) checkRequirements(cand *candidate, field string, r *v1alpha1.Requirements) {
	if r == nil {
		return
	}
	for i, skill := range r.Skills {
		if skill.MinLevel < 0 || skill.MinLevel > 5 {
			c.invalid(cand, fmt.Sprintf("%s.skills[%d].minLevel", field, i), v1alpha1.ReasonInvalid,
				"%d is not a level: skills go from 1 (learning) to 5 (expert)", skill.MinLevel)
		}
	}
}

func (c *compilation) checkAgent(cand *candidate, o *v1alpha1.Agent) {
	c.refer(cand, ownerField[KindAgent], KindSupportTeam, o.Spec.TeamRef.Name)
	if ref := o.Spec.ManagerRef; ref != nil {
		c.refer(cand, "spec.managerRef.name", KindAgent, ref.Name)
	}
	for i, skill := range o.Spec.Skills {
		if skill.Level < 1 || skill.Level > 5 {
			c.invalid(cand, fmt.Sprintf("spec.skills[%d].level", i), v1alpha1.ReasonInvalid,
				"%d is not a level: skills go from 1 (learning) to 5 (expert)", skill.Level)
		}
	}
	c.checkLimits(cand, "spec.limits", o.Spec.Limits)
	c.checkSchedule(cand, "spec.schedule", o.Spec.Schedule)
	c.checkAbsences(cand, o.Spec.Absences)
	for i, assignment := range o.Spec.Assignments {
		c.refer(cand, fmt.Sprintf("spec.assignments[%d].queueRef.name", i), KindQueue, assignment.QueueRef.Name)
		if s, e := assignment.StartTime, assignment.EndTime; s != nil && e != nil && !s.Before(e) {
			c.invalid(cand, fmt.Sprintf("spec.assignments[%d].endTime", i), v1alpha1.ReasonInvalid, "endTime must come after startTime")
		}
	}
}

func (c *compilation) checkLimits(cand *candidate, field string, limits []v1alpha1.ChannelLimit) {
	for i, limit := range limits {
		if limit.Max < 1 {
			c.invalid(cand, fmt.Sprintf("%s[%d].max", field, i), v1alpha1.ReasonInvalid,
				"%d is not a limit: give 1 or more; who is to have no %s is left out of its queues", limit.Max, limit.Channel)
		}
	}
}

func (c *compilation) checkPolicy(cand *candidate, o *v1alpha1.RoutingPolicy) {
	c.refer(cand, ownerField[KindRoutingPolicy], KindSupportTeam, o.Spec.TeamRef.Name)
	_, problems := routing.CompilePolicy(o.Name, o.Spec.Rules)
	for _, p := range problems {
		c.invalid(cand, fmt.Sprintf("spec.rules[%d].when", p.Rule), v1alpha1.ReasonExpressionInvalid, "rule %s: %s", o.Spec.Rules[p.Rule].Name, p.Message)
	}
	first := map[string]int{}
	for i, rule := range o.Spec.Rules {
		if j, ok := first[rule.Name]; ok {
			c.invalid(cand, fmt.Sprintf("spec.rules[%d].name", i), v1alpha1.ReasonInvalid,
				"spec.rules[%d] has the name %s already: every rule needs a name of its own, as the history of a ticket shows it", j, rule.Name)
		} else {
			first[rule.Name] = i
		}
		if rule.QueueRef != nil {
			c.refer(cand, fmt.Sprintf("spec.rules[%d].queueRef.name", i), KindQueue, rule.QueueRef.Name)
		}
		if rule.Set != nil && rule.Set.ServiceLevelRef != nil {
			c.refer(cand, fmt.Sprintf("spec.rules[%d].set.serviceLevelRef.name", i), KindServiceLevel, rule.Set.ServiceLevelRef.Name)
		}
		if rule.TeamRef != nil {
			c.refer(cand, fmt.Sprintf("spec.rules[%d].teamRef.name", i), KindSupportTeam, rule.TeamRef.Name)
		}
		if (rule.QueueRef == nil) == (rule.TeamRef == nil) {
			c.invalid(cand, fmt.Sprintf("spec.rules[%d]", i), v1alpha1.ReasonInvalid, "rule %s must name a queueRef or a teamRef, and not both", rule.Name)
		}
	}
}

// unreadable reports the fields that Build could not read.
func unreadable(object metav1.Object) []Problem {
	var problems []Problem
	problem := func(field, format string, args ...any) {
		problems = append(problems, Problem{Field: field, Reason: v1alpha1.ReasonInvalid, Message: fmt.Sprintf(format, args...)})
	}
	agents := func(s *metav1.LabelSelector) {
		if _, err := selector(s); err != nil {
			problem("spec.agentSelector", "cannot be used as a label selector: %v", err)
		}
	}
	span := func(field string, d v1alpha1.Duration) {
		if _, err := duration(d, 0); err != nil {
			problem(field, "%q is no duration: write it like 30s, 15m or 1h30m", d)
		}
	}
	switch o := object.(type) {
	case *v1alpha1.HelpDesk:
		span("spec.reopenWindow", o.Spec.ReopenWindow)
	case *v1alpha1.Agent:
		problems = append(problems, unreadableContacts(o.Spec.Contacts)...)
		if r := o.Spec.RampUp; r != nil {
			if _, err := time.Parse(time.DateOnly, string(r.From)); err != nil {
				problem("spec.rampUp.from", "%q is no date: write year, month and day, such as 2026-12-24", r.From)
			}
		}
	case *v1alpha1.Tier:
		agents(o.Spec.AgentSelector)
	case *v1alpha1.Queue:
		agents(o.Spec.AgentSelector)
		span("spec.offer.timeout", o.Spec.Offer.Timeout)
		for i, stage := range o.Spec.Relaxation {
			span(fmt.Sprintf("spec.relaxation[%d].after", i), stage.After)
		}
		if o.Spec.Overflow != nil {
			span("spec.overflow.after", o.Spec.Overflow.After)
		}
	case *v1alpha1.BusinessCalendar:
		_, wrong := newCalendar(o)
		problems = append(problems, wrong...)
	case *v1alpha1.OnCallRotation:
		problems = append(problems, unreadableLayers(o)...)
	case *v1alpha1.EscalationPolicy:
		for field, d := range escalationSpans(&o.Spec) {
			span(field, d)
		}
	case *v1alpha1.ServiceLevel:
		for i, t := range o.Spec.Targets {
			for _, target := range targetsOf(&t) {
				span(fmt.Sprintf("spec.targets[%d].%s", i, target.field), target.declared)
			}
		}
	}
	return problems
}
