package cli

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/caseload-dev/caseload/internal/desk/api"
	"github.com/caseload-dev/caseload/internal/ticket"
)

// act is a verb of the API on one ticket.
type act func(cmd *cobra.Command, desk api.Service, call api.Call, id int64) (*ticket.Ticket, error)

// becauseVerb is a verb that needs no more than a reason.
type becauseVerb func(context.Context, api.Call, int64, api.Because) (*ticket.Ticket, error)

// onTicket makes the command of a verb: its ticket, its idempotency key, and what became of the ticket.
func onTicket(name, short string, flags func(*pflag.FlagSet), do act) *cobra.Command {
	var key string
	cmd := onDesk(&cobra.Command{Use: name + " ID", Short: short, Args: cobra.ExactArgs(1)},
		func(cmd *cobra.Command, desk api.Service, args []string) (*ticket.Ticket, error) {
			id, err := ticketID(args[0])
			if err != nil {
				return nil, err
			}
			return do(cmd, desk, api.Call{Key: key}, id)
		},
		func(w io.Writer, t *ticket.Ticket) error {
			_, err := fmt.Fprintf(w, "ticket %d: %s\n", t.ID, standing(t, time.Now()))
			return err
		})
	cmd.Flags().StringVar(&key, "idempotency-key", "", "key by which a repetition of this command is known (default: a new one)")
	if flags != nil {
		flags(cmd.Flags())
	}
	return cmd
}

func newTicketVerbs() []*cobra.Command {
	cmds := []*cobra.Command{newAccept(), newDecline(), newTransfer(), newPend(), newReply(), newNote(), newUpdate()}
	for _, v := range []struct {
		name, short string
		do          func(api.Service) becauseVerb
	}{
		{"return", "Give a ticket back to its home queue", func(s api.Service) becauseVerb { return s.Return }},
		{"hold", "Wait for a third party", func(s api.Service) becauseVerb { return s.Hold }},
		{"resume", "Go on with a ticket that is Pending or OnHold", func(s api.Service) becauseVerb { return s.Resume }},
		{"resolve", "Say that a ticket is answered", func(s api.Service) becauseVerb { return s.Resolve }},
		{"reopen", "Go on with a resolved ticket", func(s api.Service) becauseVerb { return s.Reopen }},
		{"close", "End a resolved ticket before its reopen window does", func(s api.Service) becauseVerb { return s.Close }},
		{"cancel", "End a ticket that nobody needs to act on", func(s api.Service) becauseVerb { return s.Cancel }},
		{"escalate", "Call for help by the team's EscalationPolicy, now; give a --reason", func(s api.Service) becauseVerb { return s.Escalate }},
		{"ask-approval", "Ask who may to approve the ticket's amount, which is above its agent's limit", func(s api.Service) becauseVerb { return s.AskApproval }},
		{"approve", "Approve the amount of a ticket", func(s api.Service) becauseVerb { return s.Approve }},
		{"refuse", "Refuse to approve the amount of a ticket; give a --reason", func(s api.Service) becauseVerb { return s.Refuse }},
		{"acknowledge", "Say that you act: the escalation stops for a time", func(s api.Service) becauseVerb { return s.Acknowledge }},
	} {
		var body api.Because
		cmds = append(cmds, onTicket(v.name, v.short,
			func(flags *pflag.FlagSet) { flags.StringVar(&body.Reason, "reason", "", "why; the history keeps it") },
			func(cmd *cobra.Command, desk api.Service, call api.Call, id int64) (*ticket.Ticket, error) {
				return v.do(desk)(cmd.Context(), call, id, body)
			}))
	}
	return cmds
}

func newAccept() *cobra.Command {
	var offer int64
	return onTicket("accept", "Accept the offer of a ticket",
		func(flags *pflag.FlagSet) {
			flags.Int64Var(&offer, "offer", 0, "id of the offer (default: the current one)")
		},
		func(cmd *cobra.Command, desk api.Service, call api.Call, id int64) (*ticket.Ticket, error) {
			current, err := currentOffer(cmd, desk, id, offer)
			if err != nil {
				return nil, err
			}
			return desk.Accept(cmd.Context(), call, id, api.Accept{Offer: current})
		})
}

func newDecline() *cobra.Command {
	var body api.Decline
	return onTicket("decline", "Decline the offer of a ticket; somebody else is asked",
		func(flags *pflag.FlagSet) {
			flags.Int64Var(&body.Offer, "offer", 0, "id of the offer (default: the current one)")
			flags.StringVar(&body.Reason, "reason", "", "why; the history keeps it")
		},
		func(cmd *cobra.Command, desk api.Service, call api.Call, id int64) (_ *ticket.Ticket, err error) {
			if body.Offer, err = currentOffer(cmd, desk, id, body.Offer); err != nil {
				return nil, err
			}
			return desk.Decline(cmd.Context(), call, id, body)
		})
}

func currentOffer(cmd *cobra.Command, desk api.Service, id, given int64) (int64, error) {
	if given != 0 {
		return given, nil
	}
	t, err := desk.Ticket(cmd.Context(), api.Call{}, id)
	if err != nil {
		return 0, err
	}
	if t.Offer == nil {
		return 0, fmt.Errorf("ticket %d is %s: there is no offer to answer", id, standing(t, time.Now()))
	}
	return t.Offer.ID, nil
}

