package ticket

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// table says which event is allowed in which status and which statuses it can lead to. What is not in it is refused.
var table = map[Status]map[EventName][]Status{
	Waiting: {
		OfferEvent:           {Offered},
		AssignEvent:          {Open},
		SetAsideEvent:        {Waiting},
		RelaxEvent:           {Waiting},
		OverflowEvent:        {Waiting},
		RerouteEvent:         {Waiting},
		DrainEvent:           {Waiting},
		TransferToQueueEvent: {Waiting},
		TransferToAgentEvent: {Open},
		ResolveEvent:         {Resolved},
		CancelEvent:          {Cancelled},
		CustomerReplyEvent:   {Waiting},
		AgentReplyEvent:      {Waiting},
		NoteEvent:            {Waiting},
		UpdateEvent:          {Waiting},
		EscalateEvent:        {Waiting},
		AcknowledgeEvent:     {Waiting},
		WarnEvent:            {Waiting},
		BreachEvent:          {Waiting},
		RedateEvent:          {Waiting},
	},
	Offered: {
		AcceptEvent:          {Open},
		DeclineEvent:         {Waiting},
		ExpireEvent:          {Waiting},
		RescindEvent:         {Waiting},
		AgentGoneEvent:       {Waiting},
		RelaxEvent:           {Offered},
		RerouteEvent:         {Offered, Waiting},
		DrainEvent:           {Waiting},
		TransferToQueueEvent: {Waiting},
		TransferToAgentEvent: {Open},
		ResolveEvent:         {Resolved},
		CancelEvent:          {Cancelled},
		CustomerReplyEvent:   {Offered},
		AgentReplyEvent:      {Offered},
		NoteEvent:            {Offered},
		UpdateEvent:          {Offered},
		EscalateEvent:        {Offered},
		AcknowledgeEvent:     {Offered},
		WarnEvent:            {Offered},
		BreachEvent:          {Offered},
		RedateEvent:          {Offered},
	},
	Open: {
		PendEvent:            {Pending},
		HoldEvent:            {OnHold},
		AskApprovalEvent:     {OnHold},
		ReturnEvent:          {Waiting},
		AgentGoneEvent:       {Waiting},
		DrainEvent:           {Open},
		TransferToQueueEvent: {Waiting},
		TransferToAgentEvent: {Open},
		ResolveEvent:         {Resolved},
		CancelEvent:          {Cancelled},
		CustomerReplyEvent:   {Open},
		AgentReplyEvent:      {Open},
		NoteEvent:            {Open},
		UpdateEvent:          {Open},
		EscalateEvent:        {Open},
		AcknowledgeEvent:     {Open},
		WarnEvent:            {Open},
		BreachEvent:          {Open},
		RedateEvent:          {Open},
	},
	Pending: {
		PendEvent:            {Pending}, // another call-back time
		ResumeEvent:          {Open, Waiting},
		CallBackEvent:        {Open, Waiting},
		CustomerReplyEvent:   {Open, Waiting},
		ReturnEvent:          {Waiting},
		AgentGoneEvent:       {Waiting},
		DrainEvent:           {Pending},
		TransferToQueueEvent: {Waiting},
		TransferToAgentEvent: {Open},
		ResolveEvent:         {Resolved},
		CancelEvent:          {Cancelled},
		AgentReplyEvent:      {Pending},
		NoteEvent:            {Pending},
		UpdateEvent:          {Pending},
		EscalateEvent:        {Pending},
		AcknowledgeEvent:     {Pending},
		WarnEvent:            {Pending},
		BreachEvent:          {Pending},
		RedateEvent:          {Pending},
	},
	OnHold: {
		ApproveEvent:         {Open, Waiting},
		RefuseEvent:          {Open, Waiting},
		ResumeEvent:          {Open, Waiting},
		ReturnEvent:          {Waiting},
		AgentGoneEvent:       {Waiting},
		DrainEvent:           {OnHold},
		TransferToQueueEvent: {Waiting},
		TransferToAgentEvent: {Open},
		ResolveEvent:         {Resolved},
		CancelEvent:          {Cancelled},
		CustomerReplyEvent:   {OnHold},
		AgentReplyEvent:      {OnHold},
		NoteEvent:            {OnHold},
		UpdateEvent:          {OnHold},
		EscalateEvent:        {OnHold},
		AcknowledgeEvent:     {OnHold},
		WarnEvent:            {OnHold},
		BreachEvent:          {OnHold},
		RedateEvent:          {OnHold},
	},
	Resolved: {
		ReopenEvent:        {Open, Waiting},
		CustomerReplyEvent: {Open, Waiting},
		CloseEvent:         {Closed},
		ElapseEvent:        {Closed},
		CancelEvent:        {Cancelled},
		DrainEvent:         {Resolved},
		AgentReplyEvent:    {Resolved},
		NoteEvent:          {Resolved},
		UpdateEvent:        {Resolved},
	},
	Closed:    {},
	Cancelled: {},
}

