package plan

import (
	"slices"

	"github.com/caseload-dev/caseload/api/v1alpha1"
)

// namespace knows what is declared and which HelpDesk each object belongs to.
type namespace struct {
	desk string
	// desks are all there are.
	desks []string
	// of has the HelpDesk of each object by kind and name; "" for an object that, by its owners, hangs on nothing.
	of map[string]map[string]string
}

func newNamespace(o *Objects) namespace {
	n := namespace{desk: o.HelpDesk.Name, desks: slices.Clone(o.OtherHelpDesks), of: map[string]map[string]string{}}
	if n.desk != "" {
		n.desks = append(n.desks, n.desk)
	}
	slices.Sort(n.desks)
	for _, kind := range []string{KindHelpDesk, KindSupportTeam, KindTier, KindQueue, KindAgent, KindRoutingPolicy} {
		n.of[kind] = map[string]string{}
	}
	for _, desk := range n.desks {
		n.of[KindHelpDesk][desk] = desk
	}
	ofTeam := func(ref v1alpha1.SupportTeamReference) string { return n.of[KindSupportTeam][string(ref.Name)] }
	for _, t := range o.SupportTeams {
		n.of[KindSupportTeam][t.Name] = n.of[KindHelpDesk][string(t.Spec.HelpDeskRef.Name)]
	}
	for _, t := range o.Tiers {
		n.of[KindTier][t.Name] = ofTeam(t.Spec.TeamRef)
	}
	for _, q := range o.Queues {
		n.of[KindQueue][q.Name] = n.of[KindTier][string(q.Spec.TierRef.Name)]
	}
	for _, a := range o.Agents {
		n.of[KindAgent][a.Name] = ofTeam(a.Spec.TeamRef)
	}
	for _, p := range o.RoutingPolicies {
		n.of[KindRoutingPolicy][p.Name] = ofTeam(p.Spec.TeamRef)
	}
	return n
}

// claims says whether the HelpDesk answers for the object: it belongs to it, or it hangs on nothing and was in this plan
// before, or no HelpDesk comes before this one.
func (n namespace) claims(key Key, wasHere bool) bool {
	desk := n.of[key.Kind][key.Name]
	return desk == n.desk || desk == "" && (wasHere || n.desks[0] == n.desk)
}

// namesOf the kind's objects that this HelpDesk could refer to, sorted.
func (n namespace) namesOf(kind string) []string {
	var names []string
	for name, desk := range n.of[kind] {
		if desk == n.desk {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}
