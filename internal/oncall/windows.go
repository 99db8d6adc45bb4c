package oncall

import (
	"github.com/caseload-dev/caseload/internal/calendar"
	"github.com/caseload-dev/caseload/internal/walltime"
)

// Lists of windows are in order and do not overlap.

// without is what of the windows is not in others, which may overlap each other but are in the order of their starts.
func without(windows, others []calendar.Window) []calendar.Window {
	var rest []calendar.Window
	i := 0
	for _, w := range windows {
		at := w.Start
		for ; i < len(others) && !others[i].Start.After(w.End); i++ {
			if others[i].Start.After(at) {
				rest = append(rest, calendar.Window{Start: at, End: walltime.Earlier(others[i].Start, w.End)})
			}
			at = walltime.Later(at, others[i].End)
			if at.After(w.End) {
				break
			}
		}
		if at.Before(w.End) {
			rest = append(rest, calendar.Window{Start: at, End: w.End})
		}
	}
	return rest
}

// both is what is in both.
func both(a, b []calendar.Window) []calendar.Window {
	var shared []calendar.Window
	for len(a) > 0 && len(b) > 0 {
		w := calendar.Window{Start: walltime.Later(a[0].Start, b[0].Start), End: walltime.Earlier(a[0].End, b[0].End)}
		if w.Start.Before(w.End) {
			shared = append(shared, w)
		}
		if a[0].End.Before(b[0].End) {
			a = a[1:]
		} else {
			b = b[1:]
		}
	}
	return shared
}

// windowsOf shifts, which may overlap.
func windowsOf(shifts []Shift) []calendar.Window {
	windows := make([]calendar.Window, len(shifts))
	for i, s := range shifts {
		windows[i] = calendar.Window{Start: s.Start, End: s.End}
	}
	return windows
}
