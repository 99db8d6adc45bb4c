package v1alpha1

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// StorageType is where a desk keeps its tickets.
//
// +kubebuilder:validation:Enum=Embedded
type StorageType string

// StorageEmbedded keeps tickets in a database file on a volume of the desk.
const StorageEmbedded StorageType = "Embedded"

// DeletionPolicy says what happens to the tickets when their HelpDesk is deleted.
//
// +kubebuilder:validation:Enum=Retain;Delete
type DeletionPolicy string

const (
	// DeletionRetain keeps the volume; a HelpDesk of the same name finds its tickets again.
	DeletionRetain DeletionPolicy = "Retain"
	// DeletionDelete deletes the volume with the HelpDesk.
	DeletionDelete DeletionPolicy = "Delete"
)

// EmbeddedStorage is a volume with the desk's database file.
//
// +kubebuilder:validation:XValidation:rule="!has(self.size) || quantity(string(self.size)).compareTo(quantity('64Mi')) >= 0",message="storage.embedded.size must be at least 64Mi"
type EmbeddedStorage struct {
	// size of the volume. It can grow where the storage class allows it.
	// +optional
	// +default="10Gi"
	Size resource.Quantity `json:"size,omitempty"`

	// storageClassName of the volume. Absent: the cluster's default class.
	// +optional
	StorageClassName *ObjectName `json:"storageClassName,omitempty"`
}

// Storage is where the desk keeps its tickets.
//
// +kubebuilder:validation:XValidation:rule="self.type == oldSelf.type",message="storage.type is immutable: create a new HelpDesk and restore a backup into it"
type Storage struct {
	// type of storage.
	// +optional
	// +default="Embedded"
	Type StorageType `json:"type,omitempty"`

	// embedded applies to type Embedded.
	// +optional
	// +default={}
	Embedded EmbeddedStorage `json:"embedded,omitzero"`
}

// TicketEventType is a kind of ticket event, as the CloudEvents that a webhook receives name it.
//
// +kubebuilder:validation:Enum=Opened;Offered;Accepted;Returned;Transferred;Updated;Resolved;Reopened;Closed;Cancelled;Escalated
type TicketEventType string

// Webhook receives ticket events as CloudEvents over HTTP, at least once, each with a stable id.
type Webhook struct {
	// name of the webhook, unique in the HelpDesk.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([a-z0-9-]*[a-z0-9])?$`
	Name string `json:"name,omitempty"`

	// url the events are posted to.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=2048
	// +kubebuilder:validation:XValidation:rule="isURL(self) && url(self).getScheme() in ['http', 'https'] && url(self).getHost() != ''",message="must be an absolute http or https URL, such as https://example.com/hook"
	URL string `json:"url,omitempty"`

	// events to send. Absent: all.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=16
	Events []TicketEventType `json:"events,omitempty"`
}

// DeskWorkload shapes the desk's pod.
type DeskWorkload struct {
	// resources of the desk's container.
	// +optional
	Resources corev1.ResourceRequirements `json:"resources,omitzero"`
}

// HelpDeskSpec declares the tenant's running instance: one desk, its store, its address.
type HelpDeskSpec struct {
	// storage of the tickets.
	// +optional
	// +default={"type": "Embedded"}
	Storage Storage `json:"storage,omitzero"`

	// defaultTeamRef names the team whose RoutingPolicy sees tickets that name no team.
	// +required
	DefaultTeamRef SupportTeamReference `json:"defaultTeamRef,omitzero"`

	// deletionPolicy says what happens to the tickets when the HelpDesk is deleted.
	// +optional
	// +default="Retain"
	DeletionPolicy DeletionPolicy `json:"deletionPolicy,omitempty"`

	// reopenWindow is how long a customer's reply reopens a resolved ticket. When it ends the ticket closes; a later reply
	// opens a linked one.
	// +optional
	// +default="72h"
	ReopenWindow Duration `json:"reopenWindow,omitempty"`

	// maxMissedOffers is the number of offers in a row that an agent lets expire before the desk sets them Away.
	// +optional
	// +default=2
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=100
	MaxMissedOffers int32 `json:"maxMissedOffers,omitempty"`

	// webhooks that receive ticket events.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=16
	Webhooks []Webhook `json:"webhooks,omitempty"`

	// notifiers are the ways to tell agents of offers, hand-offs and escalations; their contacts name them.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=16
	Notifiers []Notifier `json:"notifiers,omitempty"`

	// externalURL is the address at which people reach the desk, such as that of an Ingress; notifications link to pages
	// below it. Absent: the address of the desk's Service, which is good inside the cluster.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=2048
	// +kubebuilder:validation:XValidation:rule="isURL(self) && url(self).getScheme() in ['http', 'https'] && url(self).getHost() != '' && !self.contains('?') && !self.contains('#')",message="must be an absolute http or https URL without query, such as https://support.example.com"
	ExternalURL string `json:"externalURL,omitempty"`

	// desk shapes the desk's pod.
	// +optional
	Desk DeskWorkload `json:"desk,omitzero"`
}

// HelpDeskStatus is the observed state of a HelpDesk.
type HelpDeskStatus struct {
	Status `json:",inline"`

	// address of the desk's API inside the cluster.
	// +optional
	// +kubebuilder:validation:MaxLength=512
	Address string `json:"address,omitempty"`
}

// HelpDesk is the tenant's running instance: one desk, its store, its address.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=desk,categories=support
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Reachable",type=string,JSONPath=`.status.conditions[?(@.type=="DeskReachable")].status`
// +kubebuilder:printcolumn:name="Address",type=string,JSONPath=`.status.address`
// +kubebuilder:printcolumn:name="Default Team",type=string,JSONPath=`.spec.defaultTeamRef.name`,priority=1
// +kubebuilder:printcolumn:name="Message",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].message`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:validation:XValidation:rule="self.metadata.name.size() <= 40",message="metadata.name of a HelpDesk may have at most 40 characters: its workloads and Services carry the name"
// +kubebuilder:validation:XValidation:rule="self.metadata.name.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$')",message="metadata.name of a HelpDesk must start with a letter and have only lower case letters, digits and '-': its Service carries the name"
type HelpDesk struct {
	metav1.TypeMeta `json:",inline"`

	// metadata of the object.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitzero"`

	// spec declares what is wanted.
	// +required
	Spec HelpDeskSpec `json:"spec,omitzero"`

	// status tells what is observed.
	// +optional
	Status HelpDeskStatus `json:"status,omitzero"`
}

// HelpDeskList is a list of HelpDesks.
//
// +kubebuilder:object:root=true
type HelpDeskList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []HelpDesk `json:"items"`
}
