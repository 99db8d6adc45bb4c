package controllers

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	appsv1ac "k8s.io/client-go/applyconfigurations/apps/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/caseload-dev/caseload/api/v1alpha1"
	"github.com/caseload-dev/caseload/internal/oncall"
	"github.com/caseload-dev/caseload/internal/plan"
)

// keptRevision is a revision of a layer with the ControllerRevision that keeps it.
type keptRevision struct {
	oncall.Revision
	object *appsv1.ControllerRevision
}

// readRevisions of the rotations of a namespace by the rotation's UID, in the order in which they were decided. A name
// narrows them to those of rotations of that name.
func readRevisions(ctx context.Context, c client.Reader, namespace, name string) (map[types.UID][]keptRevision, error) {
	selector := client.MatchingLabels{labelManagedBy: managedBy, labelComponent: componentRotation}
	if name != "" {
		selector[labelInstance] = name
	}
	var list appsv1.ControllerRevisionList
	if err := c.List(ctx, &list, client.InNamespace(namespace), selector); err != nil {
		return nil, fmt.Errorf("list the revisions of rotations: %w", err)
	}
	slices.SortFunc(list.Items, func(a, b appsv1.ControllerRevision) int {
		return cmp.Or(cmp.Compare(a.Revision, b.Revision), cmp.Compare(a.Name, b.Name))
	})
	found := map[types.UID][]keptRevision{}
	for i := range list.Items {
		k := keptRevision{object: &list.Items[i]}
		owner := metav1.GetControllerOf(k.object)
		if owner == nil || !k.object.DeletionTimestamp.IsZero() {
			continue
		}
		if err := json.Unmarshal(k.object.Data.Raw, &k.Revision); err != nil {
			return nil, fmt.Errorf("read ControllerRevision %s: %w", k.object.Name, err)
		}
		found[owner.UID] = append(found[owner.UID], k)
	}
	return found, nil
}

func revisionsIn(kept []keptRevision) []oncall.Revision {
	revisions := make([]oncall.Revision, len(kept))
	for i := range kept {
		revisions[i] = kept[i].Revision
	}
	return revisions
}

// settled says that the declared content is valid and what the desk goes by is known, so that an edit can be decided.
func settled(o outcome) bool {
	return o.kept && !blocked(o) && o.programmed != metav1.ConditionUnknown
}

// revise keeps the revisions that follow from what is declared. What does not hold any more goes first: should that be all
// that happens, the edit is decided anew.
func (r *rotationReconciler) revise(ctx context.Context, rotation *v1alpha1.OnCallRotation, p *plan.Plan, now time.Time) error {
	decide := func(reader client.Reader) (kept []keptRevision, next []oncall.Revision, err error) {
		all, err := readRevisions(ctx, reader, rotation.Namespace, rotation.Name)
		kept = all[rotation.UID]
		return kept, oncall.Revise(revisionsIn(kept), rotation.Spec.Layers, rotation.Spec.Rollout, now, p.OnCallEnvironment()), err
	}
	kept, next, err := decide(r)
	if err != nil || sameRevisions(kept, next) {
		return err
	}
	// The cache may not have what was decided just now.
	if kept, next, err = decide(r.live); err != nil {
		return err
	}
	last := int64(0)
	for _, k := range kept {
		last = max(last, k.object.Revision)
		if containsRevision(next, k.Revision) {
			continue
		}
		if err := r.Delete(ctx, k.object); client.IgnoreNotFound(err) != nil {
			return err
		}
		if k.EffectiveFrom.After(now) && !slices.ContainsFunc(next, func(n oncall.Revision) bool { return n.Layer == k.Layer && n.EffectiveFrom.After(now) }) {
			r.events.Eventf(rotation, k.object, corev1.EventTypeNormal, v1alpha1.ReasonEditTakenBack, "Revise", "layer %s stays as it is: the edit that was to take effect on %s was taken back",
				k.Layer, inZoneOf(k.Declared, k.EffectiveFrom))
		}
	}
	for _, n := range next {
		if containsRevision(revisionsIn(kept), n) {
			continue
		}
		last++
		desired, err := controllerRevision(rotation, p.HelpDesk.Name, n, last)
		if err != nil {
			return err
		}
		if err := r.Apply(ctx, desired, ownerRotation, forceOwnership); err != nil {
			return err
		}
		r.tellEdit(rotation, &appsv1.ControllerRevision{ObjectMeta: metav1.ObjectMeta{Namespace: rotation.Namespace, Name: *desired.Name}}, n, now)
	}
	return nil
}

