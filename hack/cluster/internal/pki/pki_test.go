package pki

import (
	"crypto/tls"
	"crypto/x509"
	"os"
	"path/filepath"
	"testing"
	"time"
)

var (
	now    = time.Now()
	server = Leaf{Name: "server", CommonName: "server", Hosts: []string{"server.example", "10.0.0.1"}}
)

func open(t *testing.T, dir string, at time.Time) *Authority {
	t.Helper()
	authority, err := OpenAuthority(dir, "ca", at)
	if err != nil {
		t.Fatal(err)
	}
	return authority
}

func issue(t *testing.T, a *Authority, leaf Leaf, at time.Time) bool {
	t.Helper()
	issued, err := a.Issue(leaf, at)
	if err != nil {
		t.Fatal(err)
	}
	return issued
}

func verify(dir, host string) error {
	pair, err := tls.LoadX509KeyPair(filepath.Join(dir, "server.crt"), filepath.Join(dir, "server.key"))
	if err != nil {
		return err
	}
	authority, err := os.ReadFile(filepath.Join(dir, "ca.crt"))
	if err != nil {
		return err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(authority)
	_, err = pair.Leaf.Verify(x509.VerifyOptions{Roots: roots, DNSName: host})
	return err
}

func TestIssuedCertificateServesItsHosts(t *testing.T) {
	dir := t.TempDir()
	if !issue(t, open(t, dir, now), server, now) {
		t.Fatal("nothing was issued")
	}
	for host, fits := range map[string]bool{"server.example": true, "10.0.0.1": true, "other.example": false} {
		if err := verify(dir, host); (err == nil) != fits {
			t.Errorf("%s: %v, want it to fit: %t", host, err, fits)
		}
	}
}

func TestIssueOnlyWhenNeeded(t *testing.T) {
	dir := t.TempDir()
	issue(t, open(t, dir, now), server, now)
	otherHosts := server
	otherHosts.Hosts = []string{"server.example"}
	otherUser := server
	otherUser.CommonName = "somebody"
	// Each starts from the certificate that the case before it left.
	for _, c := range []struct {
		name string
		leaf Leaf
		at   time.Time
		want bool
	}{
		{"the same", server, now, false},
		{"hosts in another order", Leaf{Name: "server", CommonName: "server", Hosts: []string{"10.0.0.1", "server.example"}}, now, false},
		{"long before it expires", server, now.Add(300 * 24 * time.Hour), false},
		{"shortly before it expires", server, now.Add(340 * 24 * time.Hour), true},
		{"other hosts", otherHosts, now, true},
		{"another user", otherUser, now, true},
	} {
		if got := issue(t, open(t, dir, now), c.leaf, c.at); got != c.want {
			t.Errorf("%s: issued %t, want %t", c.name, got, c.want)
		}
	}
}

func TestACrashBetweenKeyAndCertificateHeals(t *testing.T) {
	dir := t.TempDir()
	issue(t, open(t, dir, now), server, now)
	other := t.TempDir()
	issue(t, open(t, other, now), server, now)
	key, err := os.ReadFile(filepath.Join(other, "server.key"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "server.key"), key, 0o600); err != nil {
		t.Fatal(err)
	}
	if !issue(t, open(t, dir, now), server, now) {
		t.Error("a key of another certificate was left in place")
	}
	if err := verify(dir, "server.example"); err != nil {
		t.Error(err)
	}
}

func TestAnotherAuthorityReplacesItsCertificates(t *testing.T) {
	dir := t.TempDir()
	issue(t, open(t, dir, now), server, now)
	if err := os.Remove(filepath.Join(dir, "ca.key")); err != nil {
		t.Fatal(err)
	}
	if !issue(t, open(t, dir, now), server, now) {
		t.Error("a certificate of the lost authority was kept")
	}
	if err := verify(dir, "server.example"); err != nil {
		t.Error(err)
	}
}

func TestFilesAreTheOwnersAlone(t *testing.T) {
	dir := t.TempDir()
	issue(t, open(t, dir, now), server, now)
	if err := SigningKey(filepath.Join(dir, "sa.key")); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(filepath.Join(dir, "sa.key"))
	if err != nil {
		t.Fatal(err)
	}
	if err := SigningKey(filepath.Join(dir, "sa.key")); err != nil {
		t.Fatal(err)
	}
	if after, _ := os.ReadFile(filepath.Join(dir, "sa.key")); string(after) != string(before) {
		t.Error("the signing key changed: every token would be void")
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		if info, err := entry.Info(); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: mode %v, %v; want 0600", entry.Name(), info.Mode(), err)
		}
	}
}
