package whip

import (
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/room"
	"github.com/tuttilive/tutti/internal/rtc"
)

func TestRequestsAreAnsweredByTheRFC(t *testing.T) {
	const trickle = "a=ice-ufrag:theirs\r\na=ice-pwd:theirpasswordtheirpassword\r\nm=audio 9 x\r\na=mid:0\r\na=candidate:1 1 udp 1 192.0.2.1 5 typ host\r\n"
	const restart = "a=ice-ufrag:newer\r\na=ice-pwd:newerpasswordnewerpassword\r\n"
	s, _, _ := door(t, Config{})
	whip, tag := post(t, s, "/whip/room", "Authorization", "Bearer sesame")
	whep, _ := post(t, s, "/whep/room")
	for _, test := range []struct {
		request, body string
		header        []string
		status        int
		code          string
	}{
		{"POST /whip/room", offer, []string{"Content-Type", "application/sdp; charset=utf-8", "Authorization", "bearer sesame"}, 201, ""},
		{"POST /whip/room", offer, []string{"Content-Type", sdpType, "Authorization", "Bearer a.b.c"}, 201, ""},
		{"POST /whip/room?key=sesame", offer, []string{"Content-Type", sdpType}, 201, ""},
		{"POST /whip/room", offer, []string{"Content-Type", sdpType, "X-Tutti-Key", "sesame"}, 201, ""},
		{"POST /whip/%E6%88%BF%E9%97%B4?key=sesame", offer, []string{"Content-Type", sdpType}, 201, ""},
		{"POST /whip/room", offer, []string{"Content-Type", sdpType}, 401, "unauthorized"},
		{"POST /whip/room", offer, []string{"Content-Type", sdpType, "Origin", "http://example.com"}, 401, "unauthorized"},
		{"POST /whip/room", offer, []string{"Content-Type", sdpType, "Origin", "https://elsewhere.example"}, 403, "forbidden"},
		{"POST /whip/room", offer, []string{"Content-Type", sdpType, "Origin", "null"}, 403, "forbidden"},
		{"POST /whip/room?key=sesame", offer, []string{"Content-Type", sdpType, "Origin", "https://elsewhere.example"}, 201, ""},
		{"POST /whep/room", offer, []string{"Content-Type", sdpType, "Origin", "https://elsewhere.example"}, 201, ""},
		{"POST /whip/room?key=wrong", offer, []string{"Content-Type", sdpType}, 401, "unauthorized"},
		{"POST /whip/room", offer, []string{"Content-Type", sdpType, "Authorization", "Bearer old.old.old"}, 401, "expired"},
		{"POST /whip/room", offer, []string{"Content-Type", sdpType, "Authorization", "Bearer x.y.z"}, 401, "unauthorized"},
		{"POST /whip/room?key=watch", offer, []string{"Content-Type", sdpType}, 403, "forbidden"},
		{"POST /whip/bad%20name?key=sesame", offer, []string{"Content-Type", sdpType}, 400, "bad_name"},
		{"POST /whip/full?key=sesame", offer, []string{"Content-Type", sdpType}, 409, "full"},
		{"POST /whip/room?key=sesame", offer, nil, 415, "bad_request"},
		{"POST /whip/room?key=sesame", offer, []string{"Content-Type", "application/json"}, 415, "bad_request"},
		{"POST /whip/room?key=sesame", "hello", []string{"Content-Type", sdpType}, 400, "bad_request"},
		{"POST /whip/room?key=sesame", "", []string{"Content-Type", sdpType}, 400, "bad_request"},
		{"POST /whip/room?key=sesame", "v=0\r\n", []string{"Content-Type", sdpType}, 406, "bad_request"},
		{"POST /whip/room?key=sesame", offer + strings.Repeat("a=x\r\n", 20_000), []string{"Content-Type", sdpType}, 413, "bad_request"},
		{"POST /whep/room", offer, []string{"Content-Type", sdpType}, 201, ""},
		{"POST /whep/quiet", offer, []string{"Content-Type", sdpType}, 404, "not_live"},
		{"POST /whep/locked", offer, []string{"Content-Type", sdpType}, 401, "unauthorized"},
		{"POST /whep/room", "hello", []string{"Content-Type", sdpType}, 400, "bad_request"},

		{"GET /whip/room", "", nil, 405, "bad_request"},
		{"HEAD /whip/room", "", nil, 405, ""},
		{"PUT /whip/room", "", nil, 405, "bad_request"},
		{"PATCH /whip/room", trickle, nil, 405, "bad_request"},
		{"DELETE /whip/room", "", nil, 405, "bad_request"},
		{"GET " + whip, "", nil, 405, "bad_request"},
		{"POST " + whip, offer, []string{"Content-Type", sdpType}, 405, "bad_request"},
		{"POST /whip", offer, nil, 404, "not_found"},
		{"POST /whip/", offer, nil, 404, "not_found"},
		{"POST /whip/a/b/c", offer, nil, 404, "not_found"},
		{"POST /other/room", offer, nil, 404, "not_found"},
		{"OPTIONS /whip/room", "", nil, 204, ""},
		{"OPTIONS " + whip, "", nil, 204, ""},

		{"PATCH " + whip, trickle, []string{"Content-Type", fragmentType, "If-Match", tag}, 204, ""},
		{"PATCH " + whip, trickle, []string{"Content-Type", fragmentType, "If-Match", "*"}, 204, ""},
		{"PATCH " + whip, trickle, []string{"Content-Type", fragmentType}, 204, ""},
		{"PATCH " + whip, "a=end-of-candidates\n", []string{"Content-Type", fragmentType}, 204, ""},
		{"PATCH " + whip, trickle, []string{"Content-Type", fragmentType, "If-Match", `"other"`}, 412, "bad_request"},
		{"PATCH " + whip, trickle, []string{"Content-Type", sdpType}, 415, "bad_request"},
		{"PATCH " + whip, "hello", []string{"Content-Type", fragmentType}, 400, "bad_request"},
		{"PATCH " + whip, "", []string{"Content-Type", fragmentType}, 400, "bad_request"},
		{"PATCH " + whip, strings.Repeat("a=candidate:1\n", 10_000), []string{"Content-Type", fragmentType}, 413, "bad_request"},
		{"PATCH " + whip, restart, []string{"Content-Type", fragmentType, "If-Match", tag}, 412, "bad_request"},
		{"PATCH /whip/room/unknown", trickle, []string{"Content-Type", fragmentType}, 404, "not_found"},
		{"PATCH " + strings.Replace(whip, "whip", "whep", 1), trickle, []string{"Content-Type", fragmentType}, 404, "not_found"},
		{"PATCH " + whip, restart, []string{"Content-Type", fragmentType, "If-Match", "*"}, 200, ""},
		{"PATCH " + whip, restart, []string{"Content-Type", fragmentType, "If-Match", tag}, 412, "bad_request"}, // the tag has changed
		{"PATCH " + whep, trickle, []string{"Content-Type", fragmentType}, 204, ""},

		{"DELETE /whip/room/unknown", "", nil, 404, "not_found"},
		{"DELETE " + strings.Replace(whip, "room", "other", 1), "", nil, 404, "not_found"},
		{"DELETE " + whip, "", nil, 200, ""},
		{"DELETE " + whip, "", nil, 404, "not_found"},
		{"DELETE " + whep, "", nil, 200, ""},
	} {
		method, path, _ := strings.Cut(test.request, " ")
		w := ask(s, method, path, test.body, test.header...)
		var body struct {
			Error struct{ Code, Message string }
		}
		if test.code != "" {
			if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil || body.Error.Message == "" {
				t.Errorf("%s %v: body %q: %v", test.request, test.header, w.Body, err)
			}
		}
		if w.Code != test.status || body.Error.Code != test.code {
			t.Errorf("%s %v: %d %s, want %d %s", test.request, test.header, w.Code, w.Body, test.status, test.code)
		}
		h := w.Header()
		if h.Get("Access-Control-Allow-Origin") != "*" || !strings.Contains(h.Get("Access-Control-Expose-Headers"), "Location") {
			t.Errorf("%s: CORS headers are missing: %v", test.request, h)
		}
		switch {
		case w.Code == 201 && (h.Get("Content-Type") != sdpType || !strings.HasPrefix(h.Get("Location"), path[:5]) || h.Get("ETag") == "" || h.Get("Accept-Patch") != fragmentType):
			t.Errorf("%s: headers %v", test.request, h)
		case w.Code == 405 && h.Get("Allow") == "", w.Code == 401 && h.Get("WWW-Authenticate") == "":
			t.Errorf("%s: headers %v", test.request, h)
		case method == "OPTIONS" && (h.Get("Accept-Patch") != fragmentType || h.Get("Accept-Post") != sdpType || !strings.Contains(h.Get("Access-Control-Allow-Headers"), "Authorization")):
			t.Errorf("%s: headers %v", test.request, h)
		}
	}
}

