package controllers

import (
	"context"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/caseload-dev/caseload/api/v1alpha1"
)

var _ = Describe("A notifier", func() {
	It("whose Secret is missing is told of, and the desk does without; its URL is in a file of its name", func() {
		t := newTenant()
		acme := helpDesk("acme")
		acme.Spec.Notifiers = []v1alpha1.Notifier{
			{Name: "chat", URLSecretRef: v1alpha1.SecretKeyReference{Name: "acme-chat", Key: "token"}},
			{Name: "mail", Type: v1alpha1.NotifierMail, URLSecretRef: v1alpha1.SecretKeyReference{Name: "acme-mail"}, Mail: &v1alpha1.MailNotifier{From: "a@b"}},
		}
		secret := func(name, key string) {
			t.apply(&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: name}, StringData: map[string]string{key: "generic://a"}})
		}
		secret("acme-mail", "other")
		t.apply(acme, team("care", "acme"))
		t.says(acme, v1alpha1.ConditionResolvedRefs, "False", v1alpha1.ReasonRefNotFound,
			"spec.notifiers[0].urlSecretRef: Secret/acme-chat does not exist in this namespace: create it with the key token, so nothing is sent by notifier chat")
		t.says(acme, v1alpha1.ConditionResolvedRefs, "False", v1alpha1.ReasonRefNotFound,
			"spec.notifiers[1].urlSecretRef: Secret/acme-mail has no key url: add it, so nothing is sent by notifier mail")
		t.says(acme, v1alpha1.ConditionProgrammed, "True", v1alpha1.ReasonProgrammed, "")

		pod := get[appsv1.StatefulSet](t, "acme-desk").Spec.Template.Spec
		Expect(pod.Containers[0].Args).To(ContainElement("--notifiers-dir=/etc/caseload/notifiers"))
		var files []corev1.VolumeProjection
		for _, volume := range pod.Volumes {
			if volume.Name == "notifiers" {
				files = volume.Projected.Sources
			}
		}
		file := func(secret, key, path string) corev1.VolumeProjection {
			return corev1.VolumeProjection{Secret: &corev1.SecretProjection{
				LocalObjectReference: corev1.LocalObjectReference{Name: secret},
				Items:                []corev1.KeyToPath{{Key: key, Path: path}}, Optional: new(true),
			}}
		}
		Expect(files).To(Equal([]corev1.VolumeProjection{file("acme-chat", "token", "chat"), file("acme-mail", "url", "mail")}))

		secret("acme-chat", "token")
		change(t, "acme-mail", func(s *corev1.Secret) { s.StringData = map[string]string{"url": "smtp://a"} })
		t.restart() // Secrets are not watched
		t.settles(acme)

		By("a HelpDesk without notifiers again")
		change(t, "acme", func(h *v1alpha1.HelpDesk) { h.Spec.Notifiers = nil })
		Eventually(func() []corev1.VolumeMount {
			var set appsv1.StatefulSet
			Expect(k8s.Get(context.Background(), keyOf(t, "acme-desk"), &set)).To(Succeed())
			return set.Spec.Template.Spec.Containers[0].VolumeMounts
		}).ShouldNot(ContainElement(HaveField("Name", "notifiers")))
	})
})
