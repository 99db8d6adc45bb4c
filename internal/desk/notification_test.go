package desk_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/caseload-dev/caseload/api/v1alpha1"
	"github.com/caseload-dev/caseload/internal/desk/api"
	"github.com/caseload-dev/caseload/internal/eventlog"
	"github.com/caseload-dev/caseload/internal/notify"
	"github.com/caseload-dev/caseload/internal/outbox"
	"github.com/caseload-dev/caseload/internal/outbox/outboxtest"
	"github.com/caseload-dev/caseload/internal/ticket"
)

func (r *rig) notifierURL(name string) (string, error) {
	if url := r.notifiers[name]; url != "" {
		return url, nil
	}
	return "", fmt.Errorf("notifier %s has no URL", name)
}

// notifiers are a chat and a mail, and contacts those of jo.
func notifiers(contacts ...v1alpha1.Contact) func(*organisation) {
	return func(o *organisation) {
		o.helpDesk.Spec.Notifiers = []v1alpha1.Notifier{
			{Name: "chat"}, {Name: "mail", Type: v1alpha1.NotifierMail, Mail: &v1alpha1.MailNotifier{From: "desk@acme.example"}},
		}
		o.agents["jo"].Spec.Contacts = contacts
		o.agents["jo"].Spec.Limits = []v1alpha1.ChannelLimit{{Channel: "Chat", Max: 50}}
	}
}

var (
	byChat = v1alpha1.Contact{Notifier: "chat", Address: "@jo"}
	byMail = v1alpha1.Contact{Notifier: "mail", Address: "jo@example.com"}
)

// newNotifyRig is a desk whose notifiers have receivers.
func newNotifyRig(t *testing.T, contacts ...v1alpha1.Contact) (*rig, *outboxtest.Chat, *outboxtest.Mail) {
	chat, mail := outboxtest.NewChat(t), outboxtest.NewMail(t, nil)
	r := newRig(t, notifiers(contacts...))
	r.notifiers = map[string]string{"chat": chat.URL, "mail": "smtp://" + mail.Address}
	return r, chat, mail
}

// report what became of claimed messages.
func (r *rig) report(worker, failure string, messages ...api.Message) {
	r.Helper()
	for _, m := range messages {
		err := r.ReportDeliveries(r.ctx, manager, api.Deliveries{Worker: worker, Results: []api.Delivery{{ID: m.ID, Error: failure}}})
		if err != nil {
			r.Fatal(err)
		}
	}
}

func TestAgentIsToldOfOffersAndHandOffs(t *testing.T) {
	r, _, _ := newNotifyRig(t, byChat, byMail)
	r.apply(func(o *organisation) { o.queues["billing"].Spec.Offer.Mode = v1alpha1.OfferAuto })
	r.present("jo", "sam")

	offered := r.offered("jo")
	messages := r.claim("w1")
	if len(messages) != 2 {
		t.Fatalf("claimed %+v, want one for each contact", messages)
	}
	chat, mail := messages[0], messages[1]
	if chat.Type != outbox.Chat || chat.URL != r.notifiers["chat"] || chat.Address != "@jo" || chat.Key == mail.Key {
		t.Errorf("the chat message is %+v", chat)
	}
	if chat.Urgent || chat.Thread != mail.Thread || chat.Thread == "" {
		t.Errorf("they are of the threads %q and %q, urgent: %t", chat.Thread, mail.Thread, chat.Urgent)
	}
	if mail.Type != outbox.Mail || mail.From != "desk@acme.example" || mail.Address != "jo@example.com" || !mail.At.Equal(start) {
		t.Errorf("the mail is %+v", mail)
	}
	if want := fmt.Sprintf("[acme] Offer: ticket %d: it does not work", offered.ID); mail.Subject != want {
		t.Errorf("the subject is %q, want %q", mail.Subject, want)
	}
	if body := string(mail.Body); !strings.Contains(body, "until Fri 20 Nov 09:00:30 UTC") || !strings.Contains(body, "https://acme-desk.support.svc/t/") {
		t.Errorf("the body is %q", body)
	}
	r.report("w1", "", messages...)

	assigned := r.offer(r.opened(about("billing")), "jo")
	messages = r.claim("w1")
	if len(messages) != 2 || !strings.Contains(messages[0].Subject, fmt.Sprintf("Yours: ticket %d", assigned.ID)) {
		t.Errorf("of what the queue assigned: %+v", messages)
	}
	r.report("w1", "", messages...)

	mine := r.accepted("sam")
	must(r.Transfer(r.ctx, as("sam"), mine.ID, api.Transfer{Agent: "jo", Reason: "knows the customer"}))(t)
	messages = r.claim("w1")
	if len(messages) != 2 || !strings.Contains(string(messages[0].Body), "agent/sam: knows the customer") {
		t.Errorf("of what sam handed over: %+v", messages)
	}
	r.report("w1", "", messages...)

	taken := r.opened()
	must(r.Transfer(r.ctx, api.Call{Actor: "user/jo", Agent: "jo", Manage: true}, taken.ID, api.Transfer{Agent: "jo", Reason: "mine"}))(t)
	if messages := r.claim("w1"); len(messages) != 0 {
		t.Errorf("jo is told of what jo did: %+v", messages)
	}
	var told []string
	for _, record := range r.records(0) {
		var data eventlog.OutboxData
		if record.Type == eventlog.OutboxEnqueued && json.Unmarshal(record.Data, &data) == nil {
			told = append(told, fmt.Sprintf("%s of %d to %s by %s", data.Kind, data.Ticket, data.Agent, data.Destination))
			if data.Key != fmt.Sprintf("acme-%d", record.Seq) {
				t.Errorf("the key is %s, of record %d", data.Key, record.Seq)
			}
		}
	}
	if len(told) != 6 || told[0] != "Offer of 1 to jo by chat" || told[5] != "HandOff of 3 to jo by mail" {
		t.Errorf("on record is %q", told)
	}
}

