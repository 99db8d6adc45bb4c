package outbox_test

import (
	"crypto/tls"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/caseload-dev/caseload/internal/outbox"
	"github.com/caseload-dev/caseload/internal/outbox/outboxtest"
)

func chatMessage(url string) *outbox.Message {
	return &outbox.Message{
		Type: outbox.Chat, Destination: "chat", URL: url, Key: "acme-7", Address: "@jo & co", Subject: "Offer", Body: []byte("come\n"),
	}
}

func TestChatHasAddressAndKey(t *testing.T) {
	chat := outboxtest.NewChat(t)
	if err := outbox.Deliver(t.Context(), nil, chatMessage(chat.URL)); err != nil {
		t.Fatal(err)
	}
	want := outboxtest.Received{Key: "acme-7", To: "@jo & co", Text: "Offer\n\ncome\n"}
	if got := chat.All(); len(got) != 1 || got[0].Key != want.Key || got[0].To != want.To || got[0].Text != want.Text {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestAddressIsFirstInAChannelForMany(t *testing.T) {
	chat := outboxtest.NewChat(t)
	m := chatMessage(strings.ReplaceAll(chat.URL, "{address}", "team"))
	if err := outbox.Deliver(t.Context(), nil, m); err != nil {
		t.Fatal(err)
	}
	if got := chat.All(); len(got) != 1 || got[0].To != "team" || !strings.HasPrefix(got[0].Text, "@jo & co Offer\n") {
		t.Errorf("got %+v", got)
	}
}

func mailMessage(server *outboxtest.Mail, credentials string) *outbox.Message {
	return &outbox.Message{
		Type: outbox.Mail, Destination: "mail", URL: "smtp://" + credentials + server.Address, Key: "acme-7",
		Address: "jo@example.com", From: "Acme Support <support@acme.example>", Subject: "Größe: ja\r\nBcc: all@example.com",
		Body: []byte("ja, groß\n.\nEnde\n"), At: time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC),
	}
}

func TestMailCarriesTheKeyAsMessageID(t *testing.T) {
	server := outboxtest.NewMail(t, nil)
	for range 2 {
		if err := outbox.Deliver(t.Context(), nil, mailMessage(server, "")); err != nil {
			t.Fatal(err)
		}
	}
	all := server.All()
	if len(all) != 2 {
		t.Fatalf("%d mails arrived", len(all))
	}
	for _, got := range all {
		if got.Key != "acme-7" || got.To != "jo@example.com" || got.Text != "ja, groß\n.\nEnde\n" {
			t.Errorf("got %+v", got)
		}
		for name, want := range map[string]string{
			"Message-Id": "<acme-7@acme.example>", "From": `"Acme Support" <support@acme.example>`, "Date": "Fri, 20 Nov 2026 09:00:00 +0000",
			"Auto-Submitted": "auto-generated", "X-Auto-Response-Suppress": "OOF, AutoReply", "Bcc": "",
			"References": "", "Importance": "",
		} {
			if got := got.Header.Get(name); got != want {
				t.Errorf("%s is %q, want %q", name, got, want)
			}
		}
	}
}

func TestMailOfATicketIsOneThreadAndWakesWhenUrgent(t *testing.T) {
	server := outboxtest.NewMail(t, nil)
	m := mailMessage(server, "")
	m.Thread, m.Urgent = "acme-ticket-12", true
	if err := outbox.Deliver(t.Context(), nil, m); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"References": "<acme-ticket-12@acme.example>", "In-Reply-To": "<acme-ticket-12@acme.example>", "Importance": "high", "X-Priority": "1",
	} {
		if got := server.All()[0].Header.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
}

func TestPasswordTravelsByTLSOnly(t *testing.T) {
	plain := outboxtest.NewMail(t, nil)
	err := outbox.Deliver(t.Context(), nil, mailMessage(plain, "desk:swordfish-7@"))
	if err == nil || plain.Passwords() != 0 {
		t.Errorf("a server without TLS got the password: %v", err)
	}
	// Of a certificate that nobody vouches for neither.
	certificate := httptest.NewTLSServer(http.NotFoundHandler())
	defer certificate.Close()
	secure := outboxtest.NewMail(t, &tls.Config{Certificates: certificate.TLS.Certificates})
	err = outbox.Deliver(t.Context(), nil, mailMessage(secure, "desk:swordfish-7@"))
	if err == nil || !strings.Contains(err.Error(), "certificate") || secure.Passwords() != 0 {
		t.Errorf("got %v", err)
	}
}

func TestRefusedNotificationIsAnError(t *testing.T) {
	chat, server := outboxtest.NewChat(t), outboxtest.NewMail(t, nil)
	chat.Refuse(errors.New("no"))
	server.Refuse(errors.New("mailbox full"))
	if err := outbox.Deliver(t.Context(), nil, chatMessage(chat.URL)); err == nil || !strings.Contains(err.Error(), "500") {
		t.Errorf("got %v", err)
	}
	if err := outbox.Deliver(t.Context(), nil, mailMessage(server, "")); err == nil || !strings.Contains(err.Error(), "mailbox full") {
		t.Errorf("got %v", err)
	}
}

// What fails is logged and shown; tokens and passwords are not.
func TestNoErrorTellsASecret(t *testing.T) {
	closed := httptest.NewServer(http.NotFoundHandler())
	host := strings.TrimPrefix(closed.URL, "http://")
	closed.Close()
	const secret, other = "xoxb-7Gh2kQ", "T0pS3cr3t/9+"
	for _, m := range []*outbox.Message{
		chatMessage("generic://" + host + "/hooks/" + secret + "?disabletls=yes&token=T0pS3cr3t%2F9%2B"),
		chatMessage("generic+http://" + host + "/hooks/" + secret),
		chatMessage("rocketchat://" + host + "/" + secret + "/9QwErTzUiO/@jo"),
		chatMessage("slack://" + secret + "@"), chatMessage("nosuch://" + secret), chatMessage("telegram://" + secret + "@telegram?chats="),
		chatMessage("generic://" + secret + "\x7f"), chatMessage(secret),
		mailMessage(&outboxtest.Mail{Address: host}, "desk:"+secret+"@"),
		mailMessage(&outboxtest.Mail{Address: "x:y"}, "desk:"+secret+"@"),
	} {
		err := outbox.Deliver(t.Context(), nil, m)
		if err == nil {
			t.Errorf("%s took the message", m.URL)
			continue
		}
		if strings.Contains(err.Error(), secret) || strings.Contains(err.Error(), other) || strings.Contains(err.Error(), "9QwErTzUiO") {
			t.Errorf("of %s it says %q", m.URL, err)
		}
	}
}

func TestURLsAreReadAnewEachTime(t *testing.T) {
	folder := t.TempDir()
	urls := outbox.URLsIn(folder)
	if _, err := urls("chat"); err == nil || !strings.Contains(err.Error(), "chat") {
		t.Errorf("got %v", err)
	}
	for _, want := range []string{"generic://a", "generic://b"} {
		if err := os.WriteFile(filepath.Join(folder, "chat"), []byte(want+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := urls("chat"); err != nil || got != want {
			t.Errorf("got %q, %v", got, err)
		}
	}
}
