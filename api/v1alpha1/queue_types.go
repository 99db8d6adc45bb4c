package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// LanguageMatch says whether an agent must speak the ticket's language.
//
// +kubebuilder:validation:Enum=Required;Preferred;Ignored
type LanguageMatch string

const (
	// LanguageRequired: only agents who speak the ticket's language are offered it.
	LanguageRequired LanguageMatch = "Required"
	// LanguagePreferred: agents who speak it come first.
	LanguagePreferred LanguageMatch = "Preferred"
	// LanguageIgnored: the language does not count.
	LanguageIgnored LanguageMatch = "Ignored"
)

// SkillRequirement is a skill an agent must have, at least at a level.
type SkillRequirement struct {
	// name of the skill.
	// +required
	Name Skill `json:"name,omitempty"`

	// minLevel the agent must have, 1 to 5.
	// +optional
	// +default=1
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=5
	MinLevel int32 `json:"minLevel,omitempty"`
}

// Requirements are what an agent must meet to be offered a queue's tickets.
type Requirements struct {
	// skills of which the agent must have all.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=16
	Skills []SkillRequirement `json:"skills,omitempty"`

	// languageMatch says whether the agent must speak the ticket's language. A ticket without a language matches everybody.
	// +optional
	// +default="Ignored"
	LanguageMatch LanguageMatch `json:"languageMatch,omitempty"`
}

// Strategy chooses among the agents who can take a ticket.
//
// +kubebuilder:validation:Enum=LeastOccupied;LongestIdle;MostSkilled;RoundRobin
type Strategy string

const (
	// LeastOccupied prefers the agent with the smallest used part of the capacity.
	LeastOccupied Strategy = "LeastOccupied"
	// LongestIdle prefers the agent who has been without work for the longest.
	LongestIdle Strategy = "LongestIdle"
	// MostSkilled prefers the agent with the highest levels in the required skills.
	MostSkilled Strategy = "MostSkilled"
	// RoundRobin prefers the agent whose last offer is the longest ago.
	RoundRobin Strategy = "RoundRobin"
)

// OfferMode says how a ticket reaches an agent.
//
// +kubebuilder:validation:Enum=Manual;Auto
type OfferMode string

const (
	// OfferManual: the agent accepts or declines within the timeout.
	OfferManual OfferMode = "Manual"
	// OfferAuto: the ticket is the agent's at once.
	OfferAuto OfferMode = "Auto"
)

// Offer says how tickets of a queue reach agents.
//
// +kubebuilder:validation:XValidation:rule="!has(self.timeout) || duration(self.timeout) >= duration('5s') && duration(self.timeout) <= duration('24h')",message="offer.timeout must be from 5s to 24h"
type Offer struct {
	// mode of the offer.
	// +optional
	// +default="Manual"
	Mode OfferMode `json:"mode,omitempty"`

	// timeout after which an offer that was neither accepted nor declined goes to somebody else. Mode Auto has none.
	// +optional
	// +default="30s"
	Timeout Duration `json:"timeout,omitempty"`
}

// RelaxationStage are the requirements that hold for a ticket from a time in the queue on.
//
// +kubebuilder:validation:XValidation:rule="duration(self.after) >= duration('1s') && duration(self.after) <= duration('720h')",message="relaxation.after must be from 1s to 720h"
type RelaxationStage struct {
	// after this time in the queue the stage begins. Each stage is later than the one before.
	// +required
	After Duration `json:"after,omitempty"`

	// requirements of the stage, in full: what is not repeated here is not asked any more. {} asks nothing.
	// +required
	Requirements *Requirements `json:"requirements,omitempty"`
}

// Overflow hands tickets that wait too long to another queue.
//
// +kubebuilder:validation:XValidation:rule="!has(self.after) || duration(self.after) >= duration('1s') && duration(self.after) <= duration('720h')",message="overflow.after must be from 1s to 720h"
type Overflow struct {
	// after this time in the queue a ticket that nobody has taken goes to the other queue. Absent: only what finds this
	// queue full goes there.
	// +optional
	After Duration `json:"after,omitempty"`

	// queueRef names the queue that takes them, in any tier. One that is full or does not serve the ticket's channel is
	// passed over for the queue that it overflows to.
	// +required
	QueueRef QueueReference `json:"queueRef,omitzero"`
}

// WhenFull says what becomes of a ticket that routing sends to a full queue.
//
// +kubebuilder:validation:Enum=Overflow;Reject
type WhenFull string

const (
	// WhenFullOverflow: it goes to the queue that overflow names.
	WhenFullOverflow WhenFull = "Overflow"
	// WhenFullReject: it is not opened, and who sends it is told so.
	WhenFullReject WhenFull = "Reject"
)

