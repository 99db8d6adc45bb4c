package cli

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime/debug"
	"time"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"
	"k8s.io/klog/v2"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/certwatcher"
	"sigs.k8s.io/controller-runtime/pkg/client/config"

	"github.com/caseload-dev/caseload/controllers"
	"github.com/caseload-dev/caseload/internal/desk"
	"github.com/caseload-dev/caseload/internal/desk/auth"
	"github.com/caseload-dev/caseload/internal/desk/feed"
	"github.com/caseload-dev/caseload/internal/desk/page"
	"github.com/caseload-dev/caseload/internal/desk/server"
	"github.com/caseload-dev/caseload/internal/desk/store/sqlite"
	"github.com/caseload-dev/caseload/internal/outbox"
	"github.com/caseload-dev/caseload/internal/version"
)

func init() { commands = append(commands, newDesk) }

// deskOptions are the flags of caseload desk.
type deskOptions struct {
	helpDesk, namespace string
	data, tlsDir        string
	listen, probeListen string
	localTokens         string
	notifiersDir        string
	logFormat, logLevel string
}

func newDesk() *cobra.Command {
	var o deskOptions
	command := &cobra.Command{
		Use:     "desk --help-desk NAME --data DIR",
		GroupID: "run",
		Short:   "Run a desk: the API and system of record of one HelpDesk",
		Long: `Run the desk of one HelpDesk: its API, its store and all of its timers. The operator runs it in a cluster.

Callers show a token. In a cluster that is a ServiceAccount token with audience caseload, verified with the cluster's
keys, or another token that the cluster's TokenReview accepts; what a caller may do is RBAC on the subresources of the
HelpDesk (resources helpdesks/tickets, helpdesks/agents, ...). The keys and the last answers are kept in the data
folder: while the kube-apiserver is away, callers it allowed in the last ` + auth.AllowedWhileAway.String() + ` go on, also after a restart of the desk.

Without a cluster, --local-tokens names a YAML file of tokens, and the desk listens on the loopback interface only:

  tokens:
  - {token: s3cret, user: kim, allow: ["tickets:create", "tickets:get"]}
  - {token: t0p, user: root, allow: ["*"]}

The certificate in --tls-dir (tls.crt, tls.key) is read again when it changes. On SIGTERM calls under way finish.`,
		Example: `  # as the operator runs it
  caseload desk --help-desk=acme --namespace=support --data=/var/lib/caseload --tls-dir=/etc/caseload/tls

  # without a cluster
  caseload desk --help-desk=acme --data=./acme --local-tokens=tokens.yaml --listen=127.0.0.1:8443`,
		Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error { return runDesk(command.Context(), o) },
	}
	flags := command.Flags()
	flags.StringVar(&o.helpDesk, "help-desk", "", "name of the HelpDesk (required)")
	flags.StringVar(&o.namespace, "namespace", "", "namespace of the HelpDesk (required in a cluster)")
	flags.StringVar(&o.data, "data", "", "folder of the store, created if it is not there (required)")
	flags.StringVar(&o.tlsDir, "tls-dir", "", "folder with tls.crt and tls.key; only a desk with --local-tokens may do without")
	flags.StringVar(&o.listen, "listen", ":8443", "address of the API")
	flags.StringVar(&o.probeListen, "probe-listen", "", "address of /healthz and /readyz by plain HTTP, for the kubelet; empty: none")
	flags.StringVar(&o.localTokens, "local-tokens", "", "YAML file of the callers' tokens, for a desk without a cluster")
	flags.StringVar(&o.notifiersDir, "notifiers-dir", "", "folder with a file for each notifier of the HelpDesk, which has the URL of its service")
	flags.StringVar(&o.logFormat, "log-format", "json", "json or text")
	flags.StringVar(&o.logLevel, "log-level", "info", "debug, info, warn or error")
	for _, name := range []string{"help-desk", "data"} {
		if err := command.MarkFlagRequired(name); err != nil {
			panic(err)
		}
	}
	return command
}

// check refuses what would be unsafe or cannot work.
func (o deskOptions) check() error {
	if o.localTokens == "" {
		switch {
		case o.namespace == "":
			return errors.New("--namespace is needed: callers' permissions are looked up in it (or give --local-tokens for a desk without a cluster)")
		case o.tlsDir == "":
			return errors.New("--tls-dir is needed: callers show tokens, which do not travel in the clear")
		}
		return nil
	}
	host, _, err := net.SplitHostPort(o.listen)
	if err != nil {
		return fmt.Errorf("--listen: %w", err)
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return fmt.Errorf("--listen=%s: with --local-tokens the desk listens on the loopback interface only; say 127.0.0.1:8443", o.listen)
	}
	return nil
}

// address at which people reach the desk unless its HelpDesk says otherwise.
func (o deskOptions) address() string {
	switch {
	case o.namespace != "":
		return "https://" + controllers.DeskHost(o.namespace, o.helpDesk)
	case o.tlsDir != "":
		return "https://" + o.listen
	}
	return "http://" + o.listen
}

