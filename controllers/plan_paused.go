package controllers

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/caseload-dev/caseload/api/v1alpha1"
	"github.com/caseload-dev/caseload/internal/plan"
)

// holdPaused gives paused objects the content that the desk has of them, so that what people change meanwhile waits. One
// that the desk does not know yet stays unknown to it.
func holdPaused(objects *plan.Objects, active []plan.Entry) error {
	known := map[plan.Key]*plan.Entry{}
	for i := range active {
		known[active[i].Key] = &active[i]
	}
	return errors.Join(
		hold(known, plan.KindSupportTeam, &objects.SupportTeams,
			func(o *v1alpha1.SupportTeam, spec v1alpha1.SupportTeamSpec) { o.Spec = spec }),
		hold(known, plan.KindTier, &objects.Tiers,
			func(o *v1alpha1.Tier, spec v1alpha1.TierSpec) { o.Spec = spec }),
		hold(known, plan.KindQueue, &objects.Queues,
			func(o *v1alpha1.Queue, spec v1alpha1.QueueSpec) { o.Spec = spec }),
		hold(known, plan.KindAgent, &objects.Agents,
			func(o *v1alpha1.Agent, spec v1alpha1.AgentSpec) { o.Spec = spec }),
		hold(known, plan.KindRoutingPolicy, &objects.RoutingPolicies,
			func(o *v1alpha1.RoutingPolicy, spec v1alpha1.RoutingPolicySpec) { o.Spec = spec }),
	)
}

// hold puts a new list in the place of one that has a paused object.
func hold[T, S any, P object[T]](known map[plan.Key]*plan.Entry, kind string, items *[]T, set func(*T, S)) error {
	held := make([]T, 0, len(*items))
	for _, item := range *items {
		if !paused(P(&item)) {
			held = append(held, item)
			continue
		}
		entry := known[plan.Key{Kind: kind, Name: P(&item).GetName()}]
		if entry == nil {
			continue
		}
		var spec S
		if err := json.Unmarshal(entry.Spec, &spec); err != nil {
			return fmt.Errorf("read the desk's content of %s: %w", entry.Key, err)
		}
		set(&item, spec)
		P(&item).SetLabels(entry.Labels)
		held = append(held, item)
	}
	*items = held
	return nil
}
