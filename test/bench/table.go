package main

import (
	"fmt"
	"io"
	"text/tabwriter"
)

// table of the figures, in the order in which they were measured.
type table []line

// line is a figure beside its floor.
type line struct {
	what string
	unit string
	// figure as measured; floor is the same unit, named by of.
	figure, floor float64
	of            string
	// aim for the figure, and for its share of the floor; zero: none.
	aim, shareAim float64
	// atMost says that the aim is an upper bound.
	atMost bool
}

// verdict says what the aim is and whether it is met.
func (l line) verdict() (aim, outcome string) {
	var met bool
	switch {
	case l.aim != 0 && l.atMost:
		aim, met = "≤ "+l.amount(l.aim), l.figure <= l.aim
	case l.aim != 0:
		aim, met = "≥ "+l.amount(l.aim), l.figure >= l.aim
	case l.shareAim != 0:
		aim, met = fmt.Sprintf("≥ %.0f %% of floor", 100*l.shareAim), l.figure >= l.shareAim*l.floor
	default:
		return "", ""
	}
	if met {
		return aim, "met"
	}
	return aim, "MISSED"
}

func (l line) amount(v float64) string {
	digits := 0
	if v < 100 && v != float64(int(v)) {
		digits = 1
	}
	return fmt.Sprintf("%.*f %s", digits, v, l.unit)
}

func (t table) print(w io.Writer) error {
	columns := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(columns, "FIGURE\tMEASURED\tFLOOR\tRATIO\tAIM\t")
	for _, l := range t {
		floor, ratio := "", ""
		if l.floor > 0 {
			floor, ratio = l.amount(l.floor)+", "+l.of, fmt.Sprintf("%.2f", l.figure/l.floor)
		}
		aim, outcome := l.verdict()
		fmt.Fprintf(columns, "%s\t%s\t%s\t%s\t%s\t%s\n", l.what, l.amount(l.figure), floor, ratio, aim, outcome)
	}
	return columns.Flush()
}
