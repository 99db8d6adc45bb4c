package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Schedule says when somebody is on duty.
//
// +kubebuilder:validation:XValidation:rule="has(self.calendarRef) != has(self.rotationRef)",message="say by what the duty goes: give a calendarRef or a rotationRef, one of the two"
type Schedule struct {
	// calendarRef names the BusinessCalendar during whose hours they are on duty.
	// +optional
	CalendarRef *BusinessCalendarReference `json:"calendarRef,omitempty"`

	// rotationRef names the OnCallRotation by which they work in shifts: they are on duty while they are on call in it.
	// +optional
	RotationRef *OnCallRotationReference `json:"rotationRef,omitempty"`
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

// HandOverAction is what becomes of the open tickets of an agent who goes off duty.
//
// +kubebuilder:validation:Enum=Keep;ReturnToQueue;Colleague
type HandOverAction string

const (
	// HandOverKeep lets the agent keep them.
	HandOverKeep HandOverAction = "Keep"
	// HandOverReturn gives them back to their home queues.
	HandOverReturn HandOverAction = "ReturnToQueue"
	// HandOverColleague gives them to a colleague.
	HandOverColleague HandOverAction = "Colleague"
)

// HandOver says what becomes of the open tickets of agents who go off duty, with their age and history. What is pending or
// on hold stays with the agent; if it goes on while they are off duty, it goes the same way unless they keep theirs.
//
// +kubebuilder:validation:XValidation:rule="(self.shiftEnd == 'Colleague' || self.absence == 'Colleague') == has(self.agentRef)",message="agentRef names the colleague: give it with the action Colleague, and with no other"
type HandOver struct {
	// shiftEnd says it of agents whose shift ends.
	// +optional
	// +default="Keep"
	ShiftEnd HandOverAction `json:"shiftEnd,omitempty"`

	// absence says it of agents who are absent.
	// +optional
	// +default="Keep"
	Absence HandOverAction `json:"absence,omitempty"`

	// agentRef names the colleague of the action Colleague. What finds them not there, off duty or without room returns to
	// its home queue.
	// +optional
	AgentRef *AgentReference `json:"agentRef,omitempty"`
}
