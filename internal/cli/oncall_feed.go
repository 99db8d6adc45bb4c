package cli

import (
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/caseload-dev/caseload/internal/desk/api"
)

func newOnCallFeed() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "feed",
		Short: "Make, list and revoke addresses that calendar programs subscribe to",
	}
	var agent string
	create := onDesk(&cobra.Command{
		Use:   "create [ROTATION]",
		Short: "Make a feed of a rotation, or with --agent of one agent's shifts, and print its secret address",
		Long: `Make a feed and print its address. Who knows the address can read the feed, so treat it like a password; it is shown once, and
caseload oncall feed revoke makes it worthless.`,
		Args: cobra.MaximumNArgs(1),
	}, func(cmd *cobra.Command, desk api.Service, args []string) (*api.OnCallFeed, error) {
		body := api.CreateOnCallFeed{Agent: agent}
		if len(args) > 0 {
			body.Rotation = args[0]
		}
		return desk.CreateOnCallFeed(cmd.Context(), api.Call{}, body)
	}, func(w io.Writer, feed *api.OnCallFeed) error {
		_, err := fmt.Fprintln(w, feed.URL)
		return err
	})
	create.Flags().StringVar(&agent, "agent", "", "agent whose shifts the feed has")
	list := onDesk(&cobra.Command{
		Use:   "list",
		Short: "List the feeds, without their addresses",
		Args:  cobra.NoArgs,
	}, func(cmd *cobra.Command, desk api.Service, _ []string) (*api.OnCallFeedList, error) {
		return desk.OnCallFeeds(cmd.Context(), api.Call{})
	}, printFeeds)
	revoke := onDesk(&cobra.Command{
		Use:   "revoke ID",
		Short: "Make the address of a feed worthless",
		Args:  cobra.ExactArgs(1),
	}, func(cmd *cobra.Command, desk api.Service, args []string) (*api.OnCallFeed, error) {
		id, err := strconv.ParseInt(args[0], 10, 64)
		if err != nil {
			return nil, fmt.Errorf("%s is no id of a feed: caseload oncall feed list has them", args[0])
		}
		return desk.RevokeOnCallFeed(cmd.Context(), api.Call{}, id)
	}, func(w io.Writer, feed *api.OnCallFeed) error {
		return printFeeds(w, &api.OnCallFeedList{Items: []api.OnCallFeed{*feed}})
	})
	cmd.AddCommand(create, list, revoke)
	return cmd
}

func printFeeds(w io.Writer, list *api.OnCallFeedList) error {
	t := onCallTable(w, "ID", "ROTATION", "AGENT", "MADE", "BY")
	for _, f := range list.Items {
		t.row(f.ID, dash(f.Rotation), dash(f.Agent), f.CreatedAt.Local().Format(time.DateTime), f.CreatedBy)
	}
	return t.Flush()
}
