package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// ServiceTargets say how long a ticket of a priority may take. What is not given has no target.
//
// +kubebuilder:validation:XValidation:rule="has(self.firstResponse) || has(self.nextResponse) || has(self.resolution)",message="a priority needs at least one of firstResponse, nextResponse and resolution; leave it out to give it the targets of the next lower priority"
// +kubebuilder:validation:XValidation:rule="[has(self.firstResponse) ? self.firstResponse : '1s', has(self.nextResponse) ? self.nextResponse : '1s', has(self.resolution) ? self.resolution : '1s'].all(d, duration(d) >= duration('1s'))",message="a target must be 1s or longer; leave out what has none"
type ServiceTargets struct {
	// priority of the tickets.
	// +required
	Priority Priority `json:"priority,omitempty"`

	// firstResponse is the time until an agent first replies to the customer, from the opening of the ticket.
	// +optional
	FirstResponse Duration `json:"firstResponse,omitempty"`

	// nextResponse is the time until an agent replies again, from the oldest message of the customer that has no reply.
	// +optional
	NextResponse Duration `json:"nextResponse,omitempty"`

	// resolution is the time until the ticket is resolved, from its opening. Pending and OnHold do not count, nor does the
	// time until a resolved ticket is reopened.
	// +optional
	Resolution Duration `json:"resolution,omitempty"`
}

// ServiceLevelSpec declares how soon tickets are answered and resolved.
type ServiceLevelSpec struct {
	// helpDeskRef names the HelpDesk the service level belongs to. Absent: the only one of the namespace.
	// +optional
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="helpDeskRef is immutable: create the service level anew under the other HelpDesk"
	HelpDeskRef *HelpDeskReference `json:"helpDeskRef,omitempty"`

	// calendarRef names the BusinessCalendar whose open hours count. Absent: time counts around the clock.
	// +optional
	CalendarRef *BusinessCalendarReference `json:"calendarRef,omitempty"`

	// warnAtPercent of a target used up, a warning is given.
	// +optional
	// +default=75
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=99
	WarnAtPercent int32 `json:"warnAtPercent,omitempty"`

	// targets per priority. A priority not listed has those of the next lower one that is; below the lowest there are none.
	// +required
	// +listType=map
	// +listMapKey=priority
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=4
	Targets []ServiceTargets `json:"targets,omitempty"`
}

// ServiceLevel is a promise of how soon tickets are answered and resolved.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=sl,categories=support
// +kubebuilder:printcolumn:name="Calendar",type=string,JSONPath=`.spec.calendarRef.name`
// +kubebuilder:printcolumn:name="Warn At",type=integer,JSONPath=`.spec.warnAtPercent`,priority=1
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Message",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].message`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type ServiceLevel struct {
	metav1.TypeMeta `json:",inline"`

	// metadata of the object.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitzero"`

	// spec declares what is wanted.
	// +required
	Spec ServiceLevelSpec `json:"spec,omitzero"`

	// status tells what is observed.
	// +optional
	Status Status `json:"status,omitzero"`
}

// ServiceLevelList is a list of ServiceLevels.
//
// +kubebuilder:object:root=true
type ServiceLevelList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []ServiceLevel `json:"items"`
}

// ServiceLevelReference names a ServiceLevel in the same namespace.
type ServiceLevelReference struct {
	// name of the ServiceLevel.
	// +required
	Name ObjectName `json:"name,omitempty"`
}
