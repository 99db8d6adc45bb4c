// Package api holds the desk's wire types: what its HTTPS API takes and gives. Server and client share them, and the
// OpenAPI document is generated from them.
package api

import (
	"time"

	"github.com/caseload-dev/caseload/internal/eventlog"
	"github.com/caseload-dev/caseload/internal/ticket"
)

// IdempotencyKeyHeader carries the caller's key of a mutating call: its repetition gives the first answer.
const IdempotencyKeyHeader = "Idempotency-Key"

// AgentHeader names the agent a caller acts as who is not that agent. It takes the permission impersonate on agents.
const AgentHeader = "Caseload-Agent"

// TokenAudience is the audience a ServiceAccount token must be issued for.
const TokenAudience = "caseload"

// MaxBatch is the largest number of tickets opened by one call.
const MaxBatch = 500

// OpenTickets opens several tickets. Each is taken or refused on its own, all in one transaction.
type OpenTickets struct {
	Tickets []OpenTicket `json:"tickets" minItems:"1" maxItems:"500"`
}

// OpenTicket opens one ticket.
type OpenTicket struct {
	ticket.Content
}

// OpenedTicket is the outcome for one ticket.
type OpenedTicket struct {
	// ID and Status of the ticket; absent where it was refused.
	ID     int64         `json:"id,omitempty"`
	Status ticket.Status `json:"status,omitempty"`
	// Ticket, unless it existed and the caller may not get tickets: it may be somebody else's.
	Ticket *ticket.Ticket `json:"ticket,omitempty"`
	// Existing says that the ticket's reference was known, so nothing was opened.
	Existing bool `json:"existing,omitempty"`
	// Error says why the ticket was refused.
	Error string `json:"error,omitempty"`
}

// OpenedTickets are the outcomes in the order of the batch.
type OpenedTickets struct {
	Results []OpenedTicket `json:"results"`
}

// TicketList is a page of tickets by id.
type TicketList struct {
	Items []ticket.Ticket `json:"items"`
	// Continue, when not zero, is the after of the next page.
	Continue int64 `json:"continue,omitempty"`
}

// TicketHistory is what happened to a ticket.
type TicketHistory struct {
	Ticket ticket.Ticket `json:"ticket"`
	// Records are the newest, in order: at most 500, and fewer where they hold long messages.
	Records []eventlog.Record `json:"records"`
	// EarlierRecords is the number of those before, which GET /v1/events?ticket={id} pages through.
	EarlierRecords int64 `json:"earlierRecords,omitempty" doc:"How many came before those shown: read them with GET /v1/events?ticket={id}"`
	// Customer's record and their other tickets, newest first, at most 20.
	Customer *ticket.Customer `json:"customer,omitempty"`
	Prior    []ticket.Ticket  `json:"prior,omitempty"`
}

// Bodies of the verbs on a ticket: POST /v1/tickets/{id}/{verb}.

// Accept takes an offer.
type Accept struct {
	Offer int64 `json:"offer" doc:"Id of the offer"`
}

// Decline refuses an offer.
type Decline struct {
	Offer  int64  `json:"offer"`
	Reason string `json:"reason,omitempty" maxLength:"512"`
}

// Transfer hands the ticket to a queue or an agent.
type Transfer struct {
	Queue  string `json:"queue,omitempty" maxLength:"253"`
	Agent  string `json:"agent,omitempty" maxLength:"253"`
	Reason string `json:"reason" minLength:"1" maxLength:"512"`
}

// Pend waits for the customer, until an instant if given.
type Pend struct {
	Until  time.Time `json:"until,omitzero"`
	Reason string    `json:"reason,omitempty" maxLength:"512"`
}

// Because is the body of verbs that need no more than a reason: return, hold, resume, resolve, reopen, close, cancel.
type Because struct {
	Reason string `json:"reason,omitempty" maxLength:"512"`
}

// Reply is a message from or to the customer.
type Reply struct {
	From string `json:"from" enum:"Customer,Agent"`
	Body string `json:"body" minLength:"1" maxLength:"65536"`
}

// Note is a message the customer does not see.
type Note struct {
	Body string `json:"body" minLength:"1" maxLength:"65536"`
}

// Update changes what the ticket is about; absent fields stay. A change that routing reads routes a waiting ticket anew.
type Update struct {
	Subject    *string           `json:"subject,omitempty" minLength:"1" maxLength:"512"`
	Category   *string           `json:"category,omitempty" maxLength:"128"`
	Product    *string           `json:"product,omitempty" maxLength:"128"`
	Language   *string           `json:"language,omitempty" pattern:"^([a-z]{2,3}(-[A-Za-z0-9]{2,8})*)?$" maxLength:"35"`
	Region     *string           `json:"region,omitempty" maxLength:"128"`
	Priority   *ticket.Priority  `json:"priority,omitempty" enum:"Urgent,High,Normal,Low"`
	AddTags    []string          `json:"addTags,omitempty" maxItems:"64"`
	RemoveTags []string          `json:"removeTags,omitempty" maxItems:"64"`
	Attributes map[string]string `json:"attributes,omitempty" maxProperties:"128" doc:"Merged into the ticket's, which are at most 64; an empty value removes the key"`
	Amount     *ticket.Money     `json:"amount,omitempty"`
}

// ChangeDuty of an agent: off duty for a time, or on duty beyond the schedule.
type ChangeDuty struct {
	Type      string    `json:"type" enum:"Absence,Shift"`
	Reason    string    `json:"reason,omitempty" pattern:"^([A-Z][A-Za-z0-9]*)?$" maxLength:"63" doc:"Why; an absence needs one, such as Sick or Leave"`
	StartTime time.Time `json:"startTime,omitzero" doc:"Absent: now"`
	EndTime   time.Time `json:"endTime"`
}

// SetPresence of an agent.
type SetPresence struct {
	Presence string `json:"presence" enum:"Available,Busy,Away,WrapUp,Offline"`
	Reason   string `json:"reason,omitempty" maxLength:"128"`
}
