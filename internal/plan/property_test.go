package plan

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"pgregory.net/rapid"

	"github.com/caseload-dev/caseload/api/v1alpha1"
)

// name draws one of few names, so that references often meet, and now and then miss.
func name(t *rapid.T, prefix string) v1alpha1.ObjectName {
	return v1alpha1.ObjectName(fmt.Sprintf("%s%d", prefix, rapid.IntRange(0, 4).Draw(t, prefix)))
}

func maybe(t *rapid.T) bool { return rapid.IntRange(0, 2).Draw(t, "maybe") == 0 }

func meta(t *rapid.T, name string) metav1.ObjectMeta {
	m := metav1.ObjectMeta{Name: name, CreationTimestamp: metav1.NewTime(time.Unix(int64(rapid.IntRange(1, 3).Draw(t, "created")), 0))}
	m.Labels = map[string]string{"line": fmt.Sprint(rapid.IntRange(1, 3).Draw(t, "line"))}
	return m
}

func someSelector(t *rapid.T) *metav1.LabelSelector {
	switch rapid.IntRange(0, 7).Draw(t, "selector") {
	case 0:
		return &metav1.LabelSelector{}
	case 1:
		return &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "line", Operator: "Nonsense"}}}
	case 2:
		return &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "line", Operator: "NotIn", Values: []string{"1"}}}}
	}
	return selecting("line", fmt.Sprint(rapid.IntRange(1, 3).Draw(t, "line")))
}

// someObjects draws a namespace of two HelpDesks, with every kind of mistake.
func someObjects(t *rapid.T) organisation {
	o := organisation{Objects: Objects{HelpDesk: helpDesk("d0", string(name(t, "team"))), OtherHelpDesks: []string{"d1"}}}
	each := func(prefix string, add func(metav1.ObjectMeta)) {
		for i := range 4 {
			if !maybe(t) {
				add(meta(t, fmt.Sprintf("%s%d", prefix, i)))
			}
		}
	}
	each("team", func(m metav1.ObjectMeta) {
		x := v1alpha1.SupportTeam{ObjectMeta: m}
		x.Spec.HelpDeskRef.Name = v1alpha1.ObjectName(rapid.SampledFrom([]string{"d0", "d0", "d0", "d1", "d2"}).Draw(t, "desk"))
		if maybe(t) {
			x.Spec.ParentTeamRef = teamRef(string(name(t, "team")))
		}
		if maybe(t) {
			x.Spec.LeadRef = agentRef(string(name(t, "agent")))
		}
		if maybe(t) {
			x.Spec.DefaultQueueRef = queueRef(string(name(t, "queue")))
		}
		o.SupportTeams = append(o.SupportTeams, x)
	})
	each("tier", func(m metav1.ObjectMeta) {
		x := v1alpha1.Tier{ObjectMeta: m}
		x.Spec.TeamRef.Name, x.Spec.Level, x.Spec.AgentSelector = name(t, "team"), 1, someSelector(t)
		if maybe(t) {
			x.Spec.DefaultQueueRef = queueRef(string(name(t, "queue")))
		}
		o.Tiers = append(o.Tiers, x)
	})
	each("queue", func(m metav1.ObjectMeta) {
		x := v1alpha1.Queue{ObjectMeta: m}
		x.Spec.TierRef.Name = name(t, "tier")
		if maybe(t) {
			x.Spec.AgentSelector = someSelector(t)
		}
		if maybe(t) {
			x.Spec.Requirements.Skills = []v1alpha1.SkillRequirement{{Name: "s", MinLevel: int32(rapid.IntRange(1, 6).Draw(t, "min"))}}
		}
		if maybe(t) {
			x.Spec.Overflow = overflowTo(string(name(t, "queue")))
		}
		if maybe(t) {
			x.Spec.Relaxation = relaxing("10m", int32(rapid.IntRange(1, 6).Draw(t, "relaxed")))
		}
		o.Queues = append(o.Queues, x)
	})
	each("agent", func(m metav1.ObjectMeta) {
		x := v1alpha1.Agent{ObjectMeta: m}
		x.Spec.TeamRef.Name = name(t, "team")
		if maybe(t) {
			x.Spec.ManagerRef = agentRef(string(name(t, "agent")))
		}
		if maybe(t) {
			x.Spec.Subject = &v1alpha1.Subject{Kind: "User", Name: string(name(t, "user"))}
		}
		if maybe(t) {
			x.Spec.Assignments = []v1alpha1.Assignment{{QueueRef: *queueRef(string(name(t, "queue")))}}
		}
		if maybe(t) {
			x.Spec.Skills = []v1alpha1.AgentSkill{{Name: "s", Level: int32(rapid.IntRange(1, 5).Draw(t, "level"))}}
		}
		o.Agents = append(o.Agents, x)
	})
	each("policy", func(m metav1.ObjectMeta) {
		x := v1alpha1.RoutingPolicy{ObjectMeta: m}
		x.Spec.TeamRef.Name = name(t, "team")
		for i := range rapid.IntRange(0, 2).Draw(t, "rules") {
			r := v1alpha1.RoutingRule{Name: fmt.Sprint("r", i)}
			if maybe(t) {
				r.QueueRef = queueRef(string(name(t, "queue")))
			} else {
				r.TeamRef = teamRef(string(name(t, "team")))
			}
			if maybe(t) {
				r.When = rapid.SampledFrom([]string{"true", "ticket.nonsense", `ticket.channel == "Chat"`}).Draw(t, "when")
			}
			x.Spec.Rules = append(x.Spec.Rules, r)
		}
		o.RoutingPolicies = append(o.RoutingPolicies, x)
	})
	return o
}

