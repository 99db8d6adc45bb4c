package notify

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"time"
)

// Link lets who has it act as an agent on one ticket, until it expires.
type Link struct {
	Agent   string
	Ticket  int64
	Kind    Kind
	Expires time.Time
}

// LinkPath is where the desk has the pages that links lead to, before the token.
const LinkPath = "/t/"

// LinkFor is how long a link is good: over a weekend.
const LinkFor = 72 * time.Hour

var (
	// ErrLinkInvalid: it is none of ours.
	ErrLinkInvalid = errors.New("the link is not valid")
	// ErrLinkExpired: it was one.
	ErrLinkExpired = errors.New("the link has expired")
)

// signed is what a token says, in few characters.
type signed struct {
	Agent   string `json:"a"`
	Ticket  int64  `json:"t"`
	Kind    Kind   `json:"k"`
	Expires int64  `json:"e"`
}

var encoding = base64.RawURLEncoding.Strict()

// Token of the link, signed with the key.
func (l Link) Token(key []byte) string {
	payload, err := json.Marshal(signed{l.Agent, l.Ticket, l.Kind, l.Expires.Unix()})
	if err != nil {
		panic(err) // of strings and numbers
	}
	encoded := encoding.EncodeToString(payload)
	return encoded + "." + encoding.EncodeToString(sign(key, encoded))
}

// OpenLink reads a token that one of the keys signed. One that has expired is returned with ErrLinkExpired.
func OpenLink(keys [][]byte, token string, now time.Time) (Link, error) {
	encoded, signature, _ := strings.Cut(token, ".")
	mac, err := encoding.DecodeString(signature)
	if err != nil || !signedByOne(keys, encoded, mac) {
		return Link{}, ErrLinkInvalid
	}
	payload, err := encoding.DecodeString(encoded)
	var s signed
	if err != nil || json.Unmarshal(payload, &s) != nil {
		return Link{}, ErrLinkInvalid
	}
	link := Link{Agent: s.Agent, Ticket: s.Ticket, Kind: s.Kind, Expires: time.Unix(s.Expires, 0).UTC()}
	if !now.Before(link.Expires) {
		return link, ErrLinkExpired
	}
	return link, nil
}

func signedByOne(keys [][]byte, encoded string, mac []byte) bool {
	for _, key := range keys {
		if hmac.Equal(mac, sign(key, encoded)) {
			return true
		}
	}
	return false
}

// sign with a purpose, so that the key's signatures are good for nothing else.
func sign(key []byte, encoded string) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte("caseload link\x00" + encoded))
	return mac.Sum(nil)
}
