package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Rollout says when an edit of a rotation's layers takes effect.
//
// +kubebuilder:validation:Enum=AfterCurrentShift;Immediate
type Rollout string

const (
	// RolloutAfterCurrentShift lets each layer go by its old declaration until its next hand-off. The turn then passes to
	// whoever follows the one who had it in the new order, or to the first if that one is not a member any more.
	RolloutAfterCurrentShift Rollout = "AfterCurrentShift"
	// RolloutImmediate lets an edit take effect at once. Who has the turn keeps it unless not a member any more.
	RolloutImmediate Rollout = "Immediate"
)

// HandOff is when turns begin.
type HandOff struct {
	// day on which turns begin, with turns of weeks.
	// +optional
	Day Weekday `json:"day,omitempty"`

	// dayOfMonth on which turns begin, with turns of months: a month that is shorter has them begin on its last day. Absent:
	// the day of startDate.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=31
	DayOfMonth int32 `json:"dayOfMonth,omitempty"`

	// time at which turns begin, on the clocks of the layer's time zone; with turns of hours, at which the first does. A time
	// that the clocks skip stands for the first instant after; of one that they show twice, the first counts.
	// +required
	Time TimeOfDay `json:"time,omitempty"`
}

// TurnUnit is what the length of turns is told in. Hours, too, are those that the clock shows.
//
// +kubebuilder:validation:Enum=Hour;Day;Week;Month
type TurnUnit string

const (
	TurnHour  TurnUnit = "Hour"
	TurnDay   TurnUnit = "Day"
	TurnWeek  TurnUnit = "Week"
	TurnMonth TurnUnit = "Month"
)

// Turn is how long somebody has the duty before it is the next one's.
//
// +kubebuilder:validation:XValidation:rule="has(self.every) != has(self.lengths)",message="give every, such as 1, for turns of one length, or lengths, such as [2, 2, 3], for turns of several: one of the two"
type Turn struct {
	// every so many units the turn passes on.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1000
	Every int32 `json:"every,omitempty"`

	// lengths of the turns in units, one after the other and then from the first again, such as [2, 2, 3].
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=2
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:Minimum=1
	// +kubebuilder:validation:items:Maximum=1000
	Lengths []int32 `json:"lengths,omitempty"`

	// unit of every or lengths.
	// +required
	Unit TurnUnit `json:"unit,omitempty"`
}

// OnCallMember takes turns.
//
// +kubebuilder:validation:XValidation:rule="!has(self.from) || !has(self.until) || self.from < self.until",message="until must be after from: the member takes turns from the one day until before the other"
type OnCallMember struct {
	// agentRef names the agent.
	// +required
	AgentRef AgentReference `json:"agentRef,omitzero"`

	// from is the first day on which the agent can have the turn. Absent: from the start.
	// +optional
	From Date `json:"from,omitempty"`

	// until is the day with which the agent is out: the turn, if it is theirs, then passes on at once. Absent: never.
	// +optional
	Until Date `json:"until,omitempty"`
}

// DutyType is when somebody is to serve.
//
// +kubebuilder:validation:Enum=Always;During;Outside;Windows
type DutyType string

const (
	// DutyAlways is around the clock.
	DutyAlways DutyType = "Always"
	// DutyDuring is while a calendar is open.
	DutyDuring DutyType = "During"
	// DutyOutside is while a calendar is closed.
	DutyOutside DutyType = "Outside"
	// DutyWindows is in hours of the week.
	DutyWindows DutyType = "Windows"
)

