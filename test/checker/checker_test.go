package checker

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

var start = time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC)

func at(seconds int) string {
	return start.Add(time.Duration(seconds) * time.Second).Format(time.RFC3339)
}

const plan = `{"queues":{"general":{"agents":["jo","sam"]},"urgent":{"agents":["jo"],"priority":10}},
"agents":{"jo":{"limits":{"Email":1}},"sam":{"limits":{"Email":2,"Phone":1}}},"pools":{"general":["general","urgent"]}}`

// log numbers and dates the lines, whose %s stand for the instants given in seconds.
func log(t *testing.T, lines ...string) []Record {
	t.Helper()
	var text strings.Builder
	for i, line := range lines {
		line = strings.ReplaceAll(line, "\n", "")
		if !strings.Contains(line, `"seq"`) {
			line = fmt.Sprintf(`{"seq":%d,%s`, i+1, line[1:])
		}
		if !strings.Contains(line, `"at"`) {
			line = fmt.Sprintf(`{"at":%q,%s`, at(i), line[1:])
		}
		text.WriteString(line + "\n")
	}
	records, err := Read(strings.NewReader(text.String()))
	if err != nil {
		t.Fatal(err)
	}
	return records
}

func opened(id int, queue string) string {
	return fmt.Sprintf(`{"type":"ticket.opened","ticket":%d,"version":1,"to":{"status":"Waiting","queue":%q,"priority":"Normal"},
"data":{"channel":"Email","reference":{"source":"test","key":"%d"}}}`, id, queue, id)
}

func present(agent string) string {
	return fmt.Sprintf(`{"type":"agent.presence","agent":%q,"data":{"to":"Available"}}`, agent)
}

func assigned(id, version int, queue, agent string, position int) string {
	return fmt.Sprintf(`{"type":"ticket.assigned","ticket":%d,"version":%d,"from":{"status":"Waiting","queue":%q,"priority":"Normal"},
"to":{"status":"Open","queue":%q,"agent":%q,"priority":"Normal"},"dispatch":{"pool":"general","position":%d,"round":1}}`, id, version, queue, queue, agent, position)
}

func offered(id, version int, agent string, position, until int) string {
	return fmt.Sprintf(`{"type":"ticket.offered","ticket":%d,"version":%d,"from":{"status":"Waiting","queue":"general","priority":"Normal"},
"to":{"status":"Offered","queue":"general","agent":%q,"priority":"Normal","wakeAt":%q,"wake":"Offer"},"dispatch":{"pool":"general","position":%d,"round":1,"until":%q}}`,
		id, version, agent, at(until), position, at(until))
}

func back(kind string, id, version int, agent string, until int, extra string) string {
	return fmt.Sprintf(`{"type":%q,"ticket":%d,"version":%d,"from":{"status":"Offered","queue":"general","agent":%q,"priority":"Normal","wakeAt":%q,"wake":"Offer"},
"to":{"status":"Waiting","queue":"general","priority":"Normal"}%s}`, kind, id, version, agent, at(until), extra)
}

// States of a ticket, for changed.
const (
	waits    = `"status":"Waiting","queue":"general","priority":"Normal"`
	isOpen   = `"status":"Open","queue":"general","agent":"jo","priority":"Normal"`
	pending  = `"status":"Pending","queue":"general","agent":"jo","priority":"Normal"`
	resolved = `"status":"Resolved","queue":"general","agent":"jo","priority":"Normal"`
)

func changed(kind string, id, version int, from, to string) string {
	return fmt.Sprintf(`{"type":%q,"ticket":%d,"version":%d,"from":{%s},"to":{%s}}`, kind, id, version, from, to)
}

// when gives a line its instant.
func when(seconds int, line string) string { return fmt.Sprintf(`{"at":%q,%s`, at(seconds), line[1:]) }

// with replaces something in a line.
func with(line, old, replacement string) string { return strings.Replace(line, old, replacement, 1) }

// clocks of a record that dates the resolution of a ticket; zero: it is over.
func clocks(due, warn int) string {
	if due == 0 {
		return `"clocks":[{"metric":"Resolution","state":"Met"}]`
	}
	return fmt.Sprintf(`"clocks":[{"metric":"Resolution","due":%q,"warnAt":%q}]`, at(due), at(warn))
}

// served has a ticket whose resolution is due after 100 seconds and warned of after 75, and what happens then.
func served(then ...string) []string {
	return append([]string{activated(), with(opened(1, "general"), `{"type"`, `{`+clocks(100, 75)+`,"type"`)}, then...)
}

func dated(seconds, version, due, warn int) string {
	return when(seconds, with(changed("ticket.redated", 1, version, waits, waits), `{"type"`, `{`+clocks(due, warn)+`,"type"`))
}

