package desk_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/caseload-dev/caseload/internal/desk"
	"github.com/caseload-dev/caseload/internal/desk/api"
	"github.com/caseload-dev/caseload/internal/plan"
	"github.com/caseload-dev/caseload/internal/ticket"
)

// Whatever becomes of tickets, agents, queues and answers, what the log said it goes on saying.
func TestLogOnlyGrows(t *testing.T) {
	r := newRig(t)
	r.run()
	open, closed := r.accepted("jo", about("billing")), r.resolved("jo")
	var before string
	for _, happens := range []func(){
		func() { must(r.Note(r.ctx, as("jo"), open.ID, api.Note{Body: "x"}))(t) },
		func() { r.apply(func(o *organisation) { delete(o.queues, "billing"); delete(o.agents, "jo") }) },
		func() { must(r.Cancel(r.ctx, manager, open.ID, api.Because{}))(t) },
		func() { // timers fire, and what is kept for a day is forgotten
			r.eventually("the loops sleep", func() bool { return r.clock.Waiters() >= 2 })
			r.pass(100 * 24 * time.Hour)
			r.eventually("closed", func() bool { return r.ticket(closed.ID).Status == ticket.Closed })
		},
		r.restart,
		func() { r.opened() },
	} {
		happens()
		var log strings.Builder
		for i, record := range r.records(0) {
			if record.Seq != int64(i+1) {
				t.Fatalf("record %d is missing", i+1)
			}
			log.Write(append(must(json.Marshal(record))(t), '\n'))
		}
		if !strings.HasPrefix(log.String(), before) {
			t.Fatalf("the log was\n%s\nand is\n%s", before, log.String())
		}
		before = log.String()
	}
}

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
	if records := soon(t, got); len(records.Items) != 1 || records.Items[0].Ticket != opened.ID || records.Position != after+1 {
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
