package api

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"github.com/tuttilive/tutti/internal/auth"
	"github.com/tuttilive/tutti/internal/cdn"
	"github.com/tuttilive/tutti/internal/codec"
	"github.com/tuttilive/tutti/internal/room"
	"github.com/tuttilive/tutti/internal/room/words"
	"github.com/tuttilive/tutti/internal/store"
	"github.com/tuttilive/tutti/internal/studio"
)

var testKeys = auth.Keys{Key: "APItest", Secret: "a secret that is long enough for HS256"}

type fixture struct {
	t     *testing.T
	house *studio.House
	api   *API
	wants wants
	*httptest.Server
}

// wants has nothing to fetch, and counts how often it is asked for something.
type wants struct{ atomic.Int32 }

func (w *wants) Fetch(string) bool   { w.Add(1); return false }
func (w *wants) Fetches(string) bool { return false }

func serve(t *testing.T, change func(*Options)) *fixture {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	st, err := store.Open(t.TempDir(), log)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(st.Close)
	policies, err := studio.OpenPolicies(st)
	if err != nil {
		t.Fatal(err)
	}
	f := &fixture{t: t}
	notSaid, err := words.Read(strings.NewReader("heck\n!forbidden\n"))
	if err != nil {
		t.Fatal(err)
	}
	house := studio.NewHouse(studio.Options{
		Keys: testKeys, Rooms: policies, Shows: interrupted{}, Workers: codec.FindWorkers("off"), Fetcher: &f.wants, Words: notSaid, Log: log,
	})
	t.Cleanup(house.Close)
	o := Options{House: house, Page: fstest.MapFS{
		"index.html":       {Data: []byte("<!doctype html>page")},
		"assets/app-1a.js": {Data: bytes.Repeat([]byte("let a = 1;\n"), 500)},
	}, AnyoneCreates: true, Log: log}
	if change != nil {
		change(&o)
	}
	a := New(o)
	f.house, f.api, f.Server = house, a, httptest.NewServer(a)
	t.Cleanup(func() { a.Stop(); f.Close() })
	return f
}

// interrupted is what a restart left: a show in the room "interrupted".
type interrupted struct{}

func (interrupted) Interrupted() map[string]studio.Show {
	return map[string]studio.Show{"interrupted": {Title: "Night", Since: time.Unix(1_800_000_000, 0)}}
}
func (interrupted) Keep(string, studio.Show) {}
func (interrupted) Forget(string)            {}

func TestAnInterruptedShowIsComingBack(t *testing.T) {
	f := serve(t, nil)
	var refused struct {
		Error struct{ Code, State string }
	}
	resp := f.call("GET", "/api/rooms/interrupted/live", "", &refused)
	if refused.Error.Code != "not_live" || refused.Error.State != "returning" || resp.Header.Get("Retry-After") == "" {
		t.Errorf("%s %+v", resp.Status, refused)
	}
	var summary struct {
		Exists bool
		Live   struct {
			On, Returning bool
			Title         string
		}
	}
	if f.call("GET", "/api/rooms/interrupted", "", &summary); !summary.Live.Returning || summary.Live.On || summary.Live.Title != "Night" {
		t.Errorf("%+v", summary)
	}
	events, err := http.Get(f.URL + "/api/rooms/interrupted/events")
	if err != nil {
		t.Fatal(err)
	}
	defer events.Body.Close()
	told := bufio.NewScanner(events.Body)
	next := func() (status liveStatus) {
		for told.Scan() {
			if data, ok := strings.CutPrefix(told.Text(), "data: "); ok {
				if err := json.Unmarshal([]byte(data), &status); err != nil {
					t.Fatal(err)
				}
				return status
			}
		}
		t.Fatal("the stream of events ended")
		return status
	}
	if st := next(); st.On || !st.Returning || st.Title != "Night" {
		t.Errorf("told %+v", st)
	}
	operator := "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte(testKeys.Key+":"+testKeys.Secret))
	if resp := f.call("DELETE", "/api/rooms/interrupted/live", "", nil, operator); resp.StatusCode != http.StatusOK {
		t.Errorf("ending it: %s", resp.Status)
	}
	if st := next(); st.On || st.Returning {
		t.Errorf("after its end told %+v", st)
	}
	if n := f.wants.Load(); n != 1 {
		t.Errorf("what it shows is wanted %d times: by who begins to follow, and not by who asks, perhaps every second", n)
	}
}

