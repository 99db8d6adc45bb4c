package controllers

import (
	"context"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/caseload-dev/caseload/api/v1alpha1"
	"github.com/caseload-dev/caseload/internal/desk/api"
	"github.com/caseload-dev/caseload/internal/ticket"
)

var _ = Describe("Deleting", func() {
	It("an object takes it from the plan, and the tickets of a queue move", func() {
		t := newTenant()
		objects := organisation()
		t.apply(objects...)
		t.settles(objects...)
		opened := t.openTicket("acme", "billing")
		Expect(opened.Queue).To(Equal("billing"))

		remove[v1alpha1.RoutingPolicy](t, "care")
		remove[v1alpha1.Queue](t, "billing")
		Eventually(func() []string { _, entries := t.planOf("acme"); return entries }).ShouldNot(ContainElement("Queue/billing"))
		Eventually(func() string { return t.ticket("acme", opened.ID).Queue }).Should(Equal("general"))
	})

	It("a HelpDesk or its namespace drops nothing from the desk", func() {
		t := newTenant()
		objects := organisation()
		t.apply(objects...)
		t.settles(objects...)
		revision, _ := t.planOf("acme")

		namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: t.namespace}}
		Expect(k8s.Delete(context.Background(), namespace)).To(Succeed())
		for _, object := range objects[1:] {
			Expect(k8s.Delete(context.Background(), object)).To(Succeed())
		}
		Consistently(func() int64 { now, _ := t.planOf("acme"); return now }, quiet).Should(Equal(revision))
	})

	It("a HelpDesk leaves nothing behind but its volume, which one of the same name takes up", func() {
		t := newTenant()
		objects := organisation()
		t.apply(objects...)
		t.settles(objects...)
		claim := get[corev1.PersistentVolumeClaim](t, "acme-desk")
		Expect(claim.OwnerReferences).To(BeEmpty())

		binding := &rbacv1.ClusterRoleBinding{}
		key := client.ObjectKey{Name: reviewBindingName(t.namespace, "acme")}
		Expect(k8s.Get(context.Background(), key, binding)).To(Succeed())
		t.stop() // while no manager runs
		remove[v1alpha1.HelpDesk](t, "acme")
		t.start()
		Eventually(func() bool { return apierrors.IsNotFound(k8s.Get(context.Background(), key, binding)) }).Should(BeTrue())
		t.says(get[v1alpha1.SupportTeam](t, "care"), v1alpha1.ConditionResolvedRefs, "False", v1alpha1.ReasonRefNotFound, "acme")

		// The garbage collector's part, which a kube-apiserver alone has not.
		remove[appsv1.StatefulSet](t, "acme-desk")
		remove[corev1.Secret](t, "acme-desk-tls")
		remove[corev1.Secret](t, "acme-desk-ca")
		for _, name := range []string{"acme-desk", "acme-cli"} {
			remove[rbacv1.RoleBinding](t, name)
			remove[corev1.ServiceAccount](t, name)
		}
		remove[corev1.Service](t, "acme-desk")
		remove[corev1.ConfigMap](t, "acme-desk-ca")

		again := helpDesk("acme")
		again.Spec.DeletionPolicy = v1alpha1.DeletionDelete
		t.apply(again)
		t.settles(again)
		t.settles(objects[1:]...)
		adopted := get[corev1.PersistentVolumeClaim](t, "acme-desk")
		Expect(adopted.UID).To(Equal(claim.UID))
		Expect(metav1.IsControlledBy(adopted, again)).To(BeTrue(), "deletionPolicy Delete owns it")

		change(t, "acme", func(h *v1alpha1.HelpDesk) {
			h.Spec.DeletionPolicy = v1alpha1.DeletionRetain
			h.Spec.Storage.Embedded.Size = resource.MustParse("1Gi") // less than there is, which must not keep it from that
		})
		Eventually(func() []metav1.OwnerReference {
			return get[corev1.PersistentVolumeClaim](t, "acme-desk").OwnerReferences
		}).Should(BeEmpty(), "deletionPolicy Retain gives it up")
	})
})

