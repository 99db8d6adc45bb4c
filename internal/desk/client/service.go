package client

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/caseload-dev/caseload/internal/desk/api"
	"github.com/caseload-dev/caseload/internal/ticket"
)

// get reads a resource.
func get[T any](ctx context.Context, c *Client, call api.Call, path string, query url.Values) (*T, error) {
	out := new(T)
	if err := c.do(ctx, call, request{method: http.MethodGet, path: path, query: query}, out); err != nil {
		return nil, err
	}
	return out, nil
}

// getWaiting reads a resource once something happened, or the time to wait is over.
func getWaiting[T any](ctx context.Context, c *Client, call api.Call, path string, query url.Values, seconds int) (*T, error) {
	if seconds > 0 {
		query.Set("wait", strconv.Itoa(seconds))
	}
	out := new(T)
	r := request{method: http.MethodGet, path: path, query: query, waits: time.Duration(seconds) * time.Second}
	if err := c.do(ctx, call, r, out); err != nil {
		return nil, err
	}
	return out, nil
}

// send changes something that an idempotency key protects.
func send[T any](ctx context.Context, c *Client, call api.Call, method, path string, body any) (*T, error) {
	out := new(T)
	if err := c.do(ctx, call, request{method: method, path: path, body: body, keyed: true}, out); err != nil {
		return nil, err
	}
	return out, nil
}

// post is a call of the dispatch protocol, which its own guards protect from repetition.
func post[T any](ctx context.Context, c *Client, call api.Call, path string, body any, seconds int) (*T, error) {
	out := new(T)
	r := request{method: http.MethodPost, path: path, body: body, waits: time.Duration(seconds) * time.Second}
	if err := c.do(ctx, call, r, out); err != nil {
		return nil, err
	}
	return out, nil
}

func ticketPath(id int64) string { return "/v1/tickets/" + strconv.FormatInt(id, 10) }

func (c *Client) verb(ctx context.Context, call api.Call, id int64, verb string, body any) (*ticket.Ticket, error) {
	return send[ticket.Ticket](ctx, c, call, http.MethodPost, ticketPath(id)+"/"+verb, body)
}

func (c *Client) OpenTicket(ctx context.Context, call api.Call, body api.OpenTicket) (*api.OpenedTicket, error) {
	return send[api.OpenedTicket](ctx, c, call, http.MethodPost, "/v1/tickets", body)
}

func (c *Client) OpenTickets(ctx context.Context, call api.Call, body api.OpenTickets) (*api.OpenedTickets, error) {
	return send[api.OpenedTickets](ctx, c, call, http.MethodPost, "/v1/tickets/batch", body)
}

func (c *Client) Ticket(ctx context.Context, call api.Call, id int64) (*ticket.Ticket, error) {
	return get[ticket.Ticket](ctx, c, call, ticketPath(id), nil)
}

func (c *Client) Tickets(ctx context.Context, call api.Call, query api.TicketQuery) (*api.TicketList, error) {
	values := url.Values{}
	if len(query.Status) > 0 {
		statuses := make([]string, len(query.Status))
		for i, status := range query.Status {
			statuses[i] = string(status)
		}
		values.Set("status", strings.Join(statuses, ","))
	}
	for name, value := range map[string]string{"queue": query.Queue, "agent": query.Agent, "customer": query.Customer,
		"standing": string(query.Standing)} {
		if value != "" {
			values.Set(name, value)
		}
	}
	if query.Reference != nil {
		values.Set("reference", url.PathEscape(query.Reference.Source)+"/"+query.Reference.Key)
	}
	setInt(values, "after", query.After)
	setInt(values, "limit", int64(query.Limit))
	return get[api.TicketList](ctx, c, call, "/v1/tickets", values)
}

func setInt(values url.Values, name string, value int64) {
	if value != 0 {
		values.Set(name, strconv.FormatInt(value, 10))
	}
}

func setTime(values url.Values, name string, value time.Time) {
	if !value.IsZero() {
		values.Set(name, value.Format(time.RFC3339Nano))
	}
}

