package desk

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/caseload-dev/caseload/internal/desk/store"
	"github.com/caseload-dev/caseload/internal/eventlog"
	"github.com/caseload-dev/caseload/internal/notify"
	"github.com/caseload-dev/caseload/internal/outbox"
	"github.com/caseload-dev/caseload/internal/ticket"
)

// notification is something to tell an agent about a ticket.
type notification struct {
	kind   notify.Kind
	ticket *ticket.Ticket
	// agent who is told; empty: the ticket's.
	agent string
	// reason for it, in the words of who caused it, and why it is this agent whom an escalation calls.
	reason, called string
}

// notify enqueues what an agent is told, a message for each contact; none if there is none.
func (c *change) notify(n notification) error {
	t := n.ticket
	notice := &notify.Notice{
		Kind: n.kind, Agent: cmp.Or(n.agent, t.Agent), Ticket: t.ID, At: c.now, Reason: n.reason, Called: n.called,
		Subject: t.Subject, Priority: t.Priority, Channel: t.Channel, Queue: t.Queue,
	}
	if t.Amount != nil {
		notice.Amount = t.Amount.String()
	}
	notice.Metric, notice.Due = t.Service.NextDue()
	if n.kind == notify.Offer {
		notice.Offer, notice.Until = t.Offer.ID, t.Offer.Until
	}
	agent := c.plan.Agents[notice.Agent]
	if agent == nil || len(agent.Contacts) == 0 {
		return nil
	}
	customer, err := c.customer(t.Customer)
	if err != nil {
		return err
	}
	if customer != nil {
		notice.Customer = customer.String()
	}
	body, err := json.Marshal([]*notify.Notice{notice})
	if err != nil {
		return err
	}
	for _, attempt := range notify.Attempts(agent.Contacts, notice.Urgent(), c.now) {
		m := &store.Message{Destination: attempt.Notifier, Address: attempt.Address, Body: body, NextAt: attempt.At, Created: c.now}
		if err := c.enqueue(m, notice); err != nil {
			return err
		}
	}
	return nil
}

// asks tells who asks for something, and why if they said so.
func (c *change) asks(reason string) string {
	if reason == "" {
		return c.actor
	}
	return c.actor + ": " + reason
}

// enqueue a notification. Its key is the number of the record that says so.
func (c *change) enqueue(m *store.Message, notice *notify.Notice) error {
	position, err := c.Position()
	if err != nil {
		return err
	}
	m.Key = outbox.Key(c.desk.helpDesk, position+1)
	if err := c.InsertMessage(m); err != nil {
		return err
	}
	c.messages = true
	data := eventlog.OutboxData{Message: m.ID, Destination: m.Destination, Key: m.Key, NextAt: m.NextAt}
	if notice != nil {
		data.Agent, data.Ticket, data.Kind = notice.Agent, notice.Ticket, string(notice.Kind)
	}
	_, err = c.record(eventlog.Record{Type: eventlog.OutboxEnqueued, Data: eventlog.Encode(data)})
	return err
}

// notification is what is to be sent of one that is due: itself, or a digest in its place if many are due for the same
// address, which m then is. Nil if nothing is to be sent now: it was settled meanwhile, or the address got enough.
func (s *sending) notification(m *store.Message) (*outbox.Message, error) {
	notifier, declared := s.plan.HelpDesk.Notifiers[m.Destination]
	if !declared {
		return nil, s.bury(m, fmt.Sprintf("notifier %s is no longer declared", m.Destination))
	}
	if dropped, err := s.dropStale(m); dropped || err != nil {
		return nil, err
	}
	to := m.Destination + " " + m.Address
	if next := s.desk.pace.Next(to, s.now); next.After(s.now) {
		m.NextAt, m.ClaimedBy = next, ""
		return nil, s.UpdateMessage(m)
	}
	url, err := s.desk.notifierURL(m.Destination)
	if err != nil {
		return nil, s.failed(m, err.Error())
	}
	if err := s.digest(m); err != nil {
		return nil, err
	}
	s.desk.pace.Took(to, s.now)
	notices, err := noticesOf(m)
	if err != nil {
		return nil, err
	}
	text, err := s.render(notices)
	if err != nil {
		return nil, err
	}
	message := &outbox.Message{
		Type: outbox.Type(notifier.Type), URL: url, Address: m.Address, Subject: text.Subject, Body: []byte(text.Body), At: m.Created,
		Urgent: slices.ContainsFunc(notices, (*notify.Notice).Urgent),
	}
	if len(notices) == 1 {
		message.Thread = fmt.Sprintf("%s-ticket-%d", s.desk.helpDesk, notices[0].Ticket)
	}
	if notifier.Mail != nil {
		message.From = notifier.Mail.From
	}
	return message, nil
}

