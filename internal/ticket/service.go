package ticket

import (
	"time"
)

// Metric is what a service level has a target for.
type Metric string

const (
	// FirstResponse is the first reply of an agent to the customer, from the opening of the ticket. Nothing pauses it.
	FirstResponse Metric = "FirstResponse"
	// NextResponse is a later reply, from the oldest message of the customer that has none. Nothing pauses it.
	NextResponse Metric = "NextResponse"
	// Resolution of the ticket, from its opening. It pauses in Pending and OnHold, and goes on when the ticket is reopened.
	Resolution Metric = "Resolution"
)

// Metrics lists every metric.
var Metrics = []Metric{FirstResponse, NextResponse, Resolution}

// ClockState says in a word how a clock stands.
type ClockState string

const (
	// ClockRunning: time passes, and neither warning nor breach is reached. Without a target it never is.
	ClockRunning ClockState = "Running"
	// ClockAtRisk: running, and warned of.
	ClockAtRisk ClockState = "AtRisk"
	// ClockBreached: running or paused, and too late.
	ClockBreached ClockState = "Breached"
	// ClockPaused: no time passes.
	ClockPaused ClockState = "Paused"
	// ClockMet: done in time, or without a target.
	ClockMet ClockState = "Met"
	// ClockMissed: done too late.
	ClockMissed ClockState = "Missed"
	// ClockStopped: the ticket ended before it was done.
	ClockStopped ClockState = "Stopped"
)

// Clock measures one metric of a ticket in the time of its service level: business time, or any time. Package sla sets it.
type Clock struct {
	State ClockState `json:"state" enum:"Running,AtRisk,Breached,Paused,Met,Missed,Stopped"`
	// Target is how much time there is; zero: none.
	Target Span `json:"target,omitzero"`
	// Used is the time counted before the present run, and Since when that began; zero while the clock stands still.
	Used  Span      `json:"used,omitzero"`
	Since time.Time `json:"since,omitzero"`
	// Due is when the target is used up, and WarnAt when a warning is given; a warning that would come too late is not
	// given. Both are zero without a target and while the clock stands still.
	Due    time.Time `json:"due,omitzero"`
	WarnAt time.Time `json:"warnAt,omitzero"`
	// WarnedAt and BreachedAt are when this came to be on record, zero again if the due time is put off.
	WarnedAt   time.Time `json:"warnedAt,omitzero"`
	BreachedAt time.Time `json:"breachedAt,omitzero"`
	// DoneAt is when what the clock measures was done.
	DoneAt time.Time `json:"doneAt,omitzero"`
}

// Ended says that what the clock measures is done, or will not be.
func (c *Clock) Ended() bool {
	return c.State == ClockMet || c.State == ClockMissed || c.State == ClockStopped
}

// Span of time that travels as text such as 1h30m0s.
type Span time.Duration

func (s Span) String() string { return time.Duration(s).String() }

// MarshalText implements encoding.TextMarshaler.
func (s Span) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (s *Span) UnmarshalText(text []byte) error {
	d, err := time.ParseDuration(string(text))
	*s = Span(d)
	return err
}

// Service is how a ticket stands with its service level: a clock for each metric that has begun.
type Service struct {
	FirstResponse *Clock `json:"firstResponse,omitempty"`
	NextResponse  *Clock `json:"nextResponse,omitempty"`
	Resolution    *Clock `json:"resolution,omitempty"`
}

// Clock of a metric, nil if it has not begun.
func (s *Service) Clock(m Metric) *Clock {
	switch {
	case s == nil:
		return nil
	case m == FirstResponse:
		return s.FirstResponse
	case m == NextResponse:
		return s.NextResponse
	}
	return s.Resolution
}

// SetClock of a metric.
func (s *Service) SetClock(m Metric, c *Clock) {
	switch m {
	case FirstResponse:
		s.FirstResponse = c
	case NextResponse:
		s.NextResponse = c
	case Resolution:
		s.Resolution = c
	}
}

func (s *Service) clone() *Service {
	if s == nil {
		return nil
	}
	return &Service{clone(s.FirstResponse), clone(s.NextResponse), clone(s.Resolution)}
}

// Equal says whether both tell the same.
func (s *Service) Equal(other *Service) bool {
	for _, m := range Metrics {
		a, b := s.Clock(m), other.Clock(m)
		if a == nil || b == nil {
			if a != b {
				return false
			}
			continue
		}
		if a.State != b.State || a.Target != b.Target || a.Used != b.Used || !a.Since.Equal(b.Since) || !a.Due.Equal(b.Due) ||
			!a.WarnAt.Equal(b.WarnAt) || !a.WarnedAt.Equal(b.WarnedAt) || !a.BreachedAt.Equal(b.BreachedAt) || !a.DoneAt.Equal(b.DoneAt) {
			return false
		}
	}
	return true
}

// Due is the earliest due time that is not met, zero if there is none.
func (s *Service) Due() time.Time {
	_, due := s.NextDue()
	return due
}

// NextDue is the earliest due time that is not met, and of what; zero if there is none.
func (s *Service) NextDue() (of Metric, due time.Time) {
	for _, m := range Metrics {
		if c := s.Clock(m); c != nil && !c.Due.IsZero() && (due.IsZero() || c.Due.Before(due)) {
			of, due = m, c.Due
		}
	}
	return of, due
}

// Standing is the worst that can be said of the ticket: Breached or AtRisk if any clock is, else empty.
func (s *Service) Standing() ClockState {
	var worst ClockState
	for _, m := range Metrics {
		switch c := s.Clock(m); {
		case c == nil:
		case c.State == ClockBreached:
			return ClockBreached
		case c.State == ClockAtRisk:
			worst = ClockAtRisk
		}
	}
	return worst
}

// NextTimer is the earliest of the clocks' timers; the zero value if they have none.
func (s *Service) NextTimer() Timer {
	var next Timer
	for _, m := range Metrics {
		next = next.orEarlier(s.Clock(m).timer(m))
	}
	return next
}

// timer of the clock: the warning, and when that was given or is too late, the breach.
func (c *Clock) timer(m Metric) Timer {
	switch {
	case c == nil || c.Due.IsZero() || !c.BreachedAt.IsZero():
		return Timer{}
	case c.WarnedAt.IsZero() && c.WarnAt.Before(c.Due):
		return Timer{m.Warning(), c.WarnAt}
	case c.Due.Before(c.WarnAt): // it was set past
		return Timer{m.Breach(), c.WarnAt}
	}
	return Timer{m.Breach(), c.Due}
}

// Warning is the timer that warns of a due time to come.
func (m Metric) Warning() TimerKind { return TimerKind(m + "Warning") }

// Breach is the timer of the due time.
func (m Metric) Breach() TimerKind { return TimerKind(m + "Breach") }

// Metric whose warning or breach the timer is, if it is one.
func (k TimerKind) Metric() (m Metric, breach, is bool) {
	for _, m := range Metrics {
		if k == m.Warning() || k == m.Breach() {
			return m, k == m.Breach(), true
		}
	}
	return "", false, false
}
