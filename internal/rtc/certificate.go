package rtc

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	_ "crypto/sha256" // for fingerprints
	_ "crypto/sha512"
	"crypto/subtle"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"time"

	"github.com/tuttilive/tutti/internal/rtc/sdp"
)

// newCertificate makes a self-signed certificate with an ECDSA key on P-256 (RFC 8827, section 6.5). It is as good as
// the signalling channel that carries its fingerprint.
func newCertificate() (tls.Certificate, []sdp.Fingerprint, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, nil, fmt.Errorf("rtc: certificate key: %w", err)
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return tls.Certificate{}, nil, fmt.Errorf("rtc: certificate serial: %w", err)
	}
	now := time.Now()
	template := x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: "WebRTC"},
		NotBefore: now.AddDate(0, 0, -1), NotAfter: now.AddDate(10, 0, 0),
	}
	der, err := x509.CreateCertificate(rand.Reader, &template, &template, key.Public(), key)
	if err != nil {
		return tls.Certificate{}, nil, fmt.Errorf("rtc: certificate: %w", err)
	}
	print := sdp.Fingerprint{Algorithm: "sha-256", Value: fingerprint(der, crypto.SHA256)}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, []sdp.Fingerprint{print}, nil
}

func fingerprint(der []byte, hash crypto.Hash) string {
	h := hash.New()
	h.Write(der)
	var b strings.Builder
	for i, c := range h.Sum(nil) {
		if i > 0 {
			b.WriteByte(':')
		}
		fmt.Fprintf(&b, "%02X", c)
	}
	return b.String()
}

// hashOf is the hash of a fingerprint algorithm (RFC 8122, section 5), 0 for those that are broken or unknown.
func hashOf(algorithm string) crypto.Hash {
	switch algorithm {
	case "sha-256":
		return crypto.SHA256
	case "sha-384":
		return crypto.SHA384
	case "sha-512":
		return crypto.SHA512
	}
	return 0
}

// errFingerprint tells that the remote's certificate is not the one that its description promised.
var errFingerprint = errors.New("rtc: the certificate is not the one that was signalled")

// verifyFingerprint checks a certificate against what the remote's description says.
func verifyFingerprint(der []byte, promised []sdp.Fingerprint) error {
	for _, f := range promised {
		hash := hashOf(f.Algorithm)
		if hash == 0 {
			continue
		}
		if subtle.ConstantTimeCompare([]byte(fingerprint(der, hash)), []byte(f.Value)) == 1 {
			return nil
		}
	}
	return errFingerprint
}
