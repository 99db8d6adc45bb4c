package server

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"github.com/caseload-dev/caseload/internal/desk/api"
	"github.com/caseload-dev/caseload/internal/desk/auth"
	"github.com/caseload-dev/caseload/internal/ticket"
)

var (
	createTickets = auth.Permission{Resource: "tickets", Verb: "create"}
	getTickets    = auth.Permission{Resource: "tickets", Verb: "get"}
	listTickets   = auth.Permission{Resource: "tickets", Verb: "list"}
	updateTickets = auth.Permission{Resource: "tickets", Verb: "update"}
	getCustomers  = auth.Permission{Resource: "customers", Verb: "get"}
	putCustomers  = auth.Permission{Resource: "customers", Verb: "update"}
)

// ticketFilter is the query of the ticket list.
type ticketFilter struct {
	Status    []ticket.Status `query:"status" enum:"Waiting,Offered,Open,Pending,OnHold,Resolved,Closed,Cancelled" doc:"Any of these statuses"`
	Queue     string          `query:"queue" maxLength:"253"`
	Agent     string          `query:"agent" maxLength:"253" doc:"Agent who owns or is offered the ticket"`
	Customer  string          `query:"customer" maxLength:"253"`
	Standing  string          `query:"standing" enum:"AtRisk,Breached" doc:"How the ticket stands with its service level"`
	Reference string          `query:"reference" doc:"External reference: SOURCE/KEY"`
	After     int64           `query:"after" minimum:"0" doc:"Id of the last ticket of the page before"`
	Limit     int             `query:"limit" minimum:"0" maximum:"500" doc:"Size of the page; absent: 100"`
}

// openedTicket is 201, or 200 if the ticket was there already.
type openedTicket struct {
	Status int
	Body   *api.OpenedTicket
}

func (s *Server) registerTickets() {
	registerResult(s, operation{
		method: http.MethodPost, path: "/v1/tickets", id: "openTicket", tag: "tickets", needs: createTickets, repeatable: true,
		status: http.StatusCreated, summary: "Open a ticket",
		about: "The ticket is routed in the same transaction. One whose reference is known is not opened again: the answer is 200 with the first, " +
			"which only who may " + getTickets.String() + " gets whole; others get its id and status.",
	}, s.openTicket)
	register(s, operation{
		method: http.MethodPost, path: "/v1/tickets/batch", id: "openTickets", tag: "tickets", needs: createTickets, repeatable: true,
		limit: maxBatchBody, summary: "Open up to 500 tickets",
		about: "Each ticket is taken or refused on its own, all in one transaction; the results are in the order of the batch. " +
			"Of those that are there already only who may " + getTickets.String() + " gets more than id and status.",
	}, s.openTickets)
	register(s, operation{
		method: http.MethodGet, path: "/v1/tickets", id: "listTickets", tag: "tickets", needs: listTickets,
		summary: "List tickets", about: "By id, in pages. A ticket must match every parameter that is given.",
	}, s.listTickets)
	register(s, operation{
		method: http.MethodGet, path: "/v1/tickets/{id}", id: "getTicket", tag: "tickets", needs: getTickets, summary: "Get a ticket",
	}, func(ctx context.Context, call api.Call, in *onTicket) (*ticket.Ticket, error) {
		return s.service.Ticket(ctx, call, in.ID)
	})
	register(s, operation{
		method: http.MethodGet, path: "/v1/tickets/{id}/history", id: "getTicketHistory", tag: "tickets", needs: getTickets,
		summary: "Get what happened to a ticket",
		about:   "With the customer's record and their other tickets. Of a long history it has the newest records, and says how many came before.",
	}, func(ctx context.Context, call api.Call, in *onTicket) (*api.TicketHistory, error) {
		return s.service.History(ctx, call, in.ID)
	})
	s.registerVerbs()
	s.registerCustomers()
}

func (s *Server) openTicket(ctx context.Context, call api.Call, in *withBody[api.OpenTicket]) (*openedTicket, error) {
	opened, err := s.service.OpenTicket(ctx, call, in.Body)
	if err != nil {
		return nil, err
	}
	status := http.StatusCreated
	if opened.Existing {
		status = http.StatusOK
		s.withhold(ctx, opened)
	}
	return &openedTicket{Status: status, Body: opened}, nil
}

func (s *Server) openTickets(ctx context.Context, call api.Call, in *withBody[api.OpenTickets]) (*api.OpenedTickets, error) {
	opened, err := s.service.OpenTickets(ctx, call, in.Body)
	if err != nil {
		return nil, err
	}
	for i := range opened.Results {
		if opened.Results[i].Existing {
			s.withhold(ctx, &opened.Results[i])
		}
	}
	return opened, nil
}

// withhold keeps a ticket that was there already from a caller who may not read tickets: who knows a reference need not
// know what somebody else wrote there.
func (s *Server) withhold(ctx context.Context, opened *api.OpenedTicket) {
	caller := ctx.Value(callKey{}).(*admitted)
	if may, err := s.Authorizer.Authorize(ctx, caller.user, getTickets); err != nil || !may {
		opened.Ticket = nil
	}
}

func (s *Server) listTickets(ctx context.Context, call api.Call, in *ticketFilter) (*api.TicketList, error) {
	query := api.TicketQuery{
		Status: in.Status, Queue: in.Queue, Agent: in.Agent, Customer: in.Customer,
		Standing: ticket.ClockState(in.Standing), After: in.After, Limit: in.Limit,
	}
	if in.Reference != "" {
		source, key, ok := strings.Cut(in.Reference, "/")
		if unescaped, err := url.PathUnescape(source); err == nil {
			source = unescaped
		}
		if !ok || source == "" || key == "" {
			return nil, api.NewProblem(http.StatusUnprocessableEntity, api.ProblemInvalid,
				"query.reference: %q is no reference; want SOURCE/KEY, such as crm/4711", in.Reference)
		}
		query.Reference = &ticket.Reference{Source: source, Key: key}
	}
	return s.service.Tickets(ctx, call, query)
}