func (c *Client) History(ctx context.Context, call api.Call, id int64) (*api.TicketHistory, error) {
	return get[api.TicketHistory](ctx, c, call, ticketPath(id)+"/history", nil)
}

func (c *Client) Accept(ctx context.Context, call api.Call, id int64, body api.Accept) (*ticket.Ticket, error) {
	return c.verb(ctx, call, id, "accept", body)
}

func (c *Client) Decline(ctx context.Context, call api.Call, id int64, body api.Decline) (*ticket.Ticket, error) {
	return c.verb(ctx, call, id, "decline", body)
}

func (c *Client) Transfer(ctx context.Context, call api.Call, id int64, body api.Transfer) (*ticket.Ticket, error) {
	return c.verb(ctx, call, id, "transfer", body)
}

func (c *Client) Return(ctx context.Context, call api.Call, id int64, body api.Because) (*ticket.Ticket, error) {
	return c.verb(ctx, call, id, "return", body)
}

func (c *Client) Pend(ctx context.Context, call api.Call, id int64, body api.Pend) (*ticket.Ticket, error) {
	return c.verb(ctx, call, id, "pend", body)
}

func (c *Client) Hold(ctx context.Context, call api.Call, id int64, body api.Because) (*ticket.Ticket, error) {
	return c.verb(ctx, call, id, "hold", body)
}

func (c *Client) Resume(ctx context.Context, call api.Call, id int64, body api.Because) (*ticket.Ticket, error) {
	return c.verb(ctx, call, id, "resume", body)
}

func (c *Client) Resolve(ctx context.Context, call api.Call, id int64, body api.Because) (*ticket.Ticket, error) {
	return c.verb(ctx, call, id, "resolve", body)
}

func (c *Client) Reopen(ctx context.Context, call api.Call, id int64, body api.Because) (*ticket.Ticket, error) {
	return c.verb(ctx, call, id, "reopen", body)
}

func (c *Client) Close(ctx context.Context, call api.Call, id int64, body api.Because) (*ticket.Ticket, error) {
	return c.verb(ctx, call, id, "close", body)
}

func (c *Client) Cancel(ctx context.Context, call api.Call, id int64, body api.Because) (*ticket.Ticket, error) {
	return c.verb(ctx, call, id, "cancel", body)
}

func (c *Client) AskApproval(ctx context.Context, call api.Call, id int64, body api.Because) (*ticket.Ticket, error) {
	return c.verb(ctx, call, id, "askApproval", body)
}

func (c *Client) Approve(ctx context.Context, call api.Call, id int64, body api.Because) (*ticket.Ticket, error) {
	return c.verb(ctx, call, id, "approve", body)
}

func (c *Client) Refuse(ctx context.Context, call api.Call, id int64, body api.Because) (*ticket.Ticket, error) {
	return c.verb(ctx, call, id, "refuse", body)
}

func (c *Client) Acknowledge(ctx context.Context, call api.Call, id int64, body api.Because) (*ticket.Ticket, error) {
	return c.verb(ctx, call, id, "acknowledge", body)
}

func (c *Client) Escalate(ctx context.Context, call api.Call, id int64, body api.Because) (*ticket.Ticket, error) {
	return c.verb(ctx, call, id, "escalate", body)
}

func (c *Client) Reply(ctx context.Context, call api.Call, id int64, body api.Reply) (*ticket.Ticket, error) {
	return c.verb(ctx, call, id, "reply", body)
}

func (c *Client) Note(ctx context.Context, call api.Call, id int64, body api.Note) (*ticket.Ticket, error) {
	return c.verb(ctx, call, id, "note", body)
}

func (c *Client) Update(ctx context.Context, call api.Call, id int64, body api.Update) (*ticket.Ticket, error) {
	return send[ticket.Ticket](ctx, c, call, http.MethodPatch, ticketPath(id), body)
}

func (c *Client) Customer(ctx context.Context, call api.Call, id string) (*ticket.Customer, error) {
	return get[ticket.Customer](ctx, c, call, "/v1/customers/"+url.PathEscape(id), nil)
}