var _ = Describe("A desk that does not answer", func() {
	It("is told at the HelpDesk alone, and catches up", func() {
		t := newTenant()
		objects := organisation()
		t.apply(objects...)
		t.settles(objects...)

		t.desks.setDown(true)
		change(t, "acme-desk", func(s *appsv1.StatefulSet) { metav1.SetMetaDataAnnotation(&s.ObjectMeta, holdPods, "yes") })
		acme := get[v1alpha1.HelpDesk](t, "acme")
		t.says(acme, v1alpha1.ConditionDeskReachable, "False", v1alpha1.ReasonUnreachable, "pod is not ready")
		t.says(acme, v1alpha1.ConditionAvailable, "False", v1alpha1.ReasonRollingOut, "")
		change(t, "acme-desk", func(s *appsv1.StatefulSet) { delete(s.Annotations, holdPods) })
		t.says(acme, v1alpha1.ConditionDeskReachable, "False", v1alpha1.ReasonUnreachable, "connection refused")

		t.restart()
		change(t, "general", func(q *v1alpha1.Queue) { q.Spec.Priority = 7 })
		general := get[v1alpha1.Queue](t, "general")
		t.says(general, v1alpha1.ConditionProgrammed, "False", v1alpha1.ReasonPending,
			"waits until the desk can be reached, which is tried again by itself: connection refused; generation 1 of this object was programmed last")
		t.restart()
		t.apply(queue("late", "frontline"))
		t.says(get[v1alpha1.Queue](t, "late"), v1alpha1.ConditionProgrammed, "False", v1alpha1.ReasonPending, "connection refused; what the desk has")
		t.says(general, v1alpha1.ConditionProgrammed, "False", v1alpha1.ReasonPending, "generation 1 of this object was programmed last")
		for _, object := range objects[1:] {
			if object.GetName() != "general" {
				Expect(t.readiness(object)).To(Equal("Ready"), describe(object))
			}
		}

		t.desks.setDown(false)
		t.settles(objects...)
		t.settles(general, get[v1alpha1.Queue](t, "late"))
	})
})

var _ = Describe("A paused object", func() {
	It("is left alone until the annotation goes", func() {
		t := newTenant()
		objects := organisation()
		t.apply(objects...)
		t.settles(objects...)
		revision, _ := t.planOf("acme")

		pause := func(object client.Object) {
			metav1.SetMetaDataAnnotation(object.(interface{ GetObjectMeta() metav1.Object }).GetObjectMeta().(*metav1.ObjectMeta),
				v1alpha1.PausedAnnotation, "true")
		}
		change(t, "frontline", func(tier *v1alpha1.Tier) { pause(tier); tier.Spec.Replicas = new(int32(5)); tier.Spec.Level = 3 })
		change(t, "general", func(q *v1alpha1.Queue) { pause(q); q.Spec.Priority = 9 })
		for _, object := range []client.Object{get[v1alpha1.Tier](t, "frontline"), get[v1alpha1.Queue](t, "general")} {
			Eventually(func() string {
				Expect(k8s.Get(context.Background(), client.ObjectKeyFromObject(object), object)).To(Succeed())
				return meta.FindStatusCondition(statusOf(object).Conditions, v1alpha1.ConditionReady).Reason
			}).Should(Equal(v1alpha1.ReasonPaused))
		}
		early := tier("third", "care", 3)
		pause(early)
		t.apply(early, queue("products", "third"))
		t.says(get[v1alpha1.Queue](t, "products"), v1alpha1.ConditionReady, "False", v1alpha1.ReasonNotAccepted,
			"Tier/third is paused, and has not been in the plan yet: remove its annotation support.caseload.dev/paused first")
		change(t, "billing", func(q *v1alpha1.Queue) { q.Spec.Priority = 3 })
		t.settles(get[v1alpha1.Queue](t, "billing"))
		Expect(*get[appsv1.Deployment](t, "frontline-worker").Spec.Replicas).To(BeEquivalentTo(1))
		now, _ := t.planOf("acme")
		Expect(now).To(Equal(revision+1), "only billing changed")

		change(t, "frontline", func(tier *v1alpha1.Tier) { tier.Annotations = nil })
		change(t, "general", func(q *v1alpha1.Queue) { q.Annotations = nil })
		change(t, "third", func(tier *v1alpha1.Tier) { tier.Annotations = nil })
		t.settles(get[v1alpha1.Tier](t, "frontline"), get[v1alpha1.Queue](t, "general"), get[v1alpha1.Queue](t, "products"))
		Expect(*get[appsv1.Deployment](t, "frontline-worker").Spec.Replicas).To(BeEquivalentTo(5))
	})
})

