// Package ticket is the state machine of a ticket: which event is allowed in which status, and what it makes of the
// ticket. It is pure: the caller brings the time and keeps the result.
package ticket

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Status of a ticket. A ticket is live until it is Closed or Cancelled.
type Status string

const (
	// Waiting in a queue, owned by it.
	Waiting Status = "Waiting"
	// Offered to an agent until the offer ends, still owned by its queue.
	Offered Status = "Offered"
	// Open with the agent who owns it.
	Open Status = "Open"
	// Pending on the customer, owned by its agent.
	Pending Status = "Pending"
	// OnHold until a third party acts, owned by its agent.
	OnHold Status = "OnHold"
	// Resolved; the customer's reply within the reopen window reopens it.
	Resolved Status = "Resolved"
	// Closed for good; a later reply opens a linked ticket.
	Closed Status = "Closed"
	// Cancelled: nobody needs to act on it.
	Cancelled Status = "Cancelled"
)

// Statuses lists every status in the order of a ticket's life.
var Statuses = []Status{Waiting, Offered, Open, Pending, OnHold, Resolved, Closed, Cancelled}

// Live says whether the ticket can still change hands.
func (s Status) Live() bool { return s != Closed && s != Cancelled }

// HoldsCapacity says whether a ticket of this status fills its agent.
func (s Status) HoldsCapacity() bool { return s == Offered || s == Open }

// Priority ranks tickets.
type Priority string

const (
	Urgent Priority = "Urgent"
	High   Priority = "High"
	Normal Priority = "Normal"
	Low    Priority = "Low"
)

// Priorities lists every priority, the most pressing first.
var Priorities = []Priority{Urgent, High, Normal, Low}

// Rank is 0 for Urgent and 3 for Low; an unknown priority ranks as Normal.
func (p Priority) Rank() int {
	if i := slices.Index(Priorities, p); i >= 0 {
		return i
	}
	return Normal.Rank()
}

// Money is a whole amount of a currency (ISO 4217).
type Money struct {
	Amount   int64  `json:"amount" minimum:"0"`
	Currency string `json:"currency" pattern:"^[A-Z]{3}$"`
}

func (m Money) String() string { return fmt.Sprintf("%d %s", m.Amount, m.Currency) }

// Reference is the ticket's identity in the system it came from, unique in the desk.
type Reference struct {
	Source string `json:"source" minLength:"1" maxLength:"63"`
	Key    string `json:"key" minLength:"1" maxLength:"253"`
}

// Content is what a ticket is about, as intake gives it.
type Content struct {
	Subject    string            `json:"subject" minLength:"1" maxLength:"512"`
	Body       string            `json:"body,omitempty" maxLength:"65536"`
	Channel    string            `json:"channel" pattern:"^[A-Z][A-Za-z0-9]*$" maxLength:"63" doc:"Way the customer reached the desk: Phone, Chat, Email, Web, Social, Visit or another word"`
	Category   string            `json:"category,omitempty" maxLength:"128"`
	Product    string            `json:"product,omitempty" maxLength:"128"`
	Language   string            `json:"language,omitempty" pattern:"^([a-z]{2,3}(-[A-Za-z0-9]{2,8})*)?$" maxLength:"35" doc:"BCP 47 tag such as de or pt-BR"`
	Region     string            `json:"region,omitempty" maxLength:"128"`
	Customer   string            `json:"customer,omitempty" maxLength:"253" doc:"Id of the customer's record"`
	Team       string            `json:"team,omitempty" maxLength:"253" doc:"SupportTeam whose RoutingPolicy decides; absent: the desk's default team"`
	Priority   Priority          `json:"priority,omitempty" enum:"Urgent,High,Normal,Low" default:"Normal"`
	Amount     *Money            `json:"amount,omitempty"`
	Tags       []string          `json:"tags,omitempty" maxItems:"64"`
	Attributes map[string]string `json:"attributes,omitempty" maxProperties:"64" doc:"Keys have at most 128 characters, values 1024"`
	Reference  *Reference        `json:"reference,omitempty" doc:"Identity in the system the ticket came from; a second ticket with the same one is not opened"`
}

// Offer of a ticket to an agent.
type Offer struct {
	ID    int64     `json:"id"`
	Until time.Time `json:"until"`
}

// Ask is an offer of the past that an agent did not accept, or a ticket the agent gave back.
type Ask struct {
	Agent string `json:"agent"`
	// At is when the offer ended.
	At time.Time `json:"at"`
	// Round of asking in which it was; see Ticket.Round.
	Round int `json:"round"`
}

