// Package page is what a link in a notification leads to: one page of the desk with a ticket and its history, and forms for
// what its agent can do. It has no scripts and needs no session: the link says who acts, and is signed. Reading changes
// nothing, since chat services and mail scanners follow links; only what a form sends acts, by the same calls as the API.
package page

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/caseload-dev/caseload/internal/desk/api"
	"github.com/caseload-dev/caseload/internal/notify"
	"github.com/caseload-dev/caseload/internal/ticket"
)

// Desk is what the page needs of one.
type Desk interface {
	// OpenLink reads the token of a link. Its errors are notify.ErrLinkInvalid and notify.ErrLinkExpired.
	OpenLink(ctx context.Context, token string) (notify.Link, error)
	// ZoneOf an agent, in which they are told times.
	ZoneOf(agent string) *time.Location
	History(ctx context.Context, call api.Call, id int64) (*api.TicketHistory, error)
	Accept(ctx context.Context, call api.Call, id int64, body api.Accept) (*ticket.Ticket, error)
	Decline(ctx context.Context, call api.Call, id int64, body api.Decline) (*ticket.Ticket, error)
	Reply(ctx context.Context, call api.Call, id int64, body api.Reply) (*ticket.Ticket, error)
	Resolve(ctx context.Context, call api.Call, id int64, body api.Because) (*ticket.Ticket, error)
	Acknowledge(ctx context.Context, call api.Call, id int64, body api.Because) (*ticket.Ticket, error)
	Approve(ctx context.Context, call api.Call, id int64, body api.Because) (*ticket.Ticket, error)
	Refuse(ctx context.Context, call api.Call, id int64, body api.Because) (*ticket.Ticket, error)
}

const (
	// maxForm bounds what a form sends: a reply of the greatest length, encoded.
	maxForm = 256 << 10
	// maxReply and maxReason are the API's bounds, and maxKey that of a form's name.
	maxReply  = 65536
	maxReason = 512
	maxKey    = 64
)

// page is the handler.
type page struct {
	desk     Desk
	helpDesk string
	log      *slog.Logger
}

// New makes the handler of the pages below notify.LinkPath.
func New(desk Desk, helpDesk string, log *slog.Logger) http.Handler {
	return &page{desk: desk, helpDesk: helpDesk, log: log}
}

func (p *page) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header.Set("Content-Type", "text/html; charset=utf-8")
	header.Set("Content-Security-Policy", policy)
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("Cache-Control", "no-store")
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("X-Frame-Options", "DENY")
	header.Set("X-Robots-Tag", "noindex, nofollow")
	if r.Method != http.MethodGet && r.Method != http.MethodHead && r.Method != http.MethodPost {
		header.Set("Allow", "GET, HEAD, POST")
		p.write(w, http.StatusMethodNotAllowed, message("This page is read with GET, and its forms are sent with POST."))
		return
	}
	link, err := p.desk.OpenLink(r.Context(), strings.TrimPrefix(r.URL.Path, notify.LinkPath))
	switch {
	case errors.Is(err, notify.ErrLinkInvalid):
		p.write(w, http.StatusNotFound, message("This link is not valid. Copy it whole from the message, or look at your work on the desk."))
	case errors.Is(err, notify.ErrLinkExpired):
		p.write(w, http.StatusGone, message("This link has expired. Look at ticket "+strconv.FormatInt(link.Ticket, 10)+" on the desk."))
	case err != nil:
		p.fail(w, err)
	case r.Method == http.MethodPost:
		p.act(w, r, link)
	default:
		p.show(w, r, link, http.StatusOK, "", done[r.URL.Query().Get("done")])
	}
}

// done are the words for what a form did, by its action.
var done = map[string]string{
	"accept": "You accepted the ticket.", "decline": "You declined the offer.",
	"reply": "Your reply was added.", "resolve": "You resolved the ticket.",
	"approve":     "You approved it: the agent goes on.",
	"refuse":      "You did not approve it: the agent is told why.",
	"acknowledge": "You acknowledged the escalation: it stops for now.",
}

// act does what a form asks for, as the link's agent. Who sends it twice does it once.
func (p *page) act(w http.ResponseWriter, r *http.Request, link notify.Link) {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		var tooLarge *http.MaxBytesError
		if errors.As(err, &tooLarge) {
			p.show(w, r, link, http.StatusRequestEntityTooLarge, "That is too long: a reply has at most "+strconv.Itoa(maxReply)+" characters.", "")
			return
		}
		p.show(w, r, link, http.StatusBadRequest, "The form did not arrive whole. Please send it again.", "")
		return
	}
	action, problem := p.do(r, link)
	if problem == nil {
		// To this page again, so that a reload sends nothing.
		w.Header().Set("Location", "?done="+action)
		w.WriteHeader(http.StatusSeeOther)
		return
	}
	var refusal *api.Problem
	if !errors.As(problem, &refusal) || refusal.Status >= http.StatusInternalServerError {
		p.fail(w, problem)
		return
	}
	status, text := refusal.Status, refusal.Detail
	switch refusal.Type {
	case api.ProblemForbidden, api.ProblemNotAllowed:
		// The agent had the ticket once, so somebody was faster.
		status, text = http.StatusConflict, "This cannot be done any more."
	case api.ProblemKeyReused:
		status, text = http.StatusConflict, "This form was sent before, with something else in it. Please fill in the one below."
	}
	p.show(w, r, link, status, text, "")
}

