package hls

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestErrorsAreJSON(t *testing.T) {
	s, h := door(t)
	h.goLive("locked")
	for _, test := range []struct {
		method, path, header, value string
		status                      int
		code                        string
	}{
		{"GET", "/live/quiet/index.m3u8", "", "", 404, "not_live"},
		{"GET", "/live/locked/index.m3u8", "", "", 401, "unauthorized"},
		{"GET", "/live/locked/index.m3u8?key=wrong", "", "", 401, "unauthorized"},
		{"GET", "/live/locked/index.m3u8?key=eve", "", "", 403, "forbidden"},
		{"GET", "/live/locked/index.m3u8", "Authorization", "Bearer x.y.z", 401, "unauthorized"},
		{"GET", "/live/locked/abc/video.m3u8", "", "", 404, "not_live"},
		{"GET", "/live/", "", "", 404, "not_found"},
		{"GET", "/live/quiet", "", "", 404, "not_found"},
		{"GET", "/live/quiet/", "", "", 404, "not_found"},
		{"GET", "/live/quiet/video.m3u8", "", "", 404, "not_found"},
		{"GET", "/live//index.m3u8", "", "", 404, "not_found"},
		{"GET", "/live/quiet/a/b/c", "", "", 404, "not_found"},
		{"GET", "/live/" + strings.Repeat("x", 600) + "/index.m3u8", "", "", 404, "not_found"},
		{"POST", "/live/quiet/index.m3u8", "", "", 405, "bad_request"},
		{"PUT", "/live/quiet/abc/video-0.m4s", "", "", 405, "bad_request"},
	} {
		w := ask(s, test.method, test.path, test.header, test.value)
		var body struct {
			Error struct{ Code, Message string }
		}
		if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil || w.Code != test.status || body.Error.Code != test.code || body.Error.Message == "" {
			t.Errorf("%s %s: %d %s, want %d %s (%v)", test.method, test.path, w.Code, w.Body, test.status, test.code, err)
		}
		cache := "no-store"
		if test.code == "not_live" { // those who wait for a show ask as one
			cache = "public, max-age=1"
		}
		if w.Header().Get("Access-Control-Allow-Origin") != "*" || w.Header().Get("Cache-Control") != cache {
			t.Errorf("%s %s: headers %v", test.method, test.path, w.Header())
		}
	}
}

// on starts a program and gives the folder of its media.
func on(t *testing.T, s *Server, h *fakeHouse, roomName string) (*fakeProgram, string) {
	t.Helper()
	p := h.goLive(roomName)
	answer := make(chan *httptest.ResponseRecorder)
	go func() { answer <- get(s, "/live/"+roomName+"/index.m3u8?key=sesame") }()
	p.pictures(0, 6)
	w := <-answer
	if w.Code != http.StatusOK {
		t.Fatalf("index: %d %s", w.Code, w.Body)
	}
	for line := range strings.Lines(w.Body.String()) {
		if !strings.HasPrefix(line, "#") {
			folder, _, _ := strings.Cut(line, "/")
			return p, "/live/" + roomName + "/" + folder + "/"
		}
	}
	t.Fatalf("index without media: %s", w.Body)
	return nil, ""
}

