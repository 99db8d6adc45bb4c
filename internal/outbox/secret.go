package outbox

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

const (
	hidden = "[…]"
	// shortestSecret is the length from which a part of a notifier's URL counts as one. Shorter ones are words.
	shortestSecret = 6
)

// afterHost is the part of a URL that may hold a secret: the user before the host, and all that follows it.
var afterHost = regexp.MustCompile(`([a-z][a-z0-9+.-]*://)(?:[^/\s"@]*@)?([^/?#\s"]*)[^\s"]*`)

// withoutSecrets says what the error says, but for the URLs in it and the parts of the notifier's, which hold tokens and
// passwords: what failed is logged, recorded and shown to many.
func withoutSecrets(notifier string, err error) error {
	if err == nil {
		return nil
	}
	text := afterHost.ReplaceAllString(err.Error(), "$1$2")
	for _, secret := range parts(notifier) {
		text = strings.ReplaceAll(text, secret, hidden)
	}
	return errors.New(text)
}

// parts of a URL that may be secret, as they are written and as they are meant. A host with a dot is a name.
func parts(raw string) []string {
	u, err := url.Parse(strings.TrimSpace(raw))
	if err != nil {
		return []string{raw}
	}
	all := strings.FieldsFunc(u.User.String()+"/"+u.EscapedPath(), func(r rune) bool { return r == '/' || r == ':' })
	if !strings.Contains(u.Hostname(), ".") {
		all = append(all, u.Hostname())
	}
	for _, values := range u.Query() {
		all = append(all, values...)
	}
	var secrets []string
	for _, part := range all {
		if plain, err := url.PathUnescape(part); err == nil && plain != part && len(plain) >= shortestSecret {
			secrets = append(secrets, plain)
		}
		if len(part) >= shortestSecret {
			secrets = append(secrets, part)
		}
	}
	return secrets
}

// URLsIn looks up the URLs of notifiers in a folder, which has a file of each notifier's name; empty: there are none. They
// are read anew each time, as a Secret's may change.
func URLsIn(folder string) func(notifier string) (string, error) {
	return func(notifier string) (string, error) {
		if folder == "" {
			return "", fmt.Errorf("this desk was started without --notifiers-dir, so it has no URL of notifier %s", notifier)
		}
		// Names of notifiers have no separators: the schema sees to it.
		content, err := os.ReadFile(filepath.Join(folder, notifier))
		url := strings.TrimSpace(string(content))
		if err != nil || url == "" {
			return "", fmt.Errorf("notifier %s has no URL: put it into the Secret that its urlSecretRef names", notifier)
		}
		return url, nil
	}
}
