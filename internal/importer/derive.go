// Package importer derives the manifests of an organisation from the history it left behind.
package importer

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"time"

	"github.com/caseload-dev/caseload/api/v1alpha1"
	"github.com/caseload-dev/caseload/internal/caselog"
	"github.com/caseload-dev/caseload/internal/ticket"
)

// Options of Derive.
type Options struct {
	// HelpDesk is the name of the HelpDesk, and of the team that owns tiers and rules.
	HelpDesk string
	// TierPattern finds the level in a support team's name: its first group is a number. A name without it is level 1.
	TierPattern *regexp.Regexp
	// Channel that tickets come by: the history does not say.
	Channel string
	// OfferTimeout of every queue.
	OfferTimeout time.Duration
	// Hours that people work in every country, and the zones of countries: those given win over those known.
	Hours v1alpha1.WeeklyHours
	Zones map[string]string
	// KeptPercent of the history's tickets kept the targets of the service levels.
	KeptPercent int
	// EscalateAfter is how long a ticket waits for an agent before the next line gets it; zero: for ever.
	EscalateAfter time.Duration
	// SpeedUp is how many seconds of the history pass in one of the desk's, which divides the two. A calendar cannot be sped
	// up: above 1 people work around the clock. MaxGap is then the longest stretch in which nothing happens to any ticket.
	SpeedUp float64
	MaxGap  time.Duration
}

// DefaultHours are the usual ones of an office.
func DefaultHours() v1alpha1.WeeklyHours {
	return v1alpha1.WeeklyHours{
		Days: []v1alpha1.Weekday{v1alpha1.Monday, v1alpha1.Tuesday, v1alpha1.Wednesday, v1alpha1.Thursday, v1alpha1.Friday},
		From: "08:00", To: "17:00",
	}
}

// Bounds of the API that a history may exceed.
const (
	maxRules       = 500
	maxAssignments = 128
	maxLimit       = 50
	maxLevel       = 10
)

// Organisation is what a history says about the people behind it. Names are those of the manifests.
type Organisation struct {
	Options
	// QueueOf, AgentOf and TeamOf map the history's support teams, people and organisation lines to names.
	QueueOf, AgentOf, TeamOf map[string]string
	Queues                   []Queue
	Agents                   []Agent
	Teams                    []Team
	// Calendars are those of the countries in which people or support teams are.
	Calendars []*Calendar
	// Targets of the service levels, in the history's time.
	Targets map[ticket.Priority]map[ticket.Metric]time.Duration
	// ReopenWindow is the longest time after which a ticket of the history went on though it was done, rounded up; zero if none
	// did.
	ReopenWindow time.Duration
	// Levels are the tiers' levels, ascending.
	Levels []int
	// DefaultQueue is the one that most tickets entered first.
	DefaultQueue string
	Summary      Summary

	atlas *atlas
	// teamCountry is the country of a support team, as the history calls both.
	teamCountry map[string]string
	axis        *caselog.Axis
}

// Queue is a support team of the history, or the front door of a line, which has no Source.
type Queue struct {
	Name, Source string
	Level        int
	// First counts the tickets that entered it first.
	First int
	// People who worked in it.
	People int
	// ServiceLevel of the tickets that enter it first.
	ServiceLevel string
}

// AgentNames lists the agents.
func (o *Organisation) AgentNames() []string {
	var names []string
	for _, a := range o.Agents {
		names = append(names, a.Name)
	}
	return names
}

// Agent is a person of the history.
type Agent struct {
	Name, Source string
	Team         string
	// Home is the queue the person did most in; Others are the rest of theirs.
	Home   string
	Others []string
	// Levels of all these queues.
	Levels []int
	// Limit is the most tickets the person had in progress at once.
	Limit int
	Role  string
	// Calendar of the country the person is most in; empty: around the clock.
	Calendar string
}

// Team is an organisation line of the history.
type Team struct{ Name, Source string }

