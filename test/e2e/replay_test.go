package e2e

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"golang.org/x/sync/errgroup"

	"github.com/caseload-dev/caseload/api/v1alpha1"
	"github.com/caseload-dev/caseload/internal/caselog/caselogtest"
	"github.com/caseload-dev/caseload/internal/desk/api"
	"github.com/caseload-dev/caseload/internal/eventlog"
	"github.com/caseload-dev/caseload/internal/replay"
	"github.com/caseload-dev/caseload/test/checker"
)

const (
	// historyDesk is the HelpDesk of the organisation that a history becomes.
	historyDesk = "history"
	// replayTime is how long a replay with faults may take.
	replayTime = 6 * time.Minute
	// faultTime is the part of it in which the faults happen.
	faultTime = 150 * time.Second
)

// history to replay: the tickets of a real company where the file is, else some that are made up.
type history struct {
	file    string
	speedUp string
	// escalateAfter is how long a ticket waits for somebody before the next line gets it, in the history's time: a second of
	// the replay's, which is less than it takes to go on after a fault.
	escalateAfter string
	cases         int
}

func theHistory() history {
	GinkgoHelper()
	real, err := caselogtest.RealHistory()
	if err == nil {
		return history{file: real, speedUp: "50000", escalateAfter: "14h", cases: caselogtest.Cases}
	}
	AddReportEntry("made-up history", err.Error())
	file := filepath.Join(GinkgoT().TempDir(), "history.csv")
	const cases = 150
	Expect(os.WriteFile(file, madeUp(cases), 0o600)).To(Succeed())
	// Two days of arrivals and work, so that all faults fall into it.
	return history{file: file, speedUp: "900", escalateAfter: "15m", cases: cases}
}

// madeUp is an event log of three lines of support, some of whose cases are handed on, put off, or continue after their end.
func madeUp(cases int) []byte {
	random := rand.New(rand.NewPCG(1, 2))
	lines := []string{"Desk", "Apps 2nd", "Core 3rd"}
	country := []string{"Sweden", "INDIA", "Brazil"}
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	write := func(cells ...string) { _ = w.Write(cells) } // into memory
	write("case:concept:name", "concept:name", "lifecycle:transition", "org:resource", "organization involved", "org:group", "resource country", "impact", "time:timestamp")
	arrival := time.Date(2030, 5, 6, 8, 0, 0, 0, time.UTC)
	for i := range cases {
		arrival = arrival.Add(time.Duration(random.IntN(30)) * time.Minute)
		at := arrival
		event := func(activity, transition, person string, line int) {
			impact := []string{"Low", "Medium", "High", "Major"}[i%4]
			write(fmt.Sprintf("case-%d", i+1), activity, transition, person, lines[line], "Line "+lines[line], country[line], impact, at.Format(time.RFC3339))
			at = at.Add(time.Duration(1+random.IntN(120)) * time.Minute)
		}
		person := func(line int) string { return fmt.Sprintf("P%d%d", line, random.IntN(6)) }
		event("Queued", "Awaiting Assignment", "", 0)
		line := 0
		for who := person(line); ; who = person(line) {
			event("Accepted", "In Progress", who, line)
			if random.IntN(3) == 0 {
				event("Accepted", "Wait - User", who, line)
				event("Accepted", "In Progress", who, line)
			}
			if line == len(lines)-1 || random.IntN(2) == 0 {
				event("Completed", "Resolved", who, line)
				break
			}
			line++
			event("Queued", "Awaiting Assignment", who, line)
		}
		if random.IntN(5) == 0 {
			event("Accepted", "In Progress", person(line), line)
			event("Completed", "Resolved", person(line), line)
		}
		event("Completed", "Closed", "Siebel", line)
	}
	w.Flush()
	return b.Bytes()
}

