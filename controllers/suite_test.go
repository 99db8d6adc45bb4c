package controllers

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/config"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/caseload-dev/caseload/api/v1alpha1"
	"github.com/caseload-dev/caseload/internal/desk"
	"github.com/caseload-dev/caseload/internal/desk/api"
	"github.com/caseload-dev/caseload/internal/desk/store/sqlite"
)

// Everything here runs against a real kube-apiserver and etcd, and against real desks.

const (
	patience = 20 * time.Second
	// quiet is how long a settled system is listened to.
	quiet = 3 * time.Second
)

var (
	restConfig *rest.Config
	k8s        client.WithWatch
)

func TestControllers(t *testing.T) {
	if os.Getenv("KUBEBUILDER_ASSETS") == "" {
		t.Skip("needs a kube-apiserver and etcd: set KUBEBUILDER_ASSETS to their folder, or run make test-api, which builds them")
	}
	RegisterFailHandler(Fail)
	SetDefaultEventuallyTimeout(patience)
	SetDefaultEventuallyPollingInterval(50 * time.Millisecond)
	RunSpecs(t, "Controllers")
}

var _ = BeforeSuite(func() {
	ctrl.SetLogger(zap.New(zap.WriteTo(GinkgoWriter), zap.UseDevMode(true)))
	env := &envtest.Environment{
		CRDDirectoryPaths:     []string{filepath.Join("..", "config", "crd", "bases")},
		ErrorIfCRDPathMissing: true,
	}
	var err error
	restConfig, err = env.Start()
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(env.Stop)
	scheme, err := NewScheme()
	Expect(err).NotTo(HaveOccurred())
	k8s, err = client.NewWithWatch(restConfig, client.Options{Scheme: scheme})
	Expect(err).NotTo(HaveOccurred())
	installRoles()
	startNode()
})

// managerUser is who the operators of the tests are: they may do what config/rbac allows, no more.
const managerUser = "system:serviceaccount:caseload-system:caseload-manager"

// installRoles as an installation has them.
func installRoles() {
	GinkgoHelper()
	const namespace = "caseload-system"
	Expect(k8s.Create(context.Background(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}})).To(Succeed())
	files, err := filepath.Glob(filepath.Join("..", "config", "rbac", "*_*.yaml"))
	Expect(err).NotTo(HaveOccurred())
	for _, name := range files {
		file, err := os.Open(name)
		Expect(err).NotTo(HaveOccurred())
		documents := yaml.NewYAMLOrJSONDecoder(file, 4096)
		for {
			object := &unstructured.Unstructured{}
			err := documents.Decode(&object.Object)
			if errors.Is(err, io.EOF) {
				break
			}
			Expect(err).NotTo(HaveOccurred(), name)
			if kind := object.GetKind(); kind == "ServiceAccount" || kind == "Role" || kind == "RoleBinding" {
				object.SetNamespace(namespace)
			}
			Expect(k8s.Create(context.Background(), object)).To(Succeed(), name)
		}
		Expect(file.Close()).To(Succeed())
	}
}

// tenant is a namespace with its operator and its desks.
type tenant struct {
	namespace string
	desks     *testDesks
	writes    *writes
	options   Options

	stop func()
}

// newTenant starts an operator that serves a namespace of its own.
func newTenant() *tenant {
	GinkgoHelper()
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "tenant-"}}
	Expect(k8s.Create(context.Background(), namespace)).To(Succeed())
	t := &tenant{namespace: namespace.Name, writes: &writes{}, desks: newTestDesks()}
	t.options = Options{
		Image:      Image{Name: "caseload:test", PullPolicy: corev1.PullAlways, PullSecrets: []string{"registry"}},
		Namespaces: []string{t.namespace}, DeskFor: t.desks.connect, Clock: clock.RealClock{},
	}
	t.start()
	DeferCleanup(func() { t.stop() })
	return t
}

// start an operator, counting what it writes.
func (t *tenant) start() {
	GinkgoHelper()
	counted := rest.CopyConfig(restConfig)
	counted.QPS = -1
	counted.Impersonate = rest.ImpersonationConfig{
		UserName: managerUser, Groups: []string{"system:serviceaccounts", "system:authenticated"},
	}
	counted.Wrap(func(next http.RoundTripper) http.RoundTripper { return countingTransport{next, t.writes} })
	scheme, err := NewScheme()
	Expect(err).NotTo(HaveOccurred())
	grace := 5 * time.Second
	mgr, err := ctrl.NewManager(counted, ctrl.Options{
		Scheme:                  scheme,
		Cache:                   CacheOptions([]string{t.namespace}),
		Metrics:                 metricsserver.Options{BindAddress: "0"},
		Controller:              config.Controller{SkipNameValidation: new(true)},
		GracefulShutdownTimeout: &grace,
	})
	Expect(err).NotTo(HaveOccurred())
	ctx, cancel := context.WithCancel(context.Background())
	Expect(Setup(ctx, mgr, t.options)).To(Succeed())
	done := make(chan error, 1)
	go func() { done <- mgr.Start(ctx) }()
	t.stop = sync.OnceFunc(func() {
		cancel()
		Expect(<-done).To(Succeed())
	})
}

