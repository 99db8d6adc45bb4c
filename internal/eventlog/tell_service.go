package eventlog

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/caseload-dev/caseload/internal/ticket"
)

// MetricWords are the metrics as people call them.
var MetricWords = map[ticket.Metric]string{
	ticket.FirstResponse: "first response", ticket.NextResponse: "next response", ticket.Resolution: "resolution",
}

// clocks says which due times a record set, which clocks stand still since, and how they ended.
func clocks(r *Record, in *time.Location) []string {
	var lines []string
	var data ServiceData
	if r.Type == AtRisk || r.Type == Breached {
		if json.Unmarshal(r.Data, &data) == nil {
			lines = append(lines, fmt.Sprintf("%s within %s by service level %s was due at %s",
				MetricWords[data.Metric], data.Target, data.Level, data.Due.In(in).Format(time.DateTime)))
		}
	}
	for _, c := range r.Clocks {
		lines = append(lines, MetricWords[c.Metric]+" "+c.tell(in))
	}
	return lines
}

func (c *Clock) tell(in *time.Location) string {
	switch {
	case !c.Due.IsZero():
		line := "is due at " + c.Due.In(in).Format(time.DateTime)
		if c.WarnAt.Before(c.Due) {
			line += ", with a warning at " + c.WarnAt.In(in).Format(time.DateTime)
		}
		return line
	case c.Target == 0:
		return "has no due time"
	}
	used := fmt.Sprintf("%s of %s used", c.Used, c.Target)
	switch c.State {
	case ticket.ClockMet:
		return "in time, " + used
	case ticket.ClockMissed:
		return "too late, " + used
	case ticket.ClockStopped:
		return "counts no more, " + used
	}
	return "pauses, " + used
}
