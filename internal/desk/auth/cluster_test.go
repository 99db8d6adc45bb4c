package auth_test

import (
	"context"
	"errors"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"
	testingclock "k8s.io/utils/clock/testing"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	"github.com/caseload-dev/caseload/internal/desk/api"
	"github.com/caseload-dev/caseload/internal/desk/auth"
)

const namespace = "default"

var (
	openTickets = auth.Permission{Resource: "tickets", Verb: "create"}
	pushPlans   = auth.Permission{Resource: "plans", Verb: "update"}
)

// TestCluster meets a real kube-apiserver: it issues the tokens, answers the reviews, and then stops.
func TestCluster(t *testing.T) {
	if os.Getenv("KUBEBUILDER_ASSETS") == "" {
		t.Skip("KUBEBUILDER_ASSETS is not set: make test builds etcd and kube-apiserver and sets it")
	}
	environment := &envtest.Environment{}
	config, err := environment.Start()
	if err != nil {
		t.Fatal(err)
	}
	stopped := false
	stop := func() {
		if !stopped {
			stopped = true
			if err := environment.Stop(); err != nil {
				t.Error(err)
			}
		}
	}
	defer stop()
	kube := kubernetes.NewForConfigOrDie(config)
	createCallers(t, kube)

	clock := testingclock.NewFakePassiveClock(time.Now())
	state := t.TempDir()
	open := func() (*auth.Cluster, context.CancelFunc) {
		t.Helper()
		c, err := auth.NewCluster(config, auth.ClusterOptions{HelpDesk: "acme", Namespace: namespace, StateDir: state, Clock: clock})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { c.Run(ctx); close(done) }()
		return c, func() { cancel(); <-done }
	}
	cluster, end := open()

	worker := token(t, kube, "worker", api.TokenAudience)
	user, err := cluster.Authenticate(t.Context(), worker)
	if err != nil {
		t.Fatal(err)
	}
	if user.Name != "system:serviceaccount:default:worker" || user.Actor() != "serviceaccount/default/worker" {
		t.Errorf("user = %+v, actor %s", user, user.Actor())
	}
	expect := func(t *testing.T, c *auth.Cluster, u *auth.User, p auth.Permission, want bool) {
		t.Helper()
		if got, err := c.Authorize(t.Context(), u, p); err != nil || got != want {
			t.Errorf("%s may %s: %v, %v; want %v", u.Name, p, got, err, want)
		}
	}
	expect(t, cluster, user, openTickets, true)
	expect(t, cluster, user, pushPlans, false)
	other, err := auth.NewCluster(config, auth.ClusterOptions{HelpDesk: "other", Namespace: namespace, Clock: clock})
	if err != nil {
		t.Fatal(err)
	}
	expect(t, other, user, openTickets, false)

	for name, bad := range map[string]struct{ token, says string }{
		"the kube-apiserver's own audience": {token(t, kube, "worker"), "kubectl create token"},
		"a foreign audience":                {token(t, kube, "worker", "vault"), `audience "vault"`},
		"a forged signature":                {forge(worker), "signature is wrong"},
		"a word":                            {"open-sesame", "does not accept the token"},
	} {
		if _, err := cluster.Authenticate(t.Context(), bad.token); status(err) != http.StatusUnauthorized || !strings.Contains(err.Error(), bad.says) {
			t.Errorf("%s: %v, want a 401 that says %q", name, err, bad.says)
		}
	}

	// Taken back, a permission ends within AllowedFor.
	brief := &auth.User{Name: "system:serviceaccount:default:brief", Groups: user.Groups}
	expect(t, cluster, brief, openTickets, true)
	if err := kube.RbacV1().RoleBindings(namespace).Delete(t.Context(), "brief", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	// The kube-apiserver's authorizer hears of it a little later, which one who remembers nothing sees.
	err = wait.PollUntilContextTimeout(t.Context(), 20*time.Millisecond, 10*time.Second, true, func(ctx context.Context) (bool, error) {
		asks, err := auth.NewCluster(config, auth.ClusterOptions{HelpDesk: "acme", Namespace: namespace, Clock: clock})
		if err != nil {
			return false, err
		}
		allowed, err := asks.Authorize(ctx, brief, openTickets)
		return !allowed, err
	})
	if err != nil {
		t.Fatal(err)
	}
	clock.SetTime(clock.Now().Add(auth.AllowedFor + time.Second))
	expect(t, cluster, brief, openTickets, false)

	// What follows happens without a kube-apiserver.
	late := token(t, kube, "late", api.TokenAudience)
	second := token(t, kube, "worker", api.TokenAudience)
	stop()
	clock.SetTime(clock.Now().Add(auth.AllowedFor + time.Second))
	expect(t, cluster, user, openTickets, true)
	end()
	cluster, end = open()
	defer end()
	restarted, err := cluster.Authenticate(t.Context(), second)
	if err != nil {
		t.Fatalf("a desk that restarted does not know a worker that restarted: %v", err)
	}
	expect(t, cluster, restarted, openTickets, true)
	lateUser, err := cluster.Authenticate(t.Context(), late)
	if err != nil {
		t.Fatalf("a token of the cluster is good while its kube-apiserver is away: %v", err)
	}
	if _, err := cluster.Authorize(t.Context(), lateUser, openTickets); status(err) != http.StatusServiceUnavailable {
		t.Errorf("a caller never seen before: %v, want 503", err)
	}
	if _, err := cluster.Authenticate(t.Context(), "open-sesame"); status(err) != http.StatusServiceUnavailable {
		t.Errorf("a token that needs a review: %v, want 503", err)
	}
	clock.SetTime(clock.Now().Add(auth.AllowedWhileAway))
	if _, err := cluster.Authorize(t.Context(), restarted, openTickets); status(err) != http.StatusServiceUnavailable {
		t.Errorf("allowed for ever while the kube-apiserver is away: %v", err)
	}
	if _, err := cluster.Authenticate(t.Context(), second); status(err) != http.StatusUnauthorized || !strings.Contains(err.Error(), "expired") {
		t.Errorf("a token of hours ago: %v, want a 401 that says it has expired", err)
	}
}

func status(err error) int {
	var problem *api.Problem
	if errors.As(err, &problem) {
		return problem.Status
	}
	return 0
}

// createCallers makes ServiceAccounts worker and brief, who may open tickets of acme, and late, who may too.
func createCallers(t *testing.T, kube kubernetes.Interface) {
	t.Helper()
	ctx := t.Context()
	role := &rbacv1.Role{ObjectMeta: metav1.ObjectMeta{Name: "intake"}, Rules: []rbacv1.PolicyRule{{
		APIGroups: []string{"support.caseload.dev"}, Resources: []string{"helpdesks/tickets"}, ResourceNames: []string{"acme"}, Verbs: []string{"create"},
	}}}
	if _, err := kube.RbacV1().Roles(namespace).Create(ctx, role, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"worker", "brief", "late"} {
		account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: name}}
		if _, err := kube.CoreV1().ServiceAccounts(namespace).Create(ctx, account, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
		binding := &rbacv1.RoleBinding{
			ObjectMeta: metav1.ObjectMeta{Name: name},
			RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: "intake"},
			Subjects:   []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Name: name, Namespace: namespace}},
		}
		if _, err := kube.RbacV1().RoleBindings(namespace).Create(ctx, binding, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
	}
}

func token(t *testing.T, kube kubernetes.Interface, account string, audiences ...string) string {
	t.Helper()
	request := &authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{Audiences: audiences, ExpirationSeconds: ptr.To(int64(3600))}}
	answer, err := kube.CoreV1().ServiceAccounts(namespace).CreateToken(t.Context(), account, request, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return answer.Status.Token
}

// forge changes the token's signature.
func forge(token string) string {
	last := token[strings.LastIndex(token, ".")+1:]
	return strings.TrimSuffix(token, last) + strings.Map(func(r rune) rune {
		if r == 'A' {
			return 'B'
		}
		return 'A'
	}, last)
}
