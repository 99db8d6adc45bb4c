package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// EscalationTriggerType is what starts an escalation.
//
// +kubebuilder:validation:Enum=Unassigned;FirstResponseAtRisk;FirstResponseBreached;NextResponseAtRisk;NextResponseBreached;ResolutionAtRisk;ResolutionBreached;Requested;Reopened;Matches
type EscalationTriggerType string

const (
	// TriggerUnassigned: the ticket has waited for an agent for too long, offered or not.
	TriggerUnassigned EscalationTriggerType = "Unassigned"
	// TriggerFirstResponseAtRisk and those that follow: the ticket's service level warned of the target, or it was missed.
	TriggerFirstResponseAtRisk   EscalationTriggerType = "FirstResponseAtRisk"
	TriggerFirstResponseBreached EscalationTriggerType = "FirstResponseBreached"
	TriggerNextResponseAtRisk    EscalationTriggerType = "NextResponseAtRisk"
	TriggerNextResponseBreached  EscalationTriggerType = "NextResponseBreached"
	TriggerResolutionAtRisk      EscalationTriggerType = "ResolutionAtRisk"
	TriggerResolutionBreached    EscalationTriggerType = "ResolutionBreached"
	// TriggerRequested: somebody asked for it, with a reason.
	TriggerRequested EscalationTriggerType = "Requested"
	// TriggerReopened: the ticket was resolved, and is not.
	TriggerReopened EscalationTriggerType = "Reopened"
	// TriggerMatches: an expression became true of the ticket.
	TriggerMatches EscalationTriggerType = "Matches"
)

// EscalationTrigger starts an escalation of a ticket, unless one of the policy is under way.
//
// +kubebuilder:validation:XValidation:rule="(self.type == 'Unassigned') == has(self.after)",message="after says how long a ticket may be Unassigned: give it with that type, and with no other"
// +kubebuilder:validation:XValidation:rule="(self.type == 'Matches') == has(self.when)",message="when is the expression of type Matches: give it with that type, and with no other"
type EscalationTrigger struct {
	// type of the trigger.
	// +required
	Type EscalationTriggerType `json:"type,omitempty"`

	// after is how long the ticket may be without an agent, counted from when it was opened or lost its agent.
	// +optional
	After Duration `json:"after,omitempty"`

	// when is a CEL expression over `ticket` that yields true or false; the trigger acts when it becomes true.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=2048
	When string `json:"when,omitempty"`
}

// EscalationActionType is what a step does.
//
// +kubebuilder:validation:Enum=NotifyOnCall;NotifyAgent;NotifyChain;TransferToQueue;TransferToNextLevel;RaisePriority;Webhook
type EscalationActionType string

const (
	// ActionNotifyOnCall notifies who is on call when the step is due.
	ActionNotifyOnCall EscalationActionType = "NotifyOnCall"
	// ActionNotifyAgent notifies one agent.
	ActionNotifyAgent EscalationActionType = "NotifyAgent"
	// ActionNotifyChain notifies the lead of the owner's team, or the manager of the ticket's agent.
	ActionNotifyChain EscalationActionType = "NotifyChain"
	// ActionTransferToQueue hands the ticket to a queue.
	ActionTransferToQueue EscalationActionType = "TransferToQueue"
	// ActionTransferToNextLevel hands the ticket to the default queue of the team's next tier up.
	ActionTransferToNextLevel EscalationActionType = "TransferToNextLevel"
	// ActionRaisePriority raises the ticket's priority, and never lowers it.
	ActionRaisePriority EscalationActionType = "RaisePriority"
	// ActionWebhook calls a webhook of the HelpDesk, whichever events it takes otherwise.
	ActionWebhook EscalationActionType = "Webhook"
)

// Chain is a line of responsibility.
//
// +kubebuilder:validation:Enum=Lead;Manager
type Chain string

const (
	// ChainLead is the lead of the owner's team; of a team without one, the lead of the nearest team above.
	ChainLead Chain = "Lead"
	// ChainManager is the manager of the ticket's agent; of a ticket without agent, that of the team's lead.
	ChainManager Chain = "Manager"
)

