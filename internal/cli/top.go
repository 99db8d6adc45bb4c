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
		Long: `Show teams, queues and queue workers of a desk: what waits, how long the oldest has waited, what is offered, open,
pending and on hold, and how many agents are present and free. In a terminal it refreshes until q or Ctrl-C; elsewhere,
with --once or with -o json it prints once.

An agent is present unless Offline or Away, and free if a ticket of some channel could be offered to them now.`,
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
					return printJSON(out, overview)
				}
				return renderTop(out, overview)
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
			if err := renderTop(&picture, overview); err != nil {
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

// renderTop draws the overview as tables.
func renderTop(w io.Writer, o *api.Overview) error {
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

	t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	row := func(cells ...any) {
		words := make([]string, len(cells))
		for i, c := range cells {
			words[i] = fmt.Sprint(c)
		}
		fmt.Fprintln(t, strings.Join(words, "\t"))
	}
	row("TEAM", "AGENTS", "PRESENT", "FREE")
	for _, team := range o.Teams {
		row(team.Name, team.Agents, team.Present, team.Free)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(w)
	row("LEVEL", "TIER", "QUEUE", "WAITING", "OLDEST", "OFFERED", "OPEN", "PENDING", "ON HOLD", "RESOLVED", "AGENTS", "PRESENT", "FREE")
	for _, q := range sortedQueues(o.Queues) {
		name, level := q.Name, fmt.Sprint(q.Level)
		if q.Paused {
			name += " (paused)"
		}
		if q.Tier == "" {
			level = "-"
		}
		row(level, cmp.Or(q.Tier, "-"), name, q.Waiting, oldest(q), q.Offered, q.Open, q.Pending, q.OnHold, q.Resolved, q.Agents, q.Present, q.Free)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(w)
	if len(o.Workers) == 0 {
		_, err := fmt.Fprintln(w, "No queue worker is connected: nothing is offered until one is.")
		return err
	}
	row("WORKER", "TIER", "POOLS")
	for _, worker := range o.Workers {
		row(worker.Name, worker.Tier, cmp.Or(strings.Join(worker.Pools, ", "), "-"))
	}
	return t.Flush()
}

func oldest(q api.QueueOverview) string {
	if q.Waiting == 0 {
		return "-"
	}
	return duration.HumanDuration(time.Duration(q.OldestSeconds) * time.Second)
}

// sortedQueues orders by level, tier and name; queues of no tier come last.
func sortedQueues(queues []api.QueueOverview) []api.QueueOverview {
	return slices.SortedStableFunc(slices.Values(queues), func(a, b api.QueueOverview) int {
		none := func(q api.QueueOverview) int {
			if q.Tier == "" {
				return 1
			}
			return 0
		}
		return cmp.Or(cmp.Compare(none(a), none(b)), cmp.Compare(a.Level, b.Level), cmp.Compare(a.Tier, b.Tier), cmp.Compare(a.Name, b.Name))
	})
}
