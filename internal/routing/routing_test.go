package routing

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/caseload-dev/caseload/api/v1alpha1"
	"github.com/caseload-dev/caseload/internal/ticket"
)

func to(queue string) *v1alpha1.QueueReference {
	return &v1alpha1.QueueReference{Name: v1alpha1.ObjectName(queue)}
}

func handTo(team string) *v1alpha1.SupportTeamReference {
	return &v1alpha1.SupportTeamReference{Name: v1alpha1.ObjectName(team)}
}

func when(source string) v1alpha1.RoutingRule {
	return v1alpha1.RoutingRule{Name: "rule", When: source, QueueRef: to("yes")}
}

func compile(t testing.TB, name string, rules ...v1alpha1.RoutingRule) *Policy {
	t.Helper()
	p, problems := CompilePolicy(name, rules)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	return p
}

// alone routes by one policy whose tickets go to the queue "no" otherwise.
func alone(t testing.TB, rules ...v1alpha1.RoutingRule) *Router {
	t.Helper()
	return New("care", map[string]Team{"care": {Policy: compile(t, "care", rules...), DefaultQueue: "no"}},
		map[string]string{"yes": "care", "no": "care"}, nil)
}

var outage = &ticket.Content{
	Subject: "Everything is DOWN", Body: "Since noon.", Channel: "Chat", Category: "outage", Product: "router", Language: "de-AT",
	Region: "South", Customer: "c1", Team: "care", Priority: ticket.High, Amount: &ticket.Money{Amount: 500, Currency: "EUR"},
	Tags: []string{"loud", "new"}, Attributes: map[string]string{"site": "7"},
}

var enterprise = &ticket.Customer{
	ID: "c1", Name: "Ada", Segment: "Enterprise", Value: &ticket.Money{Amount: 9000, Currency: "EUR"}, Attributes: map[string]string{"since": "2001"},
}

func TestExpressions(t *testing.T) {
	for source, want := range map[string]bool{
		`ticket.subject.lowerAscii().contains("down")`:                                                               true,
		`ticket.subject.contains("down")`:                                                                            false,
		`ticket.customer.segment == "Enterprise" && ticket.priority == "High"`:                                       true,
		`ticket.customer.id == "c1" && ticket.customer.name == "Ada"`:                                                true,
		`ticket.customer.value.amount > 5000 && ticket.customer.value.currency == "EUR"`:                             true,
		`ticket.customer.attributes["since"] == "2001"`:                                                              true,
		`ticket.amount.amount >= 500 && ticket.amount.currency == "EUR"`:                                             true,
		`ticket.tags.exists(t, t.startsWith("lo")) && "new" in ticket.tags`:                                          true,
		`ticket.attributes["site"] == "7" && has(ticket.attributes)`:                                                 true,
		`ticket.channel == "Chat" && ticket.category == "outage" && ticket.product == "router"`:                      true,
		`ticket.language == "de-AT" && ticket.region == "South" && ticket.team == "care" && size(ticket.body) == 11`: true,
		`ticket.subject.matches("^Every.*DOWN$")`:                                                                    true,
		`has(ticket.amount)`:          true,
		`has(ticket.amount.currency)`: true,
	} {
		if got := alone(t, when(source)).Route(outage, enterprise).Queue == "yes"; got != want {
			t.Errorf("%s: %t, want %t", source, got, want)
		}
	}
}

// A ticket that says nothing reads as empty, and has() tells.
func TestExpressionsOnAbsentFields(t *testing.T) {
	for source, want := range map[string]bool{
		`ticket.category == ""`:            true,
		`ticket.customer.segment == ""`:    true,
		`ticket.priority == "Normal"`:      true,
		`has(ticket.category)`:             false,
		`has(ticket.amount)`:               false,
		`has(ticket.customer.segment)`:     false,
		`has(ticket.customer.value)`:       false,
		`has(ticket.tags)`:                 false,
		`ticket.amount.amount == 0`:        true,
		`ticket.tags.size() == 0`:          true,
		`"site" in ticket.attributes`:      false,
		`ticket.attributes["site"] == "7"`: false, // no such key: no answer, no match
	} {
		if got := alone(t, when(source)).Route(&ticket.Content{Subject: "x", Channel: "Email"}, nil).Queue == "yes"; got != want {
			t.Errorf("%s: %t, want %t", source, got, want)
		}
	}
}

