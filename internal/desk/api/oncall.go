package api

import (
	"slices"
	"time"

	"github.com/caseload-dev/caseload/internal/calendar"
	"github.com/caseload-dev/caseload/internal/oncall"
	"github.com/caseload-dev/caseload/internal/plan"
)

// OnCallQuery chooses rotations and times.
type OnCallQuery struct {
	// Rotation; empty: all.
	Rotation string
	// At is the instant at which somebody is on call; zero: now.
	At time.Time
	// From and To bound the shifts, gaps and shares; zero: none are asked for.
	From, To time.Time
}

// OnCallList tells of rotations, by name.
type OnCallList struct {
	At    time.Time `json:"at" doc:"Instant that current, next and firstGap are seen from"`
	Items []OnCall  `json:"items"`
}

// OnCall tells of a rotation.
type OnCall struct {
	Rotation string        `json:"rotation"`
	Team     string        `json:"team"`
	TimeZone string        `json:"timeZone" doc:"Zone of the first layer"`
	Current  []OnCallShift `json:"current" doc:"Shifts at the instant; empty: nobody is on call"`
	Next     *OnCallShift  `json:"next,omitempty" doc:"Next shift to begin"`
	FirstGap *OnCallGap    `json:"firstGap,omitempty" doc:"First gap in the required coverage of the next weeks"`
	// What follows is of the time between from and to.
	Shifts []OnCallShift  `json:"shifts,omitempty" doc:"Shifts that overlap the time asked for"`
	Gaps   []OnCallGap    `json:"gaps,omitempty" doc:"Gaps in the required coverage"`
	Shares []oncall.Share `json:"shares,omitempty" doc:"Duty of each agent: hours, and the nights, weekends and holidays touched"`
	// RecordedFrom and RecordedTo bound what is known as it was; before and after it is reckoned.
	RecordedFrom time.Time `json:"recordedFrom,omitzero" doc:"Shifts from here to recordedTo are as they were; others are reckoned by the rotation as it is"`
	RecordedTo   time.Time `json:"recordedTo,omitzero"`
}

// OnCallShift is duty of one agent without interruption.
type OnCallShift struct {
	Agent    string    `json:"agent"`
	Layer    string    `json:"layer"`
	Override string    `json:"override,omitempty" doc:"Override by which the agent serves"`
	Replaces string    `json:"replaces,omitempty" doc:"Agent whose duty it would be"`
	Start    time.Time `json:"startTime"`
	End      time.Time `json:"endTime"`
}

// OnCallGap is time in which nobody is on call although coverage asks for somebody.
type OnCallGap struct {
	Start time.Time `json:"startTime"`
	End   time.Time `json:"endTime,omitzero" doc:"Absent: weeks away"`
}

// OnCallHistory is what was recorded of a rotation's shifts.
type OnCallHistory struct {
	// From and To bound the time that is recorded; zero: none is.
	From, To time.Time
	Shifts   []oncall.Shift
}

// Start of a reckoned shift. What was recorded until To is so: a shift that was under way then began when the record has it,
// or else right then.
func (past *OnCallHistory) Start(s *oncall.Shift) time.Time {
	if !s.Start.Before(past.To) {
		return s.Start
	}
	if was := slices.IndexFunc(past.Shifts, func(o oncall.Shift) bool {
		return o.Assignment == s.Assignment && !o.Start.After(past.To) && o.End.After(past.To)
	}); was >= 0 {
		return past.Shifts[was].Start
	}
	return past.To
}

