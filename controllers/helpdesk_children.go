package controllers

import (
	"maps"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	appsv1ac "k8s.io/client-go/applyconfigurations/apps/v1"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"
	metav1ac "k8s.io/client-go/applyconfigurations/meta/v1"
	rbacv1ac "k8s.io/client-go/applyconfigurations/rbac/v1"

	"github.com/caseload-dev/caseload/api/v1alpha1"
	"github.com/caseload-dev/caseload/internal/plan"
)

const (
	deskPort    = 8443
	servicePort = 443
	portHTTPS   = "https"
	volumeData  = "data"
	volumeTLS   = "tls"
	volumeCA    = "ca"
	volumeToken = "token"
	// volumeNotifiers has the URLs of the notifiers.
	volumeNotifiers = "notifiers"

	// deskGrace is how long a desk may take to answer what it has begun and to close its store.
	deskGrace = 30
)

// deskServiceAccount is the desk's identity towards the kube-apiserver.
func deskServiceAccount(h *v1alpha1.HelpDesk) *corev1ac.ServiceAccountApplyConfiguration {
	return corev1ac.ServiceAccount(DeskName(h.Name), h.Namespace).
		WithLabels(childLabels(componentDesk, h.Name, h.Name)).
		WithOwnerReferences(controllerReference(plan.KindHelpDesk, h)).
		WithAutomountServiceAccountToken(false)
}

// cliServiceAccount is who people act as who may create its tokens. Nothing runs as it.
func cliServiceAccount(h *v1alpha1.HelpDesk) *corev1ac.ServiceAccountApplyConfiguration {
	return corev1ac.ServiceAccount(CLIName(h.Name), h.Namespace).
		WithLabels(childLabels(componentCLI, h.Name, h.Name)).
		WithOwnerReferences(controllerReference(plan.KindHelpDesk, h)).
		WithAutomountServiceAccountToken(false)
}

// deskRoleBinding lets the desk ask what its callers may do in the namespace.
func deskRoleBinding(h *v1alpha1.HelpDesk) *rbacv1ac.RoleBindingApplyConfiguration {
	return roleBinding(DeskName(h.Name), h.Namespace, clusterRoleDesk).
		WithLabels(childLabels(componentDesk, h.Name, h.Name)).
		WithOwnerReferences(controllerReference(plan.KindHelpDesk, h))
}

// cliRoleBinding lets the CLI's identity do everything on the desks of the namespace.
func cliRoleBinding(h *v1alpha1.HelpDesk) *rbacv1ac.RoleBindingApplyConfiguration {
	return roleBinding(CLIName(h.Name), h.Namespace, clusterRoleCLI).
		WithLabels(childLabels(componentCLI, h.Name, h.Name)).
		WithOwnerReferences(controllerReference(plan.KindHelpDesk, h))
}

// roleBinding of a ServiceAccount to a ClusterRole within the namespace, both named like the binding and the role.
func roleBinding(name, namespace, clusterRole string) *rbacv1ac.RoleBindingApplyConfiguration {
	return rbacv1ac.RoleBinding(name, namespace).
		WithRoleRef(rbacv1ac.RoleRef().WithAPIGroup(rbacv1.GroupName).WithKind("ClusterRole").WithName(clusterRole)).
		WithSubjects(rbacv1ac.Subject().WithKind(rbacv1.ServiceAccountKind).WithName(name).WithNamespace(namespace))
}

// reviewBindingName is unique in the cluster.
func reviewBindingName(namespace, helpDesk string) string {
	return "caseload:" + namespace + ":" + DeskName(helpDesk)
}

// deskReviewBinding lets the desk ask who a token belongs to, which is a question to the whole cluster. A namespaced
// object cannot own it: the controller deletes it when it finds no HelpDesk to it.
func deskReviewBinding(h *v1alpha1.HelpDesk) *rbacv1ac.ClusterRoleBindingApplyConfiguration {
	labels := childLabels(componentDesk, h.Name, h.Name)
	labels[labelNamespace] = h.Namespace
	return rbacv1ac.ClusterRoleBinding(reviewBindingName(h.Namespace, h.Name)).
		WithLabels(labels).
		WithRoleRef(rbacv1ac.RoleRef().WithAPIGroup(rbacv1.GroupName).WithKind("ClusterRole").WithName(clusterRoleDeskReview)).
		WithSubjects(rbacv1ac.Subject().WithKind(rbacv1.ServiceAccountKind).WithName(DeskName(h.Name)).WithNamespace(h.Namespace))
}

// deskService is the desk's address.
func deskService(h *v1alpha1.HelpDesk) *corev1ac.ServiceApplyConfiguration {
	return corev1ac.Service(DeskName(h.Name), h.Namespace).
		WithLabels(childLabels(componentDesk, h.Name, h.Name)).
		WithOwnerReferences(controllerReference(plan.KindHelpDesk, h)).
		WithSpec(corev1ac.ServiceSpec().
			WithSelector(selectorLabels(componentDesk, h.Name)).
			WithPorts(corev1ac.ServicePort().
				WithName(portHTTPS).
				WithPort(servicePort).
				WithProtocol(corev1.ProtocolTCP).
				WithTargetPort(intstr.FromString(portHTTPS))))
}

