package auth

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4/jwt"
	authenticationv1 "k8s.io/api/authentication/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/caseload-dev/caseload/internal/desk/api"
)

// leeway is how far the cluster's clock may be off ours.
const leeway = 30 * time.Second

// Authenticate verifies a ServiceAccount token of the cluster by its signature, so that the kube-apiserver is not needed,
// and asks a TokenReview about any other.
func (c *Cluster) Authenticate(ctx context.Context, token string) (*User, error) {
	key := digest(token)
	if known, ok := c.tokens.Get(key); ok {
		if user, ok := known.(*User); ok {
			return user, nil
		}
		return nil, known.(*api.Problem)
	}
	parsed, err := jwt.ParseSigned(token, signatureAlgorithms)
	if err != nil {
		return c.review(ctx, token)
	}
	var claims jwt.Claims
	if err := parsed.UnsafeClaimsWithoutVerification(&claims); err != nil {
		return c.review(ctx, token)
	}
	if c.keys.issuer() == "" {
		if err := c.keys.refreshSoon(ctx); err != nil || c.keys.issuer() == "" {
			return nil, cannotTell("the desk does not have the cluster's token keys yet, and the kube-apiserver does not answer; try again")
		}
	}
	if claims.Issuer != c.keys.issuer() {
		return c.review(ctx, token)
	}
	user, err := c.verify(ctx, parsed)
	if err != nil {
		return nil, err
	}
	c.tokens.Add(key, user, min(tokenTTL, claims.Expiry.Time().Sub(c.clock.Now())))
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

// review asks the cluster about a token.
func (c *Cluster) review(ctx context.Context, token string) (*User, error) {
	ctx, cancel := context.WithTimeout(ctx, reviewTimeout)
	defer cancel()
	review, err := c.client.AuthenticationV1().TokenReviews().Create(ctx, &authenticationv1.TokenReview{
		Spec: authenticationv1.TokenReviewSpec{Token: token, Audiences: []string{api.TokenAudience}},
	}, metav1.CreateOptions{})
	if apierrors.IsForbidden(err) {
		return nil, unauthenticated("the desk takes ServiceAccount tokens with audience %q only: get one by kubectl create token NAME --audience=%s",
			api.TokenAudience, api.TokenAudience)
	}
	if err != nil {
		c.log.Warn("cannot review a token", "error", err)
		return nil, cannotTell("the cluster cannot be asked about the token now; try again, or use a ServiceAccount token with audience %q, which needs no asking", api.TokenAudience)
	}
	// An empty audience means that the authenticator knows none: the token is good for the kube-apiserver alone.
	if !review.Status.Authenticated || !slices.Contains(review.Status.Audiences, api.TokenAudience) {
		refusal := unauthenticated("the cluster does not accept the token for audience %q: get one by kubectl create token NAME --audience=%s",
			api.TokenAudience, api.TokenAudience)
		c.tokens.Add(digest(token), refusal, refusedTTL)
		return nil, refusal
	}
	user := &User{Name: review.Status.User.Username, Groups: review.Status.User.Groups}
	c.tokens.Add(digest(token), user, reviewedTTL)
	return user, nil
}
