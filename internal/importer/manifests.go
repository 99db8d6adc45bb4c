package importer

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/yaml"

	"github.com/caseload-dev/caseload/api/v1alpha1"
)

// SourceNameAnnotation keeps what the history calls an object.
const SourceNameAnnotation = "support.caseload.dev/source-name"

// queueLabel of an agent names their home queue; roleLabel keeps the history's word for what they do.
const (
	queueLabel = "queue"
	roleLabel  = "role"
)

// TierName of a level.
func TierName(level int) string { return fmt.Sprintf("line-%d", level) }

// File is one manifest file; one without objects has no Data.
type File struct {
	Name string
	Data []byte
}

// usual says that a name differs from its source only in case and separators.
func usual(source, name string) bool {
	return strings.ReplaceAll(strings.ToLower(source), " ", "-") == name
}

// Manifests renders the organisation, one file a kind.
func (o *Organisation) Manifests() ([]File, error) {
	groups := []struct {
		file    string
		objects []runtime.Object
	}{
		{"helpdesk.yaml", []runtime.Object{o.helpDesk()}},
		{"calendars.yaml", o.calendarObjects()},
		{"servicelevels.yaml", o.serviceLevelObjects()},
		{"escalation.yaml", o.escalation()},
		{"teams.yaml", o.teamObjects()},
		{"tiers.yaml", o.tierObjects()},
		{"queues.yaml", o.queueObjects()},
		{"routing.yaml", []runtime.Object{o.routing()}},
		{"agents.yaml", o.agentObjects()},
	}
	var files []File
	for _, g := range groups {
		var b bytes.Buffer
		for _, obj := range g.objects {
			data, err := encode(obj)
			if err != nil {
				return nil, err
			}
			b.WriteString("---\n")
			b.Write(data)
		}
		files = append(files, File{Name: g.file, Data: b.Bytes()})
	}
	return files, nil
}

// encode leaves out what only the cluster fills in.
func encode(obj runtime.Object) ([]byte, error) {
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(obj)
	if err != nil {
		return nil, err
	}
	delete(content, "status")
	if meta, ok := content["metadata"].(map[string]any); ok {
		delete(meta, "creationTimestamp")
	}
	return yaml.Marshal(content)
}

func typeMeta(kind string) metav1.TypeMeta {
	return metav1.TypeMeta{APIVersion: v1alpha1.GroupVersion.String(), Kind: kind}
}

func objectMeta(name, source string) metav1.ObjectMeta {
	meta := metav1.ObjectMeta{Name: name}
	if source != "" && source != name {
		meta.Annotations = map[string]string{SourceNameAnnotation: source}
	}
	return meta
}

func (o *Organisation) teamRef() v1alpha1.SupportTeamReference {
	return v1alpha1.SupportTeamReference{Name: v1alpha1.ObjectName(o.HelpDesk)}
}

func queueRef(name string) v1alpha1.QueueReference {
	return v1alpha1.QueueReference{Name: v1alpha1.ObjectName(name)}
}

func (o *Organisation) helpDesk() runtime.Object {
	desk := &v1alpha1.HelpDesk{
		TypeMeta: typeMeta("HelpDesk"), ObjectMeta: objectMeta(o.HelpDesk, ""),
		Spec: v1alpha1.HelpDeskSpec{
			Storage:        v1alpha1.Storage{Type: v1alpha1.StorageEmbedded},
			DefaultTeamRef: o.teamRef(),
		},
	}
	if o.SpeedUp <= 1 && o.ReopenWindow > 0 { // sped up, no ticket waits that long
		desk.Spec.ReopenWindow = span(o.ReopenWindow)
	}
	return desk
}

// teamObjects are the organisation lines, under one team that owns the tiers and the rules.
func (o *Organisation) teamObjects() []runtime.Object {
	desk := v1alpha1.HelpDeskReference{Name: v1alpha1.ObjectName(o.HelpDesk)}
	defaultQueue := queueRef(o.DefaultQueue)
	own := &v1alpha1.SupportTeam{
		TypeMeta: typeMeta("SupportTeam"), ObjectMeta: objectMeta(o.HelpDesk, ""),
		Spec: v1alpha1.SupportTeamSpec{HelpDeskRef: desk, DefaultQueueRef: &defaultQueue},
	}
	if o.Escalates() {
		own.Spec.Defaults.EscalationPolicyRef = &v1alpha1.EscalationPolicyReference{Name: nextLine}
	}
	objects := []runtime.Object{own}
	parent := o.teamRef()
	for _, t := range o.Teams {
		objects = append(objects, &v1alpha1.SupportTeam{
			TypeMeta: typeMeta("SupportTeam"), ObjectMeta: objectMeta(t.Name, t.Source),
			Spec: v1alpha1.SupportTeamSpec{HelpDeskRef: desk, ParentTeamRef: &parent},
		})
	}
	return objects
}

