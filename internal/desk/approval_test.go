package desk_test

import (
	"testing"

	"k8s.io/utils/ptr"

	"github.com/caseload-dev/caseload/api/v1alpha1"
	"github.com/caseload-dev/caseload/internal/desk/api"
	"github.com/caseload-dev/caseload/internal/ticket"
)

// careful has jo resolve up to 200 EUR, sam above jo up to 500 EUR, and mara above sam any amount.
func careful(o *organisation) {
	escalating()(o) // for the contacts
	o.agent("mara").Spec.Contacts = []v1alpha1.Contact{{Notifier: "chat", Address: "@mara"}}
	for name, limit := range map[string]int64{"jo": 200, "sam": 500} {
		o.agents[name].Spec.ApprovalLimit = &v1alpha1.Money{Amount: ptr.To(limit), Currency: "EUR"}
	}
	o.agents["jo"].Spec.ManagerRef = &v1alpha1.AgentReference{Name: "sam"}
	o.agents["sam"].Spec.ManagerRef = &v1alpha1.AgentReference{Name: "mara"}
}

func worth(amount int64, currency string) func(*api.OpenTicket) {
	return func(b *api.OpenTicket) { b.Amount = &ticket.Money{Amount: amount, Currency: currency} }
}

func TestAboveTheLimitWhoMayApproves(t *testing.T) {
	r := newRig(t, careful)
	small := r.accepted("jo", worth(200, "EUR"))
	must(r.Resolve(r.ctx, as("jo"), small.ID, api.Because{}))(r)

	for _, test := range []struct {
		amount int64
		of     string
	}{{201, "sam"}, {501, "mara"}} {
		x := r.accepted("jo", worth(test.amount, "EUR"))
		_, err := r.Resolve(r.ctx, as("jo"), x.ID, api.Because{})
		refused(t, err, api.ProblemApprovalNeeded)
		x = must(r.AskApproval(r.ctx, as("jo"), x.ID, api.Because{Reason: "a good customer"}))(r)
		if x.Status != ticket.OnHold || x.Approval.Of != test.of || x.Agent != "jo" {
			t.Fatalf("got %s, %+v", x.Status, x.Approval)
		}
		_, err = r.Approve(r.ctx, as("jo"), x.ID, api.Because{})
		refused(t, err, api.ProblemForbidden)
		x = must(r.Approve(r.ctx, as(test.of), x.ID, api.Because{}))(r)
		status(t, x, ticket.Open, "general", "jo")
		must(r.Resolve(r.ctx, as("jo"), x.ID, api.Because{}))(r)
	}
	if n := len(r.outboxOf("chat")); n < 2 {
		t.Errorf("%d notifications; who is asked must hear of it", n)
	}
}

func TestARefusalAndAGrownAmountAreNotApproved(t *testing.T) {
	r := newRig(t, careful)
	x := r.accepted("jo", worth(300, "EUR"))
	must(r.AskApproval(r.ctx, as("jo"), x.ID, api.Because{}))(r)
	_, err := r.Refuse(r.ctx, as("sam"), x.ID, api.Because{})
	refused(t, err, api.ProblemInvalid)
	must(r.Refuse(r.ctx, as("sam"), x.ID, api.Because{Reason: "too much"}))(r)
	_, err = r.Resolve(r.ctx, as("jo"), x.ID, api.Because{})
	refused(t, err, api.ProblemApprovalNeeded)

	must(r.AskApproval(r.ctx, as("jo"), x.ID, api.Because{}))(r)
	must(r.Approve(r.ctx, as("sam"), x.ID, api.Because{}))(r)
	must(r.Update(r.ctx, as("jo"), x.ID, api.Update{Amount: &ticket.Money{Amount: 301, Currency: "EUR"}}))(r)
	_, err = r.Resolve(r.ctx, as("jo"), x.ID, api.Because{})
	refused(t, err, api.ProblemApprovalNeeded)

	foreign := r.accepted("jo", worth(1, "USD"))
	_, err = r.Resolve(r.ctx, as("jo"), foreign.ID, api.Because{})
	refused(t, err, api.ProblemApprovalNeeded)
	r.apply(func(o *organisation) { delete(o.agents, "mara"); o.agents["sam"].Spec.ManagerRef = nil })
	_, err = r.AskApproval(r.ctx, as("jo"), foreign.ID, api.Because{})
	refused(t, err, api.ProblemConflict) // and says that nobody can
	must(r.Resolve(r.ctx, manager, foreign.ID, api.Because{}))(r)
}
