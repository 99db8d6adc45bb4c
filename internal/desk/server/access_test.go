package server_test

import (
	"encoding/json"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"github.com/caseload-dev/caseload/internal/desk/api"
)

// openAPI is what the tests read of the description.
type openAPI struct {
	OpenAPI string
	Paths   map[string]map[string]struct {
		OperationID string
		Summary     string
		Tags        []string
		Permission  *string `json:"x-caseload-permission"`
	}
}

// TestEveryOperationRefuses walks the API's own description, so that no operation can be forgotten.
func TestEveryOperationRefuses(t *testing.T) {
	desk := &recorder{}
	s := serve(t, desk)
	req, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+"/openapi.json", nil)
	req.Header.Set("Authorization", "Bearer none")
	res, err := s.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	var description openAPI
	if err := json.NewDecoder(res.Body).Decode(&description); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(description.OpenAPI, "3.1") {
		t.Errorf("OpenAPI %s", description.OpenAPI)
	}
	operations := 0
	for path, methods := range description.Paths {
		for method, op := range methods {
			operations++
			t.Run(op.OperationID, func(t *testing.T) {
				if op.Summary == "" || len(op.Tags) == 0 || op.Permission == nil {
					t.Errorf("not described: %+v", op)
				}
				concrete := strings.NewReplacer("{id}", "1", "{name}", "jo", "{revision}", "1", "{pool}", "q").Replace(path)
				method = strings.ToUpper(method)
				if status, problem := send(t, s, "", method, concrete, ""); status != 401 || problem.Type != api.ProblemUnauthenticated {
					t.Errorf("without a token: %d %+v", status, problem)
				}
				if status, problem := send(t, s, "wrong", method, concrete, ""); status != 401 || problem.Type != api.ProblemUnauthenticated {
					t.Errorf("with an unknown token: %d %+v", status, problem)
				}
				if *op.Permission == "" {
					return
				}
				status, problem := send(t, s, "none", method, concrete, "")
				if status != 403 || problem.Type != api.ProblemForbidden || !strings.Contains(problem.Detail, *op.Permission) {
					t.Errorf("without the permission: %d %+v", status, problem)
				}
				if desk.method != "" {
					t.Errorf("reached the desk's %s", desk.method)
				}
			})
		}
	}
	if operations < reflect.TypeFor[api.Service]().NumMethod() {
		t.Errorf("only %d operations", operations)
	}
	for _, probe := range []string{"/healthz", "/readyz"} {
		if status, _ := send(t, s, "", "GET", probe, ""); status != 200 {
			t.Errorf("%s: %d", probe, status)
		}
	}
	if status, _ := send(t, s, "", "GET", "/v2/nothing", ""); status != 401 {
		t.Errorf("an unknown path tells strangers that it is unknown: %d", status)
	}
}

// TestActingAgent: callers act as themselves; as another agent only with the permission.
func TestActingAgent(t *testing.T) {
	desk := &recorder{}
	s := serve(t, desk)
	jo, root := dial(t, s, "jo"), dial(t, s, "all")

	if _, err := jo.Accept(t.Context(), api.Call{}, 1, api.Accept{Offer: 1}); err != nil {
		t.Fatal(err)
	}
	if desk.call.Agent != "jo" || desk.call.Impersonates || desk.call.Manage || desk.call.Actor != "user/jo@example.com" {
		t.Errorf("Jo's call = %+v", desk.call)
	}
	if _, err := jo.Accept(t.Context(), api.Call{Agent: "sam"}, 1, api.Accept{Offer: 1}); problemType(err) != api.ProblemForbidden {
		t.Errorf("Jo as Sam: %v", err)
	}
	if _, err := jo.SetPresence(t.Context(), api.Call{}, "sam", api.SetPresence{Presence: "Away"}); problemType(err) != api.ProblemForbidden {
		t.Errorf("Jo sends Sam away: %v", err)
	}
	if _, err := jo.SetPresence(t.Context(), api.Call{}, "jo", api.SetPresence{Presence: "Away"}); err != nil || desk.call.Impersonates {
		t.Errorf("Jo goes away: %+v, %v", desk.call, err)
	}
	if _, err := root.SetPresence(t.Context(), api.Call{}, "sam", api.SetPresence{Presence: "Away"}); err != nil || desk.call.Agent != "sam" || !desk.call.Impersonates {
		t.Errorf("root sends Sam away: %+v, %v", desk.call, err)
	}
	if _, err := root.Accept(t.Context(), api.Call{Agent: "sam"}, 1, api.Accept{Offer: 1}); err != nil || desk.call.Agent != "sam" || !desk.call.Impersonates {
		t.Errorf("root as Sam: %+v, %v", desk.call, err)
	}
}
