package eventlog

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/caseload-dev/caseload/internal/ticket"
)

// verbs of the log for people.
var told = map[Type]string{
	Opened: "opened", Offered: "offered", Accepted: "accepted", Assigned: "assigned",
	Declined: "declined", OfferExpired: "offer expired", OfferRescinded: "offer rescinded",
	Transferred: "transferred", Returned: "returned", Rerouted: "routed anew",
	Drained: "moved out of a deleted queue", Pended: "pending on the customer", Held: "on hold",
	Resumed: "resumed", Resolved: "resolved", Reopened: "reopened", Closed: "closed",
	Cancelled: "cancelled", Updated: "updated", Replied: "reply", Noted: "note",
	SetAside: "set aside", ApprovalAsked: "approval asked for", Approved: "approved", Refused: "not approved", EscalationStarted: "escalation started", EscalationRequested: "escalated further",
	EscalationPutOff: "escalation put off", Escalated: "escalated", Acknowledged: "acknowledged",
	AcknowledgementOver: "acknowledgement over, the escalation goes on",
	Relaxed:             "requirements relaxed", Overflowed: "overflowed",
	AtRisk: "at risk", Breached: "service level breached", Redated: "due times follow the new plan",
}

// Tell explains a record to people, with times in their zone: the first line says what happened, who caused it and what came
// of it; further lines say why.
func (r *Record) Tell(in *time.Location) []string {
	what := told[r.Type]
	if what == "" {
		what = string(r.Type)
	}
	by := r.Actor
	if r.ImpersonatedBy != "" {
		by = r.ImpersonatedBy + " as " + by
	}
	line := what + outcome(r) + because(by, ", by ")
	lines := []string{line + because(r.Reason, ": ")}
	if rule := ruleOf(r); rule != "" {
		lines = append(lines, fmt.Sprintf("because of %s, in plan %d", rule, r.PlanRevision))
	}
	if d := r.Dispatch; d != nil {
		lines = append(lines, whyAgent(d, in))
	}
	if r.Timer != nil {
		lines = append(lines, "a timer that was due at "+r.Timer.Due.In(in).Format(time.TimeOnly))
	}
	lines = append(lines, escalated(r, in)...)
	lines = append(lines, clocks(r, in)...)
	var approval ApprovalData
	if r.Type == ApprovalAsked && json.Unmarshal(r.Data, &approval) == nil {
		lines = append(lines, fmt.Sprintf("of agent %s, for %s", approval.Of, approval.Amount))
	}
	return append(lines, said(r)...)
}

// escalated says of an escalation which policy it follows and what its step came to.
func escalated(r *Record, in *time.Location) []string {
	var data EscalationData
	if json.Unmarshal(r.Data, &data) != nil || data.Policy == "" {
		return nil
	}
	line := fmt.Sprintf("by policy %s, run %d", data.Policy, data.Run)
	if data.Trigger != "" {
		line += ", because of its trigger " + data.Trigger
	}
	if data.Name != "" {
		line += ", step " + data.Name
		if data.Round > 0 {
			line += fmt.Sprintf(" of round %d", data.Round+1)
		}
	}
	lines := []string{line}
	if !data.Until.IsZero() {
		lines = append(lines, fmt.Sprintf("goes on at %s unless it is resolved by then", data.Until.In(in).Format(time.DateTime)))
	}
	for _, a := range data.Actions {
		line := strings.TrimSpace(a.Action + " " + a.Target)
		if a.Skipped != "" {
			line += ": skipped, " + a.Skipped
		}
		lines = append(lines, line)
	}
	return lines
}

func outcome(r *Record) string {
	if r.To == nil {
		return ""
	}
	switch r.Type {
	case Opened, Rerouted:
		return " in queue " + r.To.Queue
	case Relaxed:
		return fmt.Sprintf(" to stage %d of queue %s", r.To.Stage, r.To.Queue)
	case Overflowed:
		if r.From != nil && r.From.Queue == r.To.Queue {
			return ""
		}
		return " to queue " + r.To.Queue
	case Drained, Returned:
		return " to queue " + r.To.Queue
	case Transferred:
		if r.To.Status == ticket.Open {
			return " to agent " + r.To.Agent
		}
		return " to queue " + r.To.Queue
	case Offered, Assigned:
		return " to agent " + r.To.Agent
	case Resumed, Reopened, Approved, Refused:
		if r.To.Status == ticket.Waiting {
			return ", waits in queue " + r.To.Queue
		}
		return " with agent " + r.To.Agent
	}
	return ""
}

// ruleOf is what routing decided by.
func ruleOf(r *Record) string {
	var data struct {
		Rule   string      `json:"rule"`
		Routed *RoutedData `json:"routed"`
	}
	switch r.Type {
	case Opened, Rerouted, Updated:
		if json.Unmarshal(r.Data, &data) == nil && data.Routed != nil {
			return data.Routed.Rule
		}
	}
	return data.Rule
}

// whyAgent explains an offer.
func whyAgent(d *Dispatch, in *time.Location) string {
	why := "because of " + d.Why
	if others := d.Considered[min(1, len(d.Considered)):]; len(others) > 0 {
		why += ", before " + strings.Join(others, ", ")
	} else {
		why += "; nobody else could take it"
	}
	if d.Stage > 0 {
		why += fmt.Sprintf("; by the requirements of stage %d", d.Stage)
	}
	if len(d.Load) > 0 {
		why += "; they had " + Occupancy(d.Load, d.Limits)
	}
	if !d.Until.IsZero() {
		why += "; until " + d.Until.In(in).Format(time.TimeOnly)
	}
	return why
}

// Occupancy tells an agent's load as parts of their limits.
func Occupancy(load, limits map[string]int) string {
	var parts []string
	for _, channel := range slices.Sorted(maps.Keys(load)) {
		if load[channel] > 0 {
			parts = append(parts, fmt.Sprintf("%d of %d %s", load[channel], max(limits[channel], 1), channel))
		}
	}
	if len(parts) == 0 {
		return "nothing to do"
	}
	return strings.Join(parts, " and ")
}

// said is the text of a message, and what an update changed.
func said(r *Record) []string {
	var lines []string
	var message MessageData
	if json.Unmarshal(r.Data, &message) == nil && message.Body != "" {
		from := message.From
		if from == "" {
			from = "Note"
		}
		lines = append(lines, from+": "+message.Body)
	}
	var update UpdatedData
	if r.Type == Updated && json.Unmarshal(r.Data, &update) == nil {
		for _, field := range slices.Sorted(maps.Keys(update.Changed)) {
			lines = append(lines, fmt.Sprintf("%s is now %v", field, update.Changed[field]))
		}
	}
	return lines
}

// because puts a word before a value that is there.
func because(value, before string) string {
	if value == "" {
		return ""
	}
	return before + value
}
