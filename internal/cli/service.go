package cli

import (
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/util/duration"

	"github.com/caseload-dev/caseload/internal/ticket"
)

// clockWords tell how a service clock stands.
func clockWords(c *ticket.Clock, now time.Time) string {
	of := ""
	if c.Target > 0 {
		of = fmt.Sprintf(", %s used of %s", c.Used, c.Target)
	}
	switch c.State {
	case ticket.ClockMet:
		return "in time" + of
	case ticket.ClockMissed:
		return "too late" + of
	case ticket.ClockStopped:
		return "not done" + of
	}
	if !c.Since.IsZero() {
		if c.Due.IsZero() {
			return "no target for this priority"
		}
		line := fmt.Sprintf("due %s (%s)", c.Due.Local().Format(time.DateTime), dueIn(c.Due, now))
		switch c.State {
		case ticket.ClockBreached:
			return line + ", breached"
		case ticket.ClockAtRisk:
			return line + ", at risk"
		}
		if c.WarnAt.After(now) && c.WarnAt.Before(c.Due) {
			line += ", warning " + c.WarnAt.Local().Format(time.DateTime)
		}
		return line
	}
	line := "paused" + of
	if c.State == ticket.ClockBreached {
		line += ", breached"
	}
	return line
}

// dueIn is how long until a due time, or since; empty for none.
func dueIn(due, now time.Time) string {
	switch {
	case due.IsZero():
		return ""
	case due.After(now):
		return "in " + duration.HumanDuration(due.Sub(now))
	}
	return duration.HumanDuration(now.Sub(due)) + " ago"
}