func TestPublisherIsAnIngestWithItsTracks(t *testing.T) {
	s, h, e := door(t, Config{})
	location, _ := post(t, s, "/whip/room?key=sesame", "User-Agent", "OBS-Studio/31.0 (Linux)")
	p, j := h.lastParticipant(), h.joins[0]
	if j.Kind != room.Ingest || j.Name != "OBS-Studio" || j.Identity == "" || j.Program.Door != "whip" {
		t.Errorf("joined as %+v", j)
	}
	if len(p.published) != 2 || p.published[0].Source != room.Microphone || p.published[1].Source != room.Camera ||
		p.published[1].MID != "1" || len(p.published[1].Layers) != 2 || !strings.HasPrefix(p.published[0].SID, "TR_") {
		t.Errorf("published %+v", p.published)
	}
	if codecs := e.last().cfg.Codecs; codecs[slices.IndexFunc(codecs, func(c media.Codec) bool { return c.Kind() == media.Video })] != media.H264 {
		t.Errorf("codecs %v", codecs)
	}
	ask(s, "DELETE", location, "")
	<-e.last().closed
	if why := <-p.left; why != room.LeftByItself {
		t.Errorf("left because of %v", why)
	}
}

func TestSecondTracksAreAScreen(t *testing.T) {
	s, h, _ := door(t, Config{})
	w := ask(s, "POST", "/whip/room?key=sesame", "v=0\r\nm=audio\r\nm=audio\r\nm=video\r\nm=video\r\nm=video\r\nm=video\r\n", "Content-Type", sdpType)
	if w.Code != 201 {
		t.Fatal(w.Code)
	}
	var sources []room.Source
	for _, pub := range h.lastParticipant().published {
		sources = append(sources, pub.Source)
	}
	if want := []room.Source{room.Microphone, room.ScreenShareAudio, room.Camera, room.ScreenShare}; !slices.Equal(sources, want) {
		t.Errorf("sources %v, want %v", sources, want)
	}
}

