package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/caseload-dev/caseload/api/v1alpha1"
	"github.com/caseload-dev/caseload/controllers"
	"github.com/caseload-dev/caseload/internal/eventlog"
)

// takeOver is how long offers may stop when a queue worker is killed.
const takeOver = 5 * time.Second

// kill ends the process of a container at once, as kill -9 does; the kubelet starts it again. Where the node is another
// machine the pod is forced away instead.
func (t tenant) kill(pod string) error {
	if !onThisMachine() {
		return t.forceAway(pod)
	}
	pid, err := t.process(pod)
	if err != nil {
		return err
	}
	return syscall.Kill(pid, syscall.SIGKILL)
}

// destroy a pod: its process ends without another instruction, and nobody starts it again.
func (t tenant) destroy(pod string) error {
	if !onThisMachine() {
		return t.forceAway(pod)
	}
	pid, err := t.process(pod)
	if err != nil {
		return err
	}
	// Stopped, it does not see the signal by which the kubelet ends a pod.
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		return err
	}
	if err := t.forceAway(pod); err != nil {
		return err
	}
	return syscall.Kill(pid, syscall.SIGKILL)
}

func (t tenant) forceAway(pod string) error {
	_, err := t.kubectl("delete", "pod", pod, "--grace-period=0", "--force")
	return err
}

// onThisMachine says whether the node's processes are in reach.
func onThisMachine() bool { return os.Getenv("CASELOAD_CLUSTER") != "" }

// process of a pod, which is known by an argument: a queue worker has the pod's name, a desk the namespace.
func (t tenant) process(pod string) (pid int, err error) {
	commands, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		return 0, err
	}
	for _, file := range commands {
		line, err := os.ReadFile(file)
		if err != nil {
			continue // it has ended
		}
		args := strings.Split(string(bytes.TrimRight(line, "\x00")), "\x00")
		worker := slices.Contains(args, "worker") && slices.Contains(args, "--name="+pod)
		desk := slices.Contains(args, "desk") && slices.Contains(args, "--namespace="+t.namespace) && strings.HasSuffix(pod, "-desk-0")
		if worker || desk {
			return strconv.Atoi(filepath.Base(filepath.Dir(file)))
		}
	}
	return 0, fmt.Errorf("no process of pod %s runs on this machine", pod)
}

// faults happen to a tenant, one after the other at random moments.
type faults struct {
	tenant
	ctx    context.Context
	random *rand.Rand
	// done counts the faults of each kind that came about.
	done map[string]int
	// acknowledged are the references of tickets that were opened in between, with nobody to accept them.
	acknowledged []string
}

func newFaults(ctx context.Context, t tenant) *faults {
	seed := uint64(GinkgoRandomSeed())
	GinkgoWriter.Printf("faults of seed %d: repeat them with -ginkgo.seed=%d\n", seed, seed)
	return &faults{tenant: t, ctx: ctx, random: rand.New(rand.NewPCG(seed, seed)), done: map[string]int{}}
}

// deck is how often each fault happens.
var deck = map[string]int{
	"force a worker's pod away": 3, "kill a worker": 3, "force the desk's pod away": 2, "kill the desk": 2, "force the manager's pod away": 2,
}

// spread the deck, shuffled, over the time. A fault that cannot happen yet, as the one before is not healed, is tried again.
func (f *faults) spread(over time.Duration) error {
	var order []string
	for _, kind := range slices.Sorted(maps.Keys(deck)) {
		order = append(order, slices.Repeat([]string{kind}, deck[kind])...)
	}
	f.random.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
	each := over / time.Duration(len(order))
	for i, kind := range order {
		began := time.Now()
		if err := f.sleep(time.Duration(f.random.Int64N(int64(each)))); err != nil {
			return err
		}
		err := f.fault(kind)
		for giveUp := time.Now().Add(patience); err != nil; err = f.fault(kind) {
			if time.Now().After(giveUp) {
				return fmt.Errorf("%s: %w", kind, err)
			}
			if stopped := f.sleep(time.Second); stopped != nil {
				return stopped
			}
		}
		f.done[kind]++
		GinkgoWriter.Printf("%s %s\n", time.Now().Format(time.TimeOnly), kind)
		if err := f.open(i); err != nil {
			return err
		}
		if err := f.sleep(time.Until(began.Add(each))); err != nil {
			return err
		}
	}
	return nil
}

func (f *faults) sleep(d time.Duration) error {
	select {
	case <-f.ctx.Done():
		return f.ctx.Err()
	case <-time.After(max(0, d)):
		return nil
	}
}

func (f *faults) fault(kind string) error {
	switch kind {
	case "force a worker's pod away":
		return f.force(f.tenant, "queue-worker")
	case "kill a worker":
		return f.killOne("queue-worker")
	case "force the desk's pod away":
		return f.force(f.tenant, "desk")
	case "kill the desk":
		return f.killOne("desk")
	case "force the manager's pod away":
		return f.force(tenant{manager}, "manager")
	}
	return fmt.Errorf("no fault is called %q", kind)
}

