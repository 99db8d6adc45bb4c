package api

import (
	"time"

	"github.com/caseload-dev/caseload/api/v1alpha1"
	"github.com/caseload-dev/caseload/internal/dispatch"
	"github.com/caseload-dev/caseload/internal/eventlog"
	"github.com/caseload-dev/caseload/internal/outbox"
	"github.com/caseload-dev/caseload/internal/plan"
	"github.com/caseload-dev/caseload/internal/routing"
	"github.com/caseload-dev/caseload/internal/ticket"
)

// Plan is the desk's active plan.
type Plan struct {
	// Revision is zero before the first activation.
	Revision    int64         `json:"revision"`
	Hash        string        `json:"hash,omitempty"`
	ActivatedAt time.Time     `json:"activatedAt,omitzero"`
	Manifest    plan.Manifest `json:"manifest"`
	// ClockStandsAt is desk time while it stands still, because the machine's clock was set back and has not caught up.
	ClockStandsAt time.Time `json:"clockStandsAt,omitzero" doc:"Desk time while it stands still: the machine's clock was set back"`
}

// PlanEntries are the entries of a plan, as its objects were accepted.
type PlanEntries struct {
	Entries []plan.Entry `json:"entries"`
}

// PushPlan proposes a manifest. It is activated if the desk has every entry, else Missing of the answer says which to
// send along. If-Match must be the active plan's hash ("*" for none).
type PushPlan struct {
	// ManagerEpoch is the leader epoch of the pusher; one older than the active plan's is refused.
	ManagerEpoch int64         `json:"managerEpoch"`
	Manifest     plan.Manifest `json:"manifest"`
	// Entries that the desk may lack.
	Entries []plan.Entry `json:"entries,omitempty"`
}

// PushedPlan says what became of a push.
type PushedPlan struct {
	// Active plan: the pushed one unless entries are missing.
	Revision int64  `json:"revision"`
	Hash     string `json:"hash"`
	// Missing are the hashes of entries to push along.
	Missing []string `json:"missing,omitempty"`
}

// AcquireLeases asks for pools to work. A queue worker asks again while it works, which renews what it holds.
type AcquireLeases struct {
	// Worker is the pod's name.
	Worker string `json:"worker" minLength:"1" maxLength:"253"`
	Tier   string `json:"tier" minLength:"1" maxLength:"253"`
	// Wait up to this long for a change of what the worker may hold. The lease lasts while the call waits.
	WaitSeconds int `json:"waitSeconds,omitempty" minimum:"0" maximum:"30"`
	// Holding are the leases that the worker works now, so that an answer without a change can be awaited.
	Holding []Lease `json:"holding,omitempty"`
}

// Lease of a pool.
type Lease struct {
	Pool  string `json:"pool"`
	Epoch int64  `json:"epoch"`
}

// Leases that the worker holds. A pool that was held and is not among them is no longer the worker's.
type Leases struct {
	Leases []Lease `json:"leases"`
	// TTLSeconds is how long they last after the answer unless renewed.
	TTLSeconds   int   `json:"ttlSeconds"`
	PlanRevision int64 `json:"planRevision"`
}

// ReleaseLeases gives all leases of a worker back, as it stops.
type ReleaseLeases struct {
	Worker string `json:"worker" minLength:"1" maxLength:"253"`
}

// ClassWindow is the head of a class of demand: its first tickets in order.
type ClassWindow struct {
	Class   string            `json:"class"`
	Demands []dispatch.Demand `json:"demands"`
	// More says that others wait behind.
	More bool `json:"more,omitempty"`
}

// Snapshot is all that dispatch needs of a pool at a position of the log.
type Snapshot struct {
	Pool         string                `json:"pool"`
	Epoch        int64                 `json:"epoch"`
	Position     int64                 `json:"position"`
	PlanRevision int64                 `json:"planRevision"`
	Agents       []dispatch.AgentState `json:"agents"`
	Classes      []ClassWindow         `json:"classes"`
	// Now is desk time.
	Now time.Time `json:"now"`
}

// Changes to a pool since a position.
type Changes struct {
	Position     int64                 `json:"position"`
	PlanRevision int64                 `json:"planRevision"`
	Agents       []dispatch.AgentState `json:"agents,omitempty"`
	// Waiting are the tickets that wait now and changed since; Gone those that no longer wait in the pool.
	Waiting []dispatch.Demand `json:"waiting,omitempty"`
	Gone    []int64           `json:"gone,omitempty"`
	// More says that the log goes on behind Position: ask again before deciding anything.
	More bool `json:"more,omitempty"`
	// Reset says that too much happened or the plan changed: take a new snapshot.
	Reset bool      `json:"reset,omitempty"`
	Now   time.Time `json:"now"`
}

