package demo

import (
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"

	"github.com/caseload-dev/caseload/internal/desk/api"
	"github.com/caseload-dev/caseload/internal/eventlog"
	"github.com/caseload-dev/caseload/internal/ticket"
)

// move is what happens to a ticket next.
type move struct {
	what string
	// agent who does it; empty: the customer or the desk's owner.
	agent string
	// slow stretches the time to think.
	slow float64
	do   func(context.Context, int64) error
}

// decide what happens next to a ticket; nil: nothing that the load does.
func (l *Load) decide(t *live) *move {
	switch t.status {
	case ticket.Offered:
		return l.answer(t)
	case ticket.Open:
		return l.handle(t)
	case ticket.Pending:
		return &move{"reply", "", 2, func(ctx context.Context, id int64) error {
			_, err := l.Desk.Reply(ctx, api.Call{}, id, api.Reply{From: "Customer", Body: pick(answers)})
			return err
		}}
	case ticket.OnHold:
		if t.approver != "" {
			return &move{"approve", t.approver, 1, func(ctx context.Context, id int64) error {
				_, err := l.Desk.Approve(ctx, api.Call{Agent: t.approver}, id, api.Because{})
				return err
			}}
		}
		return l.because(t, "resume", 2, l.Desk.Resume, "The third party has answered.")
	case ticket.Resolved:
		if rand.IntN(12) == 0 {
			return &move{"reply", "", 1, func(ctx context.Context, id int64) error {
				_, err := l.Desk.Reply(ctx, api.Call{}, id, api.Reply{From: "Customer", Body: "It happens again."})
				return err
			}}
		}
		return &move{"close", "", 3, func(ctx context.Context, id int64) error {
			_, err := l.Desk.Close(ctx, api.Call{}, id, api.Because{Reason: "The customer is content."})
			return err
		}}
	}
	return nil
}

// answer an offer: most are accepted soon, some declined, a few not noticed.
func (l *Load) answer(t *live) *move {
	offer, call := t.offer, api.Call{Agent: t.agent}
	switch n := rand.IntN(40); {
	case n == 0:
		return nil
	case n < 3:
		return &move{"decline", t.agent, 0.3, func(ctx context.Context, id int64) error {
			_, err := l.Desk.Decline(ctx, call, id, api.Decline{Offer: offer, Reason: "In the middle of something."})
			return err
		}}
	}
	return &move{"accept", t.agent, 0.3, func(ctx context.Context, id int64) error {
		_, err := l.Desk.Accept(ctx, call, id, api.Accept{Offer: offer})
		return err
	}}
}

// handle a ticket: most are resolved, some go to the next level, wait for somebody, or go back.
func (l *Load) handle(t *live) *move {
	call := api.Call{Agent: t.agent}
	next := l.shape.next(t.queue, t.channel)
	switch n := rand.IntN(20); {
	case n < 4 && len(next) > 0 && t.moves < 4:
		queue := pick(next)
		return &move{"transfer", t.agent, 1, func(ctx context.Context, id int64) error {
			_, err := l.Desk.Transfer(ctx, call, id, api.Transfer{Queue: queue, Reason: "Needs the next line: " + pick(findings)})
			return err
		}}
	case n < 6:
		return &move{"pend", t.agent, 1, func(ctx context.Context, id int64) error {
			if _, err := l.Desk.Reply(ctx, call, id, api.Reply{From: "Agent", Body: pick(questions)}); err != nil {
				return err
			}
			_, err := l.Desk.Pend(ctx, call, id, api.Pend{Reason: "Asked the customer."})
			return err
		}}
	case n == 6:
		return l.because(t, "hold", 1, l.Desk.Hold, "Asked the supplier.")
	case n == 7:
		return l.because(t, "return", 1, l.Desk.Return, "Somebody else should have a look.")
	}
	return &move{"resolve", t.agent, 1.5, func(ctx context.Context, id int64) error {
		if _, err := l.Desk.Reply(ctx, call, id, api.Reply{From: "Agent", Body: pick(solutions)}); err != nil {
			return err
		}
		_, err := l.Desk.Resolve(ctx, call, id, api.Because{Reason: "Answered."})
		var refused *api.Problem
		if errors.As(err, &refused) && refused.Type == api.ProblemApprovalNeeded {
			_, err = l.Desk.AskApproval(ctx, call, id, api.Because{Reason: "The invoice was wrong."})
		}
		return err
	}}
}

func (l *Load) because(t *live, what string, slow float64, verb func(context.Context, api.Call, int64, api.Because) (*ticket.Ticket, error), reason string) *move {
	call := api.Call{Agent: t.agent}
	return &move{what, t.agent, slow, func(ctx context.Context, id int64) error {
		_, err := verb(ctx, call, id, api.Because{Reason: reason})
		return err
	}}
}

// channelOf a ticket that was opened.
func channelOf(r *eventlog.Record) string {
	var opened eventlog.OpenedData
	if json.Unmarshal(r.Data, &opened) != nil {
		return ""
	}
	return opened.Channel
}

// approverOf a ticket whose agent asks for an approval; empty otherwise.
func approverOf(r *eventlog.Record) string {
	var asked eventlog.ApprovalData
	if r.Type != eventlog.ApprovalAsked || json.Unmarshal(r.Data, &asked) != nil {
		return ""
	}
	return asked.Of
}

func pick[T any](from []T) T { return from[rand.IntN(len(from))] }

var (
	questions = []string{"Which version do you use?", "Could you send a screenshot?", "Which invoice is it about?", "Does it happen with another file, too?"}
	answers   = []string{"The latest one.", "Attached.", "Number 2041.", "Yes, with every one.", "Only on Mondays."}
	solutions = []string{"It is fixed in the version of today.", "The amount is on its way back to you.", "Please sign in once more; it works now.", "The setting is under Preferences."}
	findings  = []string{"it can be reproduced.", "the logs show a fault of the product.", "this takes an approval.", "the first answer did not help."}
)
