package desk_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/caseload-dev/caseload/internal/desk/api"
	"github.com/caseload-dev/caseload/internal/eventlog"
	"github.com/caseload-dev/caseload/internal/ticket"
)

func TestTheLogTellsWhoChangedWhatOfACustomer(t *testing.T) {
	r := newRig(t)
	lead := api.Call{Actor: "user/lead", Agent: "jo", Impersonates: true}
	for _, step := range []struct {
		call api.Call
		put  ticket.Customer
		want string // the record's data; empty: no record
	}{
		{manager, ticket.Customer{ID: "c1"}, `{"customer":"c1","changed":{}}`},
		{manager, ticket.Customer{ID: "c1", Name: "Ann", Value: &ticket.Money{Amount: 1 << 60, Currency: "EUR"}},
			`{"customer":"c1","changed":{"name":"Ann","value":{"amount":1152921504606846976,"currency":"EUR"}}}`},
		{manager, ticket.Customer{ID: "c1", Name: "Ann", Value: &ticket.Money{Amount: 1 << 60, Currency: "EUR"}}, ""},
		{lead, ticket.Customer{ID: "c1", Name: "Ann", Segment: "vip", LastAgent: "not theirs to say"},
			`{"customer":"c1","changed":{"segment":"vip","value":null}}`},
		{manager, ticket.Customer{ID: "c2", Segment: "vip"}, `{"customer":"c2","changed":{"segment":"vip"}}`},
	} {
		after := r.position()
		answer := must(r.PutCustomer(r.ctx, step.call, step.put))(t)
		step.put.LastAgent = ""
		stored := must(r.Customer(r.ctx, manager, step.put.ID))(t)
		if diff := cmp.Diff([]*ticket.Customer{&step.put, &step.put}, []*ticket.Customer{answer, stored}); diff != "" {
			t.Errorf("answer and record (-put +got):\n%s", diff)
		}
		records := must(r.Records(r.ctx, manager, after, 10, 0, 0))(t).Items
		if step.want == "" && len(records) == 0 {
			continue
		}
		if len(records) != 1 || records[0].Type != eventlog.CustomerUpdated || string(records[0].Data) != step.want {
			t.Fatalf("recorded %+v, want %s", records, step.want)
		}
		actor, impersonator := step.call.Actor, ""
		if step.call.Impersonates {
			actor, impersonator = "agent/jo", step.call.Actor
		}
		if got := records[0]; got.Actor != actor || got.ImpersonatedBy != impersonator {
			t.Errorf("by %s for %s, want %s for %s", got.ImpersonatedBy, got.Actor, impersonator, actor)
		}
	}
}

func TestCustomersAttributesAreBounded(t *testing.T) {
	r := newRig(t)
	for name, attributes := range map[string]map[string]string{
		"long value": {"notes": strings.Repeat("x", 1025)},
		"long key":   {strings.Repeat("x", 129): "y"},
	} {
		_, err := r.PutCustomer(r.ctx, manager, ticket.Customer{ID: "c1", Attributes: attributes})
		if p := refused(t, err, api.ProblemInvalid); p.Status != 422 {
			t.Errorf("%s: status %d, want 422", name, p.Status)
		}
	}
	must(r.PutCustomer(r.ctx, manager, ticket.Customer{ID: "c1", Attributes: map[string]string{"notes": strings.Repeat("x", 1024)}}))(t)
}