// Summary counts what was read and what the rules made of it.
type Summary struct {
	Cases        int            `json:"cases"`
	Events       int            `json:"events"`
	Teams        int            `json:"teams"`
	QueuesByTier map[string]int `json:"queuesByTier"`
	Queues       int            `json:"queues"`
	Agents       int            `json:"agents"`
	Rules        int            `json:"rules"`
	// Calendars are the zones of the countries' calendars by name; UnknownCountries have none.
	Calendars        map[string]string `json:"calendars,omitempty"`
	UnknownCountries []string          `json:"unknownCountries,omitempty"`
	// Targets of the service levels by priority and metric.
	Targets map[ticket.Priority]map[ticket.Metric]ticket.Span `json:"targets"`
	// Renamed are the originals whose name is more than a change of case.
	Renamed map[string]string `json:"renamed,omitempty"`
	// Nobody counts the events that name no person.
	Nobody int `json:"nobody,omitempty"`
	// Unserved are the queues that no person worked: their whole tier serves them.
	Unserved []string `json:"unserved,omitempty"`
	// Capped are the agents who had more at once than a limit may say.
	Capped map[string]int `json:"capped,omitempty"`
	// Remarks counts the statuses that say nothing about who has the ticket.
	Remarks map[string]int `json:"remarks,omitempty"`
}

// Derive reads the organisation out of a history. The same history and options give the same organisation.
func Derive(log *caselog.Log, opts Options) (*Organisation, error) {
	o := &Organisation{Options: opts}
	t := tally(log)
	o.QueueOf = Names(slices.Collect(maps.Keys(t.queues)), "queue")
	o.AgentOf = Names(slices.Collect(maps.Keys(t.people)), "agent")
	o.TeamOf = Names(slices.Collect(maps.Keys(t.groups)), "team")
	if len(t.people) == 0 {
		return nil, errors.New("no event names a person: check the resource column")
	}
	if err := o.places(t); err != nil {
		return nil, err
	}
	if err := o.queues(t); err != nil {
		return nil, err
	}
	if err := o.agents(t); err != nil {
		return nil, err
	}
	if err := o.teams(); err != nil {
		return nil, err
	}
	o.axis = caselog.NewAxis(log, o.MaxGap)
	o.targets(log)
	o.reopenWindow(log)
	o.summarise(t)
	return o, nil
}

// counts of the events by person, support team, organisation line and role.
type counts struct {
	cases, events, nobody int
	queues                map[string]*queueCounts
	people                map[string]*personCounts
	groups                map[string]int
	remarks               map[string]int
}

type queueCounts struct {
	first     int
	people    map[string]bool
	countries map[string]int
}

type personCounts struct {
	queues, groups, roles, countries map[string]int
	spans                            []caselog.Span
}

func tally(log *caselog.Log) *counts {
	t := &counts{
		cases: len(log.Cases), queues: map[string]*queueCounts{}, people: map[string]*personCounts{},
		groups: map[string]int{}, remarks: map[string]int{},
	}
	for _, c := range log.Cases {
		for i, e := range c.Events {
			t.event(e, i == 0)
		}
		for _, s := range c.Spans() {
			t.people[s.Person].spans = append(t.people[s.Person].spans, s)
		}
	}
	return t
}

func (t *counts) event(e caselog.Event, first bool) {
	t.events++
	q := t.queues[e.Team]
	if q == nil {
		q = &queueCounts{people: map[string]bool{}, countries: map[string]int{}}
		t.queues[e.Team] = q
	}
	if first {
		q.first++
	}
	if e.TeamCountry != "" {
		q.countries[e.TeamCountry]++
	}
	if e.State == caselog.Remark {
		t.remarks[e.Status]++
	}
	if e.Person == "" {
		t.nobody++
		return
	}
	q.people[e.Person] = true
	p := t.people[e.Person]
	if p == nil {
		p = &personCounts{queues: map[string]int{}, groups: map[string]int{}, roles: map[string]int{}, countries: map[string]int{}}
		t.people[e.Person] = p
	}
	p.queues[e.Team]++
	if e.Group != "" {
		t.groups[e.Group]++
		p.groups[e.Group]++
	}
	if e.Role != "" {
		p.roles[e.Role]++
	}
	if e.Country != "" {
		p.countries[e.Country]++
	}
}

