package server_test

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/caseload-dev/caseload/internal/desk/api"
	"github.com/caseload-dev/caseload/internal/desk/auth"
	"github.com/caseload-dev/caseload/internal/desk/client"
	"github.com/caseload-dev/caseload/internal/desk/server"
	"github.com/caseload-dev/caseload/internal/dispatch"
	"github.com/caseload-dev/caseload/internal/eventlog"
	"github.com/caseload-dev/caseload/internal/outbox"
	"github.com/caseload-dev/caseload/internal/plan"
	"github.com/caseload-dev/caseload/internal/routing"
	"github.com/caseload-dev/caseload/internal/ticket"
)

// Callers of the test desk by their tokens.
var callers = []auth.LocalToken{
	{Token: "all", User: "root", Allow: []string{"*"}},
	{Token: "none", User: "nobody"},
	{Token: "jo", User: "jo@example.com", Allow: []string{"tickets:update", "agents:update", "agents:get"}},
}

// serve runs the server of a service behind TLS.
func serve(t testing.TB, service api.Service) *httptest.Server {
	t.Helper()
	local, err := auth.NewLocal(callers...)
	if err != nil {
		t.Fatal(err)
	}
	return serveTo(t, service, local)
}

// cluster says who calls and what they may do.
type cluster interface {
	auth.Authenticator
	auth.Authorizer
}

func serveTo(t testing.TB, service api.Service, callers cluster) *httptest.Server {
	t.Helper()
	handler, err := server.New(service, server.Options{
		HelpDesk: "acme", Authenticator: callers, Authorizer: callers,
		AgentOf: func(user string) string { return map[string]string{"jo@example.com": "jo"}[user] },
	})
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewUnstartedServer(handler)
	s.EnableHTTP2 = true
	s.StartTLS()
	t.Cleanup(func() { handler.EndWaits(); s.Close() })
	return s
}

func ca(s *httptest.Server) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
}

