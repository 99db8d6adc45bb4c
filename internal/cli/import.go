package cli

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/caseload-dev/caseload/api/v1alpha1"
	"github.com/caseload-dev/caseload/internal/calendar"
	"github.com/caseload-dev/caseload/internal/caselog"
	"github.com/caseload-dev/caseload/internal/importer"
	"github.com/caseload-dev/caseload/internal/plan"
	"github.com/caseload-dev/caseload/internal/ticket"
)

func init() { commands = append(commands, newImport) }

func newImport() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "import",
		Short:   "Derive manifests from what another system knows",
		GroupID: "check",
	}
	cmd.AddCommand(newImportEventLog())
	return cmd
}

// historyFlags say how to read an event log and what organisation to see in it. Import and replay share them, so that
// both derive the same names.
type historyFlags struct {
	columns     caselog.Columns
	notPeople   []string
	tierPattern string
	hours       string
	importer.Options
}

func (f *historyFlags) bind(flags *pflag.FlagSet) {
	d := caselog.DefaultColumns()
	column := func(p *string, name, value, usage string) {
		flags.StringVar(p, name+"-column", value, "column of "+usage)
	}
	column(&f.columns.Case, "case", d.Case, "the ticket's id")
	column(&f.columns.Activity, "activity", d.Activity, "the status")
	column(&f.columns.Transition, "transition", d.Transition, "the status in detail; may be absent")
	column(&f.columns.Time, "time", d.Time, "the instant")
	column(&f.columns.Resource, "resource", d.Resource, "the person; empty values are nobody")
	column(&f.columns.Team, "team", d.Team, "the support team, which becomes a queue")
	column(&f.columns.Group, "group", d.Group, "the organisation line, which becomes a team; may be absent")
	column(&f.columns.Role, "role", d.Role, "the person's role, kept as a label; may be absent")
	column(&f.columns.Impact, "impact", d.Impact, "the impact (Major, High, Medium, Low), which becomes the priority; may be absent")
	column(&f.columns.Product, "product", d.Product, "the product; may be absent")
	column(&f.columns.Country, "country", d.Country, "the person's country, which becomes a calendar; may be absent")
	column(&f.columns.TeamCountry, "team-country", d.TeamCountry, "the support team's country, in whose business time its service level counts; may be absent")
	flags.StringSliceVar(&f.notPeople, "not-people", []string{"Siebel"}, "values of the resource column that are systems, not people")
	flags.StringVar(&f.tierPattern, "tier-pattern", `\b(\d+)(?:st|nd|rd|th)$`, "regular expression whose first group is the level in a support team's name; no match is level 1")
	flags.StringVar(&f.Channel, "channel", "Web", "channel the tickets came by")
	flags.StringVar(&f.hours, "hours", "08:00-17:00", "working hours in every country, Monday to Friday; 22:00-06:00 is overnight")
	flags.StringToStringVar(&f.Zones, "zone", nil, "time zone of a country, such as --zone Brazil=America/Recife; without one, that of its largest city")
	flags.IntVar(&f.KeptPercent, "kept-percent", 80, "how many of a hundred tickets of the history kept the targets that are derived from it")
	flags.DurationVar(&f.EscalateAfter, "escalate-after", 4*time.Hour, "time a ticket waits for somebody before the next line gets it; 0 is for ever")
	flags.DurationVar(&f.MaxGap, "max-gap", time.Hour, "longest stretch of the history in which nothing happens, when it is sped up; 0 keeps all")
}

