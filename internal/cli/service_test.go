package cli

import (
	"strings"
	"testing"
	"time"

	"github.com/caseload-dev/caseload/internal/desk/api"
	"github.com/caseload-dev/caseload/internal/escalation"
	"github.com/caseload-dev/caseload/internal/eventlog"
	"github.com/caseload-dev/caseload/internal/ticket"
)

// A ticket is shown with each due time, how it stands, and in its history why it moved.
func TestTicketIsShownWithItsDueTimes(t *testing.T) {
	now := time.Date(2026, 11, 20, 10, 0, 0, 0, time.Local)
	in := func(minutes int) time.Time { return now.Add(time.Duration(minutes) * time.Minute) }
	span := func(minutes int) ticket.Span { return ticket.Span(time.Duration(minutes) * time.Minute) }
	h := &api.TicketHistory{Ticket: ticket.Ticket{
		ID: 7, Status: ticket.Open, Agent: "jo", OpenedAt: in(-60), ServiceLevel: "standard",
		Escalation: &ticket.Escalation{Run: &escalation.Run{Policy: "urgent", AcknowledgedBy: "jo", NextAt: in(20)}},
		Service: &ticket.Service{
			FirstResponse: &ticket.Clock{State: ticket.ClockMissed, Target: span(15), Used: span(20), DoneAt: in(-40)},
			NextResponse:  &ticket.Clock{State: ticket.ClockAtRisk, Target: span(30), Since: in(-25), Due: in(5), WarnAt: in(-2), WarnedAt: in(-2)},
			Resolution:    &ticket.Clock{State: ticket.ClockPaused, Target: span(240), Used: span(60)},
		},
	}, Records: []eventlog.Record{
		{At: in(-60), Type: eventlog.Opened, Clocks: []eventlog.Clock{{Metric: ticket.Resolution, State: ticket.ClockRunning, Due: in(180), WarnAt: in(120), Target: span(240)}}},
		{At: in(-45), Type: eventlog.Breached, Data: eventlog.Encode(eventlog.ServiceData{Metric: ticket.FirstResponse, Level: "standard", Target: span(15), Due: in(-45)})},
		{At: in(-30), Type: eventlog.Held, Clocks: []eventlog.Clock{{Metric: ticket.Resolution, State: ticket.ClockPaused, Target: span(240), Used: span(60)}}},
	}}
	var out strings.Builder
	if err := renderTicket(&out, h, now); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"standard",
		"by policy urgent, acknowledged by jo; goes on 2026-11-20 10:20:00 unless it is resolved",
		"too late, 20m0s used of 15m0s",
		"due 2026-11-20 10:05:00 (in 5m), at risk",
		"paused, 1h0m0s used of 4h0m0s",
		"resolution is due at 2026-11-20 13:00:00, with a warning at 2026-11-20 12:00:00",
		"service level breached",
		"first response within 15m0s by service level standard was due at 2026-11-20 09:15:00",
		"resolution pauses, 1h0m0s of 4h0m0s used",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not in\n%s", want, out.String())
		}
	}
}
