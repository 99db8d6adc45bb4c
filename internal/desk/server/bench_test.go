package server_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/caseload-dev/caseload/internal/desk/api"
	"github.com/caseload-dev/caseload/internal/ticket"
)

// BenchmarkOpenTicket is what a single intake costs without the desk behind it, client included. The floor is net/http
// with the JSON decoded and encoded and nothing else.
func BenchmarkOpenTicket(b *testing.B) {
	answer := &api.OpenedTicket{Ticket: &fullTicket}
	bench := func(s *httptest.Server) func(*testing.B) {
		return func(b *testing.B) {
			c := dial(b, s, "all")
			body := api.OpenTicket{Content: ticket.Content{Subject: "Printer on fire", Channel: "Phone", Language: "de", Priority: ticket.High}}
			b.SetParallelism(16)
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if _, err := c.OpenTicket(b.Context(), api.Call{}, body); err != nil {
						b.Fatal(err)
					}
				}
			})
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "calls/s")
		}
	}
	b.Run("full", bench(serve(b, &recorder{answer: answer})))
	floor := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var body api.OpenTicket
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		_ = json.NewEncoder(w).Encode(answer)
	}))
	floor.EnableHTTP2 = true
	floor.StartTLS()
	defer floor.Close()
	b.Run("floor", bench(floor))
}
