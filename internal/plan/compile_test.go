package plan

import (
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/caseload-dev/caseload/api/v1alpha1"
)

func queueRef(name string) *v1alpha1.QueueReference {
	return &v1alpha1.QueueReference{Name: v1alpha1.ObjectName(name)}
}

func teamRef(name string) *v1alpha1.SupportTeamReference {
	return &v1alpha1.SupportTeamReference{Name: v1alpha1.ObjectName(name)}
}

func agentRef(name string) *v1alpha1.AgentReference {
	return &v1alpha1.AgentReference{Name: v1alpha1.ObjectName(name)}
}

func policy(name, team string, rules ...v1alpha1.RoutingRule) v1alpha1.RoutingPolicy {
	p := v1alpha1.RoutingPolicy{}
	p.Name, p.Spec.TeamRef.Name, p.Spec.Rules = name, v1alpha1.ObjectName(team), rules
	return p
}

func handTo(team string) v1alpha1.RoutingRule {
	return v1alpha1.RoutingRule{Name: "to-" + team, TeamRef: teamRef(team), Match: &v1alpha1.TicketMatch{Regions: []v1alpha1.Label{"x"}}}
}

func TestAcmeCompilesClean(t *testing.T) {
	r := Compile(acme().declared(), nil)
	if len(r.Problems) > 0 {
		t.Errorf("problems: %+v", r.Problems)
	}
	o := acme().declared()
	if len(r.Entries) != len(o.all()) || len(r.Belongs) != len(r.Entries) || len(r.Current) != len(r.Entries) {
		t.Errorf("%d entries of %d objects", len(r.Entries), len(o.all()))
	}
	if r.Agents[Key{KindTier, "specialists"}] != 2 || r.Agents[Key{KindQueue, "billing"}] != 1 {
		t.Errorf("agents = %v", r.Agents)
	}
}

