package turn

import (
	"fmt"
	"net"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/pion/stun/v4"
)

// ICEServer is one entry of the list that browsers take as RTCConfiguration.iceServers.
type ICEServer struct {
	URLs       []string `json:"urls"`
	Username   string   `json:"username,omitempty"`
	Credential string   `json:"credential,omitempty"`
}

// Directory says which STUN and TURN servers clients shall use. A zero one, and nil, names none. It does not change and
// is safe for use by several goroutines.
type Directory struct {
	secret        string
	host          string
	udp, tcp, tls int
	outside       Outside
	now           func() time.Time
}

// DirectoryConfig is what a directory needs.
type DirectoryConfig struct {
	// Secret signs credentials for the built-in server: the same as in its Config.
	Secret string
	// UDP, TCP and TLS are the built-in server's ports (Server.Ports), 0 for what is off.
	UDP, TCP, TLS int
	// Host is the name or address that clients shall use for the built-in server, the one they called us by when empty.
	Host string
	// Outside are other servers, named after the built-in one.
	Outside Outside
}

// Outside are servers of others, for example coturn: all with a shared secret for the TURN REST API, or all with the same
// user and password, which every client learns then.
type Outside struct {
	URLs           []string
	Secret         string
	User, Password string
}

// NewDirectory makes one, and says what is wrong with its configuration.
func NewDirectory(cfg DirectoryConfig) (*Directory, error) {
	if err := cfg.Outside.validate(); err != nil {
		return nil, err
	}
	if cfg.Host != "" && hostOf(cfg.Host) != strings.Trim(cfg.Host, "[]") {
		return nil, fmt.Errorf("%q is no host name or address without port", cfg.Host)
	}
	return &Directory{
		secret: cfg.Secret, host: cfg.Host, udp: cfg.UDP, tcp: cfg.TCP, tls: cfg.TLS, outside: cfg.Outside, now: time.Now,
	}, nil
}

func (o Outside) validate() error {
	relays := false
	for _, url := range o.URLs {
		uri, err := stun.ParseURI(url)
		if err != nil {
			return fmt.Errorf("%q is no turn:, turns:, stun: or stuns: address (such as turn:turn.example.org:3478?transport=udp): %w", url, err)
		}
		if hostOf(uri.Host) == "" {
			return fmt.Errorf("%q has no good host", url)
		}
		if uri.Port < 1 || uri.Port > 65535 {
			return fmt.Errorf("%q has no good port", url)
		}
		relays = relays || isTURN(url)
	}
	switch {
	case o.Secret != "" && (o.User != "" || o.Password != ""):
		return fmt.Errorf("outside TURN servers take a secret, or a user and a password, not both")
	case (o.User != "") != (o.Password != ""):
		return fmt.Errorf("outside TURN servers' user and password go together")
	case relays && o.Secret == "" && o.User == "":
		return fmt.Errorf("outside TURN servers need a secret, or a user and a password")
	case !relays && (o.Secret != "" || o.User != ""):
		return fmt.Errorf("a secret, user or password for outside TURN servers is given, but no such server")
	}
	return nil
}

func isTURN(url string) bool {
	return strings.HasPrefix(url, "turn:") || strings.HasPrefix(url, "turns:")
}

// Servers are those for a user, who called us by host (a name or address, with or without a port). The user is a name for
// quotas: whoever has the same shares them; clients and servers do not learn it. The credentials are good for Lifetime.
func (d *Directory) Servers(user, host string) []ICEServer {
	servers, _ := d.Issue(user, host)
	return servers
}

// Issue is the same, and says when the credentials expire. Those who stay longer need fresh ones before, for new
// connections; allocations that they have go on.
func (d *Directory) Issue(user, host string) (servers []ICEServer, expires time.Time) {
	return d.issue("", user, host)
}

// IssueTest is Issue for somebody who only wants to know whether relays can be reached: with these credentials those of the
// built-in server relay to this server itself and nowhere else, so they may be given to strangers. Relays elsewhere are left
// out: they cannot be narrowed so.
func (d *Directory) IssueTest(user, host string) (servers []ICEServer, expires time.Time) {
	return d.issue(testMark, user, host)
}

func (d *Directory) issue(mark, user, host string) (servers []ICEServer, expires time.Time) {
	if d == nil || d.now == nil {
		return nil, time.Now().Add(Lifetime)
	}
	user, expires = mark+opaque(d.secret, user), d.now().Add(Lifetime).Truncate(time.Second)
	return append(d.builtIn(user, host, expires), d.others(user, expires, mark == "")...), expires
}

func (d *Directory) builtIn(user, host string, expires time.Time) (list []ICEServer) {
	if d.host != "" {
		host = d.host
	}
	if host = hostOf(host); host == "" {
		return nil
	}
	at := func(port int) string { return net.JoinHostPort(host, strconv.Itoa(port)) }
	var relays []string
	if d.udp != 0 {
		list = append(list, ICEServer{URLs: []string{"stun:" + at(d.udp)}})
		relays = append(relays, "turn:"+at(d.udp)+"?transport=udp")
	}
	if d.tcp != 0 {
		relays = append(relays, "turn:"+at(d.tcp)+"?transport=tcp")
	}
	if d.tls != 0 {
		relays = append(relays, "turns:"+at(d.tls)+"?transport=tcp")
	}
	if len(relays) > 0 {
		username, password := issue(d.secret, user, expires)
		list = append(list, ICEServer{relays, username, password})
	}
	return list
}

// others are the servers elsewhere, those that relay only if wanted.
func (d *Directory) others(user string, expires time.Time, relays bool) (list []ICEServer) {
	var open, closed []string
	for _, url := range d.outside.URLs {
		if isTURN(url) {
			closed = append(closed, url)
		} else {
			open = append(open, url)
		}
	}
	if len(open) > 0 {
		list = append(list, ICEServer{URLs: open})
	}
	if relays && len(closed) > 0 {
		username, password := d.outside.User, d.outside.Password
		if d.outside.Secret != "" {
			username, password = issue(d.outside.Secret, user, expires)
		}
		list = append(list, ICEServer{closed, username, password})
	}
	return list
}

var hostName = regexp.MustCompile(`^[A-Za-z0-9_]([A-Za-z0-9_.-]{0,251}[A-Za-z0-9_.])?$`)

// hostOf is the name or address in what stands in a Host header, without port and brackets; empty when there is none.
func hostOf(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	} else if strings.HasPrefix(host, "[") && strings.HasSuffix(host, "]") {
		host = host[1 : len(host)-1]
	}
	if a, err := netip.ParseAddr(host); err == nil {
		return a.WithZone("").String()
	}
	if !hostName.MatchString(host) {
		return ""
	}
	return host
}
