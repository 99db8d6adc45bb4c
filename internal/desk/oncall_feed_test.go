package desk_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	ics "github.com/arran4/golang-ical"

	"github.com/caseload-dev/caseload/api/v1alpha1"
	"github.com/caseload-dev/caseload/internal/desk/api"
	"github.com/caseload-dev/caseload/internal/desk/feed"
)

// fetch an address of the desk without a token, as a calendar program does.
func (r *rig) fetch(method, url string) *httptest.ResponseRecorder {
	r.Helper()
	answer := httptest.NewRecorder()
	feed.New(r.Desk, slog.New(slog.DiscardHandler)).ServeHTTP(answer, httptest.NewRequestWithContext(r.ctx, method, url, nil))
	return answer
}

// events of a feed by their UIDs: who is on call and from when.
func (r *rig) events(url string) map[string]string {
	r.Helper()
	answer := r.fetch(http.MethodGet, url)
	if answer.Code != http.StatusOK || !strings.HasPrefix(answer.Header().Get("Content-Type"), "text/calendar") {
		r.Fatalf("%d %s", answer.Code, answer.Body)
	}
	calendar, err := ics.ParseCalendar(answer.Body)
	if err != nil {
		r.Fatal(err)
	}
	found := map[string]string{}
	for _, e := range calendar.Events() {
		from, err := e.GetStartAt()
		if err != nil {
			r.Fatal(err)
		}
		found[e.Id()] = e.GetProperty(ics.ComponentPropertySummary).Value + " from " + from.UTC().Format(time.RFC3339)
	}
	if len(found) != len(calendar.Events()) {
		r.Error("two events have the same UID")
	}
	return found
}

// Feeds are read back by a calendar program's parser; UIDs stay, also when an override changes other shifts, and a feed that is
// revoked is worthless.
func TestFeeds(t *testing.T) {
	r := newRig(t, func(o *organisation) {
		o.agent("kim")
		o.rotation("nights", v1alpha1.Duty{Type: v1alpha1.DutyAlways}, "jo", "sam")
	})
	ofRotation := must(r.CreateOnCallFeed(r.ctx, manager, api.CreateOnCallFeed{Rotation: "nights"}))(r)
	ofJo := must(r.CreateOnCallFeed(r.ctx, manager, api.CreateOnCallFeed{Agent: "jo"}))(r)
	if !strings.HasPrefix(ofJo.URL, "https://acme-desk.support.svc"+api.FeedPath) || ofJo.URL == ofRotation.URL {
		t.Errorf("addresses are %s and %s", ofRotation.URL, ofJo.URL)
	}
	all, jos := r.events(ofRotation.URL), r.events(ofJo.URL)
	if len(jos) < 1000 || len(all) < 2*len(jos)-1 {
		t.Errorf("half a year of turns of an hour are %d, and jo's %d", len(all), len(jos))
	}
	for uid, event := range jos {
		if !strings.HasPrefix(event, "jo on call: nights") || all[uid] != event {
			t.Fatalf("jo's event %s is %q, and that of the rotation %q", uid, event, all[uid])
		}
	}

	r.apply(swap("kim", "jo", start.Add(2*time.Hour), start.Add(3*time.Hour)))
	r.restart()
	kept := 0
	for uid, event := range r.events(ofRotation.URL) {
		if all[uid] == event {
			kept++
		} else if !strings.HasPrefix(event, "kim on call") {
			t.Errorf("event %s is new: %q", uid, event)
		}
	}
	if kept != len(all)-1 {
		t.Errorf("%d of %d events keep their UID, want all but the one that kim took over", kept, len(all))
	}

	list := must(r.OnCallFeeds(r.ctx, manager))(r)
	if len(list.Items) != 2 || list.Items[0].URL != "" || list.Items[1].Agent != "jo" {
		t.Errorf("the feeds are %+v", list.Items)
	}
	for _, url := range []string{ofJo.URL + "x", strings.Replace(ofJo.URL, api.FeedPath+"2-", api.FeedPath+"1-", 1), api.FeedPath, api.FeedPath + "3-x.ics"} {
		if answer := r.fetch(http.MethodGet, url); answer.Code != http.StatusNotFound {
			t.Errorf("%s gives %d", url, answer.Code)
		}
	}
	if answer := r.fetch(http.MethodPost, ofJo.URL); answer.Code != http.StatusMethodNotAllowed {
		t.Errorf("a post gives %d", answer.Code)
	}
	must(r.RevokeOnCallFeed(r.ctx, manager, ofJo.ID))(r)
	if answer := r.fetch(http.MethodGet, ofJo.URL); answer.Code != http.StatusNotFound {
		t.Errorf("a revoked feed gives %d", answer.Code)
	}
	_, err := r.RevokeOnCallFeed(r.ctx, manager, ofJo.ID)
	refused(t, err, api.ProblemNotFound)
	if again := must(r.CreateOnCallFeed(r.ctx, manager, api.CreateOnCallFeed{Agent: "jo"}))(r); again.URL == ofJo.URL {
		t.Error("a new feed has the address of one that was revoked")
	}
	_, err = r.CreateOnCallFeed(r.ctx, manager, api.CreateOnCallFeed{Agent: "jo", Rotation: "nights"})
	refused(t, err, api.ProblemInvalid)
	_, err = r.CreateOnCallFeed(r.ctx, manager, api.CreateOnCallFeed{Rotation: "days"})
	refused(t, err, api.ProblemInvalid)
}
