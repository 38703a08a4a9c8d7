package pull

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tuttilive/tutti/internal/auth"
	"github.com/tuttilive/tutti/internal/codec"
	"github.com/tuttilive/tutti/internal/dial"
	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/media/mediatest"
	"github.com/tuttilive/tutti/internal/mux/hls/m3u8"
	"github.com/tuttilive/tutti/internal/room"
	"github.com/tuttilive/tutti/internal/room/intake"
	"github.com/tuttilive/tutti/internal/store"
	"github.com/tuttilive/tutti/internal/studio"
	"github.com/tuttilive/tutti/internal/studio/ingest"
)

// kept keeps sources in memory.
type kept struct {
	mu  sync.Mutex
	all map[string][]Source
}

func (k *kept) All() (map[string][]Source, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	all := map[string][]Source{}
	for name, list := range k.all {
		all[name] = list
	}
	return all, nil
}

func (k *kept) Put(name string, list []Source) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.all[name] = list
	return nil
}

func (k *kept) Delete(name string) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.all, name)
	return nil
}

// camera is a source that works.
func camera(ctx context.Context, _ Dialer, _ Source, to receiver) error {
	format := mediatest.H264Format(320, 180)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		at := media.Now()
		if err := to.Write(&media.Frame{Format: format, Payload: mediatest.H264(true, 100), PTS: at, DTS: at, Keyframe: true}); err != nil {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func open(t *testing.T, k *kept, f fetcher) (*Puller, *studio.House) {
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
	p, err := newPuller(Options{Dialer: dial.New(nil), Linger: 50 * time.Millisecond, Log: log}, k)
	if err != nil {
		t.Fatal(err)
	}
	p.fetchers = map[string]fetcher{"rtmp": f}
	h := studio.NewHouse(studio.Options{
		Keys: auth.Keys{Key: "APItest", Secret: "a secret that is long enough for HS256"}, Rooms: policies, Workers: codec.FindWorkers("off"), Fetcher: p, Log: log,
	})
	t.Cleanup(func() { p.Close(); h.Close() })
	p.Open(h)
	return p, h
}

func ref[T any](v T) *T { return &v }

// until waits until a room's only source is as it should be.
func until(t *testing.T, p *Puller, what string, is func(Status) bool) Status {
	t.Helper()
	for begun := time.Now(); ; time.Sleep(5 * time.Millisecond) {
		if list := p.Of("tea"); len(list) == 1 && is(list[0]) {
			return list[0]
		} else if time.Since(begun) > 30*time.Second {
			t.Fatalf("%s: %+v", what, list)
		}
	}
}

func TestTheFirstViewerStartsASourceAndTheLastEndsIt(t *testing.T) {
	p, h := open(t, &kept{all: map[string][]Source{}}, camera)
	st, err := p.Add("tea", Change{URL: ref("rtmp://example.org/live/tea?key=sesame")}, false)
	if err != nil || st.State != Idle || st.Mode != Demand || strings.Contains(st.Address, "sesame") {
		t.Fatalf("%+v, %v", st, err)
	}
	if _, err := h.Tap("tea"); !errors.Is(err, studio.ErrNotLive) {
		t.Fatalf("it is live unasked: %v", err)
	}
	w, err := h.Watch("tea", "flv")
	if err != nil {
		t.Fatal(err)
	}
	until(t, p, "live", func(s Status) bool { return s.State == Live })
	s, err := h.Studio("tea")
	if err != nil || len(s.Encoders()) != 1 || s.Encoders()[0].Program.Door != "pull" {
		t.Fatalf("the source is not in the room: %v", err)
	}
	w.Close()
	until(t, p, "left", func(s Status) bool { return s.State == Idle })
	if len(s.Encoders()) != 0 {
		t.Error("the source stays in the room")
	}
}

func TestAChangedSourceThatWasFetchedIsFetchedAnew(t *testing.T) {
	p, h := open(t, &kept{all: map[string][]Source{}}, camera)
	st, err := p.Add("tea", Change{URL: ref("rtmp://example.org/live/tea")}, false)
	if err != nil {
		t.Fatal(err)
	}
	change := func(c Change) State {
		st, err := p.Set("tea", st.ID, c, false)
		if err != nil {
			t.Fatal(err)
		}
		return st.State
	}
	if is := change(Change{URL: ref("rtmp://example.org/live/coffee")}); is != Idle {
		t.Errorf("nobody has wanted it, and it is %s", is)
	}
	w, err := h.Watch("tea", "flv")
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if is := change(Change{URL: ref("rtmp://example.org/live/milk")}); is == Idle {
		t.Error("it is not fetched for who watches")
	}
	until(t, p, "live again", func(s Status) bool { return s.State == Live })
	if is := change(Change{Enabled: ref(false)}); is != Idle {
		t.Errorf("switched off, and it is %s", is)
	}
}

func TestWhoComesWhileASourceIsLeftHasItFetched(t *testing.T) {
	leaving, leave := make(chan struct{}), make(chan struct{})
	times := 0
	p, h := open(t, &kept{all: map[string][]Source{}}, func(ctx context.Context, d Dialer, s Source, to receiver) error {
		err := camera(ctx, d, s, to)
		if times++; times == 1 {
			close(leaving)
			<-leave
		}
		return err
	})
	if _, err := p.Add("tea", Change{URL: ref("rtmp://example.org/live/tea")}, false); err != nil {
		t.Fatal(err)
	}
	w, err := h.Watch("tea", "flv")
	if err != nil {
		t.Fatal(err)
	}
	w.Close()
	<-leaving
	if w, err = h.Watch("tea", "flv"); err != nil { // the encoder is in the room still
		t.Fatal(err)
	}
	defer w.Close()
	s, err := h.Studio("tea")
	if err != nil {
		t.Fatal(err)
	}
	first := s.Encoders()
	close(leave)
	for begun := time.Now(); ; time.Sleep(5 * time.Millisecond) {
		if now := s.Encoders(); len(now) == 1 && now[0].SID != first[0].SID {
			return
		} else if time.Since(begun) > 30*time.Second {
			t.Fatalf("nothing comes: %+v", now)
		}
	}
}

func TestASourceIsFetchedAlways(t *testing.T) {
	k := &kept{all: map[string][]Source{"tea": {{ID: "one", URL: "rtmp://example.org/live/tea", Mode: Always, Enabled: true}}}}
	p, h := open(t, k, camera)
	until(t, p, "live from the start", func(s Status) bool { return s.State == Live })
	if _, err := p.Set("tea", "one", Change{Enabled: ref(false)}, false); err != nil {
		t.Fatal(err)
	}
	if s, err := h.Studio("tea"); err == nil {
		for begun := time.Now(); len(s.Encoders()) != 0; time.Sleep(5 * time.Millisecond) {
			if time.Since(begun) > 30*time.Second {
				t.Fatal("it is fetched after it was switched off")
			}
		}
	}
	if h.Want("tea") || h.Want("coffee") {
		t.Error("something is fetched that is not there")
	}
	if err := p.Remove("tea", "one", false); err != nil || len(k.all) != 0 || len(p.Of("tea")) != 0 {
		t.Errorf("taken away: %v, %v", err, k.all)
	}
	for range maxSources {
		if _, err := p.Add("tea", Change{URL: ref("rtmp://example.org/live/tea"), Enabled: ref(false)}, false); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := p.Add("tea", Change{URL: ref("rtmp://example.org/live/tea")}, false); !errors.Is(err, ErrTooMany) {
		t.Errorf("one too many: %v", err)
	}
	if err := h.Delete("tea"); err != nil {
		t.Fatal(err)
	}
	if len(p.Of("tea")) != 0 {
		t.Error("whoever gets the room's name gets its sources")
	}
}

func TestASourceThatFailsIsTriedAgain(t *testing.T) {
	var mu sync.Mutex
	tries := 0
	p, _ := open(t, &kept{all: map[string][]Source{}}, func(ctx context.Context, d Dialer, s Source, to receiver) error {
		mu.Lock()
		tries++
		first := tries == 1
		mu.Unlock()
		if first {
			return dial.Denial{Code: "sesame", Words: "no stream sesame here"}
		}
		return camera(ctx, d, s, to)
	})
	if _, err := p.Add("tea", Change{URL: ref("rtmp://example.org/live/tea?key=sesame"), Mode: ref(Always)}, false); err != nil {
		t.Fatal(err)
	}
	st := until(t, p, "failed", func(s Status) bool { return s.State == Waiting || s.State == Live })
	if st.State == Waiting && (st.Attempts != 1 || strings.Contains(st.Error, "sesame") || !strings.Contains(st.Error, "refuses") || st.Reason != dial.Denied || st.Code != "") {
		t.Errorf("%+v", st)
	}
	if st := until(t, p, "live", func(s Status) bool { return s.State == Live }); st.Error != "" || st.Reason != "" || st.Attempts != 0 {
		t.Errorf("%+v", st)
	}
	for failed := range 20 {
		for range 100 {
			if w, due := waitBefore(failed+1, errEnded), min(firstWait<<min(failed, 10), longestWait); w < due/2 || w > due*3/2 {
				t.Fatalf("waits %v after %d", w, failed+1)
			}
		}
	}
	if w := waitBefore(1, fmt.Errorf("writing: %w", ingest.ErrRemoved)); w < longestWait {
		t.Errorf("comes back %v after a host has sent it away", w)
	}
}

func TestSources(t *testing.T) {
	for address, shown := range map[string]string{
		"rtmp://example.org/live/secret?key=k":              "rtmp://example.org/live/" + dial.Hidden + "?" + dial.Hidden,
		"rtmps://u:p@example.org:1936/a/b/secret":           "rtmps://example.org:1936/a/b/" + dial.Hidden,
		"rtmp://example.org/live/secret/":                   "rtmp://example.org/live/" + dial.Hidden,
		"rtmp://example.org/live/secret//":                  "rtmp://example.org/live/" + dial.Hidden,
		"rtmp://example.org/live/s%2Fcret":                  "rtmp://example.org/live/" + dial.Hidden,
		"srt://example.org:8890?streamid=secret&passphrase": "srt://example.org:8890?" + dial.Hidden,
		"https://example.org/a/index.m3u8?token=secret":     "https://example.org/" + dial.Hidden + "?" + dial.Hidden,
		"https://example.org/live/~t1.secret/a/index.m3u8":  "https://example.org/" + dial.Hidden,
	} {
		s := Source{URL: address, Mode: Demand, Operator: true}
		if err := s.check(); err != nil || s.address() != shown {
			t.Errorf("%s is shown as %s, %v", address, s.address(), err)
		}
	}
	for address, want := range map[string]string{"rtmp://h/a/b/c": "a/b c", "rtmp://h/a/b%2Fc": "a b%2Fc", "rtmp://h//a//b/": "a/ b", "rtmp://h/a%2Fb": "a%2Fb "} {
		u, err := url.Parse(address)
		if app, stream := streamOf(u); err != nil || app+" "+stream != want {
			t.Errorf("%s is read as %q, %q", address, app, stream)
		}
	}
	for _, address := range []string{"", "rtmp://example.org", "rtmp://example.org/live", "rtmp:///live/x", "srt://example.org", "file:///etc/passwd", "ftp://example.org/x", "http://", "rtmp://example.org/live/x#y", "rtmp://example.org:80/live%2Fx", "rtmp://example.org/live%2Fx/", "rtmp:live/x", "rtmp://example.org/live/" + strings.Repeat("x", maxURL)} {
		if err := (Source{URL: address, Mode: Demand}).check(); !errors.Is(err, ErrSource) {
			t.Errorf("%s: %v", address, err)
		}
	}
	if err := (Source{URL: "rtmp://example.org/live/x", Mode: "sometimes"}).check(); !errors.Is(err, ErrSource) {
		t.Errorf("a mode that is none: %v", err)
	}
}

func TestOperatorsAloneChooseSRT(t *testing.T) {
	k := &kept{all: map[string][]Source{"old": {{ID: "one", URL: "srt://h:1", Mode: Always, Enabled: true}}}}
	p, house := open(t, k, camera)
	for address, forOperators := range map[string]bool{"srt://h:1": true, "SRT://h:1": true, " Srt://h:1?streamid=x": true, "rtmp://h/srt/x": false} {
		off := Change{URL: &address, Enabled: ref(false)}
		if _, err := p.Add("tea", off, false); forOperators != errors.Is(err, ErrOperators) || !forOperators && err != nil {
			t.Errorf("a host adds %q: %v", address, err)
		}
		st, err := p.Add("of operators", off, true)
		if err != nil || !st.Operator {
			t.Fatalf("an operator adds %q: %+v, %v", address, st, err)
		}
		for name, c := range map[string]Change{"address": {URL: ref("rtmp://other/a/b")}, "switch": {Enabled: ref(true)}, "name": {Name: ref("mine")}} {
			if _, err := p.Set("of operators", st.ID, c, false); !errors.Is(err, ErrNotYours) {
				t.Errorf("a host changes the %s of %q: %v", name, address, err)
			}
		}
		if err := p.Remove("of operators", st.ID, false); !errors.Is(err, ErrNotYours) {
			t.Errorf("a host removes %q: %v", address, err)
		}
	}
	// One that a host chose before is not fetched until an operator takes it over.
	var told bytes.Buffer
	again, err := newPuller(Options{Dialer: dial.New(nil), Log: slog.New(slog.NewTextHandler(&told, nil))}, &kept{all: map[string][]Source{
		"old": {{ID: "one", URL: "srt://h:1", Mode: Always, Enabled: true}, {ID: "off", URL: "srt://h:1", Mode: Always}, {ID: "demand", URL: "rtmp://h/a/b", Mode: Demand, Enabled: true}}}})
	if err != nil {
		t.Fatal(err)
	}
	again.Open(house)
	again.Close()
	if text := told.String(); strings.Count(text, "\n") != 1 || !strings.Contains(text, "level=WARN") || !strings.Contains(text, "room=old source=one ") {
		t.Errorf("the log says %s", text)
	}
	if list := p.Of("old"); len(list) != 1 || list[0].State != Idle || list[0].Error != ErrOperators.Error() || p.Fetches("old") {
		t.Errorf("%+v", list)
	}
	if st, err := p.Set("old", "one", Change{Enabled: ref(true)}, true); err != nil || !st.Operator || !p.Fetches("old") {
		t.Errorf("%+v, %v", st, err)
	}
}

func TestWhatASourceSendsDoesNotEndTheServer(t *testing.T) {
	p, _ := open(t, &kept{all: map[string][]Source{}}, func(context.Context, Dialer, Source, receiver) error {
		panic("what nobody has thought of")
	})
	if _, err := p.Add("tea", Change{URL: ref("rtmp://example.org/live/tea"), Mode: ref(Always)}, false); err != nil {
		t.Fatal(err)
	}
	if st := until(t, p, "failed", func(s Status) bool { return s.State == Waiting }); st.Error != errPanic.Error() {
		t.Errorf("%+v", st)
	}
	until(t, p, "tried again", func(s Status) bool { return s.Attempts == 2 })
}

// served dials one server, whatever is asked for.
type served struct {
	Dialer
	address string
}

func (d served) Client(timeout time.Duration) *http.Client {
	return &http.Client{Timeout: timeout, Transport: &http.Transport{DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, d.address)
	}}}
}

func TestALongPlaylistIsNotRead(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		defer z.Close()
		io.WriteString(z, "#EXTM3U\n"+strings.Repeat("a\n", maxPlaylist/2))
	}))
	defer server.Close()
	err := fetchHLS(context.Background(), served{address: server.Listener.Addr().String()}, Source{URL: "http://example.org/x.m3u8"}, &told{})
	if !errors.Is(err, errLongPlaylist) {
		t.Errorf("it is read: %v", err)
	}
}