func (c *Client) PutCustomer(ctx context.Context, call api.Call, customer ticket.Customer) (*ticket.Customer, error) {
	return send[ticket.Customer](ctx, c, call, http.MethodPut, "/v1/customers/"+url.PathEscape(customer.ID), customer)
}

func (c *Client) Agents(ctx context.Context, call api.Call) (*api.AgentList, error) {
	return get[api.AgentList](ctx, c, call, "/v1/agents", nil)
}

func (c *Client) OnCall(ctx context.Context, call api.Call, q api.OnCallQuery) (*api.OnCallList, error) {
	query := url.Values{}
	if q.Rotation != "" {
		query.Set("rotation", q.Rotation)
	}
	for name, t := range map[string]time.Time{"at": q.At, "from": q.From, "to": q.To} {
		if !t.IsZero() {
			query.Set(name, t.UTC().Format(time.RFC3339Nano))
		}
	}
	return get[api.OnCallList](ctx, c, call, "/v1/oncall", query)
}

func (c *Client) CreateOnCallFeed(ctx context.Context, call api.Call, body api.CreateOnCallFeed) (*api.OnCallFeed, error) {
	return send[api.OnCallFeed](ctx, c, call, http.MethodPost, "/v1/oncall/feeds", body)
}

func (c *Client) OnCallFeeds(ctx context.Context, call api.Call) (*api.OnCallFeedList, error) {
	return get[api.OnCallFeedList](ctx, c, call, "/v1/oncall/feeds", nil)
}

func (c *Client) RevokeOnCallFeed(ctx context.Context, call api.Call, id int64) (*api.OnCallFeed, error) {
	return send[api.OnCallFeed](ctx, c, call, http.MethodDelete, fmt.Sprintf("/v1/oncall/feeds/%d", id), nil)
}

func (c *Client) Work(ctx context.Context, call api.Call, agent string, after int64, waitSeconds int) (*api.AgentWork, error) {
	query := url.Values{}
	setInt(query, "after", after)
	return getWaiting[api.AgentWork](ctx, c, call, "/v1/agents/"+url.PathEscape(agent)+"/work", query, waitSeconds)
}

func (c *Client) SetPresence(ctx context.Context, call api.Call, agent string, body api.SetPresence) (*api.Agent, error) {
	return send[api.Agent](ctx, c, call, http.MethodPut, "/v1/agents/"+url.PathEscape(agent)+"/presence", body)
}

func (c *Client) ChangeDuty(ctx context.Context, call api.Call, agent string, body api.ChangeDuty) (*api.Agent, error) {
	return send[api.Agent](ctx, c, call, http.MethodPost, "/v1/agents/"+url.PathEscape(agent)+"/duty-changes", body)
}

func (c *Client) RestoreDuty(ctx context.Context, call api.Call, agent string, change int64) (*api.Agent, error) {
	return send[api.Agent](ctx, c, call, http.MethodDelete, fmt.Sprintf("/v1/agents/%s/duty-changes/%d", url.PathEscape(agent), change), nil)
}

func (c *Client) Plan(ctx context.Context, call api.Call) (*api.Plan, error) {
	return get[api.Plan](ctx, c, call, "/v1/plan", nil)
}

func (c *Client) PlanRevision(ctx context.Context, call api.Call, revision int64) (*api.Plan, error) {
	return get[api.Plan](ctx, c, call, fmt.Sprintf("/v1/plans/%d", revision), nil)
}

func (c *Client) PlanEntries(ctx context.Context, call api.Call, revision int64) (*api.PlanEntries, error) {
	return get[api.PlanEntries](ctx, c, call, fmt.Sprintf("/v1/plans/%d/entries", revision), nil)
}

func (c *Client) PushPlan(ctx context.Context, call api.Call, ifMatch string, body api.PushPlan) (*api.PushedPlan, error) {
	if ifMatch != "*" {
		ifMatch = strconv.Quote(ifMatch)
	}
	out := &api.PushedPlan{}
	r := request{method: http.MethodPut, path: "/v1/plan", body: body, header: http.Header{"If-Match": {ifMatch}}}
	if err := c.do(ctx, call, r, out); err != nil {
		return nil, err
	}
	return out, nil
}

