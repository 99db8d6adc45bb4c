package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// MemberDefaults hold for the agents and queues of a team that do not say themselves. A list an agent gives replaces the whole list
// here.
type MemberDefaults struct {
	// schedule of the agents. Absent: they are on duty around the clock.
	// +optional
	Schedule *Schedule `json:"schedule,omitempty"`

	// handOver of the open tickets of agents who go off duty. Absent: as the team above has it, else they keep them.
	// +optional
	HandOver *HandOver `json:"handOver,omitempty"`

	// languages the agents speak.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=32
	Languages []Language `json:"languages,omitempty"`

	// limits of the agents per channel.
	// +optional
	// +listType=map
	// +listMapKey=channel
	// +kubebuilder:validation:MaxItems=32
	Limits []ChannelLimit `json:"limits,omitempty"`

	// serviceLevelRef names the ServiceLevel of tickets that come to a queue of the team and for which routing sets none.
	// Without one, that of the nearest team above holds.
	// +optional
	ServiceLevelRef *ServiceLevelReference `json:"serviceLevelRef,omitempty"`

	// escalationPolicyRef names the policy for tickets in the team's queues. Absent: that of the team above.
	// +optional
	EscalationPolicyRef *EscalationPolicyReference `json:"escalationPolicyRef,omitempty"`
}

// Structure is how a team divides its work.
//
// +kubebuilder:validation:Enum=Flat;Tiered
type Structure string

const (
	// StructureFlat has one tier: everybody takes everything.
	StructureFlat Structure = "Flat"
	// StructureTiered has lines of support: the first solves what is simple, those above the rest.
	StructureTiered Structure = "Tiered"
)

// SupportTeamSpec declares a team: whose work it is, who leads it, and what its members have in common.
type SupportTeamSpec struct {
	// helpDeskRef names the HelpDesk the team belongs to.
	// +required
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="helpDeskRef is immutable: create the team anew under the other HelpDesk"
	HelpDeskRef HelpDeskReference `json:"helpDeskRef,omitzero"`

	// parentTeamRef names the team this one is part of.
	// +optional
	ParentTeamRef *SupportTeamReference `json:"parentTeamRef,omitempty"`

	// structure the team is meant to have. What contradicts it is told in the condition StructureMismatch and by lint; nothing is
	// refused. Absent: anything goes.
	// +optional
	Structure Structure `json:"structure,omitempty"`

	// leadRef names the agent who leads the team.
	// +optional
	LeadRef *AgentReference `json:"leadRef,omitempty"`

	// defaultQueueRef names the queue of a ticket that no rule of the team's RoutingPolicy sends elsewhere.
	// +optional
	DefaultQueueRef *QueueReference `json:"defaultQueueRef,omitempty"`

	// defaults for the agents and queues of the team.
	// +optional
	Defaults MemberDefaults `json:"defaults,omitzero"`
}

// SupportTeam is a group of people with a lead and a part of the work.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=team,categories=support
// +kubebuilder:printcolumn:name="Desk",type=string,JSONPath=`.spec.helpDeskRef.name`
// +kubebuilder:printcolumn:name="Lead",type=string,JSONPath=`.spec.leadRef.name`
// +kubebuilder:printcolumn:name="Default Queue",type=string,JSONPath=`.spec.defaultQueueRef.name`
// +kubebuilder:printcolumn:name="Parent",type=string,JSONPath=`.spec.parentTeamRef.name`,priority=1
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Message",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].message`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type SupportTeam struct {
	metav1.TypeMeta `json:",inline"`

	// metadata of the object.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitzero"`

	// spec declares what is wanted.
	// +required
	Spec SupportTeamSpec `json:"spec,omitzero"`

	// status tells what is observed.
	// +optional
	Status Status `json:"status,omitzero"`
}

// SupportTeamList is a list of SupportTeams.
//
// +kubebuilder:object:root=true
type SupportTeamList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []SupportTeam `json:"items"`
}
