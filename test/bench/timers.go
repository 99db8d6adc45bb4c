package main

import (
	"context"
	"fmt"
	"os"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/caseload-dev/caseload/api/v1alpha1"
	"github.com/caseload-dev/caseload/internal/desk/api"
	"github.com/caseload-dev/caseload/internal/desk/client"
	"github.com/caseload-dev/caseload/internal/plan"
	"github.com/caseload-dev/caseload/internal/ticket"
)

const (
	// timersDue fall due each second for timerSeconds.
	timersDue    = 1000
	timerSeconds = 10
	// timersLead is what the desk and the worker have to start.
	timersLead = 8 * time.Second
	// relaxesAfter is the time in a queue after which a ticket of the part timers relaxes.
	relaxesAfter = time.Hour
)

// measureTimers lets timers of tickets fall due at a steady rate: half of them relax a waiting ticket, half are call-backs
// that make a ticket its agent's again. One has fired when somebody who follows the log has read so.
func measureTimers(ctx context.Context, o options, t *table) (err error) {
	s, err := newSite(o, "timers")
	if err != nil {
		return err
	}
	r := &running{site: s}
	defer func() {
		if stopped := r.stop(); err == nil {
			err = stopped
		}
	}()
	const n = timersDue * timerSeconds
	start := deskNow().Add(timersLead)
	due := func(i int) time.Time { return start.Add(time.Duration(i) * time.Second / timersDue) }
	_, err = s.stock(ctx, relaxing(organisation()), n, func(p *plan.Plan, i int) ticket.Ticket {
		if i%2 == 0 {
			return waiting(p, i, queueName(i), due(i).Add(-relaxesAfter))
		}
		x := waiting(p, i, queueName(i), start.Add(-relaxesAfter))
		x.Status, x.Agent, x.Until = ticket.Pending, agentName(i%agents), due(i)
		return x
	})
	if err != nil {
		return err
	}
	desk, err := r.startBefore(ctx, start)
	if err != nil {
		return err
	}
	following, stop := context.WithTimeout(ctx, timersLead+time.Duration(timerSeconds)*time.Second+time.Minute)
	defer stop()
	seen, logged, err := followTimers(following, desk, n)
	if err != nil {
		return err
	}
	floor, err := bareTimers(s.path("floor"), n)
	if err != nil {
		return fmt.Errorf("floor: %w", err)
	}
	const of = "a loop that syncs what is due to a file"
	at := fmt.Sprintf("at %d/s", timersDue)
	*t = append(*t,
		line{what: "lateness of timers " + at + ", p50", unit: "ms", figure: percentile(seen, 50), floor: percentile(floor, 50), of: of},
		line{what: "lateness of timers " + at + ", p99", unit: "ms", figure: percentile(seen, 99), floor: percentile(floor, 99), of: of, aim: 100, atMost: true},
		line{what: "  until they are in the log, p99", unit: "ms", figure: percentile(logged, 99), floor: percentile(floor, 99), of: of})
	return nil
}

// startBefore starts on a site whose timers fall due from an instant on.
func (r *running) startBefore(ctx context.Context, due time.Time) (*client.Client, error) {
	if err := r.startOn(ctx); err != nil {
		return nil, err
	}
	if left := time.Until(due); left < 0 {
		return nil, fmt.Errorf("the desk came up %s after the first timer was due", -left)
	}
	return r.client()
}

// relaxing organisation: its queues relax, from nothing to nothing, so that the tickets' classes of demand change.
func relaxing(objects []metav1.Object) []metav1.Object {
	for _, object := range objects {
		if queue, ok := object.(*v1alpha1.Queue); ok {
			queue.Spec.Relaxation = []v1alpha1.RelaxationStage{
				{After: v1alpha1.Duration(fmt.Sprintf("%ds", int(relaxesAfter.Seconds()))), Requirements: &v1alpha1.Requirements{}},
			}
		}
	}
	return objects
}

// followTimers reads the log until n timers have fired: how late each was when it was read, and by its record.
func followTimers(ctx context.Context, desk *client.Client, n int) (seen, logged []time.Duration, err error) {
	for position := int64(n); len(seen) < n; { // behind the tickets' opening
		records, err := desk.Records(ctx, api.Call{}, position, 1000, 0, 20)
		if err != nil {
			return nil, nil, fmt.Errorf("%d of %d timers seen: %w", len(seen), n, err)
		}
		now := time.Now()
		position = records.Position
		for _, r := range records.Items {
			if r.Timer != nil {
				seen, logged = append(seen, now.Sub(r.Timer.Due)), append(logged, r.At.Sub(r.Timer.Due))
			}
		}
	}
	return seen, logged, nil
}

// bareTimers is how late n timers at the same rate are for a loop that does nothing but write and sync those that are due.
func bareTimers(path string, n int) (late []time.Duration, err error) {
	file, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	record := make([]byte, 1024)
	start := time.Now().Add(10 * time.Millisecond)
	due := func(i int) time.Time { return start.Add(time.Duration(i) * time.Second / timersDue) }
	for len(late) < n {
		time.Sleep(time.Until(due(len(late))))
		until := len(late)
		for now := time.Now(); until < n && !due(until).After(now); until++ {
			if _, err := file.Write(record); err != nil {
				return nil, err
			}
		}
		if err := file.Sync(); err != nil {
			return nil, err
		}
		for now := time.Now(); len(late) < until; {
			late = append(late, now.Sub(due(len(late))))
		}
	}
	return late, nil
}
