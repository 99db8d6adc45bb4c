package controllers

import (
	"context"
	"errors"
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/types"
	appsv1ac "k8s.io/client-go/applyconfigurations/apps/v1"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"
	rbacv1ac "k8s.io/client-go/applyconfigurations/rbac/v1"
	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/caseload-dev/caseload/api/v1alpha1"
	"github.com/caseload-dev/caseload/internal/plan"
)

// teamOfTier indexes Tiers by the SupportTeam they name.
const teamOfTier = "spec.teamRef.name"

// tierReconciler runs the queue workers of each Tier, and writes its status.
type tierReconciler struct {
	client.Client
	image    Image
	outcomes *outcomes
	events   events.EventRecorder
}

func (r *tierReconciler) setup(ctx context.Context, mgr ctrl.Manager) error {
	err := mgr.GetFieldIndexer().IndexField(ctx, &v1alpha1.Tier{}, teamOfTier, func(object client.Object) []string {
		return []string{string(object.(*v1alpha1.Tier).Spec.TeamRef.Name)}
	})
	if err != nil {
		return fmt.Errorf("index tiers by team: %w", err)
	}
	return ctrl.NewControllerManagedBy(mgr).
		Named("tier").
		For(&v1alpha1.Tier{}).
		Owns(&appsv1.Deployment{}).
		Owns(&corev1.ServiceAccount{}).
		Owns(&rbacv1.RoleBinding{}).
		// The team says which desk the queue workers call.
		Watches(&v1alpha1.SupportTeam{}, handler.EnqueueRequestsFromMapFunc(r.tiersOfTeam), builder.WithPredicates(declarationChanged)).
		WatchesRawSource(r.outcomes.source(plan.KindTier)).
		Complete(r)
}

// Reconcile brings a Tier's queue workers to their desired state and tells how they are.
func (r *tierReconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	var t v1alpha1.Tier
	if err := r.Get(ctx, req.NamespacedName, &t); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if !t.DeletionTimestamp.IsZero() {
		return ctrl.Result{}, nil
	}
	before := t.DeepCopy()
	if paused(&t) {
		reportPaused(&t.Status.Status, t.Generation)
		_, err := patchStatus(ctx, r, before, &t)
		return ctrl.Result{}, err
	}

	workers, failed := r.ensureWorkers(ctx, &t)
	failed = ignoreTerminating(failed)
	setScale(&t, workers)
	if o, ok := r.outcomes.of(plan.KindTier, &t); ok {
		conditions := declarationConditions(plan.KindTier, o, t.Status.Conditions)
		report(&t.Status.Status, t.Generation, append(conditions, workersAvailable(&t, workers, refusals(failed))))
		t.Status.Agents = o.agents
	}
	written, err := patchStatus(ctx, r, before, &t)
	if written {
		tellChange(r.events, before, &t)
	}
	return ctrl.Result{}, errors.Join(failed, err)
}

// ensureWorkers applies the children. While no desk is known to work for, those there are get no other than their number.
func (r *tierReconciler) ensureWorkers(ctx context.Context, t *v1alpha1.Tier) (*appsv1.Deployment, error) {
	helpDesk, err := r.helpDeskOf(ctx, t)
	if err != nil {
		return nil, err
	}
	workers := &appsv1.Deployment{}
	if helpDesk == "" {
		err := r.Get(ctx, types.NamespacedName{Namespace: t.Namespace, Name: WorkerName(t.Name)}, workers)
		if err != nil {
			return nil, client.IgnoreNotFound(err)
		}
		helpDesk = workers.Labels[labelPartOf]
	}
	err = applyAll(ctx, r, ownerTier, []child{
		newChild(workerServiceAccount(t, helpDesk), &corev1.ServiceAccount{}, corev1ac.ExtractServiceAccount),
		newChild(workerRoleBinding(t, helpDesk), &rbacv1.RoleBinding{}, rbacv1ac.ExtractRoleBinding),
		newChild(workerDeployment(t, helpDesk, r.image), workers, appsv1ac.ExtractDeployment),
	})
	if workers.UID == "" {
		workers = nil
	}
	return workers, err
}

// helpDeskOf is the HelpDesk that the tier works for by way of its team; empty if that leads nowhere.
func (r *tierReconciler) helpDeskOf(ctx context.Context, t *v1alpha1.Tier) (string, error) {
	var team v1alpha1.SupportTeam
	key := types.NamespacedName{Namespace: t.Namespace, Name: string(t.Spec.TeamRef.Name)}
	if err := r.Get(ctx, key, &team); err != nil {
		return "", client.IgnoreNotFound(err)
	}
	return string(team.Spec.HelpDeskRef.Name), nil
}

// tiersOfTeam finds the tiers that name a team.
func (r *tierReconciler) tiersOfTeam(ctx context.Context, team client.Object) []reconcile.Request {
	var tiers v1alpha1.TierList
	err := r.List(ctx, &tiers, client.InNamespace(team.GetNamespace()), client.MatchingFields{teamOfTier: team.GetName()})
	if err != nil {
		log.FromContext(ctx).Error(err, "List the tiers of a team", "team", team.GetName())
	}
	requests := make([]reconcile.Request, 0, len(tiers.Items))
	for i := range tiers.Items {
		requests = append(requests, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(&tiers.Items[i])})
	}
	return requests
}
