package controllers

import (
	"maps"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	appsv1ac "k8s.io/client-go/applyconfigurations/apps/v1"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"
	metav1ac "k8s.io/client-go/applyconfigurations/meta/v1"
	rbacv1ac "k8s.io/client-go/applyconfigurations/rbac/v1"
	"k8s.io/utils/ptr"

	"github.com/caseload-dev/caseload/api/v1alpha1"
	"github.com/caseload-dev/caseload/internal/desk/api"
	"github.com/caseload-dev/caseload/internal/plan"
)

const (
	// workerGrace is how long a queue worker may take to finish its deliveries and give its pools back.
	workerGrace = 30
	// defaultReplicas as the schema has it.
	defaultReplicas = 1
)

// workerServiceAccount is the queue workers' identity towards the desk. It has no business with the kube-apiserver.
func workerServiceAccount(t *v1alpha1.Tier, helpDesk string) *corev1ac.ServiceAccountApplyConfiguration {
	return corev1ac.ServiceAccount(WorkerName(t.Name), t.Namespace).
		WithLabels(childLabels(componentWorker, t.Name, helpDesk)).
		WithOwnerReferences(controllerReference(plan.KindTier, t)).
		WithAutomountServiceAccountToken(false)
}

// workerRoleBinding lets the queue workers dispatch on the desks of the namespace.
func workerRoleBinding(t *v1alpha1.Tier, helpDesk string) *rbacv1ac.RoleBindingApplyConfiguration {
	return roleBinding(WorkerName(t.Name), t.Namespace, clusterRoleWorker).
		WithLabels(childLabels(componentWorker, t.Name, helpDesk)).
		WithOwnerReferences(controllerReference(plan.KindTier, t))
}

// workerDeployment runs the tier's queue workers.
func workerDeployment(t *v1alpha1.Tier, helpDesk string, image Image) *appsv1ac.DeploymentApplyConfiguration {
	selector := workerSelector(t)
	labels := maps.Clone(selector)
	labels[labelPartOf] = helpDesk
	worker := container("worker", image, resourcesOr(t.Spec.Worker.Resources, "50m", "64Mi", "256Mi")).
		WithArgs("worker",
			"--desk=https://"+DeskHost(t.Namespace, helpDesk),
			"--ca-file="+caPath+"/"+caKey,
			"--token-file="+tokenPath+"/"+tokenFile,
			"--tier="+t.Name,
			"--name=$(POD_NAME)",
			"--probe-listen=:8080").
		WithEnv(corev1ac.EnvVar().WithName("POD_NAME").WithValueFrom(corev1ac.EnvVarSource().
			WithFieldRef(corev1ac.ObjectFieldSelector().WithAPIVersion("v1").WithFieldPath("metadata.name")))).
		WithVolumeMounts(
			corev1ac.VolumeMount().WithName(volumeCA).WithMountPath(caPath).WithReadOnly(true),
			corev1ac.VolumeMount().WithName(volumeToken).WithMountPath(tokenPath).WithReadOnly(true))
	pod := corev1ac.PodSpec().
		WithServiceAccountName(WorkerName(t.Name)).
		WithImagePullSecrets(image.pullSecrets()...).
		WithAutomountServiceAccountToken(false).
		WithEnableServiceLinks(false).
		WithSecurityContext(podSecurity()).
		WithTerminationGracePeriodSeconds(workerGrace).
		WithTopologySpreadConstraints(corev1ac.TopologySpreadConstraint().
			WithMaxSkew(1).
			WithTopologyKey(corev1.LabelHostname).
			WithWhenUnsatisfiable(corev1.ScheduleAnyway).
			WithLabelSelector(metav1ac.LabelSelector().WithMatchLabels(selector))).
		WithContainers(worker).
		WithVolumes(tempVolume(), caVolume(helpDesk), tokenVolume())
	return appsv1ac.Deployment(WorkerName(t.Name), t.Namespace).
		WithLabels(childLabels(componentWorker, t.Name, helpDesk)).
		WithOwnerReferences(controllerReference(plan.KindTier, t)).
		WithSpec(appsv1ac.DeploymentSpec().
			WithReplicas(ptr.Deref(t.Spec.Replicas, defaultReplicas)).
			WithSelector(metav1ac.LabelSelector().WithMatchLabels(selector)).
			WithStrategy(appsv1ac.DeploymentStrategy().
				WithType(appsv1.RollingUpdateDeploymentStrategyType).
				WithRollingUpdate(appsv1ac.RollingUpdateDeployment().
					WithMaxUnavailable(intstr.FromInt32(0)).
					WithMaxSurge(intstr.FromString("25%")))).
			WithTemplate(corev1ac.PodTemplateSpec().WithLabels(labels).WithSpec(pod)))
}

// caVolume has the authorities of the desk.
func caVolume(helpDesk string) *corev1ac.VolumeApplyConfiguration {
	return corev1ac.Volume().WithName(volumeCA).WithConfigMap(
		corev1ac.ConfigMapVolumeSource().WithName(DeskCAName(helpDesk)))
}

// tokenVolume has a token that is good for desks only.
func tokenVolume() *corev1ac.VolumeApplyConfiguration {
	return corev1ac.Volume().WithName(volumeToken).WithProjected(corev1ac.ProjectedVolumeSource().
		WithSources(corev1ac.VolumeProjection().WithServiceAccountToken(corev1ac.ServiceAccountTokenProjection().
			WithAudience(api.TokenAudience).
			WithExpirationSeconds(tokenSeconds).
			WithPath(tokenFile))))
}

func workerSelector(t *v1alpha1.Tier) map[string]string {
	return selectorLabels(componentWorker, t.Name)
}

// workerSelectorText is the selector as autoscalers read it.
func workerSelectorText(t *v1alpha1.Tier) string {
	return metav1.FormatLabelSelector(metav1.SetAsLabelSelector(workerSelector(t)))
}
