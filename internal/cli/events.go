package cli

import (
	"encoding/json"

	"github.com/spf13/cobra"

	"github.com/caseload-dev/caseload/internal/desk/api"
)

func init() { commands = append(commands, newEvents) }

// eventsPage is the number of records fetched at a time.
const eventsPage = 1000

func newEvents() *cobra.Command {
	var connect connectFlags
	var after, ticket int64
	var follow bool
	cmd := &cobra.Command{
		Use:     "events",
		Short:   "Print the desk's event log, one JSON record a line",
		GroupID: "use",
		Long: `Print the desk's event log in commit order, one JSON record a line: every change of every ticket with who caused it and
which plan decided, customers' records, presence, leases, plan activations, timers and deliveries.`,
		Example: `  caseload events > log.jsonl
  caseload events --ticket 17 | jq -r '[.at, .type, .actor] | @tsv'
  caseload events --follow`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			desk, stop, err := connect.dial(cmd)
			if err != nil {
				return err
			}
			defer stop()
			wait := 0
			if follow {
				wait = 25
			}
			encoder := json.NewEncoder(cmd.OutOrStdout())
			for {
				page, err := desk.Records(cmd.Context(), api.Call{}, after, eventsPage, ticket, wait)
				if err != nil {
					return err
				}
				for i := range page.Items {
					if err := encoder.Encode(&page.Items[i]); err != nil {
						return err
					}
				}
				if len(page.Items) == 0 && !follow {
					return nil
				}
				after = page.Position
			}
		},
	}
	connect.bind(cmd.Flags())
	cmd.Flags().Int64Var(&after, "after", 0, "only records behind this position")
	cmd.Flags().Int64Var(&ticket, "ticket", 0, "only records of this ticket")
	cmd.Flags().BoolVarP(&follow, "follow", "f", false, "wait for further records")
	return cmd
}