// Duty is when who has the turn serves.
//
// +kubebuilder:validation:XValidation:rule="has(self.calendarRef) == (self.type in ['During', 'Outside'])",message="duty of type During or Outside needs calendarRef, and no other type takes it"
// +kubebuilder:validation:XValidation:rule="has(self.windows) == (self.type == 'Windows')",message="duty of type Windows needs windows, and no other type takes them"
type Duty struct {
	// type of duty.
	// +required
	Type DutyType `json:"type,omitempty"`

	// calendarRef names the BusinessCalendar that duty is during or outside of.
	// +optional
	CalendarRef *BusinessCalendarReference `json:"calendarRef,omitempty"`

	// windows of duty, on the clocks of the layer's time zone. A window begins at the first instant that shows its time and
	// ends at the last.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=28
	Windows []WeeklyHours `json:"windows,omitempty"`
}

// Counting says which turns count.
//
// +kubebuilder:validation:Enum=Calendar;OnDuty
type Counting string

const (
	// CountingCalendar passes the turn on at every hand-off.
	CountingCalendar Counting = "Calendar"
	// CountingOnDuty keeps the turn where it is through a turn in which nobody serves.
	CountingOnDuty Counting = "OnDuty"
)

// Precedence says how a layer goes with the others.
//
// +kubebuilder:validation:Enum=InOrder;Additional
type Precedence string

const (
	// PrecedenceInOrder serves while no layer above has somebody.
	PrecedenceInOrder Precedence = "InOrder"
	// PrecedenceAdditional serves beside the others.
	PrecedenceAdditional Precedence = "Additional"
)

// OnCallLayer is a group of agents who take turns.
//
// +kubebuilder:validation:XValidation:rule="has(self.handOff.day) == (self.turn.unit == 'Week')",message="handOff.day is for turns of weeks, which need it: set it with turn.unit Week, and leave it out otherwise"
// +kubebuilder:validation:XValidation:rule="!has(self.handOff.dayOfMonth) || self.turn.unit == 'Month'",message="handOff.dayOfMonth is for turns of months: leave it out, or set turn.unit to Month"
// +kubebuilder:validation:XValidation:rule="self.members.all(m, self.members.exists_one(n, n.agentRef.name == m.agentRef.name))",message="an agent is listed more than once: list each once; for turns of several lengths use turn.lengths"
type OnCallLayer struct {
	// name of the layer, unique in the rotation. Edits of the layer are told by it.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([a-z0-9-]*[a-z0-9])?$`
	Name string `json:"name,omitempty"`

	// timeZone whose clocks tell the hand-offs.
	// +required
	TimeZone TimeZone `json:"timeZone,omitempty"`

	// startDate is the date from which on turns are taken: the first begins with the first hand-off on this day or after.
	// +required
	StartDate Date `json:"startDate,omitempty"`

	// handOff is when turns begin.
	// +required
	HandOff HandOff `json:"handOff,omitzero"`

	// turn is how long each has the duty.
	// +required
	Turn Turn `json:"turn,omitzero"`

	// members in the order in which they take turns.
	// +required
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=50
	Members []OnCallMember `json:"members,omitempty"`

	// duty is when who has the turn serves.
	// +optional
	// +default={"type": "Always"}
	Duty *Duty `json:"duty,omitempty"`

	// counting says whether the turn also passes on over times that nobody serves.
	// +optional
	// +default="Calendar"
	Counting Counting `json:"counting,omitempty"`

	// precedence says how the layer goes with the others.
	// +optional
	// +default="InOrder"
	Precedence Precedence `json:"precedence,omitempty"`
}

// CoverageType is when somebody must be on call.
//
// +kubebuilder:validation:Enum=Always;During;Outside
type CoverageType string

const (
	// CoverageAlways is around the clock.
	CoverageAlways CoverageType = "Always"
	// CoverageDuring is while a calendar is open.
	CoverageDuring CoverageType = "During"
	// CoverageOutside is while a calendar is closed.
	CoverageOutside CoverageType = "Outside"
)

// Coverage is when somebody must be on call.
//
// +kubebuilder:validation:XValidation:rule="has(self.calendarRef) == (self.type != 'Always')",message="coverage of type During or Outside needs calendarRef, and type Always does not take it"
type Coverage struct {
	// type of coverage.
	// +required
	Type CoverageType `json:"type,omitempty"`

	// calendarRef names the BusinessCalendar that coverage is during or outside of.
	// +optional
	CalendarRef *BusinessCalendarReference `json:"calendarRef,omitempty"`
}

