package sla_test

import (
	"cmp"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/caseload-dev/caseload/internal/sla"
	"github.com/caseload-dev/caseload/internal/ticket"
)

// happening is one entry of a random history.
type happening struct {
	minute int
	what   string
	// priority or level that the ticket has from then on.
	value int
}

// terms are a level as the oracle knows it: how many minutes count from the opening to each, and per priority and metric how
// many there are.
type terms struct {
	open    [maxMinutes]int
	warn    int // percent
	targets map[int][3]int
}

// maxMinutes of a history, with what is due at its end.
const maxMinutes = 15_000

// told is a warning or breach.
type told struct {
	minute, metric int
	breach         bool
}

// oracle reads a history from its beginning, minute by minute. It shares nothing with the package but the rules.
type oracle struct {
	history  []happening
	levels   []*terms
	level    *terms
	priority int
	status   string
	metrics  [3]struct {
		begun, running, over, done, warned, breached bool
		start, before                                int
	}
	responded, asked bool
	told             []told
}

func (o *oracle) used(i, now int) int {
	m := &o.metrics[i]
	n := m.before
	if m.running && o.level != nil {
		n += o.level.open[now] - o.level.open[m.start]
	}
	return n
}

func (o *oracle) target(i int) int {
	if o.level == nil {
		return 0
	}
	for p := o.priority; p < 4; p++ {
		if row, ok := o.level.targets[p]; ok {
			return row[i]
		}
	}
	return 0
}

// look notes what is true at a minute and was not before.
func (o *oracle) look(now int) {
	for i := range o.metrics {
		m := &o.metrics[i]
		if !m.begun || m.over || m.done {
			continue
		}
		target, used := o.target(i), o.used(i, now)
		warnable := target * o.percent() / 100
		m.warned = m.warned && (target == 0 || used >= warnable)
		m.breached = m.breached && (target == 0 || used >= target)
		if !m.running || target == 0 {
			continue
		}
		if used >= warnable && used < target && !m.warned {
			m.warned = true
			o.told = append(o.told, told{now, i, false})
		}
		if used >= target && !m.breached {
			m.breached = true
			o.told = append(o.told, told{now, i, true})
		}
	}
}

func (o *oracle) percent() int {
	if o.level == nil {
		return 0
	}
	return o.level.warn
}

func (o *oracle) begin(i, now int) {
	m := &o.metrics[i]
	if !m.begun || !m.running {
		m.start = now
	}
	m.begun, m.running, m.done = true, true, false
}

func (o *oracle) halt(i, now int) {
	m := &o.metrics[i]
	m.before, m.running = o.used(i, now), false
}

func (o *oracle) answered(now int) {
	if !o.responded {
		o.halt(0, now)
		o.metrics[0].done = true
	} else if o.asked {
		o.halt(1, now)
		o.metrics[1].done = true
	}
	o.responded, o.asked = true, false
}

func (o *oracle) happen(h happening) {
	now := h.minute
	wakes := false
	switch h.what {
	case "customer":
		if o.responded && !o.asked {
			o.asked = true
			o.metrics[1] = struct {
				begun, running, over, done, warned, breached bool
				start, before                                int
			}{}
			o.begin(1, now)
		}
		wakes = o.status != "OnHold"
	case "agent":
		o.answered(now)
	case "pend", "hold":
		o.status = map[string]string{"pend": "Pending", "hold": "OnHold"}[h.what]
		o.halt(2, now)
	case "resume":
		wakes = true
	case "resolve":
		o.answered(now)
		o.status = "Resolved"
		o.halt(2, now)
		o.metrics[2].done = true
	case "cancel":
		for i := range o.metrics {
			if o.metrics[i].begun && !o.metrics[i].done {
				o.halt(i, now)
				o.metrics[i].over = true
			}
		}
		o.status = "Cancelled"
	case "priority":
		o.priority = h.value
	case "level":
		o.level = o.levels[h.value]
	}
	if wakes {
		o.status = "Open"
		o.begin(2, now)
	}
}

func (o *oracle) run(until int) {
	o.status = "Open"
	o.begin(0, 0)
	o.begin(2, 0)
	o.look(0)
	rest := o.history
	for now := 0; now <= until; now++ {
		o.look(now)
		for len(rest) > 0 && rest[0].minute == now {
			o.happen(rest[0])
			o.look(now)
			rest = rest[1:]
		}
	}
}

