package cli

import (
	"bytes"
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/caseload-dev/caseload/api/v1alpha1"
	"github.com/caseload-dev/caseload/internal/certificate"
	"github.com/caseload-dev/caseload/internal/desk/api"
	"github.com/caseload-dev/caseload/internal/desk/client"
	"github.com/caseload-dev/caseload/internal/plan"
	"github.com/caseload-dev/caseload/internal/ticket"
)

// TestDesk runs the whole desk over TLS: intake, its certificate replaced while calls go on, a stop that loses nothing,
// a backup and what is restored from it.
func TestDesk(t *testing.T) {
	dir := t.TempDir()
	tokens := filepath.Join(dir, "tokens.yaml")
	write(t, tokens, `{tokens: [{token: top, user: root, allow: ["*"]}, {token: jo, user: jo@example.com, allow: ["tickets:update", "agents:update"]}]}`)
	bundle := filepath.Join(dir, "ca.crt")
	certificates := filepath.Join(dir, "tls")
	first := mountCertificate(t, certificates, "1")
	write(t, bundle, string(first.Bundle()))

	o := deskOptions{
		helpDesk: "acme", data: filepath.Join(dir, "data"), tlsDir: certificates, localTokens: tokens,
		listen: freeAddress(t), probeListen: freeAddress(t), logFormat: "text", logLevel: "error",
	}
	stop := startDesk(t, o)
	desk := dialDesk(t, o.listen, "top", bundle)
	pushOrganisation(t, desk)

	call := api.Call{Key: "once"}
	body := api.OpenTicket{Content: ticket.Content{Subject: "Printer on fire", Channel: "Phone"}}
	opened, err := desk.OpenTicket(t.Context(), call, body)
	if err != nil {
		t.Fatal(err)
	}
	if opened.Ticket.Queue != "general" || opened.Ticket.Priority != ticket.Normal {
		t.Errorf("opened %+v", opened.Ticket)
	}
	again, err := desk.OpenTicket(t.Context(), call, body)
	if err != nil || again.Ticket.ID != opened.Ticket.ID {
		t.Errorf("the repetition opened %+v, %v", again, err)
	}
	body.Subject = "Something else"
	if _, err := desk.OpenTicket(t.Context(), call, body); problemOf(err) != api.ProblemKeyReused {
		t.Errorf("the same key for another ticket: %v", err)
	}
	jo := dialDesk(t, o.listen, "jo", bundle)
	if agent, err := jo.SetPresence(t.Context(), api.Call{}, "jo", api.SetPresence{Presence: "Available"}); err != nil || agent.Presence != "Available" {
		t.Errorf("Jo is jo: %+v, %v", agent, err)
	}
	if _, err := jo.SetPresence(t.Context(), api.Call{}, "sam", api.SetPresence{Presence: "Away"}); problemOf(err) != api.ProblemForbidden {
		t.Errorf("Jo is not sam: %v", err)
	}

	// The next authority is announced beside the one in use; then the desk's certificate is of the next.
	second := mountCertificate(t, certificates, "2")
	write(t, bundle, string(first.Bundle())+string(second.Bundle()))
	trustsNext := filepath.Join(dir, "next.crt")
	write(t, trustsNext, string(second.Bundle()))
	eventually(t, "the new certificate", func() bool {
		if _, err := desk.Ticket(t.Context(), api.Call{}, opened.Ticket.ID); err != nil {
			t.Fatalf("a call during the rotation: %v", err)
		}
		_, err := dialDesk(t, o.listen, "top", trustsNext).Ticket(t.Context(), api.Call{}, opened.Ticket.ID)
		return err == nil
	})

	backup := filepath.Join(dir, "acme.db")
	var progress bytes.Buffer
	if err := backUpTo(t.Context(), desk, backup, &progress); err != nil || !strings.Contains(progress.String(), "KiB") {
		t.Fatalf("backup: %v, %s", err, &progress)
	}
	if err := backUpTo(t.Context(), desk, backup, &progress); err == nil {
		t.Error("a backup was overwritten")
	}
	if err := restore(t.Context(), backup, o.data, true, nil, &progress); err == nil || !strings.Contains(err.Error(), "stop it first") {
		t.Errorf("restore under a running desk: %v", err)
	}
	later, err := desk.OpenTicket(t.Context(), api.Call{}, body)
	if err != nil {
		t.Fatal(err)
	}
	stop()

	if err := restore(t.Context(), backup, o.data, false, nil, &progress); err == nil || !strings.Contains(err.Error(), "--force") {
		t.Errorf("restore over a store: %v", err)
	}
	damaged := filepath.Join(dir, "damaged.db")
	data, err := os.ReadFile(backup)
	if err != nil {
		t.Fatal(err)
	}
	write(t, damaged, string(data[:len(data)/2]))
	if err := restore(t.Context(), damaged, o.data, true, nil, &progress); err == nil {
		t.Error("half a backup was restored")
	}
	if err := restore(t.Context(), "-", o.data, true, bytes.NewReader(data), &progress); err != nil {
		t.Fatal(err)
	}
	stop = startDesk(t, o)
	defer stop()
	if got, err := desk.Ticket(t.Context(), api.Call{}, opened.Ticket.ID); err != nil || got.Subject != "Printer on fire" {
		t.Errorf("the ticket of the backup: %+v, %v", got, err)
	}
	if _, err := desk.Ticket(t.Context(), api.Call{}, later.Ticket.ID); problemOf(err) != api.ProblemNotFound {
		t.Errorf("the ticket after the backup: %v", err)
	}
}

