package ticket_test

import (
	"testing"

	"github.com/caseload-dev/caseload/internal/ticket"
)

// Routing reads what was asked for last, not what it made of it, unless somebody set the priority since.
func TestPriorityThatWasSet(t *testing.T) {
	x := ticket.New(ticket.Content{Subject: "s", Channel: "Chat"}, ticket.Route{Queue: "general", Priority: ticket.High}, start)
	for set, asked := range map[bool]ticket.Priority{false: ticket.Normal, true: ticket.Urgent} {
		content := x.Clone().Content
		content.Subject = "changed"
		if set {
			content.Priority = ticket.Urgent
		}
		got, err := ticket.Apply(x, ticket.Update{Content: content, SetPriority: set}, start)
		if err != nil || got.PrioritySet != set || got.Asked().Priority != asked || got.Priority != content.Priority {
			t.Errorf("set %t: %+v, asked for %s, %v", set, got, got.Asked().Priority, err)
		}
	}
}
