package e2e

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"net/http"
	"os/exec"
	"regexp"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/gbytes"
	"github.com/onsi/gomega/gexec"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

var _ = Describe("Access", Ordered, func() {
	var t tenant

	BeforeAll(func(ctx SpecContext) {
		t = newTenant(ctx)
		t.sample("three-tier")
		// Two people with ServiceAccounts of their own, and somebody without any right.
		for _, name := range []string{"jo", "tom", "stranger"} {
			t.must("create", "serviceaccount", name)
		}
		for _, name := range []string{"jo", "tom"} {
			t.must("create", "rolebinding", name, "--clusterrole=caseload-agent", "--serviceaccount="+t.namespace+":"+name)
			t.must("patch", "agent/"+name, "--type=merge", "-p", `{"spec":{"subject":{"kind":"ServiceAccount","name":"`+name+`"}}}`)
		}
		t.ready()
	})

	as := func(account string, args ...string) (string, error) {
		return t.caseload(append(args, "--service-account", account)...)
	}

	It("lets nobody accept another's offer", func() {
		_, err := as("jo", "agent", "presence", "jo", "Available")
		Expect(err).NotTo(HaveOccurred())
		t.desk("ticket", "open", "--subject", "Hello", "--channel", "Email", "--customer", "ann")
		Eventually(func() (string, error) { return as("jo", "ticket", "list", "--agent", "jo") }).Should(ContainSubstring("Offered"))
		_, err = as("tom", "ticket", "accept", "1")
		Expect(err).To(MatchError(ContainSubstring("jo")))
		_, err = as("tom", "ticket", "accept", "1", "--as-agent", "jo")
		Expect(err).To(MatchError(ContainSubstring("impersonate")))
		_, err = as("jo", "ticket", "accept", "1")
		Expect(err).NotTo(HaveOccurred())
	})

	It("refuses who has no permission, and says which is missing", func() {
		_, err := as("stranger", "ticket", "list")
		Expect(err).To(MatchError(And(ContainSubstring("helpdesks/tickets"), ContainSubstring("stranger"))))
	})

	It("holds at every endpoint but the probes", func(ctx SpecContext) {
		door := t.openDoor(ctx)
		token := func(account, audience string) string {
			return strings.TrimSpace(t.must("create", "token", account, "--audience="+audience))
		}
		trusted, foreign, stranger := token("acme-cli", "caseload"), token("acme-cli", "elsewhere"), token("stranger", "caseload")

		status, body := door.call(ctx, http.MethodGet, "/openapi.json", trusted)
		Expect(status).To(Equal(http.StatusOK))
		var document struct {
			Paths map[string]map[string]json.RawMessage
		}
		Expect(json.Unmarshal(body, &document)).To(Succeed())
		Expect(len(document.Paths)).To(BeNumerically(">", 20))

		parameter := regexp.MustCompile(`\{[^}]+\}`)
		for path, operations := range document.Paths {
			if path == "/healthz" || path == "/readyz" {
				continue
			}
			// What the API looks like is no secret to callers who are known.
			public := strings.HasPrefix(path, "/openapi")
			path = parameter.ReplaceAllString(path, "1")
			for method := range operations {
				method = strings.ToUpper(method)
				status, _ := door.call(ctx, method, path, "")
				Expect(status).To(Equal(http.StatusUnauthorized), "%s %s without a token", method, path)
				status, body := door.call(ctx, method, path, foreign)
				Expect(status).To(Equal(http.StatusUnauthorized), "%s %s with a foreign audience", method, path)
				Expect(string(body)).To(ContainSubstring("audience"))
				if status, _ := door.call(ctx, method, path, stranger); !public {
					Expect(status).To(Equal(http.StatusForbidden), "%s %s without the permission", method, path)
				}
			}
		}
		for _, probe := range []string{"/healthz", "/readyz"} {
			status, _ := door.call(ctx, http.MethodGet, probe, "")
			Expect(status).To(Equal(http.StatusOK), probe)
		}
	})
})

// door is the desk's API over a forwarded port, for requests that no client of ours would make.
type door struct {
	address string
	client  *http.Client
}

func (t tenant) openDoor(ctx context.Context) door {
	GinkgoHelper()
	session, err := gexec.Start(exec.Command("kubectl", "-n", t.namespace, "port-forward", "service/acme-desk", ":443"), GinkgoWriter, GinkgoWriter)
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(func() { session.Terminate().Wait() })
	Eventually(session).Should(gbytes.Say(`127\.0\.0\.1:(\d+)`))
	port := regexp.MustCompile(`127\.0\.0\.1:(\d+)`).FindStringSubmatch(string(session.Out.Contents()))[1]

	var authorities corev1.ConfigMap
	Expect(k8s.Get(ctx, client.ObjectKey{Namespace: t.namespace, Name: "acme-desk-ca"}, &authorities)).To(Succeed())
	roots := x509.NewCertPool()
	Expect(roots.AppendCertsFromPEM([]byte(authorities.Data["ca.crt"]))).To(BeTrue())
	return door{address: "https://127.0.0.1:" + port, client: &http.Client{
		Timeout:   20 * time.Second,
		Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, ServerName: "acme-desk." + t.namespace + ".svc"}},
	}}
}

func (d door) call(ctx context.Context, method, path, token string) (int, []byte) {
	GinkgoHelper()
	request, err := http.NewRequestWithContext(ctx, method, d.address+path, http.NoBody)
	Expect(err).NotTo(HaveOccurred())
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := d.client.Do(request)
	Expect(err).NotTo(HaveOccurred())
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	Expect(err).NotTo(HaveOccurred())
	return response.StatusCode, body
}
