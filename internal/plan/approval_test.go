package plan

import (
	"testing"

	"k8s.io/utils/ptr"

	"github.com/caseload-dev/caseload/api/v1alpha1"
)

func money(amount int64, currency v1alpha1.Currency) *v1alpha1.Money {
	return &v1alpha1.Money{Amount: ptr.To(amount), Currency: currency}
}

// What is above an agent's limit goes up the chain of managers. lint tells who would wait there for ever.
func TestLimitThatNobodyGoesBeyond(t *testing.T) {
	for name, tc := range map[string]struct {
		own, manager, above *v1alpha1.Money
		alone               bool
		warns               string
	}{
		"the manager approves more":     {own: money(100, "EUR"), manager: money(500, "EUR")},
		"the manager approves anything": {own: money(100, "EUR")},
		"theirs does":                   {own: money(100, "EUR"), manager: money(100, "EUR"), above: money(101, "EUR")},
		"they are the end of the chain": {own: money(100, "EUR"), alone: true},
		"they approve anything":         {manager: money(100, "EUR")},
		"the managers have another currency": {own: money(100, "EUR"), manager: money(500, "USD"), above: money(900, "USD"),
			warns: "a ticket of more than 100 EUR cannot be resolved with this agent, since nobody may approve it: none of sam, lee may approve 101 EUR"},
		"the managers have no more": {own: money(100, "EUR"), manager: money(100, "EUR"), above: money(50, "EUR"), warns: "none of sam, lee"},
	} {
		t.Run(name, func(t *testing.T) {
			o := acme()
			manager := func(name v1alpha1.ObjectName) *v1alpha1.AgentReference { return &v1alpha1.AgentReference{Name: name} }
			for i := range o.Agents {
				switch spec := &o.Agents[i].Spec; o.Agents[i].Name {
				case "jo":
					if spec.ApprovalLimit = tc.own; !tc.alone {
						spec.ManagerRef = manager("sam")
					}
				case "sam":
					spec.ApprovalLimit, spec.ManagerRef = tc.manager, manager("lee")
				case "lee":
					spec.ApprovalLimit = tc.above
				}
			}
			problems := Compile(o.declared(), nil).Problems
			want := Problem{Object: Key{KindAgent, "jo"}, Field: "spec.approvalLimit", Reason: v1alpha1.ReasonInvalid, Message: tc.warns, Warning: true}
			if has(problems, want) != (tc.warns != "") {
				t.Errorf("problems = %+v", problems)
			}
		})
	}
}
