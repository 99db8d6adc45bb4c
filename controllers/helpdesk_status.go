package controllers

import (
	"fmt"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/caseload-dev/caseload/api/v1alpha1"
	"github.com/caseload-dev/caseload/internal/plan"
)

// helpDeskStatus is the status for what is known of a HelpDesk: its part of the Plan, its children, and why they could not
// be brought to their desired state, if so. Unresolved are references that the Plan has nothing to do with.
func helpDeskStatus(h *v1alpha1.HelpDesk, o outcome, children deskChildren, unresolved []plan.Problem, failed error) v1alpha1.HelpDeskStatus {
	status := *h.Status.DeepCopy()
	o.problems = append(o.problems[:len(o.problems):len(o.problems)], volumeProblems(h, children.claim)...)
	report(&status.Status, h.Generation, append([]metav1.Condition{
		accepted(o.problems),
		resolvedRefs(slices.Concat(o.problems, unresolved)),
		deskAvailable(h.Name, children, failed),
		deskReachable(o),
		programmed(o, h.Status.Conditions),
	}, clockStepped(o)...))
	status.Address = "https://" + DeskHost(h.Namespace, h.Name)
	return status
}

// deskChildren are the children that a HelpDesk's status speaks of, nil where there is none.
type deskChildren struct {
	set   *appsv1.StatefulSet
	claim *corev1.PersistentVolumeClaim
}

// deskAvailable says whether the desk's pod is ready. A desk that serves is available, whatever the cluster refuses of a
// change to it.
func deskAvailable(helpDesk string, children deskChildren, failed error) metav1.Condition {
	set := children.set
	serves := set != nil && set.Status.ReadyReplicas > 0
	switch {
	case failed != nil:
		return available(serves, v1alpha1.ReasonWorkloadFailing, "the cluster refuses what the desk needs: "+failed.Error())
	case !serves:
		return available(false, v1alpha1.ReasonRollingOut, deskWaits(helpDesk, children.claim))
	case set.Status.ObservedGeneration < set.Generation || set.Status.UpdateRevision != set.Status.CurrentRevision:
		return available(true, v1alpha1.ReasonRollingOut, "the desk's pod is being replaced")
	default:
		return available(true, v1alpha1.ReasonAvailable, "")
	}
}

// deskWaits says what a desk that does not serve waits for, and where to look if that takes long.
func deskWaits(helpDesk string, claim *corev1.PersistentVolumeClaim) string {
	if claim != nil && claim.Status.Phase == corev1.ClaimPending {
		return fmt.Sprintf("waits for the desk's volume: PersistentVolumeClaim %s is Pending, and kubectl describe pvc %s tells why",
			claim.Name, claim.Name)
	}
	return fmt.Sprintf("waits for the desk's pod to be ready: kubectl describe pod %s tells why", deskPodName(helpDesk))
}

// deskReachable says whether the manager reaches the desk.
func deskReachable(o outcome) metav1.Condition {
	if o.unreachable != "" {
		return condition(v1alpha1.ConditionDeskReachable, metav1.ConditionFalse, v1alpha1.ReasonUnreachable, o.unreachable)
	}
	return condition(v1alpha1.ConditionDeskReachable, metav1.ConditionTrue, v1alpha1.ReasonReachable, "")
}

// volumeProblems are the wishes for the volume that a volume cannot meet any more.
func volumeProblems(h *v1alpha1.HelpDesk, claim *corev1.PersistentVolumeClaim) []plan.Problem {
	if claim == nil {
		return nil
	}
	var problems []plan.Problem
	wanted := h.Spec.Storage.Embedded
	has := claim.Spec.Resources.Requests[corev1.ResourceStorage]
	if wanted.Size.Cmp(has) < 0 {
		problems = append(problems, plan.Problem{
			Field: "spec.storage.embedded.size", Reason: v1alpha1.ReasonInvalid,
			Message: fmt.Sprintf("%s is less than the %s of PersistentVolumeClaim %s, and a volume does not shrink: give at least %s",
				wanted.Size.String(), has.String(), claim.Name, has.String()),
		})
	}
	class := claim.Spec.StorageClassName
	if wanted.StorageClassName != nil && class != nil && *class != string(*wanted.StorageClassName) {
		problems = append(problems, plan.Problem{
			Field: "spec.storage.embedded.storageClassName", Reason: v1alpha1.ReasonInvalid,
			Message: fmt.Sprintf("PersistentVolumeClaim %s has the class %s, which cannot change: give %s, or restore a backup into a new HelpDesk",
				claim.Name, *class, *class),
		})
	}
	return problems
}
