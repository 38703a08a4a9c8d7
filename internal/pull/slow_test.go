package pull

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/media/mediatest"
	"github.com/tuttilive/tutti/internal/mux/fmp4"
	"github.com/tuttilive/tutti/internal/room"
	"github.com/tuttilive/tutti/internal/studio/ingest"
	"github.com/tuttilive/tutti/internal/track"
)

// apart is an origin of fragmented MP4 whose sound is apart.
type apart struct{ *origin }

func (o apart) Client(time.Duration) *http.Client { return &http.Client{Transport: o} }

func (o apart) RoundTrip(req *http.Request) (*http.Response, error) {
	text := "#EXTM3U\n#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",NAME=\"a\",URI=\"sound.m3u8\"\n#EXT-X-STREAM-INF:BANDWIDTH=1,AUDIO=\"a\"\npicture.m3u8\n"
	path, kind := req.URL.Path, media.Video
	if strings.HasPrefix(path, "/sound") {
		kind = media.Audio
	}
	var n int
	if _, err := fmt.Sscanf(path, "/"+map[media.Kind]string{media.Video: "picture", media.Audio: "sound"}[kind]+"%d.m4s", &n); err == nil {
		time.Sleep(o.takes)
		text = o.fragment(kind, n)
	} else if strings.HasSuffix(path, "init.mp4") {
		text = o.fragment(kind, -1)
	} else if path != "/x.m3u8" {
		text = o.list("EXT-X-MAP:URI=\""+path[1:]+"init.mp4\"", strings.TrimSuffix(path[1:], ".m3u8")+"%d.m4s")
	}
	return &http.Response{StatusCode: http.StatusOK, Request: req, Body: io.NopCloser(strings.NewReader(text))}, nil
}

// fragment makes a segment of one kind, or what comes before all where n is -1.
func (o apart) fragment(kind media.Kind, n int) string {
	format, sample, scale := mediatest.H264Format(320, 180), fmp4.Sample{Payload: mediatest.H264(true, 100), Keyframe: true}, 90_000
	if kind == media.Audio {
		format, scale = &media.Format{Codec: media.Opus, SampleRate: 48000, Channels: 2}, 48_000
		sample.Payload = []byte{0x78, 0, 0} // 20 ms
	}
	each := map[media.Kind]time.Duration{media.Video: ofAPicture, media.Audio: 20 * time.Millisecond}[kind]
	sample.Duration = uint32(each * time.Duration(scale) / time.Second)
	track, err := fmp4.NewTrack(1, format)
	if err != nil {
		o.t.Error(err)
	}
	b, err := fmp4.Init(track)
	if n >= 0 {
		run := fmp4.Run{Track: track, Start: uint64(n) * uint64(o.segment/time.Second) * uint64(scale)}
		for range o.segment / each {
			run.Samples = append(run.Samples, sample)
		}
		b, err = fmp4.Fragment(1, run)
	}
	if err != nil {
		o.t.Error(err)
	}
	return string(b)
}

// TestWhatTakesLongToFetchIsFetchedBefore: segments take up to four fifths of their length, and the two kinds together longer than that.
func TestWhatTakesLongToFetchIsFetchedBefore(t *testing.T) {
	const segments = 15
	for _, c := range []struct {
		segment, takes time.Duration
		apart          bool
	}{
		{2 * time.Second, 1600 * time.Millisecond, false}, {6 * time.Second, 2400 * time.Millisecond, false}, {6 * time.Second, 4800 * time.Millisecond, false},
		{6 * time.Second, 4800 * time.Millisecond, true},
	} {
		t.Run(fmt.Sprintf("%v in %v, apart: %v", c.segment, c.takes, c.apart), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				o := newOrigin(t, c.segment, c.takes)
				ctx, cancel := context.WithTimeout(t.Context(), segments*c.segment)
				defer cancel()
				var d Dialer = o
				if c.apart {
					d = apart{o}
				}
				var newest [media.Video + 1]*media.Frame
				pictures := 0
				publisher := ingest.New(&spectator{taken: func(f *media.Frame) {
					k := f.Kind()
					if newest[k] != nil && f.DTS-newest[k].DTS > ofAPicture+10*time.Millisecond || f.DTS < media.Now() && newest[media.Video] != nil {
						t.Errorf("%v %v after the one before, %v late", k, f.DTS-newest[k].DTS, media.Now()-f.DTS)
					}
					newest[k] = f
					if k == media.Video {
						pictures++
					}
				}}, "pull", ctx.Done(), slog.New(slog.DiscardHandler))
				if err := fetchHLS(ctx, d, Source{URL: "http://example.org/x.m3u8"}, published{publisher}); ctx.Err() == nil {
					t.Fatal(err)
				}
				// The last come 2 s before their time, and what is in stock when it is left is not given.
				if want := int(segments * c.segment / ofAPicture); pictures < want-int(c.segment/ofAPicture) || pictures > want+int(2*time.Second/ofAPicture)+1 {
					t.Errorf("%d pictures of %d", pictures, want)
				}
			})
		})
	}
}

// stage takes what is published into real tracks.
type stage struct{ ingest.Participant }

func (s stage) Publish(p room.Publication) (ingest.FrameWriter, error) {
	return track.NewFromFrames(track.Info{Kind: p.Kind, Codec: p.Codec}), nil
}
func (s stage) Update(_, _ *string, _ map[string]string) error { return nil }

// restarted is an origin whose encoder is started again: its numbers and timestamps begin anew.
type restarted struct {
	*origin
	second *origin
}

func (o restarted) Client(time.Duration) *http.Client { return &http.Client{Transport: o} }

func (o restarted) RoundTrip(req *http.Request) (*http.Response, error) {
	if time.Since(o.second.begun) > o.second.segment && !strings.HasSuffix(req.URL.Path, ".ts") || strings.HasPrefix(req.URL.Path, "/b") {
		return o.second.RoundTrip(req)
	}
	return o.origin.RoundTrip(req)
}

func TestASourceThatBeginsAnewGoesOn(t *testing.T) {
	for _, segment := range []time.Duration{2 * time.Second, 6 * time.Second} {
		for _, down := range []time.Duration{0, 5 * time.Second} {
			t.Run(fmt.Sprintf("segments of %v, after %v", segment, down), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					first, second := newOrigin(t, segment, 300*time.Millisecond), newOrigin(t, segment, 300*time.Millisecond)
					first.begun = first.begun.Add(-13 * segment) // for there to be fewer segments afterwards
					stops := time.Now().Add(30 * time.Second)
					first.paused, first.pause = int(stops.Sub(first.begun)/segment), time.Hour
					second.begun, second.name = stops.Add(down), "b"
					ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
					defer cancel()
					publisher := ingest.New(stage{}, "pull", ctx.Done(), slog.New(slog.DiscardHandler))
					var latest time.Duration
					err := fetchHLS(ctx, restarted{first, second}, Source{URL: "http://example.org/x.m3u8"}, &told{write: func(f *media.Frame) error {
						latest = f.DTS
						return publisher.Write(f)
					}})
					if ctx.Err() == nil || latest < media.Now() {
						t.Errorf("ends %v after it began anew, %v late: %v", time.Since(second.begun), media.Now()-latest, err)
					}
				})
			})
		}
	}
}