// read the log and the organisation in it.
func (f *historyFlags) read(path string) (*caselog.Log, *importer.Organisation, error) {
	pattern, err := regexp.Compile(f.tierPattern)
	if err != nil {
		return nil, nil, fmt.Errorf("--tier-pattern: %w", err)
	}
	if pattern.NumSubexp() < 1 {
		return nil, nil, errors.New("--tier-pattern needs a group around the level, such as (\\d)nd")
	}
	if f.KeptPercent < 1 || f.KeptPercent > 100 {
		return nil, nil, fmt.Errorf("--kept-percent %d: give a number from 1 to 100", f.KeptPercent)
	}
	if f.SpeedUp <= 0 {
		return nil, nil, fmt.Errorf("--speed-up %g: give a number above 0, such as 3600 for an hour in a second", f.SpeedUp)
	}
	options := f.Options
	options.TierPattern, options.Hours = pattern, importer.DefaultHours()
	from, to, found := strings.Cut(f.hours, "-")
	if options.Hours.From, options.Hours.To = v1alpha1.TimeOfDay(from), v1alpha1.TimeOfDay(to); !found {
		return nil, nil, fmt.Errorf("--hours %q: write them like 08:00-17:00", f.hours)
	}
	if _, err := calendar.NewHours(options.Hours); err != nil {
		return nil, nil, fmt.Errorf("--hours %q: %w", f.hours, err)
	}
	if f.EscalateAfter < 0 {
		return nil, nil, errors.New("--escalate-after: give a time above 0, such as 4h, or 0 for ever")
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, nil, err
	}
	defer file.Close()
	log, err := caselog.Read(file, caselog.Options{Columns: f.columns, NotPeople: f.notPeople})
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", path, err)
	}
	org, err := importer.Derive(log, options)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", path, err)
	}
	return log, org, nil
}

func newImportEventLog() *cobra.Command {
	var history historyFlags
	var out, output string
	cmd := &cobra.Command{
		Use:   "eventlog FILE.csv",
		Short: "Derive an organisation from a ticket system's event log",
		Long: `Derive the manifests of an organisation from the history of its tickets: a CSV file with one event a line and a
header that names the columns. The defaults are those of the XES standard.

What becomes what:
  support team        Queue, in the Tier of its level: the number in its name ("J11 2nd" is level 2), else level 1
  person              Agent; label queue=… is the queue of most of their events, the others are assignments
  organisation line   SupportTeam that the agents report to, under one team of the HelpDesk's name
  first support team  RoutingPolicy: a ticket goes to the support team that its category names
  limit of an agent   the most tickets the person had in progress at once, at least 1 and at most 50
  country             BusinessCalendar: --hours in its time zone. People are on duty by that of theirs
  impact              priority: Major is Urgent, High High, Medium Normal, Low Low
  how long it took    ServiceLevel of each support team's country: per priority, what --kept-percent of the tickets kept
  the next line       EscalationPolicy: it gets a ticket that nobody has taken --escalate-after it came
A queue that no person worked is served by its whole tier. A row without case, status, time or support team is an error.

Names: ` + importer.NameRule + `.
The original stays in the annotation ` + importer.SourceNameAnnotation + `.

The same file gives the same manifests. "caseload replay" plays the file's tickets against them.`,
		Example: `  caseload import eventlog history.csv --out org/ --help-desk acme
  caseload lint org/
  caseload import eventlog history.csv --out - | kubectl apply -f -`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := checkOutput(output); err != nil {
				return err
			}
			_, org, err := history.read(args[0])
			if err != nil {
				return err
			}
			files, err := org.Manifests()
			if err != nil {
				return err
			}
			if err := writeManifests(cmd.OutOrStdout(), out, files); err != nil {
				return err
			}
			summary := cmd.OutOrStdout()
			if out == "-" {
				summary = cmd.ErrOrStderr()
			}
			if output == "json" {
				return printJSON(summary, org.Summary)
			}
			printSummary(summary, org, out)
			return nil
		},
	}
	history.bind(cmd.Flags())
	cmd.Flags().StringVar(&history.HelpDesk, "help-desk", "imported", "name of the HelpDesk and of the team that owns its tiers")
	cmd.Flags().Float64Var(&history.SpeedUp, "speed-up", 1, "for a replay on a running desk at this speed: divides targets and --escalate-after, and leaves out the calendars, as no clock can be sped up")
	cmd.Flags().DurationVar(&history.OfferTimeout, "offer-timeout", 30*time.Second, "time an agent has to accept an offer")
	cmd.Flags().StringVar(&out, "out", "", "folder to write the manifests to, created if missing; - for standard output (required)")
	cmd.Flags().StringVarP(&output, "output", "o", "", "json prints the summary for scripts")
	_ = cmd.MarkFlagRequired("out")
	return cmd
}

