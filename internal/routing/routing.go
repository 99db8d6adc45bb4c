// Package routing decides the queue, priority, tags and service level of a ticket, and can say why.
package routing

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/caseload-dev/caseload/internal/ticket"
)

// Decision says where a ticket goes and what decided it.
type Decision struct {
	// Queue is empty if neither a rule nor a default names one: the caller falls back to its own.
	Queue    string          `json:"queue"`
	Priority ticket.Priority `json:"priority"`
	// AddTags are those the deciding rules add.
	AddTags []string `json:"addTags,omitempty"`
	// ServiceLevel that the deciding rules set, else the default of the queue's team or the nearest above; empty: none.
	ServiceLevel string `json:"serviceLevel,omitempty"`
	// Rule that decided: "policy/rule"; or which default applied: "team/<name> default queue".
	Rule string `json:"rule"`
	// Steps tell each rule that was asked, in order. Only Explain fills them.
	Steps []Step `json:"steps,omitempty"`
}

// Step is the outcome of one rule.
type Step struct {
	Policy  string `json:"policy"`
	Rule    string `json:"rule"`
	Matched bool   `json:"matched"`
	// Why it matched or did not: the first condition that failed and the ticket's value.
	Why string `json:"why"`
}

// NoDefault is the Rule of a Decision without a queue.
const NoDefault = "no rule and no default queue"

// Team is what routing knows of a SupportTeam.
type Team struct {
	// Policy decides for the team; nil: its default queue takes all.
	Policy *Policy
	// DefaultQueue takes what no rule sends elsewhere; empty: that of the Parent.
	DefaultQueue string
	// ServiceLevel of tickets in the team's queues for which no rule sets one; empty: that of the Parent.
	ServiceLevel string
	Parent       string
}

// Router decides by the compiled policies of a plan. It is read-only and may be asked concurrently.
type Router struct {
	defaultTeam string
	teams       map[string]Team
	// queues have the team of each.
	queues        map[string]string
	serviceLevels map[string]bool
}

// New makes a router of queues, each with its team. Rules and defaults that name a team, queue or service level which is not
// among those given are passed over: the object is gone, and the rule's last accepted version still names it.
func New(defaultTeam string, teams map[string]Team, queues map[string]string, serviceLevels map[string]bool) *Router {
	return &Router{defaultTeam: defaultTeam, teams: teams, queues: queues, serviceLevels: serviceLevels}
}

// Route decides. The customer may be nil.
func (r *Router) Route(content *ticket.Content, customer *ticket.Customer) Decision {
	return r.decide(content, customer, false)
}

// Explain decides like Route and tells why each rule matched or did not.
func (r *Router) Explain(content *ticket.Content, customer *ticket.Customer) Decision {
	return r.decide(content, customer, true)
}

func (r *Router) decide(content *ticket.Content, customer *ticket.Customer, explain bool) Decision {
	w := walk{router: r, facts: newFacts(content, customer), explain: explain}
	team := content.Team
	if _, ok := r.teams[team]; !ok {
		team = r.defaultTeam
	}
	w.ask(team)
	w.decision.Priority = w.facts.priority
	if w.decision.ServiceLevel == "" {
		w.decision.ServiceLevel = r.defaultLevel(cmp.Or(r.queues[w.decision.Queue], team))
	}
	return w.decision
}

// walk is one ticket's way through the policies.
type walk struct {
	router   *Router
	facts    *facts
	explain  bool
	visited  []string
	decision Decision
}

// ask lets the team's policy decide.
func (w *walk) ask(name string) {
	w.visited = append(w.visited, name)
	team := w.router.teams[name]
	if team.Policy == nil {
		w.takeDefault(name)
		return
	}
	for i := range team.Policy.rules {
		rule := &team.Policy.rules[i]
		failed, ok, unanswered := rule.matches(w.facts)
		obstacle := ""
		if ok {
			obstacle = w.obstacle(rule)
		}
		if w.explain {
			w.note(team.Policy, rule, failed, unanswered, ok, obstacle)
		}
		if !ok || obstacle != "" {
			continue
		}
		w.decision.AddTags = append(w.decision.AddTags, w.facts.change(rule.priority, rule.addTags)...)
		if w.router.serviceLevels[rule.serviceLevel] {
			w.decision.ServiceLevel = rule.serviceLevel
		}
		if rule.team != "" {
			w.ask(rule.team)
			return
		}
		w.decision.Queue = rule.queue
		w.decision.Rule = team.Policy.name + "/" + rule.name
		return
	}
	w.takeDefault(name)
}

// obstacle says why a rule that matches cannot send the ticket where it says.
func (w *walk) obstacle(r *rule) string {
	switch {
	case r.team == "":
		if _, ok := w.router.queues[r.queue]; !ok {
			return fmt.Sprintf("there is no queue %s now", r.queue)
		}
	case slices.Contains(w.visited, r.team):
		return fmt.Sprintf("team %s was asked already", r.team)
	default:
		if _, ok := w.router.teams[r.team]; !ok {
			return fmt.Sprintf("there is no team %s now", r.team)
		}
	}
	return ""
}

func (w *walk) note(p *Policy, r *rule, failed *condition, unanswered error, ok bool, obstacle string) {
	why := r.why(w.facts, failed, unanswered, ok)
	switch {
	case obstacle != "":
		why = fmt.Sprintf("%s, but %s", why, obstacle)
	case ok && r.team != "":
		why = fmt.Sprintf("%s; handed over to team %s", why, r.team)
	}
	w.decision.Steps = append(w.decision.Steps, Step{Policy: p.name, Rule: r.name, Matched: ok && obstacle == "", Why: why})
}

// takeDefault gives the ticket to the default queue of the team or, without one, of the nearest team above.
func (w *walk) takeDefault(name string) {
	w.decision.Rule = NoDefault
	// A circle of parents is refused when it is declared; the count bounds one that slipped in by old versions.
	for range w.router.teams {
		team, ok := w.router.teams[name]
		if !ok {
			return
		}
		if _, ok := w.router.queues[team.DefaultQueue]; ok {
			w.decision.Queue = team.DefaultQueue
			w.decision.Rule = fmt.Sprintf("team/%s default queue", name)
			return
		}
		name = team.Parent
	}
}

// defaultLevel is the service level of the team or, without one, of the nearest team above.
func (r *Router) defaultLevel(name string) string {
	for range r.teams { // as takeDefault
		team := r.teams[name]
		if r.serviceLevels[team.ServiceLevel] {
			return team.ServiceLevel
		}
		name = team.Parent
	}
	return ""
}
