package cli

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/caseload-dev/caseload/internal/desk/api"
)

// onCallTime is how instants of a rotation are written, on the clocks of its zone.
const onCallTime = "Mon 2006-01-02 15:04 MST"

func onCallTable(w io.Writer, columns ...any) table {
	t := table{tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)}
	t.row(columns...)
	return t
}

func printWho(w io.Writer, list *api.OnCallList) error {
	t := onCallTable(w, "ROTATION", "ON CALL", "LAYER", "FOR", "UNTIL", "NEXT", "FIRST GAP")
	for i := range list.Items {
		r := &list.Items[i]
		next, gap := "-", "-"
		if r.Next != nil {
			next = fmt.Sprintf("%s from %s", r.Next.Agent, r.Next.Start.Format(onCallTime))
		}
		if r.FirstGap != nil {
			gap = r.FirstGap.Start.Format(onCallTime)
		}
		if len(r.Current) == 0 {
			t.row(r.Rotation, "nobody", "-", "-", "-", next, gap)
		}
		for _, s := range r.Current {
			t.row(r.Rotation, s.Agent, s.Layer, dash(s.Replaces), s.End.Format(onCallTime), next, gap)
		}
	}
	return t.Flush()
}

func printNext(w io.Writer, list *api.OnCallList) error {
	t := onCallTable(w, "ROTATION", "NEXT", "LAYER", "FOR", "FROM", "UNTIL")
	for _, r := range list.Items {
		if s := r.Next; s != nil {
			t.row(r.Rotation, s.Agent, s.Layer, dash(s.Replaces), s.Start.Format(onCallTime), s.End.Format(onCallTime))
		} else {
			t.row(r.Rotation, "nobody", "-", "-", "-", "-")
		}
	}
	return t.Flush()
}

func printShifts(w io.Writer, list *api.OnCallList) error {
	t := onCallTable(w, "ROTATION", "LAYER", "AGENT", "FOR", "FROM", "UNTIL", "HOURS")
	for _, r := range list.Items {
		for _, s := range r.Shifts {
			t.row(r.Rotation, s.Layer, s.Agent, dash(s.Replaces), s.Start.Format(onCallTime), s.End.Format(onCallTime), hoursText(s.End.Sub(s.Start).Hours()))
		}
	}
	return t.Flush()
}

func printGaps(w io.Writer, list *api.OnCallList) error {
	t := onCallTable(w, "ROTATION", "FROM", "UNTIL", "HOURS")
	for _, r := range list.Items {
		for _, g := range r.Gaps {
			t.row(r.Rotation, g.Start.Format(onCallTime), g.End.Format(onCallTime), hoursText(g.End.Sub(g.Start).Hours()))
		}
	}
	return t.Flush()
}

func printShares(w io.Writer, list *api.OnCallList) error {
	t := onCallTable(w, "ROTATION", "AGENT", "HOURS", "NIGHTS", "WEEKENDS", "HOLIDAYS")
	for _, r := range list.Items {
		for _, s := range r.Shares {
			t.row(r.Rotation, s.Agent, hoursText(s.Hours), s.Nights, s.Weekends, s.Holidays)
		}
	}
	return t.Flush()
}

func hoursText(hours float64) string {
	return strings.TrimSuffix(strings.TrimRight(fmt.Sprintf("%.2f", hours), "0"), ".")
}

// printMonth shows each rotation's month as weeks of days, with who is on call on each.
func printMonth(w io.Writer, list *api.OnCallList, month string) error {
	for i := range list.Items {
		r := &list.Items[i]
		zone, err := time.LoadLocation(r.TimeZone)
		if err != nil {
			return err
		}
		first, err := time.ParseInLocation(monthLayout, month, zone)
		if err != nil {
			return err
		}
		fmt.Fprintf(w, "%s, %s (%s)\n", r.Rotation, first.Format("January 2006"), r.TimeZone)
		for _, line := range monthLines(first, r.Shifts) {
			if _, err := fmt.Fprintln(w, strings.TrimRight(line, " ")); err != nil {
				return err
			}
		}
		if i+1 < len(list.Items) {
			fmt.Fprintln(w)
		}
	}
	return nil
}

// dayWidth is the width of a day's column.
const dayWidth = 11

// monthLines are the weeks of the month from Monday to Sunday: a line of numbers, and below each day those on call on it.
func monthLines(first time.Time, shifts []api.OnCallShift) []string {
	header := ""
	for _, day := range []string{"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"} {
		header += fmt.Sprintf("%-*s", dayWidth, day)
	}
	lines := []string{header}
	monday := first.AddDate(0, 0, -(int(first.Weekday())+6)%7)
	for ; monday.Before(first.AddDate(0, 1, 0)); monday = monday.AddDate(0, 0, 7) {
		week := []string{""}
		for i := range 7 {
			day := monday.AddDate(0, 0, i)
			var cell []string
			if day.Month() == first.Month() {
				cell = append([]string{fmt.Sprint(day.Day())}, onCallBetween(shifts, day, day.AddDate(0, 0, 1))...)
			}
			for len(week) < len(cell) {
				week = append(week, strings.Repeat(" ", i*dayWidth))
			}
			for j := range week {
				text := ""
				if j < len(cell) {
					text = cell[j]
				}
				if len(text) >= dayWidth {
					text = text[:dayWidth-2] + "…"
				}
				week[j] += text + strings.Repeat(" ", dayWidth-len([]rune(text)))
			}
		}
		lines = append(lines, week...)
	}
	return lines
}

// onCallBetween names who is on call at any time of a day, in the order in which they are.
func onCallBetween(shifts []api.OnCallShift, from, to time.Time) []string {
	var agents []string
	for _, s := range shifts {
		if s.Start.Before(to) && s.End.After(from) && !slices.Contains(agents, s.Agent) {
			agents = append(agents, s.Agent)
		}
	}
	return agents
}
