package replay

import (
	"github.com/caseload-dev/caseload/internal/ticket"
)

// View is what the runner knows of a ticket.
type View struct {
	Version int64
	Status  ticket.Status
	Queue   string
	Agent   string
	// Offer is the current one while Offered; zero if it is not known yet.
	Offer int64
}

// Verb of an action.
type Verb string

const (
	// Await: nothing can be done until the ticket changes.
	Await Verb = ""
	// Done: the step has come about.
	Done            Verb = "done"
	Accept          Verb = "accept"
	Resume          Verb = "resume"
	TransferToQueue Verb = "transfer to queue"
	TransferToAgent Verb = "transfer to agent"
	DoPend          Verb = "pend"
	DoHold          Verb = "hold"
	DoResolve       Verb = "resolve"
	DoReopen        Verb = "reopen"
	DoClose         Verb = "close"
	DoCancel        Verb = "cancel"
	DoReply         Verb = "reply"
)

// Action is the next call that a step needs.
type Action struct {
	Verb Verb
	// As is the agent who acts; empty: the replay itself.
	As string
	// To is the queue or agent of a transfer.
	To string
	// Completes says that the step is done when the call succeeds.
	Completes bool
}

// Next says what brings the ticket nearer to the step.
func Next(s Step, v View) Action {
	as := ""
	if held(v.Status) {
		as = v.Agent
	}
	does := func(verb Verb) Action { return Action{Verb: verb, As: as, Completes: true} }
	switch s.Kind {
	case Work:
		if v.Status == ticket.Open {
			return Action{Verb: Done}
		}
		return obtain(v)
	case HandOver:
		if v.Queue == s.Queue { // an escalation was sooner
			return Action{Verb: Done}
		}
		a := does(TransferToQueue)
		a.To = s.Queue
		return a
	case PutBack:
		a := does(TransferToQueue)
		a.To = v.Queue
		return a
	case Respond:
		if !held(v.Status) {
			return obtain(v)
		}
		return does(DoReply)
	case PassOn:
		a := does(TransferToAgent)
		if a.To = s.Agent; v.Agent == s.Agent && as != "" {
			a.To = s.Giver
		}
		return a
	case Reopen:
		if v.Status != ticket.Resolved {
			return Action{Verb: Done}
		}
		return does(DoReopen)
	case Close:
		if v.Status == ticket.Closed { // by the end of the reopen window
			return Action{Verb: Done}
		}
		return does(DoClose)
	case Cancel:
		return does(DoCancel)
	case Resolve:
		if s.Waits || held(v.Status) {
			return does(DoResolve)
		}
		return obtain(v)
	case Pend, Hold:
		if v.Status != ticket.Open {
			return obtain(v)
		}
		if s.Kind == Pend {
			return does(DoPend)
		}
		return does(DoHold)
	}
	return Action{Verb: Done}
}

// ViewOf a ticket as the desk answered it.
func ViewOf(t *ticket.Ticket) View {
	v := View{Version: t.Version, Status: t.Status, Queue: t.Queue, Agent: t.Agent}
	if t.Offer != nil {
		v.Offer = t.Offer.ID
	}
	return v
}

func held(s ticket.Status) bool {
	return s == ticket.Open || s == ticket.Pending || s == ticket.OnHold
}

// obtain makes an agent work on the ticket: the one who is offered it, or the one who has it.
func obtain(v View) Action {
	switch v.Status {
	case ticket.Offered:
		return Action{Verb: Accept, As: v.Agent}
	case ticket.Pending, ticket.OnHold:
		return Action{Verb: Resume, As: v.Agent}
	}
	return Action{Verb: Await}
}
