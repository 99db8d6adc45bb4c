package controllers

import (
	"context"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv1 "k8s.io/api/autoscaling/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/caseload-dev/caseload/api/v1alpha1"
)

var _ = Describe("An organisation", func() {
	It("becomes ready, whatever the order its objects come in", func() {
		t := newTenant()
		objects := shuffled(organisation())
		t.apply(objects...)
		t.settles(objects...)

		_, entries := t.planOf("acme")
		Expect(entries).To(ConsistOf(
			"HelpDesk/acme", "SupportTeam/care", "Tier/frontline", "Tier/specialists", "Queue/general", "Queue/billing",
			"Agent/mara", "Agent/jo", "Agent/sam", "RoutingPolicy/care"))
		Expect(get[v1alpha1.Queue](t, "general").Status.Agents).To(BeEquivalentTo(2))
		Expect(get[v1alpha1.Tier](t, "specialists").Status.Agents).To(BeEquivalentTo(1))
		Expect(get[v1alpha1.HelpDesk](t, "acme").Status.Address).To(Equal("https://acme-desk." + t.namespace + ".svc"))
	})

	It("has pods that pull the image as the manager is told", func() {
		t := newTenant()
		objects := organisation()
		t.apply(objects...)
		t.settles(objects...)
		for _, pod := range []corev1.PodSpec{
			get[appsv1.StatefulSet](t, "acme-desk").Spec.Template.Spec, get[appsv1.Deployment](t, "frontline-worker").Spec.Template.Spec,
		} {
			Expect(pod.ImagePullSecrets).To(ConsistOf(corev1.LocalObjectReference{Name: "registry"}))
			Expect(pod.Containers[0].Image).To(Equal("caseload:test"))
			Expect(pod.Containers[0].ImagePullPolicy).To(Equal(corev1.PullAlways))
		}
	})

	It("is left in peace once it is settled, also by a manager that starts", func() {
		t := newTenant()
		objects := organisation()
		t.apply(objects...)
		t.settles(objects...)

		// The last statuses and events may still be on their way.
		Eventually(func() []string { defer t.writes.reset(); return t.writes.all() }).WithPolling(time.Second).Should(BeEmpty())
		Consistently(t.writes.all, quiet).Should(BeEmpty(), "settled")

		t.restart()
		Consistently(t.writes.all, quiet).Should(BeEmpty(), "after a restart")
		// It does work: a change still gets through.
		change(t, "general", func(q *v1alpha1.Queue) { q.Spec.Priority = 5 })
		t.settles(get[v1alpha1.Queue](t, "general"))
	})

	It("puts right what others change of its children, and takes back what it no longer says", func() {
		t := newTenant()
		objects := organisation()
		t.apply(objects...)
		t.settles(objects...)

		By("somebody editing a child")
		change(t, "frontline-worker", func(d *appsv1.Deployment) {
			d.Spec.Template.Spec.Containers[0].Image = "elsewhere/caseload:old"
		})
		Eventually(func() string {
			return get[appsv1.Deployment](t, "frontline-worker").Spec.Template.Spec.Containers[0].Image
		}).Should(Equal("caseload:test"))

		By("a field of the Tier that is taken out again")
		change(t, "frontline", func(tier *v1alpha1.Tier) {
			tier.Spec.Worker.Resources = resourcesOr(tier.Spec.Worker.Resources, "1", "1Gi", "2Gi")
		})
		limits := func() string {
			return get[appsv1.Deployment](t, "frontline-worker").Spec.Template.Spec.Containers[0].Resources.Limits.Memory().String()
		}
		Eventually(limits).Should(Equal("2Gi"))
		change(t, "frontline", func(tier *v1alpha1.Tier) { tier.Spec.Worker = v1alpha1.WorkerWorkload{} })
		Eventually(limits).Should(Equal("256Mi"))
	})

	It("scales queue workers by the Tier's scale, as kubectl and autoscalers do", func() {
		t := newTenant()
		objects := organisation()
		t.apply(objects...)
		t.settles(objects...)
		tier := get[v1alpha1.Tier](t, "frontline")

		for _, replicas := range []int32{4, 0, 2} {
			scale := &autoscalingv1.Scale{Spec: autoscalingv1.ScaleSpec{Replicas: replicas}}
			Expect(k8s.SubResource("scale").Update(context.Background(), tier, client.WithSubResourceBody(scale))).To(Succeed())
			Eventually(func() int32 { return *get[appsv1.Deployment](t, "frontline-worker").Spec.Replicas }).Should(Equal(replicas))
			Eventually(func(g Gomega) {
				g.Expect(k8s.SubResource("scale").Get(context.Background(), tier, scale)).To(Succeed())
				g.Expect(scale.Status.Replicas).To(Equal(replicas))
				g.Expect(scale.Status.Selector).To(Equal(
					"app.kubernetes.io/component=queue-worker,app.kubernetes.io/instance=frontline,app.kubernetes.io/name=caseload"))
			}).Should(Succeed())
			t.settles(tier)
			tier = get[v1alpha1.Tier](t, "frontline")
		}
		change(t, "frontline", func(tier *v1alpha1.Tier) { tier.Spec.Replicas = new(int32(0)) })
		t.says(tier, v1alpha1.ConditionAvailable, "True", v1alpha1.ReasonScaledToZero, "tickets are kept")
	})
})
