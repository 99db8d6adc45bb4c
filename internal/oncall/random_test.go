package oncall_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"reflect"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caseload-dev/caseload/api/v1alpha1"
	"github.com/caseload-dev/caseload/internal/calendar"
	"github.com/caseload-dev/caseload/internal/oncall"
	"github.com/caseload-dev/caseload/internal/walltime/walltimetest"
)

// An oracle that walks minute by minute agrees: on 500 random rotations, or as many as ONCALL_ORACLE says.
func TestAgreesWithOracle(t *testing.T) {
	rotations := 500
	if n, err := strconv.Atoi(os.Getenv("ONCALL_ORACLE")); err == nil {
		rotations = n
	}
	zones := walltimetest.Zones(t)
	seeds := make(chan int)
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			for seed := range seeds {
				compare(t, uint64(seed), zones)
			}
		})
	}
	for seed := range rotations {
		seeds <- seed
	}
	close(seeds)
	workers.Wait()
}

// compare a random rotation, over random days, with the oracle.
func compare(t *testing.T, seed uint64, zones []string) {
	g := &generator{Rand: rand.New(rand.NewPCG(seed, 1))}
	for i := range 3 {
		// All zones are met in turn.
		g.zones = append(g.zones, walltimetest.Load(t, zones[(int(seed)+i*i*i*97)%len(zones)]))
	}
	g.days()
	truth := g.rotation()
	want := truth.Walk(g.from, g.to)
	fail := func(at time.Time, format string, args ...any) {
		t.Errorf("seed %d, %s in %s to %s: %s", seed, at.Format(time.RFC3339), g.from.Format(time.RFC3339), g.to.Format(time.RFC3339), fmt.Sprintf(format, args...))
	}

	s := subject{generator: g, truth: truth, environment: oncall.Environment{Gone: func(agent string) bool { return truth.Gone[agent] }}}
	s.calendars = map[string]*calendar.Calendar{}
	s.environment.Calendars = func(name string) *calendar.Calendar { return s.calendars[name] }
	s.declare(t, truth.Layers)
	s.revise(g.from, v1alpha1.RolloutAfterCurrentShift)
	for from := g.from; from.Before(g.to); {
		// Until the next edit, or until the same is applied again.
		to := from.Add(time.Duration(1+g.IntN(int(g.to.Sub(g.from)/time.Minute))) * time.Minute)
		if to.After(g.to) {
			to = g.to
		}
		if len(truth.Edits) > s.edits && !truth.Edits[s.edits].At.After(to) {
			to = truth.Edits[s.edits].At
		}
		r := s.rotation()
		first, last := int(from.Sub(g.from)/time.Minute), int(to.Sub(g.from)/time.Minute)
		onShift := make([][]oracleOn, last-first)
		for _, shift := range r.Shifts(from, to) {
			for i := max(0, int(shift.Start.Sub(from)/time.Minute)); i < min(last-first, int(shift.End.Sub(from)/time.Minute)); i++ {
				onShift[i] = append(onShift[i], oracleOn{shift.Agent, shift.Layer, shift.Override})
			}
			if whole := r.Shifts(shift.Start, shift.Start.Add(1)); !slices.ContainsFunc(whole, func(o oncall.Shift) bool { return sameShift(o, shift) }) {
				fail(shift.Start, "a shift of %s until %s is seen otherwise at its start: %v", shift.Agent, shift.End, whole)
				return
			}
		}
		if handOff, ok := r.HandOff(from); ok {
			for _, shift := range r.Shifts(from, handOff.Add(1)) {
				for _, edge := range []time.Time{shift.Start, shift.End} {
					if edge.After(from) && edge.Before(handOff) {
						fail(from, "the next hand-off is at %s, and a shift of %s goes from %s to %s", handOff, shift.Agent, shift.Start, shift.End)
						return
					}
				}
			}
		}
		for i := range onShift {
			at := from.Add(time.Duration(i) * time.Minute)
			var on []oracleOn
			for _, a := range r.On(at) {
				on = append(on, oracleOn{a.Agent, a.Layer, a.Override})
			}
			if !slices.Equal(on, want[first+i]) {
				fail(at, "on call is %v, want %v", on, want[first+i])
				return
			}
			if !sameSet(onShift[i], on) {
				fail(at, "the shifts have %v on call, and at the time it is %v", onShift[i], on)
				return
			}
		}
		s.next(t, to)
		from = to
	}
}

