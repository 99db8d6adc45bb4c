package dispatch

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/caseload-dev/caseload/api/v1alpha1"
	"github.com/caseload-dev/caseload/internal/language"
	"github.com/caseload-dev/caseload/internal/plan"
)

// Reason why an agent cannot be given a waiting ticket.
type Reason string

const (
	// ReasonPaused: the queue offers nothing now.
	ReasonPaused Reason = "Paused"
	// ReasonChannel: the queue does not serve the ticket's channel.
	ReasonChannel Reason = "Channel"
	// ReasonNotSelected: the agent is neither selected for the queue nor assigned to it.
	ReasonNotSelected Reason = "NotSelected"
	// ReasonSkill: the agent lacks a required skill or its level.
	ReasonSkill Reason = "Skill"
	// ReasonLanguage: the agent does not speak the ticket's language.
	ReasonLanguage Reason = "Language"
	// ReasonPresence: the agent is not Available.
	ReasonPresence Reason = "Presence"
	// ReasonOffDuty: the schedule does not have the agent now, or an absence does.
	ReasonOffDuty Reason = "OffDuty"
	// ReasonAsked: the agent was asked in this round or within PairPause.
	ReasonAsked Reason = "Asked"
	// ReasonFull: the agent has no room for a ticket of the channel.
	ReasonFull Reason = "Full"
)

// Refusal says why an agent cannot be given a ticket.
type Refusal struct {
	Reason  Reason
	Message string
}

func (r *Refusal) Error() string { return r.Message }

func refuse(reason Reason, format string, args ...any) *Refusal {
	return &Refusal{Reason: reason, Message: fmt.Sprintf(format, args...)}
}

// Guard returns nil if the agent, with the limits of now (see plan.Agent.At), can be given the waiting ticket now, in the round of asking that d.Round says.
func Guard(q *plan.Queue, a *plan.Agent, s *AgentState, d *Demand, now time.Time) *Refusal {
	if q.Paused {
		return refuse(ReasonPaused, "queue %q is paused", q.Name)
	}
	if r := Eligible(q, d.Stage, a, d.Channel, d.Language); r != nil {
		return r
	}
	if assigned, from := q.Assigned(a.Name, now); !assigned {
		if from.IsZero() {
			return refuse(ReasonNotSelected, "agent %q is no longer assigned to queue %q", a.Name, q.Name)
		}
		return refuse(ReasonNotSelected, "agent %q is assigned to queue %q from %s on", a.Name, q.Name, from.UTC().Format(time.RFC3339))
	}
	if s.Presence != Available {
		return refuse(ReasonPresence, "agent %q is %s", a.Name, presence(s))
	}
	if duty := a.Duty(now, s.DutyChanges); !duty.On {
		return refuse(ReasonOffDuty, "agent %q is off duty: %s", a.Name, duty)
	}
	if until, asked := askedUntil(d, a.Name, d.Round, now); asked {
		if until.After(now) {
			return refuse(ReasonAsked, "agent %q did not take ticket %d and is not asked again before %s", a.Name, d.Ticket, until.UTC().Format(time.RFC3339))
		}
		return refuse(ReasonAsked, "agent %q was already asked for ticket %d in this round", a.Name, d.Ticket)
	}
	if !Fits(a, s.Load, d.Channel) {
		return refuse(ReasonFull, "agent %q has no room for a ticket of channel %s: has %s", a.Name, d.Channel, loadOf(a, s.Load))
	}
	return nil
}

// Eligible returns nil if the agent may serve tickets of the queue at that stage of its requirements, with that channel
// and language ("": none), whether or not they are present and free.
func Eligible(q *plan.Queue, number int, a *plan.Agent, channel, language string) *Refusal {
	if !q.Serves(channel) {
		return refuse(ReasonChannel, "queue %q does not serve channel %s", q.Name, channel)
	}
	stage := q.Stage(number)
	if _, selected := slices.BinarySearch(stage.Agents, a.Name); !selected {
		for _, need := range stage.Requirements.Skills {
			if have := a.Skills[string(need.Name)]; have < max(int(need.MinLevel), 1) {
				return refuse(ReasonSkill, "agent %q has skill %s at level %d, queue %q requires %d", a.Name, need.Name, have, q.Name, need.MinLevel)
			}
		}
		return refuse(ReasonNotSelected, "agent %q is neither selected for queue %q nor assigned to it", a.Name, q.Name)
	}
	if !understands(stage, a, language) {
		return refuse(ReasonLanguage, "agent %q does not speak %s, which queue %q requires", a.Name, language, q.Name)
	}
	return nil
}

func understands(s *plan.Stage, a *plan.Agent, language string) bool {
	return s.Requirements.LanguageMatch != v1alpha1.LanguageRequired || Speaks(a, language)
}

// Speaks says whether the agent speaks the language: it or a more general one (pt for pt-BR). Everybody speaks "".
func Speaks(a *plan.Agent, tag string) bool {
	for spoken, does := range a.Languages {
		if does && language.Covers(spoken, tag) {
			return true
		}
	}
	return tag == ""
}

// askedUntil says whether the agent was asked in the round or not long enough ago, and until when the latter holds.
func askedUntil(d *Demand, agent string, round int, now time.Time) (until time.Time, asked bool) {
	for _, ask := range d.Asks {
		if ask.Agent != agent {
			continue
		}
		pause := ask.At.Add(PairPause)
		if ask.Round == round || pause.After(now) {
			asked = true
		}
		if pause.After(until) {
			until = pause
		}
	}
	return until, asked
}

func presence(s *AgentState) string {
	if s.Reason == "" {
		return string(s.Presence)
	}
	return fmt.Sprintf("%s (%s)", s.Presence, s.Reason)
}

// loadOf reads like "2/3 Chat, 1/1 Phone".
func loadOf(a *plan.Agent, load map[string]int) string {
	var parts []string
	for channel, n := range load {
		if n > 0 {
			parts = append(parts, fmt.Sprintf("%d/%d %s", n, a.Limit(channel), channel))
		}
	}
	slices.Sort(parts)
	return strings.Join(parts, ", ")
}
