package controllers

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/caseload-dev/caseload/api/v1alpha1"
	"github.com/caseload-dev/caseload/internal/desk/api"
	"github.com/caseload-dev/caseload/internal/plan"
)

const (
	// coalesce is how long changes gather before they are compiled together.
	coalesce = 200 * time.Millisecond
	// askAgain is how long a desk's plan is believed without asking.
	askAgain = 5 * time.Minute
	// retryDesk and retryDeskAtMost bound the pauses between attempts to reach a desk.
	retryDesk, retryDeskAtMost = 500 * time.Millisecond, 30 * time.Second
	// concurrentDesks is how many desks are served side by side, so that one that hangs does not hold up the others.
	concurrentDesks = 8
)

// errDeskStarting says that the desk has no ready pod: a change of its StatefulSet comes before it can answer.
var errDeskStarting = errors.New("the desk's pod is not ready")

// planReconciler keeps the Plan of each HelpDesk: it compiles what is declared, pushes it to the desk, and tells the status
// writers what became of each object. A request without a name is for a namespace without a HelpDesk.
type planReconciler struct {
	client.Client
	live    client.Reader
	deskFor DeskFunc
	// forgetDesk drops what is kept of the connection to a HelpDesk that is gone.
	forgetDesk func(helpDesk types.NamespacedName)
	clock      clock.PassiveClock
	outcomes   *outcomes
	active     activePlans
	pace       pace
	// epoch of this manager as the leader.
	epoch func() int64
}

// newPlanReconciler has an epoch of its own: when it began to lead, in milliseconds since 1970. Unlike a count kept in
// the cluster it survives the loss of the election's Lease and the move of a desk to another cluster. Leaders follow each
// other by a lease duration at least, so clocks may differ by that much.
func newPlanReconciler(c client.Client, o Options, out *outcomes) *planReconciler {
	connections := &desks{reader: c, tokenFile: o.DeskTokenFile}
	deskFor := o.DeskFor
	if deskFor == nil {
		deskFor = connections.connect
	}
	return &planReconciler{
		Client: c, live: o.Live, deskFor: deskFor, forgetDesk: connections.forget, clock: o.Clock, outcomes: out,
		active: activePlans{plans: map[types.NamespacedName]activePlan{}},
		epoch:  sync.OnceValue(func() int64 { return o.Clock.Now().UnixMilli() }),
	}
}

func (r *planReconciler) setup(mgr ctrl.Manager) error {
	b := ctrl.NewControllerManagedBy(mgr).Named("plan").WithOptions(controller.Options{
		MaxConcurrentReconciles: concurrentDesks,
		RateLimiter:             workqueue.NewTypedItemExponentialFailureRateLimiter[reconcile.Request](retryDesk, retryDeskAtMost),
	})
	for _, kind := range plan.Kinds {
		b = b.Watches(newObject(kind), r.onDeclaration(), builder.WithPredicates(declarationChanged))
	}
	b = b.Watches(&appsv1.ControllerRevision{}, r.onDeclaration())
	return b.Watches(&appsv1.StatefulSet{}, r.onDesk(), builder.WithPredicates(deskReadinessChanged)).Complete(r)
}

// Reconcile brings one HelpDesk's Plan to the desk.
func (r *planReconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	all, err := readDeclared(ctx, r, req.Namespace)
	if err != nil {
		return ctrl.Result{}, err
	}
	if req.Name == "" {
		r.judgeDeskless(ctx, req.NamespacedName, all)
		return ctrl.Result{}, nil
	}
	objects := all.of(req.Name)
	if objects == nil {
		deskReachableGauge.DeleteLabelValues(req.Namespace, req.Name)
		r.active.forget(req.NamespacedName)
		r.pace.forget(req.NamespacedName)
		r.forgetDesk(req.NamespacedName)
		r.outcomes.publish(ctx, req.NamespacedName, nil)
		return ctrl.Result{}, nil
	}
	helpDesk := &objects.HelpDesk
	start := r.clock.Now()
	if rest := r.pace.left(req.NamespacedName, start); rest > 0 {
		return ctrl.Result{RequeueAfter: rest}, nil
	}
	active, deskErr := r.read(ctx, helpDesk)
	// Until the desk was read, nothing is pushed, and what others refer to must not seem to be missing.
	if active.known {
		if err := holdPaused(objects, active.entries); err != nil {
			return ctrl.Result{}, err
		}
	}
	objects.Now = start
	timer := prometheus.NewTimer(compileSeconds)
	compiled := plan.Compile(*objects, active.entries)
	timer.ObserveDuration()
	if deskErr == nil && compiled.Manifest.Hash() != active.hash && !paused(helpDesk) {
		if active.drops(compiled.Manifest) {
			if gone, err := terminating(ctx, r.live, helpDesk); err != nil || gone {
				return ctrl.Result{}, err
			}
		}
		active, deskErr = r.push(ctx, helpDesk, active, &compiled)
	}
	if ctx.Err() != nil {
		return ctrl.Result{}, ctx.Err()
	}
	r.outcomes.publish(ctx, req.NamespacedName, planOutcomes(all.meta(), &compiled, active, pausedDesk(helpDesk), deskErr))

	reached := 0.0
	if deskErr == nil {
		reached = 1
	}
	deskReachableGauge.WithLabelValues(req.Namespace, req.Name).Set(reached)
	if deskErr != nil && !errors.Is(deskErr, errDeskStarting) {
		return ctrl.Result{}, deskErr // the workqueue's pauses, which grow, are the rest
	}
	r.pace.passed(req.NamespacedName, start, r.clock.Now())
	if deskErr != nil {
		return ctrl.Result{}, nil
	}
	return ctrl.Result{RequeueAfter: askAgain}, nil
}

