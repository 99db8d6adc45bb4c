package api

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/caseload-dev/caseload/internal/dispatch"
	"github.com/caseload-dev/caseload/internal/plan"
	"github.com/caseload-dev/caseload/internal/ticket"
)

// Call says who calls and how to recognise a repetition. The server fills it from the request; a client ignores all but
// Agent and Key.
type Call struct {
	// Actor as the log names it, such as "user/kim" or "serviceaccount/support/jo".
	Actor string
	// Agent the caller acts as; empty for callers that are no agent.
	Agent string
	// Impersonates says that the caller is not that agent.
	Impersonates bool
	// Manage says that the caller may act on every ticket. The server asks for it only where the ticket is not theirs.
	Manage bool
	// Key is the Idempotency-Key; Digest of the body tells a repetition from a misuse.
	Key    string
	Digest []byte
}

// Service is what a desk does. The desk itself and the HTTP client implement it alike, so that callers need not know
// which they have. Refusals are *Problem.
type Service interface {
	OpenTicket(ctx context.Context, call Call, body OpenTicket) (*OpenedTicket, error)
	OpenTickets(ctx context.Context, call Call, body OpenTickets) (*OpenedTickets, error)
	Ticket(ctx context.Context, call Call, id int64) (*ticket.Ticket, error)
	Tickets(ctx context.Context, call Call, query TicketQuery) (*TicketList, error)
	History(ctx context.Context, call Call, id int64) (*TicketHistory, error)

	Accept(ctx context.Context, call Call, id int64, body Accept) (*ticket.Ticket, error)
	Decline(ctx context.Context, call Call, id int64, body Decline) (*ticket.Ticket, error)
	Transfer(ctx context.Context, call Call, id int64, body Transfer) (*ticket.Ticket, error)
	// Return gives the ticket back to its home queue.
	Return(ctx context.Context, call Call, id int64, body Because) (*ticket.Ticket, error)
	Pend(ctx context.Context, call Call, id int64, body Pend) (*ticket.Ticket, error)
	Hold(ctx context.Context, call Call, id int64, body Because) (*ticket.Ticket, error)
	Resume(ctx context.Context, call Call, id int64, body Because) (*ticket.Ticket, error)
	Resolve(ctx context.Context, call Call, id int64, body Because) (*ticket.Ticket, error)
	Reopen(ctx context.Context, call Call, id int64, body Because) (*ticket.Ticket, error)
	Close(ctx context.Context, call Call, id int64, body Because) (*ticket.Ticket, error)
	Cancel(ctx context.Context, call Call, id int64, body Because) (*ticket.Ticket, error)
	// Escalate starts an escalation, or makes the next step of the one under way due at once. It needs a reason.
	Escalate(ctx context.Context, call Call, id int64, body Because) (*ticket.Ticket, error)
	// Acknowledge stops the escalation for a time. Whom it notified may do it, too.
	Acknowledge(ctx context.Context, call Call, id int64, body Because) (*ticket.Ticket, error)
	// AskApproval asks the first up the chain of managers who may to approve the ticket's amount. Who is asked, or manages
	// tickets, answers with Approve or Refuse.
	AskApproval(ctx context.Context, call Call, id int64, body Because) (*ticket.Ticket, error)
	Approve(ctx context.Context, call Call, id int64, body Because) (*ticket.Ticket, error)
	Refuse(ctx context.Context, call Call, id int64, body Because) (*ticket.Ticket, error)
	// Reply adds a message. A customer's reply resumes, reopens or follows up; the answer is the ticket it reached.
	Reply(ctx context.Context, call Call, id int64, body Reply) (*ticket.Ticket, error)
	Note(ctx context.Context, call Call, id int64, body Note) (*ticket.Ticket, error)
	Update(ctx context.Context, call Call, id int64, body Update) (*ticket.Ticket, error)

	Customer(ctx context.Context, call Call, id string) (*ticket.Customer, error)
	PutCustomer(ctx context.Context, call Call, customer ticket.Customer) (*ticket.Customer, error)

	Agents(ctx context.Context, call Call) (*AgentList, error)
	// Work is what an agent has before them. With after, it waits up to waitSeconds for a change behind that position.
	Work(ctx context.Context, call Call, agent string, after int64, waitSeconds int) (*AgentWork, error)
	SetPresence(ctx context.Context, call Call, agent string, body SetPresence) (*Agent, error)
	// ChangeDuty for a time; RestoreDuty takes a change back.
	ChangeDuty(ctx context.Context, call Call, agent string, body ChangeDuty) (*Agent, error)
	RestoreDuty(ctx context.Context, call Call, agent string, change int64) (*Agent, error)

	// OnCall tells who is on call.
	OnCall(ctx context.Context, call Call, query OnCallQuery) (*OnCallList, error)
	// CreateOnCallFeed makes a feed of shifts with a secret address; RevokeOnCallFeed makes that worthless.
	CreateOnCallFeed(ctx context.Context, call Call, body CreateOnCallFeed) (*OnCallFeed, error)
	OnCallFeeds(ctx context.Context, call Call) (*OnCallFeedList, error)
	RevokeOnCallFeed(ctx context.Context, call Call, id int64) (*OnCallFeed, error)

	Plan(ctx context.Context, call Call) (*Plan, error)
	PlanRevision(ctx context.Context, call Call, revision int64) (*Plan, error)
	// PlanEntries are those of a revision, zero for the active one.
	PlanEntries(ctx context.Context, call Call, revision int64) (*PlanEntries, error)
	PushPlan(ctx context.Context, call Call, ifMatch string, body PushPlan) (*PushedPlan, error)
	Route(ctx context.Context, call Call, body RouteRequest) (*RouteResult, error)

	AcquireLeases(ctx context.Context, call Call, body AcquireLeases) (*Leases, error)
	ReleaseLeases(ctx context.Context, call Call, body ReleaseLeases) error
	Snapshot(ctx context.Context, call Call, pool string, epoch int64) (*Snapshot, error)
	// Changes waits up to waitSeconds for a change of the pool behind the position.
	Changes(ctx context.Context, call Call, pool string, epoch, after int64, waitSeconds int) (*Changes, error)
	// Window is a further part of a class of demand: what waits behind a place in it.
	Window(ctx context.Context, call Call, pool string, epoch int64, class string, behind Place) (*ClassWindow, error)
	Commit(ctx context.Context, call Call, pool string, body Commit) (*Committed, error)
	SetAside(ctx context.Context, call Call, pool string, body SetAside) error

	ClaimMessages(ctx context.Context, call Call, body ClaimMessages) (*ClaimedMessages, error)
	ReportDeliveries(ctx context.Context, call Call, body Deliveries) error

	// Records of the log behind a position, of one ticket unless zero; waits up to waitSeconds for the first.
	Records(ctx context.Context, call Call, after int64, limit int, ticket int64, waitSeconds int) (*Records, error)
	Overview(ctx context.Context, call Call) (*Overview, error)
	// Backup writes a consistent copy of the store.
	Backup(ctx context.Context, call Call, w io.Writer) error
}

