package controllers

import (
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/caseload-dev/caseload/api/v1alpha1"
	"github.com/caseload-dev/caseload/internal/plan"
)

// progressDeadlineExceeded is the reason a Deployment gives when its pods do not get ready in time.
const progressDeadlineExceeded = "ProgressDeadlineExceeded"

// tierStatus is the status for what is known of a Tier: its part of the Plan, and its queue workers as workersStatus has them.
func tierStatus(t *v1alpha1.Tier, o outcome, workers *appsv1.Deployment, failed error) v1alpha1.TierStatus {
	status := workersStatus(t, workers, failed)
	conditions := declarationConditions(plan.KindTier, o, t.Status.Conditions)
	report(&status.Status, t.Generation, append(conditions, workersAvailable(t, workers, failed)))
	status.Agents = o.agents
	return status
}

// workersStatus is the status for what is known of a Tier's queue workers: their Deployment, nil if there is none, and why
// they could not be brought to their desired state, if so. It does not wait for the Plan, so that a Tier scales also while
// its HelpDesk is paused; what was said of the Plan stays, with the generation that it was said of.
func workersStatus(t *v1alpha1.Tier, workers *appsv1.Deployment, failed error) v1alpha1.TierStatus {
	status := *t.Status.DeepCopy()
	serve := workersAvailable(t, workers, failed)
	serve.ObservedGeneration = t.Generation
	meta.SetStatusCondition(&status.Conditions, serve)
	status.Selector = workerSelectorText(t)
	status.Replicas, status.ReadyReplicas = 0, 0
	if workers != nil {
		status.Replicas = workers.Status.Replicas
		status.ReadyReplicas = workers.Status.ReadyReplicas
	}
	return status
}

// workersAvailable says whether queue workers serve: one is enough, and a tier that asks for none has what it asks for.
func workersAvailable(t *v1alpha1.Tier, workers *appsv1.Deployment, failed error) metav1.Condition {
	wanted := ptr.Deref(t.Spec.Replicas, defaultReplicas)
	serves := workers != nil && workers.Status.ReadyReplicas > 0
	switch {
	case failed != nil:
		return available(serves, v1alpha1.ReasonWorkloadFailing, "the cluster refuses what the queue workers need: "+failed.Error())
	case workers == nil:
		return available(false, v1alpha1.ReasonRollingOut, "waits for queue workers")
	case wanted == 0 && workers.Status.Replicas == 0:
		return available(true, v1alpha1.ReasonScaledToZero, "no queue worker is asked for: tickets are kept, and this tier offers none")
	}

	if trouble := deploymentTrouble(workers); trouble != "" {
		return available(serves, v1alpha1.ReasonWorkloadFailing, trouble)
	}
	s := workers.Status
	if s.ObservedGeneration < workers.Generation || s.ReadyReplicas != wanted || s.UpdatedReplicas != wanted || s.Replicas != wanted {
		return available(serves, v1alpha1.ReasonRollingOut, fmt.Sprintf("%d of %d queue workers are ready", s.ReadyReplicas, wanted))
	}
	return available(true, v1alpha1.ReasonAvailable, "")
}

// deploymentTrouble is what a Deployment says of pods that cannot be made or do not get ready.
func deploymentTrouble(d *appsv1.Deployment) string {
	for _, c := range d.Status.Conditions {
		failing := c.Type == appsv1.DeploymentReplicaFailure && c.Status == corev1.ConditionTrue ||
			c.Type == appsv1.DeploymentProgressing && c.Reason == progressDeadlineExceeded
		if failing {
			return c.Message
		}
	}
	return ""
}
