// Package replay plays the tickets of a history through a desk. What each ticket goes through is a script made from the
// history beforehand; the desk decides who does it. Script, next action, observation and verdict are pure; Runner plays.
package replay

import (
	"fmt"
	"net/url"
	"slices"
	"time"

	"github.com/caseload-dev/caseload/internal/caselog"
	"github.com/caseload-dev/caseload/internal/importer"
	"github.com/caseload-dev/caseload/internal/ticket"
)

// Source of the external references that replayed tickets carry; their key is the case's id.
const Source = "replay"

// Kind of a step.
type Kind string

const (
	// Work: an agent has the ticket open. Whoever is offered it accepts; who has it resumes.
	Work Kind = "work"
	// Respond: whoever took the ticket up first tells the customer.
	Respond Kind = "respond"
	// HandOver to another queue.
	HandOver Kind = "hand over"
	// PassOn to another agent of the same queue.
	PassOn Kind = "pass on"
	// PutBack into the queue it came from.
	PutBack Kind = "put back"
	Pend    Kind = "pend"
	Hold    Kind = "hold"
	Resolve Kind = "resolve"
	Reopen  Kind = "reopen"
	Close   Kind = "close"
	Cancel  Kind = "cancel"
)

// passedOn begins the reason of a PassOn, by which its log entry is known.
const passedOn = "passed on "

// Step of a script.
type Step struct {
	Kind Kind
	// After is the time of the history between the step before and this one. It is zero while the ticket waits in a queue:
	// how long that takes is the desk's to show.
	After time.Duration
	// Queue of a HandOver, and in which the history had the ticket of a PutBack.
	Queue string
	// Agent of a PassOn, and Giver, who passed it on in the history. Whoever of them does not have the ticket gets it.
	Agent, Giver string
	// Waits says that nobody had the ticket in the history, so that nobody needs to accept it first.
	Waits bool
	// Reason as the ticket's log will have it; its number tells a step that was done.
	Reason string
}

// Script of a case.
type Script struct {
	Case string
	// At is when the ticket arrives, on the axis.
	At      time.Duration
	Content ticket.Content
	Steps   []Step
	// First is the queue that the ticket enters.
	First string
	// People who took the ticket up in the history, one for each Work.
	People []string
}

// key begins the idempotency keys of the case's calls.
func (s *Script) key() string { return Source + "/" + url.PathEscape(s.Case) }

// Scripts of all cases, in the order of arrival.
func Scripts(log *caselog.Log, org *importer.Organisation, axis *caselog.Axis) []Script {
	scripts := make([]Script, len(log.Cases))
	for i, c := range log.Cases {
		w := writer{org: org, axis: axis, events: c.Events}
		scripts[i] = w.write(c)
	}
	return scripts
}

// writer turns events into steps. It follows what the ticket's status will be: held by an agent or not, and done or not.
type writer struct {
	org    *importer.Organisation
	axis   *caselog.Axis
	events []caselog.Event

	script Script
	state  caselog.State
	person string
	// responded says that the customer was told that somebody took the ticket up.
	responded bool
	// since is the time of the history that no step has used yet.
	since time.Duration
}

func (w *writer) write(c caselog.Case) Script {
	first := c.Events[0]
	w.script = Script{
		Case: c.ID, At: w.axis.At(first.Time), Content: content(c, w.org.Channel),
		First: w.org.QueueOf[first.Team],
	}
	w.state = caselog.Queued
	for i, e := range c.Events {
		if i > 0 {
			w.since += w.axis.At(e.Time) - w.axis.At(c.Events[i-1].Time)
			if team := c.Events[i-1].Team; e.Team != team {
				w.handOver(team, e.Team)
			}
		}
		w.event(e, w.isLast(i))
	}
	for i := range w.script.Steps {
		s := &w.script.Steps[i]
		s.Reason = fmt.Sprintf("replay step %d of %d: %s", i+1, len(w.script.Steps), s.Reason)
	}
	return w.script
}

// isLast says that nothing but remarks follow the event.
func (w *writer) isLast(i int) bool {
	return !slices.ContainsFunc(w.events[i+1:], func(e caselog.Event) bool { return e.State != caselog.Remark })
}

