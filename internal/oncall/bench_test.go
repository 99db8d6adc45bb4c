package oncall_test

import (
	"testing"
	"time"

	"github.com/caseload-dev/caseload/internal/oncall"
)

// usual rotations: weeks outside business hours, days, a follow-the-sun of three layers, and months.
func usual(b *testing.B, n int) []*oncall.Rotation {
	week := []time.Weekday{time.Monday, time.Tuesday, time.Wednesday, time.Thursday, time.Friday}
	office := hours(b, zone(b, "Europe/Berlin"), 9*60, 18*60, week...)
	rotations := make([]*oncall.Rotation, n)
	for i := range rotations {
		outside := layer(b, "Europe/Berlin", "2024-01-01", "18:00", 5, 1, oncall.Week)
		outside.Duty = oncall.Duty{Calendar: office, Outside: true}
		var sun []oncall.Layer
		for _, place := range []string{"Asia/Tokyo", "Europe/London", "America/Los_Angeles"} {
			l := layer(b, place, "2024-01-01", "00:00", 3, 1, oncall.Week)
			l.Name, l.Duty = place, oncall.Duty{Calendar: hours(b, l.Zone, 8*60, 17*60, week...)}
			sun = append(sun, l)
		}
		switch i % 4 {
		case 0:
			rotations[i] = rotation(outside)
		case 1:
			rotations[i] = rotation(layer(b, "America/New_York", "2024-01-01", "09:00", 4, 1, oncall.Day))
		case 2:
			rotations[i] = rotation(sun...)
		case 3:
			rotations[i] = rotation(layer(b, "Asia/Kolkata", "2024-01-31", "09:00", 3, 1, oncall.Month))
		}
	}
	return rotations
}

// Who is on call for 1,000 rotations.
func BenchmarkOn(b *testing.B) {
	rotations := usual(b, 1000)
	start, served := time.Date(2026, 11, 22, 3, 0, 0, 0, time.UTC), 0
	for i := 0; b.Loop(); i++ {
		at := start.Add(time.Duration(i%1000) * time.Minute)
		for _, r := range rotations {
			served += len(r.On(at))
		}
	}
	if served == 0 {
		b.Error("nobody is on call")
	}
}

// The floor: what the clocks of 1,000 places show, which is the least one must know.
func BenchmarkOnFloor(b *testing.B) {
	places := []*time.Location{zone(b, "Europe/Berlin"), zone(b, "America/New_York"), zone(b, "Europe/London"), zone(b, "Asia/Kolkata")}
	start, days := time.Date(2026, 11, 22, 3, 0, 0, 0, time.UTC), 0
	for i := 0; b.Loop(); i++ {
		at := start.Add(time.Duration(i%1000) * time.Minute)
		for j := range 1000 {
			days += at.In(places[j%len(places)]).Day()
		}
	}
	if days == 0 {
		b.Error("no day is shown")
	}
}

// A year of shifts of one rotation, nights and weekends of weeks.
func BenchmarkShifts(b *testing.B) {
	r := usual(b, 1)[0]
	start := time.Date(2026, 11, 22, 3, 0, 0, 0, time.UTC)
	for i := 0; b.Loop(); i++ {
		from := start.Add(time.Duration(i%1000) * time.Minute)
		if n := len(r.Shifts(from, from.AddDate(1, 0, 0))); n < 250 {
			b.Fatalf("a year has %d shifts", n)
		}
	}
}

// The floor: the clock read at each of as many instants.
func BenchmarkShiftsFloor(b *testing.B) {
	berlin := zone(b, "Europe/Berlin")
	start, days := time.Date(2026, 11, 22, 3, 0, 0, 0, time.UTC), 0
	for i := 0; b.Loop(); i++ {
		for j := range 261 {
			days += start.Add(time.Duration(i%1000+j*33*60) * time.Minute).In(berlin).Day()
		}
	}
	if days == 0 {
		b.Error("no day is shown")
	}
}
