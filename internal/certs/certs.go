// Package certs gives the HTTPS listener its certificate: the operator's own, read again when its files change, or one
// signed by a local root that a phone on the same network can be told to trust, since cameras need a secure context.
package certs

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math/big"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"
)

const (
	rootLife = 10 * 365 * 24 * time.Hour
	// leafLife is below what Apple's clients accept (398 days).
	leafLife = 390 * 24 * time.Hour
	// recheck is how often the operator's files are looked at.
	recheck = 10 * time.Second
)

// Local is a root certificate of this server alone, and a certificate for its names signed by it.
type Local struct {
	// RootPEM is the root certificate, for download.
	RootPEM []byte

	root    *x509.Certificate
	key     *ecdsa.PrivateKey
	mu      sync.Mutex
	names   []string
	leaf    *tls.Certificate
	renewAt time.Time
}

// OpenLocal reads the local root from dir, making it on the first start.
func OpenLocal(dir string) (*Local, error) {
	certFile, keyFile := filepath.Join(dir, "root.crt"), filepath.Join(dir, "root.key")
	if _, err := os.Stat(certFile); errors.Is(err, fs.ErrNotExist) {
		if err := makeRoot(certFile, keyFile); err != nil {
			return nil, fmt.Errorf("making the local root certificate: %w", err)
		}
	}
	pair, err := tls.LoadX509KeyPair(certFile, keyFile)
	if err != nil {
		return nil, fmt.Errorf("reading the local root certificate in %s: %w", dir, err)
	}
	key, ok := pair.PrivateKey.(*ecdsa.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("the local root key in %s is no ECDSA key", keyFile)
	}
	root, err := x509.ParseCertificate(pair.Certificate[0])
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", certFile, err)
	}
	return &Local{RootPEM: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: root.Raw}), root: root, key: key}, nil
}

func makeRoot(certFile, keyFile string) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	host, _ := os.Hostname()
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: serial(), Subject: pkix.Name{CommonName: "Tutti local root (" + host + ")", Organization: []string{"Tutti"}},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(rootLife),
		IsCA: true, BasicConstraintsValid: true, MaxPathLenZero: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return err
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	if err := os.WriteFile(keyFile, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER}), 0o600); err != nil {
		return err
	}
	return os.WriteFile(certFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o644)
}

func serial() *big.Int {
	n, _ := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	return n
}

// GetCertificate is for tls.Config: the certificate covers localhost, the machine's name and all its addresses, also
// those that come later, and is renewed in time.
func (l *Local) GetCertificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	names := machineNames()
	if local := hello.Conn; local != nil {
		if a, err := netip.ParseAddrPort(local.LocalAddr().String()); err == nil {
			names = appendNew(names, a.Addr().Unmap().WithZone("").String())
		}
	}
	covered := !slices.ContainsFunc(names, func(n string) bool { return !slices.Contains(l.names, n) })
	if l.leaf != nil && covered && time.Now().Before(l.renewAt) {
		return l.leaf, nil
	}
	leaf, err := l.sign(names)
	if err != nil {
		return nil, fmt.Errorf("signing a local certificate: %w", err)
	}
	l.leaf, l.names, l.renewAt = leaf, names, time.Now().Add(leafLife/2)
	return leaf, nil
}

func (l *Local) sign(names []string) (*tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: serial(), Subject: pkix.Name{CommonName: "Tutti"}, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(leafLife),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	for _, n := range names {
		if ip := net.ParseIP(n); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, n)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, l.root, &key.PublicKey, l.key)
	if err != nil {
		return nil, err
	}
	return &tls.Certificate{Certificate: [][]byte{der, l.root.Raw}, PrivateKey: key}, nil
}

func machineNames() []string {
	names := []string{"localhost"}
	if host, err := os.Hostname(); err == nil && host != "" {
		names = appendNew(names, host)
		names = appendNew(names, host+".local")
	}
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return names
	}
	for _, a := range addrs {
		if n, ok := a.(*net.IPNet); ok {
			names = appendNew(names, n.IP.String())
		}
	}
	return names
}

func appendNew(list []string, s string) []string {
	if slices.Contains(list, s) {
		return list
	}
	return append(list, s)
}

// Files is the operator's own certificate.
type Files struct {
	certFile, keyFile string

	mu       sync.Mutex
	cert     *tls.Certificate
	modified time.Time
	checked  time.Time
}

// OpenFiles reads a certificate chain and key in PEM.
func OpenFiles(certFile, keyFile string) (*Files, error) {
	f := &Files{certFile: certFile, keyFile: keyFile}
	if err := f.load(); err != nil {
		return nil, err
	}
	return f, nil
}

func (f *Files) load() error {
	info, err := os.Stat(f.certFile)
	if err != nil {
		return fmt.Errorf("reading the certificate: %w", err)
	}
	cert, err := tls.LoadX509KeyPair(f.certFile, f.keyFile)
	if err != nil {
		return fmt.Errorf("reading the certificate %s with key %s: %w", f.certFile, f.keyFile, err)
	}
	f.cert, f.modified = &cert, info.ModTime()
	return nil
}

// GetCertificate is for tls.Config. It looks every 10 s whether the files have changed; while new ones cannot be read,
// the old certificate stays.
func (f *Files) GetCertificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if time.Since(f.checked) > recheck {
		f.checked = time.Now()
		if info, err := os.Stat(f.certFile); err == nil && !info.ModTime().Equal(f.modified) {
			if err := f.load(); err != nil { // perhaps half written: it is tried again at the next check
				slog.Warn("a new certificate cannot be used, the old one stays", "error", err)
			}
		}
	}
	return f.cert, nil
}
