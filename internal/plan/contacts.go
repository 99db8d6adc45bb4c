package plan

import (
	"fmt"
	"maps"
	"net/mail"
	"slices"
	"strings"
	"time"

	"github.com/caseload-dev/caseload/api/v1alpha1"
	"github.com/caseload-dev/caseload/internal/calendar"
	"github.com/caseload-dev/caseload/internal/notify"
	"github.com/caseload-dev/caseload/internal/suggest"
)

// contacts at the notifiers that there are. They can be read.
func contacts(declared []v1alpha1.Contact, notifiers map[string]v1alpha1.Notifier) []notify.Contact {
	var all []notify.Contact
	for _, d := range declared {
		if _, ok := notifiers[d.Notifier]; !ok {
			continue
		}
		c := notify.Contact{Notifier: d.Notifier, Address: d.Address}
		c.After, _ = duration(d.After, 0)
		c.Quiet, _ = quietHours(d.QuietHours)
		all = append(all, c)
	}
	return all
}

// quietHours as declared, or what of them cannot be read, and why.
func quietHours(q *v1alpha1.QuietHours) (*notify.QuietHours, *Problem) {
	if q == nil {
		return nil, nil
	}
	location, err := calendar.Zone(q.TimeZone)
	if err != nil {
		return nil, &Problem{Field: "timeZone", Message: err.Error()}
	}
	hours := &notify.QuietHours{Location: location}
	for _, w := range []struct {
		field  string
		text   v1alpha1.TimeOfDay
		minute *int
	}{{"from", q.From, &hours.From}, {"to", q.To, &hours.To}} {
		if *w.minute, err = calendar.Minute(w.text); err != nil {
			return nil, &Problem{Field: w.field, Message: err.Error()}
		}
	}
	if hours.From == hours.To {
		return nil, &Problem{Field: "to", Message: "they begin when they end: leave the contact out to hear nothing there"}
	}
	return hours, nil
}

// quietZone is the zone of the first quiet hours; UTC without any.
func quietZone(contacts []notify.Contact) *time.Location {
	for _, c := range contacts {
		if c.Quiet != nil {
			return c.Quiet.Location
		}
	}
	return time.UTC
}

// ZoneOf an agent, in which they are told times; UTC of one who is not in the plan.
func (p *Plan) ZoneOf(agent string) *time.Location {
	if a := p.Agents[agent]; a != nil {
		return a.Zone
	}
	return time.UTC
}

// unreadableContacts reports the fields that Build could not read.
func unreadableContacts(declared []v1alpha1.Contact) []Problem {
	var problems []Problem
	for i, c := range declared {
		field := fmt.Sprintf("spec.contacts[%d]", i)
		if _, err := duration(c.After, 0); err != nil {
			problems = append(problems, Problem{Field: field + ".after", Reason: v1alpha1.ReasonInvalid,
				Message: fmt.Sprintf("%q is no duration: write it like 30s, 15m or 1h30m", c.After)})
		}
		if _, p := quietHours(c.QuietHours); p != nil {
			p.Field, p.Reason = field+".quietHours."+p.Field, v1alpha1.ReasonInvalid
			problems = append(problems, *p)
		}
	}
	return problems
}

// warnContacts tells of contacts that reach nobody. They cost the agent nothing else, so the rest of the agent holds.
func (c *compilation) warnContacts(cand *candidate, o *v1alpha1.Agent, p *Plan) {
	for i, contact := range o.Spec.Contacts {
		notifier, ok := p.HelpDesk.Notifiers[contact.Notifier]
		if !ok {
			names := slices.Sorted(maps.Keys(p.HelpDesk.Notifiers))
			has := "it has none"
			if len(names) > 0 {
				has = "it has " + strings.Join(names, ", ")
			}
			c.warning(cand, fmt.Sprintf("spec.contacts[%d].notifier", i), v1alpha1.ReasonInvalid,
				"HelpDesk/%s has no notifier %s, so nothing is sent there: declare it in spec.notifiers, or name one of its own; %s%s",
				c.names.desk, contact.Notifier, has, suggest.DidYouMean(contact.Notifier, names))
			continue
		}
		if address, err := mail.ParseAddress(contact.Address); notifier.Type == v1alpha1.NotifierMail && (err != nil || address.Name != "") {
			c.warning(cand, fmt.Sprintf("spec.contacts[%d].address", i), v1alpha1.ReasonInvalid,
				"%q is no mail address, and notifier %s sends mail: write it like jo@example.com", contact.Address, contact.Notifier)
		}
	}
}
