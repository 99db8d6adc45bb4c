package cli

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/caseload-dev/caseload/config/samples"
	"github.com/caseload-dev/caseload/internal/demo"
	"github.com/caseload-dev/caseload/internal/desk/api"
	"github.com/caseload-dev/caseload/internal/manifest"
	"github.com/caseload-dev/caseload/internal/replay"
	"github.com/caseload-dev/caseload/internal/ticket"
)

// runCLI runs a command as a user types it.
func runCLI(t *testing.T, stdin io.Reader, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	var out, errOut bytes.Buffer
	root := newRoot()
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(&out)
	root.SetErr(&errOut)
	err = root.ExecuteContext(t.Context())
	return out.String(), errOut.String(), err
}

// startDemo runs a desk with queue workers and lets the commands of the test find it.
func startDemo(t *testing.T, o demo.Options) *demo.Demo {
	t.Helper()
	o.Data, o.Listen = cmp.Or(o.Data, t.TempDir()), "127.0.0.1:0"
	d, err := demo.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- d.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("the desk ended with %v", err)
		}
	})
	t.Setenv(envURL, d.URL)
	t.Setenv(envToken, d.Token)
	return d
}

func threeTier(t *testing.T) fs.FS {
	t.Helper()
	files, err := fs.Sub(samples.FS, "three-tier")
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestSamplesAreWithoutProblems(t *testing.T) {
	entries, err := samples.FS.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		files, err := fs.Sub(samples.FS, e.Name())
		if err != nil {
			t.Fatal(err)
		}
		set, err := manifest.LoadFS(files)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range set.Check() {
			t.Errorf("%s: %s", e.Name(), p)
		}
	}
}

// TestATicketsLife takes a ticket from intake to its end with nothing but commands.
func TestATicketsLife(t *testing.T) {
	g := NewWithT(t)
	d := startDemo(t, demo.Options{Files: threeTier(t)})
	run := func(args ...string) string {
		out, _, err := runCLI(t, nil, args...)
		g.Expect(err).NotTo(HaveOccurred(), strings.Join(args, " "))
		return out
	}
	opened := run("ticket", "open", "--subject", "Refund please", "--category", "refund", "--amount", "700EUR", "--channel", "Email", "--reference", "crm/7")
	g.Expect(opened).To(Equal("ticket 1 opened: Waiting in queue billing for 0s (customer-care/large-refunds)\n"))
	g.Expect(run("ticket", "open", "--subject", "Refund please", "--channel", "Email", "--reference", "crm/7")).To(HavePrefix("ticket 1 exists"))

	g.Expect(run("ticket", "show", "1")).To(MatchRegexp(`If not taken +stage 1 of the requirements begins .*; overflows `))

	_, err := d.Desk.SetPresence(t.Context(), api.Call{Agent: "lee"}, "lee", api.SetPresence{Presence: "Available"})
	g.Expect(err).NotTo(HaveOccurred())
	g.Eventually(func() string { return run("ticket", "list", "--agent", "lee") }, 10*time.Second, 50*time.Millisecond).Should(ContainSubstring("Offered"))

	g.Expect(run("ticket", "accept", "1", "--as-agent", "lee")).To(Equal("ticket 1: Open with lee\n"))
	_, _, err = runCLI(t, nil, "ticket", "transfer", "1", "--queue", "technical", "--as-agent", "lee")
	g.Expect(err).To(MatchError(ContainSubstring("--reason")))
	g.Expect(run("ticket", "pend", "1", "--until", "2h", "--reason", "asked for the receipt", "--as-agent", "lee")).To(ContainSubstring("Pending with lee, until"))
	g.Expect(run("ticket", "reply", "1", "--from", "Customer", "--body", "Here it is")).To(Equal("ticket 1: Open with lee\n"))
	g.Expect(run("ticket", "resolve", "1", "--reason", "paid back", "--as-agent", "lee")).To(HavePrefix("ticket 1: Resolved by lee"))
	g.Expect(run("ticket", "close", "1")).To(Equal("ticket 1: Closed with lee\n"))

	shown := run("ticket", "show", "1")
	for _, want := range []string{
		"because of customer-care/large-refunds, in plan 1", "offered to agent lee", "because of MostSkilled", "nobody else could take it",
		"accepted, by user/demo as agent/lee", "pending on the customer, by user/demo as agent/lee: asked for the receipt", "Customer: Here it is",
		"resolved, by user/demo as agent/lee: paid back", "Tags      needs-approval", "Reference crm/7",
	} {
		g.Expect(strings.Join(strings.Fields(shown), " ")).To(ContainSubstring(strings.Join(strings.Fields(want), " ")))
	}
	var history api.TicketHistory
	g.Expect(json.Unmarshal([]byte(run("ticket", "show", "1", "-o", "json")), &history)).To(Succeed())
	g.Expect(history.Ticket.Status).To(Equal(ticket.Closed))

	g.Expect(strings.Join(strings.Fields(run("agent", "list")), " ")).To(And(
		ContainSubstring("rosa product-engineering - TeamLead, Agent, leads product-engineering on Offline"),
		ContainSubstring("lee customer-care mara - on Available")))
	var agents api.AgentList
	g.Expect(json.Unmarshal([]byte(run("agent", "list", "-o", "json")), &agents)).To(Succeed())
	g.Expect(agents.Items).To(ContainElement(And(HaveField("Name", "lee"), HaveField("Manager", "mara"))))

	g.Expect(run("top", "--once")).To(MatchRegexp(`billing +specialists +0 of 500 `))
	g.Expect(run("events", "--ticket", "1")).To(MatchRegexp(`"type":"ticket.resolved","actor":"agent/lee","impersonatedBy":"user/demo"`))

	_, _, err = runCLI(t, nil, "ticket", "reopen", "1")
	g.Expect(err).To(MatchError(ContainSubstring("cannot change any more")))
	_, _, err = runCLI(t, nil, "ticket", "show", "seventeen")
	g.Expect(err).To(MatchError(ContainSubstring("is no ticket id")))
}