func TestMediaIsServedForCaches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, h := door(t)
		p, folder := on(t, s, h, "locked")
		synctest.Wait()
		for _, test := range []struct{ name, kind, cache string }{
			{"video.m3u8", "application/vnd.apple.mpegurl", "public, max-age=1"},
			{"audio.m3u8", "application/vnd.apple.mpegurl", "public, max-age=1"},
			{"video-init0.mp4", "video/mp4", "public, max-age=86400, immutable"},
			{"audio-0.m4s", "audio/mp4", "public, max-age=86400, immutable"},
		} {
			w := get(s, folder+test.name) // without a key: the folder is the key
			h := w.Header()
			if w.Code != 200 || h.Get("Content-Type") != test.kind || h.Get("Cache-Control") != test.cache || h.Get("ETag") == "" ||
				h.Get("Content-Length") != fmt.Sprint(w.Body.Len()) || w.Body.Len() == 0 {
				t.Errorf("%s: %d %v", test.name, w.Code, h)
			}
			if again := get(s, folder+test.name, "If-None-Match", h.Get("ETag")); again.Code != 304 || again.Body.Len() != 0 {
				t.Errorf("%s again: %d", test.name, again.Code)
			}
			if head := ask(s, "HEAD", folder+test.name); head.Code != 200 || head.Body.Len() != 0 || head.Header().Get("Content-Length") != h.Get("Content-Length") {
				t.Errorf("HEAD of %s: %d %v", test.name, head.Code, head.Header())
			}
			pressed := get(s, folder+test.name, "Accept-Encoding", "br, gzip;q=0.8")
			if playlist := strings.HasSuffix(test.name, ".m3u8"); playlist != (pressed.Header().Get("Content-Encoding") == "gzip") {
				t.Errorf("%s with gzip: %v", test.name, pressed.Header())
			} else if playlist {
				z, err := gzip.NewReader(pressed.Body)
				if err != nil {
					t.Fatal(err)
				}
				plain, err := io.ReadAll(z)
				if err != nil || !bytes.Equal(plain, w.Body.Bytes()) || pressed.Header().Get("ETag") == h.Get("ETag") || pressed.Header().Get("Vary") != "Accept-Encoding" {
					t.Errorf("%s with gzip: %v %v", test.name, err, pressed.Header())
				}
			}
		}
		if w := get(s, "/live/nothing/index.m3u8", "Authorization", "bearer a.b.c"); w.Code != 404 || w.Header().Get("Cache-Control") != "private, no-cache" {
			t.Errorf("index of nothing by header: %d %v", w.Code, w.Header())
		}
		for _, name := range []string{"video-99.m4s", "subtitles.m3u8", "index.m3u8", "..", "video-0.m4s/"} {
			if w := get(s, folder+name); w.Code != 404 {
				t.Errorf("%s: %d", name, w.Code)
			}
		}
		if w := get(s, strings.Replace(folder, "locked", "other", 1)+"video.m3u8"); w.Code != 404 {
			t.Errorf("another room's folder: %d", w.Code)
		}
		if w := ask(s, "OPTIONS", folder+"video.m3u8", "Origin", "https://elsewhere"); w.Code != 204 || w.Header().Get("Access-Control-Allow-Headers") == "" {
			t.Errorf("preflight: %d %v", w.Code, w.Header())
		}
		if w := get(s, "/live/locked/index.m3u8?key=sesame"); w.Header().Get("Cache-Control") != "public, max-age=1" {
			t.Errorf("index by address: %v", w.Header())
		}
		if w := get(s, "/live/locked/index.m3u8", "Authorization", "bearer a.b.c"); w.Code != 200 || w.Header().Get("Cache-Control") != "private, no-cache" {
			t.Errorf("index by header: %d %v", w.Code, w.Header())
		}
		_ = p
	})
}

// TestConditionsAndRanges asks as caches do that have some of something already (RFC 9110, sections 13 and 14).
func TestConditionsAndRanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, h := door(t)
		_, folder := on(t, s, h, "show")
		synctest.Wait()
		const gz = "gzip"
		list, pressed := get(s, folder+"video.m3u8"), get(s, folder+"video.m3u8", "Accept-Encoding", gz)
		piece := get(s, folder+"video-0.m4s")
		size, body := piece.Body.Len(), piece.Body.String()
		tags := strings.NewReplacer("PLAIN", list.Header().Get("ETag"), "PRESSED", pressed.Header().Get("ETag"), "PIECE", piece.Header().Get("ETag"))
		for _, test := range []struct {
			name   string
			fields []string
			status int
			span   string // Content-Range, with the size as N
			length int
		}{
			{"video.m3u8", []string{"If-None-Match", "PLAIN"}, 304, "", 0},
			{"video.m3u8", []string{"If-None-Match", `"x", W/PLAIN`}, 304, "", 0},
			{"video.m3u8", []string{"If-None-Match", "*"}, 304, "", 0},
			{"video.m3u8", []string{"If-None-Match", "PRESSED", "Accept-Encoding", gz}, 304, "", 0},
			{"video.m3u8", []string{"If-None-Match", "PRESSED"}, 200, "", list.Body.Len()}, // that is not what would come
			{"video.m3u8", []string{"If-None-Match", "PLAIN", "Accept-Encoding", gz}, 200, "", pressed.Body.Len()},
			{"video.m3u8", []string{"Range", "bytes=1-2"}, 200, "", list.Body.Len()},
			{"video-0.m4s", []string{"If-None-Match", "PIECE", "Range", "bytes=1-2"}, 304, "", 0},
			{"video-0.m4s", []string{"Range", "bytes=0-"}, 200, "", size},
			{"video-0.m4s", []string{"Range", "bytes=1-2"}, 206, "bytes 1-2/N", 2},
			{"video-0.m4s", []string{"Range", "bytes=-3"}, 206, fmt.Sprintf("bytes %d-%d/N", size-3, size-1), 3},
			{"video-0.m4s", []string{"Range", "bytes=1-2", "If-Range", "PIECE"}, 206, "bytes 1-2/N", 2},
			{"video-0.m4s", []string{"Range", "bytes=1-2", "If-Range", `"other"`}, 200, "", size},
			{"video-0.m4s", []string{"Range", "bytes=1-2,4-5"}, 200, "", size},
			{"video-0.m4s", []string{"Range", "bytes=999999-"}, 416, "bytes */N", 0},
		} {
			for i := range test.fields {
				test.fields[i] = tags.Replace(test.fields[i])
			}
			w := get(s, folder+test.name, test.fields...)
			h := w.Header()
			if span := strings.Replace(test.span, "N", fmt.Sprint(size), 1); w.Code != test.status || h.Get("Content-Range") != span || w.Body.Len() != test.length {
				t.Errorf("%s %q: %d, %q, %d bytes", test.name, test.fields, w.Code, h.Get("Content-Range"), w.Body.Len())
			}
			var begin int
			if fmt.Sscanf(test.span, "bytes %d-", &begin); w.Code == 206 && w.Body.String() != body[begin:begin+test.length] {
				t.Errorf("%s %q: other bytes", test.name, test.fields)
			}
			playlist := strings.HasSuffix(test.name, ".m3u8")
			if w.Code == 304 && (h.Get("ETag") == "" || h.Get("Cache-Control") == "" || (h.Get("Vary") != "") != playlist || h.Get("Content-Encoding") != "") {
				t.Errorf("%s %q: not modified, %v", test.name, test.fields, h)
			}
			if cached := h.Get("Cache-Control"); (cached == "no-store") != (w.Code == 416) {
				t.Errorf("%s %q: %s", test.name, test.fields, cached)
			}
		}
		// Section 14.2: ranges are of GET alone.
		for _, span := range []string{"bytes=1-2", "bytes=999999-"} {
			w := ask(s, http.MethodHead, folder+"video-0.m4s", "Range", span)
			if h := w.Header(); w.Code != 200 || h.Get("Content-Range") != "" || h.Get("Content-Length") != fmt.Sprint(size) || w.Body.Len() > 0 {
				t.Errorf("HEAD of %s: %d, %v", span, w.Code, h)
			}
		}
	})
}