// read is what the desk runs by: as known, unless there is a reason to ask. A desk that is not asked is answered for by its
// last answer.
func (r *planReconciler) read(ctx context.Context, helpDesk *v1alpha1.HelpDesk) (activePlan, error) {
	key := client.ObjectKeyFromObject(helpDesk)
	active := r.active.get(key)
	now := r.clock.Now()
	if active.known && now.Sub(active.readAt) < askAgain {
		return active, nil
	}
	desk, err := r.connect(ctx, helpDesk)
	if err != nil {
		return active, err
	}
	active, err = readActive(ctx, desk, active, now)
	if err != nil {
		return active, err
	}
	r.active.set(key, active)
	return active, nil
}

// push the compiled plan. A push that fails leaves it open what the desk has, so it is read before the next.
func (r *planReconciler) push(ctx context.Context, helpDesk *v1alpha1.HelpDesk, active activePlan, compiled *plan.Result) (activePlan, error) {
	key := client.ObjectKeyFromObject(helpDesk)
	desk, err := r.connect(ctx, helpDesk)
	if err != nil {
		r.active.doubt(key)
		return active, err
	}
	pushed, err := push(ctx, desk, active, compiled, r.epoch(), r.clock.Now())
	if err != nil {
		planPushes.WithLabelValues("failed").Inc()
		r.active.doubt(key)
		return active, err
	}
	planPushes.WithLabelValues("activated").Inc()
	r.active.set(key, pushed)
	log.FromContext(ctx).Info("Activated a plan", "hash", pushed.hash, "entries", len(pushed.entries))
	return pushed, nil
}

// connect to a desk that has a ready pod.
func (r *planReconciler) connect(ctx context.Context, helpDesk *v1alpha1.HelpDesk) (api.Service, error) {
	var set appsv1.StatefulSet
	key := types.NamespacedName{Namespace: helpDesk.Namespace, Name: DeskName(helpDesk.Name)}
	if err := r.Get(ctx, key, &set); client.IgnoreNotFound(err) != nil {
		return nil, fmt.Errorf("read the desk's StatefulSet: %w", err)
	}
	if set.Status.ReadyReplicas == 0 {
		return nil, errDeskStarting
	}
	return r.deskFor(ctx, helpDesk)
}

// judgeDeskless tells what is wrong with the objects of a namespace without a HelpDesk. Where there is one, it answers also
// for those that lead to none.
func (r *planReconciler) judgeDeskless(ctx context.Context, namespace types.NamespacedName, all *declared) {
	if len(all.helpDesks) > 0 {
		r.outcomes.publish(ctx, namespace, nil)
		return
	}
	judged := plan.Compile(plan.Objects{Declared: all.objects, Now: r.clock.Now()}, nil)
	// No desk has any of it.
	r.outcomes.publish(ctx, namespace, planOutcomes(all.meta(), &judged, activePlan{known: true}, "", nil))
}

