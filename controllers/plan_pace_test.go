package controllers

import (
	"context"
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/types"
	clocktesting "k8s.io/utils/clock/testing"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/caseload-dev/caseload/api/v1alpha1"
	"github.com/caseload-dev/caseload/internal/desk/api"
)

var _ = Describe("A HelpDesk whose plan takes long", func() {
	It("rests before the next", func() {
		ctx := context.Background()
		t := newTenant()
		t.apply(helpDesk("acme"), team("care", "acme"))
		t.settles(get[v1alpha1.HelpDesk](t, "acme"))

		machine := clocktesting.NewFakePassiveClock(time.Now())
		calls := 0
		slow := func(ctx context.Context, h *v1alpha1.HelpDesk) (api.Service, error) {
			calls++
			machine.SetTime(machine.Now().Add(time.Second))
			return t.desks.connect(ctx, h)
		}
		r := newPlanReconciler(k8s, Options{Live: k8s, Clock: machine, DeskFor: slow}, newOutcomes())
		// What the outcomes are for is not watched here.
		for kind := range r.outcomes.changed {
			go func() {
				for range r.outcomes.changed[kind] {
				}
			}()
			DeferCleanup(func() { close(r.outcomes.changed[kind]) })
		}
		request := ctrl.Request{NamespacedName: types.NamespacedName{Namespace: t.namespace, Name: "acme"}}
		pass := func() time.Duration {
			result, err := r.Reconcile(ctx, request)
			Expect(err).NotTo(HaveOccurred())
			return result.RequeueAfter
		}
		Expect(pass()).To(Equal(askAgain))
		r.active.doubt(request.NamespacedName)
		Expect(pass()).To(Equal(restFactor * time.Second))
		Expect(calls).To(Equal(1), "it was not looked at")
		machine.SetTime(machine.Now().Add(restFactor * time.Second))
		Expect(pass()).To(Equal(askAgain))
		Expect(calls).To(Equal(2))
	})
})

func TestPaceRestsInProportion(t *testing.T) {
	var p pace
	desk, other := types.NamespacedName{Name: "acme"}, types.NamespacedName{Name: "other"}
	start := time.Now()
	for took, want := range map[time.Duration]time.Duration{
		0:               0,
		time.Second / 2: 2 * time.Second,
		time.Minute:     restAtMost,
	} {
		end := start.Add(took)
		p.passed(desk, start, end)
		if got := p.left(desk, end); got != want {
			t.Errorf("after a pass of %v it rests %v, want %v", took, got, want)
		}
		if got := p.left(desk, end.Add(want)); got > 0 {
			t.Errorf("after a rest of %v it rests %v more", want, got)
		}
		if got := p.left(other, end); got > 0 {
			t.Errorf("another HelpDesk rests %v", got)
		}
	}
	p.forget(desk)
	if got := p.left(desk, start); got > 0 {
		t.Errorf("a forgotten HelpDesk rests %v", got)
	}
}