func sameShift(a, b oncall.Shift) bool {
	return a.Assignment == b.Assignment && a.Start.Equal(b.Start) && a.End.Equal(b.End)
}

func sameSet(a, b []oracleOn) bool {
	order := func(x, y oracleOn) int { return strings.Compare(x.Layer, y.Layer) }
	a, b = slices.Clone(a), slices.Clone(b)
	slices.SortFunc(a, order)
	slices.SortFunc(b, order)
	return slices.Equal(a, b)
}

// subject of the comparison, as the package knows it.
type subject struct {
	*generator
	truth       *oracleRotation
	declared    []v1alpha1.OnCallLayer
	calendars   map[string]*calendar.Calendar
	environment oncall.Environment
	revisions   []oncall.Revision
	edits       int
}

func (s *subject) rotation() *oncall.Rotation {
	d := oncall.Declaration{Versions: oncall.NewVersions(s.revisions, s.environment.Calendars), Gone: s.environment.Gone}
	for _, o := range s.truth.Overrides {
		d.Overrides = append(d.Overrides, oncall.Override{Name: o.Name, Agent: o.Agent, Replaces: o.Replaces, Start: o.Start, End: o.End})
	}
	return oncall.New(d)
}

// next edit, if it is due, or the same once more.
func (s *subject) next(t *testing.T, now time.Time) {
	if s.edits < len(s.truth.Edits) && s.truth.Edits[s.edits].At.Equal(now) {
		edit := s.truth.Edits[s.edits]
		s.edits++
		s.declare(t, edit.Layers)
		rollout := v1alpha1.RolloutAfterCurrentShift
		if edit.Immediate {
			rollout = v1alpha1.RolloutImmediate
		}
		s.revise(now, rollout)
		return
	}
	before := s.revisions
	s.revise(now, v1alpha1.RolloutAfterCurrentShift)
	for _, r := range s.revisions {
		if !slices.ContainsFunc(before, func(b oncall.Revision) bool { return reflect.DeepEqual(b, r) }) {
			t.Errorf("applying the same again at %s made a revision: %+v; there were %+v", now, r, before)
		}
	}
}

func (s *subject) revise(now time.Time, rollout v1alpha1.Rollout) {
	s.revisions = oncall.Revise(s.revisions, s.declared, rollout, now, s.environment)
}

// declare the oracle's layers to the package.
func (s *subject) declare(t *testing.T, layers []oracleLayer) {
	s.declared = nil
	for _, l := range layers {
		d := v1alpha1.OnCallLayer{
			Name: l.Name, TimeZone: v1alpha1.TimeZone(l.Zone.String()), StartDate: date(l.Start),
			HandOff: v1alpha1.HandOff{Time: v1alpha1.TimeOfDay(fmt.Sprintf("%02d:%02d", l.Minute/60, l.Minute%60))},
			Turn:    v1alpha1.Turn{Unit: v1alpha1.TurnUnit(l.Unit)},
		}
		switch l.Unit {
		case "Week":
			d.HandOff.Day = v1alpha1.Weekday(l.Weekday.String()[:3])
		case "Month":
			d.HandOff.DayOfMonth = int32(l.DayOfMonth)
		}
		for _, length := range l.Lengths {
			d.Turn.Lengths = append(d.Turn.Lengths, int32(length))
		}
		if len(l.Lengths) == 1 {
			d.Turn.Every, d.Turn.Lengths = int32(l.Lengths[0]), nil
		}
		for _, m := range l.Members {
			d.Members = append(d.Members, v1alpha1.OnCallMember{AgentRef: v1alpha1.AgentReference{Name: v1alpha1.ObjectName(m.Agent)}, From: date(m.From), Until: date(m.Until)})
		}
		if l.OnDuty {
			d.Counting = v1alpha1.CountingOnDuty
		}
		if l.Additional {
			d.Precedence = v1alpha1.PrecedenceAdditional
		}
		if l.Duty != nil {
			d.Duty = new(s.declareDuty(t, l.Duty, l.Zone))
		}
		s.declared = append(s.declared, d)
	}
}

