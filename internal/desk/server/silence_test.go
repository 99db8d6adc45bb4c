package server_test

import (
	"context"
	"crypto/tls"
	"net"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caseload-dev/caseload/internal/desk/api"
	"github.com/caseload-dev/caseload/internal/desk/auth"
	"github.com/caseload-dev/caseload/internal/desk/client"
	"github.com/caseload-dev/caseload/internal/desk/server"
)

// pipes is a network within the test.
type pipes struct {
	accepted chan net.Conn
	closed   chan struct{}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.accepted:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}
func (p *pipes) Close() error   { close(p.closed); return nil }
func (p *pipes) Addr() net.Addr { return &net.TCPAddr{} }

// cut is a connection whose peer is gone once it is broken: what is written is lost, nothing comes, and nobody says so.
type cut struct {
	net.Conn
	broken *atomic.Bool
	closed chan struct{}
	close  sync.Once
}

func (c *cut) Close() error {
	c.close.Do(func() { close(c.closed) })
	return c.Conn.Close()
}

func (c *cut) Write(p []byte) (int, error) {
	if c.broken.Load() {
		return len(p), nil
	}
	return c.Conn.Write(p)
}

func (c *cut) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if c.broken.Load() {
		<-c.closed
		return 0, net.ErrClosed
	}
	return n, err
}

// waiting is a desk that tells when a call for leases ends.
type waiting struct {
	*recorder
	ended chan time.Time
}

func (w *waiting) AcquireLeases(ctx context.Context, c api.Call, b api.AcquireLeases) (*api.Leases, error) {
	leases, err := w.recorder.AcquireLeases(ctx, c, b)
	w.ended <- time.Now()
	return leases, err
}

// A worker and a desk that are cut off from each other, without either closing the connection, both notice within seconds
// under a call that waits longer: the pools of a lost node go to others, and its workers look for the desk anew.
func TestSilenceIsNoticed(t *testing.T) {
	template := httptest.NewTLSServer(nil)
	template.Close()
	certificate := ca(template)
	config := &tls.Config{Certificates: template.TLS.Certificates}
	local, err := auth.NewLocal(callers...)
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		network := &pipes{accepted: make(chan net.Conn), closed: make(chan struct{})}
		desk := &waiting{recorder: &recorder{hold: make(chan struct{})}, ended: make(chan time.Time, 1)}
		handler, err := server.New(desk, server.Options{HelpDesk: "acme", Authenticator: local, Authorizer: local})
		if err != nil {
			t.Fatal(err)
		}
		served := make(chan error, 1)
		ctx, stop := context.WithCancel(t.Context())
		go func() { served <- handler.Serve(ctx, network, config) }()

		var broken atomic.Bool
		c, err := client.New(client.Options{
			URL: "https://example.com", CAData: certificate, Token: "all", RetryFor: -1,
			Dial: func(context.Context, string, string) (net.Conn, error) {
				ours, theirs := net.Pipe()
				network.accepted <- &cut{Conn: theirs, broken: &broken, closed: make(chan struct{})}
				return &cut{Conn: ours, broken: &broken, closed: make(chan struct{})}, nil
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		failed := make(chan time.Time, 1)
		go func() {
			if _, err := c.AcquireLeases(t.Context(), api.Call{}, api.AcquireLeases{Worker: "w1", Tier: "front", WaitSeconds: 20}); err == nil {
				t.Error("got an answer")
			}
			failed <- time.Now()
		}()
		<-desk.hold
		time.Sleep(10*time.Second + time.Millisecond) // a quiet connection is kept
		lost := time.Now()
		broken.Store(true)
		const soon = 6 * time.Second
		if after := (<-failed).Sub(lost); after < 0 || after > soon {
			t.Errorf("the worker noticed after %s", after)
		}
		if after := (<-desk.ended).Sub(lost); after < 0 || after > soon {
			t.Errorf("the desk noticed after %s", after)
		}
		c.CloseIdleConnections()
		stop()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
}
