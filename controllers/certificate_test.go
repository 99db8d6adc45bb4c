package controllers

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/caseload-dev/caseload/api/v1alpha1"
)

var _ = Describe("A desk's certificate", func() {
	It("is replaced on demand without a moment in which those who trust the bundle do not trust the desk", func() {
		t := newTenant()
		t.stop()
		t.options.Overlap = 2 * time.Second
		t.start()
		t.apply(helpDesk("acme"), team("care", "acme"))
		t.settles(get[v1alpha1.HelpDesk](t, "acme"))

		first := t.serving("acme")
		Expect(t.trusts(t.bundle("acme"), first)).To(Succeed())
		Expect(first.PrivateKey).NotTo(BeNil())

		// Somebody who read the bundle at any time within the overlap must trust whatever the desk serves now.
		stopReading := make(chan struct{})
		var broken []error
		read := make(chan struct{})
		go func() {
			defer GinkgoRecover()
			defer close(read)
			type sighting struct {
				at     time.Time
				bundle []byte
			}
			var seen []sighting
			for {
				select {
				case <-stopReading:
					return
				case <-time.After(50 * time.Millisecond):
				}
				seen = append(seen, sighting{time.Now(), t.bundle("acme")})
				serving := t.serving("acme")
				for _, s := range seen {
					if time.Since(s.at) < t.options.Overlap/2 {
						if err := t.trusts(s.bundle, serving); err != nil {
							broken = append(broken, err)
						}
					}
				}
			}
		}()
		change(t, "acme", func(h *v1alpha1.HelpDesk) {
			metav1.SetMetaDataAnnotation(&h.ObjectMeta, v1alpha1.RotateCertificateAnnotation, "now")
		})
		Eventually(func() []byte { return t.serving("acme").Certificate[0] }).ShouldNot(Equal(first.Certificate[0]))
		Eventually(func() int { return bytes.Count(t.bundle("acme"), []byte("BEGIN CERTIFICATE")) }).Should(Equal(1))
		close(stopReading)
		<-read
		Expect(broken).To(BeEmpty())
		Expect(t.trusts(t.bundle("acme"), first)).NotTo(Succeed(), "the old authority is no longer trusted")
		Expect(t.trusts(t.bundle("acme"), t.serving("acme"))).To(Succeed())
	})

	It("comes again if somebody deletes it", func() {
		t := newTenant()
		t.apply(helpDesk("acme"), team("care", "acme"))
		t.settles(get[v1alpha1.HelpDesk](t, "acme"))
		remove[corev1.Secret](t, "acme-desk-tls")
		t.restart() // Secrets are not watched
		Eventually(func() error {
			return k8s.Get(context.Background(), keyOf(t, "acme-desk-tls"), &corev1.Secret{})
		}).Should(Succeed())
		Expect(t.trusts(t.bundle("acme"), t.serving("acme"))).To(Succeed())
	})
})

func TestCertificatesAreLookedAtInTime(t *testing.T) {
	now := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	for name, test := range map[string]struct{ due, want time.Duration }{
		"overdue":  {-time.Hour, time.Second},
		"soon":     {time.Minute, time.Minute},
		"far away": {60 * 24 * time.Hour, 30 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			if got := untilCertificate(now.Add(test.due), now); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}

func (t *tenant) bundle(helpDesk string) []byte {
	GinkgoHelper()
	return []byte(get[corev1.ConfigMap](t, DeskCAName(helpDesk)).Data[caKey])
}

func (t *tenant) serving(helpDesk string) tls.Certificate {
	GinkgoHelper()
	secret := get[corev1.Secret](t, DeskTLSName(helpDesk))
	pair, err := tls.X509KeyPair(secret.Data[corev1.TLSCertKey], secret.Data[corev1.TLSPrivateKeyKey])
	Expect(err).NotTo(HaveOccurred())
	return pair
}

// trusts says whether a client with the bundle takes the certificate for the desk's.
func (t *tenant) trusts(bundle []byte, serving tls.Certificate) error {
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(bundle)
	_, err := serving.Leaf.Verify(x509.VerifyOptions{Roots: roots, DNSName: DeskHost(t.namespace, "acme")})
	return err
}
