package replay

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/caseload-dev/caseload/internal/caselog"
	"github.com/caseload-dev/caseload/internal/caselog/caselogtest"
	"github.com/caseload-dev/caseload/internal/eventlog"
	"github.com/caseload-dev/caseload/internal/importer"
	"github.com/caseload-dev/caseload/internal/ticket"
)

// model is a desk of one ticket: the real state machine, and agents who are full at random.
type model struct {
	t      *testing.T
	org    *importer.Organisation
	random *rand.Rand
	seen   *Observations
	ticket ticket.Ticket
	now    time.Time
	offers int64
}

func (m *model) apply(recordType eventlog.Type, e ticket.Event, reason string) {
	m.t.Helper()
	m.now = m.now.Add(time.Second)
	next, err := ticket.Apply(m.ticket, e, m.now)
	if err != nil {
		m.t.Fatalf("case %s: %v", m.ticket.Reference.Key, err)
	}
	r := eventlog.Record{
		At: m.now, Type: recordType, Ticket: next.ID, Version: next.Version, Reason: reason,
		From: eventlog.StateOf(&m.ticket), To: eventlog.StateOf(&next),
	}
	if next.Offer != nil {
		r.Dispatch = &eventlog.Dispatch{Offer: next.Offer.ID}
	}
	m.seen.Add(&r)
	m.ticket = next
}

// serves names some agent of the queue.
func (m *model) serves(queue string) string {
	var names []string
	for _, a := range m.org.Agents {
		if a.Home == queue || slices.Contains(a.Others, queue) {
			names = append(names, a.Name)
		}
	}
	if len(names) == 0 {
		return "somebody"
	}
	return names[m.random.IntN(len(names))]
}

// somewhere is a queue to which an escalation hands a ticket that nobody takes.
func (m *model) somewhere() string { return m.org.Queues[m.random.IntN(len(m.org.Queues))].Name }

// play a script as the runner does.
func (m *model) play(id int64, s *Script) {
	m.now = time.Unix(1_900_000_000, 0)
	m.ticket = ticket.New(s.Content, ticket.Route{Queue: s.First}, m.now)
	m.ticket.ID = id
	m.seen.Add(&eventlog.Record{
		At: m.now, Type: eventlog.Opened, Ticket: id, Version: 1, To: eventlog.StateOf(&m.ticket),
		Data: eventlog.Encode(eventlog.OpenedData{Reference: s.Content.Reference}),
	})
	for _, step := range s.Steps {
		for tries := 0; ; tries++ {
			if tries > 20 {
				m.t.Fatalf("case %s: %s does not come about: %s", s.Case, step.Reason, m.ticket.Status)
			}
			a := Next(step, ViewOf(&m.ticket))
			if a.Verb == Done || m.do(a, step) {
				break
			}
		}
	}
}

// do an action as the desk would, and say whether the step is done.
func (m *model) do(a Action, step Step) bool {
	room := m.random.IntN(3) > 0
	switch a.Verb {
	case Await:
		if queue := m.somewhere(); queue != m.ticket.Queue && m.random.IntN(4) == 0 {
			m.apply(eventlog.Transferred, ticket.TransferToQueue{Queue: queue}, "escalation")
			return false
		}
		m.offers++
		agent := m.serves(m.ticket.Queue)
		m.apply(eventlog.Offered, ticket.MakeOffer{ID: m.offers, Agent: agent, Until: m.now.Add(time.Minute)}, "")
	case Accept:
		m.apply(eventlog.Accepted, ticket.Accept{Offer: m.ticket.Offer.ID}, "")
	case Resume:
		m.apply(eventlog.Resumed, ticket.Resume{Room: room}, "")
	case TransferToQueue:
		m.apply(eventlog.Transferred, ticket.TransferToQueue{Queue: a.To}, step.Reason)
	case TransferToAgent:
		if room {
			m.apply(eventlog.Transferred, ticket.TransferToAgent{Agent: a.To}, step.Reason)
		} else {
			m.apply(eventlog.Transferred, ticket.TransferToQueue{Queue: m.ticket.Queue}, step.Reason)
		}
	case DoReply:
		m.apply(eventlog.Replied, ticket.AgentReply{}, "")
	case DoPend:
		m.apply(eventlog.Pended, ticket.Pend{}, step.Reason)
	case DoHold:
		m.apply(eventlog.Held, ticket.Hold{}, step.Reason)
	case DoResolve:
		m.apply(eventlog.Resolved, ticket.Resolve{ReopenUntil: m.now.Add(time.Hour)}, step.Reason)
	case DoReopen:
		m.apply(eventlog.Reopened, ticket.Reopen{Room: room}, step.Reason)
	case DoClose:
		m.apply(eventlog.Closed, ticket.Close{}, step.Reason)
	case DoCancel:
		m.apply(eventlog.Cancelled, ticket.Cancel{}, step.Reason)
	}
	return a.Completes
}

// playAll plays every case against the state machine and verifies the outcome against the history.
func playAll(t *testing.T, log *caselog.Log, org *importer.Organisation) {
	t.Helper()
	scripts := Scripts(log, org, caselog.NewAxis(log, time.Hour))
	for seed := range uint64(5) {
		m := &model{t: t, org: org, random: rand.New(rand.NewPCG(seed, 1)), seen: NewObservations()}
		stored := map[string]*ticket.Ticket{}
		for i := range scripts {
			m.play(int64(i+1), &scripts[i])
			last := m.ticket.Clone()
			stored[scripts[i].Case] = &last
			if o := m.seen.Cases[scripts[i].Case]; o.View != ViewOf(&m.ticket) {
				t.Fatalf("case %s: the log tells of %+v, and the ticket is %+v", scripts[i].Case, o.View, ViewOf(&m.ticket))
			}
		}
		for _, wrong := range Verify(log, org.QueueOf, m.seen.Cases, stored) {
			t.Error(wrong)
		}
	}
}

func TestEveryScriptEndsAsTheHistoryDid(t *testing.T) {
	log, org := bakery(t)
	playAll(t, log, org)
}

func TestTheRealHistory(t *testing.T) {
	path, err := caselogtest.RealHistory()
	if err != nil {
		t.Skip(err)
	}
	log, org := history(t, path)
	if len(log.Cases) != caselogtest.Cases {
		t.Errorf("%d cases, want %d", len(log.Cases), caselogtest.Cases)
	}
	if got, want := fmt.Sprint(org.Summary.QueuesByTier), "map[line-1:46 line-2:188 line-3:90]"; got != want {
		t.Errorf("queues %s, want %s", got, want)
	}
	continues := 0
	for _, c := range log.Cases {
		if c.Continues() {
			continues++
		}
	}
	if continues != 61 {
		t.Errorf("%d cases continue after completion, want 61", continues)
	}
	playAll(t, log, org)
}
