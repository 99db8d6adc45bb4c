package controllers

import (
	"context"
	"errors"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	utilerrors "k8s.io/apimachinery/pkg/util/errors"
	appsv1ac "k8s.io/client-go/applyconfigurations/apps/v1"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"

	"github.com/caseload-dev/caseload/api/v1alpha1"
)

var _ = Describe("Applying a child", func() {
	It("leaves it as it is after the write, so that no status speaks of content that is not rolled out", func() {
		ctx := context.Background()
		namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "apply-"}}
		Expect(k8s.Create(ctx, namespace)).To(Succeed())
		owner := tier("frontline", "care", 1)
		owner.Namespace, owner.UID = namespace.Name, "8b4d3b9e-5a8e-4f0e-9c53-0d6f5b1c2a77"
		applied := func(image string) *appsv1.Deployment {
			live := &appsv1.Deployment{}
			Expect(apply(ctx, k8s, ownerTier, newChild(workerDeployment(owner, "acme", Image{Name: image}), live, appsv1ac.ExtractDeployment))).To(Succeed())
			return live
		}

		first := applied("caseload:1")
		Expect(first.UID).NotTo(BeEmpty())
		Expect(workersAvailable(owner, first, nil).Reason).To(Equal(v1alpha1.ReasonRollingOut))
		Eventually(func() string { return workersAvailable(owner, applied("caseload:1"), nil).Reason }).Should(Equal(v1alpha1.ReasonAvailable))

		second := applied("caseload:2")
		Expect(second.Generation).To(Equal(first.Generation + 1))
		Expect(second.Status.ReadyReplicas).To(BeEquivalentTo(1))
		Expect(workersAvailable(owner, second, nil).Reason).To(Equal(v1alpha1.ReasonRollingOut))
	})

	It("in a namespace that is being deleted is no mistake", func() {
		ctx := context.Background()
		namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "apply-"}}
		Expect(k8s.Create(ctx, namespace)).To(Succeed())
		Expect(k8s.Delete(ctx, namespace)).To(Succeed())
		owner := tier("frontline", "care", 1)
		owner.Namespace, owner.UID = namespace.Name, "8b4d3b9e-5a8e-4f0e-9c53-0d6f5b1c2a77"
		err := applyAll(ctx, k8s, ownerTier, []child{
			newChild(workerServiceAccount(owner, "acme"), &corev1.ServiceAccount{}, corev1ac.ExtractServiceAccount),
			newChild(workerDeployment(owner, "acme", Image{Name: "caseload:1"}), &appsv1.Deployment{}, appsv1ac.ExtractDeployment),
		})
		Expect(err).To(MatchError(ContainSubstring("being terminated")))
		Expect(ignoreTerminating(err)).NotTo(HaveOccurred())

		mistake := errors.New("a mistake")
		Expect(ignoreTerminating(utilerrors.NewAggregate([]error{err, mistake}))).To(MatchError(mistake.Error()))
	})
})
