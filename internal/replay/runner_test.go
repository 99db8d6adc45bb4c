package replay_test

import (
	"context"
	"os"
	"regexp"
	"testing"
	"testing/fstest"
	"time"

	. "github.com/onsi/gomega"

	"github.com/caseload-dev/caseload/internal/caselog"
	"github.com/caseload-dev/caseload/internal/demo"
	"github.com/caseload-dev/caseload/internal/desk/api"
	"github.com/caseload-dev/caseload/internal/importer"
	"github.com/caseload-dev/caseload/internal/replay"
	"github.com/caseload-dev/caseload/internal/ticket"
)

// TestReplayThroughARealDesk plays a history through a desk with queue workers, stops in the middle, and goes on with a
// new runner that knows nothing but the desk's log.
func TestReplayThroughARealDesk(t *testing.T) {
	g := NewWithT(t)
	file, err := os.Open("../caselog/testdata/bakery.csv")
	g.Expect(err).NotTo(HaveOccurred())
	defer file.Close()
	log, err := caselog.Read(file, caselog.Options{Columns: caselog.DefaultColumns(), NotPeople: []string{"Robot"}})
	g.Expect(err).NotTo(HaveOccurred())
	org, err := importer.Derive(log, importer.Options{
		HelpDesk: "bakery", TierPattern: regexp.MustCompile(`\b(\d+)(?:st|nd|rd|th)$`), Channel: "Web", OfferTimeout: 30 * time.Second, Hours: importer.DefaultHours(), KeptPercent: 80, SpeedUp: 6000, MaxGap: time.Hour,
	})
	g.Expect(err).NotTo(HaveOccurred())
	manifests, err := org.Manifests()
	g.Expect(err).NotTo(HaveOccurred())
	files := fstest.MapFS{}
	for _, f := range manifests {
		files[f.Name] = &fstest.MapFile{Data: f.Data}
	}
	d, err := demo.Start(t.Context(), demo.Options{Files: files, Data: t.TempDir(), Listen: "127.0.0.1:0"})
	g.Expect(err).NotTo(HaveOccurred())
	ctx, stop := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- d.Run(ctx) }()
	defer func() { stop(); g.Expect(<-served).To(Succeed()) }()

	axis := caselog.NewAxis(log, time.Hour)
	options := replay.Options{
		Service: d.Desk, Scripts: replay.Scripts(log, org, axis), SpeedUp: 6000, Parallel: 4, Patience: 20 * time.Second,
	}
	for _, a := range org.Agents {
		options.Agents = append(options.Agents, a.Name)
	}

	interrupted, interrupt := context.WithCancel(t.Context())
	one := replay.NewRunner(options)
	ended := make(chan error, 1)
	go func() { ended <- one.Run(interrupted) }()
	g.Eventually(func() int { return one.Progress().Ended }, 20*time.Second, 10*time.Millisecond).Should(BeNumerically(">=", 1))
	interrupt()
	g.Expect(<-ended).To(MatchError(context.Canceled))

	other := replay.NewRunner(options)
	g.Expect(other.Run(t.Context())).To(Succeed())
	stored, err := other.Stored(t.Context())
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(replay.Verify(log, org.QueueOf, other.Seen(), stored)).To(BeEmpty())

	report := replay.NewReport(log, org, options.Scripts, axis, other.Seen(), options.SpeedUp)
	g.Expect(report.Replay.Tickets).To(Equal(5))
	g.Expect(report.Replay.HandOvers).To(Equal(report.History.HandOvers))
	g.Expect(report.Replay.Reopened).To(Equal(2))
	all, err := d.Desk.Tickets(t.Context(), api.Call{}, api.TicketQuery{})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(all.Items).To(HaveLen(5), "a replay that goes on opens nothing twice")
	g.Expect(all.Items).To(HaveEach(HaveField("Status", BeElementOf(ticket.Closed, ticket.Cancelled, ticket.Resolved))))

	agents, err := d.Desk.Agents(t.Context(), api.Call{})
	g.Expect(err).NotTo(HaveOccurred())
	for _, a := range agents.Items {
		g.Expect(string(a.Presence)).To(Equal("Offline"), "agent %s has left at the end", a.Name)
	}
}
