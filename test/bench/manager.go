package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/go-logr/logr"
	"golang.org/x/sync/errgroup"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/caseload-dev/caseload/api/v1alpha1"
	"github.com/caseload-dev/caseload/controllers"
	"github.com/caseload-dev/caseload/internal/plan"
)

// namespace of what the manager manages.
const namespace = "bench"

// measureManager runs a real manager against a real kube-apiserver and a real desk: what is declared at once, until the
// desk runs by all of it and every object says so. There is no kubelet: the part of the desk's pod is played by its process.
func measureManager(ctx context.Context, o options, t *table) (err error) {
	if os.Getenv("KUBEBUILDER_ASSETS") == "" {
		return errors.New("set KUBEBUILDER_ASSETS to the folder of a kube-apiserver and etcd, or run make bench, which builds them")
	}
	s, err := newSite(o, "manager")
	if err != nil {
		return err
	}
	defer s.remove()
	log.SetLogger(logr.Discard())
	env := &envtest.Environment{CRDDirectoryPaths: []string{"config/crd/bases"}, ErrorIfCRDPathMissing: true}
	config, err := env.Start()
	if err != nil {
		return fmt.Errorf("start a kube-apiserver: %w", err)
	}
	defer func() { err = errors.Join(err, env.Stop()) }()
	scheme, err := controllers.NewScheme()
	if err != nil {
		return err
	}
	config.QPS = -1
	k8s, err := client.New(config, client.Options{Scheme: scheme})
	if err != nil {
		return err
	}
	if err := k8s.Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}); err != nil {
		return err
	}

	tunnel := newTunnel()
	defer tunnel.Close()
	manager, err := s.startManager(ctx, env.KubeConfig, tunnel.URL)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, manager.stop()) }()
	address, desk, err := s.playDeskPod(ctx, k8s)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, desk.stop()) }()
	tunnel.leadTo(address)

	objects := largeOrganisation()
	start := time.Now()
	if err := createAll(ctx, k8s, objects); err != nil {
		return err
	}
	created := time.Since(start)
	if err := awaitProgrammed(ctx, k8s, len(objects)); err != nil {
		return err
	}
	programmed := time.Since(start)
	*t = append(*t, line{
		what: fmt.Sprintf("%d objects, declared to programmed", len(objects)), unit: "s", figure: programmed.Seconds(),
		floor: created.Seconds(), of: "created in the kube-apiserver beside it",
	})
	*t = append(*t, manager.memoryLine(512)...)
	return nil
}

// startManager that reaches desks through a proxy.
func (s *site) startManager(ctx context.Context, kubeconfig []byte, proxy string) (*process, error) {
	if err := os.WriteFile(s.path("kubeconfig"), kubeconfig, 0o600); err != nil {
		return nil, err
	}
	probe, err := freeAddress()
	if err != nil {
		return nil, err
	}
	s.env = []string{"HTTPS_PROXY=" + proxy, "NO_PROXY=127.0.0.1,localhost"}
	defer func() { s.env = nil }()
	manager, err := s.start(ctx, "manager", roleCaseload, "manager", "--image=caseload:bench", "--kubeconfig="+s.path("kubeconfig"),
		"--desk-token-file="+s.path("token"), "--metrics-bind-address=0", "--health-probe-bind-address="+probe, "--zap-log-level=error")
	if err != nil {
		return nil, err
	}
	return manager, manager.ready(ctx, probe)
}

// playDeskPod declares the HelpDesk and starts its desk with the certificate that the manager issues for it.
func (s *site) playDeskPod(ctx context.Context, k8s client.Client) (address string, desk *process, err error) {
	helpDesk := &v1alpha1.HelpDesk{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "bench"}}
	helpDesk.Spec.DefaultTeamRef.Name = "team-0"
	if err := k8s.Create(ctx, helpDesk); err != nil {
		return "", nil, err
	}
	secret, set := &corev1.Secret{}, &appsv1.StatefulSet{}
	for object, name := range map[client.Object]string{
		secret: controllers.DeskTLSName(helpDesk.Name), set: controllers.DeskName(helpDesk.Name),
	} {
		err := wait.PollUntilContextTimeout(ctx, 50*time.Millisecond, 20*time.Second, true, func(ctx context.Context) (bool, error) {
			err := k8s.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, object)
			return err == nil, client.IgnoreNotFound(err)
		})
		if err != nil {
			return "", nil, fmt.Errorf("%T %s of the desk: %w", object, name, err)
		}
	}
	for name, content := range secret.Data {
		if err := os.WriteFile(s.path(name), content, 0o600); err != nil {
			return "", nil, err
		}
	}
	if address, desk, err = s.startDesk(ctx); err != nil {
		return "", nil, err
	}
	set.Status.Replicas, set.Status.ReadyReplicas, set.Status.AvailableReplicas = 1, 1, 1
	return address, desk, k8s.Status().Update(ctx, set)
}

