package desk

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/caseload-dev/caseload/internal/desk/api"
	"github.com/caseload-dev/caseload/internal/desk/store"
	"github.com/caseload-dev/caseload/internal/eventlog"
	"github.com/caseload-dev/caseload/internal/plan"
	"github.com/caseload-dev/caseload/internal/ticket"
)

// OpenTicket opens a ticket in the queue that routing chooses, all in one transaction. A reference that is known opens
// nothing: the answer is the ticket it has.
func (d *Desk) OpenTicket(ctx context.Context, call api.Call, body api.OpenTicket) (*api.OpenedTicket, error) {
	return answer(ctx, d, call, "open", func(c *change) (*api.OpenedTicket, error) {
		return c.open(body.Content)
	})
}

// OpenTickets opens several tickets in one transaction, each taken or refused on its own.
func (d *Desk) OpenTickets(ctx context.Context, call api.Call, body api.OpenTickets) (*api.OpenedTickets, error) {
	if n := len(body.Tickets); n == 0 || n > api.MaxBatch {
		return nil, invalid("body.tickets", n, "give 1 to %d tickets", api.MaxBatch)
	}
	return answer(ctx, d, call, "open batch", func(c *change) (*api.OpenedTickets, error) {
		results := make([]api.OpenedTicket, len(body.Tickets))
		for i := range body.Tickets {
			opened, err := c.open(body.Tickets[i].Content)
			var refused *api.Problem
			switch {
			case errors.As(err, &refused) && (refused.Type == api.ProblemInvalid || refused.Type == api.ProblemQueueFull):
				results[i].Error = refused.Detail
			case err != nil:
				return nil, err
			default:
				results[i] = *opened
			}
		}
		return &api.OpenedTickets{Results: results}, nil
	})
}

// open refuses before it writes, so that a refused ticket of a batch leaves nothing behind but what is known of its customer.
func (c *change) open(content ticket.Content) (*api.OpenedTicket, error) {
	if c.plan.Revision == 0 {
		return nil, notReady()
	}
	if content.Reference != nil {
		known, err := c.TicketByReference(*content.Reference)
		if err == nil {
			return &api.OpenedTicket{ID: known.ID, Status: known.Status, Ticket: known, Existing: true}, nil
		}
		if !errors.Is(err, store.ErrNotFound) {
			return nil, err
		}
	}
	if err := c.check(&content); err != nil {
		return nil, err
	}
	opened, err := c.openChecked(content, 0)
	if err != nil {
		return nil, err
	}
	if err := c.reject(opened.Queue); err != nil {
		return nil, err
	}
	data := openedData(opened)
	opened, err = c.insertRouted(opened, eventlog.Record{Type: eventlog.Opened, Data: eventlog.Encode(data)})
	if err != nil {
		return nil, err
	}
	return &api.OpenedTicket{ID: opened.ID, Status: opened.Status, Ticket: opened}, nil
}

// openChecked routes a new ticket and makes it; the caller inserts it.
func (c *change) openChecked(content ticket.Content, followUpOf int64) (*ticket.Ticket, error) {
	customer, err := c.customer(content.Customer)
	if err != nil {
		return nil, err
	}
	t := ticket.New(content, c.route(&content, customer), c.now)
	t.FollowUpOf = followUpOf
	if customer != nil && c.plan.Agents[customer.LastAgent] != nil {
		t.PreferredAgent = customer.LastAgent
	}
	return &t, nil
}

func openedData(t *ticket.Ticket) eventlog.OpenedData {
	return eventlog.OpenedData{
		Channel: t.Channel, Language: t.Language, Customer: t.Customer, Team: t.Team, Reference: t.Reference, Rule: t.Rule,
		Preferred: t.PreferredAgent, FollowUpOf: t.FollowUpOf,
	}
}

// customer reads the record of a ticket's customer, nil for a ticket of nobody. One never heard of gets an empty record.
func (c *change) customer(id string) (*ticket.Customer, error) {
	if id == "" {
		return nil, nil
	}
	customer, err := c.Customer(id)
	if errors.Is(err, store.ErrNotFound) {
		customer = &ticket.Customer{ID: id}
		return customer, c.PutCustomer(customer)
	}
	return customer, err
}

// route is where the active plan sends a ticket.
func (c *change) route(content *ticket.Content, customer *ticket.Customer) ticket.Route {
	decision := c.plan.Router.Route(content, customer)
	return ticket.Route{
		Queue: cmp.Or(decision.Queue, plan.UnroutedQueue), Priority: decision.Priority, AddTags: decision.AddTags,
		ServiceLevel: decision.ServiceLevel, Rule: decision.Rule, PlanRevision: c.plan.Revision,
	}
}

// Bounds that hold whichever way a ticket comes in or changes. The API's schema has the same, where it can; the cost of
// routing expressions is estimated by them.
const (
	maxSubject      = 512
	maxBody         = 65536
	maxTags         = 64
	maxTag          = 63
	maxAttributes   = 64
	maxAttributeKey = 128
	maxAttribute    = 1024
)

