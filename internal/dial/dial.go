// Package dial is the one way out to addresses that somebody else names: webhooks, and whatever is fetched or pushed. It looks at
// the address that a name resolved to, at each connect and so at each redirect too, and connects to the world at large only:
// not to this host, its private networks, or what hides them, unless the operator allows a network.
package dial

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"syscall"
	"time"

	"github.com/tuttilive/tutti/internal/address"
)

// ErrRefused tells that an address is none of the world at large, and not allowed. It is not worth trying again.
var ErrRefused = errors.New("the address is not a public one, and not allowed")

// Limits on a way out.
const (
	connectWithin  = 10 * time.Second
	maxRedirects   = 5
	maxHeaderBytes = 64 << 10
	idleFor        = 90 * time.Second
)

// Dialer connects to where it may. It is immutable.
type Dialer struct {
	allow []netip.Prefix
	own   func() (map[netip.Addr]struct{}, error) // address.OfHost
}

// New makes a dialer that also connects to some networks of the operator's choice.
func New(allow []netip.Prefix) *Dialer { return &Dialer{allow: allow, own: address.OfHost} }

// DialContext connects over TCP. The name is resolved here, and what is connected to is what was looked at.
func (d *Dialer) DialContext(ctx context.Context, network, addr string) (net.Conn, error) {
	switch network {
	case "tcp", "tcp4", "tcp6":
	default:
		return nil, fmt.Errorf("dial: %s is no network for this", network)
	}
	dialer := net.Dialer{Timeout: connectWithin, Control: func(_, resolved string, _ syscall.RawConn) error { return d.check(resolved) }}
	return dialer.DialContext(ctx, network, addr)
}

// check is asked for each address with its port, in the form in which the system will connect to it.
func (d *Dialer) check(resolved string) error {
	peer, err := netip.ParseAddrPort(resolved)
	if err != nil {
		return fmt.Errorf("%w: %q", ErrRefused, resolved)
	}
	ok, err := d.Allows(peer.Addr())
	switch {
	case err != nil:
		return err
	case !ok:
		return fmt.Errorf("%w: %v", ErrRefused, peer.Addr())
	}
	return nil
}

// Allows tells whether an address may be connected to. It fails when this host's own addresses cannot be found out.
func (d *Dialer) Allows(a netip.Addr) (bool, error) {
	a = a.Unmap() // the system connects to the IPv4 address in either form
	switch {
	case address.IsNowhere(a):
		return false, nil
	case address.Within(a, d.allow):
		return true, nil
	case !address.IsGlobal(a):
		return false, nil
	}
	own, err := d.own()
	if err != nil {
		return false, fmt.Errorf("dial: reading this host's addresses: %w", err)
	}
	_, isOwn := own[a]
	return !isOwn, nil
}

// Resolve finds an address, with its port, of a host that may be connected to, for those who connect by themselves: over UDP.
func (d *Dialer) Resolve(ctx context.Context, host, port string) (string, error) {
	found, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return "", err
	}
	for _, a := range found {
		ok, err := d.Allows(a)
		if err != nil {
			return "", err
		}
		if ok {
			return net.JoinHostPort(a.Unmap().String(), port), nil
		}
	}
	return "", fmt.Errorf("%w: %v", ErrRefused, append(found, netip.Addr{})[0])
}

// Client makes an HTTP client. It uses no proxy, since then the proxy would be what is looked at; follows few redirects, from
// HTTPS to HTTPS only; and bounds headers. Bodies are for the caller to bound.
func (d *Dialer) Client(timeout time.Duration) *http.Client {
	return &http.Client{
		Timeout:       timeout,
		CheckRedirect: checkRedirect,
		Transport: &http.Transport{
			DialContext: d.DialContext, ForceAttemptHTTP2: true, TLSHandshakeTimeout: connectWithin, ResponseHeaderTimeout: timeout,
			MaxResponseHeaderBytes: maxHeaderBytes, MaxIdleConnsPerHost: 16, IdleConnTimeout: idleFor,
		},
	}
}

func checkRedirect(to *http.Request, via []*http.Request) error {
	switch {
	case len(via) > maxRedirects:
		return fmt.Errorf("dial: more than %d redirects", maxRedirects)
	case to.URL.Scheme != "https" && via[len(via)-1].URL.Scheme == "https":
		return errors.New("dial: a redirect away from HTTPS")
	}
	return nil
}
