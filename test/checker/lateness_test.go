package checker

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestMeasureLateness(t *testing.T) {
	fired := func(id, due, when int) string {
		return `{"type":"ticket.noted","ticket":` + string(rune('0'+id)) + `,"at":"` + at(when) + `","timer":{"kind":"Escalation","due":"` + at(due) + `"}}`
	}
	seconds := func(n ...int) (d Delays) {
		for _, s := range n {
			d = append(d, time.Duration(s)*time.Second)
		}
		return d
	}
	second := func(n int) time.Time { return start.Add(time.Duration(n) * time.Second) }
	begin := []string{opened(1, "general"), opened(2, "general"), opened(3, "general")} // until 2 s
	for _, tc := range []struct {
		name string
		log  []string
		gone []time.Time
		want Lateness
	}{
		{"no outage", []string{fired(1, 5, 5), fired(2, 6, 9)}, nil, Lateness{Up: seconds(0, 3)}},
		{"due when it was set", []string{fired(1, 5, 5), fired(1, 5, 5), fired(2, 1, 6)}, nil, Lateness{Up: seconds(0)}},
		{"apart by when they fell due", []string{fired(1, 3, 4), fired(2, 5, 10), fired(3, 9, 12), fired(1, 11, 12), fired(2, 12, 13)}, []time.Time{second(6), second(8)},
			Lateness{Up: seconds(1, 1), Down: seconds(3, 5), After: seconds(1), Outages: []Outage{{Start: second(4), End: second(10), Missed: 2, Cleared: second(12)}}}},
		{"nothing fell due meanwhile", []string{present("jo"), fired(1, 20, 20)}, []time.Time{second(10)},
			Lateness{Up: seconds(0), Outages: []Outage{{Start: second(3), End: second(20), Cleared: second(20)}}}},
		{"not back yet", []string{fired(1, 5, 5)}, []time.Time{second(10)}, Lateness{Up: seconds(0)}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if diff := cmp.Diff(&tc.want, MeasureLateness(log(t, slices.Concat(begin, tc.log)...), tc.gone...)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestPercentile(t *testing.T) {
	var d Delays
	for i := range 200 {
		d = append(d, time.Duration(i+1))
	}
	for p, want := range map[int]time.Duration{1: 2, 50: 100, 99: 198, 100: 200} {
		if got := d.Percentile(p); got != want {
			t.Errorf("percentile %d of 1 to 200 is %d, want %d", p, got, want)
		}
	}
	if got := (Delays)(nil).Percentile(99); got != 0 {
		t.Errorf("of nothing it is %d", got)
	}
}
