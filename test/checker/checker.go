package checker

import (
	"encoding/json"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"time"
)

const (
	// pairPause is how long an agent is left alone with a ticket they did not accept.
	pairPause = 60 * time.Second
	// defaultLimit holds for a channel that the agent does not list.
	defaultLimit = 1
	// noRound is the round of asks from before the ticket began to wait anew.
	noRound = -1
	// maxShown bounds the violations that a report names.
	maxShown = 50
)

// Report is what the log proves.
type Report struct {
	Records, Tickets, Decisions int
	// Timers that fired, by kind.
	Timers map[string]int
	// Violations say what is wrong, at which record.
	Violations []string
	// Opened has the references of all tickets, with their number of openings.
	Opened map[Reference]int
}

// OK says that nothing is wrong.
func (r *Report) OK() bool { return len(r.Violations) == 0 }

func (r *Report) String() string {
	fired := 0
	for _, n := range r.Timers {
		fired += n
	}
	return fmt.Sprintf("%d records, %d tickets, %d decisions, %d timers fired, %d violations",
		r.Records, r.Tickets, r.Decisions, fired, len(r.Violations))
}

type ticketState struct {
	state
	id, version, changed int64
	openedAt             time.Time
	channel, language    string
	round                int
	asks                 []ask
	setAside             bool
	// until is the end of the current offer, and entered when the ticket came to its queue.
	until, entered time.Time
	// run is the escalation under way or gone through; nil for none.
	run  *run
	runs int
	// clocks of its service level, by metric.
	clocks map[string]*clock
}

type ask struct {
	agent string
	round int
	at    time.Time
}

type agentState struct {
	presence string
	load     map[string]int
	// told are the changes of duty that the desk was told of, by id.
	told map[int64]dutyChange
	// changed is the last record that changed what the agent can be given, other than by a decision.
	changed int64
}

type checker struct {
	report  Report
	plan    planData
	tickets map[int64]*ticketState
	waiting map[string]map[int64]*ticketState // by queue
	agents  map[string]*agentState
	// planned is when the plan was activated, shifts are those under way, and claims what is yet to be proven of them.
	planned time.Time
	shifts  map[place]shift
	claims  []claim
	last    Record
}

// Check the whole log of a desk. Tickets whose timer is due before until and has not fired count as violations, and so do
// hand-offs of that time that are not on record.
func Check(records []Record, until time.Time) *Report {
	c := &checker{
		report:  Report{Opened: map[Reference]int{}, Timers: map[string]int{}},
		tickets: map[int64]*ticketState{},
		waiting: map[string]map[int64]*ticketState{},
		agents:  map[string]*agentState{},
		shifts:  map[place]shift{},
	}
	for i := range records {
		c.record(&records[i])
		c.last = records[i]
	}
	c.settle(&c.last, until.Add(-1))
	for _, t := range c.tickets {
		if !t.WakeAt.IsZero() && t.WakeAt.Before(until) {
			c.fault(&c.last, "the timer %s of ticket %d was due at %s and never fired", t.Wake, t.id, t.WakeAt.Format(time.RFC3339Nano))
		}
	}
	c.report.Records, c.report.Tickets = len(records), len(c.tickets)
	return &c.report
}

func (c *checker) fault(r *Record, format string, args ...any) {
	if len(c.report.Violations) < maxShown {
		c.report.Violations = append(c.report.Violations, fmt.Sprintf("record %d (%s): ", r.Seq, r.Type)+fmt.Sprintf(format, args...))
	}
}

func (c *checker) record(r *Record) {
	if r.Seq != c.last.Seq+1 {
		c.fault(r, "follows record %d: the log is not dense", c.last.Seq)
	}
	if r.At.Before(c.last.At) {
		c.fault(r, "desk time went back from %s to %s", c.last.At, r.At)
	}
	switch {
	case r.Type == "plan.activated":
		c.activate(r)
	case r.Type == "agent.presence":
		var data struct{ To string }
		c.decode(r, &data)
		agent := c.agent(r.Agent)
		agent.presence, agent.changed = data.To, r.Seq
	case r.Type == "agent.dutyChanged" || r.Type == "agent.dutyRestored":
		c.dutyChanged(r)
	case strings.HasPrefix(r.Type, "oncall."):
		c.shift(r)
	case r.Ticket != 0:
		c.ticket(r)
	}
}

func (c *checker) decode(r *Record, into any) {
	if len(r.Data) == 0 {
		return
	}
	if err := json.Unmarshal(r.Data, into); err != nil {
		c.fault(r, "unreadable data: %v", err)
	}
}

