package plan

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/caseload-dev/caseload/api/v1alpha1"
	"github.com/caseload-dev/caseload/internal/escalation"
	"github.com/caseload-dev/caseload/internal/ticket"
)

// Each kind of action, and each reason to skip one, at noon of Wednesday 4 November 2026: jo is on call at night.
func TestWhatAStepComesTo(t *testing.T) {
	type action = v1alpha1.EscalationAction
	type outcome = escalation.ActionOutcome
	agent := func(name string) action {
		return action{Type: v1alpha1.ActionNotifyAgent, AgentRef: agentRef(name)}
	}
	onCall := func(name v1alpha1.ObjectName) action {
		return action{Type: v1alpha1.ActionNotifyOnCall, RotationRef: &v1alpha1.OnCallRotationReference{Name: name}}
	}
	to := func(name v1alpha1.ObjectName) action {
		return action{Type: v1alpha1.ActionTransferToQueue, QueueRef: &v1alpha1.QueueReference{Name: name}}
	}
	raise := func(p v1alpha1.Priority) action { return action{Type: v1alpha1.ActionRaisePriority, Priority: p} }
	call := func(name string) action { return action{Type: v1alpha1.ActionWebhook, Webhook: name} }
	lead := action{Type: v1alpha1.ActionNotifyChain, Chain: v1alpha1.ChainLead}
	manager := action{Type: v1alpha1.ActionNotifyChain, Chain: v1alpha1.ChainManager}
	level := action{Type: v1alpha1.ActionTransferToNextLevel}
	notified := func(a action, name string) outcome { return outcome{Action: string(a.Type), Target: name} }
	skipped := func(a action, name, why string) outcome {
		return outcome{Action: string(a.Type), Target: name, Skipped: why}
	}
	urgent := ticket.Update{Content: ticket.Content{Channel: "Chat", Priority: ticket.Urgent}, SetPriority: true}
	night := at("2026-11-04T22:00:00Z")

	for name, tc := range map[string]struct {
		actions []action
		turn    int64 // above zero: the actions take turns
		edit    func(*Plan)
		owner   string
		queue   string    // general if empty
		now     time.Time // noon if zero
		want    StepOutcome
	}{
		"an agent":                   {actions: []action{agent("jo")}, want: StepOutcome{Actions: []outcome{notified(agent(""), "jo")}, Called: []Called{{"jo", "by name"}}}},
		"an agent who is gone":       {actions: []action{agent("kim")}, want: StepOutcome{Actions: []outcome{skipped(agent(""), "kim", "there is no agent kim now")}}},
		"an agent without a contact": {actions: []action{agent("lee")}, want: StepOutcome{Actions: []outcome{skipped(agent(""), "lee", "agent lee has no contact to be reached by")}, Called: []Called{{"lee", "by name"}}}},
		"an agent twice": {actions: []action{agent("jo"), lead}, want: StepOutcome{
			Actions: []outcome{notified(agent(""), "jo"), skipped(lead, "jo", "the step is for them already")}, Called: []Called{{"jo", "by name"}}}},
		"who is on call":          {actions: []action{onCall("nights")}, now: night, want: StepOutcome{Actions: []outcome{notified(onCall(""), "jo")}, Called: []Called{{"jo", "as who is on call in nights"}}}},
		"nobody on call":          {actions: []action{onCall("nights")}, want: StepOutcome{Actions: []outcome{skipped(onCall(""), "nights", "nobody is on call")}}},
		"a rotation that is gone": {actions: []action{onCall("days")}, want: StepOutcome{Actions: []outcome{skipped(onCall(""), "days", "there is no rotation days now")}}},
		"the lead":                {actions: []action{lead}, want: StepOutcome{Actions: []outcome{notified(lead, "jo")}, Called: []Called{{"jo", "as lead"}}}},
		"the lead has it": {actions: []action{lead}, owner: "jo", want: StepOutcome{Actions: []outcome{
			skipped(lead, "", "neither team care nor one above it has a lead who does not have the ticket")}}},
		"the manager of who has it": {actions: []action{manager}, owner: "lee", want: StepOutcome{Actions: []outcome{notified(manager, "max")}, Called: []Called{{"max", "as manager"}}}},
		"the manager of the lead":   {actions: []action{manager}, want: StepOutcome{Actions: []outcome{skipped(manager, "", "agent jo has no manager")}}},
		"no lead to have a manager": {actions: []action{manager}, edit: func(p *Plan) { p.Teams["care"].Lead = "" }, want: StepOutcome{Actions: []outcome{
			skipped(manager, "", "no agent has the ticket, and team care has no lead")}}},
		"a queue": {actions: []action{to("billing")}, want: StepOutcome{
			Actions: []outcome{notified(to(""), "billing")}, Then: []ticket.Event{ticket.TransferToQueue{Queue: "billing"}}}},
		"the queue it waits in": {actions: []action{to("general")}, want: StepOutcome{Actions: []outcome{skipped(to(""), "general", "it waits there already")}}},
		"the queue its agent has it from": {actions: []action{to("general")}, owner: "jo", want: StepOutcome{
			Actions: []outcome{notified(to(""), "general")}, Then: []ticket.Event{ticket.TransferToQueue{Queue: "general"}}}},
		"a queue that is gone":             {actions: []action{to("spam")}, want: StepOutcome{Actions: []outcome{skipped(to(""), "spam", `there is no queue "spam"`)}}},
		"a queue of other channels":        {actions: []action{to("letters")}, want: StepOutcome{Actions: []outcome{skipped(to(""), "letters", `queue "letters" does not serve channel Chat`)}}},
		"a queue twice":                    {actions: []action{to("billing"), to("billing")}, want: StepOutcome{Actions: []outcome{notified(to(""), "billing"), skipped(to(""), "billing", "it waits there already")}, Then: []ticket.Event{ticket.TransferToQueue{Queue: "billing"}}}},
		"the next level":                   {actions: []action{level}, want: StepOutcome{Actions: []outcome{notified(level, "technical")}, Then: []ticket.Event{ticket.TransferToQueue{Queue: "technical"}}}},
		"no next level":                    {actions: []action{level}, queue: "technical", want: StepOutcome{Actions: []outcome{skipped(level, "", "team care has no tier with a default queue above tier specialists")}}},
		"a level of a queue of no tier":    {actions: []action{level}, queue: UnroutedQueue, want: StepOutcome{Actions: []outcome{skipped(level, "", "queue unrouted is of no tier")}}},
		"the level above where it goes":    {actions: []action{to("technical"), level}, want: StepOutcome{Actions: []outcome{notified(to(""), "technical"), skipped(level, "", "team care has no tier with a default queue above tier specialists")}, Then: []ticket.Event{ticket.TransferToQueue{Queue: "technical"}}}},
		"a priority":                       {actions: []action{raise("Urgent")}, want: StepOutcome{Actions: []outcome{notified(raise(""), "Urgent")}, Then: []ticket.Event{urgent}}},
		"a priority no higher":             {actions: []action{raise("Normal")}, want: StepOutcome{Actions: []outcome{skipped(raise(""), "Normal", "its priority is Normal already")}}},
		"a priority lower than one raised": {actions: []action{raise("Urgent"), raise("High")}, want: StepOutcome{Actions: []outcome{notified(raise(""), "Urgent"), skipped(raise(""), "High", "its priority is Urgent already")}, Then: []ticket.Event{urgent}}},
		"a webhook":                        {actions: []action{call("audit")}, want: StepOutcome{Actions: []outcome{notified(call(""), "audit")}, Webhooks: []string{"audit"}}},
		"a webhook that is gone":           {actions: []action{call("crm")}, want: StepOutcome{Actions: []outcome{skipped(call(""), "crm", "webhook crm is no longer declared")}}},
		"a webhook twice":                  {actions: []action{call("audit"), call("audit")}, want: StepOutcome{Actions: []outcome{notified(call(""), "audit"), skipped(call(""), "audit", "the step calls it already")}, Webhooks: []string{"audit"}}},
		"the second's turn, and the rest": {actions: []action{agent("jo"), call("audit"), agent("max")}, turn: 3, want: StepOutcome{
			Actions: []outcome{notified(call(""), "audit"), notified(agent(""), "max")}, Called: []Called{{"max", "by name"}}, Webhooks: []string{"audit"}}},
		"the first's turn again": {actions: []action{agent("jo"), agent("max")}, turn: 4, want: StepOutcome{Actions: []outcome{notified(agent(""), "jo")}, Called: []Called{{"jo", "by name"}}}},
	} {
		t.Run(name, func(t *testing.T) {
			p := stepped(t)
			if tc.edit != nil {
				tc.edit(p)
			}
			x := ticket.Ticket{Content: ticket.Content{Channel: "Chat", Priority: ticket.Normal}, Status: ticket.Waiting, Queue: "general"}
			if tc.owner != "" {
				x.Status, x.Agent = ticket.Open, tc.owner
			}
			if tc.queue != "" {
				x.Queue = tc.queue
			}
			if tc.now.IsZero() {
				tc.now = at("2026-11-04T12:00:00Z")
			}
			got := p.Step(&EscalationStep{Name: "one", RoundRobin: tc.turn > 0, Actions: tc.actions}, &x, tc.turn, tc.now)
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Fatal(diff)
			}
			reached := len(tc.want.Webhooks)+len(tc.want.Then) > 0
			for _, called := range tc.want.Called {
				reached = reached || called.Agent != "lee"
			}
			if got.Reached() != reached {
				t.Errorf("reached somebody: %t", got.Reached())
			}
		})
	}
}

