package main

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/caseload-dev/caseload/api/v1alpha1"
	"github.com/caseload-dev/caseload/internal/desk/api"
	"github.com/caseload-dev/caseload/internal/desk/client"
)

const (
	// probeTime is how long tickets are opened under no new plan.
	probeTime     = 20 * time.Second
	probeInterval = 20 * time.Millisecond
	// redateTime bounds how long it may take until a million tickets are dated anew.
	redateTime = 20 * time.Minute
)

// promise is what a service level says, of which the warnings too are weeks away.
type promise struct {
	from, to                  v1alpha1.TimeOfDay
	firstResponse, resolution v1alpha1.Duration
}

var (
	firstPromise  = promise{from: "09:00", to: "17:00", firstResponse: "200h", resolution: "400h"}
	secondPromise = promise{from: "08:00", to: "18:00", firstResponse: "160h", resolution: "320h"}
)

// promising organisation: all its tickets have a service level in business time.
func promising(objects []metav1.Object, p promise) []metav1.Object {
	office := &v1alpha1.BusinessCalendar{}
	office.Name, office.Spec.TimeZone = "office", "Europe/Berlin"
	office.Spec.Hours = []v1alpha1.WeeklyHours{{Days: []v1alpha1.Weekday{v1alpha1.Monday, v1alpha1.Tuesday, v1alpha1.Wednesday, v1alpha1.Thursday, v1alpha1.Friday}, From: p.from, To: p.to}}
	level := &v1alpha1.ServiceLevel{}
	level.Name, level.Spec.CalendarRef = "standard", &v1alpha1.BusinessCalendarReference{Name: "office"}
	level.Spec.Targets = []v1alpha1.ServiceTargets{{Priority: v1alpha1.PriorityLow, FirstResponse: p.firstResponse, Resolution: p.resolution}}
	for _, object := range objects {
		if team, ok := object.(*v1alpha1.SupportTeam); ok {
			team.Spec.Defaults.ServiceLevelRef = &v1alpha1.ServiceLevelReference{Name: "standard"}
		}
	}
	return append(objects, office, level)
}

// redate changes the service level of all tickets by a new plan, then the times of all queues by another, and opens tickets
// while the desk dates those that it has anew, from the push of the plan to the last of them. The floor is the same without
// a new plan.
func redate(ctx context.Context, r *running, c *client.Client) (lines []line, err error) {
	posts := newPoster(r.address, "/v1/tickets", r.bundle, singleCallers)
	began := time.Now()
	before, err := probe(ctx, posts, func(int) (bool, error) { return time.Since(began) >= probeTime, nil })
	if err != nil {
		return nil, err
	}
	for _, change := range []struct {
		by      string
		objects []metav1.Object
	}{
		{"a service level", promising(blocking(organisation()), secondPromise)},
		{"relaxation", relaxing(promising(blocking(organisation()), secondPromise))},
	} {
		began := time.Now()
		during, err := probeChange(ctx, posts, c, change.objects)
		if err != nil {
			return nil, fmt.Errorf("by %s: %w", change.by, err)
		}
		what := fmt.Sprintf("a ticket opened while a million are dated anew by %s (%.0f/s)", change.by, manyWaiting/time.Since(began).Seconds())
		lines = append(lines,
			line{what: what + ", p99", unit: "ms", figure: percentile(during, 99), floor: percentile(before, 99), of: "without"},
			line{what: what + ", longest", unit: "ms", figure: percentile(during, 100), floor: percentile(before, 100), of: "without", aim: 100, atMost: true})
	}
	return lines, nil
}

// probeChange pushes a plan of the objects, and probes until the log has as many records more as there are tickets to date and
// tickets opened meanwhile.
func probeChange(ctx context.Context, posts *poster, c *client.Client, objects []metav1.Object) (took []time.Duration, err error) {
	ctx, cancel := context.WithTimeout(ctx, redateTime)
	defer cancel()
	active, err := c.Plan(ctx, api.Call{})
	if err != nil {
		return nil, err
	}
	push, err := pushOf(objects)
	if err != nil {
		return nil, err
	}
	position := func() (int64, error) {
		work, err := c.Work(ctx, api.Call{}, agentName(0), 0, 0)
		if err != nil {
			return 0, err
		}
		return work.Position, nil
	}
	from, err := position()
	if err != nil {
		return nil, err
	}
	var g errgroup.Group
	g.Go(func() error {
		_, err := c.PushPlan(ctx, api.Call{}, active.Hash, push)
		return err
	})
	looked := time.Now()
	took, err = probe(ctx, posts, func(opened int) (bool, error) {
		if time.Since(looked) < time.Second {
			return false, nil
		}
		looked = time.Now()
		to, err := position()
		return to-from >= int64(manyWaiting+opened), err
	})
	if pushed := g.Wait(); pushed != nil {
		return nil, pushed
	}
	return took, err
}

// probe opens a ticket now and then until it is over, by how many it has opened, and tells how long each took.
func probe(ctx context.Context, posts *poster, over func(opened int) (bool, error)) (took []time.Duration, err error) {
	requests, err := bodies(1, 1)
	if err != nil {
		return nil, err
	}
	for {
		began := time.Now()
		if err := posts.post(ctx, requests[0], nil); err != nil {
			return nil, err
		}
		took = append(took, time.Since(began))
		if end, err := over(len(took)); end || err != nil {
			return took, err
		}
		time.Sleep(probeInterval)
	}
}