// call makes a request with headers given as "Name: value" and decodes the answer into out where it is not nil.
func (f *fixture) call(method, path, body string, out any, headers ...string) *http.Response {
	f.t.Helper()
	req, err := http.NewRequest(method, f.URL+path, strings.NewReader(body))
	if err != nil {
		f.t.Fatal(err)
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		if name == "Host" {
			req.Host = value
		}
		req.Header.Set(name, value)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		f.t.Fatal(err)
	}
	defer resp.Body.Close()
	content, err := io.ReadAll(resp.Body)
	if err != nil {
		f.t.Fatal(err)
	}
	if out != nil {
		if err := json.Unmarshal(content, out); err != nil {
			f.t.Fatalf("%s %s answers %s %q: %v", method, path, resp.Status, content, err)
		}
	}
	return resp
}

// code calls and gives the status and the error's code.
func (f *fixture) code(method, path, body string, headers ...string) (int, string) {
	f.t.Helper()
	var e struct {
		Error struct{ Code string }
	}
	resp := f.call(method, path, body, nil, headers...)
	if resp.StatusCode >= 400 {
		resp = f.call(method, path, body, &e, headers...)
	}
	return resp.StatusCode, e.Error.Code
}

type created struct {
	Room string
	Keys linkKeys
}

func TestARoomFromLinkToToken(t *testing.T) {
	f := serve(t, nil)
	var made created
	if resp := f.call("POST", "/api/rooms", `{"title":"夜话"}`, &made); resp.StatusCode != http.StatusCreated {
		t.Fatalf("creating: %s", resp.Status)
	}
	path := "/api/rooms/" + made.Room
	if status, code := f.code("POST", path+"/join", `{"name":"A"}`); status != 401 || code != "unauthorized" {
		t.Errorf("joining without a key: %d %s", status, code)
	}
	for key, role := range map[string]string{made.Keys.Host: "host", made.Keys.Guest: "guest"} {
		var joined struct{ Token, URL, Identity, Role string }
		f.call("POST", path+"/join", `{"name":"A"}`, &joined, "X-Tutti-Key: "+key)
		claims, err := testKeys.Verify(joined.Token)
		if err != nil || joined.Role != role || claims.Video.Room != made.Room || claims.Video.RoomAdmin != (role == "host") || claims.Name != "A" {
			t.Errorf("%s: %+v, %+v, %v", role, joined, claims, err)
		}
	}
	if status, code := f.code("POST", path+"/join", `{}`, "X-Tutti-Key: "+made.Keys.Watch); status != 403 || code != "forbidden" {
		t.Errorf("joining with a watch key: %d %s", status, code)
	}
	if status, code := f.code("POST", "/api/rooms", `{"name":"`+made.Room+`"}`); status != 409 || code != "exists" {
		t.Errorf("creating it again: %d %s", status, code)
	}
	var keys linkKeys
	f.call("GET", path+"/keys", "", &keys, "X-Tutti-Key: "+made.Keys.Host)
	if keys != made.Keys {
		t.Errorf("keys: %+v", keys)
	}
	if status, _ := f.code("GET", path+"/keys", "", "X-Tutti-Key: "+made.Keys.Guest); status != 403 {
		t.Errorf("a guest reads the keys: %d", status)
	}
}

func TestOnlyTheClientThatMadeItKeepsAnIdentity(t *testing.T) {
	f := serve(t, nil)
	var made created
	f.call("POST", "/api/rooms", "{}", &made)
	join := func(own, key string) string {
		var joined struct{ Identity string }
		f.call("POST", "/api/rooms/"+made.Room+"/join", `{"identity":"`+own+`"}`, &joined, "X-Tutti-Key: "+key)
		return joined.Identity
	}
	first := join("my secret", made.Keys.Guest)
	if !strings.HasPrefix(first, "guest-") || strings.Contains(first, "secret") {
		t.Fatalf("identity %q", first)
	}
	if again := join("my secret", made.Keys.Guest); again != first {
		t.Errorf("coming back as %q gives %q", first, again)
	}
	if thief := join(first, made.Keys.Guest); thief == first {
		t.Errorf("%q is given to who only knows its name", first)
	}
	if host := join("my secret", made.Keys.Host); !strings.HasPrefix(host, "host-") {
		t.Errorf("a host is %q", host)
	}
}

