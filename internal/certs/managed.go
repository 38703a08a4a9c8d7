package certs

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/caddyserver/certmagic"
	"github.com/mholt/acmez/v3"
	"go.uber.org/zap"
)

// ACME is where certificates for public names come from.
type ACME struct {
	Domains []string
	// Directory is the ACME server (RFC 8555), RootFile its own root certificate where systems do not know it.
	Directory, RootFile string
	Email               string
	// DNSProgram proves names by DNS records; empty proves them over HTTP and TLS.
	DNSProgram string
	// HTTPPort and HTTPSPort are where this server listens: the ports 80 and 443 lead there.
	HTTPPort, HTTPSPort int
	// Dir keeps keys and certificates over restarts.
	Dir string
	Log *slog.Logger
}

// Managed are certificates that an ACME server gave. They are renewed after two thirds of their life; while there is none
// yet, the local certificate stands in. Close ends what runs in the background.
type Managed struct {
	config  *certmagic.Config
	issuer  *certmagic.ACMEIssuer
	cache   *certmagic.Cache
	standIn *Local
	domains []string
	stop    context.CancelFunc
}

// OpenManaged begins to get certificates and does not wait for them.
func OpenManaged(a ACME, standIn *Local) (*Managed, error) {
	m := &Managed{standIn: standIn, domains: a.Domains}
	quiet := zap.NewNop() // what matters comes as events, and goes to our own log
	m.cache = certmagic.NewCache(certmagic.CacheOptions{
		GetConfigForCert: func(certmagic.Certificate) (*certmagic.Config, error) { return m.config, nil }, Logger: quiet,
	})
	m.config = certmagic.New(m.cache, certmagic.Config{
		Storage: &certmagic.FileStorage{Path: filepath.Join(a.Dir, "acme")}, Logger: quiet, OnEvent: report(a.Log),
	})
	issuer := certmagic.ACMEIssuer{
		CA: a.Directory, Email: a.Email, Agreed: true, AltHTTPPort: a.HTTPPort, AltTLSALPNPort: a.HTTPSPort, Logger: quiet,
		DisableDistributedSolvers: true, CertObtainTimeout: 3 * time.Minute,
	}
	if a.DNSProgram != "" {
		issuer.DNS01Solver = dnsProgram(a.DNSProgram)
		issuer.DisableHTTPChallenge, issuer.DisableTLSALPNChallenge = true, true
	}
	if a.RootFile != "" {
		pem, err := os.ReadFile(a.RootFile)
		if err != nil {
			return nil, fmt.Errorf("reading the ACME server's root certificate: %w", err)
		}
		issuer.TrustedRoots = x509.NewCertPool()
		if !issuer.TrustedRoots.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("reading the ACME server's root certificate: %s holds none", a.RootFile)
		}
	}
	m.issuer = certmagic.NewACMEIssuer(m.config, issuer)
	m.config.Issuers = []certmagic.Issuer{m.issuer}
	ctx, stop := context.WithCancel(context.Background())
	m.stop = stop
	if err := m.config.ManageAsync(ctx, a.Domains); err != nil {
		m.Close()
		return nil, fmt.Errorf("managing certificates for %s: %w", strings.Join(a.Domains, ", "), err)
	}
	return m, nil
}

// report tells in our log what becomes of certificates.
func report(log *slog.Logger) func(context.Context, string, map[string]any) error {
	return func(_ context.Context, event string, data map[string]any) error {
		name, renewal := data["identifier"], data["renewal"]
		switch event {
		case "cert_obtained":
			log.Info("a certificate was given", "name", name, "renewal", renewal)
		case "cert_failed":
			log.Warn("no certificate yet: the local one stands in, and it is tried again. The name must lead here, with the ports 80 and 443",
				"name", name, "renewal", renewal, "error", data["error"])
		}
		return nil
	}
}

// GetCertificate is for tls.Config. It answers the ACME server's own calls as well (TLS-ALPN-01, RFC 8737).
func (m *Managed) GetCertificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	if hello.ServerName != "" {
		if cert, err := m.config.GetCertificate(hello); err == nil {
			return cert, nil
		}
	}
	return m.standIn.GetCertificate(hello)
}

// Protocols are what a tls.Config has to offer beside its own for TLS-ALPN-01.
func (m *Managed) Protocols() []string { return []string{acmez.ACMETLS1Protocol} }

// HTTP is for the plain listener: it answers the ACME server's calls (HTTP-01), and sends browsers that open a page under
// one of the names to HTTPS, since cameras need it. What programs ask for stays where it is: encoders, players and caches
// in front do without TLS.
func (m *Managed) HTTP(next http.Handler, httpsPort int) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if m.issuer.HandleHTTPChallenge(w, r) {
			return
		}
		host, _, _ := strings.Cut(r.Host, ":")
		page := r.Method == http.MethodGet && strings.Contains(r.Header.Get("Accept"), "text/html")
		if !page || !m.covers(host) {
			next.ServeHTTP(w, r)
			return
		}
		if httpsPort != 443 {
			host = fmt.Sprintf("%s:%d", host, httpsPort)
		}
		http.Redirect(w, r, "https://"+host+r.URL.RequestURI(), http.StatusPermanentRedirect)
	})
}

func (m *Managed) covers(host string) bool {
	for _, d := range m.domains {
		if rest, wild := strings.CutPrefix(d, "*"); strings.EqualFold(d, host) || wild && strings.HasSuffix(strings.ToLower(host), strings.ToLower(rest)) {
			return true
		}
	}
	return false
}

// Close ends renewals and what is under way.
func (m *Managed) Close() {
	if m.stop != nil {
		m.stop()
	}
	m.cache.Stop()
}
