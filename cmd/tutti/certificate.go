package main

import (
	"context"
	"crypto/tls"

	"github.com/tuttilive/tutti/internal/certs"
	"github.com/tuttilive/tutti/internal/config"
)

// certificate is what TLS listeners share.
type certificate struct {
	config *tls.Config
	// rootPEM is the local root certificate, empty when the operator has a certificate of their own.
	rootPEM []byte
	// managed is set where an ACME server gives the certificates.
	managed *certs.Managed
}

// openCertificate reads the operator's certificate, begins to get one by ACME, or makes one under the local root.
func (s *server) openCertificate(c config.Server) (certificate, error) {
	cert := certificate{config: &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"}}}
	if c.Cert != "" {
		files, err := certs.OpenFiles(c.Cert, c.Key)
		if err != nil {
			return certificate{}, err
		}
		cert.config.GetCertificate = files.GetCertificate
		return cert, nil
	}
	local, err := certs.OpenLocal(c.Data)
	if err != nil {
		return certificate{}, err
	}
	if len(c.Domain) > 0 {
		cert.managed, err = certs.OpenManaged(certs.ACME{
			Domains: c.Domain, Directory: c.ACMEDirectory, RootFile: c.ACMERoot, Email: c.ACMEEmail, DNSProgram: c.ACMEDNS,
			HTTPPort: portOf(c.HTTP), HTTPSPort: portOf(c.HTTPS), Dir: c.Data, Log: s.log,
		}, local)
		if err != nil {
			return certificate{}, err
		}
		s.onClose(func(context.Context) { cert.managed.Close() })
		cert.config.GetCertificate = cert.managed.GetCertificate
		cert.config.NextProtos = append(cert.config.NextProtos, cert.managed.Protocols()...)
		return cert, nil
	}
	cert.config.GetCertificate = local.GetCertificate
	if c.HTTPS != config.Off {
		cert.rootPEM = local.RootPEM
	}
	return cert, nil
}
