package hls

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tuttilive/tutti/internal/bench/hlscheck"
	"github.com/tuttilive/tutti/internal/media"
)

// pipes is a listener and a dialer in memory, so that HTTP runs in virtual time.
type pipes struct {
	conns chan net.Conn
	done  chan struct{}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}
func (p *pipes) Close() error   { return nil }
func (p *pipes) Addr() net.Addr { return &net.TCPAddr{} }

func (p *pipes) dial(context.Context, string, string) (net.Conn, error) {
	near, far := net.Pipe()
	p.conns <- far
	return near, nil
}

// overHTTP serves a handler and gives a client of it. Both end with stop.
func overHTTP(h http.Handler) (client *http.Client, stop func()) {
	p := &pipes{conns: make(chan net.Conn), done: make(chan struct{})}
	server := &http.Server{Handler: h}
	stopped := make(chan struct{})
	go func() { defer close(stopped); server.Serve(p) }()
	transport := &http.Transport{DialContext: p.dial, DisableCompression: true, MaxIdleConnsPerHost: 16}
	return &http.Client{Transport: transport}, func() {
		transport.CloseIdleConnections()
		close(p.done)
		server.Close()
		<-stopped
	}
}

var tone = &media.Format{Codec: media.AAC, SampleRate: 48000, Channels: 2, Config: []byte{0x11, 0x90}}

// shot is one picture of a source: how long after the one before it comes.
type shot struct {
	after time.Duration
	key   bool
}

// camera gives the distances of pictures; a keyframe comes at the first picture after each two seconds.
func camera(gaps ...time.Duration) func() shot {
	i, since := 0, time.Duration(0)
	first := true
	return func() shot {
		s := shot{after: gaps[i%len(gaps)]}
		i++
		if since += s.after; since >= 2*time.Second || first {
			s.key, since, first = true, 0, false
		}
		return s
	}
}

// play sends pictures and sound to a program as they would come, until ctx ends.
func (p *fakeProgram) play(ctx context.Context, pictures func() shot, sound bool) {
	const length = 1024 * time.Second / 48000
	send := func(f *media.Frame) bool {
		select {
		case p.frames <- f:
			return true
		case <-ctx.Done():
			return false
		}
	}
	begin := time.Now()
	next := pictures()
	at, blocks := next.after, 0
	for {
		heard := time.Duration(blocks) * length
		due := at
		if sound {
			due = min(at, heard)
		}
		time.Sleep(time.Until(begin.Add(due)))
		if ctx.Err() != nil {
			return
		}
		ok := true
		if sound && heard <= at {
			blocks++
			ok = send(&media.Frame{Format: tone, Payload: []byte{0x21, 0x10, 0x05}, PTS: heard, DTS: heard, Duration: length, Keyframe: true})
		} else {
			ok = send(&media.Frame{Format: wide, Payload: []byte{0, 0, 0, 1, 0x65}, PTS: at, DTS: at, Keyframe: next.key})
			next = pictures()
			at += next.after
		}
		if !ok {
			return
		}
	}
}

const ms = time.Millisecond

// TestEachClauseHolds has the checker walk along streams in virtual time, for longer than the window is.
func TestEachClauseHolds(t *testing.T) {
	muted := func() func() shot {
		n := 0
		lively := camera(33 * ms)
		return func() shot { // six seconds of pictures, then keyframes once a second
			if n++; n < 180 {
				return lively()
			}
			return shot{time.Second, true}
		}
	}
	for _, test := range []struct {
		name     string
		cut      Cut
		pictures func() shot
		sound    bool
	}{
		{"30 pictures a second", Cut{}, camera(33*ms, 33*ms, 34*ms), true},
		{"parts of 200 ms", Cut{Part: 200 * ms}, camera(33*ms, 34*ms), true},
		{"parts of 500 ms", Cut{Part: 500 * ms}, camera(16*ms, 17*ms), true},
		{"a browser that drops pictures", Cut{}, camera(33*ms, 34*ms, 50*ms, 33*ms, 66*ms, 120*ms, 33*ms, 31*ms, 250*ms, 33*ms, 40*ms), true},
		{"a browser that stalls", Cut{}, camera(33*ms, 34*ms, 800*ms, 33*ms, 33*ms, 33*ms, 1200*ms, 90*ms), true},
		{"8 pictures a second", Cut{}, camera(125 * ms), true},
		{"slides: 2 pictures a second", Cut{}, camera(500 * ms), true},
		{"a camera that is muted", Cut{}, muted(), true},
		{"a picture without sound", Cut{}, camera(40 * ms), false},
		{"a short window", Cut{Window: 10 * time.Second}, camera(33 * ms), true},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, h := door(t)
				if s.cut = test.cut; s.cut.Window == 0 {
					s.cut.Window = 16 * time.Second
				}
				p := h.goLive("show")
				client, stop := overHTTP(s)
				defer stop()
				ctx, cancel := context.WithCancel(t.Context())
				played := make(chan struct{})
				go func() { defer close(played); p.play(ctx, test.pictures, test.sound) }()
				result, err := hlscheck.Walk(ctx, "http://tutti/live/show/index.m3u8", hlscheck.Options{Duration: 24 * time.Second, Client: client})
				cancel()
				<-played
				if err != nil {
					t.Fatal(err)
				}
				var text strings.Builder
				result.Print(&text)
				t.Log("\n" + text.String())
				if n := result.Broken(); n > 0 {
					t.Errorf("%d clauses are broken", n)
				}
				if len(result.Findings()) < 30 {
					t.Errorf("only %d clauses were looked at", len(result.Findings()))
				}
			})
		})
	}
}

