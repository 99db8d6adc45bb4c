package server_test

import (
	"context"
	"io"
	"sync"

	"github.com/caseload-dev/caseload/internal/desk/api"
	"github.com/caseload-dev/caseload/internal/ticket"
)

// recorder stands where the desk does, to see what reaches it: it keeps the last call and gives the answer it is told.
type recorder struct {
	mu     sync.Mutex
	method string
	call   api.Call
	args   []any
	answer any
	err    error
	// hold, if set, blocks every call until its context ends.
	hold chan struct{}
}

var _ api.Service = (*recorder)(nil)

func (r *recorder) record(method string, call api.Call, args ...any) (any, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.method, r.call, r.args = method, call, args
	return r.answer, r.err
}

func recorded[T any](ctx context.Context, r *recorder, method string, call api.Call, args ...any) (*T, error) {
	answer, err := r.record(method, call, args...)
	if r.hold != nil {
		r.hold <- struct{}{}
		<-ctx.Done()
		return nil, ctx.Err()
	}
	if err != nil {
		return nil, err
	}
	if out, ok := answer.(*T); ok {
		return out, nil
	}
	return new(T), nil
}

func (r *recorder) OpenTicket(ctx context.Context, c api.Call, b api.OpenTicket) (*api.OpenedTicket, error) {
	return recorded[api.OpenedTicket](ctx, r, "OpenTicket", c, b)
}
func (r *recorder) OpenTickets(ctx context.Context, c api.Call, b api.OpenTickets) (*api.OpenedTickets, error) {
	return recorded[api.OpenedTickets](ctx, r, "OpenTickets", c, b)
}
func (r *recorder) Ticket(ctx context.Context, c api.Call, id int64) (*ticket.Ticket, error) {
	return recorded[ticket.Ticket](ctx, r, "Ticket", c, id)
}
func (r *recorder) Tickets(ctx context.Context, c api.Call, q api.TicketQuery) (*api.TicketList, error) {
	return recorded[api.TicketList](ctx, r, "Tickets", c, q)
}
func (r *recorder) History(ctx context.Context, c api.Call, id int64) (*api.TicketHistory, error) {
	return recorded[api.TicketHistory](ctx, r, "History", c, id)
}
func (r *recorder) Accept(ctx context.Context, c api.Call, id int64, b api.Accept) (*ticket.Ticket, error) {
	return recorded[ticket.Ticket](ctx, r, "Accept", c, id, b)
}
func (r *recorder) Decline(ctx context.Context, c api.Call, id int64, b api.Decline) (*ticket.Ticket, error) {
	return recorded[ticket.Ticket](ctx, r, "Decline", c, id, b)
}
func (r *recorder) Transfer(ctx context.Context, c api.Call, id int64, b api.Transfer) (*ticket.Ticket, error) {
	return recorded[ticket.Ticket](ctx, r, "Transfer", c, id, b)
}
func (r *recorder) Return(ctx context.Context, c api.Call, id int64, b api.Because) (*ticket.Ticket, error) {
	return recorded[ticket.Ticket](ctx, r, "Return", c, id, b)
}
func (r *recorder) Pend(ctx context.Context, c api.Call, id int64, b api.Pend) (*ticket.Ticket, error) {
	return recorded[ticket.Ticket](ctx, r, "Pend", c, id, b)
}
func (r *recorder) Hold(ctx context.Context, c api.Call, id int64, b api.Because) (*ticket.Ticket, error) {
	return recorded[ticket.Ticket](ctx, r, "Hold", c, id, b)
}
func (r *recorder) Resume(ctx context.Context, c api.Call, id int64, b api.Because) (*ticket.Ticket, error) {
	return recorded[ticket.Ticket](ctx, r, "Resume", c, id, b)
}
func (r *recorder) Resolve(ctx context.Context, c api.Call, id int64, b api.Because) (*ticket.Ticket, error) {
	return recorded[ticket.Ticket](ctx, r, "Resolve", c, id, b)
}
func (r *recorder) Reopen(ctx context.Context, c api.Call, id int64, b api.Because) (*ticket.Ticket, error) {
	return recorded[ticket.Ticket](ctx, r, "Reopen", c, id, b)
}
func (r *recorder) Close(ctx context.Context, c api.Call, id int64, b api.Because) (*ticket.Ticket, error) {
	return recorded[ticket.Ticket](ctx, r, "Close", c, id, b)
}
func (r *recorder) Cancel(ctx context.Context, c api.Call, id int64, b api.Because) (*ticket.Ticket, error) {
	return recorded[ticket.Ticket](ctx, r, "Cancel", c, id, b)
}
func (r *recorder) AskApproval(ctx context.Context, c api.Call, id int64, b api.Because) (*ticket.Ticket, error) {
	return recorded[ticket.Ticket](ctx, r, "AskApproval", c, id, b)
}
func (r *recorder) Approve(ctx context.Context, c api.Call, id int64, b api.Because) (*ticket.Ticket, error) {
	return recorded[ticket.Ticket](ctx, r, "Approve", c, id, b)
}
func (r *recorder) Refuse(ctx context.Context, c api.Call, id int64, b api.Because) (*ticket.Ticket, error) {
	return recorded[ticket.Ticket](ctx, r, "Refuse", c, id, b)
}
func (r *recorder) Escalate(ctx context.Context, c api.Call, id int64, b api.Because) (*ticket.Ticket, error) {
	return recorded[ticket.Ticket](ctx, r, "Escalate", c, id, b)
}
func (r *recorder) Acknowledge(ctx context.Context, c api.Call, id int64, b api.Because) (*ticket.Ticket, error) {
	return recorded[ticket.Ticket](ctx, r, "Acknowledge", c, id, b)
}
func (r *recorder) Reply(ctx context.Context, c api.Call, id int64, b api.Reply) (*ticket.Ticket, error) {
	return recorded[ticket.Ticket](ctx, r, "Reply", c, id, b)
}
func (r *recorder) Note(ctx context.Context, c api.Call, id int64, b api.Note) (*ticket.Ticket, error) {
	return recorded[ticket.Ticket](ctx, r, "Note", c, id, b)
}
func (r *recorder) Update(ctx context.Context, c api.Call, id int64, b api.Update) (*ticket.Ticket, error) {
	return recorded[ticket.Ticket](ctx, r, "Update", c, id, b)
}
func (r *recorder) Customer(ctx context.Context, c api.Call, id string) (*ticket.Customer, error) {
	return recorded[ticket.Customer](ctx, r, "Customer", c, id)
}
func (r *recorder) PutCustomer(ctx context.Context, c api.Call, b ticket.Customer) (*ticket.Customer, error) {
	return recorded[ticket.Customer](ctx, r, "PutCustomer", c, b)
}
func (r *recorder) Agents(ctx context.Context, c api.Call) (*api.AgentList, error) {
	return recorded[api.AgentList](ctx, r, "Agents", c)
}
func (r *recorder) Work(ctx context.Context, c api.Call, agent string, after int64, wait int) (*api.AgentWork, error) {
	return recorded[api.AgentWork](ctx, r, "Work", c, agent, after, wait)
}
func (r *recorder) SetPresence(ctx context.Context, c api.Call, agent string, b api.SetPresence) (*api.Agent, error) {
	return recorded[api.Agent](ctx, r, "SetPresence", c, agent, b)
}
func (r *recorder) ChangeDuty(ctx context.Context, c api.Call, agent string, b api.ChangeDuty) (*api.Agent, error) {
	return recorded[api.Agent](ctx, r, "ChangeDuty", c, agent, b)
}
func (r *recorder) RestoreDuty(ctx context.Context, c api.Call, agent string, change int64) (*api.Agent, error) {
	return recorded[api.Agent](ctx, r, "RestoreDuty", c, agent, change)
}
func (r *recorder) OnCall(ctx context.Context, c api.Call, q api.OnCallQuery) (*api.OnCallList, error) {
	return recorded[api.OnCallList](ctx, r, "OnCall", c, q)
}
func (r *recorder) CreateOnCallFeed(ctx context.Context, c api.Call, b api.CreateOnCallFeed) (*api.OnCallFeed, error) {
	return recorded[api.OnCallFeed](ctx, r, "CreateOnCallFeed", c, b)
}
func (r *recorder) OnCallFeeds(ctx context.Context, c api.Call) (*api.OnCallFeedList, error) {
	return recorded[api.OnCallFeedList](ctx, r, "OnCallFeeds", c)
}
func (r *recorder) RevokeOnCallFeed(ctx context.Context, c api.Call, id int64) (*api.OnCallFeed, error) {
	return recorded[api.OnCallFeed](ctx, r, "RevokeOnCallFeed", c, id)
}
func (r *recorder) Plan(ctx context.Context, c api.Call) (*api.Plan, error) {
	return recorded[api.Plan](ctx, r, "Plan", c)
}
func (r *recorder) PlanRevision(ctx context.Context, c api.Call, revision int64) (*api.Plan, error) {
	return recorded[api.Plan](ctx, r, "PlanRevision", c, revision)
}
func (r *recorder) PlanEntries(ctx context.Context, c api.Call, revision int64) (*api.PlanEntries, error) {
	return recorded[api.PlanEntries](ctx, r, "PlanEntries", c, revision)
}
func (r *recorder) PushPlan(ctx context.Context, c api.Call, ifMatch string, b api.PushPlan) (*api.PushedPlan, error) {
	return recorded[api.PushedPlan](ctx, r, "PushPlan", c, ifMatch, b)
}
func (r *recorder) Route(ctx context.Context, c api.Call, b api.RouteRequest) (*api.RouteResult, error) {
	return recorded[api.RouteResult](ctx, r, "Route", c, b)
}
func (r *recorder) AcquireLeases(ctx context.Context, c api.Call, b api.AcquireLeases) (*api.Leases, error) {
	return recorded[api.Leases](ctx, r, "AcquireLeases", c, b)
}
func (r *recorder) ReleaseLeases(_ context.Context, c api.Call, b api.ReleaseLeases) error {
	_, err := r.record("ReleaseLeases", c, b)
	return err
}
func (r *recorder) Snapshot(ctx context.Context, c api.Call, pool string, epoch int64) (*api.Snapshot, error) {
	return recorded[api.Snapshot](ctx, r, "Snapshot", c, pool, epoch)
}
func (r *recorder) Changes(ctx context.Context, c api.Call, pool string, epoch, after int64, wait int) (*api.Changes, error) {
	return recorded[api.Changes](ctx, r, "Changes", c, pool, epoch, after, wait)
}
func (r *recorder) Window(ctx context.Context, c api.Call, pool string, epoch int64, class string, behind api.Place) (*api.ClassWindow, error) {
	return recorded[api.ClassWindow](ctx, r, "Window", c, pool, epoch, class, behind)
}
func (r *recorder) Commit(ctx context.Context, c api.Call, pool string, b api.Commit) (*api.Committed, error) {
	return recorded[api.Committed](ctx, r, "Commit", c, pool, b)
}
func (r *recorder) SetAside(_ context.Context, c api.Call, pool string, b api.SetAside) error {
	_, err := r.record("SetAside", c, pool, b)
	return err
}
func (r *recorder) ClaimMessages(ctx context.Context, c api.Call, b api.ClaimMessages) (*api.ClaimedMessages, error) {
	return recorded[api.ClaimedMessages](ctx, r, "ClaimMessages", c, b)
}
func (r *recorder) ReportDeliveries(_ context.Context, c api.Call, b api.Deliveries) error {
	_, err := r.record("ReportDeliveries", c, b)
	return err
}
func (r *recorder) Records(ctx context.Context, c api.Call, after int64, limit int, ticketID int64, wait int) (*api.Records, error) {
	return recorded[api.Records](ctx, r, "Records", c, after, limit, ticketID, wait)
}
func (r *recorder) Overview(ctx context.Context, c api.Call) (*api.Overview, error) {
	return recorded[api.Overview](ctx, r, "Overview", c)
}
func (r *recorder) Backup(_ context.Context, c api.Call, w io.Writer) error {
	answer, err := r.record("Backup", c)
	if parts, ok := answer.([]string); ok {
		for _, part := range parts {
			if _, err := io.WriteString(w, part); err != nil {
				return err
			}
		}
	}
	return err
}
