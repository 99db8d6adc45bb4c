package auth

import (
	"context"
	"crypto/sha256"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/caseload-dev/caseload/internal/desk/api"
)

// leeway is how far the cluster's clock may be off ours.
const leeway = 30 * time.Second

// Authenticate verifies a ServiceAccount token of the cluster by its signature, so that the kube-apiserver is not needed,
// and asks a TokenReview about any other.
func (c *Cluster) Authenticate(ctx context.Context, token string) (*User, error) {
	key := sha256.Sum256([]byte(token))
	if known, ok := c.verified.Get(key); ok {
		return known.(*User), nil
	}
	parsed, err := jwt.ParseSigned(token, signatureAlgorithms)
	if err != nil {
		return c.tokens.review(ctx, token)
	}
	var claims jwt.Claims
	if err := parsed.UnsafeClaimsWithoutVerification(&claims); err != nil {
		return c.tokens.review(ctx, token)
	}
	if c.keys.issuer() == "" {
		if err := c.keys.refreshSoon(ctx); err != nil || c.keys.issuer() == "" {
			return nil, cannotTell("the desk does not have the cluster's token keys yet, and the kube-apiserver does not answer; try again")
		}
	}
	if claims.Issuer != c.keys.issuer() {
		return c.tokens.review(ctx, token)
	}
	user, err := c.verify(ctx, parsed)
	if err != nil {
		return nil, err
	}
	c.verified.Add(key, user, min(tokenTTL, claims.Expiry.Time().Sub(c.clock.Now())))
	return user, nil
}

// verify checks a token of the cluster's issuer.
func (c *Cluster) verify(ctx context.Context, token *jwt.JSONWebToken) (*User, error) {
	id := token.Headers[0].KeyID
	key, ok := c.keys.find(id)
	if !ok {
		if err := c.keys.refreshSoon(ctx); err != nil {
			return nil, cannotTell("the token is signed by a key that the desk has not seen yet, and the kube-apiserver does not answer; try again")
		}
		if key, ok = c.keys.find(id); !ok {
			return nil, unauthenticated("the token is signed by a key that is not the cluster's; get a new one")
		}
	}
	var claims jwt.Claims
	if err := token.Claims(key, &claims); err != nil {
		return nil, unauthenticated("the token's signature is wrong; get a new one")
	}
	if !claims.Audience.Contains(api.TokenAudience) {
		return nil, unauthenticated("the token is for audience %q, the desk needs %q: get one by kubectl create token NAME --audience=%s, or a projected volume with that audience",
			strings.Join(claims.Audience, ", "), api.TokenAudience, api.TokenAudience)
	}
	now := c.clock.Now()
	if claims.Expiry == nil || now.After(claims.Expiry.Time()) {
		return nil, unauthenticated("the token has expired; get a new one")
	}
	if err := claims.ValidateWithLeeway(jwt.Expected{Issuer: c.keys.issuer(), Time: now}, leeway); err != nil {
		return nil, unauthenticated("the token is not valid now: %v", err)
	}
	account, ok := strings.CutPrefix(claims.Subject, serviceAccountPrefix)
	namespace, name, complete := strings.Cut(account, ":")
	if !ok || !complete || namespace == "" || name == "" {
		return nil, unauthenticated("the token is for %q, which is no ServiceAccount", claims.Subject)
	}
	return &User{Name: claims.Subject, Groups: []string{
		"system:serviceaccounts", "system:serviceaccounts:" + namespace, "system:authenticated",
	}}, nil
}
