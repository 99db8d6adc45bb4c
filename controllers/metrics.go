package controllers

import (
	"github.com/prometheus/client_golang/prometheus"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
)

// Metrics of the controllers, besides those that controller-runtime has.
var (
	compileSeconds = prometheus.NewHistogram(prometheus.HistogramOpts{
		Name:    "caseload_plan_compile_seconds",
		Help:    "Time to compile the objects of a HelpDesk into a plan.",
		Buckets: prometheus.ExponentialBuckets(0.001, 4, 7),
	})
	planPushes = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "caseload_plan_pushes_total",
		Help: "Plans pushed to desks, by result: activated or failed.",
	}, []string{"result"})
	deskReachableGauge = prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "caseload_desk_reachable",
		Help: "1 if the manager reached the desk when it last tried, else 0.",
	}, []string{"namespace", "helpdesk"})
	onCallGapGauge = prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "caseload_oncall_gap",
		Help: "1 if nobody is on call at a time for which the rotation's coverage asks for somebody, now or in the coming weeks, else 0.",
	}, []string{"namespace", "rotation"})
)

func init() {
	metrics.Registry.MustRegister(compileSeconds, planPushes, deskReachableGauge, onCallGapGauge)
}