// TestWhatOfHLSIsNotRead has playlists that cannot be fetched refused, with a sentence that says what about them.
func TestWhatOfHLSIsNotRead(t *testing.T) {
	const begin = "#EXTM3U\n#EXT-X-TARGETDURATION:2\n"
	for name, c := range map[string]struct {
		playlist string
		want     error
		says     string
	}{
		"SAMPLE-AES": {begin + "#EXT-X-KEY:METHOD=SAMPLE-AES,URI=\"key\"\n#EXTINF:2,\na.ts\n", errDRM, "SAMPLE-AES"},
		"DRM":        {begin + "#EXT-X-KEY:METHOD=AES-128,URI=\"skd://key\",KEYFORMAT=\"com.apple.streamingkeydelivery\"\n#EXTINF:2,\na.ts\n", errDRM, "DRM"},
		"no key":     {begin + "#EXT-X-KEY:METHOD=AES-128,URI=\"a.ts\"\n#EXTINF:2,\na.ts\n", errNoKey, "no key of AES-128"},
		"wrong key":  {begin + "#EXT-X-KEY:METHOD=AES-128,URI=\"key\"\n#EXTINF:2,\na.ts\n", errWrongKey, "decrypted"},
		"ranges":     {begin + "#EXTINF:2,\n#EXT-X-BYTERANGE:5@0\na.ts\n", errRanges, "EXT-X-BYTERANGE"},
		"sound":      {begin + "#EXTINF:2,\na.aac\n", errPacked, "neither transport streams"},
		"sound apart": {"#EXTM3U\n#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",NAME=\"a\",URI=\"media\"\n#EXT-X-STREAM-INF:BANDWIDTH=1,AUDIO=\"a\"\nmedia\n",
			errApart, "sound apart"},
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, map[string]string{"/x.m3u8": c.playlist, "/media": begin + "#EXTINF:2,\na.ts\n", "/key": "sixteen bytes it", "/a.aac": "ID3",
				"/a.ts": "no transport stream"}[r.URL.Path])
		}))
		err := fetchHLS(context.Background(), served{address: server.Listener.Addr().String()}, Source{URL: "http://example.org/x.m3u8"}, &told{})
		if !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
		if reason, _ := (Source{}).reasonOf(err); reason != troubles[c.want] && (troubles[c.want] != "" || reason != dial.Broken) {
			t.Errorf("%s is told as %q", name, reason)
		}
		server.Close()
	}
}

