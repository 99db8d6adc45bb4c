package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/caseload-dev/caseload/internal/desk/api"
	"github.com/caseload-dev/caseload/internal/desk/auth"
	"github.com/caseload-dev/caseload/internal/desk/server"
	"github.com/caseload-dev/caseload/internal/ticket"
)

// trivial is a service that takes tickets and keeps nothing but, if it has a file, their bodies.
type trivial struct {
	api.Service
	mu   sync.Mutex
	file *os.File
}

func (s *trivial) OpenTicket(_ context.Context, _ api.Call, body api.OpenTicket) (*api.OpenedTicket, error) {
	t := ticket.New(body.Content, ticket.Route{Queue: body.Category, Priority: body.Priority}, time.Now())
	t.ID = 1
	if s.file == nil {
		return &api.OpenedTicket{Ticket: &t}, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	// A ticket is durable before it is offered, and its offer before it is seen.
	for range 2 {
		if _, err := s.file.WriteString(t.Body); err != nil {
			return nil, err
		}
		if err := s.file.Sync(); err != nil {
			return nil, err
		}
	}
	return &api.OpenedTicket{Ticket: &t}, nil
}

// serveTrivial is the role of the process whose API is the desk's, with next to nothing behind it.
func serveTrivial(address, folder, file string) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	if err := serveAPI(ctx, address, folder, file); err != nil {
		fmt.Fprintln(os.Stderr, "Error:", err)
		return 1
	}
	return 0
}

func serveAPI(ctx context.Context, address, folder, file string) error {
	service := &trivial{}
	if file != "" {
		var err error
		if service.file, err = os.Create(file); err != nil {
			return err
		}
		defer service.file.Close()
	}
	local, err := auth.ReadLocal(filepath.Join(folder, "tokens.yaml"))
	if err != nil {
		return err
	}
	handler, err := server.New(service, server.Options{HelpDesk: "bench", Authenticator: local, Authorizer: local})
	if err != nil {
		return err
	}
	certificate, err := tls.LoadX509KeyPair(filepath.Join(folder, "tls.crt"), filepath.Join(folder, "tls.key"))
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	return handler.Serve(ctx, listener, &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{certificate}})
}

// withTrivial runs fn beside such a process, which keeps what it takes or not.
func withTrivial(ctx context.Context, o options, keeps bool, fn func(*poster) error) error {
	s, err := newSite(o, "floor")
	if err != nil {
		return err
	}
	defer s.remove()
	address, err := freeAddress()
	if err != nil {
		return err
	}
	file := ""
	if keeps {
		file = s.path("tickets")
	}
	p, err := s.start(ctx, "api", roleTrivial, address, s.folder, file)
	if err != nil {
		return err
	}
	posts := newPoster(address, "/v1/tickets", s.bundle, singleCallers)
	err = awaitAnswer(ctx, posts)
	if err == nil {
		err = post(ctx, posts, warmUp, 1, singleCallers, freely)
	}
	if err == nil {
		err = fn(posts)
	}
	if stopped := p.stop(); err == nil {
		err = stopped
	}
	return err
}

// awaitAnswer until the process answers at all.
func awaitAnswer(ctx context.Context, posts *poster) (err error) {
	for range 500 {
		req, reqErr := http.NewRequestWithContext(ctx, http.MethodGet, posts.url, http.NoBody)
		if reqErr != nil {
			return reqErr
		}
		var res *http.Response
		if res, err = posts.http.Do(req); err == nil {
			return res.Body.Close()
		}
		time.Sleep(20 * time.Millisecond)
	}
	return err
}

// trivialRate is how many tickets a second an empty service takes.
func trivialRate(ctx context.Context, o options) (rate float64, err error) {
	err = withTrivial(ctx, o, false, func(posts *poster) error {
		start := time.Now()
		err := post(ctx, posts, o.tickets, 1, singleCallers, freely)
		rate = float64(o.tickets) / time.Since(start).Seconds()
		return err
	})
	return rate, err
}
