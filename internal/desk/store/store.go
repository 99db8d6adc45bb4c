// Package store is what the desk asks of a database: rows, guarded transactions and one log. What the rows mean is
// decided elsewhere; conformance holds for every backend (package storetest).
package store

import (
	"context"
	"errors"
	"time"

	"github.com/caseload-dev/caseload/internal/dispatch"
	"github.com/caseload-dev/caseload/internal/eventlog"
	"github.com/caseload-dev/caseload/internal/plan"
	"github.com/caseload-dev/caseload/internal/ticket"
)

var (
	// ErrNotFound: there is no such row.
	ErrNotFound = errors.New("not found")
	// ErrConflict: the row is no longer at the version the change was made for.
	ErrConflict = errors.New("changed meanwhile")
	// ErrDuplicate: another row has this identity.
	ErrDuplicate = errors.New("already exists")
	// ErrClosed: the store was closed.
	ErrClosed = errors.New("the store is closed")
)

// MaxPageBytes bounds the records read at once, as they are stored: a single one may hold a long message.
const MaxPageBytes = 4 << 20

// Store keeps a desk's state.
type Store interface {
	// Update runs fn in a transaction of its own and returns once its changes are durable, or with fn's error and no
	// change. Transactions run one after the other; several may share one commit, and none is seen before that commit.
	// fn runs in the caller's goroutine, at most once, and must not block on anything but the transaction; it may use
	// View, which does not see its changes, but not Update. If it panics, its changes are undone. It is not run if ctx
	// ends first; once started, it is seen through. If the commit itself fails, Update returns that error and the
	// changes are not seen, but may turn up after a crash of the machine: repeat with the same idempotency key.
	Update(ctx context.Context, fn func(Tx) error) error
	// View runs fn on a consistent state of the past committed transactions, beside running updates.
	View(ctx context.Context, fn func(Reader) error) error
	// Committed returns a channel that is closed at the next commit, before the Update returns, and the log position committed so far.
	Committed() (next <-chan struct{}, position int64)
	// Backup writes a consistent copy that a store of the same kind can be opened from to the file at path, which must
	// not exist.
	Backup(ctx context.Context, path string) error
	Close() error
}

// Reader reads rows.
type Reader interface {
	// Position is the sequence number of the last record, zero for none.
	Position() (int64, error)

	Ticket(id int64) (*ticket.Ticket, error)
	// TicketByReference finds the ticket opened for an external reference.
	TicketByReference(ref ticket.Reference) (*ticket.Ticket, error)
	// Tickets lists by id, ascending, those after filter.After, or the newest first. A page costs what it holds, except
	// that of the filters Standing, Agent, Customer and Queue only the first given is looked up, and with PlanBefore newer tickets
	// are passed over.
	Tickets(filter TicketFilter) ([]ticket.Ticket, error)
	// Due lists at most limit tickets whose timer is due at now, the earliest first, by id.
	Due(now time.Time, limit int) ([]int64, error)
	// NextWake is the earliest timer of any ticket, zero for none.
	NextWake() (time.Time, error)
	// Demands lists at most limit waiting tickets of a class that are not set aside, in dispatch order, those behind
	// after (nil: from the first). Instants order to the microsecond. Preferred is the ticket's PreferredAgent: the desk
	// puts the agent who last served the customer there when it routes.
	Demands(class string, after *dispatch.Demand, limit int) ([]dispatch.Demand, error)
	// Classes lists the classes of demand that have waiting tickets in the queue, with their number; those set aside do
	// not count.
	Classes(queue string) (map[string]int, error)
	// QueueCounts counts the tickets of each queue and status that are not Closed or Cancelled, by queue and status. It
	// costs what it returns, not what it counts.
	QueueCounts() ([]QueueCount, error)
	// NextDue finds the earliest due time after an instant among the queue's tickets, zero for none.
	NextDue(queue string, after time.Time) (time.Time, error)

	Customer(id string) (*ticket.Customer, error)
	// Agent returns the state of an agent; of one never seen, the zero state with presence Offline.
	Agent(name string) (*dispatch.AgentState, error)
	// Agents lists all agents ever seen, by name.
	Agents() ([]dispatch.AgentState, error)

	// Records lists at most limit records after a position, in order, of one ticket unless ticket is zero. It gives fewer,
	// but at least the first, where they hold more than MaxPageBytes: go on behind the last it gave, until there is none.
	Records(after int64, limit int, ticket int64) ([]eventlog.Record, error)
	// LastRecords lists the last of a ticket's records, in order, bounded as Records are.
	LastRecords(ticket int64, limit int) ([]eventlog.Record, error)

	// Plan returns an activated plan; revision zero is the latest. ErrNotFound before the first.
	Plan(revision int64) (*PlanRevision, error)
	// Entry returns a plan entry by hash.
	Entry(hash string) (*plan.Entry, error)

	// OnCallShifts lists those of a rotation that overlap the time between from and to, by start; one without length overlaps
	// nothing.
	OnCallShifts(rotation string, from, to time.Time) ([]OnCallShift, error)

	// Idempotent returns the stored answer to a caller's key.
	Idempotent(caller, key string) (*Answer, error)

	// Meta returns a small named value, nil if it was never set.
	Meta(name string) ([]byte, error)
	// Outbox lists at most limit messages due at now, the longest due first; dead letters are never due.
	Outbox(now time.Time, limit int) ([]Message, error)
	Message(id int64) (*Message, error)
	// OutboxTo lists at most limit messages due at now for one address, the longest due first.
	OutboxTo(destination, address string, now time.Time, limit int) ([]Message, error)
	// OutboxCounts counts the messages by destination.
	OutboxCounts() (map[string]OutboxCount, error)
	// NextOutbox is the earliest instant at which a message falls due, zero for none.
	NextOutbox() (time.Time, error)
}

