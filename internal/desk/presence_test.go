package desk_test

import (
	"strings"
	"testing"
	"time"

	"github.com/caseload-dev/caseload/internal/desk/api"
	"github.com/caseload-dev/caseload/internal/dispatch"
	"github.com/caseload-dev/caseload/internal/ticket"
)

func TestPresenceIsTheAgentsOwn(t *testing.T) {
	r := newRig(t)
	_, err := r.SetPresence(r.ctx, as("sam"), "jo", api.SetPresence{Presence: "Available"})
	refused(t, err, api.ProblemForbidden)
	_, err = r.SetPresence(r.ctx, manager, "ghost", api.SetPresence{Presence: "Available"})
	refused(t, err, api.ProblemNotFound)
	must(r.SetPresence(r.ctx, manager, "jo", api.SetPresence{Presence: "Available"}))(t)
}

func TestOnlyAvailableAgentsAreOffered(t *testing.T) {
	r := newRig(t)
	for presence, offered := range map[string]bool{"Available": true, "Busy": false, "Away": false, "WrapUp": false, "Offline": false} {
		r.presence("jo", presence)
		got := r.commit(r.decision(r.opened(), "jo"))[0]
		if (got == "") != offered || !offered && !strings.Contains(got, "is "+presence) {
			t.Errorf("who is %s was offered: %t (%s)", presence, got == "", got)
		}
	}
	_, err := r.SetPresence(r.ctx, as("jo"), "jo", api.SetPresence{Presence: "Asleep"})
	refused(t, err, api.ProblemInvalid)
}

// Presence is what agents tell the desk: neither a new plan nor a restart changes it.
func TestPresenceOutlivesPlansAndRestarts(t *testing.T) {
	r := newRig(t)
	must(r.SetPresence(r.ctx, as("jo"), "jo", api.SetPresence{Presence: "Away", Reason: "lunch"}))(t)
	r.pass(time.Hour)
	r.apply(func(o *organisation) { o.agents["jo"].Spec.DisplayName = "Jo" })
	r.restart()
	if got := r.agent("jo"); got.Presence != dispatch.Away || got.Reason != "lunch" || !got.Since.Equal(start) {
		t.Errorf("jo is %s (%s) since %s", got.Presence, got.Reason, got.Since)
	}
}

func TestOpenTicketsStayWithAnAgentWhoLeavesForTheDay(t *testing.T) {
	r := newRig(t)
	open := r.accepted("jo")
	r.presence("jo", "Offline")
	status(t, r.ticket(open.ID), ticket.Open, "general", "jo")
}

func TestMissedOffersInARowSetTheAgentAway(t *testing.T) {
	r := newRig(t)
	r.run()
	expire := func(offered *ticket.Ticket) {
		r.pass(30 * time.Second)
		r.eventually("offer expired", func() bool { return r.ticket(offered.ID).Status == ticket.Waiting })
	}
	expire(r.offered("jo"))
	accepted := r.accepted("jo") // ends the row
	must(r.Resolve(r.ctx, as("jo"), accepted.ID, api.Because{}))(t)
	expire(r.offered("jo"))
	declined := r.offered("jo") // so does this
	must(r.Decline(r.ctx, as("jo"), declined.ID, api.Decline{Offer: declined.Offer.ID}))(t)
	expire(r.offered("jo"))
	if got := r.agent("jo"); got.Presence != dispatch.Available || got.Missed != 1 {
		t.Fatalf("jo is %s with %d missed, want Available with 1", got.Presence, got.Missed)
	}
	other := r.opened()
	expire(r.offer(other, "jo"))
	if got := r.agent("jo"); got.Presence != dispatch.Away || got.Reason != "missed offers" {
		t.Errorf("jo is %s (%s), want Away (missed offers)", got.Presence, got.Reason)
	}
}
