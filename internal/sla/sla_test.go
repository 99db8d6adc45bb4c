package sla_test

import (
	"testing"
	"time"

	"github.com/caseload-dev/caseload/internal/calendar"
	"github.com/caseload-dev/caseload/internal/sla"
	"github.com/caseload-dev/caseload/internal/ticket"
)

// opening of the tickets: Monday, midnight.
var opening = time.Date(2024, 1, 15, 0, 0, 0, 0, time.UTC)

var (
	weekdays = []time.Weekday{time.Monday, time.Tuesday, time.Wednesday, time.Thursday, time.Friday}
	everyDay = append([]time.Weekday{time.Saturday, time.Sunday}, weekdays...)
)

func calendarOf(t fataler, days []time.Weekday, from, to int, holidays ...calendar.Holiday) *calendar.Calendar {
	t.Helper()
	c, err := calendar.New(calendar.Spec{Zone: time.UTC, Hours: []calendar.Hours{{Days: days, From: from, To: to}}, Holidays: holidays})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// day of the week of the opening, at a time.
func day(weekday, hour, minute int) time.Time {
	return opening.AddDate(0, 0, weekday-1).Add(time.Duration(hour)*time.Hour + time.Duration(minute)*time.Minute)
}

const (
	mon = 1 + iota
	tue
	wed
	thu
	fri
)

// served opens a ticket under a level and keeps its clocks through what happens.
func served(t *testing.T, level *sla.Level, priority ticket.Priority, at time.Time) *desk {
	t.Helper()
	d := &desk{level: level}
	d.keep(ticket.New(ticket.Content{Subject: "s", Channel: "Chat"}, ticket.Route{Queue: "q", Priority: priority}, at), at)
	return d
}

// then lets time pass and something happen.
func (d *desk) then(t *testing.T, at time.Time, events ...ticket.Event) *desk {
	t.Helper()
	d.fire(t, at)
	for _, e := range events {
		d.apply(t, e, at)
	}
	return d
}

func (d *desk) dueIs(t *testing.T, m ticket.Metric, want time.Time) {
	t.Helper()
	if got := d.ticket.Service.Clock(m).Due; !got.Equal(want) {
		t.Errorf("%s is due at %s, want %s", m, got, want)
	}
}

func (d *desk) stateIs(t *testing.T, m ticket.Metric, want ticket.ClockState) {
	t.Helper()
	if got := d.ticket.Service.Clock(m).State; got != want {
		t.Errorf("%s is %s, want %s", m, got, want)
	}
}

func within(first, next, resolution time.Duration) sla.Targets {
	targets := sla.Targets{}
	for m, d := range map[ticket.Metric]time.Duration{ticket.FirstResponse: first, ticket.NextResponse: next, ticket.Resolution: resolution} {
		if d > 0 {
			targets[m] = d
		}
	}
	return targets
}

func standard(c *calendar.Calendar, targets sla.Targets) *sla.Level {
	return &sla.Level{Name: "standard", Calendar: c, WarnAtPercent: 75, Targets: map[ticket.Priority]sla.Targets{ticket.Low: targets}}
}

// Known answers of frappe's helpdesk: rows 9 to 12 of the cases for business clocks.
func TestKnownAnswers(t *testing.T) {
	hours := func(holidays ...calendar.Holiday) *calendar.Calendar {
		return calendarOf(t, weekdays, 10*60, 18*60, holidays...)
	}
	january := func(day int) calendar.Holiday { return calendar.Holiday{Year: 2024, Month: time.January, Day: day} }
	for _, c := range []struct {
		row                            int
		calendar                       *calendar.Calendar
		opened                         time.Time
		response, resolution           time.Duration
		respondDue, resolveDue, holdAt time.Time
		held                           time.Duration
	}{
		{9, hours(), day(mon, 8, 0), time.Hour, 4 * time.Hour, day(mon, 11, 0), day(mon, 14, 0), time.Time{}, 0},
		{10, hours(), day(mon, 20, 0), 30 * time.Minute, 2 * time.Hour, day(tue, 10, 30), day(tue, 12, 0), time.Time{}, 0},
		{11, hours(january(18), january(19)), day(thu, 15, 0), 30 * time.Minute, 2 * time.Hour, day(mon+7, 10, 30), day(mon+7, 12, 0), time.Time{}, 0},
		{12, hours(), day(thu, 15, 0), 3 * time.Hour, 2 * time.Hour, day(thu, 18, 0), day(thu, 18, 0), day(thu, 15, 30), time.Hour},
	} {
		d := served(t, standard(c.calendar, within(c.response, 0, c.resolution)), ticket.Normal, c.opened)
		if c.held > 0 {
			d.then(t, c.holdAt, ticket.Assign{Agent: "jo"}, ticket.Hold{})
			if got := d.ticket.Service.Resolution; got.State != ticket.ClockPaused || !got.Due.IsZero() {
				t.Errorf("row %d: on hold the clock is %+v", c.row, got)
			}
			d.then(t, c.holdAt.Add(c.held), ticket.Resume{Room: true})
		}
		d.dueIs(t, ticket.FirstResponse, c.respondDue)
		d.dueIs(t, ticket.Resolution, c.resolveDue)
	}
}

func TestTargetOfAPriority(t *testing.T) {
	level := &sla.Level{Targets: map[ticket.Priority]sla.Targets{
		ticket.Urgent: within(time.Hour, 0, 0), ticket.Normal: within(2*time.Hour, 3*time.Hour, 0),
	}}
	for _, c := range []struct {
		priority ticket.Priority
		metric   ticket.Metric
		want     time.Duration
	}{
		{ticket.Urgent, ticket.FirstResponse, time.Hour},
		{ticket.Urgent, ticket.NextResponse, 0}, // listed without one
		{ticket.High, ticket.FirstResponse, 2 * time.Hour},
		{ticket.High, ticket.NextResponse, 3 * time.Hour},
		{ticket.Normal, ticket.Resolution, 0},
		{ticket.Low, ticket.FirstResponse, 0},
	} {
		if got := level.Target(c.priority, c.metric); got != c.want {
			t.Errorf("%s %s: %s, want %s", c.priority, c.metric, got, c.want)
		}
	}
}

// The first response is the first reply of an agent, or the resolution; a later one is counted from the oldest message of the
// customer that nobody answered.
func TestResponses(t *testing.T) {
	level := standard(nil, within(time.Hour, 2*time.Hour, 0))
	d := served(t, level, ticket.Normal, day(mon, 9, 0)).then(t, day(mon, 9, 30), ticket.CustomerReply{}, ticket.Note{})
	d.dueIs(t, ticket.FirstResponse, day(mon, 10, 0))
	if d.ticket.Service.NextResponse != nil {
		t.Error("a next response is due before the first")
	}
	d.then(t, day(mon, 9, 40), ticket.AgentReply{})
	d.stateIs(t, ticket.FirstResponse, ticket.ClockMet)
	if due := d.ticket.Service.Due(); !due.IsZero() {
		t.Errorf("all is answered, and due at %s", due)
	}
	d.then(t, day(mon, 10, 0), ticket.CustomerReply{}).then(t, day(mon, 11, 0), ticket.CustomerReply{})
	d.dueIs(t, ticket.NextResponse, day(mon, 12, 0))
	d.then(t, day(mon, 12, 30), ticket.AgentReply{})
	d.stateIs(t, ticket.NextResponse, ticket.ClockMissed)
	d.then(t, day(mon, 13, 0), ticket.CustomerReply{})
	d.stateIs(t, ticket.NextResponse, ticket.ClockRunning)
	d.dueIs(t, ticket.NextResponse, day(mon, 15, 0))

	resolved := served(t, level, ticket.Normal, day(mon, 9, 0)).then(t, day(mon, 9, 59), ticket.Resolve{ReopenUntil: day(fri, 0, 0)})
	resolved.stateIs(t, ticket.FirstResponse, ticket.ClockMet)
	late := served(t, level, ticket.Normal, day(mon, 9, 0)).then(t, day(mon, 10, 0), ticket.AgentReply{})
	late.stateIs(t, ticket.FirstResponse, ticket.ClockMissed)
	cancelled := served(t, level, ticket.Normal, day(mon, 9, 0)).then(t, day(mon, 9, 59), ticket.Cancel{})
	cancelled.stateIs(t, ticket.FirstResponse, ticket.ClockStopped)
	if timer := cancelled.ticket.NextTimer(); !timer.At.IsZero() {
		t.Errorf("a cancelled ticket has the timer %+v", timer)
	}
}

// Reopening goes on with the resolution where it was left; the time it was resolved does not count.
func TestReopeningContinuesTheResolution(t *testing.T) {
	d := served(t, standard(nil, within(0, 0, 4*time.Hour)), ticket.Normal, day(mon, 9, 0))
	d.then(t, day(mon, 10, 0), ticket.Resolve{ReopenUntil: day(fri, 0, 0)})
	d.stateIs(t, ticket.Resolution, ticket.ClockMet)
	d.then(t, day(tue, 9, 0), ticket.CustomerReply{})
	d.dueIs(t, ticket.Resolution, day(tue, 12, 0))
	d.stateIs(t, ticket.Resolution, ticket.ClockRunning)
}

// Another priority has another target, and the time used stays used.
func TestPriorityChangeKeepsTheTimeUsed(t *testing.T) {
	level := &sla.Level{Calendar: calendarOf(t, weekdays, 9*60, 17*60), WarnAtPercent: 75, Targets: map[ticket.Priority]sla.Targets{
		ticket.Urgent: within(0, 0, 2*time.Hour), ticket.Low: within(0, 0, 16*time.Hour),
	}}
	to := func(p ticket.Priority) ticket.Update {
		return ticket.Update{Content: ticket.Content{Subject: "s", Channel: "Chat", Priority: p}}
	}
	d := served(t, level, ticket.Low, day(mon, 16, 0)).then(t, day(mon, 16, 30), ticket.Assign{Agent: "jo"}, ticket.Hold{})
	d.then(t, day(tue, 9, 0), ticket.Resume{Room: true}, to(ticket.Urgent))
	d.dueIs(t, ticket.Resolution, day(tue, 10, 30))

	// Breached under the one, not under the other: then it is warned of again in time.
	d.then(t, day(tue, 10, 30))
	d.stateIs(t, ticket.Resolution, ticket.ClockBreached)
	d.then(t, day(tue, 10, 30), to(ticket.Low))
	d.stateIs(t, ticket.Resolution, ticket.ClockRunning)
	d.dueIs(t, ticket.Resolution, day(wed, 16, 30))

	// The due time is set past: there is nothing left to warn of.
	d.then(t, day(wed, 9, 0), to(ticket.Urgent))
	if timer := d.ticket.NextTimer(); timer.Kind != ticket.Resolution.Breach() || !timer.At.Equal(day(wed, 9, 0)) {
		t.Errorf("the timer is %+v", timer)
	}
	d.then(t, day(wed, 9, 0))
	if n := len(d.told); n != 3 || d.told[0].breach || !d.told[1].breach || !d.told[2].breach {
		t.Errorf("told %+v, want a warning and a breach, then a breach", d.told)
	}
}

// What was said of a due time is void once it would not be said: also while the clock is paused, and of a warning alone.
func TestPutOff(t *testing.T) {
	targets := map[ticket.Priority]sla.Targets{ticket.Urgent: within(0, 0, time.Hour), ticket.Low: within(0, 0, 3*time.Hour)}
	d := served(t, &sla.Level{WarnAtPercent: 50, Targets: targets}, ticket.Urgent, day(mon, 9, 0))
	d.then(t, day(mon, 10, 0), ticket.Assign{Agent: "jo"}, ticket.Hold{})
	d.stateIs(t, ticket.Resolution, ticket.ClockBreached)
	d.then(t, day(mon, 10, 0), ticket.Update{Content: ticket.Content{Subject: "s", Channel: "Chat", Priority: ticket.Low}})
	d.stateIs(t, ticket.Resolution, ticket.ClockPaused)
	d.then(t, day(mon, 11, 0), ticket.Resume{Room: true}).then(t, day(mon, 11, 30))
	d.stateIs(t, ticket.Resolution, ticket.ClockAtRisk)

	d.level = &sla.Level{WarnAtPercent: 75, Targets: targets}
	d.then(t, day(mon, 11, 30), ticket.Redate{})
	d.stateIs(t, ticket.Resolution, ticket.ClockRunning)
	if timer := d.ticket.NextTimer(); timer.Kind != ticket.Resolution.Warning() || !timer.At.Equal(day(mon, 12, 15)) {
		t.Errorf("the timer is %+v", timer)
	}
}

// A level that is gone leaves nothing due, and counts on when it is back.
func TestLevelGoneAndBack(t *testing.T) {
	level := standard(nil, within(time.Hour, 0, 4*time.Hour))
	d := served(t, level, ticket.Normal, day(mon, 9, 0))
	d.level = nil
	d.then(t, day(mon, 9, 10), ticket.Redate{})
	if due := d.ticket.Service.Due(); !due.IsZero() || !d.ticket.NextTimer().At.IsZero() {
		t.Errorf("due at %s", due)
	}
	d.level = level
	d.then(t, day(mon, 9, 20), ticket.Redate{})
	d.dueIs(t, ticket.FirstResponse, day(mon, 10, 0))
	d.dueIs(t, ticket.Resolution, day(mon, 13, 0))
}
