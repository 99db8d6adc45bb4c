package auth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	authenticationclient "k8s.io/client-go/kubernetes/typed/authentication/v1"
	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"

	"github.com/caseload-dev/caseload/internal/desk/api"
)

// TestStrangersDoNotHoldUpCallers: while strangers try more tokens than the desk may ask about, the cluster still says
// what known callers may do.
func TestStrangersDoNotHoldUpCallers(t *testing.T) {
	apiserver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		allowed := strings.HasSuffix(r.URL.Path, "/localsubjectaccessreviews")
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]any{"status": map[string]bool{"allowed": allowed}})
	}))
	defer apiserver.Close()
	cluster, err := NewCluster(&rest.Config{Host: apiserver.URL}, ClusterOptions{
		HelpDesk: "acme", Namespace: "support", Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	const strangers = 2000
	refusals := make(chan error, strangers)
	for i := range strangers {
		go func() {
			_, err := cluster.Authenticate(ctx, fmt.Sprintf("stranger-%d", i))
			refusals <- err
		}()
	}
	for i := 0; ; i++ {
		var problem *api.Problem
		if i == strangers || !errors.As(<-refusals, &problem) {
			t.Fatal("no stranger was held up, or one was let in")
		}
		if problem.Status == http.StatusServiceUnavailable {
			break
		}
	}
	// The strangers who are not refused yet wait for their turn, as long as a review may take.
	asked := time.Now()
	may, err := cluster.Authorize(t.Context(), &User{Name: "jo"}, Permission{Resource: "tickets", Verb: "update"})
	if took := time.Since(asked); err != nil || !may || took > reviewTimeout/2 {
		t.Errorf("jo may: %v, %v, after %s", may, err, took)
	}
}

// reviewer accepts tokens that begin with "good", and counts what it is asked.
type reviewer struct {
	authenticationclient.TokenReviewInterface
	asked int
}

func (r *reviewer) Create(_ context.Context, review *authenticationv1.TokenReview, _ metav1.CreateOptions) (*authenticationv1.TokenReview, error) {
	r.asked++
	review.Status.Authenticated = strings.HasPrefix(review.Spec.Token, "good")
	review.Status.Audiences = []string{api.TokenAudience}
	return review, nil
}

// TestRefusedTokensDisplaceNoAcceptedOnes: however many tokens strangers try, a caller's is not asked about again.
func TestRefusedTokensDisplaceNoAcceptedOnes(t *testing.T) {
	cluster := &reviewer{}
	tokens := newTokens(cluster, clock.RealClock{}, slog.Default())
	authenticate := func(token string, good bool) {
		t.Helper()
		if user, err := tokens.review(t.Context(), token); (user != nil) != good || (err == nil) != good {
			t.Fatalf("%s: %v, %v", token, user, err)
		}
	}
	authenticate("good", true)
	for i := range maxTokens + 1 {
		authenticate(fmt.Sprintf("stranger-%d", i), false)
	}
	before := cluster.asked
	authenticate("good", true)
	authenticate(fmt.Sprintf("stranger-%d", maxTokens), false)
	if cluster.asked != before {
		t.Errorf("asked %d times about tokens that were just reviewed", cluster.asked-before)
	}
}
