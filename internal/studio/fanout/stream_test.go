package fanout

import (
	"bytes"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/mux/flv"
)

// tags are the tags of a stream's chunks so far: 'V' a keyframe, 'v' another picture, 'a' sound, 'H' a picture's and 'h' a
// sound's sequence header; '|' stands before each chunk, '!' before one that viewers can begin with.
func tags(t *testing.T, s *Stream) (text string, tracks flv.Tracks) {
	t.Helper()
	all := s.ring.FromKey()
	var chunks [100]*chunk
	n, _, _ := all.Read(chunks[:])
	for i, c := range chunks[:n] {
		text += "|"
		var file []byte
		if i == 0 {
			tracks = c.header.Tracks
		}
		file = append(new(flv.Header).AppendStart(file, 0), c.bytes...)
		for r := flv.NewReader(bytes.NewReader(file)); ; {
			tag, err := r.Next()
			if err != nil {
				break
			}
			switch {
			case tag.Type == flv.VideoTag && tag.Body[1] == 0:
				text += "H"
			case tag.Type == flv.AudioTag && tag.Body[1] == 0:
				text += "h"
			case tag.Type == flv.AudioTag:
				text += "a"
			case tag.Body[0]>>4 == 1:
				text += "V"
			default:
				text += "v"
			}
		}
	}
	return text, tracks
}

func TestStream(t *testing.T) {
	video := func(at int, key bool) *media.Frame {
		return testFrame(testVideo, time.Duration(at)*time.Millisecond, key, 10)
	}
	audio := func(at int) *media.Frame { return testFrame(testAudio, time.Duration(at)*time.Millisecond, true, 10) }
	tests := map[string]struct {
		tick   time.Duration
		expect flv.Tracks
		frames []*media.Frame // each is sent when its time has come
		until  int            // ms
		want   string
		tracks flv.Tracks
	}{
		"both kinds come: the header is complete at once": {
			30 * time.Millisecond, flv.Tracks{}, []*media.Frame{video(0, true), audio(5), video(33, false), audio(40)}, 80,
			"|Va|va", flv.Tracks{Video: true, Audio: true},
		},
		"what comes first is written at once, a tick gathers what comes within it": {
			30 * time.Millisecond, flv.Tracks{}, []*media.Frame{video(0, true), audio(5), audio(26), video(33, false), video(40, false), audio(47)}, 100,
			"|Va|avva", flv.Tracks{Video: true, Audio: true},
		},
		"in real time pictures are written at once, with the sound before them, which waits for a while": {
			0, flv.Tracks{}, []*media.Frame{video(0, true), audio(5), video(33, false), audio(40), audio(61), video(66, false), audio(82), audio(103), audio(124)}, 140,
			"|V|a|v|aav|aa", flv.Tracks{Video: true, Audio: true},
		},
		"a keyframe begins a chunk": {
			350 * time.Millisecond, flv.Tracks{}, []*media.Frame{audio(0), video(1, true), video(34, false), video(67, true), audio(70)}, 500,
			"|Va", flv.Tracks{Video: true, Audio: true},
		},
		"sound alone starts after a while, and each chunk is a beginning": {
			30 * time.Millisecond, flv.Tracks{}, []*media.Frame{audio(0), audio(21), audio(400)}, 500,
			"|a", flv.Tracks{Audio: true},
		},
		"a picture that is expected is announced": {
			30 * time.Millisecond, flv.Tracks{Video: true, Audio: true}, []*media.Frame{audio(0), audio(21)}, 400,
			"|a|a", flv.Tracks{Video: true, Audio: true},
		},
		"a picture that comes late brings its parameters": {
			30 * time.Millisecond, flv.Tracks{}, []*media.Frame{audio(0), audio(400), video(500, true), audio(510)}, 600,
			"|HVa", flv.Tracks{Video: true, Audio: true},
		},
	}
	// Without pictures each sound frame begins a chunk; the last of them is the newest beginning.
	late := tests["a picture that is expected is announced"]
	late.want = "|a"
	tests["a picture that is expected is announced"] = late
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				src := newFakeSource()
				s := New(src, func() flv.Tracks { return test.expect }, test.tick, nil, quiet())
				begin := time.Now()
				for _, f := range test.frames {
					time.Sleep(f.DTS - time.Since(begin))
					src.frames <- f
				}
				time.Sleep(time.Duration(test.until)*time.Millisecond - time.Since(begin))
				synctest.Wait()
				got, tracks := tags(t, s)
				if got != test.want || tracks != test.tracks {
					t.Errorf("chunks from the newest beginning are %q of %+v, want %q of %+v", got, tracks, test.want, test.tracks)
				}
				s.Close()
			})
		})
	}
}

func TestFormatThatFLVCannotCarryIsLeftOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := newFakeSource()
		s := New(src, func() flv.Tracks { return flv.Tracks{} }, 0, nil, quiet())
		src.frames <- testFrame(&media.Format{Codec: media.H264}, 0, true, 10) // without parameter sets
		src.frames <- testFrame(testAudio, time.Millisecond, true, 10)
		time.Sleep(time.Second)
		synctest.Wait()
		if got, _ := tags(t, s); got != "|ha" && got != "|a" {
			t.Errorf("chunks %q", got)
		}
		s.Close()
	})
}
