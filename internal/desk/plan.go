package desk

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/caseload-dev/caseload/internal/desk/api"
	"github.com/caseload-dev/caseload/internal/desk/store"
	"github.com/caseload-dev/caseload/internal/eventlog"
	"github.com/caseload-dev/caseload/internal/plan"
	"github.com/caseload-dev/caseload/internal/routing"
)

// noPlan is the If-Match of a push to a desk that has no plan yet.
const noPlan = "*"

// metaManagerEpoch has the leader epoch of the last manager heard of, so that one deposed since cannot push.
const metaManagerEpoch = "manager-epoch"

// loadPlan makes the plan that was activated last the active one; none: an empty plan of revision zero.
func (d *Desk) loadPlan(r store.Reader) error {
	active, err := r.Plan(0)
	if errors.Is(err, store.ErrNotFound) {
		d.plan.Store(&plan.Plan{Router: routing.New("", nil, nil, nil)})
		return nil
	}
	if err != nil {
		return err
	}
	entries, err := entriesOf(r, active.Manifest)
	if err != nil {
		return err
	}
	p, err := plan.Build(active.Manifest, entries)
	if err != nil {
		return fmt.Errorf("plan revision %d: %w", active.Revision, err)
	}
	p.Revision = active.Revision
	d.plan.Store(p)
	return nil
}

func entriesOf(r store.Reader, m plan.Manifest) ([]plan.Entry, error) {
	entries := make([]plan.Entry, len(m.Entries))
	for i, ref := range m.Entries {
		entry, err := r.Entry(ref.Hash)
		if err != nil {
			return nil, fmt.Errorf("plan entry %s: %w", ref.Key, err)
		}
		entries[i] = *entry
	}
	return entries, nil
}

// Plan returns the active plan; before the first activation its revision is zero.
func (d *Desk) Plan(ctx context.Context, call api.Call) (*api.Plan, error) {
	return d.PlanRevision(ctx, call, 0)
}

// PlanRevision returns an activated plan, the active one for zero.
func (d *Desk) PlanRevision(ctx context.Context, _ api.Call, revision int64) (*api.Plan, error) {
	var result *api.Plan
	err := d.view(ctx, func(r store.Reader, _ *plan.Plan) error {
		p, err := planRevision(r, revision)
		if err != nil {
			return err
		}
		result = &api.Plan{
			Revision: p.Revision, Hash: p.Hash, ActivatedAt: p.ActivatedAt, Manifest: p.Manifest, ClockStandsAt: d.time.standsAt(),
		}
		return nil
	})
	return result, err
}

// PlanEntries returns the entries of a revision, of the active one for zero.
func (d *Desk) PlanEntries(ctx context.Context, _ api.Call, revision int64) (*api.PlanEntries, error) {
	var result *api.PlanEntries
	err := d.view(ctx, func(r store.Reader, _ *plan.Plan) error {
		p, err := planRevision(r, revision)
		if err != nil {
			return err
		}
		entries, err := entriesOf(r, p.Manifest)
		result = &api.PlanEntries{Entries: entries}
		return err
	})
	return result, err
}

// planRevision reads a revision, which zero need not have.
func planRevision(r store.Reader, revision int64) (*store.PlanRevision, error) {
	p, err := r.Plan(revision)
	if errors.Is(err, store.ErrNotFound) {
		if revision == 0 {
			return &store.PlanRevision{Manifest: plan.Manifest{Entries: []plan.EntryRef{}}}, nil
		}
		return nil, api.NewProblem(http.StatusNotFound, api.ProblemNotFound, "there is no plan revision %d", revision)
	}
	return p, err
}

// PushPlan activates a plan, or says which of its entries the desk lacks. Entries that come along are kept either way, so
// a large plan can be sent in parts.
func (d *Desk) PushPlan(ctx context.Context, call api.Call, ifMatch string, body api.PushPlan) (*api.PushedPlan, error) {
	if err := d.checkPush(&body); err != nil {
		return nil, err
	}
	pushed := &api.PushedPlan{}
	done := false
	err := d.update(ctx, call.Actor, func(c *change) (err error) {
		*pushed = api.PushedPlan{}
		if done, err = c.expects(ifMatch, &body, pushed); done || err != nil {
			return err
		}
		return c.PutEntries(body.Entries)
	})
	if err != nil || done {
		return pushed, err
	}
	var entries []plan.Entry
	err = d.store.View(ctx, func(r store.Reader) error {
		for _, ref := range body.Manifest.Entries {
			entry, err := r.Entry(ref.Hash)
			switch {
			case notFound(err):
				pushed.Missing = append(pushed.Missing, ref.Hash)
			case err != nil:
				return err
			default:
				entries = append(entries, *entry)
			}
		}
		return nil
	})
	if err != nil || len(pushed.Missing) > 0 {
		return pushed, err
	}
	next, err := plan.Build(body.Manifest, entries)
	if err != nil {
		return nil, invalid("body.manifest", body.Manifest.HelpDesk, "%s", err)
	}
	return d.activate(ctx, call, ifMatch, &body, next)
}

