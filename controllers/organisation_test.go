package controllers

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/caseload-dev/caseload/api/v1alpha1"
)

// organisation is a small complete one: a desk, a team, two tiers, two queues, three agents, a routing policy.
func organisation() []client.Object {
	return []client.Object{
		helpDesk("acme"),
		team("care", "acme", func(t *v1alpha1.SupportTeam) {
			t.Spec.LeadRef = &v1alpha1.AgentReference{Name: "mara"}
			t.Spec.DefaultQueueRef = &v1alpha1.QueueReference{Name: "general"}
			t.Spec.Defaults.Limits = []v1alpha1.ChannelLimit{{Channel: "Email", Max: 5}}
		}),
		tier("frontline", "care", 1),
		tier("specialists", "care", 2),
		queue("general", "frontline"),
		queue("billing", "specialists"),
		agent("mara", "care", "2"),
		agent("jo", "care", "1"),
		agent("sam", "care", "1"),
		policy("care", "care", v1alpha1.RoutingRule{
			Name:     "invoices",
			Match:    &v1alpha1.TicketMatch{Categories: []v1alpha1.Label{"billing"}},
			QueueRef: &v1alpha1.QueueReference{Name: "billing"},
		}),
	}
}

func named(name string) metav1.ObjectMeta { return metav1.ObjectMeta{Name: name} }

func helpDesk(name string) *v1alpha1.HelpDesk {
	return &v1alpha1.HelpDesk{ObjectMeta: named(name), Spec: v1alpha1.HelpDeskSpec{
		DefaultTeamRef: v1alpha1.SupportTeamReference{Name: "care"},
	}}
}

func team(name, helpDesk string, edits ...func(*v1alpha1.SupportTeam)) *v1alpha1.SupportTeam {
	t := &v1alpha1.SupportTeam{ObjectMeta: named(name), Spec: v1alpha1.SupportTeamSpec{
		HelpDeskRef: v1alpha1.HelpDeskReference{Name: v1alpha1.ObjectName(helpDesk)},
	}}
	for _, edit := range edits {
		edit(t)
	}
	return t
}

func tier(name, team string, level int32) *v1alpha1.Tier {
	return &v1alpha1.Tier{ObjectMeta: named(name), Spec: v1alpha1.TierSpec{
		TeamRef:       v1alpha1.SupportTeamReference{Name: v1alpha1.ObjectName(team)},
		Level:         level,
		AgentSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"line": fmt.Sprint(level)}},
	}}
}

func queue(name, tier string) *v1alpha1.Queue {
	return &v1alpha1.Queue{ObjectMeta: named(name), Spec: v1alpha1.QueueSpec{
		TierRef: v1alpha1.TierReference{Name: v1alpha1.ObjectName(tier)},
	}}
}

func agent(name, team, line string) *v1alpha1.Agent {
	return &v1alpha1.Agent{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{"line": line}},
		Spec:       v1alpha1.AgentSpec{TeamRef: v1alpha1.SupportTeamReference{Name: v1alpha1.ObjectName(team)}},
	}
}

func policy(name, team string, rules ...v1alpha1.RoutingRule) *v1alpha1.RoutingPolicy {
	return &v1alpha1.RoutingPolicy{ObjectMeta: named(name), Spec: v1alpha1.RoutingPolicySpec{
		TeamRef: v1alpha1.SupportTeamReference{Name: v1alpha1.ObjectName(team)},
		Rules:   rules,
	}}
}

func shuffled(objects []client.Object) []client.Object {
	objects = slices.Clone(objects)
	random := rand.New(rand.NewPCG(uint64(GinkgoRandomSeed()), 0))
	random.Shuffle(len(objects), func(i, j int) { objects[i], objects[j] = objects[j], objects[i] })
	return objects
}

// settles waits until the objects, as they are in the cluster, are all Ready for their present generation.
func (t *tenant) settles(objects ...client.Object) {
	GinkgoHelper()
	for _, object := range objects {
		Eventually(t.readiness).WithArguments(object).Should(Equal("Ready"))
	}
}

// readiness is "Ready", or what the object says instead.
func (t *tenant) readiness(object client.Object) (string, error) {
	err := k8s.Get(context.Background(), client.ObjectKey{Namespace: t.namespace, Name: object.GetName()}, object)
	if err != nil {
		return "", err
	}
	status := statusOf(object)
	if status.ObservedGeneration == object.GetGeneration() && meta.IsStatusConditionTrue(status.Conditions, v1alpha1.ConditionReady) {
		return "Ready", nil
	}
	return describe(object), nil
}

// says waits for a condition of the object with the status, reason and message.
func (t *tenant) says(object client.Object, conditionType string, status metav1.ConditionStatus, reason, message string) {
	GinkgoHelper()
	Eventually(func(g Gomega) {
		g.Expect(k8s.Get(context.Background(), client.ObjectKey{Namespace: t.namespace, Name: object.GetName()}, object)).To(Succeed())
		c := meta.FindStatusCondition(statusOf(object).Conditions, conditionType)
		g.Expect(c).NotTo(BeNil(), describe(object))
		g.Expect(c.ObservedGeneration).To(Equal(object.GetGeneration()), describe(object))
		g.Expect(c.Status).To(Equal(status), describe(object))
		g.Expect(c.Reason).To(Equal(reason), describe(object))
		g.Expect(c.Message).To(ContainSubstring(message), describe(object))
	}).Should(Succeed())
}