var channelPattern = regexp.MustCompile(`^[A-Z][A-Za-z0-9]*$`)

// check refuses what a ticket cannot be opened with, naming each field.
func (c *change) check(content *ticket.Content) error {
	wrong := checkContent(content)
	if content.Team != "" && c.plan.Teams[content.Team] == nil {
		wrong.add("body.team", content.Team, fmt.Sprintf("there is no SupportTeam %q; leave it out for the desk's default team", content.Team))
	}
	if r := content.Reference; r != nil && (r.Source == "" || r.Key == "") {
		wrong.add("body.reference", *r, "needs both source and key")
	}
	return wrong.problem()
}

// checkContent tells what is wrong with a ticket's content at intake and with each update, whatever the plan.
func checkContent(content *ticket.Content) (wrong fieldErrors) {
	if strings.TrimSpace(content.Subject) == "" {
		wrong.add("body.subject", content.Subject, "say in a few words what the ticket is about")
	}
	wrong.tooLong("body.subject", content.Subject, maxSubject)
	wrong.tooLong("body.body", content.Body, maxBody)
	if !channelPattern.MatchString(content.Channel) {
		wrong.add("body.channel", content.Channel, "name a channel in CamelCase, such as Phone, Chat, Email or Web")
	}
	if content.Priority != "" && !slices.Contains(ticket.Priorities, content.Priority) {
		wrong.add("body.priority", content.Priority, "must be one of Urgent, High, Normal, Low")
	}
	if len(content.Tags) > maxTags {
		wrong.add("body.tags", len(content.Tags), fmt.Sprintf("at most %d tags", maxTags))
	}
	for _, tag := range content.Tags {
		wrong.tooLong("body.tags", tag, maxTag)
	}
	wrong.attributes(content.Attributes)
	return wrong
}

// fieldErrors collects what is wrong with a request.
type fieldErrors []api.FieldError

func (f *fieldErrors) add(location string, value any, message string) {
	*f = append(*f, api.FieldError{Location: location, Message: message, Value: value})
}

func (f *fieldErrors) tooLong(location, value string, limit int) {
	if n := len([]rune(value)); n > limit {
		f.add(location, n, fmt.Sprintf("has %d characters; at most %d are kept", n, limit))
	}
}

// attributes of a ticket or of a customer.
func (f *fieldErrors) attributes(attributes map[string]string) {
	if n := len(attributes); n > maxAttributes {
		f.add("body.attributes", n, fmt.Sprintf("at most %d attributes", maxAttributes))
		return
	}
	for _, key := range slices.Sorted(maps.Keys(attributes)) {
		if n := len([]rune(key)); n == 0 || n > maxAttributeKey {
			f.add("body.attributes", n, fmt.Sprintf("a key has 1 to %d characters, not %d", maxAttributeKey, n))
			continue
		}
		f.tooLong("body.attributes."+key, attributes[key], maxAttribute)
	}
}

func (f fieldErrors) problem() error {
	if len(f) == 0 {
		return nil
	}
	parts := make([]string, len(f))
	for i, e := range f {
		parts[i] = strings.TrimPrefix(e.Location, "body.") + ": " + e.Message
	}
	p := api.NewProblem(http.StatusUnprocessableEntity, api.ProblemInvalid, "%s", strings.Join(parts, "; "))
	p.Errors = f
	return p
}

// invalid is the problem of a single field.
func invalid(location string, value any, format string, args ...any) error {
	var wrong fieldErrors
	wrong.add(location, value, fmt.Sprintf(format, args...))
	return wrong.problem()
}

func notReady() error {
	return api.NewProblem(http.StatusServiceUnavailable, api.ProblemNotReady,
		"no plan is active yet: the manager pushes one once the HelpDesk's objects are accepted")
}

// Route tells where a ticket would go and why, without opening it.
func (d *Desk) Route(ctx context.Context, _ api.Call, body api.RouteRequest) (*api.RouteResult, error) {
	var result *api.RouteResult
	err := d.view(ctx, func(r store.Reader, p *plan.Plan) error {
		if p.Revision == 0 {
			return notReady()
		}
		customer := body.Customer
		if customer == nil && body.Ticket.Customer != "" {
			known, err := r.Customer(body.Ticket.Customer)
			if err != nil && !errors.Is(err, store.ErrNotFound) {
				return err
			}
			customer = known
		}
		if team := body.Ticket.Team; team != "" && p.Teams[team] == nil {
			return invalid("body.ticket.team", team, "there is no SupportTeam %q", team)
		}
		decision := p.Router.Explain(&body.Ticket, customer)
		decision.Queue = cmp.Or(decision.Queue, plan.UnroutedQueue)
		result = &api.RouteResult{Decision: decision, PlanRevision: p.Revision, Waiting: api.WaitingIn(p.Queues[decision.Queue])}
		return nil
	})
	return result, err
}
