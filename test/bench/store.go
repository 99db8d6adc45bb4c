package main

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/caseload-dev/caseload/internal/desk/api"
	"github.com/caseload-dev/caseload/internal/desk/store"
	"github.com/caseload-dev/caseload/internal/desk/store/sqlite"
	"github.com/caseload-dev/caseload/internal/dispatch"
	"github.com/caseload-dev/caseload/internal/eventlog"
	"github.com/caseload-dev/caseload/internal/ticket"
)

// maxCommit is the most offers of one transaction, as a queue worker commits them.
const maxCommit = 1000

// bareStore does to a store what intake and offers do to it, without anything else: no HTTP, no routing, no decision, no
// guard. Callers open tickets, size of them in a transaction; another one offers what was opened.
type bareStore struct {
	store.Store
	keys   atomic.Int64
	opened chan []*ticket.Ticket
}

// storeRate is how many tickets a second the store alone takes and offers.
func storeRate(ctx context.Context, o options, size, callers int) (rate float64, err error) {
	s, err := newSite(o, "store")
	if err != nil {
		return 0, err
	}
	defer s.remove()
	db, err := sqlite.Open(ctx, s.path("desk.db"), sqlite.Options{})
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	b := &bareStore{Store: db, opened: make(chan []*ticket.Ticket, o.tickets)}
	start := time.Now()
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return b.offerAll(ctx, o.tickets) })
	var next atomic.Int64
	for range callers {
		g.Go(func() error {
			for {
				first := int(next.Add(int64(size))) - size
				if first >= o.tickets {
					return nil
				}
				if err := b.open(ctx, first, min(size, o.tickets-first)); err != nil {
					return err
				}
			}
		})
	}
	err = g.Wait()
	return float64(o.tickets) / time.Since(start).Seconds(), err
}

// open n tickets in one transaction, under a key, and keep the answer.
func (b *bareStore) open(ctx context.Context, first, n int) error {
	key := strconv.FormatInt(b.keys.Add(1), 10)
	tickets := make([]*ticket.Ticket, n)
	err := b.Update(ctx, func(tx store.Tx) error {
		now := deskNow()
		if _, err := tx.Idempotent("user/bench", key); !errors.Is(err, store.ErrNotFound) {
			return fmt.Errorf("key %s: %w", key, err)
		}
		var answer api.OpenedTickets
		for i := range tickets {
			t, err := openOne(tx, content(first+i), now)
			if err != nil {
				return err
			}
			tickets[i] = t
			answer.Results = append(answer.Results, api.OpenedTicket{Ticket: t})
		}
		body, err := json.Marshal(answer)
		if err != nil {
			return err
		}
		request := sha256.Sum256([]byte(key))
		return tx.PutIdempotent("user/bench", key, store.Answer{Request: request[:], Status: http.StatusOK, Body: body, At: now})
	})
	b.opened <- tickets
	return err
}

func openOne(tx store.Tx, c ticket.Content, now time.Time) (*ticket.Ticket, error) {
	if _, err := tx.Customer(c.Customer); errors.Is(err, store.ErrNotFound) {
		if err := tx.PutCustomer(&ticket.Customer{ID: c.Customer}); err != nil {
			return nil, err
		}
	} else if err != nil {
		return nil, err
	}
	t := ticket.New(c, ticket.Route{Queue: c.Category, Priority: c.Priority, Rule: "support/" + c.Category, PlanRevision: 1}, now)
	if err := tx.InsertTicket(&t, t.Queue+"/"+t.Channel); err != nil {
		return nil, err
	}
	return &t, tx.Append(&eventlog.Record{
		At: now, Type: eventlog.Opened, Actor: "user/bench", Ticket: t.ID, Version: t.Version, To: eventlog.StateOf(&t), PlanRevision: 1,
		Data: eventlog.Encode(eventlog.OpenedData{Channel: t.Channel, Language: t.Language, Customer: t.Customer, Rule: t.Rule}),
	})
}

// offerAll offers n tickets, in each transaction those that were opened meanwhile.
func (b *bareStore) offerAll(ctx context.Context, n int) error {
	for done := 0; done < n; {
		var batch []*ticket.Ticket
		select {
		case batch = <-b.opened:
		case <-ctx.Done():
			return ctx.Err()
		}
		for len(batch) < maxCommit && len(b.opened) > 0 {
			batch = append(batch, <-b.opened...)
		}
		err := b.Update(ctx, func(tx store.Tx) error {
			loads := map[string]*dispatch.AgentState{}
			for i, t := range batch {
				if err := offerOne(tx, t.ID, agentName((done+i)%agents), loads); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		done += len(batch)
	}
	return nil
}

func offerOne(tx store.Tx, id int64, agent string, agents map[string]*dispatch.AgentState) error {
	before, err := tx.Ticket(id)
	if err != nil {
		return err
	}
	a := agents[agent]
	if a == nil {
		if a, err = tx.Agent(agent); err != nil {
			return err
		}
		agents[agent] = a
	}
	now := deskNow()
	offer, err := tx.NextOffer()
	if err != nil {
		return err
	}
	until := now.Add(time.Hour)
	after, err := ticket.Apply(*before, ticket.MakeOffer{ID: offer, Agent: agent, Until: until, Round: before.Round}, now)
	if err != nil {
		return err
	}
	if err := tx.UpdateTicket(&after, after.Queue+"/"+after.Channel); err != nil {
		return err
	}
	considered := make([]string, dispatch.MaxConsidered)
	for i := range considered {
		considered[i] = agentName(i)
	}
	err = tx.Append(&eventlog.Record{
		At: now, Type: eventlog.Offered, Actor: "worker/bench", Ticket: id, Version: after.Version, PlanRevision: 1,
		From: eventlog.StateOf(before), To: eventlog.StateOf(&after),
		Dispatch: &eventlog.Dispatch{
			Offer: offer, Until: until, OrderKey: "+0500/2/" + now.Format(time.RFC3339), Position: id, Pool: "queue-0", Epoch: 1,
			Considered: considered, Why: "LeastOccupied", Load: a.Load, Limits: map[string]int{channel: agentLimit},
		},
	})
	if err != nil {
		return err
	}
	a.Load = map[string]int{channel: a.Load[channel] + 1}
	a.LastOfferAt = now
	a.Version++
	return tx.PutAgent(a)
}

// deskNow is the time with the precision of desk time.
func deskNow() time.Time { return time.Now().UTC().Truncate(time.Millisecond) }
