package ingest

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/media/mediatest"
	"github.com/tuttilive/tutti/internal/room"
	"github.com/tuttilive/tutti/internal/studio"
	"github.com/tuttilive/tutti/internal/track"
)

// fakeParticipant counts what is written to its tracks, and has the attributes that it is given.
type fakeParticipant struct {
	Participant
	frames     int
	newest     *media.Frame
	attributes map[string]string
	refuse     error // its frames
	gone       error // why nothing of its can be changed
}

func (p *fakeParticipant) Publish(room.Publication) (FrameWriter, error) { return p, p.gone }
func (p *fakeParticipant) Unpublish(string) error                        { return p.gone }
func (p *fakeParticipant) ChangePublication(string, func(*room.Publication)) error {
	return p.gone
}
func (p *fakeParticipant) WriteFrame(f *media.Frame) error {
	p.frames, p.newest = p.frames+1, f
	return p.refuse
}
func (p *fakeParticipant) Update(_, _ *string, attributes map[string]string) error {
	for name, text := range attributes {
		if p.attributes[name] = text; text == "" {
			delete(p.attributes, name)
		}
	}
	return nil
}

func TestHostsHearOfPicturesWithoutAKeyframe(t *testing.T) {
	participant := &fakeParticipant{attributes: map[string]string{}}
	publisher := New(participant, "test", nil, slog.New(slog.DiscardHandler))
	format := mediatest.H264Format(640, 360)
	warned := func() bool { return participant.attributes[studio.WarningAttribute+warnNoKeyframe] != "" }
	write := func(key bool, at time.Duration) {
		if err := publisher.Write(mediatest.Frame(format, key, at, mediatest.H264(key, 50))); err != nil {
			t.Fatal(err)
		}
	}
	const begin = -time.Hour // nothing is held back
	for at := time.Duration(0); at <= longestWait; at += 40 * time.Millisecond {
		write(false, begin+at)
	}
	if warned() {
		t.Error("warned too soon")
	}
	write(false, begin+longestWait+time.Second)
	if !warned() || participant.frames > 0 {
		t.Errorf("warned: %v, %d pictures are published", warned(), participant.frames)
	}
	write(true, begin+longestWait+2*time.Second)
	if warned() || participant.frames != 1 {
		t.Errorf("after a keyframe: warned: %v, %d pictures are published", warned(), participant.frames)
	}
}

// TestAFileComesAsItPlays: one frame after the other, and not many at once, a little ahead of the time. Who is ahead less than that is not held back.
func TestAFileComesAsItPlays(t *testing.T) {
	const step = 40 * time.Millisecond
	for name, live := range map[string]bool{"as fast as it is taken": false, "live, and ahead": true} {
		synctest.Test(t, func(t *testing.T) {
			w := &fakeParticipant{attributes: map[string]string{}}
			p := New(w, "", nil, slog.New(slog.DiscardHandler))
			begun := media.Now()
			for at := time.Duration(0); at < time.Minute; at += step {
				if live {
					time.Sleep(begun + at - farAhead - media.Now()) // it is sent so long before its time
				}
				came := media.Now()
				if err := p.Write(mediatest.Frame(mediatest.H264Format(320, 180), true, begun+at, mediatest.H264(true, 20))); err != nil {
					t.Fatal(err)
				}
				held, ahead := media.Now()-came, w.newest.DTS-media.Now()
				if held > step || live && held > 0 || at > farAhead && ahead != farAhead {
					t.Fatalf("%s: after %v a frame is %v ahead, and held back for %v", name, at, ahead, held)
				}
			}
		})
	}
}