func dial(t testing.TB, s *httptest.Server, token string) *client.Client {
	t.Helper()
	c, err := client.New(client.Options{URL: s.URL, CAData: ca(s), Token: token, RetryFor: -1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.CloseIdleConnections)
	return c
}

var (
	at      = time.Date(2026, 3, 1, 9, 30, 0, 123e6, time.UTC)
	content = ticket.Content{
		Subject: "Printer <b>on fire</b>", Body: "Smoke & flames", Channel: "Phone", Language: "pt-BR", Customer: "c/1 ü", Priority: ticket.High,
		Amount: &ticket.Money{Amount: 1 << 60, Currency: "EUR"}, Tags: []string{"hot"}, Attributes: map[string]string{"floor": "3"},
		Reference: &ticket.Reference{Source: "crm", Key: "a/b?c"},
	}
	fullTicket = ticket.Ticket{
		ID: 7, Content: content, Status: ticket.Offered, Queue: "q", HomeQueue: "q", Agent: "jo", Offer: &ticket.Offer{ID: 3, Until: at},
		Asks: []ticket.Ask{{Agent: "sam", At: at, Round: 1}}, Version: 4, OpenedAt: at, EnteredQueueAt: at, UpdatedAt: at, PlanRevision: 2, Rule: "p/r",
	}
	demand   = dispatch.Demand{Ticket: 7, Version: 4, Class: "q|Phone|pt", Queue: "q", Channel: "Phone", Priority: ticket.High, OpenedAt: at}
	state    = dispatch.AgentState{Name: "jo", Presence: dispatch.Available, Since: at, Version: 9, Load: map[string]int{"Phone": 1}}
	entry    = plan.Entry{Key: plan.Key{Kind: "Queue", Name: "q"}, Spec: json.RawMessage(`{"tierRef":{"name":"t"}}`)}
	manifest = plan.Manifest{SchemaVersion: 1, HelpDesk: "acme", Entries: []plan.EntryRef{{Key: entry.Key, Hash: "ab"}}}
	subject  = "New subject"
)

// samples are a valid argument of each type, with all that is hard to carry in it.
var samples = []any{
	api.OpenTicket{Content: content},
	api.OpenTickets{Tickets: []api.OpenTicket{{Content: content}, {Content: ticket.Content{Subject: "s", Channel: "Web", Priority: ticket.Normal}}}},
	api.TicketQuery{
		Status: []ticket.Status{ticket.Waiting, ticket.OnHold}, Queue: "q", Agent: "jo", Customer: "c/1 ü", Standing: ticket.ClockBreached,
		Reference: &ticket.Reference{Source: "c/rm %2F", Key: "a/b?c%2F&d"}, After: 5, Limit: 50,
	},
	api.Accept{Offer: 3}, api.Decline{Offer: 3, Reason: "lunch"}, api.Transfer{Queue: "q2", Reason: "not mine"},
	api.Because{Reason: "done"}, api.Pend{Until: at, Reason: "call back"}, api.Reply{From: "Customer", Body: "hello"}, api.Note{Body: "psst"},
	api.Update{Subject: &subject, AddTags: []string{"x"}, Attributes: map[string]string{"floor": ""}},
	ticket.Customer{ID: "c/1 ü", Name: "Ann", Value: &ticket.Money{Amount: 5, Currency: "EUR"}},
	api.SetPresence{Presence: "Away", Reason: "lunch"},
	api.ChangeDuty{Type: "Absence", Reason: "Sick", StartTime: at, EndTime: at.Add(time.Hour)},
	api.CreateOnCallFeed{Rotation: "nights"},
	api.OnCallQuery{Rotation: "nights", At: at, From: at, To: at.Add(time.Hour)},
	api.PushPlan{ManagerEpoch: 4, Manifest: manifest, Entries: []plan.Entry{entry}},
	api.RouteRequest{Ticket: content, Customer: &ticket.Customer{ID: "c/1 ü", Segment: "vip"}},
	api.AcquireLeases{Worker: "w-1", Tier: "frontline", WaitSeconds: 2, Holding: []api.Lease{{Pool: "q", Epoch: 3}}},
	api.ReleaseLeases{Worker: "w-1"},
	api.Commit{Epoch: 3, Position: 99, PlanRevision: 2, Decisions: []dispatch.Decision{{
		Ticket: 7, TicketVersion: 4, Agent: "jo", AgentVersion: 9, OrderKey: "k", Considered: []string{"jo", "sam"}, Why: "preferred",
	}}},
	api.Place{Ticket: 7, Priority: ticket.Urgent, Due: at.Add(time.Microsecond), OpenedAt: at},
	api.SetAside{Epoch: 3, Ticket: 7, Reason: "panic"},
	api.ClaimMessages{Worker: "w-1", Max: 10, WaitSeconds: 1},
	api.Deliveries{Worker: "w-1", Results: []api.Delivery{{ID: 1, Error: "timeout"}}},
	"na.me-1", int64(1) << 40, 17,
}

// answers are what the desk says, where it is more than the zero value.
var answers = []any{
	&fullTicket,
	&api.OpenedTicket{ID: 7, Status: ticket.Offered, Ticket: &fullTicket, Existing: true},
	&api.OpenedTickets{Results: []api.OpenedTicket{{ID: 7, Status: ticket.Offered, Ticket: &fullTicket}, {Error: "no"}}},
	&api.TicketList{Items: []ticket.Ticket{fullTicket}, Continue: 7},
	&api.TicketHistory{Ticket: fullTicket, Records: []eventlog.Record{{Seq: 1, At: at, Type: eventlog.Opened, Data: json.RawMessage(`{"a":1}`)}}},
	&ticket.Customer{ID: "c/1 ü", Name: "Ann"},
	&api.AgentList{Items: []api.Agent{{AgentState: state, Team: "t", Free: true}}},
	&api.AgentWork{Agent: api.Agent{AgentState: state}, Tickets: []ticket.Ticket{fullTicket}, Position: 12},
	&api.Agent{AgentState: state, DisplayName: "Jo"},
	&api.OnCallFeed{ID: 3, Rotation: "nights", URL: "https://desk/oncall/3-x.ics", CreatedAt: at, CreatedBy: "user/kim"},
	&api.OnCallFeedList{Items: []api.OnCallFeed{{ID: 3, Agent: "jo", CreatedAt: at, CreatedBy: "user/kim"}}},
	&api.OnCallList{At: at, Items: []api.OnCall{{Rotation: "nights", Team: "t", Current: []api.OnCallShift{{Agent: "jo", Layer: "first", Start: at, End: at}}, Gaps: []api.OnCallGap{{Start: at}}}}},
	&api.Plan{Revision: 2, Hash: "abc", ActivatedAt: at, Manifest: manifest, ClockStandsAt: at},
	&api.PlanEntries{Entries: []plan.Entry{entry}},
	&api.PushedPlan{Revision: 2, Hash: "abc", Missing: []string{"ab"}},
	&api.RouteResult{Decision: routing.Decision{Queue: "q", Rule: "p/r", Steps: []routing.Step{{Policy: "p", Rule: "r", Matched: true}}}, PlanRevision: 2},
	&api.Leases{Leases: []api.Lease{{Pool: "q", Epoch: 3}}, TTLSeconds: 5, PlanRevision: 2},
	&api.Snapshot{Pool: "q", Epoch: 3, Position: 99, Agents: []dispatch.AgentState{state}, Classes: []api.ClassWindow{{Class: "c", Demands: []dispatch.Demand{demand}}}, Now: at},
	&api.Changes{Position: 99, Waiting: []dispatch.Demand{demand}, Gone: []int64{3}, Now: at},
	&api.ClassWindow{Class: "c", Demands: []dispatch.Demand{demand}, More: true},
	&api.Committed{Refused: []string{"", "ticket changed"}, Position: 100},
	&api.ClaimedMessages{Messages: []api.Message{{ID: 1, Attempts: 2, Message: outbox.Message{
		Type: outbox.Mail, Destination: "mail", URL: "smtp://x", Key: "k", Address: "jo@example.com", From: "desk@example.com",
		Subject: "s", Body: []byte("b"), At: at,
	}}}},
	&api.Records{Items: []eventlog.Record{{Seq: 1, At: at, Type: eventlog.Accepted, To: &eventlog.State{Status: ticket.Open}}}, Position: 1},
	&api.Overview{HelpDesk: "acme", Now: at, Queues: []api.QueueOverview{{Name: "q", Waiting: 3}}},
}

func sampleOf(t *testing.T, typ reflect.Type) reflect.Value {
	t.Helper()
	for _, sample := range samples {
		if reflect.TypeOf(sample) == typ {
			return reflect.ValueOf(sample)
		}
	}
	t.Fatalf("no sample of %s: add one", typ)
	return reflect.Value{}
}

// keyed are the calls that change tickets, customers or presence: a key makes each repeatable. What workers and the manager
// change is guarded by epochs, claims and If-Match instead.
var keyed = []string{
	"OpenTicket", "OpenTickets", "Accept", "Decline", "Transfer", "Return", "Pend", "Hold", "Resume", "Resolve", "Reopen",
	"Close", "Cancel", "Escalate", "Acknowledge", "Reply", "Note", "Update", "PutCustomer", "SetPresence", "ChangeDuty", "RestoreDuty", "CreateOnCallFeed", "RevokeOnCallFeed", "AskApproval", "Approve", "Refuse",
}

// TestEveryMethodArrivesWhole calls each method of the Service through the client: its arguments must reach the desk,
// and the desk's answer the caller, unchanged.
func TestEveryMethodArrivesWhole(t *testing.T) {
	desk := &recorder{}
	c := dial(t, serve(t, desk), "all")
	service := reflect.TypeFor[api.Service]()
	for i := range service.NumMethod() {
		method := service.Method(i)
		if method.Name == "Backup" {
			continue // a stream: see TestBackup
		}
		t.Run(method.Name, func(t *testing.T) {
			args := []reflect.Value{reflect.ValueOf(t.Context()), reflect.ValueOf(api.Call{Agent: "na.me-1"})}
			var sent []any
			for j := 2; j < method.Type.NumIn(); j++ {
				args = append(args, sampleOf(t, method.Type.In(j)))
				sent = append(sent, args[j].Interface())
			}
			desk.answer = nil
			for _, answer := range answers {
				if reflect.TypeOf(answer) == method.Type.Out(0) {
					desk.answer = answer
				}
			}
			out := reflect.ValueOf(c).MethodByName(method.Name).Call(args)
			if err, _ := out[len(out)-1].Interface().(error); err != nil {
				t.Fatal(err)
			}
			if desk.method != method.Name {
				t.Errorf("reached %s", desk.method)
			}
			if diff := cmp.Diff(sent, desk.args); diff != "" {
				t.Errorf("arguments changed on their way (-sent +got):\n%s", diff)
			}
			if desk.call.Agent != "na.me-1" || desk.call.Actor != "user/root" {
				t.Errorf("call = %+v", desk.call)
			}
			if want := slices.Contains(keyed, method.Name); (desk.call.Key != "") != want {
				t.Errorf("arrived with key %q, want one: %t", desk.call.Key, want)
			}
			if len(out) == 1 {
				return
			}
			if desk.answer == nil {
				t.Fatalf("no answer of %s: add one", method.Type.Out(0))
			}
			if diff := cmp.Diff(desk.answer, out[0].Interface()); diff != "" {
				t.Errorf("answer changed on its way (-sent +got):\n%s", diff)
			}
		})
	}
}

func TestBackup(t *testing.T) {
	desk := &recorder{answer: []string{"SQLite ", "format 3"}}
	c := dial(t, serve(t, desk), "all")
	var got bytes.Buffer
	if err := c.Backup(t.Context(), api.Call{}, &got); err != nil || got.String() != "SQLite format 3" {
		t.Fatalf("got %q, %v", &got, err)
	}
	desk.answer, desk.err = nil, fmt.Errorf("disk full")
	if err := c.Backup(t.Context(), api.Call{}, &got); problemType(err) != api.ProblemInternal {
		t.Errorf("a backup that never began: %v", err)
	}
	desk.answer = []string{"SQL"}
	if err := c.Backup(t.Context(), api.Call{}, &got); err == nil {
		t.Error("a backup that broke off looks whole")
	}
}

func problemType(err error) string {
	if problem := (*api.Problem)(nil); errors.As(err, &problem) {
		return problem.Type
	}
	return fmt.Sprintf("no problem: %v", err)
}

// TestKeyAndDigest: the same change has the same digest, another body, path or method another.
func TestKeyAndDigest(t *testing.T) {
	desk := &recorder{}
	c := dial(t, serve(t, desk), "all")
	digest := func(id int64, reason string) string {
		t.Helper()
		if _, err := c.Hold(t.Context(), api.Call{Key: "k"}, id, api.Because{Reason: reason}); err != nil {
			t.Fatal(err)
		}
		if desk.call.Key != "k" || len(desk.call.Digest) == 0 {
			t.Fatalf("call = %+v", desk.call)
		}
		return string(desk.call.Digest)
	}
	first := digest(1, "a")
	if digest(1, "a") != first {
		t.Error("a repetition has another digest")
	}
	if digest(1, "b") == first {
		t.Error("another body has the same digest")
	}
	if digest(2, "a") == first {
		t.Error("another ticket has the same digest")
	}
	if _, err := c.Hold(t.Context(), api.Call{}, 1, api.Because{}); err != nil || desk.call.Key == "" {
		t.Errorf("the client made no key: %+v, %v", desk.call, err)
	}
}

// TestInvalid: what is wrong with a request is said with its place.
func TestInvalid(t *testing.T) {
	s := serve(t, &recorder{})
	big := `{"subject":"s","channel":"Web","body":"` + strings.Repeat("x", 300<<10) + `"}`
	for _, tc := range []struct {
		name, method, path, body string
		status                   int
		problem, detail          string
	}{
		{"unknown field", "POST", "/v1/tickets", `{"subject":"s","channel":"Web","sbuject":1}`, 422, api.ProblemInvalid, "body.sbuject: unexpected property"},
		{"missing field", "POST", "/v1/tickets", `{"channel":"Web"}`, 422, api.ProblemInvalid, "expected required property subject to be present"},
		{"bad channel", "POST", "/v1/tickets", `{"subject":"s","channel":"web"}`, 422, api.ProblemInvalid, "body.channel"},
		{"bad enum", "POST", "/v1/tickets", `{"subject":"s","channel":"Web","priority":"urgent"}`, 422, api.ProblemInvalid, "body.priority"},
		{"many attributes", "POST", "/v1/tickets", `{"subject":"s","channel":"Web","attributes":{` + strings.Join(numbered(65), ",") + `}}`, 422, api.ProblemInvalid, "body.attributes"},
		{"within a batch", "POST", "/v1/tickets/batch", `{"tickets":[{"subject":"s","channel":"Web"},{"subject":"","channel":"Web"}]}`, 422, api.ProblemInvalid, "body.tickets[1].subject"},
		{"no JSON", "POST", "/v1/tickets", `{"subject":`, 400, api.ProblemInvalid, "body"},
		{"no body", "POST", "/v1/tickets", ``, 400, api.ProblemInvalid, "request body is required"},
		{"id", "GET", "/v1/tickets/seven", ``, 422, api.ProblemInvalid, "path.id"},
		{"unknown parameter", "GET", "/v1/tickets?stauts=Open", ``, 422, api.ProblemInvalid, "query.stauts"},
		{"bad status", "GET", "/v1/tickets?status=open", ``, 422, api.ProblemInvalid, "query.status"},
		{"bad reference", "GET", "/v1/tickets?reference=4711", ``, 422, api.ProblemInvalid, "SOURCE/KEY"},
		{"customer of another path", "PUT", "/v1/customers/a", `{"id":"b"}`, 422, api.ProblemInvalid, "body.id"},
		{"no If-Match", "PUT", "/v1/plan", `{"managerEpoch":1,"manifest":{"schemaVersion":1,"helpDesk":"acme","entries":[]}}`, 422, api.ProblemInvalid, "If-Match"},
		{"too large", "POST", "/v1/tickets", big, 413, api.ProblemTooLarge, "at most 262144"},
		{"no such path", "GET", "/v2/tickets", ``, 404, api.ProblemNotFound, "/openapi.json"},
		{"no such method", "DELETE", "/v1/tickets/1", ``, 404, api.ProblemNotFound, "DELETE /v1/tickets/1"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			status, problem := send(t, s, "all", tc.method, tc.path, tc.body)
			if status != tc.status || problem.Status != tc.status || problem.Type != tc.problem || !strings.Contains(problem.Detail, tc.detail) {
				t.Errorf("%d %+v, want %d %s %q", status, problem, tc.status, tc.problem, tc.detail)
			}
		})
	}
	form, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL+"/v1/tickets", strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	form.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if status, problem := answer(t, s, "all", form); status != 415 || !strings.Contains(problem.Detail, "application/json") {
		t.Errorf("a form: %d %+v", status, problem)
	}
	if status, _ := send(t, s, "all", "POST", "/v1/tickets/1/resolve", ""); status != 200 {
		t.Errorf("a verb that needs no body wants one: %d", status)
	}
}

