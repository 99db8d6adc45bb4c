// Package pki issues the cluster's certificates from an authority of its own, and issues again what is about to
// expire or no longer fits.
package pki

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"slices"
	"time"
)

const (
	authorityLife = 10 * 365 * 24 * time.Hour
	leafLife      = 365 * 24 * time.Hour
	renewBefore   = 30 * 24 * time.Hour
)

// Leaf describes a certificate for a server, a client or both.
type Leaf struct {
	Name          string // file name without extension
	CommonName    string // the user, for a client
	Organizations []string
	Hosts         []string // DNS names and addresses, for a server
}

// Authority signs certificates and keeps them, with their keys, in one folder.
type Authority struct {
	dir  string
	name string
	cert *x509.Certificate
	key  crypto.Signer
}

// OpenAuthority loads the authority called name from dir, or makes it.
func OpenAuthority(dir, name string, now time.Time) (*Authority, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	a := &Authority{dir: dir, name: name}
	cert, key, err := a.load(name)
	switch {
	case err == nil && now.Add(renewBefore).Before(cert.NotAfter):
		a.cert, a.key = cert, key
		return a, nil
	case err != nil && !errors.Is(err, os.ErrNotExist):
		return nil, fmt.Errorf("certificate authority %s: %w", name, err)
	}
	template := &x509.Certificate{
		Subject:               pkix.Name{CommonName: name},
		NotBefore:             now.Add(-time.Hour), // clocks may differ a little
		NotAfter:              now.Add(authorityLife),
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
		BasicConstraintsValid: true,
		IsCA:                  true,
	}
	if a.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		return nil, err
	}
	a.cert = template
	if err := a.sign(name, template, a.key); err != nil {
		return nil, err
	}
	a.cert, a.key, err = a.load(name)
	return a, err
}

// Issue makes sure the certificate exists, is signed by this authority, says what leaf says, and lasts. It reports
// whether it issued one.
func (a *Authority) Issue(leaf Leaf, now time.Time) (bool, error) {
	if cert, _, err := a.load(leaf.Name); err == nil && a.fits(cert, leaf, now) {
		return false, nil
	}
	template := &x509.Certificate{
		Subject:     pkix.Name{CommonName: leaf.CommonName, Organization: leaf.Organizations},
		NotBefore:   now.Add(-time.Hour),
		NotAfter:    now.Add(leafLife),
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth},
	}
	for _, host := range leaf.Hosts {
		if ip := net.ParseIP(host); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, host)
		}
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return false, err
	}
	return true, a.sign(leaf.Name, template, key)
}

func (a *Authority) fits(cert *x509.Certificate, leaf Leaf, now time.Time) bool {
	hosts := slices.Clone(cert.DNSNames)
	for _, ip := range cert.IPAddresses {
		hosts = append(hosts, ip.String())
	}
	return cert.CheckSignatureFrom(a.cert) == nil &&
		now.Add(renewBefore).Before(cert.NotAfter) &&
		cert.Subject.CommonName == leaf.CommonName &&
		sameSet(cert.Subject.Organization, leaf.Organizations) &&
		sameSet(hosts, leaf.Hosts)
}

func sameSet(a, b []string) bool {
	return slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}

func (a *Authority) sign(name string, template *x509.Certificate, key crypto.Signer) error {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return err
	}
	template.SerialNumber = serial
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, key.Public(), a.key)
	if err != nil {
		return err
	}
	if err := writeKey(a.path(name, "key"), key); err != nil {
		return err
	}
	return writePEM(a.path(name, "crt"), "CERTIFICATE", der)
}

func (a *Authority) path(name, extension string) string {
	return filepath.Join(a.dir, name+"."+extension)
}

// load reads a pair; a key that does not belong to the certificate (a crash came between the two files) counts as
// missing.
func (a *Authority) load(name string) (*x509.Certificate, crypto.Signer, error) {
	certDER, err := readPEM(a.path(name, "crt"))
	if err != nil {
		return nil, nil, err
	}
	cert, err := x509.ParseCertificate(certDER)
	if err != nil {
		return nil, nil, err
	}
	keyDER, err := readPEM(a.path(name, "key"))
	if err != nil {
		return nil, nil, err
	}
	parsed, err := x509.ParsePKCS8PrivateKey(keyDER)
	if err != nil {
		return nil, nil, err
	}
	key, ok := parsed.(crypto.Signer)
	if !ok || !publicEqual(key.Public(), cert.PublicKey) {
		return nil, nil, fmt.Errorf("key and certificate %s differ: %w", name, os.ErrNotExist)
	}
	return cert, key, nil
}

func publicEqual(a, b crypto.PublicKey) bool {
	comparable, ok := a.(interface{ Equal(crypto.PublicKey) bool })
	return ok && comparable.Equal(b)
}

// SigningKey makes sure an RSA key for ServiceAccount tokens is at path.
func SigningKey(path string) error {
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return err
	}
	return writeKey(path, key)
}

func writeKey(path string, key crypto.Signer) error {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	return writePEM(path, "PRIVATE KEY", der)
}

func writePEM(path, kind string, der []byte) error {
	temporary := path + ".new"
	if err := os.WriteFile(temporary, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		return err
	}
	return os.Rename(temporary, path)
}

func readPEM(path string) ([]byte, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(data)
	if block == nil {
		return nil, fmt.Errorf("%s holds no PEM block: %w", path, os.ErrNotExist)
	}
	return block.Bytes, nil
}
