package desk

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/caseload-dev/caseload/internal/desk/api"
	"github.com/caseload-dev/caseload/internal/desk/store"
)

// answersKept is how long the answer to an idempotency key is kept.
const answersKept = 24 * time.Hour

// forgetBatch bounds the answers forgotten in one transaction.
const forgetBatch = 500

// answer runs fn in a transaction and keeps what it answers under the caller's key, in the same transaction. The same key
// again gives the kept answer; with another operation or body it is refused. Refusals are not kept: nothing happened.
func answer[T any](ctx context.Context, d *Desk, call api.Call, operation string, fn func(*change) (*T, error)) (*T, error) {
	var result *T
	err := d.update(ctx, actor(call), func(c *change) error {
		if call.Impersonates {
			c.impersonatedBy = call.Actor
		}
		var err error
		if call.Key == "" {
			result, err = fn(c)
			return err
		}
		request := digest(operation, call.Agent, call.Digest)
		kept, err := c.Idempotent(call.Actor, call.Key)
		switch {
		case errors.Is(err, store.ErrNotFound):
		case err != nil:
			return err
		case c.now.Sub(kept.At) >= answersKept:
		case !bytes.Equal(kept.Request, request):
			return api.NewProblem(http.StatusUnprocessableEntity, api.ProblemKeyReused,
				"idempotency key %q was used for another request: use a new key for a new request", call.Key)
		default:
			result = new(T)
			return json.Unmarshal(kept.Body, result)
		}
		if result, err = fn(c); err != nil {
			return err
		}
		body, err := json.Marshal(result)
		if err != nil {
			return err
		}
		return c.PutIdempotent(call.Actor, call.Key, store.Answer{Request: request, Status: http.StatusOK, Body: body, At: c.now})
	})
	if err != nil {
		return nil, err
	}
	return result, nil
}

// digest tells a request from others: what is asked for, as which agent, in which words.
func digest(operation, agent string, body []byte) []byte {
	h := sha256.New()
	for _, part := range []string{operation, agent} {
		h.Write([]byte(part))
		h.Write([]byte{0})
	}
	h.Write(body)
	return h.Sum(nil)
}

// actor names the caller in the log: the agent they act as, else themselves.
func actor(call api.Call) string {
	if call.Agent != "" {
		return "agent/" + call.Agent
	}
	return call.Actor
}

// forgetAnswers drops answers after their time, a batch at a time, every hour.
func (d *Desk) forgetAnswers(ctx context.Context) (rest, error) {
	forgotten := 0
	err := d.update(ctx, deskActor, func(c *change) (err error) {
		forgotten, err = c.DeleteIdempotent(c.now.Add(-answersKept), forgetBatch)
		return err
	})
	if err != nil || forgotten == forgetBatch {
		return rest{}, err
	}
	return rest{until: d.clock.Now().Add(time.Hour)}, nil
}
