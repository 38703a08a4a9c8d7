package pull

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/media/bitstream"
	"github.com/tuttilive/tutti/internal/media/mediatest"
	"github.com/tuttilive/tutti/internal/mux/ts"
	"github.com/tuttilive/tutti/internal/room"
	"github.com/tuttilive/tutti/internal/studio/ingest"
)

// origin has a live stream in segments of a length, and pauses once, without a gap in its timestamps.
type origin struct {
	t       *testing.T
	begun   time.Time
	segment time.Duration
	paused  int // how many segments there are before the pause
	pause   time.Duration
	takes   time.Duration // to send a segment
	name    string        // that those of segments begin with
	muxer   *ts.Muxer
}

// newOrigin makes one that began seven segments ago, and does not pause.
func newOrigin(t *testing.T, segment, takes time.Duration) *origin {
	o := &origin{t: t, begun: time.Now().Add(-7*segment - time.Second), segment: segment, takes: takes, paused: math.MaxInt32, muxer: ts.NewMuxer()}
	o.muxer.Know(media.H264)
	o.muxer.Know(media.AAC)
	return o
}

const ofAPicture = 200 * time.Millisecond

// there is how many segments have been made.
func (o *origin) there() int {
	since := time.Since(o.begun)
	return int(max(min(since, time.Duration(o.paused)*o.segment), since-o.pause) / o.segment)
}

func (o *origin) DialContext(context.Context, string, string) (net.Conn, error) { panic("not dialled") }
func (o *origin) Resolve(context.Context, string, string) (string, error)       { panic("not resolved") }
func (o *origin) Client(time.Duration) *http.Client                             { return &http.Client{Transport: o} }

func (o *origin) RoundTrip(req *http.Request) (*http.Response, error) {
	answer := &http.Response{StatusCode: http.StatusOK, Request: req}
	var n int
	if _, err := fmt.Sscanf(req.URL.Path, "/"+o.name+"%d.ts", &n); err == nil {
		time.Sleep(o.takes)
		answer.Body = io.NopCloser(strings.NewReader(string(o.get(n))))
		return answer, nil
	}
	answer.Body = io.NopCloser(strings.NewReader(o.list("", o.name+"%d.ts")))
	return answer, nil
}

// list has the last five segments, of such names, and a tag before them.
func (o *origin) list(tag, names string) string {
	end := o.there()
	begin := max(end-5, 0)
	list := fmt.Sprintf("#EXTM3U\n#EXT-X-TARGETDURATION:%d\n#EXT-X-MEDIA-SEQUENCE:%d\n#%s\n", o.segment/time.Second, begin, tag)
	for n := begin; n < end; n++ {
		list += fmt.Sprintf("#EXTINF:%d,\n"+names+"\n", o.segment/time.Second, n)
	}
	return list
}

// get makes a segment of picture and sound.
func (o *origin) get(n int) (b []byte) {
	picture, sound := mediatest.H264Format(320, 180), &media.Format{Codec: media.AAC, SampleRate: 48000, Channels: 2, Config: []byte{0x11, 0x90}}
	silence, samples := bitstream.Silence(sound)
	length := time.Duration(samples) * time.Second / 48000
	begin := time.Duration(n) * o.segment
	heard := (begin + length - 1) / length
	for at := begin; at < begin+o.segment; at += ofAPicture {
		frames := []*media.Frame{mediatest.Frame(picture, at == begin, at, mediatest.H264(at == begin, 100))}
		for ; heard*length < at+ofAPicture; heard++ {
			f := mediatest.Frame(sound, true, heard*length, silence)
			f.Duration = length
			frames = append(frames, f)
		}
		for _, f := range frames {
			var err error
			if b, err = o.muxer.Append(b, f); err != nil {
				o.t.Error(err)
			}
		}
	}
	return b
}

// spectator takes what is published.
type spectator struct {
	ingest.Participant
	taken func(*media.Frame)
}

