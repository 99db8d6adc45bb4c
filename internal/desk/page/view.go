package page

import (
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html/template"
	"slices"
	"strings"
	"time"

	"github.com/caseload-dev/caseload/internal/desk/api"
	"github.com/caseload-dev/caseload/internal/eventlog"
	"github.com/caseload-dev/caseload/internal/ticket"
)

//go:embed page.html
var markup string

//go:embed page.css
var style string

var document = template.Must(template.New("page").Funcs(template.FuncMap{
	"style": func() template.CSS { return template.CSS(style) }, //nolint:gosec // ours, and pinned by the policy
	"time":  func(t time.Time) string { return t.Format("Mon 2 Jan 2006, 15:04:05 MST") },
	"stamp": func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
}).Parse(markup))

// policy allows our style, and forms sent to this page; no script, no image, nobody who frames it.
var policy = func() string {
	sum := sha256.Sum256([]byte(style))
	return fmt.Sprintf("default-src 'none'; style-src 'sha256-%s'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
		base64.StdEncoding.EncodeToString(sum[:]))
}()

// view is what the page shows. All of it is escaped.
type view struct {
	Title, HelpDesk, Agent string
	// Problem and Done are what became of a form.
	Problem, Done string
	// in is the zone in which the agent is told times.
	in *time.Location
	// Standing says where the ticket is; Until when an offer ends.
	Standing string
	Until    time.Time
	// Ticket is absent for who no longer has it.
	Ticket  *ticket.Ticket
	Fields  []field
	Prior   []ticket.Ticket
	Earlier int64
	History []entry
	// Key makes a form sent twice count once. Offer is what can be accepted; zero: nothing.
	Key   string
	Offer int64
	// CanWork says that the agent has the ticket, and can reply to it and resolve it.
	CanWork bool
	// CanAcknowledge says that the ticket is escalated and nobody acts.
	CanAcknowledge bool
	// CanApprove says that the ticket's agent asks for the approval of its amount.
	CanApprove bool
}

type field struct{ Name, Value string }

// entry of the history: what happened, why, and what was said.
type entry struct {
	At            time.Time
	What          string
	Why           []string
	From, Message string
}

// tell the view a ticket that is its agent's.
func (v *view) tell(h *api.TicketHistory) {
	t := &h.Ticket
	v.Ticket, v.Prior, v.Earlier = t, h.Prior, h.EarlierRecords
	v.Fields = fields(h, v.in)
	v.CanAcknowledge = called(t, v.Agent) && !t.Escalation.Run.Acknowledged()
	v.CanApprove = approves(t, v.Agent)
	switch {
	case v.CanApprove:
		v.Standing = fmt.Sprintf("%s asks you to approve %s", t.Agent, t.Amount)
	case t.Agent != v.Agent:
		v.Standing = "Escalated to you. " + gone(t)
	case t.Status == ticket.Offered:
		v.Standing, v.Offer, v.Until = "Offered to you", t.Offer.ID, t.Offer.Until.In(v.in)
	case t.Status != ticket.Resolved && t.OwnedByAgent() && t.Status.Live():
		v.Standing = string(t.Status) + ", with you"
		v.CanWork = true
	default:
		v.Standing = string(t.Status)
	}
	for i := range h.Records {
		v.History = append(v.History, entryOf(&h.Records[i], v.in))
	}
	slices.Reverse(v.History)
}

func fields(h *api.TicketHistory, in *time.Location) []field {
	t := &h.Ticket
	customer := t.Customer
	if h.Customer != nil {
		customer = h.Customer.String()
	}
	amount := ""
	if t.Amount != nil {
		amount = t.Amount.String()
	}
	due := ""
	if metric, at := t.Service.NextDue(); !at.IsZero() {
		due = eventlog.MetricWords[metric] + ", " + at.In(in).Format("Mon 2 Jan, 15:04 MST")
	}
	all := []field{
		{"Priority", string(t.Priority)}, {"Due next", due}, {"Queue", t.Queue}, {"Channel", t.Channel}, {"Customer", customer},
		{"Category", t.Category}, {"Product", t.Product}, {"Language", t.Language}, {"Region", t.Region},
		{"Amount", amount}, {"Tags", strings.Join(t.Tags, ", ")},
	}
	return slices.DeleteFunc(all, func(f field) bool { return f.Value == "" })
}

func entryOf(r *eventlog.Record, in *time.Location) entry {
	lines := r.Tell(in)
	e := entry{At: r.At.In(in), What: lines[0], Why: lines[1:]}
	var said eventlog.MessageData
	if json.Unmarshal(r.Data, &said) == nil && said.Body != "" {
		e.From, e.Message = said.From, said.Body
		if e.From == "" {
			e.From = "Note"
		}
		e.Why = slices.DeleteFunc(e.Why, func(line string) bool { return line == e.From+": "+e.Message })
	}
	return e
}