func TestLaterContactIsLeftAloneIfSettledByThen(t *testing.T) {
	later := byMail
	later.After = "20s"
	r, _, _ := newNotifyRig(t, byChat, later)
	offered := r.offered("jo")
	if got := r.claim("w1"); len(got) != 1 || got[0].Destination != "chat" {
		t.Fatalf("claimed %+v", got)
	}
	must(r.Accept(r.ctx, as("jo"), offered.ID, api.Accept{Offer: offered.Offer.ID}))(t)
	r.pass(20 * time.Second)
	if got := r.claim("w1"); len(got) != 0 {
		t.Errorf("claimed %+v", got)
	}
	last := r.records(0)[len(r.records(0))-1]
	if last.Type != eventlog.OutboxDropped || !strings.Contains(last.Reason, "offer 1 is over") {
		t.Errorf("the last record is %+v", last)
	}

	again := r.offered("jo")
	r.pass(20 * time.Second)
	messages := r.claim("w1")
	if len(messages) != 2 || !strings.Contains(messages[0].Subject+messages[1].Subject, fmt.Sprint(again.ID)) {
		t.Errorf("of an offer that stands: %+v", messages)
	}
}

func TestUrgentBreaksQuietHours(t *testing.T) {
	night := byChat
	night.QuietHours = &v1alpha1.QuietHours{From: "08:00", To: "12:00", TimeZone: "UTC"}
	r, _, _ := newNotifyRig(t, night)
	r.apply(func(o *organisation) { o.queues["general"].Spec.Offer.Mode = v1alpha1.OfferAuto })
	r.present("jo")
	calm := r.offer(r.opened(), "jo")
	if got := r.claim("w1"); len(got) != 0 {
		t.Fatalf("claimed %+v", got)
	}
	urgent := r.offer(r.opened(func(b *api.OpenTicket) { b.Priority = ticket.Urgent }), "jo")
	if got := r.claim("w1"); len(got) != 1 || !strings.Contains(got[0].Subject, fmt.Sprintf("ticket %d, Urgent", urgent.ID)) {
		t.Errorf("claimed %+v", got)
	} else {
		r.report("w1", "", got...)
	}
	r.pass(3 * time.Hour)
	if got := r.claim("w1"); len(got) != 1 || !strings.Contains(got[0].Subject, fmt.Sprintf("ticket %d:", calm.ID)) {
		t.Errorf("when they end: %+v", got)
	}
}

