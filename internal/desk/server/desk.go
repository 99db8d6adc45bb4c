package server

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/caseload-dev/caseload/internal/desk/api"
	"github.com/caseload-dev/caseload/internal/desk/auth"
)

var (
	getEvents     = auth.Permission{Resource: "events", Verb: "get"}
	createBackups = auth.Permission{Resource: "backups", Verb: "create"}
	getMetrics    = auth.Permission{Resource: "metrics", Verb: "get"}
)

type logPage struct {
	After  int64 `query:"after" minimum:"0" doc:"Sequence number of the last record of the page before"`
	Limit  int   `query:"limit" minimum:"0" maximum:"1000" doc:"Size of the page; absent: 100"`
	Ticket int64 `query:"ticket" minimum:"0" doc:"Only the records of this ticket"`
	Wait   int   `query:"wait" minimum:"0" maximum:"30" doc:"Seconds to wait for a first record"`
}

func (s *Server) registerDesk() {
	register(s, operation{
		method: http.MethodGet, path: "/v1/events", id: "listEvents", tag: "desk", needs: getEvents, waits: true,
		summary: "Read the event log", about: "Every change of the desk in the order of its commit. A long poll with wait. A page may hold fewer records than asked for; the log is read when one holds none.",
	}, func(ctx context.Context, call api.Call, in *logPage) (*api.Records, error) {
		return s.service.Records(ctx, call, in.After, in.Limit, in.Ticket, in.Wait)
	})
	register(s, operation{
		method: http.MethodGet, path: "/v1/overview", id: "getOverview", tag: "desk", needs: listAgents,
		summary: "Get the state of teams, queues and workers",
	}, func(ctx context.Context, call api.Call, _ *empty) (*api.Overview, error) {
		return s.service.Overview(ctx, call)
	})
	registerResult(s, operation{
		method: http.MethodPost, path: "/v1/backup", id: "backUp", tag: "desk", needs: createBackups,
		summary: "Get a consistent copy of the store", about: "A file that caseload restore takes. An answer that breaks off is no backup.",
	}, s.backUp)
	s.raw("/metrics", "getMetrics", "Get metrics for Prometheus", getMetrics,
		promhttp.HandlerFor(s.Registry, promhttp.HandlerOpts{Registry: s.Registry}))
	s.raw("/openapi.json", "getOpenAPI", "Get this description as JSON", auth.Permission{}, s.document("application/json"))
	s.raw("/openapi.yaml", "getOpenAPIYAML", "Get this description as YAML", auth.Permission{}, s.document("application/yaml"))
}

// raw adds a GET that a handler answers.
func (s *Server) raw(path, id, summary string, needs auth.Permission, handler http.Handler) {
	registerResult(s, operation{method: http.MethodGet, path: path, id: id, tag: "desk", needs: needs, summary: summary},
		func(context.Context, api.Call, *empty) (*huma.StreamResponse, error) {
			return &huma.StreamResponse{Body: func(hctx huma.Context) {
				r, _ := humago.Unwrap(hctx)
				handler.ServeHTTP(responseWriter(hctx), r)
			}}, nil
		})
}

func (s *Server) document(mediaType string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", mediaType)
		_, _ = w.Write(s.openAPI[mediaType])
	})
}

func (s *Server) backUp(ctx context.Context, call api.Call, _ *empty) (*huma.StreamResponse, error) {
	return &huma.StreamResponse{Body: func(hctx huma.Context) {
		_, w := humago.Unwrap(hctx)
		stream := &backupWriter{w: w, control: http.NewResponseController(w)}
		err := s.service.Backup(ctx, call, stream)
		switch {
		case err == nil:
		case stream.began:
			s.Logger.Error("backup broke off", "error", err)
			panic(http.ErrAbortHandler)
		default:
			writeProblem(responseWriter(hctx), s.problemOf(ctx, err))
		}
	}}, nil
}

// backupPause is how long the receiver of a backup may take nothing before it is given up.
const backupPause = time.Minute

// backupWriter sends a backup, for as long as its receiver goes on taking it.
type backupWriter struct {
	w       http.ResponseWriter
	control *http.ResponseController
	began   bool
}

func (b *backupWriter) Write(p []byte) (int, error) {
	if !b.began {
		b.w.Header().Set("Content-Type", "application/octet-stream")
		b.began = true
	}
	if err := b.control.SetWriteDeadline(time.Now().Add(backupPause)); err != nil {
		return 0, err
	}
	return b.w.Write(p)
}