func TestASegmentsNumberIsItsVectorWhereNoneIsGiven(t *testing.T) {
	key, number := "sixteen bytes it", uint64(300)
	block, err := aes.NewCipher([]byte(key))
	if err != nil {
		t.Fatal(err)
	}
	secret := make([]byte, 16)
	cipher.NewCBCEncrypter(block, []byte("\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x2c")).CryptBlocks(secret, []byte("hello, hello\x04\x04\x04\x04"))
	at, err := url.Parse("http://example.org/")
	if err != nil {
		t.Fatal(err)
	}
	r := rendition{at: at, client: &hlsClient{keyAt: "http://example.org/key", keyIs: []byte(key)}}
	b, err := r.decrypt(t.Context(), hlsSegment{number: number, key: &m3u8.Key{Method: "AES-128", Format: "identity", URI: "key"}}, secret)
	if err != nil || string(b) != "hello, hello" {
		t.Errorf("%q, %v", b, err)
	}
}

func TestTheVariantThatCanBeTakenIsChosen(t *testing.T) {
	const sounds = "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",NAME=\"de\",URI=\"de\"\n#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",NAME=\"en\",DEFAULT=YES,URI=\"en\"\n#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"b\",NAME=\"in\"\n" +
		"#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"c\",NAME=\"in\",DEFAULT=YES\n#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"c\",NAME=\"commentary\",URI=\"commentary\"\n"
	for _, c := range []struct{ variants, picture, sound string }{
		{"#EXT-X-STREAM-INF:BANDWIDTH=1\nsmall\n#EXT-X-STREAM-INF:BANDWIDTH=2\nlarge\n", "large", ""},
		{"#EXT-X-STREAM-INF:BANDWIDTH=1,CODECS=\"avc1.640028,mp4a.40.2\"\nplain\n#EXT-X-STREAM-INF:BANDWIDTH=9,CODECS=\"avc1.640028,ec-3\"\ndolby\n", "plain", ""},
		{"#EXT-X-STREAM-INF:BANDWIDTH=9,CODECS=\"dvh1.05\"\nvision\n", "vision", ""}, // what it is is said when it is read
		{"#EXT-X-STREAM-INF:BANDWIDTH=1,AUDIO=\"a\"\nv\n", "v", "en"},
		{"#EXT-X-STREAM-INF:BANDWIDTH=1,AUDIO=\"b\"\nv\n", "v", ""},
		{"#EXT-X-STREAM-INF:BANDWIDTH=1,AUDIO=\"c\"\nv\n", "v", ""},
	} {
		picture, sound, err := choose("#EXTM3U\n" + sounds + c.variants)
		if err != nil || picture != c.picture || sound != c.sound {
			t.Errorf("%q: %q and %q, %v", c.variants, picture, sound, err)
		}
	}
}

