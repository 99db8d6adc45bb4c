// Package e2e uses an installed Caseload as people do: kubectl, the caseload command, real pods on a real node.
// `make test-e2e` brings the cluster and the chart.
package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/config"

	"github.com/caseload-dev/caseload/controllers"
	"github.com/caseload-dev/caseload/internal/desk/api"
)

const (
	// patience is how long pods and conditions may take.
	patience = 90 * time.Second
	// deletion is how long any deletion may take.
	deletion = 30 * time.Second
)

var (
	k8s     client.Client
	binary  string // of caseload
	manager string // namespace of the manager
)

func TestE2E(t *testing.T) {
	if os.Getenv("CASELOAD_BIN") == "" {
		t.Skip("needs a cluster with the chart installed: run make test-e2e")
	}
	RegisterFailHandler(Fail)
	SetDefaultEventuallyTimeout(patience)
	SetDefaultEventuallyPollingInterval(250 * time.Millisecond)
	RunSpecs(t, "End to end")
}

var _ = BeforeSuite(func() {
	binary, manager = os.Getenv("CASELOAD_BIN"), os.Getenv("CASELOAD_NAMESPACE")
	restConfig, err := config.GetConfig()
	Expect(err).NotTo(HaveOccurred())
	scheme, err := controllers.NewScheme()
	Expect(err).NotTo(HaveOccurred())
	k8s, err = client.New(restConfig, client.Options{Scheme: scheme})
	Expect(err).NotTo(HaveOccurred())
})

// output runs a command and returns what it prints; what it says on failure is part of the error.
func output(stdin, name string, args ...string) (string, error) {
	var stdout, stderr bytes.Buffer
	command := exec.Command(name, args...)
	command.Stdin, command.Stdout, command.Stderr = strings.NewReader(stdin), &stdout, &stderr
	if err := command.Run(); err != nil {
		return stdout.String(), fmt.Errorf("%s %s: %w\n%s%s", filepath.Base(name), strings.Join(args, " "), err, stdout.String(), stderr.String())
	}
	return stdout.String(), nil
}

// tenant is a namespace of its own with pods held to the restricted standard.
type tenant struct{ namespace string }

func newTenant(ctx SpecContext) tenant {
	GinkgoHelper()
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{
		GenerateName: "e2e-",
		Labels:       map[string]string{"pod-security.kubernetes.io/enforce": "restricted"},
	}}
	Expect(k8s.Create(ctx, namespace)).To(Succeed())
	DeferCleanup(func(ctx context.Context) {
		if !CurrentSpecReport().Failed() {
			Expect(client.IgnoreNotFound(k8s.Delete(ctx, namespace))).To(Succeed())
			return
		}
		t := tenant{namespace.Name}
		for _, look := range [][]string{{"get", "support,pods,pvc"}, {"get", "events", "--sort-by=.lastTimestamp"}} {
			text, _ := t.kubectl(look...)
			GinkgoWriter.Println(text)
		}
	})
	return tenant{namespace.Name}
}

// kubectl in the namespace.
func (t tenant) kubectl(args ...string) (string, error) {
	return output("", "kubectl", append([]string{"-n", t.namespace}, args...)...)
}

// must is kubectl that succeeds.
func (t tenant) must(args ...string) string {
	GinkgoHelper()
	text, err := t.kubectl(args...)
	Expect(err).NotTo(HaveOccurred())
	return text
}

// apply manifests given as text.
func (t tenant) apply(manifests string) (string, error) {
	return output(manifests, "kubectl", "-n", t.namespace, "apply", "-f", "-")
}

// sample applies a sample of config/samples and waits until all of it is Ready.
func (t tenant) sample(name string) {
	GinkgoHelper()
	t.must("apply", "-k", filepath.Join("..", "..", "config", "samples", name))
	t.ready()
}

// ready waits as a pipeline does.
func (t tenant) ready() {
	GinkgoHelper()
	t.must("wait", "--for=condition=Ready", "--timeout="+patience.String(), "--all", "support")
}

// caseload runs the command against the tenant's desk.
func (t tenant) caseload(args ...string) (string, error) {
	return output("", binary, append(args, "-n", t.namespace)...)
}

// desk is caseload that succeeds.
func (t tenant) desk(args ...string) string {
	GinkgoHelper()
	text, err := t.caseload(args...)
	Expect(err).NotTo(HaveOccurred())
	return text
}

func (t tenant) overview() (*api.Overview, error) {
	text, err := t.caseload("top", "-o", "json")
	if err != nil {
		return nil, err
	}
	overview := &api.Overview{}
	return overview, json.Unmarshal([]byte(text), overview)
}

// tickets of the given statuses.
func (t tenant) tickets(statuses ...string) (*api.TicketList, error) {
	args := []string{"ticket", "list", "-o", "json"}
	for _, status := range statuses {
		args = append(args, "--status", status)
	}
	text, err := t.caseload(args...)
	if err != nil {
		return nil, err
	}
	list := &api.TicketList{}
	return list, json.Unmarshal([]byte(text), list)
}

// condition of an object, as "status reason: message"; empty if it has none.
func (t tenant) condition(object, condition string) func() string {
	return func() string {
		const form = `{.status} {.reason}: {.message}`
		text, err := t.kubectl("get", object, "-o", fmt.Sprintf(`jsonpath={range .status.conditions[?(@.type=="%s")]}%s{end}`, condition, form))
		if err != nil {
			return err.Error()
		}
		return text
	}
}

// pods with the label that are ready, by name.
func (t tenant) readyPods(ctx context.Context, name string) func() []string {
	return func() []string {
		var list corev1.PodList
		if err := k8s.List(ctx, &list, client.InNamespace(t.namespace)); err != nil {
			return []string{err.Error()}
		}
		var names []string
		for _, pod := range list.Items {
			if !strings.HasPrefix(pod.Name, name) || pod.DeletionTimestamp != nil {
				continue
			}
			for _, c := range pod.Status.Conditions {
				if c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue {
					names = append(names, pod.Name)
				}
			}
		}
		return names
	}
}
