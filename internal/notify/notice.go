package notify

import (
	"fmt"
	"strings"
	"text/template"
	"time"
	"unicode"

	"github.com/caseload-dev/caseload/internal/ticket"
)

// Kind of a notice.
type Kind string

const (
	// Offer of a ticket, which the agent can accept until it ends.
	Offer Kind = "Offer"
	// HandOff of a ticket, which is now the agent's.
	HandOff Kind = "HandOff"
	// Escalation of a ticket, of which somebody calls the agent for help.
	Escalation Kind = "Escalation"
	// Approval of a ticket's amount, for which its agent asks.
	Approval Kind = "Approval"
)

// Notice is what somebody is told. It has none of what customers write but the ticket's subject.
type Notice struct {
	Kind   Kind   `json:"kind"`
	Agent  string `json:"agent"`
	Ticket int64  `json:"ticket"`
	// At is when it happened.
	At       time.Time       `json:"at"`
	Subject  string          `json:"subject"`
	Priority ticket.Priority `json:"priority"`
	Channel  string          `json:"channel"`
	Queue    string          `json:"queue"`
	// Offer and when it ends, of an Offer.
	Offer int64     `json:"offer,omitempty"`
	Until time.Time `json:"until,omitzero"`
	// Reason is why, in the words of who caused it.
	Reason string `json:"reason,omitempty"`
}

// Stale says why nobody needs to hear of it any more, for the ticket as it is; empty: they do.
func (n *Notice) Stale(t *ticket.Ticket) string {
	switch {
	case n.Kind == Offer && (t.Offer == nil || t.Offer.ID != n.Offer):
		return fmt.Sprintf("offer %d is over", n.Offer)
	case n.Kind == HandOff && (t.Agent != n.Agent || !t.Status.Live() || t.Status == ticket.Resolved):
		return fmt.Sprintf("ticket %d is no longer with agent %s", n.Ticket, n.Agent)
	case n.Kind == Approval && (t.Approval == nil || t.Approval.By != "" || t.Status != ticket.OnHold):
		return fmt.Sprintf("nobody asks for the approval of ticket %d any more", n.Ticket)
	case n.Kind == Escalation && (t.Escalation == nil || t.Escalation.Run == nil):
		return fmt.Sprintf("the escalation of ticket %d is over", n.Ticket)
	case n.Kind == Escalation && t.Escalation.Run.Acknowledged():
		return fmt.Sprintf("%s acknowledged the escalation of ticket %d", t.Escalation.Run.AcknowledgedBy, n.Ticket)
	}
	return ""
}

// Text of a message: a subject of one line, and a body.
type Text struct {
	Subject, Body string
}

var templates = template.Must(template.New("").Funcs(template.FuncMap{"line": line, "clock": clock}).Parse(`
{{- define "headline"}}
{{- if eq .Kind "Offer"}}Offer: {{else if eq .Kind "Escalation"}}Escalated: {{else if eq .Kind "Approval"}}To approve: {{else}}Yours: {{end}}ticket {{.Ticket}}
{{- if eq .Priority "Urgent" "High"}}, {{.Priority}}{{end}}: {{line .Subject}}
{{- end}}

{{- define "notice" -}}
{{if eq .Notice.Kind "Offer" -}}
Ticket {{.Notice.Ticket}} is offered to you until {{clock .Notice.Until}}.
{{- else if eq .Notice.Kind "Escalation" -}}
Ticket {{.Notice.Ticket}} needs you since {{clock .Notice.At}}{{with .Notice.Reason}}: {{line .}}{{else}}.{{end}}
{{- else if eq .Notice.Kind "Approval" -}}
Ticket {{.Notice.Ticket}} asks for your approval since {{clock .Notice.At}}{{with .Notice.Reason}}: {{line .}}{{else}}.{{end}}
{{- else -}}
Ticket {{.Notice.Ticket}} is yours since {{clock .Notice.At}}{{with .Notice.Reason}}: {{line .}}{{else}}.{{end}}
{{- end}}

  {{line .Notice.Subject}}
  {{.Notice.Priority}} priority, {{line .Notice.Channel}}, queue {{.Notice.Queue}}

Read and answer it: {{.Link}}
{{end}}

{{- define "digest" -}}
{{range .Shown}}{{template "headline" .Notice}}
{{if not .Until.IsZero}}until {{clock .Until}}, {{end}}{{.Link}}

{{end}}{{with .More}}and {{.}} more: look at your work on the desk.
{{end}}{{end}}`))

// line is a text on one line, without what could pass for anything but text.
func line(text string) string {
	return strings.Join(strings.FieldsFunc(text, func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsPrint(r) }), " ")
}

func clock(t time.Time) string { return t.UTC().Format("15:04:05 UTC") }

// Render the notice with the link to its page.
func (n *Notice) Render(helpDesk, link string) Text {
	return Text{
		Subject: fmt.Sprintf("[%s] %s", helpDesk, execute("headline", n)),
		Body:    execute("notice", map[string]any{"Notice": n, "Link": link}),
	}
}

// maxShown is how many notices a digest has in full.
const maxShown = 50

// Digest is one text of many notices, in their order, with the link of each.
func Digest(helpDesk string, notices []*Notice, link func(*Notice) string) Text {
	type shown struct {
		*Notice
		Link string
	}
	var all []shown
	for _, n := range notices[:min(len(notices), maxShown)] {
		all = append(all, shown{n, link(n)})
	}
	return Text{
		Subject: fmt.Sprintf("[%s] %d tickets for you", helpDesk, len(notices)),
		Body:    execute("digest", map[string]any{"Shown": all, "More": len(notices) - len(all)}),
	}
}

func execute(name string, data any) string {
	var text strings.Builder
	if err := templates.ExecuteTemplate(&text, name, data); err != nil {
		panic(err) // of our own templates and types
	}
	return text.String()
}