func (o *Organisation) tierObjects() []runtime.Object {
	var objects []runtime.Object
	for _, level := range o.Levels {
		tier := &v1alpha1.Tier{
			TypeMeta: typeMeta("Tier"), ObjectMeta: objectMeta(TierName(level), ""),
			Spec: v1alpha1.TierSpec{
				TeamRef: o.teamRef(), Level: int32(level),
				AgentSelector: &metav1.LabelSelector{MatchLabels: map[string]string{TierName(level): "yes"}},
			},
		}
		if slices.ContainsFunc(o.Queues, func(q Queue) bool { return q.frontDoor() && q.Level == level }) {
			frontDoor := queueRef(TierName(level))
			tier.Spec.DefaultQueueRef = &frontDoor
		}
		objects = append(objects, tier)
	}
	return objects
}

func (o *Organisation) queueObjects() []runtime.Object {
	var objects []runtime.Object
	for _, q := range o.Queues {
		queue := &v1alpha1.Queue{
			TypeMeta: typeMeta("Queue"), ObjectMeta: objectMeta(q.Name, q.Source),
			Spec: v1alpha1.QueueSpec{
				TierRef: v1alpha1.TierReference{Name: v1alpha1.ObjectName(TierName(q.Level))},
				Offer:   v1alpha1.Offer{Mode: v1alpha1.OfferManual, Timeout: span(o.OfferTimeout)},
			},
		}
		if q.People > 0 {
			queue.Spec.AgentSelector = &metav1.LabelSelector{MatchLabels: map[string]string{queueLabel: q.Name}}
		}
		objects = append(objects, queue)
	}
	return objects
}

// routing sends a ticket to the support team that its category names, with the service level of its country.
func (o *Organisation) routing() runtime.Object {
	policy := &v1alpha1.RoutingPolicy{
		TypeMeta: typeMeta("RoutingPolicy"), ObjectMeta: objectMeta(o.HelpDesk, ""),
		Spec: v1alpha1.RoutingPolicySpec{TeamRef: o.teamRef()},
	}
	for _, q := range o.Queues {
		if q.First == 0 {
			continue
		}
		ref := queueRef(q.Name)
		policy.Spec.Rules = append(policy.Spec.Rules, v1alpha1.RoutingRule{
			Name:     q.Name,
			Match:    &v1alpha1.TicketMatch{Categories: []v1alpha1.Label{v1alpha1.Label(q.Source)}},
			Set:      &v1alpha1.TicketChanges{ServiceLevelRef: &v1alpha1.ServiceLevelReference{Name: v1alpha1.ObjectName(q.ServiceLevel)}},
			QueueRef: &ref,
		})
	}
	return policy
}

func (o *Organisation) agentObjects() []runtime.Object {
	var objects []runtime.Object
	for _, a := range o.Agents {
		agent := &v1alpha1.Agent{
			TypeMeta: typeMeta("Agent"), ObjectMeta: objectMeta(a.Name, a.Source),
			Spec: v1alpha1.AgentSpec{
				DisplayName: a.Source,
				TeamRef:     v1alpha1.SupportTeamReference{Name: v1alpha1.ObjectName(a.Team)},
				Limits:      []v1alpha1.ChannelLimit{{Channel: v1alpha1.Channel(o.Channel), Max: int32(min(a.Limit, maxLimit))}},
			},
		}
		if a.Calendar != "" {
			agent.Spec.Schedule = &v1alpha1.Schedule{CalendarRef: calendarRef(a.Calendar)}
		}
		agent.Labels = map[string]string{queueLabel: a.Home}
		if a.Role != "" {
			agent.Labels[roleLabel] = Names([]string{a.Role}, "role")[a.Role]
		}
		for _, level := range a.Levels {
			agent.Labels[TierName(level)] = "yes"
		}
		for _, q := range a.Others {
			agent.Spec.Assignments = append(agent.Spec.Assignments, v1alpha1.Assignment{QueueRef: queueRef(q)})
		}
		objects = append(objects, agent)
	}
	return objects
}
