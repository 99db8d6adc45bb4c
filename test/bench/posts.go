package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/caseload-dev/caseload/internal/desk/api"
)

// poster opens tickets as a lean program does that is not ours: requests made beforehand, each with an idempotency key,
// over connections that are kept.
type poster struct {
	url  string
	http *http.Client
	keys atomic.Int64
}

func newPoster(address, path string, bundle []byte, connections int) *poster {
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(bundle)
	return &poster{url: "https://" + address + path, http: &http.Client{Transport: &http.Transport{
		TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots, ServerName: "localhost"},
		// Without a bound, a desk that falls behind for a moment is given handshakes to do instead.
		MaxConnsPerHost:     connections,
		MaxIdleConnsPerHost: connections,
	}}}
}

// post sends a body and reads the answer: into answer unless nil.
func (p *poster) post(ctx context.Context, body []byte, answer any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set(api.IdempotencyKeyHeader, strconv.FormatInt(p.keys.Add(1), 10))
	res, err := p.http.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode >= 300 {
		why, _ := io.ReadAll(io.LimitReader(res.Body, 1024))
		return fmt.Errorf("%s: %s", res.Status, why)
	}
	if answer != nil {
		return json.NewDecoder(res.Body).Decode(answer)
	}
	_, err = io.Copy(io.Discard, res.Body)
	return err
}

// postAll sends the bodies from several callers at once, each the next that is left. Before each it asks for leave.
func (p *poster) postAll(ctx context.Context, bodies [][]byte, callers int, leave func(context.Context) error) error {
	g, ctx := errgroup.WithContext(ctx)
	var next atomic.Int64
	for range callers {
		g.Go(func() error {
			for {
				i := int(next.Add(1)) - 1
				if i >= len(bodies) {
					return nil
				}
				if err := leave(ctx); err != nil {
					return err
				}
				if err := p.post(ctx, bodies[i], nil); err != nil {
					return err
				}
			}
		})
	}
	return g.Wait()
}