// Every notification is sent by itself or in a digest, which the log says.
func TestManyAtOnceAreOneDigest(t *testing.T) {
	r, _, _ := newNotifyRig(t, byChat)
	r.apply(func(o *organisation) { o.queues["general"].Spec.Offer.Timeout = "10m" })
	r.offered("jo")
	first := r.claim("w1")
	if len(first) != 1 {
		t.Fatalf("claimed %+v", first)
	}
	settled := r.offered("jo")
	for range 20 {
		r.offered("jo")
	}
	must(r.Accept(r.ctx, as("jo"), settled.ID, api.Accept{Offer: settled.Offer.ID}))(t)
	second := r.claim("w2")
	if len(second) != 1 || second[0].Subject != "[acme] 20 tickets for you" || strings.Count(string(second[0].Body), "/t/") != 20 {
		t.Fatalf("claimed %+v", second)
	}
	if n := r.count(eventlog.OutboxDropped); n != 1 {
		t.Errorf("%d were dropped, want the one that was settled", n)
	}
	r.pass(outbox.ClaimTime) // both workers died
	for range 4 {
		r.offered("jo")
	}
	// What somebody may have received comes as it was.
	again := r.claim("w3")
	if len(again) != 3 || again[0].Key != first[0].Key || again[1].Key != second[0].Key || string(again[1].Body) != string(second[0].Body) ||
		again[2].Subject != "[acme] 4 tickets for you" {
		t.Errorf("again it is %+v", again)
	}
	r.report("w3", "", again...)
	var into int
	for _, record := range r.records(0) {
		var data eventlog.OutboxData
		if record.Type == eventlog.OutboxDigested && json.Unmarshal(record.Data, &data) == nil && data.Into == second[0].Key {
			into++
		}
	}
	if o := must(r.Overview(r.ctx, manager))(t).Outbox; into != 20 || o.Waiting != 0 || o.Dead != 0 {
		t.Errorf("%d went into the digest, and the outbox has %+v", into, o)
	}
}

// One that failed is tried again under its key, also when others that are due sooner become a digest.
func TestDigestLeavesAloneWhatFailed(t *testing.T) {
	r, _, _ := newNotifyRig(t, byChat)
	r.offered("jo")
	failed := r.claim("w1")
	r.report("w1", "500", failed...)
	for range 4 {
		r.offered("jo")
	}
	r.pass(time.Second)
	got := r.claim("w1")
	if len(got) != 2 || got[0].Subject != "[acme] 4 tickets for you" || got[1].Key != failed[0].Key || got[1].Attempts != 1 {
		t.Errorf("claimed %+v", got)
	}
}

func TestAddressIsNotFlooded(t *testing.T) {
	r, _, _ := newNotifyRig(t, byChat)
	r.apply(func(o *organisation) { o.queues["general"].Spec.Offer.Timeout = "10m" })
	for i := range 5 {
		r.offered("jo")
		if got := r.claim("w1"); len(got) != 1 {
			t.Fatalf("message %d: claimed %+v", i+1, got)
		} else {
			r.report("w1", "", got...)
		}
	}
	r.offered("jo")
	if got := r.claim("w1"); len(got) != 0 {
		t.Errorf("the sixth at once: %+v", got)
	}
	r.pass(15 * time.Second)
	if got := r.claim("w1"); len(got) != 1 {
		t.Errorf("15 seconds later: %+v", got)
	}
}

func TestNotifierWithoutURLIsTriedAgain(t *testing.T) {
	r, chat, _ := newNotifyRig(t, byChat)
	r.notifiers = nil
	r.offered("jo")
	if got := r.claim("w1"); len(got) != 0 || r.count(eventlog.OutboxFailed) != 1 {
		t.Fatalf("claimed %+v", got)
	}
	r.notifiers = map[string]string{"chat": chat.URL} // the Secret came
	r.pass(time.Second)
	if got := r.claim("w1"); len(got) != 1 || got[0].Attempts != 1 {
		t.Errorf("claimed %+v", got)
	}
}

