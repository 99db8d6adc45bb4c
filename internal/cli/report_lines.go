package cli

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/caseload-dev/caseload/internal/replay"
)

// renderLines tells what each line of the organisation did.
func renderLines(w io.Writer, lines []replay.Line) error {
	fmt.Fprintln(w)
	t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	fmt.Fprintln(t, "LINE\t\tWAITS\tMEDIAN\t9 OF 10 WITHIN\tRESPONDED IN TIME\tRESOLVED IN TIME\tHANDED TO IT\tBY TIME")
	var latest float64
	byTime := 0
	for _, l := range lines {
		row := func(name, side string, r replay.LineResults, byTime any) {
			fmt.Fprintf(t, "%s\t%s\t%d\t%s\t%s\t%s\t%s\t%d\t%v\n", name, side, r.Waits.Count, seconds(r.Waits.Median), seconds(r.Waits.P90),
				attained(r.FirstResponse), attained(r.Resolution), r.HandedTo, byTime)
		}
		row(l.Tier, "history", l.History, "")
		row("", "replay", l.Replay, l.ByTime)
		byTime += l.ByTime
		latest = max(latest, l.LatestSeconds)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(w, `
In time: of those that were responded to or resolved, by the line that had them when it was done or the time was over. The
replay's targets are those of its service levels, the history's those that are derived from it.`)
	if byTime == 0 {
		return nil
	}
	_, err := fmt.Fprintf(w, "By time: %d tickets that nobody had taken were handed to the next line, the latest %s after it was due.\n",
		byTime, time.Duration(latest*float64(time.Second)).Round(time.Millisecond))
	return err
}

// attained part of a target, such as "81 % of 1203".
func attained(a replay.Attainment) string {
	percent, any := a.Percent()
	if !any {
		return "-"
	}
	return fmt.Sprintf("%.0f %% of %d", percent, a.Met+a.Missed)
}
