package eventlog

import (
	"encoding/json"
	"time"

	"github.com/caseload-dev/caseload/internal/escalation"
	"github.com/caseload-dev/caseload/internal/ticket"
)

// What Record.Data holds, by the record's type.

// OpenedData of Opened: what order, eligibility and identity need of the ticket beside its state.
type OpenedData struct {
	Channel    string            `json:"channel"`
	Language   string            `json:"language,omitempty"`
	Customer   string            `json:"customer,omitempty"`
	Team       string            `json:"team,omitempty"`
	Reference  *ticket.Reference `json:"reference,omitempty"`
	Rule       string            `json:"rule,omitempty"`
	Preferred  string            `json:"preferred,omitempty"`
	FollowUpOf int64             `json:"followUpOf,omitempty"`
}

// RoutedData of Rerouted, and of Updated where it routed the ticket anew.
type RoutedData struct {
	Rule string   `json:"rule,omitempty"`
	Tags []string `json:"tags,omitempty"`
}

// UpdatedData of Updated: the new values of the fields that changed, by their JSON names.
type UpdatedData struct {
	Changed map[string]any `json:"changed"`
	Routed  *RoutedData    `json:"routed,omitempty"`
}

// CustomerData of CustomerUpdated: what others said of a customer, new values by their JSON names. What the desk itself
// notes, who served them last, follows from the ticket records.
type CustomerData struct {
	Customer string         `json:"customer"`
	Changed  map[string]any `json:"changed"`
}

// MessageData of Replied and Noted, and of a Resumed, Reopened or Opened that a customer's reply caused.
type MessageData struct {
	// From is "Customer" or "Agent"; empty for a note.
	From string `json:"from,omitempty"`
	Body string `json:"body"`
	// Opened data, where the message opened a follow-up.
	Opened *OpenedData `json:"opened,omitempty"`
}

// EscalationData of the escalation records: the run as the record leaves it.
type EscalationData struct {
	Run    int    `json:"run"`
	Policy string `json:"policy"`
	// Trigger of EscalationStarted, and what says when its steps are due, in milliseconds: each after the start of a round,
	// how often rounds are repeated and how long after the last step, and how long an acknowledgement holds.
	Trigger               string  `json:"trigger,omitempty"`
	AfterMillis           []int64 `json:"afterMillis,omitempty"`
	Times                 int     `json:"times,omitempty"`
	EveryMillis           int64   `json:"everyMillis,omitempty"`
	AcknowledgementMillis int64   `json:"acknowledgementMillis,omitempty"`
	// Until is when what Acknowledged says lapses.
	Until time.Time `json:"until,omitzero"`
	// Round and Step that took place, of Escalated, with the step's name, and what each of its actions came to.
	Round   int                        `json:"round"`
	Step    int                        `json:"step"`
	Name    string                     `json:"name,omitempty"`
	Actions []escalation.ActionOutcome `json:"actions,omitempty"`
}

// ApprovalData of ApprovalAsked: what is to be approved, and by whom.
type ApprovalData struct {
	Of     string       `json:"of"`
	Amount ticket.Money `json:"amount"`
}

// ServiceData of AtRisk and Breached.
type ServiceData struct {
	Metric ticket.Metric `json:"metric"`
	// Level is the ticket's service level.
	Level  string      `json:"level"`
	Target ticket.Span `json:"target"`
	Due    time.Time   `json:"due"`
}

// PresenceData of PresenceChanged.
type PresenceData struct {
	From string `json:"from"`
	To   string `json:"to"`
}

// DutyData of DutyChanged and DutyRestored: the change, an "Absence" or an extra "Shift".
type DutyData struct {
	ID    int64     `json:"id"`
	Type  string    `json:"type"`
	Start time.Time `json:"startTime"`
	End   time.Time `json:"endTime"`
}

// OnCallData of the on-call records, which are about the agent who serves. A layer has one shift at a time. A hand-off may be
// on record a little after it happened, but is before the plan changes; then follow the shifts that the new one ends, begins
// or changes at once.
type OnCallData struct {
	Rotation string `json:"rotation"`
	Layer    string `json:"layer"`
	// Override by which the agent serves, in the place of the one it Replaces.
	Override string    `json:"override,omitempty"`
	Replaces string    `json:"replaces,omitempty"`
	Start    time.Time `json:"start"`
	// End by the plan in force.
	End time.Time `json:"end"`
}

// LeaseData of the lease records. The epoch grows with every lease of the desk, also across restarts.
type LeaseData struct {
	Pool   string `json:"pool"`
	Epoch  int64  `json:"epoch"`
	Worker string `json:"worker"`
	Tier   string `json:"tier"`
}

// OutboxData of the outbox records.
type OutboxData struct {
	Message     int64  `json:"message"`
	Destination string `json:"destination"`
	Key         string `json:"key"`
	// Attempts so far.
	Attempts int `json:"attempts,omitempty"`
	// NextAt is when it is tried again, or when a claim ends.
	NextAt time.Time `json:"nextAt,omitzero"`
	// Agent and Ticket of a notification that was enqueued, and the Kind of it.
	Agent  string `json:"agent,omitempty"`
	Ticket int64  `json:"ticket,omitempty"`
	Kind   string `json:"kind,omitempty"`
	// Into is the key of the message that one was digested into.
	Into string `json:"into,omitempty"`
}

