package outbox

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/nicholas-fedor/shoutrrr"
	"github.com/nicholas-fedor/shoutrrr/pkg/types"
)

// addressPlaceholder in the URL of a chat service stands for the contact's address.
const addressPlaceholder = "{address}"

func init() {
	// shoutrrr's services know no context, and several use this client: what a server never answers must end sometime.
	http.DefaultClient.Timeout = cmp.Or(http.DefaultClient.Timeout, DeliveryTimeout)
}

// sendChat by shoutrrr. A text that is not sent by the end of ctx may be all the same.
func sendChat(ctx context.Context, m *Message) error {
	target, err := chatURL(m)
	if err != nil {
		return err
	}
	sender, err := shoutrrr.CreateSender()
	if err != nil {
		return err
	}
	service, err := sender.Locate(target)
	if err != nil {
		return err
	}
	text := m.Subject + "\n\n" + string(m.Body)
	if !strings.Contains(m.URL, addressPlaceholder) {
		text = m.Address + " " + text
	}
	sent := make(chan error, 1)
	go func() { sent <- service.Send(text, &types.Params{}) }()
	select {
	case err := <-sent:
		return err
	case <-ctx.Done():
		return fmt.Errorf("%s: %w", service.GetID(), ctx.Err())
	}
}

// chatURL has the address in its place and, where the service has room for it, the key.
func chatURL(m *Message) (string, error) {
	address := strings.ReplaceAll(url.QueryEscape(m.Address), "+", "%20") // good in a path as well as in a query
	target, err := url.Parse(strings.ReplaceAll(strings.TrimSpace(m.URL), addressPlaceholder, address))
	if err != nil {
		return "", fmt.Errorf("the URL of notifier %s cannot be read; see shoutrrr for what it must look like", m.Destination)
	}
	if scheme, _, _ := strings.Cut(target.Scheme, "+"); scheme == "generic" {
		query := target.Query()
		query.Set("@"+idempotencyKeyHeader, m.Key)
		target.RawQuery = query.Encode()
	}
	return target.String(), nil
}
