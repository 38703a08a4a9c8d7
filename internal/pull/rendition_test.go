package pull

import (
	"crypto/aes"
	"crypto/cipher"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/media/mediatest"
	"github.com/tuttilive/tutti/internal/mux/fmp4"
	"github.com/tuttilive/tutti/internal/mux/ts"
)

// sealed encrypts with AES-128 as HLS has it, with a vector of zeros.
func sealed(t *testing.T, key string, b []byte) string {
	t.Helper()
	block, err := aes.NewCipher([]byte(key))
	if err != nil {
		t.Fatal(err)
	}
	n := aes.BlockSize - len(b)%aes.BlockSize
	b = append(b, strings.Repeat(string(rune(n)), n)...)
	cipher.NewCBCEncrypter(block, make([]byte, aes.BlockSize)).CryptBlocks(b, b)
	return string(b)
}

// TestAStreamThatBeginsAnewIsReadAnew has a source that begins anew with another picture and another key, at the addresses that those before had.
func TestAStreamThatBeginsAnewIsReadAnew(t *testing.T) {
	files := map[string]string{}
	show := func(first, width, height int, key string) {
		track, err := fmp4.NewTrack(1, mediatest.H264Format(width, height))
		if err != nil {
			t.Fatal(err)
		}
		init, err := fmp4.Init(track)
		if err != nil {
			t.Fatal(err)
		}
		// At a keyframe we would write the parameter sets into the segment too, which not everybody does.
		segment, err := fmp4.Fragment(1, fmp4.Run{Track: track, Start: uint64(first) * 90_000, Samples: []fmp4.Sample{{Payload: mediatest.H264(false, 100), Duration: 3000}}})
		if err != nil {
			t.Fatal(err)
		}
		files["/init.mp4"], files["/a.m4s"], files["/key"] = sealed(t, key, init), sealed(t, key, segment), key
		files["/x.m3u8"] = "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXT-X-MEDIA-SEQUENCE:" + strconv.Itoa(first) +
			"\n#EXT-X-KEY:METHOD=AES-128,URI=\"key\",IV=0x00000000000000000000000000000000\n#EXT-X-MAP:URI=\"init.mp4\"\n#EXTINF:1,\na.m4s\n"
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, files[r.URL.Path]) }))
	defer server.Close()
	at, err := url.Parse(server.URL + "/x.m3u8")
	if err != nil {
		t.Fatal(err)
	}
	r, p := &rendition{client: &hlsClient{http: server.Client()}, begun: new(atomic.Uint64), at: at}, &hlsPart{stock: newStock(nil)}
	take := func() {
		t.Helper()
		if err := r.load(t.Context()); err != nil || len(r.todo) != 1 {
			t.Fatalf("%d segments, %v", len(r.todo), err)
		}
		f, err := r.fetch(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if err := p.take(f); err != nil {
			t.Fatal(err)
		}
	}
	show(1000, 320, 180, "sixteen bytes it")
	take()
	show(0, 640, 360, "another sixteen!")
	take()
	if len(p.queue) != 2 {
		t.Fatalf("%d frames", len(p.queue))
	}
	if f := p.queue[0].frame.Format; f.Width != 320 {
		t.Errorf("the first picture is %d wide", f.Width)
	}
	if f := p.queue[1].frame.Format; f.Width != 640 || f.Height != 360 {
		t.Errorf("the picture is %dx%d", f.Width, f.Height)
	}
	if !p.queue[0].before(p.queue[1]) {
		t.Error("what is from before comes later")
	}
}

