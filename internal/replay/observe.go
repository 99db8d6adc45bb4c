package replay

import (
	"cmp"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/caseload-dev/caseload/internal/eventlog"
	"github.com/caseload-dev/caseload/internal/ticket"
)

// Observed is what the desk's log tells of one replayed ticket.
type Observed struct {
	Case   string
	Ticket int64
	View   View
	// Opened counts the tickets opened for the case; more than one is an error of the desk.
	Opened   int
	OpenedAt time.Time
	// StepsDone is the number of the last step that the log names.
	StepsDone int
	// HandOvers to other queues, in order; PassedOn counts the transfers within a queue to another agent.
	HandOvers []Transfer
	PassedOn  int
	PutBack   int
	Reopened  int
	// Waits are the spans from waiting in a queue to an agent's acceptance; Work those with an agent working on it.
	Waits []Interval
	Work  []Interval
	// People who took it up, one for each wait.
	People []string
	// Breached has the queue that the ticket was in when a target was missed; RespondedIn and ResolvedIn are those that it was
	// in at the first reply and when it was last resolved.
	Breached                map[ticket.Metric]string
	RespondedIn, ResolvedIn string

	// late is how long after its due time the last step of an escalation took place.
	late time.Duration

	waitingSince, workSince time.Time
}

// Transfer to another queue.
type Transfer struct {
	From, To string
	// ByTime says that an escalation made it, and Late how long after its due time.
	ByTime bool
	Late   time.Duration
}

// Interval of time in which the ticket was in a queue's or an agent's hands.
type Interval struct {
	Owner    string
	From, To time.Time
}

// Observations collects the records of replayed tickets by case. It is fed the desk's log from the beginning.
type Observations struct {
	Cases   map[string]*Observed
	tickets map[int64]*Observed
}

// NewObservations is empty.
func NewObservations() *Observations {
	return &Observations{Cases: map[string]*Observed{}, tickets: map[int64]*Observed{}}
}

// Add takes a record and returns the case it is about, empty if it is no replayed ticket's.
func (o *Observations) Add(r *eventlog.Record) string {
	if r.Type == eventlog.Opened {
		o.opened(r)
	}
	c := o.tickets[r.Ticket]
	if c == nil || r.To == nil {
		return ""
	}
	c.step(r)
	c.move(r)
	return c.Case
}

func (o *Observations) opened(r *eventlog.Record) {
	var data eventlog.OpenedData
	if json.Unmarshal(r.Data, &data) != nil || data.Reference == nil || data.Reference.Source != Source {
		return
	}
	c := o.Cases[data.Reference.Key]
	if c == nil {
		c = &Observed{Case: data.Reference.Key, Ticket: r.Ticket, OpenedAt: r.At, Breached: map[ticket.Metric]string{}}
		o.Cases[data.Reference.Key] = c
		o.tickets[r.Ticket] = c
	}
	c.Opened++
}

// step notes what the replay did.
func (c *Observed) step(r *eventlog.Record) {
	var number, of int
	if n, _ := fmt.Sscanf(r.Reason, "replay step %d of %d:", &number, &of); n == 2 {
		c.StepsDone = max(c.StepsDone, number)
	}
	switch r.Type {
	case eventlog.Escalated:
		if c.late = 0; r.Timer != nil {
			c.late = r.At.Sub(r.Timer.Due)
		}
	case eventlog.Transferred:
		switch {
		case r.From != nil && r.From.Queue != r.To.Queue:
			t := Transfer{From: r.From.Queue, To: r.To.Queue, ByTime: number == 0}
			if t.ByTime {
				t.Late = c.late
			}
			c.HandOvers = append(c.HandOvers, t)
		case strings.Contains(r.Reason, passedOn):
			c.PassedOn++
		default:
			c.PutBack++
		}
	case eventlog.Reopened:
		c.Reopened++
	case eventlog.Replied:
		if c.RespondedIn == "" {
			c.RespondedIn = r.To.Queue
		}
	case eventlog.Resolved:
		c.ResolvedIn = r.To.Queue
		c.RespondedIn = cmp.Or(c.RespondedIn, r.To.Queue) // to resolve is to respond
	case eventlog.Breached:
		var data eventlog.ServiceData
		if json.Unmarshal(r.Data, &data) == nil {
			c.Breached[data.Metric] = r.To.Queue
		}
	}
}

// move follows who has the ticket.
func (c *Observed) move(r *eventlog.Record) {
	from, to := c.View.Status, r.To.Status
	waited := from == ticket.Waiting || from == ticket.Offered
	waits := to == ticket.Waiting || to == ticket.Offered
	if waited && (!waits || r.To.Queue != c.View.Queue) {
		if to == ticket.Open {
			c.Waits = append(c.Waits, Interval{c.View.Queue, c.waitingSince, r.At})
			c.People = append(c.People, r.To.Agent)
		}
		waited = false
	}
	if waits && !waited {
		c.waitingSince = r.At
	}
	if from == ticket.Open && (to != ticket.Open || r.To.Agent != c.View.Agent) {
		c.Work = append(c.Work, Interval{c.View.Agent, c.workSince, r.At})
		from = ""
	}
	if to == ticket.Open && from != ticket.Open {
		c.workSince = r.At
	}
	v := View{Version: r.Version, Status: to, Queue: r.To.Queue, Agent: r.To.Agent}
	if to == ticket.Offered {
		v.Offer = c.View.Offer
	}
	if r.Dispatch != nil && to == ticket.Offered {
		v.Offer = r.Dispatch.Offer
	}
	c.View = v
}
