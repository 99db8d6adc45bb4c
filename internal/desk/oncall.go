package desk

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/caseload-dev/caseload/internal/desk/api"
	"github.com/caseload-dev/caseload/internal/desk/store"
	"github.com/caseload-dev/caseload/internal/plan"
	"github.com/caseload-dev/caseload/internal/walltime"
)

// maxOnCall is the longest time of which shifts are told at once.
const maxOnCall = 366 * 24 * time.Hour

// OnCall tells who is on call, by rotation.
func (d *Desk) OnCall(ctx context.Context, _ api.Call, q api.OnCallQuery) (*api.OnCallList, error) {
	if q.To.Sub(q.From) > maxOnCall {
		return nil, api.NewProblem(http.StatusUnprocessableEntity, api.ProblemInvalid, "from and to are more than a year apart: ask for a part at a time")
	}
	var list *api.OnCallList
	err := d.view(ctx, func(r store.Reader, p *plan.Plan) error {
		if q.At.IsZero() {
			q.At = d.time.now()
		}
		if q.Rotation != "" && p.Rotations[q.Rotation] == nil {
			return api.NewProblem(http.StatusNotFound, api.ProblemNotFound, "there is no OnCallRotation %s in the plan", q.Rotation)
		}
		list = &api.OnCallList{At: q.At, Items: []api.OnCall{}}
		for _, name := range slices.Sorted(maps.Keys(p.Rotations)) {
			if q.Rotation != "" && q.Rotation != name {
				continue
			}
			from, to := q.At, q.At.Add(time.Microsecond)
			if q.From.Before(q.To) {
				from, to = walltime.Earlier(from, q.From), walltime.Later(to, q.To)
			}
			past, err := onCallHistory(r, name, from, to)
			if err != nil {
				return err
			}
			list.Items = append(list.Items, api.NewOnCall(p.Rotations[name], q, past))
		}
		return nil
	})
	return list, err
}
