package cli

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"sigs.k8s.io/yaml"

	"github.com/caseload-dev/caseload/api/v1alpha1"
	"github.com/caseload-dev/caseload/internal/desk/api"
	"github.com/caseload-dev/caseload/internal/manifest"
	"github.com/caseload-dev/caseload/internal/plan"
	"github.com/caseload-dev/caseload/internal/routing"
	"github.com/caseload-dev/caseload/internal/ticket"
)

func init() { commands = append(commands, newRoute) }

func newRoute() *cobra.Command {
	var file, output string
	var files []string
	var connect connectFlags
	cmd := &cobra.Command{
		Use:     "route -f TICKET",
		Short:   "Explain which rule decides where a ticket goes, and why the earlier ones do not",
		GroupID: "check",
		Long: `Explain which routing rule decides about a ticket and why each rule before it does not. No ticket is opened.

The ticket is a JSON or YAML file, or "-" for the input, with the fields of a ticket as it is opened; subject and the rest
may be left out. To say what is known of its customer, wrap it:

  ticket: {subject: Everything is down, channel: Chat, customer: c-7}
  customer: {segment: Enterprise, value: {amount: 9000, currency: EUR}}

With --files the rules are those of manifests; without it a live desk is asked, which knows its customers by their id.`,
		Example: `  caseload route -f ticket.yaml --files organisation/
  echo '{"channel": "Email", "category": "billing"}' | caseload route -f - -n support`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			request, err := readRouteRequest(file, cmd.InOrStdin())
			if err = cmp.Or(checkOutput(output), err); err != nil {
				return usageError(cmd, err)
			}
			var result *api.RouteResult
			if len(files) > 0 {
				result, err = routeByFiles(cmd, files, connect, request)
			} else {
				result, err = routeByDesk(cmd, connect, request)
			}
			if err != nil {
				return err
			}
			if output == "json" {
				return printJSON(cmd.OutOrStdout(), result)
			}
			if err := printDecision(cmd.OutOrStdout(), result.Decision); err != nil {
				return err
			}
			return printWaiting(cmd.OutOrStdout(), result.Waiting)
		},
	}
	connect.bind(cmd.Flags())
	cmd.Flags().StringVarP(&file, "filename", "f", "", `file of the ticket; "-" for the input`)
	cmd.Flags().StringSliceVar(&files, "files", nil, "manifests to route by, files or folders, instead of a live desk")
	cmd.Flags().StringVarP(&output, "output", "o", "", "json for programs")
	return cmd
}

func readRouteRequest(file string, input io.Reader) (api.RouteRequest, error) {
	var request api.RouteRequest
	if file == "" {
		return request, errors.New("name the ticket's file with -f; - reads the input")
	}
	read := func() ([]byte, error) { return os.ReadFile(file) }
	if file == "-" {
		read = func() ([]byte, error) { return io.ReadAll(input) }
	}
	raw, err := read()
	if err != nil {
		return request, err
	}
	var fields map[string]json.RawMessage
	if err := yaml.Unmarshal(raw, &fields); err != nil {
		return request, fmt.Errorf("%s is no ticket: %w", file, err)
	}
	if _, wrapped := fields["ticket"]; wrapped {
		err = yaml.UnmarshalStrict(raw, &request)
	} else {
		err = yaml.UnmarshalStrict(raw, &request.Ticket)
	}
	if err != nil {
		return request, fmt.Errorf("%s is no ticket: %w", file, err)
	}
	if p := request.Ticket.Priority; p != "" && !slices.Contains(ticket.Priorities, p) {
		return request, fmt.Errorf("%s: there is no priority %s; it is one of %v", file, p, ticket.Priorities)
	}
	return request, nil
}

func routeByDesk(cmd *cobra.Command, connect connectFlags, request api.RouteRequest) (*api.RouteResult, error) {
	desk, stop, err := connect.dial(cmd)
	if err != nil {
		return nil, fmt.Errorf("%w (or give manifests with --files)", err)
	}
	defer stop()
	return desk.Route(cmd.Context(), api.Call{}, request)
}