// Each case breaks acme in one way and names the problem that must be found. The broken object is left out of a first
// plan, keeps its accepted version in a later one, and takes nothing else with it but what belongs to it.
func TestProblems(t *testing.T) {
	for name, c := range map[string]struct {
		breakIt func(*organisation)
		want    Problem
		// with are objects that go with it, as they belong to it.
		with []Key
	}{
		"default team missing": {
			func(o *organisation) { o.HelpDesk.Spec.DefaultTeamRef.Name = "cares" },
			Problem{Object: Key{KindHelpDesk, "acme"}, Field: "spec.defaultTeamRef.name", Reason: "RefNotFound", Message: "did you mean care?"}, nil,
		},
		"team's desk missing": {
			func(o *organisation) { o.SupportTeams[0].Spec.HelpDeskRef.Name = "acne" },
			Problem{Object: Key{KindSupportTeam, "care"}, Field: "spec.helpDeskRef.name", Reason: "RefNotFound", Message: "did you mean acme?"},
			[]Key{
				{KindTier, "frontline"}, {KindTier, "specialists"}, {KindTier, "law"}, {KindQueue, "general"}, {KindQueue, "technical"}, {KindQueue, "billing"},
				{KindQueue, "legal"}, {KindAgent, "jo"}, {KindAgent, "sam"}, {KindAgent, "lee"}, {KindAgent, "max"}, {KindRoutingPolicy, "care"},
			},
		},
		"tier's team missing": {
			func(o *organisation) { o.Tiers[2].Spec.TeamRef.Name = "sales" },
			Problem{Object: Key{KindTier, "law"}, Field: "spec.teamRef.name", Reason: "RefNotFound", Message: "SupportTeam/sales does not exist"},
			[]Key{{KindQueue, "legal"}},
		},
		"queue's tier missing": {
			func(o *organisation) { o.Queues[3].Spec.TierRef.Name = "laws" },
			Problem{Object: Key{KindQueue, "legal"}, Field: "spec.tierRef.name", Reason: "RefNotFound", Message: "did you mean law?"}, nil,
		},
		"lead missing": {
			func(o *organisation) {
				o.SupportTeams = append(o.SupportTeams, team("b", "acme"))
				o.SupportTeams[1].Spec.LeadRef = agentRef("nobody")
			},
			Problem{Object: Key{KindSupportTeam, "b"}, Field: "spec.leadRef.name", Reason: "RefNotFound"}, nil,
		},
		"manager missing": {
			func(o *organisation) { o.Agents[0].Spec.ManagerRef = agentRef("sma") },
			Problem{Object: Key{KindAgent, "jo"}, Field: "spec.managerRef.name", Reason: "RefNotFound", Message: "did you mean sam?"}, nil,
		},
		"assignment missing": {
			func(o *organisation) {
				o.Agents[0].Spec.Assignments = []v1alpha1.Assignment{{QueueRef: *queueRef("billing")}, {QueueRef: *queueRef("biling")}}
			},
			Problem{Object: Key{KindAgent, "jo"}, Field: "spec.assignments[1].queueRef.name", Reason: "RefNotFound", Message: "did you mean billing?"}, nil,
		},
		"rule's queue missing": {
			func(o *organisation) { o.RoutingPolicies[0].Spec.Rules[0].QueueRef.Name = "billings" },
			Problem{Object: Key{KindRoutingPolicy, "care"}, Field: "spec.rules[0].queueRef.name", Reason: "RefNotFound", Message: "did you mean billing?"}, nil,
		},
		"rule's expression": {
			func(o *organisation) { o.RoutingPolicies[0].Spec.Rules[0].When = `ticket.subjct == "x"` },
			Problem{Object: Key{KindRoutingPolicy, "care"}, Field: "spec.rules[0].when", Reason: "ExpressionInvalid", Message: "undefined field 'subjct'; did you mean subject?"}, nil,
		},
		"two rules of a name": {
			func(o *organisation) {
				rules := &o.RoutingPolicies[0].Spec.Rules
				*rules = append(*rules, (*rules)[0])
			},
			Problem{Object: Key{KindRoutingPolicy, "care"}, Field: "spec.rules[1].name", Reason: "Invalid", Message: "spec.rules[0] has the name invoices already"}, nil,
		},
		"time zone": {
			func(o *organisation) { o.Calendars[0].Spec.TimeZone = "Europe/Berln" },
			Problem{Object: Key{KindBusinessCalendar, "office"}, Field: "spec.timeZone", Reason: "UnknownTimeZone", Message: `there is no time zone "Europe/Berln"`}, nil,
		},
		"time zone of the machine": {
			func(o *organisation) { o.Calendars[0].Spec.TimeZone = "Local" },
			Problem{Object: Key{KindBusinessCalendar, "office"}, Field: "spec.timeZone", Reason: "UnknownTimeZone", Message: `no time zone "Local"`}, nil,
		},
		"no open hours": {
			func(o *organisation) { o.Calendars[0].Spec.Hours = nil },
			Problem{Object: Key{KindBusinessCalendar, "office"}, Field: "spec.hours", Reason: "NoOpenHours", Message: "nothing would ever be due and nobody on duty: add hours"}, nil,
		},
		"time of day": {
			func(o *organisation) { o.Calendars[0].Spec.Hours[0].To = "24:30" },
			Problem{Object: Key{KindBusinessCalendar, "office"}, Field: "spec.hours[0]", Reason: "Invalid", Message: `"24:30" is no time of day`}, nil,
		},
		"weekday": {
			func(o *organisation) { o.Calendars[0].Spec.Hours[0].Days[0] = "Monday" },
			Problem{Object: Key{KindBusinessCalendar, "office"}, Field: "spec.hours[0]", Reason: "Invalid", Message: `"Monday" is no day of the week`}, nil,
		},
		"day of no year": {
			func(o *organisation) { o.Calendars[0].Spec.Holidays[0].Yearly = "02-30" },
			Problem{Object: Key{KindBusinessCalendar, "office"}, Field: "spec.holidays[0]", Reason: "Invalid", Message: `"02-30" is no day of the year`}, nil,
		},
		"date": {
			func(o *organisation) { o.Calendars[0].Spec.Holidays[1].Date = "2026-02-29" },
			Problem{Object: Key{KindBusinessCalendar, "office"}, Field: "spec.holidays[1]", Reason: "Invalid", Message: `"2026-02-29" is no date`}, nil,
		},
		"calendar of no HelpDesk that can be told": {
			func(o *organisation) {
				o.OtherHelpDesks = []string{"zeta"}
				o.SupportTeams[0].Spec.Defaults.Schedule = nil
				o.Calendars[0].Spec.HelpDeskRef = nil
			},
			Problem{Object: Key{KindBusinessCalendar, "office"}, Field: "spec.helpDeskRef", Reason: "Invalid", Message: "several HelpDesks, acme, zeta: name the one"}, nil,
		},
		"agent's calendar missing": {
			func(o *organisation) { o.Agents[0].Spec.Schedule = onCalendar("ofice") },
			Problem{Object: Key{KindAgent, "jo"}, Field: "spec.schedule.calendarRef.name", Reason: "RefNotFound", Message: "did you mean office?"}, nil,
		},
		"team's calendar missing": {
			func(o *organisation) {
				b := team("b", "acme")
				b.Spec.Defaults.Schedule = onCalendar("night")
				o.SupportTeams = append(o.SupportTeams, b)
			},
			Problem{Object: Key{KindSupportTeam, "b"}, Field: "spec.defaults.schedule.calendarRef.name", Reason: "RefNotFound", Message: "BusinessCalendar/night does not exist"}, nil,
		},
		"calendar of a service level missing": {
			func(o *organisation) { o.ServiceLevels[0].Spec.CalendarRef = calendarRef("ofice") },
			Problem{Object: Key{KindServiceLevel, "standard"}, Field: "spec.calendarRef.name", Reason: "RefNotFound", Message: "did you mean office?"}, nil,
		},
		"service level of no HelpDesk that can be told": {
			func(o *organisation) {
				o.OtherHelpDesks = []string{"zeta"}
				o.SupportTeams[0].Spec.Defaults.ServiceLevelRef = nil
				o.ServiceLevels[0].Spec.HelpDeskRef = nil
			},
			Problem{Object: Key{KindServiceLevel, "standard"}, Field: "spec.helpDeskRef", Reason: "Invalid", Message: "several HelpDesks, acme, zeta: name the one"}, nil,
		},
		"target that is no duration": {
			func(o *organisation) { o.ServiceLevels[0].Spec.Targets[1].NextResponse = "soon" },
			Problem{Object: Key{KindServiceLevel, "standard"}, Field: "spec.targets[1].nextResponse", Reason: "Invalid", Message: `"soon" is no duration`}, nil,
		},
		"team's service level missing": {
			func(o *organisation) {
				b := team("b", "acme")
				b.Spec.Defaults.ServiceLevelRef = levelRef("gold")
				o.SupportTeams = append(o.SupportTeams, b)
			},
			Problem{Object: Key{KindSupportTeam, "b"}, Field: "spec.defaults.serviceLevelRef.name", Reason: "RefNotFound", Message: "ServiceLevel/gold does not exist"}, nil,
		},
		"rule's service level missing": {
			func(o *organisation) {
				o.RoutingPolicies[0].Spec.Rules[0].Set = &v1alpha1.TicketChanges{ServiceLevelRef: levelRef("standart")}
			},
			Problem{Object: Key{KindRoutingPolicy, "care"}, Field: "spec.rules[0].set.serviceLevelRef.name", Reason: "RefNotFound", Message: "did you mean standard?"}, nil,
		},
		"absence that ends before it begins": {
			func(o *organisation) { o.Agents[0].Spec.Absences = []v1alpha1.Absence{absence(2, 1)} },
			Problem{Object: Key{KindAgent, "jo"}, Field: "spec.absences[0].endTime", Reason: "Invalid", Message: "endTime must come after startTime"}, nil,
		},
		"loan that ends before it begins": {
			func(o *organisation) {
				o.Agents[0].Spec.Assignments = []v1alpha1.Assignment{assigned("legal", "2026-03-04T00:00:00Z", "2026-03-04T00:00:00Z")}
			},
			Problem{Object: Key{KindAgent, "jo"}, Field: "spec.assignments[0].endTime", Reason: "Invalid", Message: "endTime must come after startTime"}, nil,
		},
		"first day of a ramp-up": {
			func(o *organisation) {
				o.Agents[0].Spec.RampUp = &v1alpha1.RampUp{From: "2026-02-30", Weeks: 1, StartPercent: 50}
			},
			Problem{Object: Key{KindAgent, "jo"}, Field: "spec.rampUp.from", Reason: "Invalid", Message: `"2026-02-30" is no date`}, nil,
		},
		"colleague missing": {
			func(o *organisation) {
				b := team("b", "acme")
				b.Spec.Defaults.HandOver = &v1alpha1.HandOver{Absence: v1alpha1.HandOverColleague, AgentRef: agentRef("lea")}
				o.SupportTeams = append(o.SupportTeams, b)
			},
			Problem{Object: Key{KindSupportTeam, "b"}, Field: "spec.defaults.handOver.agentRef.name", Reason: "RefNotFound", Message: "Agent/lea does not exist"}, nil,
		},
		"escalation of no HelpDesk that can be told": {
			func(o *organisation) {
				o.OtherHelpDesks = []string{"zeta"}
				o.SupportTeams[0].Spec.Defaults.EscalationPolicyRef = nil
				o.Escalations[0].Spec.HelpDeskRef = nil
			},
			Problem{Object: Key{KindEscalationPolicy, "standard"}, Field: "spec.helpDeskRef", Reason: "Invalid", Message: "several HelpDesks, acme, zeta: name the one"}, nil,
		},
		"team's escalation missing": {
			func(o *organisation) {
				o.SupportTeams = append(o.SupportTeams, escalating(team("b", "acme"), "standrd"))
			},
			Problem{Object: Key{KindSupportTeam, "b"}, Field: "spec.defaults.escalationPolicyRef.name", Reason: "RefNotFound", Message: "did you mean standard?"}, nil,
		},
		"escalation's expression": {
			func(o *organisation) { o.Escalations[0].Spec.Triggers[1].When = "ticket.age > 3" },
			Problem{Object: Key{KindEscalationPolicy, "standard"}, Field: "spec.triggers[1].when", Reason: "ExpressionInvalid", Message: "undefined field 'age'"}, nil,
		},
		"escalation's agent missing": {
			func(o *organisation) { o.Escalations[0].Spec.Steps[1].Actions[0].AgentRef.Name = "leo" },
			Problem{Object: Key{KindEscalationPolicy, "standard"}, Field: "spec.steps[1].actions[0].agentRef.name", Reason: "RefNotFound", Message: "Agent/leo does not exist"}, nil,
		},
		"escalation's webhook missing": {
			func(o *organisation) {
				o.Escalations[0].Spec.Steps[1].Actions[0] = v1alpha1.EscalationAction{Type: v1alpha1.ActionWebhook, Webhook: "pager"}
			},
			Problem{Object: Key{KindEscalationPolicy, "standard"}, Field: "spec.steps[1].actions[0].webhook", Reason: "RefNotFound", Message: "HelpDesk/acme has no webhook pager"}, nil,
		},
		"steps out of order": {
			func(o *organisation) { o.Escalations[0].Spec.Steps[1].After = "0s" },
			Problem{Object: Key{KindEscalationPolicy, "standard"}, Field: "spec.steps[1].after", Reason: "Invalid", Message: "steps come one after the other"}, nil,
		},
		"two steps of a name": {
			func(o *organisation) { o.Escalations[0].Spec.Steps[1].Name = "second-line" },
			Problem{Object: Key{KindEscalationPolicy, "standard"}, Field: "spec.steps[1].name", Reason: "Invalid", Message: "has the name second-line already"}, nil,
		},
		"two triggers of a type": {
			func(o *organisation) {
				o.Escalations[0].Spec.Triggers[1] = v1alpha1.EscalationTrigger{Type: v1alpha1.TriggerUnassigned, After: "1h"}
			},
			Problem{Object: Key{KindEscalationPolicy, "standard"}, Field: "spec.triggers[1].type", Reason: "Invalid", Message: "a policy has one such trigger"}, nil,
		},
		"rounds without a pause": {
			func(o *organisation) {
				o.Escalations[0].Spec.Repeat = &v1alpha1.EscalationRepeat{Times: 1, Every: "1s"}
			},
			Problem{Object: Key{KindEscalationPolicy, "standard"}, Field: "spec.repeat.every", Reason: "Invalid", Message: "leave people at least 1m0s"}, nil,
		},
		"an acknowledgement that stops nothing": {
			func(o *organisation) { o.Escalations[0].Spec.AcknowledgementTimeout = "0s" },
			Problem{Object: Key{KindEscalationPolicy, "standard"}, Field: "spec.acknowledgementTimeout", Reason: "Invalid", Message: "leave who acknowledges at least 1m0s to act"}, nil,
		},
		"a step that is no duration": {
			func(o *organisation) { o.Escalations[0].Spec.Steps[1].After = "soon" },
			Problem{Object: Key{KindEscalationPolicy, "standard"}, Field: "spec.steps[1].after", Reason: "Invalid", Message: `"soon" is no duration`}, nil,
		},
		"lead of another desk": {
			func(o *organisation) {
				o.OtherHelpDesks = []string{"zeta"}
				o.SupportTeams = append(o.SupportTeams, team("theirs", "zeta"), team("b", "acme"))
				o.Agents = append(o.Agents, agent("zoe", "theirs"))
				o.SupportTeams[2].Spec.LeadRef = agentRef("zoe")
			},
			Problem{Object: Key{KindSupportTeam, "b"}, Field: "spec.leadRef.name", Reason: "DifferentHelpDesk", Message: "Agent/zoe belongs to HelpDesk/zeta"}, nil,
		},
		"managers in a circle": {
			func(o *organisation) { o.Agents[0].Spec.ManagerRef = agentRef("jo") },
			Problem{Object: Key{KindAgent, "jo"}, Field: "spec.managerRef.name", Reason: "CircularReference", Message: "jo -> jo"}, nil,
		},
		"overflows in a circle": {
			func(o *organisation) { o.Queues[3].Spec.Overflow = overflowTo("legal") },
			Problem{Object: Key{KindQueue, "legal"}, Field: "spec.overflow.queueRef.name", Reason: "CircularReference", Message: "overflows in a circle: legal -> legal"}, nil,
		},
		"overflow missing": {
			func(o *organisation) { o.Queues[3].Spec.Overflow = overflowTo("genral") },
			Problem{Object: Key{KindQueue, "legal"}, Field: "spec.overflow.queueRef.name", Reason: "RefNotFound", Message: "did you mean general?"}, nil,
		},
		"no level, in a stage": {
			func(o *organisation) { o.Queues[3].Spec.Relaxation = relaxing("1h", 6) },
			Problem{Object: Key{KindQueue, "legal"}, Field: "spec.relaxation[0].requirements.skills[0].minLevel", Reason: "Invalid", Message: "6 is not a level"}, nil,
		},
		"stage that is no duration": {
			func(o *organisation) { o.Queues[3].Spec.Relaxation = relaxing("soon", 1) },
			Problem{Object: Key{KindQueue, "legal"}, Field: "spec.relaxation[0].after", Reason: "Invalid", Message: `"soon" is no duration`}, nil,
		},
		"overflow that is no duration": {
			func(o *organisation) {
				o.Queues[3].Spec.Overflow = overflowTo("general")
				o.Queues[3].Spec.Overflow.After = "soon"
			},
			Problem{Object: Key{KindQueue, "legal"}, Field: "spec.overflow.after", Reason: "Invalid", Message: `"soon" is no duration`}, nil,
		},
		"routing in a circle": {
			func(o *organisation) {
				o.SupportTeams = append(o.SupportTeams, team("b", "acme"))
				o.RoutingPolicies = append(o.RoutingPolicies, policy("b", "b", handTo("b")))
			},
			Problem{Object: Key{KindRoutingPolicy, "b"}, Field: "spec.rules[0].teamRef.name", Reason: "CircularReference", Message: "b -> b"}, nil,
		},
		"second policy": {
			func(o *organisation) {
				o.RoutingPolicies = append(o.RoutingPolicies, policy("extra", "care"))
				o.RoutingPolicies[0].CreationTimestamp = metav1.NewTime(time.Unix(1, 0))
				o.RoutingPolicies[1].CreationTimestamp = metav1.NewTime(time.Unix(2, 0))
			},
			Problem{Object: Key{KindRoutingPolicy, "extra"}, Field: "spec.teamRef.name", Reason: "Duplicate", Message: "already has RoutingPolicy/care"}, nil,
		},
		"second agent of a subject": {
			func(o *organisation) {
				o.Agents[0].Spec.Subject = &v1alpha1.Subject{Kind: "User", Name: "x"}
				o.Agents[1].Spec.Subject = &v1alpha1.Subject{Kind: "User", Name: "x"}
			},
			Problem{Object: Key{KindAgent, "sam"}, Field: "spec.subject", Reason: "Duplicate", Message: "Agent/jo already has the subject User x"}, nil,
		},
		"tier's selector": {
			func(o *organisation) {
				o.Tiers[2].Spec.AgentSelector = &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "law", Operator: "Includes"}}}
			},
			Problem{Object: Key{KindTier, "law"}, Field: "spec.agentSelector", Reason: "Invalid", Message: "Includes"}, []Key{{KindQueue, "legal"}},
		},
		"default queue of another tier": {
			func(o *organisation) { o.Tiers[2].Spec.DefaultQueueRef = queueRef("general") },
			Problem{Object: Key{KindTier, "law"}, Field: "spec.defaultQueueRef.name", Reason: "Invalid", Message: "one of Tier/frontline: name a queue of this tier; it has legal"},
			[]Key{{KindQueue, "legal"}},
		},
		"built-in name": {
			func(o *organisation) { o.Queues = append(o.Queues, queue(UnroutedQueue, "law")) },
			Problem{Object: Key{KindQueue, UnroutedQueue}, Field: "metadata.name", Reason: "Invalid", Message: "built-in"}, nil,
		},
		"limit 0": {
			func(o *organisation) { o.Agents[0].Spec.Limits = []v1alpha1.ChannelLimit{{Channel: "Chat"}} },
			Problem{Object: Key{KindAgent, "jo"}, Field: "spec.limits[0].max", Reason: "Invalid", Message: "1 or more"}, nil,
		},
		"skill level": {
			func(o *organisation) { o.Agents[0].Spec.Skills = []v1alpha1.AgentSkill{{Name: "x", Level: 9}} },
			Problem{Object: Key{KindAgent, "jo"}, Field: "spec.skills[0].level", Reason: "Invalid", Message: "1 (learning) to 5"}, nil,
		},
		"duration": {
			func(o *organisation) { o.Queues[3].Spec.Offer.Timeout = "soon" },
			Problem{Object: Key{KindQueue, "legal"}, Field: "spec.offer.timeout", Reason: "Invalid", Message: "30s"}, nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			good, bad := acme(), acme()
			c.breakIt(&bad)
			fresh := Compile(bad.declared(), nil)
			if !has(fresh.Problems, c.want) {
				t.Errorf("want %+v, got %+v", c.want, fresh.Problems)
			}
			declared := bad.declared()
			belonging := 0
			for _, object := range declared.all() {
				if fresh.Belongs[entryOf(t, object).Key] {
					belonging++
				}
			}
			out := append([]Key{c.want.Object}, c.with...)
			if got := len(fresh.Entries); got != belonging-len(out) {
				t.Errorf("%d of %d objects are in the plan, want all but %v; problems %+v", got, belonging, out, fresh.Problems)
			}
			for _, key := range out {
				if fresh.Current[key] {
					t.Errorf("%s is in the plan", key)
				}
			}
			before := Compile(good.declared(), nil)
			later := Compile(bad.declared(), before.Entries)
			for _, e := range before.Entries {
				if !slices.ContainsFunc(later.Entries, func(l Entry) bool { return l.Key == e.Key }) {
					t.Errorf("%s was accepted, and the mistake removed it", e.Key)
				}
			}
		})
	}
}

