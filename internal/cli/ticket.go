package cli

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"sigs.k8s.io/yaml"

	"github.com/caseload-dev/caseload/internal/desk/api"
	"github.com/caseload-dev/caseload/internal/ticket"
)

func init() { commands = append(commands, newTicket) }

func newTicket() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "ticket",
		Aliases: []string{"tickets"},
		Short:   "Open, list, show and work tickets",
		GroupID: "use",
	}
	cmd.AddCommand(newTicketList(), newTicketShow(), newTicketOpen())
	cmd.AddCommand(newTicketVerbs()...)
	return cmd
}

// onDesk makes a command that talks to a desk: connection flags, -o json, and what run answers printed either way.
func onDesk[T any](cmd *cobra.Command, run func(*cobra.Command, api.Service, []string) (T, error), print func(io.Writer, T) error) *cobra.Command {
	var connect connectFlags
	var output string
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := checkOutput(output); err != nil {
			return err
		}
		desk, stop, err := connect.dial(cmd)
		if err != nil {
			return err
		}
		defer stop()
		answer, err := run(cmd, desk, args)
		if err != nil {
			return err
		}
		if output == "json" {
			return printJSON(cmd.OutOrStdout(), answer)
		}
		return print(cmd.OutOrStdout(), answer)
	}
	connect.bind(cmd.Flags())
	cmd.Flags().StringVarP(&output, "output", "o", "", "json, for scripts")
	return cmd
}

func newTicketList() *cobra.Command {
	var query api.TicketQuery
	var statuses []string
	var reference string
	var atRisk, breached bool
	cmd := onDesk(&cobra.Command{
		Use:   "list",
		Short: "List tickets by id",
		Example: `  caseload ticket list --queue billing --status Waiting,Offered
  caseload ticket list --agent jo -o json
  caseload ticket list --breached`,
		Args: cobra.NoArgs,
	}, func(cmd *cobra.Command, desk api.Service, _ []string) (*api.TicketList, error) {
		for _, word := range statuses {
			s := ticket.Status(word)
			if !slices.Contains(ticket.Statuses, s) {
				return nil, fmt.Errorf("--status %s: there are %v", word, ticket.Statuses)
			}
			query.Status = append(query.Status, s)
		}
		switch {
		case atRisk:
			query.Standing = ticket.ClockAtRisk
		case breached:
			query.Standing = ticket.ClockBreached
		}
		var err error
		if query.Reference, err = parseReference(reference); err != nil {
			return nil, err
		}
		return desk.Tickets(cmd.Context(), api.Call{}, query)
	}, printTickets)
	flags := cmd.Flags()
	flags.StringSliceVar(&statuses, "status", nil, "only tickets of these statuses: Waiting, Offered, Open, Pending, OnHold, Resolved, Closed, Cancelled")
	flags.StringVar(&query.Queue, "queue", "", "only tickets of this queue")
	flags.StringVar(&query.Agent, "agent", "", "only tickets that this agent has or is offered")
	flags.StringVar(&query.Customer, "customer", "", "only tickets of this customer")
	flags.BoolVar(&atRisk, "at-risk", false, "only tickets whose service level is at risk, and not breached")
	flags.BoolVar(&breached, "breached", false, "only tickets whose service level is breached")
	cmd.MarkFlagsMutuallyExclusive("at-risk", "breached")
	flags.StringVar(&reference, "reference", "", "the ticket of this external reference, as SOURCE/KEY")
	flags.Int64Var(&query.After, "after", 0, "only tickets with a higher id, for the next page")
	flags.IntVar(&query.Limit, "limit", 0, "number of tickets, at most 500 (default 100)")
	return cmd
}

