package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/caseload-dev/caseload/internal/desk/api"
	"github.com/caseload-dev/caseload/internal/desk/client"
	"github.com/caseload-dev/caseload/internal/eventlog"
)

// measureLatency opens tickets at a steady rate. A ticket arrives when its post is due, whether or not the client is late
// with it, and is offered when somebody who follows the log has read so: both by the client's clock.
func measureLatency(ctx context.Context, o options, t *table) (err error) {
	r, err := startDesk(ctx, o, "latency")
	if err != nil {
		return err
	}
	defer func() {
		if stopped := r.stop(); err == nil {
			err = stopped
		}
	}()
	desk, err := r.client()
	if err != nil {
		return err
	}
	if err := r.organise(ctx, desk); err != nil {
		return err
	}
	posts := newPoster(r.address, "/v1/tickets", r.bundle, singleCallers)
	if err := post(ctx, posts, warmUp, 1, 8, freely); err != nil {
		return err
	}
	if err := awaitOffered(ctx, desk, warmUp); err != nil {
		return err
	}

	n := o.rate * o.seconds
	following, stop := context.WithTimeout(ctx, time.Duration(o.seconds)*time.Second+time.Minute)
	defer stop()
	offers := make(chan followed, 1)
	go func() {
		f, err := follow(following, desk, n)
		f.err = err
		offers <- f
	}()
	opened := make([]api.OpenedTicket, n)
	arrivals, answers, err := steadily(ctx, posts, o, func(i int) any { return &opened[i] })
	if err != nil {
		return err
	}
	f := <-offers
	if f.err != nil {
		return f.err
	}
	seen, logged := make([]time.Duration, n), make([]time.Duration, n)
	for i := range opened {
		id := opened[i].Ticket.ID
		seen[i] = f.seen[id].Sub(arrivals[i])
		logged[i] = f.offered[id].Sub(arrivals[i])
	}

	floor, err := trivialLatency(ctx, o)
	if err != nil {
		return fmt.Errorf("floor: %w", err)
	}
	at := fmt.Sprintf("at %d/s", o.rate)
	const answer = "a service that syncs twice"
	*t = append(*t,
		line{what: "arrival to offer seen " + at + ", p50", unit: "ms", figure: percentile(seen, 50), floor: percentile(floor, 50), of: answer},
		line{what: "arrival to offer seen " + at + ", p99", unit: "ms", figure: percentile(seen, 99), floor: percentile(floor, 99), of: answer, aim: 20, atMost: true},
		line{what: "  arrival to offer in the log, p99", unit: "ms", figure: percentile(logged, 99), floor: percentile(floor, 99), of: answer},
		line{what: "  answer to the post, p99", unit: "ms", figure: percentile(answers, 99), floor: percentile(floor, 99), of: answer})
	return nil
}

// steadily posts at the rate. It returns when each post was due and how long from then its answer took.
func steadily(ctx context.Context, posts *poster, o options, answer func(i int) any) (due []time.Time, took []time.Duration, err error) {
	n := o.rate * o.seconds
	requests, err := bodies(n, 1)
	if err != nil {
		return nil, nil, err
	}
	due, took = make([]time.Time, n), make([]time.Duration, n)
	g, ctx := errgroup.WithContext(ctx)
	start := time.Now().Add(10 * time.Millisecond)
	for i := range n {
		due[i] = start.Add(time.Duration(i) * time.Second / time.Duration(o.rate))
		time.Sleep(time.Until(due[i]))
		if ctx.Err() != nil {
			break
		}
		g.Go(func() error {
			err := posts.post(ctx, requests[i], answer(i))
			took[i] = time.Since(due[i])
			return err
		})
	}
	return due, took, g.Wait()
}

// followed is when each ticket was offered by the log, which has the same machine's clock, and when that was read there.
type followed struct {
	offered, seen map[int64]time.Time
	err           error
}

// follow the log from its end until n offers were read.
func follow(ctx context.Context, desk *client.Client, n int) (followed, error) {
	f := followed{offered: map[int64]time.Time{}, seen: map[int64]time.Time{}}
	work, err := desk.Work(ctx, api.Call{}, agentName(0), 0, 0)
	if err != nil {
		return f, err
	}
	for position := work.Position; len(f.seen) < n; {
		records, err := desk.Records(ctx, api.Call{}, position, 1000, 0, 20)
		if err != nil {
			return f, fmt.Errorf("%d of %d offers seen: %w", len(f.seen), n, err)
		}
		now := time.Now()
		position = records.Position
		for _, r := range records.Items {
			if r.Type == eventlog.Offered {
				f.offered[r.Ticket], f.seen[r.Ticket] = r.At, now
			}
		}
	}
	return f, nil
}

// percentile in milliseconds.
func percentile(all []time.Duration, p int) float64 {
	sorted := slices.Sorted(slices.Values(all))
	return float64(sorted[min(len(sorted)*p/100, len(sorted)-1)]) / float64(time.Millisecond)
}

// trivialLatency is how long, at the same rate, the answers of a service take that does nothing but keep each ticket, and
// then its offer.
func trivialLatency(ctx context.Context, o options) (took []time.Duration, err error) {
	err = withTrivial(ctx, o, true, func(posts *poster) error {
		_, took, err = steadily(ctx, posts, o, func(int) any { return new(api.OpenedTicket) })
		return err
	})
	return took, err
}
