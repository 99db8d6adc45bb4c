package caselog

import (
	"strings"
	"time"
)

// State is what a status means for who has the case.
type State int

const (
	// Remark is a status that says nothing about who has the case.
	Remark State = iota
	// Queued: waiting for somebody of the team.
	Queued
	// Working: somebody is on it.
	Working
	// WaitingCustomer: with its person, who waits for the customer.
	WaitingCustomer
	// WaitingOther: with its person, who waits for somebody else.
	WaitingOther
	// Resolved, Closed and Cancelled: done, as the log words it.
	Resolved
	Closed
	Cancelled
)

// Done says that nobody works on the case any more.
func (s State) Done() bool { return s == Resolved || s == Closed || s == Cancelled }

// Held says that the case is with a person.
func (s State) Held() bool { return s == Working || s == WaitingCustomer || s == WaitingOther }

// stateOf reads the words of the log, upper or lower case. The transition tells most; the activity decides where there is
// none or it is of no help.
func stateOf(activity, transition string) State {
	for _, word := range []string{strings.ToLower(transition), strings.ToLower(activity)} {
		switch {
		case word == "awaiting assignment", word == "queued":
			return Queued
		case word == "wait - user", word == "wait - customer":
			return WaitingCustomer
		case strings.HasPrefix(word, "wait"):
			return WaitingOther
		case word == "in progress", word == "assigned", word == "accepted":
			return Working
		case word == "resolved", word == "in call":
			return Resolved
		case word == "closed", word == "completed":
			return Closed
		case word == "cancelled", word == "canceled":
			return Cancelled
		}
	}
	return Remark
}

// Span is a time somebody had a case before them: working on it, not waiting for others.
type Span struct {
	Case         string
	Person, Team string
	From, To     time.Time
}

// Spans lists the work on a case, neighbouring events of the same person and team joined.
func (c Case) Spans() []Span {
	var spans []Span
	for i, e := range c.Events[:len(c.Events)-1] {
		if e.State != Working || e.Person == "" {
			continue
		}
		next := c.Events[i+1].Time
		if n := len(spans); n > 0 && spans[n-1].To.Equal(e.Time) && spans[n-1].Person == e.Person && spans[n-1].Team == e.Team {
			spans[n-1].To = next
			continue
		}
		spans = append(spans, Span{Case: c.ID, Person: e.Person, Team: e.Team, From: e.Time, To: next})
	}
	return spans
}

// Final is the state the case ended in; remarks do not count.
func (c Case) Final() State {
	for i := len(c.Events) - 1; i >= 0; i-- {
		if s := c.Events[i].State; s != Remark {
			return s
		}
	}
	return Queued
}

// TeamChanges lists the teams that the case was handed to, one after the other.
func (c Case) TeamChanges() []string {
	var teams []string
	for i := 1; i < len(c.Events); i++ {
		if c.Events[i].Team != c.Events[i-1].Team {
			teams = append(teams, c.Events[i].Team)
		}
	}
	return teams
}

// PersonChanges counts how often the case went from one person to another of the team, without a queue between.
func (c Case) PersonChanges() int {
	changes, person, team := 0, "", ""
	for _, e := range c.Events {
		switch {
		case e.State == Remark:
			continue
		case !e.State.Held():
			person = ""
			continue
		case e.Team == team && person != "" && e.Person != "" && e.Person != person:
			changes++
		}
		team = e.Team
		if e.Person != "" {
			person = e.Person
		}
	}
	return changes
}

// Waits lists how long the case waited in a queue each time before somebody took it up, with who did and their team.
func (c Case) Waits() []Span {
	var waits []Span
	var since *Event
	for i := range c.Events {
		e := &c.Events[i]
		switch {
		case e.State == Queued:
			if since == nil || since.Team != e.Team {
				since = e
			}
		case e.State.Held() && since != nil:
			waits = append(waits, Span{Case: c.ID, Person: e.Person, Team: e.Team, From: since.Time, To: e.Time})
			since = nil
		case e.State != Remark:
			since = nil
		}
	}
	return waits
}

// Continues says that work went on after the case was done once.
func (c Case) Continues() bool {
	done := false
	for _, e := range c.Events {
		if done && e.State != Remark && !e.State.Done() {
			return true
		}
		done = done || e.State.Done()
	}
	return false
}
