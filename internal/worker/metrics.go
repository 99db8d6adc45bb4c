package worker

import "github.com/prometheus/client_golang/prometheus"

const (
	outcomeCommitted = "committed"
	outcomeRefused   = "refused"
	outcomeDelivered = "delivered"
	outcomeFailed    = "failed"
)

type metrics struct {
	pools      prometheus.Gauge
	decisions  *prometheus.CounterVec
	decide     prometheus.Histogram
	setAside   prometheus.Counter
	deliveries *prometheus.CounterVec
}

func newMetrics() *metrics {
	m := &metrics{
		pools: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "caseload_worker_pools", Help: "Pools the queue worker holds.",
		}),
		decisions: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "caseload_worker_decisions_total", Help: "Decisions by outcome: committed, or refused because they or one before them lost a race.",
		}, []string{"outcome"}),
		decide: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "caseload_worker_decide_duration_seconds", Help: "Time one dispatch run over a pool took.",
			Buckets: prometheus.ExponentialBuckets(0.0001, 4, 8),
		}),
		setAside: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "caseload_worker_set_aside_total", Help: "Tickets taken out of dispatch because their decision failed.",
		}),
		deliveries: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "caseload_worker_deliveries_total", Help: "Attempts to deliver an outbox message, by outcome: delivered or failed.",
		}, []string{"outcome"}),
	}
	for _, outcome := range []string{outcomeCommitted, outcomeRefused} {
		m.decisions.WithLabelValues(outcome)
	}
	for _, outcome := range []string{outcomeDelivered, outcomeFailed} {
		m.deliveries.WithLabelValues(outcome)
	}
	return m
}

func (m *metrics) register(r prometheus.Registerer) error {
	for _, c := range []prometheus.Collector{m.pools, m.decisions, m.decide, m.setAside, m.deliveries} {
		if err := r.Register(c); err != nil {
			return err
		}
	}
	return nil
}