func routeByFiles(cmd *cobra.Command, files []string, connect connectFlags, request api.RouteRequest) (*api.RouteResult, error) {
	set, err := manifest.Load(files, cmd.InOrStdin())
	if err != nil {
		return nil, usageError(cmd, err)
	}
	desk, err := chooseDesk(set, connect.namespace, connect.helpDesk)
	if err != nil {
		return nil, usageError(cmd, err)
	}
	if report := newLintReport(set); report.Errors > 0 {
		fmt.Fprintf(cmd.ErrOrStderr(), "The manifests have %s, and what has one is left out: see caseload lint %s\n",
			count(report.Errors, "problem"), strings.Join(files, " "))
	}
	compiled := set.Plan(desk)
	built, err := plan.Build(compiled.Manifest, compiled.Entries)
	if err != nil {
		return nil, err
	}
	decision := built.Router.Explain(&request.Ticket, request.Customer)
	return &api.RouteResult{Decision: decision, Waiting: api.WaitingIn(built.Queues[decision.Queue])}, nil
}

// chooseDesk finds the one HelpDesk that the flags allow.
func chooseDesk(set *manifest.Set, namespace, name string) (manifest.Desk, error) {
	all := set.Desks()
	fits := slices.DeleteFunc(slices.Clone(all), func(d manifest.Desk) bool {
		return namespace != "" && d.Namespace != namespace || name != "" && d.Name != name
	})
	if len(fits) == 1 {
		return fits[0], nil
	}
	var names []string
	for _, d := range all {
		names = append(names, strings.TrimPrefix(d.Namespace+"/"+d.Name, "/"))
	}
	if len(all) == 0 {
		return manifest.Desk{}, errors.New("the manifests have no HelpDesk")
	}
	return manifest.Desk{}, fmt.Errorf("%d HelpDesks of the manifests fit: choose one of %s with --namespace and --help-desk", len(fits), strings.Join(names, ", "))
}

func printDecision(w io.Writer, d routing.Decision) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	if len(d.Steps) > 0 {
		fmt.Fprintln(table, "RULE\tMATCHES\tWHY")
	}
	for _, step := range d.Steps {
		matches := "no"
		if step.Matched {
			matches = "yes"
		}
		fmt.Fprintf(table, "%s/%s\t%s\t%s\n", step.Policy, step.Rule, matches, step.Why)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	if len(d.Steps) > 0 {
		fmt.Fprintln(w)
	}
	queue := cmp.Or(d.Queue, plan.UnroutedQueue)
	fmt.Fprintf(w, "queue %s, decided by %s\n", queue, d.Rule)
	fmt.Fprintf(w, "priority %s\n", d.Priority)
	if d.ServiceLevel != "" {
		fmt.Fprintf(w, "service level %s\n", d.ServiceLevel)
	}
	if len(d.AddTags) > 0 {
		fmt.Fprintf(w, "tags added: %s\n", strings.Join(d.AddTags, ", "))
	}
	return nil
}

// printWaiting tells what becomes of the ticket while nobody takes it.
func printWaiting(w io.Writer, waiting *api.Waiting) error {
	if waiting == nil {
		return nil
	}
	fmt.Fprintln(w, "while nobody takes it:")
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, stage := range waiting.Relaxation {
		fmt.Fprintf(table, "  after %s\trequires %s\n", plan.FormatDuration(time.Duration(stage.AfterSeconds)*time.Second), required(stage.Requirements))
	}
	if waiting.OverflowSeconds > 0 {
		fmt.Fprintf(table, "  after %s\tgoes to queue %s\n", plan.FormatDuration(time.Duration(waiting.OverflowSeconds)*time.Second), waiting.Overflow)
	}
	if waiting.MaxWaiting > 0 {
		then := "goes to queue " + waiting.Overflow
		switch {
		case waiting.Rejects:
			then = "is rejected"
		case waiting.Overflow == "":
			then = "goes to the default queue"
		}
		fmt.Fprintf(table, "  with %d before it\t%s at once\n", waiting.MaxWaiting, then)
	}
	return table.Flush()
}

// required reads like "billing 3, the ticket's language".
func required(r v1alpha1.Requirements) string {
	var parts []string
	for _, skill := range r.Skills {
		parts = append(parts, fmt.Sprintf("%s %d", skill.Name, skill.MinLevel))
	}
	if r.LanguageMatch == v1alpha1.LanguageRequired {
		parts = append(parts, "the ticket's language")
	}
	if len(parts) == 0 {
		return "nothing"
	}
	return strings.Join(parts, ", ")
}
