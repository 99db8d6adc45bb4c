package server

import (
	"context"
	"net/http"
	"time"

	"github.com/caseload-dev/caseload/internal/desk/api"
	"github.com/caseload-dev/caseload/internal/desk/auth"
	"github.com/caseload-dev/caseload/internal/ticket"
)

var updateDispatch = auth.Permission{Resource: "dispatch", Verb: "update"}

type poolSnapshot struct {
	Pool  string `path:"pool" maxLength:"253" doc:"Name of the pool"`
	Epoch int64  `query:"epoch" doc:"Epoch of the caller's lease"`
}

type poolChanges struct {
	Pool  string `path:"pool" maxLength:"253" doc:"Name of the pool"`
	Epoch int64  `query:"epoch" doc:"Epoch of the caller's lease"`
	After int64  `query:"after" minimum:"0" doc:"Position of the log that the caller has seen"`
	Wait  int    `query:"wait" minimum:"0" maximum:"30" doc:"Seconds to wait for a change"`
}

type poolWindow struct {
	Pool     string    `path:"pool" maxLength:"253" doc:"Name of the pool"`
	Epoch    int64     `query:"epoch" doc:"Epoch of the caller's lease"`
	Class    string    `query:"class" required:"true" doc:"Class of demand"`
	Behind   int64     `query:"behind" minimum:"0" doc:"Ticket of the class whose followers are wanted; absent: from its head"`
	Priority string    `query:"priority" enum:"Urgent,High,Normal,Low" doc:"Priority of that ticket when the caller read it"`
	Due      time.Time `query:"due" doc:"Earliest due time of that ticket then, if it had one"`
	OpenedAt time.Time `query:"openedAt" doc:"When that ticket was opened"`
}

func (w *poolWindow) place() api.Place {
	return api.Place{Ticket: w.Behind, Priority: ticket.Priority(w.Priority), Due: w.Due, OpenedAt: w.OpenedAt}
}

type onPool[B any] struct {
	Pool string `path:"pool" maxLength:"253" doc:"Name of the pool"`
	Body B
}

func dispatchOperation(method, path, id, summary, about string) operation {
	return operation{method: method, path: path, id: id, tag: "dispatch", needs: updateDispatch, summary: summary, about: about}
}

func (s *Server) registerDispatch() {
	acquire := dispatchOperation(http.MethodPost, "/v1/leases", "acquireLeases", "Take or renew leases of pools",
		"Waits for a change of what the worker may hold; the leases last while it waits.")
	acquire.waits = true
	register(s, acquire, func(ctx context.Context, call api.Call, in *withBody[api.AcquireLeases]) (*api.Leases, error) {
		return s.service.AcquireLeases(ctx, call, in.Body)
	})
	registerResult(s, dispatchOperation(http.MethodPost, "/v1/leases/release", "releaseLeases", "Give all leases of a worker back", ""),
		func(ctx context.Context, call api.Call, in *withBody[api.ReleaseLeases]) (*nothing, error) {
			return nil, s.service.ReleaseLeases(ctx, call, in.Body)
		})
	register(s, dispatchOperation(http.MethodGet, "/v1/pools/{pool}/snapshot", "getPoolSnapshot", "Get all that dispatch needs of a pool", ""),
		func(ctx context.Context, call api.Call, in *poolSnapshot) (*api.Snapshot, error) {
			return s.service.Snapshot(ctx, call, in.Pool, in.Epoch)
		})
	changes := dispatchOperation(http.MethodGet, "/v1/pools/{pool}/changes", "getPoolChanges", "Get what changed in a pool since a position", "A long poll.")
	changes.waits = true
	register(s, changes, func(ctx context.Context, call api.Call, in *poolChanges) (*api.Changes, error) {
		return s.service.Changes(ctx, call, in.Pool, in.Epoch, in.After, in.Wait)
	})
	register(s, dispatchOperation(http.MethodGet, "/v1/pools/{pool}/window", "getPoolWindow", "Get a further part of a class of demand", ""),
		func(ctx context.Context, call api.Call, in *poolWindow) (*api.ClassWindow, error) {
			return s.service.Window(ctx, call, in.Pool, in.Epoch, in.Class, in.place())
		})
	commit := dispatchOperation(http.MethodPost, "/v1/pools/{pool}/commit", "commitDecisions", "Put decisions into effect",
		"The desk guards each; what lost a race is refused by itself.")
	commit.limit = maxBatchBody
	register(s, commit, func(ctx context.Context, call api.Call, in *onPool[api.Commit]) (*api.Committed, error) {
		return s.service.Commit(ctx, call, in.Pool, in.Body)
	})
	registerResult(s, dispatchOperation(http.MethodPost, "/v1/pools/{pool}/set-aside", "setTicketAside",
		"Take a ticket whose decision failed out of dispatch until it changes", ""),
		func(ctx context.Context, call api.Call, in *onPool[api.SetAside]) (*nothing, error) {
			return nil, s.service.SetAside(ctx, call, in.Pool, in.Body)
		})
	claim := dispatchOperation(http.MethodPost, "/v1/outbox/claim", "claimMessages", "Claim messages to deliver", "A long poll.")
	claim.waits = true
	register(s, claim, func(ctx context.Context, call api.Call, in *withBody[api.ClaimMessages]) (*api.ClaimedMessages, error) {
		return s.service.ClaimMessages(ctx, call, in.Body)
	})
	registerResult(s, dispatchOperation(http.MethodPost, "/v1/outbox/report", "reportDeliveries", "Report results of deliveries", ""),
		func(ctx context.Context, call api.Call, in *withBody[api.Deliveries]) (*nothing, error) {
			return nil, s.service.ReportDeliveries(ctx, call, in.Body)
		})
}
