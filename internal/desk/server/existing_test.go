package server_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/caseload-dev/caseload/internal/desk/api"
	"github.com/caseload-dev/caseload/internal/desk/auth"
	"github.com/caseload-dev/caseload/internal/ticket"
)

// TestKnownReferenceTellsNothing: who may only open tickets cannot read somebody else's by guessing its reference.
func TestKnownReferenceTellsNothing(t *testing.T) {
	whole := api.OpenedTicket{ID: 7, Status: ticket.Offered, Ticket: &fullTicket, Existing: true}
	fresh := api.OpenedTicket{ID: 7, Status: ticket.Offered, Ticket: &fullTicket}
	bare := api.OpenedTicket{ID: 7, Status: ticket.Offered, Existing: true}
	local, err := auth.NewLocal(append(slices.Clone(callers),
		auth.LocalToken{Token: "portal", User: "portal", Allow: []string{"tickets:create"}})...)
	if err != nil {
		t.Fatal(err)
	}
	desk := &recorder{}
	s := serveTo(t, desk, local)
	for _, tc := range []struct {
		token string
		desk  api.OpenedTicket
		want  api.OpenedTicket
	}{{"portal", whole, bare}, {"portal", fresh, fresh}, {"all", whole, whole}} {
		c := dial(t, s, tc.token)
		one := tc.desk
		desk.answer = &one
		opened, err := c.OpenTicket(t.Context(), api.Call{}, api.OpenTicket{Content: content})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(&tc.want, opened); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tc.token, diff)
		}
		desk.answer = &api.OpenedTickets{Results: []api.OpenedTicket{tc.desk, {Error: "no"}}}
		batch, err := c.OpenTickets(t.Context(), api.Call{}, api.OpenTickets{Tickets: []api.OpenTicket{{Content: content}, {Content: content}}})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]api.OpenedTicket{tc.want, {Error: "no"}}, batch.Results); diff != "" {
			t.Errorf("%s, batch (-want +got):\n%s", tc.token, diff)
		}
	}
}
