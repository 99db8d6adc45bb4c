package cli

import (
	"context"
	"errors"
	"net/http"
	"os"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"
	"k8s.io/klog/v2"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/caseload-dev/caseload/internal/desk/client"
	"github.com/caseload-dev/caseload/internal/version"
	"github.com/caseload-dev/caseload/internal/worker"
)

func init() { commands = append(commands, newWorker) }

// workerOptions are the flags of caseload worker.
type workerOptions struct {
	desk, caFile, tokenFile string
	tier, name              string
	probeListen             string
	logFormat, logLevel     string
}

func newWorker() *cobra.Command {
	var o workerOptions
	command := &cobra.Command{
		Use:     "worker --desk URL --tier NAME",
		GroupID: "run",
		Short:   "Run a queue worker: offers waiting tickets to agents and delivers events",
		Long: `Run one queue worker of a Tier. The operator runs as many as the Tier's replicas say.

The worker leases pools of its tier from the desk: queues that are connected by agents they share. For each it decides
which waiting ticket goes to which agent, in order, and the desk puts that into effect if it still holds. It also
delivers ticket events to the webhooks that the HelpDesk declares. A worker keeps nothing: it may be killed at any
moment, and another goes on within seconds. On SIGTERM it gives its pools to the others at once.

The token and CA files are read again when they change. A desk out of reach does not end the worker; it is not ready
meanwhile. --probe-listen serves /healthz, /readyz and /metrics by plain HTTP.`,
		Example: `  # as the operator runs it
  caseload worker --desk=https://acme-desk.support.svc --tier=frontline \
    --ca-file=/etc/caseload/ca/ca.crt --token-file=/var/run/secrets/caseload/token --probe-listen=:8080

  # a second one beside a desk on this machine
  caseload worker --desk=http://127.0.0.1:8443 --token-file=token --tier=frontline --name=extra`,
		Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error { return runWorker(command.Context(), o) },
	}
	flags := command.Flags()
	flags.StringVar(&o.desk, "desk", "", "URL of the desk (required)")
	flags.StringVar(&o.caFile, "ca-file", "", "PEM bundle that the desk's certificate chains to; empty: the system's roots")
	flags.StringVar(&o.tokenFile, "token-file", "", "file with the token to show the desk (required)")
	flags.StringVar(&o.tier, "tier", "", "Tier whose queues to work (required)")
	flags.StringVar(&o.name, "name", "", "name of this worker, unlike every other's; empty: the host name")
	flags.StringVar(&o.probeListen, "probe-listen", "", "address of /healthz, /readyz and /metrics by plain HTTP; empty: none")
	flags.StringVar(&o.logFormat, "log-format", "json", "json or text")
	flags.StringVar(&o.logLevel, "log-level", "info", "debug, info, warn or error")
	for _, name := range []string{"desk", "tier", "token-file"} {
		if err := command.MarkFlagRequired(name); err != nil {
			panic(err)
		}
	}
	return command
}

// runWorker until ctx ends.
func runWorker(ctx context.Context, o workerOptions) error {
	log, err := newLogger(o.logFormat, o.logLevel)
	if err != nil {
		return err
	}
	ctrl.SetLogger(logr.FromSlogHandler(log.Handler()))
	klog.SetSlogLogger(log)
	if o.name == "" {
		if o.name, err = os.Hostname(); err != nil {
			return errors.Join(errors.New("--name is needed: this machine has no host name"), err)
		}
	}
	// The worker itself decides when to try again.
	desk, err := client.New(client.Options{
		URL: o.desk, CAFile: o.caFile, TokenFile: o.tokenFile, RetryFor: -1, UserAgent: "caseload-worker/" + version.Version,
	})
	if err != nil {
		return err
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	w, err := worker.New(worker.Options{Desk: desk, Name: o.name, Tier: o.tier, Logger: log, Registerer: registry})
	if err != nil {
		return err
	}
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	g, failed := errgroup.WithContext(running)
	if o.probeListen != "" {
		g.Go(func() error { return serveProbes(failed, o.probeListen, workerProbes(w, registry)) })
	}
	g.Go(func() error {
		defer stop()
		working, end := context.WithCancel(ctx)
		defer end()
		defer context.AfterFunc(failed, end)()
		log.Info("queue worker starts", "name", o.name, "tier", o.tier, "desk", o.desk, "version", version.Version)
		return w.Run(working)
	})
	err = g.Wait()
	log.Info("queue worker stopped", "error", err)
	return err
}

// workerProbes tell a live worker from a ready one: the desk out of reach is no reason to restart it.
func workerProbes(w *worker.Worker, registry *prometheus.Registry) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("GET /readyz", func(response http.ResponseWriter, _ *http.Request) {
		if err := w.Ready(); err != nil {
			http.Error(response, err.Error(), http.StatusServiceUnavailable)
		}
	})
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	return mux
}
