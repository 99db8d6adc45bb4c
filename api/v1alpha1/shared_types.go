package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// PausedAnnotation on an object stops its controller from acting on it while the value is "true".
const PausedAnnotation = "support.caseload.dev/paused"

// RotateCertificateAnnotation on a HelpDesk demands a new authority and certificate for its desk: any value that was not
// met yet, such as the date. Old and new overlap, so nobody is interrupted.
const RotateCertificateAnnotation = "support.caseload.dev/rotate-certificate"

// ObjectName is the name of an object in the same namespace.
//
// +kubebuilder:validation:MinLength=1
// +kubebuilder:validation:MaxLength=253
// +kubebuilder:validation:XValidation:rule="!format.dns1123Subdomain().validate(self).hasValue()",message="must be an object's name: lower case letters, digits, '-' and '.', starting and ending with a letter or digit"
type ObjectName string

// HelpDeskReference names a HelpDesk in the same namespace.
type HelpDeskReference struct {
	// name of the HelpDesk.
	// +required
	Name ObjectName `json:"name,omitempty"`
}

// SupportTeamReference names a SupportTeam in the same namespace.
type SupportTeamReference struct {
	// name of the SupportTeam.
	// +required
	Name ObjectName `json:"name,omitempty"`
}

// TierReference names a Tier in the same namespace.
type TierReference struct {
	// name of the Tier.
	// +required
	Name ObjectName `json:"name,omitempty"`
}

// QueueReference names a Queue in the same namespace.
type QueueReference struct {
	// name of the Queue.
	// +required
	Name ObjectName `json:"name,omitempty"`
}

// AgentReference names an Agent in the same namespace.
type AgentReference struct {
	// name of the Agent.
	// +required
	Name ObjectName `json:"name,omitempty"`
}

// BusinessCalendarReference names a BusinessCalendar in the same namespace.
type BusinessCalendarReference struct {
	// name of the BusinessCalendar.
	// +required
	Name ObjectName `json:"name,omitempty"`
}

// EscalationPolicyReference names an EscalationPolicy in the same namespace.
type EscalationPolicyReference struct {
	// name of the EscalationPolicy.
	// +required
	Name ObjectName `json:"name,omitempty"`
}

// OnCallRotationReference names an OnCallRotation in the same namespace.
type OnCallRotationReference struct {
	// name of the OnCallRotation.
	// +required
	Name ObjectName `json:"name,omitempty"`
}

// Duration is a span of time such as 30s, 15m or 4h; units combine from large to small (1h30m).
//
// +kubebuilder:validation:MinLength=1
// +kubebuilder:validation:MaxLength=16
// +kubebuilder:validation:XValidation:rule="self.matches('^([0-9]{1,5}(h|m|s))+$')",message="must be a span of time like 30s, 15m or 1h30m; a day is 24h"
type Duration string

// Channel is the way a customer reached the desk. The set is open; Phone, Chat, Email, Web, Social and Visit are usual.
//
// +kubebuilder:validation:MinLength=1
// +kubebuilder:validation:MaxLength=63
// +kubebuilder:validation:Pattern=`^[A-Z][A-Za-z0-9]*$`
type Channel string

// Language is a BCP 47 tag such as de or pt-BR.
//
// +kubebuilder:validation:MinLength=2
// +kubebuilder:validation:MaxLength=35
// +kubebuilder:validation:Pattern=`^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$`
type Language string

// Skill is what an agent can do and a ticket may need: a product, a craft, a certificate.
//
// +kubebuilder:validation:MinLength=1
// +kubebuilder:validation:MaxLength=63
// +kubebuilder:validation:Pattern=`^[a-z0-9]([a-z0-9-]*[a-z0-9])?$`
type Skill string

// Tag is a free word on a ticket.
//
// +kubebuilder:validation:MinLength=1
// +kubebuilder:validation:MaxLength=63
type Tag string

// Label is a word a ticket is classified by: its category, product, region or customer segment.
//
// +kubebuilder:validation:MinLength=1
// +kubebuilder:validation:MaxLength=128
type Label string

// Priority ranks tickets: Urgent before High before Normal before Low.
//
// +kubebuilder:validation:Enum=Urgent;High;Normal;Low
type Priority string

const (
	PriorityUrgent Priority = "Urgent"
	PriorityHigh   Priority = "High"
	PriorityNormal Priority = "Normal"
	PriorityLow    Priority = "Low"
)

// Currency is an ISO 4217 code.
//
// +kubebuilder:validation:MinLength=3
// +kubebuilder:validation:MaxLength=3
// +kubebuilder:validation:Pattern=`^[A-Z]{3}$`
type Currency string

// Money is an amount of a currency.
type Money struct {
	// amount in whole units of the currency.
	// +required
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=1000000000000
	Amount *int64 `json:"amount,omitempty"`

	// currency of the amount.
	// +required
	Currency Currency `json:"currency,omitempty"`
}

// ChannelLimit says how much of one channel an agent holds at once. One ticket of the channel costs 1/max of the agent.
type ChannelLimit struct {
	// channel the limit is for.
	// +required
	Channel Channel `json:"channel,omitempty"`

	// max is the number of offered and open tickets of this channel that fill the agent.
	// +required
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=50
	Max int32 `json:"max,omitempty"`
}

// Status is what every kind reports.
type Status struct {
	// observedGeneration is the generation the conditions speak of.
	// +optional
	// +kubebuilder:validation:Minimum=0
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// conditions of the object. Ready sums up those that apply.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=16
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}