func TestTop(t *testing.T) {
	g := NewWithT(t)
	startDemo(t, demo.Options{Files: threeTier(t)})
	_, _, err := runCLI(t, nil, "ticket", "open", "--subject", "Hello", "--channel", "Phone")
	g.Expect(err).NotTo(HaveOccurred())

	out, _, err := runCLI(t, nil, "top")
	g.Expect(err).NotTo(HaveOccurred())
	lines := map[string][]string{}
	for _, line := range strings.Split(out, "\n") {
		if words := strings.Fields(line); len(words) > 3 {
			lines[words[0]] = words
		}
	}
	g.Expect(lines["general"][:3]).To(Equal([]string{"general", "frontline", "1"}), out)
	g.Expect(lines).To(HaveKey("unrouted"))
	g.Expect(out).To(ContainSubstring("customer-care        7       7        0        0"))

	out, _, err = runCLI(t, nil, "top", "-o", "json")
	g.Expect(err).NotTo(HaveOccurred())
	var report topReport
	g.Expect(json.Unmarshal([]byte(out), &report)).To(Succeed())
	g.Expect(report.Queues).To(ContainElement(And(HaveField("Name", "general"), HaveField("Waiting", 1))))
	g.Expect(report.Tiers).To(HaveLen(3))
	g.Expect(report.Tiers[0]).To(And(HaveField("Name", "frontline"), HaveField("Queues", 2), HaveField("Waiting", 1)))
}

// TestWorkByLines is a session without a terminal: an offer comes, is accepted and resolved, and its end sets the agent Away.
func TestWorkByLines(t *testing.T) {
	g := NewWithT(t)
	d := startDemo(t, demo.Options{Files: threeTier(t)})
	in, typed := io.Pipe()
	defer typed.Close()
	ended := make(chan error, 1)
	var out string
	go func() {
		var err error
		out, _, err = runCLI(t, in, "work", "--as-agent", "ana")
		ended <- err
	}()
	_, err := d.Desk.OpenTicket(t.Context(), api.Call{}, api.OpenTicket{Content: ticket.Content{Subject: "Hello", Channel: "Phone"}})
	g.Expect(err).NotTo(HaveOccurred())
	status := func() ticket.Status {
		found, err := d.Desk.Ticket(t.Context(), api.Call{}, 1)
		g.Expect(err).NotTo(HaveOccurred())
		return found.Status
	}
	g.Eventually(status, 10*time.Second, 20*time.Millisecond).Should(Equal(ticket.Offered))
	fmt.Fprintln(typed, "resolve")
	fmt.Fprintln(typed, "accept 1")
	g.Eventually(status, 10*time.Second, 20*time.Millisecond).Should(Equal(ticket.Open))
	fmt.Fprintln(typed, "resolve 1 said hello")
	g.Eventually(status, 10*time.Second, 20*time.Millisecond).Should(Equal(ticket.Resolved))
	g.Expect(typed.Close()).To(Succeed())
	g.Expect(<-ended).To(Succeed())

	g.Expect(out).To(ContainSubstring("ana is Available"))
	g.Expect(out).To(ContainSubstring("refused: \"\" is no ticket id"))
	g.Expect(out).To(ContainSubstring("ticket 1: Open with ana"))
	agents, err := d.Desk.Agents(t.Context(), api.Call{})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(agents.Items).To(ContainElement(And(HaveField("Name", "ana"), HaveField("AgentState.Presence", BeEquivalentTo("Away")))))
}

