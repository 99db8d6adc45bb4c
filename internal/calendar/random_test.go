package calendar_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/caseload-dev/caseload/internal/calendar"
	"github.com/caseload-dev/caseload/internal/walltime/walltimetest"
)

// A clock on the wall, watched minute by minute, agrees: on 500 random calendars, or as many as CALENDAR_ORACLE says.
func TestAgreesWithAClock(t *testing.T) {
	calendars := 500
	if n, err := strconv.Atoi(os.Getenv("CALENDAR_ORACLE")); err == nil {
		calendars = n
	}
	zones := walltimetest.Zones(t)
	seeds := make(chan int)
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			for seed := range seeds {
				// All zones are met in turn.
				compare(t, uint64(seed), walltimetest.Load(t, zones[seed%len(zones)]))
			}
		})
	}
	for seed := range calendars {
		seeds <- seed
	}
	close(seeds)
	workers.Wait()
}

// compare a random calendar of the zone, over random days, with the oracle.
func compare(t *testing.T, seed uint64, zone *time.Location) {
	r := rand.New(rand.NewPCG(seed, 0))
	from, to := randomDays(r, zone)
	spec, oracleHours, oracleHolidays := randomCalendar(r, zone, from, to)
	c, err := calendar.New(spec)
	if err != nil {
		t.Errorf("seed %d: %v", seed, err)
		return
	}
	name := fmt.Sprintf("seed %d, %s from %s to %s, %+v", seed, zone, from.Format(time.RFC3339), to.Format(time.RFC3339), spec)
	m := tellOpen(zone, oracleHours, oracleHolidays, from, to)

	var spans [][2]time.Time
	for _, w := range c.Windows(from, to) {
		spans = append(spans, [2]time.Time{w.Start.UTC(), w.End.UTC()})
	}
	if diff := cmp.Diff(m.spans(), spans); diff != "" {
		t.Errorf("%s: windows: %s", name, diff)
		return
	}
	minute := func(i int) time.Time { return from.Add(time.Duration(i) * time.Minute) }
	for range 100 {
		i, j := r.IntN(len(m.open)), r.IntN(len(m.open))
		i, j = min(i, j), max(i, j)
		if got := c.Open(minute(i)); got != m.open[i] {
			t.Errorf("%s: open at %s is %t", name, minute(i), got)
		}
		n := m.count(i, j)
		if got := c.Between(minute(i), minute(j)); got != time.Duration(n)*time.Minute {
			t.Errorf("%s: between %s and %s pass %s, want %d minutes", name, minute(i), minute(j), got, n)
		}
		if k := m.after(i, 1); k >= 0 {
			w, ok := c.Next(minute(i))
			if start := w.Start; !ok || w.Start.After(minute(i)) != !m.open[i] || !m.open[i] && !start.Equal(minute(k-1)) {
				t.Errorf("%s: the next window from %s is %v", name, minute(i), w)
			}
		}
		n = 1 + r.IntN(max(n, 1))
		if k := m.after(i, n); k >= 0 && !c.Add(minute(i), time.Duration(n)*time.Minute).Equal(minute(k)) {
			t.Errorf("%s: %d minutes after %s it is %s, want %s", name, n, minute(i), c.Add(minute(i), time.Duration(n)*time.Minute), minute(k))
		}
		if k := m.before(j, n); k >= 0 && !c.Add(minute(j), -time.Duration(n)*time.Minute).Equal(minute(k)) {
			t.Errorf("%s: %d minutes before %s it is %s, want %s", name, n, minute(j), c.Add(minute(j), -time.Duration(n)*time.Minute), minute(k))
		}
	}
}

// randomDays between 2015 and 2035, up to 60, most of them with a change of the zone's clocks if it has any.
func randomDays(r *rand.Rand, zone *time.Location) (from, to time.Time) {
	first := time.Date(2015, 1, 1, 0, 0, 0, 0, time.UTC)
	length := 1 + r.IntN(60*1440)
	from = first.Add(time.Duration(r.IntN(20*365*1440-length)) * time.Minute)
	if _, change := from.In(zone).ZoneBounds(); !change.IsZero() && change.Year() < 2035 && r.IntN(4) > 0 {
		from = change.Add(-time.Duration(r.IntN(length)) * time.Minute)
	}
	return from.UTC(), from.Add(time.Duration(length) * time.Minute).UTC()
}

