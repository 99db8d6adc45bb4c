// Package auth says who calls a desk and what they may do there.
//
// Callers are known by their ServiceAccount tokens or by what the cluster's TokenReview says of another token; what they
// may do is the cluster's RBAC on helpdesks.support.caseload.dev. Both go on while the kube-apiserver is away. Without a
// cluster, Local takes fixed tokens.
package auth

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/caseload-dev/caseload/internal/desk/api"
)

// User is an authenticated caller.
type User struct {
	// Name as RBAC has it, such as kim@example.com or system:serviceaccount:support:jo.
	Name   string
	Groups []string
}

const serviceAccountPrefix = "system:serviceaccount:"

// Actor is the user as the event log names them: serviceaccount/NAMESPACE/NAME or user/NAME.
func (u *User) Actor() string {
	if account, ok := strings.CutPrefix(u.Name, serviceAccountPrefix); ok {
		return "serviceaccount/" + strings.Replace(account, ":", "/", 1)
	}
	return "user/" + u.Name
}

// Permission is a verb on a part of a HelpDesk: the RBAC verb on the subresource helpdesks/RESOURCE.
type Permission struct {
	Resource string
	Verb     string
}

func (p Permission) String() string { return p.Verb + " helpdesks/" + p.Resource }

// ParsePermission reads RESOURCE:VERB; "*" alone is every verb on everything.
func ParsePermission(word string) (Permission, error) {
	if word == "*" {
		return Permission{"*", "*"}, nil
	}
	resource, verb, ok := strings.Cut(word, ":")
	if !ok || resource == "" || verb == "" {
		return Permission{}, fmt.Errorf("permission %q: want RESOURCE:VERB such as tickets:create, or *", word)
	}
	return Permission{resource, verb}, nil
}

// Authenticator finds the user of a bearer token. Its refusals are *api.Problem: 401, or 503 while it cannot tell.
type Authenticator interface {
	Authenticate(ctx context.Context, token string) (*User, error)
}

// Authorizer says whether a user has a permission on the desk's HelpDesk. Its error, a 503 *api.Problem, says that it
// cannot tell now.
type Authorizer interface {
	Authorize(ctx context.Context, user *User, permission Permission) (bool, error)
}

func unauthenticated(format string, args ...any) *api.Problem {
	return api.NewProblem(http.StatusUnauthorized, api.ProblemUnauthenticated, format, args...)
}

func cannotTell(format string, args ...any) *api.Problem {
	return api.NewProblem(http.StatusServiceUnavailable, api.ProblemNotReady, format, args...)
}
