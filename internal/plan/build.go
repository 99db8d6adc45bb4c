package plan

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/utils/ptr"

	"github.com/caseload-dev/caseload/api/v1alpha1"
	"github.com/caseload-dev/caseload/internal/oncall"
	"github.com/caseload-dev/caseload/internal/routing"
	"github.com/caseload-dev/caseload/internal/ticket"
)

// What holds where a declaration does not say, as the schema's defaults have it.
const (
	defaultReopenWindow           = 72 * time.Hour
	defaultMaxMissedOffers        = 2
	defaultOfferTimeout           = 30 * time.Second
	defaultAcknowledgementTimeout = 30 * time.Minute
)

// Build resolves the entries of a manifest. It fails if they are not those of the manifest, cannot be read, or name an
// owner (team of a tier, tier of a queue …) that is not among them; of what Compile returns it never does. Other
// references to what is not there are left empty.
func Build(m Manifest, entries []Entry) (*Plan, error) {
	if m.SchemaVersion > SchemaVersion {
		return nil, fmt.Errorf("the plan has schema version %d; this build reads up to %d: upgrade it", m.SchemaVersion, SchemaVersion)
	}
	d, err := read(m, entries)
	if err != nil {
		return nil, err
	}
	p := d.resolve(m)
	p.Router = d.router(p)
	return p, nil
}

// resolve the declarations of a manifest, all but the router. They have their owners and can be read.
func (d *declarations) resolve(m Manifest) *Plan {
	p := &Plan{
		Hash:   m.Hash(),
		Teams:  make(map[string]*Team, len(d.teams)),
		Tiers:  make(map[string]*Tier, len(d.tiers)),
		Queues: make(map[string]*Queue, len(d.queues)),
		Agents: make(map[string]*Agent, len(d.agents)),
	}
	d.addHelpDesk(p)
	d.addCalendars(p)
	d.addTeams(p)
	d.addServiceLevels(p)
	d.addAgents(p)
	d.addRotations(p)
	d.addDuties(p)
	d.addTiers(p)
	d.addQueues(p)
	d.staff(p)
	d.addEscalations(p, m)
	p.subjects = subjects(p.Agents)
	p.Pools = pools(p.Queues)
	return p
}

// declarations are the decoded objects of a plan.
type declarations struct {
	name        string
	helpDesk    *v1alpha1.HelpDesk
	teams       map[string]*v1alpha1.SupportTeam
	tiers       map[string]*v1alpha1.Tier
	queues      map[string]*v1alpha1.Queue
	agents      map[string]*v1alpha1.Agent
	policies    map[string]*v1alpha1.RoutingPolicy
	calendars   map[string]*v1alpha1.BusinessCalendar
	escalations map[string]*v1alpha1.EscalationPolicy
	levels      map[string]*v1alpha1.ServiceLevel
	rotations   map[string]*v1alpha1.OnCallRotation
	overrides   map[string]*v1alpha1.OnCallOverride
	// revisions of the rotations.
	revisions map[string][]oncall.Revision
}

func newDeclarations(name string) *declarations {
	return &declarations{
		name:        name,
		teams:       map[string]*v1alpha1.SupportTeam{},
		tiers:       map[string]*v1alpha1.Tier{},
		queues:      map[string]*v1alpha1.Queue{},
		agents:      map[string]*v1alpha1.Agent{},
		policies:    map[string]*v1alpha1.RoutingPolicy{},
		calendars:   map[string]*v1alpha1.BusinessCalendar{},
		escalations: map[string]*v1alpha1.EscalationPolicy{},
		levels:      map[string]*v1alpha1.ServiceLevel{},
		rotations:   map[string]*v1alpha1.OnCallRotation{},
		overrides:   map[string]*v1alpha1.OnCallOverride{},
		revisions:   map[string][]oncall.Revision{},
	}
}

func (d *declarations) add(object metav1.Object) {
	switch o := object.(type) {
	case *v1alpha1.HelpDesk:
		d.helpDesk = o
	case *v1alpha1.SupportTeam:
		d.teams[o.Name] = o
	case *v1alpha1.Tier:
		d.tiers[o.Name] = o
	case *v1alpha1.Queue:
		d.queues[o.Name] = o
	case *v1alpha1.Agent:
		d.agents[o.Name] = o
	case *v1alpha1.RoutingPolicy:
		d.policies[o.Name] = o
	case *v1alpha1.BusinessCalendar:
		d.calendars[o.Name] = o
	case *v1alpha1.EscalationPolicy:
		d.escalations[o.Name] = o
	case *v1alpha1.ServiceLevel:
		d.levels[o.Name] = o
	case *v1alpha1.OnCallRotation:
		d.rotations[o.Name] = o
	case *v1alpha1.OnCallOverride:
		d.overrides[o.Name] = o
	}
}