// EscalationAction is one thing that a step does.
//
// +kubebuilder:validation:XValidation:rule="(self.type == 'NotifyOnCall') == has(self.rotationRef)",message="rotationRef says who is notified by NotifyOnCall: give it with that type, and with no other"
// +kubebuilder:validation:XValidation:rule="(self.type == 'NotifyAgent') == has(self.agentRef)",message="agentRef says who is notified by NotifyAgent: give it with that type, and with no other"
// +kubebuilder:validation:XValidation:rule="(self.type == 'NotifyChain') == has(self.chain)",message="chain says who is notified by NotifyChain: give Lead or Manager with that type, and with no other"
// +kubebuilder:validation:XValidation:rule="(self.type == 'TransferToQueue') == has(self.queueRef)",message="queueRef says where TransferToQueue hands the ticket: give it with that type, and with no other"
// +kubebuilder:validation:XValidation:rule="(self.type == 'RaisePriority') == has(self.priority)",message="priority says what RaisePriority raises to: give it with that type, and with no other"
// +kubebuilder:validation:XValidation:rule="(self.type == 'Webhook') == has(self.webhook)",message="webhook names the HelpDesk's webhook that is called: give it with type Webhook, and with no other"
type EscalationAction struct {
	// type of the action.
	// +required
	Type EscalationActionType `json:"type,omitempty"`

	// rotationRef names the OnCallRotation whose people on call are notified.
	// +optional
	RotationRef *OnCallRotationReference `json:"rotationRef,omitempty"`

	// agentRef names the agent who is notified.
	// +optional
	AgentRef *AgentReference `json:"agentRef,omitempty"`

	// chain of responsibility whose first person is notified.
	// +optional
	Chain Chain `json:"chain,omitempty"`

	// queueRef names the queue that gets the ticket.
	// +optional
	QueueRef *QueueReference `json:"queueRef,omitempty"`

	// priority the ticket has at least from then on.
	// +optional
	Priority Priority `json:"priority,omitempty"`

	// webhook of the HelpDesk, by its name.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	Webhook string `json:"webhook,omitempty"`
}

// EscalationStep is what happens at a time of an escalation.
type EscalationStep struct {
	// name of the step, unique in the policy; the ticket's history shows it.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([a-z0-9-]*[a-z0-9])?$`
	Name string `json:"name,omitempty"`

	// after is when the step is due, counted from the start of its round; 0s is at once. It grows from step to step. A step
	// that reaches nobody makes the next one due at once.
	// +required
	After Duration `json:"after,omitempty"`

	// notify says whether all its notifying actions take place, or one of them, the next with each escalation (RoundRobin).
	// +optional
	// +default="All"
	Notify StepNotify `json:"notify,omitempty"`

	// actions of the step, in order.
	// +required
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=20
	Actions []EscalationAction `json:"actions,omitempty"`
}

// StepNotify says which of a step's notifying actions take place.
//
// +kubebuilder:validation:Enum=All;RoundRobin
type StepNotify string

const (
	// NotifyAll of them.
	NotifyAll StepNotify = "All"
	// NotifyRoundRobin: one of them, the next with each escalation.
	NotifyRoundRobin StepNotify = "RoundRobin"
)

// EscalationRepeat says how often the steps are gone through again while nobody acts.
type EscalationRepeat struct {
	// times the steps are repeated after the first round.
	// +required
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=10
	Times int32 `json:"times,omitempty"`

	// every round starts this long after the last step of the one before.
	// +required
	Every Duration `json:"every,omitempty"`
}

// EscalationPolicySpec declares what happens to a ticket that nobody acts on.
type EscalationPolicySpec struct {
	// helpDeskRef names the HelpDesk the policy belongs to. Absent: the only one of the namespace.
	// +optional
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="helpDeskRef is immutable: create the policy anew under the other HelpDesk"
	HelpDeskRef *HelpDeskReference `json:"helpDeskRef,omitempty"`

	// triggers of an escalation: any of them starts one.
	// +required
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	Triggers []EscalationTrigger `json:"triggers,omitempty"`

	// steps in order. An escalation under way keeps the steps it started with; whom they reach is decided when they are due.
	// +required
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=10
	Steps []EscalationStep `json:"steps,omitempty"`

	// repeat the steps while nobody acts. Absent: they are gone through once.
	// +optional
	Repeat *EscalationRepeat `json:"repeat,omitempty"`

	// acknowledgementTimeout is how long an acknowledgement, or an agent's accepting the ticket, stops the escalation: if
	// the ticket is not resolved by then, it goes on, so that nothing acknowledged is forgotten. At least 1m.
	// +optional
	// +default="30m"
	AcknowledgementTimeout Duration `json:"acknowledgementTimeout,omitempty"`
}

// EscalationPolicy is what happens, and when, to a ticket that nobody acts on.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:path=escalationpolicies,shortName=esc,categories=support
// +kubebuilder:printcolumn:name="Repeats",type=integer,JSONPath=`.spec.repeat.times`
// +kubebuilder:printcolumn:name="Every",type=string,JSONPath=`.spec.repeat.every`
// +kubebuilder:printcolumn:name="Acknowledged For",type=string,JSONPath=`.spec.acknowledgementTimeout`
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Message",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].message`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type EscalationPolicy struct {
	metav1.TypeMeta `json:",inline"`

	// metadata of the object.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitzero"`

	// spec declares what is wanted.
	// +required
	Spec EscalationPolicySpec `json:"spec,omitzero"`

	// status tells what is observed.
	// +optional
	Status Status `json:"status,omitzero"`
}

// EscalationPolicyList is a list of EscalationPolicies.
//
// +kubebuilder:object:root=true
type EscalationPolicyList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []EscalationPolicy `json:"items"`
}
