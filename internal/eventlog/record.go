// Package eventlog describes the desk's one append-only log: every state change of a desk, in commit order.
package eventlog

import (
	"encoding/json"
	"time"

	"github.com/caseload-dev/caseload/internal/ticket"
)

// Type of a record.
type Type string

// Ticket records. Each changes exactly one ticket.
const (
	Opened         Type = "ticket.opened"
	Offered        Type = "ticket.offered"
	Accepted       Type = "ticket.accepted"
	Assigned       Type = "ticket.assigned" // by an Auto offer, or by hand
	Declined       Type = "ticket.declined"
	OfferExpired   Type = "ticket.offerExpired"
	OfferRescinded Type = "ticket.offerRescinded"
	Transferred    Type = "ticket.transferred"
	Returned       Type = "ticket.returned" // to its home queue: given back, or its agent is gone
	Rerouted       Type = "ticket.rerouted" // by a new plan revision
	Drained        Type = "ticket.drained"  // its queue was deleted
	Pended         Type = "ticket.pended"
	Held           Type = "ticket.held"
	Resumed        Type = "ticket.resumed"
	Resolved       Type = "ticket.resolved"
	Reopened       Type = "ticket.reopened"
	Closed         Type = "ticket.closed"
	Cancelled      Type = "ticket.cancelled"
	Updated        Type = "ticket.updated"
	Replied        Type = "ticket.replied"
	Noted          Type = "ticket.noted"
	SetAside       Type = "ticket.setAside"
	Relaxed        Type = "ticket.relaxed"    // the next stage of its queue's requirements holds
	Overflowed     Type = "ticket.overflowed" // from a queue in which it waited too long, or that is full
	AtRisk         Type = "ticket.atRisk"     // a due time of its service level comes near
	Breached       Type = "ticket.breached"   // a due time of its service level has passed
	Redated        Type = "ticket.redated"    // its service level changed

	ApprovalAsked Type = "ticket.approvalAsked" // of somebody who may approve its amount
	Approved      Type = "ticket.approved"
	Refused       Type = "ticket.refused"

	EscalationStarted   Type = "ticket.escalationStarted"
	EscalationRequested Type = "ticket.escalationRequested" // while one is under way: its next step is due at once
	EscalationPutOff    Type = "ticket.escalationPutOff"    // the policy allows more time by now, or is gone
	Escalated           Type = "ticket.escalated"           // a step took place
	Acknowledged        Type = "ticket.acknowledged"
	AcknowledgementOver Type = "ticket.acknowledgementOver" // the escalation goes on
)

// Records of the desk itself.
const (
	PlanActivated   Type = "plan.activated"
	PresenceChanged Type = "agent.presence"
	AgentGone       Type = "agent.gone" // removed by a plan
	DutyChanged     Type = "agent.dutyChanged"
	DutyRestored    Type = "agent.dutyRestored" // a change was taken back
	CustomerUpdated Type = "customer.updated"
	LeaseAcquired   Type = "lease.acquired"
	LeaseReleased   Type = "lease.released"
	LeaseExpired    Type = "lease.expired"
	OutboxEnqueued  Type = "outbox.enqueued"
	OutboxClaimed   Type = "outbox.claimed"
	OutboxDelivered Type = "outbox.delivered"
	OutboxFailed    Type = "outbox.failed"
	OutboxDead      Type = "outbox.dead"
	OutboxDropped   Type = "outbox.dropped"  // a notification that was settled before it was sent
	OutboxDigested  Type = "outbox.digested" // a notification that is sent with others as one
	OnCallBegan     Type = "oncall.began"    // a shift of a rotation
	OnCallEnded     Type = "oncall.ended"
	OnCallChanged   Type = "oncall.changed" // a new plan has a shift under way end at another time
	ClockStepped    Type = "clock.stepped"  // the machine's clock went back; desk time did not
)

