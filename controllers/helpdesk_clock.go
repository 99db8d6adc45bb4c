package controllers

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/caseload-dev/caseload/api/v1alpha1"
)

// clockStepped says that desk time stands still, if it does. That does not count towards Ready, which tells it: the desk
// goes on, only nothing falls due. The message names no duration, which would change with each look.
func clockStepped(o outcome) []metav1.Condition {
	if o.clockStandsAt.IsZero() {
		return nil
	}
	return []metav1.Condition{condition(v1alpha1.ConditionClockStepped, metav1.ConditionTrue, v1alpha1.ReasonClockBehind,
		"the clock of the desk's machine was set back: no offer ends and no timer fires until it reaches "+
			o.clockStandsAt.UTC().Format(time.RFC3339)+"; see to the time of the node that the desk's pod is on")}
}