// planOutcomes says of every object of a HelpDesk what became of it.
func planOutcomes(meta map[plan.Key]metav1.Object, compiled *plan.Result, active activePlan, pausedDesk string, deskErr error) map[plan.Key]outcome {
	problems := map[plan.Key][]plan.Problem{}
	for _, p := range compiled.Problems {
		problems[p.Object] = append(problems[p.Object], p)
	}
	refs := map[plan.Key]plan.EntryRef{}
	for _, ref := range compiled.Manifest.Entries {
		refs[ref.Key] = ref
	}
	var refused string
	if problem, ok := refusal(deskErr); ok && problem.Status != http.StatusPreconditionFailed {
		refused = problem.Detail
	}

	found := map[plan.Key]outcome{}
	for key := range compiled.Belongs {
		object := meta[key]
		ref, kept := refs[key]
		o := outcome{
			uid: object.GetUID(), generation: object.GetGeneration(),
			problems: problems[key], kept: kept, agents: int32(compiled.Agents[key]),
			programmed: metav1.ConditionUnknown, refusal: refused, pausedDesk: pausedDesk,
		}
		if active.known {
			o.programmed = metav1.ConditionFalse
			if kept && compiled.Current[key] && active.has(ref) {
				o.programmed = metav1.ConditionTrue
			}
		}
		if key.Kind == plan.KindOnCallRotation {
			o.onCall = onCall{hash: compiled.Manifest.Hash(), plan: compiled.Plan}
		}
		if key.Kind == plan.KindHelpDesk {
			o.clockStandsAt = active.clockStandsAt
		}
		concerned := key.Kind == plan.KindHelpDesk || o.programmed != metav1.ConditionTrue
		if concerned && deskErr != nil && refused == "" {
			o.unreachable = tellUnreachable(deskErr)
		}
		found[key] = o
	}
	return found
}

// onDeclaration compiles every HelpDesk of the namespace, for which of them an object concerns can change with the object:
// there is one as a rule. Changes of the same moment are compiled together.
func (r *planReconciler) onDeclaration() handler.EventHandler {
	return enqueueLater(func(ctx context.Context, object client.Object) []reconcile.Request {
		namespace := object.GetNamespace()
		// The request without a name is for a namespace without a HelpDesk.
		requests := []reconcile.Request{{NamespacedName: types.NamespacedName{Namespace: namespace}}}
		if _, ok := object.(*v1alpha1.HelpDesk); ok {
			requests = append(requests, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(object)})
		}
		var helpDesks v1alpha1.HelpDeskList
		if err := r.List(ctx, &helpDesks, client.InNamespace(namespace)); err != nil {
			log.FromContext(ctx).Error(err, "List the HelpDesks of a namespace", "namespace", namespace)
		}
		for i := range helpDesks.Items {
			requests = append(requests, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(&helpDesks.Items[i])})
		}
		return requests
	})
}

// onDesk asks a desk again whose pod came or went.
func (r *planReconciler) onDesk() handler.EventHandler {
	return enqueueLater(func(_ context.Context, object client.Object) []reconcile.Request {
		owner := metav1.GetControllerOf(object)
		if owner == nil || owner.Kind != plan.KindHelpDesk {
			return nil
		}
		key := types.NamespacedName{Namespace: object.GetNamespace(), Name: owner.Name}
		r.active.doubt(key)
		return []reconcile.Request{{NamespacedName: key}}
	})
}

// enqueueLater enqueues what an object concerns after the time that changes gather.
func enqueueLater(concerns func(context.Context, client.Object) []reconcile.Request) handler.EventHandler {
	enqueue := func(ctx context.Context, object client.Object, q workqueue.TypedRateLimitingInterface[reconcile.Request]) {
		for _, request := range concerns(ctx, object) {
			q.AddAfter(request, coalesce)
		}
	}
	type queue = workqueue.TypedRateLimitingInterface[reconcile.Request]
	return handler.Funcs{
		CreateFunc: func(ctx context.Context, e event.CreateEvent, q queue) { enqueue(ctx, e.Object, q) },
		UpdateFunc: func(ctx context.Context, e event.UpdateEvent, q queue) { enqueue(ctx, e.ObjectNew, q) },
		DeleteFunc: func(ctx context.Context, e event.DeleteEvent, q queue) { enqueue(ctx, e.Object, q) },
	}
}

// declarationChanged passes what a Plan could depend on, and no change of status.
var declarationChanged = predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
	before, after := e.ObjectOld, e.ObjectNew
	return before.GetGeneration() != after.GetGeneration() ||
		before.GetUID() != after.GetUID() ||
		!maps.Equal(before.GetLabels(), after.GetLabels()) ||
		paused(before) != paused(after) ||
		before.GetDeletionTimestamp().IsZero() != after.GetDeletionTimestamp().IsZero()
}}

// deskReadinessChanged passes the coming and going of a desk's pod.
var deskReadinessChanged = predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
	before, ok := e.ObjectOld.(*appsv1.StatefulSet)
	after, okAfter := e.ObjectNew.(*appsv1.StatefulSet)
	return ok && okAfter && before.Status.ReadyReplicas != after.Status.ReadyReplicas
}}
