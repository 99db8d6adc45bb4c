package ticket

import (
	"time"

	"github.com/caseload-dev/caseload/internal/escalation"
)

// EventName names an event, in messages and in the table.
type EventName string

// Events that people and their tools cause.
const (
	AcceptEvent          EventName = "accept"
	DeclineEvent         EventName = "decline"
	TransferToQueueEvent EventName = "transfer to a queue"
	TransferToAgentEvent EventName = "transfer to an agent"
	ReturnEvent          EventName = "return"
	PendEvent            EventName = "pend"
	HoldEvent            EventName = "hold"
	ResumeEvent          EventName = "resume"
	ResolveEvent         EventName = "resolve"
	ReopenEvent          EventName = "reopen"
	CustomerReplyEvent   EventName = "customer reply"
	AgentReplyEvent      EventName = "agent reply"
	NoteEvent            EventName = "note"
	UpdateEvent          EventName = "update"
	CloseEvent           EventName = "close"
	CancelEvent          EventName = "cancel"
	EscalateEvent        EventName = "escalate"
	AcknowledgeEvent     EventName = "acknowledge"
	AskApprovalEvent     EventName = "ask for approval"
	ApproveEvent         EventName = "approve"
	RefuseEvent          EventName = "refuse"
)

// Events that the desk causes: by dispatch, a timer or a new plan.
const (
	OfferEvent     EventName = "offer"
	AssignEvent    EventName = "assign"
	ExpireEvent    EventName = "expire the offer"
	RescindEvent   EventName = "rescind the offer"
	SetAsideEvent  EventName = "set aside"
	RerouteEvent   EventName = "reroute"
	DrainEvent     EventName = "drain"
	AgentGoneEvent EventName = "agent gone"
	CallBackEvent  EventName = "call back"
	WarnEvent      EventName = "warn"
	BreachEvent    EventName = "breach"
	RedateEvent    EventName = "date anew"
	ElapseEvent    EventName = "end the reopen window"
	RelaxEvent     EventName = "relax the requirements"
	OverflowEvent  EventName = "overflow"
)

// verbs are the events that people cause, in the order messages list them; deskEvents are the others.
var (
	verbs = []EventName{
		AcceptEvent, DeclineEvent, ReturnEvent, TransferToQueueEvent, TransferToAgentEvent, PendEvent, HoldEvent,
		ResumeEvent, ResolveEvent, ReopenEvent, CloseEvent, CancelEvent, CustomerReplyEvent, AgentReplyEvent, NoteEvent,
		UpdateEvent, EscalateEvent, AcknowledgeEvent, AskApprovalEvent, ApproveEvent, RefuseEvent,
	}
	deskEvents = []EventName{
		OfferEvent, AssignEvent, ExpireEvent, RescindEvent, SetAsideEvent, RerouteEvent, DrainEvent, AgentGoneEvent,
		CallBackEvent, ElapseEvent, RelaxEvent, OverflowEvent, WarnEvent, BreachEvent, RedateEvent,
	}
)

// Event is something that happens to a ticket.
type Event interface {
	Name() EventName
	// apply changes the ticket, which is in a status that allows the event, or says why it cannot.
	apply(t *Ticket, now time.Time) (refusal string)
}

// MakeOffer offers a waiting ticket to an agent until an instant.
type MakeOffer struct {
	ID    int64
	Agent string
	Until time.Time
	// Round of asking that the offer belongs to: the ticket's, or the next.
	Round int
}

// Assign gives a waiting ticket to an agent who need not accept it (an Auto offer).
type Assign struct {
	Agent string
	Round int
}

// Accept takes the offer of that id, before it ends.
type Accept struct{ Offer int64 }

// Decline refuses the offer of that id.
type Decline struct{ Offer int64 }

// ExpireOffer ends the offer of that id once its time is up.
type ExpireOffer struct{ Offer int64 }

// RescindOffer takes the current offer back, as when its agent leaves.
type RescindOffer struct{}

// SetAside keeps a waiting ticket out of dispatch until it changes.
type SetAside struct{ Reason string }

// TransferToQueue hands the ticket to a queue, which becomes its home.
type TransferToQueue struct{ Queue string }

// TransferToAgent hands the ticket to an agent who has room for it.
type TransferToAgent struct{ Agent string }

// Return gives the ticket back to its home queue. The agent who gave it back is not asked again in the round.
type Return struct{}

// AgentGone returns the ticket to its home queue because its agent is no longer there.
type AgentGone struct{}

// Route is where routing puts a ticket, and what decided.
type Route struct {
	Queue        string
	Priority     Priority
	AddTags      []string
	ServiceLevel string
	Rule         string
	PlanRevision int64
}

// Reroute applies a new decision of routing to a ticket that nobody has accepted. An offer stands if the queue stays.
type Reroute struct{ Route }

