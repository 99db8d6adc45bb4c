package main

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"
)

const (
	// warmUp is how many tickets go before those that count.
	warmUp = 500
	// maxWaiting is where intake pauses.
	maxWaiting = 10_000
	// watchInterval is how often that is looked at: an overview of 500 agents costs the desk 3 ms.
	watchInterval = 250 * time.Millisecond
	// batchSize is the number of tickets of a batch.
	batchSize = 100
	// callers of single posts and of batches, each on a connection of its own.
	singleCallers = 64
	batchCallers  = 4
)

func measureSingle(ctx context.Context, o options, t *table) error {
	rate, memories, err := throughput(ctx, o, "single", 1, singleCallers)
	if err != nil {
		return err
	}
	store, err := storeRate(ctx, o, 1, singleCallers)
	if err != nil {
		return fmt.Errorf("floor: %w", err)
	}
	intake, err := trivialRate(ctx, o)
	if err != nil {
		return fmt.Errorf("floor: %w", err)
	}
	*t = append(*t,
		line{what: "single posts, HTTPS to offered", unit: "tickets/s", figure: rate, floor: intake, of: "the API with an empty service", aim: 3000},
		line{what: "  share of the store alone", unit: "tickets/s", figure: rate, floor: store, of: "same statements", shareAim: 0.4})
	*t = append(*t, memories...)
	return nil
}

func measureBatch(ctx context.Context, o options, t *table) error {
	rate, _, err := throughput(ctx, o, "batch", batchSize, batchCallers)
	if err != nil {
		return err
	}
	store, err := storeRate(ctx, o, batchSize, batchCallers)
	if err != nil {
		return fmt.Errorf("floor: %w", err)
	}
	*t = append(*t, line{what: fmt.Sprintf("batches of %d, HTTPS to offered", batchSize), unit: "tickets/s", figure: rate, floor: store,
		of: "the store alone, same statements", shareAim: 0.4})
	return nil
}

// throughput is how many tickets a second go from the first post to the last offer. It also tells the memory of desk and
// worker at the end.
func throughput(ctx context.Context, o options, part string, size, callers int) (rate float64, memories []line, err error) {
	r, err := startDesk(ctx, o, part)
	if err != nil {
		return 0, nil, err
	}
	defer func() {
		if stopped := r.stop(); err == nil {
			err = stopped
		}
	}()
	desk, err := r.client()
	if err != nil {
		return 0, nil, err
	}
	if err := r.organise(ctx, desk); err != nil {
		return 0, nil, err
	}
	path := "/v1/tickets"
	if size > 1 {
		path += "/batch"
	}
	posts := newPoster(r.address, path, r.bundle, callers)
	if err := post(ctx, posts, warmUp, size, callers, freely); err != nil {
		return 0, nil, err
	}
	if err := awaitOffered(ctx, desk, warmUp); err != nil {
		return 0, nil, err
	}

	var waiting, most atomic.Int64
	watching, stop := context.WithCancel(ctx)
	defer stop()
	go func() {
		for watching.Err() == nil {
			if n, _, err := stock(watching, desk); err == nil {
				waiting.Store(int64(n))
				most.Store(max(most.Load(), int64(n)))
			}
			time.Sleep(watchInterval)
		}
	}()
	pause := func(ctx context.Context) error {
		for waiting.Load() >= maxWaiting {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(time.Millisecond):
			}
		}
		return nil
	}
	deskBefore, workerBefore := r.desk.cpu(), r.worker.cpu()
	start := time.Now()
	if err := post(ctx, posts, o.tickets, size, callers, pause); err != nil {
		return 0, nil, err
	}
	taken := time.Since(start)
	stop()
	if err := awaitOffered(ctx, desk, warmUp+o.tickets); err != nil {
		return 0, nil, err
	}
	offered := time.Since(start)
	fmt.Printf("%s: %d tickets taken in %.1f s, offered in %.1f s; at most %d waited; processor time a ticket: desk %d µs, worker %d µs\n",
		part, o.tickets, taken.Seconds(), offered.Seconds(), most.Load(),
		(r.desk.cpu()-deskBefore).Microseconds()/int64(o.tickets), (r.worker.cpu()-workerBefore).Microseconds()/int64(o.tickets))
	return float64(o.tickets) / offered.Seconds(), r.memories(), nil
}

func freely(context.Context) error { return nil }

func post(ctx context.Context, posts *poster, n, size, callers int, leave func(context.Context) error) error {
	requests, err := bodies(n, size)
	if err != nil {
		return err
	}
	return posts.postAll(ctx, requests, callers, leave)
}

// memories of desk and worker now.
func (r *running) memories() []line {
	return append(r.desk.memoryLine(1024), r.worker.memoryLine(256)...)
}

// memoryLine is the memory of a process now; the floor is what it had before the load, the aim the limit of its pod. Empty
// where it cannot be told.
func (p *process) memoryLine(limit float64) []line {
	m := p.memory()
	if m == (memory{}) {
		return nil
	}
	return []line{{
		what: fmt.Sprintf("memory of the %s (anonymous %.0f MiB, peak %.0f MiB)", p.name, m.anonymous, m.peak), unit: "MiB",
		figure: m.resident, floor: p.idle.resident, of: "before the load", aim: limit, atMost: true,
	}}
}
