// Package outbox is what a message to a webhook is: which ticket events a webhook receives, the CloudEvent made of one,
// the delivery, and when to try again. Queue workers and the desk share it.
package outbox

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"
)

// MaxAttempts is how often a message is tried before it becomes a dead letter.
const MaxAttempts = 12

// ClaimTime is how long a claimed message is its claimer's: longer than DeliveryTimeout, so that a result is in time.
const ClaimTime = 30 * time.Second

// DeliveryTimeout bounds one attempt.
const DeliveryTimeout = 15 * time.Second

// Waits between attempts grow from the first to the last and are spread by up to a half, so that messages that failed
// together are not tried again together.
const (
	firstWait = time.Second
	lastWait  = time.Hour
)

// Wait is how long to wait after a message failed for the attempts-th time.
func Wait(attempts int) time.Duration {
	wait := lastWait
	if shift := attempts - 1; shift < 12 {
		wait = min(firstWait<<shift, lastWait)
	}
	return wait/2 + rand.N(wait/2+1)
}

// idempotencyKeyHeader carries the message's key, which is the same for every attempt.
const idempotencyKeyHeader = "Idempotency-Key"

// Deliver posts a message once. An answer other than 2xx is an error that quotes the beginning of what came back.
func Deliver(ctx context.Context, client *http.Client, url, key string, body []byte) error {
	ctx, cancel := context.WithTimeout(ctx, DeliveryTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", event.ApplicationCloudEventsJSON+"; charset=utf-8")
	request.Header.Set(idempotencyKeyHeader, key)
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	answer, _ := io.ReadAll(io.LimitReader(response.Body, 256))
	// The connection is only used again once the answer is read.
	_, _ = io.Copy(io.Discard, io.LimitReader(response.Body, 64<<10))
	if response.StatusCode/100 != 2 {
		return fmt.Errorf("%s answered %s: %s", request.URL.Host, response.Status, strings.TrimSpace(string(answer)))
	}
	return nil
}
