package desk_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/caseload-dev/caseload/internal/desk/api"
	"github.com/caseload-dev/caseload/internal/eventlog"
)

// lines gives the organisation n pools: a tier each of a queue and an agent of its own, all worked by workers of "front".
func lines(n int) func(*organisation) {
	return func(o *organisation) {
		o.tiers["front"].Spec.AgentSelector.MatchLabels = map[string]string{"line": "0"}
		delete(o.queues, "billing")
		o.rules = nil
		o.agents["jo"].Labels = map[string]string{"line": "0"}
		delete(o.agents, "sam")
		for i := 1; i < n; i++ {
			name := fmt.Sprintf("line%d", i)
			q := o.queue(name, "front")
			a := o.agent(name)
			a.Labels = map[string]string{"line": "0", "only": name}
			q.Spec.AgentSelector = selecting("only", name)
		}
		o.queues["general"].Spec.AgentSelector = selecting("only", "general")
		o.agents["jo"].Labels["only"] = "general"
	}
}

// sleepers counts the loops that sleep on the clock, once they all do: one waits for the lease, one for the hour.
func (r *rig) sleepers() int {
	r.Helper()
	r.eventually("the loops sleep", func() bool { return r.clock.Waiters() >= 2 })
	return r.clock.Waiters()
}

func (r *rig) leaseRecords() (types []eventlog.Type) {
	for _, record := range r.records(0) {
		switch record.Type {
		case eventlog.LeaseAcquired, eventlog.LeaseReleased, eventlog.LeaseExpired:
			types = append(types, record.Type)
		}
	}
	return types
}

func TestWorkersOfATierShareItsPools(t *testing.T) {
	r := newRig(t, lines(4))
	if got := r.lease("w1", "front"); len(got) != 4 {
		t.Fatalf("the only worker holds %d pools of 4", len(got))
	}
	if got := r.lease("w2", "front"); len(got) != 2 {
		t.Errorf("the second worker holds %d pools of 4", len(got))
	}
	if got := r.lease("w1", "front"); len(got) != 2 {
		t.Errorf("the first worker keeps %d pools of 4", len(got))
	}
	if got := r.lease("w3", "other"); len(got) != 0 {
		t.Errorf("a worker of another tier holds %v", got)
	}
}

func TestHolderHearsAtOnceThatAPoolIsNoLongerTheirs(t *testing.T) {
	r := newRig(t, lines(2))
	held := r.lease("w1", "front")
	got := make(chan *api.Leases, 1)
	go func() {
		leases, err := r.AcquireLeases(r.ctx, manager, api.AcquireLeases{Worker: "w1", Tier: "front", Holding: held, WaitSeconds: 30})
		if err != nil {
			t.Error(err)
		}
		got <- leases
	}()
	r.eventually("w1 waits", r.clock.HasWaiters)
	taken := r.lease("w2", "front")
	if leases := soon(t, got); len(leases.Leases) != 1 || len(taken) != 1 || leases.Leases[0].Pool == taken[0].Pool {
		t.Errorf("w1 has %v, w2 %v", leases.Leases, taken)
	}
	lost := held[slices.IndexFunc(held, func(l api.Lease) bool { return l.Pool == taken[0].Pool })]
	_, err := r.Snapshot(r.ctx, manager, lost.Pool, lost.Epoch)
	refused(t, err, api.ProblemLeaseLost)
	if taken[0].Epoch <= lost.Epoch {
		t.Errorf("epoch %d follows %d", taken[0].Epoch, lost.Epoch)
	}
}

func TestRenewalIsNotRecorded(t *testing.T) {
	r := newRig(t)
	first := r.lease("w1", "front")
	before := r.position()
	for range 10 {
		r.pass(3 * time.Second)
		if got := r.lease("w1", "front"); got[0] != first[0] {
			t.Fatalf("lease %v became %v", first, got)
		}
	}
	if r.position() != before {
		t.Error("a renewal was recorded")
	}
}

func TestReleasedPoolsGoToOthersAtOnce(t *testing.T) {
	r := newRig(t)
	held := r.lease("w1", "front")
	r.lease("w2", "front")
	waiting := make(chan *api.Leases, 1)
	go func() {
		leases, err := r.AcquireLeases(r.ctx, manager, api.AcquireLeases{Worker: "w2", Tier: "front", WaitSeconds: 30})
		if err != nil {
			t.Error(err)
		}
		waiting <- leases
	}()
	r.eventually("w2 waits", r.clock.HasWaiters)
	if err := r.ReleaseLeases(r.ctx, manager, api.ReleaseLeases{Worker: "w1"}); err != nil {
		t.Fatal(err)
	}
	if got := soon(t, waiting).Leases; len(got) != 1 || got[0].Epoch <= held[0].Epoch {
		t.Errorf("w2 holds %v", got)
	}
	want := []eventlog.Type{eventlog.LeaseAcquired, eventlog.LeaseReleased, eventlog.LeaseAcquired}
	if got := r.leaseRecords(); !slices.Equal(got, want) {
		t.Errorf("records %v, want %v", got, want)
	}
	for _, record := range r.records(0) {
		var data eventlog.LeaseData
		if record.Type != eventlog.LeaseReleased {
			continue
		}
		if err := json.Unmarshal(record.Data, &data); err != nil || data.Pool != held[0].Pool || data.Epoch != held[0].Epoch || data.Worker != "w1" || data.Tier != "front" {
			t.Errorf("%s says %+v (%v), want %v of w1", record.Type, data, err, held[0])
		}
	}
}