func TestFirstRequestWaitsForTheFirstSegment(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, h := door(t)
		h.goLive("show")
		begun := time.Now()
		w := get(s, "/live/show/index.m3u8")
		if w.Code != 503 || w.Header().Get("Retry-After") == "" || time.Since(begun) != firstSegment {
			t.Errorf("%d after %v", w.Code, time.Since(begun))
		}
	})
}

func TestViewersAreCountedWhileTheyAsk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, h := door(t)
		s.cut.Window = 30 * time.Second
		p, folder := on(t, s, h, "show")
		p.lingers.Store(true)
		defer p.lingers.Store(false)
		get(s, folder+"video.m3u8", "User-Agent", "one")
		get(s, folder+"audio.m3u8", "User-Agent", "one")
		get(s, folder+"video.m3u8", "User-Agent", "two")
		get(s, folder+"video-0.m4s", "User-Agent", "media alone does not count")
		if n := p.viewers(); n != 3 {
			t.Errorf("%d viewers, want the first and two more", n)
		}
		for range 3 {
			time.Sleep(6 * time.Second)
			get(s, folder+"video-0.m4s", "User-Agent", "one")
		}
		if n := p.viewers(); n != 1 {
			t.Errorf("%d viewers after 18 s, want the one that goes on", n)
		}
		time.Sleep(12 * time.Second)
		if n := p.viewers(); n != 0 {
			t.Errorf("%d viewers after the last has gone", n)
		}
		if n := s.audience.perAddress; len(n) != 0 {
			t.Errorf("addresses are kept: %v", n)
		}

		// Somebody who paused comes back, and finds what there was.
		time.Sleep(20 * time.Second)
		if w := get(s, folder+"video.m3u8"); !strings.Contains(w.Body.String(), "#EXT-X-MEDIA-SEQUENCE:0\n") || p.opened != 1 {
			t.Errorf("after a pause, opened %d times: %d %s", p.opened, w.Code, w.Body)
		}

		// Somebody who slept comes back: the output opens again under the same address and goes on counting.
		time.Sleep(time.Minute)
		answer := make(chan *httptest.ResponseRecorder)
		go func() { answer <- get(s, folder+"video.m3u8") }()
		p.pictures(100, 6)
		w := <-answer
		if w.Code != 200 || !strings.Contains(w.Body.String(), "#EXT-X-MEDIA-SEQUENCE:3\n") || !strings.Contains(w.Body.String(), "DISCONTINUITY-SEQUENCE:1\n") {
			t.Errorf("after the sleep: %d %s", w.Code, w.Body)
		}
		if p.opened != 2 {
			t.Errorf("the output was opened %d times", p.opened)
		}
	})
}

