// Package plan turns the objects of a HelpDesk into one Plan: what the desk and the queue workers run by.
//
// Compile decides which version of which object belongs to the plan and what is wrong with the others; Build resolves the
// entries chosen into the indexed form that routing and dispatch read.
package plan

import (
	"encoding/json"
	"iter"
	"time"

	"github.com/caseload-dev/caseload/api/v1alpha1"
	"github.com/caseload-dev/caseload/internal/calendar"
	"github.com/caseload-dev/caseload/internal/notify"
	"github.com/caseload-dev/caseload/internal/oncall"
	"github.com/caseload-dev/caseload/internal/routing"
	"github.com/caseload-dev/caseload/internal/sla"
	"github.com/caseload-dev/caseload/internal/ticket"
)

// SchemaVersion of the entries this build writes. A desk refuses a newer one, and reads every older one.
const SchemaVersion = 1

// UnroutedQueue is built in: tickets that nothing sends elsewhere wait here for somebody to transfer them. No agent is
// offered them.
const UnroutedQueue = "unrouted"

// Key names an object of a HelpDesk.
type Key struct {
	Kind string `json:"kind"`
	Name string `json:"name"`
}

func (k Key) String() string { return k.Kind + "/" + k.Name }

// Entry is one object's content as the plan has it.
type Entry struct {
	Key
	// Labels of an Agent, which selectors read. Empty for other kinds.
	Labels map[string]string `json:"labels,omitempty"`
	// Spec of the object, as its kind in api/v1alpha1 encodes it.
	Spec json.RawMessage `json:"spec"`
	// Revisions of an OnCallRotation, by which its layers go. Empty for other kinds.
	Revisions []oncall.Revision `json:"revisions,omitempty"`
}

// EntryRef names an entry by its content.
type EntryRef struct {
	Key
	// Hash of the entry: hex SHA-256 of its JSON.
	Hash string `json:"hash"`
}

// Manifest lists the entries of a plan, sorted by kind and name. It is what is pushed, compared and kept.
type Manifest struct {
	SchemaVersion int        `json:"schemaVersion"`
	HelpDesk      string     `json:"helpDesk"`
	Entries       []EntryRef `json:"entries"`
}

// Problem is something wrong with an object.
type Problem struct {
	Object Key `json:"object"`
	// Field path in the object, such as spec.rules[2].when.
	Field string `json:"field,omitempty"`
	// Reason is one of the reasons of api/v1alpha1.
	Reason string `json:"reason"`
	// Message says what is wrong and what to do.
	Message string `json:"message"`
	// Warning problems do not keep the object out of the plan.
	Warning bool `json:"warning,omitempty"`
}

// Result of Compile.
type Result struct {
	Manifest Manifest
	// Entries of the manifest, in its order.
	Entries []Entry
	// Problems by kind and name of the object; of one object, in the order of its fields, and warnings last.
	Problems []Problem
	// Belongs has every declared object that the HelpDesk owns, whether in the plan or not.
	Belongs map[Key]bool
	// Current has the objects whose declared content is the one in the plan.
	Current map[Key]bool
	// Agents counts who can serve each Tier and Queue.
	Agents map[Key]int
	// Plan is the resolved form of the entries, without its router.
	Plan *Plan
}

// Plan is the resolved form of a manifest. It is read-only once built.
type Plan struct {
	// Revision is the desk's number for it, growing with each activation; zero until activated.
	Revision int64
	// Hash of the manifest.
	Hash string

	HelpDesk HelpDesk
	Teams    map[string]*Team
	Tiers    map[string]*Tier
	Queues   map[string]*Queue
	Agents   map[string]*Agent
	Pools    map[string]*Pool
	Router   *routing.Router
	// Calendars are the BusinessCalendars.
	Calendars map[string]*calendar.Calendar
	// Escalations are the EscalationPolicies.
	Escalations map[string]*EscalationPolicy
	// Rotations are the OnCallRotations.
	Rotations map[string]*OnCallRotation
	// ServiceLevels lack one whose calendar is gone: until it is back nothing is due under it.
	ServiceLevels map[string]*sla.Level

	subjects map[v1alpha1.Subject]string
	// levelContents tell ServiceLevels apart by what they were declared with.
	levelContents map[string]string
}

// HelpDesk is the desk's own settings.
type HelpDesk struct {
	Name            string
	DefaultTeam     string
	ReopenWindow    time.Duration
	MaxMissedOffers int
	Webhooks        []v1alpha1.Webhook
	// Notifiers by name.
	Notifiers map[string]v1alpha1.Notifier
	// ExternalURL at which people reach the desk; empty: that of its Service.
	ExternalURL string
}

