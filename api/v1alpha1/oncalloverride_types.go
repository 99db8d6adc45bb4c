package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// OnCallOverrideSpec declares who covers whom, and when. It puts somebody else in the place of who has duty then, and never
// adds any. Two overrides of the same duty must not overlap.
//
// +kubebuilder:validation:XValidation:rule="self.startTime < self.endTime",message="endTime must come after startTime"
// +kubebuilder:validation:XValidation:rule="!has(self.replacesAgentRef) || self.replacesAgentRef.name != self.agentRef.name",message="agentRef and replacesAgentRef name the same agent: name the one who covers and the one who is covered"
type OnCallOverrideSpec struct {
	// rotationRef names the rotation.
	// +required
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="rotationRef is immutable: create another override for the other rotation"
	RotationRef OnCallRotationReference `json:"rotationRef,omitzero"`

	// replacesAgentRef names the agent whose duty it is. Absent: whoever has it.
	// +optional
	ReplacesAgentRef *AgentReference `json:"replacesAgentRef,omitempty"`

	// agentRef names the agent who serves.
	// +required
	AgentRef AgentReference `json:"agentRef,omitzero"`

	// startTime from which on the agent serves.
	// +required
	StartTime metav1.Time `json:"startTime,omitzero"`

	// endTime until which the agent serves.
	// +required
	EndTime metav1.Time `json:"endTime,omitzero"`

	// reason of the override, for people.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	Reason string `json:"reason,omitempty"`
}

// OnCallOverride puts an agent in another's place for a time: a swap, a leave, an illness.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=override,categories=support
// +kubebuilder:printcolumn:name="Rotation",type=string,JSONPath=`.spec.rotationRef.name`
// +kubebuilder:printcolumn:name="Agent",type=string,JSONPath=`.spec.agentRef.name`
// +kubebuilder:printcolumn:name="For",type=string,JSONPath=`.spec.replacesAgentRef.name`
// +kubebuilder:printcolumn:name="From",type=string,JSONPath=`.spec.startTime`
// +kubebuilder:printcolumn:name="To",type=string,JSONPath=`.spec.endTime`
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Message",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].message`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type OnCallOverride struct {
	metav1.TypeMeta `json:",inline"`

	// metadata of the object.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitzero"`

	// spec declares what is wanted.
	// +required
	Spec OnCallOverrideSpec `json:"spec,omitzero"`

	// status tells what is observed.
	// +optional
	Status Status `json:"status,omitzero"`
}

// OnCallOverrideList is a list of OnCallOverrides.
//
// +kubebuilder:object:root=true
type OnCallOverrideList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []OnCallOverride `json:"items"`
}
