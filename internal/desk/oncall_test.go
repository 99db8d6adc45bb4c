package desk_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/caseload-dev/caseload/api/v1alpha1"
	"github.com/caseload-dev/caseload/internal/desk/api"
	"github.com/caseload-dev/caseload/internal/eventlog"
)

// swap has an agent cover another in the rotation from an instant to another.
func swap(agent, replaces string, from, to time.Time) func(*organisation) {
	return func(o *organisation) {
		x := &v1alpha1.OnCallOverride{ObjectMeta: metav1.ObjectMeta{Name: "swap"}}
		x.Spec.RotationRef.Name, x.Spec.AgentRef.Name = "nights", v1alpha1.ObjectName(agent)
		x.Spec.ReplacesAgentRef = &v1alpha1.AgentReference{Name: v1alpha1.ObjectName(replaces)}
		x.Spec.StartTime, x.Spec.EndTime = metav1.NewTime(from), metav1.NewTime(to)
		o.others = []metav1.Object{x}
	}
}

// shiftsFrom start on, as they are told.
func (r *rig) shiftsFrom(from, to time.Time) (told []string, recordedTo time.Time) {
	r.Helper()
	list := must(r.OnCall(r.ctx, api.Call{}, api.OnCallQuery{Rotation: "nights", From: from, To: to}))(r)
	for _, s := range list.Items[0].Shifts {
		told = append(told, fmt.Sprintf("%s %s-%s", s.Agent, s.Start.Sub(from).Round(time.Minute), s.End.Sub(from).Round(time.Minute)))
	}
	return told, list.Items[0].RecordedTo
}

// What was on call stays on record as it was, whatever becomes of the rotation, its overrides and agents, and across restarts.
func TestPastShiftsStayAsTheyWere(t *testing.T) {
	hour := start.Truncate(time.Hour)
	r := newRig(t, func(o *organisation) {
		o.agent("kim")
		o.rotation("nights", v1alpha1.Duty{Type: v1alpha1.DutyAlways}, "jo", "sam")
	}, swap("kim", "sam", hour, hour.Add(24*time.Hour)))
	r.run()
	passed := func(d time.Duration) {
		r.pass(d)
		now := r.clock.Now().Truncate(time.Hour)
		r.eventually("the ledger is written", func() bool { _, to := r.shiftsFrom(start, start.Add(time.Hour)); return !to.Before(now) })
	}
	before, _ := r.shiftsFrom(start, start.Add(3*time.Hour))
	passed(time.Hour)
	passed(2*time.Hour + time.Minute)
	if got, _ := r.shiftsFrom(start, start.Add(3*time.Hour)); !cmp.Equal(got, before) {
		t.Fatalf("what has passed is told as %v, and was to be %v", got, before)
	}

	r.apply(func(o *organisation) {
		o.others = nil
		delete(o.agents, "kim")
		o.rotation("nights", v1alpha1.Duty{Type: v1alpha1.DutyAlways}, "sam")
	})
	check := func(when string) {
		if got, _ := r.shiftsFrom(start, start.Add(3*time.Hour)); !cmp.Equal(got, before) {
			t.Errorf("%s: past shifts are %v, and were %v", when, got, before)
		}
	}
	check("after the override, an agent and a member are gone")
	if list := must(r.OnCall(r.ctx, api.Call{}, api.OnCallQuery{}))(r); list.Items[0].Current[0].Agent != "sam" {
		t.Errorf("now %v is on call", list.Items[0].Current)
	}
	if list := must(r.OnCall(r.ctx, api.Call{}, api.OnCallQuery{At: start.Add(30 * time.Minute)}))(r); len(list.Items[0].Current) != 1 {
		t.Errorf("in the past %v was on call", list.Items[0].Current)
	}
	r.restart()
	r.run()
	passed(2 * time.Hour)
	check("after a restart")

	began, ended := 0, 0
	for _, record := range r.records(0) {
		var data eventlog.OnCallData
		switch record.Type {
		case eventlog.OnCallBegan:
			began++
		case eventlog.OnCallEnded:
			ended++
		default:
			continue
		}
		if err := json.Unmarshal(record.Data, &data); err != nil || data.Rotation != "nights" || record.Agent == "" || !data.Start.Before(data.End) {
			t.Errorf("record %+v, %v", record, err)
		}
	}
	if began < 4 || ended < 4 {
		t.Errorf("the log has %d shifts that began and %d that ended", began, ended)
	}
}

// A shift that was under way when a past override was deleted is one, as it was, and not told beyond the time asked for; also
// once it has ended.
func TestADeletedOverrideSplitsNoShift(t *testing.T) {
	r := newRig(t, func(o *organisation) {
		o.rotation("nights", v1alpha1.Duty{Type: v1alpha1.DutyAlways}, "jo")
	}, swap("sam", "jo", start.Add(time.Minute), start.Add(2*time.Minute)))
	r.run()
	r.pass(10 * time.Minute)
	before, _ := r.shiftsFrom(start, start.Add(5*time.Minute))
	r.apply(func(o *organisation) { o.others = nil })
	check := func() {
		for _, end := range []time.Duration{5 * time.Minute, 20 * time.Minute} {
			if got, to := r.shiftsFrom(start, start.Add(end)); len(got) != 3 || !cmp.Equal(got, before) || to.Before(start.Add(2*time.Minute)) {
				t.Errorf("until %s: %v, and were %v; recorded until %v", end, got, before, to)
			}
		}
	}
	check()
	r.pass(time.Hour)
	r.eventually("the ledger is written", func() bool {
		_, to := r.shiftsFrom(start, start.Add(time.Hour))
		return to.After(start.Add(time.Hour))
	})
	check()
}