// do the form's action.
func (p *page) do(r *http.Request, link notify.Link) (action string, err error) {
	action = r.PostForm.Get("action")
	text := strings.ReplaceAll(strings.TrimSpace(r.PostForm.Get("text")), "\r\n", "\n")
	key := r.PostForm.Get("key")
	if key == "" || len(key) > maxKey {
		return "", invalid("The form is not whole. Please use the one below.")
	}
	most := maxReason
	if action == "reply" {
		most = maxReply
	}
	if len([]rune(text)) > most {
		return "", invalid("That is too long: at most " + strconv.Itoa(most) + " characters.")
	}
	digest := sha256.Sum256([]byte(text + "\x00" + r.PostForm.Get("offer")))
	call := api.Call{Actor: "agent/" + link.Agent, Agent: link.Agent, Key: "page-" + action + "-" + key, Digest: digest[:]}
	ctx, id := r.Context(), link.Ticket
	switch action {
	case "accept", "decline":
		offer, err := strconv.ParseInt(r.PostForm.Get("offer"), 10, 64)
		if err != nil {
			return "", invalid("The form is not whole. Please use the one below.")
		}
		if action == "accept" {
			_, err = p.desk.Accept(ctx, call, id, api.Accept{Offer: offer})
		} else {
			_, err = p.desk.Decline(ctx, call, id, api.Decline{Offer: offer, Reason: text})
		}
		return action, err
	case "reply":
		if text == "" {
			return "", invalid("Please write a reply first.")
		}
		_, err = p.desk.Reply(ctx, call, id, api.Reply{From: "Agent", Body: text})
	case "resolve":
		_, err = p.desk.Resolve(ctx, call, id, api.Because{Reason: text})
	case "approve":
		_, err = p.desk.Approve(ctx, call, id, api.Because{Reason: text})
	case "refuse":
		if text == "" {
			return "", invalid("Please say why: the agent must answer the customer.")
		}
		_, err = p.desk.Refuse(ctx, call, id, api.Because{Reason: text})
	case "acknowledge":
		_, err = p.desk.Acknowledge(ctx, call, id, api.Because{Reason: text})
	default:
		return "", invalid("There is nothing like that to do here.")
	}
	return action, err
}

func invalid(text string) error {
	return api.NewProblem(http.StatusUnprocessableEntity, api.ProblemInvalid, "%s", text)
}

// show the ticket as it is to its agent; to an agent who no longer has it, only where it is.
func (p *page) show(w http.ResponseWriter, r *http.Request, link notify.Link, status int, problem, doneText string) {
	h, err := p.desk.History(r.Context(), api.Call{Actor: "agent/" + link.Agent, Agent: link.Agent}, link.Ticket)
	if err != nil {
		p.fail(w, err)
		return
	}
	v := &view{Title: "Ticket " + strconv.FormatInt(link.Ticket, 10), HelpDesk: p.helpDesk, Agent: link.Agent, in: p.desk.ZoneOf(link.Agent), Problem: problem, Done: doneText}
	if h.Ticket.Agent != link.Agent && !called(&h.Ticket, link.Agent) && !approves(&h.Ticket, link.Agent) {
		v.Standing = gone(&h.Ticket)
		if status == http.StatusOK && doneText == "" {
			status = http.StatusGone
		}
		p.write(w, status, v)
		return
	}
	v.Key = rand.Text()
	v.tell(h)
	p.write(w, status, v)
}

// called says whether the agent was called for help with the ticket.
func called(t *ticket.Ticket, agent string) bool {
	return t.Escalation != nil && t.Escalation.Run != nil && slices.Contains(t.Escalation.Notified, agent)
}

// approves says whether the agent is asked to approve the ticket's amount.
func approves(t *ticket.Ticket, agent string) bool {
	return t.Approval != nil && t.Approval.Of == agent && t.Approval.By == "" && t.Status == ticket.OnHold
}

// gone says to somebody who no longer has the ticket who has.
func gone(t *ticket.Ticket) string {
	switch {
	case t.Status == ticket.Waiting:
		return "The ticket is not yours: it waits in queue " + t.Queue + "."
	case t.Status == ticket.Offered:
		return "The ticket is not yours: it is offered to " + t.Agent + "."
	case t.Agent == "" || slices.Contains([]ticket.Status{ticket.Closed, ticket.Cancelled}, t.Status):
		return "The ticket is " + string(t.Status) + "."
	default:
		return "The ticket is not yours: it is with " + t.Agent + "."
	}
}

// fail says that the desk could not, and logs why.
func (p *page) fail(w http.ResponseWriter, err error) {
	p.log.Error("page failed", "error", err)
	p.write(w, http.StatusServiceUnavailable, message("The desk cannot do this now. Please try again in a moment."))
}

func message(text string) *view { return &view{Title: "Caseload", Problem: text} }

func (p *page) write(w http.ResponseWriter, status int, v *view) {
	w.WriteHeader(status)
	if err := document.Execute(w, v); err != nil {
		p.log.Debug("page not read to its end", "error", err)
	}
}