// A killed worker's connections break; a survivor holds its pools well within 5 s, and one that hangs without a word is
// given up after the lease's time.
func TestSurvivorTakesOverWithin5Seconds(t *testing.T) {
	for name, test := range map[string]struct {
		hangUp bool
		within time.Duration
	}{"killed": {true, 2 * time.Second}, "silent": {false, 4 * time.Second}} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.run()
			held := r.lease("w1", "front")
			if test.hangUp {
				ctx, kill := context.WithCancel(r.ctx)
				done := make(chan struct{})
				loops := r.sleepers()
				go func() {
					defer close(done)
					_, _ = r.AcquireLeases(ctx, manager, api.AcquireLeases{Worker: "w1", Tier: "front", Holding: held, WaitSeconds: 30})
				}()
				r.eventually("w1 waits", func() bool { return r.clock.Waiters() > loops })
				kill()
				<-done
			}
			began := r.clock.Now()
			var got []api.Lease
			r.eventually("w2 holds the pool", func() bool {
				got = r.lease("w2", "front")
				if len(got) == 0 {
					r.pass(100 * time.Millisecond)
				}
				return len(got) == 1
			})
			if took := r.clock.Since(began); took > test.within {
				t.Errorf("took %s, want at most %s", took, test.within)
			}
			_, err := r.Snapshot(r.ctx, manager, held[0].Pool, held[0].Epoch)
			refused(t, err, api.ProblemLeaseLost)
			if got := r.leaseRecords(); !slices.Contains(got, eventlog.LeaseExpired) {
				t.Errorf("records %v have no expiry", got)
			}
		})
	}
}

func TestWaitingCallKeepsTheLease(t *testing.T) {
	r := newRig(t)
	r.run()
	held := r.lease("w1", "front")
	ctx, cancel := context.WithCancel(r.ctx)
	defer cancel()
	done := make(chan struct{})
	loops := r.sleepers()
	go func() {
		defer close(done)
		_, _ = r.AcquireLeases(ctx, manager, api.AcquireLeases{Worker: "w1", Tier: "front", Holding: held, WaitSeconds: 30})
	}()
	r.eventually("w1 waits", func() bool { return r.clock.Waiters() > loops })
	for range 20 {
		r.pass(time.Second)
		if got := r.lease("w2", "front"); len(got) != 0 {
			t.Fatalf("w2 took %v although w1 waits", got)
		}
	}
	cancel()
	<-done
}

// A worker that gave its leases back may come again under its name before the desk notices that its old call is over.
func TestOldCallOfAWorkerThatCameAgainDoesNotKeepItAlive(t *testing.T) {
	r := newRig(t)
	r.lease("w1", "front")
	ctx, hangUp := context.WithCancel(r.ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = r.AcquireLeases(ctx, manager, api.AcquireLeases{Worker: "w2", Tier: "front", WaitSeconds: 30})
	}()
	r.eventually("w2 waits", r.clock.HasWaiters)
	for _, worker := range []string{"w2", "w1"} {
		if err := r.ReleaseLeases(r.ctx, manager, api.ReleaseLeases{Worker: worker}); err != nil {
			t.Fatal(err)
		}
	}
	if got := r.lease("w2", "front"); len(got) != 1 {
		t.Fatalf("w2 holds %v", got)
	}
	hangUp()
	<-done
	r.pass(5 * time.Second)
	if got := r.lease("w3", "front"); len(got) != 1 {
		t.Errorf("w3 holds %v although w2 was not heard of for longer than a lease lasts", got)
	}
}

func TestCallerWhoLeftCostsNobodyTheirLease(t *testing.T) {
	r := newRig(t, lines(2))
	r.lease("w1", "front")
	ctx, leave := context.WithCancel(r.ctx)
	leave()
	_, _ = r.AcquireLeases(ctx, manager, api.AcquireLeases{Worker: "w2", Tier: "front"})
	if got := r.leaseRecords(); len(got) != 4 { // two acquired; one released to and acquired by w2
		t.Errorf("records %v", got)
	}
	if got := r.lease("w1", "front"); len(got) != 1 {
		t.Errorf("w1 holds %v", got)
	}
}

func TestEpochsGrowAcrossRestarts(t *testing.T) {
	r := newRig(t)
	before := r.lease("w1", "front")
	r.restart()
	_, err := r.Snapshot(r.ctx, manager, before[0].Pool, before[0].Epoch)
	refused(t, err, api.ProblemLeaseLost)
	if after := r.lease("w1", "front"); after[0].Epoch <= before[0].Epoch {
		t.Errorf("epoch %d follows %d", after[0].Epoch, before[0].Epoch)
	}
}

func TestNewPlanChangesThePools(t *testing.T) {
	r := newRig(t, lines(1))
	r.lease("w1", "front")
	r.apply(lines(3))
	if got := r.lease("w1", "front"); len(got) != 3 {
		t.Errorf("holds %v of 3 pools", got)
	}
	r.apply(func(o *organisation) { delete(o.queues, "line1"); delete(o.agents, "line1") })
	if got := r.lease("w1", "front"); len(got) != 2 {
		t.Errorf("holds %v of 2 pools", got)
	}
	if got := must(r.Overview(r.ctx, manager))(t).Workers; len(got) != 1 || len(got[0].Pools) != 2 {
		t.Errorf("the overview shows %+v", got)
	}
}
