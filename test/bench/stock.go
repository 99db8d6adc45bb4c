package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/caseload-dev/caseload/internal/desk"
	"github.com/caseload-dev/caseload/internal/desk/api"
	"github.com/caseload-dev/caseload/internal/desk/store"
	"github.com/caseload-dev/caseload/internal/desk/store/sqlite"
	"github.com/caseload-dev/caseload/internal/dispatch"
	"github.com/caseload-dev/caseload/internal/eventlog"
	"github.com/caseload-dev/caseload/internal/plan"
	"github.com/caseload-dev/caseload/internal/sla"
	"github.com/caseload-dev/caseload/internal/ticket"
)

// stockBatch is how many tickets one transaction puts into a store directly.
const stockBatch = 10_000

// stock gives the site a store on which the organisation's plan is active, with n tickets and the records of their opening,
// written directly: a desk would take minutes for a million. It returns the plan.
func (s *site) stock(ctx context.Context, objects []metav1.Object, n int, nth func(p *plan.Plan, i int) ticket.Ticket) (_ *plan.Plan, err error) {
	if err := os.MkdirAll(s.path("data"), 0o700); err != nil {
		return nil, err
	}
	db, err := sqlite.Open(ctx, filepath.Join(s.path("data"), "desk.db"), sqlite.Options{})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	d, err := desk.New(desk.Options{Store: db, HelpDesk: "bench"})
	if err != nil {
		return nil, err
	}
	push, err := pushOf(objects)
	if err != nil {
		return nil, err
	}
	pushed, err := d.PushPlan(ctx, api.Call{Actor: "user/bench"}, "*", push)
	if err != nil {
		return nil, err
	}
	p, err := plan.Build(push.Manifest, push.Entries)
	if err != nil {
		return nil, err
	}
	p.Revision = pushed.Revision
	for first := 0; first < n; first += stockBatch {
		err := db.Update(ctx, func(tx store.Tx) error {
			for i := first; i < min(first+stockBatch, n); i++ {
				t := nth(p, i)
				if err := put(tx, p, &t); err != nil {
					return fmt.Errorf("ticket %d: %w", i, err)
				}
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return p, nil
}

func put(tx store.Tx, p *plan.Plan, t *ticket.Ticket) error {
	q := p.Queues[t.Queue]
	t.Await(q.Patience, time.Time{})
	sla.Keep(t, p.ServiceLevels[t.ServiceLevel], t.OpenedAt)
	if err := tx.InsertTicket(t, dispatch.Class(q, t)); err != nil {
		return err
	}
	return tx.Append(&eventlog.Record{
		At: t.OpenedAt, Type: eventlog.Opened, Actor: "user/bench", Ticket: t.ID, Version: t.Version, To: eventlog.StateOf(t),
		PlanRevision: p.Revision, Clocks: eventlog.ClocksOf(nil, t), Data: eventlog.Encode(eventlog.OpenedData{Channel: t.Channel, Language: t.Language, Customer: t.Customer, Rule: t.Rule}),
	})
}

// waiting is the i-th ticket, which waits in a queue since an instant.
func waiting(p *plan.Plan, i int, queue string, since time.Time) ticket.Ticket {
	c := content(i)
	return ticket.New(c, ticket.Route{
		Queue: queue, Priority: c.Priority, ServiceLevel: p.Teams["support"].ServiceLevel, Rule: "support/" + queue, PlanRevision: p.Revision,
	}, since)
}