func has(problems []Problem, want Problem) bool {
	return slices.ContainsFunc(problems, func(p Problem) bool {
		return p.Object == want.Object && p.Field == want.Field && p.Reason == want.Reason && p.Warning == want.Warning && strings.Contains(p.Message, want.Message)
	})
}

// Mistakes in objects of a running plan.
func TestLastAcceptedVersionStays(t *testing.T) {
	before := Compile(acme().declared(), nil)
	o := acme()
	o.Queues[2].Spec.TierRef.Name = "frontlin" // billing
	o.Agents = slices.DeleteFunc(o.Agents, func(a v1alpha1.Agent) bool { return a.Name == "max" })
	r := Compile(o.declared(), before.Entries)
	p, err := Build(r.Manifest, r.Entries)
	if err != nil {
		t.Fatal(err)
	}
	if q := p.Queues["billing"]; q == nil || q.Tier != "specialists" || r.Current[Key{KindQueue, "billing"}] || !r.Belongs[Key{KindQueue, "billing"}] {
		t.Errorf("billing = %+v; it must stay as it was", q)
	}
	if p.Agents["max"] != nil {
		t.Error("max was deleted and must go")
	}
	// The tier that the last accepted version belongs to is deleted: there is nothing to keep.
	o.Tiers = slices.DeleteFunc(o.Tiers, func(t v1alpha1.Tier) bool { return t.Name == "specialists" })
	if r = Compile(o.declared(), r.Entries); slices.ContainsFunc(r.Entries, func(e Entry) bool { return e.Key == Key{KindQueue, "billing"} }) {
		t.Error("billing's last version belongs to a deleted tier and cannot stay")
	}
}

