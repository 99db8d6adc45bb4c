package desk

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/caseload-dev/caseload/internal/desk/api"
	"github.com/caseload-dev/caseload/internal/eventlog"
	"github.com/caseload-dev/caseload/internal/plan"
)

const (
	// maxDutyChange is how long a change of duty may last: longer ones are declared.
	maxDutyChange = 366 * 24 * time.Hour
	// maxDutyChanges bounds those of an agent that are not over.
	maxDutyChanges = 64
)

// ChangeDuty takes an agent off duty for a time, or has them on duty beyond their schedule. Whoever is off duty at once
// loses the offers not yet answered.
func (d *Desk) ChangeDuty(ctx context.Context, call api.Call, agent string, body api.ChangeDuty) (*api.Agent, error) {
	kind := plan.DutyChangeType(body.Type)
	switch {
	case kind != plan.Absent && kind != plan.ExtraShift:
		return nil, invalid("body.type", body.Type, "must be %s or %s", plan.Absent, plan.ExtraShift)
	case kind == plan.Absent && body.Reason == "":
		return nil, invalid("body.reason", body.Reason, "say why, such as Sick or Leave")
	}
	return d.ofAgent(ctx, call, "duty", agent, func(c *change, a *agentChange) error {
		change := plan.DutyChange{ID: a.Version + 1, Type: kind, Reason: body.Reason, Start: timestamp(body.StartTime), End: timestamp(body.EndTime)}
		if change.Start.IsZero() {
			change.Start = c.now
		}
		switch {
		case !change.End.After(change.Start) || !change.End.After(c.now):
			return invalid("body.endTime", body.EndTime, "must come after startTime and after now, %s", c.now.Format(time.RFC3339))
		case change.End.Sub(change.Start) > maxDutyChange:
			return invalid("body.endTime", body.EndTime, "is more than a year after startTime: declare so long an absence, or a schedule, with the Agent")
		}
		kept := slices.DeleteFunc(slices.Clone(a.DutyChanges), func(told plan.DutyChange) bool { return !told.End.After(c.now) })
		if len(kept) >= maxDutyChanges {
			return conflict(api.ProblemConflict, "agent %q has %d changes of duty already: take some back, or declare them with the Agent", agent, len(kept))
		}
		kept = append(kept, change)
		a.DutyChanges = kept
		return c.recordDuty(eventlog.DutyChanged, a, change)
	})
}

// RestoreDuty takes a change of duty back.
func (d *Desk) RestoreDuty(ctx context.Context, call api.Call, agent string, id int64) (*api.Agent, error) {
	return d.ofAgent(ctx, call, "restore duty", agent, func(c *change, a *agentChange) error {
		i := slices.IndexFunc(a.DutyChanges, func(told plan.DutyChange) bool { return told.ID == id })
		if i < 0 {
			return api.NewProblem(http.StatusNotFound, api.ProblemNotFound, "agent %q has no change of duty %d", agent, id)
		}
		restored := a.DutyChanges[i]
		a.DutyChanges = slices.Delete(slices.Clone(a.DutyChanges), i, i+1)
		return c.recordDuty(eventlog.DutyRestored, a, restored)
	})
}

// recordDuty puts a change of duty on record, and takes unanswered offers back from who is off duty by it.
func (c *change) recordDuty(t eventlog.Type, a *agentChange, told plan.DutyChange) error {
	a.changed, c.duties = true, true
	_, err := c.record(eventlog.Record{
		Type: t, Agent: a.Name, Reason: told.Reason,
		Data: eventlog.Encode(eventlog.DutyData{ID: told.ID, Type: string(told.Type), Start: told.Start, End: told.End}),
	})
	if err != nil {
		return err
	}
	if duty := c.declared(a.Name).Duty(c.now, a.DutyChanges); !duty.On {
		return c.rescindOffers(a.Name, "off duty: "+duty.String())
	}
	return nil
}