func TestInsideAddressesAreNotFetchedFrom(t *testing.T) {
	d := dial.New(nil)
	for address, f := range map[string]fetcher{
		"rtmp://127.0.0.1/live/x": fetchRTMP, "rtmps://[::1]/live/x": fetchRTMP, "srt://127.0.0.1:8890": fetchSRT, "srt://10.0.0.1:8890": fetchSRT,
		"http://127.0.0.1/x.m3u8": fetchHLS, "http://169.254.169.254/x.m3u8": fetchHLS,
	} {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		err := f(ctx, d, Source{URL: address, Mode: Demand}, &told{})
		cancel()
		if !errors.Is(err, dial.ErrRefused) {
			t.Errorf("%s: %v", address, err)
		}
	}
}

func TestWhatIsSecretIsNotTold(t *testing.T) {
	for address, said := range map[string]string{
		"rtmp://h/app/sesame/":                  "no stream sesame",
		"rtmp://h/app/se%20same%2Fopen":         "no stream se same/open and no se%20same%2Fopen",
		"rtmp://h/app/x?key=ses%26ame&a":        "no key ses&ame, ses%26ame",
		"rtmp://h/app/ses?key=sesame":           "no stream ses?key=sesame",
		"http://user:ses%3Dame@h/a/index.m3u8":  "no user:ses%3Dame, no ses=ame",
		"srt://h:1?streamid=se+same&passphrase": "no se same, se+same",
		"http://h/a/ses%3Dame/index.m3u8":       "no ses%3Dame, no /ses=ame/",
	} {
		told := Source{URL: address}.withoutSecret(errors.New(said))
		if strings.Contains(told, "ame") || !strings.Contains(told, "no ") || !strings.Contains(told, dial.Hidden) {
			t.Errorf("%s: %q becomes %q", address, said, told)
		}
	}
}

