package caselog

// Response is the event by which somebody first had the case, or it was done without, other than by being cancelled. It
// answers false if there is none.
func (c Case) Response() (Event, bool) {
	for _, e := range c.Events {
		if e.responds() {
			return e, true
		}
	}
	return Event{}, false
}

func (e *Event) responds() bool { return e.State.Held() || e.State.Done() && e.State != Cancelled }

// Unanswered lists the time before the response.
func (c Case) Unanswered() []Span {
	var spans []Span
	for i, e := range c.Events[:len(c.Events)-1] {
		if e.responds() {
			break
		}
		spans = append(spans, Span{Case: c.ID, Person: e.Person, Team: e.Team, From: e.Time, To: c.Events[i+1].Time})
	}
	return spans
}

// Pauses lists the times between the case's being done and its going on.
func (c Case) Pauses() []Span {
	var pauses []Span
	var done *Event
	for i := range c.Events {
		e := &c.Events[i]
		switch {
		case e.State.Done() && done == nil:
			done = e
		case !e.State.Done() && e.State != Remark && done != nil:
			pauses = append(pauses, Span{Case: c.ID, Person: done.Person, Team: done.Team, From: done.Time, To: e.Time})
			done = nil
		}
	}
	return pauses
}

// Resolved says that the case ended, and not by being cancelled.
func (c Case) Resolved() bool {
	final := c.Final()
	return final.Done() && final != Cancelled
}

// Active lists the time in which the case was the team's to do something about: neither done nor waiting for others.
func (c Case) Active() []Span {
	var spans []Span
	state := Queued
	for i, e := range c.Events[:len(c.Events)-1] {
		if e.State != Remark {
			state = e.State
		}
		if state == Queued || state == Working {
			spans = append(spans, Span{Case: c.ID, Person: e.Person, Team: e.Team, From: e.Time, To: c.Events[i+1].Time})
		}
	}
	return spans
}
