package desk_test

import (
	"strings"
	"testing"
	"time"

	"github.com/caseload-dev/caseload/api/v1alpha1"
	"github.com/caseload-dev/caseload/internal/desk/api"
	"github.com/caseload-dev/caseload/internal/eventlog"
	"github.com/caseload-dev/caseload/internal/ticket"
)

// handsOver is the policy of the only team.
func handsOver(h v1alpha1.HandOver, colleague string) func(*organisation) {
	return func(o *organisation) {
		if colleague != "" {
			h.AgentRef = &v1alpha1.AgentReference{Name: v1alpha1.ObjectName(colleague)}
		}
		o.teams["support"].Spec.Defaults.HandOver = &h
	}
}

// What becomes of an open ticket when its agent's shift ends at noon, or an absence begins then.
func TestWhoGoesOffDutyHandsOver(t *testing.T) {
	const keep, back, colleague = v1alpha1.HandOverKeep, v1alpha1.HandOverReturn, v1alpha1.HandOverColleague
	noon := start.Add(3 * time.Hour)
	for _, tc := range []struct {
		name     string
		off      func(*organisation)
		policy   v1alpha1.HandOver
		to       string
		samIs    string
		status   ticket.Status
		agent    string
		recorded eventlog.Type
		says     string
	}{
		{"kept at the end of a shift", untilNoon("jo"), v1alpha1.HandOver{Absence: back}, "", "Available", ticket.Open, "jo", eventlog.Accepted, ""},
		{"kept in an absence", absent("jo", 3*time.Hour), v1alpha1.HandOver{ShiftEnd: back, Absence: keep}, "", "Available", ticket.Open, "jo", eventlog.Accepted, ""},
		{"back to the queue at the end of a shift", untilNoon("jo"), v1alpha1.HandOver{ShiftEnd: back}, "", "Available", ticket.Waiting, "",
			eventlog.Returned, "agent jo is off duty: OffSchedule until 2026-11-23T08:00:00Z"},
		{"back to the queue in an absence", absent("jo", 3*time.Hour), v1alpha1.HandOver{Absence: back}, "", "Available", ticket.Waiting, "",
			eventlog.Returned, "agent jo is off duty: Leave until 2026-11-20T13:00:00Z"},
		{"to a colleague", untilNoon("jo"), v1alpha1.HandOver{ShiftEnd: colleague}, "sam", "Available", ticket.Open, "sam", eventlog.Transferred, "agent jo is off duty"},
		{"to a colleague who is not there", untilNoon("jo"), v1alpha1.HandOver{ShiftEnd: colleague}, "sam", "Offline", ticket.Waiting, "", eventlog.Returned, `agent "sam" is Offline`},
		{"to nobody but themselves", untilNoon("jo"), v1alpha1.HandOver{ShiftEnd: colleague}, "jo", "Available", ticket.Waiting, "", eventlog.Returned, "agent jo is off duty"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := newRig(t, tc.off, handsOver(tc.policy, tc.to))
			r.presence("sam", tc.samIs)
			open := r.accepted("jo")
			r.run()
			r.eventually("the loops sleep", r.clock.HasWaiters)
			r.clock.SetTime(noon.Add(-time.Second))
			r.sleepsUntil(noon)
			status(t, r.ticket(open.ID), ticket.Open, "general", "jo")
			r.clock.SetTime(noon)
			if tc.agent == "jo" {
				r.sleepsUntil(noon.Add(time.Minute)) // it has looked, and looks at the clock again then
			}
			r.eventually("what becomes of the ticket", func() bool {
				got := r.ticket(open.ID)
				return got.Status == tc.status && got.Agent == tc.agent
			})
			got, last := r.ticket(open.ID), r.last(open.ID)
			if last.Type != tc.recorded || !strings.Contains(last.Reason, tc.says) || !got.OpenedAt.Equal(open.OpenedAt) || got.HomeQueue != open.HomeQueue {
				t.Errorf("%s: %q; opened %s", last.Type, last.Reason, got.OpenedAt)
			}
		})
	}
}

// An absence told to the desk, and a shift that ended while the desk was down, hand over as well; what was pending comes
// back to the queue, not to who is off duty.
func TestHandsOverAtOnceAndAfterARestart(t *testing.T) {
	r := newRig(t, untilNoon("jo"), handsOver(v1alpha1.HandOver{ShiftEnd: v1alpha1.HandOverReturn, Absence: v1alpha1.HandOverReturn}, ""))
	r.presence("sam", "Available")
	overnight, pending := r.accepted("jo"), r.accepted("jo", from("ann"))
	pending = must(r.Pend(r.ctx, key(as("jo")), pending.ID, api.Pend{Reason: "asked"}))(t)
	sick := r.accepted("sam")
	r.run()
	must(r.ChangeDuty(r.ctx, key(as("sam")), "sam", api.ChangeDuty{Type: "Absence", Reason: "Sick", EndTime: start.Add(time.Hour)}))(t)
	r.eventually("the ticket of who is sick waits", func() bool { return r.ticket(sick.ID).Status == ticket.Waiting })
	status(t, r.ticket(overnight.ID), ticket.Open, "general", "jo")

	r.restart()
	r.clock.SetTime(start.Add(10 * time.Hour))
	r.run()
	r.eventually("the ticket of whose shift ended waits", func() bool { return r.ticket(overnight.ID).Status == ticket.Waiting })
	status(t, r.ticket(pending.ID), ticket.Pending, "general", "jo")
	replied := must(r.Reply(r.ctx, key(manager), pending.ID, api.Reply{From: "Customer", Body: "here"}))(t)
	status(t, replied, ticket.Waiting, "general", "")
}