// State is what matters of a ticket to order, ownership and timers.
type State struct {
	Status   ticket.Status   `json:"status"`
	Queue    string          `json:"queue,omitempty"`
	Agent    string          `json:"agent,omitempty"`
	Priority ticket.Priority `json:"priority,omitempty"`
	// Stage of the queue's requirements.
	Stage int `json:"stage,omitempty"`
	// Overflowed are the queues that gave the ticket up on its way here.
	Overflowed []string `json:"overflowed,omitempty"`
	// WakeAt is when the earliest of the ticket's timers is due, and Wake that timer's kind.
	WakeAt time.Time        `json:"wakeAt,omitzero"`
	Wake   ticket.TimerKind `json:"wake,omitempty"`
}

// Dispatch tells how an offer or an automatic assignment was decided.
type Dispatch struct {
	Offer int64     `json:"offer"`
	Until time.Time `json:"until,omitzero"`
	// OrderKey of the ticket as it was decided: smaller goes first.
	OrderKey string `json:"orderKey"`
	// Position of the log that the decision saw, and the Epoch of the lease it was made under.
	Position int64  `json:"position"`
	Pool     string `json:"pool"`
	Epoch    int64  `json:"epoch"`
	Round    int    `json:"round"`
	// Stage of the queue's requirements at which the agent was found able.
	Stage int `json:"stage,omitempty"`
	// Considered names the agents who could have taken it, the chosen one first; at most 20.
	Considered []string `json:"considered"`
	// Why the first of them was chosen, such as "preferred" or "LeastOccupied".
	Why string `json:"why"`
	// Load and Limits of the agent as the desk's guard saw them before this ticket.
	Load   map[string]int `json:"load,omitempty"`
	Limits map[string]int `json:"limits,omitempty"`
}

// Timer tells which timer caused the record.
type Timer struct {
	Kind ticket.TimerKind `json:"kind"`
	Due  time.Time        `json:"due"`
}

// Clock is a service clock of the ticket as the record left it.
type Clock struct {
	Metric ticket.Metric     `json:"metric"`
	State  ticket.ClockState `json:"state"`
	// Due and WarnAt are those in force, zero while the clock stands still.
	Due    time.Time `json:"due,omitzero"`
	WarnAt time.Time `json:"warnAt,omitzero"`
	// Target and, of a clock that stands still, the time of it that was used.
	Target ticket.Span `json:"target,omitzero"`
	Used   ticket.Span `json:"used,omitzero"`
}

// Record is one entry of the log.
type Record struct {
	// Seq is dense and in commit order, from 1.
	Seq int64 `json:"seq"`
	// At is desk time.
	At   time.Time `json:"at"`
	Type Type      `json:"type"`
	// Actor who caused it: "agent/jo", "user/…", "serviceaccount/ns/name", "desk" or "worker/pod".
	Actor string `json:"actor"`
	// ImpersonatedBy is the caller who acted as the agent that Actor names without being that agent.
	ImpersonatedBy string `json:"impersonatedBy,omitempty"`
	Ticket         int64  `json:"ticket,omitempty"`
	Version        int64  `json:"version,omitempty"`
	From           *State `json:"from,omitempty"`
	To             *State `json:"to,omitempty"`
	PlanRevision   int64  `json:"planRevision,omitempty"`
	// Agent the record is about, where it is no ticket's.
	Agent    string    `json:"agent,omitempty"`
	Reason   string    `json:"reason,omitempty"`
	Dispatch *Dispatch `json:"dispatch,omitempty"`
	Timer    *Timer    `json:"timer,omitempty"`
	// Clocks are the service clocks whose due time, warning or course changed with the record.
	Clocks []Clock `json:"clocks,omitempty"`
	// Data is particular to the type: a reply's text, the changed fields of a ticket or customer, the activated plan's
	// limits and candidates.
	Data json.RawMessage `json:"data,omitempty"`
}