// Allowed lists the events that a status allows: those that people cause, then the desk's own.
func Allowed(s Status) []EventName {
	return slices.DeleteFunc(slices.Concat(verbs, deskEvents), func(e EventName) bool { return table[s][e] == nil })
}

// NotAllowedError says why an event cannot happen to a ticket as it is.
type NotAllowedError struct {
	Ticket int64
	Status Status
	Event  EventName
	// Why, if the status would allow the event but the ticket's state does not.
	Why string
}

func (e *NotAllowedError) Error() string {
	why := e.Why
	if why == "" {
		why = e.wrongStatus()
	}
	possible := slices.DeleteFunc(Allowed(e.Status), func(n EventName) bool { return !slices.Contains(verbs, n) })
	if len(possible) == 0 {
		return fmt.Sprintf("ticket %d is %s and cannot change any more: %s", e.Ticket, e.Status, why)
	}
	return fmt.Sprintf("ticket %d is %s: %s; what can be done now: %s", e.Ticket, e.Status, why, join(possible, ", "))
}

// wrongStatus names the statuses that would allow the event.
func (e *NotAllowedError) wrongStatus() string {
	in := slices.DeleteFunc(slices.Clone(Statuses), func(s Status) bool { return table[s][e.Event] == nil })
	return fmt.Sprintf("only a ticket that is %s allows %q", join(in, " or "), e.Event)
}

func join[S ~string](words []S, separator string) string {
	plain := make([]string, len(words))
	for i, w := range words {
		plain[i] = string(w)
	}
	return strings.Join(plain, separator)
}

// New opens a ticket in the queue that routing chose.
func New(content Content, route Route, now time.Time) Ticket {
	t := Ticket{Content: content, AskedPriority: cmp.Or(content.Priority, Normal), Status: Waiting, Version: 1, OpenedAt: now, UpdatedAt: now, UnansweredSince: now}
	t = t.Clone()
	t.route(route, now)
	return t
}

// Apply makes of the ticket what the event makes of it, or returns a *NotAllowedError. The ticket given is not changed.
func Apply(t Ticket, e Event, now time.Time) (Ticket, error) {
	if table[t.Status][e.Name()] == nil {
		return t, &NotAllowedError{Ticket: t.ID, Status: t.Status, Event: e.Name()}
	}
	next := t.Clone()
	if refusal := e.apply(&next, now); refusal != "" {
		return t, &NotAllowedError{Ticket: t.ID, Status: t.Status, Event: e.Name(), Why: refusal}
	}
	next.Version++
	next.UpdatedAt = now
	return next, nil
}

// Clone returns a ticket that shares nothing with this one.
func (t Ticket) Clone() Ticket {
	t.Tags = slices.Clone(t.Tags)
	t.RoutedTags = slices.Clone(t.RoutedTags)
	t.Attributes = maps.Clone(t.Attributes)
	t.Asks = slices.Clone(t.Asks)
	t.Overflowed = slices.Clone(t.Overflowed)
	t.Amount = clone(t.Amount)
	t.Reference = clone(t.Reference)
	t.Offer = clone(t.Offer)
	t.Escalation = t.Escalation.clone()
	t.Approval = clone(t.Approval)
	t.Service = t.Service.clone()
	return t
}

func clone[T any](p *T) *T {
	if p == nil {
		return nil
	}
	v := *p
	return &v
}

// OwnedByAgent says who owns the ticket: its Agent, else its Queue. A closed or cancelled ticket is its last owner's.
func (t *Ticket) OwnedByAgent() bool {
	return t.Agent != "" && t.Status != Offered
}
