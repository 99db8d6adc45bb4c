package client

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"sync"
	"time"
)

// DialFunc connects to an address.
type DialFunc func(ctx context.Context, network, address string) (net.Conn, error)

// caCheckInterval is how often the CA file is compared with what was read.
const caCheckInterval = 5 * time.Second

// rotatingTransport trusts what the CA file or source holds now: when that changes, new requests take new connections.
type rotatingTransport struct {
	options Options

	mu      sync.Mutex
	bundle  []byte
	checked time.Time
	current *http.Transport
}

func newRotatingTransport(o Options) (*rotatingTransport, error) {
	t := &rotatingTransport{options: o, checked: time.Now()}
	var err error
	if t.bundle, err = t.read(); err != nil {
		return nil, fmt.Errorf("CA of the desk: %w", err)
	}
	t.current, err = t.build(t.bundle)
	return t, err
}

// read the bundle from where the options say.
func (t *rotatingTransport) read() ([]byte, error) {
	switch o := &t.options; {
	case o.CAFile != "":
		return os.ReadFile(o.CAFile)
	case o.CASource != nil:
		return o.CASource()
	default:
		return o.CAData, nil
	}
}

func (t *rotatingTransport) build(bundle []byte) (*http.Transport, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: t.options.ServerName}
	if len(bundle) > 0 {
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(bundle) {
			return nil, errors.New("the CA bundle of the desk holds no PEM certificate")
		}
	}
	dial := t.options.Dial
	if dial == nil {
		dial = (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 15 * time.Second}).DialContext
	}
	return &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           dial,
		TLSClientConfig:       config,
		TLSHandshakeTimeout:   10 * time.Second,
		ExpectContinueTimeout: time.Second,
		MaxIdleConnsPerHost:   256,
		IdleConnTimeout:       90 * time.Second,
		ForceAttemptHTTP2:     true,
		// A connection that died without a word is found dead within 5 seconds, also under a call that waits longer.
		HTTP2:              &http.HTTP2Config{SendPingTimeout: 2 * time.Second, PingTimeout: 3 * time.Second},
		DisableCompression: true,
	}, nil
}

func (t *rotatingTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	used := t.transport(nil)
	res, err := used.RoundTrip(req)
	if err == nil || !untrusted(err) {
		return res, err
	}
	// The desk may have got a certificate of a new CA that is announced already. Nothing was sent yet.
	again := req.Clone(req.Context())
	if req.GetBody != nil {
		if again.Body, err = req.GetBody(); err != nil {
			return nil, err
		}
	}
	return t.transport(used).RoundTrip(again)
}

// CloseIdleConnections is called through http.Client.
func (t *rotatingTransport) CloseIdleConnections() { t.transport(nil).CloseIdleConnections() }

// transport returns the one that trusts the present bundle. The file is looked at now and then, a source only after the
// desk was not trusted by a transport, nil for none. What cannot be read or parsed changes nothing: the file may be in the
// middle of its replacement.
func (t *rotatingTransport) transport(distrusted *http.Transport) *http.Transport {
	t.mu.Lock()
	defer t.mu.Unlock()
	due := t.options.CAFile != "" && time.Since(t.checked) >= caCheckInterval
	if distrusted != t.current && !due {
		return t.current
	}
	t.checked = time.Now()
	bundle, err := t.read()
	if err != nil || bytes.Equal(bundle, t.bundle) {
		return t.current
	}
	next, err := t.build(bundle)
	if err != nil {
		return t.current
	}
	t.current.CloseIdleConnections()
	t.bundle, t.current = bundle, next
	return next
}

// untrusted says that the server's certificate was refused.
func untrusted(err error) bool {
	var verification *tls.CertificateVerificationError
	return errors.As(err, &verification)
}
