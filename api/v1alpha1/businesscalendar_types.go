package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// YearlyDate is a day of every year, month before day, such as 12-24.
//
// +kubebuilder:validation:MinLength=1
// +kubebuilder:validation:MaxLength=16
// +kubebuilder:validation:XValidation:rule="self.matches('^(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$')",message="must be a month and a day of it, like 12-24"
type YearlyDate string

// Holiday is a day on which no hours begin.
//
// +kubebuilder:validation:XValidation:rule="has(self.date) != has(self.yearly)",message="a holiday is either on one date or yearly: give one of the two"
type Holiday struct {
	// name of the holiday.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	Name string `json:"name,omitempty"`

	// date of a holiday that does not come again.
	// +optional
	Date Date `json:"date,omitempty"`

	// yearly is the day of a holiday of every year.
	// +optional
	Yearly YearlyDate `json:"yearly,omitempty"`
}

// BusinessCalendarSpec declares when somebody is at work.
type BusinessCalendarSpec struct {
	// helpDeskRef names the HelpDesk the calendar belongs to. Absent: the only one of the namespace.
	// +optional
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="helpDeskRef is immutable: create the calendar anew under the other HelpDesk"
	HelpDeskRef *HelpDeskReference `json:"helpDeskRef,omitempty"`

	// timeZone whose clocks tell the hours.
	// +required
	TimeZone TimeZone `json:"timeZone,omitempty"`

	// hours that are open every week; those that overlap add up. They open at the first instant at which the clocks show
	// from, and close at the last at which they show to: a day open all day has 23 or 25 hours when the clocks change.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=64
	Hours []WeeklyHours `json:"hours,omitempty"`

	// holidays on which no hours begin; those that began the day before go on to their end.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=256
	Holidays []Holiday `json:"holidays,omitempty"`
}

// BusinessCalendar is the hours and holidays of a place: what service levels reckon in and people are on duty by.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=cal,categories=support
// +kubebuilder:printcolumn:name="Zone",type=string,JSONPath=`.spec.timeZone`
// +kubebuilder:printcolumn:name="Opens",type=string,JSONPath=`.spec.hours[*].from`
// +kubebuilder:printcolumn:name="Closes",type=string,JSONPath=`.spec.hours[*].to`
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Message",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].message`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type BusinessCalendar struct {
	metav1.TypeMeta `json:",inline"`

	// metadata of the object.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitzero"`

	// spec declares what is wanted.
	// +required
	Spec BusinessCalendarSpec `json:"spec,omitzero"`

	// status tells what is observed.
	// +optional
	Status Status `json:"status,omitzero"`
}

// BusinessCalendarList is a list of BusinessCalendars.
//
// +kubebuilder:object:root=true
type BusinessCalendarList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []BusinessCalendar `json:"items"`
}
