package oncall_test

// The oracle tells who is on call by walking minute by minute and looking at the clocks. It is slow, written apart from the
// package, and uses nothing of it.

import (
	"cmp"
	"slices"
	"time"
)

// Rotation as it is declared, edited and overridden.
type oracleRotation struct {
	Layers    []oracleLayer
	Edits     []oracleEdit // in order
	Overrides []oracleOverride
	Gone      map[string]bool
}

// Edit replaces the layers.
type oracleEdit struct {
	At        time.Time
	Layers    []oracleLayer
	Immediate bool
}

// Override of the duty of an agent, or of anybody's.
type oracleOverride struct {
	Name, Agent, Replaces string
	Start, End            time.Time
}

// Layer of members. Dates are midnights in UTC.
type oracleLayer struct {
	Name       string
	Zone       *time.Location
	Start      time.Time
	Minute     int
	Weekday    time.Weekday
	DayOfMonth int
	Unit       string
	Lengths    []int
	Members    []oracleMember
	Duty       *oracleDuty
	OnDuty     bool
	Additional bool
}

// Member from a date until before another; zero: without that end.
type oracleMember struct {
	Agent       string
	From, Until time.Time
}

// Duty in hours of the week, or outside them; never on, or always outside of, days that begin on a holiday.
type oracleDuty struct {
	Zone     *time.Location
	Outside  bool
	Hours    []oracleHours
	Holidays []time.Time
}

// Hours from a minute of a day to another, of the next day if that is not later.
type oracleHours struct {
	Day      time.Weekday
	From, To int
}

// On is somebody on call.
type oracleOn struct{ Agent, Layer, Override string }

// Walk tells who is on call in each minute between from and to.
func (r *oracleRotation) Walk(from, to time.Time) [][]oracleOn {
	w := &walk{gone: r.Gone, clocks: map[string]*clock{}, end: to.Add(padding)}
	w.begin = from.Add(-padding)
	for _, layers := range append([][]oracleLayer{r.Layers}, editedLayers(r.Edits)...) {
		for _, l := range layers {
			w.begin = earliest(w.begin, l.Start.Add(-padding))
		}
	}
	w.minutes = int(w.end.Sub(w.begin) / time.Minute)

	lines := map[string]*line{}
	for i := range r.Layers {
		lines[r.Layers[i].Name] = &line{versions: []version{w.version(0, i, &r.Layers[i], "")}}
	}
	for _, e := range r.Edits {
		w.edit(lines, e)
	}
	first := int(from.Sub(w.begin) / time.Minute)
	result := make([][]oracleOn, int(to.Sub(from)/time.Minute))
	for i := range result {
		result[i] = w.on(lines, r.Overrides, first+i)
	}
	return result
}

const padding = 3 * 24 * time.Hour

func editedLayers(edits []oracleEdit) (all [][]oracleLayer) {
	for _, e := range edits {
		all = append(all, e.Layers)
	}
	return all
}

