package desk

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"time"

	"github.com/caseload-dev/caseload/internal/desk/api"
	"github.com/caseload-dev/caseload/internal/eventlog"
	"github.com/caseload-dev/caseload/internal/ticket"
)

// Who a reply is from.
const (
	fromCustomer = "Customer"
	fromAgent    = "Agent"
)

// Reply adds a message to the ticket. The customer's resumes a Pending ticket, reopens a Resolved one within its window,
// and otherwise stays with the ticket; behind the window it opens a ticket that continues this one.
func (d *Desk) Reply(ctx context.Context, call api.Call, id int64, body api.Reply) (*ticket.Ticket, error) {
	switch {
	case body.From == fromAgent:
		return d.act(ctx, call, "reply", id, func(c *change, t *ticket.Ticket) (*ticket.Ticket, error) {
			return c.apply(t, ticket.AgentReply{}, eventlog.Record{
				Type: eventlog.Replied, Data: eventlog.Encode(eventlog.MessageData{From: fromAgent, Body: body.Body}),
			})
		})
	case body.From != fromCustomer:
		return nil, invalid("body.from", body.From, "must be Customer or Agent")
	}
	return answer(ctx, d, call, "reply/"+strconv.FormatInt(id, 10), func(c *change) (*ticket.Ticket, error) {
		t, err := c.ticketByID(id)
		if err != nil {
			return nil, err
		}
		return c.customerReply(t, body.Body)
	})
}

func (c *change) customerReply(t *ticket.Ticket, body string) (*ticket.Ticket, error) {
	if !t.Status.Live() || t.Status == ticket.Resolved && !c.now.Before(t.ClosesAt) {
		return c.followUp(t, body)
	}
	message := eventlog.Encode(eventlog.MessageData{From: fromCustomer, Body: body})
	room, err := c.room(t)
	if err != nil {
		return nil, err
	}
	record := eventlog.Record{Type: eventlog.Replied, Data: message}
	switch t.Status {
	case ticket.Pending:
		record.Type = eventlog.Resumed
	case ticket.Resolved:
		record.Type = eventlog.Reopened
	default:
		return c.apply(t, ticket.CustomerReply{Room: room}, record)
	}
	return c.comeBack(t, ticket.CustomerReply{Room: room}, record)
}

// followUp opens the ticket that continues one that is over.
func (c *change) followUp(t *ticket.Ticket, body string) (*ticket.Ticket, error) {
	content := t.Asked()
	content.Body, content.Reference = body, nil
	if c.plan.Teams[content.Team] == nil {
		content.Team = ""
	}
	opened, err := c.openChecked(content, t.ID)
	if err != nil {
		return nil, err
	}
	data := openedData(opened)
	return c.insertRouted(opened, eventlog.Record{
		Type: eventlog.Opened, Reason: fmt.Sprintf("the customer replied to ticket %d, which is over", t.ID),
		Data: eventlog.Encode(eventlog.MessageData{From: fromCustomer, Body: body, Opened: &data}),
	})
}

// Note adds a message the customer does not see.
func (d *Desk) Note(ctx context.Context, call api.Call, id int64, body api.Note) (*ticket.Ticket, error) {
	return d.act(ctx, call, "note", id, func(c *change, t *ticket.Ticket) (*ticket.Ticket, error) {
		return c.apply(t, ticket.Note{}, eventlog.Record{
			Type: eventlog.Noted, Data: eventlog.Encode(eventlog.MessageData{Body: body.Body}),
		})
	})
}

// Update changes what the ticket is about. A ticket that nobody has accepted is routed anew; a priority given stays.
func (d *Desk) Update(ctx context.Context, call api.Call, id int64, body api.Update) (*ticket.Ticket, error) {
	return d.act(ctx, call, "update", id, func(c *change, t *ticket.Ticket) (*ticket.Ticket, error) {
		content := t.Clone().Content
		merge(&content, body)
		// Tags that routing added do not count.
		asked := (&ticket.Ticket{Content: content, RoutedTags: t.RoutedTags}).Asked()
		if err := checkContent(&asked).problem(); err != nil {
			return nil, err
		}
		changed := changedFields(t.Content, content)
		if len(changed) == 0 {
			return t, nil
		}
		next, err := ticket.Apply(*t, ticket.Update{Content: content, SetPriority: body.Priority != nil}, c.now)
		if err != nil {
			return nil, err
		}
		data := eventlog.UpdatedData{Changed: changed}
		if err := c.save(t, &next, eventlog.Record{Type: eventlog.Updated, Data: eventlog.Encode(data)}); err != nil {
			return nil, err
		}
		if next.Status != ticket.Waiting && next.Status != ticket.Offered || pinned(&next) {
			return &next, nil
		}
		moved, err := c.routeAnew(&next, "what the ticket is about changed")
		if moved == nil || err != nil {
			return &next, err
		}
		return moved, nil
	})
}

// merge puts the given fields into the content.
func merge(content *ticket.Content, body api.Update) {
	for field, value := range map[*string]*string{
		&content.Subject: body.Subject, &content.Category: body.Category, &content.Product: body.Product,
		&content.Language: body.Language, &content.Region: body.Region,
	} {
		if value != nil {
			*field = *value
		}
	}
	if body.Priority != nil {
		content.Priority = *body.Priority
	}
	if body.Amount != nil {
		content.Amount = body.Amount
	}
	content.Tags = slices.DeleteFunc(content.Tags, func(tag string) bool { return slices.Contains(body.RemoveTags, tag) })
	for _, tag := range body.AddTags {
		if !slices.Contains(content.Tags, tag) {
			content.Tags = append(content.Tags, tag)
		}
	}
	for key, value := range body.Attributes {
		if content.Attributes == nil {
			content.Attributes = map[string]string{}
		}
		if content.Attributes[key] = value; value == "" {
			delete(content.Attributes, key)
		}
	}
}

// changedFields are the new values of the fields that differ, by their JSON names; nil for one that is gone.
func changedFields[T any](before, after T) map[string]any {
	was, is := fields(before), fields(after)
	changed := map[string]any{}
	for name, value := range is {
		if !reflect.DeepEqual(was[name], value) {
			changed[name] = value
		}
	}
	for name := range was {
		if _, ok := is[name]; !ok {
			changed[name] = nil
		}
	}
	return changed
}

func fields(value any) map[string]any {
	encoded, err := json.Marshal(value)
	if err != nil {
		panic(err) // of strings, numbers, maps and lists
	}
	var all map[string]any
	decoder := json.NewDecoder(bytes.NewReader(encoded))
	decoder.UseNumber() // amounts are exact
	if err := decoder.Decode(&all); err != nil {
		panic(err)
	}
	return all
}

// timestamp brings an instant that a caller gave to the desk's resolution, never earlier than given.
func timestamp(t time.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	rounded := t.UTC().Truncate(time.Millisecond)
	if rounded.Before(t) {
		rounded = rounded.Add(time.Millisecond)
	}
	return rounded
}

// conflict is a 409 that says why.
func conflict(problemType, format string, args ...any) error {
	return api.NewProblem(http.StatusConflict, problemType, format, args...)
}
