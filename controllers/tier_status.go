package controllers

import (
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/caseload-dev/caseload/api/v1alpha1"
)

// progressDeadlineExceeded is the reason a Deployment gives when its pods do not get ready in time.
const progressDeadlineExceeded = "ProgressDeadlineExceeded"

// setScale tells what autoscalers read. It does not wait for the Plan, which a desk that hangs may hold up.
func setScale(t *v1alpha1.Tier, workers *appsv1.Deployment) {
	t.Status.Selector = workerSelectorText(t)
	t.Status.Replicas, t.Status.ReadyReplicas = 0, 0
	if workers != nil {
		t.Status.Replicas = workers.Status.Replicas
		t.Status.ReadyReplicas = workers.Status.ReadyReplicas
	}
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
