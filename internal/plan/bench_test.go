package plan

import (
	"fmt"
	"testing"

	"github.com/caseload-dev/caseload/api/v1alpha1"
)

// large is an organisation of 10 teams, 50 tiers, 500 queues and 5,000 agents.
func large() organisation {
	o := organisation{Objects: Objects{HelpDesk: helpDesk("acme", "team-0")}}
	for i := range 10 {
		name := fmt.Sprintf("team-%d", i)
		o.SupportTeams = append(o.SupportTeams, team(name, "acme"))
		rules := make([]v1alpha1.RoutingRule, 50)
		for j := range rules {
			rules[j] = v1alpha1.RoutingRule{Name: fmt.Sprintf("rule-%d", j), QueueRef: queueRef(fmt.Sprintf("queue-%d", i*50+j))}
			rules[j].Match = &v1alpha1.TicketMatch{Categories: []v1alpha1.Label{v1alpha1.Label(fmt.Sprint(j))}}
			if j%5 == 0 {
				rules[j].When = fmt.Sprintf(`ticket.subject.contains("word-%d")`, j)
			}
		}
		o.RoutingPolicies = append(o.RoutingPolicies, policy(name, name, rules...))
	}
	for i := range 50 {
		o.Tiers = append(o.Tiers, tier(fmt.Sprintf("tier-%d", i), fmt.Sprintf("team-%d", i%10), selecting("tier", fmt.Sprint(i))))
	}
	for i := range 500 {
		q := queue(fmt.Sprintf("queue-%d", i), fmt.Sprintf("tier-%d", i%50))
		q.Spec.AgentSelector = selecting("group", fmt.Sprint(i%7))
		q.Spec.Requirements.Skills = []v1alpha1.SkillRequirement{{Name: "product", MinLevel: int32(1 + i%3)}}
		o.Queues = append(o.Queues, q)
	}
	for i := range 5000 {
		a := agent(fmt.Sprintf("agent-%d", i), fmt.Sprintf("team-%d", i%10), "tier", fmt.Sprint(i%50), "group", fmt.Sprint(i%7), "site", "x")
		a.Spec.Skills = []v1alpha1.AgentSkill{{Name: "product", Level: int32(3 + i%3)}, {Name: "other", Level: 2}}
		a.Spec.Limits = []v1alpha1.ChannelLimit{{Channel: "Chat", Max: 3}, {Channel: "Email", Max: 10}}
		a.Spec.Subject = &v1alpha1.Subject{Kind: "ServiceAccount", Name: a.Name}
		if i >= 10 {
			a.Spec.ManagerRef = agentRef(fmt.Sprintf("agent-%d", i/10))
		}
		o.Agents = append(o.Agents, a)
	}
	return o
}

// BenchmarkCompile is what one change costs in an organisation of 5,000 agents and 500 queues: Compile on top of the plan
// in force, and Build as the desk does it. The aim is 500 ms.
func BenchmarkCompile(b *testing.B) {
	o := large().declared()
	previous := Compile(o, nil)
	if len(previous.Problems) > 0 {
		b.Fatal(previous.Problems[0])
	}
	for b.Loop() {
		r := Compile(o, previous.Entries)
		if _, err := Build(r.Manifest, r.Entries); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkEncodeFloor is the least that any compile does: encode and hash each object once.
func BenchmarkEncodeFloor(b *testing.B) {
	o := large().declared()
	for b.Loop() {
		for _, object := range o.all() {
			entryOf(b, object).Hash()
		}
	}
}