// Commit puts decisions of a pool into effect.
type Commit struct {
	Epoch        int64               `json:"epoch"`
	Position     int64               `json:"position"`
	PlanRevision int64               `json:"planRevision"`
	Decisions    []dispatch.Decision `json:"decisions" minItems:"1" maxItems:"1000"`
}

// SetAside takes a ticket whose decision failed out of dispatch until it changes.
type SetAside struct {
	Epoch  int64  `json:"epoch"`
	Ticket int64  `json:"ticket"`
	Reason string `json:"reason" minLength:"1" maxLength:"512"`
}

// Committed tells the outcome of each decision, in order.
type Committed struct {
	// Refused says why a decision did not take effect: it lost a race, or comes after one that did. Empty: it took effect.
	Refused  []string `json:"refused"`
	Position int64    `json:"position"`
}

// Message of the outbox that a worker claimed to deliver.
type Message struct {
	ID       int64 `json:"id"`
	Attempts int   `json:"attempts"`
	outbox.Message
}

// ClaimMessages asks for messages to deliver.
type ClaimMessages struct {
	Worker      string `json:"worker" minLength:"1" maxLength:"253"`
	Max         int    `json:"max" minimum:"1" maximum:"100"`
	WaitSeconds int    `json:"waitSeconds,omitempty" minimum:"0" maximum:"30"`
}

// ClaimedMessages are the worker's until their claim ends; a message without a result by then is claimed again.
type ClaimedMessages struct {
	Messages []Message `json:"messages"`
}

// Delivery is the result of one attempt.
type Delivery struct {
	ID int64 `json:"id"`
	// Error is empty when the message was taken.
	Error string `json:"error,omitempty" maxLength:"1024"`
}

// Deliveries reports results.
type Deliveries struct {
	Worker  string     `json:"worker" minLength:"1" maxLength:"253"`
	Results []Delivery `json:"results" minItems:"1" maxItems:"100"`
}

// Records is a page of the log.
type Records struct {
	Items []eventlog.Record `json:"items"`
	// Position is the last record's sequence number, or the position asked from if there is none.
	Position int64 `json:"position"`
}

// RouteResult explains where a ticket would go.
type RouteResult struct {
	Decision routing.Decision `json:"decision"`
	// PlanRevision that decided.
	PlanRevision int64 `json:"planRevision"`
	// Waiting tells what becomes of the ticket in its queue if nobody takes it; absent: it waits.
	Waiting *Waiting `json:"waiting,omitempty"`
}

// Waiting tells what a queue does with tickets that nobody takes.
type Waiting struct {
	Relaxation []Relaxation `json:"relaxation,omitempty"`
	// Overflow is the queue that takes what waits for OverflowSeconds (zero: for any time), or finds the queue full.
	Overflow        string `json:"overflow,omitempty"`
	OverflowSeconds int64  `json:"overflowSeconds,omitempty"`
	// MaxWaiting tickets fill the queue; zero: any number may wait. It then rejects others, or they overflow.
	MaxWaiting int  `json:"maxWaiting,omitempty"`
	Rejects    bool `json:"rejects,omitempty"`
}

// Relaxation is a stage of a queue's requirements that begins later than the first.
type Relaxation struct {
	AfterSeconds int64                 `json:"afterSeconds"`
	Requirements v1alpha1.Requirements `json:"requirements"`
}

// WaitingIn a queue of the plan; nil for nothing but waiting, and for a queue that is not in it.
func WaitingIn(q *plan.Queue) *Waiting {
	if q == nil || len(q.Patience.Relax) == 0 && q.Overflow == "" && q.MaxWaiting == 0 {
		return nil
	}
	w := &Waiting{
		Overflow: q.Overflow, OverflowSeconds: int64(q.Patience.Overflow.Seconds()), MaxWaiting: q.MaxWaiting, Rejects: q.Rejects,
	}
	for i, after := range q.Patience.Relax {
		w.Relaxation = append(w.Relaxation, Relaxation{AfterSeconds: int64(after.Seconds()), Requirements: q.Stage(i + 1).Requirements})
	}
	return w
}

// RouteRequest asks where a ticket would go, without opening it.
type RouteRequest struct {
	Ticket   ticket.Content   `json:"ticket"`
	Customer *ticket.Customer `json:"customer,omitempty" doc:"Absent: the desk's record of ticket.customer"`
}

