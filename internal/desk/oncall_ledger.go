package desk

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/caseload-dev/caseload/internal/desk/api"
	"github.com/caseload-dev/caseload/internal/desk/store"
	"github.com/caseload-dev/caseload/internal/eventlog"
	"github.com/caseload-dev/caseload/internal/oncall"
	"github.com/caseload-dev/caseload/internal/plan"
	"github.com/caseload-dev/caseload/internal/walltime"
)

// The ledger has who was on call, as it was: whatever becomes of rotations, overrides and agents, it stays. These bound the
// time it covers, in milliseconds since 1970.
const (
	metaLedgerFrom = "oncall-ledger-from"
	metaLedgerTo   = "oncall-ledger-to"
)

// keepLedger writes the shifts of the time that has passed at every hand-off.
func (d *Desk) keepLedger(ctx context.Context) (time.Duration, <-chan struct{}, error) {
	wake := d.handOffs.wait()
	var next time.Time
	err := d.view(ctx, func(r store.Reader, p *plan.Plan) error {
		_, to, err := ledgerBounds(r)
		if to.IsZero() && p.Revision > 0 { // the plan is older than the ledger
			next = d.time.now()
		}
		if err != nil || to.IsZero() {
			return err
		}
		for _, rotation := range p.Rotations {
			if handOff, ok := rotation.HandOff(to); ok && (next.IsZero() || handOff.Before(next)) {
				next = handOff
			}
		}
		return nil
	})
	if err != nil || next.IsZero() {
		return -1, wake, err
	}
	if wait := d.time.until(next); wait > 0 {
		return wait, wake, nil
	}
	return 0, wake, d.update(ctx, deskActor, func(c *change) error { return c.writeLedger() })
}

// ledgerBounds are zero before the first plan.
func ledgerBounds(r store.Reader) (from, to time.Time, err error) {
	bounds := [2]time.Time{}
	for i, name := range []string{metaLedgerFrom, metaLedgerTo} {
		millis, err := metaNumber(r, name)
		if err != nil {
			return from, to, err
		}
		if millis > 0 {
			bounds[i] = time.UnixMilli(millis).UTC()
		}
	}
	return bounds[0], bounds[1], nil
}

// writeLedger brings the ledger up to now, by the plan that has been in force since it was last written.
func (c *change) writeLedger() error {
	from, to, err := ledgerBounds(c)
	if err != nil {
		return err
	}
	now := c.now.Truncate(time.Millisecond).UTC()
	if from.IsZero() {
		if err := putMetaNumber(c, metaLedgerFrom, now.UnixMilli()); err != nil {
			return err
		}
		if err := putMetaNumber(c, metaLedgerTo, now.UnixMilli()); err != nil {
			return err
		}
		return c.replaceShifts(nil, c.plan.Rotations)
	}
	if !to.Before(now) {
		return nil
	}
	for name, rotation := range c.plan.Rotations {
		past, err := lastOnCall(c, name, to)
		if err != nil {
			return err
		}
		for _, s := range rotation.Shifts(to, now.Add(1)) {
			began := s.Start.After(to)
			s.Start = past.Start(&s)
			if err := c.writeShift(name, s, began, now); err != nil {
				return err
			}
		}
	}
	return putMetaNumber(c, metaLedgerTo, now.UnixMilli())
}

// writeShift as far as it has passed.
func (c *change) writeShift(rotation string, s oncall.Shift, began bool, now time.Time) error {
	row := store.OnCallShift{
		Rotation: rotation, Layer: s.Layer, Agent: s.Agent, Override: s.Override, Replaces: s.Replaces,
		Start: s.Start.UTC(), End: walltime.Earlier(s.End.UTC(), now),
	}
	if row.Start.Before(row.End) {
		if err := c.PutOnCallShift(row); err != nil {
			return err
		}
	}
	if began {
		if err := c.recordShift(eventlog.OnCallBegan, rotation, s, ""); err != nil {
			return err
		}
	}
	if s.End.After(now) {
		return nil
	}
	return c.recordShift(eventlog.OnCallEnded, rotation, s, "")
}

// replaceShifts puts on record what becomes of the shifts under way now that rotations take the place of others. The ledger is
// written up to now.
func (c *change) replaceShifts(before, after map[string]*plan.OnCallRotation) error {
	names := slices.Collect(maps.Keys(after))
	for name := range before {
		if after[name] == nil {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		was, is := shiftsAt(before[name], c.now), shiftsAt(after[name], c.now)
		for _, s := range was {
			i := slices.IndexFunc(is, func(next oncall.Shift) bool { return goesOn(&s, &next, c.now) })
			event, end := eventlog.OnCallEnded, c.now
			if i >= 0 {
				event, end = eventlog.OnCallChanged, is[i].End
				is = slices.Delete(is, i, i+1)
				if end.Equal(s.End) {
					continue
				}
			}
			past, err := lastOnCall(c, name, c.now)
			if err != nil {
				return err
			}
			s.Start, s.End = past.Start(&s), end
			if err := c.recordShift(event, name, s, newPlan); err != nil {
				return err
			}
		}
		for _, s := range is {
			s.Start = c.now
			if err := c.recordShift(eventlog.OnCallBegan, name, s, newPlan); err != nil {
				return err
			}
		}
	}
	return nil
}

// newPlan is the reason of a change to shifts that no hand-off brings.
const newPlan = "new plan"

func shiftsAt(r *plan.OnCallRotation, t time.Time) []oncall.Shift {
	if r == nil {
		return nil
	}
	return r.Shifts(t, t.Add(1))
}

// goesOn says whether a shift under way is the next as another plan has it, and not one that begins right now.
func goesOn(s, next *oncall.Shift, now time.Time) bool {
	return s.Assignment == next.Assignment && (next.Start.Before(now) || next.Start.Equal(s.Start))
}

func (c *change) recordShift(t eventlog.Type, rotation string, s oncall.Shift, reason string) error {
	r := eventlog.Record{Type: t, Agent: s.Agent, Reason: reason, Data: eventlog.Encode(eventlog.OnCallData{
		Rotation: rotation, Layer: s.Layer, Override: s.Override, Replaces: s.Replaces, Start: s.Start.UTC(), End: s.End.UTC(),
	})}
	if reason == "" {
		r.Actor = deskActor // whoever else's change the hand-off is written with
	}
	_, err := c.record(r)
	return err
}

// onCallHistory reads what was recorded of a rotation between two instants.
func onCallHistory(r store.Reader, rotation string, from, to time.Time) (api.OnCallHistory, error) {
	var past api.OnCallHistory
	var err error
	if past.From, past.To, err = ledgerBounds(r); err != nil {
		return past, err
	}
	rows, err := r.OnCallShifts(rotation, from, to)
	past.Shifts = shiftsOf(rows)
	return past, err
}

// lastOnCall has the shifts of a rotation that were under way when the ledger was last written.
func lastOnCall(r store.Reader, rotation string, written time.Time) (api.OnCallHistory, error) {
	rows, err := r.OnCallShiftsUntil(rotation, written)
	return api.OnCallHistory{To: written, Shifts: shiftsOf(rows)}, err
}

func shiftsOf(rows []store.OnCallShift) []oncall.Shift {
	shifts := make([]oncall.Shift, len(rows))
	for i, row := range rows {
		shifts[i] = oncall.Shift{
			Assignment: oncall.Assignment{Agent: row.Agent, Layer: row.Layer, Override: row.Override, Replaces: row.Replaces}, Start: row.Start, End: row.End,
		}
	}
	return shifts
}