// dropStale forgets a notification that nobody needs to hear of any more, and says whether it did.
func (s *sending) dropStale(m *store.Message) (bool, error) {
	notices, err := noticesOf(m)
	if err != nil {
		return false, err
	}
	reason := ""
	for _, n := range notices { // of a digest all must be stale
		if reason, err = s.stale(n); reason == "" || err != nil {
			return false, err
		}
	}
	if err := s.DeleteMessage(m.ID); err != nil {
		return false, err
	}
	s.gone[m.ID] = true
	return true, s.recordMessage(eventlog.OutboxDropped, m, reason)
}

func (s *sending) stale(n *notify.Notice) (string, error) {
	if s.plan.Agents[n.Agent] == nil {
		return fmt.Sprintf("agent %s is no longer in the plan", n.Agent), nil
	}
	t, err := s.Ticket(n.Ticket)
	if err != nil {
		return "", err
	}
	return n.Stale(t), nil
}

// digest puts a new message in the place of m and the others that are due for its address, if they are many. One that was
// ever handed out keeps its key and goes alone: somebody may have received it.
func (s *sending) digest(m *store.Message) error {
	if m.Attempts > 0 || m.ClaimedBy != "" {
		return nil
	}
	due, err := s.OutboxTo(m.Destination, m.Address, s.now, notify.MaxDigest)
	if err != nil {
		return err
	}
	var together []*store.Message
	var notices []*notify.Notice
	for i := range due {
		other := &due[i]
		if other.Attempts > 0 || other.ClaimedBy != "" {
			continue
		}
		if dropped, err := s.dropStale(other); err != nil {
			return err
		} else if dropped {
			continue
		}
		of, err := noticesOf(other)
		if err != nil {
			return err
		}
		together, notices = append(together, other), append(notices, of...)
	}
	if len(together) < notify.DigestFrom {
		return nil
	}
	digest := store.Message{Destination: m.Destination, Address: m.Address, NextAt: s.now, Created: s.now}
	if digest.Body, err = json.Marshal(notices); err != nil {
		return err
	}
	if err := s.enqueue(&digest, nil); err != nil {
		return err
	}
	for _, one := range together {
		if err := s.DeleteMessage(one.ID); err != nil {
			return err
		}
		s.gone[one.ID] = true
		data := eventlog.OutboxData{Message: one.ID, Destination: one.Destination, Key: one.Key, Into: digest.Key}
		if _, err := s.record(eventlog.Record{Type: eventlog.OutboxDigested, Data: eventlog.Encode(data)}); err != nil {
			return err
		}
	}
	*m = digest
	return nil
}

// render the notices of a message. The links are the same for each attempt.
func (s *sending) render(notices []*notify.Notice) (notify.Text, error) {
	key, err := s.linkKey()
	if err != nil {
		return notify.Text{}, err
	}
	link := func(n *notify.Notice) string {
		l := notify.Link{Agent: n.Agent, Ticket: n.Ticket, Kind: n.Kind, Expires: n.At.Add(notify.LinkFor)}
		return cmp.Or(s.plan.HelpDesk.ExternalURL, s.desk.address) + notify.LinkPath + l.Token(key)
	}
	zone := s.plan.ZoneOf(notices[0].Agent)
	if len(notices) == 1 {
		return notices[0].Render(s.desk.helpDesk, link(notices[0]), zone), nil
	}
	return notify.Digest(s.desk.helpDesk, notices, link, zone), nil
}

func noticesOf(m *store.Message) ([]*notify.Notice, error) {
	var notices []*notify.Notice
	if err := json.Unmarshal(m.Body, &notices); err != nil {
		return nil, fmt.Errorf("message %d: %w", m.ID, err)
	}
	return notices, nil
}
