package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/caseload-dev/caseload/internal/desk/api"
	"github.com/caseload-dev/caseload/internal/dispatch"
	"github.com/caseload-dev/caseload/internal/ticket"
)

func init() { commands = append(commands, newWork) }

func newWork() *cobra.Command {
	var connect connectFlags
	cmd := &cobra.Command{
		Use:     "work",
		Short:   "Work tickets in a terminal: offers as they come, a key for every verb",
		GroupID: "use",
		Long: `Go Available as an agent, see offers as they come with the time left to accept them, and work what you have, with the
whole history in view. At the end, also by Ctrl-C or when the terminal closes, you are set Away; what you own stays
yours.

--as-agent names you. Whose identity is not the subject of that Agent needs the permission to impersonate agents.

Without a terminal it reads one command a line, the same words as the keys' ("help" lists them), and prints one line for
each offer.`,
		Example: `  caseload work --as-agent jo
  echo "accept 17" | caseload work --as-agent jo`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			agent := connect.asAgent
			ctx, stop := signal.NotifyContext(cmd.Context(), syscall.SIGHUP)
			defer stop()
			desk, hangUp, err := connect.dial(cmd)
			if err != nil {
				return err
			}
			defer hangUp()
			s := &session{desk: desk, agent: agent, call: api.Call{Agent: agent}}
			if err := s.presence(ctx, dispatch.Available, ""); err != nil {
				return err
			}
			defer func() {
				leaving, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
				defer cancel()
				if err := s.presence(leaving, dispatch.Away, "left the session"); err != nil {
					fmt.Fprintln(cmd.ErrOrStderr(), "Not set Away:", err)
					return
				}
				fmt.Fprintf(cmd.ErrOrStderr(), "%s is Away.\n", agent)
			}()
			out, isFile := cmd.OutOrStdout().(*os.File)
			if isFile && term.IsTerminal(int(out.Fd())) && term.IsTerminal(int(os.Stdin.Fd())) {
				return s.onScreen(ctx, out)
			}
			return s.byLines(ctx, cmd.InOrStdin(), cmd.OutOrStdout())
		},
	}
	connect.bind(cmd.Flags())
	_ = cmd.MarkFlagRequired("as-agent")
	return cmd
}

// session of an agent at work.
type session struct {
	desk  api.Service
	agent string
	call  api.Call
}

func (s *session) presence(ctx context.Context, presence dispatch.Presence, reason string) error {
	_, err := s.desk.SetPresence(ctx, s.call, s.agent, api.SetPresence{Presence: string(presence), Reason: reason})
	return err
}

// follow sends what the agent has before them, at once and whenever it changes, until ctx ends. Errors are told in
// between; it goes on.
func (s *session) follow(ctx context.Context, changed func(*api.AgentWork), failed func(error)) {
	var position int64
	for ctx.Err() == nil {
		work, err := s.desk.Work(ctx, s.call, s.agent, position, 20)
		switch {
		case ctx.Err() != nil:
		case err != nil:
			failed(err)
			select {
			case <-ctx.Done():
			case <-time.After(time.Second):
			}
		default:
			position = work.Position
			changed(work)
		}
	}
}

// workVerb is what an agent can do, by a key or a word.
type workVerb struct {
	key  rune
	word string
	// asks for a text; empty: it needs none.
	asks string
	// in lists the statuses in which it is of use.
	in []ticket.Status
	do func(s *session, ctx context.Context, t *ticket.Ticket, text string) (*ticket.Ticket, error)
}

var (
	atWork  = []ticket.Status{ticket.Open, ticket.Pending, ticket.OnHold}
	handled = []ticket.Status{ticket.Offered, ticket.Open, ticket.Pending, ticket.OnHold}
)

var workVerbs = []workVerb{
	{'a', "accept", "", []ticket.Status{ticket.Offered}, func(s *session, ctx context.Context, t *ticket.Ticket, _ string) (*ticket.Ticket, error) {
		return s.desk.Accept(ctx, s.call, t.ID, api.Accept{Offer: t.Offer.ID})
	}},
	{'d', "decline", "why", []ticket.Status{ticket.Offered}, func(s *session, ctx context.Context, t *ticket.Ticket, text string) (*ticket.Ticket, error) {
		return s.desk.Decline(ctx, s.call, t.ID, api.Decline{Offer: t.Offer.ID, Reason: text})
	}},
	{'r', "reply", "to the customer", handled, func(s *session, ctx context.Context, t *ticket.Ticket, text string) (*ticket.Ticket, error) {
		return s.desk.Reply(ctx, s.call, t.ID, api.Reply{From: "Agent", Body: text})
	}},
	{'n', "note", "for colleagues", handled, func(s *session, ctx context.Context, t *ticket.Ticket, text string) (*ticket.Ticket, error) {
		return s.desk.Note(ctx, s.call, t.ID, api.Note{Body: text})
	}},
	{'t', "transfer", "QUEUE or agent/NAME, and why", handled, func(s *session, ctx context.Context, t *ticket.Ticket, text string) (*ticket.Ticket, error) {
		to, reason, _ := strings.Cut(strings.TrimSpace(text), " ")
		if to == "" || strings.TrimSpace(reason) == "" {
			return nil, errors.New("say where to and why, such as: billing asks for a refund")
		}
		body := api.Transfer{Queue: to, Reason: strings.TrimSpace(reason)}
		if agent, ok := strings.CutPrefix(to, "agent/"); ok {
			body.Queue, body.Agent = "", agent
		}
		return s.desk.Transfer(ctx, s.call, t.ID, body)
	}},
	{'b', "return", "back to the queue, why", atWork, withReason(api.Service.Return)},
	{'p', "pend", "on the customer: call back in (such as 2h, or nothing), and why", []ticket.Status{ticket.Open}, func(s *session, ctx context.Context, t *ticket.Ticket, text string) (*ticket.Ticket, error) {
		first, rest, _ := strings.Cut(text, " ")
		until, err := parseUntil(first)
		if err != nil {
			until, rest = time.Time{}, text
		}
		return s.desk.Pend(ctx, s.call, t.ID, api.Pend{Until: until, Reason: rest})
	}},
	{'h', "hold", "for whom", []ticket.Status{ticket.Open}, withReason(api.Service.Hold)},
	{'u', "resume", "", []ticket.Status{ticket.Pending, ticket.OnHold}, withReason(api.Service.Resume)},
	{'s', "resolve", "how", atWork, withReason(api.Service.Resolve)},
	{'o', "reopen", "why", []ticket.Status{ticket.Resolved}, withReason(api.Service.Reopen)},
	{'c', "close", "why", []ticket.Status{ticket.Resolved}, withReason(api.Service.Close)},
	{'x', "cancel", "why", handled, withReason(api.Service.Cancel)},
}

// withReason is a verb of the API that needs no more than a reason.
func withReason(verb func(api.Service, context.Context, api.Call, int64, api.Because) (*ticket.Ticket, error)) func(*session, context.Context, *ticket.Ticket, string) (*ticket.Ticket, error) {
	return func(s *session, ctx context.Context, t *ticket.Ticket, text string) (*ticket.Ticket, error) {
		return verb(s.desk, ctx, s.call, t.ID, api.Because{Reason: text})
	}
}

// presences by the word and key that set them.
var presenceKeys = []struct {
	key      rune
	word     string
	presence dispatch.Presence
}{
	{'1', "available", dispatch.Available},
	{'2', "busy", dispatch.Busy},
	{'3', "wrap-up", dispatch.WrapUp},
	{'4', "away", dispatch.Away},
}
