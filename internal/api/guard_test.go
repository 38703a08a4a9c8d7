package api

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/tuttilive/tutti/internal/cdn"
)

func TestOnlyATrustedProxySpeaksForItsClients(t *testing.T) {
	for name, c := range map[string]struct {
		trust       bool
		forwarded   []string
		proto       string
		from, tells string
	}{
		"trusted":                           {true, []string{"192.0.2.7"}, "https", "192.0.2.7:0", "wss://localhost"},
		"a client's own list goes before":   {true, []string{"198.51.100.1, 192.0.2.7"}, "", "192.0.2.7:0", "ws://localhost"},
		"a client's own header goes before": {true, []string{"198.51.100.1", "192.0.2.7"}, "", "192.0.2.7:0", "ws://localhost"},
		"IPv6":                              {true, []string{"2001:db8::1"}, "", "[2001:db8::1]:0", "ws://localhost"},
		"no address":                        {true, []string{"unknown"}, "", "203.0.113.1:999", "ws://localhost"},
		"not trusted":                       {false, []string{"192.0.2.7"}, "https", "203.0.113.1:999", "ws://localhost"},
	} {
		t.Run(name, func(t *testing.T) {
			req := httptest.NewRequest("POST", "http://localhost/", nil)
			req.RemoteAddr = "203.0.113.1:999"
			req.Header["X-Forwarded-For"] = c.forwarded
			req.Header.Set("X-Forwarded-Proto", c.proto)
			var from, tells string
			newGuard("ours", nil, nil, nil, nil, "", c.trust).wrap(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				from, tells = r.RemoteAddr, socketURL(r)
			})).ServeHTTP(httptest.NewRecorder(), req)
			if from != c.from || tells != c.tells {
				t.Errorf("the client is %s and connects to %s, want %s and %s", from, tells, c.from, c.tells)
			}
		})
	}
}

func TestTheServerAnswersToItsNamesOnly(t *testing.T) {
	g := newGuard("ours", []string{"live.example.com", "*.rooms.example.com"}, nil, nil, nil, "", false)
	for host, want := range map[string]bool{
		"live.example.com": true, "LIVE.example.com:443": true, "a.rooms.example.com": true, "192.0.2.1:8080": true, "[2001:db8::1]:8080": true,
		"rooms.example.com": false, "evil-rooms.example.com": false, "live.example.com.evil.test": false, "": false,
	} {
		if got := g.hostAllowed(host); got != want {
			t.Errorf("%q: %v", host, got)
		}
	}
}

