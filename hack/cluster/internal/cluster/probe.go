package cluster

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"os"
	"sync"
	"time"
)

// webProber asks components over HTTP as the administrator. It reads the certificates at the first request, which may
// be issued after the components are listed.
type webProber struct {
	client func() (*http.Client, error)
}

func newWebProber(l Layout) webProber {
	return webProber{client: sync.OnceValues(func() (*http.Client, error) {
		authority, err := os.ReadFile(l.cert("ca"))
		if err != nil {
			return nil, err
		}
		roots := x509.NewCertPool()
		roots.AppendCertsFromPEM(authority)
		admin, err := tls.LoadX509KeyPair(l.cert("admin"), l.key("admin"))
		if err != nil {
			return nil, err
		}
		return &http.Client{
			Timeout: 5 * time.Second,
			Transport: &http.Transport{
				DisableKeepAlives: true, // a component may be restarted between two requests
				TLSClientConfig:   &tls.Config{RootCAs: roots, Certificates: []tls.Certificate{admin}},
			},
		}, nil
	})}
}

// get returns a probe that passes when url answers 200.
func (p webProber) get(url string) func(context.Context) error {
	return func(ctx context.Context) error {
		client, err := p.client()
		if err != nil {
			return err
		}
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return err
		}
		response, err := client.Do(request)
		if err != nil {
			return err
		}
		defer response.Body.Close()
		body, err := io.ReadAll(io.LimitReader(response.Body, 16<<10))
		if err != nil {
			return err
		}
		if response.StatusCode != http.StatusOK {
			return fmt.Errorf("%s answers %s: %s", url, response.Status, lastLine(body))
		}
		return nil
	}
}

func lastLine(text []byte) string {
	text = bytes.TrimSpace(text)
	return string(text[bytes.LastIndexByte(text, '\n')+1:])
}
