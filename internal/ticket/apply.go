package ticket

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// PairPause is how long an agent is not asked again for a ticket they did not take.
const PairPause = 60 * time.Second

func (e MakeOffer) apply(t *Ticket, now time.Time) string {
	if !now.Before(e.Until) {
		return "an offer must end in the future"
	}
	t.Status, t.Agent, t.Offer = Offered, e.Agent, &Offer{ID: e.ID, Until: e.Until}
	t.Round = max(t.Round, e.Round)
	t.SetAside = ""
	return ""
}

func (e Assign) apply(t *Ticket, _ time.Time) string {
	t.Round = max(t.Round, e.Round)
	t.give(e.Agent)
	return ""
}

func (e Accept) apply(t *Ticket, now time.Time) string {
	if refusal := t.current(e.Offer); refusal != "" {
		return refusal
	}
	if !now.Before(t.Offer.Until) {
		return fmt.Sprintf("offer %d ended at %s", e.Offer, t.Offer.Until.UTC().Format(time.RFC3339))
	}
	t.give(t.Agent)
	return ""
}

func (e Decline) apply(t *Ticket, now time.Time) string {
	if refusal := t.current(e.Offer); refusal != "" {
		return refusal
	}
	t.unanswered(now)
	return ""
}

func (e ExpireOffer) apply(t *Ticket, now time.Time) string {
	if refusal := t.current(e.Offer); refusal != "" {
		return refusal
	}
	if now.Before(t.Offer.Until) {
		return fmt.Sprintf("offer %d lasts until %s", e.Offer, t.Offer.Until.UTC().Format(time.RFC3339))
	}
	t.unanswered(now)
	return ""
}

func (RescindOffer) apply(t *Ticket, now time.Time) string {
	t.unanswered(now)
	return ""
}

func (e SetAside) apply(t *Ticket, _ time.Time) string {
	t.SetAside = e.Reason
	return ""
}

func (e TransferToQueue) apply(t *Ticket, now time.Time) string {
	t.wait(e.Queue, now)
	t.settle()
	return ""
}

func (e TransferToAgent) apply(t *Ticket, _ time.Time) string {
	if t.Status == Open && t.Agent == e.Agent {
		return fmt.Sprintf("agent %q already has it", e.Agent)
	}
	t.give(e.Agent)
	return ""
}

func (Return) apply(t *Ticket, now time.Time) string {
	agent := t.Agent
	t.wait(t.HomeQueue, now)
	t.ask(agent, now)
	return ""
}

func (AgentGone) apply(t *Ticket, now time.Time) string {
	if t.Status == Offered {
		t.unanswered(now)
		return ""
	}
	t.wait(t.HomeQueue, now)
	return ""
}

func (e Reroute) apply(t *Ticket, now time.Time) string {
	t.route(e.Route, now)
	return ""
}

func (e Drain) apply(t *Ticket, now time.Time) string {
	if t.queued() {
		t.wait(e.Queue, now)
	} else {
		t.enter(e.Queue, now)
	}
	t.settle()
	t.PlanRevision = e.PlanRevision
	return ""
}

func (e Pend) apply(t *Ticket, now time.Time) string {
	if !e.Until.IsZero() && !now.Before(e.Until) {
		return fmt.Sprintf("the call-back time %s is not in the future", e.Until.UTC().Format(time.RFC3339))
	}
	t.Status, t.Until = Pending, e.Until
	return ""
}

func (Hold) apply(t *Ticket, _ time.Time) string {
	t.Status = OnHold
	return ""
}

func (e Resume) apply(t *Ticket, now time.Time) string {
	t.goOn(e.Room, now)
	return ""
}

func (e CallBack) apply(t *Ticket, now time.Time) string {
	if t.Until.IsZero() {
		return "it has no call-back time"
	}
	if now.Before(t.Until) {
		return fmt.Sprintf("its call-back time is %s", t.Until.UTC().Format(time.RFC3339))
	}
	t.goOn(e.Room, now)
	return ""
}

