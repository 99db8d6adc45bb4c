package plan

import (
	"strings"
	"testing"

	"github.com/caseload-dev/caseload/api/v1alpha1"
)

// A policy whose people have no contacts is told, and one that reaches somebody or does something is not.
func TestEscalationThatNobodyReceives(t *testing.T) {
	agent := v1alpha1.EscalationAction{Type: v1alpha1.ActionNotifyAgent, AgentRef: &v1alpha1.AgentReference{Name: "lee"}}
	onCall := v1alpha1.EscalationAction{Type: v1alpha1.ActionNotifyOnCall, RotationRef: &v1alpha1.OnCallRotationReference{Name: "nights"}}
	lead := v1alpha1.EscalationAction{Type: v1alpha1.ActionNotifyChain, Chain: v1alpha1.ChainLead}
	manager := v1alpha1.EscalationAction{Type: v1alpha1.ActionNotifyChain, Chain: v1alpha1.ChainManager}
	next := v1alpha1.EscalationAction{Type: v1alpha1.ActionTransferToNextLevel}
	raise := v1alpha1.EscalationAction{Type: v1alpha1.ActionRaisePriority, Priority: "High"}
	chat := v1alpha1.Contact{Notifier: "chat", Address: "@x"}
	for name, tc := range map[string]struct {
		actions []v1alpha1.EscalationAction
		// contacts of jo: a member of the rotation, lead of the team and manager of sam if the case says so.
		contacts []v1alpha1.Contact
		leads    bool
		manages  bool
		// levels says that the team has a second one.
		levels bool
		says   string // empty: nothing
	}{
		"an agent without a contact":               {actions: []v1alpha1.EscalationAction{agent}, says: "nobody can receive it: Agent/lee has no contact;"},
		"an agent whose notifier does not exist":   {actions: []v1alpha1.EscalationAction{onCall}, contacts: []v1alpha1.Contact{{Notifier: "fax", Address: "1"}}, says: "nobody in OnCallRotation/nights has a contact;"},
		"on call without a contact":                {actions: []v1alpha1.EscalationAction{onCall, agent}, says: "nobody in OnCallRotation/nights has a contact, Agent/lee has no contact;"},
		"on call with a contact":                   {actions: []v1alpha1.EscalationAction{onCall, agent}, contacts: []v1alpha1.Contact{chat}},
		"a team without a lead":                    {actions: []v1alpha1.EscalationAction{lead}, contacts: []v1alpha1.Contact{chat}, says: "no lead who answers for tickets of SupportTeam/care has a contact;"},
		"a lead without a contact":                 {actions: []v1alpha1.EscalationAction{lead}, leads: true, says: "no lead who answers for tickets of SupportTeam/care has a contact;"},
		"a lead with a contact":                    {actions: []v1alpha1.EscalationAction{lead}, contacts: []v1alpha1.Contact{chat}, leads: true},
		"nobody's manager":                         {actions: []v1alpha1.EscalationAction{manager}, contacts: []v1alpha1.Contact{chat}, says: "no manager who answers for tickets of SupportTeam/care has a contact;"},
		"a manager with a contact":                 {actions: []v1alpha1.EscalationAction{manager}, contacts: []v1alpha1.Contact{chat}, manages: true},
		"nobody, and something done to the ticket": {actions: []v1alpha1.EscalationAction{agent, raise}},
		"nobody, and no level above":               {actions: []v1alpha1.EscalationAction{agent, next}, says: "Agent/lee has no contact, no queue of SupportTeam/care has a next level;"},
		"nobody, and a level above":                {actions: []v1alpha1.EscalationAction{agent, next}, levels: true},
	} {
		t.Run(name, func(t *testing.T) {
			o := reachable(tc.contacts...)
			rotation := v1alpha1.OnCallRotation{}
			rotation.Name, rotation.Spec.TeamRef.Name = "nights", "care"
			rotation.Spec.Layers = []v1alpha1.OnCallLayer{{Name: "first", TimeZone: "UTC", StartDate: "2026-01-01",
				HandOff: v1alpha1.HandOff{Time: "09:00"}, Turn: v1alpha1.Turn{Every: 1, Unit: v1alpha1.TurnDay},
				Members: []v1alpha1.OnCallMember{{AgentRef: v1alpha1.AgentReference{Name: "jo"}}}}}
			o.Escalations[0].Spec.Steps = nil
			for i, action := range tc.actions {
				o.Escalations[0].Spec.Steps = append(o.Escalations[0].Spec.Steps, v1alpha1.EscalationStep{
					Name: string(rune('a' + i)), After: []v1alpha1.Duration{"0s", "5m"}[i], Actions: []v1alpha1.EscalationAction{action}})
			}
			if tc.leads {
				o.SupportTeams[0].Spec.LeadRef = &v1alpha1.AgentReference{Name: "jo"}
			}
			if tc.levels {
				o.Tiers[1].Spec.Level, o.Tiers[1].Spec.DefaultQueueRef = 2, &v1alpha1.QueueReference{Name: "technical"}
			}
			if tc.manages {
				o.Agents[1].Spec.ManagerRef = &v1alpha1.AgentReference{Name: "jo"}
			}
			var told []string
			objects := o.declared()
			objects.Declared = append(objects.Declared, &rotation)
			for _, p := range Compile(objects, nil).Problems {
				if p.Reason == v1alpha1.ReasonNobodyReached {
					if !p.Warning || p.Field != "spec.steps" || p.Object != (Key{KindEscalationPolicy, "standard"}) {
						t.Errorf("%+v", p)
					}
					told = append(told, p.Message)
				}
			}
			if got := strings.Join(told, "\n"); (got == "") != (tc.says == "") || !strings.Contains(got, tc.says) {
				t.Errorf("told %q, want %q", got, tc.says)
			}
		})
	}
}