// gcPercent lets Go's heap grow further before it is collected. Most of the desk's memory is SQLite's and not of that heap,
// so this costs little of it, and saves about a seventh of the processor time under load. GOGC overrides it.
const gcPercent = 200

// runDesk until ctx ends.
func runDesk(ctx context.Context, o deskOptions) (err error) {
	log, err := newLogger(o.logFormat, o.logLevel)
	if err = errors.Join(err, o.check()); err != nil {
		return err
	}
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	ctrl.SetLogger(logr.FromSlogHandler(log.Handler()))
	klog.SetSlogLogger(log)

	if err := os.MkdirAll(o.data, 0o700); err != nil {
		return fmt.Errorf("--data: %w", err)
	}
	store, err := sqlite.Open(ctx, filepath.Join(o.data, storeFile), sqlite.Options{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	temporary := filepath.Join(o.data, "tmp")
	// What a desk left there that was killed is of no use.
	if err := errors.Join(os.RemoveAll(temporary), os.MkdirAll(temporary, 0o700)); err != nil {
		return fmt.Errorf("--data: %w", err)
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	d, err := desk.New(desk.Options{
		Store: store, HelpDesk: o.helpDesk, Logger: log, Registerer: registry, TempDir: temporary,
		Address: o.address(), NotifierURL: outbox.URLsIn(o.notifiersDir),
	})
	if err != nil {
		return err
	}
	serve := server.Options{HelpDesk: o.helpDesk, Namespace: o.namespace, Registry: registry, Logger: log,
		Page:    page.New(d, o.helpDesk, log),
		Feeds:   feed.New(d, log),
		AgentOf: func(user string) string { return d.AgentOf(o.namespace, user) }}
	run := []func(context.Context) error{d.Run}
	if o.localTokens != "" {
		local, err := auth.ReadLocal(o.localTokens)
		if err != nil {
			return err
		}
		serve.Authenticator, serve.Authorizer = local, local
	} else {
		cluster, err := o.cluster(log)
		if err != nil {
			return err
		}
		serve.Authenticator, serve.Authorizer = cluster, cluster
		run = append(run, func(ctx context.Context) error { cluster.Run(ctx); return nil })
	}
	handler, err := server.New(d, serve)
	if err != nil {
		return err
	}
	return o.serve(ctx, log, handler, run)
}

// cluster that the desk runs in, or that the kubeconfig names.
func (o deskOptions) cluster(log *slog.Logger) (*auth.Cluster, error) {
	restConfig, err := config.GetConfig()
	if err != nil {
		return nil, fmt.Errorf("find the cluster: %w (run in a pod, set KUBECONFIG, or give --local-tokens)", err)
	}
	restConfig.UserAgent = "caseload-desk/" + version.Version
	return auth.NewCluster(restConfig, auth.ClusterOptions{HelpDesk: o.helpDesk, Namespace: o.namespace, StateDir: o.data, Logger: log})
}

// serve runs the desk's loops and serves until ctx ends; the loops stop when the last call was answered.
func (o deskOptions) serve(ctx context.Context, log *slog.Logger, handler *server.Server, run []func(context.Context) error) error {
	listener, err := net.Listen("tcp", o.listen)
	if err != nil {
		return fmt.Errorf("--listen: %w", err)
	}
	defer func() { _ = listener.Close() }()
	var tlsConfig *tls.Config
	if o.tlsDir != "" {
		certificate, err := certwatcher.New(filepath.Join(o.tlsDir, "tls.crt"), filepath.Join(o.tlsDir, "tls.key"))
		if err != nil {
			return fmt.Errorf("--tls-dir: %w", err)
		}
		// The file watch does not see the kubelet replace what the names link to: read them often.
		certificate.WithWatchInterval(2 * time.Second)
		tlsConfig = &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: certificate.GetCertificate}
		run = append(run, certificate.Start)
	}
	loops, stopLoops := context.WithCancel(context.WithoutCancel(ctx))
	defer stopLoops()
	g, failed := errgroup.WithContext(loops)
	for _, loop := range run {
		g.Go(func() error {
			if err := loop(failed); err != nil && failed.Err() == nil {
				return err
			}
			return nil
		})
	}
	if o.probeListen != "" {
		g.Go(func() error { return serveProbes(failed, o.probeListen, handler.Probes()) })
	}
	serving, stopServing := context.WithCancel(ctx)
	defer stopServing()
	defer context.AfterFunc(failed, stopServing)()
	g.Go(func() error {
		defer stopLoops()
		log.Info("desk serves", "helpDesk", o.helpDesk, "address", listener.Addr().String(), "version", version.Version)
		return handler.Serve(serving, listener, tlsConfig)
	})
	err = g.Wait()
	log.Info("desk stopped", "error", err)
	return err
}

// serveProbes by plain HTTP until ctx ends.
func serveProbes(ctx context.Context, address string, handler http.Handler) error {
	probes := &http.Server{Addr: address, Handler: handler, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 5 * time.Second, WriteTimeout: 5 * time.Second}
	defer context.AfterFunc(ctx, func() { _ = probes.Close() })()
	if err := probes.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("--probe-listen: %w", err)
	}
	return nil
}