// Ticket is a customer's request with its state.
type Ticket struct {
	ID int64 `json:"id"`
	Content
	Status Status `json:"status"`

	// Queue that owns the ticket while Waiting or Offered, and that it last waited in otherwise.
	Queue string `json:"queue"`
	// HomeQueue is where routing or a transfer put the ticket, or where an agent took it; it returns there when its agent is
	// gone. A ticket that overflowed waits elsewhere.
	HomeQueue string `json:"homeQueue"`
	// Agent who is offered the ticket, owns it, or owned it when it was resolved. Empty while Waiting.
	Agent string `json:"agent,omitempty"`
	// PreferredAgent is asked first when free: who had the ticket before it came back for want of room.
	PreferredAgent string `json:"preferredAgent,omitempty"`
	// Offer is present while Offered.
	Offer *Offer `json:"offer,omitempty"`
	// Round of asking the ticket is in. It grows when all were asked once and when the ticket comes to wait anew, and never
	// shrinks. Asks are the offers that came to nothing, of this round and of the last PairPause.
	Round int   `json:"round,omitempty"`
	Asks  []Ask `json:"asks,omitempty"`

	// Version grows by one with every change.
	Version int64 `json:"version"`
	// OpenedAt is when the ticket was opened; its age counts from here, whatever happens to it.
	OpenedAt time.Time `json:"openedAt"`
	// EnteredQueueAt is when it came to its queue, or last came back to it from an agent.
	EnteredQueueAt time.Time `json:"enteredQueueAt"`
	// Stage of the queue's requirements that holds for the ticket: zero from its entry on, growing while it waits.
	Stage int `json:"stage,omitempty"`
	// RelaxesAt is when the next stage begins, and OverflowsAt when the ticket goes to another queue. Neither is set while
	// an agent has it.
	RelaxesAt   time.Time `json:"relaxesAt,omitzero"`
	OverflowsAt time.Time `json:"overflowsAt,omitzero"`
	// Overflowed are the queues that gave the ticket up, in order, since it was last routed, transferred or an agent's. It
	// goes back to none of them.
	Overflowed []string `json:"overflowed,omitempty"`
	// UpdatedAt is when it last changed.
	UpdatedAt time.Time `json:"updatedAt"`
	// Until, when set, ends Pending by itself: the call-back time.
	Until time.Time `json:"until,omitzero"`
	// ResolvedAt is when it was last resolved; ClosesAt is the end of its reopen window.
	ResolvedAt time.Time `json:"resolvedAt,omitzero"`
	ClosesAt   time.Time `json:"closesAt,omitzero"`
	// Reopened counts how often it was reopened.
	Reopened int `json:"reopened,omitempty"`
	// FollowUpOf is the closed ticket that a late reply continued.
	FollowUpOf int64 `json:"followUpOf,omitempty"`

	// RespondedAt is when the customer first had an answer: an agent's reply, or the ticket was resolved.
	RespondedAt time.Time `json:"respondedAt,omitzero"`
	// UnansweredSince is when the customer wrote the oldest message that has no answer; zero if all have one.
	UnansweredSince time.Time `json:"unansweredSince,omitzero"`
	// ServiceLevel that routing chose, empty for none. Service is how the ticket stands with it.
	ServiceLevel string   `json:"serviceLevel,omitempty"`
	Service      *Service `json:"service,omitempty"`

	// PlanRevision and Rule decided the ticket's queue; Rule is "policy/rule", or says which default applied.
	PlanRevision int64  `json:"planRevision"`
	Rule         string `json:"rule,omitempty"`
	// AskedPriority is what intake or somebody since asked for, before routing set Priority; RoutedTags are those of Tags
	// that routing added. Routing reads what was asked, so that it never decides by its own earlier outcome.
	AskedPriority Priority `json:"askedPriority,omitempty"`
	RoutedTags    []string `json:"routedTags,omitempty"`
	// PrioritySet says that somebody, or an escalation, set the priority: a new plan leaves it.
	PrioritySet bool `json:"prioritySet,omitempty"`
	// Escalation is what is kept of the ticket's escalations; nil if it has nothing to do with any.
	Escalation *Escalation `json:"escalation,omitempty"`
	// Approval asked for or given; nil: none.
	Approval *Approval `json:"approval,omitempty"`
	// SetAside says why the ticket is not offered although it waits: its dispatch decision failed.
	SetAside string `json:"setAside,omitempty"`
}

// Customer is the desk's record of a customer.
type Customer struct {
	ID         string            `json:"id" maxLength:"253"`
	Name       string            `json:"name,omitempty" maxLength:"253"`
	Segment    string            `json:"segment,omitempty" maxLength:"128"`
	Value      *Money            `json:"value,omitempty" doc:"What the customer is worth to the business"`
	Attributes map[string]string `json:"attributes,omitempty"`
	// LastAgent served the customer last; that agent is asked first for the customer's next ticket.
	LastAgent string `json:"lastAgent,omitempty"`
}

// String names the customer to people: by name and id, with the segment.
func (c *Customer) String() string {
	return strings.Join(slices.DeleteFunc([]string{c.Name, c.ID, c.Segment}, func(s string) bool { return s == "" }), ", ")
}
