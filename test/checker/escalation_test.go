package checker

import (
	"fmt"
	"testing"
)

// Run 1 of a ticket that was opened at 1 s and escalated at 2 s: steps at once and after 10 s, one more round 60 s later; an
// acknowledgement holds for 30 s.
func escalates() []string {
	return []string{
		activated(), opened(1, "general"),
		changedWith("ticket.escalationStarted", 2, waits, due(2), `,"data":{"run":1,"afterMillis":[0,10000],"times":1,"everyMillis":60000,"acknowledgementMillis":30000}`),
	}
}

// due is a ticket that waits for an escalation's timer.
func due(seconds int) string {
	return fmt.Sprintf(`%s,"wakeAt":%q,"wake":"Escalation"`, waits, at(seconds))
}

func changedWith(kind string, version int, from, to, extra string) string {
	line := changed(kind, 1, version, from, to)
	return line[:len(line)-1] + extra + "}"
}

// step that was due and took place at a time; what follows is due then (0: nothing).
func step(version, round, number, now, next int, actions string) string {
	to := waits
	if next > 0 {
		to = due(next)
	}
	return when(now, changedWith("ticket.escalated", version, due(now), to, fmt.Sprintf(
		`,"timer":{"kind":"Escalation","due":%q},"data":{"run":1,"round":%d,"step":%d,"actions":[%s]}`, at(now), round, number, actions)))
}

const (
	reached = `{"action":"NotifyAgent","target":"jo"}`
	nobody  = `{"action":"NotifyAgent","skipped":"nobody"}`
)

func acknowledged(version, now, was, next int) string {
	return when(now, changedWith("ticket.acknowledged", version, due(was), due(next), `,"actor":"agent/jo","data":{"run":1,"round":0,"step":1}`))
}

func goesOn(version, now int) string {
	return when(now, changedWith("ticket.acknowledgementOver", version, due(now), due(now), fmt.Sprintf(
		`,"timer":{"kind":"Escalation","due":%q},"data":{"run":1,"round":0,"step":1}`, at(now))))
}

func TestCheckEscalation(t *testing.T) {
	begin := func(lines ...string) []string { return append(escalates(), lines...) }
	first, second := step(3, 0, 0, 2, 12, reached), step(4, 0, 1, 12, 72, reached)
	check(t, []checked{
		{"two rounds", begin(first, second, step(5, 1, 0, 72, 82, reached), step(6, 1, 1, 82, 0, reached)), ""},
		{"an empty step", begin(step(3, 0, 0, 2, 2, nobody), step(4, 0, 1, 2, 62, reached), step(5, 1, 0, 62, 72, reached), step(6, 1, 1, 72, 0, reached)), ""},
		{"acknowledged, and forgotten", begin(first, acknowledged(4, 5, 12, 35), goesOn(5, 35), step(6, 0, 1, 35, 95, reached),
			when(36, changed("ticket.resolved", 1, 7, due(95), resolved))), ""},
		{"resolved", begin(first, when(5, changed("ticket.resolved", 1, 4, due(12), resolved))), ""},
		{"a step twice", begin(first, step(4, 0, 0, 12, 72, reached)), "is at step 1 of round 0, not at step 0"},
		{"a step left out", begin(step(3, 0, 1, 2, 72, reached)), "is at step 0 of round 0, not at step 1"},
		{"a step of another run", begin(with(first, `"run":1`, `"run":2`)), "has no run 2"},
		{"a step early", begin(step(3, 0, 0, 2, 11, reached), step(4, 0, 1, 11, 71, reached)), "is due at"},
		{"a step that never comes", begin(step(3, 0, 0, 2, 0, reached)), "needs a timer of"},
		{"a gap after an empty step", begin(step(3, 0, 0, 2, 12, nobody)), "needs a timer of"},
		{"a step while somebody acts", begin(first, acknowledged(4, 5, 12, 35), step(5, 0, 1, 35, 95, reached)), "without being due"},
		{"a step of a ticket that is resolved", begin(first, when(5, changed("ticket.resolved", 1, 4, due(12), resolved)), with(step(5, 0, 1, 12, 72, reached), due(12), resolved)), "has no run 1"},
		{"an acknowledgement without an end", begin(with(escalates()[2], `,"acknowledgementMillis":30000`, ""))[3:], "would be forgotten"},
		{"two runs at once", begin(first, changedWith("ticket.escalationStarted", 4, due(12), due(4), `,"data":{"run":2,"afterMillis":[0]}`)), "is escalated already"},
	})
}