type silent struct{}

func (silent) RoomEvent(room.Event) {}

func TestGoingLiveAndEnding(t *testing.T) {
	f := serve(t, nil)
	var made created
	f.call("POST", "/api/rooms", `{"name":"show"}`, &made)
	host := "X-Tutti-Key: " + made.Keys.Host
	if status, code := f.code("GET", "/api/rooms/show/live", ""); status != 404 || code != "not_live" {
		t.Errorf("before: %d %s", status, code)
	}
	if status, code := f.code("POST", "/api/rooms/show/live", "{}", host); status != 404 || code != "not_found" {
		t.Errorf("going live with nobody there: %d %s", status, code)
	}
	p, err := f.house.Enter("show", room.Join{Identity: "host-1", Permission: room.Permission{Publish: true}}, silent{})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Leave(room.LeftByItself)
	if status, _ := f.code("POST", "/api/rooms/show/live", "{}", "X-Tutti-Key: "+made.Keys.Guest); status != 403 {
		t.Errorf("a guest goes live: %d", status)
	}
	if status, code := f.code("POST", "/api/rooms/show/live", `{"show":"TR_x"}`, host); status != 404 || code != "not_found" {
		t.Errorf("going live with an unknown track: %d %s", status, code)
	}
	if status, code := f.code("GET", "/api/rooms/show/live", ""); status != 404 || code != "not_live" {
		t.Errorf("a refused request put the room on the air: %d %s", status, code)
	}
	var st liveStatus
	f.call("POST", "/api/rooms/show/live", `{"title":"t"}`, &st, host)
	if !st.On || st.Title != "t" || st.Play.HLS != "/live/show/index.m3u8" {
		t.Errorf("live: %+v", st)
	}
	if status, code := f.code("POST", "/api/rooms/show/live", "{}", host); status != 409 || code != "exists" {
		t.Errorf("twice: %d %s", status, code)
	}
	if status, code := f.code("PATCH", "/api/rooms/show/live", `{"show":"TR_x"}`, host); status != 404 || code != "not_found" {
		t.Errorf("showing an unknown track: %d %s", status, code)
	}
	var sum struct{ Duration float64 }
	if resp := f.call("DELETE", "/api/rooms/show/live", "", &sum, host); resp.StatusCode != 200 || sum.Duration <= 0 {
		t.Errorf("ending: %s, %+v", resp.Status, sum)
	}
	if status, code := f.code("GET", "/api/rooms/show/live", ""); status != 404 || code != "not_live" {
		t.Errorf("after: %d %s", status, code)
	}
}

func TestAddressesToPlayAt(t *testing.T) {
	f := serve(t, func(o *Options) {
		o.Fronts = PlayFronts{
			FLV: cdn.Front{Base: "https://flv.example.com", Sign: cdn.Alibaba, Key: "k", Life: time.Hour}, WHEP: cdn.Front{Base: "https://origin.example.com"},
		}
	})
	for name, private := range map[string]bool{"open": false, "closed": true} {
		var made created
		f.call("POST", "/api/rooms", fmt.Sprintf(`{"name":%q,"publicWatch":%v}`, name, !private), &made)
		p, err := f.house.Enter(name, room.Join{Identity: "host-1"}, silent{})
		if err != nil {
			t.Fatal(err)
		}
		defer p.Leave(room.LeftByItself)
		var st liveStatus
		f.call("POST", "/api/rooms/"+name+"/live", "{}", &st, "X-Tutti-Key: "+made.Keys.Host)
		f.call("GET", "/api/rooms/"+name+"/live", "", &st, "X-Tutti-Key: "+made.Keys.Watch)
		if !strings.HasPrefix(st.Play.FLV, "https://flv.example.com/live/") || !strings.Contains(st.Play.FLV, "?auth_key=") {
			t.Errorf("%s: FLV at %s", name, st.Play.FLV)
		}
		if st.Play.WHEP != "https://origin.example.com/whep/"+name {
			t.Errorf("%s: WHEP at %s", name, st.Play.WHEP)
		}
		if pass := strings.HasPrefix(st.Play.HLS, "/live/~"); pass != private || !strings.HasSuffix(st.Play.HLS, "/"+name+"/index.m3u8") {
			t.Errorf("%s: HLS at %s", name, st.Play.HLS)
		}
	}
	var status struct{ Rooms []struct{ Live *liveStatus } }
	f.call("GET", "/api/status", "", &status, "X-Tutti-Key: "+testKeys.Secret)
	live := 0
	for _, r := range status.Rooms {
		if r.Live == nil {
			continue
		}
		live++
		if r.Live.Play != nil {
			t.Errorf("a list of rooms hands out addresses: %+v", r.Live.Play)
		}
	}
	if live == 0 {
		t.Error("nothing on the air in the list of rooms")
	}
}

