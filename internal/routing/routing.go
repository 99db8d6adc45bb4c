// Package routing decides the queue, priority and tags of a ticket, and can say why.
package routing

import (
	"github.com/caseload-dev/caseload/internal/ticket"
)

// Decision says where a ticket goes and what decided it.
type Decision struct {
	// Queue is empty if neither a rule nor a default names one: the caller falls back to its own.
	Queue    string          `json:"queue"`
	Priority ticket.Priority `json:"priority"`
	// AddTags are those the deciding rules add.
	AddTags []string `json:"addTags,omitempty"`
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

// Router decides by the compiled policies of a plan.
type Router struct{}