// NewOnCall tells of a rotation, seen from q.At.
func NewOnCall(r *plan.OnCallRotation, q OnCallQuery, past OnCallHistory) OnCall {
	o := OnCall{Rotation: r.Name, Team: r.Team, TimeZone: r.Zone.String(), Current: []OnCallShift{}, RecordedFrom: past.From, RecordedTo: past.To}
	for _, s := range ShiftsOf(r, q.At, q.At.Add(1), past) {
		o.Current = append(o.Current, newOnCallShift(s, r.Zone))
	}
	if next, ok := r.Next(q.At); ok {
		shift := newOnCallShift(next, r.Zone)
		o.Next = &shift
	}
	if gap, ok := r.FirstGap(q.At); ok {
		g := newOnCallGap(gap, r.Zone)
		o.FirstGap = &g
	}
	if q.From.Before(q.To) {
		shifts := ShiftsOf(r, q.From, q.To, past)
		for _, s := range shifts {
			o.Shifts = append(o.Shifts, newOnCallShift(s, r.Zone))
		}
		for _, gap := range r.Uncovered(shifts, q.From, q.To) {
			o.Gaps = append(o.Gaps, newOnCallGap(gap, r.Zone))
		}
		o.Shares = oncall.Shares(shifts, q.From, q.To, r.Zone, r.Calendar)
	}
	return o
}

// ShiftsOf a rotation that overlap the time between from and to, by start: as they are recorded, and reckoned where they are
// not.
func ShiftsOf(r *plan.OnCallRotation, from, to time.Time, past OnCallHistory) []oncall.Shift {
	if !past.From.Before(past.To) || !from.Before(past.To) || !past.From.Before(to) {
		return r.Shifts(from, to)
	}
	var shifts []oncall.Shift
	for _, s := range r.Shifts(from, past.From) { // before the record began
		s.End = earlier(s.End, past.From)
		shifts = append(shifts, s)
	}
	reckoned := r.Shifts(past.To, later(to, past.To.Add(1))) // also what goes on from a time before, to know its end
	for i := range reckoned {
		reckoned[i].Start = past.Start(&reckoned[i])
	}
	for _, s := range past.Shifts {
		if !slices.ContainsFunc(reckoned, func(o oncall.Shift) bool { return o.Assignment == s.Assignment && o.Start.Equal(s.Start) }) {
			shifts = append(shifts, s)
		}
	}
	shifts = append(shifts, reckoned...)
	shifts = slices.DeleteFunc(shifts, func(s oncall.Shift) bool { return !s.Start.Before(to) || !s.End.After(from) })
	slices.SortStableFunc(shifts, func(a, b oncall.Shift) int { return a.Start.Compare(b.Start) })
	return shifts
}

func earlier(a, b time.Time) time.Time {
	if a.After(b) {
		return b
	}
	return a
}

func newOnCallShift(s oncall.Shift, zone *time.Location) OnCallShift {
	return OnCallShift{Agent: s.Agent, Layer: s.Layer, Override: s.Override, Replaces: s.Replaces, Start: s.Start.In(zone), End: s.End.In(zone)}
}

func newOnCallGap(w calendar.Window, zone *time.Location) OnCallGap {
	g := OnCallGap{Start: w.Start.In(zone)}
	if !w.End.IsZero() {
		g.End = w.End.In(zone)
	}
	return g
}

// FeedPath is where a desk has its feeds, before the token.
const FeedPath = "/oncall/"

// CreateOnCallFeed says what a feed is of: a rotation, or an agent in all of them.
type CreateOnCallFeed struct {
	Rotation string `json:"rotation,omitempty" maxLength:"253"`
	Agent    string `json:"agent,omitempty" maxLength:"253"`
}

// OnCallFeed is an iCalendar at a secret address.
type OnCallFeed struct {
	ID       int64  `json:"id"`
	Rotation string `json:"rotation,omitempty"`
	Agent    string `json:"agent,omitempty"`
	// URL is told once.
	URL       string    `json:"url,omitempty" doc:"Secret address to subscribe to; told to who makes the feed, and never again"`
	CreatedAt time.Time `json:"createdAt"`
	CreatedBy string    `json:"createdBy"`
}

// OnCallFeedList has the feeds of a desk, by id.
type OnCallFeedList struct {
	Items []OnCallFeed `json:"items"`
}

func later(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}
