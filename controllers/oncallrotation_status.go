package controllers

import (
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/events"

	"github.com/caseload-dev/caseload/api/v1alpha1"
	"github.com/caseload-dev/caseload/internal/oncall"
)

// setShifts says who is on call and who is next, and returns when that changes; zero: not in sight. While what the desk goes
// by is not known, what was said stays.
func setShifts(rotation *v1alpha1.OnCallRotation, o outcome, now time.Time) (handOff time.Time) {
	status := &rotation.Status
	if o.programmed == metav1.ConditionUnknown {
		return time.Time{}
	}
	status.Current, status.Next, status.FirstGap = nil, nil, nil
	if !o.kept {
		return time.Time{}
	}
	r := o.onCall.plan.Rotations[rotation.Name]
	for _, s := range r.Shifts(now, now.Add(1)) {
		status.Current = append(status.Current, shiftStatus(s))
	}
	if next, ok := r.Next(now); ok {
		shift := shiftStatus(next)
		status.Next = &shift
	}
	if gap, ok := r.FirstGap(now); ok {
		status.FirstGap = &v1alpha1.OnCallGap{StartTime: metav1.NewTime(gap.Start)}
		if !gap.End.IsZero() {
			status.FirstGap.EndTime = metav1.NewTime(gap.End)
		}
	}
	handOff, _ = r.HandOff(now)
	return handOff
}

func shiftStatus(s oncall.Shift) v1alpha1.OnCallShift {
	return v1alpha1.OnCallShift{Agent: s.Agent, Layer: s.Layer, Replaces: s.Replaces, StartTime: metav1.NewTime(s.Start), EndTime: metav1.NewTime(s.End)}
}

// tellGap records an event when a gap comes into sight, or another one.
func tellGap(recorder events.EventRecorder, before, after *v1alpha1.OnCallRotation) {
	was := meta.FindStatusCondition(before.Status.Conditions, v1alpha1.ConditionCoverageGap)
	now := meta.FindStatusCondition(after.Status.Conditions, v1alpha1.ConditionCoverageGap)
	if now != nil && (was == nil || was.Message != now.Message) {
		recorder.Eventf(after, nil, corev1.EventTypeWarning, now.Reason, "Check", "%s", now.Message)
	}
}
