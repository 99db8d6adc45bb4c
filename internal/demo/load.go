package demo

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/caseload-dev/caseload/internal/desk/api"
	"github.com/caseload-dev/caseload/internal/dispatch"
	"github.com/caseload-dev/caseload/internal/eventlog"
	"github.com/caseload-dev/caseload/internal/ticket"
)

// loadReason marks the presence of agents whom the load plays. An agent who has another reason is somebody real.
const loadReason = "demo load"

// LoadOptions of a Load. Desk is required.
type LoadOptions struct {
	Desk api.Service
	// Rate is the number of tickets that customers open a minute.
	Rate float64
	// Think is the mean time that agents work on a ticket and customers take to answer.
	Think time.Duration
	// MaxLive is the number of tickets under way at which customers hold back.
	MaxLive int
	Logger  *slog.Logger
}

// Load plays customers and agents, so that tickets move from intake to closed by themselves. It reads what there is to
// play from the desk's plan and log: organisations may change under it.
type Load struct {
	LoadOptions

	mu      sync.Mutex
	tickets map[int64]*live
	// agents whom the load plays, and their presence.
	agents map[string]dispatch.Presence
	shape  *shape
	// position of the log read so far.
	position int64
}

// live is what the load knows of a ticket that is not over.
type live struct {
	version int64
	status  ticket.Status
	queue   string
	agent   string
	// approver is who is asked for an approval while the ticket is on hold for it.
	approver string
	channel  string
	offer    int64
	moves    int
}

// NewLoad of the options; zero fields get defaults.
func NewLoad(o LoadOptions) *Load {
	if o.Rate <= 0 {
		o.Rate = 30
	}
	if o.Think <= 0 {
		o.Think = 8 * time.Second
	}
	if o.MaxLive <= 0 {
		o.MaxLive = 500
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return &Load{LoadOptions: o, tickets: map[int64]*live{}, agents: map[string]dispatch.Presence{}}
}

// pause between attempts while the desk is out of reach or has no plan yet.
const pause = time.Second

// Run plays until ctx ends.
func (l *Load) Run(ctx context.Context) error {
	if err := l.untilDone(ctx, "read the organisation", l.begin); err != nil {
		return nil
	}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { l.follow(ctx); return nil })
	g.Go(func() error { l.customers(ctx); return nil })
	g.Go(func() error { l.staff(ctx); return nil })
	return g.Wait()
}

