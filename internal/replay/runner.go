package replay

import (
	"context"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	"k8s.io/utils/clock"

	"github.com/caseload-dev/caseload/internal/desk/api"
	"github.com/caseload-dev/caseload/internal/dispatch"
	"github.com/caseload-dev/caseload/internal/ticket"
)

// Options of a Runner. Service and Scripts are required.
type Options struct {
	Service api.Service
	// Caller is who the calls are from, where Service is a desk of this process; a server knows by itself.
	Caller api.Call
	// Clock that paces the replay; nil: the real one.
	Clock clock.Clock
	// Scripts to play, in the order of arrival.
	Scripts []Script
	// Agents to play, by name.
	Agents []string
	// SpeedUp is how many seconds of the history pass in one.
	SpeedUp float64
	// Parallel bounds the calls under way at once.
	Parallel int
	// Patience is how long the desk may be out of reach, or a ticket stand still, before the replay gives up.
	Patience time.Duration
	// Leave the agents as they are at the end, rather than Offline.
	Leave bool
}

// Progress of a replay.
type Progress struct {
	Tickets, Arrived, Ended, Waiting int
	HandOvers                        int
}

// Runner plays scripts through a desk. Nothing but the desk's log tells it where it is, so that it goes on where an
// interrupted one stopped.
type Runner struct {
	Options
	calls chan struct{}

	mu    sync.Mutex
	seen  *Observations
	cases map[string]*played
	// position of the log read so far; advanced is closed and renewed as it grows.
	position int64
	advanced chan struct{}
	playing  bool
	agents   map[string]bool
	arrived  int
	ended    int
}

// played is a case under way.
type played struct {
	script *Script
	ticket int64
	view   View
	wake   chan struct{}
}

// NewRunner of the options.
func NewRunner(o Options) *Runner {
	if o.Clock == nil {
		o.Clock = clock.RealClock{}
	}
	r := &Runner{
		Options: o, calls: make(chan struct{}, max(1, o.Parallel)), seen: NewObservations(), cases: map[string]*played{},
		advanced: make(chan struct{}), agents: map[string]bool{},
	}
	for i := range o.Scripts {
		s := &o.Scripts[i]
		r.cases[s.Case] = &played{script: s, wake: make(chan struct{}, 1)}
	}
	for _, name := range o.Agents {
		r.agents[name] = true
	}
	return r
}

// Run plays every script to its end. What the desk's log tells of them is then in Seen.
func (r *Runner) Run(ctx context.Context) error {
	if err := r.catchUp(ctx); err != nil {
		return fmt.Errorf("read the desk's log: %w", err)
	}
	if err := r.setPresence(ctx, dispatch.Available, "replay"); err != nil {
		return err
	}
	r.mu.Lock()
	r.playing = true
	r.mu.Unlock()

	g, gctx := errgroup.WithContext(ctx)
	followCtx, stopFollowing := context.WithCancel(gctx)
	g.Go(func() error { return r.follow(followCtx) })
	g.Go(func() error {
		defer stopFollowing()
		return r.playAll(gctx)
	})
	if err := g.Wait(); err != nil {
		return err
	}
	if r.Leave {
		return nil
	}
	return r.setPresence(ctx, dispatch.Offline, "the replay has ended")
}

// Seen is what the log told of each case. Call it after Run.
func (r *Runner) Seen() map[string]*Observed { return r.seen.Cases }

// Progress so far.
func (r *Runner) Progress() Progress {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := Progress{Tickets: len(r.Scripts), Arrived: r.arrived, Ended: r.ended}
	for _, o := range r.seen.Cases {
		p.HandOvers += len(o.HandOvers)
		if s := o.View.Status; s == ticket.Waiting || s == ticket.Offered {
			p.Waiting++
		}
	}
	return p
}

