package controllers

import (
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	metav1ac "k8s.io/client-go/applyconfigurations/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/caseload-dev/caseload/api/v1alpha1"
)

// Names of children are made from their owner's, so that a stale cache cannot make a second one.

// DeskName names the desk's StatefulSet, Service, ServiceAccount, volume claim and role binding.
func DeskName(helpDesk string) string { return helpDesk + "-desk" }

// deskPodName names the StatefulSet's only pod.
func deskPodName(helpDesk string) string { return DeskName(helpDesk) + "-0" }

// DeskTLSName names the Secret with the certificate that the desk serves.
func DeskTLSName(helpDesk string) string { return helpDesk + "-desk-tls" }

// DeskCAName names the ConfigMap with the authorities to trust, and the Secret with the authority itself.
func DeskCAName(helpDesk string) string { return helpDesk + "-desk-ca" }

// CLIName names the ServiceAccount that people take a token of who may create one.
func CLIName(helpDesk string) string { return helpDesk + "-cli" }

// WorkerName names the Deployment, ServiceAccount and role binding of a tier's queue workers.
func WorkerName(tier string) string { return tier + "-worker" }

// DeskHost is the desk's name inside the cluster.
func DeskHost(namespace, helpDesk string) string {
	return fmt.Sprintf("%s.%s.svc", DeskName(helpDesk), namespace)
}

// ClusterRoles that come with the installation, and that the manager may bind.
const (
	clusterRoleDesk       = "caseload-desk"
	clusterRoleDeskReview = "caseload-desk-review"
	clusterRoleWorker     = "caseload-worker"
	clusterRoleCLI        = "caseload-cli"
)

// Field managers, one a controller.
const (
	ownerHelpDesk = client.FieldOwner("caseload-helpdesk")
	ownerTier     = client.FieldOwner("caseload-tier")
	ownerRotation = client.FieldOwner("caseload-oncallrotation")
)

const (
	labelName      = "app.kubernetes.io/name"
	labelInstance  = "app.kubernetes.io/instance"
	labelComponent = "app.kubernetes.io/component"
	labelPartOf    = "app.kubernetes.io/part-of"
	labelManagedBy = "app.kubernetes.io/managed-by"
	// labelNamespace is on cluster-scoped children: the namespace of their HelpDesk.
	labelNamespace = "support.caseload.dev/namespace"

	appName   = "caseload"
	managedBy = "caseload-manager"

	componentDesk   = "desk"
	componentWorker = "queue-worker"
	componentCLI    = "cli"
	// componentRotation is that of the revisions of a rotation.
	componentRotation = "oncall-rotation"
)

// selectorLabels choose the pods of one workload. They never change: a workload's selector is immutable.
func selectorLabels(component, instance string) map[string]string {
	return map[string]string{labelName: appName, labelInstance: instance, labelComponent: component}
}

// childLabels are on every child.
func childLabels(component, instance, helpDesk string) map[string]string {
	labels := selectorLabels(component, instance)
	labels[labelPartOf] = helpDesk
	labels[labelManagedBy] = managedBy
	return labels
}

// controllerReference makes the owner the controller of a child, so that the child goes with it.
func controllerReference(kind string, owner metav1.Object) *metav1ac.OwnerReferenceApplyConfiguration {
	return metav1ac.OwnerReference().
		WithAPIVersion(v1alpha1.GroupVersion.String()).
		WithKind(kind).
		WithName(owner.GetName()).
		WithUID(owner.GetUID()).
		WithController(true).
		WithBlockOwnerDeletion(true)
}

// paused says that people asked for the object to be left alone.
func paused(object metav1.Object) bool {
	return object.GetAnnotations()[v1alpha1.PausedAnnotation] == "true"
}
