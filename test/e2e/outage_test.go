package e2e

import (
	"cmp"
	"context"
	"os"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	k8sclient "sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/caseload-dev/caseload/internal/desk/api"
	"github.com/caseload-dev/caseload/internal/desk/client"
	"github.com/caseload-dev/caseload/internal/ticket"
)

// outage is how long the kube-apiserver stays away; OUTAGE=10m tries the full promise.
func outage() time.Duration {
	GinkgoHelper()
	length, err := time.ParseDuration(cmp.Or(os.Getenv("OUTAGE"), "45s"))
	Expect(err).NotTo(HaveOccurred(), "OUTAGE")
	return length
}

// returning is how long the whole cluster may take to find a kube-apiserver again: kubelet, kube-proxy and controllers
// look for it at growing intervals, and the manager reaches it only through kube-proxy.
const returning = 5 * time.Minute

var _ = Describe("Without the kube-apiserver", Serial, func() {
	It("takes tickets, offers them and lets them be worked", func(ctx SpecContext) {
		source := os.Getenv("CASELOAD_CLUSTER")
		if source == "" {
			Skip("stops the kube-apiserver, which only the local cluster allows")
		}
		component := func(verb string) {
			GinkgoHelper()
			_, err := output("", "go", "run", "-C", source, ".", verb, "kube-apiserver")
			Expect(err).NotTo(HaveOccurred())
		}
		t := newTenant(ctx)
		t.sample("three-tier")
		t.startLoad()
		desk := t.direct(ctx)
		// done counts the tickets that were resolved, -1 if the desk does not answer.
		done := func() int {
			list, err := desk.Tickets(ctx, api.Call{}, api.TicketQuery{Status: []ticket.Status{ticket.Resolved, ticket.Closed}, Limit: 500})
			if err != nil {
				GinkgoWriter.Println(err)
				return -1
			}
			return len(list.Items)
		}
		Eventually(done, patience, "1s").Should(BeNumerically(">", 0))

		DeferCleanup(func() {
			component("start")
			t.must("wait", "--for=condition=Ready", "--timeout="+patience.String(), "nodes", "--all")
		})
		component("stop")
		for end := time.Now().Add(outage()); time.Now().Before(end); {
			before := done()
			Expect(before).To(BeNumerically(">", 0), "the desk answers")
			Eventually(done, patience, "1s").Should(BeNumerically(">", before), "work goes on all the while")
		}

		By("bringing the kube-apiserver back: the manager goes on by itself")
		component("start")
		t.must("scale", "tier/frontline", "--replicas=3")
		Eventually(t.readyPods(ctx, "frontline-worker"), returning).Should(HaveLen(3))
	})
})

// startLoad plays customers and agents from a pod.
func (t tenant) startLoad() {
	GinkgoHelper()
	image := tenant{manager}.must("get", "deployment/caseload-manager", "-o", "jsonpath={.spec.template.spec.containers[0].image}")
	manifests := t.must("kustomize", "../../config/samples/demo-load")
	_, err := t.apply(strings.ReplaceAll(manifests, "image: caseload\n", "image: "+image+"\n"))
	Expect(err).NotTo(HaveOccurred())
	t.must("rollout", "status", "deployment/demo-load", "--timeout="+patience.String())
}

// direct reaches the desk by its cluster address, as the node can, without the kube-apiserver.
func (t tenant) direct(ctx context.Context) api.Service {
	GinkgoHelper()
	var service corev1.Service
	var authorities corev1.ConfigMap
	Expect(k8s.Get(ctx, k8sclient.ObjectKey{Namespace: t.namespace, Name: "acme-desk"}, &service)).To(Succeed())
	Expect(k8s.Get(ctx, k8sclient.ObjectKey{Namespace: t.namespace, Name: "acme-desk-ca"}, &authorities)).To(Succeed())
	desk, err := client.New(client.Options{
		URL:        "https://" + service.Spec.ClusterIP,
		ServerName: "acme-desk." + t.namespace + ".svc",
		CAData:     []byte(authorities.Data["ca.crt"]),
		Token:      strings.TrimSpace(t.must("create", "token", "acme-cli", "--audience=caseload", "--duration=1h")),
	})
	Expect(err).NotTo(HaveOccurred())
	return desk
}
