package certs

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"
)

// shake makes a TLS connection over loopback and gives the client's view of the server's certificate.
func shake(t *testing.T, get func(*tls.ClientHelloInfo) (*tls.Certificate, error), roots *x509.CertPool, name string) error {
	t.Helper()
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{GetCertificate: get})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		if c, err := l.Accept(); err == nil {
			_ = c.(*tls.Conn).Handshake()
			c.Close()
		}
	}()
	c, err := tls.DialWithDialer(&net.Dialer{Timeout: 5 * time.Second}, "tcp", l.Addr().String(), &tls.Config{RootCAs: roots, ServerName: name})
	if err == nil {
		c.Close()
	}
	return err
}

func TestLocalCertificateIsTrustedWithItsRoot(t *testing.T) {
	dir := t.TempDir()
	local, err := OpenLocal(dir)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(local.RootPEM) {
		t.Fatal("the root is no PEM")
	}
	for _, name := range []string{"localhost", "127.0.0.1"} {
		if err := shake(t, local.GetCertificate, roots, name); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := shake(t, local.GetCertificate, roots, "example.com"); err == nil {
		t.Error("the certificate is good for any name")
	}
	again, err := OpenLocal(dir)
	if err != nil || string(again.RootPEM) != string(local.RootPEM) {
		t.Errorf("the second start has another root (%v)", err)
	}
	if info, err := os.Stat(filepath.Join(dir, "root.key")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("root key: %v, %v", info, err)
	}
}

func TestChangedFilesAreReadAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		certFile, keyFile := filepath.Join(dir, "c.pem"), filepath.Join(dir, "k.pem")
		if err := makeRoot(certFile, keyFile); err != nil {
			t.Fatal(err)
		}
		f, err := OpenFiles(certFile, keyFile)
		if err != nil {
			t.Fatal(err)
		}
		first, _ := f.GetCertificate(nil)
		if err := makeRoot(certFile, keyFile); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * recheck)
		if second, _ := f.GetCertificate(nil); second == first {
			t.Error("the old certificate stays")
		}
		if err := os.WriteFile(certFile, []byte("half"), 0o600); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * recheck)
		if third, err := f.GetCertificate(nil); third == nil || err != nil {
			t.Errorf("a half-written file takes the certificate away: %v", err)
		}
	})
}