// TestAddressesInPlaylistsAreNotTold: they have signatures in their queries.
func TestAddressesInPlaylistsAreNotTold(t *testing.T) {
	const begin, bad = "#EXTM3U\n#EXT-X-TARGETDURATION:2\n", "http://%zz/x?signature=sesame"
	for name, c := range map[string]struct{ playlist, location string }{
		"segment":  {begin + "#EXTINF:2,\n" + bad + "\n", ""},
		"header":   {begin + "#EXT-X-MAP:URI=\"" + bad + "\"\n#EXTINF:2,\na.m4s\n", ""},
		"key":      {begin + "#EXT-X-KEY:METHOD=AES-128,URI=\"" + bad + "\"\n#EXTINF:2,\na.ts\n", ""},
		"playlist": {"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n" + bad + "\n", ""},
		"redirect": {begin + "#EXTINF:2,\na.ts\n", bad},
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			switch {
			case r.URL.Path == "/x.m3u8":
				io.WriteString(w, c.playlist)
			case c.location != "":
				w.Header().Set("Location", c.location)
				w.WriteHeader(http.StatusFound)
			}
		}))
		err := fetchHLS(t.Context(), served{address: server.Listener.Addr().String()}, Source{URL: "http://example.org/x.m3u8"}, &told{})
		server.Close()
		if err == nil || strings.Contains(err.Error(), "sesame") || strings.Contains(err.Error(), "signature") || !strings.Contains(err.Error(), "address") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestAnOlderPlaylistIsNoNewStream has servers of a network in front of a source give what they have kept, and sources that begin anew.
func TestAnOlderPlaylistIsNoNewStream(t *testing.T) {
	// playlist has six segments of 2 s, named for their numbers, of a source that began at a time; at the zero time it does not say when they were.
	playlist := func(first int, name string, begun time.Time) string {
		text := "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:" + strconv.Itoa(first) + "\n"
		for n := first; n < first+6; n++ {
			if !begun.IsZero() {
				text += "#EXT-X-PROGRAM-DATE-TIME:" + begun.Add(time.Duration(2*n)*time.Second).UTC().Format(time.RFC3339) + "\n"
			}
			text += "#EXTINF:2,\n" + name + strconv.Itoa(n) + ".ts\n"
		}
		return text
	}
	type answer struct {
		after    time.Duration
		playlist string
		todo     int // the number of the first segment that is fetched, -1 for none
	}
	day := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	var never time.Time
	for name, answers := range map[string][]answer{
		"an edge that is behind": {
			{0, playlist(100, "a", never), 103}, {time.Second, playlist(98, "a", never), -1}, {time.Second, playlist(99, "a", never), -1},
			{time.Second, playlist(101, "a", never), 106}, {time.Second, playlist(100, "a", never), -1}, {time.Second, playlist(103, "a", never), 107},
		},
		"one that is older than all that is listed": {
			{0, playlist(100, "a", never), 103}, {2 * time.Second, playlist(92, "a", never), -1}, {2 * time.Second, playlist(102, "a", never), 106},
		},
		"with the times of its segments":        {{0, playlist(100, "a", day), 103}, {time.Second, playlist(97, "a", day), -1}, {time.Second, playlist(101, "a", day), 106}},
		"a source that began anew long after":   {{0, playlist(100, "a", never), 103}, {time.Second, playlist(0, "a", never), 0}},
		"soon after, with other names":          {{0, playlist(2, "a", never), 5}, {time.Second, playlist(0, "b", never), 0}},
		"soon after, with later times":          {{0, playlist(2, "a", day), 5}, {time.Second, playlist(0, "a", day.Add(time.Hour)), 0}},
		"soon after, with the same names":       {{0, playlist(2, "a", never), 5}, {time.Second, playlist(0, "a", never), -1}, {5 * time.Second, playlist(0, "a", never), -1}, {5 * time.Second, playlist(0, "a", never), 0}},
		"an edge that is behind time and again": {{0, playlist(100, "a", never), 103}, {time.Second, playlist(98, "a", never), -1}, {8 * time.Second, playlist(104, "a", never), 106}, {time.Second, playlist(103, "a", never), -1}, {8 * time.Second, playlist(103, "a", never), -1}, {time.Second, playlist(105, "a", never), 110}},
	} {
		synctest.Test(t, func(t *testing.T) {
			r := &rendition{client: &hlsClient{}, begun: new(atomic.Uint64), header: "init.mp4"}
			for i, a := range answers {
				time.Sleep(a.after)
				r.todo = nil
				if err := r.read(a.playlist); err != nil {
					t.Fatal(err)
				}
				got := -1
				if len(r.todo) > 0 {
					got = int(r.todo[0].number)
					r.next = r.todo[len(r.todo)-1].number + 1
				}
				if got != a.todo {
					t.Errorf("%s: of the playlist %d what is from %d on is fetched, want %d", name, i, got, a.todo)
				}
				if !r.loaded.Equal(time.Now()) {
					t.Errorf("%s: the playlist %d is asked for again at once", name, i)
				}
			}
		})
	}
}

