// Package caselog reads the history of another ticket system: an event log as CSV, one event a line, with columns as the
// XES standard (IEEE 1849) names them.
package caselog

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// Columns name the columns of the file. Those of Case, Activity, Time, Resource and Team must exist; the file may lack
// the others, or the name be empty.
type Columns struct {
	Case, Activity, Transition, Time, Resource, Team string
	Group, Role, Impact, Product                     string
	Country, TeamCountry                             string
}

// DefaultColumns are XES's names, and those of the public logs of support organisations where XES has none.
func DefaultColumns() Columns {
	return Columns{
		Case: "case:concept:name", Activity: "concept:name", Transition: "lifecycle:transition", Time: "time:timestamp",
		Resource: "org:resource", Team: "organization involved", Group: "org:group", Role: "org:role",
		Impact: "impact", Product: "product", Country: "resource country", TeamCountry: "organization country",
	}
}

// Event is one line: at Time the case came into the state, in the hands of the person and the team.
type Event struct {
	Line  int
	Time  time.Time
	State State
	// Status as the log words it, such as "Accepted/In Progress".
	Status string
	// Person is empty where the log names nobody.
	Person, Team, Group, Role string
	Impact, Product           string
	// Country is where the person is, TeamCountry where the team is, as the log words it.
	Country, TeamCountry string
}

// Case is one ticket's events in the order of time; events of the same instant keep the order of the file.
type Case struct {
	ID     string
	Events []Event
}

// Log is a history, its cases in the order of their first events.
type Log struct {
	Cases []Case
}

// Options of Read.
type Options struct {
	Columns Columns
	// NotPeople are values of the resource column that are systems: their events are nobody's.
	NotPeople []string
}

// timeLayouts are the notations of an instant that logs use. Without a zone it is UTC. Fractions of a second parse
// without being named.
var timeLayouts = []string{time.RFC3339, "2006-01-02 15:04:05Z07:00", "2006-01-02T15:04:05", "2006-01-02 15:04:05"}

// Read reads a whole log. An error names the line.
func Read(r io.Reader, opts Options) (*Log, error) {
	in := csv.NewReader(r)
	in.ReuseRecord = true
	header, err := in.Read()
	if errors.Is(err, io.EOF) {
		return nil, errors.New("the file is empty: expected a header line that names the columns")
	}
	if err != nil {
		return nil, err
	}
	header[0] = strings.TrimPrefix(header[0], "\ufeff")
	cols, err := locate(header, opts.Columns)
	if err != nil {
		return nil, err
	}

	byID := map[string]int{}
	log := &Log{}
	for {
		row, err := in.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		line, _ := in.FieldPos(0)
		id, event, err := cols.event(row, opts.NotPeople)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", line, err)
		}
		event.Line = line
		i, known := byID[id]
		if !known {
			i = len(log.Cases)
			byID[id] = i
			log.Cases = append(log.Cases, Case{ID: id})
		}
		log.Cases[i].Events = append(log.Cases[i].Events, event)
	}
	if len(log.Cases) == 0 {
		return nil, errors.New("the file has a header but no events")
	}
	for _, c := range log.Cases {
		slices.SortStableFunc(c.Events, func(a, b Event) int { return a.Time.Compare(b.Time) })
	}
	slices.SortStableFunc(log.Cases, func(a, b Case) int { return a.Events[0].Time.Compare(b.Events[0].Time) })
	return log, nil
}

// positions of the columns in a row; -1 for one the file lacks.
type positions struct {
	id, activity, transition, time, resource, team, group, role, impact, product, country, teamCountry int
}

func locate(header []string, names Columns) (positions, error) {
	var missing []string
	find := func(name string, required bool) int {
		i := slices.Index(header, name)
		if i < 0 && required {
			missing = append(missing, fmt.Sprintf("%q", name))
		}
		return i
	}
	p := positions{
		id: find(names.Case, true), activity: find(names.Activity, true), time: find(names.Time, true),
		resource: find(names.Resource, true), team: find(names.Team, true),
		transition: find(names.Transition, false), group: find(names.Group, false), role: find(names.Role, false),
		impact: find(names.Impact, false), product: find(names.Product, false),
		country: find(names.Country, false), teamCountry: find(names.TeamCountry, false),
	}
	if len(missing) > 0 {
		return p, fmt.Errorf("the file has no column %s: it has %q; say with the --…-column flags which of them to read",
			strings.Join(missing, ", "), header)
	}
	return p, nil
}

func (p positions) event(row []string, notPeople []string) (id string, e Event, err error) {
	value := func(i int) string {
		if i < 0 {
			return ""
		}
		return strings.TrimSpace(row[i])
	}
	id = value(p.id)
	if id == "" {
		return "", e, errors.New("the case has no id")
	}
	activity, transition := value(p.activity), value(p.transition)
	e = Event{
		State: stateOf(activity, transition), Status: activity,
		Person: value(p.resource), Team: value(p.team), Group: value(p.group), Role: value(p.role),
		Impact: value(p.impact), Product: value(p.product),
		Country: value(p.country), TeamCountry: value(p.teamCountry),
	}
	if transition != "" {
		e.Status += "/" + transition
	}
	if slices.Contains(notPeople, e.Person) {
		e.Person = ""
	}
	if e.Team == "" {
		return "", e, fmt.Errorf("case %s: the event has no team, so no queue can be told", id)
	}
	if e.Time, err = parseTime(value(p.time)); err != nil {
		return "", e, fmt.Errorf("case %s: %w", id, err)
	}
	return id, e, nil
}

func parseTime(s string) (time.Time, error) {
	for _, layout := range timeLayouts {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, fmt.Errorf("time %q is not understood: write it like 2012-03-15T11:53:52+01:00", s)
}
