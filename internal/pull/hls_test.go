package pull

import (
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/media/mediatest"
)

// following is a stream of a picture and a sound apart, which have these frames: at so many milliseconds, in a period.
func following(got *[]*media.Frame, picture, sound [][2]int) *hlsStream {
	of := func(format *media.Format, at [][2]int) *hlsPart {
		p := &hlsPart{stock: newStock(nil), apart: true, newest: time.Now(), target: 2 * time.Second}
		p.stock.dry.Store(true)
		for _, x := range at {
			dts := time.Duration(x[1]) * time.Millisecond
			f := &media.Frame{Format: format, Payload: []byte{0}, DTS: dts, PTS: dts, Keyframe: true}
			if format.Kind() == media.Audio {
				f.Duration = 20 * time.Millisecond
			}
			p.queue = append(p.queue, queued{uint64(x[0]), f})
		}
		return p
	}
	opus := &media.Format{Codec: media.Opus, SampleRate: 48000, Channels: 2}
	return &hlsStream{parts: []*hlsPart{of(mediatest.H264Format(320, 180), picture), of(opus, sound)},
		write: func(f *media.Frame) error { *got = append(*got, f); return nil }, more: func() {}}
}

func TestPictureAndSoundThatComeApartAreGivenTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got []*media.Frame
		// The sound begins earlier, the clock begins anew in another period, and then the sound has nothing for the last picture.
		s := following(&got, [][2]int{{0, 90_000}, {0, 90_040}, {1, 0}, {1, 40}}, [][2]int{{0, 89_980}, {0, 90_000}, {0, 90_020}, {1, 0}, {1, 20}})
		if err := s.give(); err != nil {
			t.Fatal(err)
		}
		var kinds string
		for i, f := range got {
			kinds += f.Kind().String()[:1]
			if i > 0 && f.DTS < got[i-1].DTS-time.Millisecond {
				t.Errorf("frame %d is at %v, after one at %v", i, f.DTS, got[i-1].DTS)
			}
		}
		if kinds != "vaavvaa" {
			t.Errorf("given are %s", kinds)
		}
		if n := len(s.parts[0].queue); n != 1 {
			t.Errorf("%d pictures wait for what the sound has beside them", n)
		}
		time.Sleep(10 * time.Second) // nothing is to be expected of the sound any more
		if err := s.give(); err != nil || len(s.parts[0].queue) != 0 {
			t.Errorf("%d pictures wait for a sound that is gone, %v", len(s.parts[0].queue), err)
		}
		if last := got[len(got)-1]; last.DTS-got[0].DTS > time.Second {
			t.Errorf("the periods are %v apart", last.DTS-got[0].DTS)
		}
	})
}

func TestAPictureWithoutItsSoundIsGiven(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got []*media.Frame
		s := following(&got, [][2]int{{0, 0}, {0, 40}}, nil)
		if err := s.give(); err != nil || len(got) != 0 {
			t.Errorf("%d frames, while the sound may come, %v", len(got), err)
		}
		time.Sleep(10 * time.Second)
		if err := s.give(); err != nil || len(got) != 2 {
			t.Errorf("%d frames, %v", len(got), err)
		}
		s.write = func(*media.Frame) error { return io.ErrClosedPipe }
		s.parts[0].queue = append(s.parts[0].queue, queued{0, &media.Frame{Format: mediatest.H264Format(320, 180), Keyframe: true}})
		if err := s.give(); !errors.Is(err, io.ErrClosedPipe) {
			t.Errorf("what nobody takes: %v", err)
		}
	})
}

// replies are what a server says, one after the other; the last one to all that is asked later. 0 is a connection that fails, 206 half an answer.
type replies struct {
	list  []int
	asked int
}

func (r *replies) RoundTrip(req *http.Request) (*http.Response, error) {
	status := r.list[min(r.asked, len(r.list)-1)]
	r.asked++
	body := io.Reader(strings.NewReader("all of it"))
	switch status {
	case 0:
		return nil, errors.New("connection refused")
	case http.StatusPartialContent:
		status, body = http.StatusOK, io.MultiReader(strings.NewReader("half"), broken{})
	}
	return &http.Response{StatusCode: status, Body: io.NopCloser(body), Request: req}, nil
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// TestWhatFailsForAMomentIsAskedForAgain has servers in trouble in the middle of a stream, and at its beginning.
func TestWhatFailsForAMomentIsAskedForAgain(t *testing.T) {
	at := &url.URL{Scheme: "http", Host: "example.org", Path: "/x.m3u8"}
	for name, c := range map[string]struct {
		begun bool
		list  []int
		asked int
		ok    bool
		took  time.Duration
	}{
		"all is well":                   {true, []int{200}, 1, true, 0},
		"502, and it cannot be reached": {true, []int{502, 0, 200}, 3, true, 3 * askLater},
		"half an answer":                {true, []int{206, 200}, 2, true, askLater},
		"not there yet":                 {true, []int{404, 404, 404, 200}, 4, true, 6 * askLater},
		"for long":                      {true, []int{503}, 4, false, 6 * askLater},
		"denied":                        {true, []int{403, 200}, 1, false, 0},
		"at the beginning":              {false, []int{502, 200}, 1, false, 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			server := &replies{list: c.list}
			client := &hlsClient{http: &http.Client{Transport: server}, begun: c.begun}
			begun := time.Now()
			b, _, err := client.get(t.Context(), at, 100)
			if took := time.Since(begun); (err == nil) != c.ok || c.ok && string(b) != "all of it" || server.asked != c.asked || took != c.took {
				t.Errorf("%s: %q, %v, asked %d times within %v", name, b, err, server.asked, took)
			}
		})
	}
}
