package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// SubjectKind is a kind of identity the kube-apiserver authenticates.
//
// +kubebuilder:validation:Enum=ServiceAccount;User
type SubjectKind string

const (
	// SubjectServiceAccount is a ServiceAccount of the same namespace.
	SubjectServiceAccount SubjectKind = "ServiceAccount"
	// SubjectUser is a user name as the cluster's authentication gives it.
	SubjectUser SubjectKind = "User"
)

// Subject is the identity that may act as an agent.
type Subject struct {
	// kind of identity.
	// +required
	Kind SubjectKind `json:"kind,omitempty"`

	// name of the ServiceAccount or user.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name,omitempty"`
}

// Role is what somebody does in a support organisation.
//
// +kubebuilder:validation:Enum=Agent;TeamLead;Supervisor;Mentor;Coach;QAAnalyst;Manager
type Role string

// AgentSkill is a skill an agent has.
type AgentSkill struct {
	// name of the skill.
	// +required
	Name Skill `json:"name,omitempty"`

	// level from 1 (learning) to 5 (expert).
	// +required
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=5
	Level int32 `json:"level,omitempty"`
}

// Assignment puts an agent on a queue beyond what the selectors choose; with an end it is a loan.
//
// +kubebuilder:validation:XValidation:rule="!has(self.startTime) || !has(self.endTime) || self.startTime < self.endTime",message="endTime must come after startTime"
type Assignment struct {
	// queueRef names the queue. Its requirements still apply.
	// +required
	QueueRef QueueReference `json:"queueRef,omitzero"`

	// startTime is the first instant of it. Absent: it holds already.
	// +optional
	StartTime *metav1.Time `json:"startTime,omitempty"`

	// endTime is when it is over. Absent: it has no end.
	// +optional
	EndTime *metav1.Time `json:"endTime,omitempty"`
}

// RampUp gives somebody new less to do at first. The limits grow each week by the same part, rounded down, and are never
// below one.
type RampUp struct {
	// from is the first day of the first week, in the zone of the agent's schedule; UTC for an agent without one.
	// +required
	From Date `json:"from,omitempty"`

	// weeks until the limits hold in full.
	// +required
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=104
	Weeks int32 `json:"weeks,omitempty"`

	// startPercent is the part of the limits that holds in the first week, and before.
	// +required
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=99
	StartPercent int32 `json:"startPercent,omitempty"`
}

// AgentSpec declares a person who works tickets.
type AgentSpec struct {
	// displayName as others see it. Absent: the object's name.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	DisplayName string `json:"displayName,omitempty"`

	// subject that may act as this agent. Absent: only who may impersonate agents.
	// +optional
	Subject *Subject `json:"subject,omitempty"`

	// teamRef names the team the agent reports to.
	// +required
	TeamRef SupportTeamReference `json:"teamRef,omitzero"`

	// managerRef names the agent this one reports to.
	// +optional
	ManagerRef *AgentReference `json:"managerRef,omitempty"`

	// roles of the agent.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=8
	Roles []Role `json:"roles,omitempty"`

	// approvalLimit is the largest amount of a ticket that the agent resolves without asking. Above it, and of another
	// currency, the first up the chain of managerRefs who may approves. Absent: any amount.
	// +optional
	ApprovalLimit *Money `json:"approvalLimit,omitempty"`

	// skills of the agent.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=64
	Skills []AgentSkill `json:"skills,omitempty"`

	// languages the agent speaks. Absent: the team's default.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=32
	Languages []Language `json:"languages,omitempty"`

	// limits per channel. Absent: the team's default, else one ticket at a time. A channel not listed is limited to one.
	// +optional
	// +listType=map
	// +listMapKey=channel
	// +kubebuilder:validation:MaxItems=32
	Limits []ChannelLimit `json:"limits,omitempty"`

	// schedule by which the agent is on duty. Absent: the team's default, else around the clock. Nobody is offered work
	// while off duty.
	// +optional
	Schedule *Schedule `json:"schedule,omitempty"`

	// absences during which the agent is off duty. Short notice goes to the desk: caseload agent absence.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=64
	Absences []Absence `json:"absences,omitempty"`

	// rampUp of somebody new. Absent: the limits hold in full.
	// +optional
	RampUp *RampUp `json:"rampUp,omitempty"`

	// assignments to queues beyond what the selectors choose.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=128
	Assignments []Assignment `json:"assignments,omitempty"`

	// contacts are where the agent is told of offers, hand-offs and escalations, in the order in which they are told.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=8
	Contacts []Contact `json:"contacts,omitempty"`
}

// Agent is a person who works tickets.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=agent,categories=support
// +kubebuilder:printcolumn:name="Display Name",type=string,JSONPath=`.spec.displayName`
// +kubebuilder:printcolumn:name="Team",type=string,JSONPath=`.spec.teamRef.name`
// +kubebuilder:printcolumn:name="Schedule",type=string,JSONPath=`.spec.schedule.calendarRef.name`,priority=1
// +kubebuilder:printcolumn:name="Manager",type=string,JSONPath=`.spec.managerRef.name`
// +kubebuilder:printcolumn:name="Roles",type=string,JSONPath=`.spec.roles`,priority=1
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Message",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].message`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type Agent struct {
	metav1.TypeMeta `json:",inline"`

	// metadata of the object.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitzero"`

	// spec declares what is wanted.
	// +required
	Spec AgentSpec `json:"spec,omitzero"`

	// status tells what is observed.
	// +optional
	Status Status `json:"status,omitzero"`
}

// AgentList is a list of Agents.
//
// +kubebuilder:object:root=true
type AgentList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []Agent `json:"items"`
}