// due is the minute at which a running clock has used its target, if that comes soon.
func (o *oracle) due(i, now int) (int, bool) {
	m := &o.metrics[i]
	target := o.target(i)
	if !m.running || target == 0 {
		return 0, false
	}
	for minute := now; minute < maxMinutes; minute++ {
		if o.used(i, minute) == target {
			return minute, true
		}
	}
	return 0, false
}

// desk keeps a ticket as the running system does: what fell due is on record before anything else happens.
type desk struct {
	ticket ticket.Ticket
	level  *sla.Level
	told   []told
}

func (d *desk) keep(t ticket.Ticket, now time.Time) {
	sla.Keep(&t, d.level, now)
	d.ticket = t
}

func (d *desk) apply(t fataler, e ticket.Event, now time.Time) {
	t.Helper()
	next, err := ticket.Apply(d.ticket, e, now)
	if err != nil {
		t.Fatal(err)
	}
	d.keep(next, now)
}

type fataler interface {
	Helper()
	Fatal(...any)
}

func (d *desk) fire(t fataler, until time.Time) {
	t.Helper()
	for timer := d.ticket.Service.NextTimer(); timer.Due(until); timer = d.ticket.Service.NextTimer() {
		for i, m := range ticket.Metrics {
			switch timer.Kind {
			case m.Warning():
				d.apply(t, ticket.Warn{Metric: m}, timer.At)
				d.told = append(d.told, told{minuteOf(timer.At), i, false})
			case m.Breach():
				d.apply(t, ticket.Breach{Metric: m}, timer.At)
				d.told = append(d.told, told{minuteOf(timer.At), i, true})
			}
		}
	}
}

func minuteOf(t time.Time) int { return int(t.Sub(opening) / time.Minute) }

func at(minute int) time.Time { return opening.Add(time.Duration(minute) * time.Minute) }

// Whatever happens to a ticket, its clocks are those that its whole history gives.
func TestClocksAreThoseOfTheHistory(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		levels := []*sla.Level{nil}
		o := &oracle{levels: []*terms{nil}}
		for range 2 {
			level, known := drawLevel(t)
			levels, o.levels = append(levels, level), append(o.levels, known)
		}
		first := rapid.IntRange(1, 2).Draw(t, "level")
		o.level, o.priority = o.levels[first], rapid.IntRange(0, 3).Draw(t, "priority")
		d := &desk{level: levels[first]}
		d.ticket = ticket.New(ticket.Content{Subject: "s", Channel: "Chat", Priority: ticket.Priorities[o.priority]},
			ticket.Route{Queue: "q", Priority: ticket.Priorities[o.priority]}, opening)
		d.keep(d.ticket, opening)
		d.apply(t, ticket.Assign{Agent: "jo"}, opening)

		now := 0
		for range rapid.IntRange(0, 15).Draw(t, "length") {
			now += rapid.IntRange(0, 200).Draw(t, "gap")
			d.fire(t, at(now))
			h := drawHappening(t, &d.ticket, now)
			o.history = append(o.history, h)
			switch h.what {
			case "level":
				d.level = levels[h.value]
				if d.ticket.Status != ticket.Resolved {
					d.apply(t, ticket.Redate{}, at(now))
				}
			case "priority":
				content := d.ticket.Clone().Content
				content.Priority = ticket.Priorities[h.value]
				d.apply(t, ticket.Update{Content: content}, at(now))
			default:
				d.apply(t, eventOf(h.what), at(now))
			}
			d.fire(t, at(now))
			if h.what == "cancel" {
				break
			}
		}
		end := now + rapid.IntRange(0, 400).Draw(t, "end")
		d.fire(t, at(end))
		o.run(end)
		compare(t, o, d, end)

		again := d.ticket.Clone()
		sla.Keep(&again, d.level, at(end+7))
		if got, want := fmt.Sprint(again.Service.Clock(ticket.Resolution)), fmt.Sprint(d.ticket.Service.Clock(ticket.Resolution)); got != want && d.ticket.NextTimer().At.After(at(end+7)) {
			t.Fatalf("looking again changed\n%s to\n%s", want, got)
		}
	})
}