func TestAbsence(t *testing.T) {
	g := NewWithT(t)
	startDemo(t, demo.Options{Files: threeTier(t)})
	run := func(args ...string) string {
		out, _, err := runCLI(t, nil, args...)
		g.Expect(err).NotTo(HaveOccurred(), strings.Join(args, " "))
		return strings.Join(strings.Fields(out), " ")
	}
	g.Expect(run("agent", "absence", "add", "jo", "--reason", "Sick", "--until", "20h")).To(MatchRegexp(`jo \d+ .* Sick`))
	added := run("agent", "absence", "list", "jo")
	g.Expect(added).To(MatchRegexp(`^AGENT ID FROM UNTIL REASON jo \d+ \w{3} [\d-]+ [\d:]+ \w{3} [\d-]+ [\d:]+ Sick$`))
	g.Expect(run("agent", "list")).To(ContainSubstring("off, Sick until"))
	g.Expect(run("top", "--once")).To(MatchRegexp(`ABSENT TEAM WHY BACK jo customer-care Sick \w*`))
	g.Expect(run("agent", "shift", "list", "jo")).NotTo(ContainSubstring("Sick"))
	_, _, err := runCLI(t, nil, "agent", "absence", "add", "jo", "--reason", "Sick", "--until", "tomorrow")
	g.Expect(err).To(MatchError(ContainSubstring("--until tomorrow: give a time")))
	_, _, err = runCLI(t, nil, "agent", "absence", "list", "joe")
	g.Expect(err).To(MatchError(ContainSubstring(`no agent "joe"`)))
	g.Expect(run("agent", "absence", "remove", "jo", strings.Fields(added)[6])).NotTo(ContainSubstring("Sick"))
	// What is declared stays.
	g.Expect(run("agent", "absence", "list")).To(MatchRegexp(`^AGENT ID FROM UNTIL REASON ana declared .* Leave$`))
}

func TestImportAndReplay(t *testing.T) {
	g := NewWithT(t)
	history := filepath.Join("..", "caselog", "testdata", "bakery.csv")
	dir := filepath.Join(t.TempDir(), "org")
	out, _, err := runCLI(t, nil, "import", "eventlog", history, "--out", dir, "--help-desk", "bakery", "--not-people", "Robot", "--speed-up", "20000")
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(out).To(ContainSubstring("5 tickets, 26 events"))
	g.Expect(out).To(ContainSubstring("6 Queues (line-1: 2, line-2: 2, line-3: 2), 6 Agents"))
	g.Expect(out).To(ContainSubstring("served by their whole tier, as no person worked them: old"))
	_, _, err = runCLI(t, nil, "lint", "--strict", dir)
	g.Expect(err).NotTo(HaveOccurred(), "what import makes is without problems")

	startDemo(t, demo.Options{Paths: []string{dir}})
	out, progress, err := runCLI(t, nil, "replay", history, "--not-people", "Robot", "--speed-up", "20000", "-o", "json")
	g.Expect(err).NotTo(HaveOccurred(), out)
	g.Expect(progress).To(ContainSubstring("5 tickets and 6 agents"))
	var report replay.Report
	g.Expect(json.Unmarshal([]byte(out), &report)).To(Succeed())
	g.Expect(report.Wrong).To(BeEmpty())
	g.Expect(report.Replay.HandOvers).To(Equal(3))

	// The same desk, but a history that went otherwise: the replay finds its tickets, and says what is wrong.
	raw, err := os.ReadFile(history)
	g.Expect(err).NotTo(HaveOccurred())
	other := filepath.Join(t.TempDir(), "other.csv")
	g.Expect(os.WriteFile(other, []byte(strings.Replace(string(raw), "tart-5,Completed,Closed", "tart-5,Completed,Cancelled", 1)), 0o600)).To(Succeed())
	out, _, err = runCLI(t, nil, "replay", other, "--not-people", "Robot", "--speed-up", "20000", "--quiet")
	g.Expect(err).To(MatchError(exitError{1}))
	g.Expect(out).To(ContainSubstring("case tart-5: ticket 5 is Closed by its log, and the history ended Cancelled"))
}

