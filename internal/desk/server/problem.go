package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/caseload-dev/caseload/internal/desk/api"
)

func init() {
	// huma makes its own refusals through this variable.
	huma.NewError = func(status int, message string, errs ...error) huma.StatusError {
		return invalidRequest(status, message, errs)
	}
}

// problemTypes of the refusals that huma makes, where they are not merely invalid.
var problemTypes = map[int]string{
	http.StatusRequestEntityTooLarge: api.ProblemTooLarge,
	http.StatusInternalServerError:   api.ProblemInternal,
}

// invalidRequest turns what huma found wrong with a request into a Problem whose detail stands alone.
func invalidRequest(status int, message string, errs []error) *api.Problem {
	problemType, ok := problemTypes[status]
	if !ok {
		problemType = api.ProblemInvalid
	}
	if status == http.StatusUnsupportedMediaType {
		return api.NewProblem(status, problemType, "the body must be JSON: send it with Content-Type: application/json")
	}
	problem := api.NewProblem(status, problemType, "%s", message)
	var lines []string
	for _, err := range errs {
		field := api.FieldError{Message: err.Error()}
		var detailer huma.ErrorDetailer
		if errors.As(err, &detailer) {
			detail := detailer.ErrorDetail()
			field = api.FieldError{Location: detail.Location, Message: detail.Message, Value: excerpt(detail.Value)}
		}
		problem.Errors = append(problem.Errors, field)
		lines = append(lines, strings.TrimPrefix(field.Location+": "+field.Message, ": "))
	}
	const shown = 3
	if more := len(lines) - shown; more > 0 {
		lines = append(lines[:shown], fmt.Sprintf("and %d more", more))
	}
	if len(lines) > 0 {
		problem.Detail += ": " + strings.Join(lines, "; ")
	}
	return problem
}

// excerpt keeps the values that help to recognise a field and leaves out whole documents.
func excerpt(value any) any {
	switch v := value.(type) {
	case string:
		if len(v) > 100 {
			return nil
		}
		return v
	case bool, float64, json.Number:
		return v
	default:
		return nil
	}
}

// problemOf is the Problem that an error of the desk travels as.
func (s *Server) problemOf(ctx context.Context, err error) *api.Problem {
	var problem *api.Problem
	switch {
	case errors.As(err, &problem):
		return problem
	case s.stopping.Err() != nil && errors.Is(err, context.Canceled):
		return api.NewProblem(http.StatusServiceUnavailable, api.ProblemNotReady, "the desk is stopping; try again")
	case ctx.Err() != nil:
		return api.NewProblem(http.StatusServiceUnavailable, api.ProblemNotReady, "the call was given up: %v", context.Cause(ctx))
	default:
		s.Logger.ErrorContext(ctx, "call failed", "error", err)
		return api.NewProblem(http.StatusInternalServerError, api.ProblemInternal,
			"the desk failed to do this; its log says why. It is safe to try again with the same %s", api.IdempotencyKeyHeader)
	}
}

// writeProblem answers where huma does not.
func writeProblem(w http.ResponseWriter, problem *api.Problem) {
	data, err := json.Marshal(problem)
	if err != nil {
		http.Error(w, problem.Detail, problem.Status)
		return
	}
	w.Header().Set("Content-Type", api.ProblemContentType)
	w.Header().Set("Content-Length", strconv.Itoa(len(data)))
	if problem.Status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", fmt.Sprintf("Bearer realm=%q", api.TokenAudience))
	}
	if problem.Status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", "1")
	}
	w.WriteHeader(problem.Status)
	_, _ = w.Write(data)
}

// schemaName names a type in the OpenAPI document: as Go has it for the wire types and tickets, with the package before
// it for others, whose names repeat.
func schemaName(t reflect.Type, hint string) string {
	name := huma.DefaultSchemaNamer(t, hint)
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	path := t.PkgPath()
	pkg := path[strings.LastIndex(path, "/")+1:]
	switch pkg {
	case "", "api", "ticket", "server":
		return name
	}
	return strings.ToUpper(pkg[:1]) + pkg[1:] + name
}