func (e Resolve) apply(t *Ticket, now time.Time) string {
	if t.Status == Offered {
		t.Agent = ""
	}
	t.release()
	t.settle()
	t.PreferredAgent = ""
	t.answer(now)
	t.Status, t.ResolvedAt, t.ClosesAt = Resolved, now, e.ReopenUntil
	if t.ClosesAt.Before(now) {
		t.ClosesAt = now
	}
	return ""
}

func (e Reopen) apply(t *Ticket, now time.Time) string {
	if !now.Before(t.ClosesAt) {
		return fmt.Sprintf("its reopen window ended at %s; open a new ticket that continues it", t.ClosesAt.UTC().Format(time.RFC3339))
	}
	t.Reopened++
	t.goOn(e.Room, now)
	return ""
}

func (e CustomerReply) apply(t *Ticket, now time.Time) string {
	if t.UnansweredSince.IsZero() {
		t.UnansweredSince = now
	}
	switch t.Status {
	case Resolved:
		return Reopen(e).apply(t, now)
	case Pending:
		t.goOn(e.Room, now)
	}
	return ""
}

func (AgentReply) apply(t *Ticket, now time.Time) string {
	t.answer(now)
	return ""
}

func (Note) apply(*Ticket, time.Time) string { return "" }

func (e Update) apply(t *Ticket, _ time.Time) string {
	t.Content = Ticket{Content: e.Content}.Clone().Content
	if e.SetPriority {
		t.PrioritySet, t.AskedPriority = true, e.Content.Priority
	}
	t.SetAside = ""
	return ""
}

func (Close) apply(t *Ticket, _ time.Time) string {
	t.release()
	t.Status = Closed
	return ""
}

func (Elapse) apply(t *Ticket, now time.Time) string {
	if now.Before(t.ClosesAt) {
		return fmt.Sprintf("its reopen window lasts until %s", t.ClosesAt.UTC().Format(time.RFC3339))
	}
	return Close{}.apply(t, now)
}

func (Cancel) apply(t *Ticket, _ time.Time) string {
	if t.Status == Offered {
		t.Agent = ""
	}
	t.release()
	t.settle()
	t.Status = Cancelled
	return ""
}

func (e Warn) apply(t *Ticket, now time.Time) string {
	c := t.Service.Clock(e.Metric)
	if timer := c.timer(e.Metric); timer.Kind != e.Metric.Warning() || !timer.Due(now) {
		return fmt.Sprintf("no warning of its %s is due", e.Metric)
	}
	c.State, c.WarnedAt = ClockAtRisk, now
	return ""
}

func (e Breach) apply(t *Ticket, now time.Time) string {
	c := t.Service.Clock(e.Metric)
	if timer := c.timer(e.Metric); timer.Kind != e.Metric.Breach() || !timer.Due(now) {
		return fmt.Sprintf("its %s is not due, or was not warned of", e.Metric)
	}
	c.State, c.BreachedAt = ClockBreached, now
	return ""
}

func (Redate) apply(*Ticket, time.Time) string { return "" }

// answer notes that the customer has one.
func (t *Ticket) answer(now time.Time) {
	if t.RespondedAt.IsZero() {
		t.RespondedAt = now
	}
	t.UnansweredSince = time.Time{}
}

// current refuses an offer that is not the ticket's present one.
func (t *Ticket) current(offer int64) string {
	if t.Offer.ID != offer {
		return fmt.Sprintf("offer %d is no longer current, offer %d to %q is", offer, t.Offer.ID, t.Agent)
	}
	return ""
}

// release ends what belongs to a passing status: the offer, timers and the like.
func (t *Ticket) release() {
	t.Offer = nil
	t.Until = time.Time{}
	t.ClosesAt = time.Time{}
	t.SetAside = ""
}

// give makes an agent the owner.
func (t *Ticket) give(agent string) {
	t.release()
	t.settle()
	t.Status, t.Agent, t.PreferredAgent = Open, agent, ""
}

