package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Schedule says when somebody is on duty.
//
// +kubebuilder:validation:XValidation:rule="has(self.calendarRef)",message="say by what the duty goes: give a calendarRef"
type Schedule struct {
	// calendarRef names the BusinessCalendar during whose hours they are on duty.
	// +optional
	CalendarRef *BusinessCalendarReference `json:"calendarRef,omitempty"`
}

// AbsenceReason is why somebody is not at work. The set is open; Leave, Sick, Training and Meeting are usual.
//
// +kubebuilder:validation:MinLength=1
// +kubebuilder:validation:MaxLength=63
// +kubebuilder:validation:Pattern=`^[A-Z][A-Za-z0-9]*$`
type AbsenceReason string

// Absence is a time in which somebody is off duty, whatever their schedule.
//
// +kubebuilder:validation:XValidation:rule="self.startTime < self.endTime",message="endTime must come after startTime"
type Absence struct {
	// reason of the absence.
	// +required
	Reason AbsenceReason `json:"reason,omitempty"`

	// startTime is the first instant of it.
	// +required
	StartTime metav1.Time `json:"startTime,omitzero"`

	// endTime is when they are back.
	// +required
	EndTime metav1.Time `json:"endTime,omitzero"`
}
