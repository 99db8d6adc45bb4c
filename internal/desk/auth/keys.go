package auth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"
)

// signatureAlgorithms that the kube-apiserver signs ServiceAccount tokens with.
var signatureAlgorithms = []jose.SignatureAlgorithm{jose.RS256, jose.ES256, jose.ES384, jose.ES512}

// keys are the issuer and the public keys of the cluster's ServiceAccount tokens (OpenID Connect discovery).
type keys struct {
	client rest.Interface
	clock  clock.PassiveClock

	// refreshing serialises refresh.
	refreshing sync.Mutex
	tried      time.Time

	mu      sync.RWMutex
	known   issuerKeys
	changed bool
}

// issuerKeys is what is kept of them.
type issuerKeys struct {
	Issuer string             `json:"issuer"`
	Keys   jose.JSONWebKeySet `json:"keys"`
}

// issuer of the cluster's tokens; empty while it is not known.
func (k *keys) issuer() string {
	k.mu.RLock()
	defer k.mu.RUnlock()
	return k.known.Issuer
}

// find returns the key of an id.
func (k *keys) find(id string) (jose.JSONWebKey, bool) {
	k.mu.RLock()
	defer k.mu.RUnlock()
	if found := k.known.Keys.Key(id); len(found) > 0 {
		return found[0], true
	}
	return jose.JSONWebKey{}, false
}

// refreshSoon is refresh unless that was tried just now, so that tokens with made-up key ids cost nothing.
func (k *keys) refreshSoon(ctx context.Context) error {
	k.refreshing.Lock()
	defer k.refreshing.Unlock()
	if k.clock.Since(k.tried) < awayPause {
		return nil
	}
	return k.read(ctx)
}

// refresh reads the issuer and keys from the kube-apiserver. What it cannot read stays as it was.
func (k *keys) refresh(ctx context.Context) error {
	k.refreshing.Lock()
	defer k.refreshing.Unlock()
	return k.read(ctx)
}

// read is refresh for one who holds refreshing.
func (k *keys) read(ctx context.Context) error {
	k.tried = k.clock.Now()
	ctx, cancel := context.WithTimeout(ctx, reviewTimeout)
	defer cancel()
	var next issuerKeys
	var configuration struct {
		Issuer string `json:"issuer"`
	}
	if err := k.get(ctx, "/.well-known/openid-configuration", &configuration); err != nil {
		return err
	}
	if err := k.get(ctx, "/openid/v1/jwks", &next.Keys); err != nil {
		return err
	}
	next.Issuer = configuration.Issuer
	if next.Issuer == "" || len(next.Keys.Keys) == 0 {
		return errors.New("the cluster names no token issuer or no keys")
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.changed = k.changed || !next.equal(k.known)
	k.known = next
	return nil
}

func (k *keys) get(ctx context.Context, path string, into any) error {
	data, err := k.client.Get().AbsPath(path).DoRaw(ctx)
	if err != nil {
		return fmt.Errorf("GET %s: %w", path, err)
	}
	if err := json.Unmarshal(data, into); err != nil {
		return fmt.Errorf("GET %s: %w", path, err)
	}
	return nil
}

func (a issuerKeys) equal(b issuerKeys) bool {
	left, errLeft := json.Marshal(a)
	right, errRight := json.Marshal(b)
	return errLeft == nil && errRight == nil && string(left) == string(right)
}

func (k *keys) MarshalJSON() ([]byte, error) {
	k.mu.RLock()
	defer k.mu.RUnlock()
	return json.Marshal(k.known)
}

func (k *keys) UnmarshalJSON(data []byte) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	return json.Unmarshal(data, &k.known)
}

func (k *keys) takeChanged() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	changed := k.changed
	k.changed = false
	return changed
}