// What a plan changes of the shifts under way is on record with it, once, and nothing if it changes nothing of them.
func TestShiftsThatAPlanChangesAreOnRecord(t *testing.T) {
	always := v1alpha1.Duty{Type: v1alpha1.DutyAlways}
	r := newRig(t, func(o *organisation) { o.rotation("nights", always, "jo") })
	r.apply(func(o *organisation) { o.queues["general"].Spec.Priority = 6 })
	r.pass(10 * time.Minute)
	r.apply(func(o *organisation) { o.queues["general"].Spec.Priority = 7 })
	r.apply(swap("sam", "jo", start.Add(30*time.Minute), start.Add(40*time.Minute)))
	r.pass(10 * time.Minute)
	r.apply(func(o *organisation) {
		o.rotation("nights", v1alpha1.Duty{Type: v1alpha1.DutyWindows, Windows: []v1alpha1.WeeklyHours{{Days: everyDay, From: "09:20", To: "18:00"}}}, "jo")
	})
	r.pass(time.Minute)
	r.apply(func(o *organisation) { o.rotation("nights", always, "sam", "jo") })
	r.apply(func(o *organisation) { o.rotations, o.others = nil, nil })

	var got []string
	for _, record := range r.records(0) {
		if strings.HasPrefix(string(record.Type), "oncall.") {
			var data eventlog.OnCallData
			r.data(record, &data)
			got = append(got, fmt.Sprintf("%s: %s %s of %s %s-%s by %s", record.At.Sub(start), record.Type, record.Agent, data.Rotation,
				data.Start.Sub(start), data.End.Sub(start), record.Actor))
		}
	}
	want := []string{
		"0s: oncall.began jo of nights 0s-1h0m0s by user/lead",
		"10m0s: oncall.changed jo of nights 0s-30m0s by user/lead",
		"20m0s: oncall.ended jo of nights 0s-20m0s by user/lead",
		"20m0s: oncall.began jo of nights 20m0s-30m0s by user/lead",
		"21m0s: oncall.ended jo of nights 20m0s-21m0s by user/lead",
		"21m0s: oncall.began sam of nights 21m0s-1h0m0s by user/lead",
		"21m0s: oncall.ended sam of nights 21m0s-21m0s by user/lead",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestShiftsOfMoreThanAYearAreRefused(t *testing.T) {
	r := newRig(t)
	_, err := r.OnCall(r.ctx, api.Call{}, api.OnCallQuery{From: start, To: start.AddDate(2, 0, 0)})
	refused(t, err, api.ProblemInvalid)
	_, err = r.OnCall(r.ctx, api.Call{}, api.OnCallQuery{Rotation: "none"})
	refused(t, err, api.ProblemNotFound)
}

// Each rotation's shifts are on record as they began and ended, whenever others hand over, also across a restart.
func TestRotationsHandOverEachAtItsTime(t *testing.T) {
	minutes := map[string]string{"nights": "09:00", "days": "09:20", "weekends": "09:40"}
	r := newRig(t, func(o *organisation) {
		for name, at := range minutes {
			o.rotation(name, v1alpha1.Duty{Type: v1alpha1.DutyAlways}, "jo", "sam")
			o.rotations[name].Spec.Layers[0].HandOff.Time = v1alpha1.TimeOfDay(at)
		}
	})
	r.run()
	written := func() bool {
		list := must(r.OnCall(r.ctx, api.Call{}, api.OnCallQuery{}))(r)
		return !list.Items[0].RecordedTo.Before(r.clock.Now().Truncate(20 * time.Minute))
	}
	for i := range 14 {
		if i == 6 {
			r.restart()
			r.run()
		}
		r.pass(20 * time.Minute)
		r.eventually("the ledger is written", written)
	}
	on := map[string]string{} // rotation and start of a shift under way
	ended := map[string]int{}
	for _, record := range r.records(0) {
		var s eventlog.OnCallData
		began := record.Type == eventlog.OnCallBegan
		if !began && record.Type != eventlog.OnCallEnded {
			continue
		}
		if err := json.Unmarshal(record.Data, &s); err != nil {
			t.Fatal(err)
		}
		if began {
			on[s.Rotation] = s.Start.String()
			continue
		}
		ended[s.Rotation]++
		if on[s.Rotation] != s.Start.String() || !record.At.Equal(s.End) || s.End.Format("04") != minutes[s.Rotation][3:] {
			t.Errorf("at %s a shift of %s ends, from %s to %s; began %s", record.At, s.Rotation, s.Start, s.End, on[s.Rotation])
		}
	}
	for name := range minutes {
		if ended[name] != 4 {
			t.Errorf("of %s %d shifts have ended, want 4", name, ended[name])
		}
	}
}