func told(seconds, version int, kind, timer string) string {
	return when(seconds, with(changed(kind, 1, version, waits, waits), `{"type"`,
		fmt.Sprintf(`{"timer":{"kind":%q,"due":%q},"data":{"metric":"Resolution"},"type"`, timer, at(seconds))))
}

func warned(seconds int) string   { return told(seconds, 2, "ticket.atRisk", "ResolutionWarning") }
func breached(seconds int) string { return told(seconds, 3, "ticket.breached", "ResolutionBreach") }

// paused is a record of a clock that stands still.
func paused(seconds, version int, state string) string {
	clock := fmt.Sprintf(`{"clocks":[{"metric":"Resolution","state":%q}],"type"`, state)
	return when(seconds, with(changed("ticket.pended", 1, version, waits, waits), `{"type"`, clock))
}

func activated() string { return `{"type":"plan.activated","data":` + plan + `}` }

// checked is a log and a part of the violation it has; empty: none.
type checked struct {
	name string
	log  []string
	want string
}

func check(t *testing.T, tests []checked) {
	t.Helper()
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			report := Check(log(t, test.log...), start.Add(time.Hour))
			switch {
			case test.want == "" && !report.OK():
				t.Errorf("unexpected: %s", strings.Join(report.Violations, "\n"))
			case test.want != "" && !strings.Contains(strings.Join(report.Violations, "\n"), test.want):
				t.Errorf("want a violation with %q, got %q", test.want, report.Violations)
			}
		})
	}
}

