package controllers

import (
	"context"
	"errors"
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/types"
	utilerrors "k8s.io/apimachinery/pkg/util/errors"
	appsv1ac "k8s.io/client-go/applyconfigurations/apps/v1"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"
	rbacv1ac "k8s.io/client-go/applyconfigurations/rbac/v1"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/caseload-dev/caseload/api/v1alpha1"
	"github.com/caseload-dev/caseload/internal/plan"
)

// lookAtSecrets is how often the Secrets with certificates are looked at: they are not watched, and one may be deleted.
const lookAtSecrets = 30 * time.Minute

// lookForSecrets is how often a Secret is looked for that a notifier names and that is not there.
const lookForSecrets = 30 * time.Second

// helpDeskReconciler runs the desk of each HelpDesk, and writes its status.
type helpDeskReconciler struct {
	client.Client
	live     client.Reader
	image    Image
	overlap  time.Duration
	clock    clock.PassiveClock
	outcomes *outcomes
	events   events.EventRecorder
	watches  func(namespace string) bool
}

func (r *helpDeskReconciler) setup(mgr ctrl.Manager) error {
	return ctrl.NewControllerManagedBy(mgr).
		Named("helpdesk").
		For(&v1alpha1.HelpDesk{}).
		Owns(&appsv1.StatefulSet{}).
		Owns(&corev1.Service{}).
		Owns(&corev1.ServiceAccount{}).
		Owns(&corev1.ConfigMap{}).
		Owns(&rbacv1.RoleBinding{}).
		// These two may have no owner: their names and labels tell.
		Watches(&corev1.PersistentVolumeClaim{}, handler.EnqueueRequestsFromMapFunc(deskOfLabels)).
		Watches(&rbacv1.ClusterRoleBinding{}, handler.EnqueueRequestsFromMapFunc(r.deskOfReviewBinding)).
		WatchesRawSource(r.outcomes.source(plan.KindHelpDesk)).
		Complete(r)
}

// Reconcile brings a HelpDesk's children to their desired state and tells how they are.
func (r *helpDeskReconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	var h v1alpha1.HelpDesk
	if err := r.Get(ctx, req.NamespacedName, &h); err != nil {
		if client.IgnoreNotFound(err) == nil {
			return ctrl.Result{}, r.deleteReviewBinding(ctx, req.NamespacedName)
		}
		return ctrl.Result{}, err
	}
	if !h.DeletionTimestamp.IsZero() {
		return ctrl.Result{}, nil
	}
	before := h.DeepCopy()
	if paused(&h) {
		reportPaused(&h.Status.Status, h.Generation)
		_, err := patchStatus(ctx, r, before, &h)
		return ctrl.Result{}, err
	}

	again, certificateErr := r.ensureCertificate(ctx, &h)
	children, childrenErr := r.ensureChildren(ctx, &h)
	unresolved, secretsErr := r.notifierProblems(ctx, &h)
	failed := ignoreTerminating(utilerrors.NewAggregate([]error{certificateErr, childrenErr, secretsErr}))

	if o, ok := r.outcomes.of(plan.KindHelpDesk, &h); ok {
		h.Status = helpDeskStatus(&h, o, children, unresolved, refusals(failed))
		written, err := patchStatus(ctx, r, before, &h)
		if written {
			tellChange(r.events, before, &h)
		}
		failed = errors.Join(failed, err)
	}
	if failed != nil || certificateErr != nil {
		return ctrl.Result{}, failed
	}
	wait := untilCertificate(again, r.clock.Now())
	if len(unresolved) > 0 {
		wait = min(wait, lookForSecrets)
	}
	return ctrl.Result{RequeueAfter: wait}, nil
}

// untilCertificate is how long to wait before the certificates are looked at again, which are due then: at least a second, for
// a clock that stands still must not turn into a loop, and at most lookAtSecrets.
func untilCertificate(due, now time.Time) time.Duration {
	return min(max(due.Sub(now), time.Second), lookAtSecrets)
}

