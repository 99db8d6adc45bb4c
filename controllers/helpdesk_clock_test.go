package controllers

import (
	"context"
	"reflect"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/caseload-dev/caseload/api/v1alpha1"
	"github.com/caseload-dev/caseload/internal/desk/api"
	"github.com/caseload-dev/caseload/internal/plan"
)

// toldPlan is a desk that tells its plan.
type toldPlan struct {
	api.Service
	plan api.Plan
}

func (t *toldPlan) Plan(context.Context, api.Call) (*api.Plan, error) {
	told := t.plan
	return &told, nil
}

// What the desk says of its clock is told by the HelpDesk until the clock has caught up, in the same words each time, and
// does not take Ready from it.
func TestHelpDeskTellsThatTheClockWasSetBack(t *testing.T) {
	key := plan.Key{Kind: plan.KindHelpDesk, Name: "acme"}
	helpDesk := &v1alpha1.HelpDesk{ObjectMeta: metav1.ObjectMeta{Name: "acme", Namespace: "support", Generation: 1}}
	compiled := &plan.Result{
		Manifest: plan.Manifest{Entries: []plan.EntryRef{{Key: key, Hash: "h"}}},
		Belongs:  map[plan.Key]bool{key: true}, Current: map[plan.Key]bool{key: true},
	}
	desk := &toldPlan{plan: api.Plan{Hash: "x", Manifest: compiled.Manifest}}
	now := time.Date(2026, 3, 29, 12, 0, 0, 0, time.UTC)
	serves := deskChildren{set: &appsv1.StatefulSet{Status: appsv1.StatefulSetStatus{ReadyReplicas: 1}}}
	var active activePlan
	look := func() *metav1.Condition {
		t.Helper()
		var err error
		now = now.Add(askAgain)
		if active, err = readActive(t.Context(), desk, active, now); err != nil {
			t.Fatal(err)
		}
		o := planOutcomes(map[plan.Key]metav1.Object{key: helpDesk}, compiled, active, "", nil)[key]
		helpDesk.Status = helpDeskStatus(helpDesk, o, serves, nil, nil)
		return meta.FindStatusCondition(helpDesk.Status.Conditions, v1alpha1.ConditionClockStepped)
	}
	if c := look(); c != nil {
		t.Errorf("the clock goes, and yet: %+v", c)
	}

	desk.plan.ClockStandsAt = time.Date(2026, 3, 29, 14, 0, 0, 123e6, time.UTC)
	c := look()
	if c == nil || c.Status != metav1.ConditionTrue || !strings.Contains(c.Message, "until it reaches 2026-03-29T14:00:00Z") {
		t.Fatalf("got %+v", c)
	}
	if ready := meta.FindStatusCondition(helpDesk.Status.Conditions, v1alpha1.ConditionReady); ready.Status != metav1.ConditionTrue || ready.Message != c.Message {
		t.Errorf("got %+v", ready)
	}
	told := helpDesk.Status.DeepCopy()
	if look(); !reflect.DeepEqual(told, &helpDesk.Status) {
		t.Errorf("the same clock is told otherwise: %+v, then %+v", told, helpDesk.Status)
	}
	desk.plan.ClockStandsAt = time.Time{}
	if c := look(); c != nil {
		t.Errorf("the clock has caught up, and yet: %+v", c)
	}
}
