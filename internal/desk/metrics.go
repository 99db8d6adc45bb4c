package desk

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/caseload-dev/caseload/internal/desk/api"
)

// metrics of a desk. Counters count what happened since it started; the gauges are read from the store when asked.
type metrics struct {
	desk *Desk

	events     *prometheus.CounterVec
	decisions  *prometheus.CounterVec
	deliveries *prometheus.CounterVec
	clockSteps prometheus.Counter
	lateness   *prometheus.HistogramVec
	wait       *prometheus.HistogramVec
	rejected   *prometheus.CounterVec
	service    *prometheus.CounterVec
}

var (
	ticketsDesc = prometheus.NewDesc("caseload_desk_queue_tickets", "Tickets of a queue by status.", []string{"queue", "status"}, nil)
	oldestDesc  = prometheus.NewDesc("caseload_desk_queue_oldest_seconds", "Age of the oldest waiting ticket.", []string{"queue"}, nil)
	serviceDesc = prometheus.NewDesc("caseload_desk_queue_service_level_tickets", "Tickets of a queue whose service level is at risk or breached.", []string{"queue", "state"}, nil)
	agentsDesc  = prometheus.NewDesc("caseload_desk_queue_agents", "Agents who can serve the queue, by what they are now.", []string{"queue", "state"}, nil)
	planDesc    = prometheus.NewDesc("caseload_desk_plan_revision", "Revision of the active plan.", nil, nil)
	outboxDesc  = prometheus.NewDesc("caseload_desk_outbox_messages", "Messages of the outbox, by webhook or notifier: waiting, and dead letters.", []string{"destination", "state"}, nil)
	workersDesc = prometheus.NewDesc("caseload_desk_workers", "Queue workers that are alive.", nil, nil)
	behindDesc  = prometheus.NewDesc("caseload_desk_clock_behind_seconds", "How far the machine's clock is behind desk time, after it was set back.", nil, nil)
)

// Outcomes of decisions and of attempts to deliver a message.
const (
	outcomeCommitted = "committed"
	outcomeRefused   = "refused"
	outcomeDelivered = "delivered"
	outcomeFailed    = "failed"
	outcomeDead      = "dead"
)

func newMetrics(d *Desk) *metrics {
	m := &metrics{
		desk: d,
		events: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "caseload_desk_ticket_events_total", Help: "Events of tickets by type, as the log names them.",
		}, []string{"type"}),
		decisions: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "caseload_desk_decisions_total", Help: "Dispatch decisions of queue workers by outcome: committed, or refused after a lost race.",
		}, []string{"outcome"}),
		deliveries: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "caseload_desk_deliveries_total", Help: "Attempts to deliver a message by outcome.",
		}, []string{"outcome"}),
		clockSteps: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "caseload_desk_clock_steps_total", Help: "How often the machine's clock went back.",
		}),
		lateness: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "caseload_desk_timer_lateness_seconds", Help: "How late timers fired, by what they are for.",
			Buckets: []float64{.001, .005, .01, .05, .1, .25, .5, 1, 5, 30, 300},
		}, []string{"kind"}),
		service: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "caseload_desk_service_level_events_total", Help: "Warnings and breaches of service levels: type ticket.atRisk or ticket.breached.",
		}, []string{"type", "metric", "service_level"}),
		wait: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "caseload_desk_offer_wait_seconds", Help: "Time from entering the queue to an offer.",
			Buckets: []float64{.01, .05, .25, 1, 5, 15, 60, 300, 900, 3600, 14400, 86400},
		}, []string{"queue"}),
		rejected: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "caseload_desk_tickets_rejected_total", Help: "Tickets that were not opened since their queue was full.",
		}, []string{"queue"}),
	}
	// An alert on a counter's increase does not see the first if there was no zero before.
	for _, outcome := range []string{outcomeCommitted, outcomeRefused} {
		m.decisions.WithLabelValues(outcome)
	}
	for _, outcome := range []string{outcomeDelivered, outcomeFailed, outcomeDead} {
		m.deliveries.WithLabelValues(outcome)
	}
	return m
}

func (m *metrics) collectors() []prometheus.Collector {
	return []prometheus.Collector{m.events, m.decisions, m.deliveries, m.clockSteps, m.lateness, m.wait, m.rejected, m.service}
}

// Describe implements prometheus.Collector.
func (m *metrics) Describe(ch chan<- *prometheus.Desc) {
	for _, c := range m.collectors() {
		c.Describe(ch)
	}
	for _, desc := range []*prometheus.Desc{ticketsDesc, oldestDesc, serviceDesc, agentsDesc, planDesc, outboxDesc, workersDesc, behindDesc} {
		ch <- desc
	}
}

// collectTimeout bounds the reads of one scrape.
const collectTimeout = 5 * time.Second

// Collect implements prometheus.Collector.
func (m *metrics) Collect(ch chan<- prometheus.Metric) {
	for _, c := range m.collectors() {
		c.Collect(ch)
	}
	gauge := func(desc *prometheus.Desc, value float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, value, labels...)
	}
	gauge(behindDesc, m.desk.Behind().Seconds())
	ctx, cancel := context.WithTimeout(context.Background(), collectTimeout)
	defer cancel()
	o, err := m.desk.Overview(ctx, api.Call{})
	if err != nil {
		ch <- prometheus.NewInvalidMetric(ticketsDesc, err)
		return
	}
	gauge(planDesc, float64(o.PlanRevision))
	gauge(workersDesc, float64(len(o.Workers)))
	for _, d := range o.Outbox.Destinations {
		gauge(outboxDesc, float64(d.Waiting), d.Name, "waiting")
		gauge(outboxDesc, float64(d.Dead), d.Name, "dead")
	}
	for _, q := range o.Queues {
		gauge(oldestDesc, float64(q.OldestSeconds), q.Name)
		gauge(serviceDesc, float64(q.AtRisk), q.Name, "at_risk")
		gauge(serviceDesc, float64(q.Breached), q.Name, "breached")
		for status, n := range map[string]int{
			"waiting": q.Waiting, "offered": q.Offered, "open": q.Open, "pending": q.Pending, "onhold": q.OnHold, "resolved": q.Resolved,
		} {
			gauge(ticketsDesc, float64(n), q.Name, status)
		}
		for state, n := range map[string]int{"present": q.Present, "free": q.Free, "all": q.Agents} {
			gauge(agentsDesc, float64(n), q.Name, state)
		}
	}
}
