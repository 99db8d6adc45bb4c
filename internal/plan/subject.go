package plan

import (
	"strings"

	"k8s.io/apiserver/pkg/authentication/serviceaccount"

	"github.com/caseload-dev/caseload/api/v1alpha1"
)

// AgentOf gives the agent that a user may act as, by the user's name as the cluster's authentication gives it; empty: none.
// Namespace is the plan's: a subject of kind ServiceAccount is one of that namespace. Of two agents with one subject, which
// Compile refuses, it is the first by name.
func (p *Plan) AgentOf(namespace, user string) string {
	if ns, name, err := serviceaccount.SplitUsername(user); err == nil {
		if ns != namespace {
			return ""
		}
		return p.subjects[v1alpha1.Subject{Kind: v1alpha1.SubjectServiceAccount, Name: name}]
	}
	if strings.HasPrefix(user, "system:") {
		return ""
	}
	return p.subjects[v1alpha1.Subject{Kind: v1alpha1.SubjectUser, Name: user}]
}

func subjects(agents map[string]*Agent) map[v1alpha1.Subject]string {
	of := map[v1alpha1.Subject]string{}
	for name, a := range agents {
		if a.Subject == nil {
			continue
		}
		if other, taken := of[*a.Subject]; !taken || name < other {
			of[*a.Subject] = name
		}
	}
	return of
}
