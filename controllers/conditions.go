package controllers

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/caseload-dev/caseload/api/v1alpha1"
	"github.com/caseload-dev/caseload/internal/plan"
)

// shownProblems is how many problems a message tells in full.
const shownProblems = 3

// accepted says whether the object's own content is valid, and what of it is probably not meant.
func accepted(problems []plan.Problem) metav1.Condition {
	own := slices.DeleteFunc(slices.Clone(problems), func(p plan.Problem) bool {
		return aboutReferences(p) || aboutStaff(p) || aboutOwner(p) || aboutCoverage(p) || aboutStructure(p)
	})
	wrong := slices.DeleteFunc(slices.Clone(own), func(p plan.Problem) bool { return p.Warning })
	if len(wrong) > 0 {
		return condition(v1alpha1.ConditionAccepted, metav1.ConditionFalse, wrong[0].Reason, tell(wrong))
	}
	return condition(v1alpha1.ConditionAccepted, metav1.ConditionTrue, v1alpha1.ReasonAccepted, tell(own))
}

// resolvedRefs says whether everything that the object names exists.
func resolvedRefs(problems []plan.Problem) metav1.Condition {
	dangling := slices.DeleteFunc(slices.Clone(problems), func(p plan.Problem) bool { return !aboutReferences(p) })
	if len(dangling) > 0 {
		return condition(v1alpha1.ConditionResolvedRefs, metav1.ConditionFalse, dangling[0].Reason, tell(dangling))
	}
	return condition(v1alpha1.ConditionResolvedRefs, metav1.ConditionTrue, v1alpha1.ReasonResolvedRefs, "")
}

// programmed says whether the desk's active Plan has the object's content. While that is not known, what was said of the
// same generation stays.
func programmed(o outcome, was []metav1.Condition) metav1.Condition {
	const conditionType = v1alpha1.ConditionProgrammed
	if o.programmed == metav1.ConditionUnknown {
		return lastProgrammed(o, meta.FindStatusCondition(was, conditionType))
	}
	switch {
	case o.programmed == metav1.ConditionTrue:
		return condition(conditionType, metav1.ConditionTrue, v1alpha1.ReasonProgrammed, aboutPausedDesk(o))
	case slices.ContainsFunc(o.problems, aboutOwner):
		i := slices.IndexFunc(o.problems, aboutOwner)
		return condition(conditionType, metav1.ConditionFalse, v1alpha1.ReasonNotAccepted, tell(o.problems[i:i+1]))
	case blocked(o) && o.kept:
		return condition(conditionType, metav1.ConditionFalse, v1alpha1.ReasonNotAccepted,
			"the desk goes on with the last accepted content of this object")
	case blocked(o):
		return condition(conditionType, metav1.ConditionFalse, v1alpha1.ReasonNotAccepted,
			"the desk does not know this object: it has not been without a problem yet")
	default:
		return pending(o)
	}
}

// pending says what keeps content without a problem from the desk.
func pending(o outcome) metav1.Condition {
	reason, message := v1alpha1.ReasonPending, "waits to be taken over by the desk"
	switch {
	case o.pausedDesk != "":
		reason, message = v1alpha1.ReasonHelpDeskPaused, aboutPausedDesk(o)
	case o.refusal != "":
		message = "the desk refused the plan: " + o.refusal
	case o.unreachable != "":
		message = "waits until the desk can be reached, which is tried again by itself: " + o.unreachable
	}
	return condition(v1alpha1.ConditionProgrammed, metav1.ConditionFalse, reason, message)
}

// lastProgrammed says what an earlier manager left word of, for an object whose desk was not reached since this one started.
func lastProgrammed(o outcome, old *metav1.Condition) metav1.Condition {
	said := old != nil && old.ObservedGeneration == o.generation
	now := pending(o)
	switch {
	case said && old.Status == metav1.ConditionTrue:
		return condition(old.Type, old.Status, v1alpha1.ReasonProgrammed, aboutPausedDesk(o))
	case said && old.Reason == v1alpha1.ReasonNotAccepted && blocked(o), said && strings.HasPrefix(old.Message, now.Message):
		return condition(old.Type, old.Status, old.Reason, old.Message)
	case old != nil && old.Status == metav1.ConditionTrue:
		now.Message += fmt.Sprintf("; generation %d of this object was programmed last", old.ObservedGeneration)
	default:
		now.Message += "; what the desk has of this object is not known until then"
	}
	if blocked(o) {
		now.Reason = v1alpha1.ReasonNotAccepted
	}
	return now
}

// blocked says that a problem keeps the declared content out of the Plan.
func blocked(o outcome) bool {
	return slices.ContainsFunc(o.problems, func(p plan.Problem) bool { return !p.Warning })
}

// aboutPausedDesk says that the object's HelpDesk is paused, if it is.
func aboutPausedDesk(o outcome) string {
	if o.pausedDesk == "" {
		return ""
	}
	return fmt.Sprintf("HelpDesk/%s is paused, so its desk hears of no change: remove the annotation %s from the HelpDesk to go on",
		o.pausedDesk, v1alpha1.PausedAnnotation)
}

// staffed says whether somebody can serve a Tier or Queue.
func staffed(o outcome) metav1.Condition {
	missing := slices.DeleteFunc(slices.Clone(o.problems), func(p plan.Problem) bool { return !aboutStaff(p) })
	switch {
	case len(missing) > 0:
		return condition(v1alpha1.ConditionStaffed, metav1.ConditionFalse, missing[0].Reason, tell(missing))
	case o.agents == 0:
		return condition(v1alpha1.ConditionStaffed, metav1.ConditionFalse, v1alpha1.ReasonNoAgents,
			"no agent is selected: give agents the labels that spec.agentSelector asks for")
	default:
		return condition(v1alpha1.ConditionStaffed, metav1.ConditionTrue, v1alpha1.ReasonStaffed, "")
	}
}