func (s *subject) declareDuty(t *testing.T, duty *oracleDuty, zone *time.Location) v1alpha1.Duty {
	if !duty.Outside && len(duty.Holidays) == 0 && duty.Zone == zone {
		d := v1alpha1.Duty{Type: v1alpha1.DutyWindows}
		for _, h := range duty.Hours {
			clock := func(minute int) v1alpha1.TimeOfDay {
				return v1alpha1.TimeOfDay(fmt.Sprintf("%02d:%02d", minute/60, minute%60))
			}
			d.Windows = append(d.Windows, v1alpha1.WeeklyHours{Days: []v1alpha1.Weekday{v1alpha1.Weekday(h.Day.String()[:3])}, From: clock(h.From), To: clock(h.To)})
		}
		return d
	}
	name := fmt.Sprintf("%p", duty)
	spec := calendar.Spec{Zone: duty.Zone}
	for _, h := range duty.Hours {
		spec.Hours = append(spec.Hours, calendar.Hours{Days: []time.Weekday{h.Day}, From: h.From, To: h.To})
	}
	for _, h := range duty.Holidays {
		spec.Holidays = append(spec.Holidays, calendar.Holiday{Year: h.Year(), Month: h.Month(), Day: h.Day()})
	}
	c, err := calendar.New(spec)
	if err != nil {
		t.Error(err)
	}
	s.calendars[name] = c
	d := v1alpha1.Duty{Type: v1alpha1.DutyDuring, CalendarRef: &v1alpha1.BusinessCalendarReference{Name: v1alpha1.ObjectName(name)}}
	if duty.Outside {
		d.Type = v1alpha1.DutyOutside
	}
	return d
}

func date(day time.Time) v1alpha1.Date {
	if day.IsZero() {
		return ""
	}
	return v1alpha1.Date(day.Format(time.DateOnly))
}

// generator of random rotations.
type generator struct {
	*rand.Rand
	zones    []*time.Location
	from, to time.Time
}

// days between 2015 and 2035, up to 60 and mostly fewer, most of them with a change of the first zone's clocks if it has any.
func (g *generator) days() {
	first := time.Date(2015, 1, 1, 0, 0, 0, 0, time.UTC)
	length := 1 + g.IntN(g.pick(2, 2, 2, 5, 5, 10, 60)*1440)
	g.from = first.Add(time.Duration(g.IntN(20*365*1440-length)) * time.Minute)
	if _, change := g.from.In(g.zones[0]).ZoneBounds(); !change.IsZero() && change.Year() < 2035 && g.IntN(5) > 0 {
		g.from = change.Add(-time.Duration(g.IntN(length)) * time.Minute)
	}
	g.from = g.from.UTC()
	g.to = g.from.Add(time.Duration(length) * time.Minute)
}

func (g *generator) pick(n ...int) int { return n[g.IntN(len(n))] }

func (g *generator) rotation() *oracleRotation {
	r := &oracleRotation{Gone: map[string]bool{}}
	names := []string{"first", "second", "third"}
	for i := range g.pick(1, 1, 2, 3) {
		r.Layers = append(r.Layers, g.layer(names[i]))
	}
	if g.IntN(4) == 0 {
		r.Gone[g.agent()] = true
	}
	last := r.Layers
	for range g.pick(0, 1, 1, 2, 3) {
		e := oracleEdit{At: g.instant(), Immediate: g.IntN(4) == 0}
		r.Edits = append(r.Edits, e)
	}
	slices.SortFunc(r.Edits, func(a, b oracleEdit) int { return a.At.Compare(b.At) })
	r.Edits = slices.CompactFunc(r.Edits, func(a, b oracleEdit) bool { return a.At.Equal(b.At) })
	for i := range r.Edits {
		r.Edits[i].Layers = g.edited(last, names)
		if i > 0 && g.IntN(3) == 0 {
			r.Edits[i].Layers = r.Layers // taken back
		}
		last = r.Edits[i].Layers
	}
	for i := range g.pick(0, 0, 1, 3) {
		start := g.instant()
		o := oracleOverride{Name: strconv.Itoa(i), Agent: g.agent(), Start: start, End: start.Add(time.Duration(1+g.IntN(3*1440)) * time.Minute)}
		if g.IntN(2) == 0 {
			o.Replaces = g.agent()
		}
		r.Overrides = append(r.Overrides, o)
	}
	return r
}