// OnCallRotationSpec declares who takes turns to be on call.
type OnCallRotationSpec struct {
	// teamRef names the team whose rotation it is.
	// +required
	TeamRef SupportTeamReference `json:"teamRef,omitzero"`

	// rollout says when an edit of the layers takes effect.
	// +optional
	// +default="AfterCurrentShift"
	Rollout Rollout `json:"rollout,omitempty"`

	// layers of agents who take turns: the first that has somebody with duty serves, and those that are additional beside it.
	// +required
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=8
	// +kubebuilder:validation:XValidation:rule="self.all(l, self.exists_one(m, m.name == l.name))",message="two layers have the same name: give each its own"
	Layers []OnCallLayer `json:"layers,omitempty"`

	// coverage that the layers must give; where they do not, CoverageGap tells. Absent: none is asked for.
	// +optional
	Coverage *Coverage `json:"coverage,omitempty"`
}

// OnCallShift is duty of one agent without interruption.
type OnCallShift struct {
	// agent who serves.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Agent string `json:"agent,omitempty"`

	// layer that the shift is of.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	Layer string `json:"layer,omitempty"`

	// replaces is the agent whose duty it would be without an override.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	Replaces string `json:"replaces,omitempty"`

	// startTime of the shift.
	// +optional
	StartTime metav1.Time `json:"startTime,omitzero"`

	// endTime of the shift.
	// +optional
	EndTime metav1.Time `json:"endTime,omitzero"`
}

// OnCallGap is time in which nobody is on call although coverage asks for somebody.
type OnCallGap struct {
	// startTime of the gap.
	// +optional
	StartTime metav1.Time `json:"startTime,omitzero"`

	// endTime of the gap. Absent: it is weeks away.
	// +optional
	EndTime metav1.Time `json:"endTime,omitzero"`
}

// OnCallRotationStatus is the observed state of an OnCallRotation. What it says of shifts changes at hand-offs.
type OnCallRotationStatus struct {
	Status `json:",inline"`

	// current shifts.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=8
	Current []OnCallShift `json:"current,omitempty"`

	// next shift to begin.
	// +optional
	Next *OnCallShift `json:"next,omitempty"`

	// firstGap in the coverage of the coming weeks.
	// +optional
	FirstGap *OnCallGap `json:"firstGap,omitempty"`
}

// OnCallRotation is a rotation of agents who are on call.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=oncall,categories=support
// +kubebuilder:printcolumn:name="On Call",type=string,JSONPath=`.status.current[0].agent`
// +kubebuilder:printcolumn:name="Until",type=string,JSONPath=`.status.current[0].endTime`
// +kubebuilder:printcolumn:name="Next",type=string,JSONPath=`.status.next.agent`
// +kubebuilder:printcolumn:name="From",type=string,JSONPath=`.status.next.startTime`
// +kubebuilder:printcolumn:name="First Gap",type=string,JSONPath=`.status.firstGap.startTime`
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Message",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].message`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:validation:XValidation:rule="self.metadata.name.size() <= 50",message="metadata.name of an OnCallRotation may have at most 50 characters: its revisions carry the name"
type OnCallRotation struct {
	metav1.TypeMeta `json:",inline"`

	// metadata of the object.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitzero"`

	// spec declares what is wanted.
	// +required
	Spec OnCallRotationSpec `json:"spec,omitzero"`

	// status tells what is observed.
	// +optional
	Status OnCallRotationStatus `json:"status,omitzero"`
}

// OnCallRotationList is a list of OnCallRotations.
//
// +kubebuilder:object:root=true
type OnCallRotationList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []OnCallRotation `json:"items"`
}