// deskVolumeClaim keeps the tickets. With deletionPolicy Retain it has no owner, so that it outlives the HelpDesk, and one
// of the same name finds it.
func deskVolumeClaim(h *v1alpha1.HelpDesk) *corev1ac.PersistentVolumeClaimApplyConfiguration {
	storage := h.Spec.Storage.Embedded
	spec := corev1ac.PersistentVolumeClaimSpec().
		WithAccessModes(corev1.ReadWriteOnce).
		WithResources(corev1ac.VolumeResourceRequirements().
			WithRequests(corev1.ResourceList{corev1.ResourceStorage: storage.Size}))
	if storage.StorageClassName != nil {
		spec.WithStorageClassName(string(*storage.StorageClassName))
	}
	claim := corev1ac.PersistentVolumeClaim(DeskName(h.Name), h.Namespace).
		WithLabels(childLabels(componentDesk, h.Name, h.Name)).
		WithSpec(spec)
	if h.Spec.DeletionPolicy == v1alpha1.DeletionDelete {
		claim.WithOwnerReferences(controllerReference(plan.KindHelpDesk, h))
	}
	return claim
}

// deskCAConfigMap has the authorities that the desk's callers trust.
func deskCAConfigMap(h *v1alpha1.HelpDesk, bundle []byte) *corev1ac.ConfigMapApplyConfiguration {
	return corev1ac.ConfigMap(DeskCAName(h.Name), h.Namespace).
		WithLabels(childLabels(componentDesk, h.Name, h.Name)).
		WithOwnerReferences(controllerReference(plan.KindHelpDesk, h)).
		WithData(map[string]string{caKey: string(bundle)})
}

// deskStatefulSet runs the desk: one pod, for the store has one writer.
func deskStatefulSet(h *v1alpha1.HelpDesk, image Image) *appsv1ac.StatefulSetApplyConfiguration {
	selector := selectorLabels(componentDesk, h.Name)
	labels := maps.Clone(selector)
	labels[labelPartOf] = h.Name
	desk := container("desk", image, resourcesOr(h.Spec.Desk.Resources, "100m", "128Mi", "1Gi")).
		WithArgs("desk",
			"--help-desk="+h.Name,
			"--namespace="+h.Namespace,
			"--data="+dataPath,
			"--tls-dir="+tlsPath,
			"--listen=:8443",
			"--probe-listen=:8080").
		WithPorts(corev1ac.ContainerPort().WithName(portHTTPS).WithContainerPort(deskPort).WithProtocol(corev1.ProtocolTCP)).
		// Migrations and the check of a large store come before the first probe counts.
		WithStartupProbe(probe(pathLive).WithPeriodSeconds(1).WithFailureThreshold(600)).
		WithVolumeMounts(
			corev1ac.VolumeMount().WithName(volumeData).WithMountPath(dataPath),
			corev1ac.VolumeMount().WithName(volumeTLS).WithMountPath(tlsPath).WithReadOnly(true))
	if len(h.Spec.Notifiers) > 0 {
		desk.WithArgs("--notifiers-dir=" + notifyPath).
			WithVolumeMounts(corev1ac.VolumeMount().WithName(volumeNotifiers).WithMountPath(notifyPath).WithReadOnly(true))
	}
	pod := corev1ac.PodSpec().
		WithServiceAccountName(DeskName(h.Name)).
		WithImagePullSecrets(image.pullSecrets()...).
		WithAutomountServiceAccountToken(true).
		WithEnableServiceLinks(false).
		WithSecurityContext(podSecurity()).
		WithTerminationGracePeriodSeconds(deskGrace).
		WithContainers(desk).
		WithVolumes(
			tempVolume(),
			corev1ac.Volume().WithName(volumeData).WithPersistentVolumeClaim(
				corev1ac.PersistentVolumeClaimVolumeSource().WithClaimName(DeskName(h.Name))),
			corev1ac.Volume().WithName(volumeTLS).WithSecret(
				corev1ac.SecretVolumeSource().WithSecretName(DeskTLSName(h.Name))))
	if len(h.Spec.Notifiers) > 0 {
		pod.WithVolumes(notifiersVolume(h))
	}
	return appsv1ac.StatefulSet(DeskName(h.Name), h.Namespace).
		WithLabels(childLabels(componentDesk, h.Name, h.Name)).
		WithOwnerReferences(controllerReference(plan.KindHelpDesk, h)).
		WithSpec(appsv1ac.StatefulSetSpec().
			WithReplicas(1).
			WithServiceName(DeskName(h.Name)).
			// With OrderedReady a pod that never gets ready would keep its repaired successor from coming.
			WithPodManagementPolicy(appsv1.ParallelPodManagement).
			WithUpdateStrategy(appsv1ac.StatefulSetUpdateStrategy().WithType(appsv1.RollingUpdateStatefulSetStrategyType)).
			WithSelector(metav1ac.LabelSelector().WithMatchLabels(selector)).
			WithTemplate(corev1ac.PodTemplateSpec().WithLabels(labels).WithSpec(pod)))
}
