package desk

import (
	"context"
	"errors"
	"slices"

	"github.com/caseload-dev/caseload/internal/desk/api"
	"github.com/caseload-dev/caseload/internal/desk/store"
	"github.com/caseload-dev/caseload/internal/eventlog"
	"github.com/caseload-dev/caseload/internal/plan"
	"github.com/caseload-dev/caseload/internal/ticket"
)

const (
	defaultPage = 100
	maxPage     = 500
	// maxRecords bounds a page of the log.
	maxRecords = 1000
	// maxHistory bounds the records, and maxPrior the other tickets of the customer, that a history shows.
	maxHistory = 500
	maxPrior   = 20
)

func notFound(err error) bool { return errors.Is(err, store.ErrNotFound) }

// Ticket by id.
func (d *Desk) Ticket(ctx context.Context, _ api.Call, id int64) (*ticket.Ticket, error) {
	var t *ticket.Ticket
	err := d.view(ctx, func(r store.Reader, _ *plan.Plan) (err error) {
		t, err = ticketByID(r, id)
		return err
	})
	return t, err
}

// Tickets lists tickets by id.
func (d *Desk) Tickets(ctx context.Context, _ api.Call, query api.TicketQuery) (*api.TicketList, error) {
	limit := page(query.Limit, defaultPage, maxPage)
	list := &api.TicketList{Items: []ticket.Ticket{}}
	err := d.view(ctx, func(r store.Reader, _ *plan.Plan) error {
		if query.Reference != nil {
			t, err := r.TicketByReference(*query.Reference)
			if notFound(err) || err == nil && t.ID <= query.After {
				return nil
			}
			if err != nil {
				return err
			}
			list.Items = append(list.Items, *t)
			return nil
		}
		items, err := r.Tickets(store.TicketFilter{
			Statuses: query.Status, Queue: query.Queue, Agent: query.Agent, Customer: query.Customer, Standing: query.Standing,
			After: query.After, Limit: limit + 1,
		})
		if len(items) > limit {
			items = items[:limit]
			list.Continue = items[limit-1].ID
		}
		list.Items = append(list.Items, items...)
		return err
	})
	return list, err
}

func page(asked, normal, most int) int {
	if asked <= 0 {
		return normal
	}
	return min(asked, most)
}

// History is a ticket with what happened to it, the newest if that is much, its customer and their other tickets.
func (d *Desk) History(ctx context.Context, _ api.Call, id int64) (*api.TicketHistory, error) {
	h := &api.TicketHistory{}
	err := d.view(ctx, func(r store.Reader, _ *plan.Plan) error {
		t, err := ticketByID(r, id)
		if err != nil {
			return err
		}
		h.Ticket = *t
		if h.Records, err = r.LastRecords(id, maxHistory); err != nil {
			return err
		}
		if len(h.Records) > 0 {
			// Each record is a version of its ticket.
			h.EarlierRecords = h.Records[0].Version - 1
		}
		if t.Customer == "" {
			return nil
		}
		if h.Customer, err = r.Customer(t.Customer); err != nil && !notFound(err) {
			return err
		}
		h.Prior, err = prior(r, t)
		return err
	})
	if err != nil {
		return nil, err
	}
	return h, nil
}

// prior are the customer's other tickets, newest first.
func prior(r store.Reader, t *ticket.Ticket) ([]ticket.Ticket, error) {
	all, err := r.Tickets(store.TicketFilter{Customer: t.Customer, Newest: true, Limit: maxPrior + 1})
	if err != nil {
		return nil, err
	}
	all = slices.DeleteFunc(all, func(other ticket.Ticket) bool { return other.ID == t.ID })
	return all[:min(len(all), maxPrior)], nil
}

// Customer by id.
func (d *Desk) Customer(ctx context.Context, _ api.Call, id string) (*ticket.Customer, error) {
	var customer *ticket.Customer
	err := d.view(ctx, func(r store.Reader, _ *plan.Plan) (err error) {
		customer, err = r.Customer(id)
		if notFound(err) {
			return api.NewProblem(404, api.ProblemNotFound, "there is no customer %q", id)
		}
		return err
	})
	return customer, err
}

// Records of the log behind a position, of one ticket unless zero. It waits for the first. A page with long records has
// fewer than asked for; the last has none.
func (d *Desk) Records(ctx context.Context, _ api.Call, after int64, limit int, id int64, waitSeconds int) (*api.Records, error) {
	limit = page(limit, defaultPage, maxRecords)
	records := &api.Records{Items: []eventlog.Record{}, Position: after}
	looked := after - 1
	err := d.poll(ctx, waitSeconds, func() (outlook, error) {
		committed, position := d.store.Committed()
		if position <= looked {
			return outlook{wake: committed}, nil
		}
		looked = position
		err := d.view(ctx, func(r store.Reader, _ *plan.Plan) error {
			items, err := r.Records(after, limit, id)
			records.Items = append(records.Items, items...)
			return err
		})
		return outlook{done: len(records.Items) > 0, wake: committed}, err
	})
	if err != nil {
		return nil, err
	}
	if n := len(records.Items); n > 0 {
		records.Position = records.Items[n-1].Seq
	}
	return records, nil
}