func TestEventsTellOfGoingLiveAtOnce(t *testing.T) {
	kept := eventInterval
	eventInterval = time.Hour // what is told without a change comes too late
	t.Cleanup(func() { eventInterval = kept })
	f := serve(t, nil)
	var made created
	f.call("POST", "/api/rooms", `{"name":"show"}`, &made)
	p, err := f.house.Enter("show", room.Join{Identity: "host-1"}, silent{})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Leave(room.LeftByItself)
	resp, err := http.Get(f.URL + "/api/rooms/show/events")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	events := json.NewDecoder(&dataLines{from: resp.Body})
	next := func() bool {
		var st liveStatus
		if err := events.Decode(&st); err != nil {
			t.Fatal(err)
		}
		return st.On
	}
	if next() {
		t.Fatal("on the air before it went live")
	}
	f.call("POST", "/api/rooms/show/live", "{}", nil, "X-Tutti-Key: "+made.Keys.Host)
	for !next() {
	}
}

// dataLines reads what follows "data: " in a stream of events.
type dataLines struct {
	from    io.Reader
	pending bytes.Buffer
}

func (d *dataLines) Read(p []byte) (int, error) {
	buf := make([]byte, 4096)
	for {
		if line, err := d.pending.ReadBytes('\n'); err == nil {
			if data, ok := bytes.CutPrefix(line, []byte("data: ")); ok {
				return copy(p, data), nil
			}
			continue
		} else {
			d.pending.Write(line)
		}
		n, err := d.from.Read(buf)
		d.pending.Write(buf[:n])
		if err != nil {
			return 0, err
		}
	}
}

func TestGuard(t *testing.T) {
	f := serve(t, func(o *Options) { o.Hosts = []string{"live.example.com"} })
	for name, c := range map[string]struct {
		method, path, body string
		headers            []string
		want               int
	}{
		"address":                       {"GET", "/healthz", "", nil, 200},
		"configured name":               {"GET", "/healthz", "", []string{"Host: Live.Example.com:8080"}, 200},
		"localhost":                     {"GET", "/healthz", "", []string{"Host: localhost:8080"}, 200},
		"IPv6 address":                  {"GET", "/healthz", "", []string{"Host: [::1]:8080"}, 200},
		"rebound name":                  {"GET", "/healthz", "", []string{"Host: evil.example"}, 421},
		"own page creates":              {"POST", "/api/rooms", "{}", []string{"Host: localhost:1", "Origin: http://localhost:1"}, 201},
		"foreign page creates":          {"POST", "/api/rooms", "{}", []string{"Origin: https://evil.example"}, 403},
		"foreign page reads":            {"GET", "/api/rooms/a", "", []string{"Origin: https://evil.example"}, 200},
		"preflight":                     {"OPTIONS", "/api/rooms", "", []string{"Origin: https://app.example"}, 204},
		"not JSON":                      {"POST", "/api/rooms", "x", nil, 400},
		"unknown field":                 {"POST", "/api/rooms", `{"nope":1}`, nil, 400},
		"too large":                     {"POST", "/api/rooms", `{"title":"` + strings.Repeat("x", maxBody) + `"}`, nil, 400},
		"bad name":                      {"POST", "/api/rooms", `{"name":"a b"}`, nil, 400},
		"bad access":                    {"POST", "/api/rooms", `{"access":"all"}`, nil, 400},
		"nothing there":                 {"GET", "/api/nope", "", nil, 404},
		"console without key":           {"GET", "/api/status", "", nil, 401},
		"metrics without key":           {"GET", "/metrics", "", nil, 401},
		"metrics with a wrong key":      {"GET", "/metrics", "", []string{"Authorization: Basic QVBJdGVzdDp4"}, 401},
		"the page's own routes":         {"GET", "/r/demo", "", nil, 200},
		"an asset that is not there":    {"GET", "/assets/x.js", "", nil, 404},
		"a path that climbs":            {"GET", "/assets/../../etc/passwd.txt", "", nil, 404},
		"the page can only be read":     {"POST", "/", "", nil, 405},
		"no root of an own certificate": {"GET", "/root.crt", "", nil, 404},
	} {
		if resp := f.call(c.method, c.path, c.body, nil, c.headers...); resp.StatusCode != c.want {
			t.Errorf("%s: %s, want %d", name, resp.Status, c.want)
		}
	}
}

