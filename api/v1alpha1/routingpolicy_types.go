package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// AmountMatch is a range of money, both ends included.
//
// +kubebuilder:validation:XValidation:rule="!has(self.min) || !has(self.max) || self.min <= self.max",message="amount.min must not be above amount.max"
// +kubebuilder:validation:XValidation:rule="has(self.min) || has(self.max)",message="amount needs min, max or both"
type AmountMatch struct {
	// currency of the amount. A ticket in another currency does not match.
	// +required
	Currency Currency `json:"currency,omitempty"`

	// min amount, in whole units of the currency.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=1000000000000
	Min *int64 `json:"min,omitempty"`

	// max amount, in whole units of the currency.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=1000000000000
	Max *int64 `json:"max,omitempty"`
}

// TicketMatch is a set of conditions on a ticket: all that are given must hold, each by any of its values.
//
// +kubebuilder:validation:MinProperties=1
type TicketMatch struct {
	// channels of which the ticket came by one.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=32
	Channels []Channel `json:"channels,omitempty"`

	// categories of which the ticket has one.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=64
	Categories []Label `json:"categories,omitempty"`

	// products of which the ticket is about one.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=64
	Products []Label `json:"products,omitempty"`

	// languages of which the ticket is in one.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=32
	Languages []Language `json:"languages,omitempty"`

	// regions of which the ticket is from one.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=64
	Regions []Label `json:"regions,omitempty"`

	// customerSegments of which the customer is in one.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=32
	CustomerSegments []Label `json:"customerSegments,omitempty"`

	// tags of which the ticket carries at least one.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=32
	Tags []Tag `json:"tags,omitempty"`

	// priorities of which the ticket has one.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=4
	Priorities []Priority `json:"priorities,omitempty"`

	// amount the ticket is about.
	// +optional
	Amount *AmountMatch `json:"amount,omitempty"`
}

// TicketChanges are what a rule changes on a ticket it decides.
//
// +kubebuilder:validation:MinProperties=1
type TicketChanges struct {
	// priority the ticket gets.
	// +optional
	Priority Priority `json:"priority,omitempty"`

	// addTags are added to the ticket's tags.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=16
	AddTags []Tag `json:"addTags,omitempty"`

	// serviceLevelRef names the ServiceLevel the ticket gets. It keeps it through transfers.
	// +optional
	ServiceLevelRef *ServiceLevelReference `json:"serviceLevelRef,omitempty"`
}

// RoutingRule decides where a ticket goes. Match and when must both hold if both are given; with neither, it always matches.
//
// +kubebuilder:validation:XValidation:rule="has(self.queueRef) != has(self.teamRef)",message="a rule sends a ticket to exactly one place: give queueRef, or teamRef to let that team's RoutingPolicy decide"
type RoutingRule struct {
	// name of the rule, unique in the policy; the ticket's history shows it.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([a-z0-9-]*[a-z0-9])?$`
	Name string `json:"name,omitempty"`

	// match is a structured condition.
	// +optional
	Match *TicketMatch `json:"match,omitempty"`

	// when is a CEL expression over `ticket` that yields true or false, such as
	// ticket.subject.contains("down") && ticket.customer.segment == "Enterprise".
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=2048
	When string `json:"when,omitempty"`

	// set changes the ticket.
	// +optional
	Set *TicketChanges `json:"set,omitempty"`

	// queueRef names the queue the ticket goes to.
	// +optional
	QueueRef *QueueReference `json:"queueRef,omitempty"`

	// teamRef names the team whose RoutingPolicy decides further.
	// +optional
	TeamRef *SupportTeamReference `json:"teamRef,omitempty"`
}

// RoutingPolicySpec declares the rules by which a team's tickets find their queue.
type RoutingPolicySpec struct {
	// teamRef names the team. A team has at most one RoutingPolicy; of several the one in force counts, else the oldest.
	// +required
	TeamRef SupportTeamReference `json:"teamRef,omitzero"`

	// rules in order; the first that matches decides. If none does, the ticket goes to the team's default queue. A name
	// that two rules have is found when the plan is compiled: comparing so many with each other exceeds what CEL may cost.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=500
	Rules []RoutingRule `json:"rules,omitempty"`
}

// RoutingPolicy is the ordered rules by which a team's tickets find their queue.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:path=routingpolicies,shortName=routing,categories=support
// +kubebuilder:printcolumn:name="Team",type=string,JSONPath=`.spec.teamRef.name`
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Message",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].message`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type RoutingPolicy struct {
	metav1.TypeMeta `json:",inline"`

	// metadata of the object.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitzero"`

	// spec declares what is wanted.
	// +required
	Spec RoutingPolicySpec `json:"spec,omitzero"`

	// status tells what is observed.
	// +optional
	Status Status `json:"status,omitzero"`
}

// RoutingPolicyList is a list of RoutingPolicies.
//
// +kubebuilder:object:root=true
type RoutingPolicyList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []RoutingPolicy `json:"items"`
}
