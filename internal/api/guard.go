package api

import (
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strings"

	"github.com/tuttilive/tutti/internal/studio/refusal"
)

// guard checks every request before anything else sees it.
type guard struct {
	hosts      []string
	anyHost    bool
	origins    []string
	anyOrigin  bool
	trustProxy bool
	// page is the origin of our own page where a network in front serves it under a name of its own.
	page string
	// players are the sites whose pages may play from here, empty for all.
	players []string
	policy  string
	key     string // of the API
}

func newGuard(key string, hosts, origins, players, fronts []string, page string, trustProxy bool) *guard {
	g := &guard{key: key, trustProxy: trustProxy, policy: contentPolicy(fronts), page: originOf(page)}
	for _, p := range players {
		g.players = append(g.players, strings.ToLower(strings.TrimSuffix(p, "/")))
	}
	if name, err := os.Hostname(); err == nil && name != "localhost" {
		g.hosts = append(g.hosts, strings.ToLower(name), strings.ToLower(name)+".local")
	}
	for _, h := range hosts {
		g.anyHost = g.anyHost || h == "*"
		g.hosts = append(g.hosts, strings.ToLower(h))
	}
	for _, o := range origins {
		g.anyOrigin = g.anyOrigin || o == "*"
		g.origins = append(g.origins, strings.ToLower(strings.TrimSuffix(o, "/")))
	}
	return g
}

// contentPolicy lets the page load what is its own, play from the networks in front, and nothing else. Styles may be inline because
// the page's framework sets them; scripts may not.
func contentPolicy(fronts []string) string {
	media := strings.Join(append([]string{"'self'"}, fronts...), " ")
	return "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; " +
		"media-src " + media + " blob:; worker-src 'self' blob:; connect-src " + media + " ws: wss:; object-src 'none'; base-uri 'none'; " +
		"form-action 'none'; frame-ancestors 'self'"
}

// mediaPolicy is for media, which are no pages: it is short, since low-latency players make thousands of requests.
const mediaPolicy = "default-src 'none'"

func (g *guard) wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !g.hostAllowed(r.Host) {
			// A browser that was lured here under another name (DNS rebinding) gets nothing.
			refusal.Write(w, &refusal.Error{Status: http.StatusMisdirectedRequest, Code: "forbidden", Message: "the server does not answer to this name: its operator can allow it with --host"})
			return
		}
		if !g.trustProxy {
			r.Header.Del(protoHeader)
		} else if from := clientBehindProxy(r); from != "" {
			r.RemoteAddr = net.JoinHostPort(from, "0")
		}
		h := w.Header()
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("X-Content-Type-Options", "nosniff")
		if h.Set("Content-Security-Policy", g.policy); strings.HasPrefix(r.URL.Path, "/live/") {
			h.Set("Content-Security-Policy", mediaPolicy)
		}
		if g.fromOurPage(r.Header.Get("Origin")) && !strings.HasPrefix(r.URL.Path, "/live/") {
			// Who compares it with the host below finds it the same, as it is for whoever opened the page. Media are told apart by what a
			// request says as it came.
			r.Header.Set("Origin", "https://"+r.Host)
		}
		if strings.HasPrefix(r.URL.Path, "/api/") || strings.HasPrefix(r.URL.Path, "/twirp/") {
			if !g.crossOrigin(w, r) {
				return
			}
		}
		if plays(r) {
			if !g.mayPlay(r) {
				refusal.Write(w, errForeignPlayer)
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}

// plays tells whether a request is for media: of a show, or a picture of it, or of a recording.
func plays(r *http.Request) bool {
	path := r.URL.Path
	if rest, ok := strings.CutPrefix(path, "/api/rooms/"); ok {
		parts := strings.Split(rest, "/") // room, recordings, id, and what is played of it; or room, snapshot.jpg
		return r.Method == http.MethodGet && (len(parts) > 3 && parts[1] == "recordings" || len(parts) == 2 && parts[1] == "snapshot.jpg")
	}
	return strings.HasPrefix(path, "/live/") || strings.HasPrefix(path, "/whep/")
}

// mayPlay tells whether what plays is no page, or a page of a site that may. Browsers say whose page it is, and where it wants that kept to itself
// (Referrer-Policy) at least that it is not ours (Fetch Metadata), and whether a link was followed, as out of a message. Programs say nothing: they are no pages that would live on our pictures.
func (g *guard) mayPlay(r *http.Request) bool {
	if len(g.players) == 0 {
		return true
	}
	from := r.Header.Get("Origin")
	if from == "" {
		from = r.Header.Get("Referer")
	}
	if from == "" {
		site := r.Header.Get("Sec-Fetch-Site")
		return site != "cross-site" && site != "same-site" || r.Header.Get("Sec-Fetch-Dest") == "document"
	}
	u, err := url.Parse(from)
	if err != nil {
		return false
	}
	return nameOf(u.Host) == nameOf(r.Host) || g.named(nameOf(u.Host)) || g.fromOurPage(from) || slices.Contains(g.players, originOf(from))
}

// fromOurPage tells whether an origin, or the address of a page, is of our page in front.
func (g *guard) fromOurPage(address string) bool { return g.page != "" && originOf(address) == g.page }

// originOf is the site of an address: its scheme and host. It is empty where there is none.
func originOf(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return ""
	}
	return strings.ToLower(u.Scheme + "://" + u.Host)
}