func (c *checker) activate(r *Record) {
	c.settle(r, r.At)
	c.plan, c.planned = planData{}, r.At
	c.decode(r, &c.plan)
	// Decisions made under the older plan are refused, so every agent counts as changed.
	for _, agent := range c.agents {
		agent.changed = r.Seq
	}
}

func (c *checker) agent(name string) *agentState {
	a := c.agents[name]
	if a == nil {
		a = &agentState{presence: "Offline", load: map[string]int{}, told: map[int64]dutyChange{}}
		c.agents[name] = a
	}
	return a
}

func (c *checker) ticket(r *Record) {
	t := c.tickets[r.Ticket]
	switch {
	case t == nil:
		t = c.opened(r)
	case r.Version != t.version+1:
		c.fault(r, "ticket %d goes from version %d to %d", t.id, t.version, r.Version)
	case r.From == nil || !sameState(*r.From, t.state):
		c.fault(r, "ticket %d is said to come from %+v, but was %+v", t.id, r.From, t.state)
	}
	if r.To == nil {
		c.fault(r, "ticket %d has no state", t.id)
		return
	}
	c.timer(r, t)
	c.waits(r, t)
	c.escalation(r, t)
	c.ask(r, t)
	if r.Dispatch != nil {
		c.decision(r, t)
	}
	c.service(r, t) // which may have the ticket due at another time from now on
	c.move(r, t)
	c.owner(r, t)
}

func sameState(a, b state) bool {
	return a.Status == b.Status && a.Queue == b.Queue && a.Agent == b.Agent && a.Priority == b.Priority &&
		a.Stage == b.Stage && slices.Equal(a.Overflowed, b.Overflowed) && a.WakeAt.Equal(b.WakeAt) && a.Wake == b.Wake
}

func (c *checker) opened(r *Record) *ticketState {
	if r.Type != "ticket.opened" || r.Version != 1 || r.From != nil {
		c.fault(r, "ticket %d begins here at version %d", r.Ticket, r.Version)
	}
	var data struct {
		openedData
		Opened *openedData `json:"opened"`
	}
	c.decode(r, &data)
	if data.Opened != nil {
		data.openedData = *data.Opened
	}
	t := &ticketState{id: r.Ticket, openedAt: r.At, channel: data.Channel, language: data.Language}
	c.tickets[t.id] = t
	if data.Reference != nil {
		c.report.Opened[*data.Reference]++
		if n := c.report.Opened[*data.Reference]; n > 1 {
			c.fault(r, "reference %s/%s was opened %d times", data.Reference.Source, data.Reference.Key, n)
		}
	}
	return t
}

// causes has the records that a timer of each kind leads to.
var causes = map[string][]string{
	"Offer": {"ticket.offerExpired"}, "CallBack": {"ticket.resumed"}, "ReopenWindow": {"ticket.closed"},
	"Relaxation": {"ticket.relaxed"}, "Overflow": {"ticket.overflowed"},
	"Unassigned":           {"ticket.escalationStarted", "ticket.escalationPutOff"},
	"Escalation":           {"ticket.escalated", "ticket.acknowledgementOver"},
	"FirstResponseWarning": {"ticket.atRisk"}, "NextResponseWarning": {"ticket.atRisk"}, "ResolutionWarning": {"ticket.atRisk"},
	"FirstResponseBreach": {"ticket.breached"}, "NextResponseBreach": {"ticket.breached"}, "ResolutionBreach": {"ticket.breached"},
}

// timer checks that what a timer caused was the ticket's next and due, and that what must come before a timer did.
func (c *checker) timer(r *Record, t *ticketState) {
	switch {
	case r.Timer != nil:
		c.report.Timers[r.Timer.Kind]++
		if !slices.Contains(causes[r.Timer.Kind], r.Type) {
			c.fault(r, "is not what the timer %q of ticket %d is for", r.Timer.Kind, t.id)
		}
		// Those of service clocks fire before a change that comes too late, whatever else is due.
		if isService(r.Timer.Kind) {
			break
		}
		if !r.Timer.Due.Equal(t.WakeAt) || r.Timer.Kind != t.Wake {
			c.fault(r, "fired the timer %s of %s, but ticket %d had %s of %s", r.Timer.Kind, r.Timer.Due, t.id, t.Wake, t.WakeAt)
		}
		if r.At.Before(r.Timer.Due) {
			c.fault(r, "the timer %s of ticket %d fired %s early", r.Timer.Kind, t.id, r.Timer.Due.Sub(r.At))
		}
	case r.Type == "ticket.offerExpired" || r.Type == "ticket.relaxed":
		c.fault(r, "happens to ticket %d without a timer", t.id)
	}
	if r.Type == "ticket.accepted" {
		if !r.At.Before(t.until) {
			c.fault(r, "ticket %d was accepted at %s, its offer ended at %s", t.id, r.At, t.until)
		}
	}
	switch {
	case r.To.Status != "Offered":
		t.until = time.Time{}
	case r.Dispatch != nil:
		t.until = r.Dispatch.Until
	}
}

