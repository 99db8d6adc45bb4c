package worker

import (
	"context"
	"sync"

	"github.com/caseload-dev/caseload/internal/desk/api"
	"github.com/caseload-dev/caseload/internal/outbox"
)

// maxDeliveries is how many messages are delivered at once, and maxError how much of an error is reported.
const (
	maxDeliveries = 16
	maxError      = 1000
)

// deliver claims messages of the outbox as there is room to send them, sends them, and reports what became of them. When
// ctx ends, those begun have stopTime to finish.
func (w *Worker) deliver(ctx context.Context) error {
	sending, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	context.AfterFunc(ctx, func() {
		w.sleep(sending, stopTime)
		cancel()
	})
	room := make(chan struct{}, maxDeliveries)
	results := make(chan api.Delivery, maxDeliveries)
	reported := make(chan struct{})
	go func() {
		defer close(reported)
		w.report(sending, results)
	}()
	var senders sync.WaitGroup
	for backoff := newBackoff(); ctx.Err() == nil; {
		messages, err := w.claim(ctx, room)
		if err != nil {
			w.sleep(ctx, backoff.Step())
			continue
		}
		backoff = newBackoff()
		for _, m := range messages {
			senders.Go(func() {
				results <- w.send(sending, m)
				<-room
			})
		}
	}
	senders.Wait()
	close(results)
	<-reported
	return nil
}

// claim waits for room and for messages, of which each takes a place in room.
func (w *Worker) claim(ctx context.Context, room chan struct{}) ([]api.Message, error) {
	select {
	case room <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	free := 1
	for full := false; !full; {
		select {
		case room <- struct{}{}:
			free++
		default:
			full = true
		}
	}
	claimed, err := w.desk.ClaimMessages(ctx, w.call, api.ClaimMessages{Worker: w.name, Max: free, WaitSeconds: pollSeconds})
	var messages []api.Message
	if err == nil {
		messages = claimed.Messages
	}
	for range free - len(messages) {
		<-room
	}
	return messages, err
}

// send makes one attempt.
func (w *Worker) send(ctx context.Context, m api.Message) api.Delivery {
	result := api.Delivery{ID: m.ID}
	if err := outbox.Deliver(ctx, w.http, &m.Message); err != nil {
		reason := []rune(err.Error())
		result.Error = string(reason[:min(len(reason), maxError)])
		w.metrics.deliveries.WithLabelValues(outcomeFailed).Inc()
		w.log.Info("a message was not taken", "message", m.ID, "destination", m.Destination, "attempt", m.Attempts, "error", err)
		return result
	}
	w.metrics.deliveries.WithLabelValues(outcomeDelivered).Inc()
	return result
}

// report tells the desk the results as they come, several at once where they do. A result that the desk cannot be told
// within the claim is dropped: the message is then delivered once more.
func (w *Worker) report(ctx context.Context, results <-chan api.Delivery) {
	for first := range results {
		batch := []api.Delivery{first}
		for more := true; more && len(batch) < maxDeliveries; {
			select {
			case next, open := <-results:
				if more = open; open {
					batch = append(batch, next)
				}
			default:
				more = false
			}
		}
		w.reportBatch(ctx, batch)
	}
}

func (w *Worker) reportBatch(ctx context.Context, batch []api.Delivery) {
	ctx, cancel := context.WithTimeout(ctx, outbox.ClaimTime-outbox.DeliveryTimeout)
	defer cancel()
	for backoff := newBackoff(); ; {
		err := w.desk.ReportDeliveries(ctx, w.call, api.Deliveries{Worker: w.name, Results: batch})
		if err == nil {
			return
		}
		if !w.sleep(ctx, backoff.Step()) {
			w.log.Warn("could not report deliveries; they are made once more", "messages", len(batch), "error", err)
			return
		}
	}
}
