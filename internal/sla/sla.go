// Package sla keeps the service clocks of a ticket: by what happened to it and the service level it has, when responses and
// resolution are due, when to warn, and what was met, missed or breached.
//
// A clock has the time used before its present run, and when that run began. So pauses are exact, whatever the calendar,
// and another target or priority keeps the time used. The present run counts as a whole by the calendar in force, also when
// that has changed since: a due time follows from the ticket and the plan, not from when it was last looked at.
package sla

import (
	"time"

	"github.com/caseload-dev/caseload/internal/ticket"
)

// Keep brings the service clocks of the ticket in line with what is true of it now, under its service level; nil: it has
// none any more, and nothing is due. It is for after every change of the ticket, once warnings and breaches that were due
// before are on record, and does nothing where nothing changed.
//
// A ticket that gets its first level counts from its opening, with what paused it until then.
func Keep(t *ticket.Ticket, level *Level, now time.Time) {
	if t.Service == nil {
		if level == nil {
			return
		}
		t.Service = &ticket.Service{}
	}
	k := keeper{Ticket: t, level: level, now: now}
	k.firstResponse()
	k.nextResponse()
	k.resolution()
}

// keeper sets the clocks of a ticket.
type keeper struct {
	*ticket.Ticket
	level *Level
	now   time.Time
}

func (k *keeper) firstResponse() {
	switch {
	case !k.RespondedAt.IsZero():
		k.end(ticket.FirstResponse, ticket.ClockMet)
	case !k.Status.Live():
		k.end(ticket.FirstResponse, ticket.ClockStopped)
	default:
		k.run(ticket.FirstResponse, k.OpenedAt)
	}
}

// nextResponse counts from the oldest message that has no answer: what the customer writes meanwhile makes it no later. As
// with Zendesk's next reply time, one reply answers them all, and messages before the first response are that one's.
func (k *keeper) nextResponse() {
	switch {
	case k.RespondedAt.IsZero():
	case k.UnansweredSince.IsZero():
		k.end(ticket.NextResponse, ticket.ClockMet)
	case !k.Status.Live():
		k.end(ticket.NextResponse, ticket.ClockStopped)
	default:
		if c := k.Service.NextResponse; c != nil && !c.Since.Equal(k.UnansweredSince) {
			k.Service.NextResponse = nil // it was another message's
		}
		k.run(ticket.NextResponse, k.UnansweredSince)
	}
}

func (k *keeper) resolution() {
	switch k.Status {
	case ticket.Waiting, ticket.Offered, ticket.Open:
		from := k.now
		if k.Service.Resolution == nil {
			from = k.OpenedAt
		}
		k.run(ticket.Resolution, from)
	case ticket.Pending, ticket.OnHold:
		k.pause(ticket.Resolution)
	case ticket.Resolved, ticket.Closed:
		k.end(ticket.Resolution, ticket.ClockMet)
	case ticket.Cancelled:
		k.end(ticket.Resolution, ticket.ClockStopped)
	}
}

// run a clock, from an instant if it stands still.
func (k *keeper) run(m ticket.Metric, from time.Time) {
	c := k.begun(m)
	if c.Since.IsZero() {
		c.Since, c.DoneAt = from, time.Time{}
	}
	if c.Target == 0 {
		c.Due, c.WarnAt = time.Time{}, time.Time{}
	} else {
		k.date(c)
	}
	switch {
	case late(c):
		c.State = ticket.ClockBreached
	case c.Target > 0 && !c.WarnedAt.IsZero():
		c.State = ticket.ClockAtRisk
	default:
		c.State = ticket.ClockRunning
	}
}

// date a running clock. A warning whose time is past already is due now.
func (k *keeper) date(c *ticket.Clock) {
	left := time.Duration(c.Target - c.Used)
	due := k.level.Calendar.Add(c.Since, left)
	warn := k.level.Calendar.Add(c.Since, left-k.margin(c))
	if k.now.Before(due) {
		c.BreachedAt = time.Time{}
	}
	if k.now.Before(warn) {
		c.WarnedAt = time.Time{}
	}
	if !due.Equal(c.Due) || warn.After(k.now) || c.WarnAt.After(k.now) {
		c.WarnAt = latest(warn, k.now)
	}
	c.Due = due
}

func (k *keeper) pause(m ticket.Metric) {
	c := k.begun(m)
	k.bank(c)
	if c.Used < c.Target {
		c.BreachedAt = time.Time{}
	}
	if c.Target > 0 && time.Duration(c.Used) < time.Duration(c.Target)-k.margin(c) {
		c.WarnedAt = time.Time{}
	}
	c.State = ticket.ClockPaused
	if late(c) {
		c.State = ticket.ClockBreached
	}
}

// end a clock, unless the ticket is reopened.
func (k *keeper) end(m ticket.Metric, state ticket.ClockState) {
	c := k.Service.Clock(m)
	if c == nil || c.Ended() {
		return
	}
	k.bank(c)
	c.State = state
	if state == ticket.ClockMet {
		c.DoneAt = k.now
		if late(c) {
			c.State = ticket.ClockMissed
		}
	}
}

// late says that the present target was missed. Without a target what was told is kept, in case it comes back: nothing is told
// twice.
func late(c *ticket.Clock) bool { return c.Target > 0 && !c.BreachedAt.IsZero() }

// begun is the clock of a metric with its present target.
func (k *keeper) begun(m ticket.Metric) *ticket.Clock {
	c := k.Service.Clock(m)
	if c == nil {
		c = &ticket.Clock{}
		k.Service.SetClock(m, c)
	}
	c.Target = ticket.Span(k.level.Target(k.Priority, m))
	return c
}

// bank the time of the present run, and stand still.
func (k *keeper) bank(c *ticket.Clock) {
	if !c.Since.IsZero() {
		c.Used += ticket.Span(k.level.count(c.Since, k.now))
	}
	c.Since, c.Due, c.WarnAt = time.Time{}, time.Time{}, time.Time{}
}

// margin is the time left of a target when a warning is given.
func (k *keeper) margin(c *ticket.Clock) time.Duration {
	return time.Duration(c.Target) * time.Duration(100-k.level.WarnAtPercent) / 100
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
