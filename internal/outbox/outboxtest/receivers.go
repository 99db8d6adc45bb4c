// Package outboxtest has real receivers of notifications: a mail server and a chat service.
package outboxtest

import (
	"crypto/tls"
	"errors"
	"io"
	"mime/quotedprintable"
	"net"
	"net/http"
	"net/http/httptest"
	"net/mail"
	"strings"
	"sync"
	"testing"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// Received is a notification as it arrived.
type Received struct {
	// Key is the idempotency key, and To the address of a mail.
	Key, To string
	// Header of a mail.
	Header mail.Header
	// Text of a chat message, or of a mail, decoded.
	Text string
}

// Receiver keeps what arrives.
type Receiver struct {
	mu       sync.Mutex
	received []Received
	refuse   error
	// passwords counts those that came.
	passwords int
}

// All that arrived, in order.
func (r *Receiver) All() []Received {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]Received(nil), r.received...)
}

// Refuse what comes from now on, after it was kept; nil: take it.
func (r *Receiver) Refuse(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.refuse = err
}

// Passwords is how many came.
func (r *Receiver) Passwords() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.passwords
}

func (r *Receiver) tried() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.passwords++
}

func (r *Receiver) take(got Received) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.received = append(r.received, got)
	return r.refuse
}

// Chat is an HTTP service that takes messages as shoutrrr's generic service sends them.
type Chat struct {
	Receiver
	// URL for shoutrrr.
	URL string
}

// NewChat listens until the test ends.
func NewChat(t testing.TB) *Chat {
	c := &Chat{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		text, err := io.ReadAll(req.Body)
		if err == nil {
			err = c.take(Received{Key: req.Header.Get("Idempotency-Key"), To: strings.TrimPrefix(req.URL.Path, "/to/"), Text: string(text)})
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}
	}))
	t.Cleanup(server.Close)
	c.URL = strings.Replace(server.URL, "http://", "generic://", 1) + "/to/{address}?disabletls=yes"
	return c
}

// Mail is an SMTP server.
type Mail struct {
	Receiver
	// Address it listens on.
	Address string
	// User and Password it asks for, if it speaks TLS.
	User, Password string
}

// NewMail listens until the test ends. With a certificate it offers STARTTLS and asks for the password.
func NewMail(t testing.TB, certificate *tls.Config) *Mail {
	m := &Mail{User: "desk", Password: "swordfish-7"}
	server := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) {
		return &session{mail: m, trusted: certificate == nil}, nil
	}))
	// A client that is careless with its password is to be noticed.
	server.Domain, server.TLSConfig, server.AllowInsecureAuth = "localhost", certificate, true
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	m.Address = listener.Addr().String()
	done := make(chan struct{})
	go func() { _ = server.Serve(listener); close(done) }()
	t.Cleanup(func() { _ = server.Close(); <-done })
	return m
}

// session with one client.
type session struct {
	mail    *Mail
	trusted bool
	to      string
}

func (s *session) AuthMechanisms() []string { return []string{sasl.Plain} }

func (s *session) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		s.mail.tried()
		if user != s.mail.User || password != s.mail.Password {
			return errors.New("wrong password")
		}
		s.trusted = true
		return nil
	}), nil
}

func (s *session) Mail(string, *smtp.MailOptions) error {
	if !s.trusted {
		return smtp.ErrAuthRequired
	}
	return nil
}

func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error { s.to = to; return nil }

func (s *session) Data(r io.Reader) error {
	message, err := mail.ReadMessage(r)
	if err != nil {
		return err
	}
	text, err := decoded(message)
	if err != nil {
		return err
	}
	key, _, _ := strings.Cut(strings.Trim(message.Header.Get("Message-Id"), "<>"), "@")
	return s.mail.take(Received{Key: key, To: s.to, Header: message.Header, Text: text})
}

func (s *session) Reset()        {}
func (s *session) Logout() error { return nil }

// decoded text of a mail of one part.
func decoded(message *mail.Message) (string, error) {
	body := message.Body
	if strings.EqualFold(message.Header.Get("Content-Transfer-Encoding"), "quoted-printable") {
		body = quotedprintable.NewReader(body)
	}
	text, err := io.ReadAll(body)
	return strings.ReplaceAll(string(text), "\r\n", "\n"), err
}
