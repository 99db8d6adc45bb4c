package server

import (
	"context"
	"net/http"
	"strconv"
	"strings"

	"github.com/caseload-dev/caseload/internal/desk/api"
	"github.com/caseload-dev/caseload/internal/desk/auth"
)

var (
	getPlans    = auth.Permission{Resource: "plans", Verb: "get"}
	updatePlans = auth.Permission{Resource: "plans", Verb: "update"}
)

// taggedPlan carries the plan's hash as its ETag, to send back as If-Match.
type taggedPlan struct {
	ETag string `header:"ETag"`
	Body *api.Plan
}

type planPush struct {
	IfMatch string `header:"If-Match" required:"true" doc:"Hash of the active plan, or * if there is none yet"`
	Body    api.PushPlan
}

type onRevision struct {
	Revision int64 `path:"revision" minimum:"0" doc:"Number of an activated plan"`
}

func (s *Server) registerPlans() {
	registerResult(s, operation{
		method: http.MethodGet, path: "/v1/plan", id: "getPlan", tag: "plans", needs: getPlans, summary: "Get the active plan's manifest",
	}, func(ctx context.Context, call api.Call, _ *empty) (*taggedPlan, error) {
		plan, err := s.service.Plan(ctx, call)
		if err != nil {
			return nil, err
		}
		return &taggedPlan{ETag: strconv.Quote(plan.Hash), Body: plan}, nil
	})
	register(s, operation{
		method: http.MethodPut, path: "/v1/plan", id: "pushPlan", tag: "plans", needs: updatePlans, limit: maxPlanBody, bodyTimeout: planBodyTimeout,
		summary: "Propose a plan",
		about:   "It becomes active if the desk has every entry of the manifest; else the answer says which are missing, to be sent along.",
	}, func(ctx context.Context, call api.Call, in *planPush) (*api.PushedPlan, error) {
		return s.service.PushPlan(ctx, call, strings.Trim(strings.TrimPrefix(in.IfMatch, "W/"), `"`), in.Body)
	})
	register(s, operation{
		method: http.MethodGet, path: "/v1/plans/{revision}", id: "getPlanRevision", tag: "plans", needs: getPlans,
		summary: "Get the manifest of a plan that was active",
	}, func(ctx context.Context, call api.Call, in *onRevision) (*api.Plan, error) {
		return s.service.PlanRevision(ctx, call, in.Revision)
	})
	register(s, operation{
		method: http.MethodGet, path: "/v1/plans/{revision}/entries", id: "getPlanEntries", tag: "plans", needs: getPlans,
		summary: "Get the entries of a plan", about: "Revision 0 is the active plan.",
	}, func(ctx context.Context, call api.Call, in *onRevision) (*api.PlanEntries, error) {
		return s.service.PlanEntries(ctx, call, in.Revision)
	})
	register(s, operation{
		method: http.MethodPost, path: "/v1/route", id: "routeTicket", tag: "plans", needs: getTickets,
		summary: "Explain where a ticket would go", about: "Nothing is opened. The answer tells each rule that was asked and why it matched or not.",
	}, func(ctx context.Context, call api.Call, in *withBody[api.RouteRequest]) (*api.RouteResult, error) {
		return s.service.Route(ctx, call, in.Body)
	})
}