func keys(entries []Entry) map[Key]Entry {
	m := map[Key]Entry{}
	for _, e := range entries {
		m[e.Key] = e
	}
	return m
}

func shuffled[T any](r *rand.Rand, in []T) []T {
	out := slices.Clone(in)
	r.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	return out
}

// A life of three declarations, each compiled on top of the plan before.
func TestCompileProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var previous []Entry
		for range 3 {
			o := someObjects(t).declared()
			r := Compile(o, previous)

			rnd := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "shuffle"), 0))
			o.Declared = shuffled(rnd, o.Declared)
			if again := Compile(o, shuffled(rnd, previous)); !reflect.DeepEqual(r, again) {
				t.Fatalf("the order of the input matters:\n%+v\n%+v", r, again)
			}
			if again := Compile(o, r.Entries); !reflect.DeepEqual(r, again) {
				t.Fatalf("compiling again changes the result:\n%+v\n%+v", r, again)
			}

			p, err := Build(r.Manifest, r.Entries)
			if err != nil {
				t.Fatalf("what Compile returns must build: %v", err)
			}
			checkAccepted(t, r, keys(previous))
			checkPools(t, p)
			checkConsistent(t, r)
			previous = r.Entries
		}
	})
}

// checkAccepted: what has no problem is in the plan as declared; what was accepted stays while its owner does.
func checkAccepted(t *rapid.T, r Result, before map[Key]Entry) {
	now, troubled := keys(r.Entries), map[Key]bool{}
	for _, p := range r.Problems {
		if !r.Belongs[p.Object] {
			t.Fatalf("a problem of %s, which belongs elsewhere", p.Object)
		}
		troubled[p.Object] = troubled[p.Object] || !p.Warning
	}
	for key := range r.Belongs {
		_, in := now[key]
		old, was := before[key]
		if !troubled[key] && (!in || !r.Current[key]) {
			t.Fatalf("%s has no problem and is not in the plan", key)
		}
		if troubled[key] && in && (!was || !reflect.DeepEqual(now[key], old)) {
			t.Fatalf("%s has a problem and is in the plan with content never accepted", key)
		}
		if troubled[key] && was && !in {
			object, _ := old.Object()
			if owner := linksOf(object).owner; owner == (Key{}) || now[owner].Name != "" {
				t.Fatalf("%s was accepted, its owner %s is there, and a problem removed it", key, owner)
			}
		}
	}
	for key := range now {
		if !r.Belongs[key] {
			t.Fatalf("%s is in the plan and not declared", key)
		}
	}
}

// checkPools: every queue that somebody can serve is in one pool, and two queues of different pools share nobody.
func checkPools(t *rapid.T, p *Plan) {
	for _, a := range p.Queues {
		if (a.Pool == "") != (len(a.Agents) == 0) {
			t.Fatalf("queue %s has %d agents and pool %q", a.Name, len(a.Agents), a.Pool)
		}
		pools := 0
		for _, pool := range p.Pools {
			if slices.Contains(pool.Queues, a.Name) {
				pools++
				if pool.Name != a.Pool || !slices.Contains(pool.Tiers, a.Tier) {
					t.Fatalf("queue %+v is in pool %+v", a, pool)
				}
			}
		}
		if a.Pool != "" && pools != 1 {
			t.Fatalf("queue %s is in %d pools", a.Name, pools)
		}
		for _, b := range p.Queues {
			for _, agent := range a.Agents {
				if a.Pool != b.Pool && slices.Contains(b.Agents, agent) {
					t.Fatalf("%s serves %s and %s, which are in different pools", agent, a.Name, b.Name)
				}
			}
		}
	}
}

// checkConsistent: in a plan nobody is above themselves, and no claim is made twice.
func checkConsistent(t *rapid.T, r Result) {
	claimed := map[string]Key{}
	above := map[Key]string{}
	handsTo := map[string][]string{}
	for _, e := range r.Entries {
		object, err := e.Object()
		if err != nil {
			t.Fatal(err)
		}
		l := linksOf(object)
		if l.claim != "" {
			if other, ok := claimed[e.Kind+l.claim]; ok {
				t.Fatalf("%s and %s both claim %s", other, e.Key, l.claim)
			}
			claimed[e.Kind+l.claim] = e.Key
		}
		above[e.Key] = l.above
		if e.Kind == KindRoutingPolicy {
			handsTo[l.claim] = l.handsTo
		}
	}
	for key := range above {
		for at, steps := above[key], 0; at != ""; at = above[Key{key.Kind, at}] {
			if steps++; steps > len(above) {
				t.Fatalf("%s is in a circle or below one", key)
			}
		}
	}
	for start := range handsTo {
		reached, frontier := map[string]bool{}, handsTo[start]
		for len(frontier) > 0 {
			team := frontier[0]
			frontier = frontier[1:]
			if team == start {
				t.Fatalf("tickets of team %s go round in a circle", start)
			}
			if !reached[team] {
				reached[team] = true
				frontier = append(frontier, handsTo[team]...)
			}
		}
	}
}