// writeManifests writes the files into the folder, or all to w for "-". The folder is for kubectl apply -f, which fails at a
// kustomization.
func writeManifests(w io.Writer, dir string, files []importer.File) error {
	if dir == "-" {
		for _, f := range files {
			if _, err := w.Write(f.Data); err != nil {
				return err
			}
		}
		return nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for _, f := range files {
		path := filepath.Join(dir, f.Name)
		if len(f.Data) == 0 { // as another import may have written it
			if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
				return err
			}
			continue
		}
		if err := os.WriteFile(path, f.Data, 0o644); err != nil {
			return err
		}
	}
	return nil
}

func printSummary(w io.Writer, org *importer.Organisation, out string) {
	s := org.Summary
	fmt.Fprintf(w, "read   %d tickets, %d events\n", s.Cases, s.Events)
	var tiers []string
	for _, tier := range slices.Sorted(maps.Keys(s.QueuesByTier)) {
		tiers = append(tiers, fmt.Sprintf("%s: %d", tier, s.QueuesByTier[tier]))
	}
	fmt.Fprintf(w, "found  1 HelpDesk, %d SupportTeams, %d Tiers, %d Queues (%s), %d Agents, %d routing rules\n",
		s.Teams, len(s.QueuesByTier), s.Queues, strings.Join(tiers, ", "), s.Agents, s.Rules)
	var zones []string
	for _, name := range slices.Sorted(maps.Keys(s.Calendars)) {
		zones = append(zones, name+" "+s.Calendars[name])
	}
	if len(zones) > 0 {
		fmt.Fprintf(w, "time   %d BusinessCalendars: %s\n", len(zones), strings.Join(zones, ", "))
	}
	for _, priority := range ticket.Priorities {
		var within []string
		if target, is := s.Targets[priority][ticket.FirstResponse]; is {
			within = append(within, "first response in "+plan.FormatDuration(time.Duration(target)))
		}
		if target, is := s.Targets[priority][ticket.Resolution]; is {
			within = append(within, "resolved in "+plan.FormatDuration(time.Duration(target)))
		}
		if len(within) > 0 {
			fmt.Fprintf(w, "time   %s: %s\n", priority, strings.Join(within, ", "))
		}
	}
	if org.Escalates() {
		fmt.Fprintf(w, "time   what nobody has taken %s after it came goes to the next line, which has a queue of its name for it\n", plan.FormatDuration(org.EscalateAfter))
	}
	if len(s.UnknownCountries) > 0 {
		fmt.Fprintf(w, "note   no time zone is known of %s: who is there is on duty around the clock; give one with --zone\n", strings.Join(s.UnknownCountries, ", "))
	}
	if s.Nobody > 0 {
		fmt.Fprintf(w, "note   %d events name no person\n", s.Nobody)
	}
	if len(s.Unserved) > 0 {
		fmt.Fprintf(w, "note   served by their whole tier, as no person worked them: %s\n", strings.Join(s.Unserved, ", "))
	}
	for _, agent := range slices.Sorted(maps.Keys(s.Capped)) {
		fmt.Fprintf(w, "note   %s had %d tickets at once; a limit is at most 50\n", agent, s.Capped[agent])
	}
	for _, status := range slices.Sorted(maps.Keys(s.Remarks)) {
		fmt.Fprintf(w, "note   status %q says nothing about who has the ticket: %d events\n", status, s.Remarks[status])
	}
	if len(s.Renamed) > 0 {
		fmt.Fprintf(w, "names  %d changed by more than case:\n", len(s.Renamed))
		for _, source := range slices.Sorted(maps.Keys(s.Renamed)) {
			fmt.Fprintf(w, "       %-28q %s\n", source, s.Renamed[source])
		}
	}
	if out != "-" {
		fmt.Fprintf(w, "wrote  %s; check it with: caseload lint %s\n", out, out)
	}
}
