package server

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/caseload-dev/caseload/internal/desk/api"
	"github.com/caseload-dev/caseload/internal/desk/auth"
)

// Limits of request bodies, refused before they are read.
const (
	maxBody      = 256 << 10
	maxBatchBody = 8 << 20
	maxPlanBody  = 64 << 20
)

// Times within which a body must have come. A call that waits needs its connection readable until it answers.
const (
	bodyTimeout        = 10 * time.Second
	waitingBodyTimeout = 60 * time.Second
	planBodyTimeout    = 2 * time.Minute
)

// operation describes one call of the API.
type operation struct {
	method  string
	path    string
	id      string
	tag     string
	summary string
	about   string
	// needs is the permission to call it; the zero one: any authenticated caller may.
	needs auth.Permission
	// acts on a ticket for its owner; who may manage tickets acts on any.
	acts bool
	// repeatable calls honour an Idempotency-Key.
	repeatable bool
	// waits for something to happen; such calls end early when the server stops.
	waits bool
	// limit of the body; zero: maxBody.
	limit       int64
	bodyTimeout time.Duration
	status      int
}

// result is an answer with a body.
type result[T any] struct {
	Body *T
}

// register adds an operation whose answer is a body.
func register[I, T any](s *Server, o operation, handle func(ctx context.Context, call api.Call, in *I) (*T, error)) {
	registerResult(s, o, func(ctx context.Context, call api.Call, in *I) (*result[T], error) {
		body, err := handle(ctx, call, in)
		if err != nil {
			return nil, err
		}
		return &result[T]{Body: body}, nil
	})
}

// registerResult adds an operation with an answer of huma's form.
func registerResult[I, O any](s *Server, o operation, handle func(ctx context.Context, call api.Call, in *I) (*O, error)) {
	if o.limit == 0 {
		o.limit = maxBody
	}
	if o.bodyTimeout == 0 {
		o.bodyTimeout = bodyTimeout
		if o.waits {
			o.bodyTimeout = waitingBodyTimeout
		}
	}
	huma.Register(s.api, o.describe(s.admitting(o)), func(ctx context.Context, in *I) (*O, error) {
		call := callOf(ctx)
		out, err := handle(ctx, call, in)
		if err != nil {
			if call.Manage, err = s.asManager(ctx, o, err); call.Manage {
				out, err = handle(ctx, call, in)
			}
		}
		if err != nil {
			return nil, s.problemOf(ctx, err)
		}
		return out, nil
	})
}

// nothing is the answer of calls that only succeed.
type nothing struct{}

// permissionExtension of an operation in the OpenAPI document says what it needs.
const permissionExtension = "x-caseload-permission"

func (o operation) describe(admit func(huma.Context, func(huma.Context))) huma.Operation {
	op := huma.Operation{
		Method: o.method, Path: o.path, OperationID: o.id, Summary: o.summary, Description: o.about, Tags: []string{o.tag},
		// huma refuses a body of exactly its limit.
		MaxBodyBytes: o.limit + 1, BodyReadTimeout: o.bodyTimeout, DefaultStatus: o.status,
		Security:    []map[string][]string{{bearer: {}}},
		Middlewares: huma.Middlewares{admit},
		Errors:      []int{http.StatusUnauthorized, http.StatusForbidden, http.StatusServiceUnavailable},
		Extensions:  map[string]any{permissionExtension: o.needs.String()},
		Parameters: []*huma.Param{{
			Name: api.AgentHeader, In: "header", Schema: &huma.Schema{Type: huma.TypeString},
			Description: "Agent to act as, if the caller is not that agent. Needs " + impersonate.String() + "; the event log names both.",
		}},
	}
	if o.needs == (auth.Permission{}) {
		op.Extensions[permissionExtension] = ""
	}
	if o.repeatable {
		op.Parameters = append(op.Parameters, &huma.Param{
			Name: api.IdempotencyKeyHeader, In: "header", Schema: &huma.Schema{Type: huma.TypeString, MaxLength: new(maxKey)},
			Description: "The caller's name for this change. A repetition gives the first answer; the same key with another body is refused.",
		})
		op.Errors = append(op.Errors, http.StatusConflict)
	}
	return op
}

// maxKey is the longest idempotency key.
const maxKey = 255

// Inputs that several operations share.

type empty struct{}

type withBody[B any] struct {
	Body B
}

type onTicket struct {
	ID int64 `path:"id" minimum:"1" doc:"Id of the ticket"`
}

type onTicketWith[B any] struct {
	ID   int64 `path:"id" minimum:"1" doc:"Id of the ticket"`
	Body B
}
