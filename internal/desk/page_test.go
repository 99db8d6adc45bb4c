package desk_test

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"github.com/caseload-dev/caseload/api/v1alpha1"
	"github.com/caseload-dev/caseload/internal/desk/api"
	"github.com/caseload-dev/caseload/internal/desk/auth"
	"github.com/caseload-dev/caseload/internal/desk/page"
	"github.com/caseload-dev/caseload/internal/desk/server"
	"github.com/caseload-dev/caseload/internal/eventlog"
	"github.com/caseload-dev/caseload/internal/notify"
	"github.com/caseload-dev/caseload/internal/ticket"
)

// reader is a person with a browser and a link, on the desk's own server.
type reader struct {
	*rig
	server *httptest.Server
	link   string
}

// answer of the server.
type pageAnswer struct {
	status int
	header http.Header
	body   string
	// text is what a person reads, and forms what they can send, by its action.
	text  string
	forms map[string]url.Values
	// marks are the elements and attributes of the document.
	marks map[string]bool
}

// newReader has the link of an offer to jo.
func newReader(t *testing.T, edits ...func(*api.OpenTicket)) (*reader, *ticket.Ticket) {
	r := serving(t)
	offered := r.offered("jo", edits...)
	r.follow()
	return r, offered
}

// serving is a desk with a server of its own, to which notifications link.
func serving(t *testing.T) *reader {
	r, _, _ := newNotifyRig(t, byChat)
	nobody, err := auth.NewLocal()
	if err != nil {
		t.Fatal(err)
	}
	handler, err := server.New(r.Desk, server.Options{HelpDesk: "acme", Authenticator: nobody, Authorizer: nobody, Page: page.New(r.Desk, "acme", nil)})
	if err != nil {
		t.Fatal(err)
	}
	web := httptest.NewServer(handler)
	t.Cleanup(web.Close)
	r.apply(func(o *organisation) { o.helpDesk.Spec.ExternalURL = web.URL + "/" })
	return &reader{rig: r, server: web}
}

// follow the link of the only message there is, whose text it returns.
func (r *reader) follow() string {
	r.Helper()
	messages := r.claim("w1")
	if len(messages) != 1 {
		r.Fatalf("claimed %+v", messages)
	}
	r.report("w1", "", messages...)
	body := string(messages[0].Body)
	r.link = r.server.URL + notify.LinkPath + tokenIn(r.T, body)
	if !strings.Contains(body, r.link) {
		r.Fatalf("the link is not below externalURL: %s", body)
	}
	return body
}

func (r *reader) get() *pageAnswer { return r.do(http.MethodGet, r.link, nil) }

// send a form of the page as it was, with a text.
func (r *reader) send(on *pageAnswer, action, text string) *pageAnswer {
	r.Helper()
	form := on.forms[action]
	if form == nil {
		r.Fatalf("the page has no form to %s", action)
	}
	form.Set("text", text)
	return r.do(http.MethodPost, r.link, form)
}

func (r *reader) do(method, link string, form url.Values) *pageAnswer {
	r.Helper()
	request := must(http.NewRequestWithContext(r.ctx, method, link, strings.NewReader(form.Encode())))(r)
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	response := must(http.DefaultClient.Do(request))(r)
	defer response.Body.Close()
	body := string(must(io.ReadAll(response.Body))(r))
	a := &pageAnswer{status: response.StatusCode, header: response.Header, body: body, forms: map[string]url.Values{}, marks: map[string]bool{}}
	if len(response.Cookies()) > 0 {
		r.Errorf("it sets cookies: %v", response.Cookies())
	}
	a.read(must(html.Parse(strings.NewReader(body)))(r), nil)
	return a
}

// read the document as a browser does.
func (a *pageAnswer) read(n *html.Node, form url.Values) {
	attribute := func(name string) string {
		for _, at := range n.Attr {
			if at.Key == name {
				return at.Val
			}
		}
		return ""
	}
	if n.Type == html.ElementNode {
		a.marks[n.Data] = true
		for _, at := range n.Attr {
			a.marks[at.Key+"="] = true
		}
	}
	switch {
	case n.Type == html.TextNode && n.Parent.Data != "style" && n.Parent.Data != "title":
		a.text += n.Data + " "
	case n.Data == "form":
		form = url.Values{}
	case n.Data == "input" && attribute("type") == "hidden", n.Data == "button":
		form.Set(attribute("name"), attribute("value"))
		if n.Data == "button" {
			a.forms[attribute("value")] = form
		}
	}
	for child := range n.ChildNodes() {
		a.read(child, form)
	}
}

