package controllers

import (
	"context"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/config"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"
)

// holdPods on a workload keeps its pods from getting ready.
const holdPods = "test/hold-pods"

// startNode does what workload controllers and a kubelet would do to the status of workloads, for a kube-apiserver alone
// has neither.
func startNode() {
	GinkgoHelper()
	scheme, err := NewScheme()
	Expect(err).NotTo(HaveOccurred())
	mgr, err := ctrl.NewManager(restConfig, ctrl.Options{
		Scheme:     scheme,
		Metrics:    metricsserver.Options{BindAddress: "0"},
		Controller: config.Controller{SkipNameValidation: ptr.To(true)},
	})
	Expect(err).NotTo(HaveOccurred())
	Expect(ctrl.NewControllerManagedBy(mgr).For(&appsv1.StatefulSet{}).Complete(statefulSets{mgr.GetClient()})).To(Succeed())
	Expect(ctrl.NewControllerManagedBy(mgr).For(&appsv1.Deployment{}).Complete(deployments{mgr.GetClient()})).To(Succeed())
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- mgr.Start(ctx) }()
	DeferCleanup(func() {
		cancel()
		Expect(<-done).To(Succeed())
	})
}

type statefulSets struct{ client.Client }

func (r statefulSets) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	var set appsv1.StatefulSet
	if err := r.Get(ctx, req.NamespacedName, &set); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	before := set.DeepCopy()
	n := ptr.Deref(set.Spec.Replicas, 1)
	set.Status = appsv1.StatefulSetStatus{
		ObservedGeneration: set.Generation, Replicas: n, ReadyReplicas: n, CurrentReplicas: n, UpdatedReplicas: n, AvailableReplicas: n,
	}
	if set.Annotations[holdPods] != "" {
		set.Status.ReadyReplicas, set.Status.AvailableReplicas = 0, 0
	}
	_, err := patchStatus(ctx, r, before, &set)
	return ctrl.Result{}, err
}

type deployments struct{ client.Client }

func (r deployments) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	var d appsv1.Deployment
	if err := r.Get(ctx, req.NamespacedName, &d); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	before := d.DeepCopy()
	n := ptr.Deref(d.Spec.Replicas, 1)
	d.Status = appsv1.DeploymentStatus{
		ObservedGeneration: d.Generation, Replicas: n, ReadyReplicas: n, UpdatedReplicas: n, AvailableReplicas: n,
	}
	if d.Annotations[holdPods] != "" {
		d.Status.ReadyReplicas, d.Status.AvailableReplicas = 0, 0
	}
	_, err := patchStatus(ctx, r, before, &d)
	return ctrl.Result{}, err
}
