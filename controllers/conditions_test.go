package controllers

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	utilerrors "k8s.io/apimachinery/pkg/util/errors"

	"github.com/caseload-dev/caseload/api/v1alpha1"
	"github.com/caseload-dev/caseload/internal/plan"
)

func problem(reason, field, message string, warning bool) plan.Problem {
	return plan.Problem{Field: field, Reason: reason, Message: message, Warning: warning}
}

// reported is the status of a queue for an outcome.
func reported(o outcome, was ...metav1.Condition) v1alpha1.Status {
	status := v1alpha1.Status{Conditions: was}
	report(&status, o.generation, declarationConditions(plan.KindQueue, o, was))
	return status
}

func TestConditionsOfAnOutcome(t *testing.T) {
	taken := outcome{generation: 2, programmed: metav1.ConditionTrue, kept: true, agents: 3}
	for name, test := range map[string]struct {
		edit func(*outcome)
		want string // TYPE=STATUS REASON of the conditions besides those that are True and say nothing
	}{
		"all well": {func(*outcome) {}, ""},
		"wrong content that was never right": {
			func(o *outcome) {
				o.problems = []plan.Problem{problem(v1alpha1.ReasonInvalid, "spec.x", "no", false)}
				o.programmed, o.kept = metav1.ConditionFalse, false
			},
			"Accepted=False Invalid: spec.x: no | Programmed=False NotAccepted: the desk does not know this object: it has not been without a problem yet" +
				" | Ready=False Invalid: spec.x: no | Stalled=True Invalid: spec.x: no",
		},
		"a reference to nothing waits": {
			func(o *outcome) {
				o.problems = []plan.Problem{problem(v1alpha1.ReasonRefNotFound, "spec.tierRef.name", "gone", false)}
				o.programmed = metav1.ConditionFalse
			},
			"ResolvedRefs=False RefNotFound: spec.tierRef.name: gone" +
				" | Programmed=False NotAccepted: the desk goes on with the last accepted content of this object" +
				" | Ready=False RefNotFound: spec.tierRef.name: gone | Reconciling=True RefNotFound: spec.tierRef.name: gone",
		},
		"in force, and what it names has gone since": {
			func(o *outcome) {
				o.problems = []plan.Problem{problem(v1alpha1.ReasonRefNotFound, "spec.tierRef.name", "gone", false)}
			},
			"ResolvedRefs=False RefNotFound: spec.tierRef.name: gone | Ready=False RefNotFound: spec.tierRef.name: gone" +
				" | Reconciling=True RefNotFound: spec.tierRef.name: gone",
		},
		"a reference into another HelpDesk does not heal by itself": {
			func(o *outcome) {
				o.problems = []plan.Problem{problem(v1alpha1.ReasonDifferentHelpDesk, "spec.tierRef.name", "theirs", false)}
			},
			"ResolvedRefs=False DifferentHelpDesk: spec.tierRef.name: theirs | Ready=False DifferentHelpDesk: spec.tierRef.name: theirs" +
				" | Stalled=True DifferentHelpDesk: spec.tierRef.name: theirs",
		},
		"nobody to serve counts not towards Ready": {
			func(o *outcome) {
				o.agents = 0
				o.problems = []plan.Problem{problem(v1alpha1.ReasonNobodyQualified, "spec.requirements", "hire", true)}
			},
			"Staffed=False NobodyQualified: spec.requirements: hire | Ready=True Ready: spec.requirements: hire",
		},
		"a warning is told": {
			func(o *outcome) { o.problems = []plan.Problem{problem(v1alpha1.ReasonInvalid, "spec.x", "odd", true)} },
			"Accepted=True Accepted: spec.x: odd | Ready=True Ready: spec.x: odd",
		},
		"refused by the desk": {
			func(o *outcome) { o.programmed, o.refusal = metav1.ConditionFalse, "too new" },
			"Programmed=False Pending: the desk refused the plan: too new | Ready=False Pending: the desk refused the plan: too new" +
				" | Reconciling=True Pending: the desk refused the plan: too new",
		},
	} {
		t.Run(name, func(t *testing.T) {
			o := taken
			test.edit(&o)
			status := reported(o)
			var told []string
			for _, c := range status.Conditions {
				if c.ObservedGeneration != 2 {
					t.Errorf("%s speaks of generation %d", c.Type, c.ObservedGeneration)
				}
				if c.Status != metav1.ConditionTrue || c.Message != "" {
					told = append(told, fmt.Sprintf("%s=%s %s: %s", c.Type, c.Status, c.Reason, c.Message))
				}
			}
			if got := strings.Join(told, " | "); got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
}

func TestProgrammedWhileTheDeskIsUnknown(t *testing.T) {
	was := func(status metav1.ConditionStatus, generation int64, reason, message string) []metav1.Condition {
		return []metav1.Condition{{
			Type: v1alpha1.ConditionProgrammed, Status: status, Reason: reason, Message: message, ObservedGeneration: generation,
		}}
	}
	const away = "waits until the desk can be reached, which is tried again by itself: no route"
	wrong := []plan.Problem{problem(v1alpha1.ReasonInvalid, "spec.x", "no", false)}
	for name, test := range map[string]struct {
		was      []metav1.Condition
		problems []plan.Problem
		want     string
	}{
		"the same generation stays programmed":    {was(metav1.ConditionTrue, 3, v1alpha1.ReasonProgrammed, ""), nil, "True Programmed "},
		"also with what is wrong only since":      {was(metav1.ConditionTrue, 3, v1alpha1.ReasonProgrammed, ""), wrong, "True Programmed "},
		"a new generation":                        {was(metav1.ConditionTrue, 2, v1alpha1.ReasonProgrammed, ""), nil, "False Pending " + away + "; generation 2 of this object was programmed last"},
		"a new generation with a problem":         {was(metav1.ConditionTrue, 2, v1alpha1.ReasonProgrammed, ""), wrong, "False NotAccepted " + away + "; generation 2 of this object was programmed last"},
		"what was wrong stays so":                 {was(metav1.ConditionFalse, 3, v1alpha1.ReasonNotAccepted, "goes on"), wrong, "False NotAccepted goes on"},
		"what was wrong and is not any more":      {was(metav1.ConditionFalse, 3, v1alpha1.ReasonNotAccepted, "goes on"), nil, "False Pending " + away + "; what the desk has of this object is not known until then"},
		"what waited for a desk that was there":   {was(metav1.ConditionFalse, 3, v1alpha1.ReasonPending, "waits"), nil, "False Pending " + away + "; what the desk has of this object is not known until then"},
		"a new object":                            {nil, nil, "False Pending " + away + "; what the desk has of this object is not known until then"},
		"two generations since it was programmed": {was(metav1.ConditionFalse, 2, v1alpha1.ReasonPending, away+"; generation 1"), nil, "False Pending " + away + "; what the desk has of this object is not known until then"},
	} {
		t.Run(name, func(t *testing.T) {
			o := outcome{generation: 3, programmed: metav1.ConditionUnknown, problems: test.problems, unreachable: "no route"}
			for range 2 { // once said, it stays
				c := programmed(o, test.was)
				if got := fmt.Sprintf("%s %s %s", c.Status, c.Reason, c.Message); got != test.want {
					t.Errorf("got %q, want %q", got, test.want)
				}
				c.ObservedGeneration = o.generation
				test.was = []metav1.Condition{c}
			}
		})
	}
}

func TestReportKeepsTimesAndDropsWhatNoLongerApplies(t *testing.T) {
	waiting := reported(outcome{generation: 1, programmed: metav1.ConditionFalse, agents: 1})
	if meta.FindStatusCondition(waiting.Conditions, v1alpha1.ConditionReconciling) == nil {
		t.Fatal("what waits for the desk is not Reconciling")
	}
	before := meta.FindStatusCondition(waiting.Conditions, v1alpha1.ConditionAccepted).LastTransitionTime
	done := reported(outcome{generation: 1, programmed: metav1.ConditionTrue, agents: 1}, waiting.Conditions...)
	if meta.FindStatusCondition(done.Conditions, v1alpha1.ConditionReconciling) != nil {
		t.Error("Reconciling is there while it is not True")
	}
	if now := meta.FindStatusCondition(done.Conditions, v1alpha1.ConditionAccepted).LastTransitionTime; !now.Equal(&before) {
		t.Error("a condition that stayed has a new time")
	}
}

func TestManyProblemsAreCounted(t *testing.T) {
	var problems []plan.Problem
	for i := range 5 {
		problems = append(problems, problem(v1alpha1.ReasonInvalid, fmt.Sprintf("spec.a[%d]", i), "no", false))
	}
	if got, want := tell(problems), "spec.a[0]: no; spec.a[1]: no; spec.a[2]: no; and 2 more"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestWorkersAvailable(t *testing.T) {
	deployment := func(status appsv1.DeploymentStatus) *appsv1.Deployment { return &appsv1.Deployment{Status: status} }
	exceeded := appsv1.DeploymentCondition{Type: appsv1.DeploymentProgressing, Status: corev1.ConditionFalse, Reason: progressDeadlineExceeded, Message: "timed out"}
	quota := appsv1.DeploymentCondition{Type: appsv1.DeploymentReplicaFailure, Status: corev1.ConditionTrue, Message: "exceeded quota"}
	for name, test := range map[string]struct {
		replicas int32
		workers  *appsv1.Deployment
		failed   error
		want     string
	}{
		"none yet":     {2, nil, nil, "False RollingOut waits for queue workers"},
		"starting":     {2, deployment(appsv1.DeploymentStatus{Replicas: 2, UpdatedReplicas: 2}), nil, "False RollingOut 0 of 2 queue workers are ready"},
		"one serves":   {2, deployment(appsv1.DeploymentStatus{Replicas: 2, UpdatedReplicas: 2, ReadyReplicas: 1}), nil, "True RollingOut 1 of 2 queue workers are ready"},
		"all serve":    {2, deployment(appsv1.DeploymentStatus{Replicas: 2, UpdatedReplicas: 2, ReadyReplicas: 2}), nil, "True Available "},
		"replacing":    {2, deployment(appsv1.DeploymentStatus{Replicas: 3, UpdatedReplicas: 1, ReadyReplicas: 2}), nil, "True RollingOut 2 of 2 queue workers are ready"},
		"none wanted":  {0, deployment(appsv1.DeploymentStatus{}), nil, "True ScaledToZero no queue worker is asked for: tickets are kept, and this tier offers none"},
		"going down":   {0, deployment(appsv1.DeploymentStatus{Replicas: 1, UpdatedReplicas: 1, ReadyReplicas: 1}), nil, "True RollingOut 1 of 0 queue workers are ready"},
		"stuck":        {2, deployment(appsv1.DeploymentStatus{Replicas: 2, Conditions: []appsv1.DeploymentCondition{exceeded}}), nil, "False WorkloadFailing timed out"},
		"stuck update": {2, deployment(appsv1.DeploymentStatus{Replicas: 3, ReadyReplicas: 2, Conditions: []appsv1.DeploymentCondition{exceeded}}), nil, "True WorkloadFailing timed out"},
		"quota":        {2, deployment(appsv1.DeploymentStatus{Conditions: []appsv1.DeploymentCondition{quota}}), nil, "False WorkloadFailing exceeded quota"},
		"refused":      {2, nil, errors.New("forbidden"), "False WorkloadFailing the cluster refuses what the queue workers need: forbidden"},
	} {
		t.Run(name, func(t *testing.T) {
			tier := &v1alpha1.Tier{Spec: v1alpha1.TierSpec{Replicas: &test.replicas}}
			c := workersAvailable(tier, test.workers, test.failed)
			if got := fmt.Sprintf("%s %s %s", c.Status, c.Reason, c.Message); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestDeskAvailable(t *testing.T) {
	claim := func(phase corev1.PersistentVolumeClaimPhase) *corev1.PersistentVolumeClaim {
		return &corev1.PersistentVolumeClaim{
			ObjectMeta: metav1.ObjectMeta{Name: "acme-desk"}, Status: corev1.PersistentVolumeClaimStatus{Phase: phase},
		}
	}
	starting, serving := &appsv1.StatefulSet{}, &appsv1.StatefulSet{Status: appsv1.StatefulSetStatus{ReadyReplicas: 1}}
	replacing := serving.DeepCopy()
	replacing.Generation = 1
	const noPod = "False RollingOut waits for the desk's pod to be ready: kubectl describe pod acme-desk-0 tells why"
	for name, test := range map[string]struct {
		children deskChildren
		failed   error
		want     string
	}{
		"nothing yet": {deskChildren{}, nil, noPod},
		"no volume": {deskChildren{starting, claim(corev1.ClaimPending)}, nil,
			"False RollingOut waits for the desk's volume: PersistentVolumeClaim acme-desk is Pending, and kubectl describe pvc acme-desk tells why"},
		"no pod":    {deskChildren{starting, claim(corev1.ClaimBound)}, nil, noPod},
		"serves":    {deskChildren{serving, claim(corev1.ClaimBound)}, nil, "True Available "},
		"replacing": {deskChildren{replacing, claim(corev1.ClaimBound)}, nil, "True RollingOut the desk's pod is being replaced"},
		"refused": {deskChildren{serving, claim(corev1.ClaimBound)}, errors.New("forbidden"),
			"True WorkloadFailing the cluster refuses what the desk needs: forbidden"},
	} {
		t.Run(name, func(t *testing.T) {
			c := deskAvailable("acme", test.children, test.failed)
			if got := fmt.Sprintf("%s %s %s", c.Status, c.Reason, c.Message); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestOnlyRefusalsAreShown(t *testing.T) {
	forbidden := apierrors.NewForbidden(schema.GroupResource{Resource: "pods"}, "x", errors.New("quota"))
	invalid := apierrors.NewInvalid(schema.GroupKind{Kind: "Service"}, "y", nil)
	attempt := func(passing string) error {
		children := utilerrors.NewAggregate([]error{errors.New(passing), fmt.Errorf("apply: %w", forbidden), nil, invalid})
		return utilerrors.NewAggregate([]error{errors.New(passing), children})
	}
	first, second := refusals(attempt("connection reset")), refusals(attempt("timed out"))
	if first == nil || first.Error() != second.Error() {
		t.Errorf("what comes and goes changes what is shown: %v, then %v", first, second)
	}
	for _, want := range []error{forbidden, invalid} {
		if !strings.Contains(first.Error(), want.Error()) {
			t.Errorf("%v is not in %v", want, first)
		}
	}
	passing := utilerrors.NewAggregate([]error{apierrors.NewInternalError(errors.New("x"))})
	if got := refusals(passing); got != nil {
		t.Errorf("what is no refusal was taken for one: %v", got)
	}
	if got := refusals(nil); got != nil {
		t.Errorf("nothing was taken for a refusal: %v", got)
	}
}

// A port of ours is another with each attempt: a message that named it would be written with each attempt.
func TestUnreachableIsToldInTheSameWords(t *testing.T) {
	attempt := func(port int) error {
		return fmt.Errorf("read the desk's plan: %w", &net.OpError{
			Op: "read", Net: "tcp", Source: &net.TCPAddr{IP: net.IPv4(10, 0, 0, 9), Port: port},
			Addr: &net.TCPAddr{IP: net.IPv4(10, 0, 0, 1), Port: 443}, Err: errors.New("connection reset by peer"),
		})
	}
	if a, b := tellUnreachable(attempt(40001)), tellUnreachable(attempt(40002)); a != b || !strings.Contains(a, "connection reset") {
		t.Errorf("%q and %q", a, b)
	}
}