// places finds the countries and their calendars.
func (o *Organisation) places(t *counts) (err error) {
	o.teamCountry = map[string]string{}
	var named []string
	var zones map[string]string
	if o.SpeedUp <= 1 {
		zones = o.Zones
		for source, q := range t.queues {
			if o.teamCountry[source] = most(q.countries); o.teamCountry[source] != "" {
				named = append(named, o.teamCountry[source])
			}
		}
		for _, p := range t.people {
			if in := most(p.countries); in != "" {
				named = append(named, in)
			}
		}
	}
	if o.atlas, err = newAtlas(named, o.Hours, zones); err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(o.atlas.calendars)) {
		o.Calendars = append(o.Calendars, o.atlas.calendars[name])
	}
	return nil
}

func (o *Organisation) queues(t *counts) error {
	rules := 0
	for source, n := range t.queues {
		level, err := o.level(source)
		if err != nil {
			return err
		}
		queue := Queue{
			Name: o.QueueOf[source], Source: source, Level: level, First: n.first, People: len(n.people),
			ServiceLevel: cmp.Or(o.atlas.name(o.teamCountry[source]), standardLevel),
		}
		o.Queues = append(o.Queues, queue)
		if n.first > 0 {
			rules++
		}
	}
	if rules > maxRules {
		return fmt.Errorf("tickets enter %d support teams first, and a RoutingPolicy holds %d rules: import the organisation in parts", rules, maxRules)
	}
	slices.SortFunc(o.Queues, func(a, b Queue) int { return cmp.Compare(a.Name, b.Name) })
	o.DefaultQueue = slices.MaxFunc(o.Queues, func(a, b Queue) int {
		return cmp.Or(cmp.Compare(a.First, b.First), cmp.Compare(b.Name, a.Name))
	}).Name
	levels := map[int]bool{}
	for _, q := range o.Queues {
		levels[q.Level] = true
	}
	o.Levels = slices.Sorted(maps.Keys(levels))
	if o.Escalates() {
		return o.frontDoors()
	}
	return nil
}

// frontDoors are the queues by which the levels get what is escalated to them: whoever is of the line serves them.
func (o *Organisation) frontDoors() error {
	for _, level := range o.Levels[1:] {
		name := TierName(level)
		if slices.ContainsFunc(o.Queues, func(q Queue) bool { return q.Name == name }) {
			return fmt.Errorf("a support team has the name %s, by which that line gets what is escalated to it: rename the team in the file, or import without --escalate-after", name)
		}
		o.Queues = append(o.Queues, Queue{Name: name, Level: level, ServiceLevel: standardLevel})
	}
	slices.SortFunc(o.Queues, func(a, b Queue) int { return cmp.Compare(a.Name, b.Name) })
	return nil
}

// frontDoor says whether the queue is one of a line, not of a support team.
func (q *Queue) frontDoor() bool { return q.Source == "" }

func (o *Organisation) level(source string) (int, error) {
	m := o.TierPattern.FindStringSubmatch(source)
	if len(m) < 2 {
		return 1, nil
	}
	n, err := strconv.Atoi(m[1])
	if err != nil || n < 1 || n > maxLevel {
		return 0, fmt.Errorf("support team %q: the tier pattern finds level %q, which is no number from 1 to %d", source, m[1], maxLevel)
	}
	return n, nil
}

