package certs

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/letsencrypt/pebble/v2/ca"
	"github.com/letsencrypt/pebble/v2/db"
	"github.com/letsencrypt/pebble/v2/va"
	"github.com/letsencrypt/pebble/v2/wfe"
	"github.com/mholt/acmez/v3/acme"
	"github.com/miekg/dns"
)

// authority is an ACME server for tests, whose names all lead to this machine.
type authority struct {
	url, rootFile string
	server        *httptest.Server
	roots         *x509.CertPool
	dns           *nameServer
}

func newAuthority(t *testing.T, httpPort, httpsPort int) *authority {
	t.Setenv("PEBBLE_VA_NOSLEEP", "1")
	t.Setenv("PEBBLE_WFE_NONCEREJECT", "0")
	quiet := log.New(io.Discard, "", 0)
	a := &authority{dns: newNameServer(t), roots: x509.NewCertPool()}
	store := db.NewMemoryStore()
	issuer := ca.New(quiet, store, "", "ecdsa", 0, 1, map[string]ca.Profile{"default": {Description: "for tests"}})
	validator := va.New(quiet, httpPort, httpsPort, false, a.dns.address, store)
	front := wfe.New(quiet, store, validator, issuer, nil, false, false, 0, 0)
	server := httptest.NewTLSServer(front.Handler())
	t.Cleanup(server.Close)
	a.server = server
	a.url = server.URL + wfe.DirectoryPath
	a.rootFile = filepath.Join(t.TempDir(), "authority.pem")
	if err := os.WriteFile(a.rootFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	a.roots.AddCert(issuer.GetRootCert(0).Cert)
	return a
}

// nameServer answers that every name leads to 127.0.0.1, and has the TXT records that a program left in a folder.
type nameServer struct{ address, records string }

func newNameServer(t *testing.T) *nameServer {
	listener, err := net.Listen("tcp", "127.0.0.1:0") // the authority asks over TCP
	if err != nil {
		t.Fatal(err)
	}
	n := &nameServer{listener.Addr().String(), t.TempDir()}
	server := &dns.Server{Listener: listener, Handler: n}
	go server.ActivateAndServe()
	t.Cleanup(func() { server.Shutdown() })
	return n
}

func (n *nameServer) ServeDNS(w dns.ResponseWriter, q *dns.Msg) {
	m := new(dns.Msg)
	m.SetReply(q)
	for _, question := range q.Question {
		head := dns.RR_Header{Name: question.Name, Rrtype: question.Qtype, Class: dns.ClassINET, Ttl: 1}
		switch question.Qtype {
		case dns.TypeA:
			m.Answer = append(m.Answer, &dns.A{Hdr: head, A: net.IPv4(127, 0, 0, 1)})
		case dns.TypeTXT:
			if value, err := os.ReadFile(filepath.Join(n.records, question.Name)); err == nil {
				m.Answer = append(m.Answer, &dns.TXT{Hdr: head, Txt: []string{strings.TrimSpace(string(value))}})
			}
		}
	}
	w.WriteMsg(m)
}

func TestCertificatesFromAnAuthority(t *testing.T) {
	const name = "live.example.test"
	for proof, inform := range map[string]func(t *testing.T, a *authority, how *ACME){
		"over HTTP and TLS": func(*testing.T, *authority, *ACME) {},
		"by DNS records": func(t *testing.T, a *authority, how *ACME) {
			how.DNSProgram = filepath.Join(t.TempDir(), "records")
			script := "#!/bin/sh\nif [ $1 = present ]; then echo $3 > " + a.dns.records + "/$2; else rm " + a.dns.records + "/$2; fi\n"
			if err := os.WriteFile(how.DNSProgram, []byte(script), 0o700); err != nil {
				t.Fatal(err)
			}
			how.HTTPPort, how.HTTPSPort = 1, 1 // nobody listens there
		},
	} {
		t.Run(proof, func(t *testing.T) {
			plain, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			secure, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			port := func(l net.Listener) int { return l.Addr().(*net.TCPAddr).Port }
			a := newAuthority(t, port(plain), port(secure))
			how := ACME{
				Domains: []string{name}, Directory: a.url, RootFile: a.rootFile, HTTPPort: port(plain), HTTPSPort: port(secure),
				Dir: t.TempDir(), Log: slog.New(slog.NewTextHandler(t.Output(), nil)),
			}
			inform(t, a, &how)
			local, err := OpenLocal(how.Dir)
			if err != nil {
				t.Fatal(err)
			}
			m, err := OpenManaged(how, local)
			if err != nil {
				t.Fatal(err)
			}
			end := sync.OnceFunc(m.Close)
			t.Cleanup(end)
			page := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "page") })
			overHTTP := &http.Server{Handler: m.HTTP(page, port(secure))}
			overTLS := &http.Server{Handler: page, ErrorLog: log.New(io.Discard, "", 0), TLSConfig: &tls.Config{
				GetCertificate: m.GetCertificate, NextProtos: append([]string{"http/1.1"}, m.Protocols()...),
			}}
			go overHTTP.Serve(plain)
			go overTLS.ServeTLS(secure, "", "")
			t.Cleanup(func() { overHTTP.Close(); overTLS.Close() })

			trusted := &tls.Config{ServerName: name, RootCAs: a.roots}
			for deadline := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
				conn, err := tls.Dial("tcp", secure.Addr().String(), trusted)
				if err == nil {
					conn.Close()
					break
				}
				if time.Now().After(deadline) {
					t.Fatalf("no certificate of the authority: %v", err)
				}
			}
			if proof != "over HTTP and TLS" {
				return
			}

			t.Run("browsers go to HTTPS, programs stay", func(t *testing.T) {
				client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
				for accept, want := range map[string]int{"text/html,*/*": http.StatusPermanentRedirect, "*/*": http.StatusOK} {
					r, _ := http.NewRequest(http.MethodGet, "http://"+plain.Addr().String()+"/w/demo?x=1", nil)
					r.Host = name
					r.Header.Set("Accept", accept)
					answer, err := client.Do(r)
					if err != nil {
						t.Fatal(err)
					}
					answer.Body.Close()
					if answer.StatusCode != want {
						t.Errorf("Accept %s: %d, want %d", accept, answer.StatusCode, want)
					}
					if to := answer.Header.Get("Location"); want != http.StatusOK && !strings.HasPrefix(to, "https://"+name+":") {
						t.Errorf("sent to %s", to)
					}
				}
			})
			t.Run("a machine that is called by its address has the local certificate", func(t *testing.T) {
				roots := x509.NewCertPool()
				roots.AppendCertsFromPEM(local.RootPEM)
				conn, err := tls.Dial("tcp", secure.Addr().String(), &tls.Config{RootCAs: roots})
				if err != nil {
					t.Fatal(err)
				}
				conn.Close()
			})
			t.Run("a restart needs no new one", func(t *testing.T) {
				end()
				a.server.Close()
				again, err := OpenManaged(how, local)
				if err != nil {
					t.Fatal(err)
				}
				defer again.Close()
				for deadline := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) { // it is read beside the start
					here, there := net.Pipe()
					go tls.Server(there, &tls.Config{GetCertificate: again.GetCertificate}).Handshake()
					err := tls.Client(here, trusted).Handshake()
					here.Close()
					if err == nil {
						break
					}
					if time.Now().After(deadline) {
						t.Fatal(err)
					}
				}
			})
		})
	}
}

func TestADNSProgramThatFailsSaysWhy(t *testing.T) {
	file := filepath.Join(t.TempDir(), "records")
	if err := os.WriteFile(file, []byte("#!/bin/sh\necho no such zone\nexit 3\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	err := dnsProgram(file).run(t.Context(), "present", challengeOf("live.example.test"))
	if err == nil || !strings.Contains(err.Error(), "no such zone") {
		t.Errorf("got %v", err)
	}
}

func challengeOf(name string) acme.Challenge {
	return acme.Challenge{Identifier: acme.Identifier{Type: "dns", Value: name}, KeyAuthorization: "token.thumbprint"}
}