// tellEdit says what an edit does, and when, before it happens. The event names the object that keeps the revision, too:
// else those of several layers edited together would be taken for repetitions of the first.
func (r *rotationReconciler) tellEdit(rotation *v1alpha1.OnCallRotation, kept *appsv1.ControllerRevision, n oncall.Revision, now time.Time) {
	reason, when := v1alpha1.ReasonEditInEffect, "at once"
	if n.EffectiveFrom.After(now) {
		reason, when = v1alpha1.ReasonEditPending, "on "+inZoneOf(n.Declared, n.EffectiveFrom)
	}
	switch {
	case n.EffectiveFrom.IsZero(): // it has been so from the start
	case n.Declared == nil:
		r.events.Eventf(rotation, kept, corev1.EventTypeNormal, reason, "Revise", "layer %s ends %s", n.Layer, when)
	case n.Turn == "":
		r.events.Eventf(rotation, kept, corev1.EventTypeNormal, reason, "Revise", "layer %s begins %s", n.Layer, when)
	case reason == v1alpha1.ReasonEditInEffect:
		r.events.Eventf(rotation, kept, corev1.EventTypeNormal, reason, "Revise", "the edit of layer %s takes effect at once, with the turn of %s", n.Layer, n.Turn)
	default:
		r.events.Eventf(rotation, kept, corev1.EventTypeNormal, reason, "Revise", "the edit of layer %s takes effect %s, when the current turn ends and passes to %s; until then nothing changes",
			n.Layer, when, n.Turn)
	}
}

// inZoneOf a layer, or in UTC where it ends, a time as people read it.
func inZoneOf(layer *v1alpha1.OnCallLayer, t time.Time) string {
	zone := time.UTC
	if layer != nil {
		if known, err := time.LoadLocation(string(layer.TimeZone)); err == nil {
			zone = known
		}
	}
	return t.In(zone).Format("Mon 2006-01-02 15:04 MST")
}

// controllerRevision keeps a revision. Its name is made from the content, so it is never made twice.
func controllerRevision(rotation *v1alpha1.OnCallRotation, helpDesk string, n oncall.Revision, number int64) (*appsv1ac.ControllerRevisionApplyConfiguration, error) {
	data, err := json.Marshal(n)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(append([]byte(rotation.UID), data...))
	name := fmt.Sprintf("%s-%s", rotation.Name, hex.EncodeToString(sum[:5]))
	return appsv1ac.ControllerRevision(name, rotation.Namespace).
		WithLabels(childLabels(componentRotation, rotation.Name, helpDesk)).
		WithOwnerReferences(controllerReference(plan.KindOnCallRotation, rotation)).
		WithData(runtime.RawExtension{Raw: data}).
		WithRevision(number), nil
}

func sameRevisions(kept []keptRevision, next []oncall.Revision) bool {
	return len(kept) == len(next) && !slices.ContainsFunc(kept, func(k keptRevision) bool { return !containsRevision(next, k.Revision) })
}

func containsRevision(revisions []oncall.Revision, r oncall.Revision) bool {
	return slices.ContainsFunc(revisions, func(other oncall.Revision) bool {
		from := other.EffectiveFrom
		other.EffectiveFrom = r.EffectiveFrom
		return from.Equal(r.EffectiveFrom) && reflect.DeepEqual(other, r)
	})
}