// TestSmallerSizesAreVariants has the checker walk along a stream of three sizes that come at different rates, with keyframes of their own.
func TestSmallerSizesAreVariants(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, h := door(t)
		s.cut.Window = 16 * time.Second
		p := h.goLive("show")
		medium, small := &fakeProgram{done: p.done, frames: make(chan *media.Frame)}, &fakeProgram{done: p.done, frames: make(chan *media.Frame)}
		p.mu.Lock()
		p.further = map[media.Size]*fakeProgram{{Width: 640, Height: 360}: medium, {Width: 320, Height: 180}: small}
		p.mu.Unlock()
		client, stop := overHTTP(s)
		defer stop()
		ctx, cancel := context.WithCancel(t.Context())
		var playing sync.WaitGroup
		defer playing.Wait()
		defer cancel()
		playing.Go(func() { p.play(ctx, camera(33*ms), true) })
		playing.Go(func() { medium.play(ctx, camera(33*ms, 41*ms), false) })
		playing.Go(func() { small.play(ctx, camera(66*ms), false) })
		index := get(s, "/live/show/index.m3u8").Body.String()
		if n := strings.Count(index, "#EXT-X-STREAM-INF"); n != 4 {
			t.Fatalf("the first playlist has %d variants:\n%s", n, index)
		}
		time.Sleep(6 * time.Second)
		result, err := hlscheck.Walk(ctx, "http://tutti/live/show/index.m3u8", hlscheck.Options{Duration: 24 * time.Second, Client: client})
		if err != nil {
			t.Fatal(err)
		}
		if n := result.Broken(); n > 0 || len(result.Playlists) != 4 {
			var text strings.Builder
			result.Print(&text)
			t.Errorf("%d clauses of %d playlists are broken:\n%s", n, len(result.Playlists), text.String())
		}
	})
}

// TestAStreamBeginsWithThePictureThatIsSent: a player that read a playlist of the sound alone would never see the picture. It is waited for, but
// not for ever, and only while it is sent.
func TestAStreamBeginsWithThePictureThatIsSent(t *testing.T) {
	for _, test := range []struct {
		name string
		// sends is for how long a picture is sent, keyframe when the first one comes.
		sends, keyframe time.Duration
		// least and most are when there is something to play, pictures how many sizes of the picture there are then.
		least, most time.Duration
		pictures    int
	}{
		{"no picture", 0, time.Hour, 0, 4 * time.Second, 0},
		{"a keyframe each minute", time.Hour, 50 * time.Second, 50 * time.Second, 54 * time.Second, 1},
		{"no keyframe", time.Hour, time.Hour, keyframeWait, keyframeWait + 4*time.Second, 0},
		{"it stops", 20 * time.Second, time.Hour, 20 * time.Second, 24 * time.Second, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, h := door(t)
				p := h.goLive("show")
				ctx, cancel := context.WithCancel(t.Context())
				var playing sync.WaitGroup
				defer playing.Wait()
				defer cancel()
				p.sends.Store(test.sends > 0)
				defer time.AfterFunc(test.sends, func() { p.sends.Store(false) }).Stop()
				lively, first := camera(40*ms), true
				begun := time.Now()
				playing.Go(func() {
					p.play(ctx, func() shot { // the reader leaves out what comes before the first keyframe
						next := lively()
						if first {
							first, next.after = false, test.keyframe
						}
						return next
					}, true)
				})
				w := get(s, "/live/show/index.m3u8")
				for tries := 0; w.Code == http.StatusServiceUnavailable && tries < 10; tries++ {
					if w.Header().Get("Retry-After") == "" {
						t.Error("not told when to ask again")
					}
					w = get(s, "/live/show/index.m3u8")
				}
				took, index := time.Since(begun), w.Body.String()
				if n := strings.Count(index, "RESOLUTION="); w.Code != http.StatusOK || n != test.pictures || took < test.least || took > test.most {
					t.Errorf("%d after %v:\n%s", w.Code, took, index)
				}
			})
		})
	}
}

