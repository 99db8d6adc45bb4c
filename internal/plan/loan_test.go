package plan

import (
	"slices"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/caseload-dev/caseload/api/v1alpha1"
)

func instant(value string) *metav1.Time {
	if value == "" {
		return nil
	}
	t := metav1.NewTime(at(value))
	return &t
}

func assigned(queue, from, until string) v1alpha1.Assignment {
	return v1alpha1.Assignment{QueueRef: *queueRef(queue), StartTime: instant(from), EndTime: instant(until)}
}

// An assignment with dates puts the agent into the queue's pool, and lets them serve it within these dates alone.
func TestLoans(t *testing.T) {
	const before, during, between, later = "2026-03-02T09:00:00Z", "2026-03-03T09:00:00Z", "2026-03-04T09:00:00Z", "2026-03-06T09:00:00Z"
	first := assigned("legal", "2026-03-03T00:00:00Z", "2026-03-04T00:00:00Z")
	second := assigned("legal", "2026-03-05T00:00:00Z", "")
	for _, tc := range []struct {
		name        string
		agent       string
		assignments []v1alpha1.Assignment
		at          string
		want        bool
		from        string
	}{
		{"before", "jo", []v1alpha1.Assignment{second, first}, before, false, "2026-03-03T00:00:00Z"},
		{"as it begins", "jo", []v1alpha1.Assignment{first}, "2026-03-03T00:00:00Z", true, ""},
		{"during", "jo", []v1alpha1.Assignment{first, second}, during, true, ""},
		{"as it ends", "jo", []v1alpha1.Assignment{first}, "2026-03-04T00:00:00Z", false, ""},
		{"between two", "jo", []v1alpha1.Assignment{first, second}, between, false, "2026-03-05T00:00:00Z"},
		{"without an end", "jo", []v1alpha1.Assignment{first, second}, later, true, ""},
		{"until an end", "jo", []v1alpha1.Assignment{assigned("legal", "", "2026-03-04T00:00:00Z")}, before, true, ""},
		{"without dates beside one with", "jo", []v1alpha1.Assignment{first, assigned("legal", "", "")}, before, true, ""},
		{"who is selected anyway", "max", []v1alpha1.Assignment{first}, before, true, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			o := acme()
			for i := range o.Agents {
				if o.Agents[i].Name == tc.agent {
					o.Agents[i].Spec.Assignments = tc.assignments
				}
			}
			result := Compile(o.declared(), nil)
			p, err := Build(result.Manifest, result.Entries)
			if err != nil || len(result.Problems) > 0 {
				t.Fatal(err, result.Problems)
			}
			q := p.Queues["legal"]
			if !slices.Contains(q.Agents, tc.agent) || !slices.Contains(p.Pools[q.Pool].Agents, tc.agent) {
				t.Errorf("the queue has %v, its pool %v", q.Agents, p.Pools[q.Pool].Agents)
			}
			got, from := q.Assigned(tc.agent, at(tc.at))
			if got != tc.want || tc.from == "" != from.IsZero() || tc.from != "" && !from.Equal(at(tc.from)) {
				t.Errorf("assigned is %t, and again from %s", got, from)
			}
		})
	}
}

// 40 % of the limits in the first of three weeks, 60 % and 80 % in those after; weeks begin on the clocks of the schedule.
func TestRampUp(t *testing.T) {
	o := acme()
	for i := range o.Agents {
		if a := &o.Agents[i]; a.Name == "jo" {
			a.Spec.RampUp = &v1alpha1.RampUp{From: "2026-03-16", Weeks: 3, StartPercent: 40}
			a.Spec.Limits = []v1alpha1.ChannelLimit{{Channel: "Chat", Max: 3}, {Channel: "Email", Max: 10}, {Channel: "Phone", Max: 1}}
		}
	}
	result := Compile(o.declared(), nil)
	p, err := Build(result.Manifest, result.Entries)
	if err != nil || len(result.Problems) > 0 {
		t.Fatal(err, result.Problems)
	}
	for _, tc := range []struct {
		at          string
		chat, email int
		next        string
	}{
		{"2026-03-01T00:00:00Z", 1, 4, "2026-03-22T23:00:00Z"},
		{"2026-03-15T23:00:00Z", 1, 4, "2026-03-22T23:00:00Z"},
		{"2026-03-22T22:59:59Z", 1, 4, "2026-03-22T23:00:00Z"},
		{"2026-03-22T23:00:00Z", 1, 6, "2026-03-29T22:00:00Z"},
		{"2026-03-29T22:00:00Z", 2, 8, "2026-04-05T22:00:00Z"},
		{"2026-04-05T22:00:00Z", 3, 10, ""},
	} {
		jo, now := p.Agents["jo"], at(tc.at)
		is := jo.At(now)
		if is.Limit("Chat") != tc.chat || is.Limit("Email") != tc.email || is.Limit("Phone") != 1 || is.Limit("Web") != DefaultLimit {
			t.Errorf("%s: limits %v", tc.at, is.Limits)
		}
		var next time.Time
		if tc.next != "" {
			next = at(tc.next)
		}
		if got := jo.LimitsChange(now); !got.Equal(next) {
			t.Errorf("%s: the limits change at %s, want %s", tc.at, got, tc.next)
		}
	}
	if p.Agents["sam"].At(at("2026-03-01T00:00:00Z")) != p.Agents["sam"] {
		t.Error("an agent without a ramp-up became another")
	}
}
