package cli

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/caseload-dev/caseload/internal/desk/api"
	"github.com/caseload-dev/caseload/internal/eventlog"
	"github.com/caseload-dev/caseload/internal/ticket"
)

// workScreen is what an agent sees and where their keys go. One goroutine owns it.
type workScreen struct {
	*session
	work     *api.AgentWork
	selected int64
	history  *api.TicketHistory
	// scroll is the number of history lines scrolled up from the end.
	scroll int
	note   string
	// prompt is a verb that waits for its text.
	prompt *workVerb
	target *ticket.Ticket
	text   []rune
}

// onScreen is the session in a terminal.
func (s *session) onScreen(ctx context.Context, out *os.File) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	screen, err := openScreen(out)
	if err != nil {
		return err
	}
	defer screen.close()

	changes, failures := make(chan *api.AgentWork), make(chan error)
	go s.follow(ctx, func(work *api.AgentWork) {
		select {
		case changes <- work:
		case <-ctx.Done():
		}
	}, func(err error) {
		select {
		case failures <- err:
		case <-ctx.Done():
		}
	})
	keys := screen.keys(ctx)
	// The countdown of an offer moves by itself.
	second := time.NewTicker(time.Second)
	defer second.Stop()

	w := &workScreen{session: s}
	for {
		_, height := screen.size()
		screen.draw(w.render(time.Now(), height))
		select {
		case <-ctx.Done():
			return nil
		case work := <-changes:
			w.show(ctx, work)
		case err := <-failures:
			w.note = "the desk does not answer, trying again: " + err.Error()
		case key, ok := <-keys:
			if !ok || !w.key(ctx, key) {
				return nil
			}
		case <-second.C:
		}
	}
}

// show takes the agent's work anew. The selection stays; without one it falls on the first ticket.
func (w *workScreen) show(ctx context.Context, work *api.AgentWork) {
	if w.work == nil || strings.HasPrefix(w.note, "the desk does not answer") {
		w.note = ""
	}
	w.work = work
	if w.current() == nil {
		w.selected = 0
		if len(work.Tickets) > 0 {
			w.selected = work.Tickets[0].ID
		}
	}
	w.read(ctx)
}

// read the history of the ticket selected.
func (w *workScreen) read(ctx context.Context) {
	t := w.current()
	if t == nil {
		w.history = nil
		return
	}
	if w.history != nil && w.history.Ticket.ID == t.ID && w.history.Ticket.Version == t.Version {
		return
	}
	h, err := w.desk.History(ctx, w.call, t.ID)
	if err != nil {
		w.note = err.Error()
		return
	}
	w.history, w.scroll = h, 0
}

func (w *workScreen) current() *ticket.Ticket {
	if w.work == nil {
		return nil
	}
	i := slices.IndexFunc(w.work.Tickets, func(t ticket.Ticket) bool { return t.ID == w.selected })
	if i < 0 {
		return nil
	}
	return &w.work.Tickets[i]
}

// key answers false when it ends the session.
func (w *workScreen) key(ctx context.Context, key rune) bool {
	if w.prompt != nil {
		w.typed(ctx, key)
		return true
	}
	switch key {
	case 'q', ctrlC, ctrlD:
		return false
	case 'j', '\t':
		w.move(ctx, 1)
	case 'k':
		w.move(ctx, -1)
	case '-':
		w.scroll++
	case '+':
		w.scroll = max(0, w.scroll-1)
	}
	for _, p := range presenceKeys {
		if key == p.key {
			w.note = fmt.Sprintf("you are %s", p.presence)
			if err := w.presence(ctx, p.presence, ""); err != nil {
				w.note = "refused: " + err.Error()
			}
		}
	}
	t := w.current()
	if t == nil {
		return true
	}
	for i := range workVerbs {
		v := &workVerbs[i]
		if key == v.key && slices.Contains(v.in, t.Status) {
			w.prompt, w.target, w.text, w.note = v, t, nil, ""
			if v.asks == "" {
				w.submit(ctx)
			}
		}
	}
	return true
}