// verb adds an operation on a ticket for whoever may act on it.
func verb[B any](s *Server, name, summary, about string, do func(context.Context, api.Call, int64, B) (*ticket.Ticket, error)) {
	register(s, verbOperation(name, summary, about), func(ctx context.Context, call api.Call, in *onTicketWith[B]) (*ticket.Ticket, error) {
		return do(ctx, call, in.ID, in.Body)
	})
}

// because adds an operation on a ticket whose body, a reason, may be absent.
func because(s *Server, name, summary, about string, do func(context.Context, api.Call, int64, api.Because) (*ticket.Ticket, error)) {
	register(s, verbOperation(name, summary, about), func(ctx context.Context, call api.Call, in *onTicketWith[*api.Because]) (*ticket.Ticket, error) {
		var body api.Because
		if in.Body != nil {
			body = *in.Body
		}
		return do(ctx, call, in.ID, body)
	})
}

func verbOperation(name, summary, about string) operation {
	return operation{
		method: http.MethodPost, path: "/v1/tickets/{id}/" + name, id: name + "Ticket", tag: "tickets", needs: updateTickets,
		acts: true, repeatable: true, summary: summary,
		about: strings.TrimSpace(about + " For the ticket's owner or the agent who is offered it; others need " + manage.String() + "."),
	}
}

func (s *Server) registerVerbs() {
	verb(s, "accept", "Accept an offer", "Valid while the offer is current and has not expired.", s.service.Accept)
	verb(s, "decline", "Decline an offer", "The ticket is offered to somebody else.", s.service.Decline)
	verb(s, "transfer", "Hand a ticket to a queue or an agent", "Its history goes along.", s.service.Transfer)
	because(s, "return", "Give a ticket back to its home queue", "", s.service.Return)
	verb(s, "pend", "Wait for the customer", "Until an instant if given: the call-back.", s.service.Pend)
	because(s, "hold", "Wait for a third party", "", s.service.Hold)
	because(s, "resume", "Go on with a pending ticket or one on hold", "", s.service.Resume)
	because(s, "resolve", "Resolve a ticket", "It closes after the reopen window unless the customer replies.", s.service.Resolve)
	because(s, "reopen", "Reopen a resolved ticket", "", s.service.Reopen)
	because(s, "close", "Close a resolved ticket before its reopen window ends", "", s.service.Close)
	because(s, "cancel", "Cancel a ticket that nobody needs to act on", "", s.service.Cancel)
	verb(s, "escalate", "Escalate a ticket", "Starts an escalation, or makes the next step of the one under way due at once. A reason is required.",
		s.service.Escalate)
	because(s, "acknowledge", "Acknowledge an escalation", "It stops for the policy's acknowledgement timeout. Whom it notified may do it, too.",
		s.service.Acknowledge)
	because(s, "askApproval", "Ask for the approval of a ticket's amount", "Of the first up the chain of managers who may. The ticket is on hold until then.",
		s.service.AskApproval)
	because(s, "approve", "Approve the amount of a ticket", "For the agent of whom it is asked.", s.service.Approve)
	verb(s, "refuse", "Refuse to approve the amount of a ticket", "For the agent of whom it is asked. A reason is required.", s.service.Refuse)
	verb(s, "reply", "Add a message from or to the customer",
		"A customer's reply resumes, reopens or follows up; the answer is the ticket it reached.", s.service.Reply)
	verb(s, "note", "Add a message the customer does not see", "", s.service.Note)

	update := verbOperation("update", "Change what a ticket is about", "Absent fields stay. What routing reads routes a waiting ticket anew.")
	update.method, update.path = http.MethodPatch, "/v1/tickets/{id}"
	register(s, update, func(ctx context.Context, call api.Call, in *onTicketWith[api.Update]) (*ticket.Ticket, error) {
		return s.service.Update(ctx, call, in.ID, in.Body)
	})
}

type onCustomer struct {
	ID string `path:"id" maxLength:"253" doc:"Id of the customer"`
}

type onCustomerWith struct {
	ID   string `path:"id" maxLength:"253" doc:"Id of the customer"`
	Body ticket.Customer
}

func (s *Server) registerCustomers() {
	register(s, operation{
		method: http.MethodGet, path: "/v1/customers/{id}", id: "getCustomer", tag: "customers", needs: getCustomers,
		summary: "Get a customer's record",
	}, func(ctx context.Context, call api.Call, in *onCustomer) (*ticket.Customer, error) {
		return s.service.Customer(ctx, call, in.ID)
	})
	register(s, operation{
		method: http.MethodPut, path: "/v1/customers/{id}", id: "putCustomer", tag: "customers", needs: putCustomers, repeatable: true,
		summary: "Create or replace a customer's record", about: "The event log keeps what changed and who changed it.",
	}, func(ctx context.Context, call api.Call, in *onCustomerWith) (*ticket.Customer, error) {
		if in.Body.ID != in.ID {
			return nil, api.NewProblem(http.StatusUnprocessableEntity, api.ProblemInvalid,
				"body.id: %q is not the customer of the path, %q; make them the same", in.Body.ID, in.ID)
		}
		return s.service.PutCustomer(ctx, call, in.Body)
	})
}