// TicketQuery chooses tickets; zero fields do not count.
type TicketQuery struct {
	Status   []ticket.Status
	Queue    string
	Agent    string
	Customer string
	// Standing with the service level: AtRisk or Breached.
	Standing  ticket.ClockState
	Reference *ticket.Reference
	After     int64
	// Limit is at most 500; zero: 100.
	Limit int
}

// Place of a waiting ticket in its class of demand as the caller saw it, which is what counts, whatever became of the ticket
// since. The zero value is before the first.
type Place struct {
	Ticket   int64
	Priority ticket.Priority
	// Due is the earliest due time that was not met; zero: none.
	Due      time.Time
	OpenedAt time.Time
}

// PlaceOf is where a demand stands in its class.
func PlaceOf(d *dispatch.Demand) Place {
	return Place{Ticket: d.Ticket, Priority: d.Priority, Due: d.Due, OpenedAt: d.OpenedAt}
}

// Problem is a refusal (RFC 9457), as it travels.
type Problem struct {
	// Type is a stable word for programs, one of the constants below.
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	// Detail says what is wrong and what to do.
	Detail string `json:"detail"`
	// Errors name the fields.
	Errors []FieldError `json:"errors,omitempty"`
	// PlanProblems, where a plan was refused.
	PlanProblems []plan.Problem `json:"planProblems,omitempty"`
}

// FieldError is what is wrong with one field of the request.
type FieldError struct {
	Location string `json:"location"`
	Message  string `json:"message"`
	Value    any    `json:"value,omitempty"`
}

// Types of problems.
const (
	ProblemInvalid         = "invalid"              // 422
	ProblemNotFound        = "not-found"            // 404
	ProblemNotAllowed      = "not-allowed-in-state" // 409: the ticket's status does not allow it
	ProblemConflict        = "conflict"             // 409: somebody was faster
	ProblemNoCapacity      = "no-capacity"          // 409: the agent is full
	ProblemApprovalNeeded  = "approval-needed"      // 409: the ticket's amount is above the agent's limit
	ProblemQueueFull       = "queue-full"           // 429: the ticket's queue takes no more
	ProblemKeyReused       = "idempotency-key-reused"
	ProblemUnauthenticated = "unauthenticated" // 401
	ProblemForbidden       = "forbidden"       // 403
	ProblemPrecondition    = "precondition-failed"
	ProblemLeaseLost       = "lease-lost" // 409: the pool is no longer the worker's, or the plan changed
	ProblemTooLarge        = "too-large"  // 413: the body is over the limit of its operation
	ProblemNotReady        = "not-ready"  // 503: no plan is active yet, or the desk is stopping
	ProblemInternal        = "internal"   // 500: the desk failed; its log says why
)

func (p *Problem) Error() string { return p.Detail }

// GetStatus is the HTTP status.
func (p *Problem) GetStatus() int { return p.Status }

// ContentType of the problem as a response.
func (p *Problem) ContentType(string) string { return ProblemContentType }

// ProblemContentType is the media type of a Problem.
const ProblemContentType = "application/problem+json"

// NewProblem with a formatted detail.
func NewProblem(status int, problemType, format string, args ...any) *Problem {
	return &Problem{Type: problemType, Title: http.StatusText(status), Status: status, Detail: fmt.Sprintf(format, args...)}
}