// folderOf gives the folder of a room's media.
func folderOf(t *testing.T, s *Server, room string) string {
	t.Helper()
	w := get(s, "/live/"+room+"/index.m3u8")
	for line := range strings.Lines(w.Body.String()) {
		if !strings.HasPrefix(line, "#") {
			folder, _, _ := strings.Cut(line, "/")
			return "/live/" + room + "/" + folder + "/"
		}
	}
	t.Fatalf("index: %d %s", w.Code, w.Body)
	return ""
}

func TestWhoWaitsForWhatDoesNotComeIsToldSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, h := door(t)
		p := h.goLive("show")
		ctx, cancel := context.WithCancel(t.Context())
		played := make(chan struct{})
		go func() { defer close(played); p.play(ctx, camera(40*ms), true) }()
		folder := folderOf(t, s, "show")
		cancel() // the publisher is gone, and nothing else comes
		<-played
		stream := s.programs[any(p)].stream.Load()
		list := stream.Snapshot().Playlist("video.m3u8")
		msn := strings.Count(string(slices.Concat(list.Full().Body...)), "#EXTINF")
		var answers []chan int
		for _, path := range []string{
			fmt.Sprintf("video.m3u8?_HLS_msn=%d&_HLS_part=5", msn), fmt.Sprintf("video.m3u8?_HLS_msn=%d", msn), fmt.Sprintf("video-%d.%d.m4s", msn, hintOf(t, list.Full().Body)),
		} {
			c := make(chan int, 1)
			answers = append(answers, c)
			go func() { c <- get(s, folder+path).Code }()
		}
		begin := time.Now()
		for i, c := range answers {
			if code := <-c; code != http.StatusServiceUnavailable {
				t.Errorf("request %d: %d", i, code)
			}
		}
		if took := time.Since(begin); took < 6*time.Second || took > 7*time.Second {
			t.Errorf("they waited for %v", took)
		}
		for path, want := range map[string]int{
			fmt.Sprintf("video.m3u8?_HLS_msn=%d", msn+3): 400, "video.m3u8?_HLS_part=0": 400, "video.m3u8?_HLS_msn=x": 400,
			"video.m3u8?_HLS_msn=-1": 400, fmt.Sprintf("video-%d.40.m4s", msn): 404, fmt.Sprintf("video-%d.0.m4s", msn+1): 404, "video-0.99.m4s": 404,
			"video-0.00.m4s": 404, "video-0.0.m4s": 200, "video.m3u8?_HLS_msn=0": 200, "video.m3u8?_HLS_skip=YES": 200,
		} {
			if w := get(s, folder+path); w.Code != want {
				t.Errorf("%s: %d, want %d", path, w.Code, want)
			}
		}
	})
}

// hintOf is the index of the part that a playlist hints at.
func hintOf(t *testing.T, body [][]byte) (part int) {
	t.Helper()
	text := string(slices.Concat(body...))
	_, uri, _ := strings.Cut(text, `TYPE=PART,URI="video-`)
	var msn int
	if _, err := fmt.Sscanf(uri, "%d.%d.m4s", &msn, &part); err != nil {
		t.Fatal(err)
	}
	return part
}

func TestTheEndReleasesWhoWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, h := door(t)
		p := h.goLive("show")
		ctx, cancel := context.WithCancel(t.Context())
		played := make(chan struct{})
		go func() { defer close(played); p.play(ctx, camera(40*ms), true) }()
		folder := folderOf(t, s, "show")
		cancel()
		<-played
		answer := make(chan string)
		go func() { answer <- get(s, folder+"video.m3u8?_HLS_msn=2").Body.String() }()
		synctest.Wait()
		h.end("show")
		if text := <-answer; !strings.HasSuffix(text, "#EXT-X-ENDLIST\n") {
			t.Errorf("the answer is %s", text)
		}
	})
}