func TestNotificationsOfWhatIsGone(t *testing.T) {
	r, _, _ := newNotifyRig(t, byChat, byMail)
	r.offered("jo")
	r.apply(func(o *organisation) { o.helpDesk.Spec.Notifiers = o.helpDesk.Spec.Notifiers[:1] })
	if got := r.claim("w1"); len(got) != 1 {
		t.Errorf("claimed %+v", got)
	}
	o := must(r.Overview(r.ctx, manager))(t).Outbox
	if want := (api.OutboxDestination{Name: "mail", Dead: 1}); len(o.Destinations) != 2 || o.Destinations[1] != want {
		t.Errorf("the outbox has %+v", o)
	}
	r.pass(outbox.ClaimTime)
	r.apply(func(o *organisation) { delete(o.agents, "jo") })
	if got := r.claim("w1"); len(got) != 0 || r.count(eventlog.OutboxDropped) != 1 {
		t.Errorf("of an agent who is gone: %+v", got)
	}
}

// Nobody works for the desk, so it delivers itself; what was delivered and not reported comes again under the same key.
func TestDeskNotifiesWithoutWorkers(t *testing.T) {
	r, chat, mail := newNotifyRig(t, byChat, byMail)
	chat.Refuse(errors.New("not now"))
	r.run()
	r.apply(func(o *organisation) { o.queues["general"].Spec.Offer.Mode = v1alpha1.OfferAuto })
	r.present("jo")
	r.offer(r.opened(), "jo")

	lost := r.claim("w1") // delivers the mail, and dies
	for _, m := range lost {
		if m.Type == outbox.Mail {
			if err := outbox.Deliver(r.ctx, nil, &m.Message); err != nil {
				t.Fatal(err)
			}
		}
	}
	r.eventually("both arrived, the chat for want of an answer once more", func() bool {
		r.pass(100 * time.Millisecond)
		return len(mail.All()) >= 2 && len(chat.All()) >= 2
	})
	chat.Refuse(nil)
	r.eventually("all is delivered", func() bool { r.pass(100 * time.Millisecond); return r.count(eventlog.OutboxDelivered) == 2 })
	for name, all := range map[string][]outboxtest.Received{"chat": chat.All(), "mail": mail.All()} {
		for _, got := range all {
			if got.Key == "" || got.Key != all[0].Key || got.Text != all[0].Text {
				t.Errorf("%s came as %+v, and as %+v", name, all[0], got)
			}
		}
	}
}

func TestLinkOutlivesARestartAndItsKeyIsReplaced(t *testing.T) {
	r, _, _ := newNotifyRig(t, byChat)
	token := func() string {
		t.Helper()
		r.present("jo")
		offered := r.offered("jo")
		messages := r.claim("w1")
		if len(messages) != 1 {
			t.Fatalf("claimed %+v", messages)
		}
		r.report("w1", "", messages...)
		must(r.Accept(r.ctx, as("jo"), offered.ID, api.Accept{Offer: offered.Offer.ID}))(t)
		return tokenIn(t, string(messages[0].Body))
	}
	first := token()
	r.restart()
	want := notify.Link{Agent: "jo", Ticket: 1, Kind: notify.Offer, Expires: start.Add(notify.LinkFor)}
	if got, err := r.OpenLink(r.ctx, first); err != nil || got != want {
		t.Fatalf("got %+v, %v", got, err)
	}
	r.pass(30*24*time.Hour - time.Minute)
	second := token()
	r.pass(time.Minute)
	third := token() // by another key
	for _, good := range []string{second, third} {
		if _, err := r.OpenLink(r.ctx, good); err != nil {
			t.Error(err)
		}
	}
	if _, err := r.OpenLink(r.ctx, first); !errors.Is(err, notify.ErrLinkExpired) {
		t.Errorf("after a month: %v", err)
	}
	r.pass(30 * 24 * time.Hour)
	last := token()
	if _, err := r.OpenLink(r.ctx, first); !errors.Is(err, notify.ErrLinkInvalid) {
		t.Errorf("its key is gone: %v", err)
	}
	r.apply(func(o *organisation) { delete(o.agents, "jo") })
	if _, err := r.OpenLink(r.ctx, last); !errors.Is(err, notify.ErrLinkInvalid) {
		t.Errorf("the link of who left: %v", err)
	}
}

// tokenIn is the token of the first link in a message.
func tokenIn(t *testing.T, text string) string {
	t.Helper()
	_, after, ok := strings.Cut(text, notify.LinkPath)
	if !ok {
		t.Fatalf("no link in %q", text)
	}
	token, _, _ := strings.Cut(after, "\n")
	return strings.TrimSpace(token)
}
