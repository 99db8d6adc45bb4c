package controllers

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/caseload-dev/caseload/api/v1alpha1"
	"github.com/caseload-dev/caseload/internal/plan"
)

// planKinds are the kinds that a Plan is made of.
var planKinds = []string{
	plan.KindHelpDesk, plan.KindSupportTeam, plan.KindTier, plan.KindQueue, plan.KindAgent, plan.KindRoutingPolicy,
}

// newObject of a kind of planKinds.
func newObject(kind string) client.Object {
	switch kind {
	case plan.KindHelpDesk:
		return &v1alpha1.HelpDesk{}
	case plan.KindSupportTeam:
		return &v1alpha1.SupportTeam{}
	case plan.KindTier:
		return &v1alpha1.Tier{}
	case plan.KindQueue:
		return &v1alpha1.Queue{}
	case plan.KindAgent:
		return &v1alpha1.Agent{}
	case plan.KindRoutingPolicy:
		return &v1alpha1.RoutingPolicy{}
	default:
		panic("no kind of a plan: " + kind)
	}
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
	default:
		panic(fmt.Sprintf("a %T has no status of ours", object))
	}
}

// declared is everything that a namespace declares.
type declared struct {
	helpDesks []v1alpha1.HelpDesk
	objects   plan.Objects
}

// readDeclared lists a namespace from the cache. Objects on their way out are left out. The objects share the cache's
// memory, for there may be thousands: nobody may change what they point to.
func readDeclared(ctx context.Context, c client.Reader, namespace string) (*declared, error) {
	var (
		helpDesks v1alpha1.HelpDeskList
		teams     v1alpha1.SupportTeamList
		tiers     v1alpha1.TierList
		queues    v1alpha1.QueueList
		agents    v1alpha1.AgentList
		policies  v1alpha1.RoutingPolicyList
	)
	for _, list := range []client.ObjectList{&helpDesks, &teams, &tiers, &queues, &agents, &policies} {
		if err := c.List(ctx, list, client.InNamespace(namespace), client.UnsafeDisableDeepCopy); err != nil {
			return nil, fmt.Errorf("list a namespace's objects: %w", err)
		}
	}
	return &declared{
		helpDesks: staying(helpDesks.Items),
		objects: plan.Objects{
			SupportTeams:    staying(teams.Items),
			Tiers:           staying(tiers.Items),
			Queues:          staying(queues.Items),
			Agents:          staying(agents.Items),
			RoutingPolicies: staying(policies.Items),
		},
	}, nil
}

// of are the objects as Compile takes them for one of the HelpDesks, or nil if there is no such HelpDesk.
func (d *declared) of(helpDesk string) *plan.Objects {
	objects := d.objects
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
	collect(found, plan.KindHelpDesk, d.helpDesks)
	collect(found, plan.KindSupportTeam, d.objects.SupportTeams)
	collect(found, plan.KindTier, d.objects.Tiers)
	collect(found, plan.KindQueue, d.objects.Queues)
	collect(found, plan.KindAgent, d.objects.Agents)
	collect(found, plan.KindRoutingPolicy, d.objects.RoutingPolicies)
	return found
}

// object is a pointer to a kind's struct.
type object[T any] interface {
	*T
	client.Object
}

func collect[T any, P object[T]](into map[plan.Key]metav1.Object, kind string, items []T) {
	for i := range items {
		item := P(&items[i])
		into[plan.Key{Kind: kind, Name: item.GetName()}] = item
	}
}

func staying[T any, P object[T]](items []T) []T {
	kept := items[:0]
	for i := range items {
		if P(&items[i]).GetDeletionTimestamp().IsZero() {
			kept = append(kept, items[i])
		}
	}
	return kept
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
