package desk

import (
	"fmt"
	"slices"

	"github.com/caseload-dev/caseload/api/v1alpha1"
	"github.com/caseload-dev/caseload/internal/desk/store"
	"github.com/caseload-dev/caseload/internal/eventlog"
	"github.com/caseload-dev/caseload/internal/sla"
	"github.com/caseload-dev/caseload/internal/ticket"
)

// catchUp puts on record what fell due of a ticket's service clocks.
func (c *change) catchUp(t *ticket.Ticket) (_ *ticket.Ticket, err error) {
	for timer := t.Service.NextTimer(); timer.Due(c.now); timer = t.Service.NextTimer() {
		if t, err = c.fireTimer(t, timer); err != nil {
			return nil, err
		}
	}
	return t, nil
}

// fireClock warns, or tells of a breach. A plan that the ticket has not been brought in line with may say that it is not
// time yet.
func (c *change) fireClock(t *ticket.Ticket, timer ticket.Timer, r eventlog.Record) (*ticket.Ticket, error) {
	moved, err := c.redate(t)
	switch {
	case err != nil:
		return nil, err
	case moved != nil && moved.Service.NextTimer() != timer:
		return moved, nil
	case moved != nil:
		t = moved
	}
	metric, breach, _ := timer.Kind.Metric()
	var event ticket.Event = ticket.Warn{Metric: metric}
	if r.Type = eventlog.AtRisk; breach {
		event, r.Type = ticket.Breach{Metric: metric}, eventlog.Breached
	}
	clock := t.Service.Clock(metric)
	r.Data = eventlog.Encode(eventlog.ServiceData{Metric: metric, Level: t.ServiceLevel, Target: clock.Target, Due: clock.Due})
	missed, level := r.Type, t.ServiceLevel
	c.measure(func(m *metrics) { m.service.WithLabelValues(string(missed), string(metric), level).Inc() })
	return c.apply(t, event, r)
}

// serviceTrigger is what the record of a warning or breach means to escalation, such as ResolutionBreached.
func serviceTrigger(r *eventlog.Record) v1alpha1.EscalationTriggerType {
	metric, breach, _ := r.Timer.Kind.Metric()
	if breach {
		return v1alpha1.EscalationTriggerType(metric + "Breached")
	}
	return v1alpha1.EscalationTriggerType(metric + "AtRisk")
}

// redate lets a ticket's service clocks follow the plan; nil if that leaves them as they are.
func (c *change) redate(t *ticket.Ticket) (*ticket.Ticket, error) {
	level := c.plan.ServiceLevels[t.ServiceLevel]
	would := t.Clone()
	if sla.Keep(&would, level, c.now); would.Service.Equal(t.Service) {
		return nil, nil
	}
	reason := fmt.Sprintf("service level %s of plan revision %d", t.ServiceLevel, c.plan.Revision)
	if level == nil {
		reason = fmt.Sprintf("service level %s is not in plan revision %d: nothing is due", t.ServiceLevel, c.plan.Revision)
	}
	return c.apply(t, ticket.Redate{}, eventlog.Record{Type: eventlog.Redated, Reason: reason})
}

// redateAll lets the tickets of service levels that changed follow them.
func (c *change) redateAll(m *migration, left *budget) error {
	if !m.Rerouted || left.rows <= 0 {
		return nil
	}
	if len(m.Levels) > 0 {
		limit := left.rows
		tickets, err := c.Tickets(store.TicketFilter{
			Statuses: []ticket.Status{ticket.Waiting, ticket.Offered, ticket.Open, ticket.Pending, ticket.OnHold},
			After:    m.Redated, Limit: limit,
		})
		if err != nil {
			return err
		}
		for i := range tickets {
			if !left.take() {
				return nil
			}
			t := &tickets[i]
			m.Redated = t.ID
			if !slices.Contains(m.Levels, t.ServiceLevel) {
				continue
			}
			if _, err := c.redate(t); err != nil {
				return err
			}
		}
		if len(tickets) == limit {
			return nil
		}
	}
	*m = migration{Revision: m.Revision, Done: true}
	return nil
}
