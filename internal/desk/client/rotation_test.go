package client_test

import (
	"context"
	"crypto/tls"
	"net"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caseload-dev/caseload/internal/certificate"
	"github.com/caseload-dev/caseload/internal/desk/api"
	"github.com/caseload-dev/caseload/internal/desk/client"
)

// TestCASource: a client that runs on while the desk's authority is replaced trusts the new one once it is announced, and
// asks for it only then.
func TestCASource(t *testing.T) {
	issue := func() (certificate.State, *tls.Certificate) {
		state, _, err := certificate.Advance(certificate.State{}, certificate.Policy{Name: "t", Hosts: []string{"desk"}}, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		pair, err := tls.X509KeyPair(state.Serving.Certificate, state.Serving.Key)
		if err != nil {
			t.Fatal(err)
		}
		return state, &pair
	}
	var serving atomic.Pointer[tls.Certificate]
	var bundle atomic.Pointer[[]byte]
	var asked atomic.Int64
	rotate := func(announce bool) {
		state, pair := issue()
		serving.Store(pair)
		if b := state.Bundle(); announce {
			bundle.Store(&b)
		}
	}
	rotate(true)

	server := httptest.NewUnstartedServer(&lossy{})
	server.TLS = &tls.Config{GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return serving.Load(), nil }}
	server.StartTLS()
	defer server.Close()
	c, err := client.New(client.Options{
		URL: "https://desk", ServerName: "desk", RetryFor: -1,
		CASource: func() ([]byte, error) { asked.Add(1); return *bundle.Load(), nil },
		Dial:     (&fixedDialer{address: server.Listener.Addr().String()}).dial,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer c.CloseIdleConnections()
	call := func() error {
		server.CloseClientConnections()
		_, err := c.Ticket(t.Context(), api.Call{}, 7)
		return err
	}

	if err := call(); err != nil {
		t.Fatal(err)
	}
	if n := asked.Load(); n != 1 {
		t.Errorf("asked %d times for the authorities of a desk that is trusted", n)
	}
	rotate(true)
	if err := call(); err != nil {
		t.Errorf("after the rotation: %v", err)
	}
	rotate(false)
	if err := call(); err == nil {
		t.Error("trusts an authority that nobody announced")
	}
}

type fixedDialer struct{ address string }

func (d *fixedDialer) dial(ctx context.Context, network, _ string) (net.Conn, error) {
	return (&net.Dialer{}).DialContext(ctx, network, d.address)
}