func (o *Organisation) agents(t *counts) error {
	for source, p := range t.people {
		home := most(p.queues)
		a := Agent{
			Name: o.AgentOf[source], Source: source, Home: o.QueueOf[home],
			Team: cmp.Or(o.TeamOf[most(p.groups)], o.HelpDesk), Role: most(p.roles), Limit: max(1, atOnce(p.spans)),
			Calendar: o.atlas.name(most(p.countries)),
		}
		levels := map[int]bool{}
		for q := range p.queues {
			level, err := o.level(q)
			if err != nil {
				return err
			}
			levels[level] = true
			if q != home {
				a.Others = append(a.Others, o.QueueOf[q])
			}
		}
		if len(a.Others) > maxAssignments {
			return fmt.Errorf("%q worked in %d support teams, and an Agent holds %d assignments: name them with --not-people if they are a system", source, len(a.Others)+1, maxAssignments)
		}
		slices.Sort(a.Others)
		a.Levels = slices.Sorted(maps.Keys(levels))
		o.Agents = append(o.Agents, a)
	}
	slices.SortFunc(o.Agents, func(a, b Agent) int { return cmp.Compare(a.Name, b.Name) })
	return nil
}

func (o *Organisation) teams() error {
	for source, name := range o.TeamOf {
		if name == o.HelpDesk {
			return fmt.Errorf("the organisation line %q has the name of the HelpDesk, which its own team carries: choose another --help-desk", source)
		}
		o.Teams = append(o.Teams, Team{Name: name, Source: source})
	}
	slices.SortFunc(o.Teams, func(a, b Team) int { return cmp.Compare(a.Name, b.Name) })
	return nil
}

// most is the key with the highest count, the first of them by name; empty for none.
func most(n map[string]int) string {
	best := ""
	for _, k := range slices.Sorted(maps.Keys(n)) {
		if best == "" || n[k] > n[best] {
			best = k
		}
	}
	return best
}

// atOnce is the largest number of spans that overlap at an instant.
func atOnce(spans []caselog.Span) int {
	type edge struct {
		at   time.Time
		step int
	}
	var edges []edge
	for _, s := range spans {
		edges = append(edges, edge{s.From, 1}, edge{s.To, -1})
	}
	slices.SortFunc(edges, func(a, b edge) int { return cmp.Or(a.at.Compare(b.at), cmp.Compare(a.step, b.step)) })
	now, highest := 0, 0
	for _, e := range edges {
		now += e.step
		highest = max(highest, now)
	}
	return highest
}

func (o *Organisation) summarise(t *counts) {
	s := &o.Summary
	*s = Summary{
		Cases: t.cases, Events: t.events, Teams: len(o.Teams) + 1, Queues: len(o.Queues), Agents: len(o.Agents), Nobody: t.nobody,
		QueuesByTier: map[string]int{}, Renamed: map[string]string{}, Capped: map[string]int{}, Remarks: t.remarks,
		Calendars: map[string]string{}, UnknownCountries: o.atlas.unknown(), Targets: map[ticket.Priority]map[ticket.Metric]ticket.Span{},
	}
	for _, c := range o.Calendars {
		s.Calendars[c.Name] = string(c.Zone)
	}
	for priority, targets := range o.Targets {
		s.Targets[priority] = map[ticket.Metric]ticket.Span{}
		for metric, target := range targets {
			s.Targets[priority][metric] = ticket.Span(target)
		}
	}
	for _, q := range o.Queues {
		s.QueuesByTier[TierName(q.Level)]++
		if q.First > 0 {
			s.Rules++
		}
		if q.People == 0 && !q.frontDoor() {
			s.Unserved = append(s.Unserved, q.Name)
		}
	}
	for _, a := range o.Agents {
		if a.Limit > maxLimit {
			s.Capped[a.Name] = a.Limit
		}
	}
	for _, names := range []map[string]string{o.QueueOf, o.AgentOf, o.TeamOf} {
		for source, name := range names {
			if !usual(source, name) {
				s.Renamed[source] = name
			}
		}
	}
}
