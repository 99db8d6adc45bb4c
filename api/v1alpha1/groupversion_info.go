// Package v1alpha1 holds the kinds a support organisation is declared with.
//
// A namespace is a tenant. References point upward (a Queue names its Tier, a Tier its SupportTeam, a SupportTeam its
// HelpDesk), stay within the namespace, and may name what does not exist yet.
//
// +kubebuilder:object:generate=true
// +groupName=support.caseload.dev
package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

var (
	// GroupVersion is the group and version of every kind in this package.
	GroupVersion = schema.GroupVersion{Group: "support.caseload.dev", Version: "v1alpha1"}

	schemeBuilder = runtime.NewSchemeBuilder(addKnownTypes)

	// AddToScheme registers the kinds with a scheme.
	AddToScheme = schemeBuilder.AddToScheme
)

func addKnownTypes(scheme *runtime.Scheme) error {
	scheme.AddKnownTypes(GroupVersion,
		&HelpDesk{}, &HelpDeskList{},
		&SupportTeam{}, &SupportTeamList{},
		&Tier{}, &TierList{},
		&Queue{}, &QueueList{},
		&Agent{}, &AgentList{},
		&RoutingPolicy{}, &RoutingPolicyList{},
		&BusinessCalendar{}, &BusinessCalendarList{},
		&EscalationPolicy{}, &EscalationPolicyList{},
		&ServiceLevel{}, &ServiceLevelList{},
		&OnCallRotation{}, &OnCallRotationList{},
		&OnCallOverride{}, &OnCallOverrideList{},
	)
	metav1.AddToGroupVersion(scheme, GroupVersion)
	return nil
}