func earliest(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// walk over minutes, which are numbered from the begin.
type walk struct {
	begin, end time.Time
	minutes    int
	gone       map[string]bool
	clocks     map[string]*clock
}

// clock of a zone. For each minute it has the latest face shown so far and the earliest shown from then on, in minutes since
// 1970: a time of the clock is first reached with the minute that shows it or a later one, and last with the one after which
// it is not shown again, nor an earlier one.
type clock struct{ shown, toShow []int }

func (w *walk) clock(zone *time.Location) *clock {
	if c := w.clocks[zone.String()]; c != nil {
		return c
	}
	c := &clock{shown: make([]int, w.minutes), toShow: make([]int, w.minutes)}
	t := w.begin.In(zone)
	_, offset := t.Zone()
	_, change := t.ZoneBounds()
	for i := range w.minutes {
		if !change.IsZero() && !t.Before(change) {
			_, offset = t.Zone()
			_, change = t.ZoneBounds()
		}
		face := int(t.Unix()+int64(offset)) / 60
		t = t.Add(time.Minute)
		c.shown[i], c.toShow[i] = face, face
		if i > 0 {
			c.shown[i] = max(face, c.shown[i-1])
		}
	}
	for i := w.minutes - 2; i >= 0; i-- {
		c.toShow[i] = min(c.toShow[i], c.toShow[i+1])
	}
	w.clocks[zone.String()] = c
	return c
}

// face of a date and a minute.
func face(date time.Time, minute int) int { return int(date.Unix()/60) + minute }

// line of versions of a layer.
type line struct{ versions []version }

// version of a layer from a minute on.
type version struct {
	from     int
	position int
	layer    *oracleLayer // nil: it ends
	// holder in each minute from `from` on; "" nobody.
	holder []string
	// passing minutes: those at whose begin the turn passes on.
	passing []bool
	duty    []bool
}

func (l *line) at(minute int) *version {
	var found *version
	for i := range l.versions {
		if l.versions[i].from <= minute {
			found = &l.versions[i]
		}
	}
	if found == nil || found.layer == nil {
		return nil
	}
	return found
}

// version of a layer whose turn somebody has at the begin; nobody: the first when the layer starts.
func (w *walk) version(from, position int, l *oracleLayer, turn string) version {
	v := version{from: from, position: position, layer: l, duty: w.dutyOf(l)}
	passes, started := w.handOffs(l, v.duty)
	v.passing = make([]bool, w.minutes)
	v.holder = make([]string, w.minutes)
	c := w.clock(l.Zone)
	begin := started
	if turn != "" {
		begin = max(from, started)
	}
	current, vacant := -1, true
	for i, m := range l.Members {
		if m.Agent == turn {
			current = i
			break
		}
	}
	for minute := begin; minute < w.minutes; minute++ {
		here := func(i int) bool {
			m, shown := l.Members[i], c.shown[minute]
			return (m.From.IsZero() || shown >= face(m.From, 0)) && (m.Until.IsZero() || shown < face(m.Until, 0))
		}
		next := func() {
			for step := 1; step <= len(l.Members); step++ {
				if i := (current + step) % len(l.Members); here(i) {
					current, vacant = i, false
					return
				}
			}
			vacant = true
		}
		switch {
		case minute == begin:
			if current < 0 || !here(current) {
				next()
			} else {
				vacant = false
			}
		case vacant:
			next()
		default:
			for range passes[minute] {
				next()
			}
			if !here(current) {
				next()
			}
		}
		v.passing[minute] = passes[minute] > 0
		if !vacant {
			for step := range l.Members {
				i := (current + step) % len(l.Members)
				if here(i) && !w.gone[l.Members[i].Agent] {
					v.holder[minute] = l.Members[i].Agent
					break
				}
			}
		}
	}
	return v
}

// handOffs tells how often the turn passes on at the begin of each minute, and when the first begins.
func (w *walk) handOffs(l *oracleLayer, duty []bool) (passes []int, started int) {
	c := w.clock(l.Zone)
	passes, started = make([]int, w.minutes), w.minutes
	date := l.Start
	switch l.Unit {
	case "Week":
		for date.Weekday() != l.Weekday {
			date = date.Add(24 * time.Hour)
		}
	case "Month":
		for !monthly(date, l.DayOfMonth) {
			date = date.Add(24 * time.Hour)
		}
	}
	next := face(date, l.Minute)
	turn, served := -1, false
	for minute := range w.minutes {
		for c.shown[minute] >= next {
			if turn < 0 {
				started = minute
			} else if !l.OnDuty || served {
				passes[minute]++
			}
			turn++
			served = false
			for range l.Lengths[turn%len(l.Lengths)] {
				switch l.Unit {
				case "Hour":
					next += 60
				case "Day":
					next += 24 * 60
				case "Week":
					next += 7 * 24 * 60
				case "Month":
					for date = date.Add(24 * time.Hour); !monthly(date, l.DayOfMonth); {
						date = date.Add(24 * time.Hour)
					}
					next = face(date, l.Minute)
				}
			}
		}
		served = served || duty[minute]
	}
	return passes, started
}

// monthly says whether a date is the day of its month, or the last where the month is shorter.
func monthly(date time.Time, day int) bool {
	tomorrow := date.Add(24 * time.Hour)
	return date.Day() == day || tomorrow.Month() != date.Month() && date.Day() < day
}

func (w *walk) dutyOf(l *oracleLayer) []bool {
	duty := make([]bool, w.minutes)
	if l.Duty == nil {
		for i := range duty {
			duty[i] = true
		}
		return duty
	}
	c := w.clock(l.Duty.Zone)
	for i := range duty {
		today := time.Unix(int64(c.shown[i]/(24*60))*24*60*60, 0).UTC()
		open := false
		for back := -1; back <= 3 && !open; back++ {
			day := today.Add(-time.Duration(back) * 24 * time.Hour)
			if slices.ContainsFunc(l.Duty.Holidays, day.Equal) {
				continue
			}
			for _, h := range l.Duty.Hours {
				to := h.To
				if to <= h.From {
					to += 24 * 60
				}
				ended := c.toShow[i] >= face(day, to) && (i+1 == w.minutes || c.toShow[i+1] > face(day, to))
				open = open || h.Day == day.Weekday() && c.shown[i] >= face(day, h.From) && !ended
			}
		}
		duty[i] = open != l.Duty.Outside
	}
	return duty
}

// edit the layers at a time: each that changes does so when its turn is next handed over.
func (w *walk) edit(lines map[string]*line, e oracleEdit) {
	now := int(e.At.Sub(w.begin) / time.Minute)
	coming := map[string]version{}
	for name, l := range lines {
		for _, v := range l.versions {
			if v.from > now {
				coming[name] = v
			}
		}
		l.versions = slices.DeleteFunc(l.versions, func(v version) bool { return v.from > now })
	}
	before := w.on(lines, nil, now)
	when := func(name string) int {
		if e.Immediate {
			return now
		}
		if l := lines[name]; l != nil && l.at(now) != nil {
			return w.handOff(l.at(now), now)
		}
		from := now
		for _, on := range before {
			from = max(from, w.handOff(lines[on.Layer].at(now), now))
		}
		return from
	}
	// Nothing changes before all is decided.
	changed := map[string]version{}
	for i := range e.Layers {
		l := &e.Layers[i]
		var old *version
		if lines[l.Name] != nil {
			old = lines[l.Name].at(now)
		}
		if old != nil && old.position == i && same(old.layer, l) {
			continue
		}
		if v, ok := coming[l.Name]; ok && old == nil && !e.Immediate && v.position == i && v.layer != nil && same(v.layer, l) {
			changed[l.Name] = v
			continue
		}
		from, turn := when(l.Name), ""
		if old != nil && old.holder[now] != "" && from < w.minutes {
			if from > now {
				turn = w.nextIn(l, old.holder[from-1], true, from)
			} else {
				turn = w.nextIn(l, old.holder[now], false, from)
			}
		}
		if from < w.minutes {
			changed[l.Name] = w.version(from, i, l, turn)
		}
	}
	for name, l := range lines {
		if l.at(now) != nil && !slices.ContainsFunc(e.Layers, func(l oracleLayer) bool { return l.Name == name }) {
			changed[name] = version{from: when(name)}
		}
	}
	for name, v := range changed {
		if lines[name] == nil {
			lines[name] = &line{}
		}
		lines[name].versions = append(lines[name].versions, v)
	}
}

// handOff is the minute after now at which the turn passes on or nobody has it any more; now if nobody has it.
func (w *walk) handOff(v *version, now int) int {
	if v.holder[now] == "" {
		return now
	}
	for minute := now + 1; minute < w.minutes; minute++ {
		if v.passing[minute] || v.holder[minute] == "" {
			return minute
		}
	}
	return w.minutes
}

// nextIn a layer's members: who comes after an agent, or the agent, among those who are there in a minute.
func (w *walk) nextIn(l *oracleLayer, agent string, after bool, minute int) string {
	var order []oracleMember
	for i, m := range l.Members {
		if m.Agent == agent {
			order = append(slices.Clone(l.Members[i:]), l.Members[:i]...)
			if after {
				order = append(order[1:], order[0])
			}
			break
		}
	}
	if order == nil {
		order = l.Members
	}
	shown := w.clock(l.Zone).shown[minute]
	for _, m := range order {
		if (m.From.IsZero() || shown >= face(m.From, 0)) && (m.Until.IsZero() || shown < face(m.Until, 0)) && !w.gone[m.Agent] {
			return m.Agent
		}
	}
	return ""
}

// on call in a minute.
func (w *walk) on(lines map[string]*line, overrides []oracleOverride, minute int) []oracleOn {
	var versions []*version
	for _, l := range lines {
		if v := l.at(minute); v != nil {
			versions = append(versions, v)
		}
	}
	slices.SortFunc(versions, func(a, b *version) int {
		return cmp.Or(cmp.Compare(a.position, b.position), cmp.Compare(a.from, b.from), cmp.Compare(a.layer.Name, b.layer.Name))
	})
	var all []oracleOn
	served := false
	for _, v := range versions {
		agent := v.holder[minute]
		if agent == "" || !v.duty[minute] || served && !v.layer.Additional {
			continue
		}
		served = served || !v.layer.Additional
		all = append(all, w.override(oracleOn{Agent: agent, Layer: v.layer.Name}, overrides, w.begin.Add(time.Duration(minute)*time.Minute)))
	}
	return all
}

func (w *walk) override(on oracleOn, overrides []oracleOverride, t time.Time) oracleOn {
	var first *oracleOverride
	for i := range overrides {
		o := &overrides[i]
		if w.gone[o.Agent] || t.Before(o.Start) || !t.Before(o.End) || o.Replaces != "" && o.Replaces != on.Agent {
			continue
		}
		if first == nil || o.Start.Before(first.Start) || o.Start.Equal(first.Start) && o.Name < first.Name {
			first = o
		}
	}
	if first != nil {
		on.Agent, on.Override = first.Agent, first.Name
	}
	return on
}

func same(a, b *oracleLayer) bool {
	return a.Name == b.Name && a.Zone == b.Zone && a.Start.Equal(b.Start) && a.Minute == b.Minute && a.Weekday == b.Weekday && a.DayOfMonth == b.DayOfMonth &&
		a.Unit == b.Unit && slices.Equal(a.Lengths, b.Lengths) && slices.Equal(a.Members, b.Members) && a.Duty == b.Duty && a.OnDuty == b.OnDuty && a.Additional == b.Additional
}