// settle ends a chain of overflows: the queue that the ticket is in is its home.
func (t *Ticket) settle() { t.HomeQueue, t.Overflowed = t.Queue, nil }

// goOn continues with the agent who had the ticket, or waits for them to have room.
func (t *Ticket) goOn(room bool, now time.Time) {
	agent := t.Agent
	if room && agent != "" {
		t.give(agent)
		return
	}
	t.wait(t.HomeQueue, now)
	t.PreferredAgent = agent
}

// wait makes a queue the owner and begins a new round of asking. Who was offered the ticket was asked.
func (t *Ticket) wait(queue string, now time.Time) {
	if t.Offer != nil {
		t.ask(t.Agent, now)
	}
	t.release()
	if !t.queued() {
		t.Queue = "" // what comes back enters anew
	}
	t.Status, t.Agent = Waiting, ""
	t.Round++
	t.forget(now)
	t.enter(queue, now)
}

// enter notes the queue, and when the ticket came to it.
func (t *Ticket) enter(queue string, now time.Time) {
	if t.Queue != queue {
		t.Queue, t.EnteredQueueAt, t.Stage = queue, now, 0
		t.RelaxesAt, t.OverflowsAt = time.Time{}, time.Time{}
	}
}

// route puts a ticket that a queue owns where routing says. One that overflowed stays where it is unless routing changed
// its mind.
func (t *Ticket) route(r Route, now time.Time) {
	if t.HomeQueue != r.Queue {
		if t.Queue != r.Queue && t.Queue != "" {
			t.wait(r.Queue, now)
		}
		t.enter(r.Queue, now)
		t.settle()
	}
	t.outcome(r)
	t.ServiceLevel, t.Rule, t.PlanRevision = r.ServiceLevel, r.Rule, r.PlanRevision
	t.SetAside = ""
}

// outcome replaces what the last route made of the content by what this one does.
func (t *Ticket) outcome(r Route) {
	asked := t.Asked()
	t.Priority = cmp.Or(r.Priority, asked.Priority, Normal)
	t.Tags, t.RoutedTags = asked.Tags, nil
	for _, tag := range r.AddTags {
		if !slices.Contains(t.Tags, tag) {
			t.Tags, t.RoutedTags = append(t.Tags, tag), append(t.RoutedTags, tag)
		}
	}
}

// Asked is the content as intake and people gave it, without what routing made of it: what routing reads.
func (t *Ticket) Asked() Content {
	asked := t.Clone().Content
	asked.Priority = cmp.Or(t.AskedPriority, t.Priority)
	asked.Tags = slices.DeleteFunc(asked.Tags, func(tag string) bool { return slices.Contains(t.RoutedTags, tag) })
	return asked
}

// Follows says that the route would leave queue, priority, service level and tags as they are, whichever rule says so.
func (t *Ticket) Follows(r Route) bool {
	next := t.Clone()
	next.outcome(r)
	return t.HomeQueue == r.Queue && t.Priority == next.Priority && t.ServiceLevel == r.ServiceLevel &&
		slices.Equal(slices.Sorted(slices.Values(t.Tags)), slices.Sorted(slices.Values(next.Tags)))
}

// unanswered ends the offer; the ticket waits on in the same round and its agent was asked.
func (t *Ticket) unanswered(now time.Time) {
	agent := t.Agent
	t.release()
	t.Status, t.Agent = Waiting, ""
	t.forget(now)
	t.ask(agent, now)
}

// ask notes that an agent had the chance in this round.
func (t *Ticket) ask(agent string, now time.Time) {
	t.Asks = append(t.Asks, Ask{Agent: agent, At: now, Round: t.Round})
}

// forget drops the asks that no longer count: of a past round and past the pair's pause.
func (t *Ticket) forget(now time.Time) {
	t.Asks = slices.DeleteFunc(t.Asks, func(a Ask) bool {
		return a.Round != t.Round && !now.Before(a.At.Add(PairPause))
	})
}
