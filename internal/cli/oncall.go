package cli

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/caseload-dev/caseload/internal/desk/api"
	"github.com/caseload-dev/caseload/internal/ical"
	"github.com/caseload-dev/caseload/internal/manifest"
)

func init() { commands = append(commands, newOnCall) }

func newOnCall() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "oncall",
		Short:   "See who is on call, who is next, shifts, gaps and shares",
		GroupID: "use",
		Long: `See who is on call. The answer is that of a desk, which knows past shifts as they were, or with -f that of manifests: then
every shift is reckoned by the rotation as it is declared, without its past edits.`,
	}
	cmd.AddCommand(
		newOnCallView("who [ROTATION]", "Tell who is on call, and until when", 0, printWho),
		newOnCallView("next [ROTATION]", "Tell who is on call next, and from when", 0, printNext),
		newOnCallShifts(),
		newOnCallView("gaps [ROTATION]", "List the times at which nobody is on call although coverage asks for somebody", fourWeeks, printGaps),
		newOnCallView("fairness [ROTATION]", "Compare hours, nights, weekends and holidays of the agents", fourWeeks, printShares),
		newOnCallExport(),
		newOnCallFeed(),
	)
	return cmd
}

// fourWeeks is the time looked at where none is given.
const fourWeeks = 28 * 24 * time.Hour

// onCallFlags say which rotations are looked at, from where, and when.
type onCallFlags struct {
	connect      connectFlags
	files        []string
	at, from, to string
	// span is the time from --from to --to where that is not given; zero: such a time is not looked at.
	span time.Duration
	// month that is looked at instead, of each rotation by the days of its zone; empty: none.
	month string
}

func (f *onCallFlags) bind(cmd *cobra.Command) {
	f.connect.bind(cmd.Flags())
	cmd.Flags().StringSliceVarP(&f.files, "filename", "f", nil, "manifests to go by, files or folders, instead of a desk")
	cmd.Flags().StringVar(&f.at, "at", "", "instant to look at, such as 2026-12-24T18:00 on the clock here, or with a zone; empty: now")
	if f.span > 0 {
		cmd.Flags().StringVar(&f.from, "from", "", "instant from which on to look; empty: --at")
		cmd.Flags().StringVar(&f.to, "to", "", "instant until which to look; empty: four weeks later")
	}
}

func (f *onCallFlags) query(args []string) (api.OnCallQuery, error) {
	var q api.OnCallQuery
	var err error
	if len(args) > 0 {
		q.Rotation = args[0]
	}
	if _, err := time.Parse(monthLayout, f.month); f.month != "" && err != nil {
		return q, fmt.Errorf("--month %s is no month: write it like 2026-12", f.month)
	}
	q.At = time.Now()
	if f.at != "" {
		if q.At, err = parseInstant("--at", f.at); err != nil {
			return q, err
		}
	}
	if f.span == 0 || f.month != "" {
		return q, nil
	}
	q.From = q.At
	if f.from != "" {
		if q.From, err = parseInstant("--from", f.from); err != nil {
			return q, err
		}
	}
	q.To = q.From.Add(f.span)
	if f.to != "" {
		q.To, err = parseInstant("--to", f.to)
	}
	if err == nil && !q.From.Before(q.To) {
		err = errors.New("--to must come after --from")
	}
	return q, err
}

// parseInstant reads RFC 3339, or a date with or without a time on the clock here.
func parseInstant(flag, text string) (time.Time, error) {
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04", "2006-01-02 15:04", time.DateOnly} {
		if t, err := time.ParseInLocation(layout, text, time.Local); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("%s %s is no instant: write it like 2026-12-24T18:00, with or without a zone such as +01:00, or as a date", flag, text)
}

// onCallSource answers who is on call.
type onCallSource func(api.OnCallQuery) (*api.OnCallList, error)

// ask the desk, or reckon by manifests.
func (f *onCallFlags) ask(cmd *cobra.Command, q api.OnCallQuery) (*api.OnCallList, error) {
	source, stop, err := f.open(cmd)
	if err != nil {
		return nil, err
	}
	defer stop()
	if f.month != "" {
		return askMonth(source, q, f.month)
	}
	return source(q)
}

func (f *onCallFlags) open(cmd *cobra.Command) (source onCallSource, stop func(), err error) {
	if len(f.files) > 0 {
		source, err = f.manifests(cmd)
		return source, func() {}, err
	}
	desk, stop, err := f.connect.dial(cmd)
	if err != nil {
		return nil, nil, fmt.Errorf("%w (or give manifests with -f)", err)
	}
	return func(q api.OnCallQuery) (*api.OnCallList, error) { return desk.OnCall(cmd.Context(), api.Call{}, q) }, stop, nil
}

const monthLayout = "2006-01"

