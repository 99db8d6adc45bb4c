package checker

import (
	"slices"
	"strings"
	"time"
)

// clock of a ticket's service level, as the log tells it.
type clock struct {
	due, warnAt time.Time
	// set is when they were set.
	set time.Time
	// warned and breached say what was told of the due time in force.
	warned, breached bool
}

// clockChange is a clock as a record left it.
type clockChange struct {
	Metric string    `json:"metric"`
	State  string    `json:"state"`
	Due    time.Time `json:"due"`
	WarnAt time.Time `json:"warnAt"`
}

func isService(timer string) bool {
	return strings.HasSuffix(timer, "Warning") || strings.HasSuffix(timer, "Breach")
}

// service checks warnings and breaches: each once, none early, each breach warned of first unless its due time was set past
// the warning, and nothing done too late without one.
func (c *checker) service(r *Record, t *ticketState) {
	if r.Type == "ticket.atRisk" || r.Type == "ticket.breached" {
		c.warning(r, t)
	}
	for _, change := range r.Clocks {
		if t.clocks == nil {
			t.clocks = map[string]*clock{}
		}
		k := t.clocks[change.Metric]
		if k == nil {
			k = &clock{}
			t.clocks[change.Metric] = k
		}
		// One that runs on may have another due time, or none, by a plan or a priority.
		over := slices.Contains([]string{"Met", "Missed", "Stopped", "Paused"}, change.State)
		if over && !k.due.IsZero() && !r.At.Before(k.due) && !k.breached {
			c.fault(r, "the %s of ticket %d was due at %s, and no breach is on record", change.Metric, t.id, k.due)
		}
		// One that stood still may have been given another target or percentage meanwhile, of which its state alone tells.
		putOff := k.due.IsZero() && change.State == "Running"
		k.due, k.warnAt, k.set = change.Due, change.WarnAt, r.At
		k.warned = k.warned && !putOff && !k.warnAt.After(r.At)
		k.breached = k.breached && !putOff && !k.due.After(r.At)
	}
}

func (c *checker) warning(r *Record, t *ticketState) {
	var data struct{ Metric string }
	c.decode(r, &data)
	k := t.clocks[data.Metric]
	kind := data.Metric + map[string]string{"ticket.atRisk": "Warning", "ticket.breached": "Breach"}[r.Type]
	switch {
	case k == nil || k.due.IsZero():
		c.fault(r, "the %s of ticket %d has no due time", data.Metric, t.id)
		return
	case r.Timer == nil || r.Timer.Kind != kind:
		c.fault(r, "is not by the timer %s of ticket %d", kind, t.id)
	}
	if r.Type == "ticket.atRisk" {
		if r.At.Before(k.warnAt) || k.warned || k.breached {
			c.fault(r, "warns of the %s of ticket %d at %s: due at %s, warning at %s, warned %t, breached %t",
				data.Metric, t.id, r.At, k.due, k.warnAt, k.warned, k.breached)
		}
		k.warned = true
		return
	}
	if r.At.Before(k.due) || k.breached {
		c.fault(r, "tells of a breach of the %s of ticket %d at %s: due at %s, breached %t", data.Metric, t.id, r.At, k.due, k.breached)
	}
	if !k.warned && k.warnAt.After(k.set) {
		c.fault(r, "the breach of the %s of ticket %d was not warned of at %s", data.Metric, t.id, k.warnAt)
	}
	k.breached = true
}

// dueOf is the earliest due time of a ticket that is not met; the end of time if there is none.
func (t *ticketState) dueOf() time.Time {
	earliest := time.Unix(1<<40, 0)
	for _, k := range t.clocks {
		if !k.due.IsZero() && k.due.Before(earliest) {
			earliest = k.due
		}
	}
	return earliest
}

// keepsAside are records that leave a ticket set aside.
func keepsAside(recordType string) bool {
	return slices.Contains([]string{"ticket.setAside", "ticket.atRisk", "ticket.breached", "ticket.redated"}, recordType)
}