// largeOrganisation has 10 teams, 50 tiers, 500 queues and 5,000 agents.
func largeOrganisation() []client.Object {
	named := func(kind string, i int) metav1.ObjectMeta {
		return metav1.ObjectMeta{Namespace: namespace, Name: fmt.Sprintf("%s-%d", kind, i)}
	}
	var all []client.Object
	for i := range 10 {
		team := &v1alpha1.SupportTeam{ObjectMeta: named("team", i)}
		team.Spec.HelpDeskRef.Name = "bench"
		all = append(all, team)
	}
	for i := range 50 {
		tier := &v1alpha1.Tier{ObjectMeta: named("tier", i)}
		tier.Spec.TeamRef.Name, tier.Spec.Level = v1alpha1.ObjectName(named("team", i%10).Name), 1
		tier.Spec.AgentSelector = &metav1.LabelSelector{MatchLabels: map[string]string{"tier": tier.Name}}
		all = append(all, tier)
	}
	for i := range 500 {
		queue := &v1alpha1.Queue{ObjectMeta: named("queue", i)}
		queue.Spec.TierRef.Name = v1alpha1.ObjectName(named("tier", i%50).Name)
		queue.Spec.Requirements.Skills = []v1alpha1.SkillRequirement{{Name: "product", MinLevel: int32(1 + i%3)}}
		all = append(all, queue)
	}
	for i := range 5000 {
		agent := &v1alpha1.Agent{ObjectMeta: named("agent", i)}
		agent.Labels = map[string]string{"tier": named("tier", i%50).Name}
		agent.Spec.TeamRef.Name = v1alpha1.ObjectName(named("team", i%10).Name)
		agent.Spec.Skills = []v1alpha1.AgentSkill{{Name: "product", Level: int32(3 + i%3)}}
		agent.Spec.Limits = []v1alpha1.ChannelLimit{{Channel: "Chat", Max: 3}, {Channel: "Email", Max: 10}}
		all = append(all, agent)
	}
	return all
}

func createAll(ctx context.Context, k8s client.Client, objects []client.Object) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(16)
	for _, object := range objects {
		group.Go(func() error { return k8s.Create(ctx, object) })
	}
	return group.Wait()
}

// awaitProgrammed returns once n objects say that the desk runs by them.
func awaitProgrammed(ctx context.Context, k8s client.Client, n int) error {
	found := 0
	err := wait.PollUntilContextTimeout(ctx, time.Second, 3*time.Minute, true, func(ctx context.Context) (bool, error) {
		programmed := 0
		for _, kind := range []string{plan.KindSupportTeam, plan.KindTier, plan.KindQueue, plan.KindAgent} {
			list := &unstructured.UnstructuredList{}
			list.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind(kind + "List"))
			if err := k8s.List(ctx, list, client.InNamespace(namespace)); err != nil {
				return false, err
			}
			for _, item := range list.Items {
				var object struct {
					Status v1alpha1.Status `json:"status"`
				}
				if err := runtime.DefaultUnstructuredConverter.FromUnstructured(item.Object, &object); err != nil {
					return false, err
				}
				if meta.IsStatusConditionTrue(object.Status.Conditions, v1alpha1.ConditionProgrammed) {
					programmed++
				}
			}
		}
		found = programmed
		return found == n, nil
	})
	if err != nil {
		return fmt.Errorf("%d of %d objects are programmed: %w", found, n, err)
	}
	return nil
}