func TestCheck(t *testing.T) {
	expired := func(due, when int) string {
		return back("ticket.offerExpired", 1, 3, "jo", due, fmt.Sprintf(`,"timer":{"kind":"Offer","due":%q},"at":%q`, at(due), at(when)))
	}
	check(t, []checked{
		{"an honest log", []string{activated(), present("jo"), present("sam"), opened(1, "general"), opened(2, "urgent"),
			assigned(2, 2, "urgent", "jo", 5), assigned(1, 2, "general", "sam", 5)}, ""},
		{"a hole in the log", []string{activated(), `{"seq":3,"type":"lease.acquired"}`}, "not dense"},
		{"time goes back", []string{activated(), `{"type":"lease.acquired","at":"2020-01-01T00:00:00Z"}`}, "time went back"},
		{"a version is missing", []string{activated(), present("jo"), opened(1, "general"), assigned(1, 3, "general", "jo", 3)}, "version 1 to 3"},
		{"a change from what it never was", []string{activated(), present("jo"), opened(1, "general"), assigned(1, 2, "urgent", "jo", 3)}, "is said to come from"},
		{"one reference opened twice", []string{activated(), opened(1, "general"), strings.Replace(opened(2, "general"), `"key":"2"`, `"key":"1"`, 1)}, "opened 2 times"},
		{"above the limit", []string{activated(), present("jo"), opened(1, "general"), opened(2, "general"),
			assigned(1, 2, "general", "jo", 4), assigned(2, 2, "general", "jo", 4)}, "exceeds the limit of jo"},
		{"out of order", []string{activated(), present("jo"), opened(1, "general"), opened(2, "general"), assigned(2, 2, "general", "jo", 4)},
			"ticket 1 goes before it"},
		{"a queue of lower priority first", []string{activated(), present("jo"), opened(1, "general"), opened(2, "urgent"), assigned(1, 2, "general", "jo", 4)},
			"ticket 2 goes before it"},
		{"an arrival that the decision had not seen", []string{activated(), present("jo"), opened(1, "general"), opened(2, "urgent"), assigned(1, 2, "general", "jo", 3)}, ""},
		{"to somebody who is not there", []string{activated(), opened(1, "general"), assigned(1, 2, "general", "jo", 2)}, "who is Offline"},
		{"to somebody who does not serve", []string{activated(), present("sam"), opened(1, "urgent"), assigned(1, 2, "urgent", "sam", 3)}, "does not serve it"},
		{"asked again in the round", []string{activated(), present("jo"), opened(1, "general"), offered(1, 2, "jo", 3, 30),
			back("ticket.declined", 1, 3, "jo", 30, ""), when(90, offered(1, 4, "jo", 5, 120))}, "to jo again"},
		{"a timer in time", []string{activated(), present("jo"), opened(1, "general"), offered(1, 2, "jo", 3, 30), expired(30, 31)}, ""},
		{"a timer early", []string{activated(), present("jo"), opened(1, "general"), offered(1, 2, "jo", 3, 30), expired(30, 29)}, "early"},
		{"a timer of another kind", []string{activated(), present("jo"), opened(1, "general"), offered(1, 2, "jo", 3, 30),
			with(expired(30, 31), `"kind":"Offer"`, `"kind":"CallBack"`)}, "is not what the timer"},
		{"an offer that ends by itself", []string{activated(), present("jo"), opened(1, "general"), offered(1, 2, "jo", 3, 30),
			when(31, back("ticket.offerExpired", 1, 3, "jo", 30, ""))}, "without a timer"},
		{"a timer that never fires", []string{activated(), present("jo"), opened(1, "general"), offered(1, 2, "jo", 3, 30)}, "never fired"},
		{"a customer's record changes", []string{activated(), present("jo"), opened(1, "general"),
			`{"type":"customer.updated","actor":"user/crm","data":{"customer":"c1","changed":{"segment":"vip"}}}`, assigned(1, 2, "general", "jo", 4)}, ""},
		{"the timer of another time", []string{activated(), present("jo"), opened(1, "general"), offered(1, 2, "jo", 3, 30),
			with(expired(30, 40), `"due":"`+at(30), `"due":"`+at(20))}, "fired the timer"},
		{"accepted too late", []string{activated(), present("jo"), opened(1, "general"), offered(1, 2, "jo", 3, 30),
			when(30, changed("ticket.accepted", 1, 3, `"status":"Offered","queue":"general","agent":"jo","priority":"Normal","wakeAt":"`+at(30)+`","wake":"Offer"`, isOpen))},
			"its offer ended"},
		{"asked again within a minute", []string{activated(), present("jo"), opened(1, "general"), offered(1, 2, "jo", 3, 30),
			back("ticket.declined", 1, 3, "jo", 30, ""), when(63, with(offered(1, 4, "jo", 5, 90), `"round":1`, `"round":2`))}, "to jo again"},
		{"asked again after a minute, in the next round", []string{activated(), present("jo"), opened(1, "general"), offered(1, 2, "jo", 3, 30),
			back("ticket.declined", 1, 3, "jo", 30, ""), when(64, with(offered(1, 4, "jo", 5, 90), `"round":1`, `"round":2`)),
			when(70, changed("ticket.accepted", 1, 5, `"status":"Offered","queue":"general","agent":"jo","priority":"Normal","wakeAt":"`+at(90)+`","wake":"Offer"`, isOpen))}, ""},
		{"a younger one first", []string{activated(), present("jo"), opened(2, "general"), opened(1, "general"), assigned(1, 2, "general", "jo", 4)},
			"ticket 2 goes before it"},
		{"a less urgent one first", []string{activated(), present("jo"), opened(1, "general"), with(opened(2, "general"), "Normal", "Urgent"),
			assigned(1, 2, "general", "jo", 4)}, "ticket 2 goes before it"},
		{"one set aside is passed over", []string{activated(), present("jo"), opened(1, "general"), opened(2, "general"),
			changed("ticket.setAside", 1, 2, waits, waits), assigned(2, 2, "general", "jo", 5)}, ""},
		{"room that was made", []string{activated(), present("jo"), opened(1, "general"), opened(2, "general"), assigned(1, 2, "general", "jo", 4),
			changed("ticket.resolved", 1, 3, isOpen, resolved), assigned(2, 2, "general", "jo", 6)}, ""},
		{"room that was taken again", []string{activated(), present("jo"), opened(1, "general"), opened(2, "general"), assigned(1, 2, "general", "jo", 4),
			changed("ticket.pended", 1, 3, isOpen, pending), assigned(2, 2, "general", "jo", 6), changed("ticket.resumed", 1, 4, pending, isOpen)},
			"exceeds the limit of jo"},
		{"above a lowered limit", []string{with(activated(), `"Email":1`, `"Email":2`), present("jo"), opened(1, "general"), opened(2, "general"),
			assigned(1, 2, "general", "jo", 4), activated(), assigned(2, 2, "general", "jo", 6)}, "exceeds the limit of jo"},
		{"of a queue that is gone", []string{activated(), present("jo"), opened(1, "urgent"), with(activated(), `"urgent":{"agents":["jo"],"priority":10}`, `"other":{}`),
			assigned(1, 2, "urgent", "jo", 4)}, "does not serve it"},
		{"of a paused queue", []string{with(activated(), `"priority":10`, `"paused":true`), present("jo"), opened(1, "urgent"),
			assigned(1, 2, "urgent", "jo", 3)}, "does not serve it"},
		{"to somebody who speaks a more general language", []string{with(with(activated(), `"priority":10`, `"languageMatch":"Required"`),
			`"jo":{`, `"jo":{"languages":["pt"],`), present("jo"),
			with(opened(1, "urgent"), `"data":{`, `"data":{"language":"PT-br",`), assigned(1, 2, "urgent", "jo", 3)}, ""},
		{"to somebody who does not speak the language", []string{with(activated(), `"priority":10`, `"languageMatch":"Required"`), present("jo"),
			with(opened(1, "urgent"), `"data":{`, `"data":{"language":"fr",`), assigned(1, 2, "urgent", "jo", 3)}, "does not serve it"},
		{"given though somebody has it", []string{activated(), present("jo"), present("sam"), opened(1, "general"), assigned(1, 2, "general", "jo", 4),
			with(assigned(1, 3, "general", "sam", 5), waits, isOpen)}, "while it is Open"},
		{"a ticket from nowhere", []string{activated(), changed("ticket.noted", 1, 7, waits, waits)}, "begins here"},
		{"nobody's", []string{activated(), present("jo"), opened(1, "general"), changed("ticket.transferred", 1, 2, waits, with(isOpen, `"jo"`, `""`))}, "with nobody"},
		{"an offer without an end", []string{activated(), present("jo"), opened(1, "general"), with(offered(1, 2, "jo", 3, 30), `,"until":"`+at(30)+`"`, "")}, "is offered with"},
		{"an offer without a timer", []string{activated(), present("jo"), opened(1, "general"), with(offered(1, 2, "jo", 3, 30), `,"wakeAt":"`+at(30)+`"`, "")}, "its next timer is"},
		{"an offer with a later timer", []string{activated(), present("jo"), opened(1, "general"), with(offered(1, 2, "jo", 3, 30), `"wakeAt":"`+at(30), `"wakeAt":"`+at(40))}, "its next timer is"},
		{"a warning and a breach in time", served(warned(75), breached(100)), ""},
		{"a warning early", served(warned(74)), "warns of the Resolution of ticket 1"},
		{"warned twice", served(warned(75), with(warned(80), `"version":2`, `"version":3`)), "warned true"},
		{"a breach early", served(warned(75), breached(99)), "tells of a breach"},
		{"a breach that was not warned of", served(with(breached(100), `"version":3`, `"version":2`)), "was not warned of"},
		{"breached twice", served(warned(75), breached(100), with(breached(110), `"version":3`, `"version":4`)), "breached true"},
		{"a breach whose due time was set past the warning", served(dated(90, 2, 80, 90), breached(90)), ""},
		{"a breach of nothing", []string{activated(), opened(1, "general"), with(breached(100), `"version":3`, `"version":2`)}, "has no due time"},
		{"a breach by no timer", served(warned(75), with(breached(100), `"timer":{"kind":"ResolutionBreach","due":"`+at(100)+`"},`, "")), "is not by the timer"},
		{"done too late without a breach", served(warned(75), with(dated(100, 3, 0, 0), "ticket.redated", "ticket.resolved")), "no breach is on record"},
		{"done in time", served(warned(75), with(dated(99, 3, 0, 0), "ticket.redated", "ticket.resolved")), ""},
		{"put off, and not warned of again", served(warned(75), dated(80, 3, 200, 150), with(breached(200), `"version":3`, `"version":4`)), "was not warned of"},
		{"told again by a target set while paused", served(warned(75), breached(100), paused(100, 4, "Breached"),
			with(dated(105, 5, 110, 105), `"due"`, `"state":"Running","due"`), with(warned(105), `"version":2`, `"version":6`), with(breached(110), `"version":3`, `"version":7`)), ""},
		{"breached twice, and paused between", served(warned(75), breached(100), paused(100, 4, "Breached"),
			with(dated(105, 5, 100, 105), `"due"`, `"state":"Breached","due"`), with(breached(110), `"version":3`, `"version":6`)), "breached true"},
		{"warned twice, and paused between", served(warned(75), paused(80, 3, "Paused"),
			with(dated(85, 4, 105, 80), `"due"`, `"state":"AtRisk","due"`), with(warned(85), `"version":2`, `"version":5`)), "warned true"},
		{"stopped after a pause", served(warned(75), breached(100), paused(100, 4, "Breached"), with(dated(120, 5, 0, 0), "ticket.redated", "ticket.resolved")), ""},
		{"due later first", []string{activated(), present("jo"), with(opened(1, "general"), `{"type"`, `{`+clocks(200, 150)+`,"type"`),
			with(opened(2, "general"), `{"type"`, `{`+clocks(100, 75)+`,"type"`), assigned(1, 2, "general", "jo", 4)}, "ticket 2 goes before it"},
		{"due no more once it is given", []string{activated(), present("jo"), opened(1, "general"), with(opened(2, "general"), `{"type"`, `{`+clocks(100, 75)+`,"type"`),
			with(assigned(2, 2, "general", "jo", 4), `{"type"`, `{"clocks":[{"metric":"Resolution","state":"Running"}],"type"`)}, ""},
		{"two owners", []string{activated(), strings.Replace(opened(1, "general"), `"queue":`, `"agent":"jo","queue":`, 1)}, "waits with queue"},
	})
}