func (d *declarations) addRevisions(e Entry) {
	if len(e.Revisions) > 0 {
		d.revisions[e.Name] = e.Revisions
	}
}

func read(m Manifest, entries []Entry) (*declarations, error) {
	d := newDeclarations(m.HelpDesk)
	hashes := make(map[Key]string, len(m.Entries))
	for _, ref := range m.Entries {
		hashes[ref.Key] = ref.Hash
	}
	if len(hashes) != len(entries) {
		return nil, fmt.Errorf("the manifest lists %d objects, and %d came with it", len(hashes), len(entries))
	}
	objects := make(map[Key]metav1.Object, len(entries))
	for _, e := range entries {
		if e.Hash() != hashes[e.Key] {
			return nil, fmt.Errorf("%s is not the one the manifest lists", e.Key)
		}
		if e.Kind == KindHelpDesk && e.Name != m.HelpDesk {
			return nil, fmt.Errorf("%s is in the plan of HelpDesk %s", e.Key, m.HelpDesk)
		}
		object, err := e.Object()
		if err != nil {
			return nil, err
		}
		objects[e.Key] = object
		d.add(object)
		d.addRevisions(e)
	}
	for key, object := range objects {
		if owner := linksOf(object).owner; owner != (Key{}) && objects[owner] == nil {
			return nil, fmt.Errorf("%s: the plan has no %s", key, owner)
		}
		if problems := unreadable(object); len(problems) > 0 {
			return nil, fmt.Errorf("%s: %s: %s", key, problems[0].Field, problems[0].Message)
		}
	}
	return d, nil
}

func (d *declarations) addHelpDesk(p *Plan) {
	p.HelpDesk = HelpDesk{Name: d.name, ReopenWindow: defaultReopenWindow, MaxMissedOffers: defaultMaxMissedOffers}
	if d.helpDesk == nil {
		return
	}
	spec := &d.helpDesk.Spec
	p.HelpDesk.ReopenWindow, _ = duration(spec.ReopenWindow, defaultReopenWindow)
	if spec.MaxMissedOffers > 0 {
		p.HelpDesk.MaxMissedOffers = int(spec.MaxMissedOffers)
	}
	p.HelpDesk.DefaultTeam = present(d.teams, string(spec.DefaultTeamRef.Name))
	p.HelpDesk.Webhooks = spec.Webhooks
	p.HelpDesk.ExternalURL = strings.TrimRight(spec.ExternalURL, "/")
	p.HelpDesk.Notifiers = make(map[string]v1alpha1.Notifier, len(spec.Notifiers))
	for _, n := range spec.Notifiers {
		n.Type = cmp.Or(n.Type, v1alpha1.NotifierChat)
		p.HelpDesk.Notifiers[n.Name] = n
	}
}

func (d *declarations) addTeams(p *Plan) {
	for name, o := range d.teams {
		team := &Team{Name: name, handOver: o.Spec.Defaults.HandOver}
		if ref := o.Spec.ParentTeamRef; ref != nil {
			team.Parent = present(d.teams, string(ref.Name))
		}
		if ref := o.Spec.LeadRef; ref != nil {
			team.Lead = present(d.agents, string(ref.Name))
		}
		if ref := o.Spec.DefaultQueueRef; ref != nil {
			team.DefaultQueue = present(d.queues, string(ref.Name))
		}
		if ref := o.Spec.Defaults.ServiceLevelRef; ref != nil {
			team.ServiceLevel = present(d.levels, string(ref.Name))
		}
		p.Teams[name] = team
	}
}

