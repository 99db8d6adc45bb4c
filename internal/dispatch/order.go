package dispatch

import (
	"cmp"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/caseload-dev/caseload/internal/plan"
	"github.com/caseload-dev/caseload/internal/ticket"
)

// NewDemand is a waiting ticket as dispatch sees it. lastAgent, who last served its customer, is asked first unless the
// ticket has a preferred agent of its own.
func NewDemand(q *plan.Queue, t *ticket.Ticket, lastAgent string) Demand {
	return Demand{
		Ticket: t.ID, Version: t.Version, Class: Class(q, t),
		Queue: t.Queue, Stage: t.Stage, Channel: t.Channel, Language: t.Language,
		Priority: t.Priority, Due: t.Service.Due(), OpenedAt: t.OpenedAt,
		Preferred: cmp.Or(t.PreferredAgent, lastAgent),
		Round:     t.Round, Asks: t.Asks,
	}
}

// order of a ticket among all that share agents: smaller goes first. Instants count in milliseconds, the resolution that
// every store keeps.
type order struct {
	queue, rank  int64
	due, opened  int64
	ticketNumber int64
}

func orderOf(q *plan.Queue, d *Demand) order {
	return order{
		queue: -int64(q.Priority), rank: int64(d.Priority.Rank()),
		due: millis(d.Due, math.MaxInt64), opened: millis(d.OpenedAt, math.MinInt64),
		ticketNumber: d.Ticket,
	}
}

func millis(t time.Time, zero int64) int64 {
	if t.IsZero() {
		return zero
	}
	return t.UnixMilli()
}

func (o order) compare(p order) int {
	return cmp.Or(
		cmp.Compare(o.queue, p.queue),
		cmp.Compare(o.rank, p.rank),
		cmp.Compare(o.due, p.due),
		cmp.Compare(o.opened, p.opened),
		cmp.Compare(o.ticketNumber, p.ticketNumber),
	)
}

// key writes each part as sixteen hexadecimal digits of its distance from the smallest integer, except the rank.
func (o order) key() string {
	var b strings.Builder
	b.Grow(70)
	for i, part := range [...]int64{o.queue, o.rank, o.due, o.opened, o.ticketNumber} {
		if i == 1 {
			fmt.Fprintf(&b, "%d", part)
			continue
		}
		fmt.Fprintf(&b, "%016x", uint64(part)^(1<<63))
	}
	return b.String()
}

// Compare is negative if the demand a of queue qa goes before b of qb: by queue priority, ticket priority, earliest due
// time, age and id.
func Compare(qa *plan.Queue, a *Demand, qb *plan.Queue, b *Demand) int {
	return orderOf(qa, a).compare(orderOf(qb, b))
}

// OrderKey of a demand: its byte order is that of Compare.
func OrderKey(q *plan.Queue, d *Demand) string {
	return orderOf(q, d).key()
}
