package controllers

import (
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/caseload-dev/caseload/api/v1alpha1"
	"github.com/caseload-dev/caseload/internal/plan"
)

// unowned finds the objects that reach no HelpDesk by their references, and says at which object the way breaks off.
func unowned(d *declared) map[plan.Key]plan.Problem {
	u := upward{problems: map[plan.Key]plan.Problem{}, found: map[plan.Key]bool{}}
	for i := range d.helpDesks {
		u.found[plan.Key{Kind: plan.KindHelpDesk, Name: d.helpDesks[i].Name}] = true
	}
	for i := range d.objects.SupportTeams {
		o := &d.objects.SupportTeams[i]
		u.link(plan.KindSupportTeam, o.Name, "spec.helpDeskRef", plan.KindHelpDesk, o.Spec.HelpDeskRef.Name)
	}
	for i := range d.objects.Tiers {
		o := &d.objects.Tiers[i]
		u.link(plan.KindTier, o.Name, "spec.teamRef", plan.KindSupportTeam, o.Spec.TeamRef.Name)
	}
	for i := range d.objects.Queues {
		o := &d.objects.Queues[i]
		u.link(plan.KindQueue, o.Name, "spec.tierRef", plan.KindTier, o.Spec.TierRef.Name)
	}
	for i := range d.objects.Agents {
		o := &d.objects.Agents[i]
		u.link(plan.KindAgent, o.Name, "spec.teamRef", plan.KindSupportTeam, o.Spec.TeamRef.Name)
	}
	for i := range d.objects.RoutingPolicies {
		o := &d.objects.RoutingPolicies[i]
		u.link(plan.KindRoutingPolicy, o.Name, "spec.teamRef", plan.KindSupportTeam, o.Spec.TeamRef.Name)
	}
	return u.problems
}

// upward follows references, owners first.
type upward struct {
	found    map[plan.Key]bool
	problems map[plan.Key]plan.Problem
}

func (u *upward) link(kind, name, field, ownerKind string, owner v1alpha1.ObjectName) {
	key, ownerKey := plan.Key{Kind: kind, Name: name}, plan.Key{Kind: ownerKind, Name: string(owner)}
	u.found[key] = true
	problem := plan.Problem{Object: key, Field: field + ".name", Reason: v1alpha1.ReasonRefNotFound}
	broken, isBroken := u.problems[ownerKey]
	switch {
	case !u.found[ownerKey]:
		problem.Message = fmt.Sprintf("%s %q does not exist: create it or correct the name", ownerKind, owner)
	case isBroken:
		problem.Message = fmt.Sprintf("%s %q belongs to no HelpDesk (its %s: %s)", ownerKind, owner, broken.Field, broken.Message)
	default:
		return
	}
	u.problems[key] = problem
}

// unownedOutcomes are the outcomes of the objects that no HelpDesk speaks for.
func unownedOutcomes(d *declared, owned map[plan.Key]bool) map[plan.Key]outcome {
	found := map[plan.Key]outcome{}
	meta := d.meta()
	for key, problem := range unowned(d) {
		if owned[key] {
			continue
		}
		found[key] = outcome{
			uid:        meta[key].GetUID(),
			generation: meta[key].GetGeneration(),
			problems:   []plan.Problem{problem},
			programmed: metav1.ConditionFalse,
		}
	}
	return found
}