func TestHostsHearOfAllThatIsLeftOut(t *testing.T) {
	participant := &fakeParticipant{attributes: map[string]string{}}
	publisher := New(participant, "test", nil, slog.New(slog.DiscardHandler))
	for _, what := range []string{"AC-3", "AAC with channels of its own", "AC-3"} {
		publisher.LeftOut(what)
	}
	if told := participant.attributes[studio.WarningAttribute+warnLeftOut]; !strings.Contains(told, ": AC-3; AAC with channels of its own.") {
		t.Errorf("told %q", told)
	}
	fetched := &fakeParticipant{attributes: map[string]string{}}
	source := New(fetched, "test", nil, slog.New(slog.DiscardHandler))
	source.Fetched = true
	source.LeftOut("AC-3")
	if told := fetched.attributes[studio.WarningAttribute+warnLeftOut]; !strings.HasPrefix(told, "The source also sends") || !strings.Contains(told, "AV1") {
		t.Errorf("of a source: told %q", told)
	}
	for i := range 1000 {
		publisher.LeftOut(fmt.Sprint(i))
	}
	if told := participant.attributes[studio.WarningAttribute+warnLeftOut]; strings.Contains(told, "99") {
		t.Errorf("told %q", told)
	}
}

func TestKeyframesThatLieFarApart(t *testing.T) {
	for name, c := range map[string]struct {
		jump time.Duration // at the 30th picture
		gop  int
		want bool
	}{
		"each second":                    {0, 25, false},
		"each 5 s":                       {0, 125, true},
		"each second, and the time goes": {10 * time.Second, 25, false},
	} {
		t.Run(name, func(t *testing.T) {
			w := &fakeParticipant{attributes: map[string]string{}}
			p := New(w, "", nil, slog.New(slog.DiscardHandler))
			at := time.Second
			for i := range 250 {
				f := mediatest.Frame(mediatest.H264Format(640, 360), i%c.gop == 0, at, mediatest.H264(i%c.gop == 0, 20))
				if i == 30 {
					f.DTS, f.PTS, f.Discontinuity = f.DTS+c.jump, f.PTS+c.jump, c.jump > 0
					at += c.jump
				}
				p.inspect(f)
				at += 40 * time.Millisecond
			}
			if got := w.attributes[studio.WarningAttribute+warnKeyframes] != ""; got != c.want || len(w.attributes) > 1 {
				t.Errorf("warned of %q", w.attributes)
			}
		})
	}
}

// TestWhoLosesTheirTracksHearsWhyFirst: whatever fails of it, with a frame, another size or another codec, who took the tracks has a moment to tell.
func TestWhoLosesTheirTracksHearsWhyFirst(t *testing.T) {
	for name, f := range map[string]*media.Frame{
		"a frame":       mediatest.Frame(mediatest.H264Format(640, 360), true, time.Second, mediatest.H264(true, 50)),
		"another size":  mediatest.Frame(mediatest.H264Format(320, 180), true, time.Second, mediatest.H264(true, 50)),
		"another codec": mediatest.Frame(&media.Format{Codec: media.H265, Width: 640, Height: 360}, true, time.Second, mediatest.H264(true, 50)),
	} {
		for tells, want := range map[bool]time.Duration{true: endedWithin / 2, false: endedWithin} {
			synctest.Test(t, func(t *testing.T) {
				p, ended := &fakeParticipant{attributes: map[string]string{}}, make(chan struct{})
				publisher := New(p, "", ended, slog.New(slog.DiscardHandler))
				if err := publisher.Write(mediatest.Frame(mediatest.H264Format(640, 360), true, 0, mediatest.H264(true, 50))); err != nil {
					t.Fatal(err)
				}
				p.refuse, p.gone = track.ErrClosed, room.ErrNoParticipant
				if tells {
					time.AfterFunc(want, func() { close(ended) })
				}
				began := time.Now()
				err := publisher.Write(f)
				if took := time.Since(began); err == nil || took != want {
					t.Errorf("%s: %v after %v, want %v", name, err, took, want)
				}
				if name == "a frame" && !errors.Is(err, room.ErrNotAllowed) {
					t.Errorf("%s: %v", name, err)
				}
			})
		}
	}
}
