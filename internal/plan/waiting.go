package plan

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/caseload-dev/caseload/api/v1alpha1"
)

// addWaiting adds what becomes of tickets that wait long in the queue, or find it full.
func (d *declarations) addWaiting(q *Queue, spec *v1alpha1.QueueSpec) {
	for _, stage := range spec.Relaxation {
		after, _ := duration(stage.After, 0)
		q.Patience.Relax = append(q.Patience.Relax, after)
		q.Stages = append(q.Stages, Stage{Requirements: requirements(stage.Requirements)})
	}
	if o := spec.Overflow; o != nil {
		if q.Overflow = present(d.queues, string(o.QueueRef.Name)); q.Overflow != "" {
			q.Patience.Overflow, _ = duration(o.After, 0)
		}
	}
	if l := spec.WaitingLimit; l != nil {
		q.MaxWaiting, q.Rejects = int(l.Max), l.WhenFull == v1alpha1.WhenFullReject
	}
}

// requirements as declared, with what holds where they do not say; nil asks nothing.
func requirements(declared *v1alpha1.Requirements) v1alpha1.Requirements {
	if declared == nil {
		declared = &v1alpha1.Requirements{}
	}
	r := *declared.DeepCopy()
	for i := range r.Skills {
		r.Skills[i].MinLevel = max(r.Skills[i].MinLevel, 1)
	}
	if r.LanguageMatch == "" {
		r.LanguageMatch = v1alpha1.LanguageIgnored
	}
	return r
}

// DefaultQueue takes what the queue cannot: the default queue of its tier, else of its team or the next team above that has
// one, and whose it is. It may be the queue itself; empty: there is none.
func (p *Plan) DefaultQueue(q *Queue) (name, of string) {
	if tier := p.Tiers[q.Tier]; tier != nil && p.Queues[tier.DefaultQueue] != nil {
		return tier.DefaultQueue, "tier " + tier.Name
	}
	for team := range p.Lineage(q.Team) {
		if p.Queues[team.DefaultQueue] != nil {
			return team.DefaultQueue, "team " + team.Name
		}
	}
	return "", ""
}

// warnWaiting tells of relaxation that tightens or never begins, and of an overflow to a queue that cannot take part of it.
func (c *compilation) warnWaiting(cand *candidate, o *v1alpha1.Queue, p *Plan) {
	q := p.Queues[o.Name]
	for i, after := range q.Patience.Relax {
		field := fmt.Sprintf("spec.relaxation[%d]", i)
		if tighter := tightens(&q.Stages[i].Requirements, &q.Stages[i+1].Requirements); len(tighter) > 0 {
			c.warning(cand, field+".requirements", v1alpha1.ReasonInvalid,
				"asks more than the stage before: %s; from %s in the queue on fewer agents are asked for a ticket, where relaxation is to ask more",
				strings.Join(tighter, ", "), FormatDuration(after))
		}
		if overflow := q.Patience.Overflow; overflow > 0 && overflow <= after {
			c.warning(cand, field+".after", v1alpha1.ReasonInvalid,
				"never begins, since tickets leave for Queue/%s after %s: let it begin earlier, or let them overflow later", q.Overflow, FormatDuration(overflow))
		}
	}
	if to := p.Queues[q.Overflow]; to != nil {
		channels := make([]string, 0, len(q.Channels))
		for _, channel := range o.Spec.Channels {
			if !to.Serves(string(channel)) {
				channels = append(channels, string(channel))
			}
		}
		switch {
		case len(channels) > 0:
			c.warning(cand, "spec.overflow.queueRef.name", v1alpha1.ReasonInvalid,
				"Queue/%s does not list %s: tickets of that channel go on to the queue that it overflows to, or stay; add the channel to it, or name another queue",
				to.Name, strings.Join(channels, ", "))
		case len(q.Channels) == 0 && len(to.Channels) > 0:
			c.warning(cand, "spec.overflow.queueRef.name", v1alpha1.ReasonInvalid,
				"Queue/%s does not take every channel, as this queue does: tickets of others go on to the queue that it overflows to, or stay; list the channels here, or none there",
				to.Name)
		}
	}
}

// tightens says what the requirements ask that those before did not.
func tightens(before, after *v1alpha1.Requirements) []string {
	var tighter []string
	for _, skill := range after.Skills {
		i := slices.IndexFunc(before.Skills, func(s v1alpha1.SkillRequirement) bool { return s.Name == skill.Name })
		switch {
		case i < 0:
			tighter = append(tighter, fmt.Sprintf("skill %s at level %d, and before not at all", skill.Name, skill.MinLevel))
		case before.Skills[i].MinLevel < skill.MinLevel:
			tighter = append(tighter, fmt.Sprintf("skill %s at level %d, and before at %d", skill.Name, skill.MinLevel, before.Skills[i].MinLevel))
		}
	}
	if after.LanguageMatch == v1alpha1.LanguageRequired && before.LanguageMatch != v1alpha1.LanguageRequired {
		tighter = append(tighter, "the ticket's language, which before was not required")
	}
	return tighter
}

// FormatDuration writes a span as people do: 2h, not 2h0m0s.
func FormatDuration(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}
