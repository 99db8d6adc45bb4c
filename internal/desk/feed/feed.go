// Package feed serves shifts as iCalendars at secret addresses, for calendar programs that cannot carry a token.
package feed

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"strings"

	"github.com/caseload-dev/caseload/internal/desk/api"
)

// Desk is what the feeds need of one.
type Desk interface {
	// ReadFeed is the iCalendar for the token of an address; false if there is none.
	ReadFeed(ctx context.Context, token string) (calendar string, found bool, err error)
}

// New makes the handler of what is below api.FeedPath.
func New(desk Desk, log *slog.Logger) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "private, no-store")
		w.Header().Set("X-Robots-Tag", "noindex, nofollow")
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "a feed is read with GET", http.StatusMethodNotAllowed)
			return
		}
		token := strings.TrimSuffix(strings.TrimPrefix(r.URL.Path, api.FeedPath), ".ics")
		calendar, found, err := desk.ReadFeed(r.Context(), token)
		switch {
		case err != nil:
			log.Error("read a feed", "error", err)
			http.Error(w, "the desk failed: try again", http.StatusInternalServerError)
		case !found:
			http.Error(w, "there is no such feed: it was revoked, or the address is not whole", http.StatusNotFound)
		default:
			w.Header().Set("Content-Type", "text/calendar; charset=utf-8")
			_, _ = io.WriteString(w, calendar)
		}
	})
}
