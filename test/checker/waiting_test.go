package checker

import "testing"

// patient has the queue general relax for lee after 10 s, and overflow after 20 s.
func patient() string {
	return with(activated(), `"general":{`, `"general":{"overflowMillis":20000,"relaxation":[{"afterMillis":10000,"agents":["jo","lee","sam"]}],`)
}

// Timers of a ticket that was opened at 2 s, as states have them.
var (
	toRelax    = `,"wakeAt":"` + at(12) + `","wake":"Relaxation"`
	toOverflow = `,"stage":1,"wakeAt":"` + at(22) + `","wake":"Overflow"`
	overflowed = `"status":"Waiting","queue":"urgent","priority":"Normal","overflowed":["general"]`
)

func openedPatiently() string { return with(opened(1, "general"), `"Normal"`, `"Normal"`+toRelax) }

func relaxed(seconds int) string {
	return when(seconds, with(changed("ticket.relaxed", 1, 2, waits+toRelax, waits+toOverflow), `{`, `{"timer":{"kind":"Relaxation","due":"`+at(12)+`"},`))
}

func overflows(seconds int) string {
	return when(seconds, with(changed("ticket.overflowed", 1, 3, waits+toOverflow, overflowed), `{`, `{"timer":{"kind":"Overflow","due":"`+at(22)+`"},`))
}

// toLee is an assignment at stage 1.
func toLee() string {
	return with(with(assigned(1, 3, "general", "lee", 4), waits, waits+toOverflow), `"dispatch":{`, `"dispatch":{"stage":1,`)
}

func TestCheckWaiting(t *testing.T) {
	begin := func(lines ...string) []string {
		return append([]string{patient(), present("lee"), openedPatiently()}, lines...)
	}
	check(t, []checked{
		{"relaxes, then overflows", begin(relaxed(12), overflows(22)), ""},
		{"at a stage that allows it", begin(relaxed(12), when(13, toLee())), ""},
		{"at a stage that does not allow it", begin(relaxed(12), when(13, with(toLee(), `"lee"`, `"max"`))), "does not serve it"},
		{"by the requirements of another stage", begin(relaxed(12), when(13, with(toLee(), `"dispatch":{"stage":1,`, `"dispatch":{`))), "but is in stage 1"},
		{"before the stage that allows it", begin(when(5, with(assigned(1, 2, "general", "lee", 3), waits, waits+toRelax))), "does not serve it"},
		{"a stage too early", begin(relaxed(11)), "begins at"},
		{"two stages at once", begin(with(relaxed(12), `"stage":1`, `"stage":2`)), "from stage 0 to 2"},
		{"a stage by itself", begin(when(12, changed("ticket.noted", 1, 2, waits+toRelax, waits+toOverflow))), "from stage 0 to 1"},
		{"a stage that never begins", begin(when(30, changed("ticket.noted", 1, 2, waits+toRelax, waits+toRelax))), "never fired"},
		{"a forgotten stage", []string{patient(), opened(1, "general")}, "needs a timer Relaxation"},
		{"a forgotten overflow", begin(with(relaxed(12), toOverflow, `,"stage":1`)), "needs a timer Overflow"},
		{"a stage at another time", []string{patient(), present("lee"), with(openedPatiently(), at(12), at(11))}, "instead of"},
		{"a timer for nothing", []string{activated(), openedPatiently()}, "nothing asks for"},
		{"overflows too early", begin(relaxed(12), overflows(21)), "early"},
		{"overflows from elsewhere", begin(relaxed(12), with(overflows(22), `["general"]`, `["other"]`)), "is said to come from"},
		{"back to where it came from", begin(relaxed(12), overflows(22),
			when(23, changed("ticket.overflowed", 1, 4, overflowed, `"status":"Waiting","queue":"general","priority":"Normal","overflowed":["general","urgent"]`))), "having come from"},
		{"enters a queue at a later stage", begin(relaxed(12), with(overflows(22), `"overflowed"`, `"stage":1,"overflowed"`)), "enters queue urgent at stage 1"},
		{"suddenly from elsewhere", begin(when(3, changed("ticket.noted", 1, 2, waits+toRelax, waits+`,"overflowed":["urgent"]`+toRelax))), "suddenly from"},
	})
}
