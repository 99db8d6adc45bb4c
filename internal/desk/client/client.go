// Package client calls a desk over HTTPS. Client implements api.Service, so a caller need not know whether the desk is
// in its own process.
package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/google/uuid"
	"golang.org/x/oauth2"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/transport"

	"github.com/caseload-dev/caseload/internal/desk/api"
)

const (
	// attemptTimeout bounds one attempt, beyond the time that a call asks the desk to wait.
	attemptTimeout = 30 * time.Second
	// defaultRetryFor covers the restart of a desk.
	defaultRetryFor = 15 * time.Second
)

// Options of a Client. URL is required.
type Options struct {
	// URL of the desk, such as https://acme-desk.support.svc.
	URL string
	// CAFile, CASource or CAData give the PEM bundle that the desk's certificate must chain to, the first that is set;
	// none: the system's roots. The file is read again when it changes, the source when the desk is not trusted.
	CAFile   string
	CASource func() ([]byte, error)
	CAData   []byte
	// ServerName the certificate must be for, if not the URL's host.
	ServerName string

	// Token, TokenFile or TokenSource give the bearer token, the first that is set. The file is read again as it is
	// renewed.
	Token       string
	TokenFile   string
	TokenSource oauth2.TokenSource

	// Agent to act as in calls that name none.
	Agent string
	// UserAgent names the program; empty: caseload.
	UserAgent string
	// RetryFor bounds how long a call is tried again while the desk cannot be reached or is not ready. Zero: 15 s;
	// negative: one attempt only.
	RetryFor time.Duration

	// Dial connects to the desk, if not plainly over TCP.
	Dial DialFunc
	// HTTPClient replaces the client's own; the CA, ServerName and Dial are then its matter.
	HTTPClient *http.Client
}

// Client of one desk. It is safe for concurrent use.
type Client struct {
	base      string
	options   Options
	token     oauth2.TokenSource
	transport *rotatingTransport
	http      *http.Client
}

var _ api.Service = (*Client)(nil)

// New makes a client. It does not connect.
func New(o Options) (*Client, error) {
	u, err := url.Parse(o.URL)
	if err != nil {
		return nil, fmt.Errorf("desk URL: %w", err)
	}
	if u.Scheme != "https" && u.Scheme != "http" || u.Host == "" {
		return nil, fmt.Errorf("desk URL %q: want https://HOST[:PORT]", o.URL)
	}
	if o.RetryFor == 0 {
		o.RetryFor = defaultRetryFor
	}
	if o.UserAgent == "" {
		o.UserAgent = "caseload"
	}
	c := &Client{base: strings.TrimSuffix(o.URL, "/"), options: o, token: tokenSource(o), http: o.HTTPClient}
	if c.http == nil {
		c.transport, err = newRotatingTransport(o)
		if err != nil {
			return nil, err
		}
		c.http = &http.Client{Transport: c.transport}
	}
	return c, nil
}

func tokenSource(o Options) oauth2.TokenSource {
	switch {
	case o.Token != "":
		return oauth2.StaticTokenSource(&oauth2.Token{AccessToken: o.Token})
	case o.TokenFile != "":
		return transport.NewCachedFileTokenSource(o.TokenFile)
	default:
		return o.TokenSource
	}
}

// CloseIdleConnections closes the connections that no call uses.
func (c *Client) CloseIdleConnections() { c.http.CloseIdleConnections() }

// request is one call before it is sent.
type request struct {
	method string
	path   string
	query  url.Values
	body   any
	header http.Header
	// keyed requests carry an idempotency key, which makes their repetition harmless.
	keyed bool
	// waits is how long the desk was asked to wait.
	waits time.Duration
}

// do sends the request, again while the desk cannot be reached, and decodes the answer into out unless it is nil.
func (c *Client) do(ctx context.Context, call api.Call, r request, out any) error {
	var body []byte
	if r.body != nil {
		var err error
		if body, err = json.Marshal(r.body); err != nil {
			return fmt.Errorf("encode %s %s: %w", r.method, r.path, err)
		}
	}
	if r.keyed && call.Key == "" {
		call.Key = uuid.NewString()
	}
	return c.retry(ctx, func() error {
		attempt, cancel := context.WithTimeout(ctx, r.waits+attemptTimeout)
		defer cancel()
		return c.attempt(attempt, call, r, body, func(answer io.Reader) error {
			if out == nil {
				return nil
			}
			return json.NewDecoder(answer).Decode(out)
		})
	})
}

