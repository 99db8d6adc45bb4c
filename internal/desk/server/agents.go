package server

import (
	"context"
	"net/http"

	"github.com/caseload-dev/caseload/internal/desk/api"
	"github.com/caseload-dev/caseload/internal/desk/auth"
)

var (
	listAgents   = auth.Permission{Resource: "agents", Verb: "list"}
	getAgents    = auth.Permission{Resource: "agents", Verb: "get"}
	updateAgents = auth.Permission{Resource: "agents", Verb: "update"}
)

type agentWork struct {
	Name  string `path:"name" maxLength:"253" doc:"Name of the agent"`
	After int64  `query:"after" minimum:"0" doc:"Position of the answer before: wait for a change behind it"`
	Wait  int    `query:"wait" minimum:"0" maximum:"30" doc:"Seconds to wait for a change"`
}

type agentPresence struct {
	Name string `path:"name" maxLength:"253" doc:"Name of the agent"`
	Body api.SetPresence
}

type agentDuty struct {
	Name string `path:"name" maxLength:"253" doc:"Name of the agent"`
	Body api.ChangeDuty
}

type agentDutyChange struct {
	Name string `path:"name" maxLength:"253" doc:"Name of the agent"`
	ID   int64  `path:"id" minimum:"1" doc:"Id of the change, of the agent's dutyChanges"`
}

func (s *Server) registerAgents() {
	register(s, operation{
		method: http.MethodGet, path: "/v1/agents", id: "listAgents", tag: "agents", needs: listAgents,
		summary: "List the plan's agents with their presence and load",
	}, func(ctx context.Context, call api.Call, _ *empty) (*api.AgentList, error) {
		return s.service.Agents(ctx, call)
	})
	register(s, operation{
		method: http.MethodGet, path: "/v1/agents/{name}/work", id: "getAgentWork", tag: "agents", needs: getAgents, waits: true,
		summary: "Get what an agent has before them", about: "Offers first, then what the agent owns. With after and wait it is a long poll.",
	}, func(ctx context.Context, call api.Call, in *agentWork) (*api.AgentWork, error) {
		return s.service.Work(ctx, call, in.Name, in.After, in.Wait)
	})
	register(s, operation{
		method: http.MethodPut, path: "/v1/agents/{name}/presence", id: "setAgentPresence", tag: "agents", needs: updateAgents,
		repeatable: true, summary: "Set an agent's presence",
		about: "Of the agent the caller is; of another it takes " + impersonate.String() + ".",
	}, s.setPresence)
	register(s, operation{
		method: http.MethodPost, path: "/v1/agents/{name}/duty-changes", id: "changeAgentDuty", tag: "agents", needs: updateAgents,
		repeatable: true, summary: "Take an agent off duty for a time, or put them on duty beyond their schedule",
		about: "Of the agent the caller is; of another it takes " + impersonate.String() + ".",
	}, s.changeDuty)
	register(s, operation{
		method: http.MethodDelete, path: "/v1/agents/{name}/duty-changes/{id}", id: "restoreAgentDuty", tag: "agents", needs: updateAgents,
		repeatable: true, status: http.StatusOK, summary: "Take a change of an agent's duty back",
		about: "Of the agent the caller is; of another it takes " + impersonate.String() + ".",
	}, s.restoreDuty)
}

// ofAgent lets the caller change what is the agent's own: they are that agent, or may act as them.
func (s *Server) ofAgent(ctx context.Context, call *api.Call, name string) error {
	if name == call.Agent {
		return nil
	}
	caller := ctx.Value(callKey{}).(*admitted)
	if problem := s.actAs(ctx, caller, name); problem != nil {
		return problem
	}
	call.Agent, call.Impersonates = caller.Agent, caller.Impersonates
	return nil
}

func (s *Server) setPresence(ctx context.Context, call api.Call, in *agentPresence) (*api.Agent, error) {
	if err := s.ofAgent(ctx, &call, in.Name); err != nil {
		return nil, err
	}
	return s.service.SetPresence(ctx, call, in.Name, in.Body)
}

func (s *Server) changeDuty(ctx context.Context, call api.Call, in *agentDuty) (*api.Agent, error) {
	if err := s.ofAgent(ctx, &call, in.Name); err != nil {
		return nil, err
	}
	return s.service.ChangeDuty(ctx, call, in.Name, in.Body)
}

func (s *Server) restoreDuty(ctx context.Context, call api.Call, in *agentDutyChange) (*api.Agent, error) {
	if err := s.ofAgent(ctx, &call, in.Name); err != nil {
		return nil, err
	}
	return s.service.RestoreDuty(ctx, call, in.Name, in.ID)
}
