package e2e

import (
	"bufio"
	"encoding/json"
	"io"
	"os"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

// silence is how long a settled system is watched.
const silence = time.Minute

// auditEvent is the part of the kube-apiserver's audit log that tells a write and who made it.
type auditEvent struct {
	Stage, Verb, RequestURI string
	User                    struct{ Username string }
	ObjectRef               struct{ Resource, Subresource, APIGroup string }
}

// auditLog reads what the kube-apiserver logs of a namespace from now on.
type auditLog struct {
	file      *os.File
	namespace string
}

func newAuditLog(namespace string) *auditLog {
	GinkgoHelper()
	path := os.Getenv("CASELOAD_AUDIT_LOG")
	if path == "" {
		Skip("counts writes in the audit log of the local cluster's kube-apiserver; this cluster gives none")
	}
	file, err := os.Open(path)
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(file.Close)
	_, err = file.Seek(0, io.SeekEnd)
	Expect(err).NotTo(HaveOccurred())
	return &auditLog{file, namespace}
}

// writes of our identities since the last call, but for leader election, access reviews and tokens.
func (l *auditLog) writes() []string {
	GinkgoHelper()
	var writes []string
	scanner := bufio.NewScanner(l.file)
	scanner.Buffer(nil, 16<<20)
	for scanner.Scan() {
		var event auditEvent
		if json.Unmarshal(scanner.Bytes(), &event) != nil || event.Stage != "ResponseComplete" {
			continue
		}
		// Whatever is for the namespace has its name in the path, cluster-scoped children too.
		ours := strings.HasPrefix(event.User.Username, "system:serviceaccount:"+manager+":") && strings.Contains(event.RequestURI, l.namespace) ||
			strings.HasPrefix(event.User.Username, "system:serviceaccount:"+l.namespace+":")
		switch event.ObjectRef.Resource {
		case "leases", "localsubjectaccessreviews", "subjectaccessreviews", "tokenreviews":
			continue
		}
		if ours && event.ObjectRef.Subresource != "token" && isWrite(event.Verb) {
			writes = append(writes, event.User.Username+" "+event.Verb+" "+event.RequestURI)
		}
	}
	return writes
}

func isWrite(verb string) bool {
	switch verb {
	case "create", "update", "patch", "delete", "deletecollection":
		return true
	}
	return false
}

var _ = Describe("A settled system", Serial, func() {
	It("writes nothing, also when the manager restarts", func(ctx SpecContext) {
		t := newTenant(ctx)
		log := newAuditLog(t.namespace)
		t.sample("three-tier")
		Expect(log.writes()).NotTo(BeEmpty(), "the manager creates workloads: the log is read right")

		By("settling")
		Eventually(log.writes, patience, "5s").Should(BeEmpty())
		By("listening for a minute")
		Consistently(log.writes, silence, "5s").Should(BeEmpty())

		By("restarting the manager")
		m := tenant{manager}
		m.must("rollout", "restart", "deployment/caseload-manager")
		m.must("rollout", "status", "deployment/caseload-manager", "--timeout=2m")
		Consistently(log.writes, "20s", "5s").Should(BeEmpty())
	})
})
