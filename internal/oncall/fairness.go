package oncall

import (
	"cmp"
	"slices"
	"time"

	"github.com/caseload-dev/caseload/internal/calendar"
	"github.com/caseload-dev/caseload/internal/walltime"
)

// Nights are from this minute of the day to that of the next.
const (
	nightFrom = 22 * 60
	nightTo   = 6 * 60
)

// Share of one agent in the duty of a time.
type Share struct {
	Agent string  `json:"agent"`
	Hours float64 `json:"hours"`
	// Nights from 22:00 to 06:00, weekends from Saturday to Sunday and holidays in which the agent served at all.
	Nights   int `json:"nights"`
	Weekends int `json:"weekends"`
	Holidays int `json:"holidays"`
}

// Shares of the agents in shifts between from and to, by agent, on the clocks of a zone and with the holidays of a calendar,
// which may be nil. Who serves in two layers at once counts once.
func Shares(shifts []Shift, from, to time.Time, zone *time.Location, holidays *calendar.Calendar) []Share {
	served := map[string][]calendar.Window{}
	for _, s := range shifts {
		w := calendar.Window{Start: walltime.Later(s.Start, from), End: walltime.Earlier(s.End, to)}
		if w.Start.Before(w.End) {
			served[s.Agent] = append(served[s.Agent], w)
		}
	}
	var shares []Share
	for agent, windows := range served {
		shares = append(shares, shareOf(agent, windows, zone, holidays))
	}
	slices.SortFunc(shares, func(a, b Share) int { return cmp.Compare(a.Agent, b.Agent) })
	return shares
}

func shareOf(agent string, windows []calendar.Window, zone *time.Location, holidays *calendar.Calendar) Share {
	share := Share{Agent: agent}
	nights, weekends, days := map[time.Time]bool{}, map[time.Time]bool{}, map[time.Time]bool{}
	var end time.Time
	for _, w := range windows {
		w.Start = walltime.Later(w.Start, end)
		if !w.Start.Before(w.End) {
			continue
		}
		end = w.End
		share.Hours += w.End.Sub(w.Start).Hours()
		year, month, day := w.Start.In(zone).Date()
		for date := time.Date(year, month, day-1, 0, 0, 0, 0, time.UTC); ; date = date.AddDate(0, 0, 1) {
			midnight := walltime.First(zone, date.Year(), date.Month(), date.Day(), 0)
			if !midnight.Before(w.End) {
				break
			}
			next := walltime.First(zone, date.Year(), date.Month(), date.Day()+1, 0)
			if meets(w, walltime.First(zone, date.Year(), date.Month(), date.Day(), nightFrom), walltime.Last(zone, date.Year(), date.Month(), date.Day()+1, nightTo)) {
				nights[date] = true
			}
			if !meets(w, midnight, next) {
				continue
			}
			switch date.Weekday() {
			case time.Saturday:
				weekends[date] = true
			case time.Sunday:
				weekends[date.AddDate(0, 0, -1)] = true
			}
			if holidays.Holiday(midnight) {
				days[date] = true
			}
		}
	}
	share.Nights, share.Weekends, share.Holidays = len(nights), len(weekends), len(days)
	return share
}

func meets(w calendar.Window, from, to time.Time) bool {
	return w.Start.Before(to) && from.Before(w.End)
}
