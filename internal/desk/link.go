package desk

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"time"

	"github.com/caseload-dev/caseload/internal/desk/store"
	"github.com/caseload-dev/caseload/internal/notify"
	"github.com/caseload-dev/caseload/internal/plan"
)

const (
	// metaLinkKeys has the keys that sign links, the newest first. They are made here and never leave the store.
	metaLinkKeys = "link-keys"
	// linkKeyFor is how long a key signs. The one before it is kept, since links made with it are good for less than that.
	linkKeyFor = 30 * 24 * time.Hour
)

// linkSecret is a key that signs links.
type linkSecret struct {
	Secret []byte    `json:"secret"`
	Since  time.Time `json:"since"`
}

func linkSecrets(r store.Reader) ([]linkSecret, error) {
	kept, err := r.Meta(metaLinkKeys)
	if err != nil || kept == nil {
		return nil, err
	}
	var secrets []linkSecret
	return secrets, json.Unmarshal(kept, &secrets)
}

// linkKey is the key that signs now, made if there is none or it has signed for long.
func (c *change) linkKey() ([]byte, error) {
	secrets, err := linkSecrets(c)
	if err != nil {
		return nil, err
	}
	if len(secrets) > 0 && c.now.Sub(secrets[0].Since) < linkKeyFor {
		return secrets[0].Secret, nil
	}
	made := linkSecret{Secret: make([]byte, 32), Since: c.now}
	_, _ = rand.Read(made.Secret) // never fails
	secrets = append([]linkSecret{made}, secrets[:min(len(secrets), 1)]...)
	kept, err := json.Marshal(secrets)
	if err != nil {
		return nil, err
	}
	return made.Secret, c.PutMeta(metaLinkKeys, kept)
}

// OpenLink reads the token of a link to the page of a ticket. Its errors are those of notify.OpenLink; also one of an agent
// who is no longer in the plan is not valid.
func (d *Desk) OpenLink(ctx context.Context, token string) (notify.Link, error) {
	var link notify.Link
	err := d.view(ctx, func(r store.Reader, p *plan.Plan) error {
		secrets, err := linkSecrets(r)
		if err != nil {
			return err
		}
		keys := make([][]byte, len(secrets))
		for i, s := range secrets {
			keys[i] = s.Secret
		}
		if link, err = notify.OpenLink(keys, token, d.time.now()); err == nil && p.Agents[link.Agent] == nil {
			return notify.ErrLinkInvalid
		}
		return err
	})
	return link, err
}