// Agent as the desk sees them now.
type Agent struct {
	dispatch.AgentState
	DisplayName string `json:"displayName,omitempty"`
	Team        string `json:"team"`
	// Manager is the agent this one reports to.
	Manager string `json:"manager,omitempty"`
	// Roles are those of the declared Agent.
	Roles []v1alpha1.Role `json:"roles,omitempty"`
	// Leads are the teams the agent is the lead of.
	Leads  []string       `json:"leads,omitempty"`
	Limits map[string]int `json:"limits,omitempty"`
	// Duty by the schedule and the absences; whoever is off duty is offered nothing.
	Duty plan.Duty `json:"duty"`
	// Absences that are declared and not over.
	Absences []plan.DutyChange `json:"absences,omitempty"`
	// Schedule is the calendar the agent's duty goes by; empty: around the clock.
	Schedule string `json:"schedule,omitempty"`
	// Free says that the agent could be offered a ticket of some channel now.
	Free bool `json:"free"`
}

// AgentList is all agents of the plan, by name.
type AgentList struct {
	Items []Agent `json:"items"`
}

// AgentWork is what an agent has before them: the offers first, then what they own.
type AgentWork struct {
	Agent   Agent           `json:"agent"`
	Tickets []ticket.Ticket `json:"tickets"`
	// Position to wait from with ?after=.
	Position int64 `json:"position"`
}

// Overview is what `caseload top` shows.
type Overview struct {
	HelpDesk     string          `json:"helpDesk"`
	PlanRevision int64           `json:"planRevision"`
	Now          time.Time       `json:"now"`
	Teams        []TeamOverview  `json:"teams"`
	Queues       []QueueOverview `json:"queues"`
	// Absent agents by name. Who is only off schedule is not among them.
	Absent  []OffDuty      `json:"absent"`
	Workers []WorkerStatus `json:"workers"`
	Outbox  OutboxOverview `json:"outbox"`
}

// OffDuty is an agent who is absent.
type OffDuty struct {
	Agent string `json:"agent"`
	Team  string `json:"team"`
	// Duty has the reason, and when they are back.
	Duty plan.Duty `json:"duty"`
}

// TeamOverview counts the people of a team.
type TeamOverview struct {
	Name   string `json:"name"`
	Agents int    `json:"agents"`
	// OnDuty by schedule and absences, whether or not they are there.
	OnDuty  int `json:"onDuty"`
	Present int `json:"present"`
	Free    int `json:"free"`
}

// QueueOverview counts the tickets of a queue and the agents who can serve it.
type QueueOverview struct {
	Name    string `json:"name"`
	Tier    string `json:"tier,omitempty"`
	Team    string `json:"team,omitempty"`
	Level   int    `json:"level,omitempty"`
	Paused  bool   `json:"paused,omitempty"`
	Waiting int    `json:"waiting"`
	// MaxWaiting tickets fill the queue; zero: any number may wait.
	MaxWaiting int `json:"maxWaiting,omitempty"`
	// OldestSeconds is the age of the oldest waiting ticket.
	OldestSeconds int64 `json:"oldestSeconds"`
	Offered       int   `json:"offered"`
	Open          int   `json:"open"`
	Pending       int   `json:"pending"`
	OnHold        int   `json:"onHold"`
	Resolved      int   `json:"resolved"`
	// NextDue is the earliest due time to come of the queue's tickets, with agents or not. AtRisk and Breached count those
	// that stand so with their service level.
	NextDue  time.Time `json:"nextDue,omitzero"`
	AtRisk   int       `json:"atRisk"`
	Breached int       `json:"breached"`
	Agents   int       `json:"agents"`
	Present  int       `json:"present"`
	Free     int       `json:"free"`
}

// WorkerStatus is a queue worker the desk has heard of within its lease.
type WorkerStatus struct {
	Name  string   `json:"name"`
	Tier  string   `json:"tier"`
	Pools []string `json:"pools"`
}

// OutboxOverview counts messages.
type OutboxOverview struct {
	Waiting int `json:"waiting"`
	Dead    int `json:"dead"`
	// Destinations are the webhooks and notifiers, by name.
	Destinations []OutboxDestination `json:"destinations,omitempty"`
}

// OutboxDestination counts the messages for one webhook or notifier.
type OutboxDestination struct {
	Name    string `json:"name"`
	Waiting int    `json:"waiting"`
	Dead    int    `json:"dead"`
}
