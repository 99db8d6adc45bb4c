package auth

import (
	"context"
	"crypto/sha256"
	"log/slog"
	"slices"

	authenticationv1 "k8s.io/api/authentication/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	utilcache "k8s.io/apimachinery/pkg/util/cache"
	authenticationclient "k8s.io/client-go/kubernetes/typed/authentication/v1"
	"k8s.io/utils/clock"

	"github.com/caseload-dev/caseload/internal/desk/api"
)

// tokens is what the cluster's TokenReview says of tokens. A stranger can ask of as many as they like, so it shares
// neither its client's limit nor its memory with anything else, and what was refused displaces nothing that was accepted.
type tokens struct {
	reviews authenticationclient.TokenReviewInterface
	log     *slog.Logger

	accepted *utilcache.LRUExpireCache // by SHA-256: *User
	refused  *utilcache.LRUExpireCache // by SHA-256: *api.Problem
}

func newTokens(reviews authenticationclient.TokenReviewInterface, c clock.PassiveClock, log *slog.Logger) *tokens {
	return &tokens{
		reviews: reviews, log: log,
		accepted: utilcache.NewLRUExpireCacheWithClock(maxTokens, c),
		refused:  utilcache.NewLRUExpireCacheWithClock(maxTokens, c),
	}
}

// review asks the cluster about a token unless it said so just now.
func (t *tokens) review(ctx context.Context, token string) (*User, error) {
	key := sha256.Sum256([]byte(token))
	if known, ok := t.accepted.Get(key); ok {
		return known.(*User), nil
	}
	if known, ok := t.refused.Get(key); ok {
		return nil, known.(*api.Problem)
	}
	ctx, cancel := context.WithTimeout(ctx, reviewTimeout)
	defer cancel()
	review, err := t.reviews.Create(ctx, &authenticationv1.TokenReview{
		Spec: authenticationv1.TokenReviewSpec{Token: token, Audiences: []string{api.TokenAudience}},
	}, metav1.CreateOptions{})
	if apierrors.IsForbidden(err) {
		return nil, unauthenticated("the desk takes ServiceAccount tokens with audience %q only: get one by kubectl create token NAME --audience=%s",
			api.TokenAudience, api.TokenAudience)
	}
	if err != nil {
		t.log.Warn("cannot review a token", "error", err)
		return nil, cannotTell("the cluster cannot be asked about the token now; try again, or use a ServiceAccount token with audience %q, which needs no asking", api.TokenAudience)
	}
	// An empty audience means that the authenticator knows none: the token is good for the kube-apiserver alone.
	if !review.Status.Authenticated || !slices.Contains(review.Status.Audiences, api.TokenAudience) {
		refusal := unauthenticated("the cluster does not accept the token for audience %q: get one by kubectl create token NAME --audience=%s",
			api.TokenAudience, api.TokenAudience)
		t.refused.Add(key, refusal, refusedTTL)
		return nil, refusal
	}
	user := &User{Name: review.Status.User.Username, Groups: review.Status.User.Groups}
	t.accepted.Add(key, user, reviewedTTL)
	return user, nil
}
