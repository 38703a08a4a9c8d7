package main

import (
	"crypto/tls"

	"github.com/tuttilive/tutti/internal/certs"
	"github.com/tuttilive/tutti/internal/config"
)

// certificate is what TLS listeners share.
type certificate struct {
	config *tls.Config
	// rootPEM is the local root certificate, empty when the operator has a certificate of their own.
	rootPEM []byte
}

// openCertificate reads the operator's certificate, or makes one under the local root.
func openCertificate(c config.Server) (certificate, error) {
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
	cert.config.GetCertificate = local.GetCertificate
	if c.HTTPS != config.Off {
		cert.rootPEM = local.RootPEM
	}
	return cert, nil
}
