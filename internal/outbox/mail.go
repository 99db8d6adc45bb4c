package outbox

import (
	"context"
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"github.com/wneessen/go-mail"
)

// sendMail to a mail server. The key makes its Message-ID, so that a mail delivered twice is known as one.
func sendMail(ctx context.Context, m *Message) error {
	client, err := mailClient(m)
	if err != nil {
		return err
	}
	message := mail.NewMsg(mail.WithEncoding(mail.EncodingQP), mail.WithNoDefaultUserAgent())
	if err := message.From(m.From); err != nil {
		return fmt.Errorf("the sender %q of notifier %s: %w", m.From, m.Destination, err)
	}
	if err := message.To(m.Address); err != nil {
		return fmt.Errorf("address %q: %w", m.Address, err)
	}
	_, domain, _ := strings.Cut(strings.TrimSuffix(m.From, ">"), "@")
	message.SetMessageIDWithValue(m.Key + "@" + domain)
	message.SetDateWithValue(m.At)
	message.Subject(m.Subject)
	message.SetGenHeader("Auto-Submitted", "auto-generated")
	message.SetGenHeader("X-Auto-Response-Suppress", "OOF, AutoReply") // some servers heed only this
	if m.Thread != "" {                                                // there is no such mail, but mail programs keep together what refers to it
		root := "<" + m.Thread + "@" + domain + ">"
		message.SetGenHeader(mail.HeaderInReplyTo, root)
		message.SetGenHeader(mail.HeaderReferences, root)
	}
	if m.Urgent {
		message.SetImportance(mail.ImportanceHigh)
	}
	message.SetBodyString(mail.TypeTextPlain, string(m.Body))
	return client.DialAndSendWithContext(ctx, message)
}

// mailClient of a server's URL: smtps:// speaks TLS from the start, smtp:// turns to it. A password never travels without.
func mailClient(m *Message) (*mail.Client, error) {
	server, err := url.Parse(strings.TrimSpace(m.URL))
	if err != nil || server.Hostname() == "" {
		return nil, fmt.Errorf("the URL of notifier %s cannot be read: write it like smtps://USER:PASSWORD@mail.example.com", m.Destination)
	}
	options := []mail.Option{mail.WithTimeout(DeliveryTimeout)}
	switch {
	case server.Scheme == "smtps":
		options = append(options, mail.WithSSLPort(false))
	case server.Scheme != "smtp":
		return nil, fmt.Errorf("the URL of notifier %s has the scheme %q: mail takes smtp or smtps", m.Destination, server.Scheme)
	case server.User != nil:
		options = append(options, mail.WithTLSPortPolicy(mail.TLSMandatory))
	default:
		options = append(options, mail.WithTLSPortPolicy(mail.TLSOpportunistic))
	}
	if text := server.Port(); text != "" {
		port, err := strconv.Atoi(text)
		if err != nil {
			return nil, err
		}
		options = append(options, mail.WithPort(port))
	}
	if server.User != nil {
		password, _ := server.User.Password()
		options = append(options, mail.WithSMTPAuth(mail.SMTPAuthAutoDiscover), mail.WithUsername(server.User.Username()), mail.WithPassword(password))
	}
	return mail.NewClient(server.Hostname(), options...)
}