// What is held back is not in the plan, whatever is wrong with it, and is there for those that name it.
func TestHeldObjects(t *testing.T) {
	law, legal, billing := Key{KindTier, "law"}, Key{KindQueue, "legal"}, Key{KindQueue, "billing"}
	o := acme()
	o.Held = map[Key]bool{law: true, billing: true}
	o.Queues[2].Spec.TierRef.Name = "nowhere" // billing
	r := Compile(o.declared(), nil)
	for _, key := range []Key{law, legal, billing} {
		if !r.Belongs[key] || slices.ContainsFunc(r.Entries, func(e Entry) bool { return e.Key == key }) {
			t.Errorf("%s is in the plan, or not the HelpDesk's", key)
		}
	}
	want := []Problem{
		{Object: legal, Field: "spec.tierRef.name", Reason: "NotAccepted", Message: "Tier/law is paused"},
		{Object: Key{KindRoutingPolicy, "care"}, Field: "spec.rules[0].queueRef.name", Reason: "NotAccepted", Message: "Queue/billing is paused", Warning: true},
	}
	for _, p := range want {
		if !has(r.Problems, p) || len(r.Problems) != len(want) {
			t.Errorf("problems = %+v", r.Problems)
		}
	}
}

// Who closes a circle is to blame, not who was there; a stale version counts as it runs.
func TestCircleAcrossVersions(t *testing.T) {
	o := acme()
	o.SupportTeams = append(o.SupportTeams, team("a", "acme"), team("b", "acme"))
	o.SupportTeams[1].Spec.ParentTeamRef = teamRef("b") // a is part of b
	before := Compile(o.declared(), nil)

	o.SupportTeams[1].Spec.ParentTeamRef = nil // a no longer is, but has a mistake
	o.SupportTeams[1].Spec.LeadRef = agentRef("nobody")
	o.SupportTeams[2].Spec.ParentTeamRef = teamRef("a")
	r := Compile(o.declared(), before.Entries)
	if !has(r.Problems, Problem{Object: Key{KindSupportTeam, "b"}, Field: "spec.parentTeamRef.name", Reason: "CircularReference", Message: "b -> a -> b"}) {
		t.Errorf("problems = %+v", r.Problems)
	}
	p, err := Build(r.Manifest, r.Entries)
	if err != nil || p.Teams["a"].Parent != "b" || p.Teams["b"].Parent != "" {
		t.Errorf("the plan must have no circle: %+v %+v %v", p.Teams["a"], p.Teams["b"], err)
	}
}

