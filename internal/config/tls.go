package config

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// TLS is where the certificate of HTTPS and TURN over TLS comes from: your own files, an ACME server, or else the local root.
type TLS struct {
	Cert string `help:"Your own certificate chain (PEM). Changes are picked up without a restart." placeholder:"FILE"`
	Key  string `help:"The certificate's private key (PEM)." placeholder:"FILE"`

	Domain        []string `help:"Public names of this server: certificates for them come from Let's Encrypt and are renewed by themselves. The page is then at https://NAME, and HTTP and HTTPS take the ports 80 and 443 unless told otherwise." placeholder:"NAME"`
	ACMEEmail     string   `help:"Whom the certificate authority may write to." placeholder:"ADDRESS" name:"acme-email"`
	ACMEDirectory string   `help:"Another ACME server (RFC 8555) than Let's Encrypt's." placeholder:"URL" default:"https://acme-v02.api.letsencrypt.org/directory" name:"acme-directory"`
	ACMERoot      string   `help:"The root certificate (PEM) of that ACME server itself, where systems do not know it." placeholder:"FILE" name:"acme-root"`
	ACMEDNS       string   `help:"A program that proves the names by DNS records instead of over the ports 80 and 443 (DNS-01; needed for wildcards): it is called with 'present' or 'cleanup', the record's name, and the value of its TXT record, and ends when the record can be seen." placeholder:"FILE" name:"acme-dns"`
}

const (
	defaultHTTP, defaultHTTPS = ":8080", ":8443"
	domainHTTP, domainHTTPS   = ":80", ":443"
)

// BindDomain takes the web's own ports where a domain was named and no ports were.
func (s *Server) BindDomain() {
	if len(s.Domain) == 0 {
		return
	}
	if s.HTTP == defaultHTTP {
		s.HTTP = domainHTTP
	}
	if s.HTTPS == defaultHTTPS {
		s.HTTPS = domainHTTPS
	}
}

// validate gives everything that is wrong with the settings above.
func (t *TLS) validate() (errs []error) {
	if (t.Cert == "") != (t.Key == "") {
		errs = append(errs, errors.New("cert and key go together"))
	}
	if len(t.Domain) == 0 {
		return errs
	}
	if t.Cert != "" {
		errs = append(errs, errors.New("domain and cert: a certificate comes from one place"))
	}
	if u, err := url.Parse(t.ACMEDirectory); err != nil || u.Scheme != "https" || u.Host == "" {
		errs = append(errs, fmt.Errorf("acme-directory: %q is no https address", t.ACMEDirectory))
	}
	for _, name := range t.Domain {
		if bare, wild := strings.CutPrefix(name, "*."); wild && t.ACMEDNS == "" {
			errs = append(errs, fmt.Errorf("domain: %q: wildcards are proven by DNS records only (acme-dns)", name))
		} else if !strings.Contains(bare, ".") || strings.ContainsAny(bare, "/:* ") {
			errs = append(errs, fmt.Errorf("domain: %q is no public name", name))
		}
	}
	return errs
}
