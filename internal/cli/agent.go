package cli

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/caseload-dev/caseload/internal/desk/api"
	"github.com/caseload-dev/caseload/internal/dispatch"
	"github.com/caseload-dev/caseload/internal/plan"
)

func init() { commands = append(commands, newAgent) }

func newAgent() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "agent",
		Aliases: []string{"agents"},
		Short:   "See who is there and on duty, and change it",
		GroupID: "use",
	}
	cmd.AddCommand(newAgentList(), newAgentPresence(),
		newAgentDuty(plan.Absent, "See and change who is absent, and when",
			"An absence takes an agent off duty: they are offered nothing until its end, and offers they have not answered go to others."),
		newAgentDuty(plan.ExtraShift, "See and change who works beyond their schedule, and when",
			"An extra shift has an agent on duty when their schedule does not: overtime, or a shift swapped with a colleague, who is absent then."))
	return cmd
}

func newAgentList() *cobra.Command {
	return onDesk(&cobra.Command{
		Use:   "list",
		Short: "List the agents with whom they report to, their roles, presence and load",
		Args:  cobra.NoArgs,
	}, func(cmd *cobra.Command, desk api.Service, _ []string) (*api.AgentList, error) {
		return desk.Agents(cmd.Context(), api.Call{})
	}, printAgents)
}

func newAgentPresence() *cobra.Command {
	var reason string
	cmd := onDesk(&cobra.Command{
		Use:   "presence AGENT PRESENCE",
		Short: "Set an agent's presence: Available, Busy, Away, WrapUp or Offline",
		Long: `Set an agent's presence. Only Available agents are offered tickets. Offers to an agent who leaves go to others at once;
what the agent owns stays with them. Setting another's presence takes the verb impersonate on helpdesks/agents.`,
		Example: `  caseload agent presence jo Available
  caseload agent presence jo Away --reason lunch`,
		Args: cobra.ExactArgs(2),
	}, func(cmd *cobra.Command, desk api.Service, args []string) (*api.Agent, error) {
		name, presence := args[0], args[1]
		if !slices.Contains(dispatch.Presences, dispatch.Presence(presence)) {
			return nil, fmt.Errorf("presence %s: there are %v", presence, dispatch.Presences)
		}
		return desk.SetPresence(cmd.Context(), api.Call{Agent: name}, name, api.SetPresence{Presence: presence, Reason: reason})
	}, func(w io.Writer, agent *api.Agent) error {
		return printAgents(w, &api.AgentList{Items: []api.Agent{*agent}})
	})
	cmd.Flags().StringVar(&reason, "reason", "", "why, such as lunch")
	return cmd
}

func printAgents(w io.Writer, list *api.AgentList) error {
	now := time.Now()
	t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	fmt.Fprintln(t, "AGENT\tTEAM\tMANAGER\tROLES\tDUTY\tPRESENCE\tSINCE\tFREE\tHOLDS")
	for i := range list.Items {
		a := &list.Items[i]
		since := "-"
		if !a.Since.IsZero() {
			since = age(a.Since, now)
		}
		free := "no"
		if a.Free {
			free = "yes"
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n",
			a.Name, a.Team, dash(a.Manager), rolesText(a), dutyText(a, now), presenceText(a), since, free, loadText(a))
	}
	return t.Flush()
}

// rolesText are the agent's roles, and the teams they lead.
func rolesText(a *api.Agent) string {
	var parts []string
	for _, role := range a.Roles {
		parts = append(parts, string(role))
	}
	if len(a.Leads) > 0 {
		parts = append(parts, "leads "+strings.Join(a.Leads, " and "))
	}
	return dash(strings.Join(parts, ", "))
}

// dutyText says whether the agent is on duty, and when that changes.
func dutyText(a *api.Agent, now time.Time) string {
	what := "on"
	if !a.Duty.On {
		what = "off"
		if a.Duty.Reason != plan.OffSchedule {
			what += ", " + a.Duty.Reason
		}
	}
	if a.Duty.Until.IsZero() {
		return what
	}
	return what + " until " + clockText(a.Duty.Until, now)
}

// clockText is an instant on the clock here: with the day if that is not today's, with the date if it is not within days.
func clockText(t, now time.Time) string {
	t, now = t.Local(), now.Local()
	switch {
	case t.Format(time.DateOnly) == now.Format(time.DateOnly):
		return t.Format("15:04")
	case t.Sub(now).Abs() < 6*24*time.Hour:
		return t.Format("Mon 15:04")
	}
	return t.Format("2006-01-02 15:04")
}

func presenceText(a *api.Agent) string {
	if a.Reason == "" {
		return string(a.Presence)
	}
	return fmt.Sprintf("%s (%s)", a.Presence, a.Reason)
}

// loadText counts what the agent holds per channel beside the limit.
func loadText(a *api.Agent) string {
	var parts []string
	for channel, n := range a.Load {
		if n > 0 {
			parts = append(parts, fmt.Sprintf("%s %d/%d", channel, n, max(a.Limits[channel], 1)))
		}
	}
	if len(parts) == 0 {
		return "-"
	}
	slices.Sort(parts)
	return strings.Join(parts, ", ")
}