func TestWhatIsAheadIsHeldBackOnce(t *testing.T) {
	took := make(chan time.Duration, 1)
	p, _ := open(t, &kept{all: map[string][]Source{}}, func(ctx context.Context, _ Dialer, _ Source, to receiver) error {
		format, at := mediatest.H264Format(320, 180), media.Now()
		began := time.Now()
		for i := range 6 { // all read at one time, as those of one piece of a segment are
			dts := at + time.Duration(min(i, 1))*3000*time.Millisecond + time.Duration(i)*time.Millisecond
			if err := to.Write(&media.Frame{Format: format, Payload: mediatest.H264(true, 100), PTS: dts, DTS: dts, Keyframe: true}); err != nil {
				return err
			}
		}
		select {
		case took <- time.Since(began):
		default:
		}
		return camera(ctx, nil, Source{}, to)
	})
	if _, err := p.Add("tea", Change{URL: ref("rtmp://example.org/live/tea"), Mode: ref(Always)}, false); err != nil {
		t.Fatal(err)
	}
	if d := <-took; d > 9*time.Second { // 2 s, or 10 s where it is held back for each
		t.Errorf("what is 3 s ahead is held back for %v", d)
	}
}

func TestASourceWithoutFramesIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := func(ctx context.Context, _ Dialer, _ Source, to receiver) error {
			for ctx.Err() == nil {
				to.More()
				time.Sleep(time.Second)
			}
			return ctx.Err()
		}
		x := &session{puller: &Puller{fetchers: map[string]fetcher{"srt": f}}, source: Source{URL: "srt://example.org:1"}, log: slog.New(slog.DiscardHandler)}
		began := time.Now()
		if _, err := x.fetch(context.Background()); err != errSilent || time.Since(began) > connectWithin+time.Second {
			t.Errorf("given up after %v: %v", time.Since(began), err)
		}
	})
}

