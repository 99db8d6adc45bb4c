package server

import (
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics of the API.
type metrics struct {
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
}

func newMetrics(registry prometheus.Registerer) *metrics {
	m := &metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "caseload_desk_http_requests_total",
			Help: "Calls of the desk's API by operation and HTTP status.",
		}, []string{"operation", "code"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "caseload_desk_http_request_seconds",
			Help:    "Time from a call's header to its whole answer, waits included.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, 1, 5, 30},
		}, []string{"operation"}),
	}
	registry.MustRegister(m.requests, m.seconds)
	return m
}

// of returns what counts the calls of one operation.
func (m *metrics) of(operation string) func(status int, took time.Duration) {
	requests := m.requests.MustCurryWith(prometheus.Labels{"operation": operation})
	seconds := m.seconds.WithLabelValues(operation)
	return func(status int, took time.Duration) {
		if status == 0 {
			status = http.StatusOK // written without a header of its own
		}
		requests.WithLabelValues(strconv.Itoa(status)).Inc()
		seconds.Observe(took.Seconds())
	}
}
