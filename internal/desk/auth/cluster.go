package auth

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	utilcache "k8s.io/apimachinery/pkg/util/cache"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"
)

const (
	// reviewTimeout bounds one question to the kube-apiserver.
	reviewTimeout = 3 * time.Second
	// awayPause is how long the kube-apiserver is not asked again after it did not answer.
	awayPause = 5 * time.Second
	// keysInterval is how often the cluster's keys are read anew.
	keysInterval = 5 * time.Minute
	// saveInterval is how often what was learned is written down.
	saveInterval = 10 * time.Second
	// reviewsPerSecond bounds what strangers with unknown tokens make the desk ask; the rest of what it asks has the
	// limit of Kubernetes' own extension API servers.
	reviewsPerSecond   = 100
	questionsPerSecond = 200
	// maxTokens, of each kind, and maxVerdicts bound what is remembered: enough for some thousand callers at work.
	maxTokens   = 8192
	maxVerdicts = 32768
	// tokenTTL is how long a verified ServiceAccount token is not verified again, reviewedTTL how long one that a
	// TokenReview accepted, refusedTTL one that it refused.
	tokenTTL    = 10 * time.Minute
	reviewedTTL = time.Minute
	refusedTTL  = 10 * time.Second
)

// ClusterOptions of a Cluster.
type ClusterOptions struct {
	// HelpDesk and its Namespace, on which callers need their permissions.
	HelpDesk  string
	Namespace string
	// StateDir is where the cluster's keys and its last answers are kept, so that a desk that starts while the
	// kube-apiserver is away knows its callers. Empty: nowhere.
	StateDir string
	// Clock; nil: the real one.
	Clock clock.PassiveClock
	// Logger; nil: the default one.
	Logger *slog.Logger
}

// Cluster knows callers by the cluster's word. It keeps what it learned, in memory and in StateDir, and goes on by that
// while the kube-apiserver is away.
type Cluster struct {
	options ClusterOptions
	clock   clock.PassiveClock
	log     *slog.Logger

	keys     *keys
	verified *utilcache.LRUExpireCache // by SHA-256 of a ServiceAccount token: *User
	tokens   *tokens
	access   *access
}

var (
	_ Authenticator = (*Cluster)(nil)
	_ Authorizer    = (*Cluster)(nil)
)

// NewCluster makes a Cluster that asks the kube-apiserver of config, and reads what is in StateDir. It does not connect.
func NewCluster(config *rest.Config, o ClusterOptions) (*Cluster, error) {
	client, err := newClient(config, questionsPerSecond)
	if err != nil {
		return nil, err
	}
	reviewer, err := newClient(config, reviewsPerSecond)
	if err != nil {
		return nil, err
	}
	c := &Cluster{options: o, clock: o.Clock, log: o.Logger}
	if c.clock == nil {
		c.clock = clock.RealClock{}
	}
	if c.log == nil {
		c.log = slog.Default()
	}
	c.keys = &keys{client: client.Discovery().RESTClient(), clock: c.clock}
	c.verified = utilcache.NewLRUExpireCacheWithClock(maxTokens, c.clock)
	c.tokens = newTokens(reviewer.AuthenticationV1().TokenReviews(), c.clock, c.log)
	c.access = newAccess(client.AuthorizationV1(), o.Namespace, o.HelpDesk, c.clock, c.log)
	return c, errors.Join(c.load(keysFile, c.keys), c.load(accessFile, c.access))
}

// newClient makes a client with a limit of its own.
func newClient(config *rest.Config, perSecond float32) (kubernetes.Interface, error) {
	config = rest.CopyConfig(config)
	config.QPS, config.Burst, config.Timeout = perSecond, 2*int(perSecond), reviewTimeout
	return kubernetes.NewForConfig(config)
}

// Run keeps the keys and the state files current until ctx ends.
func (c *Cluster) Run(ctx context.Context) {
	go wait.UntilWithContext(ctx, func(ctx context.Context) {
		if err := c.keys.refresh(ctx); err != nil {
			c.log.Warn("cannot read the cluster's token keys; those known go on", "error", err)
		}
	}, keysInterval)
	wait.UntilWithContext(ctx, func(context.Context) { c.save() }, saveInterval)
	c.save()
}

// Names of the files in StateDir.
const (
	keysFile   = "cluster-keys.json"
	accessFile = "cluster-access.json"
)

// remembered is state that outlives the process.
type remembered interface {
	json.Marshaler
	json.Unmarshaler
	// takeChanged says whether the state changed since the last call.
	takeChanged() bool
}

func (c *Cluster) load(name string, into remembered) error {
	if c.options.StateDir == "" {
		return nil
	}
	data, err := os.ReadFile(filepath.Join(c.options.StateDir, name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, into); err != nil {
		// It is only a memory: the cluster will tell again.
		c.log.Warn("state file is damaged and passed over", "file", name, "error", err)
	}
	return nil
}

func (c *Cluster) save() {
	if c.options.StateDir == "" {
		return
	}
	for name, state := range map[string]remembered{keysFile: c.keys, accessFile: c.access} {
		if !state.takeChanged() {
			continue
		}
		if err := writeFile(filepath.Join(c.options.StateDir, name), state); err != nil {
			c.log.Error("cannot keep what the cluster said", "file", name, "error", err)
		}
	}
}

// writeFile replaces a file by the value's JSON, whole or not at all.
func writeFile(path string, value any) error {
	data, err := json.Marshal(value)
	if err != nil {
		return err
	}
	next := path + ".new"
	if err := os.WriteFile(next, data, 0o600); err != nil {
		return err
	}
	return os.Rename(next, path)
}