func TestWhatIsWrongBeforeTheFirstFrameIsTold(t *testing.T) {
	p, h := open(t, &kept{all: map[string][]Source{}}, func(ctx context.Context, d Dialer, s Source, to receiver) error {
		to.Broken(media.Audio, errEnded)
		return camera(ctx, d, s, to)
	})
	if _, err := p.Add("tea", Change{URL: ref("rtmp://example.org/live/tea"), Mode: ref(Always)}, false); err != nil {
		t.Fatal(err)
	}
	until(t, p, "told", func(Status) bool {
		s, err := h.Studio("tea")
		return err == nil && len(s.Encoders()) == 1 && strings.HasPrefix(s.Encoders()[0].Attributes[studio.WarningAttribute+"broken_media"], "The source sends a sound")
	})
}

func TestASourceReplacesNoEncoder(t *testing.T) {
	p, h := open(t, &kept{all: map[string][]Source{}}, camera)
	if err := h.ChangeIntake("tea", func(s *intake.Settings) error { s.Conflict = intake.Replace; return nil }); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Add("tea", Change{URL: ref("rtmp://example.org/live/tea"), Mode: ref(Always)}, false); err != nil {
		t.Fatal(err)
	}
	until(t, p, "live", func(s Status) bool { return s.State == Live })
	claims := studio.ClaimsOf(auth.Publisher, "tea")
	e, err := h.EnterEncoder(studio.Encoder{Room: "tea", Claims: claims}, room.Program{Door: "rtmp"}, &ingest.Observer{Kick: func(error) {}})
	if err != nil {
		t.Fatal(err)
	}
	st := until(t, p, "sent away and refused", func(s Status) bool { return s.State == Waiting && s.Attempts == 2 })
	if st.Error != intake.ErrPublished.Error() {
		t.Errorf("%+v", st)
	}
	e.Leave(room.LeftByItself)
	until(t, p, "live again", func(s Status) bool { return s.State == Live })
}