// checkPush refuses what can be seen to be wrong without the store.
func (d *Desk) checkPush(body *api.PushPlan) error {
	m := &body.Manifest
	if m.HelpDesk != d.helpDesk {
		return invalid("body.manifest.helpDesk", m.HelpDesk, "this is the desk of HelpDesk %q", d.helpDesk)
	}
	if m.SchemaVersion < 1 || m.SchemaVersion > plan.SchemaVersion {
		return invalid("body.manifest.schemaVersion", m.SchemaVersion,
			"this desk reads versions 1 to %d: upgrade the desk first", plan.SchemaVersion)
	}
	for i := 1; i < len(m.Entries); i++ {
		if m.Entries[i-1].Compare(m.Entries[i].Key) >= 0 {
			return invalid(fmt.Sprintf("body.manifest.entries[%d]", i), m.Entries[i].String(),
				"entries must be sorted by kind and name, each once")
		}
	}
	return nil
}

// expects checks that the pusher knows the active plan and is not an outdated manager. It is done if the plan pushed is
// the active one.
func (c *change) expects(ifMatch string, body *api.PushPlan, pushed *api.PushedPlan) (done bool, err error) {
	epoch, err := metaNumber(c, metaManagerEpoch)
	if err != nil {
		return false, err
	}
	if body.ManagerEpoch < epoch {
		return false, api.NewProblem(http.StatusPreconditionFailed, api.ProblemPrecondition,
			"a manager of epoch %d pushed since; this one has epoch %d and is no longer the leader", epoch, body.ManagerEpoch)
	}
	pushed.Revision, pushed.Hash = c.plan.Revision, c.plan.Hash
	if c.plan.Revision > 0 && body.Manifest.Hash() == c.plan.Hash {
		if body.ManagerEpoch > epoch {
			err = putMetaNumber(c, metaManagerEpoch, body.ManagerEpoch)
		}
		return true, err
	}
	if ifMatch != cmp.Or(c.plan.Hash, noPlan) {
		return false, api.NewProblem(http.StatusPreconditionFailed, api.ProblemPrecondition,
			"the active plan is %s, If-Match says %s: read the active plan and push again", cmp.Or(c.plan.Hash, noPlan), ifMatch)
	}
	return false, nil
}

// activate makes the plan the active one, in one transaction that also begins to bring the tickets in line with it.
func (d *Desk) activate(ctx context.Context, call api.Call, ifMatch string, body *api.PushPlan, next *plan.Plan) (*api.PushedPlan, error) {
	d.activation.Lock()
	defer d.activation.Unlock()
	pushed := &api.PushedPlan{}
	done := false
	err := d.transact(ctx, call.Actor, func(c *change) (err error) {
		if done, err = c.expects(ifMatch, body, pushed); done || err != nil {
			return err
		}
		// What has passed went by the plan until now.
		if err := c.writeLedger(c.plan.Rotations); err != nil {
			return err
		}
		next.Revision, err = c.PutPlan(&store.PlanRevision{
			Hash: next.Hash, Manifest: body.Manifest, ActivatedAt: c.now, ManagerEpoch: body.ManagerEpoch,
		})
		if err != nil {
			return err
		}
		if err := putMetaNumber(c, metaManagerEpoch, body.ManagerEpoch); err != nil {
			return err
		}
		before := c.plan
		c.plan = next
		pushed.Revision, pushed.Hash = next.Revision, next.Hash
		if _, err := c.record(eventlog.Record{Type: eventlog.PlanActivated, Data: eventlog.Encode(planData(next))}); err != nil {
			return err
		}
		if err := c.replaceShifts(before.Rotations, next.Rotations); err != nil {
			return err
		}
		return c.beginMigration(before)
	})
	if err != nil || done {
		return pushed, err
	}
	d.plan.Store(next)
	d.migrate.signal()
	d.duties.signal()
	d.handOffs.signal()
	d.leases.planned()
	return pushed, nil
}

// metaNumber reads a number kept by name, zero if it was never set.
func metaNumber(r store.Reader, name string) (n int64, err error) {
	value, err := r.Meta(name)
	if err != nil || len(value) == 0 {
		return 0, err
	}
	return n, json.Unmarshal(value, &n)
}

func putMetaNumber(tx store.Tx, name string, n int64) error {
	return tx.PutMeta(name, fmt.Appendf(nil, "%d", n))
}
