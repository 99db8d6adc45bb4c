// Package notify decides when and where people are told of what concerns them, in which words, and by which links they can
// answer. It is pure: who is told of what is decided elsewhere, and delivery is package outbox's.
package notify

import (
	"cmp"
	"slices"
	"time"

	"github.com/caseload-dev/caseload/internal/walltime"
)

// Contact is where somebody is told.
type Contact struct {
	Notifier, Address string
	// After is how long the contact waits.
	After time.Duration
	// Quiet hours put off what is not urgent; nil: none.
	Quiet *QuietHours
}

// QuietHours of each day, from a minute of the day until another, which is of the next day unless it is later.
type QuietHours struct {
	From, To int
	Location *time.Location
}

// Attempt is one contact that is to be told, and when.
type Attempt struct {
	Notifier, Address string
	At                time.Time
}

// Attempts are the contacts in the order in which they are told of something that happened now. What is urgent breaks
// quiet hours.
func Attempts(contacts []Contact, urgent bool, now time.Time) []Attempt {
	attempts := make([]Attempt, len(contacts))
	for i, c := range contacts {
		at := now.Add(c.After)
		if c.Quiet != nil && !urgent {
			at = c.Quiet.end(at)
		}
		attempts[i] = Attempt{Notifier: c.Notifier, Address: c.Address, At: at}
	}
	slices.SortStableFunc(attempts, func(a, b Attempt) int { return cmp.Compare(a.At.UnixNano(), b.At.UnixNano()) })
	return attempts
}

// end of the quiet hours that an instant is in; the instant itself outside of them.
func (q *QuietHours) end(t time.Time) time.Time {
	year, month, day := t.In(q.Location).Date()
	// Those of yesterday may last until today. A zone that skips a day has none that begin then.
	for d := day - 1; d <= day; d++ {
		until := d
		if q.To <= q.From {
			until++
		}
		start := walltime.First(q.Location, year, month, d, q.From)
		end := walltime.Last(q.Location, year, month, until, q.To)
		if !t.Before(start) && t.Before(end) {
			return end.UTC()
		}
	}
	return t
}
