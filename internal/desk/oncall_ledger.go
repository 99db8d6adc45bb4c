package desk

import (
	"context"
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
		return putMetaNumber(c, metaLedgerTo, now.UnixMilli())
	}
	if !to.Before(now) {
		return nil
	}
	for name, rotation := range c.plan.Rotations {
		for _, s := range rotation.Shifts(to, now.Add(1)) {
			if err := c.writeShift(name, s, from, to, now); err != nil {
				return err
			}
		}
	}
	return putMetaNumber(c, metaLedgerTo, now.UnixMilli())
}

// writeShift as far as it has passed. What was before the ledger began is not in it.
func (c *change) writeShift(rotation string, s oncall.Shift, from, to, now time.Time) error {
	row := store.OnCallShift{
		Rotation: rotation, Layer: s.Layer, Agent: s.Agent, Override: s.Override, Replaces: s.Replaces,
		Start: walltime.Later(s.Start.UTC(), from), End: walltime.Earlier(s.End.UTC(), now),
	}
	if row.Start.Before(row.End) {
		if err := c.PutOnCallShift(row); err != nil {
			return err
		}
	}
	data := eventlog.OnCallData{Rotation: rotation, Layer: s.Layer, Override: s.Override, Replaces: s.Replaces, Start: s.Start.UTC(), End: s.End.UTC()}
	if s.Start.After(to) && !s.Start.After(now) {
		if _, err := c.record(eventlog.Record{Type: eventlog.OnCallBegan, Agent: s.Agent, Data: eventlog.Encode(data)}); err != nil {
			return err
		}
	}
	if !s.End.After(now) {
		if _, err := c.record(eventlog.Record{Type: eventlog.OnCallEnded, Agent: s.Agent, Data: eventlog.Encode(data)}); err != nil {
			return err
		}
	}
	return nil
}

// onCallHistory reads what was recorded of a rotation between two instants.
func onCallHistory(r store.Reader, rotation string, from, to time.Time) (api.OnCallHistory, error) {
	var past api.OnCallHistory
	var err error
	if past.From, past.To, err = ledgerBounds(r); err != nil {
		return past, err
	}
	rows, err := r.OnCallShifts(rotation, from, to)
	for _, row := range rows {
		past.Shifts = append(past.Shifts, oncall.Shift{
			Assignment: oncall.Assignment{Agent: row.Agent, Layer: row.Layer, Override: row.Override, Replaces: row.Replaces}, Start: row.Start, End: row.End,
		})
	}
	return past, err
}