// is checks the status and that the page says all of the words.
func (a *pageAnswer) is(t testing.TB, status int, words ...string) {
	t.Helper()
	text := strings.Join(strings.Fields(a.text), " ")
	if a.status != status {
		t.Errorf("status %d, want %d: %s", a.status, status, text)
	}
	for _, word := range words {
		if !strings.Contains(text, word) {
			t.Errorf("it does not say %q: %s", word, text)
		}
	}
}

func TestPageAnswersAnOffer(t *testing.T) {
	r, offered := newReader(t, func(b *api.OpenTicket) { b.Body = "It makes a noise." })
	shown := r.get()
	shown.is(t, 200, "it does not work", "It makes a noise.", "Offered to you until", "opened in queue general", "You act here as jo")
	r.send(shown, "accept", "").is(t, 200, "You accepted the ticket", "Open, with you")
	r.send(shown, "accept", "").is(t, 200, "You accepted the ticket") // clicked twice
	if r.count(eventlog.Accepted) != 1 {
		t.Errorf("it was accepted %d times", r.count(eventlog.Accepted))
	}
	accepted := r.last(offered.ID)
	if accepted.Actor != "agent/jo" || accepted.ImpersonatedBy != "" {
		t.Errorf("on record it is %+v", accepted)
	}

	shown = r.get()
	if shown.forms["accept"] != nil || shown.forms["decline"] != nil {
		t.Error("it still asks for an answer")
	}
	r.send(shown, "reply", "").is(t, 422, "Please write a reply first")
	r.send(shown, "reply", "  Turn it off\r\nand on. ").is(t, 200, "Your reply was added", "Turn it off and on.")
	r.send(shown, "reply", "Something else").is(t, 409, "sent before")
	var said eventlog.MessageData
	r.data(r.last(offered.ID), &said)
	if said.Body != "Turn it off\nand on." || said.From != "Agent" {
		t.Errorf("the reply is %+v", said)
	}
	r.send(r.get(), "resolve", "it works").is(t, 200, "You resolved the ticket", "Resolved")
	if got := r.last(offered.ID); got.Type != eventlog.Resolved || got.Reason != "it works" {
		t.Errorf("on record it is %+v", got)
	}
	if left := r.get(); len(left.forms) != 0 {
		t.Errorf("of a resolved ticket it has the forms %v", left.forms)
	}
}

func TestMessageSaysForWhomAndByWhenInTheAgentsZone(t *testing.T) {
	r := serving(t)
	r.apply(serves, func(o *organisation) {
		o.agents["jo"].Spec.Contacts[0].QuietHours = &v1alpha1.QuietHours{From: "22:00", To: "07:00", TimeZone: "Asia/Tokyo"}
	})
	must(r.PutCustomer(r.ctx, manager, ticket.Customer{ID: "kim", Name: "Kim Lee", Segment: "Enterprise"}))(t)
	r.offered("jo", from("kim"))
	if message := r.follow(); !strings.Contains(message, "Customer Kim Lee, kim, Enterprise") || !strings.Contains(message, "until Fri 20 Nov 18:00:30 JST") || !strings.Contains(message, "First response is due Fri 20 Nov 19:00 JST") {
		t.Errorf("the message is %s", message)
	}
	r.get().is(t, 200, "Offered to you until Fri 20 Nov 2026, 18:00:30 JST", "first response, Fri 20 Nov, 19:00 JST", "first response is due at 2026-11-20 19:00:00")
}

func TestPageDeclinesAnOffer(t *testing.T) {
	r, offered := newReader(t)
	r.send(r.get(), "decline", "at lunch").is(t, 200, "You declined the offer", "waits in queue general")
	if got := r.last(offered.ID); got.Type != eventlog.Declined || got.Reason != "at lunch" {
		t.Errorf("on record it is %+v", got)
	}
}

// Chat services and mail scanners read what they are sent a link to.
func TestReadingThePageChangesNothing(t *testing.T) {
	r, _ := newReader(t)
	before := r.position()
	for range 3 {
		r.get().is(t, 200)
		r.do(http.MethodHead, r.link, nil).is(t, 200)
		r.do(http.MethodGet, r.link+"?action=accept&offer=1&key=x&done=accept", nil).is(t, 200, "Offered to you")
	}
	r.do(http.MethodPut, r.link, nil).is(t, 405)
	r.do(http.MethodDelete, r.link, nil).is(t, 405)
	if r.position() != before {
		t.Errorf("it left records: %+v", r.records(0)[before:])
	}
}