// randomCalendar as the package and as the oracle know it, with holidays in these days.
func randomCalendar(r *rand.Rand, zone *time.Location, from, to time.Time) (spec calendar.Spec, hours []oracleHours, holidays []oracleDate) {
	spec.Zone = zone
	for range 1 + r.IntN(4) {
		h, o := calendar.Hours{From: r.IntN(1440), To: r.IntN(1441)}, oracleHours{}
		switch r.IntN(4) {
		case 0:
			h.From, h.To = 0, 1440
		case 1:
			h.From, h.To = r.IntN(4)*60+r.IntN(2)*30, r.IntN(5)*60+r.IntN(2)*30 // where clocks are changed
		}
		for _, day := range r.Perm(7)[:1+r.IntN(7)] {
			h.Days = append(h.Days, time.Weekday(day))
			o.days[day] = true
		}
		o.from, o.to = h.From, h.To
		spec.Hours, hours = append(spec.Hours, h), append(hours, o)
	}
	for range r.IntN(6) {
		year, month, day := from.Add(time.Duration(r.Int64N(int64(to.Sub(from))))).Date()
		if r.IntN(2) == 0 {
			year = 0
		}
		spec.Holidays = append(spec.Holidays, calendar.Holiday{Year: year, Month: month, Day: day})
		holidays = append(holidays, oracleDate{year, int(month), day})
	}
	return spec, hours, holidays
}

func TestProperties(t *testing.T) {
	zones := walltimetest.Zones(t)
	rapid.Check(t, func(t *rapid.T) {
		zone := walltimetest.Load(t, rapid.SampledFrom(zones).Draw(t, "zone"))
		spec, _, _ := randomCalendar(rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "calendar"), 0)), zone,
			time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC))
		c, err := calendar.New(spec)
		if err != nil {
			t.Fatal(err)
		}
		start := time.Unix(rapid.Int64Range(1.4e9, 2.1e9).Draw(t, "start"), rapid.Int64Range(0, 1e9-1).Draw(t, "nanoseconds"))
		duration := rapid.Int64Range(1, int64(3000*time.Hour))
		a, b := time.Duration(duration.Draw(t, "a")), time.Duration(duration.Draw(t, "b"))

		end := c.Add(start, a)
		if got := c.Between(start, end); got != a {
			t.Errorf("%s after %s it is %s, between which pass %s", a, start, end, got)
		}
		if got := c.Between(c.Add(start, -a), start); got != a {
			t.Errorf("from %s before %s pass %s until then", a, start, got)
		}
		if once, twice := c.Add(start, a+b), c.Add(end, b); !once.Equal(twice) {
			t.Errorf("%s and %s after %s it is %s at once and %s one after the other", a, b, start, once, twice)
		}
		if !c.Open(end.Add(-1)) {
			t.Errorf("%s after %s it is %s, and the instant before is not open", a, start, end)
		}
		if begin := c.Add(start, -a); !c.Open(begin) {
			t.Errorf("%s before %s it is %s, which is not open", a, start, begin)
		}
	})
}

// What a year of business time ahead is, once the years are worked out; the floor is the same by the calendar on the wall.
func BenchmarkAddYear(b *testing.B) {
	c := newCalendar(b, "Europe/Berlin", []calendar.Holiday{{Month: time.January, Day: 1}}, hours(workdays, 9, 12), hours(workdays, 13, 17))
	start := at(b, "2024-01-20T12:00:00Z")
	year := c.Between(start, start.AddDate(1, 0, 0))
	for b.Loop() {
		c.Add(start, year)
	}
}

func BenchmarkAddYearFloor(b *testing.B) {
	start := at(b, "2024-01-20T12:00:00Z").In(walltimetest.Load(b, "Europe/Berlin"))
	for b.Loop() {
		start.AddDate(1, 0, 0)
	}
}
