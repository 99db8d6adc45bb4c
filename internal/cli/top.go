package cli

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"
	"k8s.io/apimachinery/pkg/util/duration"

	"github.com/caseload-dev/caseload/internal/desk/api"
)

func init() { commands = append(commands, newTop) }

func newTop() *cobra.Command {
	var connect connectFlags
	var output string
	var once bool
	var interval time.Duration
	cmd := &cobra.Command{
		Use:     "top",
		Short:   "Show what waits, who works and who is free, live",
		GroupID: "use",
		Long: `Show teams, tiers, queues and queue workers of a desk: what waits, how long the oldest has waited, what is offered, open,
pending and on hold, what is due next, at risk and breached, and how many agents are present and free. In a terminal it refreshes until q or Ctrl-C; elsewhere,
with --once or with -o json it prints once.

An agent is on duty by schedule and absences, present unless Offline or Away, and free if a ticket of some channel could be offered to them now.`,
		Example: `  caseload top
  caseload top -o json | jq '.queues[] | select(.waiting > 10) | .name'`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := checkOutput(output); err != nil {
				return err
			}
			desk, stop, err := connect.dial(cmd)
			if err != nil {
				return err
			}
			defer stop()
			ctx, out := cmd.Context(), cmd.OutOrStdout()
			terminal, isTerminal := out.(*os.File)
			if once || output != "" || !isTerminal || !term.IsTerminal(int(terminal.Fd())) {
				overview, err := desk.Overview(ctx, api.Call{})
				if err != nil {
					return err
				}
				if output == "json" {
					return printJSON(out, topReport{Overview: overview, Tiers: tiersOf(overview)})
				}
				return renderTop(out, overview, len(overview.Queues))
			}
			return liveTop(ctx, desk, terminal, interval, nil)
		},
	}
	connect.bind(cmd.Flags())
	cmd.Flags().StringVarP(&output, "output", "o", "", "json prints once, for scripts")
	cmd.Flags().BoolVar(&once, "once", false, "print once and end")
	cmd.Flags().DurationVar(&interval, "interval", 2*time.Second, "time between refreshes")
	return cmd
}

// liveTop redraws until ctx ends or q is typed, below what above says if it is there. A desk that does not answer keeps
// the last picture, with a note.
func liveTop(ctx context.Context, desk api.Service, terminal *os.File, interval time.Duration, above func() string) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	screen, err := openScreen(terminal)
	if err != nil {
		return err
	}
	defer screen.close()
	go func() {
		for key := range screen.keys(ctx) {
			if key == 'q' || key == ctrlC {
				cancel()
			}
		}
	}()
	var picture bytes.Buffer
	for {
		overview, err := desk.Overview(ctx, api.Call{})
		if ctx.Err() != nil {
			return nil
		}
		note := "q ends"
		if err != nil {
			note = "the desk does not answer, trying again: " + err.Error()
		} else {
			picture.Reset()
			_, height := screen.size()
			if err := renderTop(&picture, overview, height/2); err != nil {
				return err
			}
		}
		text := picture.String() + "\n" + note
		if above != nil {
			text = above() + text
		}
		screen.draw(text)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(interval):
		}
	}
}

// topReport is what -o json prints.
type topReport struct {
	*api.Overview
	Tiers []tierReport `json:"tiers"`
}

// tierReport sums up the queues of a tier.
type tierReport struct {
	Name          string `json:"name"`
	Team          string `json:"team"`
	Level         int    `json:"level"`
	Workers       int    `json:"workers"`
	Queues        int    `json:"queues"`
	Waiting       int    `json:"waiting"`
	OldestSeconds int64  `json:"oldestSeconds"`
	AtRisk        int    `json:"atRisk"`
	Breached      int    `json:"breached"`
	Offered       int    `json:"offered"`
	Open          int    `json:"open"`
}

// tiersOf the overview, by level and name.
func tiersOf(o *api.Overview) []tierReport {
	tiers := map[string]*tierReport{}
	for _, q := range o.Queues {
		if q.Tier == "" {
			continue
		}
		t := tiers[q.Tier]
		if t == nil {
			t = &tierReport{Name: q.Tier, Team: q.Team, Level: q.Level}
			tiers[q.Tier] = t
		}
		t.Queues++
		t.Waiting += q.Waiting
		t.OldestSeconds = max(t.OldestSeconds, q.OldestSeconds)
		t.AtRisk += q.AtRisk
		t.Breached += q.Breached
		t.Offered += q.Offered
		t.Open += q.Open
	}
	for _, w := range o.Workers {
		if t := tiers[w.Tier]; t != nil {
			t.Workers++
		}
	}
	sorted := make([]tierReport, 0, len(tiers))
	for _, t := range tiers {
		sorted = append(sorted, *t)
	}
	slices.SortFunc(sorted, func(a, b tierReport) int { return cmp.Or(cmp.Compare(a.Level, b.Level), cmp.Compare(a.Name, b.Name)) })
	return sorted
}

