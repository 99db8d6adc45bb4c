package checker

import (
	"strings"
	"testing"
	"time"
)

// The log begins on Monday 2 November 2026 at 9:00 UTC, one second a line.
func TestCheckDuty(t *testing.T) {
	const berlin = `"calendars":{"office":{"timeZone":"Europe/Berlin","hours":[{"days":[1],"from":540,"to":FROM}],"holidays":["0000-12-24"]}},`
	planned := func(calendar, agent, queue string) string {
		p := strings.Replace(plan, `"jo":{`, `"jo":{`+agent, 1)
		p = strings.Replace(p, `"general":{`, `"general":{`+queue, 1)
		return `{"type":"plan.activated","data":{` + calendar + p[1:] + `}`
	}
	change := func(kind string, id, from, until int) string {
		return `{"type":"agent.dutyChanged","agent":"jo","data":{"id":` + string(rune('0'+id)) + `,"type":"` + kind + `","startTime":"` + at(from) + `","endTime":"` + at(until) + `"}}`
	}
	decided := func(position int) []string {
		return []string{present("jo"), opened(1, "general"), assigned(1, 2, "general", "jo", position)}
	}
	given := decided(3)
	until := func(minute string) string { return strings.Replace(berlin, "FROM", minute, 1) }
	check(t, []checked{
		{"on schedule", append([]string{planned(until("1020"), `"schedule":"office",`, "")}, given...), ""},
		{"off schedule", append([]string{planned(until("600"), `"schedule":"office",`, "")}, given...), "who is off duty"},
		{"absent", append([]string{planned("", `"absences":[{"start":"`+at(0)+`","end":"`+at(60)+`"}],`, "")}, given...), "who is off duty"},
		{"back from an absence", append([]string{planned("", `"absences":[{"start":"`+at(0)+`","end":"`+at(3)+`"}],`, "")}, given...), ""},
		{"sick", append([]string{activated(), change("Absence", 7, 0, 60)}, given...), "who is off duty"},
		{"sick no more", append([]string{activated(), change("Absence", 7, 0, 3)}, given...), ""},
		{"well again", append([]string{activated(), change("Absence", 7, 0, 60), strings.Replace(change("Absence", 7, 0, 60), "Changed", "Restored", 1)}, decided(5)...), ""},
		{"not well yet when it was decided", append([]string{activated(), change("Absence", 7, 0, 60), strings.Replace(change("Absence", 7, 0, 60), "Changed", "Restored", 1)}, decided(2)...), "as they were at 2"},
		{"at an extra shift", append([]string{planned(until("600"), `"schedule":"office",`, ""), change("Shift", 7, 0, 60)}, given...), ""},
		{"sick at an extra shift", append([]string{planned(until("600"), `"schedule":"office",`, ""), change("Shift", 7, 0, 60), change("Absence", 8, 0, 60)}, given...), "who is off duty"},
		{"on loan", append([]string{planned("", "", `"loans":{"jo":[{"start":"`+at(3)+`"}]},`)}, given...), ""},
		{"before a loan", append([]string{planned("", "", `"loans":{"jo":[{"start":"`+at(60)+`"}]},`)}, given...), "who does not serve it"},
		{"after a loan", append([]string{planned("", "", `"loans":{"jo":[{"end":"`+at(3)+`"}]},`)}, given...), "who does not serve it"},
		{"before one of a queue to which a loan is just over", []string{with(activated(), `"urgent":{`, `"urgent":{"loans":{"jo":[{"end":"`+at(4)+`"}]},`),
			present("jo"), opened(1, "general"), opened(2, "urgent"), assigned(1, 2, "general", "jo", 4)}, ""},
		{"before one of a queue to which a loan has just begun", []string{with(activated(), `"urgent":{`, `"urgent":{"loans":{"jo":[{"start":"`+at(4)+`"}]},`),
			present("jo"), opened(1, "general"), opened(2, "urgent"), assigned(1, 2, "general", "jo", 4)}, ""},
		{"before one of a queue with a loan", []string{with(activated(), `"urgent":{`, `"urgent":{"loans":{"jo":[{"end":"`+at(5)+`"}]},`),
			present("jo"), opened(1, "general"), opened(2, "urgent"), assigned(1, 2, "general", "jo", 4)}, "ticket 2 goes before it"},
		{"above the limit of somebody new", []string{
			strings.Replace(planned("", `"rampUp":{"startPercent":50,"weeks":["`+at(0)+`","`+at(60)+`"]},`, ""), `{"Email":1}`, `{"Email":2}`, 1),
			present("jo"), opened(1, "general"), opened(2, "general"), assigned(1, 2, "general", "jo", 4), assigned(2, 2, "general", "jo", 4)}, "exceeds the limit of jo"},
	})
}

// The checker's clock on the wall, where clocks are changed, on holidays and by night.
func TestOpen(t *testing.T) {
	calendar := func(zone string, from, to int, holidays ...string) *planCalendar {
		p := &planCalendar{TimeZone: zone, Holidays: holidays}
		p.Hours = append(p.Hours, struct {
			Days []int `json:"days"`
			From int   `json:"from"`
			To   int   `json:"to"`
		}{[]int{0, 1, 2, 3, 4, 5, 6}, from, to})
		return p
	}
	for _, tc := range []struct {
		at   string
		p    *planCalendar
		want bool
	}{
		{"2026-11-02T08:00:00Z", calendar("Europe/Berlin", 540, 1020), true},
		{"2026-11-02T07:59:59Z", calendar("Europe/Berlin", 540, 1020), false},
		{"2026-11-02T16:00:00Z", calendar("Europe/Berlin", 540, 1020), false},
		{"2026-12-24T10:00:00Z", calendar("Europe/Berlin", 540, 1020, "0000-12-24"), false},
		{"2026-12-25T10:00:00Z", calendar("Europe/Berlin", 540, 1020, "2026-12-24"), true},
		{"2026-12-25T02:00:00Z", calendar("Europe/Berlin", 1320, 360, "2026-12-25"), true},
		{"2018-11-04T06:29:00Z", calendar("America/Chicago", 90, 90), true},
		{"2018-11-04T06:10:00Z", calendar("America/Chicago", 60, 90), true},
		{"2018-11-04T07:10:00Z", calendar("America/Chicago", 90, 120), true},
		{"2018-11-04T07:29:00Z", calendar("America/Chicago", 60, 90), true},
		{"2018-11-04T07:30:00Z", calendar("America/Chicago", 60, 90), false},
		{"2018-11-04T06:45:00Z", calendar("America/Chicago", 60, 90), true},
		{"2020-03-08T08:00:00Z", calendar("America/Chicago", 150, 240), true},
		{"2020-03-08T07:59:00Z", calendar("America/Chicago", 150, 240), false},
		{"2020-03-08T08:00:00Z", calendar("America/Chicago", 60, 150), false},
	} {
		now, err := time.Parse(time.RFC3339, tc.at)
		if err != nil {
			t.Fatal(err)
		}
		if got := tc.p.open(now); got != tc.want {
			t.Errorf("%s, %s %v: open is %t", tc.at, tc.p.TimeZone, tc.p.Hours, got)
		}
	}
}