// askMonth asks for each rotation's month by the days of its zone.
func askMonth(source onCallSource, q api.OnCallQuery, month string) (*api.OnCallList, error) {
	all, err := source(q)
	if err != nil {
		return nil, err
	}
	zones := map[string]bool{}
	for i := range all.Items {
		zones[all.Items[i].TimeZone] = true
	}
	all.Items = []api.OnCall{}
	for name := range zones {
		zone, err := time.LoadLocation(name)
		if err != nil {
			return nil, err
		}
		if q.From, err = time.ParseInLocation(monthLayout, month, zone); err != nil {
			return nil, err
		}
		q.To = q.From.AddDate(0, 1, 0)
		list, err := source(q)
		if err != nil {
			return nil, err
		}
		for _, r := range list.Items {
			if r.TimeZone == name {
				all.Items = append(all.Items, r)
			}
		}
	}
	slices.SortFunc(all.Items, func(a, b api.OnCall) int { return cmp.Compare(a.Rotation, b.Rotation) })
	return all, nil
}

// manifests reckon by what is declared.
func (f *onCallFlags) manifests(cmd *cobra.Command) (onCallSource, error) {
	set, err := manifest.Load(f.files, cmd.InOrStdin())
	if err != nil {
		return nil, err
	}
	desk, err := chooseDesk(set, f.connect.namespace, f.connect.helpDesk)
	if err != nil {
		return nil, err
	}
	if report := newLintReport(set); report.Errors > 0 {
		fmt.Fprintf(cmd.ErrOrStderr(), "The manifests have %s, and what has one is left out: see caseload lint\n", count(report.Errors, "problem"))
	}
	fmt.Fprintln(cmd.ErrOrStderr(), "By manifests, which have no history: past edits and past shifts are not known.")
	rotations := set.Plan(desk).Plan.Rotations
	return func(q api.OnCallQuery) (*api.OnCallList, error) {
		list := &api.OnCallList{At: q.At, Items: []api.OnCall{}}
		for _, name := range slices.Sorted(maps.Keys(rotations)) {
			if q.Rotation == "" || q.Rotation == name {
				list.Items = append(list.Items, api.NewOnCall(rotations[name], q, api.OnCallHistory{}))
			}
		}
		if q.Rotation != "" && len(list.Items) == 0 {
			return nil, fmt.Errorf("the manifests have no OnCallRotation %s that can be used", q.Rotation)
		}
		return list, nil
	}, nil
}

// newOnCallView is a command that shows rotations; without a span it looks at an instant.
func newOnCallView(use, short string, span time.Duration, print func(io.Writer, *api.OnCallList) error) *cobra.Command {
	return onCallView(&onCallFlags{span: span}, use, short, print)
}

func onCallView(flags *onCallFlags, use, short string, print func(io.Writer, *api.OnCallList) error) *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use: use, Short: short, Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := checkOutput(output); err != nil {
				return err
			}
			q, err := flags.query(args)
			if err != nil {
				return err
			}
			list, err := flags.ask(cmd, q)
			if err != nil {
				return err
			}
			if output == "json" {
				return printJSON(cmd.OutOrStdout(), list)
			}
			return print(cmd.OutOrStdout(), list)
		},
	}
	flags.bind(cmd)
	cmd.Flags().StringVarP(&output, "output", "o", "", "json, for scripts")
	return cmd
}

func newOnCallShifts() *cobra.Command {
	flags := &onCallFlags{span: fourWeeks}
	cmd := onCallView(flags, "shifts [ROTATION]", "List the shifts of a time, or show a month of them", func(w io.Writer, list *api.OnCallList) error {
		if flags.month != "" {
			return printMonth(w, list, flags.month)
		}
		return printShifts(w, list)
	})
	cmd.Example = `  caseload oncall shifts nights --from 2026-12-01 --to 2027-01-01
  caseload oncall shifts nights --month 2026-12`
	cmd.Flags().StringVar(&flags.month, "month", "", "month to show as a calendar, such as 2026-12, by the days of each rotation's zone")
	cmd.MarkFlagsMutuallyExclusive("month", "from")
	cmd.MarkFlagsMutuallyExclusive("month", "to")
	return cmd
}

func newOnCallExport() *cobra.Command {
	flags := onCallFlags{span: 3 * 30 * 24 * time.Hour}
	var agent string
	cmd := &cobra.Command{
		Use: "export [ROTATION]", Short: "Write shifts as an iCalendar file", Args: cobra.MaximumNArgs(1),
		Example: `  caseload oncall export nights > nights.ics
  caseload oncall export --agent jo --to 2027-06-30 > jo.ics`,
		RunE: func(cmd *cobra.Command, args []string) error {
			q, err := flags.query(args)
			if err != nil {
				return err
			}
			list, err := flags.ask(cmd, q)
			if err != nil {
				return err
			}
			name := "On call"
			if q.Rotation != "" {
				name += ": " + q.Rotation
			}
			if agent != "" {
				name += ": " + agent
			}
			_, err = io.WriteString(cmd.OutOrStdout(), ical.Calendar(name, list.Items, agent, time.Now()))
			return err
		},
	}
	flags.bind(cmd)
	cmd.Flags().StringVar(&agent, "agent", "", "only the shifts of this agent")
	return cmd
}
