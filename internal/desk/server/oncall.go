package server

import (
	"context"
	"net/http"
	"time"

	"github.com/caseload-dev/caseload/internal/desk/api"
)

type onCallOf struct {
	Rotation string    `query:"rotation" maxLength:"253" doc:"Name of the rotation; absent: all"`
	At       time.Time `query:"at" doc:"Instant at which somebody is on call; absent: now"`
	From     time.Time `query:"from" doc:"Begin of the time of shifts, gaps and shares; absent: they are left out"`
	To       time.Time `query:"to" doc:"End of that time, at most a year after from"`
}

type onFeed struct {
	ID int64 `path:"id" minimum:"1" doc:"Id of the feed"`
}

func (s *Server) registerOnCall() {
	register(s, operation{
		method: http.MethodPost, path: "/v1/oncall/feeds", id: "createOnCallFeed", tag: "agents", needs: updateAgents, repeatable: true, status: http.StatusCreated,
		summary: "Make a feed of shifts with a secret address", about: "An iCalendar of a rotation's shifts or of an agent's, which calendar programs subscribe to. Who knows the address can read it.",
	}, func(ctx context.Context, call api.Call, in *withBody[api.CreateOnCallFeed]) (*api.OnCallFeed, error) {
		return s.service.CreateOnCallFeed(ctx, call, in.Body)
	})
	register(s, operation{
		method: http.MethodGet, path: "/v1/oncall/feeds", id: "listOnCallFeeds", tag: "agents", needs: listAgents,
		summary: "List the feeds of shifts, without their addresses",
	}, func(ctx context.Context, call api.Call, _ *empty) (*api.OnCallFeedList, error) {
		return s.service.OnCallFeeds(ctx, call)
	})
	register(s, operation{
		method: http.MethodDelete, path: "/v1/oncall/feeds/{id}", id: "revokeOnCallFeed", tag: "agents", needs: updateAgents, repeatable: true,
		summary: "Revoke a feed: its address is worthless from then on",
	}, func(ctx context.Context, call api.Call, in *onFeed) (*api.OnCallFeed, error) {
		return s.service.RevokeOnCallFeed(ctx, call, in.ID)
	})
	register(s, operation{
		method: http.MethodGet, path: "/v1/oncall", id: "getOnCall", tag: "agents", needs: listAgents,
		summary: "Get who is on call, and between from and to the shifts, gaps and shares",
		about:   "Past shifts are as they were recorded at hand-offs, those to come as they follow from the rotation and its edits.",
	}, func(ctx context.Context, call api.Call, in *onCallOf) (*api.OnCallList, error) {
		return s.service.OnCall(ctx, call, api.OnCallQuery{Rotation: in.Rotation, At: in.At, From: in.From, To: in.To})
	})
}
