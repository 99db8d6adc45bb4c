package plan

import (
	"fmt"
	"testing"

	"github.com/caseload-dev/caseload/api/v1alpha1"
)

func TestWarnings(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*organisation)
		want   Problem
	}{
		"flat with several tiers": {
			func(o *organisation) { o.SupportTeams[0].Spec.Structure = v1alpha1.StructureFlat },
			Problem{Object: Key{KindSupportTeam, "care"}, Field: "spec.structure", Reason: "StructureMismatch", Message: "has 3 tiers: frontline, law, specialists"},
		},
		"flat with many agents": {
			func(o *organisation) {
				o.SupportTeams[0].Spec.Structure = v1alpha1.StructureFlat
				for i := range 10 {
					o.Agents = append(o.Agents, agent(fmt.Sprint("many-", i), "care", "line-1", "yes"))
				}
			},
			Problem{Object: Key{KindSupportTeam, "care"}, Field: "spec.structure", Reason: "StructureMismatch", Message: "has 14 agents"},
		},
		"tiered without another tier": {
			func(o *organisation) {
				o.SupportTeams = append(o.SupportTeams, team("b", "acme"))
				o.SupportTeams[1].Spec.Structure = v1alpha1.StructureTiered
			},
			Problem{Object: Key{KindSupportTeam, "b"}, Field: "spec.structure", Reason: "StructureMismatch", Message: "has 0 tiers"},
		},
		"tiers of one level": {
			func(o *organisation) { o.SupportTeams[0].Spec.Structure = v1alpha1.StructureTiered },
			Problem{Object: Key{KindSupportTeam, "care"}, Field: "spec.structure", Reason: "StructureMismatch", Message: "Tier/frontline and Tier/law have the same level, 1"},
		},
		"a tier that cannot escalate": {
			func(o *organisation) {
				o.SupportTeams[0].Spec.Structure = v1alpha1.StructureTiered
				o.Tiers[1].Spec.Level, o.Tiers[2].Spec.Level = 2, 3
			},
			Problem{Object: Key{KindSupportTeam, "care"}, Field: "spec.structure", Reason: "StructureMismatch", Message: "Tier/frontline cannot escalate: Tier/specialists above it has no spec.defaultQueueRef"},
		},
		"a queue that nothing leads to": {
			func(o *organisation) { o.SupportTeams[0].Spec.Structure = v1alpha1.StructureTiered },
			Problem{Object: Key{KindSupportTeam, "care"}, Field: "spec.structure", Reason: "StructureMismatch", Message: "leads to Queue/legal, Queue/technical"},
		},
		"tier selects nobody": {
			func(o *organisation) { o.Tiers[2].Spec.AgentSelector = selecting("law", "no") },
			Problem{Object: Key{KindTier, "law"}, Field: "spec.agentSelector", Reason: "NoAgents"},
		},
		"queue of that tier": {
			func(o *organisation) { o.Tiers[2].Spec.AgentSelector = selecting("law", "no") },
			Problem{Object: Key{KindQueue, "legal"}, Field: "spec.tierRef.name", Reason: "NoAgents", Message: "Tier/law selects nobody"},
		},
		"queue selects nobody of its tier": {
			func(o *organisation) { o.Queues[1].Spec.AgentSelector = selecting("law", "yes") },
			Problem{Object: Key{KindQueue, "technical"}, Field: "spec.agentSelector", Reason: "NoAgents", Message: "nobody of the 2 agents of Tier/specialists"},
		},
		"nobody qualified": {
			func(o *organisation) { o.Queues[2].Spec.Requirements.Skills[0].MinLevel = 5 },
			Problem{Object: Key{KindQueue, "billing"}, Field: "spec.requirements.skills", Reason: "NobodyQualified", Message: "Agent/lee is closest and lacks billing at level 5 (has 4)"},
		},
		"nobody qualified at first": {
			func(o *organisation) {
				o.Queues[2].Spec.Requirements.Skills[0].MinLevel = 5
				o.Queues[2].Spec.Relaxation = append(relaxing("90m", 5), relaxing("2h", 4)...)
			},
			Problem{Object: Key{KindQueue, "billing"}, Field: "spec.requirements.skills", Reason: "NobodyQualified", Message: "so its tickets wait 2h until relaxation lowers them: Agent/lee is closest and lacks billing at level 5 (has 4)"},
		},
		"nobody qualified at all": {
			func(o *organisation) {
				o.Agents[2].Spec.Skills[0].Level = 1
				o.Queues[2].Spec.Relaxation = relaxing("1h", 2)
			},
			Problem{Object: Key{KindQueue, "billing"}, Field: "spec.requirements.skills", Reason: "NobodyQualified", Message: "none of its 2 agents meets the requirements: Agent/lee is closest and lacks billing at level 2 (has 1)"},
		},
		"relaxation that tightens a level": {
			func(o *organisation) { o.Queues[2].Spec.Relaxation = append(relaxing("10m", 2), relaxing("90m", 4)...) },
			Problem{Object: Key{KindQueue, "billing"}, Field: "spec.relaxation[1].requirements", Reason: "Invalid", Message: "asks more than the stage before: skill billing at level 4, and before at 2; from 1h30m in the queue on fewer agents are asked"},
		},
		"relaxation that adds a skill": {
			func(o *organisation) { o.Queues[0].Spec.Relaxation = relaxing("10m", 1) },
			Problem{Object: Key{KindQueue, "general"}, Field: "spec.relaxation[0].requirements", Reason: "Invalid", Message: "skill billing at level 1, and before not at all"},
		},
		"relaxation that asks for the language": {
			func(o *organisation) {
				o.Queues[0].Spec.Relaxation = []v1alpha1.RelaxationStage{{After: "1h", Requirements: &v1alpha1.Requirements{LanguageMatch: "Required"}}}
			},
			Problem{Object: Key{KindQueue, "general"}, Field: "spec.relaxation[0].requirements", Reason: "Invalid", Message: "the ticket's language, which before was not required"},
		},
		"stage that never begins": {
			func(o *organisation) {
				o.Queues[2].Spec.Relaxation = append(relaxing("10m", 2), relaxing("2h", 1)...)
				o.Queues[2].Spec.Overflow = overflowTo("general")
			},
			Problem{Object: Key{KindQueue, "billing"}, Field: "spec.relaxation[1].after", Reason: "Invalid", Message: "never begins, since tickets leave for Queue/general after 2h"},
		},
		"overflow of channels that are not served": {
			func(o *organisation) {
				o.Queues[2].Spec.Overflow = overflowTo("technical")
				o.Queues[1].Spec.Channels = []v1alpha1.Channel{"Email", "Phone"}
			},
			Problem{Object: Key{KindQueue, "billing"}, Field: "spec.overflow.queueRef.name", Reason: "Invalid", Message: "Queue/technical does not list Chat"},
		},
		"targets in the wrong order": {
			func(o *organisation) {
				o.ServiceLevels[0].Spec.Targets[1].FirstResponse = "9h"
				o.ServiceLevels[0].Spec.Targets[1].Resolution = "9h"
			},
			Problem{Object: Key{KindServiceLevel, "standard"}, Field: "spec.targets[1].firstResponse", Reason: "Invalid", Message: "9h of Urgent is longer than 8h of Low"},
		},
		"a response after the resolution": {
			func(o *organisation) { o.ServiceLevels[0].Spec.Targets[0].Resolution = "4h" },
			Problem{Object: Key{KindServiceLevel, "standard"}, Field: "spec.targets[0].firstResponse", Reason: "Invalid", Message: "8h is longer than the resolution within 4h"},
		},
		"overflow of every channel to some": {
			func(o *organisation) { o.Queues[1].Spec.Overflow = overflowTo("billing") },
			Problem{Object: Key{KindQueue, "technical"}, Field: "spec.overflow.queueRef.name", Reason: "Invalid", Message: "Queue/billing does not take every channel"},
		},
		"channel not served": {
			func(o *organisation) {
				o.RoutingPolicies[0].Spec.Rules[0].Match.Channels = []v1alpha1.Channel{"Phone", "Chat"}
			},
			Problem{Object: Key{KindRoutingPolicy, "care"}, Field: "spec.rules[0].queueRef.name", Reason: "Invalid", Message: "tickets of Phone to Queue/billing"},
		},
		"rule never reached": {
			func(o *organisation) {
				all := v1alpha1.RoutingRule{Name: "all", QueueRef: queueRef("general")}
				o.RoutingPolicies[0].Spec.Rules = append([]v1alpha1.RoutingRule{all}, o.RoutingPolicies[0].Spec.Rules...)
			},
			Problem{Object: Key{KindRoutingPolicy, "care"}, Field: "spec.rules[1]", Reason: "Invalid", Message: "rule invoices and those below never decide"},
		},
		"names what is left out": {
			func(o *organisation) { o.Queues[0].Spec.Offer.Timeout = "soon" },
			Problem{Object: Key{KindSupportTeam, "care"}, Field: "spec.defaultQueueRef.name", Reason: "NotAccepted", Message: "Queue/general"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			o := acme()
			c.change(&o)
			r := Compile(o.declared(), nil)
			c.want.Warning = true
			if !has(r.Problems, c.want) {
				t.Errorf("want %+v, got %+v", c.want, r.Problems)
			}
			if !r.Current[c.want.Object] {
				t.Errorf("a warning must not keep %s out of the plan", c.want.Object)
			}
		})
	}
}

func overflowTo(queue string) *v1alpha1.Overflow {
	return &v1alpha1.Overflow{After: "2h", QueueRef: *queueRef(queue)}
}

// relaxing is a stage that asks for billing at a level.
func relaxing(after v1alpha1.Duration, level int32) []v1alpha1.RelaxationStage {
	r := v1alpha1.Requirements{Skills: []v1alpha1.SkillRequirement{{Name: "billing", MinLevel: level}}}
	return []v1alpha1.RelaxationStage{{After: after, Requirements: &r}}
}

// Stages that ask less do so without a word, and so does an overflow to a queue that takes all.
func TestRelaxationAndOverflowAsMeant(t *testing.T) {
	o := acme()
	o.Queues[2].Spec.Relaxation = append(relaxing("10m", 2), v1alpha1.RelaxationStage{After: "30m", Requirements: &v1alpha1.Requirements{LanguageMatch: "Preferred"}})
	o.Queues[2].Spec.Overflow = overflowTo("technical")
	if r := Compile(o.declared(), nil); len(r.Problems) > 0 {
		t.Errorf("problems = %+v", r.Problems)
	}
}