// TestSimulate plays a history in its own time, and shows what became of a ticket that nobody took where it came.
func TestSimulate(t *testing.T) {
	g := NewWithT(t)
	history := filepath.Join("..", "simulation", "testdata", "counter.csv")
	dir, data := filepath.Join(t.TempDir(), "org"), t.TempDir()
	_, _, err := runCLI(t, nil, "import", "eventlog", history, "--out", dir, "--escalate-after", "2h")
	g.Expect(err).NotTo(HaveOccurred())
	_, _, err = runCLI(t, nil, "lint", "--strict", dir)
	g.Expect(err).NotTo(HaveOccurred(), "what import makes is without problems")
	out, progress, err := runCLI(t, nil, "simulate", history, dir, "--escalate-after", "2h", "--data", data)
	g.Expect(err).NotTo(HaveOccurred(), out)
	g.Expect(progress).To(ContainSubstring("4 tickets and 3 agents; 27h of history from 2024-05-06"))
	g.Expect(out).To(ContainSubstring("By time: 2 tickets that nobody had taken were handed to the next line, the latest 0s after it was due."))
	g.Expect(out).To(ContainSubstring("Verified: each of 4 cases"))

	out, _, err = runCLI(t, nil, "simulate", history, dir, "--escalate-after", "0", "-q")
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(out).To(ContainSubstring("By time: 2 tickets"), "what the manifests say happens, and is seen, whatever the history would make of them")

	_, _, err = runCLI(t, nil, "simulate", history, dir, "--escalate-after", "2h", "--data", data)
	g.Expect(err).To(MatchError(ContainSubstring("begins with an empty folder")))

	again := filepath.Join(t.TempDir(), "again")
	for _, after := range []string{"2h", "0"} {
		_, _, err = runCLI(t, nil, "import", "eventlog", history, "--out", again, "--escalate-after", after)
		g.Expect(err).NotTo(HaveOccurred())
	}
	g.Expect(filepath.Join(again, "escalation.yaml")).NotTo(BeAnExistingFile(), "an import leaves nothing of the one before it")

	startDemo(t, demo.Options{Paths: []string{dir}, Data: data})
	out, _, err = runCLI(t, nil, "ticket", "show", "3")
	g.Expect(err).NotTo(HaveOccurred())
	for _, want := range []string{
		"first response is due at 2024-05-07 07:00:00", // when Stockholm begins to work, at 08:00 plus the hour of the target
		"escalation started, by desk: without an agent for ", "a timer that was due at 22:00:00", "transferred to queue line-2, by desk",
		"2024-05-07 02:30:00  offered to agent ravi", // who begins to work
		"first response in time",
	} {
		g.Expect(out).To(ContainSubstring(want))
	}
	_, _, err = runCLI(t, nil, "replay", history, "--escalate-after", "2h")
	g.Expect(err).To(MatchError(And(ContainSubstring("whose hours do not pass 20000 times as fast"), ContainSubstring("caseload simulate"))))
}

func TestReplayNeedsTheHistorysOrganisation(t *testing.T) {
	startDemo(t, demo.Options{Files: threeTier(t)})
	_, _, err := runCLI(t, nil, "replay", filepath.Join("..", "caselog", "testdata", "bakery.csv"), "--not-people", "Robot")
	NewWithT(t).Expect(err).To(MatchError(And(ContainSubstring("the desk has no agent"), ContainSubstring("caseload import eventlog"))))
}
