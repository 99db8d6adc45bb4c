package controllers

import (
	"context"
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/caseload-dev/caseload/api/v1alpha1"
	"github.com/caseload-dev/caseload/internal/plan"
)

// rotationReconciler decides when edits of each OnCallRotation take effect, keeps that as ControllerRevisions, and writes
// its status at hand-offs.
type rotationReconciler struct {
	client.Client
	live     client.Reader
	clock    clock.PassiveClock
	outcomes *outcomes
	events   events.EventRecorder
}

func (r *rotationReconciler) setup(mgr ctrl.Manager) error {
	return ctrl.NewControllerManagedBy(mgr).
		Named("oncallrotation").
		For(&v1alpha1.OnCallRotation{}).
		Owns(&appsv1.ControllerRevision{}).
		WatchesRawSource(r.outcomes.source(plan.KindOnCallRotation)).
		Complete(r)
}

// Reconcile keeps the revisions of a rotation and tells who is on call. It comes again at the next hand-off.
func (r *rotationReconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	var rotation v1alpha1.OnCallRotation
	if err := r.Get(ctx, req.NamespacedName, &rotation); err != nil {
		onCallGapGauge.DeleteLabelValues(req.Namespace, req.Name)
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if !rotation.DeletionTimestamp.IsZero() {
		return ctrl.Result{}, nil
	}
	before := rotation.DeepCopy()
	if paused(&rotation) {
		reportPaused(&rotation.Status.Status, rotation.Generation)
		_, err := patchStatus(ctx, r, before, &rotation)
		return ctrl.Result{}, err
	}
	found, ok := r.outcomes.of(plan.KindOnCallRotation, &rotation)
	if !ok {
		return ctrl.Result{}, nil
	}
	now := r.clock.Now()
	if settled(found) {
		if err := r.revise(ctx, &rotation, found.onCall.plan, now); err != nil {
			return ctrl.Result{}, fmt.Errorf("revise the rotation: %w", ignoreTerminating(err))
		}
	}
	conditions := declarationConditions(plan.KindOnCallRotation, found, rotation.Status.Conditions)
	report(&rotation.Status.Status, rotation.Generation, append(conditions, presentWhile(aboutCoverage, v1alpha1.ConditionCoverageGap, found.problems)...))
	handOff := setShifts(&rotation, found, now)
	gauge := onCallGapGauge.WithLabelValues(req.Namespace, req.Name)
	if gauge.Set(0); meta.IsStatusConditionTrue(rotation.Status.Conditions, v1alpha1.ConditionCoverageGap) {
		gauge.Set(1)
	}
	written, err := patchStatus(ctx, r, before, &rotation)
	if written {
		tellChange(r.events, before, &rotation)
		tellGap(r.events, before, &rotation)
	}
	if err != nil || handOff.IsZero() {
		return ctrl.Result{}, err
	}
	return ctrl.Result{RequeueAfter: max(handOff.Sub(r.clock.Now()), time.Millisecond)}, nil
}
