package controllers

import (
	"context"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"

	"github.com/caseload-dev/caseload/api/v1alpha1"
	"github.com/caseload-dev/caseload/internal/plan"
)

// concurrentDeclarations is how many objects of a kind are written side by side, for organisations come by the thousand.
const concurrentDeclarations = 4

// declarationReconciler writes the status of a kind that is nothing but a part of the Plan.
type declarationReconciler struct {
	client.Client
	kind     string
	outcomes *outcomes
	events   events.EventRecorder
}

func (r *declarationReconciler) setup(mgr ctrl.Manager) error {
	return ctrl.NewControllerManagedBy(mgr).
		Named(strings.ToLower(r.kind)).
		For(newObject(r.kind)).
		WatchesRawSource(r.outcomes.source(r.kind)).
		WithOptions(controller.Options{MaxConcurrentReconciles: concurrentDeclarations}).
		Complete(r)
}

// Reconcile brings what became of an object into its status. Until that is known nothing is said.
func (r *declarationReconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	object := newObject(r.kind)
	if err := r.Get(ctx, req.NamespacedName, object); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if !object.GetDeletionTimestamp().IsZero() {
		return ctrl.Result{}, nil
	}
	before := object.DeepCopyObject().(client.Object)
	status := statusOf(object)
	if paused(object) {
		reportPaused(status, object.GetGeneration())
	} else {
		found, ok := r.outcomes.of(r.kind, object)
		if !ok {
			return ctrl.Result{}, nil
		}
		report(status, object.GetGeneration(), declarationConditions(r.kind, found, status.Conditions))
		if queue, ok := object.(*v1alpha1.Queue); ok {
			queue.Status.Agents = found.agents
		}
	}
	written, err := patchStatus(ctx, r, before, object)
	if written {
		tellChange(r.events, before, object)
	}
	return ctrl.Result{}, err
}

// declarationConditions are those of every object of a Plan; Ready sums them up.
func declarationConditions(kind string, o outcome, was []metav1.Condition) []metav1.Condition {
	conditions := []metav1.Condition{accepted(o.problems), resolvedRefs(o.problems), programmed(o, was)}
	if kind == plan.KindQueue || kind == plan.KindTier {
		conditions = append(conditions, staffed(o))
	}
	return append(conditions, presentWhile(aboutStructure, v1alpha1.ConditionStructureMismatch, o.problems)...)
}