func TestPlaylistsAreLoadedAgain(t *testing.T) {
	for _, c := range []struct{ target, since, want time.Duration }{
		{4 * time.Second, 0, 2 * time.Second}, {4 * time.Second, 1500 * time.Millisecond, 500 * time.Millisecond}, {4 * time.Second, time.Minute, 0},
		{0, 0, 200 * time.Millisecond}, {1000 * time.Hour, 0, silence / 2},
	} {
		if got := untilReload(c.target, c.since); got != c.want {
			t.Errorf("%v after one with a target of %v: %v, want %v", c.since, c.target, got, c.want)
		}
	}
}

// FuzzSource looks for URLs that are taken and show what is secret.
func FuzzSource(f *testing.F) {
	for _, seed := range []string{"rtmp://h/a/s3cr3t", "rtmp://h/a/s3cr3t/", "srt://h:1?streamid=s3cr3t", "http://u:s3cr3t@h/x?s3cr3t", "rtmp://h/a//s3cr3t?x=s3cr3t"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, address string) {
		s := Source{URL: address, Mode: Always}
		protocol, u, err := s.protocol()
		if err != nil {
			return
		}
		shown := s.address()
		if u.RawQuery != "" && len(u.RawQuery) > 8 && strings.Contains(shown, u.RawQuery) && !slices.Contains([]string{u.Path, u.Host}, u.RawQuery) && !strings.Contains(u.Path+u.Host, u.RawQuery) {
			t.Errorf("%q is shown as %q", address, shown)
		}
		if protocol == "rtmp" && !strings.Contains(shown, dial.Hidden) || protocol == "hls" && len(u.Path) > 20 && strings.Contains(shown, u.Path) {
			t.Errorf("%q is shown as %q", address, shown)
		}
		_ = s.withoutSecret(errors.New(address))
	})
}