// playAll starts each case at its time. Arrivals go on from the last one that the desk knows.
func (r *Runner) playAll(ctx context.Context) error {
	var resumeAt time.Duration
	for _, s := range r.Scripts {
		if r.seen.Cases[s.Case] != nil {
			resumeAt = max(resumeAt, s.At)
		}
	}
	start := r.Clock.Now().Add(-r.scaled(resumeAt))
	g, ctx := errgroup.WithContext(ctx)
	for i := range r.Scripts {
		s := &r.Scripts[i]
		if err := r.sleep(ctx, start.Add(r.scaled(s.At)).Sub(r.Clock.Now())); err != nil {
			break
		}
		r.mu.Lock()
		r.arrived++
		r.mu.Unlock()
		g.Go(func() error {
			if err := r.play(ctx, r.cases[s.Case]); err != nil {
				return fmt.Errorf("case %s: %w", s.Case, err)
			}
			return nil
		})
	}
	return g.Wait()
}

func (r *Runner) scaled(d time.Duration) time.Duration { return time.Duration(float64(d) / r.SpeedUp) }

// play opens the ticket, takes it through the steps that the log does not know yet, and waits for the log to tell so.
func (r *Runner) play(ctx context.Context, p *played) error {
	if err := r.open(ctx, p); err != nil {
		return err
	}
	_, done := r.view(p)
	for i := done; i < len(p.script.Steps); i++ {
		s := p.script.Steps[i]
		if err := r.sleep(ctx, r.scaled(s.After)); err != nil {
			return err
		}
		if err := r.perform(ctx, p, i); err != nil {
			return fmt.Errorf("ticket %d: %s: %w", p.ticket, s.Reason, err)
		}
	}
	if err := r.logged(ctx, p); err != nil {
		return err
	}
	r.mu.Lock()
	r.ended++
	r.mu.Unlock()
	return nil
}

func (r *Runner) open(ctx context.Context, p *played) error {
	var opened *api.OpenedTicket
	err := r.call(ctx, func() (err error) {
		call := r.as("", p.script.key()+"/open")
		opened, err = r.Service.OpenTicket(ctx, call, api.OpenTicket{Content: p.script.Content})
		return err
	})
	if err != nil {
		return fmt.Errorf("open the ticket: %w", err)
	}
	if opened.Ticket == nil {
		return fmt.Errorf("ticket %d is there already, and a replay must be able to read it: it needs get on helpdesks/tickets", opened.ID)
	}
	p.ticket = opened.ID
	r.learn(p, ViewOf(opened.Ticket))
	return nil
}

// logged waits until the log read so far has all that the case's calls answered.
func (r *Runner) logged(ctx context.Context, p *played) error {
	for {
		r.mu.Lock()
		o := r.seen.Cases[p.script.Case]
		there, advanced := o != nil && o.View.Version >= p.view.Version, r.advanced
		r.mu.Unlock()
		if there {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-advanced:
		case <-r.Clock.After(r.Patience):
			return fmt.Errorf("ticket %d: the desk's log has not told of version %d after %s", p.ticket, p.view.Version, r.Patience)
		}
	}
}

// perform brings the ticket to a step, however the desk answers meanwhile.
func (r *Runner) perform(ctx context.Context, p *played, index int) error {
	step := p.script.Steps[index]
	giveUp := r.Clock.Now().Add(r.Patience)
	for {
		v, done := r.view(p)
		if done > index {
			return nil
		}
		action := Next(step, v)
		if action.Verb == Done {
			return nil
		}
		if action.Verb == Await {
			if err := r.await(ctx, p, v); err != nil {
				return err
			}
			continue
		}
		err := r.act(ctx, p, index, action, v)
		switch {
		case err == nil && action.Completes:
			return nil
		case err == nil:
		case raced(err) && r.Clock.Now().Before(giveUp):
			if err := r.refresh(ctx, p, v, err); err != nil {
				return err
			}
		default:
			return err
		}
	}
}