func compare(t *rapid.T, o *oracle, d *desk, end int) {
	sorted := func(all []told) []told {
		return slices.SortedFunc(slices.Values(all), func(a, b told) int {
			return cmp.Or(a.minute-b.minute, a.metric-b.metric)
		})
	}
	if got, want := sorted(d.told), sorted(o.told); !slices.Equal(got, want) {
		t.Fatalf("told %+v, the history says %+v", got, want)
	}
	for i, m := range ticket.Metrics {
		want, got := &o.metrics[i], d.ticket.Service.Clock(m)
		if want.begun != (got != nil) {
			t.Fatalf("%s: clock %+v, begun %v", m, got, want.begun)
		}
		if got == nil {
			continue
		}
		// What is done has the target it had then.
		targeted := o.target(i) > 0 && !want.done || want.done && got.Target > 0
		warned, breached := want.warned && targeted, want.breached && targeted
		state := map[bool]ticket.ClockState{true: ticket.ClockBreached, false: ticket.ClockPaused}[breached]
		switch {
		case want.over:
			state = ticket.ClockStopped
		case want.done && breached:
			state = ticket.ClockMissed
		case want.done:
			state = ticket.ClockMet
		case breached:
		case want.running && warned:
			state = ticket.ClockAtRisk
		case want.running:
			state = ticket.ClockRunning
		}
		if got.State != state {
			t.Fatalf("%s is %s, the history says %s", m, got.State, state)
		}
		used := time.Duration(got.Used)
		if !got.Since.IsZero() && d.level != nil {
			used += d.level.Calendar.Between(got.Since, at(end))
		}
		if used != time.Duration(o.used(i, end))*time.Minute {
			t.Fatalf("%s used %s, the history says %d minutes", m, used, o.used(i, end))
		}
		if due, soon := o.due(i, end); soon && !breached && !got.Due.Equal(at(due)) {
			t.Fatalf("%s is due at %s, the history says %s", m, got.Due, at(due))
		} else if got.Due.IsZero() != (!want.running || o.target(i) == 0) {
			t.Fatalf("%s is due at %s, the history says: running %v, target %d", m, got.Due, want.running, o.target(i))
		}
	}
}

func eventOf(what string) ticket.Event {
	return map[string]ticket.Event{
		"customer": ticket.CustomerReply{Room: true}, "agent": ticket.AgentReply{}, "pend": ticket.Pend{}, "hold": ticket.Hold{},
		"resume": ticket.Resume{Room: true}, "resolve": ticket.Resolve{ReopenUntil: at(1_000_000)}, "cancel": ticket.Cancel{},
	}[what]
}

func drawHappening(t *rapid.T, tk *ticket.Ticket, now int) happening {
	choices := []string{"customer", "agent", "level", "priority"}
	switch tk.Status {
	case ticket.Open:
		choices = append(choices, "pend", "hold", "pend", "hold", "resolve")
	case ticket.Pending, ticket.OnHold:
		choices = append(choices, "resume", "resume", "resolve")
	}
	if tk.Status == ticket.Resolved { // a level that changes meanwhile counts when it is reopened
		choices = choices[:2]
	}
	if rapid.IntRange(0, 20).Draw(t, "end") == 20 {
		choices = []string{"cancel"}
	}
	h := happening{minute: now, what: rapid.SampledFrom(choices).Draw(t, "what")}
	switch h.what {
	case "level":
		h.value = rapid.IntRange(0, 2).Draw(t, "to level")
	case "priority":
		h.value = rapid.IntRange(0, 3).Draw(t, "to priority")
	}
	return h
}

func drawLevel(t *rapid.T) (*sla.Level, *terms) {
	from := rapid.IntRange(0, 20).Draw(t, "from")
	to := rapid.IntRange(from+1, 24).Draw(t, "to")
	known := &terms{
		warn:    rapid.SampledFrom([]int{25, 50, 75}).Draw(t, "warn"),
		targets: map[int][3]int{},
	}
	for minute := range maxMinutes - 1 {
		known.open[minute+1] = known.open[minute]
		if hour := minute / 60 % 24; from <= hour && hour < to {
			known.open[minute+1]++
		}
	}
	level := &sla.Level{Calendar: calendarOf(t, everyDay, from*60, to*60), WarnAtPercent: known.warn, Targets: map[ticket.Priority]sla.Targets{}}
	for p, priority := range ticket.Priorities {
		if !rapid.Bool().Draw(t, "listed") {
			continue
		}
		var row [3]int
		targets := sla.Targets{}
		for i, m := range ticket.Metrics {
			if row[i] = 4 * rapid.IntRange(0, 120).Draw(t, "target"); row[i] > 0 {
				targets[m] = time.Duration(row[i]) * time.Minute
			}
		}
		known.targets[p], level.Targets[priority] = row, targets
	}
	return level, known
}