func TestDeskRefusesToBeUnsafe(t *testing.T) {
	for want, o := range map[string]deskOptions{
		"--namespace": {helpDesk: "acme", tlsDir: "x", listen: ":8443"},
		"--tls-dir":   {helpDesk: "acme", namespace: "support", listen: ":8443"},
		"loopback":    {helpDesk: "acme", localTokens: "x", listen: ":8443"},
	} {
		if err := o.check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %q", o, err, want)
		}
	}
}

// mountCertificate puts a new authority's certificate into the folder as the kubelet does: a link to it changes.
func mountCertificate(t *testing.T, folder, version string) certificate.State {
	t.Helper()
	state, _, err := certificate.Advance(certificate.State{}, certificate.Policy{Name: "acme", Hosts: []string{"localhost"}}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(folder, version, "tls.crt"), string(state.Serving.Certificate))
	write(t, filepath.Join(folder, version, "tls.key"), string(state.Serving.Key))
	if err := os.Symlink(version, filepath.Join(folder, "..next")); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(folder, "..next"), filepath.Join(folder, "..data")); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"tls.crt", "tls.key"} {
		if err := os.Symlink(filepath.Join("..data", name), filepath.Join(folder, name)); err != nil && !os.IsExist(err) {
			t.Fatal(err)
		}
	}
	return state
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	return listener.Addr().String()
}

// startDesk runs the desk until it is ready; the function returned stops it as SIGTERM does.
func startDesk(t *testing.T, o deskOptions) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- runDesk(ctx, o) }()
	eventually(t, "the desk", func() bool {
		select {
		case err := <-ended:
			t.Fatalf("the desk ended: %v", err)
		default:
		}
		res, err := http.Get("http://" + o.probeListen + "/readyz")
		if err != nil {
			return false
		}
		_ = res.Body.Close()
		return res.StatusCode == http.StatusOK
	})
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("the desk ended: %v", err)
		}
	}
	t.Cleanup(stop)
	return stop
}

func dialDesk(t *testing.T, address, token, bundle string) *client.Client {
	t.Helper()
	c, err := client.New(client.Options{URL: "https://" + address, ServerName: "localhost", CAFile: bundle, Token: token, RetryFor: -1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.CloseIdleConnections)
	return c
}

// pushOrganisation makes one team with a tier, the queue general and the agents jo, who is jo@example.com, and sam.
func pushOrganisation(t *testing.T, desk api.Service) {
	t.Helper()
	helpDesk := &v1alpha1.HelpDesk{ObjectMeta: metav1.ObjectMeta{Name: "acme"}}
	helpDesk.Spec.DefaultTeamRef.Name = "support"
	team := &v1alpha1.SupportTeam{ObjectMeta: metav1.ObjectMeta{Name: "support"}}
	team.Spec.HelpDeskRef.Name, team.Spec.DefaultQueueRef = "acme", &v1alpha1.QueueReference{Name: "general"}
	tier := &v1alpha1.Tier{ObjectMeta: metav1.ObjectMeta{Name: "front"}}
	tier.Spec.TeamRef.Name, tier.Spec.Level, tier.Spec.AgentSelector = "support", 1, &metav1.LabelSelector{}
	queue := &v1alpha1.Queue{ObjectMeta: metav1.ObjectMeta{Name: "general"}}
	queue.Spec.TierRef.Name = "front"
	objects := []metav1.Object{helpDesk, team, tier, queue}
	for name, subject := range map[string]*v1alpha1.Subject{"jo": {Kind: v1alpha1.SubjectUser, Name: "jo@example.com"}, "sam": nil} {
		agent := &v1alpha1.Agent{ObjectMeta: metav1.ObjectMeta{Name: name}}
		agent.Spec.TeamRef.Name, agent.Spec.Subject = "support", subject
		objects = append(objects, agent)
	}
	entries := make([]plan.Entry, len(objects))
	for i, object := range objects {
		var err error
		if entries[i], err = plan.NewEntry(object); err != nil {
			t.Fatal(err)
		}
	}
	pushed, err := desk.PushPlan(t.Context(), api.Call{}, "*", api.PushPlan{Manifest: plan.NewManifest("acme", entries), Entries: entries})
	if err != nil || pushed.Revision != 1 {
		t.Fatalf("push: %+v, %v", pushed, err)
	}
}

func problemOf(err error) string {
	if problem := (*api.Problem)(nil); errors.As(err, &problem) {
		return problem.Type
	}
	return ""
}

func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !is(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s did not come", what)
		}
	}
}
