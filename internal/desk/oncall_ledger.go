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

// nextHandOffs are when a shift of each rotation begins or ends next, under the plan of a revision. They are the ledger's
// loop's alone.
type nextHandOffs struct {
	revision int64
	at       map[string]time.Time
}

// expect the next hand-off of a rotation after an instant.
func (n *nextHandOffs) expect(name string, r *plan.OnCallRotation, after time.Time) {
	delete(n.at, name)
	if next, ok := r.HandOff(after); ok {
		n.at[name] = next
	}
}

// first of them; zero if there is none.
func (n *nextHandOffs) first() (first time.Time) {
	for _, at := range n.at {
		first = walltime.Sooner(first, at)
	}
	return first
}

// keepLedger writes the shifts that begin and end at every hand-off.
func (d *Desk) keepLedger(ctx context.Context) (rest, error) {
	wake := d.handOffs.wait()
	n := &d.nextHandOffs
	var next time.Time
	err := d.view(ctx, func(r store.Reader, p *plan.Plan) error {
		_, to, err := ledgerBounds(r)
		switch {
		case err != nil || p.Revision == 0:
			return err
		case to.IsZero(): // the plan is older than the ledger
			next = d.time.now()
			return nil
		case n.revision != p.Revision:
			*n = nextHandOffs{revision: p.Revision, at: map[string]time.Time{}}
			for name, rotation := range p.Rotations {
				n.expect(name, rotation, to)
			}
		}
		next = n.first()
		return nil
	})
	if err != nil || next.IsZero() {
		return rest{wake: wake}, err
	}
	if next.After(d.time.now()) {
		return rest{until: next, wake: wake}, nil
	}
	return rest{}, d.handOff(ctx)
}

// handOff writes the shifts of the rotations that are due.
func (d *Desk) handOff(ctx context.Context) error {
	n, due := &d.nextHandOffs, map[string]*plan.OnCallRotation{}
	var now time.Time
	err := d.update(ctx, deskActor, func(c *change) error {
		_, to, err := ledgerBounds(c)
		switch {
		case err != nil:
			return err
		case to.IsZero():
			return c.writeLedger(nil)
		case c.plan.Revision != n.revision:
			return nil // what has passed is written already
		}
		now = c.now
		for name, at := range n.at {
			if !at.After(now) {
				due[name] = c.plan.Rotations[name]
			}
		}
		return c.writeLedger(due)
	})
	if err != nil {
		return err
	}
	for name, rotation := range due {
		n.expect(name, rotation, now)
	}
	return nil
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

// writeLedger brings the ledger up to now, by the plan that has been in force since it was last written. Nothing has become of
// other rotations than those given.
func (c *change) writeLedger(rotations map[string]*plan.OnCallRotation) error {
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
	for name, rotation := range rotations {
		for _, s := range rotation.Shifts(to, now.Add(1)) {
			began, ended := s.Start.After(to), !s.End.After(now)
			if began {
				err = c.recordShift(eventlog.OnCallBegan, name, s, "")
			} else if ended {
				s.Start, err = c.began(name, &s, to)
			}
			if ended && err == nil {
				err = c.recordShift(eventlog.OnCallEnded, name, s, "")
			}
			if err != nil {
				return err
			}
		}
	}
	return putMetaNumber(c, metaLedgerTo, now.UnixMilli())
}

// began is when a shift that was under way at an instant did, as it was: a plan may have it otherwise by now.
func (c *change) began(rotation string, s *oncall.Shift, at time.Time) (time.Time, error) {
	rows, err := c.OnCallShifts(rotation, at, at.Add(time.Microsecond))
	past := api.OnCallHistory{To: at, Shifts: shiftsOf(rows)}
	return past.Start(s), err
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
			var err error
			if s.Start, err = c.began(name, &s, c.now); err != nil {
				return err
			}
			s.End = end
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

// recordShift puts on record what becomes of a shift, in the log and the ledger, which has one that is under way to its end.
func (c *change) recordShift(t eventlog.Type, rotation string, s oncall.Shift, reason string) error {
	err := c.PutOnCallShift(store.OnCallShift{
		Rotation: rotation, Layer: s.Layer, Agent: s.Agent, Override: s.Override, Replaces: s.Replaces, Start: s.Start.UTC(), End: s.End.UTC(),
	})
	if err != nil {
		return err
	}
	r := eventlog.Record{Type: t, Agent: s.Agent, Reason: reason, Data: eventlog.Encode(eventlog.OnCallData{
		Rotation: rotation, Layer: s.Layer, Override: s.Override, Replaces: s.Replaces, Start: s.Start.UTC(), End: s.End.UTC(),
	})}
	if reason == "" {
		r.Actor = deskActor // whoever else's change the hand-off is written with
	}
	_, err = c.record(r)
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

func shiftsOf(rows []store.OnCallShift) []oncall.Shift {
	shifts := make([]oncall.Shift, len(rows))
	for i, row := range rows {
		shifts[i] = oncall.Shift{
			Assignment: oncall.Assignment{Agent: row.Agent, Layer: row.Layer, Override: row.Override, Replaces: row.Replaces}, Start: row.Start, End: row.End,
		}
	}
	return shifts
}