var _ = Describe("A history", Ordered, Label("replay"), func() {
	var t tenant
	var h history
	var f *faults

	BeforeAll(func(ctx SpecContext) {
		t, h = newTenant(ctx), theHistory()
	})

	// becomes applies what the import makes of the history.
	becomes := func(options ...string) {
		GinkgoHelper()
		dir := GinkgoT().TempDir()
		_, err := output("", binary, append([]string{"import", "eventlog", h.file, "--out", dir, "--help-desk", historyDesk}, options...)...)
		Expect(err).NotTo(HaveOccurred())
		began := time.Now()
		t.must("apply", "--server-side", "-f", dir)
		applied := time.Since(began)
		// kubectl wait asks for each of a thousand objects, five a second.
		ready := `jsonpath={range .items[*]}{.kind}/{.metadata.name} {.metadata.generation} ` +
			`{.status.conditions[?(@.type=="Ready")].observedGeneration} {.status.conditions[?(@.type=="Ready")].status}{"\n"}{end}`
		Eventually(func(g Gomega) {
			list, err := t.kubectl("get", "support", "-o", ready)
			g.Expect(err).NotTo(HaveOccurred())
			for line := range strings.Lines(list) {
				g.Expect(line).To(MatchRegexp(`^\S+ (\d+) (\d+) True\n$`))
				fields := strings.Fields(line)
				g.Expect(fields[1]).To(Equal(fields[2]), line)
			}
		}, patience, "1s").Should(Succeed())
		AddReportEntry("applied and Ready", fmt.Sprintf("applied in %s, Ready after %s", applied.Round(time.Second), time.Since(began).Round(time.Second)))
	}

	It("becomes an organisation whose people work by the clocks of their countries", func() {
		becomes()
		var calendars v1alpha1.BusinessCalendarList
		Expect(json.Unmarshal([]byte(t.must("get", "businesscalendars", "-o", "json")), &calendars)).To(Succeed())
		next := map[string]time.Time{}
		now := time.Now()
		for _, c := range calendars.Items {
			next[c.Name] = nextOfficeHours(string(c.Spec.TimeZone), now)
		}
		Expect(len(next)).To(BeNumerically(">=", 3))
		Eventually(func(g Gomega) { // until the desk has the plan, and again if hours begin or end right now
			var agents api.AgentList
			g.Expect(json.Unmarshal([]byte(t.desk("agent", "list", "-o", "json")), &agents)).To(Succeed())
			g.Expect(agents.Items).NotTo(BeEmpty())
			for _, a := range agents.Items {
				if a.Schedule == "" { // of no country
					continue
				}
				g.Expect(a.Duty.Until.Equal(next[a.Schedule])).To(BeTrue(), "%s is %s, by the clocks of %s until %s", a.Name, a.Duty, a.Schedule, next[a.Schedule])
			}
		}, patience, "1s").Should(Succeed())
	})

	It("becomes one without hours, which can be played faster than clocks go", func() {
		// Short offers, so that some end while the desk is away.
		becomes("--offer-timeout", "5s", "--speed-up", h.speedUp, "--escalate-after", h.escalateAfter)
		t.must("scale", "tiers", "--all", "--replicas=2")
	})

	It("is replayed to its end while parts fail", func(ctx SpecContext) {
		faultCtx, stop := context.WithCancel(ctx)
		defer stop()
		f = newFaults(faultCtx, t)
		var failing errgroup.Group
		failing.Go(func() error { return f.spread(faultTime) })
		failing.Go(func() error {
			for _, demand := range []string{"first", "second"} {
				if err := f.rotate(demand); err != nil {
					return err
				}
			}
			return nil
		})

		var stdout bytes.Buffer
		command := exec.CommandContext(ctx, binary, "replay", h.file, "-n", t.namespace, "--patience", "3m", "-o", "json",
			"--speed-up", h.speedUp, "--escalate-after", h.escalateAfter)
		command.Stdout, command.Stderr = &stdout, GinkgoWriter
		err := command.Run()
		report := replay.Report{Wrong: []string{"no report"}}
		_ = json.Unmarshal(stdout.Bytes(), &report) // what is not there shows below
		Expect(report.Wrong).To(BeEmpty())
		Expect(err).NotTo(HaveOccurred())
		Expect(report.Replay.Tickets).To(Equal(h.cases))
		byTime, inTime := 0, 0
		for _, line := range report.Lines {
			byTime += line.ByTime
			inTime += line.Replay.Resolution.Met
		}
		// A hand-over is not made where an escalation was sooner.
		Expect(report.Replay.HandOvers).To(BeNumerically("~", report.History.HandOvers, byTime))
		Expect(inTime).To(BeNumerically(">", h.cases/2))
		AddReportEntry("replayed", fmt.Sprintf("%d tickets, %d hand-overs and %d by time, %d resolved in time, %d reopened in %.0f s", report.Replay.Tickets,
			report.Replay.HandOvers, byTime, inTime, report.Replay.Reopened, report.ElapsedSeconds))

		Expect(failing.Wait()).To(Succeed())
		Expect(f.done).To(Equal(deck))
	}, SpecTimeout(replayTime))

	It("has a log that proves what was promised", func() {
		// The last fault may still be healing, and timers that came due meanwhile fire then. No other fault of a log goes away.
		var proof *checker.Report
		Eventually(func(g Gomega) {
			proof = checker.Check(t.log(g), time.Now().Add(-10*time.Second))
			g.Expect(proof.Violations).To(BeEmpty())
		}, patience, "2s").Should(Succeed())
		AddReportEntry("proof", proof.String())

		Expect(proof.Opened).To(HaveLen(h.cases + len(f.acknowledged)))
		for reference, times := range proof.Opened {
			Expect(times).To(Equal(1), "%s/%s", reference.Source, reference.Key)
		}
		for _, reference := range f.acknowledged {
			source, key, _ := strings.Cut(reference, "/")
			Expect(proof.Opened).To(HaveKey(checker.Reference{Source: source, Key: key}))
		}
		Expect(proof.Decisions).To(BeNumerically(">=", h.cases/2))
		Expect(proof.Timers["Offer"]).To(BeNumerically(">", 0), "offers that nobody accepted have ended")
	})

	It("explains a hand-over by time", func() {
		records := t.records(Default)
		i := slices.IndexFunc(records, func(r eventlog.Record) bool { return r.Type == eventlog.Transferred && r.Actor == "desk" })
		Expect(i).To(BeNumerically(">=", 0), "nothing was ever handed over by time")
		shown := t.desk("ticket", "show", strconv.FormatInt(records[i].Ticket, 10))
		Expect(shown).To(And(ContainSubstring("escalation started, by desk: without an agent for"),
			ContainSubstring("a timer that was due at"), ContainSubstring("TransferToNextLevel"), ContainSubstring("resolution is due at")))
	})
})