func (w *writer) event(e caselog.Event, last bool) {
	switch {
	case e.State == caselog.Remark:
	case e.State == caselog.Queued:
		if w.state != caselog.Queued {
			w.live()
			w.add(Step{Kind: PutBack, Queue: w.org.QueueOf[e.Team], Reason: "put back into the queue"}, caselog.Queued)
		}
	case e.State == caselog.Working:
		w.held(e)
		if w.state != caselog.Working {
			w.work(e)
		}
	case e.State.Held():
		w.held(e)
		if w.state == caselog.Queued {
			w.work(e)
		}
		if w.state != e.State {
			kind := Hold
			if e.State == caselog.WaitingCustomer {
				kind = Pend
			}
			w.add(Step{Kind: kind, Reason: e.Status}, e.State)
		}
	default:
		w.done(e, last)
	}
}

// held reopens a ticket that is done, and passes it on if the history has it with another person of the team now.
func (w *writer) held(e caselog.Event) {
	w.live()
	if w.state.Held() && w.person != "" && e.Person != "" && e.Person != w.person {
		w.add(Step{
			Kind: PassOn, Agent: w.org.AgentOf[e.Person], Giver: w.org.AgentOf[w.person],
			Reason: fmt.Sprintf(passedOn+"from %s to %s", w.person, e.Person),
		}, caselog.Working)
		// Without room there the ticket waits instead, and is to be taken up at once.
		w.add(Step{Kind: Work, Reason: e.Status}, caselog.Working)
	}
	if e.Person != "" {
		w.person = e.Person
	}
}

func (w *writer) work(e caselog.Event) {
	if w.state == caselog.Queued {
		w.script.People = append(w.script.People, w.org.AgentOf[e.Person])
	}
	w.add(Step{Kind: Work, Reason: e.Status}, caselog.Working)
	if !w.responded {
		w.responded = true
		w.add(Step{Kind: Respond, Reason: "taken up"}, caselog.Working)
	}
}

func (w *writer) handOver(from, to string) {
	w.live()
	w.add(Step{Kind: HandOver, Queue: w.org.QueueOf[to], Reason: fmt.Sprintf("handed over from %s to %s", from, to)}, caselog.Queued)
	w.person = ""
}

// live reopens a ticket that is done. Whether its agent goes on with it or it waits is then the desk's to say.
func (w *writer) live() {
	if w.state.Done() {
		w.add(Step{Kind: Reopen, Reason: "the history continues"}, caselog.Remark)
	}
}

// done resolves the ticket, and ends it if nothing follows: only a resolved ticket can be reopened.
func (w *writer) done(e caselog.Event, last bool) {
	if last && e.State == caselog.Cancelled {
		w.add(Step{Kind: Cancel, Reason: e.Status}, caselog.Cancelled)
		return
	}
	if !w.state.Done() {
		w.add(Step{Kind: Resolve, Reason: e.Status}, caselog.Resolved)
	}
	if last && e.State == caselog.Closed {
		w.add(Step{Kind: Close, Reason: e.Status}, caselog.Closed)
	}
}

func (w *writer) add(s Step, next caselog.State) {
	if s.Waits = w.state == caselog.Queued; !s.Waits {
		s.After = w.since
	}
	w.since = 0
	w.script.Steps = append(w.script.Steps, s)
	w.state = next
}

// final statuses of a ticket whose history ended so.
func final(s caselog.State) []ticket.Status {
	switch s {
	case caselog.Resolved: // the desk closes it when the reopen window ends
		return []ticket.Status{ticket.Resolved, ticket.Closed}
	case caselog.Closed:
		return []ticket.Status{ticket.Closed}
	case caselog.Cancelled:
		return []ticket.Status{ticket.Cancelled}
	case caselog.Working:
		return []ticket.Status{ticket.Open}
	case caselog.WaitingCustomer:
		return []ticket.Status{ticket.Pending}
	case caselog.WaitingOther:
		return []ticket.Status{ticket.OnHold}
	}
	return []ticket.Status{ticket.Waiting, ticket.Offered}
}

// content of the ticket as intake gives it. The category names the support team that had it first, which is what the
// imported RoutingPolicy reads.
func content(c caselog.Case, channel string) ticket.Content {
	e := c.Events[0]
	subject := "Case " + c.ID
	if e.Product != "" {
		subject += " about " + e.Product
	}
	return ticket.Content{
		Subject: subject, Channel: channel, Category: e.Team, Product: e.Product, Priority: importer.PriorityOf(c),
		Reference: &ticket.Reference{Source: Source, Key: c.ID},
	}
}
