package plan

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/caseload-dev/caseload/api/v1alpha1"
	"github.com/caseload-dev/caseload/internal/ticket"
)

func entryOf(t testing.TB, object metav1.Object) Entry {
	t.Helper()
	e, err := NewEntry(object)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func selecting(pairs ...string) *metav1.LabelSelector {
	s := &metav1.LabelSelector{MatchLabels: map[string]string{}}
	for i := 0; i < len(pairs); i += 2 {
		s.MatchLabels[pairs[i]] = pairs[i+1]
	}
	return s
}

func helpDesk(name, team string) v1alpha1.HelpDesk {
	d := v1alpha1.HelpDesk{}
	d.Name, d.Spec.DefaultTeamRef.Name = name, v1alpha1.ObjectName(team)
	return d
}

func team(name, desk string) v1alpha1.SupportTeam {
	t := v1alpha1.SupportTeam{}
	t.Name, t.Spec.HelpDeskRef.Name = name, v1alpha1.ObjectName(desk)
	return t
}

func tier(name, team string, agents *metav1.LabelSelector) v1alpha1.Tier {
	t := v1alpha1.Tier{}
	t.Name, t.Spec.TeamRef.Name, t.Spec.Level, t.Spec.AgentSelector = name, v1alpha1.ObjectName(team), 1, agents
	return t
}

func queue(name, tier string) v1alpha1.Queue {
	q := v1alpha1.Queue{}
	q.Name, q.Spec.TierRef.Name = name, v1alpha1.ObjectName(tier)
	return q
}

func agent(name, team string, labels ...string) v1alpha1.Agent {
	a := v1alpha1.Agent{}
	a.Name, a.Spec.TeamRef.Name = name, v1alpha1.ObjectName(team)
	a.Labels = selecting(labels...).MatchLabels
	return a
}

// organisation is what tests change before it is declared.
type organisation struct {
	Objects
	SupportTeams    []v1alpha1.SupportTeam
	Tiers           []v1alpha1.Tier
	Queues          []v1alpha1.Queue
	Agents          []v1alpha1.Agent
	RoutingPolicies []v1alpha1.RoutingPolicy
	Calendars       []v1alpha1.BusinessCalendar
	Escalations     []v1alpha1.EscalationPolicy
	ServiceLevels   []v1alpha1.ServiceLevel
}

// declared as Compile takes them.
func (o organisation) declared() Objects {
	all := o.Objects
	all.Declared = slices.Concat(objects(o.SupportTeams), objects(o.Tiers), objects(o.Queues), objects(o.Agents), objects(o.RoutingPolicies),
		objects(o.Calendars), objects(o.Escalations), objects(o.ServiceLevels))
	return all
}

func objects[T any, P interface {
	*T
	Object
}](items []T) []Object {
	all := make([]Object, len(items))
	for i := range items {
		all[i] = P(&items[i])
	}
	return all
}

// acme has a front line (jo, sam) and specialists (sam, lee), a billing queue that needs a skill, and a pool of its own
// for legal (max).
func acme() organisation {
	care := team("care", "acme")
	care.Spec.DefaultQueueRef = &v1alpha1.QueueReference{Name: "general"}
	care.Spec.Defaults = v1alpha1.MemberDefaults{
		Schedule:  onCalendar("office"),
		Languages: []v1alpha1.Language{"en"},
		Limits:    []v1alpha1.ChannelLimit{{Channel: "Chat", Max: 3}},
	}
	billing := queue("billing", "specialists")
	billing.Spec.Requirements.Skills = []v1alpha1.SkillRequirement{{Name: "billing", MinLevel: 3}}
	billing.Spec.Channels = []v1alpha1.Channel{"Email", "Chat"}
	jo := agent("jo", "care", "line-1", "yes")
	lee := agent("lee", "care", "line-2", "yes")
	lee.Spec.Skills = []v1alpha1.AgentSkill{{Name: "billing", Level: 4}}
	lee.Spec.Limits = []v1alpha1.ChannelLimit{{Channel: "Email", Max: 5}}
	policy := v1alpha1.RoutingPolicy{}
	policy.Name, policy.Spec.TeamRef.Name = "care", "care"
	policy.Spec.Rules = []v1alpha1.RoutingRule{{
		Name:     "invoices",
		Match:    &v1alpha1.TicketMatch{Categories: []v1alpha1.Label{"billing"}},
		QueueRef: &v1alpha1.QueueReference{Name: "billing"},
	}}
	escalate := v1alpha1.EscalationPolicy{}
	escalate.Name, escalate.Spec.HelpDeskRef = "standard", &v1alpha1.HelpDeskReference{Name: "acme"}
	escalate.Spec.Triggers = []v1alpha1.EscalationTrigger{{Type: v1alpha1.TriggerUnassigned, After: "20m"}, {Type: v1alpha1.TriggerMatches, When: `"vip" in ticket.tags`}}
	escalate.Spec.Steps = []v1alpha1.EscalationStep{
		{Name: "second-line", After: "0s", Actions: []v1alpha1.EscalationAction{{Type: v1alpha1.ActionTransferToQueue, QueueRef: &v1alpha1.QueueReference{Name: "general"}}}},
		{Name: "lee", After: "15m", Actions: []v1alpha1.EscalationAction{{Type: v1alpha1.ActionNotifyAgent, AgentRef: &v1alpha1.AgentReference{Name: "lee"}}}},
	}
	care.Spec.Defaults.ServiceLevelRef = levelRef("standard")
	care.Spec.Defaults.EscalationPolicyRef = &v1alpha1.EscalationPolicyReference{Name: "standard"}
	return organisation{
		Objects:      Objects{HelpDesk: helpDesk("acme", "care")},
		SupportTeams: []v1alpha1.SupportTeam{care},
		Tiers: []v1alpha1.Tier{
			tier("frontline", "care", selecting("line-1", "yes")),
			tier("specialists", "care", selecting("line-2", "yes")),
			tier("law", "care", selecting("law", "yes")),
		},
		Queues:          []v1alpha1.Queue{queue("general", "frontline"), queue("technical", "specialists"), billing, queue("legal", "law")},
		Agents:          []v1alpha1.Agent{jo, agent("sam", "care", "line-1", "yes", "line-2", "yes"), lee, agent("max", "care", "law", "yes")},
		RoutingPolicies: []v1alpha1.RoutingPolicy{policy},
		Calendars:       []v1alpha1.BusinessCalendar{office()},
		Escalations:     []v1alpha1.EscalationPolicy{escalate},
		ServiceLevels:   []v1alpha1.ServiceLevel{standard()},
	}
}

func entriesOf(t testing.TB, o organisation) []Entry {
	var entries []Entry
	all := o.declared()
	for _, object := range all.all() {
		entries = append(entries, entryOf(t, object))
	}
	return entries
}

func build(t testing.TB, o organisation) *Plan {
	t.Helper()
	entries := entriesOf(t, o)
	p, err := Build(NewManifest(o.HelpDesk.Name, entries), entries)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestBuildStaffsQueuesAndPools(t *testing.T) {
	p := build(t, acme())
	for queue, want := range map[string][]string{
		"general": {"jo", "sam"}, "technical": {"lee", "sam"}, "billing": {"lee"}, "legal": {"max"},
	} {
		if got := p.Queues[queue].Agents; !slices.Equal(got, want) {
			t.Errorf("queue %s is served by %v, want %v", queue, got, want)
		}
	}
	// general and technical share sam, technical and billing share lee.
	joined := p.Pools["billing"]
	if joined == nil || !slices.Equal(joined.Queues, []string{"billing", "general", "technical"}) ||
		!slices.Equal(joined.Agents, []string{"jo", "lee", "sam"}) || !slices.Equal(joined.Tiers, []string{"frontline", "specialists"}) {
		t.Errorf("pool = %+v", joined)
	}
	if legal := p.Pools["legal"]; legal == nil || !slices.Equal(legal.Agents, []string{"max"}) || len(p.Pools) != 2 {
		t.Errorf("pools = %v", p.Pools)
	}
}

// Who can serve at a later stage shares the queue from the start.
func TestBuildStages(t *testing.T) {
	o := acme()
	billing := &o.Queues[2].Spec
	billing.Requirements.Skills[0].MinLevel = 5
	billing.Relaxation = []v1alpha1.RelaxationStage{relaxing("10m", 4)[0], {After: "30m", Requirements: &v1alpha1.Requirements{}}}
	billing.Overflow = overflowTo("technical")
	billing.WaitingLimit = &v1alpha1.WaitingLimit{Max: 7, WhenFull: v1alpha1.WhenFullReject}
	o.Queues[1].Spec.AgentSelector = selecting("line-1", "yes") // technical: sam alone
	p := build(t, o)
	q := p.Queues["billing"]
	for n, want := range [][]string{nil, {"lee"}, {"lee", "sam"}, {"lee", "sam"}} {
		if got := q.Stage(n).Agents; !slices.Equal(got, want) {
			t.Errorf("stage %d is served by %v, want %v", n, got, want)
		}
	}
	if !slices.Equal(q.Agents, []string{"lee", "sam"}) || q.Pool == "" || q.Pool != p.Queues["technical"].Pool {
		t.Errorf("served by %v in pool %q: sam can be asked at the last stage", q.Agents, q.Pool)
	}
	want := ticket.Patience{Relax: []time.Duration{10 * time.Minute, 30 * time.Minute}, Overflow: 2 * time.Hour}
	if !reflect.DeepEqual(q.Patience, want) || q.Overflow != "technical" || q.MaxWaiting != 7 || !q.Rejects {
		t.Errorf("queue = %+v", q)
	}
}

func TestBuildDefaults(t *testing.T) {
	p := build(t, acme())
	if got := p.HelpDesk; got.ReopenWindow != 72*time.Hour || got.MaxMissedOffers != 2 || got.DefaultTeam != "care" {
		t.Errorf("help desk = %+v", got)
	}
	jo, lee := p.Agents["jo"], p.Agents["lee"]
	if jo.Limit("Chat") != 3 || jo.Limit("Phone") != 1 || !jo.Languages["en"] || jo.DisplayName != "jo" {
		t.Errorf("jo has the team's defaults, got %+v", jo)
	}
	if lee.Limit("Email") != 5 || lee.Limit("Chat") != 1 {
		t.Errorf("a list of the agent's own replaces the team's, got %v", lee.Limits)
	}
	q := p.Queues["general"]
	if q.Offer.Auto || q.Offer.Timeout != 30*time.Second || q.Strategy != v1alpha1.LeastOccupied ||
		q.Stage(0).Requirements.LanguageMatch != v1alpha1.LanguageIgnored || q.Paused {
		t.Errorf("queue = %+v", q)
	}
}

func TestBuildAssignmentsMeetRequirementsToo(t *testing.T) {
	o := acme()
	loan := []v1alpha1.Assignment{{QueueRef: v1alpha1.QueueReference{Name: "billing"}}, {QueueRef: v1alpha1.QueueReference{Name: "technical"}}}
	o.Agents[0].Spec.Assignments = loan
	p := build(t, o)
	if slices.Contains(p.Queues["billing"].Agents, "jo") {
		t.Error("jo lacks the skill and must not serve billing")
	}
	if !slices.Contains(p.Queues["technical"].Agents, "jo") || !slices.Contains(p.Tiers["specialists"].Agents, "jo") {
		t.Error("jo is assigned to technical")
	}
}

func TestBuildIgnoresDanglingReferences(t *testing.T) {
	o := acme()
	o.SupportTeams[0].Spec.LeadRef = &v1alpha1.AgentReference{Name: "gone"}
	o.SupportTeams[0].Spec.DefaultQueueRef = &v1alpha1.QueueReference{Name: "gone"}
	o.Agents[0].Spec.ManagerRef = &v1alpha1.AgentReference{Name: "gone"}
	o.RoutingPolicies[0].Spec.Rules[0].QueueRef.Name = "gone"
	p := build(t, o)
	if p.Teams["care"].Lead != "" || p.Teams["care"].DefaultQueue != "" || p.Agents["jo"].Manager != "" {
		t.Error("references to nothing are left empty")
	}
	if d := p.Router.Route(&ticket.Content{Category: "billing"}, nil); d.Queue != "" {
		t.Errorf("routed to %q, which is gone", d.Queue)
	}
}

func TestBuildRefuses(t *testing.T) {
	base := entriesOf(t, acme())
	m := NewManifest("acme", base)
	lost := slices.DeleteFunc(slices.Clone(base), func(e Entry) bool { return e.Name == "frontline" })
	unread := acme()
	unread.Tiers[0].Spec.AgentSelector = selecting("not a label", "yes")
	selects := entriesOf(t, unread)
	for name, c := range map[string]struct {
		manifest Manifest
		entries  []Entry
		want     string
	}{
		"newer schema":     {Manifest{SchemaVersion: SchemaVersion + 1, HelpDesk: "acme"}, nil, "upgrade"},
		"entries missing":  {m, base[1:], "manifest lists"},
		"no owner":         {NewManifest("acme", lost), lost, "no Tier/frontline"},
		"no selector":      {NewManifest("acme", selects), selects, "Tier/frontline: spec.agentSelector: cannot be used"},
		"another desk":     {NewManifest("other", slices.Clone(base)), base, "plan of HelpDesk other"},
		"entry other than": {m, append(slices.Clone(base[1:]), Entry{Key: base[0].Key, Spec: []byte(`{}`)}), "not the one"},
	} {
		if _, err := Build(c.manifest, c.entries); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q", name, err, c.want)
		}
	}
}