func TestPagesOfOtherSitesPlayOnlyWhereTheyMay(t *testing.T) {
	g := newGuard("ours", []string{"live.example.com"}, nil, []string{"https://partner.example.com/", "http://localhost:8080", "https://192.0.2.1:8443"}, nil, "https://show.example.com", false)
	for name, c := range map[string]struct {
		path, header, from string
		want               int
	}{
		"our own page":         {"/live/a.flv", "Origin", "https://live.example.com", 200},
		"our page in front":    {"/live/a.flv", "Origin", "https://show.example.com", 200},
		"a page of it":         {"/live/a/index.m3u8", "Referer", "https://show.example.com/w/a", 200},
		"the same over WHEP":   {"/whep/a", "Origin", "https://show.example.com", 200},
		"by another name":      {"/live/a.flv", "Origin", "http://localhost:8080", 200},
		"where it is opened":   {"/live/a.flv", "Origin", "https://192.0.2.1:8443", 200},
		"an address":           {"/live/a.flv", "Origin", "http://203.0.113.66", 403},
		"one of IPv6":          {"/live/a.flv", "Origin", "http://[2001:db8::66]", 403},
		"an app's localhost":   {"/live/a.flv", "Origin", "http://localhost", 403},
		"a partner's":          {"/live/a/index.m3u8", "Origin", "https://partner.example.com", 200},
		"a partner's, by page": {"/live/a/index.m3u8", "Referer", "https://partner.example.com/shows/1?x", 200},
		"a program":            {"/live/a.flv", "", "", 200},
		"a foreign page":       {"/live/a.flv", "Origin", "https://thief.example.net", 403},
		"a foreign referer":    {"/whep/a", "Referer", "https://thief.example.net/", 403},
		"a page from a file":   {"/live/a.flv", "Origin", "null", 403},
		"a foreign recording":  {"/api/rooms/a/recordings/1/index.m3u8", "Origin", "https://thief.example.net", 403},
		"a file of it":         {"/api/rooms/a/recordings/1/files/1-1.mp4", "Referer", "https://thief.example.net/", 403},
		"a partner's replay":   {"/api/rooms/a/recordings/1/files/1-1.mp4", "Origin", "https://partner.example.com", 200},
		"our own recording":    {"/api/rooms/a/recordings/1/index.m3u8", "Origin", "https://show.example.com", 200},
		"what is known of it":  {"/api/rooms/a/recordings/1", "Origin", "https://thief.example.net", 200},
		"a foreign snapshot":   {"/api/rooms/a/snapshot.jpg", "Referer", "https://thief.example.net/", 403},
		"our own":              {"/api/rooms/a/snapshot.jpg", "Referer", "https://show.example.com/", 200},
		"what is not played":   {"/w/a", "Referer", "https://thief.example.net/", 200},
	} {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest("GET", "http://live.example.com"+c.path, nil)
			if c.header != "" {
				r.Header.Set(c.header, c.from)
			}
			w := httptest.NewRecorder()
			g.wrap(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})).ServeHTTP(w, r)
			if w.Code != c.want {
				t.Errorf("%d, want %d", w.Code, c.want)
			}
		})
	}
}

// TestWhatPagesOfOtherSitesDoNotSayBrowsersDo: a page may keep its address to itself, but not that it is another site's.
func TestWhatPagesOfOtherSitesDoNotSayBrowsersDo(t *testing.T) {
	closed := newGuard("ours", []string{"live.example.com"}, nil, []string{"https://partner.example.com"}, nil, "https://show.example.com", false)
	open := newGuard("ours", []string{"live.example.com"}, nil, nil, nil, "", false)
	for name, c := range map[string]struct {
		path, site, origin string
		want               int
	}{
		"a link in a message": {"/api/rooms/a/recordings/1/files/1-1.mp4", "cross-site document", "", 200},
		"a foreign frame":     {"/live/a/index.m3u8", "cross-site iframe", "", 403},
		"a foreign page":      {"/live/a.flv", "cross-site", "", 403},
		"its picture":         {"/api/rooms/a/snapshot.jpg", "cross-site", "", 403},
		"its replay":          {"/api/rooms/a/recordings/1/picture.jpg", "cross-site", "", 403},
		"one beside us":       {"/live/a/index.m3u8", "same-site", "", 403},
		"our own page":        {"/live/a.flv", "same-origin", "", 200},
		"an address typed in": {"/live/a.flv", "none", "", 200},
		"a program":           {"/live/a.flv", "", "", 200},
		"a partner's":         {"/live/a.flv", "cross-site", "https://partner.example.com", 200},
		"our page in front":   {"/live/a.flv", "same-site", "https://show.example.com", 200},
		"what is not played":  {"/w/a", "cross-site", "", 200},
	} {
		r := httptest.NewRequest("GET", "http://live.example.com"+c.path, nil)
		site, dest, _ := strings.Cut(c.site, " ")
		for field, value := range map[string]string{"Sec-Fetch-Site": site, "Sec-Fetch-Dest": dest, "Origin": c.origin} {
			if value != "" {
				r.Header.Set(field, value)
			}
		}
		for g, want := range map[*guard]int{closed: c.want, open: 200} {
			w := httptest.NewRecorder()
			if g.wrap(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})).ServeHTTP(w, r.Clone(t.Context())); w.Code != want {
				t.Errorf("%s: %d, want %d", name, w.Code, want)
			}
		}
	}
}

