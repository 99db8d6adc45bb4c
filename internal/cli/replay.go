package cli

import (
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

	"github.com/caseload-dev/caseload/internal/caselog"
	"github.com/caseload-dev/caseload/internal/desk/api"
	"github.com/caseload-dev/caseload/internal/importer"
	"github.com/caseload-dev/caseload/internal/replay"
)

func init() { commands = append(commands, newReplay) }

// replayOptions are the flags of caseload replay beside those of the history and the connection.
type replayOptions struct {
	parallel int
	patience time.Duration
	leave    bool
	quiet    bool
	output   string
}

func newReplay() *cobra.Command {
	var connect connectFlags
	var history historyFlags
	var o replayOptions
	cmd := &cobra.Command{
		Use:     "replay FILE.csv",
		Short:   "Play a history's tickets through a desk and compare",
		GroupID: "use",
		Long: `Open the tickets of an event log on a desk that runs the organisation derived from it ("caseload import eventlog" with
the same flags), play its agents, and report waits, hand-overs and occupancy beside the history's own.

The history says what happens to a ticket and how long each piece of work takes; the desk says who does it and how long
the ticket waits. So whoever is offered a ticket accepts it at once, and works on it as long as the history's person did.

What the history's statuses become:
  Accepted (In Progress, Assigned)    an agent accepts, or resumes; the first to do so answers the customer
  Accepted, Wait - User or Customer   pend;  any other Wait: hold
  Queued, of the same team            put back into its queue
  another team than before            transfer to that team's queue, unless an escalation was sooner. A ticket that no one
                                      of a team took up goes on at once
  another person of the same team     transfer to that person; if the desk gave it to them before, to who passed it on. If
                                      they have no room: into the queue
  Completed                           resolve; the last one also closes or cancels. If the history continues, reopen
  anything else                       nothing
A ticket arrives in the queue that its category, its first team, is routed to. Gaps in which nothing happened to any
ticket count as --max-gap at most.

Each case has the external reference ` + replay.Source + `/CASE and each call an idempotency key, and only the desk's log tells how far a
ticket is: desk and workers may restart meanwhile, and a replay that was interrupted goes on when started again.

At the end it verifies, from the history and the desk's log: each case is one ticket, ended as in the history, and each
hand-over is in the ticket's log. The exit code is 1 if not.`,
		Example: `  caseload import eventlog history.csv --out org/ --speed-up 20000 --help-desk acme && kubectl apply -f org/
  caseload replay history.csv --speed-up 20000
  caseload replay history.csv -o json > report.json`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := checkOutput(o.output); err != nil {
				return err
			}
			desk, stop, err := connect.dial(cmd)
			if err != nil {
				return err
			}
			defer stop()
			report, err := runReplay(cmd, desk, &history, o, args[0])
			if err != nil {
				return err
			}
			return printReport(cmd.OutOrStdout(), report, o.output)
		},
	}
	history.bind(cmd.Flags())
	connect.bind(cmd.Flags())
	flags := cmd.Flags()
	flags.Float64Var(&history.SpeedUp, "speed-up", 20000, "seconds of the history that pass in one")
	flags.IntVar(&o.parallel, "parallel", 16, "calls under way at once")
	flags.DurationVar(&o.patience, "patience", 10*time.Minute, "time that the desk may be out of reach, or a ticket stand still, before giving up")
	flags.BoolVar(&o.leave, "leave-present", false, "leave the agents Available at the end")
	flags.BoolVarP(&o.quiet, "quiet", "q", false, "no progress")
	flags.StringVarP(&o.output, "output", "o", "", "json, for scripts")
	return cmd
}

func runReplay(cmd *cobra.Command, desk api.Service, history *historyFlags, o replayOptions, path string) (*replay.Report, error) {
	ctx := cmd.Context()
	log, org, err := history.read(path)
	if err != nil {
		return nil, err
	}
	if err := checkOrganisation(ctx, desk, org, history.SpeedUp); err != nil {
		return nil, err
	}
	axis := caselog.NewAxis(log, history.MaxGap)
	scripts := replay.Scripts(log, org, axis)
	runner := replay.NewRunner(replay.Options{
		Service: desk, Scripts: scripts, Agents: org.AgentNames(), SpeedUp: history.SpeedUp, Parallel: o.parallel, Patience: o.patience, Leave: o.leave,
	})
	if !o.quiet {
		shortest := time.Duration(float64(axis.Length()) / history.SpeedUp)
		fmt.Fprintf(cmd.ErrOrStderr(), "%d tickets and %d agents; %s of history at %g times its speed: at least %s\n",
			len(scripts), len(org.Agents), duration.HumanDuration(axis.Length()), history.SpeedUp, shortest.Round(time.Second))
		stop := showProgress(cmd.ErrOrStderr(), runner)
		defer stop()
	}
	if err := runner.Run(ctx); err != nil {
		return nil, err
	}
	return runner.Report(ctx, log, org, axis)
}

