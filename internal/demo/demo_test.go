package demo_test

import (
	"context"
	"errors"
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
	"github.com/caseload-dev/caseload/internal/ticket"
)

func sample(t *testing.T, name string) fs.FS {
	t.Helper()
	files, err := fs.Sub(samples.FS, name)
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// start runs a demo until the test ends.
func start(t *testing.T, o demo.Options) *demo.Demo {
	t.Helper()
	o.Listen = "127.0.0.1:0"
	if o.Data == "" {
		o.Data = t.TempDir()
	}
	d, err := demo.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- d.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil && !errors.Is(err, context.Canceled) {
			t.Errorf("the demo ended with %v", err)
		}
	})
	return d
}

func TestTicketsMoveFromIntakeToClosedByThemselves(t *testing.T) {
	g := NewWithT(t)
	d := start(t, demo.Options{Files: sample(t, "three-tier")})
	load := demo.NewLoad(demo.LoadOptions{Desk: d.Desk, Rate: 1200, Think: 100 * time.Millisecond, MaxLive: 100})
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- load.Run(ctx) }()

	closed := func() []ticket.Ticket {
		list, err := d.Desk.Tickets(t.Context(), api.Call{}, api.TicketQuery{Status: []ticket.Status{ticket.Closed}})
		g.Expect(err).NotTo(HaveOccurred())
		return list.Items
	}
	g.Eventually(func() int { return len(closed()) }, 30*time.Second, 100*time.Millisecond).Should(BeNumerically(">=", 20))
	stop()
	g.Expect(<-ended).To(Succeed())

	// A closed ticket went the whole way, and its history says why.
	h, err := d.Desk.History(t.Context(), api.Call{}, closed()[0].ID)
	g.Expect(err).NotTo(HaveOccurred())
	var types []string
	for _, r := range h.Records {
		types = append(types, string(r.Type))
	}
	g.Expect(types).To(ContainElements("ticket.opened", "ticket.resolved", "ticket.closed"))
	g.Expect(types).To(ContainElement(BeElementOf("ticket.accepted", "ticket.assigned")))
}

func TestAnEditTakesEffectAndATypoDoesNot(t *testing.T) {
	g := NewWithT(t)
	dir := t.TempDir()
	g.Expect(os.CopyFS(dir, sample(t, "flat"))).To(Succeed())
	readings := make(chan []manifest.Problem, 10)
	d := start(t, demo.Options{Paths: []string{dir}, Changed: func(problems []manifest.Problem, _ int64) { readings <- problems }})
	g.Expect(<-readings).To(BeEmpty())

	file := filepath.Join(dir, "support.yaml")
	before, err := os.ReadFile(file)
	g.Expect(err).NotTo(HaveOccurred())
	write := func(from, to string) []manifest.Problem {
		g.Expect(os.WriteFile(file, []byte(strings.Replace(string(before), from, to, 1)), 0o600)).To(Succeed())
		var problems []manifest.Problem
		g.Eventually(readings, 10*time.Second).Should(Receive(&problems))
		return problems
	}
	queues := func() (names []string) {
		overview, err := d.Desk.Overview(t.Context(), api.Call{})
		g.Expect(err).NotTo(HaveOccurred())
		for _, q := range overview.Queues {
			names = append(names, q.Name)
		}
		return names
	}
	g.Expect(queues()).To(ConsistOf("inbox", "unrouted"))

	problems := write("spec: {tierRef: {name: everyone}}", "spec: {tierRef: {name: evryone}}")
	g.Expect(problems).To(ContainElement(HaveField("Message", ContainSubstring("evryone"))))
	g.Expect(queues()).To(ConsistOf("inbox", "unrouted"), "a typo must not take the queue away")

	problems = write("metadata: {name: inbox}\nspec: {tierRef: {name: everyone}}",
		"metadata: {name: inbox}\nspec: {tierRef: {name: everyone}}\n---\napiVersion: support.caseload.dev/v1alpha1\nkind: Queue\nmetadata: {name: returns}\nspec: {tierRef: {name: everyone}}")
	g.Expect(problems).To(BeEmpty())
	g.Expect(queues()).To(ConsistOf("inbox", "returns", "unrouted"))
}

func TestTheStoreOutlivesTheProcess(t *testing.T) {
	g := NewWithT(t)
	data := t.TempDir()
	run := func(fn func(d *demo.Demo)) {
		d, err := demo.Start(t.Context(), demo.Options{Files: sample(t, "flat"), Data: data, Listen: "127.0.0.1:0"})
		g.Expect(err).NotTo(HaveOccurred())
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- d.Run(ctx) }()
		fn(d)
		stop()
		g.Expect(<-ended).To(Succeed())
	}
	run(func(d *demo.Demo) {
		_, err := d.Desk.OpenTicket(t.Context(), api.Call{}, api.OpenTicket{Content: ticket.Content{Subject: "Hello", Channel: "Email"}})
		g.Expect(err).NotTo(HaveOccurred())
	})
	run(func(d *demo.Demo) {
		found, err := d.Desk.Ticket(t.Context(), api.Call{}, 1)
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(found.Subject).To(Equal("Hello"))
	})
}

func TestTheDemoServesOnTheLoopbackInterfaceOnly(t *testing.T) {
	_, err := demo.Start(t.Context(), demo.Options{Files: sample(t, "flat"), Data: t.TempDir(), Listen: "0.0.0.0:0"})
	NewWithT(t).Expect(err).To(MatchError(ContainSubstring("loopback")))
}