// ClockData of ClockStepped.
type ClockData struct {
	Machine time.Time `json:"machine"`
	Desk    time.Time `json:"desk"`
}

// PlanData of PlanActivated: all that a reader of the log needs to check offers against the plan in force.
type PlanData struct {
	Revision        int64                `json:"revision"`
	Hash            string               `json:"hash"`
	MaxMissedOffers int                  `json:"maxMissedOffers"`
	Queues          map[string]PlanQueue `json:"queues"`
	Agents          map[string]PlanAgent `json:"agents"`
	// Calendars by name, by which agents are on duty.
	Calendars map[string]PlanCalendar `json:"calendars,omitempty"`
	// Pools by name, with their queues.
	Pools map[string][]string `json:"pools"`
}

// PlanQueue is a queue of PlanData.
type PlanQueue struct {
	Tier          string   `json:"tier"`
	Priority      int      `json:"priority,omitempty"`
	Channels      []string `json:"channels,omitempty"`
	Strategy      string   `json:"strategy,omitempty"`
	Auto          bool     `json:"auto,omitempty"`
	TimeoutMillis int64    `json:"timeoutMillis,omitempty"`
	Paused        bool     `json:"paused,omitempty"`
	// PlanStage is the first stage of its requirements; Relaxation has the others.
	PlanStage
	Relaxation []PlanStage `json:"relaxation,omitempty"`
	// Overflow is the queue that takes what waits longer than OverflowMillis, or finds MaxWaiting tickets waiting. Zero
	// stands for no bound.
	Overflow       string `json:"overflow,omitempty"`
	OverflowMillis int64  `json:"overflowMillis,omitempty"`
	MaxWaiting     int    `json:"maxWaiting,omitempty"`
	// Loans are when agents serve the queue who do so by assignments with dates alone.
	Loans map[string][]Span `json:"loans,omitempty"`
}

// PlanStage is a stage of a queue's requirements.
type PlanStage struct {
	// AfterMillis in the queue it begins; zero for the first.
	AfterMillis   int64          `json:"afterMillis,omitempty"`
	Skills        map[string]int `json:"skills,omitempty"`
	LanguageMatch string         `json:"languageMatch,omitempty"`
	Agents        []string       `json:"agents,omitempty"`
}

// Span of time, [Start, End); a zero End: for good.
type Span struct {
	Start time.Time `json:"start,omitzero"`
	End   time.Time `json:"end,omitzero"`
}

// PlanCalendar is a BusinessCalendar of PlanData.
type PlanCalendar struct {
	TimeZone string      `json:"timeZone"`
	Hours    []PlanHours `json:"hours"`
	// Holidays are dates, with the year 0000 if they are yearly.
	Holidays []string `json:"holidays,omitempty"`
}

// PlanHours begin on the days, 0 for Sunday, and are told in minutes of the day; if To does not come after From, it is of
// the next.
type PlanHours struct {
	Days []int `json:"days"`
	From int   `json:"from"`
	To   int   `json:"to"`
}

// PlanRampUp of an agent: the weeks begin at these instants, and with the last the limits hold in full.
type PlanRampUp struct {
	StartPercent int         `json:"startPercent"`
	Weeks        []time.Time `json:"weeks"`
}

// PlanAgent is an agent of PlanData.
type PlanAgent struct {
	// Schedule is the calendar of the agent's duty, or Rotation has them on duty while on call; both are empty of who is always.
	Schedule  string         `json:"schedule,omitempty"`
	Rotation  string         `json:"rotation,omitempty"`
	Absences  []Span         `json:"absences,omitempty"`
	RampUp    *PlanRampUp    `json:"rampUp,omitempty"`
	Skills    map[string]int `json:"skills,omitempty"`
	Languages []string       `json:"languages,omitempty"`
	Limits    map[string]int `json:"limits,omitempty"`
}

// Encode data for a record. The types above always encode.
func Encode(data any) json.RawMessage {
	encoded, err := json.Marshal(data)
	if err != nil {
		panic(err)
	}
	return encoded
}

// StateOf is the ticket's state as records have it.
func StateOf(t *ticket.Ticket) *State {
	next := t.NextTimer()
	return &State{
		Status: t.Status, Queue: t.Queue, Agent: t.Agent, Priority: t.Priority, Stage: t.Stage,
		Overflowed: t.Overflowed, WakeAt: next.At, Wake: next.Kind,
	}
}

// ClocksOf tells the service clocks that differ in what they tell of due times; before is nil for a new ticket.
func ClocksOf(before, after *ticket.Ticket) []Clock {
	var clocks []Clock
	for _, m := range ticket.Metrics {
		var was, is ticket.Clock
		if before != nil {
			was = clockOf(before, m)
		}
		if is = clockOf(after, m); was.Due.Equal(is.Due) && was.WarnAt.Equal(is.WarnAt) && was.Target == is.Target && was.Ended() == is.Ended() {
			continue
		}
		clock := Clock{Metric: m, State: is.State, Due: is.Due, WarnAt: is.WarnAt, Target: is.Target}
		if is.Since.IsZero() {
			clock.Used = is.Used
		}
		clocks = append(clocks, clock)
	}
	return clocks
}

func clockOf(t *ticket.Ticket, m ticket.Metric) ticket.Clock {
	if c := t.Service.Clock(m); c != nil {
		return *c
	}
	return ticket.Clock{}
}