func TestSessionsEndForEveryReason(t *testing.T) {
	for _, test := range []struct {
		name string
		end  func(s *Server, location string, p *fakeParticipant, e *fakePeer)
		why  room.LeaveReason
	}{
		{"timeout", func(s *Server, _ string, p *fakeParticipant, e *fakePeer) { e.cfg.Handler.PeerClosed(rtc.ErrTimeout) }, room.LeftTimeout},
		{"removed", func(s *Server, _ string, p *fakeParticipant, e *fakePeer) {
			p.obs.RoomEvent(room.ParticipantLeft{Participant: p.self, Reason: room.LeftRemoved})
		}, room.LeftByItself},
		{"replaced", func(s *Server, _ string, p *fakeParticipant, e *fakePeer) {
			p.obs.RoomEvent(room.ParticipantLeft{Participant: p.self, Reason: room.LeftDuplicate})
		}, room.LeftByItself},
		{"room closed", func(s *Server, _ string, p *fakeParticipant, e *fakePeer) {
			p.obs.RoomEvent(room.RoomClosed{Reason: room.LeftRoomClosed})
		}, room.LeftByItself},
		{"server closed", func(s *Server, _ string, p *fakeParticipant, e *fakePeer) { s.Close() }, room.LeftServerShutdown},
	} {
		t.Run(test.name, func(t *testing.T) {
			s, h, e := door(t, Config{})
			location, _ := post(t, s, "/whip/room?key=sesame")
			p := h.lastParticipant()
			p.obs.RoomEvent(room.ParticipantLeft{Participant: room.Participant{SID: "PA_other"}}) // nobody we know
			test.end(s, location, p, e.last())
			if why := <-p.left; why != test.why {
				t.Errorf("left because of %v, want %v", why, test.why)
			}
			<-e.last().closed
			s.ending.Wait()
			if w := ask(s, "DELETE", location, ""); w.Code != 404 {
				t.Errorf("the session is still there: %d", w.Code)
			}
			if n := s.limits.all; n != (tally{}) || len(s.limits.byAddress) != 0 {
				t.Errorf("places are still taken: %+v", n)
			}
		})
	}
}