// act does what brings the ticket nearer to a step. An agent without room is not passed a ticket: it waits in the queue.
func (r *Runner) act(ctx context.Context, p *played, index int, action Action, v View) error {
	step := p.script.Steps[index]
	key := fmt.Sprintf("%s/%d", p.script.key(), index+1)
	t, err := r.do(ctx, p.ticket, action, v, step.Reason, key)
	if noRoom(err) && step.Kind == PassOn {
		action = Action{Verb: TransferToQueue, As: action.As, To: v.Queue, Completes: true}
		reason := fmt.Sprintf("%s (%s has no room: whoever is offered it takes it up)", step.Reason, step.Agent)
		t, err = r.do(ctx, p.ticket, action, v, reason, key+"/queue")
	}
	if err == nil {
		r.learn(p, ViewOf(t))
	}
	return err
}

// do makes the call of an action.
func (r *Runner) do(ctx context.Context, id int64, a Action, v View, reason, key string) (t *ticket.Ticket, err error) {
	call := r.as(a.As, key)
	because := api.Because{Reason: reason}
	if !a.Completes {
		// What only prepares a step may be needed again, so its key and reason are not the step's.
		call.Key = fmt.Sprintf("%s/%s/%d", key, a.Verb, v.Version)
		because.Reason = "for the " + reason
	}
	s := r.Service
	err = r.call(ctx, func() (err error) {
		switch a.Verb {
		case Accept:
			t, err = s.Accept(ctx, call, id, api.Accept{Offer: v.Offer})
		case Resume:
			t, err = s.Resume(ctx, call, id, because)
		case TransferToQueue:
			t, err = s.Transfer(ctx, call, id, api.Transfer{Queue: a.To, Reason: reason})
		case TransferToAgent:
			t, err = s.Transfer(ctx, call, id, api.Transfer{Agent: a.To, Reason: reason})
		case DoPend:
			t, err = s.Pend(ctx, call, id, api.Pend{Reason: reason})
		case DoHold:
			t, err = s.Hold(ctx, call, id, because)
		case DoResolve:
			t, err = s.Resolve(ctx, call, id, because)
		case DoReopen:
			t, err = s.Reopen(ctx, call, id, because)
		case DoClose:
			t, err = s.Close(ctx, call, id, because)
		case DoCancel:
			t, err = s.Cancel(ctx, call, id, because)
		case DoReply:
			t, err = s.Reply(ctx, call, id, api.Reply{From: "Agent", Body: reason})
		}
		return err
	})
	return t, err
}

// view of the ticket, and the number of its steps that the log tells of.
func (r *Runner) view(p *played) (v View, done int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if o := r.seen.Cases[p.script.Case]; o != nil {
		done = o.StepsDone
	}
	return p.view, done
}

// learn takes a view of the ticket unless a newer one is known.
func (r *Runner) learn(p *played, v View) {
	r.mu.Lock()
	defer r.mu.Unlock()
	p.learn(v)
}

func (p *played) learn(v View) {
	if v.Version < p.view.Version {
		return
	}
	p.view = v
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// await waits for the ticket to change from a view.
func (r *Runner) await(ctx context.Context, p *played, v View) error {
	deadline := r.Clock.After(r.Patience)
	for {
		if now, _ := r.view(p); now != v {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-p.wake:
		case <-deadline:
			return fmt.Errorf("it has been %s in queue %s for %s and nobody was offered it: do queue workers run, and is somebody free?", v.Status, v.Queue, r.Patience)
		}
	}
}

// refresh reads the ticket anew after a call lost a race. One that has not changed is tried again a little later, but no
// permission comes of waiting.
func (r *Runner) refresh(ctx context.Context, p *played, before View, refused error) error {
	if now, err := r.reread(ctx, p); err != nil || now != before {
		return err
	}
	if forbidden(refused) {
		return refused
	}
	return r.sleep(ctx, racePause)
}

// reread the ticket.
func (r *Runner) reread(ctx context.Context, p *played) (View, error) {
	var t *ticket.Ticket
	err := r.call(ctx, func() (err error) {
		t, err = r.Service.Ticket(ctx, r.Caller, p.ticket)
		return err
	})
	if err != nil {
		return View{}, err
	}
	r.learn(p, ViewOf(t))
	v, _ := r.view(p)
	return v, nil
}