func (s *spectator) Publish(room.Publication) (ingest.FrameWriter, error) { return s, nil }
func (s *spectator) Update(_, _ *string, _ map[string]string) error       { return nil }
func (s *spectator) WriteFrame(f *media.Frame) error                      { s.taken(f); return nil }

// TestASourceGoesOnEvenlyAfterAPause: its segments come later than their times by what it paused, for good, and all frames of one at once.
func TestASourceGoesOnEvenlyAfterAPause(t *testing.T) {
	for _, segment := range []time.Duration{2 * time.Second, 4 * time.Second, 6 * time.Second, 10 * time.Second} {
		t.Run(segment.String(), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { followOverAPause(t, segment) })
		})
	}
}

func followOverAPause(t *testing.T, segment time.Duration) {
	o := newOrigin(t, segment, 300*time.Millisecond)
	o.paused, o.pause = 15, 3*segment+7*time.Second
	pause := o.begun.Add(15 * segment)
	settled := pause.Add(o.pause + 4*segment)
	ctx, cancel := context.WithDeadline(t.Context(), pause.Add(o.pause+30*segment))
	defer cancel()
	var newest [media.Video + 1]*media.Frame
	var late, apart time.Duration // the worst while all is well
	pictures, jumps := 0, 0
	publisher := ingest.New(&spectator{taken: func(f *media.Frame) {
		now, k := time.Now(), f.Kind()
		if now.Before(pause) || now.After(settled) {
			late = max(late, media.Now()-f.DTS)
			if newest[k] != nil {
				apart = max(apart, f.DTS-newest[k].DTS)
			}
		}
		newest[k] = f
		if k == media.Video {
			pictures++
			if f.Discontinuity {
				jumps++
			}
		}
	}}, "pull", ctx.Done(), slog.New(slog.DiscardHandler))
	if err := fetchHLS(ctx, o, Source{URL: "http://example.org/x.m3u8"}, published{publisher}); ctx.Err() == nil {
		t.Fatal(err)
	}
	if late > 300*time.Millisecond || apart > ofAPicture+10*time.Millisecond {
		t.Errorf("but for the pause frames come up to %v late, and lie up to %v apart", late, apart)
	}
	if want := int(37 * segment / ofAPicture); pictures < want || jumps > 2 {
		t.Errorf("%d pictures of %d, %d jumps", pictures, want, jumps)
	}
}

// slow is an origin that three segments come late of, however many attempts that takes.
type slow struct {
	*origin
	first int
	by    time.Duration
}

func (o slow) Client(time.Duration) *http.Client { return &http.Client{Transport: o} }

func (o slow) RoundTrip(req *http.Request) (*http.Response, error) {
	var n int
	if _, err := fmt.Sscanf(req.URL.Path, "/%d.ts", &n); err == nil && n >= o.first && n < o.first+3 {
		time.Sleep(o.by)
	}
	return o.origin.RoundTrip(req)
}

// TestWhatIsHeldBackIsNoSilence: of long segments that took long, the next is held back for nearly as long.
func TestWhatIsHeldBackIsNoSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const segment = 20 * time.Second
		ctx, cancel := context.WithTimeoutCause(t.Context(), 15*segment, errEnded)
		defer cancel()
		ctx, silent := context.WithCancelCause(ctx)
		to := &reception{ctx: ctx, quiet: time.AfterFunc(silence, func() { silent(errSilent) })}
		to.publisher = ingest.New(&spectator{taken: func(*media.Frame) {}}, "pull", ctx.Done(), slog.New(slog.DiscardHandler))
		err := fetchHLS(ctx, slow{newOrigin(t, segment, 300*time.Millisecond), 9, segment + segment/2}, Source{URL: "http://example.org/x.m3u8"}, to)
		if why := context.Cause(ctx); why != errEnded {
			t.Errorf("it ends with %v: %v", why, err)
		}
	})
}
