package server

import (
	"context"
	"crypto/sha256"
	"errors"
	"hash"
	"io"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/caseload-dev/caseload/internal/desk/api"
	"github.com/caseload-dev/caseload/internal/desk/auth"
)

var (
	manage      = auth.Permission{Resource: "tickets", Verb: "manage"}
	impersonate = auth.Permission{Resource: "agents", Verb: "impersonate"}
)

// callKey is the context key of the admitted call.
type callKey struct{}

// admitted is a call whose caller may make it.
type admitted struct {
	api.Call
	user *auth.User
	// digest of method, path and body, fed while the body is read; nil for calls without an idempotency key.
	digest hash.Hash
}

// callOf returns the call in the form that the desk takes, once its body was read.
func callOf(ctx context.Context) api.Call {
	a := ctx.Value(callKey{}).(*admitted)
	if a.digest != nil && a.Digest == nil {
		a.Digest = a.digest.Sum(nil)
	}
	return a.Call
}

// base is huma's context under a name that does not hide its Context method.
type base huma.Context

// admittedContext is huma's context of an admitted call.
type admittedContext struct {
	base
	ctx  context.Context
	body io.Reader
}

func (c *admittedContext) Context() context.Context { return c.ctx }
func (c *admittedContext) BodyReader() io.Reader    { return c.body }
func (c *admittedContext) Unwrap() huma.Context     { return c.base }

// admitting is the middleware of an operation: it measures the call, and admits it before its body is read.
func (s *Server) admitting(o operation) func(huma.Context, func(huma.Context)) {
	measure := s.metrics.of(o.id)
	return func(hctx huma.Context, next func(huma.Context)) {
		start := time.Now()
		defer s.recoverPanic(hctx, o)
		defer func() { measure(hctx.Status(), time.Since(start)) }()

		call, problem := s.admit(hctx, o)
		if problem != nil {
			writeProblem(responseWriter(hctx), problem)
			return
		}
		r, _ := humago.Unwrap(hctx)
		ctx := context.WithValue(hctx.Context(), callKey{}, call)
		if o.waits {
			var cancel context.CancelFunc
			ctx, cancel = context.WithCancel(ctx)
			defer cancel()
			defer context.AfterFunc(s.stopping, cancel)()
		}
		var body io.Reader = r.Body
		if call.digest != nil {
			body = io.TeeReader(body, call.digest)
		}
		next(&admittedContext{base: hctx, ctx: ctx, body: body})
	}
}

// admit decides whether the caller may make the call.
func (s *Server) admit(hctx huma.Context, o operation) (*admitted, *api.Problem) {
	r, _ := humago.Unwrap(hctx)
	ctx := r.Context()
	user, problem := s.authenticate(ctx, r.Header.Get("Authorization"))
	if problem != nil {
		return nil, problem
	}
	call := &admitted{user: user, Call: api.Call{Actor: user.Actor(), Agent: s.AgentOf(user.Name)}}
	if call.Manage, problem = s.authorize(ctx, user, o); problem != nil {
		return nil, problem
	}
	if agent := r.Header.Get(api.AgentHeader); agent != "" {
		if problem := s.actAs(ctx, call, agent); problem != nil {
			return nil, problem
		}
	}
	if r.ContentLength > o.limit {
		return nil, api.NewProblem(http.StatusRequestEntityTooLarge, api.ProblemTooLarge,
			"the body has %d bytes, %s takes at most %d; send less at a time", r.ContentLength, o.id, o.limit)
	}
	if o.repeatable {
		if problem := call.takeKey(r); problem != nil {
			return nil, problem
		}
	}
	return call, nil
}

// takeKey notes the idempotency key and prepares the digest that tells a repetition from a misuse.
func (a *admitted) takeKey(r *http.Request) *api.Problem {
	a.Key = r.Header.Get(api.IdempotencyKeyHeader)
	if a.Key == "" {
		return nil
	}
	if len(a.Key) > maxKey {
		return api.NewProblem(http.StatusUnprocessableEntity, api.ProblemInvalid,
			"%s is longer than %d characters; a UUID is enough", api.IdempotencyKeyHeader, maxKey)
	}
	a.digest = sha256.New()
	_, _ = io.WriteString(a.digest, r.Method+" "+r.URL.EscapedPath()+"\n")
	return nil
}

