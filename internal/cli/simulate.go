package cli

import (
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/util/duration"

	"github.com/caseload-dev/caseload/internal/caselog"
	"github.com/caseload-dev/caseload/internal/manifest"
	"github.com/caseload-dev/caseload/internal/replay"
	"github.com/caseload-dev/caseload/internal/simulation"
)

func init() { commands = append(commands, newSimulate) }

func newSimulate() *cobra.Command {
	var history historyFlags
	var helpDesk, data, output string
	var quiet bool
	cmd := &cobra.Command{
		Use:     "simulate FILE.csv PATH...",
		Short:   "Play a history's tickets through manifests, in the time of the history",
		GroupID: "check",
		Long: `Open the tickets of an event log on a desk made of the manifests, play its agents, and report per line of the organisation
the waits, how the service levels were met, and the hand-overs, beside the history's own.

Desk and queue workers are the real ones, in this process, but for their clock: it stands still while they work, and moves
on to the next instant at which something is due. So the years of a history pass in minutes, people keep the working hours
of their calendars, and warnings, breaches and escalations come at the instant they are due. No cluster is asked.

The manifests have the queues and agents of the history, as "caseload import eventlog" derives them with the same flags;
calendars, targets, escalation, limits, assignments and the rest may be others: change them, simulate again, and compare.
What is played, and how, tells "caseload replay --help", which plays on a running desk.

With --data the store is kept. "caseload demo PATH... --data FOLDER" serves it, and "caseload ticket show" then tells what
became of each ticket, and why.`,
		Example: `  caseload import eventlog history.csv --out org/
  caseload simulate history.csv org/
  caseload simulate history.csv org/ --data ./state && caseload demo org/ --data ./state --rate 0`,
		Args: cobra.MinimumNArgs(2),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if err := checkOutput(output); err != nil {
				return err
			}
			if data == "" {
				if data, err = os.MkdirTemp("", "caseload-simulation-"); err != nil {
					return err
				}
				defer os.RemoveAll(data)
			}
			report, err := runSimulation(cmd, &history, helpDesk, data, args[0], args[1:], quiet)
			if err != nil {
				return err
			}
			return printReport(cmd.OutOrStdout(), report, output)
		},
	}
	history.bind(cmd.Flags())
	history.SpeedUp = 1
	cmd.Flags().StringVar(&helpDesk, "help-desk", "", "HelpDesk to run, if the manifests have several")
	cmd.Flags().StringVar(&data, "data", "", "empty folder for the store, kept afterwards (default: a temporary one)")
	cmd.Flags().BoolVarP(&quiet, "quiet", "q", false, "no progress")
	cmd.Flags().StringVarP(&output, "output", "o", "", "json, for scripts")
	_ = cmd.Flags().MarkHidden("max-gap")
	return cmd
}

func runSimulation(cmd *cobra.Command, history *historyFlags, helpDesk, data, path string, paths []string, quiet bool) (_ *replay.Report, err error) {
	ctx := cmd.Context()
	log, org, err := history.read(path)
	if err != nil {
		return nil, err
	}
	manifests, err := manifest.Load(paths, cmd.InOrStdin())
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(data, 0o700); err != nil {
		return nil, err
	}
	desk, err := simulation.Start(ctx, simulation.Options{
		Manifests: manifests, HelpDesk: helpDesk, Data: data, At: log.Cases[0].Events[0].Time,
	})
	if err != nil {
		return nil, err
	}
	defer desk.Close()
	if err := checkOrganisation(ctx, desk.Desk, org, 1); err != nil {
		return nil, err
	}
	axis := caselog.NewAxis(log, 0)
	runner := replay.NewRunner(replay.Options{
		Service: desk.Desk, Caller: simulation.Caller, Clock: desk.Clock,
		Scripts: replay.Scripts(log, org, axis), Agents: org.AgentNames(), SpeedUp: 1,
	})
	if !quiet {
		fmt.Fprintf(cmd.ErrOrStderr(), "%d tickets and %d agents; %s of history from %s\n", len(runner.Scripts), len(org.Agents),
			duration.HumanDuration(axis.Length()), desk.Now().Format(time.DateOnly))
		stop := showProgress(cmd.ErrOrStderr(), runner)
		defer stop()
	}
	if err := runner.Simulate(ctx, desk); err != nil {
		return nil, err
	}
	return runner.Report(ctx, log, org, axis)
}
