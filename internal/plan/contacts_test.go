package plan

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/caseload-dev/caseload/api/v1alpha1"
	"github.com/caseload-dev/caseload/internal/notify"
)

// reachable is acme with two notifiers and jo's contacts.
func reachable(contacts ...v1alpha1.Contact) organisation {
	o := acme()
	o.HelpDesk.Spec.Notifiers = []v1alpha1.Notifier{
		{Name: "chat"}, {Name: "mail", Type: v1alpha1.NotifierMail, Mail: &v1alpha1.MailNotifier{From: "desk@example.com"}},
	}
	o.Agents[0].Spec.Contacts = contacts
	return o
}

func TestContacts(t *testing.T) {
	o := reachable(
		v1alpha1.Contact{Notifier: "pager", Address: "jo"},
		v1alpha1.Contact{Notifier: "mail", Address: "jo@example.com", After: "5m",
			QuietHours: &v1alpha1.QuietHours{From: "22:30", To: "07:00", TimeZone: "Europe/Berlin"}},
		v1alpha1.Contact{Notifier: "chat", Address: "@jo"},
	)
	o.HelpDesk.Spec.ExternalURL = "https://example.com/desk/"
	r := Compile(o.declared(), nil)
	p, err := Build(r.Manifest, r.Entries)
	if err != nil {
		t.Fatal(err)
	}
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	want := []notify.Contact{
		{Notifier: "mail", Address: "jo@example.com", After: 5 * time.Minute, Quiet: &notify.QuietHours{From: 22*60 + 30, To: 7 * 60, Location: berlin}},
		{Notifier: "chat", Address: "@jo"},
	}
	if diff := cmp.Diff(want, p.Agents["jo"].Contacts, cmp.Comparer(func(a, b *time.Location) bool { return a.String() == b.String() })); diff != "" {
		t.Error(diff)
	}
	if p.HelpDesk.ExternalURL != "https://example.com/desk" || p.HelpDesk.Notifiers["chat"].Type != v1alpha1.NotifierChat {
		t.Errorf("the desk has %+v", p.HelpDesk)
	}
}

func TestContactsThatReachNobody(t *testing.T) {
	quiet := func(from, to v1alpha1.TimeOfDay, zone v1alpha1.TimeZone) *v1alpha1.QuietHours {
		return &v1alpha1.QuietHours{From: from, To: to, TimeZone: zone}
	}
	for name, tc := range map[string]struct {
		contact        v1alpha1.Contact
		field, message string
		// refused says that the agent's last accepted version stays.
		refused bool
	}{
		"no such notifier":     {v1alpha1.Contact{Notifier: "caht", Address: "@jo"}, "notifier", "has no notifier caht, so nothing is sent there: declare it in spec.notifiers, or name one of its own; it has chat, mail; did you mean chat?", false},
		"no mail address":      {v1alpha1.Contact{Notifier: "mail", Address: "@jo"}, "address", `"@jo" is no mail address, and notifier mail sends mail`, false},
		"a name with it":       {v1alpha1.Contact{Notifier: "mail", Address: "Jo <jo@example.com>"}, "address", "is no mail address", false},
		"no such zone":         {v1alpha1.Contact{Notifier: "chat", Address: "@jo", QuietHours: quiet("22:00", "07:00", "Europe/Berln")}, "quietHours.timeZone", `there is no time zone "Europe/Berln"`, true},
		"the machine's zone":   {v1alpha1.Contact{Notifier: "chat", Address: "@jo", QuietHours: quiet("22:00", "07:00", "Local")}, "quietHours.timeZone", `there is no time zone "Local"`, true},
		"no time of day":       {v1alpha1.Contact{Notifier: "chat", Address: "@jo", QuietHours: quiet("22:00", "7 am", "UTC")}, "quietHours.to", `"7 am" is no time of day`, true},
		"quiet without an end": {v1alpha1.Contact{Notifier: "chat", Address: "@jo", QuietHours: quiet("22:00", "22:00", "UTC")}, "quietHours.to", "they begin when they end", true},
		"no duration":          {v1alpha1.Contact{Notifier: "chat", Address: "@jo", After: "soon"}, "after", `"soon" is no duration`, true},
	} {
		t.Run(name, func(t *testing.T) {
			r := Compile(reachable(tc.contact).declared(), nil)
			if len(r.Problems) != 1 {
				t.Fatalf("problems: %+v", r.Problems)
			}
			p := r.Problems[0]
			if p.Object.Name != "jo" || p.Field != "spec.contacts[0]."+tc.field || p.Reason != "Invalid" || !strings.Contains(p.Message, tc.message) {
				t.Errorf("got %+v", p)
			}
			if jo := (Key{KindAgent, "jo"}); p.Warning == tc.refused || r.Current[jo] == tc.refused {
				t.Errorf("warning %t, in the plan %t", p.Warning, r.Current[jo])
			}
		})
	}
}
