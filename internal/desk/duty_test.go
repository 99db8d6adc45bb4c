package desk_test

import (
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/caseload-dev/caseload/api/v1alpha1"
	"github.com/caseload-dev/caseload/internal/desk/api"
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