// ask keeps who was asked in which round.
func (c *checker) ask(r *Record, t *ticketState) {
	if r.Type == "ticket.updated" {
		var data struct {
			Changed struct {
				Language *string `json:"language"`
			} `json:"changed"`
		}
		c.decode(r, &data)
		if data.Changed.Language != nil {
			t.language = *data.Changed.Language
		}
	}
	switch {
	case t.Status == "Offered" && r.To.Status == "Waiting":
		// Declined, expired, or taken back.
		t.asks = append(t.asks, ask{agent: t.Agent, round: t.round, at: r.At})
	case r.Type == "ticket.returned" && r.Actor != "desk":
		// Who gives a ticket back had it.
		t.asks = append(t.asks, ask{agent: t.Agent, round: t.round, at: r.At})
	}
	switch r.Type {
	case "ticket.transferred", "ticket.returned", "ticket.drained", "ticket.rerouted", "ticket.resumed", "ticket.reopened":
		if r.To.Status == "Waiting" && (t.Status != "Waiting" || r.To.Queue != t.Queue) {
			// It begins to wait anew: only the pause between asks still counts.
			for i := range t.asks {
				t.asks[i].round = noRound
			}
		}
	}
	t.setAside = r.Type == "ticket.setAside" || t.setAside && keepsAside(r.Type)
}

func (c *checker) decision(r *Record, t *ticketState) {
	c.report.Decisions++
	name, agent, now := r.To.Agent, c.agent(r.To.Agent), r.At
	t.round = r.Dispatch.Round
	if t.Status != "Waiting" {
		c.fault(r, "ticket %d is given to %s while it is %s", t.id, name, t.Status)
	}
	if agent.presence != "Available" {
		c.fault(r, "ticket %d is given to %s, who is %s", t.id, name, agent.presence)
	}
	if !c.onDuty(r, name) {
		c.fault(r, "ticket %d is given to %s, who is off duty", t.id, name)
	}
	if r.Dispatch.Stage != t.Stage {
		c.fault(r, "ticket %d is given to %s by the requirements of stage %d, but is in stage %d", t.id, name, r.Dispatch.Stage, t.Stage)
	}
	if !c.canServe(t, name, now) {
		c.fault(r, "ticket %d of queue %s is given to %s, who does not serve it", t.id, t.Queue, name)
	}
	for _, earlier := range t.asks {
		if earlier.agent == name && (earlier.round == r.Dispatch.Round || now.Sub(earlier.at) < pairPause) {
			c.fault(r, "ticket %d is offered to %s again, %s after they did not accept it in round %d", t.id, name, now.Sub(earlier.at), earlier.round)
		}
	}
	c.order(r, t, name, agent)
}

// order checks that no ticket that goes before t could have had the agent.
func (c *checker) order(r *Record, t *ticketState, name string, agent *agentState) {
	if agent.changed > r.Dispatch.Position {
		c.fault(r, "ticket %d is given to %s as they were at %d, and they changed at %d", t.id, name, r.Dispatch.Position, agent.changed)
	}
	// The decision was made a little before its record: what the agent may do by then or no more is not held against it.
	decided := r.At.Add(-time.Second)
	for _, queue := range c.plan.Pools[r.Dispatch.Pool] {
		for _, other := range c.waiting[queue] {
			if other == t || other.changed > r.Dispatch.Position || other.setAside || c.compare(other, t) >= 0 ||
				!c.canServe(other, name, decided) || !c.canServe(other, name, r.At) || !c.fits(name, other.channel, decided) || askedLately(other, name, r.At) {
				continue
			}
			c.fault(r, "ticket %d is given to %s, but ticket %d goes before it and waits", t.id, name, other.id)
			return
		}
	}
}

func askedLately(t *ticketState, agent string, now time.Time) bool {
	return slices.ContainsFunc(t.asks, func(a ask) bool {
		// A second of grace: the decision was made a little before its record.
		return a.agent == agent && now.Sub(a.at) < pairPause+time.Second
	})
}