// TestAnewNearTheEndOfAWindow has a source that lists an hour begin anew: all of it again would keep whoever watches an hour behind.
func TestAnewNearTheEndOfAWindow(t *testing.T) {
	for listed, want := range map[int]int{6: 6, 1800: behind} {
		r := &rendition{client: &hlsClient{}, begun: new(atomic.Uint64)}
		for _, first := range []int{100_000, 5000} {
			text := "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:" + strconv.Itoa(first) + "\n"
			for i := range listed {
				text += "#EXTINF:2,\n" + strconv.Itoa(first+i) + ".ts\n"
			}
			if err := r.read(text); err != nil {
				t.Fatal(err)
			}
			if first == 100_000 {
				r.next = r.list.Next()
			}
		}
		if len(r.todo) != want || int(r.todo[want-1].number) != 5000+listed-1 {
			t.Errorf("%d of %d segments are fetched, want %d", len(r.todo), listed, want)
		}
	}
}

// FuzzPlaylists reads two playlists, one after the other, which may have nothing to do with each other.
func FuzzPlaylists(f *testing.F) {
	const begin = "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:"
	f.Add(begin+"5\n#EXTINF:2,\na.ts\n#EXTINF:2,\nb.ts\n", begin+"3\n#EXTINF:2,\nz.ts\n#EXTINF:2,\ny.ts\n")
	f.Add(begin+"18446744073709551615\n#EXTINF:2,\na.ts\n#EXT-X-DISCONTINUITY\n#EXTINF:2,\nb.ts\n", begin+"0\n#EXT-X-SKIP:SKIPPED-SEGMENTS=9\n#EXTINF:2,\na.ts\n")
	f.Add(begin+"7\n#EXT-X-MAP:URI=\"i\"\n#EXT-X-KEY:METHOD=AES-128,URI=\"k\"\n#EXTINF:2,\na.m4s\n", begin+"9\n#EXT-X-GAP\n#EXTINF:2,\nb.m4s\n#EXT-X-ENDLIST\n")
	f.Fuzz(func(t *testing.T, first, second string) {
		r := &rendition{client: &hlsClient{}, begun: new(atomic.Uint64)}
		for _, text := range []string{first, second, first} {
			if r.read(text) != nil {
				continue
			}
			for i, s := range r.todo {
				if i > 0 && s.number <= r.todo[i-1].number && s.number != 0 {
					t.Fatalf("%d comes after %d", s.number, r.todo[i-1].number)
				}
				if s.uri == "" {
					t.Fatal("a segment without an address")
				}
			}
			if len(r.todo) > 0 {
				r.next = r.todo[len(r.todo)-1].number + 1
			}
		}
	})
}

// TestWhatIsNotTakenOfASourceIsTold, as it is of what encoders send.
func TestWhatIsNotTakenOfASourceIsTold(t *testing.T) {
	m, b := ts.NewMuxer(), []byte(nil)
	m.Know(media.AAC)
	m.Know(media.H264)
	strange := &media.Format{Codec: media.AAC, SampleRate: 48_000, Channels: 2, Config: []byte{0x11, 0x80}} // of a layout of its own
	var err error
	for i := range 50 {
		at := time.Second + time.Duration(i)*21*time.Millisecond
		for _, f := range []*media.Frame{
			mediatest.Frame(mediatest.H264Format(640, 360), i%10 == 0, at, mediatest.H264(i%10 == 0, 50)), mediatest.Frame(strange, true, at, make([]byte, 50)),
		} {
			if b, err = m.Append(b, f); err != nil {
				t.Fatal(err)
			}
		}
	}
	told := ""
	p := &hlsPart{leftOut: func(what string) { told = what }, write: func(*media.Frame) error { return nil }}
	if err := p.takeTransport(fetched{b: b}); err != nil || told == "" {
		t.Errorf("told %q, %v", told, err)
	}
}