// Tx changes rows.
type Tx interface {
	Reader

	// Append adds a record to the log and gives it its number.
	Append(r *eventlog.Record) error
	// NextOffer returns a new offer id.
	NextOffer() (int64, error)

	// InsertTicket stores a new ticket and gives it its id, dense from 1. ErrDuplicate if its reference is taken.
	InsertTicket(t *ticket.Ticket, class string) error
	// UpdateTicket stores the ticket, whose Version must be one above the stored one, else ErrConflict. class is its
	// class of demand while it waits.
	UpdateTicket(t *ticket.Ticket, class string) error
	PutCustomer(c *ticket.Customer) error
	// PutAgent stores the state, whose Version must be one above the stored one, else ErrConflict.
	PutAgent(a *dispatch.AgentState) error

	PutEntries(entries []plan.Entry) error
	// PutPlan stores an activated plan under the next revision, which it returns.
	PutPlan(p *PlanRevision) (int64, error)

	// PutOnCallShift stores the shift, in place of what was stored of it when it was to end at another time.
	PutOnCallShift(s OnCallShift) error

	// PutIdempotent stores the answer to a caller's key, in place of an older one.
	PutIdempotent(caller, key string, a Answer) error
	// DeleteIdempotent forgets at most limit answers stored before an instant and returns how many.
	DeleteIdempotent(before time.Time, limit int) (int, error)

	PutMeta(name string, value []byte) error
	// InsertMessage stores a new message and gives it its id.
	InsertMessage(m *Message) error
	// UpdateMessage and DeleteMessage give ErrNotFound for a message that is gone.
	UpdateMessage(m *Message) error
	DeleteMessage(id int64) error
}

// TicketFilter chooses tickets; zero fields do not count.
type TicketFilter struct {
	Statuses []ticket.Status
	Queue    string
	// Agent of the ticket, in whatever status: owner, offered, or owner when it ended.
	Agent    string
	Customer string
	// Standing with the service level: AtRisk or Breached.
	Standing ticket.ClockState
	// PlanBefore chooses tickets last routed under an older revision.
	PlanBefore int64
	After      int64
	// Newest lists by id, descending; After then does not count.
	Newest bool
	Limit  int
}

// QueueCount is one cell of the overview.
type QueueCount struct {
	Queue  string
	Status ticket.Status
	Count  int
	// Oldest is when the oldest of them was opened: the one with the smallest id.
	Oldest time.Time
	// AtRisk and Breached count those of them that stand so with their service level.
	AtRisk, Breached int
}

// PlanRevision is an activated plan.
type PlanRevision struct {
	Revision int64
	// Hash of the manifest.
	Hash        string
	Manifest    plan.Manifest
	ActivatedAt time.Time
	// ManagerEpoch is the leader epoch of the manager that pushed it.
	ManagerEpoch int64
}

// OnCallShift is duty as it was, to its end by the plan if it is under way. Its start, rotation, layer, agent and override tell it from others.
type OnCallShift struct {
	Rotation string `json:"rotation"`
	Layer    string `json:"layer"`
	Agent    string `json:"agent"`
	// Override by which the agent served, in the place of the one it Replaces; both are empty without one.
	Override string    `json:"override,omitempty"`
	Replaces string    `json:"replaces,omitempty"`
	Start    time.Time `json:"start"`
	End      time.Time `json:"end"`
}

// Answer to a mutating call, kept so that its repetition gives the same.
type Answer struct {
	// Request is a digest of the body: the same key with another body is refused.
	Request []byte
	Status  int
	Body    []byte
	At      time.Time
}

// OutboxCount has the number of messages that wait, and of dead letters.
type OutboxCount struct{ Waiting, Dead int }

// Message of the outbox, to be delivered at least once.
type Message struct {
	ID int64 `json:"id"`
	// Destination names the webhook, or the notifier of a notification.
	Destination string `json:"destination"`
	// Address at the notifier; empty for a webhook.
	Address string `json:"address,omitempty"`
	// Key is the idempotency key: the same for every attempt.
	Key string `json:"key"`
	// Body of a webhook's CloudEvent, or the notices of a notification, JSON.
	Body []byte `json:"body"`
	// Attempts so far, and when the next may be claimed. NextAt of a claimed message is the end of its claim.
	Attempts int       `json:"attempts"`
	NextAt   time.Time `json:"nextAt"`
	Created  time.Time `json:"created"`
	// ClaimedBy is the worker that delivers it now.
	ClaimedBy string `json:"claimedBy,omitempty"`
	LastError string `json:"lastError,omitempty"`
	Dead      bool   `json:"dead,omitempty"`
}