// renderTop draws the overview as tables. Of more queues than room, only those with tickets are shown.
func renderTop(w io.Writer, o *api.Overview, room int) error {
	waiting, open := 0, 0
	for _, q := range o.Queues {
		waiting += q.Waiting
		open += q.Open
	}
	fmt.Fprintf(w, "%s  %s  plan %d  %d waiting  %d open", o.HelpDesk, o.Now.Local().Format(time.TimeOnly), o.PlanRevision, waiting, open)
	if o.Outbox.Waiting > 0 || o.Outbox.Dead > 0 {
		fmt.Fprintf(w, "  events to deliver %d, given up %d", o.Outbox.Waiting, o.Outbox.Dead)
	}
	fmt.Fprint(w, "\n\n")

	t := table{tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)}
	t.row("TEAM", "AGENTS", "ON DUTY", "PRESENT", "FREE")
	for _, team := range o.Teams {
		t.row(team.Name, team.Agents, team.OnDuty, team.Present, team.Free)
	}
	t.end()
	if len(o.Absent) > 0 {
		t.row("ABSENT", "TEAM", "WHY", "BACK")
		for _, a := range o.Absent[:min(shownAbsent, len(o.Absent))] {
			back := "-"
			if !a.Duty.Until.IsZero() {
				back = clockText(a.Duty.Until, o.Now)
			}
			t.row(a.Agent, a.Team, a.Duty.Reason, back)
		}
		if more := len(o.Absent) - shownAbsent; more > 0 {
			t.row(fmt.Sprintf("and %d more", more))
		}
		t.end()
	}
	t.row("LEVEL", "TIER", "WORKERS", "QUEUES", "WAITING", "OLDEST", "AT RISK", "BREACHED", "OFFERED", "OPEN")
	for _, tier := range tiersOf(o) {
		t.row(tier.Level, tier.Name, tier.Workers, tier.Queues, tier.Waiting, oldest(tier.Waiting, tier.OldestSeconds),
			tier.AtRisk, tier.Breached, tier.Offered, tier.Open)
	}
	t.end()
	t.row("QUEUE", "TIER", "WAITING", "OLDEST", "NEXT DUE", "AT RISK", "BREACHED", "OFFERED", "OPEN", "PENDING", "ON HOLD", "RESOLVED", "AGENTS", "PRESENT", "FREE")
	idle := 0
	for _, q := range sortedQueues(o.Queues) {
		if len(o.Queues) > room && q.Waiting+q.Offered+q.Open+q.Pending+q.OnHold+q.Resolved == 0 {
			idle++
			continue
		}
		name := q.Name
		if q.Paused {
			name += " (paused)"
		}
		t.row(name, dash(q.Tier), ofLimit(q.Waiting, q.MaxWaiting), oldest(q.Waiting, q.OldestSeconds),
			dash(dueIn(q.NextDue, o.Now)), q.AtRisk, q.Breached, q.Offered, q.Open, q.Pending, q.OnHold, q.Resolved, q.Agents, q.Present, q.Free)
	}
	if idle > 0 {
		t.row(fmt.Sprintf("and %d without tickets", idle))
	}
	t.end()
	if len(o.Workers) == 0 {
		t.row("No queue worker is connected: nothing is offered until one is.")
		return t.Flush()
	}
	t.row("WORKER", "TIER", "POOLS")
	for _, worker := range o.Workers {
		pools := strings.Join(worker.Pools[:min(shownPools, len(worker.Pools))], ", ")
		if more := len(worker.Pools) - shownPools; more > 0 {
			pools += fmt.Sprintf(" and %d more", more)
		}
		t.row(worker.Name, worker.Tier, dash(pools))
	}
	return t.Flush()
}

// shownAbsent is how many absent agents are named.
const shownAbsent = 10

// shownPools is how many pools of a queue worker are named.
const shownPools = 5

// table of cells in columns.
type table struct{ *tabwriter.Writer }

func (t table) row(cells ...any) {
	words := make([]string, len(cells))
	for i, c := range cells {
		words[i] = fmt.Sprint(c)
	}
	fmt.Fprintln(t, strings.Join(words, "\t"))
}

// end the columns; those of the next rows are their own.
func (t table) end() { fmt.Fprintln(t) }

// ofLimit writes a number with the limit it has, if any.
func ofLimit(n, limit int) string {
	if limit == 0 {
		return fmt.Sprint(n)
	}
	return fmt.Sprintf("%d of %d", n, limit)
}

func oldest(waiting int, seconds int64) string {
	if waiting == 0 {
		return "-"
	}
	return duration.HumanDuration(time.Duration(seconds) * time.Second)
}

// sortedQueues orders by level, tier and name; queues of no tier come last.
func sortedQueues(queues []api.QueueOverview) []api.QueueOverview {
	none := func(q api.QueueOverview) int {
		if q.Tier == "" {
			return 1
		}
		return 0
	}
	return slices.SortedStableFunc(slices.Values(queues), func(a, b api.QueueOverview) int {
		return cmp.Or(cmp.Compare(none(a), none(b)), cmp.Compare(a.Level, b.Level), cmp.Compare(a.Tier, b.Tier), cmp.Compare(a.Name, b.Name))
	})
}
