package controllers

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/cli-utils/pkg/kstatus/status"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/caseload-dev/caseload/api/v1alpha1"
)

// Argo CD, Flux and kubectl wait read our objects with no knowledge of them.
var _ = Describe("Tools that know nothing of Caseload", func() {
	It("see what is done, what goes on and what is stuck", func() {
		t := newTenant()
		objects := organisation()
		t.apply(objects...)
		for _, object := range objects {
			Eventually(t.kstatus).WithArguments(object).Should(Equal(status.CurrentStatus))
		}

		By("a wrong rule")
		change(t, "care", func(p *v1alpha1.RoutingPolicy) { p.Spec.Rules[0].When = "ticket." })
		Eventually(t.kstatus).WithArguments(get[v1alpha1.RoutingPolicy](t, "care")).Should(Equal(status.FailedStatus))
		By("a queue before its tier")
		t.apply(queue("early", "third"))
		Eventually(func(g Gomega) {
			early := get[v1alpha1.Queue](t, "early")
			g.Expect(early.Status.Conditions).NotTo(BeEmpty())
			g.Expect(t.kstatus(early)).To(Equal(status.InProgressStatus))
		}).Should(Succeed())
		By("a change that the desk has not heard of")
		t.desks.setDown(true)
		change(t, "general", func(q *v1alpha1.Queue) { q.Spec.Priority = 4 })
		Eventually(t.kstatus).WithArguments(get[v1alpha1.Queue](t, "general")).Should(Equal(status.InProgressStatus))
	})

	It("show the answer to the first question about each kind", func() {
		t := newTenant()
		objects := organisation()
		t.apply(objects...)
		t.settles(objects...)
		Expect(t.table("helpdesks")).To(ContainElement(HavePrefix("acme True True https://acme-desk." + t.namespace + ".svc")))
		Expect(t.table("tiers")).To(ContainElement(HavePrefix("frontline care 1 2 1 1 True")))
		Expect(t.table("queues")).To(ContainElement(HavePrefix("general frontline 2 Manual LeastOccupied Open True")))
		Expect(t.table("agents")).To(ContainElement(HavePrefix("jo <nil> care <nil> True")))
		Expect(t.table("supportteams")).To(ContainElement(HavePrefix("care acme mara general True")))
		Expect(t.table("routingpolicies")).To(ContainElement(HavePrefix("care care ")))
	})
})

func (t *tenant) kstatus(object client.Object) (status.Status, error) {
	err := k8s.Get(context.Background(), client.ObjectKey{Namespace: t.namespace, Name: object.GetName()}, object)
	if err != nil {
		return "", err
	}
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(object)
	if err != nil {
		return "", err
	}
	result, err := status.Compute(&unstructured.Unstructured{Object: content})
	if err != nil {
		return "", err
	}
	return result.Status, nil
}

// table is what kubectl get prints, without the columns of wide output.
func (t *tenant) table(resource string) []string {
	GinkgoHelper()
	httpClient, err := rest.HTTPClientFor(restConfig)
	Expect(err).NotTo(HaveOccurred())
	url, _, err := rest.DefaultServerUrlFor(restConfig)
	Expect(err).NotTo(HaveOccurred())
	url = url.JoinPath("apis", v1alpha1.GroupVersion.String(), "namespaces", t.namespace, resource)
	request, err := http.NewRequest(http.MethodGet, url.String(), nil)
	Expect(err).NotTo(HaveOccurred())
	request.Header.Set("Accept", "application/json;as=Table;v=v1;g=meta.k8s.io")
	response, err := httpClient.Do(request)
	Expect(err).NotTo(HaveOccurred())
	defer response.Body.Close()
	var table metav1.Table
	Expect(json.NewDecoder(response.Body).Decode(&table)).To(Succeed())
	var rows []string
	for _, row := range table.Rows {
		var cells []string
		for i, cell := range row.Cells {
			if table.ColumnDefinitions[i].Priority == 0 {
				cells = append(cells, strings.TrimSpace(toText(cell)))
			}
		}
		rows = append(rows, strings.Join(cells, " "))
	}
	return rows
}

func toText(cell any) string {
	if cell == nil {
		return "<nil>"
	}
	encoded, err := json.Marshal(cell)
	Expect(err).NotTo(HaveOccurred())
	return strings.Trim(string(encoded), `"`)
}
