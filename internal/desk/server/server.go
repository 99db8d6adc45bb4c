// Package server is the desk's HTTPS API: it admits callers, checks what they send against the schema that the Go types
// give, and hands the call to the desk.
package server

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/caseload-dev/caseload/internal/desk/api"
	"github.com/caseload-dev/caseload/internal/desk/auth"
	"github.com/caseload-dev/caseload/internal/notify"
)

// Options of a Server.
type Options struct {
	// HelpDesk is the desk's name, for messages.
	HelpDesk string
	// Namespace of the HelpDesk, for messages; empty without a cluster.
	Namespace string
	// Authenticator and Authorizer are required.
	Authenticator auth.Authenticator
	Authorizer    auth.Authorizer
	// AgentOf gives the agent that a user is, by the user's name as RBAC has it; empty: none. Nil: nobody is an agent.
	AgentOf func(user string) string
	// Page answers below notify.LinkPath, where notifications link to; nil: nothing does.
	Page http.Handler
	// Feeds answers below api.FeedPath, where feeds of shifts are; nil: nothing does.
	Feeds http.Handler
	// Registry takes the server's metrics and is what /metrics shows. Nil: one of its own.
	Registry *prometheus.Registry
	// Logger; nil: the default one.
	Logger *slog.Logger
}

// Server is the API's handler.
type Server struct {
	Options
	service api.Service
	mux     *http.ServeMux
	api     huma.API
	metrics *metrics
	// openAPI is the API's description, as JSON and YAML.
	openAPI map[string][]byte
	// stopping ends the calls that wait for something to happen.
	stopping context.Context
	endWaits context.CancelFunc
}

// New makes the handler of the service.
func New(service api.Service, o Options) (*Server, error) {
	if o.Authenticator == nil || o.Authorizer == nil {
		return nil, errors.New("server: Authenticator and Authorizer are required")
	}
	if o.AgentOf == nil {
		o.AgentOf = func(string) string { return "" }
	}
	if o.Registry == nil {
		o.Registry = prometheus.NewRegistry()
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	s := &Server{Options: o, service: service, mux: http.NewServeMux(), openAPI: map[string][]byte{}}
	s.stopping, s.endWaits = context.WithCancel(context.Background())
	s.metrics = newMetrics(o.Registry)
	s.api = humago.New(s.mux, config())
	s.registerTickets()
	s.registerAgents()
	s.registerOnCall()
	s.registerPlans()
	s.registerDispatch()
	s.registerDesk()
	s.mux.Handle("GET /healthz", s.Probes())
	s.mux.Handle("GET /readyz", s.Probes())
	if o.Page != nil {
		s.mux.Handle(notify.LinkPath, o.Page)
	}
	if o.Feeds != nil {
		s.mux.Handle(api.FeedPath, o.Feeds)
	}
	s.mux.HandleFunc("/", s.noSuchOperation)
	return s, s.describe()
}

// config is huma's, without its public pages: they need a token here like everything else.
func config() huma.Config {
	c := huma.DefaultConfig("Caseload desk", "v1")
	c.Info.Description = "Tickets, agents and plans of one HelpDesk. Every refusal is a Problem (RFC 9457) that says what to do. " +
		"Calls that change something take an " + api.IdempotencyKeyHeader + ": their repetition gives the first answer."
	c.Components.Schemas = huma.NewMapRegistry("#/components/schemas/", schemaName)
	c.Components.SecuritySchemes = map[string]*huma.SecurityScheme{bearer: {
		Type: "http", Scheme: "bearer", BearerFormat: "JWT",
		Description: "A ServiceAccount token with audience " + api.TokenAudience + ", or another token that the cluster's TokenReview accepts for it.",
	}}
	c.OpenAPIPath, c.DocsPath, c.SchemasPath, c.CreateHooks = "", "", "", nil
	c.RejectUnknownQueryParameters = true
	return c
}

const bearer = "bearer"

// describe renders the OpenAPI document of what is registered.
func (s *Server) describe() error {
	var err error
	if s.openAPI["application/json"], err = json.Marshal(s.api.OpenAPI()); err != nil {
		return err
	}
	s.openAPI["application/yaml"], err = s.api.OpenAPI().YAML()
	return err
}

func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.mux.ServeHTTP(w, r) }

// EndWaits lets the calls that wait for something to happen answer now, and those to come at once. For a server that
// stops.
func (s *Server) EndWaits() { s.endWaits() }

// Probes answers /healthz and /readyz, which need no token. A desk is ready until it stops: its store was read before it
// serves, and a loop that fails ends the program.
func (s *Server) Probes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok\n")) })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if s.stopping.Err() != nil {
			http.Error(w, "the desk is stopping", http.StatusServiceUnavailable)
			return
		}
		_, _ = w.Write([]byte("ok\n"))
	})
	return mux
}

// noSuchOperation answers what no operation matches, to authenticated callers only.
func (s *Server) noSuchOperation(w http.ResponseWriter, r *http.Request) {
	if _, err := s.authenticate(r.Context(), r.Header.Get("Authorization")); err != nil {
		writeProblem(w, err)
		return
	}
	writeProblem(w, api.NewProblem(http.StatusNotFound, api.ProblemNotFound,
		"there is no %s %s; /openapi.json lists what there is", r.Method, r.URL.Path))
}
