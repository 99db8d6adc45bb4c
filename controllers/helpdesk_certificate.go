package controllers

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"

	"github.com/caseload-dev/caseload/api/v1alpha1"
	"github.com/caseload-dev/caseload/internal/certificate"
	"github.com/caseload-dev/caseload/internal/plan"
)

// Keys of the Secret with the authority.
const (
	keyNextCert = "next.crt"
	keyNextKey  = "next.key"
	keyPrevious = "previous.crt"
	keyCAKey    = "ca.key"
)

// ensureCertificate issues and rotates what is due, and says when to look again. The authority is stored before it is
// announced, and announced before it signs.
func (r *helpDeskReconciler) ensureCertificate(ctx context.Context, h *v1alpha1.HelpDesk) (time.Time, error) {
	authority, err := r.secret(ctx, h.Namespace, DeskCAName(h.Name))
	if err != nil {
		return time.Time{}, err
	}
	serving, err := r.secret(ctx, h.Namespace, DeskTLSName(h.Name))
	if err != nil {
		return time.Time{}, err
	}
	state := certificateState(authority, serving)
	next, again, err := certificate.Advance(state, certificatePolicy(h, r.overlap), r.clock.Now())
	if err != nil {
		return time.Time{}, fmt.Errorf("issue certificates: %w", err)
	}

	if err := r.applySecret(ctx, authoritySecret(h, next), authority); err != nil {
		return time.Time{}, err
	}
	bundle := next.Bundle()
	configMap := newChild(deskCAConfigMap(h, bundle), &corev1.ConfigMap{}, corev1ac.ExtractConfigMap)
	if err := apply(ctx, r, ownerHelpDesk, configMap); err != nil {
		return time.Time{}, err
	}
	if err := r.applySecret(ctx, servingSecret(h, next, bundle), serving); err != nil {
		return time.Time{}, err
	}
	return again, nil
}

// secret reads a Secret by its name from the kube-apiserver: Secrets are neither listed, watched nor cached. One that is
// not there is empty.
func (r *helpDeskReconciler) secret(ctx context.Context, namespace, name string) (*corev1.Secret, error) {
	var secret corev1.Secret
	err := r.live.Get(ctx, types.NamespacedName{Namespace: namespace, Name: name}, &secret)
	if err != nil && !apierrors.IsNotFound(err) {
		return nil, fmt.Errorf("read Secret %s: %w", name, err)
	}
	return &secret, nil
}

// applySecret writes a Secret that differs from the one read, unless somebody else was faster.
func (r *helpDeskReconciler) applySecret(ctx context.Context, desired *corev1ac.SecretApplyConfiguration, live *corev1.Secret) error {
	if live.ResourceVersion != "" {
		owned, err := corev1ac.ExtractSecret(live, string(ownerHelpDesk))
		if err != nil {
			return fmt.Errorf("read what is ours of Secret %s: %w", live.Name, err)
		}
		if sameApplied(owned, desired) {
			return nil
		}
		desired.WithResourceVersion(live.ResourceVersion)
	}
	if err := r.Apply(ctx, desired, ownerHelpDesk, forceOwnership); err != nil {
		return fmt.Errorf("apply Secret %s: %w", *desired.Name, err)
	}
	return nil
}

func certificatePolicy(h *v1alpha1.HelpDesk, overlap time.Duration) certificate.Policy {
	return certificate.Policy{
		Name:     fmt.Sprintf("caseload desk %s/%s", h.Namespace, h.Name),
		Hosts:    deskHosts(h),
		Rotation: h.Annotations[v1alpha1.RotateCertificateAnnotation],
		Overlap:  overlap,
	}
}

// deskHosts are the names the desk is called by; localhost is for those who forward a port.
func deskHosts(h *v1alpha1.HelpDesk) []string {
	name, host := DeskName(h.Name), DeskHost(h.Namespace, h.Name)
	return []string{name, name + "." + h.Namespace, host, host + ".cluster.local", "localhost"}
}

// certificateState reads what the Secrets hold.
func certificateState(authority, serving *corev1.Secret) certificate.State {
	return certificate.State{
		Active:   certificate.Pair{Certificate: authority.Data[caKey], Key: authority.Data[keyCAKey]},
		Next:     certificate.Pair{Certificate: authority.Data[keyNextCert], Key: authority.Data[keyNextKey]},
		Previous: authority.Data[keyPrevious],
		Rotation: authority.Annotations[v1alpha1.RotateCertificateAnnotation],
		Serving: certificate.Pair{
			Certificate: serving.Data[corev1.TLSCertKey], Key: serving.Data[corev1.TLSPrivateKeyKey],
		},
	}
}

// authoritySecret holds the authority. No pod mounts it.
func authoritySecret(h *v1alpha1.HelpDesk, s certificate.State) *corev1ac.SecretApplyConfiguration {
	data := map[string][]byte{caKey: s.Active.Certificate, keyCAKey: s.Active.Key}
	for key, value := range map[string][]byte{keyNextCert: s.Next.Certificate, keyNextKey: s.Next.Key, keyPrevious: s.Previous} {
		if len(value) > 0 {
			data[key] = value
		}
	}
	secret := certificateSecret(h, DeskCAName(h.Name), corev1.SecretTypeOpaque, data)
	if s.Rotation != "" {
		secret.WithAnnotations(map[string]string{v1alpha1.RotateCertificateAnnotation: s.Rotation})
	}
	return secret
}

// servingSecret holds what the desk serves.
func servingSecret(h *v1alpha1.HelpDesk, s certificate.State, bundle []byte) *corev1ac.SecretApplyConfiguration {
	return certificateSecret(h, DeskTLSName(h.Name), corev1.SecretTypeTLS, map[string][]byte{
		corev1.TLSCertKey: s.Serving.Certificate, corev1.TLSPrivateKeyKey: s.Serving.Key, caKey: bundle,
	})
}

func certificateSecret(h *v1alpha1.HelpDesk, name string, kind corev1.SecretType, data map[string][]byte) *corev1ac.SecretApplyConfiguration {
	return corev1ac.Secret(name, h.Namespace).
		WithLabels(childLabels(componentDesk, h.Name, h.Name)).
		WithOwnerReferences(controllerReference(plan.KindHelpDesk, h)).
		WithType(kind).
		WithData(data)
}
