package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/caseload-dev/caseload/internal/desk/api"
	"github.com/caseload-dev/caseload/internal/desk/client"
	"github.com/caseload-dev/caseload/internal/ticket"
)

// lossy answers as the network and a restarting desk do before it answers as a desk, and keeps what it got.
type lossy struct {
	failures []http.HandlerFunc
	keys     []string
	tokens   []string
	bodies   []string
}

func (l *lossy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	l.keys = append(l.keys, r.Header.Get(api.IdempotencyKeyHeader))
	l.tokens = append(l.tokens, r.Header.Get("Authorization"))
	l.bodies = append(l.bodies, string(body))
	if n := len(l.keys); n <= len(l.failures) {
		l.failures[n-1](w, r)
		return
	}
	_ = json.NewEncoder(w).Encode(api.OpenedTicket{Ticket: &ticket.Ticket{ID: 7}})
}

func dropped(w http.ResponseWriter, _ *http.Request) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(err)
	}
	_ = conn.Close()
}

// broken off in the middle of the answer, when the ticket may be open already.
func brokenOff(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Length", "100")
	_, _ = io.WriteString(w, `{"ticket":`)
}

func refused(status int, problemType string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", api.ProblemContentType)
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(api.NewProblem(status, problemType, "told so"))
	}
}

func html(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/html")
	w.WriteHeader(http.StatusBadGateway)
	_, _ = io.WriteString(w, "<h1>proxy</h1>")
}

func open(ctx context.Context, t *testing.T, l *lossy, o client.Options) (*api.OpenedTicket, error) {
	t.Helper()
	s := httptest.NewServer(l)
	t.Cleanup(s.Close)
	o.URL = s.URL
	c, err := client.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.CloseIdleConnections)
	return c.OpenTicket(ctx, api.Call{}, api.OpenTicket{Content: ticket.Content{Subject: "s", Channel: "Web"}})
}

// TestRepetition: what the network lost is sent again with the same key and body, so that the desk opens one ticket.
func TestRepetition(t *testing.T) {
	l := &lossy{failures: []http.HandlerFunc{dropped, brokenOff, refused(503, api.ProblemNotReady)}}
	opened, err := open(t.Context(), t, l, client.Options{})
	if err != nil || opened.Ticket.ID != 7 {
		t.Fatalf("%+v, %v", opened, err)
	}
	if len(l.keys) != 4 || l.keys[0] == "" {
		t.Fatalf("keys %q", l.keys)
	}
	for i := range l.keys {
		if l.keys[i] != l.keys[0] || l.bodies[i] != l.bodies[0] || l.bodies[i] == "" {
			t.Errorf("attempt %d has key %s and body %q", i, l.keys[i], l.bodies[i])
		}
	}
}

// TestNoRepetition: a refusal is final, and so is the end of the time to retry.
func TestNoRepetition(t *testing.T) {
	for name, tc := range map[string]struct {
		failure  http.HandlerFunc
		retryFor time.Duration
		status   int
		says     string
	}{
		"conflict":      {refused(409, api.ProblemConflict), 0, 409, "told so"},
		"no time left":  {refused(503, api.ProblemNotReady), -1, 503, "told so"},
		"not by a desk": {html, 0, 502, "not as a desk does: <h1>proxy</h1>"},
	} {
		t.Run(name, func(t *testing.T) {
			l := &lossy{failures: []http.HandlerFunc{tc.failure}}
			_, err := open(t.Context(), t, l, client.Options{RetryFor: tc.retryFor})
			var problem *api.Problem
			if !errors.As(err, &problem) || problem.Status != tc.status || !strings.Contains(problem.Detail, tc.says) {
				t.Errorf("%v", err)
			}
			if len(l.keys) != 1 {
				t.Errorf("%d attempts", len(l.keys))
			}
		})
	}
}

// TestContextEndsRetries however long they might go on.
func TestContextEndsRetries(t *testing.T) {
	always := make([]http.HandlerFunc, 1000)
	for i := range always {
		always[i] = refused(503, api.ProblemNotReady)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	start := time.Now()
	if _, err := open(ctx, t, &lossy{failures: always}, client.Options{RetryFor: time.Hour}); err == nil {
		t.Error("no error")
	}
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("took %s", took)
	}
}

func TestTokenFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte("abc\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	l := &lossy{}
	if _, err := open(t.Context(), t, l, client.Options{TokenFile: file}); err != nil || l.tokens[0] != "Bearer abc" {
		t.Errorf("%q, %v", l.tokens, err)
	}
}

func TestNewRefuses(t *testing.T) {
	for url, want := range map[string]string{"acme-desk": "want https://", "ftp://acme": "want https://", "://": "desk URL"} {
		if _, err := client.New(client.Options{URL: url}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", url, err)
		}
	}
	if _, err := client.New(client.Options{URL: "https://acme", CAData: []byte("junk")}); err == nil {
		t.Error("a bundle of junk is taken")
	}
}