func TestExpressionProblems(t *testing.T) {
	for source, want := range map[string]string{
		`ticket.subjct.contains("x")`:                   "line 1, column 7: undefined field 'subjct'; did you mean subject?",
		`ticket.customer.sgment == "x"`:                 "undefined field 'sgment'; did you mean segment?",
		`ticket.zzz == "x"`:                             "a ticket has subject, body, channel",
		"ticket.subject == 'a' &&\n  ticket.amount > 5": "line 2, column 17: found no matching overload",
		`subject == "x"`:                                "the only variable is ticket",
		`ticket.subject`:                                "yields string; it must yield true or false",
		`ticket.subject.matches("[")`:                   "error parsing regexp",
		`ticket.subject == `:                            "Syntax error",
		`ticket.tags.all(a, ticket.tags.all(b, ticket.body.contains(a + b)))`: "more than the 1000000 units allowed",
	} {
		_, problems := CompilePolicy("p", []v1alpha1.RoutingRule{{Name: "ok", QueueRef: to("q")}, when(source)})
		if len(problems) != 1 || problems[0].Rule != 1 || !strings.Contains(problems[0].Message, want) {
			t.Errorf("%s: %+v, want %q", source, problems, want)
		}
	}
}

// The bound at run time holds where a ticket is larger than the estimate took it for.
func TestExpressionCostAtRunTime(t *testing.T) {
	r := alone(t, when(`ticket.attributes.all(k, ticket.attributes[k].contains("needle in a haystack"))`))
	huge := map[string]string{}
	for i := range 20_000 {
		huge[fmt.Sprint(i)] = strings.Repeat("needle in a haystack", 50)
	}
	d := r.Explain(&ticket.Content{Attributes: huge}, nil)
	if d.Queue != "no" || !strings.Contains(d.Steps[0].Why, "cost limit exceeded") {
		t.Errorf("decision = %+v", d)
	}
}

func TestMatches(t *testing.T) {
	low, high := int64(100), int64(1000)
	for name, c := range map[string]struct {
		match v1alpha1.TicketMatch
		// why it does not match; empty: it does.
		why string
	}{
		"channel":          {v1alpha1.TicketMatch{Channels: []v1alpha1.Channel{"Email", "Chat"}}, ""},
		"other channel":    {v1alpha1.TicketMatch{Channels: []v1alpha1.Channel{"Email", "Phone"}}, "channel is Chat, not one of Email, Phone"},
		"category":         {v1alpha1.TicketMatch{Categories: []v1alpha1.Label{"outage"}}, ""},
		"other category":   {v1alpha1.TicketMatch{Categories: []v1alpha1.Label{"billing"}}, "category is outage, not billing"},
		"product":          {v1alpha1.TicketMatch{Products: []v1alpha1.Label{"phone"}}, "product is router, not phone"},
		"language range":   {v1alpha1.TicketMatch{Languages: []v1alpha1.Language{"de"}}, ""},
		"language":         {v1alpha1.TicketMatch{Languages: []v1alpha1.Language{"de-CH"}}, "language is de-AT, not de-CH"},
		"language prefix":  {v1alpha1.TicketMatch{Languages: []v1alpha1.Language{"d"}}, "language is de-AT, not d"},
		"region":           {v1alpha1.TicketMatch{Regions: []v1alpha1.Label{"North"}}, "region is South, not North"},
		"segment":          {v1alpha1.TicketMatch{CustomerSegments: []v1alpha1.Label{"Enterprise"}}, ""},
		"other segment":    {v1alpha1.TicketMatch{CustomerSegments: []v1alpha1.Label{"Private"}}, "customer segment is Enterprise, not Private"},
		"tags":             {v1alpha1.TicketMatch{Tags: []v1alpha1.Tag{"x", "new"}}, ""},
		"other tags":       {v1alpha1.TicketMatch{Tags: []v1alpha1.Tag{"x"}}, "tags is loud, new, not x"},
		"priority":         {v1alpha1.TicketMatch{Priorities: []v1alpha1.Priority{"Urgent"}}, "priority is High, not Urgent"},
		"amount":           {v1alpha1.TicketMatch{Amount: &v1alpha1.AmountMatch{Currency: "EUR", Min: &low, Max: &high}}, ""},
		"amount below":     {v1alpha1.TicketMatch{Amount: &v1alpha1.AmountMatch{Currency: "EUR", Min: &high}}, "amount is 500 EUR, not 1000 EUR or more"},
		"amount above":     {v1alpha1.TicketMatch{Amount: &v1alpha1.AmountMatch{Currency: "EUR", Max: &low}}, "amount is 500 EUR, not 100 EUR or less"},
		"amount elsewhere": {v1alpha1.TicketMatch{Amount: &v1alpha1.AmountMatch{Currency: "USD", Min: &low}}, "amount is 500 EUR, not 100 USD or more"},
		"all must hold":    {v1alpha1.TicketMatch{Channels: []v1alpha1.Channel{"Chat"}, Regions: []v1alpha1.Label{"North"}}, "region is South"},
	} {
		d := alone(t, v1alpha1.RoutingRule{Name: "r", Match: &c.match, QueueRef: to("yes")}).Explain(outage, enterprise)
		step := d.Steps[0]
		if step.Matched != (c.why == "") || (d.Queue == "yes") != step.Matched || !strings.Contains(step.Why, c.why) {
			t.Errorf("%s: %+v, want %q", name, d, c.why)
		}
	}
}