func (t *tenant) restart() {
	GinkgoHelper()
	t.stop()
	t.start()
}

// apply objects in the order given.
func (t *tenant) apply(objects ...client.Object) {
	GinkgoHelper()
	for _, object := range objects {
		object.SetNamespace(t.namespace)
		Expect(k8s.Create(context.Background(), object)).To(Succeed())
	}
}

// object is a pointer to a kind's struct.
type object[T any] interface {
	*T
	client.Object
}

// get reads an object's present state into a new one.
func get[T any, P object[T]](t *tenant, name string) P {
	GinkgoHelper()
	found := P(new(T))
	Expect(k8s.Get(context.Background(), client.ObjectKey{Namespace: t.namespace, Name: name}, found)).To(Succeed())
	return found
}

// change an object as somebody with kubectl does.
func change[T any, P object[T]](t *tenant, name string, edit func(P)) {
	GinkgoHelper()
	found := get[T, P](t, name)
	before := found.DeepCopyObject().(client.Object)
	edit(found)
	Expect(k8s.Patch(context.Background(), found, client.MergeFrom(before))).To(Succeed())
}

func remove[T any, P object[T]](t *tenant, name string) {
	GinkgoHelper()
	Expect(k8s.Delete(context.Background(), get[T, P](t, name))).To(Succeed())
}

// writes counts what an operator sends to the kube-apiserver that is no read.
type writes struct {
	mu   sync.Mutex
	seen []string
}

func (w *writes) all() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]string{}, w.seen...)
}

func (w *writes) reset() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.seen = nil
}

type countingTransport struct {
	next   http.RoundTripper
	writes *writes
}

func (t countingTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		t.writes.mu.Lock()
		t.writes.seen = append(t.writes.seen, r.Method+" "+r.URL.Path)
		t.writes.mu.Unlock()
	}
	return t.next.RoundTrip(r)
}

// testDesks are real desks over a database, called without HTTPS between.
type testDesks struct {
	mu    sync.Mutex
	dir   string
	desks map[string]*desk.Desk
	down  bool
	calls int
}

func newTestDesks() *testDesks {
	return &testDesks{dir: GinkgoT().TempDir(), desks: map[string]*desk.Desk{}}
}

func (d *testDesks) setDown(down bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.down = down
}

func (d *testDesks) connect(_ context.Context, h *v1alpha1.HelpDesk) (api.Service, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.calls++
	if d.down {
		return nil, errors.New("connection refused")
	}
	return d.of(h.Name)
}

// of opens the desk of a HelpDesk at first use. The caller holds the lock.
func (d *testDesks) of(name string) (*desk.Desk, error) {
	if known, ok := d.desks[name]; ok {
		return known, nil
	}
	store, err := sqlite.Open(context.Background(), filepath.Join(d.dir, name+".db"), sqlite.Options{})
	if err != nil {
		return nil, err
	}
	opened, err := desk.New(desk.Options{Store: store, HelpDesk: name, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = opened.Run(ctx)
	}()
	DeferCleanup(func() {
		cancel()
		<-done
		Expect(store.Close()).To(Succeed())
	})
	d.desks[name] = opened
	return opened, nil
}

// planOf reads a desk's active plan as KIND/NAME of its entries.
func (t *tenant) planOf(helpDesk string) (revision int64, entries []string) {
	GinkgoHelper()
	t.desks.mu.Lock()
	defer t.desks.mu.Unlock()
	d, err := t.desks.of(helpDesk)
	Expect(err).NotTo(HaveOccurred())
	active, err := d.Plan(context.Background(), api.Call{})
	Expect(err).NotTo(HaveOccurred())
	for _, e := range active.Manifest.Entries {
		entries = append(entries, e.String())
	}
	return active.Revision, entries
}

// describe an object's conditions for failures.
func describe(object client.Object) string {
	var lines []string
	for _, c := range statusOf(object).Conditions {
		lines = append(lines, c.Type+"="+string(c.Status)+" "+c.Reason+": "+c.Message)
	}
	return object.GetName() + "\n  " + strings.Join(lines, "\n  ")
}

func keyOf(t *tenant, name string) client.ObjectKey {
	return client.ObjectKey{Namespace: t.namespace, Name: name}
}