// TestOurPagePlaysWhereverItIsOpened: from addresses too, by the one that was asked, and by those that are told of.
func TestOurPagePlaysWhereverItIsOpened(t *testing.T) {
	f := serve(t, func(o *Options) {
		o.PlayOrigins, o.Info.Addresses = []string{"https://partner.example.com"}, []string{"http://localhost:8080", "https://192.0.2.1:8443"}
	})
	for from, want := range map[string]bool{
		"http://127.0.0.1:8080": true, "http://localhost:8080": true, "https://192.0.2.1:8443": true, "https://partner.example.com": true,
		"http://localhost": false, "https://192.0.2.1": false, "http://203.0.113.66": false,
	} {
		if status, _ := f.code("GET", "/live/a.flv", "", "Origin: "+from, "Host: 127.0.0.1:8080"); (status != http.StatusForbidden) != want {
			t.Errorf("%s: %d", from, status)
		}
	}
}

// TestOurPageInFrontIsOurOwn has a network serve the page under a name of its own, and ask here by ours.
func TestOurPageInFrontIsOurOwn(t *testing.T) {
	in := newGuard("ours", []string{"live.example.com"}, nil, nil, nil, "https://show.example.com/", false)
	without := newGuard("ours", []string{"live.example.com"}, nil, nil, nil, "", false)
	for origin, want := range map[string]int{"https://show.example.com": 200, "https://thief.example.net": 403, "http://show.example.com": 403, "null": 403} {
		r := httptest.NewRequest("POST", "http://live.example.com/api/rooms", nil)
		r.Header.Set("Origin", origin)
		w := httptest.NewRecorder()
		var seen string
		in.wrap(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { seen = r.Header.Get("Origin") })).ServeHTTP(w, r)
		if w.Code != want {
			t.Errorf("%s: %d, want %d", origin, w.Code, want)
		}
		if want == 200 && seen != "https://live.example.com" {
			t.Errorf("doors compare %q with their own name", seen)
		}
		w = httptest.NewRecorder()
		r.Header.Set("Origin", origin)
		if without.wrap(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})).ServeHTTP(w, r); w.Code != 403 {
			t.Errorf("%s, where there is no network in front: %d", origin, w.Code)
		}
	}
}

func TestThePageMayReachTheNetworksInFront(t *testing.T) {
	fronts := PlayFronts{FLV: cdn.Front{Base: "https://flv.example.com/x"}, HLS: cdn.Front{Base: "https://hls.example.com:8443"}}
	policy := contentPolicy(fronts.origins())
	for _, want := range []string{"connect-src 'self' https://flv.example.com https://hls.example.com:8443 ws: wss:", "media-src 'self' https://flv.example.com"} {
		if !strings.Contains(policy, want) {
			t.Errorf("%s lacks %s", policy, want)
		}
	}
}

// TestPagesOfOtherSitesActOnlyWithACredential, which browsers do not add themselves, as they do what a proxy in front has asked for.
func TestPagesOfOtherSitesActOnlyWithACredential(t *testing.T) {
	g := newGuard("ours", nil, nil, nil, nil, "", false)
	basic := func(user string) http.Header {
		r := httptest.NewRequest("POST", "/", nil)
		r.SetBasicAuth(user, "password")
		return r.Header
	}
	for name, c := range map[string]struct {
		http.Header
		want int
	}{
		"nothing":            {nil, 403},
		"a proxy's password": {basic("staff"), 403},
		"of no kind of ours": {http.Header{"Authorization": {"Negotiate abc"}}, 403},
		"the API's key":      {basic("ours"), 200},
		"a token":            {http.Header{"Authorization": {"Bearer abc"}}, 200},
		"the key of a link":  {http.Header{"X-Tutti-Key": {"abc"}}, 200},
	} {
		r := httptest.NewRequest("POST", "http://localhost/api/rooms", nil)
		for field, values := range c.Header {
			r.Header[field] = values
		}
		r.Header.Set("Origin", "https://thief.example.net")
		w := httptest.NewRecorder()
		if g.wrap(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})).ServeHTTP(w, r); w.Code != c.want {
			t.Errorf("%s: %d, want %d", name, w.Code, c.want)
		}
	}
}
