package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/mail"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/emersion/go-smtp"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"

	"github.com/caseload-dev/caseload/api/v1alpha1"
	"github.com/caseload-dev/caseload/internal/desk/api"
	"github.com/caseload-dev/caseload/internal/eventlog"
	"github.com/caseload-dev/caseload/internal/ticket"
	"github.com/caseload-dev/caseload/test/checker"
)

// escalations at once, and how many steps each has.
const (
	escalations     = 2000
	escalationSteps = 4
	// Their tickets are opened some at a time, so that steps fall due one after the other; all of them are escalated before
	// the first has had its last step.
	openedAtOnce = 50
	openingTime  = 20 * time.Second
	// deskAway is how long there is no desk, besides when it is killed.
	deskAway = 20 * time.Second
)

var _ = Describe("Escalations", Ordered, Label("escalation"), func() {
	var t tenant
	var inbox *receivers
	// gone are instants at which the desk had ended and was not back.
	var gone []time.Time

	BeforeAll(func(ctx SpecContext) {
		if !onThisMachine() {
			Skip("the pods of another cluster do not reach the chat and mail servers of this test")
		}
		t, inbox = newTenant(ctx), receive(ctx)
		t.must("create", "secret", "generic", "notifiers", "--from-literal=chat="+inbox.chatURL(), "--from-literal=mail="+inbox.mailURL())
		t.must("apply", "-f", "testdata/escalation.yaml")
		t.ready()
	})

	It("take place while workers and the desk are killed", func(ctx SpecContext) {
		door := t.openDoor(ctx)
		token := strings.TrimSpace(t.must("create", "token", "acme-cli", "--audience=caseload"))
		f, began := newFaults(ctx, t), time.Now()
		for i := 0; i < escalations; i += openedAtOnce {
			Expect(f.sleep(time.Until(began.Add(openingTime * time.Duration(i) / escalations)))).To(Succeed())
			door.open(ctx, token, i, openedAtOnce)
		}
		for _, end := range []func(){
			f.killWorker,
			func() { gone = append(gone, f.killDesk()) },
			f.killWorker,
			func() { gone = append(gone, f.killDesk()) },
			func() { gone = append(gone, f.sendDeskAway()) },
		} {
			end()
			Expect(f.sleep(8 * time.Second)).To(Succeed())
		}
		Eventually(func(g Gomega) {
			waiting, err := t.tickets("Waiting")
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(waiting.Items).NotTo(BeEmpty())
			g.Expect(count(t.records(g), eventlog.Escalated)).To(Equal(escalations * escalationSteps))
		}, 2*patience, "5s").Should(Succeed())
	}, SpecTimeout(6*time.Minute))

	It("are on record each step once, in order, none early", func() {
		proof := checker.Check(t.log(Default), time.Now().Add(-10*time.Second))
		Expect(proof.Violations).To(BeEmpty())
		AddReportEntry("proof", proof.String())
		Expect(proof.Timers["Escalation"]).To(Equal(escalations * escalationSteps))
		Expect(underWay(t.records(Default))).To(Equal(escalations))
	})

	It("are caught up with soon after an outage of the desk", func() {
		late := checker.MeasureLateness(t.log(Default), gone...)
		AddReportEntry("lateness", late.String())
		Expect(late.Outages).To(HaveLen(len(gone)))
		Expect(late.Down).NotTo(BeEmpty())
		for _, o := range late.Outages {
			Expect(o.Clearing()).To(BeNumerically("<=", 2*o.Length()), o.String())
		}
	})

	It("reach a chat and a mail server, a message tried again under the same key", func() {
		for _, destination := range []string{"chat", "mail"} {
			Eventually(func(g Gomega) {
				// What was put into a digest arrived with it.
				arrived := inbox.keys(destination)
				enqueued, into := messages(t.records(g), destination)
				g.Expect(len(enqueued)).To(BeNumerically(">=", escalations))
				for _, key := range enqueued {
					for into[key] != "" {
						key = into[key]
					}
					g.Expect(arrived).To(HaveKey(key))
				}
			}, 2*patience, "5s").Should(Succeed())
		}
		AddReportEntry("received", fmt.Sprintf("%d chat messages, %d mails", len(inbox.keys("chat")), len(inbox.keys("mail"))))
	})
})

// open a batch of tickets, by references of their own so that a repetition opens none.
func (d door) open(ctx context.Context, token string, first, n int) {
	GinkgoHelper()
	var batch api.OpenTickets
	for i := range n {
		var one api.OpenTicket
		one.Subject, one.Channel = fmt.Sprintf("Ticket %d that nobody takes", first+i), "Email"
		one.Reference = &ticket.Reference{Source: "e2e", Key: fmt.Sprint(first + i)}
		batch.Tickets = append(batch.Tickets, one)
	}
	body, err := json.Marshal(batch)
	Expect(err).NotTo(HaveOccurred())
	Eventually(func(g Gomega) {
		request, err := http.NewRequestWithContext(ctx, http.MethodPost, d.address+"/v1/tickets/batch", bytes.NewReader(body))
		g.Expect(err).NotTo(HaveOccurred())
		request.Header.Set("Authorization", "Bearer "+token)
		request.Header.Set("Content-Type", "application/json")
		response, err := d.client.Do(request)
		g.Expect(err).NotTo(HaveOccurred())
		defer response.Body.Close()
		said, _ := io.ReadAll(response.Body)
		g.Expect(response.StatusCode).To(Equal(http.StatusOK), string(said))
	}).Should(Succeed())
}