// untilDone tries again until fn succeeds or ctx ends.
func (l *Load) untilDone(ctx context.Context, what string, fn func(context.Context) error) error {
	for {
		err := fn(ctx)
		if err == nil || ctx.Err() != nil {
			return ctx.Err()
		}
		l.Logger.Warn("try again", "to", what, "error", err)
		if sleep(ctx, pause) != nil {
			return ctx.Err()
		}
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// begin reads the shape of the organisation and the tickets that are under way.
func (l *Load) begin(ctx context.Context) error {
	if err := l.reshape(ctx); err != nil {
		return err
	}
	// The log is read from here; what happened before shows in the tickets.
	names := l.shape.agents
	if len(names) == 0 {
		return errors.New("the plan has no agents")
	}
	work, err := l.Desk.Work(ctx, api.Call{}, names[0], 0, 0)
	if err != nil {
		return err
	}
	l.position = work.Position
	query := api.TicketQuery{Status: slices.DeleteFunc(slices.Clone(ticket.Statuses), func(s ticket.Status) bool { return !s.Live() }), Limit: 500}
	for {
		page, err := l.Desk.Tickets(ctx, api.Call{}, query)
		if err != nil {
			return err
		}
		l.mu.Lock()
		for i := range page.Items {
			t := &page.Items[i]
			known := &live{version: t.Version, status: t.Status, queue: t.Queue, agent: t.Agent, channel: t.Channel}
			if t.Offer != nil {
				known.offer = t.Offer.ID
			}
			l.tickets[t.ID] = known
			l.schedule(ctx, t.ID, known)
		}
		l.mu.Unlock()
		if query.After = page.Continue; query.After == 0 {
			return nil
		}
	}
}

// reshape reads the plan: what customers may ask for, and where agents may hand over to.
func (l *Load) reshape(ctx context.Context) error {
	entries, err := l.Desk.PlanEntries(ctx, api.Call{}, 0)
	if err != nil {
		return err
	}
	s, err := shapeOf(entries.Entries)
	if err != nil {
		return err
	}
	for _, c := range s.customers {
		if _, err := l.Desk.PutCustomer(ctx, api.Call{}, c); err != nil {
			return err
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.shape = s
	return nil
}

// customers open tickets at the rate, in clusters as life has it.
func (l *Load) customers(ctx context.Context) {
	for sleep(ctx, time.Duration(rand.ExpFloat64()*float64(time.Minute)/l.Rate)) == nil {
		l.mu.Lock()
		content, full := l.shape.ticket(), len(l.tickets) >= l.MaxLive
		l.mu.Unlock()
		if full {
			continue
		}
		_, err := l.Desk.OpenTicket(ctx, api.Call{}, api.OpenTicket{Content: content})
		l.note("open a ticket", err)
	}
}

// staff comes to work, and comes back from a break. Somebody real at work is left alone until they have left.
func (l *Load) staff(ctx context.Context) {
	for {
		list, err := l.Desk.Agents(ctx, api.Call{})
		l.note("read the agents", err)
		if err == nil {
			for _, a := range list.Items {
				mine := a.Reason == loadReason
				gone := a.Presence == dispatch.Offline || a.Presence == dispatch.Away
				l.mu.Lock()
				if mine || gone {
					l.agents[a.Name] = a.Presence
				} else {
					delete(l.agents, a.Name)
				}
				l.mu.Unlock()
				onBreak := a.Presence == dispatch.Away && time.Since(a.Since) < 3*l.Think
				if gone && !onBreak {
					_, err := l.Desk.SetPresence(ctx, api.Call{Agent: a.Name}, a.Name, api.SetPresence{Presence: string(dispatch.Available), Reason: loadReason})
					l.note("come to work", err)
				}
			}
		}
		if sleep(ctx, l.Think) != nil {
			return
		}
	}
}

// follow reads the log and lets whoever has a ticket act on it in time.
func (l *Load) follow(ctx context.Context) {
	for ctx.Err() == nil {
		page, err := l.Desk.Records(ctx, api.Call{}, l.position, 1000, 0, 20)
		if err != nil {
			l.note("read the log", err)
			_ = sleep(ctx, pause)
			continue
		}
		l.position = page.Position
		for i := range page.Items {
			l.take(ctx, &page.Items[i])
		}
	}
}

func (l *Load) take(ctx context.Context, r *eventlog.Record) {
	switch r.Type {
	case eventlog.PlanActivated:
		go func() { _ = l.untilDone(ctx, "read the organisation", l.reshape) }()
	case eventlog.PresenceChanged:
		l.mu.Lock()
		if r.Reason != loadReason {
			delete(l.agents, r.Agent)
		} else {
			l.agents[r.Agent] = dispatch.Available
		}
		l.mu.Unlock()
	}
	if r.Ticket == 0 || r.To == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if !r.To.Status.Live() {
		delete(l.tickets, r.Ticket)
		return
	}
	t := l.tickets[r.Ticket]
	if t == nil {
		t = &live{channel: channelOf(r)}
		l.tickets[r.Ticket] = t
	}
	if r.Version <= t.version {
		return
	}
	if t.queue != r.To.Queue {
		t.moves++
	}
	t.version, t.status, t.queue, t.agent = r.Version, r.To.Status, r.To.Queue, r.To.Agent
	if r.Dispatch != nil {
		t.offer = r.Dispatch.Offer
	}
	if asked := approverOf(r); asked != "" || t.status != ticket.OnHold {
		t.approver = asked
	}
	l.schedule(ctx, r.Ticket, t)
}

// schedule what happens to the ticket next, unless it has changed by then. The caller holds mu.
func (l *Load) schedule(ctx context.Context, id int64, t *live) {
	move := l.decide(t)
	if move == nil {
		return
	}
	version := t.version
	delay := time.Duration(rand.ExpFloat64() * float64(l.Think) * move.slow)
	time.AfterFunc(delay, func() {
		l.mu.Lock()
		now := l.tickets[id]
		still := now != nil && now.version == version && ctx.Err() == nil
		if still && move.agent != "" {
			_, still = l.agents[move.agent]
		}
		l.mu.Unlock()
		if !still {
			return
		}
		if err := move.do(ctx, id); !raced(err) {
			l.note(move.what, err)
		}
	})
}

// note an error, unless it is the end.
func (l *Load) note(what string, err error) {
	if err != nil && !errors.Is(err, context.Canceled) {
		l.Logger.Warn("could not "+what, "error", err)
	}
}

// raced says that the ticket changed before the move: it is another's, or in another state.
func raced(err error) bool {
	var p *api.Problem
	return errors.As(err, &p) && (p.Status == http.StatusConflict || p.Status == http.StatusForbidden)
}
