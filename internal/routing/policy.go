package routing

import (
	"fmt"
	"slices"
	"strings"

	"github.com/caseload-dev/caseload/api/v1alpha1"
	"github.com/caseload-dev/caseload/internal/language"
	"github.com/caseload-dev/caseload/internal/ticket"
)

// Policy is a RoutingPolicy ready to be asked. It is read-only.
type Policy struct {
	name  string
	rules []rule
}

// RuleProblem is an expression that cannot be used.
type RuleProblem struct {
	// Rule is its index.
	Rule int
	// Message says what is wrong with its `when`, where, and what to do.
	Message string
}

// CompilePolicy readies the rules in their order. A rule with a problem stays in its place and matches nothing.
func CompilePolicy(name string, rules []v1alpha1.RoutingRule) (*Policy, []RuleProblem) {
	p := &Policy{name: name, rules: make([]rule, len(rules))}
	var problems []RuleProblem
	for i, declared := range rules {
		r := &p.rules[i]
		r.name = declared.Name
		r.conditions = conditions(declared.Match)
		if declared.When != "" {
			when, err := compileExpression(declared.When)
			if err != nil {
				problems = append(problems, RuleProblem{Rule: i, Message: err.Error()})
				r.broken = err
			}
			r.when = when
		}
		if set := declared.Set; set != nil {
			r.priority = ticket.Priority(set.Priority)
			r.addTags = words(set.AddTags)
			if set.ServiceLevelRef != nil {
				r.serviceLevel = string(set.ServiceLevelRef.Name)
			}
		}
		if declared.QueueRef != nil {
			r.queue = string(declared.QueueRef.Name)
		}
		if declared.TeamRef != nil {
			r.team = string(declared.TeamRef.Name)
		}
	}
	return p, problems
}

type rule struct {
	name       string
	conditions []condition
	when       *expression
	// broken says why when cannot be asked.
	broken error

	priority ticket.Priority
	addTags  []string
	// serviceLevel that the ticket gets; empty: as it was.
	serviceLevel string
	// queue or team that gets the ticket.
	queue, team string
}

// matches says whether the rule applies, and the first condition that fails. A nil condition and error: it matched.
func (r *rule) matches(f *facts) (failed *condition, ok bool, unanswered error) {
	for i := range r.conditions {
		if !r.conditions[i].holds(f) {
			return &r.conditions[i], false, nil
		}
	}
	if r.broken != nil {
		return nil, false, r.broken
	}
	if r.when == nil {
		return nil, true, nil
	}
	holds, err := r.when.holds(f)
	return nil, holds && err == nil, err
}

// why words the outcome of matches.
func (r *rule) why(f *facts, failed *condition, unanswered error, ok bool) string {
	switch {
	case failed != nil:
		return failed.why(f)
	case unanswered != nil:
		return fmt.Sprintf("its expression could not be answered: %v", unanswered)
	case !ok:
		return "its expression is false"
	case len(r.conditions) == 0 && r.when == nil:
		return "it has no condition"
	}
	var reasons []string
	for _, c := range r.conditions {
		reasons = append(reasons, c.label+" is "+c.value(f))
	}
	if r.when != nil {
		reasons = append(reasons, "its expression is true")
	}
	return strings.Join(reasons, ", ")
}

// condition is one field of a TicketMatch.
type condition struct {
	label string
	// wanted words what would match.
	wanted string
	holds  func(*facts) bool
	// value of the ticket, as shown.
	value func(*facts) string
}

func (c *condition) why(f *facts) string {
	return fmt.Sprintf("%s is %s, not %s", c.label, c.value(f), c.wanted)
}

func conditions(m *v1alpha1.TicketMatch) []condition {
	if m == nil {
		return nil
	}
	var all []condition
	oneOf := func(label string, wanted []string, of func(*facts) string) {
		if len(wanted) == 0 {
			return
		}
		all = append(all, condition{
			label:  label,
			wanted: anyOf(wanted),
			holds:  func(f *facts) bool { return slices.Contains(wanted, of(f)) },
			value:  func(f *facts) string { return shown(of(f)) },
		})
	}
	oneOf("channel", words(m.Channels), func(f *facts) string { return f.content.Channel })
	oneOf("category", words(m.Categories), func(f *facts) string { return f.content.Category })
	oneOf("product", words(m.Products), func(f *facts) string { return f.content.Product })
	if wanted := words(m.Languages); len(wanted) > 0 {
		all = append(all, condition{
			label:  "language",
			wanted: anyOf(wanted),
			holds: func(f *facts) bool {
				return slices.ContainsFunc(wanted, func(w string) bool { return language.Covers(w, f.content.Language) })
			},
			value: func(f *facts) string { return shown(f.content.Language) },
		})
	}
	oneOf("region", words(m.Regions), func(f *facts) string { return f.content.Region })
	oneOf("customer segment", words(m.CustomerSegments), func(f *facts) string { return f.customer.Segment })
	oneOf("priority", words(m.Priorities), func(f *facts) string { return string(f.priority) })
	if wanted := words(m.Tags); len(wanted) > 0 {
		all = append(all, condition{
			label:  "tags",
			wanted: anyOf(wanted),
			holds: func(f *facts) bool {
				return slices.ContainsFunc(f.tags, func(t string) bool { return slices.Contains(wanted, t) })
			},
			value: func(f *facts) string { return shown(strings.Join(f.tags, ", ")) },
		})
	}
	if m.Amount != nil {
		all = append(all, amountCondition(*m.Amount))
	}
	return all
}

func amountCondition(m v1alpha1.AmountMatch) condition {
	var wanted string
	switch {
	case m.Max == nil:
		wanted = fmt.Sprintf("%d %s or more", *m.Min, m.Currency)
	case m.Min == nil:
		wanted = fmt.Sprintf("%d %s or less", *m.Max, m.Currency)
	default:
		wanted = fmt.Sprintf("%d to %d %s", *m.Min, *m.Max, m.Currency)
	}
	return condition{
		label:  "amount",
		wanted: wanted,
		holds: func(f *facts) bool {
			a := f.content.Amount
			return a != nil && a.Currency == string(m.Currency) && (m.Min == nil || a.Amount >= *m.Min) && (m.Max == nil || a.Amount <= *m.Max)
		},
		value: func(f *facts) string {
			if a := f.content.Amount; a != nil {
				return fmt.Sprintf("%d %s", a.Amount, a.Currency)
			}
			return "not given"
		},
	}
}

func words[S ~string](values []S) []string {
	out := make([]string, len(values))
	for i, v := range values {
		out[i] = string(v)
	}
	return out
}

func anyOf(values []string) string {
	if len(values) == 1 {
		return values[0]
	}
	return "one of " + strings.Join(values, ", ")
}

func shown(value string) string {
	if value == "" {
		return "not given"
	}
	return value
}
