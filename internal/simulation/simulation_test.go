package simulation_test

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"regexp"
	"testing"
	"testing/fstest"
	"time"

	. "github.com/onsi/gomega"

	"github.com/caseload-dev/caseload/internal/caselog"
	"github.com/caseload-dev/caseload/internal/caselog/caselogtest"
	"github.com/caseload-dev/caseload/internal/eventlog"
	"github.com/caseload-dev/caseload/internal/importer"
	"github.com/caseload-dev/caseload/internal/manifest"
	"github.com/caseload-dev/caseload/internal/replay"
	"github.com/caseload-dev/caseload/internal/simulation"
	"github.com/caseload-dev/caseload/test/checker"
)

// simulated is a history that was played in its own time.
type simulated struct {
	desk   *simulation.Simulation
	report *replay.Report
	seen   map[string]*replay.Observed
}

func simulate(t *testing.T, path string, escalateAfter time.Duration) simulated {
	t.Helper()
	g := NewWithT(t)
	file, err := os.Open(path)
	g.Expect(err).NotTo(HaveOccurred())
	defer file.Close()
	log, err := caselog.Read(file, caselog.Options{Columns: caselog.DefaultColumns(), NotPeople: []string{"Siebel"}})
	g.Expect(err).NotTo(HaveOccurred())
	org, err := importer.Derive(log, importer.Options{
		HelpDesk: "past", TierPattern: regexp.MustCompile(`\b(\d+)(?:st|nd|rd|th)$`), Channel: "Web", OfferTimeout: time.Minute,
		Hours: importer.DefaultHours(), KeptPercent: 80, EscalateAfter: escalateAfter, SpeedUp: 1,
	})
	g.Expect(err).NotTo(HaveOccurred())
	rendered, err := org.Manifests()
	g.Expect(err).NotTo(HaveOccurred())
	files := fstest.MapFS{}
	for _, f := range rendered {
		files[f.Name] = &fstest.MapFile{Data: f.Data}
	}
	manifests, err := manifest.LoadFS(files)
	g.Expect(err).NotTo(HaveOccurred())
	desk, err := simulation.Start(t.Context(), simulation.Options{Manifests: manifests, Data: t.TempDir(), At: log.Cases[0].Events[0].Time})
	g.Expect(err).NotTo(HaveOccurred())
	t.Cleanup(func() { _ = desk.Close() })
	axis := caselog.NewAxis(log, 0)
	runner := replay.NewRunner(replay.Options{
		Service: desk.Desk, Caller: simulation.Caller, Clock: desk.Clock,
		Scripts: replay.Scripts(log, org, axis), Agents: org.AgentNames(), SpeedUp: 1,
	})
	g.Expect(runner.Simulate(t.Context(), desk)).To(Succeed())
	report, err := runner.Report(t.Context(), log, org, axis)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(report.Wrong).To(BeEmpty())
	return simulated{desk, report, runner.Seen()}
}

// records of the desk, proven by the checker.
func (s simulated) records(t *testing.T) []eventlog.Record {
	t.Helper()
	g := NewWithT(t)
	var all []eventlog.Record
	var text bytes.Buffer
	for {
		page, err := s.desk.Desk.Records(context.Background(), simulation.Caller, int64(len(all)), 1000, 0, 0)
		g.Expect(err).NotTo(HaveOccurred())
		if len(page.Items) == 0 {
			break
		}
		all = append(all, page.Items...)
		for _, r := range page.Items {
			g.Expect(json.NewEncoder(&text).Encode(r)).To(Succeed())
		}
	}
	read, err := checker.Read(&text)
	g.Expect(err).NotTo(HaveOccurred())
	proof := checker.Check(read, s.desk.Now())
	g.Expect(proof.Violations).To(BeEmpty())
	t.Log(proof)
	return all
}

// TestPeopleKeepTheirHours plays a counter in Sweden whose second line is in India and the United States. Nobody takes a
// ticket out of hours; what waits for two hours goes to the next line at that instant.
func TestPeopleKeepTheirHours(t *testing.T) {
	g := NewWithT(t)
	s := simulate(t, "testdata/counter.csv", 2*time.Hour)
	at := func(clock string) time.Time {
		instant, err := time.Parse("2006-01-02 15:04", "2024-05-"+clock)
		g.Expect(err).NotTo(HaveOccurred())
		return instant
	}
	type taken struct {
		Queue, Agent string
		At           time.Time
	}
	for name, want := range map[string][]taken{
		"day": {{"counter", "lena", at("06 10:00")}},
		// It is 20:00 in Stockholm. After two hours it goes to the second line, where Bob has an hour left. He hands it over, and
		// Ravi has one ticket at a time, the most pressing first.
		"evening": {{"line-2", "bob", at("06 20:00")}, {"works-2nd", "ravi", at("07 03:30")}},
		// It comes to the second line when it is night there, too: Ravi begins at 08:00 in India.
		"night": {{"line-2", "ravi", at("07 02:30")}},
		"shift": {{"works-2nd", "ravi", at("07 04:30")}},
	} {
		o := s.seen[name]
		var got []taken
		for i, w := range o.Waits {
			got = append(got, taken{w.Owner, o.People[i], w.To})
		}
		g.Expect(got).To(Equal(want), name)
	}
	g.Expect(s.report.Lines).To(HaveLen(2))
	second := s.report.Lines[1]
	g.Expect(second.ByTime).To(Equal(2))
	g.Expect(second.LatestSeconds).To(BeZero(), "what is due happens at its instant")
	s.records(t)
}

// TestWhatIsDoneIsClosedInTime: a history ends with a resolved ticket, whose reopen window ends while others go on.
func TestWhatIsDoneIsClosedInTime(t *testing.T) {
	g := NewWithT(t)
	s := simulate(t, "../caselog/testdata/bakery.csv", 2*time.Hour)
	g.Expect(string(s.seen["cake-4"].View.Status)).To(Equal("Closed"))
	s.records(t)
}

// TestTheRealHistory plays the tickets of a real company over the years of its history.
func TestTheRealHistory(t *testing.T) {
	path, err := caselogtest.RealHistory()
	if err != nil {
		t.Skip(err)
	}
	g := NewWithT(t)
	s := simulate(t, path, 24*time.Hour)
	g.Expect(s.report.Replay.Tickets).To(Equal(caselogtest.Cases))
	byTime := 0
	for _, line := range s.report.Lines {
		byTime += line.ByTime
		g.Expect(line.LatestSeconds).To(BeZero())
		g.Expect(line.Replay.Resolution.Met).To(BeNumerically(">", 0), line.Tier)
	}
	g.Expect(byTime).To(BeNumerically(">", 10))
	s.records(t)
}