// Team of people.
type Team struct {
	Name         string
	Parent       string
	Lead         string
	DefaultQueue string
	// ServiceLevel of the team itself, not of those above.
	ServiceLevel string
	handOver     *v1alpha1.HandOver
	// EscalationPolicy for tickets in the team's queues; empty: none.
	EscalationPolicy string
}

// Lineage is the team and those above it, the nearest first.
func (p *Plan) Lineage(team string) iter.Seq[*Team] {
	return func(yield func(*Team) bool) {
		// A circle of parents is refused when it is declared; the count bounds one that slipped in by old versions.
		for range p.Teams {
			t := p.Teams[team]
			if t == nil || !yield(t) {
				return
			}
			team = t.Parent
		}
	}
}

// Tier is a line of support.
type Tier struct {
	Name         string
	Team         string
	Level        int
	DefaultQueue string
	// Agents selected, or assigned to one of its queues, by name.
	Agents []string
}

// Queue of waiting tickets.
type Queue struct {
	Name     string
	Tier     string
	Team     string
	Channels map[string]bool // empty: every channel
	Priority int
	// Stages of the queue's requirements, at least one: the first holds from a ticket's entry on, each further one from the
	// time that Patience has for it.
	Stages   []Stage
	Patience ticket.Patience
	// Overflow is the queue that takes what waits too long here or finds no room; empty: none.
	Overflow string
	// MaxWaiting is the number of waiting tickets from which on the queue is full; zero: it never is. What routing sends to
	// a full queue is then rejected, or overflows.
	MaxWaiting int
	Rejects    bool
	Strategy   v1alpha1.Strategy
	Offer      Offer
	Paused     bool
	// Agents who can serve the queue at some stage, by name.
	Agents []string
	// Loans are the assignments with dates of those who serve the queue by nothing else.
	Loans map[string][]Span
	// candidates are selected or assigned, whether they have the skills or not.
	candidates []string
	// Pool the queue belongs to; empty if nobody can serve it.
	Pool string
}

// Stage of a queue's requirements.
type Stage struct {
	Requirements v1alpha1.Requirements
	// Agents who can serve the queue at this stage, by name: selected or assigned, and meeting the required skills.
	// Languages are a matter of the single ticket.
	Agents []string
}

// Stage of that number, from zero; of one that the queue does not have, its last.
func (q *Queue) Stage(n int) *Stage { return &q.Stages[min(n, len(q.Stages)-1)] }

// Serves says whether the queue takes tickets of the channel.
func (q *Queue) Serves(channel string) bool { return len(q.Channels) == 0 || q.Channels[channel] }

// Offer says how tickets of a queue reach agents.
type Offer struct {
	Auto    bool
	Timeout time.Duration
}

// Agent who works tickets.
type Agent struct {
	Name        string
	DisplayName string
	Team        string
	Manager     string
	Roles       []v1alpha1.Role
	// ApprovalLimit is what the agent resolves without asking; nil: any amount.
	ApprovalLimit *ticket.Money
	// Leads are the teams the agent is the lead of, by name.
	Leads     []string
	Subject   *v1alpha1.Subject
	Skills    map[string]int
	Languages map[string]bool
	// Limits per channel, each at least 1. Limit has the value of a channel that is not listed.
	Limits map[string]int
	// Contacts at notifiers that the HelpDesk has, in the order declared.
	Contacts []notify.Contact
	// Schedule by which the agent is on duty; nil: around the clock. ScheduleName is that of the calendar or rotation.
	Schedule     Schedule
	ScheduleName string
	// Zone in which the agent is told times: that of the schedule, else of a contact's quiet hours, else UTC. Never nil.
	Zone *time.Location
	// Absences that are declared.
	Absences []DutyChange
	// RampUp of somebody new, whose Limits are those that hold in full: see At. Nil: they hold.
	RampUp *RampUp
}

// DefaultLimit is an agent's limit for a channel that neither the agent nor the team lists.
const DefaultLimit = 1

// Limit of the channel.
func (a *Agent) Limit(channel string) int {
	if n, ok := a.Limits[channel]; ok {
		return n
	}
	return DefaultLimit
}

// Pool is a set of queues connected by agents they share: what one queue worker decides at a time.
type Pool struct {
	// Name is that of its first queue.
	Name   string
	Queues []string
	Agents []string
	// Tiers whose queue workers may hold the pool.
	Tiers []string
}