func newTransfer() *cobra.Command {
	var body api.Transfer
	return onTicket("transfer", "Hand a ticket over to a queue or an agent",
		func(flags *pflag.FlagSet) {
			flags.StringVar(&body.Queue, "queue", "", "queue that gets it")
			flags.StringVar(&body.Agent, "agent", "", "agent who gets it; they must be there and have room")
			flags.StringVar(&body.Reason, "reason", "", "why; the history keeps it (required)")
		},
		func(cmd *cobra.Command, desk api.Service, call api.Call, id int64) (*ticket.Ticket, error) {
			if (body.Queue == "") == (body.Agent == "") {
				return nil, fmt.Errorf("give either --queue or --agent")
			}
			if body.Reason == "" {
				return nil, fmt.Errorf("give a --reason: who takes the ticket over should not have to ask")
			}
			return desk.Transfer(cmd.Context(), call, id, body)
		})
}

func newPend() *cobra.Command {
	var body api.Pend
	var until string
	return onTicket("pend", "Wait for the customer",
		func(flags *pflag.FlagSet) {
			flags.StringVar(&until, "until", "", "call back then: a time such as 2026-12-24T09:00:00+01:00, or from now such as 2h")
			flags.StringVar(&body.Reason, "reason", "", "why; the history keeps it")
		},
		func(cmd *cobra.Command, desk api.Service, call api.Call, id int64) (_ *ticket.Ticket, err error) {
			if body.Until, err = parseUntil(until); err != nil {
				return nil, err
			}
			return desk.Pend(cmd.Context(), call, id, body)
		})
}

func parseUntil(word string) (time.Time, error) { return parseTime("--until", word) }

// parseTime of a flag: an instant, or a duration from now; empty: none.
func parseTime(flag, word string) (time.Time, error) {
	if word == "" {
		return time.Time{}, nil
	}
	if d, err := time.ParseDuration(word); err == nil {
		return time.Now().Add(d).UTC(), nil
	}
	t, err := time.Parse(time.RFC3339, word)
	if err != nil {
		return time.Time{}, fmt.Errorf("%s %s: give a time such as 2026-12-24T09:00:00+01:00, or a duration such as 2h", flag, word)
	}
	return t, nil
}

func newReply() *cobra.Command {
	var body api.Reply
	return onTicket("reply", "Add a message to or from the customer",
		func(flags *pflag.FlagSet) {
			flags.StringVar(&body.From, "from", "Agent", "Agent, or Customer: then a ticket that is Pending resumes, and one Resolved is reopened")
			flags.StringVar(&body.Body, "body", "", "the message (required)")
		},
		func(cmd *cobra.Command, desk api.Service, call api.Call, id int64) (*ticket.Ticket, error) {
			if strings.TrimSpace(body.Body) == "" {
				return nil, fmt.Errorf("give the message with --body")
			}
			return desk.Reply(cmd.Context(), call, id, body)
		})
}

func newNote() *cobra.Command {
	var body api.Note
	return onTicket("note", "Add a note that the customer does not see",
		func(flags *pflag.FlagSet) { flags.StringVar(&body.Body, "body", "", "the note (required)") },
		func(cmd *cobra.Command, desk api.Service, call api.Call, id int64) (*ticket.Ticket, error) {
			if strings.TrimSpace(body.Body) == "" {
				return nil, fmt.Errorf("give the note with --body")
			}
			return desk.Note(cmd.Context(), call, id, body)
		})
}

func newUpdate() *cobra.Command {
	var body api.Update
	var subject, category, product, language, region, priority, amount string
	return onTicket("update", "Change what a ticket is about; one that waits is routed anew",
		func(flags *pflag.FlagSet) {
			flags.StringVar(&subject, "subject", "", "what it is about, in a line")
			flags.StringVar(&category, "category", "", "category that routing reads")
			flags.StringVar(&product, "product", "", "product that it is about")
			flags.StringVar(&language, "language", "", "language of the customer")
			flags.StringVar(&region, "region", "", "region of the customer")
			flags.StringVar(&priority, "priority", "", "Urgent, High, Normal or Low")
			flags.StringVar(&amount, "amount", "", "amount of money it is about, such as 120EUR")
			flags.StringSliceVar(&body.AddTags, "add-tag", nil, "tag to add; may be repeated")
			flags.StringSliceVar(&body.RemoveTags, "remove-tag", nil, "tag to remove; may be repeated")
			flags.StringToStringVar(&body.Attributes, "attribute", nil, "attribute as KEY=VALUE; an empty value removes it")
		},
		func(cmd *cobra.Command, desk api.Service, call api.Call, id int64) (*ticket.Ticket, error) {
			for name, field := range map[string]struct {
				value *string
				to    **string
			}{
				"subject": {&subject, &body.Subject}, "category": {&category, &body.Category}, "product": {&product, &body.Product},
				"language": {&language, &body.Language}, "region": {&region, &body.Region},
			} {
				if cmd.Flags().Changed(name) {
					*field.to = field.value
				}
			}
			if priority != "" {
				p := ticket.Priority(priority)
				body.Priority = &p
			}
			if amount != "" {
				m, err := parseMoney(amount)
				if err != nil {
					return nil, err
				}
				body.Amount = m
			}
			return desk.Update(cmd.Context(), call, id, body)
		})
}
