package worker

import (
	"time"

	"github.com/caseload-dev/caseload/internal/dispatch"
	"github.com/caseload-dev/caseload/internal/plan"
)

// Decide replaces the decision, to see one fail.
func (w *Worker) Decide(decide func(*plan.Plan, *plan.Pool, *dispatch.State, time.Time) dispatch.Result) {
	w.decide = decide
}