func TestFirstMatchDecides(t *testing.T) {
	r := alone(t,
		v1alpha1.RoutingRule{Name: "phone", Match: &v1alpha1.TicketMatch{Channels: []v1alpha1.Channel{"Phone"}}, QueueRef: to("no")},
		v1alpha1.RoutingRule{Name: "both", Match: &v1alpha1.TicketMatch{Channels: []v1alpha1.Channel{"Chat"}}, When: `ticket.region == "North"`, QueueRef: to("no")},
		v1alpha1.RoutingRule{Name: "gone", QueueRef: to("gone")},
		v1alpha1.RoutingRule{Name: "rest", Set: &v1alpha1.TicketChanges{Priority: "Urgent", AddTags: []v1alpha1.Tag{"seen", "new"}}, QueueRef: to("yes")},
		v1alpha1.RoutingRule{Name: "late", QueueRef: to("no")},
	)
	d := r.Explain(outage, nil)
	if d.Queue != "yes" || d.Rule != "care/rest" || d.Priority != ticket.Urgent || !slices.Equal(d.AddTags, []string{"seen"}) {
		t.Errorf("decision = %+v", d)
	}
	var why []string
	for _, s := range d.Steps {
		why = append(why, s.Rule+": "+s.Why)
	}
	want := []string{
		"phone: channel is Chat, not Phone", "both: its expression is false",
		"gone: it has no condition, but there is no queue gone now", "rest: it has no condition",
	}
	if !slices.Equal(why, want) {
		t.Errorf("steps = %q", why)
	}
	plain := r.Route(outage, nil)
	if d.Steps = nil; fmt.Sprint(plain) != fmt.Sprint(d) {
		t.Errorf("Route says %+v, Explain %+v", plain, d)
	}
	if len(outage.Tags) != 2 {
		t.Errorf("the ticket was changed: %v", outage.Tags)
	}
}

func TestHandOver(t *testing.T) {
	teams := map[string]Team{
		"care": {DefaultQueue: "general", Policy: compile(t, "care", v1alpha1.RoutingRule{Name: "tech", TeamRef: handTo("tech"),
			Set: &v1alpha1.TicketChanges{Priority: "Urgent", AddTags: []v1alpha1.Tag{"from-care"}}})},
		"tech": {Parent: "care", Policy: compile(t, "tech",
			v1alpha1.RoutingRule{Name: "back", TeamRef: handTo("care")},
			v1alpha1.RoutingRule{Name: "lost", TeamRef: handTo("nowhere")},
			v1alpha1.RoutingRule{Name: "urgent", When: `ticket.priority == "Urgent" && "from-care" in ticket.tags && ticket.channel == "Chat"`, QueueRef: to("technical")})},
		"alone": {},
	}
	r := New("care", teams, map[string]string{"general": "care", "technical": "tech"}, nil)

	d := r.Explain(&ticket.Content{Channel: "Chat"}, nil)
	if d.Queue != "technical" || d.Rule != "tech/urgent" || d.Priority != ticket.Urgent || !slices.Equal(d.AddTags, []string{"from-care"}) {
		t.Errorf("the team handed over to sees what the rule set: %+v", d)
	}
	if len(d.Steps) != 4 || !strings.Contains(d.Steps[0].Why, "handed over to team tech") ||
		!strings.Contains(d.Steps[1].Why, "team care was asked already") || !strings.Contains(d.Steps[2].Why, "there is no team nowhere now") {
		t.Errorf("steps = %+v", d.Steps)
	}
	if d := r.Route(&ticket.Content{Channel: "Email"}, nil); d.Queue != "general" || d.Rule != "team/care default queue" {
		t.Errorf("without a default of its own a team has that of the team above: %+v", d)
	}
	if d := r.Route(&ticket.Content{Team: "alone"}, nil); d.Queue != "" || d.Rule != NoDefault {
		t.Errorf("nothing decides: %+v", d)
	}
	if d := r.Route(&ticket.Content{Team: "unknown", Channel: "Chat"}, nil); d.Queue != "technical" {
		t.Errorf("an unknown team's tickets go by the default team: %+v", d)
	}
}