// stepped is acme with two levels: jo is its lead and on call at night, max manages lee, who has no contact.
func stepped(t *testing.T) *Plan {
	o := acme()
	o.HelpDesk.Spec.Notifiers = []v1alpha1.Notifier{{Name: "chat", Type: v1alpha1.NotifierChat}}
	o.HelpDesk.Spec.Webhooks = []v1alpha1.Webhook{{Name: "audit"}}
	o.SupportTeams[0].Spec.LeadRef = agentRef("jo")
	o.Tiers[1].Spec.Level, o.Tiers[1].Spec.DefaultQueueRef = 2, &v1alpha1.QueueReference{Name: "technical"}
	letters := queue("letters", "frontline")
	letters.Spec.Channels = []v1alpha1.Channel{"Letter"}
	o.Queues = append(o.Queues, letters)
	for i := range o.Agents {
		if a := &o.Agents[i]; a.Name == "lee" {
			a.Spec.ManagerRef = agentRef("max")
		} else {
			a.Spec.Contacts = []v1alpha1.Contact{{Notifier: "chat", Address: "@" + a.Name}}
		}
	}
	rotation, office := nights(), berlin()
	entries := append(entriesOf(t, o), entryOf(t, &rotation), entryOf(t, &office))
	p, err := Build(NewManifest("acme", entries), entries)
	if err != nil {
		t.Fatal(err)
	}
	return p
}
