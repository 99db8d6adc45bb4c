package notify_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/caseload-dev/caseload/internal/notify"
	"github.com/caseload-dev/caseload/internal/ticket"
)

var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

func offer(id int64) *notify.Notice {
	return &notify.Notice{
		Kind: notify.Offer, Agent: "jo", Ticket: id, At: noon, Subject: "The printer is on fire", Priority: ticket.Urgent,
		Channel: "Chat", Queue: "general", Offer: 7, Until: noon.Add(30 * time.Second),
	}
}

func handOff(id int64) *notify.Notice {
	return &notify.Notice{
		Kind: notify.HandOff, Agent: "jo", Ticket: id, At: noon, Subject: "A refund", Priority: ticket.Normal, Channel: "Email",
		Queue: "billing", Reason: "agent/sam: knows the customer",
	}
}

func escalated(id int64) *notify.Notice {
	return &notify.Notice{
		Kind: notify.Escalation, Agent: "jo", Ticket: id, At: noon, Subject: "Nobody can log in", Priority: ticket.High, Channel: "Email",
		Queue: "general", Customer: "Kim Lee, kim, Enterprise", Due: time.Date(2026, 11, 23, 8, 15, 0, 0, time.UTC), Metric: ticket.FirstResponse,
		Reason: "without an agent for 20m", Called: "as who is on call in nights, by escalation standard, step on-call",
	}
}

