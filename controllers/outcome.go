package controllers

import (
	"context"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/caseload-dev/caseload/internal/plan"
)

// outcome is what the compiler and the desk say about one declared object. The Plan controller finds it; the one
// controller that writes the status of the object's kind turns it into conditions.
type outcome struct {
	// UID and generation of the object it speaks of.
	uid        types.UID
	generation int64

	problems []plan.Problem
	// kept says that the Plan has content of the object, be it the declared or an earlier one.
	kept bool
	// programmed says whether the desk's active Plan has the declared content. Unknown: the desk was not reached since the
	// manager started, so that whatever the status says stays.
	programmed metav1.ConditionStatus
	// pausedDesk is the HelpDesk that the object waits for, while that is paused.
	pausedDesk string
	// refusal is the desk's own word against the Plan.
	refusal string
	// clockStandsAt is desk time, for a HelpDesk whose desk time stands still.
	clockStandsAt time.Time
	// agents who can serve a Tier or Queue.
	agents int32
	// onCall is the plan that a rotation is reckoned by.
	onCall onCall
	// unreachable says, for a HelpDesk and for what is not programmed, why the desk does not answer. Empty: it answered.
	unreachable string
}

// onCall is a compiled plan, without its router, and its hash.
type onCall struct {
	hash string
	plan *plan.Plan
}

func (o outcome) equal(other outcome) bool {
	// Plans are told apart by their hash.
	o.onCall.plan, other.onCall.plan = nil, nil
	return reflect.DeepEqual(o, other)
}

// outcomes holds what is known of every object, and tells the status writers when that changes.
type outcomes struct {
	mu sync.Mutex
	// bySource has each HelpDesk's outcomes, and under no name those of a namespace without a HelpDesk.
	bySource map[types.NamespacedName]map[plan.Key]outcome
	changed  map[string]chan event.TypedGenericEvent[reconcile.Request]
}

func newOutcomes() *outcomes {
	o := &outcomes{
		bySource: map[types.NamespacedName]map[plan.Key]outcome{},
		changed:  map[string]chan event.TypedGenericEvent[reconcile.Request]{},
	}
	for _, kind := range plan.Kinds {
		o.changed[kind] = make(chan event.TypedGenericEvent[reconcile.Request])
	}
	return o
}

// publish replaces what a source knows and wakes the status writers of what changed.
func (o *outcomes) publish(ctx context.Context, from types.NamespacedName, now map[plan.Key]outcome) {
	o.mu.Lock()
	before := o.bySource[from]
	if len(now) == 0 {
		delete(o.bySource, from)
	} else {
		o.bySource[from] = now
	}
	o.mu.Unlock()

	for _, key := range slices.SortedFunc(maps.Keys(now), plan.Key.Compare) {
		if was, known := before[key]; known && was.equal(now[key]) {
			continue
		}
		request := reconcile.Request{NamespacedName: types.NamespacedName{Namespace: from.Namespace, Name: key.Name}}
		select {
		case o.changed[key.Kind] <- event.TypedGenericEvent[reconcile.Request]{Object: request}:
		case <-ctx.Done():
			return
		}
	}
}

// of is the outcome for an object as it is declared now, if there is one yet.
func (o *outcomes) of(kind string, object metav1.Object) (outcome, bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	key := plan.Key{Kind: kind, Name: object.GetName()}
	for _, from := range o.sources(object.GetNamespace()) {
		found, ok := o.bySource[from][key]
		if ok && found.uid == object.GetUID() && found.generation == object.GetGeneration() {
			return found, true
		}
	}
	return outcome{}, false
}

// sources of a namespace in the order of who is believed: the HelpDesk that comes first by name answers also for what leads
// to none, so it comes last. The caller holds the lock.
func (o *outcomes) sources(namespace string) []types.NamespacedName {
	var found []types.NamespacedName
	for from := range o.bySource {
		if from.Namespace == namespace {
			found = append(found, from)
		}
	}
	slices.SortFunc(found, func(a, b types.NamespacedName) int { return -strings.Compare(a.Name, b.Name) })
	return found
}

// source feeds a kind's status writer.
func (o *outcomes) source(kind string) source.Source {
	return source.Channel(o.changed[kind], handler.TypedFuncs[reconcile.Request, reconcile.Request]{
		GenericFunc: func(_ context.Context, e event.TypedGenericEvent[reconcile.Request], q workqueue.TypedRateLimitingInterface[reconcile.Request]) {
			q.Add(e.Object)
		},
	})
}
