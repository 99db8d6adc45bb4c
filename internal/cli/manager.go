package cli

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"time"

	"github.com/go-logr/logr"
	"github.com/spf13/cobra"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client/config"
	"sigs.k8s.io/controller-runtime/pkg/healthz"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"
	"sigs.k8s.io/controller-runtime/pkg/metrics/filters"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/caseload-dev/caseload/controllers"
	"github.com/caseload-dev/caseload/internal/certificate"
	"github.com/caseload-dev/caseload/internal/version"
)

func init() { commands = append(commands, newManager) }

// managerOptions are the flags of caseload manager.
type managerOptions struct {
	controllers   controllers.Options
	metrics       string
	metricsSecure bool
	probes        string
	elect         bool
	electIn       string
	zap           zap.Options
}

func newManager() *cobra.Command {
	o := managerOptions{}
	command := &cobra.Command{
		Use:     "manager --image IMAGE",
		GroupID: "run",
		Short:   "Run the operator: desks, queue workers and plans from what a cluster declares",
		Long: `Run the operator against the cluster of the current kubeconfig, or the one it runs in.

It creates the desk of each HelpDesk and the queue workers of each Tier, compiles what a namespace declares into
the plan of its desk, and says in the conditions of every object what became of it. It never touches a ticket: while
it is down, support goes on.

The manager reaches desks by their names inside the cluster; run elsewhere, it creates what is declared and reports
desks as unreachable.`,
		Example: `  # as the chart runs it
  caseload manager --image=registry.example.com/caseload:v1 --leader-elect

  # for two namespaces only, without metrics
  caseload manager --image=caseload:dev --watch-namespaces=support,sales --metrics-bind-address=0`,
		Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error { return runManager(command.Context(), &o) },
	}
	flags := command.Flags()
	flags.StringVar(&o.controllers.Image.Name, "image", "", "image that desks and queue workers run (required)")
	flags.StringVar((*string)(&o.controllers.Image.PullPolicy), "image-pull-policy", string(corev1.PullIfNotPresent),
		"when their nodes pull the image: Always, IfNotPresent or Never")
	flags.StringSliceVar(&o.controllers.Image.PullSecrets, "image-pull-secrets", nil,
		"Secrets to pull the image with, which must be in the namespace of each HelpDesk")
	flags.StringSliceVar(&o.controllers.Namespaces, "watch-namespaces", nil, "namespaces to serve; none: all")
	flags.StringVar(&o.controllers.DeskTokenFile, "desk-token-file", "/var/run/secrets/caseload/token",
		"file with the manager's token for desks: a ServiceAccount token with audience caseload")
	flags.DurationVar(&o.controllers.Overlap, "certificate-overlap", certificate.DefaultOverlap,
		"how long an old and a new authority of a desk are trusted side by side, before and after the change")
	flags.StringVar(&o.metrics, "metrics-bind-address", ":8443", "address of the metrics endpoint; 0 for none")
	flags.BoolVar(&o.metricsSecure, "metrics-secure", true, "serve metrics by HTTPS to who may read them in the cluster; false: by HTTP to anybody")
	flags.StringVar(&o.probes, "health-probe-bind-address", ":8081", "address of /healthz and /readyz")
	flags.BoolVar(&o.elect, "leader-elect", false, "let one of several managers work at a time")
	flags.StringVar(&o.electIn, "leader-election-namespace", "", "namespace of the election's Lease; empty: the manager's own")
	klogAndZap := flag.NewFlagSet("", flag.ContinueOnError)
	o.zap.BindFlags(klogAndZap)
	config.RegisterFlags(klogAndZap)
	flags.AddGoFlagSet(klogAndZap)
	if err := command.MarkFlagRequired("image"); err != nil {
		panic(err)
	}
	return command
}

// runManager until the context ends.
func runManager(ctx context.Context, o *managerOptions) error {
	log := zap.New(zap.UseFlagOptions(&o.zap))
	ctrl.SetLogger(log)
	log.Info("Caseload manager", "version", version.Version, "image", o.controllers.Image.Name)

	restConfig, err := config.GetConfig()
	if err != nil {
		return fmt.Errorf("find a cluster: %w (give --kubeconfig, or run inside one)", err)
	}
	restConfig.UserAgent = "caseload-manager/" + version.Version
	scheme, err := controllers.NewScheme()
	if err != nil {
		return err
	}
	if err := awaitAPI(ctx, restConfig, log); err != nil {
		if ctx.Err() != nil {
			return nil // asked to end while waiting
		}
		return err
	}
	metrics := metricsserver.Options{BindAddress: o.metrics, SecureServing: o.metricsSecure}
	if o.metricsSecure {
		metrics.FilterProvider = filters.WithAuthenticationAndAuthorization
	}
	grace := 20 * time.Second
	mgr, err := ctrl.NewManager(restConfig, ctrl.Options{
		Scheme:                  scheme,
		Logger:                  log,
		Cache:                   controllers.CacheOptions(o.controllers.Namespaces),
		Metrics:                 metrics,
		HealthProbeBindAddress:  o.probes,
		LeaderElection:          o.elect,
		LeaderElectionID:        "caseload-manager.support.caseload.dev",
		LeaderElectionNamespace: o.electIn,
		// The program ends right after, so the next manager need not wait for the lease to run out.
		LeaderElectionReleaseOnCancel: true,
		GracefulShutdownTimeout:       &grace,
	})
	if err != nil {
		return fmt.Errorf("start the manager: %w", err)
	}
	if err := controllers.Setup(ctx, mgr, o.controllers); err != nil {
		return err
	}
	err = errors.Join(mgr.AddHealthzCheck("ping", healthz.Ping), mgr.AddReadyzCheck("ping", healthz.Ping))
	if err != nil {
		return err
	}
	return mgr.Start(ctx)
}

// awaitAPI returns once the kube-apiserver answers. A manager that ended instead would be restarted after longer and longer
// pauses, and be away for minutes after the kube-apiserver is back.
func awaitAPI(ctx context.Context, restConfig *rest.Config, log logr.Logger) error {
	patient := rest.CopyConfig(restConfig)
	patient.Timeout = 5 * time.Second
	api, err := discovery.NewDiscoveryClientForConfig(patient)
	if err != nil {
		return err
	}
	told := false
	return wait.PollUntilContextCancel(ctx, time.Second, true, func(context.Context) (bool, error) {
		_, err := api.ServerVersion()
		if err == nil || apierrors.IsUnauthorized(err) || apierrors.IsForbidden(err) {
			return true, nil // the manager itself says more of a refusal
		}
		if !told {
			log.Info("Waiting for the kube-apiserver", "address", restConfig.Host, "error", err.Error())
			told = true
		}
		return false, nil
	})
}