func TestPageWhenItIsTooLate(t *testing.T) {
	secret := func(b *api.OpenTicket) { b.Body = "My number is 4711." }
	hides := func(t *testing.T, a *pageAnswer) {
		t.Helper()
		if strings.Contains(a.body, "4711") || strings.Contains(a.body, "does not work") || len(a.forms) > 0 {
			t.Errorf("it shows the ticket: %s", a.body)
		}
	}
	for name, tc := range map[string]struct {
		happens func(*reader, *ticket.Ticket)
		read    int
		says    string
	}{
		"the offer expired": {func(r *reader, _ *ticket.Ticket) {
			r.run()
			r.eventually("expired", func() bool { r.pass(time.Second); return r.count(eventlog.OfferExpired) == 1 })
		}, 410, "waits in queue general"},
		"somebody else has it": {func(r *reader, offered *ticket.Ticket) {
			r.present("sam")
			must(r.Transfer(r.ctx, manager, offered.ID, api.Transfer{Agent: "sam", Reason: "x"}))(r)
		}, 410, "it is with sam"},
		"it is offered to somebody else": {func(r *reader, offered *ticket.Ticket) {
			must(r.Decline(r.ctx, as("jo"), offered.ID, api.Decline{Offer: offered.Offer.ID}))(r)
			r.present("sam")
			r.offer(offered, "sam")
		}, 410, "it is offered to sam"},
		"it was cancelled": {func(r *reader, offered *ticket.Ticket) {
			must(r.Decline(r.ctx, as("jo"), offered.ID, api.Decline{Offer: offered.Offer.ID}))(r)
			must(r.Cancel(r.ctx, manager, offered.ID, api.Because{}))(r)
		}, 410, "The ticket is Cancelled"},
	} {
		t.Run(name, func(t *testing.T) {
			r, offered := newReader(t, secret)
			was := r.get()
			tc.happens(r, offered)
			now := r.get()
			now.is(t, tc.read, tc.says)
			hides(t, now)
			sent := r.send(was, "accept", "")
			sent.is(t, 409, "cannot be done any more", tc.says)
			hides(t, sent)
			if r.count(eventlog.Accepted) != 0 {
				t.Error("it was accepted")
			}
		})
	}
	t.Run("it was resolved by its agent", func(t *testing.T) {
		r, offered := newReader(t)
		was := r.get()
		must(r.Accept(r.ctx, as("jo"), offered.ID, api.Accept{Offer: offered.Offer.ID}))(t)
		must(r.Resolve(r.ctx, as("jo"), offered.ID, api.Because{}))(t)
		r.send(was, "accept", "").is(t, 409, "cannot be done any more", "Resolved")
	})
	t.Run("the link expired", func(t *testing.T) {
		r, _ := newReader(t, secret)
		was := r.get()
		r.pass(notify.LinkFor)
		for _, a := range []*pageAnswer{r.get(), r.send(was, "accept", "")} {
			a.is(t, 410, "This link has expired", "ticket 1")
			hides(t, a)
		}
	})
	t.Run("the agent left", func(t *testing.T) {
		r, _ := newReader(t, secret)
		r.apply(func(o *organisation) { delete(o.agents, "jo") })
		r.get().is(t, 404, "This link is not valid")
	})
	t.Run("the link is another's", func(t *testing.T) {
		r, _ := newReader(t, secret)
		for _, path := range []string{"", "x", "x.y", "../v1/tickets", strings.TrimPrefix(r.link, r.server.URL+notify.LinkPath) + "x"} {
			a := r.do(http.MethodGet, r.server.URL+notify.LinkPath+path, nil)
			if a.status != 404 && a.status != 401 {
				t.Errorf("%q: %d", path, a.status)
			}
			hides(t, a)
		}
	})
}

func TestPageRefusesWhatIsNoForm(t *testing.T) {
	r, offered := newReader(t)
	must(r.Accept(r.ctx, as("jo"), offered.ID, api.Accept{Offer: offered.Offer.ID}))(t)
	before := r.position()
	for name, tc := range map[string]struct {
		form   url.Values
		status int
	}{
		"nothing":       {url.Values{}, 422},
		"no key":        {url.Values{"action": {"resolve"}}, 422},
		"a long key":    {url.Values{"action": {"resolve"}, "key": {strings.Repeat("k", 65)}}, 422},
		"no offer":      {url.Values{"action": {"accept"}, "key": {"k"}}, 422},
		"another verb":  {url.Values{"action": {"cancel"}, "key": {"k"}}, 422},
		"a long reason": {url.Values{"action": {"resolve"}, "key": {"k"}, "text": {strings.Repeat("ä", 513)}}, 422},
		"a long reply":  {url.Values{"action": {"reply"}, "key": {"k"}, "text": {strings.Repeat("a", 65537)}}, 422},
		"a flood":       {url.Values{"action": {"reply"}, "key": {"k"}, "text": {strings.Repeat("a", 300<<10)}}, 413},
	} {
		if a := r.do(http.MethodPost, r.link, tc.form); a.status != tc.status || a.forms["reply"] == nil {
			t.Errorf("%s: %d with the forms %v, want %d and forms to try again", name, a.status, a.forms, tc.status)
		}
	}
	if r.position() != before {
		t.Errorf("it left records: %+v", r.records(0)[before:])
	}
}