func (w *workScreen) move(ctx context.Context, by int) {
	if w.work == nil || len(w.work.Tickets) == 0 {
		return
	}
	n := len(w.work.Tickets)
	i := slices.IndexFunc(w.work.Tickets, func(t ticket.Ticket) bool { return t.ID == w.selected })
	w.selected = w.work.Tickets[(i+by+n)%n].ID
	w.read(ctx)
}

// typed edits the text that a verb waits for.
func (w *workScreen) typed(ctx context.Context, key rune) {
	switch {
	case key == enter || key == '\n':
		w.submit(ctx)
	case key == escape || key == ctrlC:
		w.prompt, w.note = nil, "not done"
	case key == backspace || key == '\b':
		w.text = w.text[:max(0, len(w.text)-1)]
	case key >= ' ':
		w.text = append(w.text, key)
	}
}

func (w *workScreen) submit(ctx context.Context) {
	v, t := w.prompt, w.target
	w.prompt = nil
	done, err := w.do(ctx, *v, t, strings.TrimSpace(string(w.text)))
	if err != nil {
		w.note = "refused: " + err.Error()
		return
	}
	w.note = fmt.Sprintf("ticket %d: %s", done.ID, standing(done, time.Now()))
}

// render draws the agent, their tickets, as much of the history of the one selected as the height leaves room for, and
// what can be done with it.
func (w *workScreen) render(now time.Time, height int) string {
	if w.work == nil {
		return fmt.Sprintf("%s  connecting\n%s", w.agent, w.note)
	}
	var b strings.Builder
	a := &w.work.Agent
	fmt.Fprintf(&b, "%s  %s%s  %s\n\n", cmp.Or(a.DisplayName, a.Name), a.Presence, because(a.Reason, ": "), eventlog.Occupancy(a.Load, a.Limits))
	if len(w.work.Tickets) == 0 {
		b.WriteString("  Nothing before you. Offers appear here as they come.\n")
	}
	for i := range w.work.Tickets {
		t := &w.work.Tickets[i]
		mark := " "
		if t.ID == w.selected {
			mark = ">"
		}
		fmt.Fprintf(&b, "%s %-6d %-22s %-7s %-12s %s\n", mark, t.ID, countdown(t, now), t.Priority, t.Queue, t.Subject)
	}
	fmt.Fprintf(&b, "\n%s", w.renderHistory(now, height-len(w.work.Tickets)-7))
	fmt.Fprintf(&b, "\n%s\n%s", w.note, w.footer())
	return b.String()
}

// renderHistory shows the end of it, or what is scrolled to.
func (w *workScreen) renderHistory(now time.Time, height int) string {
	if w.history == nil {
		return ""
	}
	var text strings.Builder
	_ = renderTicket(&text, w.history, now)
	lines := strings.Split(strings.TrimRight(text.String(), "\n"), "\n")
	height = max(1, height)
	w.scroll = min(w.scroll, max(0, len(lines)-height))
	end := len(lines) - w.scroll
	return strings.Join(lines[max(0, end-height):end], "\n") + "\n"
}

func countdown(t *ticket.Ticket, now time.Time) string {
	if t.Status == ticket.Offered && t.Offer != nil {
		return fmt.Sprintf("Offered, %ds left", max(0, int(t.Offer.Until.Sub(now).Seconds())))
	}
	return string(t.Status)
}

// footer is the prompt, or the keys that are of use now.
func (w *workScreen) footer() string {
	if w.prompt != nil {
		return fmt.Sprintf("%s %d (%s; Esc leaves it): %s_", w.prompt.word, w.target.ID, w.prompt.asks, string(w.text))
	}
	var keys []string
	if t := w.current(); t != nil {
		for _, v := range workVerbs {
			if slices.Contains(v.in, t.Status) {
				keys = append(keys, string(v.key)+" "+v.word)
			}
		}
	}
	session := []string{"q end", "j/k select", "-/+ scroll"}
	for _, p := range presenceKeys {
		session = append(session, string(p.key)+" "+p.word)
	}
	return strings.Join(keys, "  ") + "\n" + strings.Join(session, "  ")
}
