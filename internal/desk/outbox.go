package desk

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/caseload-dev/caseload/internal/desk/api"
	"github.com/caseload-dev/caseload/internal/desk/store"
	"github.com/caseload-dev/caseload/internal/eventlog"
	"github.com/caseload-dev/caseload/internal/outbox"
	"github.com/caseload-dev/caseload/internal/plan"
)

const (
	// unclaimedFor is how long a message waits for a queue worker before the desk delivers it.
	unclaimedFor = 5 * time.Second
	// unclaimedBatch bounds the messages the desk delivers at once.
	unclaimedBatch = 16
)

// ClaimMessages gives a worker messages to deliver, which are its own for outbox.ClaimTime. It waits for the first.
func (d *Desk) ClaimMessages(ctx context.Context, _ api.Call, body api.ClaimMessages) (*api.ClaimedMessages, error) {
	if body.Worker == "" || body.Max < 1 {
		return nil, invalid("body", body, "name the worker and how many messages it takes")
	}
	claimed := &api.ClaimedMessages{Messages: []api.Message{}}
	err := d.poll(ctx, body.WaitSeconds, func() (outlook, error) {
		enqueued := d.messages.wait()
		var next time.Time
		err := d.view(ctx, func(r store.Reader, _ *plan.Plan) (err error) {
			next, err = r.NextOutbox()
			return err
		})
		if err != nil || next.IsZero() {
			return outlook{wake: enqueued}, err
		}
		if wait := d.time.until(next); wait > 0 {
			return outlook{wake: enqueued, after: wait}, nil
		}
		claimed.Messages, err = d.claim(ctx, body.Worker, workerActor(body.Worker), body.Max, 0)
		// None, if others were faster or what was due has no webhook any more: look again for what is due next.
		return outlook{done: len(claimed.Messages) > 0, wake: enqueued, after: time.Millisecond}, err
	})
	if err != nil {
		return nil, err
	}
	return claimed, nil
}

// claim takes at most limit messages that have been due for a time.
func (d *Desk) claim(ctx context.Context, claimant, actor string, limit int, dueFor time.Duration) ([]api.Message, error) {
	var claimed []api.Message
	err := d.update(ctx, actor, func(c *change) error {
		claimed = []api.Message{}
		due, err := c.Outbox(c.now.Add(-dueFor), limit)
		if err != nil {
			return err
		}
		sent := newSending(c)
		for i := range due {
			m := &due[i]
			message, err := sent.prepare(m)
			if err != nil {
				return err
			}
			if message == nil {
				continue
			}
			m.ClaimedBy, m.NextAt = claimant, c.now.Add(outbox.ClaimTime)
			if err := c.settle(eventlog.OutboxClaimed, m); err != nil {
				return err
			}
			message.Destination, message.Key = m.Destination, m.Key
			claimed = append(claimed, api.Message{ID: m.ID, Attempts: m.Attempts, Message: *message})
		}
		return nil
	})
	return claimed, err
}

// sending prepares messages that are claimed together.
type sending struct {
	*change
	webhooks map[string]string
	// gone are the messages among them that went into a digest.
	gone map[int64]bool
}

func newSending(c *change) *sending {
	s := &sending{change: c, webhooks: map[string]string{}, gone: map[int64]bool{}}
	for _, webhook := range c.plan.HelpDesk.Webhooks {
		s.webhooks[webhook.Name] = webhook.URL
	}
	return s
}

// prepare what is to be sent of a message; nil if nothing is now.
func (s *sending) prepare(m *store.Message) (*outbox.Message, error) {
	if s.gone[m.ID] {
		return nil, nil
	}
	if m.Address != "" {
		return s.notification(m)
	}
	url, declared := s.webhooks[m.Destination]
	if !declared {
		return nil, s.bury(m, fmt.Sprintf("webhook %s is no longer declared", m.Destination))
	}
	return &outbox.Message{Type: outbox.Webhook, URL: url, Body: m.Body}, nil
}

