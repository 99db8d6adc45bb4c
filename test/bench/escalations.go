package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/caseload-dev/caseload/api/v1alpha1"
	"github.com/caseload-dev/caseload/internal/desk/api"
	"github.com/caseload-dev/caseload/internal/desk/client"
	"github.com/caseload-dev/caseload/internal/eventlog"
	"github.com/caseload-dev/caseload/internal/plan"
	"github.com/caseload-dev/caseload/internal/ticket"
)

const (
	// escalations are due all at once, each of them with two steps, a second apart.
	escalations = 20_000
	// unassignedAfter is how long their tickets may be without an agent.
	unassignedAfter = time.Hour
	chatNotifier    = "chat"
)

// measureEscalations lets many tickets be escalated at the same instant: each step writes the ticket, its record and a
// notification, which the worker and the desk deliver meanwhile to a chat service that takes all.
func measureEscalations(ctx context.Context, o options, t *table) (err error) {
	s, err := newSite(o, "escalations")
	if err != nil {
		return err
	}
	r := &running{site: s}
	defer func() {
		if stopped := r.stop(); err == nil {
			err = stopped
		}
	}()
	chat := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer chat.Close()
	if err := os.Mkdir(s.path("notifiers"), 0o700); err != nil {
		return err
	}
	if err := os.WriteFile(s.path("notifiers/"+chatNotifier), []byte("generic+"+chat.URL), 0o600); err != nil {
		return err
	}
	s.deskArgs = []string{"--notifiers-dir=" + s.path("notifiers")}
	start := deskNow().Add(timersLead)
	_, err = s.stock(ctx, escalating(organisation()), escalations, func(p *plan.Plan, i int) ticket.Ticket {
		x := waiting(p, i, queueName(i), start.Add(-unassignedAfter))
		x.Watch(nil, &p.EscalationFor(x.Queue).Policy, nil, false, x.OpenedAt)
		return x
	})
	if err != nil {
		return err
	}
	desk, err := r.startBefore(ctx, start)
	if err != nil {
		return err
	}
	following, stop := context.WithTimeout(ctx, 3*time.Minute)
	defer stop()
	first, second, err := followSteps(following, desk)
	if err != nil {
		return err
	}
	if err := r.stop(); err != nil {
		return err
	}
	r.worker, r.desk = nil, nil
	floor, err := storeRate(ctx, o, 100, 4)
	if err != nil {
		return fmt.Errorf("floor: %w", err)
	}
	const of = "the store alone, a ticket taken and offered"
	rate := func(since, until time.Time) float64 { return escalations / until.Sub(since).Seconds() }
	*t = append(*t,
		line{what: fmt.Sprintf("first steps of %d escalations at once", escalations), unit: "steps/s", figure: rate(start, first.last), floor: floor, of: of, aim: 2000},
		line{what: "  later steps, a second after each", unit: "steps/s", figure: rate(second.first, second.last), floor: floor, of: of, aim: 2000})
	return nil
}

// escalating organisation: the first step notifies one agent, the second the team's lead.
func escalating(objects []metav1.Object) []metav1.Object {
	policy := &v1alpha1.EscalationPolicy{}
	policy.Name = "standard"
	policy.Spec.Triggers = []v1alpha1.EscalationTrigger{
		{Type: v1alpha1.TriggerUnassigned, After: v1alpha1.Duration(fmt.Sprintf("%ds", int(unassignedAfter.Seconds())))},
	}
	policy.Spec.Steps = []v1alpha1.EscalationStep{
		{Name: "agent", After: "0s", Actions: []v1alpha1.EscalationAction{
			{Type: v1alpha1.ActionNotifyAgent, AgentRef: &v1alpha1.AgentReference{Name: v1alpha1.ObjectName(agentName(0))}},
		}},
		{Name: "lead", After: "1s", Actions: []v1alpha1.EscalationAction{{Type: v1alpha1.ActionNotifyChain, Chain: v1alpha1.ChainLead}}},
	}
	for _, object := range objects {
		switch o := object.(type) {
		case *v1alpha1.HelpDesk:
			o.Spec.Notifiers = []v1alpha1.Notifier{
				{Name: chatNotifier, Type: v1alpha1.NotifierChat, URLSecretRef: v1alpha1.SecretKeyReference{Name: chatNotifier, Key: "url"}},
			}
		case *v1alpha1.SupportTeam:
			o.Spec.LeadRef = &v1alpha1.AgentReference{Name: v1alpha1.ObjectName(agentName(1))}
			o.Spec.Defaults.EscalationPolicyRef = &v1alpha1.EscalationPolicyReference{Name: "standard"}
		case *v1alpha1.Agent:
			o.Spec.Contacts = []v1alpha1.Contact{{Notifier: chatNotifier, Address: o.Name}}
		}
	}
	return append(objects, policy)
}

// span is when the first and the last of some steps took place.
type span struct {
	first, last time.Time
	n           int
}

func (s *span) add(at time.Time) {
	if s.n == 0 {
		s.first = at
	}
	s.last = at
	s.n++
}

// followSteps reads the log until both steps of all have taken place.
func followSteps(ctx context.Context, desk *client.Client) (first, second span, err error) {
	for position := int64(escalations); second.n < escalations; { // behind the tickets' opening
		records, err := desk.Records(ctx, api.Call{}, position, 1000, 0, 20)
		if err != nil {
			return first, second, fmt.Errorf("%d first and %d later steps of %d seen: %w", first.n, second.n, escalations, err)
		}
		position = records.Position
		for _, r := range records.Items {
			if r.Type != eventlog.Escalated {
				continue
			}
			var data eventlog.EscalationData
			if err := json.Unmarshal(r.Data, &data); err != nil {
				return first, second, err
			}
			if data.Step == 0 {
				first.add(r.At)
			} else {
				second.add(r.At)
			}
		}
	}
	return first, second, nil
}
