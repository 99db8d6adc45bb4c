package desk_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/caseload-dev/caseload/api/v1alpha1"
	"github.com/caseload-dev/caseload/internal/desk/api"
	"github.com/caseload-dev/caseload/internal/desk/store"
	"github.com/caseload-dev/caseload/internal/eventlog"
	"github.com/caseload-dev/caseload/internal/ticket"
)

// untilNoon lets the agent work from 8 to 12 UTC.
func untilNoon(agent string) func(*organisation) {
	return func(o *organisation) {
		c := &v1alpha1.BusinessCalendar{ObjectMeta: metav1.ObjectMeta{Name: "mornings"}}
		c.Spec.TimeZone = "UTC"
		c.Spec.Hours = []v1alpha1.WeeklyHours{{Days: []v1alpha1.Weekday{"Mon", "Tue", "Wed", "Thu", "Fri"}, From: "08:00", To: "12:00"}}
		o.others = append(o.others, c)
		o.agents[agent].Spec.Schedule = &v1alpha1.Schedule{CalendarRef: &v1alpha1.BusinessCalendarReference{Name: "mornings"}}
	}
}

// absent gives the agent an absence that begins after a time and lasts an hour.
func absent(agent string, after time.Duration) func(*organisation) {
	return func(o *organisation) {
		from := start.Add(after)
		o.agents[agent].Spec.Absences = []v1alpha1.Absence{{Reason: "Leave", StartTime: metav1.NewTime(from), EndTime: metav1.NewTime(from.Add(time.Hour))}}
	}
}

// Sickness at 07:00: the desk is told, offers go to others at once, and nobody is asked again until the end, also after a
// restart; both the absence and its end before time are on record.
func TestShortNotice(t *testing.T) {
	r := newRig(t)
	offered := r.offered("jo")
	sick := api.ChangeDuty{Type: "Absence", Reason: "Sick", EndTime: start.Add(8 * time.Hour)}
	_, err := r.ChangeDuty(r.ctx, key(as("sam")), "jo", sick)
	refused(t, err, api.ProblemForbidden)
	call := key(as("jo"))
	jo := must(r.ChangeDuty(r.ctx, call, "jo", sick))(t)
	again := must(r.ChangeDuty(r.ctx, call, "jo", sick))(t)
	if jo.Duty.On || jo.Duty.Reason != "Sick" || !jo.Duty.Until.Equal(sick.EndTime) || len(jo.DutyChanges) != 1 || len(again.DutyChanges) != 1 {
		t.Errorf("jo is %v with %v, and then %v", jo.Duty, jo.DutyChanges, again.DutyChanges)
	}
	status(t, r.ticket(offered.ID), ticket.Waiting, "general", "")
	if last := r.last(offered.ID); last.Type != eventlog.OfferRescinded || !strings.Contains(last.Reason, "off duty: Sick until") {
		t.Errorf("the offer was taken back by %s: %s", last.Type, last.Reason)
	}

	r.restart()
	if why := r.commit(r.decision(offered, "jo"))[0]; !strings.Contains(why, "off duty: Sick until 2026-11-20T17:00:00Z") {
		t.Errorf("after a restart the offer was refused for %q", why)
	}
	id := r.agent("jo").DutyChanges[0].ID
	_, err = r.RestoreDuty(r.ctx, key(manager), "jo", id+1)
	refused(t, err, api.ProblemNotFound)
	_, err = r.RestoreDuty(r.ctx, key(as("sam")), "jo", id)
	refused(t, err, api.ProblemForbidden)
	if jo := must(r.RestoreDuty(r.ctx, key(manager), "jo", id))(t); !jo.Duty.On || len(jo.DutyChanges) != 0 {
		t.Errorf("jo is %v with %v", jo.Duty, jo.DutyChanges)
	}
	r.offered("jo")

	var types []eventlog.Type
	for _, record := range r.records(0) {
		if record.Agent == "jo" && record.Type != eventlog.PresenceChanged {
			types = append(types, record.Type)
		}
	}
	if !slices.Equal(types, []eventlog.Type{eventlog.DutyChanged, eventlog.DutyRestored}) {
		t.Errorf("on record are %v", types)
	}
}

