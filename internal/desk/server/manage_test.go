package server_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/caseload-dev/caseload/internal/desk/api"
	"github.com/caseload-dev/caseload/internal/desk/auth"
	"github.com/caseload-dev/caseload/internal/ticket"
)

// josTickets is a desk where every ticket is Jo's.
type josTickets struct{ *recorder }

func (d josTickets) Resolve(ctx context.Context, c api.Call, id int64, b api.Because) (*ticket.Ticket, error) {
	if !c.Manage && c.Agent != "jo" {
		return nil, api.NewProblem(403, api.ProblemForbidden, "ticket %d is Jo's", id)
	}
	return d.recorder.Resolve(ctx, c, id, b)
}

// asked is a cluster that remembers what it was asked about tickets/manage; away, it cannot answer that.
type asked struct {
	*auth.Local
	manage []string
	away   bool
}

func (a *asked) Authorize(ctx context.Context, user *auth.User, p auth.Permission) (bool, error) {
	if p.Verb == "manage" {
		a.manage = append(a.manage, user.Name)
		if a.away {
			return false, api.NewProblem(503, api.ProblemNotReady, "the cluster is away")
		}
	}
	return a.Local.Authorize(ctx, user, p)
}

// TestManageIsAskedOfWhoIsNotTheOwner: thousands of agents at work must not ask the cluster whether they manage tickets.
func TestManageIsAskedOfWhoIsNotTheOwner(t *testing.T) {
	for _, tc := range []struct {
		name, token string
		away        bool
		want        string // problem; empty: resolved
		asked       bool
		manages     bool
	}{
		{name: "owner", token: "jo"},
		{name: "owner, cluster away", token: "jo", away: true},
		{name: "another agent", token: "sam", want: api.ProblemForbidden, asked: true},
		{name: "another agent, cluster away", token: "sam", away: true, want: api.ProblemNotReady, asked: true},
		{name: "lead", token: "lead", asked: true, manages: true},
		{name: "lead who may not update", token: "manages", asked: true, manages: true},
		{name: "nobody", token: "none", want: api.ProblemForbidden, asked: true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			local, err := auth.NewLocal(append(slices.Clone(callers),
				auth.LocalToken{Token: "sam", User: "sam@example.com", Allow: []string{"tickets:update"}},
				auth.LocalToken{Token: "lead", User: "lead", Allow: []string{"tickets:update", "tickets:manage"}},
				auth.LocalToken{Token: "manages", User: "manager", Allow: []string{"tickets:manage"}})...)
			if err != nil {
				t.Fatal(err)
			}
			cluster, desk := &asked{Local: local, away: tc.away}, &recorder{}
			c := dial(t, serveTo(t, josTickets{desk}, cluster), tc.token)
			_, err = c.Resolve(t.Context(), api.Call{}, 7, api.Because{})
			var problem *api.Problem
			if errors.As(err, &problem) && problem.Type != tc.want || err == nil && tc.want != "" {
				t.Errorf("answer %v, want %q", err, tc.want)
			}
			if (desk.method != "") != (tc.want == "") || desk.call.Manage != tc.manages {
				t.Errorf("the desk had %s %+v", desk.method, desk.call)
			}
			if len(cluster.manage) > 1 || (len(cluster.manage) == 1) != tc.asked {
				t.Errorf("asked whether they manage: %v", cluster.manage)
			}
		})
	}
}
