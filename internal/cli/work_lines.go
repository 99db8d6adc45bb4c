package cli

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/caseload-dev/caseload/internal/desk/api"
	"github.com/caseload-dev/caseload/internal/ticket"
)

// byLines is the session without a terminal: a command a line in, a line for each change out. The end of the input ends
// it, as does "quit".
func (s *session) byLines(ctx context.Context, in io.Reader, out io.Writer) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var mu sync.Mutex
	say := func(format string, args ...any) {
		mu.Lock()
		defer mu.Unlock()
		fmt.Fprintf(out, format+"\n", args...)
	}
	known := map[int64]int64{}
	go s.follow(ctx, func(work *api.AgentWork) {
		for i := range work.Tickets {
			t := &work.Tickets[i]
			if known[t.ID] != t.Version {
				known[t.ID] = t.Version
				say("ticket %d  %s  %s  %q", t.ID, standing(t, time.Now()), t.Priority, t.Subject)
			}
		}
	}, func(err error) { say("the desk does not answer, trying again: %v", err) })

	lines := make(chan string)
	go func() {
		defer close(lines)
		scanner := bufio.NewScanner(in)
		for scanner.Scan() {
			select {
			case lines <- scanner.Text():
			case <-ctx.Done():
				return
			}
		}
	}()
	say("%s is Available. Commands: help, quit", s.agent)
	for {
		select {
		case <-ctx.Done():
			return nil
		case line, ok := <-lines:
			if !ok || strings.TrimSpace(line) == "quit" {
				return nil
			}
			if answer, err := s.command(ctx, line); err != nil {
				say("refused: %v", err)
			} else if answer != "" {
				say("%s", answer)
			}
		}
	}
}

// command runs one line: a verb or "show", the ticket and its text; or a presence and its reason.
func (s *session) command(ctx context.Context, line string) (string, error) {
	word, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
	rest = strings.TrimSpace(rest)
	switch word {
	case "":
		return "", nil
	case "help":
		return workHelp(), nil
	}
	for _, p := range presenceKeys {
		if word == p.word {
			return fmt.Sprintf("%s is %s", s.agent, p.presence), s.presence(ctx, p.presence, rest)
		}
	}
	number, text, _ := strings.Cut(rest, " ")
	if word == "show" {
		return s.show(ctx, number)
	}
	for _, v := range workVerbs {
		if word != v.word {
			continue
		}
		t, err := s.ticket(ctx, number)
		if err != nil {
			return "", err
		}
		done, err := s.do(ctx, v, t, strings.TrimSpace(text))
		if err != nil {
			return "", err
		}
		return fmt.Sprintf("ticket %d: %s", done.ID, standing(done, time.Now())), nil
	}
	return "", fmt.Errorf("%q is no command; help lists them", word)
}

// do a verb, unless the ticket as it is has no use for it.
func (s *session) do(ctx context.Context, v workVerb, t *ticket.Ticket, text string) (*ticket.Ticket, error) {
	if v.word == "accept" || v.word == "decline" {
		if t.Offer == nil || t.Agent != s.agent {
			return nil, fmt.Errorf("ticket %d is not offered to %s: it is %s", t.ID, s.agent, standing(t, time.Now()))
		}
	}
	return v.do(s, ctx, t, text)
}

func (s *session) ticket(ctx context.Context, word string) (*ticket.Ticket, error) {
	id, err := ticketID(word)
	if err != nil {
		return nil, err
	}
	return s.desk.Ticket(ctx, s.call, id)
}

func (s *session) show(ctx context.Context, word string) (string, error) {
	id, err := ticketID(word)
	if err != nil {
		return "", err
	}
	h, err := s.desk.History(ctx, s.call, id)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	err = renderTicket(&b, h, time.Now())
	return strings.TrimRight(b.String(), "\n"), err
}

func workHelp() string {
	var b strings.Builder
	b.WriteString("show ID\n")
	for _, v := range workVerbs {
		fmt.Fprintf(&b, "%s ID", v.word)
		if v.asks != "" {
			fmt.Fprintf(&b, " TEXT (%s)", v.asks)
		}
		b.WriteByte('\n')
	}
	for _, p := range presenceKeys {
		fmt.Fprintf(&b, "%s [REASON]\n", p.word)
	}
	b.WriteString("quit")
	return b.String()
}
