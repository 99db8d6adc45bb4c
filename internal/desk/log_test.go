package desk_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/caseload-dev/caseload/internal/desk"
	"github.com/caseload-dev/caseload/internal/desk/api"
	"github.com/caseload-dev/caseload/internal/plan"
)

func TestRecordsWaitForTheFirst(t *testing.T) {
	r := newRig(t)
	got := make(chan *api.Records, 1)
	after := r.position()
	go func() {
		records, err := r.Records(r.ctx, manager, after, 10, 0, 30)
		if err != nil {
			t.Error(err)
		}
		got <- records
	}()
	r.eventually("the reader waits", r.clock.HasWaiters)
	opened := r.opened()
	if records := <-got; len(records.Items) != 1 || records.Items[0].Ticket != opened.ID || records.Position != after+1 {
		t.Errorf("got %+v", records)
	}
}

func TestRouteExplainsWithoutOpening(t *testing.T) {
	r := newRig(t)
	before := r.position()
	content := chat(about("refund")).Content
	result := must(r.Route(r.ctx, manager, api.RouteRequest{Ticket: content}))(t)
	if result.Decision.Queue != "general" || len(result.Decision.Steps) != 1 || result.Decision.Steps[0].Matched || result.Decision.Steps[0].Why == "" {
		t.Errorf("got %+v", result.Decision)
	}
	if r.position() != before {
		t.Error("something was recorded")
	}
}

func TestMetrics(t *testing.T) {
	r := newRig(t)
	registry := prometheus.NewPedanticRegistry()
	d, err := desk.New(desk.Options{Store: r.store, Clock: r.clock, HelpDesk: "acme", Registerer: registry})
	if err != nil {
		t.Fatal(err)
	}
	must(d.OpenTicket(r.ctx, manager, chat()))(t)
	want := `
# HELP caseload_desk_ticket_events_total Events of tickets by type, as the log names them.
# TYPE caseload_desk_ticket_events_total counter
caseload_desk_ticket_events_total{type="ticket.opened"} 1
# HELP caseload_desk_plan_revision Revision of the active plan.
# TYPE caseload_desk_plan_revision gauge
caseload_desk_plan_revision 1
`
	if err := testutil.GatherAndCompare(registry, bytes.NewBufferString(want), "caseload_desk_ticket_events_total", "caseload_desk_plan_revision"); err != nil {
		t.Error(err)
	}
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		for _, m := range family.Metric {
			for _, l := range m.Label {
				if family.GetName() == "caseload_desk_queue_tickets" && l.GetValue() == "general" && m.Gauge.GetValue() == 1 {
					return
				}
			}
		}
	}
	t.Error(fmt.Sprint("no gauge of the waiting ticket; unrouted is ", plan.UnroutedQueue))
}