// bury a message that cannot be delivered: it is kept as a dead letter.
func (c *change) bury(m *store.Message, reason string) error {
	m.Dead, m.ClaimedBy, m.LastError = true, "", reason
	c.desk.log.Error("message given up", "destination", m.Destination, "key", m.Key, "attempts", m.Attempts, "error", reason)
	c.delivery(outcomeDead)
	return c.settle(eventlog.OutboxDead, m)
}

func (c *change) delivery(outcome string) {
	c.measure(func(m *metrics) { m.deliveries.WithLabelValues(outcome).Inc() })
}

// settle stores a message's new state and puts it on record.
func (c *change) settle(t eventlog.Type, m *store.Message) error {
	reason := ""
	if t != eventlog.OutboxClaimed {
		reason = m.LastError
	}
	if err := c.UpdateMessage(m); err != nil {
		return err
	}
	return c.recordMessage(t, m, reason)
}

// ReportDeliveries tells what became of claimed messages. A failed one is tried again later, and after
// outbox.MaxAttempts kept as a dead letter.
func (d *Desk) ReportDeliveries(ctx context.Context, call api.Call, body api.Deliveries) error {
	_, err := answer(ctx, d, call, "deliveries", func(c *change) (*api.Deliveries, error) {
		c.actor = workerActor(body.Worker)
		return &api.Deliveries{}, c.deliveries(body.Worker, body.Results)
	})
	return err
}

func (c *change) deliveries(claimant string, results []api.Delivery) error {
	for _, result := range results {
		m, err := c.Message(result.ID)
		if notFound(err) { // delivered by somebody else meanwhile
			continue
		}
		if err != nil {
			return err
		}
		switch {
		case result.Error == "":
			if err := c.DeleteMessage(m.ID); err != nil {
				return err
			}
			if err := c.recordMessage(eventlog.OutboxDelivered, m, ""); err != nil {
				return err
			}
			c.delivery(outcomeDelivered)
		case m.ClaimedBy != claimant || m.Dead:
			// The claim ended, and somebody else tries.
		default:
			if err := c.failed(m, result.Error); err != nil {
				return err
			}
		}
	}
	return nil
}

// failed plans the next attempt, or gives up.
func (c *change) failed(m *store.Message, reason string) error {
	m.Attempts++
	if m.Attempts >= outbox.MaxAttempts {
		return c.bury(m, reason)
	}
	m.ClaimedBy, m.LastError, m.NextAt = "", reason, c.now.Add(outbox.Wait(m.Attempts))
	c.messages = true
	c.delivery(outcomeFailed)
	return c.settle(eventlog.OutboxFailed, m)
}

// deliverUnclaimed delivers what no worker has claimed within unclaimedFor.
func (d *Desk) deliverUnclaimed(ctx context.Context) (rest, error) {
	enqueued := d.messages.wait()
	var next time.Time
	err := d.view(ctx, func(r store.Reader, _ *plan.Plan) (err error) {
		next, err = r.NextOutbox()
		return err
	})
	if err != nil || next.IsZero() {
		return rest{wake: enqueued}, err
	}
	if next = next.Add(unclaimedFor); next.After(d.time.now()) {
		return rest{until: next, wake: enqueued}, nil
	}
	messages, err := d.claim(ctx, deskActor, deskActor, unclaimedBatch, unclaimedFor)
	if err != nil || len(messages) == 0 {
		return rest{}, err
	}
	results := make([]api.Delivery, len(messages))
	var all sync.WaitGroup
	for i, m := range messages {
		all.Go(func() {
			results[i].ID = m.ID
			if err := outbox.Deliver(ctx, d.http, &m.Message); err != nil {
				results[i].Error = err.Error()
			}
		})
	}
	all.Wait()
	return rest{}, d.update(ctx, deskActor, func(c *change) error { return c.deliveries(deskActor, results) })
}