// An extra shift has an agent on duty when the schedule does not; what is over is forgotten with the next.
func TestExtraShift(t *testing.T) {
	r := newRig(t, untilNoon("jo"))
	r.present("jo")
	r.pass(3 * time.Hour)
	waiting := r.opened()
	shift := func(from, until time.Duration) api.ChangeDuty {
		return api.ChangeDuty{Type: "Shift", StartTime: start.Add(from), EndTime: start.Add(until)}
	}
	jo := must(r.ChangeDuty(r.ctx, key(as("jo")), "jo", shift(4*time.Hour, 6*time.Hour)))(t)
	if jo.Duty.On || !jo.Duty.Until.Equal(start.Add(4*time.Hour)) {
		t.Errorf("before the extra shift jo is %v", jo.Duty)
	}
	r.pass(time.Hour)
	r.offer(waiting, "jo")
	r.pass(2 * time.Hour)
	if jo := r.agent("jo"); jo.Duty.On || len(jo.DutyChanges) != 0 {
		t.Errorf("after the extra shift jo is %v with %v", jo.Duty, jo.DutyChanges)
	}
	must(r.ChangeDuty(r.ctx, key(as("jo")), "jo", shift(7*time.Hour, 8*time.Hour)))(t)
	err := r.store.View(r.ctx, func(s store.Reader) error {
		stored, err := s.Agent("jo")
		if err == nil && len(stored.DutyChanges) != 1 {
			t.Errorf("the store has %v", stored.DutyChanges)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

func TestDutyChangesThatMakeNoSense(t *testing.T) {
	r := newRig(t)
	hour := start.Add(time.Hour)
	for name, body := range map[string]api.ChangeDuty{
		"no type":                  {EndTime: hour},
		"an absence for no reason": {Type: "Absence", EndTime: hour},
		"no end":                   {Type: "Shift"},
		"over":                     {Type: "Shift", StartTime: start.Add(-time.Hour), EndTime: start},
		"an end before its start":  {Type: "Shift", StartTime: hour.Add(time.Hour), EndTime: hour},
		"more than a year":         {Type: "Absence", Reason: "Leave", EndTime: start.Add(367 * 24 * time.Hour)},
	} {
		if _, err := r.ChangeDuty(r.ctx, key(manager), "jo", body); err == nil {
			t.Errorf("%s was taken", name)
		} else {
			refused(t, err, api.ProblemInvalid)
		}
	}
	for range 64 {
		must(r.ChangeDuty(r.ctx, key(manager), "jo", api.ChangeDuty{Type: "Shift", EndTime: hour}))(t)
	}
	_, err := r.ChangeDuty(r.ctx, key(manager), "jo", api.ChangeDuty{Type: "Shift", EndTime: hour})
	refused(t, err, api.ProblemConflict)
	_, err = r.ChangeDuty(r.ctx, key(manager), "nobody", api.ChangeDuty{Type: "Shift", EndTime: hour})
	refused(t, err, api.ProblemNotFound)
}

// A loan and a ramp-up hold at the desk, and count in what it shows.
func TestLoanAndRampUpHoldAtTheDesk(t *testing.T) {
	begins := start.Add(time.Hour)
	r := newRig(t, func(o *organisation) {
		o.queues["billing"].Spec.AgentSelector = &metav1.LabelSelector{MatchLabels: map[string]string{"billing": "yes"}}
		jo := &o.agents["jo"].Spec
		jo.Assignments = []v1alpha1.Assignment{{QueueRef: v1alpha1.QueueReference{Name: "billing"}, StartTime: &metav1.Time{Time: begins}}}
		jo.RampUp = &v1alpha1.RampUp{From: "2026-11-20", Weeks: 1, StartPercent: 50}
	})
	r.present("jo")
	waiting := r.opened(about("billing"))
	if why := r.commit(r.decision(waiting, "jo"))[0]; !strings.Contains(why, `assigned to queue "billing" from 2026-11-20T10:00:00Z on`) {
		t.Errorf("before the loan the offer was refused for %q", why)
	}
	billing := func() api.QueueOverview {
		for _, q := range must(r.Overview(r.ctx, manager))(t).Queues {
			if q.Name == "billing" {
				return q
			}
		}
		return api.QueueOverview{}
	}
	if q := billing(); q.Agents != 0 || q.Free != 0 {
		t.Errorf("before the loan billing has %d agents, %d free", q.Agents, q.Free)
	}
	r.clock.SetTime(begins)
	if q := billing(); q.Agents != 1 || q.Free != 1 {
		t.Errorf("with the loan billing has %d agents, %d free", q.Agents, q.Free)
	}
	r.offer(waiting, "jo")
	if d := r.last(waiting.ID).Dispatch; d.Limits["Chat"] != 1 {
		t.Errorf("the offer saw limits %v", d.Limits)
	}
	second := r.opened()
	if why := r.commit(r.decision(second, "jo"))[0]; !strings.Contains(why, "has 1/1 Chat") {
		t.Errorf("above the limit of the first week, the offer was refused for %q", why)
	}
	_, err := r.Transfer(r.ctx, key(manager), second.ID, api.Transfer{Agent: "jo"})
	refused(t, err, api.ProblemNoCapacity)
	if jo := r.agent("jo"); jo.Limits["Chat"] != 1 || jo.Free {
		t.Errorf("jo has limits %v, free %t", jo.Limits, jo.Free)
	}
	r.clock.SetTime(time.Date(2026, 11, 27, 0, 0, 0, 0, time.UTC))
	r.offer(second, "jo")
}

func TestWhoIsOffDutyIsGivenNothing(t *testing.T) {
	for name, tc := range map[string]struct {
		edit  func(*organisation)
		says  string
		until time.Time
	}{
		"off schedule": {untilNoon("jo"), "off duty: OffSchedule until 2026-11-23T08:00:00Z", time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)},
		"absent":       {absent("jo", 3*time.Hour), "off duty: Leave until 2026-11-20T13:00:00Z", time.Date(2026, 11, 20, 13, 0, 0, 0, time.UTC)},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, tc.edit)
			r.present("jo")
			r.offered("jo")
			r.pass(3*time.Hour - time.Second)
			if jo := r.agent("jo"); !jo.Duty.On || !jo.Free {
				t.Errorf("jo is %v, free %t", jo.Duty, jo.Free)
			}
			resolved := r.resolved("jo")
			waiting := r.opened()
			r.pass(time.Second)

			if why := r.commit(r.decision(waiting, "jo"))[0]; !strings.Contains(why, tc.says) {
				t.Errorf("the offer was refused for %q", why)
			}
			_, err := r.Transfer(r.ctx, key(manager), waiting.ID, api.Transfer{Agent: "jo"})
			if p := refused(t, err, api.ProblemConflict); !strings.Contains(p.Detail, tc.says) {
				t.Errorf("the transfer was refused for %q", p.Detail)
			}
			// What they resolved is not theirs again while they are off.
			reopened := must(r.Reopen(r.ctx, key(manager), resolved.ID, api.Because{}))(t)
			status(t, reopened, ticket.Waiting, "general", "")
			if jo := r.agent("jo"); jo.Duty.On || jo.Free || !jo.Duty.Until.Equal(tc.until) {
				t.Errorf("jo is %v, free %t", jo.Duty, jo.Free)
			}
			absences := map[string]int{"off schedule": 0, "absent": 1}
			if absent := must(r.Overview(r.ctx, manager))(t).Absent; len(absent) != absences[name] {
				t.Errorf("absent are %v", absent)
			}
			if team := must(r.Overview(r.ctx, manager))(t).Teams[0]; team.OnDuty != 1 || team.Agents != 2 {
				t.Errorf("%d of %d on duty", team.OnDuty, team.Agents)
			}

			r.clock.SetTime(tc.until)
			if why := r.commit(r.decision(waiting, "jo"))[0]; why != "" {
				t.Errorf("back on duty, refused for %q", why)
			}
		})
	}
}
