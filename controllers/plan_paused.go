package controllers

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/caseload-dev/caseload/api/v1alpha1"
	"github.com/caseload-dev/caseload/internal/plan"
)

// pausedDesk is the HelpDesk's name while it is paused: nothing is pushed then, and its objects say so.
func pausedDesk(helpDesk *v1alpha1.HelpDesk) string {
	if !paused(helpDesk) {
		return ""
	}
	return helpDesk.Name
}

// holdPaused gives paused objects the content that the desk has of them, so that what people change meanwhile waits. One
// that the desk does not know yet is held back.
func holdPaused(objects *plan.Objects, active []plan.Entry) error {
	objects.Held = map[plan.Key]bool{}
	known := map[plan.Key]*plan.Entry{}
	for i := range active {
		known[active[i].Key] = &active[i]
	}
	return errors.Join(
		hold(objects.Held, known, plan.KindSupportTeam, objects.SupportTeams,
			func(o *v1alpha1.SupportTeam, spec v1alpha1.SupportTeamSpec) { o.Spec = spec }),
		hold(objects.Held, known, plan.KindTier, objects.Tiers,
			func(o *v1alpha1.Tier, spec v1alpha1.TierSpec) { o.Spec = spec }),
		hold(objects.Held, known, plan.KindQueue, objects.Queues,
			func(o *v1alpha1.Queue, spec v1alpha1.QueueSpec) { o.Spec = spec }),
		hold(objects.Held, known, plan.KindAgent, objects.Agents,
			func(o *v1alpha1.Agent, spec v1alpha1.AgentSpec) { o.Spec = spec }),
		hold(objects.Held, known, plan.KindRoutingPolicy, objects.RoutingPolicies,
			func(o *v1alpha1.RoutingPolicy, spec v1alpha1.RoutingPolicySpec) { o.Spec = spec }),
	)
}

// hold puts the desk's content in the place of that of the paused objects of a kind.
func hold[T, S any, P object[T]](held map[plan.Key]bool, known map[plan.Key]*plan.Entry, kind string, items []T, set func(*T, S)) error {
	for i := range items {
		item := P(&items[i])
		if !paused(item) {
			continue
		}
		key := plan.Key{Kind: kind, Name: item.GetName()}
		entry := known[key]
		if entry == nil {
			held[key] = true
			continue
		}
		var spec S
		if err := json.Unmarshal(entry.Spec, &spec); err != nil {
			return fmt.Errorf("read the desk's content of %s: %w", key, err)
		}
		set(&items[i], spec)
		item.SetLabels(entry.Labels)
	}
	return nil
}
