package whip

import (
	"context"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/studio"
)

var (
	quarter = studio.Layer{ID: "q", Width: 320, Height: 180, Active: true}
	half    = studio.Layer{ID: "h", Width: 640, Height: 360, Active: true}
)

func TestAViewerIsToldWhereLayersAreChosen(t *testing.T) {
	s, _, _ := door(t, Config{})
	w := ask(s, "POST", "/whep/hall", offer, "Content-Type", sdpType)
	location := w.Header().Get("Location")
	want := "<" + location + `/layer>; rel="urn:ietf:params:whep:ext:core:layer", <` + location +
		`/events>; rel="urn:ietf:params:whep:ext:core:server-sent-events"; events="layers"`
	if got := strings.Join(w.Header().Values("Link"), ", "); got != want {
		t.Errorf("Link: %s", got)
	}
	if w := ask(s, "POST", "/whip/hall", offer, "Content-Type", sdpType, "Authorization", "Bearer sesame"); w.Code != 201 || w.Header().Get("Link") != "" {
		t.Errorf("a publisher gets %d, Link %q", w.Code, w.Header().Get("Link"))
	}
}

func TestALayerIsChosen(t *testing.T) {
	s, h, _ := door(t, Config{})
	location, _ := post(t, s, "/whep/hall")
	watcher := h.lastWatcher()
	watcher.set(quarter, half, studio.Layer{ID: "f"})
	for _, test := range []struct {
		part, body, kind string
		status           int
		prefers          media.Size
	}{
		{"layer", `{"mediaId":"1","encodingId":"q"}`, "application/json", 200, media.Size{Width: 320, Height: 180}},
		{"layer", `{"encodingId":"h"}`, "application/json; charset=utf-8", 200, media.Size{Width: 640, Height: 360}},
		{"layer", `{"encodingId":"x"}`, "application/json", 400, media.Size{Width: 640, Height: 360}},
		{"layer", `{"encodingId":"f"}`, "application/json", 400, media.Size{Width: 640, Height: 360}}, // of a size that is not known
		{"layer", `{"mediaId":"0","encodingId":"q"}`, "application/json", 400, media.Size{Width: 640, Height: 360}},
		{"layer", `{"encodingId":"q","spatialLayerId":0}`, "application/json", 400, media.Size{Width: 640, Height: 360}},
		{"layer", `{"encodingId":`, "application/json", 400, media.Size{Width: 640, Height: 360}},
		{"layer", `{"encodingId":"` + strings.Repeat("x", maxChoice) + `"}`, "application/json", 400, media.Size{Width: 640, Height: 360}},
		{"layer", `{}`, "text/html", 415, media.Size{Width: 640, Height: 360}},
		{"layer", `{}`, "", 200, media.Size{}}, // as some players send it
		{"events", `["layers"]`, "application/json", 201, media.Size{}},
		{"events", `{}`, "application/json", 400, media.Size{}},
		{"else", `{}`, "application/json", 404, media.Size{}},
	} {
		var header []string
		if test.kind != "" {
			header = []string{"Content-Type", test.kind}
		}
		w := ask(s, "POST", location+"/"+test.part, test.body, header...)
		if w.Code != test.status || watcher.preferred != test.prefers {
			t.Errorf("%s %.80s: %d %s, prefers %v", test.part, test.body, w.Code, w.Body, watcher.preferred)
		}
		if test.status == 201 && w.Header().Get("Location") != location+"/events" {
			t.Errorf("events at %q", w.Header().Get("Location"))
		}
	}
	for _, test := range []struct {
		method, path string
		status       int
	}{
		{"GET", location + "/layer", 405}, {"DELETE", location + "/events", 405}, {"POST", "/whep/hall/nobody/layer", 404}, {"GET", "/whep/hall/nobody/events", 404},
		{"POST", "/whip/hall/nobody/layer", 404}, {"POST", location + "/layer/x", 404},
	} {
		if w := ask(s, test.method, test.path, "{}"); w.Code != test.status {
			t.Errorf("%s %s: %d", test.method, test.path, w.Code)
		}
	}
}

func TestLayersAreNamedWhenTheyChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, h, _ := door(t, Config{})
		location, _ := post(t, s, "/whep/hall")
		watcher := h.lastWatcher()
		ctx, leave := context.WithCancel(t.Context())
		follow := func() *httptest.ResponseRecorder {
			w := httptest.NewRecorder()
			s.ServeHTTP(w, httptest.NewRequestWithContext(ctx, "GET", location+"/events", nil))
			return w
		}
		answers := make(chan *httptest.ResponseRecorder, maxListening)
		for range maxListening {
			go func() { answers <- follow() }()
		}
		synctest.Wait()
		if w := follow(); w.Code != 429 {
			t.Errorf("one more follows: %d", w.Code)
		}
		watcher.set(quarter)
		time.Sleep(5 * time.Second)
		idle := half
		idle.Active = false
		watcher.set(quarter, idle)
		time.Sleep(5 * time.Second)
		watcher.set() // the picture is gone
		time.Sleep(maxSilence + 2*time.Second)
		leave()
		q, h2 := `"simulcastIdx":0,"width":320,"height":180}`, `"simulcastIdx":1,"width":640,"height":360}`
		none := "event: layers\ndata: " + `{"1":{"active":[],"inactive":[],"layers":[]}}` + "\n\n"
		want := none + "event: layers\ndata: " + `{"1":{"active":[{"id":"q",` + q + `],"inactive":[],"layers":[{"encodingId":"q",` + q + `]}}` + "\n\n" +
			"event: layers\ndata: " + `{"1":{"active":[{"id":"q",` + q + `],"inactive":[{"id":"h",` + h2 + `],"layers":[{"encodingId":"h",` + h2 + `,{"encodingId":"q",` + q + `]}}` + "\n\n" + none + ":\n\n"
		for range maxListening {
			w := <-answers
			if got := w.Body.String(); got != want || w.Header().Get("Content-Type") != "text/event-stream" {
				t.Errorf("got %q", got)
			}
		}

		// The session's end is that of its events; a program's end, with which the server's own begins, is a session's.
		ctx = t.Context()
		for _, end := range []func(){func() { ask(s, "DELETE", location, "") }, func() { close(h.lastWatcher().done) }} {
			go func() { answers <- follow() }()
			synctest.Wait()
			end()
			<-answers
			location, _ = post(t, s, "/whep/hall")
		}
	})
}
