package controllers

import (
	"cmp"
	"context"
	"fmt"

	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"

	"github.com/caseload-dev/caseload/api/v1alpha1"
	"github.com/caseload-dev/caseload/internal/plan"
)

// defaultURLKey as the schema has it.
const defaultURLKey = "url"

// notifiersVolume has a file of each notifier's name with the URL of its service. The kubelet reads the Secrets, and
// again when they change; one that is missing keeps the desk from nothing but that notifier.
func notifiersVolume(h *v1alpha1.HelpDesk) *corev1ac.VolumeApplyConfiguration {
	files := corev1ac.ProjectedVolumeSource()
	for _, n := range h.Spec.Notifiers {
		files.WithSources(corev1ac.VolumeProjection().WithSecret(corev1ac.SecretProjection().
			WithName(string(n.URLSecretRef.Name)).
			WithOptional(true).
			WithItems(corev1ac.KeyToPath().WithKey(cmp.Or(n.URLSecretRef.Key, defaultURLKey)).WithPath(n.Name))))
	}
	return corev1ac.Volume().WithName(volumeNotifiers).WithProjected(files)
}

// notifierProblems are the Secrets of notifiers that are not there, or do not have the key.
func (r *helpDeskReconciler) notifierProblems(ctx context.Context, h *v1alpha1.HelpDesk) ([]plan.Problem, error) {
	var problems []plan.Problem
	for i, n := range h.Spec.Notifiers {
		name, key := string(n.URLSecretRef.Name), cmp.Or(n.URLSecretRef.Key, defaultURLKey)
		missing := func(format string, args ...any) {
			problems = append(problems, plan.Problem{
				Field: fmt.Sprintf("spec.notifiers[%d].urlSecretRef", i), Reason: v1alpha1.ReasonRefNotFound,
				Message: fmt.Sprintf(format, args...) + fmt.Sprintf(", so nothing is sent by notifier %s", n.Name),
			})
		}
		secret, err := r.secret(ctx, h.Namespace, name)
		switch {
		case err != nil:
			return nil, err
		case secret.ResourceVersion == "":
			missing("Secret/%s does not exist in this namespace: create it with the key %s", name, key)
		case len(secret.Data[key]) == 0:
			missing("Secret/%s has no key %s: add it", name, key)
		}
	}
	return problems, nil
}
