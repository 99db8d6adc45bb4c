package controllers

import (
	"os"
	"regexp"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/caseload-dev/caseload/internal/desk"
	"github.com/caseload-dev/caseload/internal/desk/store/sqlite"
)

// described takes the names of the metrics that are registered.
type described struct {
	prometheus.Registerer
	names map[string]bool
}

var fqName = regexp.MustCompile(`fqName: "([^"]+)"`)

func (d described) Register(c prometheus.Collector) error {
	all := make(chan *prometheus.Desc)
	go func() { c.Describe(all); close(all) }()
	for desc := range all {
		d.names[fqName.FindStringSubmatch(desc.String())[1]] = true
	}
	return nil
}

// An alert on a metric that is called otherwise would never fire, and nobody would notice.
func TestAlertsAreOnMetricsThatExist(t *testing.T) {
	store, err := sqlite.Open(t.Context(), t.TempDir()+"/desk.db", sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	known := described{names: map[string]bool{}}
	if _, err := desk.New(desk.Options{Store: store, HelpDesk: "acme", Registerer: known}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []prometheus.Collector{compileSeconds, planPushes, deskReachableGauge, onCallGapGauge} {
		if err := known.Register(c); err != nil {
			t.Fatal(err)
		}
	}
	rules, err := os.ReadFile("../charts/caseload/files/alerts.yaml")
	if err != nil {
		t.Fatal(err)
	}
	mentioned := regexp.MustCompile(`caseload_[a-z_]+?(_bucket)?[\[{) ]`).FindAllString(string(rules), -1)
	if len(mentioned) < 6 {
		t.Fatalf("the alerts mention %v", mentioned)
	}
	for _, name := range mentioned {
		name = regexp.MustCompile(`(_bucket)?[\[{) ]$`).ReplaceAllString(name, "")
		if !known.names[name] {
			t.Errorf("an alert is on %s, which nothing measures", name)
		}
	}
}