// A subject in force is not taken over by an older agent, nor by one while its holder's change is refused.
func TestClaimInForceStands(t *testing.T) {
	kim := &v1alpha1.Subject{Kind: "User", Name: "kim"}
	o := acme()
	o.Agents[1].Spec.Subject = kim // sam
	before := Compile(o.declared(), nil)
	o.Agents[1].Spec.Subject = nil
	o.Agents[1].Spec.ManagerRef = agentRef("nobody") // so sam keeps kim
	o.Agents[0].Spec.Subject = kim
	r := Compile(o.declared(), before.Entries)
	if !has(r.Problems, Problem{Object: Key{KindAgent, "jo"}, Field: "spec.subject", Reason: "Duplicate", Message: "Agent/sam"}) {
		t.Errorf("problems = %+v", r.Problems)
	}
}

func TestOrphansAreReportedOnce(t *testing.T) {
	o := acme()
	o.OtherHelpDesks = []string{"zeta"}
	o.Queues = append(o.Queues, queue("lost", "nowhere"))
	key := Key{KindQueue, "lost"}
	if !Compile(o.declared(), nil).Belongs[key] {
		t.Error("acme is the first HelpDesk and answers for what hangs on nothing")
	}
	o.OtherHelpDesks = []string{"aaa"}
	if Compile(o.declared(), nil).Belongs[key] {
		t.Error("aaa is the first HelpDesk")
	}
	o.HelpDesk, o.OtherHelpDesks = v1alpha1.HelpDesk{}, nil
	if r := Compile(o.declared(), nil); len(r.Entries) > 0 || !r.Belongs[key] ||
		!has(r.Problems, Problem{Object: Key{KindSupportTeam, "care"}, Field: "spec.helpDeskRef.name", Reason: "RefNotFound"}) {
		t.Errorf("without a HelpDesk every object hangs on nothing: %+v", r.Problems)
	}
}

func escalating(t v1alpha1.SupportTeam, policy string) v1alpha1.SupportTeam {
	t.Spec.Defaults.EscalationPolicyRef = &v1alpha1.EscalationPolicyReference{Name: v1alpha1.ObjectName(policy)}
	return t
}
