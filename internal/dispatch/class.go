package dispatch

import (
	"strconv"
	"strings"

	"github.com/caseload-dev/caseload/api/v1alpha1"
	"github.com/caseload-dev/caseload/internal/plan"
	"github.com/caseload-dev/caseload/internal/ticket"
)

// Class of demand of a ticket that waits in the queue: tickets of one class can be served by the same agents. It is the
// queue with the stage of its requirements, unless that is the first, the channel and, where the stage looks at it, the
// language: "billing/Chat" and later "billing@1/Chat/de".
func Class(q *plan.Queue, t *ticket.Ticket) string {
	class := q.Name
	if t.Stage > 0 {
		class += "@" + strconv.Itoa(t.Stage)
	}
	class += "/" + t.Channel
	if t.Language != "" && minds(q.Stage(t.Stage)) {
		class += "/" + t.Language
	}
	return class
}

// parseClass takes a class apart; see Class.
func parseClass(class string) (queue string, stage int, channel, language string) {
	place, rest, _ := strings.Cut(class, "/")
	channel, language, _ = strings.Cut(rest, "/")
	queue, number, _ := strings.Cut(place, "@")
	stage, _ = strconv.Atoi(number)
	return queue, stage, channel, language
}

// StageOf a class of demand.
func StageOf(class string) int {
	_, stage, _, _ := parseClass(class)
	return stage
}

// minds says whether the language of a ticket counts at the stage.
func minds(s *plan.Stage) bool {
	switch s.Requirements.LanguageMatch {
	case v1alpha1.LanguageRequired, v1alpha1.LanguagePreferred:
		return true
	}
	return false
}
