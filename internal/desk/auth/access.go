package auth

import (
	"context"
	"encoding/json"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/singleflight"
	authorizationv1 "k8s.io/api/authorization/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	utilcache "k8s.io/apimachinery/pkg/util/cache"
	authorizationclient "k8s.io/client-go/kubernetes/typed/authorization/v1"
	"k8s.io/utils/clock"

	"github.com/caseload-dev/caseload/api/v1alpha1"
)

const (
	// AllowedFor and DeniedFor are how long the cluster's answer holds before it is asked again.
	AllowedFor = 5 * time.Minute
	DeniedFor  = 10 * time.Second
	// AllowedWhileAway is how long an allowed caller goes on while the kube-apiserver cannot be asked, since it last
	// said so.
	AllowedWhileAway = 4 * time.Hour
)

// access is what the cluster says who may do.
type access struct {
	reviews   authorizationclient.LocalSubjectAccessReviewsGetter
	namespace string
	helpDesk  string
	clock     clock.PassiveClock
	log       *slog.Logger

	verdicts *utilcache.LRUExpireCache // by question: verdict
	asking   singleflight.Group
	changed  atomic.Bool

	mu sync.Mutex
	// awayUntil is when the kube-apiserver is asked again after it did not answer.
	awayUntil time.Time
}

// question is one caller and permission.
type question struct {
	User string `json:"user"`
	// Groups are joined by newlines.
	Groups     string     `json:"groups"`
	Permission Permission `json:"permission"`
}

// verdict of the cluster.
type verdict struct {
	Allowed bool      `json:"allowed"`
	At      time.Time `json:"at"`
}

func newAccess(reviews authorizationclient.LocalSubjectAccessReviewsGetter, namespace, helpDesk string, c clock.PassiveClock, log *slog.Logger) *access {
	return &access{
		reviews: reviews, namespace: namespace, helpDesk: helpDesk, clock: c, log: log,
		verdicts: utilcache.NewLRUExpireCacheWithClock(maxVerdicts, c),
	}
}

// Authorize asks the cluster unless it said so lately. While it cannot be asked, who was allowed stays allowed.
func (c *Cluster) Authorize(ctx context.Context, user *User, p Permission) (bool, error) {
	return c.access.authorize(ctx, question{User: user.Name, Groups: strings.Join(user.Groups, "\n"), Permission: p})
}

func (a *access) authorize(ctx context.Context, q question) (bool, error) {
	known, ok := a.verdict(q)
	if ok && (!known.Allowed || a.clock.Since(known.At) < AllowedFor) {
		return known.Allowed, nil
	}
	allowed, err := a.ask(ctx, q)
	if err == nil {
		return allowed, nil
	}
	if ok {
		return known.Allowed, nil
	}
	return false, cannotTell("the cluster cannot be asked now what %s may do, and the desk has not seen them lately; try again", q.User)
}

func (a *access) verdict(q question) (verdict, bool) {
	v, ok := a.verdicts.Get(q)
	if !ok {
		return verdict{}, false
	}
	return v.(verdict), true
}

// errAway says that the kube-apiserver did not answer just now.
type errAway struct{}

func (errAway) Error() string { return "the kube-apiserver did not answer just now" }

// ask reviews the caller's access; the same question at the same time is asked once.
func (a *access) ask(ctx context.Context, q question) (bool, error) {
	a.mu.Lock()
	away := a.clock.Now().Before(a.awayUntil)
	a.mu.Unlock()
	if away {
		return false, errAway{}
	}
	key := strings.Join([]string{q.User, q.Groups, q.Permission.Resource, q.Permission.Verb}, "\x00")
	// One caller's end must not fail the others who wait for the same answer.
	ctx = context.WithoutCancel(ctx)
	allowed, err, _ := a.asking.Do(key, func() (any, error) { return a.review(ctx, q) })
	if err != nil {
		return false, err
	}
	return allowed.(bool), nil
}

func (a *access) review(ctx context.Context, q question) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, reviewTimeout)
	defer cancel()
	review, err := a.reviews.LocalSubjectAccessReviews(a.namespace).Create(ctx, &authorizationv1.LocalSubjectAccessReview{
		ObjectMeta: metav1.ObjectMeta{Namespace: a.namespace},
		Spec: authorizationv1.SubjectAccessReviewSpec{
			User: q.User, Groups: strings.Split(q.Groups, "\n"),
			ResourceAttributes: &authorizationv1.ResourceAttributes{
				Namespace: a.namespace, Group: v1alpha1.GroupVersion.Group, Version: v1alpha1.GroupVersion.Version,
				Resource: "helpdesks", Subresource: q.Permission.Resource, Name: a.helpDesk, Verb: q.Permission.Verb,
			},
		},
	}, metav1.CreateOptions{})
	if err != nil {
		a.log.Warn("cannot ask the cluster what a caller may do; those allowed before go on", "user", q.User, "permission", q.Permission, "error", err)
		a.mu.Lock()
		a.awayUntil = a.clock.Now().Add(awayPause)
		a.mu.Unlock()
		return false, err
	}
	v := verdict{Allowed: review.Status.Allowed, At: a.clock.Now()}
	ttl := DeniedFor
	if v.Allowed {
		ttl = AllowedWhileAway
	}
	a.verdicts.Add(q, v, ttl)
	a.changed.Store(true)
	return v.Allowed, nil
}

// allowedQuestion is how a verdict is kept.
type allowedQuestion struct {
	question
	At time.Time `json:"at"`
}

// MarshalJSON lists who was allowed what.
func (a *access) MarshalJSON() ([]byte, error) {
	var kept []allowedQuestion
	for _, key := range a.verdicts.Keys() {
		q := key.(question)
		if v, ok := a.verdict(q); ok && v.Allowed {
			kept = append(kept, allowedQuestion{q, v.At})
		}
	}
	return json.Marshal(map[string]any{"namespace": a.namespace, "helpDesk": a.helpDesk, "allowed": kept})
}

// UnmarshalJSON takes what was kept for the same HelpDesk and still counts.
func (a *access) UnmarshalJSON(data []byte) error {
	var file struct {
		Namespace string            `json:"namespace"`
		HelpDesk  string            `json:"helpDesk"`
		Allowed   []allowedQuestion `json:"allowed"`
	}
	if err := json.Unmarshal(data, &file); err != nil {
		return err
	}
	if file.Namespace != a.namespace || file.HelpDesk != a.helpDesk {
		return nil
	}
	for _, kept := range file.Allowed {
		if age := a.clock.Since(kept.At); age >= 0 && age < AllowedWhileAway {
			a.verdicts.Add(kept.question, verdict{Allowed: true, At: kept.At}, AllowedWhileAway-age)
		}
	}
	return nil
}

func (a *access) takeChanged() bool { return a.changed.Swap(false) }