var _ = Describe("A paused HelpDesk", func() {
	It("hears of no change, which its objects say, and lets its Tiers scale", func() {
		t := newTenant()
		objects := organisation()
		t.apply(objects...)
		t.settles(objects...)
		revision, _ := t.planOf("acme")
		change(t, "acme", func(h *v1alpha1.HelpDesk) {
			metav1.SetMetaDataAnnotation(&h.ObjectMeta, v1alpha1.PausedAnnotation, "true")
		})
		const says = "HelpDesk/acme is paused, so its desk hears of no change: remove the annotation support.caseload.dev/paused"
		t.says(get[v1alpha1.HelpDesk](t, "acme"), v1alpha1.ConditionReady, "Unknown", v1alpha1.ReasonPaused, "")
		for _, object := range objects[1:] {
			t.says(object, v1alpha1.ConditionReady, "True", v1alpha1.ReasonReady, says)
		}

		By("changing what is there, and adding to it")
		change(t, "general", func(q *v1alpha1.Queue) { q.Spec.Priority = 9 })
		t.apply(queue("late", "specialists"))
		for _, name := range []string{"general", "late"} {
			t.says(get[v1alpha1.Queue](t, name), v1alpha1.ConditionProgrammed, "False", v1alpha1.ReasonHelpDeskPaused, says)
			t.says(get[v1alpha1.Queue](t, name), v1alpha1.ConditionReady, "False", v1alpha1.ReasonHelpDeskPaused, says)
		}

		By("scaling a Tier")
		change(t, "frontline", func(tier *v1alpha1.Tier) { tier.Spec.Replicas = new(int32(4)) })
		Eventually(func(g Gomega) {
			g.Expect(get[v1alpha1.Tier](t, "frontline").Status.ReadyReplicas).To(BeEquivalentTo(4))
		}).Should(Succeed())
		t.says(get[v1alpha1.Tier](t, "frontline"), v1alpha1.ConditionReady, "True", v1alpha1.ReasonReady, says)

		By("a manager that starts meanwhile, and queue workers that fail")
		t.restart()
		change(t, "frontline-worker", func(d *appsv1.Deployment) { metav1.SetMetaDataAnnotation(&d.ObjectMeta, holdPods, "yes") })
		t.says(get[v1alpha1.Tier](t, "frontline"), v1alpha1.ConditionAvailable, "False", v1alpha1.ReasonRollingOut, "")
		t.says(get[v1alpha1.Tier](t, "frontline"), v1alpha1.ConditionReady, "False", v1alpha1.ReasonRollingOut, "")
		change(t, "frontline-worker", func(d *appsv1.Deployment) { delete(d.Annotations, holdPods) })

		now, _ := t.planOf("acme")
		Expect(now).To(Equal(revision))
		change(t, "acme", func(h *v1alpha1.HelpDesk) { h.Annotations = nil })
		t.settles(objects...)
		t.settles(get[v1alpha1.Queue](t, "late"))
		Eventually(func() string {
			return meta.FindStatusCondition(get[v1alpha1.Queue](t, "billing").Status.Conditions, v1alpha1.ConditionReady).Message
		}).Should(BeEmpty())
	})
})

// openTicket at a desk, of the category.
func (t *tenant) openTicket(helpDesk, category string) *ticket.Ticket {
	GinkgoHelper()
	t.desks.mu.Lock()
	defer t.desks.mu.Unlock()
	d, err := t.desks.of(helpDesk)
	Expect(err).NotTo(HaveOccurred())
	opened, err := d.OpenTicket(context.Background(), api.Call{Actor: "user/test"}, api.OpenTicket{Content: ticket.Content{
		Subject: "An invoice", Channel: "Email", Category: category,
	}})
	Expect(err).NotTo(HaveOccurred())
	return opened.Ticket
}

func (t *tenant) ticket(helpDesk string, id int64) *ticket.Ticket {
	GinkgoHelper()
	t.desks.mu.Lock()
	defer t.desks.mu.Unlock()
	d, err := t.desks.of(helpDesk)
	Expect(err).NotTo(HaveOccurred())
	found, err := d.Ticket(context.Background(), api.Call{}, id)
	Expect(err).NotTo(HaveOccurred())
	return found
}
