package checker

import (
	"slices"
	"strings"
	"time"
	_ "time/tzdata" // a log is checked where it is
)

// span of time, [Start, End); a zero End: for good.
type span struct {
	Start time.Time `json:"start"`
	End   time.Time `json:"end"`
}

func (s span) has(t time.Time) bool { return !t.Before(s.Start) && (s.End.IsZero() || t.Before(s.End)) }

// dutyChange that the desk was told of.
type dutyChange struct {
	ID    int64     `json:"id"`
	Type  string    `json:"type"`
	Start time.Time `json:"startTime"`
	End   time.Time `json:"endTime"`
}

func (d dutyChange) has(t time.Time) bool { return !t.Before(d.Start) && t.Before(d.End) }

// planRampUp has when the weeks of somebody new begin.
type planRampUp struct {
	StartPercent int         `json:"startPercent"`
	Weeks        []time.Time `json:"weeks"`
}

// part of a limit that holds at t.
func (r *planRampUp) part(limit int, t time.Time) int64 {
	if r == nil {
		return int64(limit)
	}
	steps := len(r.Weeks) - 1
	step := 0
	for step < steps && !t.Before(r.Weeks[step+1]) {
		step++
	}
	percent := r.StartPercent + (100-r.StartPercent)*step/steps
	return max(int64(limit*percent/100), 1)
}

// lent says whether the agent, if they serve the queue by assignments with dates alone, has one at t.
func (q *planQueue) lent(agent string, t time.Time) bool {
	loans, only := q.Loans[agent]
	return !only || slices.ContainsFunc(loans, func(s span) bool { return s.has(t) })
}

// planCalendar has the hours and holidays of a place. Holidays are dates, with the year 0000 if they are yearly.
type planCalendar struct {
	TimeZone string `json:"timeZone"`
	Hours    []struct {
		Days []int `json:"days"`
		From int   `json:"from"`
		To   int   `json:"to"`
	} `json:"hours"`
	Holidays []string `json:"holidays"`
	zone     *time.Location
}

func (c *checker) dutyChanged(r *Record) {
	var change dutyChange
	c.decode(r, &change)
	agent := c.agent(r.Agent)
	agent.changed = r.Seq
	if delete(agent.told, change.ID); r.Type == "agent.dutyChanged" {
		agent.told[change.ID] = change
	}
}

// onDuty says whether an agent may be given work by the record. Where a rotation has them, that may be on record only later.
func (c *checker) onDuty(r *Record, name string) bool {
	t, declared := r.At, c.plan.Agents[name]
	extra := false
	for _, change := range c.agent(name).told {
		switch {
		case change.has(t) && change.Type == "Absence":
			return false
		case change.has(t):
			extra = true
		}
	}
	if slices.ContainsFunc(declared.Absences, func(s span) bool { return s.has(t) }) {
		return false
	}
	if extra {
		return true
	}
	if declared.Rotation != "" {
		c.claimShift(r, declared.Rotation, name)
		return true
	}
	calendar := c.plan.Calendars[declared.Schedule]
	return calendar == nil || calendar.open(t)
}

// open says whether the hours of a day near t have begun on the clock on the wall and are not over.
func (p *planCalendar) open(t time.Time) bool {
	if p.zone == nil {
		var err error
		if p.zone, err = time.LoadLocation(p.TimeZone); err != nil {
			return false
		}
	}
	today := face(t.In(p.zone)).Truncate(24 * time.Hour)
	for days := -3; days <= 2; days++ {
		day := today.AddDate(0, 0, days)
		if p.holiday(day) {
			continue
		}
		for _, h := range p.Hours {
			begin, end := day.Add(time.Duration(h.From)*time.Minute), day.Add(time.Duration(h.To)*time.Minute)
			if h.To <= h.From {
				end = end.AddDate(0, 0, 1)
			}
			if slices.Contains(h.Days, int(day.Weekday())) && p.shown(t, begin, end) {
				return true
			}
		}
	}
	return false
}

// shown says whether the clock has shown the beginning by t, or a later time, and does not show the end, or an earlier
// time, after it. Where clocks are changed near, it is watched minute by minute.
func (p *planCalendar) shown(t, begin, end time.Time) bool {
	now := face(t.In(p.zone))
	begun, over := !now.Before(begin), !now.Before(end)
	const near = 30 * time.Hour
	steady := offset(t.In(p.zone))
	if offset(t.Add(-near).In(p.zone)) == steady && offset(t.Add(near).In(p.zone)) == steady {
		return begun && !over
	}
	for m := time.Minute; m <= near; m += time.Minute {
		begun = begun || !face(t.Add(-m).In(p.zone)).Before(begin)
		if !face(t.Truncate(time.Minute).Add(m).In(p.zone)).After(end) {
			over = false
		}
	}
	return begun && !over
}

func offset(t time.Time) int {
	_, seconds := t.Zone()
	return seconds
}

// face of the clock, as if it were in UTC.
func face(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), time.UTC)
}

func (p *planCalendar) holiday(day time.Time) bool {
	date := day.Format(time.DateOnly)
	return slices.ContainsFunc(p.Holidays, func(h string) bool {
		return h == date || strings.HasPrefix(h, "0000") && h[4:] == date[4:]
	})
}