func TestRender(t *testing.T) {
	berlin := zone(t, "Europe/Berlin")
	approval := &notify.Notice{
		Kind: notify.Approval, Agent: "mara", Ticket: 15, At: noon, Subject: "A refund", Priority: ticket.Normal, Channel: "Email",
		Queue: "billing", Amount: "1200 EUR", Reason: "agent/lee: delivered broken",
	}
	late := handOff(13)
	late.Due, late.Metric = noon.Add(-time.Hour), ticket.Resolution
	for name, tc := range map[string]struct {
		got, want notify.Text
	}{
		"an offer": {offer(12).Render("acme", "https://desk/t/x", berlin), notify.Text{
			Subject: "[acme] Offer: ticket 12, Urgent: The printer is on fire",
			Body: `Ticket 12 is offered to you until Fri 20 Nov 13:00:30 CET.

  The printer is on fire
  Urgent priority, Chat, queue general

Read it, accept or decline: https://desk/t/x
`}},
		"a hand-off": {late.Render("acme", "https://desk/t/y", time.UTC), notify.Text{
			Subject: "[acme] Yours: ticket 13: A refund",
			Body: `Ticket 13 is yours since Fri 20 Nov 12:00:00 UTC: agent/sam: knows the customer

  A refund
  Normal priority, Email, queue billing
  Resolution was due Fri 20 Nov 11:00 UTC

Read and answer it: https://desk/t/y
`}},
		"an escalation": {escalated(14).Render("acme", "https://desk/t/z", berlin), notify.Text{
			Subject: "[acme] Escalated: ticket 14, High: Nobody can log in",
			Body: `Ticket 14 needs you since Fri 20 Nov 13:00:00 CET: without an agent for 20m
You are called as who is on call in nights, by escalation standard, step on-call.

  Nobody can log in
  High priority, Email, queue general
  Customer Kim Lee, kim, Enterprise
  First response is due Mon 23 Nov 09:15 CET

Read it and acknowledge: https://desk/t/z
`}},
		"an approval": {approval.Render("acme", "https://desk/t/a", time.UTC), notify.Text{
			Subject: "[acme] To approve: ticket 15: A refund",
			Body: `Ticket 15 asks for your approval of 1200 EUR since Fri 20 Nov 12:00:00 UTC: agent/lee: delivered broken

  A refund
  Normal priority, Email, queue billing, 1200 EUR

Read it, approve or refuse: https://desk/t/a
`}},
		"a digest, of what is escalated first": {notify.Digest("acme", []*notify.Notice{offer(12), handOff(13), escalated(12)},
			func(n *notify.Notice) string { return "https://desk/t/" + string(n.Kind) }, time.UTC), notify.Text{
			Subject: "[acme] 2 tickets for you, 1 escalated",
			Body: `Escalated: ticket 12, High: Nobody can log in
First response is due Mon 23 Nov 08:15 UTC
https://desk/t/Escalation

Offer: ticket 12, Urgent: The printer is on fire
until Fri 20 Nov 12:00:30 UTC
https://desk/t/Offer

Yours: ticket 13: A refund
https://desk/t/HandOff

`}},
		"a digest of one ticket": {notify.Digest("acme", []*notify.Notice{handOff(1), handOff(1)}, func(*notify.Notice) string { return "l" }, time.UTC), notify.Text{
			Subject: "[acme] 1 ticket for you", Body: "Yours: ticket 1: A refund\nl\n\nYours: ticket 1: A refund\nl\n\n"}},
	} {
		if diff := cmp.Diff(tc.want, tc.got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestLongDigestSaysHowManyItLeavesOut(t *testing.T) {
	var many []*notify.Notice
	for id := range int64(notify.MaxDigest) {
		many = append(many, handOff(id))
	}
	text := notify.Digest("acme", many, func(*notify.Notice) string { return "https://desk" }, time.UTC)
	if shown := strings.Count(text.Body, "https://desk"); shown != 50 || !strings.Contains(text.Body, "and 150 more") {
		t.Errorf("it shows %d and ends with %q", shown, text.Body[len(text.Body)-60:])
	}
}

// Whatever customers and colleagues write stays text on a line of its own.
func TestWhatPeopleWriteAddsNoLine(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.SampledFrom([]func(int64) *notify.Notice{offer, handOff, escalated}).Draw(t, "notice")(1)
		lines := strings.Count(n.Render("acme", "l", time.UTC).Body, "\n")
		n.Subject = rapid.String().Draw(t, "subject") + rapid.SampledFrom([]string{"\r\nBcc: all@example.com", "\u2028x", "\x00", ""}).Draw(t, "more")
		n.Channel = rapid.String().Draw(t, "channel")
		if n.Reason != "" {
			n.Reason = "a\nb"
		}
		if n.Customer != "" {
			n.Customer = "x" + rapid.String().Draw(t, "customer")
		}
		text := n.Render("acme", "l", time.UTC)
		if strings.ContainsAny(text.Subject, "\r\n\u2028\u2029\u0085\x00") {
			t.Errorf("the subject is %q", text.Subject)
		}
		if got := strings.Count(text.Body, "\n"); got != lines || strings.ContainsAny(text.Body, "\r\u2028\x00") {
			t.Errorf("the body has %d lines, want %d: %q", got, lines, text.Body)
		}
	})
}

func TestStale(t *testing.T) {
	offered := &ticket.Ticket{Status: ticket.Offered, Agent: "jo", Offer: &ticket.Offer{ID: 7}}
	for name, tc := range map[string]struct {
		notice *notify.Notice
		ticket *ticket.Ticket
		stale  bool
	}{
		"the offer stands":          {offer(1), offered, false},
		"it was accepted":           {offer(1), &ticket.Ticket{Status: ticket.Open, Agent: "jo"}, true},
		"there is another":          {offer(1), &ticket.Ticket{Status: ticket.Offered, Agent: "jo", Offer: &ticket.Offer{ID: 8}}, true},
		"theirs":                    {handOff(1), &ticket.Ticket{Status: ticket.Open, Agent: "jo"}, false},
		"theirs, and pending":       {handOff(1), &ticket.Ticket{Status: ticket.Pending, Agent: "jo"}, false},
		"resolved":                  {handOff(1), &ticket.Ticket{Status: ticket.Resolved, Agent: "jo"}, true},
		"somebody else's meanwhile": {handOff(1), &ticket.Ticket{Status: ticket.Open, Agent: "sam"}, true},
	} {
		if got := tc.notice.Stale(tc.ticket); (got != "") != tc.stale {
			t.Errorf("%s: stale is %q", name, got)
		}
	}
}

func TestPace(t *testing.T) {
	var p notify.Pace
	sent := map[string]int{}
	for at := noon; at.Before(noon.Add(time.Minute)); at = at.Add(time.Second) {
		for range 10 {
			if next := p.Next("jo", at); !next.After(at) {
				p.Took("jo", at)
				sent["jo"]++
			}
		}
		if sent["jo"] < 5 {
			t.Fatalf("at once only %d", sent["jo"])
		}
	}
	if sent["jo"] != 5+3 { // one every 15 seconds
		t.Errorf("jo got %d in a minute", sent["jo"])
	}
	if next := p.Next("sam", noon); next.After(noon) {
		t.Errorf("sam waits for jo's messages until %s", next)
	}
	later := noon.Add(10 * time.Minute)
	for range 5 {
		if p.Next("jo", later).After(later) {
			t.Error("jo has not rested in ten minutes")
		}
		p.Took("jo", later)
	}
	if next := p.Next("jo", later); next.Sub(later) != 15*time.Second {
		t.Errorf("the sixth comes after %s", next.Sub(later))
	}
}

func TestLink(t *testing.T) {
	old, current := []byte("an old key"), []byte("the current key")
	link := notify.Link{Agent: "jo", Ticket: 12, Kind: notify.Offer, Expires: noon.Add(time.Hour)}
	token := link.Token(current)
	keys := [][]byte{current, old}
	for _, signer := range keys {
		if got, err := notify.OpenLink(keys, link.Token(signer), noon); err != nil || got != link {
			t.Errorf("got %+v, %v", got, err)
		}
	}
	if got, err := notify.OpenLink(keys, token, link.Expires); !errors.Is(err, notify.ErrLinkExpired) || got.Ticket != 12 {
		t.Errorf("at its end: %+v, %v", got, err)
	}
	if _, err := notify.OpenLink(keys[1:], token, noon); !errors.Is(err, notify.ErrLinkInvalid) {
		t.Errorf("signed by a key that is gone: %v", err)
	}
	if _, err := notify.OpenLink(nil, token, noon); !errors.Is(err, notify.ErrLinkInvalid) {
		t.Errorf("without any key: %v", err)
	}
	// No character of it can be another, and none be missing or added.
	for i := range token {
		for _, c := range "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=" {
			if forged := token[:i] + string(c) + token[i+1:]; forged != token {
				if _, err := notify.OpenLink(keys, forged, noon); !errors.Is(err, notify.ErrLinkInvalid) {
					t.Fatalf("%q instead of %q: %v", forged, token, err)
				}
			}
		}
	}
	for _, bad := range []string{"", ".", token[:len(token)-1], token + "A", "." + token, token + "."} {
		if _, err := notify.OpenLink(keys, bad, noon); !errors.Is(err, notify.ErrLinkInvalid) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}