func TestOperatorSeesAll(t *testing.T) {
	f := serve(t, nil)
	p, err := f.house.Enter("demo", room.Join{Identity: "a"}, silent{})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Leave(room.LeftByItself)
	get := func(path string) (string, int) {
		req, err := http.NewRequest("GET", f.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.SetBasicAuth(testKeys.Key, testKeys.Secret)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return string(body), resp.StatusCode
	}
	if body, status := get("/api/status"); status != 200 || !strings.Contains(body, `"room":"demo"`) || !strings.Contains(body, `"participants":1`) {
		t.Errorf("status: %d %s", status, body)
	}
	if body, status := get("/metrics"); status != 200 || !strings.Contains(body, `tutti_participants{door="other",kind="person"} 1`) || !strings.Contains(body, "process_cpu_seconds_total") {
		t.Errorf("metrics: %d %.200s", status, body)
	}
}

func TestPageIsCompressedAndCached(t *testing.T) {
	f := serve(t, nil)
	req, err := http.NewRequest("GET", f.URL+"/assets/app-1a.js", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept-Encoding", "gzip")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.Header.Get("Content-Encoding") != "gzip" || !strings.Contains(resp.Header.Get("Cache-Control"), "immutable") ||
		!strings.HasPrefix(resp.Header.Get("Content-Type"), "text/javascript") {
		t.Errorf("headers: %v", resp.Header)
	}
	page := f.call("GET", "/w/demo", "", nil)
	if page.Header.Get("Cache-Control") != "no-cache" || !strings.Contains(page.Header.Get("Content-Security-Policy"), "script-src 'self'") ||
		page.Header.Get("Referrer-Policy") != "no-referrer" {
		t.Errorf("page headers: %v", page.Header)
	}
}

func TestWrongKeysAreLimited(t *testing.T) {
	f := serve(t, nil)
	for range studio.PerAddressGuess.Burst {
		f.call("GET", "/api/status", "", nil)
	}
	resp := f.call("GET", "/api/status", "", nil)
	if resp.StatusCode != http.StatusTooManyRequests || resp.Header.Get("Retry-After") == "" {
		t.Errorf("got %s", resp.Status)
	}
}

func TestTokensMayDoWhatTheirGrantSays(t *testing.T) {
	f := serve(t, func(o *Options) { o.AnyoneCreates = false })
	bearer := func(g auth.Grant) string {
		token, err := testKeys.Mint(auth.Claims{Identity: "app", Video: g}, time.Hour, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		return "Authorization: Bearer " + token
	}
	tokens := map[string]string{
		"list":   bearer(auth.Grant{RoomList: true}),
		"create": bearer(auth.Grant{RoomCreate: true}),
		"admin":  bearer(auth.Grant{RoomAdmin: true, Room: "hall"}),
	}
	for _, c := range []struct {
		method, path, body string
		may                string // names of tokens
	}{
		{"GET", "/api/status", "", "list"},
		{"GET", "/metrics", "", "list"},
		{"POST", "/api/rooms", "{}", "create"},
		{"GET", "/api/rooms/hall/ingest", "", "admin"},
		{"GET", "/api/rooms/other/ingest", "", ""},
		{"GET", "/api/rooms/hall/keys", "", ""}, // a token ends, a host's link does not
	} {
		for name, token := range tokens {
			resp := f.call(c.method, c.path, c.body, nil, token)
			if allowed := resp.StatusCode < 400; allowed != strings.Contains(c.may, name) {
				t.Errorf("%s %s with %s: %s", c.method, c.path, name, resp.Status)
			}
		}
	}
}

func TestARoomIsDeleted(t *testing.T) {
	f := serve(t, nil)
	var made created
	f.call("POST", "/api/rooms", `{"name":"hall"}`, &made)
	path := "/api/rooms/hall"
	for what, key := range map[string]string{"a guest": made.Keys.Guest, "nobody": ""} {
		if resp := f.call("DELETE", path, "", nil, "X-Tutti-Key: "+key); resp.StatusCode < 400 {
			t.Errorf("%s deletes the room: %s", what, resp.Status)
		}
	}
	if resp := f.call("DELETE", path, "", nil, "X-Tutti-Key: "+made.Keys.Host); resp.StatusCode != http.StatusNoContent {
		t.Fatalf("the host: %s", resp.Status)
	}
	var summary struct{ Exists bool }
	if f.call("GET", path, "", &summary); summary.Exists {
		t.Error("it is still there")
	}
	if status, _ := f.code("GET", path+"/keys", "", "X-Tutti-Key: "+made.Keys.Host); status != http.StatusUnauthorized {
		t.Errorf("the old host link gives %d", status)
	}
}

func TestEventStreamsAreLimited(t *testing.T) {
	f := serve(t, nil)
	made := f.api
	made.streams.Store(maxEventStreams)
	if status, code := f.code("GET", "/api/rooms/hall/events", ""); status != http.StatusServiceUnavailable || code != "unavailable" {
		t.Errorf("one too many gets %d %s", status, code)
	}
	if n := made.streams.Load(); n != maxEventStreams {
		t.Errorf("%d are counted", n)
	}
}

// TestATokenIsNotRenewedNorRenamedByWhoHasIt: what comes of it ends with it, and says the name that the application gave, unless it permits to change
// that.
func TestATokenIsNotRenewedNorRenamedByWhoHasIt(t *testing.T) {
	f := serve(t, nil)
	no, yes := false, true
	if _, err := f.house.Enter("hall", room.Join{Identity: "eve", Name: "Eve", Permission: room.Permission{Publish: true, Subscribe: true}}, silent{}); err != nil {
		t.Fatal(err)
	}
	for what, c := range map[string]struct {
		name string
		may  *bool
		want string
	}{
		"a name":                 {"Eve", nil, "Eve"},
		"a name for good":        {"Eve", &no, "Eve"},
		"a name that may change": {"Eve", &yes, "The teacher"},
		"a token without a name": {"", nil, "The teacher"},
	} {
		claims := auth.Claims{Identity: "eve", Name: c.name, Video: auth.Grant{Room: "hall", RoomJoin: true, CanUpdateOwnMetadata: c.may}}
		token, err := testKeys.Mint(claims, time.Minute, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		shown, err := testKeys.Verify(token)
		if err != nil {
			t.Fatal(err)
		}
		renamed := f.call("POST", "/api/rooms/hall/stage/rename", `{"name":"The teacher"}`, nil, "Authorization: Bearer "+token).StatusCode == 200
		if renamed != (c.want == "The teacher") {
			t.Errorf("%s: renamed in the room: %v", what, renamed)
		}
		for range 2 { // and not by doing it again
			var got struct{ Token string }
			if resp := f.call("POST", "/api/rooms/hall/join", `{"name":"The teacher"}`, &got, "Authorization: Bearer "+token); resp.StatusCode != 200 {
				t.Fatal(resp.Status)
			}
			token = got.Token
			if claims, err := testKeys.Verify(token); err != nil || claims.Name != c.want || claims.Expires.After(shown.Expires) {
				t.Errorf("%s: %q until %v, %v; shown was one until %v", what, claims.Name, claims.Expires, err, shown.Expires)
			}
		}
	}
}
