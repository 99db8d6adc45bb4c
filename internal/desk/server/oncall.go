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

func (s *Server) registerOnCall() {
	register(s, operation{
		method: http.MethodGet, path: "/v1/oncall", id: "getOnCall", tag: "agents", needs: listAgents,
		summary: "Get who is on call, and between from and to the shifts, gaps and shares",
		about:   "Past shifts are as they were recorded at hand-offs, those to come as they follow from the rotation and its edits.",
	}, func(ctx context.Context, call api.Call, in *onCallOf) (*api.OnCallList, error) {
		return s.service.OnCall(ctx, call, api.OnCallQuery{Rotation: in.Rotation, At: in.At, From: in.From, To: in.To})
	})
}