// numbered are so many members of a JSON object.
func numbered(n int) (members []string) {
	for i := range n {
		members = append(members, fmt.Sprintf(`"k%d":"v"`, i))
	}
	return members
}

// send makes a raw request and reads the problem of its answer, if it is one.
func send(t *testing.T, s *httptest.Server, token, method, path, body string) (int, api.Problem) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, s.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	return answer(t, s, token, req)
}

func answer(t *testing.T, s *httptest.Server, token string, req *http.Request) (int, api.Problem) {
	t.Helper()
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	res, err := s.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	var problem api.Problem
	if res.Header.Get("Content-Type") == api.ProblemContentType {
		if err := json.NewDecoder(res.Body).Decode(&problem); err != nil {
			t.Fatal(err)
		}
	}
	return res.StatusCode, problem
}

// TestTooLargeBeforeRead: a body that says it is over the limit is refused although it never comes, and one that does
// not say so is refused on its way.
func TestTooLargeBeforeRead(t *testing.T) {
	s := serve(t, &recorder{})
	silent, end := io.Pipe()
	defer func() { _ = end.Close() }()
	for name, body := range map[string]struct {
		reader io.Reader
		length int64
	}{"announced": {silent, 1 << 30}, "unannounced": {neverEnding{}, -1}} {
		req, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL+"/v1/tickets", body.reader)
		req.ContentLength = body.length
		req.Header.Set("Authorization", "Bearer all")
		res, err := s.Client().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		if res.StatusCode != http.StatusRequestEntityTooLarge {
			t.Errorf("%s: status %d", name, res.StatusCode)
		}
	}
}

type neverEnding struct{}

func (neverEnding) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	return len(p), nil
}

// TestStoppingEndsWaits: a server that stops answers the calls that wait, in a way the client tries again.
func TestStoppingEndsWaits(t *testing.T) {
	local, err := auth.NewLocal(callers...)
	if err != nil {
		t.Fatal(err)
	}
	desk := &recorder{hold: make(chan struct{})}
	handler, err := server.New(desk, server.Options{Authenticator: local, Authorizer: local})
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- handler.Serve(ctx, listener, nil) }()
	c, err := client.New(client.Options{URL: "http://" + listener.Addr().String(), Token: "all", RetryFor: -1})
	if err != nil {
		t.Fatal(err)
	}
	called := make(chan error, 1)
	go func() {
		_, err := c.Changes(t.Context(), api.Call{}, "q", 1, 0, 30)
		called <- err
	}()
	<-desk.hold
	stop()
	if err := <-called; problemType(err) != api.ProblemNotReady {
		t.Errorf("the waiting call got %v", err)
	}
	if err := <-served; err != nil {
		t.Errorf("Serve: %v", err)
	}
}