func printTickets(w io.Writer, list *api.TicketList) error {
	if len(list.Items) == 0 {
		_, err := fmt.Fprintln(w, "No tickets.")
		return err
	}
	now := time.Now()
	t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	fmt.Fprintln(t, "ID\tSTATUS\tPRIORITY\tQUEUE\tAGENT\tAGE\tDUE\tSUBJECT")
	for i := range list.Items {
		item := &list.Items[i]
		fmt.Fprintf(t, "%d\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n",
			item.ID, item.Status, item.Priority, item.Queue, dash(item.Agent), age(item.OpenedAt, now), dash(dueIn(item.Service.Due(), now)), item.Subject)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	if list.Continue != 0 {
		_, err := fmt.Fprintf(w, "There are more: add --after %d\n", list.Continue)
		return err
	}
	return nil
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

func newTicketShow() *cobra.Command {
	return onDesk(&cobra.Command{
		Use:   "show ID",
		Short: "Show a ticket with its history: which rule decided, who was offered it and why",
		Args:  cobra.ExactArgs(1),
	}, func(cmd *cobra.Command, desk api.Service, args []string) (*api.TicketHistory, error) {
		id, err := ticketID(args[0])
		if err != nil {
			return nil, err
		}
		return desk.History(cmd.Context(), api.Call{}, id)
	}, func(w io.Writer, h *api.TicketHistory) error { return renderTicket(w, h, time.Now()) })
}

func newTicketOpen() *cobra.Command {
	var content ticket.Content
	var file, priority, amount, reference, key string
	cmd := onDesk(&cobra.Command{
		Use:   "open",
		Short: "Open a ticket",
		Long: `Open a ticket from flags, or from a file with the fields of the API (JSON or YAML), which flags then change.
A ticket with the --reference of one that exists is not opened again: the answer is the one that exists,
or its id and status if you may not read tickets.`,
		Example: `  caseload ticket open --subject "Invoice is wrong" --channel Email --category billing --customer c-17
  caseload ticket open -f ticket.json --priority High -o json`,
		Args: cobra.NoArgs,
	}, func(cmd *cobra.Command, desk api.Service, _ []string) (*api.OpenedTicket, error) {
		body := content
		if file != "" {
			read, err := readContent(cmd.InOrStdin(), file)
			if err != nil {
				return nil, err
			}
			body = overlay(cmd, *read, content)
		}
		if body.Channel == "" {
			body.Channel = content.Channel
		}
		if priority != "" {
			body.Priority = ticket.Priority(priority)
		}
		if amount != "" {
			m, err := parseMoney(amount)
			if err != nil {
				return nil, err
			}
			body.Amount = m
		}
		if reference != "" {
			r, err := parseReference(reference)
			if err != nil {
				return nil, err
			}
			body.Reference = r
		}
		if body.Subject == "" {
			return nil, fmt.Errorf("a ticket needs a --subject")
		}
		return desk.OpenTicket(cmd.Context(), api.Call{Key: key}, api.OpenTicket{Content: body})
	}, func(w io.Writer, opened *api.OpenedTicket) error {
		was := "opened"
		if opened.Existing {
			was = "exists"
		}
		if opened.Ticket == nil { // and the caller may not read it
			_, err := fmt.Fprintf(w, "ticket %d %s: %s\n", opened.ID, was, opened.Status)
			return err
		}
		_, err := fmt.Fprintf(w, "ticket %d %s: %s%s\n", opened.Ticket.ID, was, standing(opened.Ticket, time.Now()), inBrackets(opened.Ticket.Rule))
		return err
	})
	flags := cmd.Flags()
	flags.StringVarP(&file, "file", "f", "", "file with the ticket, - for standard input")
	flags.StringVar(&content.Subject, "subject", "", "what it is about, in a line")
	flags.StringVar(&content.Body, "body", "", "the customer's words")
	flags.StringVar(&content.Channel, "channel", "Web", "how the customer reached the desk: Phone, Chat, Email, Web, Social, Visit or another word")
	flags.StringVar(&content.Category, "category", "", "category that routing reads")
	flags.StringVar(&content.Product, "product", "", "product that it is about")
	flags.StringVar(&content.Language, "language", "", "language of the customer, such as de")
	flags.StringVar(&content.Region, "region", "", "region of the customer")
	flags.StringVar(&content.Customer, "customer", "", "id of the customer's record")
	flags.StringVar(&content.Team, "team", "", "SupportTeam whose RoutingPolicy decides (default: the desk's default team)")
	flags.StringVar(&priority, "priority", "", "Urgent, High, Normal or Low")
	flags.StringVar(&amount, "amount", "", "amount of money it is about, such as 120EUR")
	flags.StringSliceVar(&content.Tags, "tag", nil, "tag; may be repeated")
	flags.StringToStringVar(&content.Attributes, "attribute", nil, "attribute as KEY=VALUE; may be repeated")
	flags.StringVar(&reference, "reference", "", "identity in the system it comes from, as SOURCE/KEY")
	flags.StringVar(&key, "idempotency-key", "", "key by which a repetition of this command is known (default: a new one)")
	return cmd
}

func readContent(stdin io.Reader, file string) (*ticket.Content, error) {
	var data []byte
	var err error
	if file == "-" {
		data, err = io.ReadAll(stdin)
	} else {
		data, err = os.ReadFile(file)
	}
	if err != nil {
		return nil, err
	}
	content := &ticket.Content{}
	if err := yaml.UnmarshalStrict(data, content); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return content, nil
}

// overlay puts what flags say over what the file says.
func overlay(cmd *cobra.Command, file, flags ticket.Content) ticket.Content {
	for name, set := range map[string]func(){
		"subject": func() { file.Subject = flags.Subject }, "body": func() { file.Body = flags.Body },
		"channel": func() { file.Channel = flags.Channel }, "category": func() { file.Category = flags.Category },
		"product": func() { file.Product = flags.Product }, "language": func() { file.Language = flags.Language },
		"region": func() { file.Region = flags.Region }, "customer": func() { file.Customer = flags.Customer },
		"team": func() { file.Team = flags.Team }, "tag": func() { file.Tags = flags.Tags },
		"attribute": func() { file.Attributes = flags.Attributes },
	} {
		if cmd.Flags().Changed(name) {
			set()
		}
	}
	return file
}

func ticketID(word string) (int64, error) {
	id, err := strconv.ParseInt(strings.TrimPrefix(word, "#"), 10, 64)
	if err != nil || id < 1 {
		return 0, fmt.Errorf("%q is no ticket id: give a number such as 17", word)
	}
	return id, nil
}

func parseReference(word string) (*ticket.Reference, error) {
	if word == "" {
		return nil, nil
	}
	source, key, ok := strings.Cut(word, "/")
	if !ok || source == "" || key == "" {
		return nil, fmt.Errorf("--reference %s: write it as SOURCE/KEY, such as crm/4711", word)
	}
	return &ticket.Reference{Source: source, Key: key}, nil
}

func parseMoney(word string) (*ticket.Money, error) {
	i := strings.IndexFunc(word, func(r rune) bool { return r < '0' || r > '9' })
	if i < 1 {
		return nil, fmt.Errorf("--amount %s: write a whole amount and its currency, such as 120EUR", word)
	}
	n, err := strconv.ParseInt(word[:i], 10, 64)
	if err != nil {
		return nil, fmt.Errorf("--amount %s: %w", word, err)
	}
	return &ticket.Money{Amount: n, Currency: strings.ToUpper(strings.TrimSpace(word[i:]))}, nil
}
