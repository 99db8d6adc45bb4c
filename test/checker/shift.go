package checker

import (
	"slices"
	"time"
)

// place in a rotation, which one agent has at a time.
type place struct{ rotation, layer string }

// shift under way, as far as the log has told.
type shift struct {
	agent      string
	start, end time.Time
}

// claim that an agent was on shift in a rotation, made by a record that gave them work before the log told of the shift: a
// hand-off is on record a little after it happened.
type claim struct {
	record          *Record
	rotation, agent string
}

type shiftData struct {
	Rotation string    `json:"rotation"`
	Layer    string    `json:"layer"`
	Start    time.Time `json:"start"`
	End      time.Time `json:"end"`
}

// shift keeps who is on shift. What begins, ends or changes with the plan follows the plan at its instant; all else goes by
// the plan: a shift ends when it was to end.
func (c *checker) shift(r *Record) {
	var data shiftData
	c.decode(r, &data)
	at := place{data.Rotation, data.Layer}
	s, found := c.shifts[at]
	replanned := r.At.Equal(c.planned)
	switch {
	case r.Type == "oncall.began":
		c.began(r, &data, found)
		c.shifts[at] = shift{agent: r.Agent, start: data.Start, end: data.End}
		return
	case s.agent != r.Agent:
		c.fault(r, "%s has no shift in layer %s of rotation %s", r.Agent, data.Layer, data.Rotation)
	case r.Type == "oncall.changed":
		if !replanned || !data.End.After(r.At) {
			c.fault(r, "the shift of %s in rotation %s is to end at %s instead of %s, without a new plan or in the past", r.Agent, data.Rotation, data.End, s.end)
		}
		s.end = data.End
		c.shifts[at] = s
		return
	case data.End.After(r.At):
		c.fault(r, "the shift of %s in rotation %s ends %s early", r.Agent, data.Rotation, data.End.Sub(r.At))
	case !data.End.Equal(s.end) && (!replanned || data.End.Before(r.At)):
		c.fault(r, "the shift of %s in rotation %s was to end at %s, not at %s", r.Agent, data.Rotation, s.end, data.End)
	}
	delete(c.shifts, at)
}

// began checks the begin of a shift, which proves what the agent was given since.
func (c *checker) began(r *Record, data *shiftData, found bool) {
	switch {
	case found:
		c.fault(r, "layer %s of rotation %s has a shift already", data.Layer, data.Rotation)
	case data.Start.After(r.At) || data.Start.Before(c.planned) || !data.Start.Before(data.End):
		c.fault(r, "the shift of %s in rotation %s goes from %s to %s, under a plan of %s", r.Agent, data.Rotation, data.Start, data.End, c.planned)
	}
	began := span{Start: data.Start, End: data.End}
	c.claims = slices.DeleteFunc(c.claims, func(claim claim) bool {
		return claim.rotation == data.Rotation && claim.agent == r.Agent && began.has(claim.record.At)
	})
}

// claimShift of an agent who is given work.
func (c *checker) claimShift(r *Record, rotation, agent string) {
	for at, s := range c.shifts {
		if at.rotation == rotation && s.agent == agent && !r.At.Before(s.start) && r.At.Before(s.end) {
			return
		}
	}
	c.claims = append(c.claims, claim{r, rotation, agent})
}

// settle what the log must have told by now of the time until an instant: before the plan changes, and at the end.
func (c *checker) settle(r *Record, until time.Time) {
	for _, claim := range c.claims {
		if !claim.record.At.After(until) {
			c.fault(claim.record, "ticket %d is given to %s, who is off duty: no shift of theirs in rotation %s", claim.record.Ticket, claim.agent, claim.rotation)
		}
	}
	c.claims = nil
	for at, s := range c.shifts {
		if !s.end.After(until) {
			c.fault(r, "the shift of %s in rotation %s was to end at %s and has not", s.agent, at.rotation, s.end)
		}
	}
}