// retry calls fn until it succeeds, fails for good, or the time to retry is over.
func (c *Client) retry(ctx context.Context, fn func() error) error {
	backoff := wait.Backoff{Duration: 50 * time.Millisecond, Factor: 2, Jitter: 0.2, Cap: 2 * time.Second, Steps: 100}
	giveUp := time.Now().Add(c.options.RetryFor)
	for {
		err := fn()
		if err == nil || !temporary(err) || ctx.Err() != nil {
			return err
		}
		delay := backoff.Step()
		if time.Now().Add(delay).After(giveUp) {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(delay):
		}
	}
}

// attempt sends the request once and reads the answer.
func (c *Client) attempt(ctx context.Context, call api.Call, r request, body []byte, read func(io.Reader) error) error {
	target := c.base + r.path
	if len(r.query) > 0 {
		target += "?" + r.query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, r.method, target, bytes.NewReader(body))
	if err != nil {
		return err
	}
	if err := c.addHeaders(req, call, r, body != nil); err != nil {
		return err
	}
	res, err := c.http.Do(req)
	if err != nil {
		return &unreachableError{err}
	}
	defer func() {
		// Read to the end, so that the connection serves again.
		_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, 4096))
		_ = res.Body.Close()
	}()
	if res.StatusCode >= 300 {
		return problemOf(res, c.base)
	}
	if err := read(res.Body); err != nil {
		return &unreachableError{fmt.Errorf("read the answer to %s %s: %w", r.method, r.path, err)}
	}
	return nil
}

func (c *Client) addHeaders(req *http.Request, call api.Call, r request, hasBody bool) error {
	for name, values := range r.header {
		req.Header[name] = values
	}
	if hasBody {
		req.Header.Set("Content-Type", "application/json")
	}
	req.Header.Set("User-Agent", c.options.UserAgent)
	if call.Key != "" {
		req.Header.Set(api.IdempotencyKeyHeader, call.Key)
	}
	if agent := call.Agent; agent != "" {
		req.Header.Set(api.AgentHeader, agent)
	} else if c.options.Agent != "" {
		req.Header.Set(api.AgentHeader, c.options.Agent)
	}
	if c.token == nil {
		return nil
	}
	token, err := c.token.Token()
	if err != nil {
		return fmt.Errorf("get a token for the desk: %w", err)
	}
	req.Header.Set("Authorization", "Bearer "+token.AccessToken)
	return nil
}

// unreachableError says that no whole answer came: whether the desk did anything is not known.
type unreachableError struct{ err error }

func (e *unreachableError) Error() string { return e.err.Error() }
func (e *unreachableError) Unwrap() error { return e.err }

// temporary errors may go away when tried again.
func temporary(err error) bool {
	var problem *api.Problem
	if errors.As(err, &problem) {
		return problem.Status == http.StatusServiceUnavailable || problem.Status == http.StatusTooManyRequests
	}
	var unreachable *unreachableError
	return errors.As(err, &unreachable) && !untrusted(err)
}

// problemOf reads a refusal.
func problemOf(res *http.Response, base string) error {
	data, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	if err != nil {
		return &unreachableError{fmt.Errorf("read the refusal: %w", err)}
	}
	problem := &api.Problem{}
	media, _, _ := mime.ParseMediaType(res.Header.Get("Content-Type"))
	if media == api.ProblemContentType && json.Unmarshal(data, problem) == nil && problem.Status != 0 {
		return problem
	}
	excerpt := strings.TrimSpace(string(data[:min(len(data), 200)]))
	return api.NewProblem(res.StatusCode, api.ProblemInternal, "%s answered %s, not as a desk does: %s", base, res.Status, excerpt)
}