// available says whether a workload serves.
func available(serves bool, reason, message string) metav1.Condition {
	status := metav1.ConditionFalse
	if serves {
		status = metav1.ConditionTrue
	}
	return condition(v1alpha1.ConditionAvailable, status, reason, message)
}

// ready sums up: the first of the conditions that is not True decides. Staffed does not count, and is told, as is what the
// others that are True have to tell.
func ready(conditions []metav1.Condition) metav1.Condition {
	note := ""
	for _, c := range conditions {
		switch {
		case c.Status == metav1.ConditionTrue || c.Type == v1alpha1.ConditionStaffed:
			if note == "" {
				note = c.Message
			}
		default:
			message := c.Message
			if message == "" {
				message = c.Type + " is " + string(c.Status)
			}
			return condition(v1alpha1.ConditionReady, metav1.ConditionFalse, c.Reason, message)
		}
	}
	return condition(v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonReady, note)
}

// progress is Reconciling or Stalled, or neither when the object is as declared. An object stalls when only a change of
// its spec can help; whatever waits for something else goes on by itself.
func progress(conditions []metav1.Condition) []metav1.Condition {
	for _, c := range conditions {
		stalls := c.Type == v1alpha1.ConditionAccepted || c.Reason == v1alpha1.ReasonDifferentHelpDesk
		if c.Status == metav1.ConditionFalse && stalls {
			return []metav1.Condition{condition(v1alpha1.ConditionStalled, metav1.ConditionTrue, c.Reason, c.Message)}
		}
	}
	for _, c := range conditions {
		unfinished := c.Status != metav1.ConditionTrue && c.Type != v1alpha1.ConditionStaffed
		if unfinished || c.Reason == v1alpha1.ReasonRollingOut || c.Reason == v1alpha1.ReasonWorkloadFailing {
			return []metav1.Condition{condition(v1alpha1.ConditionReconciling, metav1.ConditionTrue, c.Reason, c.Message)}
		}
	}
	return nil
}

// pausedCondition is all that is said of a paused object: what else was said stays.
func pausedCondition() metav1.Condition {
	return condition(v1alpha1.ConditionReady, metav1.ConditionUnknown, v1alpha1.ReasonPaused,
		"paused: remove the annotation "+v1alpha1.PausedAnnotation+" to go on")
}

// report completes the conditions with Ready and the progress, and replaces those of the status. Those that stay the same
// keep their time.
func report(status *v1alpha1.Status, generation int64, conditions []metav1.Condition) {
	conditions = append(slices.Clone(conditions), ready(conditions))
	conditions = append(conditions, progress(conditions)...)
	status.ObservedGeneration = generation
	status.Conditions = slices.DeleteFunc(status.Conditions, func(old metav1.Condition) bool {
		return meta.FindStatusCondition(conditions, old.Type) == nil
	})
	for _, c := range conditions {
		c.ObservedGeneration = generation
		meta.SetStatusCondition(&status.Conditions, c)
	}
}

// reportPaused says that nothing is done for the object.
func reportPaused(status *v1alpha1.Status, generation int64) {
	c := pausedCondition()
	c.ObservedGeneration = generation
	meta.SetStatusCondition(&status.Conditions, c)
	meta.RemoveStatusCondition(&status.Conditions, v1alpha1.ConditionReconciling)
	meta.RemoveStatusCondition(&status.Conditions, v1alpha1.ConditionStalled)
}

func condition(conditionType string, status metav1.ConditionStatus, reason, message string) metav1.Condition {
	return metav1.Condition{Type: conditionType, Status: status, Reason: reason, Message: message}
}

// aboutReferences says that the problem is one of ResolvedRefs.
func aboutReferences(p plan.Problem) bool {
	return p.Reason == v1alpha1.ReasonRefNotFound || p.Reason == v1alpha1.ReasonDifferentHelpDesk
}

// aboutStaff says that the problem is one of Staffed.
func aboutStaff(p plan.Problem) bool {
	return p.Reason == v1alpha1.ReasonNoAgents || p.Reason == v1alpha1.ReasonNobodyQualified
}

// aboutCoverage says that the problem is one of CoverageGap.
func aboutCoverage(p plan.Problem) bool { return p.Reason == v1alpha1.ReasonCoverageGap }

// aboutStructure says that the problem is one of StructureMismatch.
func aboutStructure(p plan.Problem) bool { return p.Reason == v1alpha1.ReasonStructureMismatch }

// presentWhile is a condition that is there, and True, while some of the problems are about it.
func presentWhile(about func(plan.Problem) bool, conditionType string, problems []plan.Problem) []metav1.Condition {
	own := slices.DeleteFunc(slices.Clone(problems), func(p plan.Problem) bool { return !about(p) })
	if len(own) == 0 {
		return nil
	}
	return []metav1.Condition{condition(conditionType, metav1.ConditionTrue, own[0].Reason, tell(own))}
}

// aboutOwner says that the problem is one of the object that this one belongs to.
func aboutOwner(p plan.Problem) bool { return p.Reason == v1alpha1.ReasonNotAccepted && !p.Warning }

// tell the problems, the first few in full.
func tell(problems []plan.Problem) string {
	var told []string
	for _, p := range problems[:min(len(problems), shownProblems)] {
		if p.Field == "" || strings.HasPrefix(p.Message, p.Field) {
			told = append(told, p.Message)
		} else {
			told = append(told, p.Field+": "+p.Message)
		}
	}
	if more := len(problems) - shownProblems; more > 0 {
		told = append(told, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(told, "; ")
}
