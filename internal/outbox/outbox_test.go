package outbox

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/caseload-dev/caseload/api/v1alpha1"
	"github.com/caseload-dev/caseload/internal/eventlog"
)

func TestWebhookReceivesWhatItAsksFor(t *testing.T) {
	all, some := v1alpha1.Webhook{}, v1alpha1.Webhook{Events: []v1alpha1.TicketEventType{"Accepted", "Returned"}}
	for record, want := range map[eventlog.Type]struct{ all, some bool }{
		eventlog.Opened:         {true, false},
		eventlog.Assigned:       {true, true},
		eventlog.OfferExpired:   {true, true},
		eventlog.Drained:        {true, false},
		eventlog.PlanActivated:  {false, false},
		eventlog.OutboxEnqueued: {false, false}, // or a message would make the next
	} {
		if got := Wants(all, record); got != want.all {
			t.Errorf("one that names no events receives %s: %t", record, got)
		}
		if got := Wants(some, record); got != want.some {
			t.Errorf("one that names Accepted and Returned receives %s: %t", record, got)
		}
	}
}

func TestWaitGrowsToAnHourWithJitter(t *testing.T) {
	for attempts, most := range map[int]time.Duration{1: time.Second, 2: 2 * time.Second, 5: 16 * time.Second, 12: 2048 * time.Second, 13: time.Hour, 500: time.Hour} {
		seen := map[time.Duration]bool{}
		for range 50 {
			wait := Wait(attempts)
			if wait < most/2 || wait > most {
				t.Errorf("after %d attempts it waits %s, want %s to %s", attempts, wait, most/2, most)
			}
			seen[wait] = true
		}
		if len(seen) < 2 {
			t.Errorf("after %d attempts it always waits the same", attempts)
		}
	}
}

func TestDeliverTakesOnlySuccessForDelivered(t *testing.T) {
	for status, delivered := range map[int]bool{200: true, 202: true, 204: true, 301: false, 404: false, 500: false} {
		hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			if status >= 400 {
				_, _ = w.Write([]byte(strings.Repeat("no thanks ", 1000)))
			}
		}))
		err := Deliver(context.Background(), NewClient(), &Message{URL: hook.URL, Key: "k", Body: []byte("{}")})
		hook.Close()
		if (err == nil) != delivered {
			t.Errorf("status %d: %v", status, err)
		}
		if status >= 400 && (!strings.Contains(err.Error(), "no thanks") || len(err.Error()) > 512) {
			t.Errorf("status %d: the error should quote a little of the answer: %v", status, err)
		}
	}
}

func TestSecretsAreLeftOut(t *testing.T) {
	for said, want := range map[string]string{
		`Post "https://user:pw@example.com/hook/abc?t=1": refused`: `Post "https://example.com": refused`,
		"535 no user with the password s3cret/word":                "535 no user with the password " + hidden,
		"s3cret%2Fword is wrong":                                   hidden + " is wrong",
		"lookup mail.example.com: no such host":                    "lookup mail.example.com: no such host",
	} {
		if got := withoutSecrets("smtp://desk:s3cret%2Fword@mail.example.com:587", errors.New(said)).Error(); got != want {
			t.Errorf("of %q it says %q, want %q", said, got, want)
		}
	}
}