func TestRefusedOffersLeaveNothingBehind(t *testing.T) {
	s, h, e := door(t, Config{})
	for _, path := range []string{"/whip/room?key=wrong", "/whip/full?key=sesame", "/whep/quiet"} {
		if w := ask(s, "POST", path, offer, "Content-Type", sdpType); w.Code < 400 {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
	for _, body := range []string{"refuse", "v=0 refuse", "v=0\r\n"} {
		if w := ask(s, "POST", "/whip/room?key=sesame", body, "Content-Type", sdpType); w.Code < 400 {
			t.Errorf("%q: %d", body, w.Code)
		}
	}
	ask(s, "POST", "/whep/room", "v=0 refuse", "Content-Type", sdpType)
	<-h.lastWatcher().closed
	for _, p := range e.peers {
		<-p.closed
	}
	if len(h.entered) != 0 || len(s.sessions) != 0 || s.limits.all != (tally{}) {
		t.Errorf("%d entered, %d sessions, %+v places", len(h.entered), len(s.sessions), s.limits.all)
	}
}

func TestViewerGetsTheProgramsPictureWhereItCan(t *testing.T) {
	const noH264 = "v=0\r\na=rtpmap:45 av1/90000\r\na=rtpmap:96 VP9/90000\r\na=rtpmap:111 opus/48000/2\r\n"
	for _, test := range []struct {
		now  media.Codec
		in   string
		want media.Codec
	}{
		{media.H264, offer, media.H264},
		{media.VP8, offer, media.VP8},
		{media.AV1, offer, media.H264},
		{media.NoCodec, offer, media.H264},
		{media.NoCodec, noH264, media.AV1},
		{media.VP9, noH264, media.VP9},
		{media.H264, noH264, media.AV1},
		{media.VP8, "v=0\r\nm=audio 9 x\r\na=rtpmap:111 opus/48000/2\r\n", media.H264},
	} {
		s, h, e := door(t, Config{})
		h.picture = test.now
		if w := ask(s, "POST", "/whep/room", test.in, "Content-Type", sdpType); w.Code != 201 {
			t.Fatal(w.Code, w.Body)
		}
		if got := h.lastWatcher().given; got != test.want || !slices.Equal(e.last().cfg.Codecs, []media.Codec{media.Opus, test.want}) {
			t.Errorf("program in %v: given %v of %v, want %v", test.now, got, e.last().cfg.Codecs, test.want)
		}
	}
}

func TestViewersEndWithTheProgram(t *testing.T) {
	s, h, e := door(t, Config{})
	location, _ := post(t, s, "/whep/room")
	close(h.lastWatcher().done)
	<-h.lastWatcher().closed
	<-e.last().closed
	s.ending.Wait()
	if w := ask(s, "DELETE", location, ""); w.Code != 404 {
		t.Error(w.Code)
	}
}

func TestNobodyTakesAllPlaces(t *testing.T) {
	s, _, e := door(t, Config{MaxSessions: 16, MaxPerAddress: 8})
	from := func(address string) int {
		return ask(s, "POST", "/whep/room", offer, "Content-Type", sdpType, "From", address).Code
	}
	if a, b, c := from("192.0.2.1:1"), from("192.0.2.1:2"), from("192.0.2.1:3"); a != 201 || b != 201 || c != 429 {
		t.Errorf("unconnected sessions of one address: %d %d %d", a, b, c)
	}
	for _, p := range e.peers {
		p.cfg.Handler.PeerConnected()
		p.cfg.Handler.PeerConnected() // does not count twice
	}
	for i := range 6 {
		if got := from(fmt.Sprintf("192.0.2.1:%d", i)); got != 201 {
			t.Fatalf("session %d: %d", i, got)
		}
		e.last().cfg.Handler.PeerConnected()
	}
	if got := from("192.0.2.1:9"); got != 429 {
		t.Errorf("more than 8 sessions of one address: %d", got)
	}
	if a, b, c := from("[2001:db8::1]:1"), from("[2001:db8::2]:1"), from("[2001:db8::3]:1"); a != 201 || b != 201 || c != 429 {
		t.Errorf("one network in IPv6: %d %d %d", a, b, c)
	}
	if a, b, c := from("[2001:db8:1::1]:1"), from("198.51.100.1:1"), from("198.51.100.2:1"); a != 201 || b != 201 || c != 503 {
		t.Errorf("unconnected sessions overall: %d %d %d", a, b, c)
	}
}

func TestClosedDoorRefuses(t *testing.T) {
	s, _, e := door(t, Config{})
	if err := s.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	if w := ask(s, "POST", "/whep/room", offer, "Content-Type", sdpType); w.Code != 503 {
		t.Error(w.Code)
	}
	<-e.last().closed
}

func TestNamesOfPrograms(t *testing.T) {
	for agent, want := range map[string]string{
		"": "WHIP", "OBS-Studio/31.0": "OBS-Studio", "Mozilla/5.0 (X11)": "Browser", "GStreamer souphttpsrc 1.22": "GStreamer",
		"Lavf/60.3.100": "Lavf", "<script>/1": "WHIP", strings.Repeat("x", 99): "WHIP",
	} {
		if got := program(agent); got != want {
			t.Errorf("%q is %q, want %q", agent, got, want)
		}
	}
}

func FuzzRequest(f *testing.F) {
	f.Add("POST", "/whip/room", sdpType, offer)
	f.Add("PATCH", "/whip/room/id", fragmentType, "a=candidate:1\r\n")
	f.Add("DELETE", "/whep//", "", "")
	s, _, _ := door(f, Config{})
	f.Fuzz(func(t *testing.T, method, path, kind, body string) {
		r := httptest.NewRequest("POST", "/", strings.NewReader(body))
		r.Method, r.URL.Path = method, path
		r.Header.Set("Content-Type", kind)
		r.Header.Set("Authorization", "Bearer sesame")
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		if w.Code == 201 {
			if end := ask(s, "DELETE", w.Header().Get("Location"), ""); end.Code != 200 {
				t.Errorf("%s cannot be deleted: %d", w.Header().Get("Location"), end.Code)
			}
		}
		if w.Code == 500 {
			t.Errorf("%s %s: %s", method, path, w.Body)
		}
	})
}
