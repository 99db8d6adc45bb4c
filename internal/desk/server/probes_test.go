package server_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/caseload-dev/caseload/internal/desk/auth"
	"github.com/caseload-dev/caseload/internal/desk/server"
)

// A desk that stops asks for no more calls, and not to be killed.
func TestProbesOfADeskThatStops(t *testing.T) {
	local, err := auth.NewLocal(callers...)
	if err != nil {
		t.Fatal(err)
	}
	handler, err := server.New(&recorder{}, server.Options{HelpDesk: "acme", Authenticator: local, Authorizer: local})
	if err != nil {
		t.Fatal(err)
	}
	answers := func(path string) int {
		response := httptest.NewRecorder()
		handler.Probes().ServeHTTP(response, httptest.NewRequest(http.MethodGet, path, http.NoBody))
		return response.Code
	}
	if ready := answers("/readyz"); ready != http.StatusOK {
		t.Errorf("a desk that serves is not ready: %d", ready)
	}
	handler.EndWaits()
	if ready, live := answers("/readyz"), answers("/healthz"); ready != http.StatusServiceUnavailable || live != http.StatusOK {
		t.Errorf("a desk that stops: readyz %d, healthz %d", ready, live)
	}
}