func TestManyViewersOfOneAddressAreServedUncounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, h := door(t)
		p, folder := on(t, s, h, "show")
		for i := range 2 * maxViewersPerAddress {
			if w := get(s, folder+"video.m3u8", "User-Agent", fmt.Sprint(i)); w.Code != 200 {
				t.Fatal(w.Code)
			}
			if w := get(s, "/live/show/index.m3u8", "User-Agent", fmt.Sprint(i)); w.Code != 200 {
				t.Fatal(w.Code)
			}
		}
		if n := p.viewers(); n != maxViewersPerAddress {
			t.Errorf("%d viewers are counted", n)
		}
		get(s, folder+"video.m3u8", "From", "[2001:db8::1]:5")
		if n := p.viewers(); n != maxViewersPerAddress+1 {
			t.Errorf("%d viewers with another address", n)
		}
	})
}

func TestEndIsReadableForAWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, h := door(t)
		_, folder := on(t, s, h, "show")
		h.end("show")
		synctest.Wait()
		if w := get(s, "/live/show/index.m3u8"); w.Code != 404 {
			t.Errorf("index after the end: %d", w.Code)
		}
		if w := get(s, folder+"video.m3u8"); w.Code != 200 || !strings.HasSuffix(w.Body.String(), "#EXT-X-ENDLIST\n") {
			t.Errorf("playlist after the end: %d %s", w.Code, w.Body)
		}
		_, again := on(t, s, h, "show")
		if again == folder {
			t.Error("the next program has the same addresses")
		}
		if w := get(s, folder+"video.m3u8"); !strings.HasSuffix(w.Body.String(), "#EXT-X-ENDLIST\n") {
			t.Errorf("the first program's playlist: %s", w.Body)
		}
		time.Sleep(afterlife + time.Second)
		if w := get(s, folder+"video-0.m4s"); w.Code != 404 {
			t.Errorf("long after the end: %d", w.Code)
		}
	})
}

func TestEndBeforeTheFirstSegment(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, h := door(t)
		h.goLive("show")
		answer := make(chan *httptest.ResponseRecorder)
		go func() { answer <- get(s, "/live/show/index.m3u8") }()
		synctest.Wait()
		h.end("show")
		if w := <-answer; w.Code != 404 || !strings.Contains(w.Body.String(), "not_live") {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	})
}

func TestAcceptEncoding(t *testing.T) {
	for accept, want := range map[string]bool{
		"": false, "gzip": true, "GZIP": true, "deflate, gzip": true, "br;q=1, gzip;q=0.5": true, "gzip;q=0": false, "gzip; q=0.0": false,
		"identity": false, "*": true, "*;q=0": false, "x-gzip": false, "gzip;q=x": false,
	} {
		if got := acceptsGzip(accept); got != want {
			t.Errorf("%q: %v", accept, got)
		}
	}
}

func FuzzPath(f *testing.F) {
	for _, p := range []string{"/live/room/index.m3u8", "/live/房间/abc/video-0.m4s", "/live//", "/live/a/b/c/d", "/live/../x/y"} {
		f.Add(p)
	}
	s, _ := door(f)
	f.Fuzz(func(t *testing.T, p string) {
		if got, ok := parsePath(p); ok && (got.room == "" || strings.Contains(got.room+got.id+got.name, "/") || (got.id == "") != (got.name == "")) {
			t.Errorf("%q is %+v", p, got)
		}
		r := httptest.NewRequest("GET", "/", nil)
		r.URL.Path = p
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		if w.Code != 404 {
			t.Errorf("%q: %d", p, w.Code)
		}
	})
}

// nowhere is a response that costs nothing.
type nowhere struct{ header http.Header }

func (n *nowhere) Header() http.Header         { return n.header }
func (n *nowhere) Write(b []byte) (int, error) { return len(b), nil }
func (n *nowhere) WriteHeader(int)             {}

func BenchmarkServe(b *testing.B) {
	s, h := door(b)
	p := h.goLive("show")
	answer := make(chan string)
	go func() { answer <- get(s, "/live/show/index.m3u8").Body.String() }()
	p.pictures(0, 20)
	lines := strings.Split(strings.TrimSpace(<-answer), "\n")
	folder := strings.TrimSuffix(lines[len(lines)-1], "video.m3u8")
	for _, name := range []string{"video.m3u8", "video-8.m4s"} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			r := httptest.NewRequest("GET", "/live/show/"+folder+name, nil)
			r.Header.Set("Accept-Encoding", "gzip")
			w := &nowhere{http.Header{}}
			if got := get(s, r.URL.Path); got.Code != 200 {
				b.Fatal(got.Code, r.URL.Path)
			}
			for b.Loop() {
				clear(w.header)
				s.ServeHTTP(w, r)
			}
		})
	}
}
