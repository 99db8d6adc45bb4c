package plan

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// all objects, as pointers into the slices. A HelpDesk without a name is none.
func (o *Objects) all() []metav1.Object {
	var all []metav1.Object
	if o.HelpDesk.Name != "" {
		all = append(all, &o.HelpDesk)
	}
	for i := range o.SupportTeams {
		all = append(all, &o.SupportTeams[i])
	}
	for i := range o.Tiers {
		all = append(all, &o.Tiers[i])
	}
	for i := range o.Queues {
		all = append(all, &o.Queues[i])
	}
	for i := range o.Agents {
		all = append(all, &o.Agents[i])
	}
	for i := range o.RoutingPolicies {
		all = append(all, &o.RoutingPolicies[i])
	}
	return all
}