// Drain moves the ticket out of a deleted queue. Its agent, if it has one, keeps it.
type Drain struct {
	Queue        string
	PlanRevision int64
}

// Pend waits for the customer. Until, when not zero, is the call-back time.
type Pend struct{ Until time.Time }

// Hold waits for a third party.
type Hold struct{}

// Resume goes on with the ticket. Room says whether its agent can hold it; if not it waits, and that agent is preferred.
type Resume struct{ Room bool }

// CallBack resumes a Pending ticket once its Until is reached. Room: see Resume.
type CallBack struct{ Room bool }

// Resolve answers the ticket. A reply before ReopenUntil reopens it.
type Resolve struct{ ReopenUntil time.Time }

// Reopen goes on with a resolved ticket within its reopen window. Room says whether its agent is there and can hold it.
type Reopen struct{ Room bool }

// CustomerReply resumes a Pending ticket and reopens a Resolved one. Room: see Resume and Reopen.
type CustomerReply struct{ Room bool }

// AgentReply is a message to the customer.
type AgentReply struct{}

// Note is a message among the staff.
type Note struct{}

// Escalate starts an escalation or brings it a step further.
type Escalate struct{ Escalation Escalation }

// Acknowledge says that somebody acts: the escalation stops for a time.
type Acknowledge struct{ Run escalation.Run }

// AskApproval puts the ticket on hold until somebody approves its amount, or does not.
type AskApproval struct{ Of string }

// Approve what the ticket's agent asked for, and go on with it. Room: see Resume.
type Approve struct {
	By   string
	Room bool
}

// Refuse what the ticket's agent asked for, and go on with it. Room: see Resume.
type Refuse struct{ Room bool }

// Update replaces what the ticket is about.
type Update struct {
	Content Content
	// SetPriority says that somebody, or an escalation, set the content's priority: routing leaves it from then on.
	SetPriority bool
}

// Close ends a resolved ticket early.
type Close struct{}

// Elapse closes a resolved ticket once its reopen window has ended.
type Elapse struct{}

// Relax begins the next stage of the requirements of the ticket's queue once RelaxesAt is reached. An offer stands.
type Relax struct{}

// Overflow hands a waiting ticket from a queue in which it waited too long, or that is full, to another. Its home stays. With
// the queue it is in, no other takes it and it stays.
type Overflow struct{ Queue string }

// Cancel ends a ticket that nobody needs to act on.
type Cancel struct{}

// Warn notes that a due time comes near.
type Warn struct{ Metric Metric }

// Breach notes that a due time has passed.
type Breach struct{ Metric Metric }

// Redate lets the service clocks follow a service level that changed.
type Redate struct{}

func (MakeOffer) Name() EventName       { return OfferEvent }
func (Assign) Name() EventName          { return AssignEvent }
func (Accept) Name() EventName          { return AcceptEvent }
func (Decline) Name() EventName         { return DeclineEvent }
func (ExpireOffer) Name() EventName     { return ExpireEvent }
func (RescindOffer) Name() EventName    { return RescindEvent }
func (SetAside) Name() EventName        { return SetAsideEvent }
func (TransferToQueue) Name() EventName { return TransferToQueueEvent }
func (TransferToAgent) Name() EventName { return TransferToAgentEvent }
func (Return) Name() EventName          { return ReturnEvent }
func (AgentGone) Name() EventName       { return AgentGoneEvent }
func (Reroute) Name() EventName         { return RerouteEvent }
func (Drain) Name() EventName           { return DrainEvent }
func (Pend) Name() EventName            { return PendEvent }
func (Hold) Name() EventName            { return HoldEvent }
func (Resume) Name() EventName          { return ResumeEvent }
func (CallBack) Name() EventName        { return CallBackEvent }
func (Resolve) Name() EventName         { return ResolveEvent }
func (Reopen) Name() EventName          { return ReopenEvent }
func (CustomerReply) Name() EventName   { return CustomerReplyEvent }
func (AgentReply) Name() EventName      { return AgentReplyEvent }
func (Note) Name() EventName            { return NoteEvent }
func (Escalate) Name() EventName        { return EscalateEvent }
func (AskApproval) Name() EventName     { return AskApprovalEvent }
func (Approve) Name() EventName         { return ApproveEvent }
func (Refuse) Name() EventName          { return RefuseEvent }
func (Acknowledge) Name() EventName     { return AcknowledgeEvent }
func (Update) Name() EventName          { return UpdateEvent }
func (Close) Name() EventName           { return CloseEvent }
func (Elapse) Name() EventName          { return ElapseEvent }
func (Relax) Name() EventName           { return RelaxEvent }
func (Overflow) Name() EventName        { return OverflowEvent }
func (Cancel) Name() EventName          { return CancelEvent }
func (Warn) Name() EventName            { return WarnEvent }
func (Breach) Name() EventName          { return BreachEvent }
func (Redate) Name() EventName          { return RedateEvent }
