package main

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/caseload-dev/caseload/api/v1alpha1"
	"github.com/caseload-dev/caseload/internal/desk/api"
	"github.com/caseload-dev/caseload/internal/desk/client"
	"github.com/caseload-dev/caseload/internal/plan"
	"github.com/caseload-dev/caseload/internal/ticket"
)

// The organisation: one pool, since every agent serves every queue, which is the hardest to share. Offers are Manual and
// stand until the end; the agents have room for all of them, so that nothing but intake and dispatch is measured.
const (
	queues     = 10
	agents     = 500
	agentLimit = 50 // the largest there is
	customers  = 1000
	channel    = "Email"
)

func queueName(i int) string { return fmt.Sprintf("queue-%d", i%queues) }
func agentName(i int) string { return fmt.Sprintf("agent-%03d", i) }

func organisation() []metav1.Object {
	desk := &v1alpha1.HelpDesk{}
	desk.Name, desk.Spec.DefaultTeamRef.Name = "bench", "support"
	team := &v1alpha1.SupportTeam{}
	team.Name, team.Spec.HelpDeskRef.Name = "support", "bench"
	tier := &v1alpha1.Tier{}
	tier.Name, tier.Spec.TeamRef.Name, tier.Spec.Level, tier.Spec.AgentSelector = "front", "support", 1, &metav1.LabelSelector{}
	policy := &v1alpha1.RoutingPolicy{}
	policy.Name, policy.Spec.TeamRef.Name = "support", "support"
	all := []metav1.Object{desk, team, tier, policy}
	strategies := []v1alpha1.Strategy{v1alpha1.LeastOccupied, v1alpha1.LongestIdle, v1alpha1.MostSkilled, v1alpha1.RoundRobin}
	for i := range queues {
		queue := &v1alpha1.Queue{}
		queue.Name, queue.Spec.TierRef.Name, queue.Spec.Strategy = queueName(i), "front", strategies[i%len(strategies)]
		queue.Spec.Offer = v1alpha1.Offer{Mode: v1alpha1.OfferManual, Timeout: v1alpha1.Duration("1h")}
		policy.Spec.Rules = append(policy.Spec.Rules, v1alpha1.RoutingRule{
			Name: queue.Name, QueueRef: &v1alpha1.QueueReference{Name: v1alpha1.ObjectName(queue.Name)},
			Match: &v1alpha1.TicketMatch{Categories: []v1alpha1.Label{v1alpha1.Label(queue.Name)}},
		})
		all = append(all, queue)
	}
	for i := range agents {
		agent := &v1alpha1.Agent{}
		agent.Name, agent.Spec.TeamRef.Name = agentName(i), "support"
		agent.Spec.Limits = []v1alpha1.ChannelLimit{{Channel: channel, Max: agentLimit}}
		all = append(all, agent)
	}
	return all
}

// content of the i-th ticket.
func content(i int) ticket.Content {
	return ticket.Content{
		Subject: "The invoice of October has the wrong address", Channel: channel, Category: queueName(i), Language: "de",
		Body:     "Good morning, the invoice you sent on Monday still has our old address, although we told you in August.",
		Customer: fmt.Sprintf("c-%d", i%customers), Priority: ticket.Normal, Tags: []string{"invoice"},
	}
}

// bodies of the requests that open n tickets, size tickets each.
func bodies(n, size int) ([][]byte, error) {
	var all [][]byte
	for first := 0; first < n; first += size {
		var request any = api.OpenTicket{Content: content(first)}
		if size > 1 {
			batch := api.OpenTickets{}
			for i := first; i < min(first+size, n); i++ {
				batch.Tickets = append(batch.Tickets, api.OpenTicket{Content: content(i)})
			}
			request = batch
		}
		body, err := json.Marshal(request)
		if err != nil {
			return nil, err
		}
		all = append(all, body)
	}
	return all, nil
}

// client of the desk, as its users have it.
func (r *running) client() (*client.Client, error) {
	return client.New(client.Options{URL: "https://" + r.address, ServerName: "localhost", CAData: r.bundle, Token: token})
}

// pushOf is the plan of the objects, with all that belongs to it.
func pushOf(objects []metav1.Object) (api.PushPlan, error) {
	entries := make([]plan.Entry, len(objects))
	for i, object := range objects {
		var err error
		if entries[i], err = plan.NewEntry(object); err != nil {
			return api.PushPlan{}, err
		}
	}
	return api.PushPlan{Manifest: plan.NewManifest("bench", entries), Entries: entries}, nil
}

// organise gives the desk its plan and makes every agent available.
func (r *running) organise(ctx context.Context, desk *client.Client) error {
	push, err := pushOf(organisation())
	if err != nil {
		return err
	}
	if _, err := desk.PushPlan(ctx, api.Call{}, "*", push); err != nil {
		return fmt.Errorf("push the plan: %w", err)
	}
	return available(ctx, desk)
}

// available makes every agent of the organisation so.
func available(ctx context.Context, desk *client.Client) error {
	for i := range agents {
		if _, err := desk.SetPresence(ctx, api.Call{Agent: agentName(i)}, agentName(i), api.SetPresence{Presence: "Available"}); err != nil {
			return fmt.Errorf("presence of %s: %w", agentName(i), err)
		}
	}
	return nil
}

// stock counts the tickets that wait and those that are offered.
func stock(ctx context.Context, desk *client.Client) (waiting, offered int, err error) {
	overview, err := desk.Overview(ctx, api.Call{})
	if err != nil {
		return 0, 0, err
	}
	for _, q := range overview.Queues {
		waiting += q.Waiting
		offered += q.Offered
	}
	return waiting, offered, nil
}

// awaitOffered returns once n tickets are offered.
func awaitOffered(ctx context.Context, desk *client.Client, n int) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for {
		_, offered, err := stock(ctx, desk)
		if err != nil {
			return fmt.Errorf("%d of %d tickets offered: %w", offered, n, err)
		}
		if offered >= n {
			return nil
		}
		time.Sleep(20 * time.Millisecond)
	}
}