// nextOfficeHours is when those of a zone, from 8 to 17 on weekdays, begin or end next after an instant.
func nextOfficeHours(zone string, at time.Time) time.Time {
	GinkgoHelper()
	location, err := time.LoadLocation(zone)
	Expect(err).NotTo(HaveOccurred())
	open := func(at time.Time) bool {
		at = at.In(location)
		return at.Weekday() != time.Saturday && at.Weekday() != time.Sunday && at.Hour() >= 8 && at.Hour() < 17
	}
	next := at.Truncate(time.Minute)
	for open(next) == open(at) {
		next = next.Add(time.Minute)
	}
	return next
}

// records of the desk's log.
func (t tenant) records(g Gomega) []eventlog.Record {
	text, err := t.caseload("events")
	g.Expect(err).NotTo(HaveOccurred())
	var records []eventlog.Record
	for line := range strings.Lines(text) {
		var r eventlog.Record
		g.Expect(json.Unmarshal([]byte(line), &r)).To(Succeed())
		records = append(records, r)
	}
	return records
}

// log of the desk, as the checker reads it.
func (t tenant) log(g Gomega) []checker.Record {
	text, err := t.caseload("events")
	g.Expect(err).NotTo(HaveOccurred())
	records, err := checker.Read(strings.NewReader(text))
	g.Expect(err).NotTo(HaveOccurred())
	return records
}
