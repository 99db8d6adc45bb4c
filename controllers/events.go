package controllers

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/events"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/caseload-dev/caseload/api/v1alpha1"
)

// tellChange records an event when an object stops or starts to be as declared, or when the reason why it is not changes.
// What only waits is no event, nor is that a new object became ready.
func tellChange(recorder events.EventRecorder, before, after client.Object) {
	was := problemOf(before)
	now := problemOf(after)
	switch {
	case now != nil && (was == nil || was.Reason != now.Reason || was.Message != now.Message):
		recorder.Eventf(after, nil, corev1.EventTypeWarning, now.Reason, "Check", "%s", now.Message)
	case now == nil && was != nil:
		recorder.Eventf(after, nil, corev1.EventTypeNormal, v1alpha1.ReasonReady, "Check", "no longer so: %s", was.Message)
	}
}

// problemOf is the condition that says what people must see to, if any.
func problemOf(object client.Object) *metav1.Condition {
	conditions := statusOf(object).Conditions
	for _, conditionType := range []string{v1alpha1.ConditionAccepted, v1alpha1.ConditionResolvedRefs, v1alpha1.ConditionAvailable} {
		c := meta.FindStatusCondition(conditions, conditionType)
		if c != nil && c.Status == metav1.ConditionFalse && c.Reason != v1alpha1.ReasonRollingOut {
			return c
		}
	}
	return nil
}
