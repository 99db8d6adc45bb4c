package v1alpha1

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// WorkerWorkload shapes the queue-worker pods of a Tier.
type WorkerWorkload struct {
	// resources of the queue worker's container.
	// +optional
	Resources corev1.ResourceRequirements `json:"resources,omitzero"`
}

// TierSpec declares a line of support: its queues, who works them, and how many queue workers run for it.
type TierSpec struct {
	// teamRef names the team the tier belongs to.
	// +required
	TeamRef SupportTeamReference `json:"teamRef,omitzero"`

	// level of the tier: tickets escalate from lower to higher.
	// +required
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=10
	Level int32 `json:"level,omitempty"`

	// replicas is the number of queue workers. They offer tickets and deliver events; they are not agents. Zero stops both
	// for this tier and loses nothing.
	// +optional
	// +default=1
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=100
	Replicas *int32 `json:"replicas,omitempty"`

	// agentSelector chooses the agents of the tier among those of the HelpDesk, by label. {} chooses all.
	// +required
	AgentSelector *metav1.LabelSelector `json:"agentSelector,omitempty"`

	// defaultQueueRef names the tier's queue for tickets that come to the tier without one, such as those of a deleted queue.
	// +optional
	DefaultQueueRef *QueueReference `json:"defaultQueueRef,omitempty"`

	// worker shapes the queue-worker pods.
	// +optional
	Worker WorkerWorkload `json:"worker,omitzero"`
}

// TierStatus is the observed state of a Tier.
type TierStatus struct {
	Status `json:",inline"`

	// replicas is the number of queue-worker pods.
	// +optional
	// +kubebuilder:validation:Minimum=0
	Replicas int32 `json:"replicas"`

	// readyReplicas is the number of queue-worker pods that are ready.
	// +optional
	// +kubebuilder:validation:Minimum=0
	ReadyReplicas int32 `json:"readyReplicas"`

	// selector of the queue-worker pods, for autoscalers.
	// +optional
	// +kubebuilder:validation:MaxLength=1024
	Selector string `json:"selector,omitempty"`

	// agents is the number of agents the tier's selector and assignments choose.
	// +optional
	// +kubebuilder:validation:Minimum=0
	Agents int32 `json:"agents"`
}

// Tier is a line of support with its queue workers.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:subresource:scale:specpath=.spec.replicas,statuspath=.status.replicas,selectorpath=.status.selector
// +kubebuilder:resource:shortName=tier,categories=support
// +kubebuilder:printcolumn:name="Team",type=string,JSONPath=`.spec.teamRef.name`
// +kubebuilder:printcolumn:name="Level",type=integer,JSONPath=`.spec.level`
// +kubebuilder:printcolumn:name="Agents",type=integer,JSONPath=`.status.agents`
// +kubebuilder:printcolumn:name="Workers",type=integer,JSONPath=`.status.readyReplicas`
// +kubebuilder:printcolumn:name="Desired",type=integer,JSONPath=`.spec.replicas`
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Message",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].message`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:validation:XValidation:rule="self.metadata.name.size() <= 50",message="metadata.name of a Tier may have at most 50 characters: its queue workers carry the name"
type Tier struct {
	metav1.TypeMeta `json:",inline"`

	// metadata of the object.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitzero"`

	// spec declares what is wanted.
	// +required
	Spec TierSpec `json:"spec,omitzero"`

	// status tells what is observed.
	// +optional
	Status TierStatus `json:"status,omitzero"`
}

// TierList is a list of Tiers.
//
// +kubebuilder:object:root=true
type TierList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []Tier `json:"items"`
}