// checkOrganisation refuses a desk that does not run the organisation of the history, or whose people have working hours,
// which do not pass any faster.
func checkOrganisation(ctx context.Context, desk api.Service, org *importer.Organisation, speedUp float64) error {
	list, err := desk.Agents(ctx, api.Call{})
	if err != nil {
		return err
	}
	for _, a := range list.Items {
		if a.Schedule != "" && speedUp > 1 {
			return fmt.Errorf("agent %s works by %s, whose hours do not pass %g times as fast: apply what \"caseload import eventlog --speed-up %g\" makes of the file, or see them kept with \"caseload simulate\"",
				a.Name, a.Schedule, speedUp, speedUp)
		}
	}
	overview, err := desk.Overview(ctx, api.Call{})
	if err != nil {
		return err
	}
	there := map[string]bool{}
	for _, a := range list.Items {
		there["agent "+a.Name] = true
	}
	for _, q := range overview.Queues {
		there["queue "+q.Name] = true
	}
	var missing []string
	for _, name := range org.QueueOf {
		if !there["queue "+name] {
			missing = append(missing, "queue "+name)
		}
	}
	for _, a := range org.Agents {
		if !there["agent "+a.Name] {
			missing = append(missing, "agent "+a.Name)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	slices.Sort(missing)
	return fmt.Errorf("the desk has no %s (%d missing), which the history has: give it what \"caseload import eventlog\" makes of the file with the same flags",
		strings.Join(missing[:min(3, len(missing))], ", "), len(missing))
}

// showProgress until stopped: in a terminal a line that changes, else a line every 10 seconds.
func showProgress(w io.Writer, runner *replay.Runner) (stop func()) {
	file, isFile := w.(*os.File)
	inPlace := isFile && term.IsTerminal(int(file.Fd()))
	every := 10 * time.Second
	if inPlace {
		every = 500 * time.Millisecond
	}
	done, ended := make(chan struct{}), make(chan struct{})
	began := time.Now()
	show := func() {
		p := runner.Progress()
		line := fmt.Sprintf("%6s  opened %d of %d  ended %d  waiting %d  hand-overs %d",
			time.Since(began).Round(time.Second), p.Arrived, p.Tickets, p.Ended, p.Waiting, p.HandOvers)
		if inPlace {
			fmt.Fprint(w, "\r"+line+"\x1b[K")
		} else {
			fmt.Fprintln(w, line)
		}
	}
	go func() {
		defer close(ended)
		tick := time.NewTicker(every)
		defer tick.Stop()
		for {
			select {
			case <-done:
				show()
				if inPlace {
					fmt.Fprintln(w)
				}
				return
			case <-tick.C:
				show()
			}
		}
	}()
	return func() { close(done); <-ended }
}

// printReport fails if the replay was not as the history.
func printReport(w io.Writer, report *replay.Report, output string) (err error) {
	if output == "json" {
		err = printJSON(w, report)
	} else {
		err = renderReplay(w, report)
	}
	if err == nil && len(report.Wrong) > 0 {
		return exitError{1}
	}
	return err
}

// renderReplay sets the replay beside the history.
func renderReplay(w io.Writer, r *replay.Report) error {
	t := tabwriter.NewWriter(w, 0, 4, 2, ' ', tabwriter.AlignRight)
	row := func(name string, history, replayed any) { fmt.Fprintf(t, "%v\t%v\t  %s\n", history, replayed, name) }
	row("", "HISTORY", "REPLAY")
	h, p := &r.History, &r.Replay
	row("tickets", h.Tickets, p.Tickets)
	row("handed over to another team", h.HandOvers, p.HandOvers)
	row("passed on within the team", h.PassedOn, p.PassedOn)
	row("put back into the queue", h.PutBack, p.PutBack)
	row("reopened", h.Reopened, p.Reopened)
	row("waits in a queue that ended with somebody taking it up (1)", h.Waits.Count, p.Waits.Count)
	row("  mean", seconds(h.Waits.Mean), seconds(p.Waits.Mean))
	row("  median", seconds(h.Waits.Median), seconds(p.Waits.Median))
	row("  nine of ten within", seconds(h.Waits.P90), seconds(p.Waits.P90))
	row("  longest", seconds(h.Waits.Max), seconds(p.Waits.Max))
	row("agents who worked", h.Agents, p.Agents)
	row("hours of tickets at work (2)", fmt.Sprintf("%.0f", h.WorkHours), fmt.Sprintf("%.0f", p.WorkHours))
	row("their occupancy: share of the time with a ticket at work", fmt.Sprintf("%.1f %%", 100*h.Occupancy), fmt.Sprintf("%.1f %%", 100*p.Occupancy))
	if err := t.Flush(); err != nil {
		return err
	}
	if r.SpeedUp > 1 {
		fmt.Fprintf(w, `
Times are the history's, idle gaps shortened; the replay's are multiplied by %g. It took %s; a ticket really waited
%s in the median, 99 of 100 within %s.
`, r.SpeedUp, time.Duration(r.ElapsedSeconds*float64(time.Second)).Round(time.Second), millis(r.RealWaits.Median), millis(r.RealWaits.P99))
	}
	fmt.Fprintf(w, `
The desk chose the history's person in %d of %d cases.
(1) The history knows only waits that it logged: most of its tickets begin in somebody's hands.
(2) Tickets that wait for others do not count; several at once count several times.
`, r.SamePerson, r.TakenUp)
	if err := renderLines(w, r.Lines); err != nil {
		return err
	}
	if len(r.Wrong) == 0 {
		_, err := fmt.Fprintf(w, "\nVerified: each of %d cases is one ticket, ended as in the history, every hand-over in its log.\n", h.Tickets)
		return err
	}
	fmt.Fprintf(w, "\nNot as in the history (%d):\n", len(r.Wrong))
	for _, line := range r.Wrong {
		fmt.Fprintln(w, "  "+line)
	}
	return nil
}

func seconds(s float64) string {
	return duration.HumanDuration(time.Duration(s * float64(time.Second)))
}

func millis(s float64) string {
	return time.Duration(s * float64(time.Second)).Round(time.Millisecond).String()
}
