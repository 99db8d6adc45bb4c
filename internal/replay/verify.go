package replay

import (
	"fmt"
	"slices"

	"github.com/caseload-dev/caseload/internal/caselog"
	"github.com/caseload-dev/caseload/internal/ticket"
)

// Verify compares what the desk's log tells of the tickets with the history itself, not with the scripts: each case has
// one ticket, ended as in the history, and each hand-over is in the ticket's log. queueOf maps support teams to queues;
// stored is the status of each case's ticket as the desk has it now. The answer is a line for each thing that is wrong.
func Verify(log *caselog.Log, queueOf map[string]string, seen map[string]*Observed, stored map[string]ticket.Status) []string {
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
		if status, ok := stored[c.ID]; !ok {
			say("ticket %d is in the log, but the desk does not find it", o.Ticket)
		} else if status != o.View.Status {
			say("ticket %d is %s, and by its log %s", o.Ticket, status, o.View.Status)
		}
		var queues []string
		for _, team := range c.TeamChanges() {
			queues = append(queues, queueOf[team])
		}
		if !slices.Equal(o.HandOvers, queues) {
			say("handed over to %q, and in the history to %q", o.HandOvers, queues)
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
