package importer

import (
	_ "embed"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/caseload-dev/caseload/api/v1alpha1"
	"github.com/caseload-dev/caseload/internal/calendar"
)

// countriesTable has a line for each country: its ISO 3166 code, its English names, and its time zone; of several the one
// of its largest city. It is made from the tables of the tz database, which are in the public domain.
//
//go:embed countries.tsv
var countriesTable string

// country as the table has it. The code is in lower case, as object names are.
type country struct{ code, zone string }

var countries = sync.OnceValue(func() map[string]country {
	known := map[string]country{}
	for line := range strings.Lines(countriesTable) {
		cells := strings.Split(strings.TrimSpace(line), "\t")
		c := country{strings.ToLower(cells[0]), cells[2]}
		known[c.code] = c
		for name := range strings.SplitSeq(cells[1], "|") {
			known[strings.ToLower(name)] = c
		}
	}
	return known
})

// Calendar of a country: the working hours of its people.
type Calendar struct {
	// Name is the country's ISO 3166 code in lower case, if there is one for what the history calls it.
	Name, Source string
	Zone         v1alpha1.TimeZone
	calendar     *calendar.Calendar
}

// atlas finds the calendars of the countries that a history names.
type atlas struct {
	calendars map[string]*Calendar
	// of what the history calls a country; nil for one that nobody knows.
	of map[string]*Calendar
}

// newAtlas of the countries. The zones given win over the table's; their keys are countries as the history or the table
// calls them.
func newAtlas(sources []string, hours v1alpha1.WeeklyHours, zones map[string]string) (*atlas, error) {
	a := &atlas{calendars: map[string]*Calendar{}, of: map[string]*Calendar{}}
	given := map[string]string{}
	named := map[string]bool{}
	for _, source := range sources {
		named[countryName(source)] = true
	}
	for _, source := range slices.Sorted(maps.Keys(zones)) {
		name := countryName(source)
		if given[name] = zones[source]; !named[name] {
			return nil, fmt.Errorf("nobody in the history is in %q, which is given the time zone %s: write the country as the file does", source, zones[source])
		}
	}
	open, err := calendar.NewHours(hours)
	if err != nil {
		return nil, err
	}
	for _, source := range slices.Compact(slices.Sorted(slices.Values(sources))) {
		name := countryName(source)
		zone := countries()[strings.ToLower(source)].zone
		if z, is := given[name]; is {
			zone = z
		}
		if zone == "" {
			a.of[source] = nil
			continue
		}
		if a.calendars[name] == nil {
			c := &Calendar{Name: name, Source: source, Zone: v1alpha1.TimeZone(zone)}
			location, err := calendar.Zone(c.Zone)
			if err != nil {
				return nil, fmt.Errorf("country %q: %w", source, err)
			}
			if c.calendar, err = calendar.New(calendar.Spec{Zone: location, Hours: []calendar.Hours{open}}); err != nil {
				return nil, fmt.Errorf("country %q: %w", source, err)
			}
			a.calendars[name] = c
		}
		a.of[source] = a.calendars[name]
	}
	return a, nil
}

func countryName(source string) string {
	if known, is := countries()[strings.ToLower(source)]; is {
		return known.code
	}
	return Names([]string{source}, "country")[source]
}

// name of the calendar of a country; empty for one that nobody knows.
func (a *atlas) name(source string) string {
	if c := a.of[source]; c != nil {
		return c.Name
	}
	return ""
}

// unknown countries, as the history calls them.
func (a *atlas) unknown() []string {
	var names []string
	for _, source := range slices.Sorted(maps.Keys(a.of)) {
		if a.of[source] == nil {
			names = append(names, source)
		}
	}
	return names
}
