package plan

import (
	"testing"

	"github.com/caseload-dev/caseload/api/v1alpha1"
)

func TestAgentOf(t *testing.T) {
	p := &Plan{subjects: subjects(map[string]*Agent{
		"jo":  {Subject: &v1alpha1.Subject{Kind: v1alpha1.SubjectServiceAccount, Name: "jo"}},
		"sam": {Subject: &v1alpha1.Subject{Kind: v1alpha1.SubjectUser, Name: "sam@example.com"}},
		"lee": {},
	})}
	for user, want := range map[string]string{
		"system:serviceaccount:support:jo": "jo",
		"system:serviceaccount:other:jo":   "",
		"jo":                               "",
		"sam@example.com":                  "sam",
		"lee":                              "",
		"system:anonymous":                 "",
	} {
		if got := p.AgentOf("support", user); got != want {
			t.Errorf("%s is %q, want %q", user, got, want)
		}
	}
}