func (c *checker) canServe(t *ticketState, agent string, at time.Time) bool {
	queue, ok := c.plan.Queues[t.Queue]
	if !ok || queue.Paused || !queue.lent(agent, at) {
		return false
	}
	stage := queue.stage(t.Stage)
	if !slices.Contains(stage.Agents, agent) {
		return false
	}
	return stage.LanguageMatch != "Required" || t.language == "" ||
		slices.ContainsFunc(c.plan.Agents[agent].Languages, func(spoken string) bool {
			return strings.HasPrefix(strings.ToLower(t.language)+"-", strings.ToLower(spoken)+"-")
		})
}

var ranks = map[string]int{"Urgent": 0, "High": 1, "Normal": 2, "Low": 3}

// compare is negative if a goes before b: queue priority, ticket priority, earliest due time, age, id.
func (c *checker) compare(a, b *ticketState) int {
	if d := c.plan.Queues[b.Queue].Priority - c.plan.Queues[a.Queue].Priority; d != 0 {
		return d
	}
	if d := ranks[a.Priority] - ranks[b.Priority]; d != 0 {
		return d
	}
	if d := a.dueOf().Compare(b.dueOf()); d != 0 {
		return d
	}
	if d := a.openedAt.Compare(b.openedAt); d != 0 {
		return d
	}
	return int(a.id - b.id)
}

// fits says whether the agent has room for one more ticket of the channel: each costs 1/limit of the whole.
func (c *checker) fits(agent, channel string, at time.Time) bool {
	return c.used(agent, channel, at).Cmp(big.NewRat(1, 1)) <= 0
}

// used is the part of the agent that is used, with one more ticket of the channel unless it is empty.
func (c *checker) used(agent, channel string, at time.Time) *big.Rat {
	sum := new(big.Rat)
	for ch, n := range c.agent(agent).load {
		sum.Add(sum, big.NewRat(int64(n), c.limit(agent, ch, at)))
	}
	if channel != "" {
		sum.Add(sum, big.NewRat(1, c.limit(agent, channel, at)))
	}
	return sum
}

func (c *checker) limit(agent, channel string, at time.Time) int64 {
	if n, ok := c.plan.Agents[agent].Limits[channel]; ok {
		return c.plan.Agents[agent].RampUp.part(n, at)
	}
	return defaultLimit
}

func holds(status string) bool { return status == "Offered" || status == "Open" }

// move puts the ticket into its new state and checks the limit of an agent who gets it.
func (c *checker) move(r *Record, t *ticketState) {
	from, to := t.state, *r.To
	if holds(from.Status) && (!holds(to.Status) || from.Agent != to.Agent) {
		agent := c.agent(from.Agent)
		agent.load[t.channel]--
		agent.changed = r.Seq
	}
	if holds(to.Status) && (!holds(from.Status) || from.Agent != to.Agent) {
		if !c.fits(to.Agent, t.channel, r.At) {
			c.fault(r, "ticket %d exceeds the limit of %s: %v", t.id, to.Agent, c.agent(to.Agent).load)
		}
		agent := c.agent(to.Agent)
		agent.load[t.channel]++
		if r.Dispatch == nil {
			agent.changed = r.Seq
		}
	}
	delete(c.waiting[from.Queue], t.id)
	t.state, t.version, t.changed = to, r.Version, r.Seq
	if to.Status == "Waiting" {
		if c.waiting[to.Queue] == nil {
			c.waiting[to.Queue] = map[int64]*ticketState{}
		}
		c.waiting[to.Queue][t.id] = t
	}
}

// owner checks that the ticket has exactly one owner: a queue while Waiting or Offered, else an agent.
func (c *checker) owner(r *Record, t *ticketState) {
	switch t.Status {
	case "Waiting":
		if t.Queue == "" || t.Agent != "" {
			c.fault(r, "ticket %d waits with queue %q and agent %q", t.id, t.Queue, t.Agent)
		}
	case "Offered":
		if t.Queue == "" || t.Agent == "" || t.until.IsZero() {
			c.fault(r, "ticket %d is offered with queue %q, agent %q, until %s", t.id, t.Queue, t.Agent, t.until)
		}
		if t.WakeAt.IsZero() || t.WakeAt.After(t.until) || t.Wake == "Offer" && !t.WakeAt.Equal(t.until) {
			c.fault(r, "the offer of ticket %d ends at %s, but its next timer is %s of %s", t.id, t.until, t.Wake, t.WakeAt)
		}
	case "Open", "Pending", "OnHold":
		if t.Agent == "" {
			c.fault(r, "ticket %d is %s with nobody", t.id, t.Status)
		}
	}
}