// WaitingLimit bounds how many tickets wait in a queue.
type WaitingLimit struct {
	// max is the number of waiting tickets from which on the queue is full.
	// +required
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1000000
	Max int32 `json:"max,omitempty"`

	// whenFull says what becomes of a ticket that routing sends here then. What people transfer, what an agent gives back and
	// what comes from a deleted queue is always taken.
	// +required
	WhenFull WhenFull `json:"whenFull,omitempty"`
}

// QueueState says whether tickets of the queue are offered.
//
// +kubebuilder:validation:Enum=Open;Paused
type QueueState string

const (
	// QueueOpen takes tickets and offers them.
	QueueOpen QueueState = "Open"
	// QueuePaused takes tickets and keeps them.
	QueuePaused QueueState = "Paused"
)

// QueueSpec declares a line of waiting tickets and who is offered them.
//
// +kubebuilder:validation:XValidation:rule="!has(self.waitingLimit) || self.waitingLimit.whenFull != 'Overflow' || has(self.overflow)",message="waitingLimit.whenFull: Overflow needs overflow.queueRef: name the queue that takes what finds no room, or say whenFull: Reject"
type QueueSpec struct {
	// tierRef names the tier whose agents and queue workers serve the queue.
	// +required
	TierRef TierReference `json:"tierRef,omitzero"`

	// channels the queue serves. Absent: every channel.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=32
	Channels []Channel `json:"channels,omitempty"`

	// agentSelector narrows the tier's agents to those it selects, too. Absent: all of the tier.
	// +optional
	AgentSelector *metav1.LabelSelector `json:"agentSelector,omitempty"`

	// priority of the queue among those that share agents: higher goes first.
	// +optional
	// +default=0
	// +kubebuilder:validation:Minimum=-1000
	// +kubebuilder:validation:Maximum=1000
	Priority int32 `json:"priority,omitempty"`

	// requirements an agent must meet.
	// +optional
	Requirements Requirements `json:"requirements,omitzero"`

	// relaxation of the requirements for tickets that wait long, in stages. Time counts from the ticket's entry into the queue.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=8
	// +kubebuilder:validation:XValidation:rule="[1, 2, 3, 4, 5, 6, 7].all(i, i >= size(self) || duration(self[i - 1].after) < duration(self[i].after))",message="each stage of relaxation must begin later than the one before: sort them by after"
	Relaxation []RelaxationStage `json:"relaxation,omitempty"`

	// overflow hands tickets that wait too long, or find the queue full, to another queue. They keep their age.
	// +optional
	Overflow *Overflow `json:"overflow,omitempty"`

	// waitingLimit bounds how many tickets wait. Absent: any number.
	// +optional
	WaitingLimit *WaitingLimit `json:"waitingLimit,omitempty"`

	// strategy that chooses among agents who can take a ticket, after the one who last served its customer.
	// +optional
	// +default="LeastOccupied"
	Strategy Strategy `json:"strategy,omitempty"`

	// offer says how a ticket reaches an agent.
	// +optional
	// +default={"mode": "Manual"}
	Offer Offer `json:"offer,omitzero"`

	// state of the queue.
	// +optional
	// +default="Open"
	State QueueState `json:"state,omitempty"`
}

// QueueStatus is the observed state of a Queue.
type QueueStatus struct {
	Status `json:",inline"`

	// agents is the number of agents who can serve the queue.
	// +optional
	// +kubebuilder:validation:Minimum=0
	Agents int32 `json:"agents"`
}

// Queue is a line of waiting tickets.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=queue,categories=support
// +kubebuilder:printcolumn:name="Tier",type=string,JSONPath=`.spec.tierRef.name`
// +kubebuilder:printcolumn:name="Agents",type=integer,JSONPath=`.status.agents`
// +kubebuilder:printcolumn:name="Offers",type=string,JSONPath=`.spec.offer.mode`
// +kubebuilder:printcolumn:name="Strategy",type=string,JSONPath=`.spec.strategy`
// +kubebuilder:printcolumn:name="State",type=string,JSONPath=`.spec.state`
// +kubebuilder:printcolumn:name="Channels",type=string,JSONPath=`.spec.channels`,priority=1
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Message",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].message`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type Queue struct {
	metav1.TypeMeta `json:",inline"`

	// metadata of the object.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitzero"`

	// spec declares what is wanted.
	// +required
	Spec QueueSpec `json:"spec,omitzero"`

	// status tells what is observed.
	// +optional
	Status QueueStatus `json:"status,omitzero"`
}

// QueueList is a list of Queues.
//
// +kubebuilder:object:root=true
type QueueList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []Queue `json:"items"`
}