// pod is a random running one of a component.
func (f *faults) pod(t tenant, component string) (string, error) {
	var list corev1.PodList
	err := k8s.List(f.ctx, &list, client.InNamespace(t.namespace), client.MatchingLabels{"app.kubernetes.io/component": component})
	if err != nil {
		return "", err
	}
	var names []string
	for _, pod := range list.Items {
		if pod.Status.Phase == corev1.PodRunning && pod.DeletionTimestamp == nil {
			names = append(names, pod.Name)
		}
	}
	if len(names) == 0 {
		return "", fmt.Errorf("no pod of the %s runs", component)
	}
	slices.Sort(names)
	return names[f.random.IntN(len(names))], nil
}

func (f *faults) force(t tenant, component string) error {
	pod, err := f.pod(t, component)
	if err != nil {
		return err
	}
	return t.forceAway(pod)
}

func (f *faults) killOne(component string) error {
	pod, err := f.pod(f.tenant, component)
	if err != nil {
		return err
	}
	return f.kill(pod)
}

// open a ticket whose offers nobody accepts, so that timers come due among the faults.
func (f *faults) open(i int) error {
	reference := fmt.Sprintf("faults/%d", i+1)
	for giveUp := time.Now().Add(patience); ; {
		_, err := f.caseload("ticket", "open", "--subject", "Nobody takes this", "--reference", reference)
		if err == nil {
			f.acknowledged = append(f.acknowledged, reference)
			return nil
		}
		if time.Now().After(giveUp) {
			return err
		}
		if err := f.sleep(time.Second); err != nil {
			return err
		}
	}
}

// rotate replaces the desk's authority and certificate, to the end of the overlap.
func (f *faults) rotate(demand string) error {
	before, err := f.certificates()
	if err != nil {
		return err
	}
	if _, err := f.kubectl("annotate", "helpdesk/"+historyDesk, "--overwrite", v1alpha1.RotateCertificateAnnotation+"="+demand); err != nil {
		return err
	}
	for giveUp := time.Now().Add(2 * patience); time.Now().Before(giveUp); {
		// The kubelet brings what changed within two minutes, or when an annotation of the pod changes. The overlap of these
		// tests is shorter than two minutes. A pod that is gone meanwhile needs no look.
		_, _ = f.kubectl("annotate", "pods", "--all", "--overwrite", "e2e/look="+strconv.FormatInt(time.Now().UnixNano(), 10))
		if err := f.sleep(5 * time.Second); err != nil {
			return err
		}
		now, err := f.certificates()
		if err != nil {
			return err
		}
		if now.serving != before.serving && strings.Count(now.bundle, "BEGIN CERTIFICATE") == 1 {
			GinkgoWriter.Printf("%s rotated the certificate\n", time.Now().Format(time.TimeOnly))
			return nil
		}
	}
	return fmt.Errorf("the %s rotation of the certificate has not come to its end: is the manager's certificateOverlap longer than a minute?", demand)
}

type certificates struct{ serving, bundle string }

func (f *faults) certificates() (c certificates, err error) {
	var secret corev1.Secret
	if err := k8s.Get(f.ctx, client.ObjectKey{Namespace: f.namespace, Name: controllers.DeskTLSName(historyDesk)}, &secret); err != nil {
		return c, err
	}
	return certificates{string(secret.Data[corev1.TLSCertKey]), string(secret.Data["ca.crt"])}, nil
}

var _ = Describe("A queue worker that is killed", Label("faults"), func() {
	It("is missed for 5 seconds at most", func(ctx SpecContext) {
		t := newTenant(ctx)
		t.sample("flat")
		t.must("scale", "tier/everyone", "--replicas=2")
		Eventually(t.readyPods(ctx, "everyone-worker")).Should(HaveLen(2))
		for _, agent := range []string{"ada", "ben", "cem"} {
			t.desk("agent", "presence", agent, "Available")
		}

		By("having a ticket offered, by the worker that holds the pool")
		open := []string{"ticket", "open", "--subject", "Wrong change", "--channel", "Email"}
		t.desk(open...)
		var holder eventlog.LeaseData
		Eventually(func(g Gomega) {
			records := t.records(g)
			g.Expect(offersSince(records, time.Time{})).NotTo(BeEmpty())
			for _, r := range records {
				if r.Type == eventlog.LeaseAcquired {
					g.Expect(json.Unmarshal(r.Data, &holder)).To(Succeed())
				}
			}
		}).Should(Succeed())

		By("killing it, and opening another")
		Expect(t.destroy(holder.Worker)).To(Succeed())
		killed := time.Now()
		t.desk(open...)
		var offer eventlog.Record
		Eventually(func(g Gomega) {
			offers := offersSince(t.records(g), killed)
			g.Expect(offers).NotTo(BeEmpty())
			offer = offers[0]
		}, patience, "500ms").Should(Succeed())
		AddReportEntry("offers resumed after", offer.At.Sub(killed).String())
		Expect(offer.Actor).NotTo(Equal("worker/"+holder.Worker), "the killed worker did not offer it")
		Expect(offer.At.Sub(killed)).To(BeNumerically("<=", takeOver))
	})
})

// offersSince a time, in the order of the log.
func offersSince(records []eventlog.Record, since time.Time) []eventlog.Record {
	return slices.DeleteFunc(slices.Clone(records), func(r eventlog.Record) bool {
		return r.Type != eventlog.Offered || r.At.Before(since)
	})
}