func (d *declarations) addAgents(p *Plan) {
	for name, o := range d.agents {
		team := d.teams[string(o.Spec.TeamRef.Name)]
		languages, limits := o.Spec.Languages, o.Spec.Limits
		if len(languages) == 0 {
			languages = team.Spec.Defaults.Languages
		}
		if len(limits) == 0 {
			limits = team.Spec.Defaults.Limits
		}
		a := &Agent{
			Name:        name,
			DisplayName: o.Spec.DisplayName,
			Team:        team.Name,
			Roles:       o.Spec.Roles,
			Subject:     o.Spec.Subject,
			Skills:      make(map[string]int, len(o.Spec.Skills)),
			Languages:   make(map[string]bool, len(languages)),
			Limits:      make(map[string]int, len(limits)),
		}
		if a.DisplayName == "" {
			a.DisplayName = name
		}
		if ref := o.Spec.ManagerRef; ref != nil {
			a.Manager = present(d.agents, string(ref.Name))
		}
		if limit := o.Spec.ApprovalLimit; limit != nil {
			a.ApprovalLimit = &ticket.Money{Amount: ptr.Deref(limit.Amount, 0), Currency: string(limit.Currency)}
		}
		for _, s := range o.Spec.Skills {
			a.Skills[string(s.Name)] = int(s.Level)
		}
		for _, l := range languages {
			a.Languages[string(l)] = true
		}
		for _, l := range limits {
			a.Limits[string(l.Channel)] = max(int(l.Max), 1)
		}
		a.Contacts = contacts(o.Spec.Contacts, p.HelpDesk.Notifiers)
		p.Agents[name] = a
	}
	for _, name := range slices.Sorted(maps.Keys(p.Teams)) {
		if lead := p.Agents[p.Teams[name].Lead]; lead != nil {
			lead.Leads = append(lead.Leads, name)
		}
	}
}

func (d *declarations) addTiers(p *Plan) {
	for name, o := range d.tiers {
		tier := &Tier{Name: name, Team: string(o.Spec.TeamRef.Name), Level: int(o.Spec.Level)}
		if ref := o.Spec.DefaultQueueRef; ref != nil {
			tier.DefaultQueue = present(d.queues, string(ref.Name))
		}
		p.Tiers[name] = tier
	}
}

func (d *declarations) addQueues(p *Plan) {
	for name, o := range d.queues {
		tier := p.Tiers[string(o.Spec.TierRef.Name)]
		timeout, _ := duration(o.Spec.Offer.Timeout, defaultOfferTimeout)
		q := &Queue{
			Name:     name,
			Tier:     tier.Name,
			Team:     tier.Team,
			Channels: make(map[string]bool, len(o.Spec.Channels)),
			Priority: int(o.Spec.Priority),
			Stages:   []Stage{{Requirements: requirements(&o.Spec.Requirements)}},
			Strategy: o.Spec.Strategy,
			Offer:    Offer{Auto: o.Spec.Offer.Mode == v1alpha1.OfferAuto, Timeout: timeout},
			Paused:   o.Spec.State == v1alpha1.QueuePaused,
		}
		for _, c := range o.Spec.Channels {
			q.Channels[string(c)] = true
		}
		d.addWaiting(q, &o.Spec)
		if q.Strategy == "" {
			q.Strategy = v1alpha1.LeastOccupied
		}
		p.Queues[name] = q
	}
}

// router compiles the policies. A team with several, which Compile does not let through, has the first by name.
func (d *declarations) router(p *Plan) *routing.Router {
	teams := make(map[string]routing.Team, len(p.Teams))
	for name, team := range p.Teams {
		teams[name] = routing.Team{DefaultQueue: team.DefaultQueue, ServiceLevel: team.ServiceLevel, Parent: team.Parent}
	}
	for _, name := range slices.Sorted(maps.Keys(d.policies)) {
		spec := d.policies[name].Spec
		team, ok := teams[string(spec.TeamRef.Name)]
		if !ok || team.Policy != nil {
			continue
		}
		team.Policy, _ = routing.CompilePolicy(name, spec.Rules)
		teams[string(spec.TeamRef.Name)] = team
	}
	queues := make(map[string]string, len(p.Queues))
	for name, queue := range p.Queues {
		queues[name] = queue.Team
	}
	levels := make(map[string]bool, len(d.levels))
	for name := range d.levels {
		levels[name] = true
	}
	return routing.New(p.HelpDesk.DefaultTeam, teams, queues, levels)
}

// present returns the name if there is such an object.
func present[T any](objects map[string]T, name string) string {
	if _, ok := objects[name]; !ok {
		return ""
	}
	return name
}

func duration(d v1alpha1.Duration, absent time.Duration) (time.Duration, error) {
	if d == "" {
		return absent, nil
	}
	return time.ParseDuration(string(d))
}

// selector of agents. An absent one selects all: a queue's narrows nothing, and a tier has one by its schema.
func selector(s *metav1.LabelSelector) (labels.Selector, error) {
	if s == nil {
		return labels.Everything(), nil
	}
	return metav1.LabelSelectorAsSelector(s)
}