// The service level is what the last rule that decides sets, else the default of the queue's team or the nearest above.
func TestServiceLevel(t *testing.T) {
	set := func(level string) *v1alpha1.TicketChanges {
		return &v1alpha1.TicketChanges{ServiceLevelRef: &v1alpha1.ServiceLevelReference{Name: v1alpha1.ObjectName(level)}}
	}
	by := func(channel string) *v1alpha1.TicketMatch {
		return &v1alpha1.TicketMatch{Channels: []v1alpha1.Channel{v1alpha1.Channel(channel)}}
	}
	teams := map[string]Team{
		"care": {DefaultQueue: "general", ServiceLevel: "bronze", Policy: compile(t, "care",
			v1alpha1.RoutingRule{Name: "vip", Match: by("Phone"), Set: set("gold"), QueueRef: to("general")},
			v1alpha1.RoutingRule{Name: "gone", Match: by("Fax"), Set: set("gone"), QueueRef: to("general")},
			v1alpha1.RoutingRule{Name: "tech", Match: by("Chat"), Set: set("gold"), TeamRef: handTo("tech")},
			v1alpha1.RoutingRule{Name: "below", Match: by("Web"), QueueRef: to("deep")})},
		"tech": {Parent: "care", Policy: compile(t, "tech", v1alpha1.RoutingRule{Name: "all", Set: set("silver"), QueueRef: to("deep")})},
		"deep": {Parent: "tech", ServiceLevel: "gone"},
		"none": {},
	}
	r := New("care", teams, map[string]string{"general": "care", "deep": "deep"}, map[string]bool{"gold": true, "silver": true, "bronze": true})
	for _, c := range []struct {
		content ticket.Content
		want    string
	}{
		{ticket.Content{Channel: "Phone"}, "gold"},
		{ticket.Content{Channel: "Chat"}, "silver"},
		{ticket.Content{Channel: "Email"}, "bronze"},
		{ticket.Content{Channel: "Web"}, "bronze"},
		{ticket.Content{Channel: "Fax"}, "bronze"},
		{ticket.Content{Channel: "Email", Team: "none"}, ""},
	} {
		if got := r.Route(&c.content, nil); got.ServiceLevel != c.want {
			t.Errorf("%+v: service level %q, want %q", c.content, got.ServiceLevel, c.want)
		}
	}
}

// A rule that does not compile stands in its place and lets the next one decide.
func TestBrokenRuleIsPassedOver(t *testing.T) {
	p, problems := CompilePolicy("care", []v1alpha1.RoutingRule{when("ticket.x"), {Name: "rest", QueueRef: to("no")}})
	r := New("care", map[string]Team{"care": {Policy: p}}, map[string]string{"yes": "care", "no": "care"}, nil)
	if d := r.Explain(outage, nil); len(problems) != 1 || d.Rule != "care/rest" || !strings.Contains(d.Steps[0].Why, "undefined field") {
		t.Errorf("%+v %+v", problems, d)
	}
}

// manyRules are half matches and half expressions, of which the last decides.
func manyRules(n int) []v1alpha1.RoutingRule {
	rules := make([]v1alpha1.RoutingRule, n)
	for i := range rules {
		rules[i] = v1alpha1.RoutingRule{Name: fmt.Sprintf("rule-%d", i), QueueRef: to("yes")}
		switch {
		case i == n-1:
			rules[i].When = `ticket.customer.segment == "Enterprise"`
		case i%4 == 0:
			rules[i].When = fmt.Sprintf(`ticket.subject.contains("word-%d") && ticket.customer.segment == "Enterprise"`, i)
		case i%4 == 2:
			rules[i].When = fmt.Sprintf(`ticket.customer.segment == "Segment-%d" || ticket.amount.amount > %d`, i, i+1000)
		default:
			rules[i].Match = &v1alpha1.TicketMatch{Channels: []v1alpha1.Channel{"Chat", "Email"}, Categories: []v1alpha1.Label{v1alpha1.Label(fmt.Sprint(i))}}
		}
	}
	return rules
}

// BenchmarkRoute takes a ticket through 200 rules. The aim is 50 µs; the floor asks the same of the ticket in plain Go.
func BenchmarkRoute(b *testing.B) {
	b.Run("rules=200", func(b *testing.B) {
		r := alone(b, manyRules(200)...)
		b.ReportAllocs()
		for b.Loop() {
			if d := r.Route(outage, enterprise); d.Rule != "care/rule-199" {
				b.Fatal(d)
			}
		}
	})
	b.Run("floor", func(b *testing.B) {
		words := make([]string, 200)
		for i := range words {
			words[i] = fmt.Sprintf("word-%d", i)
		}
		for b.Loop() {
			hits := 0
			for i, word := range words {
				switch i % 4 {
				case 0:
					if strings.Contains(outage.Subject, word) && enterprise.Segment == "Enterprise" {
						hits++
					}
				case 2:
					if enterprise.Segment == word || outage.Amount.Amount > int64(i+1000) {
						hits++
					}
				default:
					if (outage.Channel == "Chat" || outage.Channel == "Email") && outage.Category == word {
						hits++
					}
				}
			}
			if hits > 0 {
				b.Fatal(hits)
			}
		}
	})
}