// ensureChildren applies all children but the certificates. Those that the status speaks of are returned as far as known.
func (r *helpDeskReconciler) ensureChildren(ctx context.Context, h *v1alpha1.HelpDesk) (deskChildren, error) {
	var children deskChildren
	claim := &corev1.PersistentVolumeClaim{}
	err := r.Get(ctx, types.NamespacedName{Namespace: h.Namespace, Name: DeskName(h.Name)}, claim)
	if client.IgnoreNotFound(err) != nil {
		return children, fmt.Errorf("read PersistentVolumeClaim %s: %w", DeskName(h.Name), err)
	}
	if err == nil {
		children.claim = claim
	}

	set := &appsv1.StatefulSet{}
	steps := []child{
		newChild(deskServiceAccount(h), &corev1.ServiceAccount{}, corev1ac.ExtractServiceAccount),
		newChild(cliServiceAccount(h), &corev1.ServiceAccount{}, corev1ac.ExtractServiceAccount),
		newChild(deskRoleBinding(h), &rbacv1.RoleBinding{}, rbacv1ac.ExtractRoleBinding),
		newChild(cliRoleBinding(h), &rbacv1.RoleBinding{}, rbacv1ac.ExtractRoleBinding),
		newChild(deskReviewBinding(h), &rbacv1.ClusterRoleBinding{}, rbacv1ac.ExtractClusterRoleBinding),
		newChild(deskService(h), &corev1.Service{}, corev1ac.ExtractService),
	}
	volume := deskVolumeClaim(h)
	if len(volumeProblems(h, children.claim)) > 0 {
		// What the volume cannot become stays asked for as it was; whether it outlives the HelpDesk must follow all the same.
		was, err := corev1ac.ExtractPersistentVolumeClaim(claim, string(ownerHelpDesk))
		if err != nil {
			return children, fmt.Errorf("read what is ours of PersistentVolumeClaim %s: %w", claim.Name, err)
		}
		volume.Spec = was.Spec
	}
	steps = append(steps,
		newChild(volume, &corev1.PersistentVolumeClaim{}, corev1ac.ExtractPersistentVolumeClaim),
		newChild(deskStatefulSet(h, r.image), set, appsv1ac.ExtractStatefulSet))
	err = applyAll(ctx, r, ownerHelpDesk, steps)
	children.set = set
	return children, err
}

// deleteReviewBinding of a HelpDesk that is gone. It is met again at every start, so it is not left behind either when
// the HelpDesk went while no manager ran.
func (r *helpDeskReconciler) deleteReviewBinding(ctx context.Context, helpDesk types.NamespacedName) error {
	var binding rbacv1.ClusterRoleBinding
	key := types.NamespacedName{Name: reviewBindingName(helpDesk.Namespace, helpDesk.Name)}
	if err := r.Get(ctx, key, &binding); err != nil {
		return client.IgnoreNotFound(err)
	}
	return client.IgnoreNotFound(r.Delete(ctx, &binding))
}

// deskOfLabels finds the HelpDesk of a child in its namespace by labels.
func deskOfLabels(_ context.Context, object client.Object) []reconcile.Request {
	name := object.GetLabels()[labelPartOf]
	if name == "" {
		return nil
	}
	return []reconcile.Request{{NamespacedName: types.NamespacedName{Namespace: object.GetNamespace(), Name: name}}}
}

// deskOfReviewBinding finds the HelpDesk of a cluster-scoped child, if its namespace is this manager's matter.
func (r *helpDeskReconciler) deskOfReviewBinding(_ context.Context, object client.Object) []reconcile.Request {
	namespace, name := object.GetLabels()[labelNamespace], object.GetLabels()[labelPartOf]
	if namespace == "" || name == "" || !r.watches(namespace) {
		return nil
	}
	return []reconcile.Request{{NamespacedName: types.NamespacedName{Namespace: namespace, Name: name}}}
}
