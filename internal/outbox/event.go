package outbox

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/cloudevents/sdk-go/v2/event"

	"github.com/caseload-dev/caseload/api/v1alpha1"
	"github.com/caseload-dev/caseload/internal/eventlog"
	"github.com/caseload-dev/caseload/internal/ticket"
)

// topics are the events a webhook can ask for, each with the records it stands for. Together they are all ticket records.
var topics = map[v1alpha1.TicketEventType][]eventlog.Type{
	"Opened":      {eventlog.Opened},
	"Offered":     {eventlog.Offered},
	"Accepted":    {eventlog.Accepted, eventlog.Assigned},
	"Returned":    {eventlog.Returned, eventlog.Declined, eventlog.OfferExpired, eventlog.OfferRescinded},
	"Transferred": {eventlog.Transferred, eventlog.Rerouted, eventlog.Drained},
	"Updated": {eventlog.Updated, eventlog.Replied, eventlog.Noted, eventlog.Pended, eventlog.Held, eventlog.Resumed,
		eventlog.SetAside, eventlog.Acknowledged, eventlog.EscalationPutOff,
		eventlog.ApprovalAsked, eventlog.Approved, eventlog.Refused},
	"Escalated": {eventlog.EscalationStarted, eventlog.EscalationRequested, eventlog.Escalated, eventlog.AcknowledgementOver},
	"Resolved":  {eventlog.Resolved},
	"Reopened":  {eventlog.Reopened},
	"Closed":    {eventlog.Closed},
	"Cancelled": {eventlog.Cancelled},
}

var topicOf = func() map[eventlog.Type]v1alpha1.TicketEventType {
	all := map[eventlog.Type]v1alpha1.TicketEventType{}
	for topic, types := range topics {
		for _, t := range types {
			all[t] = topic
		}
	}
	return all
}()

// Wants says whether the webhook receives records of the type. One that names no events receives all of tickets.
func Wants(webhook v1alpha1.Webhook, t eventlog.Type) bool {
	topic, ok := topicOf[t]
	if !ok || len(webhook.Events) == 0 {
		return ok
	}
	for _, wanted := range webhook.Events {
		if wanted == topic {
			return true
		}
	}
	return false
}

// Event is what a webhook receives as the data of a CloudEvent.
type Event struct {
	Ticket ticket.Ticket   `json:"ticket"`
	Record eventlog.Record `json:"record"`
}

// Key identifies the event of a record: the id of its CloudEvent, the same for every attempt and every webhook.
func Key(helpDesk string, seq int64) string { return fmt.Sprintf("%s-%d", helpDesk, seq) }

// Encode makes the CloudEvent (1.0, JSON) of a record that is in the log, with the ticket as the record left it.
func Encode(helpDesk string, e Event) ([]byte, error) {
	ce := event.New()
	ce.SetID(Key(helpDesk, e.Record.Seq))
	// Such as support.caseload.dev.ticket.opened.
	ce.SetType(v1alpha1.GroupVersion.Group + "." + string(e.Record.Type))
	ce.SetSource("/helpdesks/" + helpDesk)
	ce.SetSubject(fmt.Sprintf("tickets/%d", e.Ticket.ID))
	ce.SetTime(e.Record.At)
	if err := ce.SetData(event.ApplicationJSON, e); err != nil {
		return nil, err
	}
	if err := ce.Validate(); err != nil {
		return nil, fmt.Errorf("event of record %d: %s", e.Record.Seq, strings.TrimSpace(err.Error()))
	}
	return json.Marshal(ce)
}
