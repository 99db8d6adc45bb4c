package checker

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// The shifts of jo, who works by a rotation. Logs are dated by their lines, a second each.
func TestCheckShifts(t *testing.T) {
	const hours = 3600
	planned := with(activated(), `"jo":{`, `"jo":{"rotation":"nights",`)
	tell := func(kind, agent string, from, until int) string {
		return fmt.Sprintf(`{"type":"oncall.%s","agent":%q,"data":{"rotation":"nights","layer":"first","start":%q,"end":%q}}`, kind, agent, at(from), at(until))
	}
	// given a ticket after the lines that are told first, and before others.
	given := func(first []string, then ...string) []string {
		lines := append(slices.Clone(first), present("jo"), opened(1, "general"))
		return append(append(lines, assigned(1, 2, "general", "jo", len(lines))), then...)
	}
	told := func(lines ...string) []string { return append([]string{planned}, lines...) }
	began := tell("began", "jo", 0, 2*hours)
	check(t, []checked{
		{"on shift", given(told(began)), ""},
		{"on no shift", given(told()), "record 4 (ticket.assigned): ticket 1 is given to jo, who is off duty"},
		{"on a shift of another's", given(told(tell("began", "sam", 0, 2*hours))), "who is off duty"},
		{"on a shift of another rotation", given(told(with(began, "nights", "days"))), "who is off duty"},
		{"on no shift, to somebody who works always", given([]string{activated()}), ""},
		{"at an extra shift", given(told(`{"type":"agent.dutyChanged","agent":"jo","data":{"id":1,"type":"Shift","startTime":"` + at(0) + `","endTime":"` + at(60) + `"}}`)), ""},
		{"absent on shift", given([]string{with(planned, `"jo":{`, `"jo":{"absences":[{"start":"`+at(0)+`"}],`), began}), "who is off duty"},
		{"a hand-off on record a little later", given(told(), tell("began", "jo", 3, 2*hours)), ""},
		{"a hand-off right after", given(told(), tell("began", "jo", 4, 2*hours)), "who is off duty"},
		{"a hand-off of another's a little later", given(told(), tell("began", "sam", 3, 2*hours)), "who is off duty"},
		{"a hand-off of another rotation a little later", given(told(), with(tell("began", "jo", 3, 2*hours), "nights", "days")), "who is off duty"},
		{"a hand-off that has yet to come to be on record", told(tell("began", "jo", 0, hours), present("jo"), opened(1, "general"),
			when(hours, assigned(1, 2, "general", "jo", 4))), ""},
		{"a hand-off on record only under the next plan", given(told(), when(3, planned), when(3, tell("began", "jo", 3, 2*hours))), "who is off duty"},
		{"after a shift, whose end is on record a little later", given(told(tell("began", "jo", 0, 4)), tell("ended", "jo", 0, 4)), "who is off duty"},
		{"on the next shift right after one", given(told(tell("began", "jo", 0, 4)), tell("ended", "jo", 0, 4), tell("began", "jo", 4, 2*hours)), ""},
		{"relieved", given(told(tell("began", "jo", 0, 1), tell("ended", "jo", 0, 1), tell("began", "sam", 1, 2*hours))), "who is off duty"},

		{"a shift that does not end", told(tell("began", "jo", 0, hours-1)), "was to end at " + start.Add((hours-1)*time.Second).String()},
		{"a shift that does not end before the plan changes", told(tell("began", "jo", 0, 3), opened(1, "general"), planned, tell("ended", "jo", 0, 3)), "record 4 (plan.activated): the shift of jo"},
		{"a shift that ends early", told(began, tell("ended", "jo", 0, 2*hours)), "ends 1h59m58s early"},
		{"a shift that ends before its time", told(began, opened(1, "general"), tell("ended", "jo", 0, 3)), "was to end at"},
		{"a shift that ends later than it was to", told(tell("began", "jo", 0, 2), opened(1, "general"), tell("ended", "jo", 0, 3)), "was to end at"},
		{"a shift that ends and never began", told(tell("ended", "jo", 0, 1)), "jo has no shift"},
		{"a shift that another ends", told(tell("began", "jo", 0, 2), tell("ended", "sam", 0, 2)), "sam has no shift"},
		{"a shift that ends twice", told(tell("began", "jo", 0, 2), tell("ended", "jo", 0, 2), tell("ended", "jo", 0, 2)), "jo has no shift"},
		{"a shift that begins twice", told(began, began), "has a shift already"},
		{"a shift that begins before its time", told(tell("began", "jo", 2, 2*hours)), "goes from"},
		{"a shift that began under an earlier plan", told(opened(1, "general"), planned, tell("began", "jo", 1, 2*hours)), "goes from"},
		{"a shift that ends before it begins", told(tell("began", "jo", 1, 1)), "goes from"},

		{"a new plan ends a shift", told(began, planned, when(2, tell("ended", "jo", 0, 2)), when(2, tell("began", "sam", 2, 2*hours))), ""},
		{"whom a new plan takes off shift", given(told(began, planned, when(2, tell("ended", "jo", 0, 2)), when(2, tell("began", "sam", 2, 2*hours)))), "who is off duty"},
		{"given right before a new plan takes them off shift", given(told(began), when(4, planned), when(4, tell("ended", "jo", 0, 4))), ""},
		{"a new plan has a shift end earlier", given(told(began, planned, when(2, tell("changed", "jo", 0, 5)))), "who is off duty"},
		{"a new plan has a shift end later", given(told(tell("began", "jo", 0, 3), planned, when(2, tell("changed", "jo", 0, 2*hours)))), ""},
		{"a shift that ends at another time without a new plan", told(began, tell("changed", "jo", 0, 3*hours)), "without a new plan"},
		{"a new plan has a shift end in the past", told(began, planned, when(2, tell("changed", "jo", 0, 1)), tell("ended", "jo", 0, 1)), "in the past"},
		{"a new plan changes a shift that is none", told(planned, when(1, tell("changed", "jo", 0, 2*hours))), "jo has no shift"},
	})
}
