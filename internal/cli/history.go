package cli

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"k8s.io/apimachinery/pkg/util/duration"

	"github.com/caseload-dev/caseload/internal/desk/api"
	"github.com/caseload-dev/caseload/internal/escalation"
	"github.com/caseload-dev/caseload/internal/eventlog"
	"github.com/caseload-dev/caseload/internal/ticket"
)

// renderTicket tells all there is about a ticket, its history last.
func renderTicket(w io.Writer, h *api.TicketHistory, now time.Time) error {
	t := &h.Ticket
	fmt.Fprintf(w, "Ticket %d: %s\n", t.ID, t.Subject)
	table := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	field := func(name, format string, args ...any) {
		fmt.Fprintf(table, "  %s\t%s\n", name, fmt.Sprintf(format, args...))
	}
	field("Status", "%s", standing(t, now))
	if then := next(t); then != "" {
		field("If not taken", "%s", then)
	}
	if run := t.Escalating(); run != nil {
		field("Escalation", "%s", escalationWords(run))
	}
	field("Priority", "%s", t.Priority)
	field("Queue", "%s%s%s", t.Queue, inBrackets(t.Rule), because(strings.Join(t.Overflowed, ", "), ", overflowed from "))
	if t.ServiceLevel != "" {
		field("Service level", "%s", t.ServiceLevel)
	}
	for _, m := range ticket.Metrics {
		if c := t.Service.Clock(m); c != nil && (c.Target > 0 || !c.Ended()) {
			field("  "+eventlog.MetricWords[m], "%s", clockWords(c, now))
		}
	}
	field("Channel", "%s", t.Channel)
	for _, f := range []struct{ name, value string }{
		{"Category", t.Category}, {"Product", t.Product}, {"Language", t.Language}, {"Region", t.Region},
		{"Customer", customer(h)}, {"Amount", money(t.Amount)}, {"Tags", strings.Join(t.Tags, ", ")}, {"Attributes", pairs(t.Attributes)},
	} {
		if f.value != "" {
			field(f.name, "%s", f.value)
		}
	}
	if t.Reference != nil {
		field("Reference", "%s/%s", t.Reference.Source, t.Reference.Key)
	}
	if t.FollowUpOf != 0 {
		field("Follows up", "ticket %d", t.FollowUpOf)
	}
	if t.SetAside != "" {
		field("Set aside", "%s", t.SetAside)
	}
	field("Opened", "%s (%s ago)", t.OpenedAt.Local().Format(time.DateTime), age(t.OpenedAt, now))
	if err := table.Flush(); err != nil {
		return err
	}
	if t.Body != "" {
		fmt.Fprintf(w, "\n%s\n", indent(t.Body, "  "))
	}
	if len(h.Prior) > 0 {
		fmt.Fprintln(w, "\nOther tickets of the customer:")
		for i := range h.Prior {
			p := &h.Prior[i]
			fmt.Fprintf(w, "  %d  %s  %s\n", p.ID, p.Status, p.Subject)
		}
	}
	fmt.Fprintln(w, "\nHistory:")
	if n := h.EarlierRecords; n > 0 {
		fmt.Fprintf(w, "  (%d earlier records: caseload events --ticket %d)\n", n, t.ID)
	}
	for i := range h.Records {
		r := &h.Records[i]
		lines := r.Tell(time.Local)
		fmt.Fprintf(w, "  %s  %s\n", r.At.Local().Format(time.DateTime), lines[0])
		for _, more := range lines[1:] {
			fmt.Fprintf(w, "%s\n", indent(more, strings.Repeat(" ", 23)))
		}
	}
	return nil
}

// standing says in whose hands the ticket is.
func standing(t *ticket.Ticket, now time.Time) string {
	switch t.Status {
	case ticket.Waiting:
		return fmt.Sprintf("Waiting in queue %s for %s", t.Queue, age(t.EnteredQueueAt, now))
	case ticket.Offered:
		return fmt.Sprintf("Offered to %s, until %s", t.Agent, t.Offer.Until.Local().Format(time.TimeOnly))
	case ticket.Pending:
		if !t.Until.IsZero() {
			return fmt.Sprintf("Pending with %s, until %s", t.Agent, t.Until.Local().Format(time.DateTime))
		}
	case ticket.Resolved:
		return fmt.Sprintf("Resolved%s, closes %s", because(t.Agent, " by "), t.ClosesAt.Local().Format(time.DateTime))
	}
	return string(t.Status) + because(t.Agent, " with ")
}

// next tells what happens to a ticket that goes on waiting.
func next(t *ticket.Ticket) string {
	var parts []string
	if !t.RelaxesAt.IsZero() {
		parts = append(parts, fmt.Sprintf("stage %d of the requirements begins %s", t.Stage+1, t.RelaxesAt.Local().Format(time.DateTime)))
	}
	if !t.OverflowsAt.IsZero() {
		parts = append(parts, "overflows "+t.OverflowsAt.Local().Format(time.DateTime))
	}
	if e := t.Escalation; e != nil && !e.UnassignedAt.IsZero() {
		parts = append(parts, "is escalated "+e.UnassignedAt.Local().Format(time.DateTime))
	}
	return strings.Join(parts, "; ")
}

// escalationWords say when an escalation under way goes on, and who stopped it.
func escalationWords(run *escalation.Run) string {
	at := run.NextAt.Local().Format(time.DateTime)
	if run.Acknowledged() {
		return fmt.Sprintf("by policy %s, acknowledged by %s; goes on %s unless it is resolved", run.Policy, run.AcknowledgedBy, at)
	}
	return fmt.Sprintf("by policy %s, next step %s", run.Policy, at)
}

func customer(h *api.TicketHistory) string {
	if h.Customer == nil {
		return h.Ticket.Customer
	}
	return h.Customer.ID + because(h.Customer.Name, "  ") + because(h.Customer.Segment, "  segment ")
}

// because puts a word before a value that is there.
func because(value, before string) string {
	if value == "" {
		return ""
	}
	return before + value
}

func inBrackets(value string) string {
	if value == "" {
		return ""
	}
	return " (" + value + ")"
}

func money(m *ticket.Money) string {
	if m == nil {
		return ""
	}
	return fmt.Sprintf("%d %s", m.Amount, m.Currency)
}

func pairs(m map[string]string) string {
	var out []string
	for _, k := range slices.Sorted(maps.Keys(m)) {
		out = append(out, k+"="+m[k])
	}
	return strings.Join(out, ", ")
}

func indent(text, by string) string {
	return by + strings.ReplaceAll(strings.TrimRight(text, "\n"), "\n", "\n"+by)
}

func age(since, now time.Time) string { return duration.HumanDuration(max(0, now.Sub(since))) }
