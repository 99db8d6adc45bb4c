package notify

import (
	"fmt"
	"strings"
	"text/template"
	"time"
	"unicode"

	"github.com/caseload-dev/caseload/internal/ticket"
)

// Text of a message: a subject of one line, and a body.
type Text struct {
	Subject, Body string
}

var templates = template.Must(template.New("").Funcs(template.FuncMap{"line": line}).Parse(`
{{- define "headline"}}
{{- if eq .Kind "Offer"}}Offer: {{else if eq .Kind "Escalation"}}Escalated: {{else if eq .Kind "Approval"}}To approve: {{else}}Yours: {{end}}ticket {{.Ticket}}
{{- if eq .Priority "Urgent" "High"}}, {{.Priority}}{{end}}: {{line .Subject}}
{{- end}}

{{- define "notice" -}}
{{if eq .Kind "Offer" -}}
Ticket {{.Ticket}} is offered to you until {{.Clock .Until}}.
{{- else if eq .Kind "Escalation" -}}
Ticket {{.Ticket}} needs you since {{.Clock .At}}{{with .Reason}}: {{line .}}{{else}}.{{end}}
{{- with .Called}}
You are called {{line .}}.{{end}}
{{- else if eq .Kind "Approval" -}}
Ticket {{.Ticket}} asks for your approval{{with .Amount}} of {{.}}{{end}} since {{.Clock .At}}{{with .Reason}}: {{line .}}{{else}}.{{end}}
{{- else -}}
Ticket {{.Ticket}} is yours since {{.Clock .At}}{{with .Reason}}: {{line .}}{{else}}.{{end}}
{{- end}}

  {{line .Subject}}
  {{.Priority}} priority, {{line .Channel}}, queue {{.Queue}}{{with .Amount}}, {{.}}{{end}}
{{- with .Customer}}
  Customer {{line .}}{{end}}
{{- with .DueWords}}
  {{.}}{{end}}

{{if eq .Kind "Offer"}}Read it, accept or decline{{else if eq .Kind "Escalation"}}Read it and acknowledge
{{- else if eq .Kind "Approval"}}Read it, approve or refuse{{else}}Read and answer it{{end}}: {{.Link}}
{{end}}

{{- define "digest" -}}
{{range .Shown}}{{template "headline" .}}
{{if not .Until.IsZero}}until {{.Clock .Until}}
{{end}}{{with .DueWords}}{{.}}
{{end}}{{.Link}}

{{end}}{{with .More}}and {{.}} more: look at your work on the desk.
{{end}}{{end}}`))

// shown is a notice as its reader sees it.
type shown struct {
	*Notice
	Link string
	// in is the zone of the reader.
	in *time.Location
}

// Clock is an instant to the second, for what happens soon.
func (s shown) Clock(t time.Time) string { return t.In(s.in).Format("Mon 2 Jan 15:04:05 MST") }

// DueWords say what is to be done by when; empty: nothing is.
func (s shown) DueWords() string {
	if s.Due.IsZero() {
		return ""
	}
	is := "is"
	if !s.Due.After(s.At) {
		is = "was"
	}
	return fmt.Sprintf("%s %s due %s", metrics[s.Metric], is, s.Due.In(s.in).Format("Mon 2 Jan 15:04 MST"))
}

// metrics as they begin a line.
var metrics = map[ticket.Metric]string{
	ticket.FirstResponse: "First response", ticket.NextResponse: "Next response", ticket.Resolution: "Resolution",
}

// line is a text on one line, without what could pass for anything but text.
func line(text string) string {
	return strings.Join(strings.FieldsFunc(text, func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsPrint(r) }), " ")
}

// Render the notice with the link to its page, for a reader in the zone.
func (n *Notice) Render(helpDesk, link string, in *time.Location) Text {
	return Text{
		Subject: fmt.Sprintf("[%s] %s", helpDesk, execute("headline", n)),
		Body:    execute("notice", shown{n, link, in}),
	}
}

// maxShown is how many notices a digest has in full.
const maxShown = 50

// Digest is one text of many notices, with the link of each, for a reader in the zone. Escalations come first, all else in
// the order given.
func Digest(helpDesk string, notices []*Notice, link func(*Notice) string, in *time.Location) Text {
	tickets, escalated := map[int64]bool{}, map[int64]bool{}
	for _, n := range notices {
		tickets[n.Ticket] = true
		if n.Kind == Escalation {
			escalated[n.Ticket] = true
		}
	}
	var ordered []*Notice
	for _, first := range []bool{true, false} {
		for _, n := range notices {
			if (n.Kind == Escalation) == first {
				ordered = append(ordered, n)
			}
		}
	}
	var all []shown
	for _, n := range ordered[:min(len(ordered), maxShown)] {
		all = append(all, shown{n, link(n), in})
	}
	subject := fmt.Sprintf("[%s] %d tickets for you", helpDesk, len(tickets))
	if len(tickets) == 1 {
		subject = fmt.Sprintf("[%s] 1 ticket for you", helpDesk)
	}
	if len(escalated) > 0 {
		subject += fmt.Sprintf(", %d escalated", len(escalated))
	}
	return Text{Subject: subject, Body: execute("digest", map[string]any{"Shown": all, "More": len(notices) - len(all)})}
}

func execute(name string, data any) string {
	var text strings.Builder
	if err := templates.ExecuteTemplate(&text, name, data); err != nil {
		panic(err) // of our own templates and types
	}
	return text.String()
}
