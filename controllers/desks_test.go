package controllers

import (
	"context"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/caseload-dev/caseload/api/v1alpha1"
)

var _ = Describe("The connection to a desk", func() {
	It("is kept, and goes with its HelpDesk", func() {
		ctx := context.Background()
		t := newTenant()
		t.apply(helpDesk("acme"), team("care", "acme"))
		acme := get[v1alpha1.HelpDesk](t, "acme")
		t.settles(acme)

		r := newPlanReconciler(k8s, Options{Live: k8s, Clock: clock.RealClock{}}, newOutcomes())
		first, err := r.deskFor(ctx, acme)
		Expect(err).NotTo(HaveOccurred())
		Expect(r.deskFor(ctx, acme)).To(BeIdenticalTo(first))

		remove[v1alpha1.HelpDesk](t, "acme")
		_, err = r.Reconcile(ctx, ctrl.Request{NamespacedName: types.NamespacedName{Namespace: t.namespace, Name: "acme"}})
		Expect(err).NotTo(HaveOccurred())
		Expect(r.deskFor(ctx, acme)).NotTo(BeIdenticalTo(first))
	})
})
