package auth

import (
	"context"
	"crypto/sha256"
	"fmt"
	"os"

	"sigs.k8s.io/yaml"
)

// Local authenticates by fixed tokens, for a desk on the loopback interface without a cluster.
type Local struct {
	// users by the SHA-256 of their token, so that finding one takes no time that depends on the token.
	users map[[sha256.Size]byte]*User
	allow map[string]map[Permission]bool
}

// LocalToken is a caller whom Local knows.
type LocalToken struct {
	Token string `json:"token"`
	User  string `json:"user"`
	// Allow lists permissions as RESOURCE:VERB, such as tickets:create. "*" stands for every resource or verb, and
	// alone for everything.
	Allow []string `json:"allow"`
}

var (
	_ Authenticator = (*Local)(nil)
	_ Authorizer    = (*Local)(nil)
)

// NewLocal takes the callers. A token or a user that occurs twice is an error.
func NewLocal(tokens ...LocalToken) (*Local, error) {
	l := &Local{users: map[[sha256.Size]byte]*User{}, allow: map[string]map[Permission]bool{}}
	for i, t := range tokens {
		if t.Token == "" || t.User == "" {
			return nil, fmt.Errorf("tokens[%d]: token and user are required", i)
		}
		digest := sha256.Sum256([]byte(t.Token))
		if l.users[digest] != nil || l.allow[t.User] != nil {
			return nil, fmt.Errorf("tokens[%d]: user %s or their token is there twice", i, t.User)
		}
		l.users[digest] = &User{Name: t.User}
		l.allow[t.User] = map[Permission]bool{}
		for _, word := range t.Allow {
			p, err := ParsePermission(word)
			if err != nil {
				return nil, fmt.Errorf("tokens[%d].allow: %w", i, err)
			}
			l.allow[t.User][p] = true
		}
	}
	return l, nil
}

// ReadLocal reads the callers from a YAML file: a list of tokens under the key tokens.
func ReadLocal(path string) (*Local, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var file struct {
		Tokens []LocalToken `json:"tokens"`
	}
	if err := yaml.UnmarshalStrict(data, &file); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	local, err := NewLocal(file.Tokens...)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return local, nil
}

func (l *Local) Authenticate(_ context.Context, token string) (*User, error) {
	if user := l.users[sha256.Sum256([]byte(token))]; user != nil {
		return user, nil
	}
	return nil, unauthenticated("this desk runs without a cluster and does not know the token; use one of those it was started with")
}

func (l *Local) Authorize(_ context.Context, user *User, p Permission) (bool, error) {
	allow := l.allow[user.Name]
	return allow[p] || allow[Permission{p.Resource, "*"}] || allow[Permission{"*", p.Verb}] || allow[Permission{"*", "*"}], nil
}