// What customers write is text, wherever it stands.
func TestPageEscapesAndKeepsToItself(t *testing.T) {
	evil := `</title></style><script>alert(1)</script><img src=x onerror=alert(1)>"'` + "`{{.}}"
	r, offered := newReader(t, func(b *api.OpenTicket) {
		b.Subject, b.Body, b.Category, b.Product, b.Region, b.Customer = evil, evil, evil, evil, evil, evil
		b.Tags, b.Attributes = []string{evil[:60]}, map[string]string{"k": evil}
	})
	must(r.Reply(r.ctx, manager, offered.ID, api.Reply{From: "Customer", Body: evil}))(t)
	must(r.PutCustomer(r.ctx, manager, ticket.Customer{ID: evil, Name: evil, Segment: evil}))(t)
	r.opened(from(evil), func(b *api.OpenTicket) { b.Subject = evil })
	a := r.get()
	a.is(t, 200, evil)
	for _, bad := range []string{"script", "img", "a", "link", "iframe", "onerror=", "onclick=", "href=", "src=", "style=", "action=", "formaction="} {
		if a.marks[bad] {
			t.Errorf("the page has %q: %s", bad, a.body)
		}
	}
	style := regexp.MustCompile(`(?s)<style>(.*?)</style>`).FindAllStringSubmatch(a.body, -1)
	if len(style) != 1 {
		t.Fatalf("it has %d styles", len(style))
	}
	sum := sha256.Sum256([]byte(style[0][1]))
	policy := fmt.Sprintf("default-src 'none'; style-src 'sha256-%s'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
		base64.StdEncoding.EncodeToString(sum[:]))
	for name, want := range map[string]string{
		"Content-Security-Policy": policy, "Referrer-Policy": "no-referrer", "Cache-Control": "no-store",
		"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Content-Type": "text/html; charset=utf-8",
	} {
		if got := a.header.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
}

// lead tells sam of an escalation at once.
func lead(p *v1alpha1.EscalationPolicySpec) {
	p.Steps = p.Steps[1:2]
	p.Steps[0].After = "0s"
}

func TestPageAnswersAnEscalation(t *testing.T) {
	r := serving(t)
	r.run()
	r.apply(escalating(lead))
	mine := r.offered("jo", func(b *api.OpenTicket) { b.Body = "It makes a noise." })
	r.follow()
	jo := r.send(r.get(), "accept", "")
	must(r.Escalate(r.ctx, as("jo"), mine.ID, api.Because{Reason: "over my head"}))(t)
	r.eventually("sam is called", func() bool { return r.count(eventlog.Escalated) == 1 })
	message := r.follow()
	for _, word := range []string{"agent/jo: over my head", "You are called as lead, by escalation standard, step lead."} {
		if !strings.Contains(message, word) {
			t.Errorf("the message does not say %q: %s", word, message)
		}
	}
	shown := r.get()
	shown.is(t, 200, "Escalated to you", "It makes a noise.", "over my head", "You act here as sam")
	if len(shown.forms) != 1 {
		t.Errorf("sam, who does not have it, has the forms %v", shown.forms)
	}
	// What jo's page sends, sam cannot.
	r.send(jo, "resolve", "").is(t, 409, "cannot be done any more")
	r.send(shown, "acknowledge", "on it").is(t, 200, "You acknowledged the escalation")
	if got := r.last(mine.ID); got.Type != eventlog.Acknowledged || got.Actor != "agent/sam" || got.Reason != "on it" {
		t.Errorf("on record it is %+v", got)
	}
	if now := r.get(); len(now.forms) != 0 || now.status != 200 {
		t.Errorf("once acknowledged: %d with the forms %v", now.status, now.forms)
	}
	must(r.Resolve(r.ctx, as("jo"), mine.ID, api.Because{}))(t)
	r.get().is(t, 410, "The ticket is not yours")
}

func TestWhoLeftIsNotCalled(t *testing.T) {
	r := serving(t)
	r.run()
	r.apply(escalating(lead))
	waits := r.opened()
	must(r.Escalate(r.ctx, manager, waits.ID, api.Because{Reason: "x"}))(t)
	r.eventually("sam is called", func() bool { return r.count(eventlog.Escalated) == 1 })
	r.apply(func(o *organisation) { delete(o.agents, "sam") })
	if got := r.claim("w1"); len(got) != 0 {
		t.Errorf("claimed %+v", got)
	}
	records := r.records(0)
	if last := records[len(records)-1]; last.Type != eventlog.OutboxDropped || last.Reason != "agent sam is no longer in the plan" {
		t.Errorf("the last record is %+v", last)
	}
}