func (s *Server) authenticate(ctx context.Context, header string) (*auth.User, *api.Problem) {
	scheme, token, _ := strings.Cut(header, " ")
	token = strings.TrimSpace(token)
	if !strings.EqualFold(scheme, "Bearer") || token == "" {
		return nil, api.NewProblem(http.StatusUnauthorized, api.ProblemUnauthenticated,
			"a token is needed: send Authorization: Bearer TOKEN with a token for the audience %q, such as from kubectl create token NAME --audience=%s",
			api.TokenAudience, api.TokenAudience)
	}
	user, err := s.Authenticator.Authenticate(ctx, token)
	if err != nil {
		return nil, s.problemOf(ctx, err)
	}
	return user, nil
}

// authorize refuses a caller without the permission, unless they may manage tickets and the call is on one.
func (s *Server) authorize(ctx context.Context, user *auth.User, o operation) (manages bool, refusal *api.Problem) {
	if o.needs == (auth.Permission{}) {
		return false, nil
	}
	refusal = s.require(ctx, user, o.needs)
	if refusal == nil || !o.acts {
		return false, refusal
	}
	if may, err := s.Authorizer.Authorize(ctx, user, manage); err != nil || !may {
		return false, refusal
	}
	return true, nil
}

// asManager says whether to make a call again that the desk refused because the ticket is not the caller's: they may
// manage tickets. It is asked no sooner, since most callers work their own tickets and a no is soon asked again. The
// refused call left nothing behind.
func (s *Server) asManager(ctx context.Context, o operation, refused error) (bool, error) {
	caller := ctx.Value(callKey{}).(*admitted)
	var problem *api.Problem
	if !o.acts || caller.Manage || !errors.As(refused, &problem) || problem.Type != api.ProblemForbidden {
		return false, refused
	}
	may, err := s.Authorizer.Authorize(ctx, caller.user, manage)
	if err == nil && !may {
		err = refused
	}
	return may, err
}

func (s *Server) require(ctx context.Context, user *auth.User, p auth.Permission) *api.Problem {
	may, err := s.Authorizer.Authorize(ctx, user, p)
	switch {
	case err != nil:
		return s.problemOf(ctx, err)
	case may:
		return nil
	}
	where := ""
	if s.Namespace != "" {
		where = " in namespace " + s.Namespace
	}
	return api.NewProblem(http.StatusForbidden, api.ProblemForbidden,
		"%s may not %s of HelpDesk %s%s: bind the user to a Role with apiGroups [support.caseload.dev], resources [helpdesks/%s], verbs [%s], resourceNames [%s]",
		user.Name, p, s.HelpDesk, where, p.Resource, p.Verb, s.HelpDesk)
}

// actAs lets the caller act as an agent, which takes a permission unless the caller is that agent.
func (s *Server) actAs(ctx context.Context, call *admitted, agent string) *api.Problem {
	call.Agent, call.Impersonates = agent, agent != s.AgentOf(call.user.Name)
	if !call.Impersonates {
		return nil
	}
	problem := s.require(ctx, call.user, impersonate)
	if problem != nil {
		problem.Detail = "you are not agent " + agent + ": " + problem.Detail
	}
	return problem
}

// statusWriter lets huma's context know the status that is written past it.
type statusWriter struct {
	http.ResponseWriter
	hctx huma.Context
}

func (w statusWriter) WriteHeader(status int) { w.hctx.SetStatus(status) }

func responseWriter(hctx huma.Context) http.ResponseWriter {
	_, w := humago.Unwrap(hctx)
	return statusWriter{w, hctx}
}

// recoverPanic answers 500 where nothing was answered yet, and ends the connection otherwise.
func (s *Server) recoverPanic(hctx huma.Context, o operation) {
	cause := recover()
	if cause == nil {
		return
	}
	r, _ := humago.Unwrap(hctx)
	aborted := cause == any(http.ErrAbortHandler)
	if !aborted && r.Context().Err() == nil {
		s.Logger.Error("call panicked", "operation", o.id, "panic", cause, "stack", string(debug.Stack()))
	}
	if hctx.Status() != 0 || aborted {
		panic(http.ErrAbortHandler)
	}
	writeProblem(responseWriter(hctx), api.NewProblem(http.StatusInternalServerError, api.ProblemInternal,
		"the desk failed to do this; its log says why. It is safe to try again with the same %s", api.IdempotencyKeyHeader))
}