func count(records []eventlog.Record, of eventlog.Type) int {
	n := 0
	for _, r := range records {
		if r.Type == of {
			n++
		}
	}
	return n
}

// underWay is how many escalations were that at the same time, at most.
func underWay(records []eventlog.Record) (most int) {
	now := 0
	for _, r := range records {
		var data eventlog.EscalationData
		switch {
		case r.Type == eventlog.EscalationStarted:
			now++
		case r.Type == eventlog.Escalated && json.Unmarshal(r.Data, &data) == nil && data.Step == escalationSteps-1:
			now--
		}
		most = max(most, now)
	}
	return most
}

func (f *faults) killWorker() {
	GinkgoHelper()
	Eventually(func() error { return f.killOne("queue-worker") }, patience, "1s").Should(Succeed())
}

// killDesk returns when it is gone.
func (f *faults) killDesk() time.Time {
	GinkgoHelper()
	const pod = "acme-desk-0"
	var pid int
	Eventually(func() (err error) {
		pid, err = f.process(pod)
		return err
	}).Should(Succeed())
	Expect(f.kill(pod)).To(Succeed())
	Eventually(func() error { return syscall.Kill(pid, 0) }, patience, "1ms").Should(MatchError(syscall.ESRCH))
	return time.Now()
}

// sendDeskAway for a while, and returns an instant of that.
func (f *faults) sendDeskAway() time.Time {
	GinkgoHelper()
	Eventually(f.readyPods(f.ctx, "acme-desk")).Should(HaveLen(1))
	f.must("annotate", "helpdesk/acme", v1alpha1.PausedAnnotation+"=true")
	f.must("scale", "statefulset/acme-desk", "--replicas=0")
	f.must("wait", "--for=delete", "pod/acme-desk-0", "--timeout="+patience.String())
	gone := time.Now()
	Expect(f.sleep(deskAway)).To(Succeed())
	// The manager sees to it that there is one.
	f.must("annotate", "helpdesk/acme", v1alpha1.PausedAnnotation+"-")
	return gone
}

// messages that were enqueued for a destination, by key, and the digests that some went into.
func messages(records []eventlog.Record, destination string) (enqueued []string, into map[string]string) {
	into = map[string]string{}
	for _, r := range records {
		var data eventlog.OutboxData
		if !strings.HasPrefix(string(r.Type), "outbox.") || json.Unmarshal(r.Data, &data) != nil || data.Destination != destination {
			continue
		}
		switch r.Type {
		case eventlog.OutboxEnqueued:
			enqueued = append(enqueued, data.Key)
		case eventlog.OutboxDigested:
			into[data.Key] = data.Into
		}
	}
	return enqueued, into
}

// receivers are a chat service and a mail server on this machine, which keep the keys of what arrives.
type receivers struct {
	host       string
	chat, smtp net.Listener

	mu   sync.Mutex
	seen map[string]map[string]int
}

func receive(ctx context.Context) *receivers {
	GinkgoHelper()
	var nodes corev1.NodeList
	Expect(k8s.List(ctx, &nodes)).To(Succeed())
	r := &receivers{seen: map[string]map[string]int{"chat": {}, "mail": {}}}
	for _, address := range nodes.Items[0].Status.Addresses {
		if address.Type == corev1.NodeInternalIP {
			r.host = address.Address
		}
	}
	listen := func() net.Listener {
		listener, err := net.Listen("tcp", net.JoinHostPort(r.host, "0"))
		Expect(err).NotTo(HaveOccurred())
		return listener
	}
	r.chat, r.smtp = listen(), listen()
	web := &httptest.Server{Listener: r.chat, Config: &http.Server{Handler: http.HandlerFunc(func(_ http.ResponseWriter, q *http.Request) {
		r.arrived("chat", q.Header.Get("Idempotency-Key"))
	})}}
	web.Start()
	server := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return &session{r}, nil }))
	server.Domain, server.AllowInsecureAuth = "localhost", true
	go func() { _ = server.Serve(r.smtp) }()
	DeferCleanup(func() {
		web.Close()
		Expect(server.Close()).To(Succeed())
	})
	return r
}

func (r *receivers) chatURL() string { return "generic+http://" + r.chat.Addr().String() }
func (r *receivers) mailURL() string { return "smtp://" + r.smtp.Addr().String() }

func (r *receivers) arrived(destination, key string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.seen[destination][key]++
}

func (r *receivers) keys(destination string) map[string]int {
	r.mu.Lock()
	defer r.mu.Unlock()
	keys := map[string]int{}
	for key, n := range r.seen[destination] {
		keys[key] = n
	}
	return keys
}

// session of the mail server.
type session struct{ r *receivers }

func (s *session) Mail(string, *smtp.MailOptions) error { return nil }
func (s *session) Rcpt(string, *smtp.RcptOptions) error { return nil }
func (s *session) Reset()                               {}
func (s *session) Logout() error                        { return nil }

func (s *session) Data(body io.Reader) error {
	message, err := mail.ReadMessage(body)
	if err != nil {
		return err
	}
	key, _, _ := strings.Cut(strings.Trim(message.Header.Get("Message-ID"), "<>"), "@")
	s.r.arrived("mail", key)
	return nil
}