func (c *Client) Route(ctx context.Context, call api.Call, body api.RouteRequest) (*api.RouteResult, error) {
	return post[api.RouteResult](ctx, c, call, "/v1/route", body, 0)
}

func (c *Client) AcquireLeases(ctx context.Context, call api.Call, body api.AcquireLeases) (*api.Leases, error) {
	return post[api.Leases](ctx, c, call, "/v1/leases", body, body.WaitSeconds)
}

func (c *Client) ReleaseLeases(ctx context.Context, call api.Call, body api.ReleaseLeases) error {
	return c.do(ctx, call, request{method: http.MethodPost, path: "/v1/leases/release", body: body}, nil)
}

func poolPath(pool, part string) string { return "/v1/pools/" + url.PathEscape(pool) + "/" + part }

func (c *Client) Snapshot(ctx context.Context, call api.Call, pool string, epoch int64) (*api.Snapshot, error) {
	query := url.Values{}
	setInt(query, "epoch", epoch)
	return get[api.Snapshot](ctx, c, call, poolPath(pool, "snapshot"), query)
}

func (c *Client) Changes(ctx context.Context, call api.Call, pool string, epoch, after int64, waitSeconds int) (*api.Changes, error) {
	query := url.Values{}
	setInt(query, "epoch", epoch)
	setInt(query, "after", after)
	return getWaiting[api.Changes](ctx, c, call, poolPath(pool, "changes"), query, waitSeconds)
}

func (c *Client) Window(ctx context.Context, call api.Call, pool string, epoch int64, class string, behind api.Place) (*api.ClassWindow, error) {
	query := url.Values{"class": {class}}
	setInt(query, "epoch", epoch)
	setInt(query, "behind", behind.Ticket)
	if behind.Priority != "" {
		query.Set("priority", string(behind.Priority))
	}
	setTime(query, "due", behind.Due)
	setTime(query, "openedAt", behind.OpenedAt)
	return get[api.ClassWindow](ctx, c, call, poolPath(pool, "window"), query)
}

func (c *Client) Commit(ctx context.Context, call api.Call, pool string, body api.Commit) (*api.Committed, error) {
	return post[api.Committed](ctx, c, call, poolPath(pool, "commit"), body, 0)
}

func (c *Client) SetAside(ctx context.Context, call api.Call, pool string, body api.SetAside) error {
	return c.do(ctx, call, request{method: http.MethodPost, path: poolPath(pool, "set-aside"), body: body}, nil)
}

func (c *Client) ClaimMessages(ctx context.Context, call api.Call, body api.ClaimMessages) (*api.ClaimedMessages, error) {
	return post[api.ClaimedMessages](ctx, c, call, "/v1/outbox/claim", body, body.WaitSeconds)
}

func (c *Client) ReportDeliveries(ctx context.Context, call api.Call, body api.Deliveries) error {
	return c.do(ctx, call, request{method: http.MethodPost, path: "/v1/outbox/report", body: body}, nil)
}

func (c *Client) Records(ctx context.Context, call api.Call, after int64, limit int, ticketID int64, waitSeconds int) (*api.Records, error) {
	query := url.Values{}
	setInt(query, "after", after)
	setInt(query, "limit", int64(limit))
	setInt(query, "ticket", ticketID)
	return getWaiting[api.Records](ctx, c, call, "/v1/events", query, waitSeconds)
}

func (c *Client) Overview(ctx context.Context, call api.Call) (*api.Overview, error) {
	return get[api.Overview](ctx, c, call, "/v1/overview", nil)
}

// Backup is tried once: what was written to w cannot be taken back.
func (c *Client) Backup(ctx context.Context, call api.Call, w io.Writer) error {
	r := request{method: http.MethodPost, path: "/v1/backup"}
	return c.attempt(ctx, call, r, nil, func(answer io.Reader) error {
		_, err := io.Copy(w, answer)
		return err
	})
}
