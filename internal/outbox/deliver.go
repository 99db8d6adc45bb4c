// Package outbox is what a message of the outbox is: which ticket events a webhook receives and the CloudEvent made of one,
// the delivery of those and of notifications by chat and mail, and when to try again. Queue workers and the desk share it.
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

	"github.com/caseload-dev/caseload/api/v1alpha1"
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

// Type of a message.
type Type string

const (
	// Webhook is a CloudEvent, posted.
	Webhook Type = "Webhook"
	// Chat and Mail are notifications.
	Chat = Type(v1alpha1.NotifierChat)
	Mail = Type(v1alpha1.NotifierMail)
)

// Message is what one attempt delivers.
type Message struct {
	Type Type `json:"type"`
	// Destination names the webhook or the notifier.
	Destination string `json:"destination"`
	// URL of the webhook, or of the notifier's service, with its credentials.
	URL string `json:"url"`
	// Key is the idempotency key: the same for every attempt.
	Key string `json:"key"`
	// Address that a notification is for, and the sender of a mail.
	Address string `json:"address,omitempty"`
	From    string `json:"from,omitempty"`
	// Subject and Body of a notification; of a webhook the Body is the CloudEvent.
	Subject string `json:"subject,omitempty"`
	Body    []byte `json:"body"`
	// At is when a notification was made, the date of a mail.
	At time.Time `json:"at,omitzero"`
	// Thread is the same for all mails about one ticket; empty: it is about several. Urgent is what should wake somebody.
	Thread string `json:"thread,omitempty"`
	Urgent bool   `json:"urgent,omitempty"`
}

// Deliver a message once. No error tells what is secret of its URL.
func Deliver(ctx context.Context, client *http.Client, m *Message) error {
	ctx, cancel := context.WithTimeout(ctx, DeliveryTimeout)
	defer cancel()
	switch m.Type {
	case Chat:
		return withoutSecrets(m.URL, sendChat(ctx, m))
	case Mail:
		return withoutSecrets(m.URL, sendMail(ctx, m))
	default:
		return post(ctx, client, m)
	}
}

// idempotencyKeyHeader carries the message's key.
const idempotencyKeyHeader = "Idempotency-Key"

// post to a webhook. An answer other than 2xx is an error that quotes the beginning of what came back.
func post(ctx context.Context, client *http.Client, m *Message) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, m.URL, bytes.NewReader(m.Body))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", event.ApplicationCloudEventsJSON+"; charset=utf-8")
	request.Header.Set(idempotencyKeyHeader, m.Key)
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
