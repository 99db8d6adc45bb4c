package checker

import "time"

// run of an escalation, as the checker reckons it.
type run struct {
	number, round, step int
	afters              []int64
	times               int
	every, hold         int64
	// next is when the next step is due, or the acknowledgement ends; zero: never.
	next time.Time
	// acknowledgedBy stopped it; empty: nobody.
	acknowledgedBy string
}

func (e *run) over() bool { return e.next.IsZero() }

type escalationData struct {
	Run                   int     `json:"run"`
	Round                 int     `json:"round"`
	Step                  int     `json:"step"`
	AfterMillis           []int64 `json:"afterMillis"`
	Times                 int     `json:"times"`
	EveryMillis           int64   `json:"everyMillis"`
	AcknowledgementMillis int64   `json:"acknowledgementMillis"`
	Actions               []struct {
		Skipped string `json:"skipped"`
	} `json:"actions"`
}

// escalation checks that each step of each run takes place once, in order and none before its gap, and none while somebody
// acts or once the ticket is resolved.
func (c *checker) escalation(r *Record, t *ticketState) {
	var data escalationData
	switch r.Type {
	case "ticket.escalationStarted":
		c.decode(r, &data)
		c.started(r, t, &data)
	case "ticket.escalated", "ticket.escalationRequested", "ticket.acknowledged", "ticket.acknowledgementOver":
		c.decode(r, &data)
		if t.run == nil || t.run.number != data.Run {
			c.fault(r, "ticket %d has no run %d", t.id, data.Run)
			return
		}
		c.runs(r, t.run, &data)
	}
	if t.run == nil {
		return
	}
	if to := r.To.Status; to == "Resolved" || to == "Closed" || to == "Cancelled" {
		t.run = nil
		return
	}
	c.answered(r, t)
	if t.run.next.IsZero() && r.To.Wake == "Escalation" {
		c.fault(r, "ticket %d has a timer Escalation of %s that nothing asks for", t.id, r.To.WakeAt)
	}
	if next := t.run.next; !next.IsZero() && (r.To.WakeAt.IsZero() || r.To.WakeAt.After(next)) {
		c.fault(r, "the escalation of ticket %d needs a timer of %s, but its next is %s of %s", t.id, next, r.To.Wake, r.To.WakeAt)
	}
}

func (c *checker) started(r *Record, t *ticketState, data *escalationData) {
	if t.run != nil && !t.run.over() {
		c.fault(r, "ticket %d is escalated already", t.id)
	}
	if t.runs++; data.Run != t.runs || len(data.AfterMillis) == 0 {
		c.fault(r, "run %d of ticket %d is said to be its run %d, with %d steps", t.runs, t.id, data.Run, len(data.AfterMillis))
		return
	}
	if data.AcknowledgementMillis <= 0 {
		c.fault(r, "run %d of ticket %d would be forgotten once acknowledged: nothing says for how long that holds", data.Run, t.id)
	}
	t.run = &run{
		number: data.Run, afters: data.AfterMillis, times: data.Times, every: data.EveryMillis, hold: data.AcknowledgementMillis,
		next: r.At.Add(millis(data.AfterMillis[0])),
	}
}

func (c *checker) runs(r *Record, e *run, data *escalationData) {
	if data.Round != e.round || data.Step != e.step {
		c.fault(r, "run %d of ticket %d is at step %d of round %d, not at step %d of round %d", e.number, r.Ticket, e.step, e.round, data.Step, data.Round)
	}
	if r.Timer != nil && !r.Timer.Due.Equal(e.next) {
		c.fault(r, "step %d of round %d of ticket %d is due at %s, not at %s", e.step, e.round, r.Ticket, e.next, r.Timer.Due)
	}
	switch r.Type {
	case "ticket.escalated":
		if e.acknowledgedBy != "" || r.Timer == nil {
			c.fault(r, "a step of ticket %d takes place without being due; acknowledged by %q", r.Ticket, e.acknowledgedBy)
		}
		e.advance(r.At, data)
	case "ticket.acknowledged":
		e.hear(r.Actor, r.At)
	default: // it goes on
		e.acknowledgedBy, e.next = "", r.At
		if e.step == len(e.afters) {
			e.round, e.step = e.round+1, 0
		}
	}
}

func (e *run) advance(now time.Time, data *escalationData) {
	reached := false
	for _, a := range data.Actions {
		reached = reached || a.Skipped == ""
	}
	e.step++
	switch {
	case e.step < len(e.afters) && reached:
		e.next = now.Add(millis(e.afters[e.step] - e.afters[e.step-1]))
	case e.step < len(e.afters):
		e.next = now
	case e.round < e.times:
		e.round, e.step = e.round+1, 0
		e.next = now.Add(millis(e.every + e.afters[0]))
	default:
		e.next = time.Time{}
	}
}

func (e *run) hear(by string, now time.Time) {
	e.acknowledgedBy, e.next = by, now.Add(millis(e.hold))
}

// answered notes that an agent took the ticket, which acknowledges its escalation until the agent no longer has it.
func (c *checker) answered(r *Record, t *ticketState) {
	had, has := ownerOf(&t.state), ownerOf(r.To)
	switch e := t.run; {
	case has != "" && has != had && !e.over():
		e.hear("agent/"+has, r.At)
	case has == "" && had != "" && e.acknowledgedBy == "agent/"+had:
		e.acknowledgedBy, e.next = "", r.At
		if e.step == len(e.afters) {
			e.round, e.step = e.round+1, 0
		}
	}
}

// ownerOf is the agent who owns a ticket in the state, empty if its queue does.
func ownerOf(s *state) string {
	if queued(s.Status) {
		return ""
	}
	return s.Agent
}
