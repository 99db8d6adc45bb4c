package sla

import (
	"time"

	"github.com/caseload-dev/caseload/internal/calendar"
	"github.com/caseload-dev/caseload/internal/ticket"
)

// Level is what a service level promises. Nil promises nothing, and counts no time.
type Level struct {
	Name string
	// Calendar whose open hours count; nil: all do.
	Calendar *calendar.Calendar
	// WarnAtPercent of a target, from 1 to 99, is when a warning is given.
	WarnAtPercent int
	// Targets per priority, as declared.
	Targets map[ticket.Priority]Targets
}

// Targets of a priority: how much time there is. A metric that is not in it has none.
type Targets map[ticket.Metric]time.Duration

// Target of a priority, zero for none. A priority not listed has the targets of the next lower one that is; below the
// lowest there are none.
func (l *Level) Target(p ticket.Priority, m ticket.Metric) time.Duration {
	if l == nil {
		return 0
	}
	for _, listed := range ticket.Priorities[p.Rank():] {
		if targets, ok := l.Targets[listed]; ok {
			return targets[m]
		}
	}
	return 0
}

// count is the time of the level that passes from a to b.
func (l *Level) count(a, b time.Time) time.Duration {
	if l == nil {
		return 0
	}
	return l.Calendar.Between(a, b)
}