// edited layers: other members or another order of them, another layer, one more or one less.
func (g *generator) edited(layers []oracleLayer, names []string) []oracleLayer {
	layers = slices.Clone(layers)
	i := g.IntN(len(layers))
	switch g.IntN(6) {
	case 0:
		g.Shuffle(len(layers), func(a, b int) { layers[a], layers[b] = layers[b], layers[a] })
	case 1:
		layers[i] = g.layer(layers[i].Name)
	case 2:
		for _, name := range names {
			if !slices.ContainsFunc(layers, func(l oracleLayer) bool { return l.Name == name }) {
				return slices.Insert(layers, g.IntN(len(layers)+1), g.layer(name))
			}
		}
	case 3:
		if len(layers) > 1 {
			return slices.Delete(layers, i, i+1)
		}
	case 4:
		layers[i].Members = slices.Clone(layers[i].Members)
		g.Shuffle(len(layers[i].Members), func(a, b int) {
			m := layers[i].Members
			m[a], m[b] = m[b], m[a]
		})
	default:
		layers[i].Members = g.members()
	}
	return layers
}

func (g *generator) agent() string { return string(rune('A' + g.IntN(5))) }

func (g *generator) instant() time.Time {
	return g.from.Add(time.Duration(g.IntN(int(g.to.Sub(g.from)/time.Minute))) * time.Minute)
}

// day near the beginning, as a date; mostly one of the days looked at.
func (g *generator) day(before int) time.Time {
	return g.from.Add(time.Duration(g.IntN(before*1440+int(g.to.Sub(g.from)/time.Minute))-before*1440) * time.Minute).Truncate(24 * time.Hour)
}

// minute of a day, mostly at a time at which clocks are changed.
func (g *generator) minute() int {
	if g.IntN(3) == 0 {
		return g.IntN(1440)
	}
	return g.pick(0, 30, 60, 90, 120, 150, 180, 1410)
}

func (g *generator) layer(name string) oracleLayer {
	l := oracleLayer{
		Name: name, Zone: g.zones[g.pick(0, 0, 1, 2)], Start: g.day(12), Minute: g.minute(), Members: g.members(),
		Unit: []string{"Hour", "Day", "Day", "Week", "Month"}[g.IntN(5)], OnDuty: g.IntN(3) == 0, Additional: g.IntN(4) == 0,
	}
	if l.Unit == "Week" {
		l.Weekday = time.Weekday(g.IntN(7))
	}
	if l.Unit == "Month" {
		l.DayOfMonth = g.pick(1, 15, 28, 29, 30, 31)
	}
	for range g.pick(1, 1, 2, 3) {
		l.Lengths = append(l.Lengths, 1+g.IntN(3))
	}
	if g.IntN(2) == 0 {
		l.Duty = g.duty(l.Zone)
	}
	return l
}

func (g *generator) members() []oracleMember {
	var members []oracleMember
	for _, i := range g.Perm(5)[:1+g.IntN(4)] {
		m := oracleMember{Agent: string(rune('A' + i))}
		if g.IntN(4) == 0 {
			m.From = g.day(2)
		}
		if g.IntN(4) == 0 {
			m.Until = g.day(2)
		}
		members = append(members, m)
	}
	return members
}

// duty in some hours of the week or outside them, in any case with both.
func (g *generator) duty(zone *time.Location) *oracleDuty {
	d := &oracleDuty{Zone: zone, Outside: g.IntN(2) == 0}
	if g.IntN(3) == 0 {
		d.Zone = g.zones[g.IntN(len(g.zones))]
	}
	days := g.Perm(7)[:1+g.IntN(6)]
	from, to := g.minute(), g.minute()
	for _, day := range days {
		d.Hours = append(d.Hours, oracleHours{Day: time.Weekday(day), From: from, To: to})
	}
	for range g.pick(0, 0, 2) {
		d.Holidays = append(d.Holidays, g.day(2))
	}
	return d
}
