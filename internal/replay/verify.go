package replay

import (
	"fmt"
	"slices"

	"github.com/caseload-dev/caseload/internal/caselog"
	"github.com/caseload-dev/caseload/internal/ticket"
)

// Verify compares what the desk's log tells of the tickets with the history itself, not with the scripts: each case has
// one ticket, ended as in the history, and each hand-over is in the ticket's log. queueOf maps support teams to queues;
// stored is each case's ticket as the desk has it now. The answer is a line for each thing that is wrong.
func Verify(log *caselog.Log, queueOf map[string]string, seen map[string]*Observed, stored map[string]*ticket.Ticket) []string {
	var wrong []string
	for _, c := range log.Cases {
		say := func(format string, args ...any) {
			wrong = append(wrong, fmt.Sprintf("case %s: ", c.ID)+fmt.Sprintf(format, args...))
		}
		o := seen[c.ID]
		if o == nil {
			say("lost: the desk's log has no ticket for it")
			continue
		}
		if o.Opened != 1 {
			say("opened %d times", o.Opened)
		}
		want := final(c.Final())
		if !slices.Contains(want, o.View.Status) {
			say("ticket %d is %s by its log, and the history ended %s", o.Ticket, o.View.Status, want[0])
		}
		if t := stored[c.ID]; t == nil {
			say("ticket %d is in the log, but the desk does not find it", o.Ticket)
		} else if t.Status != o.View.Status {
			say("ticket %d is %s, and by its log %s", o.Ticket, t.Status, o.View.Status)
		}
		var queues, all, byReplay []string
		for _, team := range c.TeamChanges() {
			queues = append(queues, queueOf[team])
		}
		for _, t := range o.HandOvers {
			if all = append(all, t.To); !t.ByTime {
				byReplay = append(byReplay, t.To)
			}
		}
		// An escalation may have handed it over before the history did.
		if !within(queues, all) || !within(byReplay, queues) {
			say("handed over to %q, and in the history to %q", all, queues)
		}
		if n := c.PersonChanges(); o.PassedOn != n {
			say("passed on %d times, and in the history %d", o.PassedOn, n)
		}
		if c.Continues() && o.Reopened == 0 {
			say("went on in the history after it was done, but was never reopened")
		}
	}
	return wrong
}

// within says whether the parts are in the whole, in the same order.
func within(parts, whole []string) bool {
	for _, name := range whole {
		if len(parts) > 0 && parts[0] == name {
			parts = parts[1:]
		}
	}
	return len(parts) == 0
}