// hostAllowed tells whether the server may be called by this name. Addresses are always allowed: nobody can rebind them.
func (g *guard) hostAllowed(host string) bool {
	if g.anyHost {
		return true
	}
	name := nameOf(host)
	_, err := netip.ParseAddr(name)
	return err == nil || name == "localhost" || g.named(name)
}

// nameOf is the name, or the address, of a host with or without a port.
func nameOf(host string) string {
	name := host
	if h, _, err := net.SplitHostPort(host); err == nil {
		name = h
	}
	return strings.ToLower(strings.TrimSuffix(strings.Trim(name, "[]"), "."))
}

// named tells whether a name is of this server alone. Of addresses nobody knows that here, and localhost is everybody's.
func (g *guard) named(name string) bool {
	return slices.ContainsFunc(g.hosts, func(h string) bool {
		rest, wild := strings.CutPrefix(h, "*")
		return h == name || wild && rest != "" && strings.HasSuffix(name, rest)
	})
}

// crossOrigin answers preflights, and refuses foreign pages that would act without showing a credential. It tells
// whether to go on.
func (g *guard) crossOrigin(w http.ResponseWriter, r *http.Request) bool {
	origin := r.Header.Get("Origin")
	if origin == "" {
		return true
	}
	h := w.Header()
	h.Set("Access-Control-Allow-Origin", "*") // there are no cookies, so this gives away nothing
	h.Set("Access-Control-Expose-Headers", "Retry-After, WWW-Authenticate")
	h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, X-Tutti-Key")
	h.Set("Access-Control-Allow-Methods", "GET, POST, PUT, PATCH, DELETE")
	if r.Method == http.MethodOptions {
		h.Set("Access-Control-Max-Age", "86400")
		w.WriteHeader(http.StatusNoContent)
		return false
	}
	if r.Method == http.MethodGet || !g.foreign(r) || g.shows(r) {
		return true
	}
	refusal.Write(w, errOrigin)
	return false
}

// shows tells whether a request shows a credential of ours, right or wrong. A password for a proxy in front is none: browsers add that themselves, whoever
// has them ask.
func (g *guard) shows(r *http.Request) bool {
	key, _, basic := r.BasicAuth()
	return r.Header.Get(keyHeader) != "" || strings.HasPrefix(r.Header.Get("Authorization"), "Bearer ") || basic && key == g.key
}

// foreign tells whether a page of another site asks, which may not act as ours.
func (g *guard) foreign(r *http.Request) bool {
	origin := r.Header.Get("Origin")
	if origin == "" || g.anyOrigin || slices.Contains(g.origins, strings.ToLower(origin)) {
		return false
	}
	u, err := url.Parse(origin)
	return err != nil || !strings.EqualFold(u.Host, r.Host)
}

// protoHeader is where a proxy says that the client came over TLS. It only gets past the guard from a trusted one.
const protoHeader = "X-Forwarded-Proto"

// clientBehindProxy is the last address that our own proxy added: to the end of the list that the client sent, or in a
// header of its own after it.
func clientBehindProxy(r *http.Request) string {
	list := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	last := strings.TrimSpace(list[len(list)-1])
	if _, err := netip.ParseAddr(last); err != nil {
		return ""
	}
	return last
}
