package controllers

import (
	"context"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/caseload-dev/caseload/api/v1alpha1"
	"github.com/caseload-dev/caseload/internal/oncall"
	"github.com/caseload-dev/caseload/internal/plan"
)

// newObject of one of plan.Kinds.
func newObject(kind string) client.Object {
	object, err := plan.NewObject(kind)
	if err != nil {
		panic(err)
	}
	return object
}

// statusOf is the part of an object's status that every kind has.
func statusOf(object client.Object) *v1alpha1.Status {
	switch o := object.(type) {
	case *v1alpha1.HelpDesk:
		return &o.Status.Status
	case *v1alpha1.SupportTeam:
		return &o.Status
	case *v1alpha1.Tier:
		return &o.Status.Status
	case *v1alpha1.Queue:
		return &o.Status.Status
	case *v1alpha1.Agent:
		return &o.Status
	case *v1alpha1.RoutingPolicy:
		return &o.Status
	case *v1alpha1.BusinessCalendar:
		return &o.Status
	case *v1alpha1.EscalationPolicy:
		return &o.Status
	case *v1alpha1.ServiceLevel:
		return &o.Status
	case *v1alpha1.OnCallRotation:
		return &o.Status.Status
	case *v1alpha1.OnCallOverride:
		return &o.Status
	default:
		panic(fmt.Sprintf("a %T has no status of ours", object))
	}
}

// declared is everything that a namespace declares.
type declared struct {
	helpDesks []v1alpha1.HelpDesk
	// objects of the other kinds.
	objects []plan.Object
	// revisions of the rotations, by name.
	revisions map[string][]oncall.Revision
}

// readDeclared lists a namespace from the cache. Objects on their way out are left out. The objects share the cache's
// memory, for there may be thousands: nobody may change what they point to.
func readDeclared(ctx context.Context, c client.Client, namespace string) (*declared, error) {
	d := &declared{revisions: map[string][]oncall.Revision{}}
	for _, kind := range plan.Kinds {
		list, err := c.Scheme().New(v1alpha1.GroupVersion.WithKind(kind + "List"))
		if err != nil {
			return nil, err
		}
		if err := c.List(ctx, list.(client.ObjectList), client.InNamespace(namespace), client.UnsafeDisableDeepCopy); err != nil {
			return nil, fmt.Errorf("list a namespace's objects: %w", err)
		}
		if err := apimeta.EachListItem(list, d.add); err != nil {
			return nil, fmt.Errorf("read a list of %s: %w", kind, err)
		}
	}
	kept, err := readRevisions(ctx, c, namespace, "")
	if err != nil {
		return nil, err
	}
	for _, object := range d.objects {
		if rotation, is := object.(*v1alpha1.OnCallRotation); is {
			d.revisions[rotation.Name] = revisionsIn(kept[rotation.UID])
		}
	}
	return d, nil
}

func (d *declared) add(item runtime.Object) error {
	object := item.(plan.Object)
	if !object.GetDeletionTimestamp().IsZero() {
		return nil
	}
	if helpDesk, is := object.(*v1alpha1.HelpDesk); is {
		d.helpDesks = append(d.helpDesks, *helpDesk)
	} else {
		d.objects = append(d.objects, object)
	}
	return nil
}

// of are the objects as Compile takes them for one of the HelpDesks, or nil if there is no such HelpDesk.
func (d *declared) of(helpDesk string) *plan.Objects {
	objects := plan.Objects{Declared: slices.Clone(d.objects), Revisions: d.revisions}
	found := false
	for _, h := range d.helpDesks {
		if h.Name == helpDesk {
			objects.HelpDesk = h
			found = true
		} else {
			objects.OtherHelpDesks = append(objects.OtherHelpDesks, h.Name)
		}
	}
	if !found {
		return nil
	}
	return &objects
}

// meta finds the metadata of every declared object.
func (d *declared) meta() map[plan.Key]metav1.Object {
	found := map[plan.Key]metav1.Object{}
	for i := range d.helpDesks {
		found[plan.KeyOf(&d.helpDesks[i])] = &d.helpDesks[i]
	}
	for _, object := range d.objects {
		found[plan.KeyOf(object)] = object
	}
	return found
}

// terminating asks the kube-apiserver itself, not the cache, whether a HelpDesk or its namespace is on its way out: then
// its objects vanish one by one, and none of that may reach the desk.
func terminating(ctx context.Context, live client.Reader, helpDesk *v1alpha1.HelpDesk) (bool, error) {
	var namespace corev1.Namespace
	if err := live.Get(ctx, client.ObjectKey{Name: helpDesk.Namespace}, &namespace); err != nil {
		return false, fmt.Errorf("read the namespace: %w", err)
	}
	var now v1alpha1.HelpDesk
	err := live.Get(ctx, client.ObjectKeyFromObject(helpDesk), &now)
	if client.IgnoreNotFound(err) != nil {
		return false, fmt.Errorf("read the HelpDesk: %w", err)
	}
	gone := err != nil || now.UID != helpDesk.UID
	return gone || !now.DeletionTimestamp.IsZero() || !namespace.DeletionTimestamp.IsZero(), nil
}
