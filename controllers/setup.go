// Package controllers turns the declared kinds into a running organisation: the desk of each HelpDesk, the queue workers of
// each Tier, and the Plan that they run by.
//
// Each kind's status has one writer. What compiling found reaches it by a channel. Children and statuses are written only
// where they differ, so a settled system is silent, also after a restart.
package controllers

import (
	"context"
	"fmt"
	"slices"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/caseload-dev/caseload/api/v1alpha1"
	"github.com/caseload-dev/caseload/internal/certificate"
	"github.com/caseload-dev/caseload/internal/plan"
)

// Options of the controllers. Image is required.
type Options struct {
	Image Image
	// Namespaces that the manager watches; none: all.
	Namespaces []string
	// DeskFor connects to a desk. Absent: by HTTPS within the cluster, with the token of DeskTokenFile.
	DeskFor DeskFunc
	// DeskTokenFile holds the manager's token for desks.
	DeskTokenFile string
	// Overlap of old and new certificate authorities; zero: certificate.DefaultOverlap.
	Overlap time.Duration
	// Clock; absent: the real one.
	Clock clock.PassiveClock
	// Live reads past the cache; absent: the manager's.
	Live client.Reader
}

// NewScheme knows the kinds and their children.
func NewScheme() (*runtime.Scheme, error) {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, v1alpha1.AddToScheme} {
		if err := add(scheme); err != nil {
			return nil, err
		}
	}
	return scheme, nil
}

// CacheOptions keep in memory what the controllers need and no more: of the cluster's objects only children of ours, and
// managed fields only there, for they tell what was applied.
func CacheOptions(namespaces []string) cache.Options {
	ours := cache.ByObject{
		Label:     labels.SelectorFromSet(labels.Set{labelManagedBy: managedBy}),
		Transform: func(object any) (any, error) { return object, nil },
	}
	options := cache.Options{
		DefaultTransform: cache.TransformStripManagedFields(),
		ByObject: map[client.Object]cache.ByObject{
			&appsv1.StatefulSet{}:           ours,
			&appsv1.Deployment{}:            ours,
			&corev1.Service{}:               ours,
			&corev1.ServiceAccount{}:        ours,
			&corev1.ConfigMap{}:             ours,
			&corev1.PersistentVolumeClaim{}: ours,
			&appsv1.ControllerRevision{}:    ours,
			&rbacv1.RoleBinding{}:           ours,
			&rbacv1.ClusterRoleBinding{}:    ours,
		},
	}
	for _, namespace := range namespaces {
		if options.DefaultNamespaces == nil {
			options.DefaultNamespaces = map[string]cache.Config{}
		}
		options.DefaultNamespaces[namespace] = cache.Config{}
	}
	return options
}

// Setup adds the controllers to the manager.
func Setup(ctx context.Context, mgr ctrl.Manager, o Options) error {
	if o.Clock == nil {
		o.Clock = clock.RealClock{}
	}
	if o.Overlap == 0 {
		o.Overlap = certificate.DefaultOverlap
	}
	if o.Live == nil {
		o.Live = mgr.GetAPIReader()
	}
	out := newOutcomes()

	helpDesks := &helpDeskReconciler{
		Client: mgr.GetClient(), live: o.Live, image: o.Image, overlap: o.Overlap, clock: o.Clock,
		outcomes: out, events: mgr.GetEventRecorder("caseload-helpdesk"),
		watches: func(namespace string) bool { return len(o.Namespaces) == 0 || slices.Contains(o.Namespaces, namespace) },
	}
	if err := helpDesks.setup(mgr); err != nil {
		return fmt.Errorf("set up the HelpDesk controller: %w", err)
	}
	tiers := &tierReconciler{
		Client: mgr.GetClient(), image: o.Image, outcomes: out, events: mgr.GetEventRecorder("caseload-tier"),
	}
	if err := tiers.setup(ctx, mgr); err != nil {
		return fmt.Errorf("set up the Tier controller: %w", err)
	}
	rotations := &rotationReconciler{
		Client: mgr.GetClient(), live: o.Live, clock: o.Clock, outcomes: out, events: mgr.GetEventRecorder("caseload-oncallrotation"),
	}
	if err := rotations.setup(mgr); err != nil {
		return fmt.Errorf("set up the OnCallRotation controller: %w", err)
	}
	for _, kind := range plan.Kinds {
		switch kind {
		case plan.KindHelpDesk, plan.KindTier, plan.KindOnCallRotation: // which have controllers of their own
			continue
		}
		r := &declarationReconciler{
			Client: mgr.GetClient(), kind: kind, outcomes: out, events: mgr.GetEventRecorder("caseload-plan"),
		}
		if err := r.setup(mgr); err != nil {
			return fmt.Errorf("set up the %s controller: %w", kind, err)
		}
	}
	if err := newPlanReconciler(mgr.GetClient(), o, out).setup(mgr); err != nil {
		return fmt.Errorf("set up the Plan controller: %w", err)
	}
	return nil
}
