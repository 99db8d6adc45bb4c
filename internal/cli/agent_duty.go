package cli

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/caseload-dev/caseload/internal/desk/api"
	"github.com/caseload-dev/caseload/internal/plan"
)

// newAgentDuty are the commands about absences or extra shifts.
func newAgentDuty(of plan.DutyChangeType, short, long string) *cobra.Command {
	name := strings.ToLower(string(of))
	cmd := &cobra.Command{Use: name, Aliases: []string{name + "s"}, Short: short, Long: long + `

What is known well ahead is declared with the Agent; this is for what comes up. It is kept by the desk and in its log, and
holds beside what is declared. Of another agent it takes the verb impersonate on helpdesks/agents.`}
	cmd.AddCommand(newDutyAdd(of, name), newDutyRemove(name), newDutyList(of))
	return cmd
}

func newDutyAdd(of plan.DutyChangeType, name string) *cobra.Command {
	var reason, from, until string
	cmd := onDesk(&cobra.Command{
		Use:   "add AGENT --until TIME",
		Short: "Tell the desk of an " + called(of),
		Example: fmt.Sprintf(`  caseload agent %[1]s add jo --reason %[2]s --until 8h
  caseload agent %[1]s add jo --reason %[2]s --from 2026-12-21T09:00:00+01:00 --until 2026-12-22T17:00:00+01:00`,
			name, map[plan.DutyChangeType]string{plan.Absent: "Sick", plan.ExtraShift: "Swap"}[of]),
		Args: cobra.ExactArgs(1),
	}, func(cmd *cobra.Command, desk api.Service, args []string) (*api.Agent, error) {
		body := api.ChangeDuty{Type: string(of), Reason: reason}
		var err error
		if body.StartTime, err = parseTime("--from", from); err != nil {
			return nil, err
		}
		if body.EndTime, err = parseTime("--until", until); err != nil {
			return nil, err
		}
		return desk.ChangeDuty(cmd.Context(), api.Call{Agent: args[0]}, args[0], body)
	}, printDuty(of))
	cmd.Flags().StringVar(&reason, "reason", "", "why, in one word such as Sick, Leave or Swap")
	cmd.Flags().StringVar(&from, "from", "", "first instant: a time such as 2026-12-24T09:00:00+01:00, or from now such as 2h; absent: now")
	cmd.Flags().StringVar(&until, "until", "", "end: a time such as 2026-12-24T17:00:00+01:00, or from now such as 8h (required)")
	required := []string{"until"}
	if of == plan.Absent {
		required = append(required, "reason")
	}
	for _, flag := range required {
		if err := cmd.MarkFlagRequired(flag); err != nil {
			panic(err)
		}
	}
	return cmd
}

func newDutyRemove(name string) *cobra.Command {
	return onDesk(&cobra.Command{
		Use:     "remove AGENT ID",
		Short:   "Take back what the desk was told; list shows the ids",
		Example: "  caseload agent " + name + " remove jo 17",
		Args:    cobra.ExactArgs(2),
	}, func(cmd *cobra.Command, desk api.Service, args []string) (*api.Agent, error) {
		id, err := strconv.ParseInt(args[1], 10, 64)
		if err != nil || id < 1 {
			return nil, fmt.Errorf("%q is no id: caseload agent %s list %s shows them", args[1], name, args[0])
		}
		return desk.RestoreDuty(cmd.Context(), api.Call{Agent: args[0]}, args[0], id)
	}, func(w io.Writer, agent *api.Agent) error {
		return printAgents(w, &api.AgentList{Items: []api.Agent{*agent}})
	})
}

func newDutyList(of plan.DutyChangeType) *cobra.Command {
	return onDesk(&cobra.Command{
		Use:   "list [AGENT]",
		Short: fmt.Sprintf("List every %s that is not over, declared or told to the desk", called(of)),
		Args:  cobra.MaximumNArgs(1),
	}, func(cmd *cobra.Command, desk api.Service, args []string) (*api.AgentList, error) {
		list, err := desk.Agents(cmd.Context(), api.Call{})
		if err != nil || len(args) == 0 {
			return list, err
		}
		list.Items = slices.DeleteFunc(list.Items, func(a api.Agent) bool { return a.Name != args[0] })
		if len(list.Items) == 0 {
			return nil, fmt.Errorf("the plan has no agent %q: caseload agent list shows them", args[0])
		}
		return list, nil
	}, func(w io.Writer, list *api.AgentList) error { return printDutyChanges(w, of, list.Items) })
}

// called is what people say.
func called(of plan.DutyChangeType) string {
	if of == plan.Absent {
		return "absence"
	}
	return "extra shift"
}

func printDuty(of plan.DutyChangeType) func(io.Writer, *api.Agent) error {
	return func(w io.Writer, a *api.Agent) error { return printDutyChanges(w, of, []api.Agent{*a}) }
}

func printDutyChanges(w io.Writer, of plan.DutyChangeType, agents []api.Agent) error {
	t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	fmt.Fprintln(t, "AGENT\tID\tFROM\tUNTIL\tREASON")
	for i := range agents {
		a := &agents[i]
		changes := slices.SortedFunc(slices.Values(slices.Concat(a.Absences, a.DutyChanges)), func(a, b plan.DutyChange) int { return a.Start.Compare(b.Start) })
		for _, c := range changes {
			if c.Type != of {
				continue
			}
			id := "declared"
			if c.ID != 0 {
				id = strconv.FormatInt(c.ID, 10)
			}
			fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\n", a.Name, id, c.Start.Local().Format(dayAndTime), c.End.Local().Format(dayAndTime), dash(c.Reason))
		}
	}
	return t.Flush()
}

const dayAndTime = "Mon 2006-01-02 15:04"
