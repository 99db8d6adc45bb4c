package controllers

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	utilerrors "k8s.io/apimachinery/pkg/util/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"
)

// applyConfiguration is what every generated apply configuration of a named object offers.
type applyConfiguration interface {
	runtime.ApplyConfiguration
	GetName() *string
	GetNamespace() *string
	GetKind() *string
}

// child is an object to apply, with how to read the one there is.
type child struct {
	desired applyConfiguration
	live    client.Object
	// owned extracts from live what the field manager applied last.
	owned func(manager string) (any, error)
}

// newChild pairs a desired state with the generated function that extracts it from a live object.
func newChild[L client.Object, D applyConfiguration](desired D, live L, extract func(L, string) (D, error)) child {
	return child{
		desired: desired,
		live:    live,
		owned:   func(manager string) (any, error) { return extract(live, manager) },
	}
}

// applyAll brings all children to their desired state; that one is refused keeps none of the others from it.
func applyAll(ctx context.Context, c client.Client, owner client.FieldOwner, children []child) error {
	var failed []error
	for _, child := range children {
		failed = append(failed, apply(ctx, c, owner, child))
	}
	return utilerrors.NewAggregate(failed)
}

// apply brings the child to its desired state, and leaves in live the object as it then is: as read, or as the kube-apiserver
// answered a write, with the new generation that its status does not speak of yet. It sends nothing when the fields the
// manager owns are already the desired ones, as the object's managed fields tell; so nothing needs to be remembered, and
// removed fields and other people's changes to ours are both seen.
func apply(ctx context.Context, c client.Client, owner client.FieldOwner, child child) error {
	key := types.NamespacedName{Name: *child.desired.GetName()}
	if namespace := child.desired.GetNamespace(); namespace != nil {
		key.Namespace = *namespace
	}
	kind := *child.desired.GetKind()

	err := c.Get(ctx, key, child.live)
	if client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("read %s %s: %w", kind, key.Name, err)
	}
	if err == nil {
		owned, err := child.owned(string(owner))
		if err != nil {
			return fmt.Errorf("read what is ours of %s %s: %w", kind, key.Name, err)
		}
		if sameApplied(owned, child.desired) {
			return nil
		}
	}
	if err := c.Apply(ctx, child.desired, owner, forceOwnership); err != nil {
		return fmt.Errorf("apply %s %s: %w", kind, key.Name, err)
	}
	log.FromContext(ctx).V(1).Info("Applied", "kind", kind, "name", key.Name)
	// The client decodes the answer into what was sent.
	answer, err := runtime.DefaultUnstructuredConverter.ToUnstructured(child.desired)
	if err == nil {
		err = runtime.DefaultUnstructuredConverter.FromUnstructured(answer, child.live)
	}
	if err != nil {
		return fmt.Errorf("read the applied %s %s: %w", kind, key.Name, err)
	}
	return nil
}

// forceOwnership takes fields over that somebody else set: the children are ours.
var forceOwnership = client.ForceOwnership

// sameApplied compares apply configurations by meaning: 1000m is 1, and nil is empty.
func sameApplied(a, b any) bool { return equality.Semantic.DeepEqual(a, b) }

// refusals are those of the errors that people must see: the kube-apiserver understood and said no, so trying the same again
// will not help before something else changes. Other errors, which come and go, are left out.
func refusals(err error) error {
	return utilerrors.FilterOut(err, func(err error) bool {
		return !apierrors.IsInvalid(err) && !apierrors.IsForbidden(err) && !apierrors.IsBadRequest(err)
	})
}

// ignoreTerminating leaves out the errors of what cannot be made because its namespace is being deleted: that is no mistake,
// and trying again is in vain.
func ignoreTerminating(err error) error {
	return utilerrors.FilterOut(err, func(err error) bool {
		return apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause)
	})
}

// patchStatus writes a status that differs from the one read, and says whether it did. An object that changed meanwhile, or
// is gone, keeps what it has: its change brings the controller round again.
func patchStatus(ctx context.Context, c client.Client, before, after client.Object) (bool, error) {
	if equality.Semantic.DeepEqual(before, after) {
		return false, nil
	}
	patch := client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{})
	err := c.Status().Patch(ctx, after, patch)
	if apierrors.IsConflict(err) || apierrors.IsNotFound(err) {
		return false, nil
	}
	return err == nil, err
}
