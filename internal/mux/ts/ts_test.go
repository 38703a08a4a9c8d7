package ts

import (
	"errors"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/media/mediatest"
)

// clip is two seconds of a transport stream of ffmpeg's.
func clip(t testing.TB, args string) []byte {
	t.Helper()
	if _, err := exec.LookPath("ffmpeg"); err != nil {
		t.Skip("ffmpeg is not installed")
	}
	out, err := exec.Command("ffmpeg", strings.Fields("-v error -f lavfi -i testsrc2=size=320x180:rate=25 -f lavfi -i sine=sample_rate=48000 -t 2 -pix_fmt yuv420p -g 25 "+
		args+" -f mpegts -")...).Output()
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// demux takes a stream apart in pieces.
func demux(b []byte, piece int) (all []*media.Frame, err error) {
	d := New(func(f *media.Frame) error { all = append(all, f); return nil })
	for at := 0; at < len(b); at += piece {
		part := b[at:min(at+piece, len(b))]
		if err := d.Write(part, time.Hour+2*time.Second*time.Duration(at)/time.Duration(len(b))); err != nil {
			return all, err
		}
	}
	return all, d.Flush(time.Hour + 2*time.Second)
}

func TestStreamsOfFFmpeg(t *testing.T) {
	for _, c := range []struct {
		name, args   string
		video, audio media.Codec
		reordered    bool
		sounds       int
	}{
		{"H.264 and AAC", "-c:v libx264 -preset ultrafast -c:a aac", media.H264, media.AAC, false, 94},
		{"B-frames", "-c:v libx264 -preset veryfast -bf 2 -c:a aac", media.H264, media.AAC, true, 94},
		{"H.265", "-c:v libx265 -preset ultrafast -x265-params log-level=error -c:a aac", media.H265, media.AAC, false, 94},
		{"Opus", "-c:v libx264 -preset ultrafast -c:a libopus -b:a 200k", media.H264, media.Opus, false, 100},
		{"sound alone", "-vn -c:a aac", 0, media.AAC, false, 94},
		{"picture alone", "-an -c:v libx264 -preset ultrafast", media.H264, 0, false, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := clip(t, c.args)
			for _, piece := range []int{1316, 188, 1000, len(b)} {
				all, err := demux(b, piece)
				if err != nil {
					t.Fatal(err)
				}
				var pictures, sounds, keys int
				var last [media.Video + 1]time.Duration
				reordered := false
				for i, f := range all {
					if f.DTS <= last[f.Kind()] || f.PTS < f.DTS || f.Discontinuity {
						t.Fatalf("frame %d: %+v after %v", i, f, last[f.Kind()])
					}
					if k := f.Kind(); k == media.Audio && last[k] > 0 && f.DTS-last[k] != f.Duration {
						t.Fatalf("sound of %v after %v", f.Duration, f.DTS-last[k])
					}
					last[f.Kind()] = f.DTS
					switch {
					case f.Kind() == media.Audio && f.Format.Codec == c.audio && f.Format.SampleRate == 48000:
						sounds++
					case f.Format.Codec == c.video && f.Format.Width == 320 && f.Format.Height == 180:
						pictures++
						if f.Keyframe {
							keys++
						}
						reordered = reordered || f.Format.Reordered
					default:
						t.Fatalf("%+v", f.Format)
					}
				}
				if c.video != 0 && (pictures != 50 || keys < 2 || keys > 4) || sounds < c.sounds || sounds > c.sounds+2 || c.reordered && !reordered {
					t.Errorf("in pieces of %d: %d pictures, %d keyframes, %d frames of sound, reordered %v", piece, pictures, keys, sounds, reordered)
				}
			}
		})
	}
}

// TestPicturesThatAreNoIDR joins streams in the middle, of which the first picture alone is IDR.
func TestPicturesThatAreNoIDR(t *testing.T) {
	for name, args := range map[string]string{
		"open groups":   "-bf 2 -x264-params open-gop=1:min-keyint=25:scenecut=0",
		"intra refresh": "-bf 0 -x264-params intra-refresh=1:min-keyint=25:scenecut=0",
	} {
		b := clip(t, "-an -t 4 -c:v libx264 -preset veryfast "+args)
		all, err := demux(b[len(b)/4/packetSize*packetSize:], 1316)
		if err != nil {
			t.Fatal(err)
		}
		keys := 0
		for _, f := range all {
			if f.Keyframe {
				keys++
			}
		}
		if keys < 2 || keys > 4 {
			t.Errorf("%s: %d of %d pictures are keyframes", name, keys, len(all))
		}
	}
}

func TestWhatIsMissingIsMarked(t *testing.T) {
	b := clip(t, "-c:v libx264 -preset ultrafast -c:a aac")
	middle := len(b) / 2 / packetSize * packetSize
	whole, _ := demux(b, 1316)
	all, err := demux(append(append([]byte{}, b[:middle]...), b[middle+40*packetSize+77:]...), 1316) // and the packets are out of step
	if err != nil {
		t.Fatal(err)
	}
	marked := 0
	for _, f := range all {
		if f.Discontinuity {
			marked++
		}
	}
	if marked == 0 || len(all) >= len(whole) || len(all) < len(whole)-30 {
		t.Errorf("%d marked, %d frames of %d", marked, len(all), len(whole))
	}
}

// TestTheClockWraps has the clock of 33 bit begin anew in the middle of a stream, as it does each 26.5 hours.
func TestTheClockWraps(t *testing.T) {
	const args = "-c:v libx264 -preset veryfast -bf 2 -c:a aac"
	want, err := demux(clip(t, args), 1316)
	if err != nil {
		t.Fatal(err)
	}
	got, err := demux(clip(t, args+" -output_ts_offset 95441.7"), 1316) // it wraps at 95443.7 s
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range []media.Kind{media.Video, media.Audio} {
		want, got := ofKind(want, kind), ofKind(got, kind)
		if len(got) != len(want) || len(got) == 0 {
			t.Fatalf("%d frames of %v, want %d", len(got), kind, len(want))
		}
		for i, f := range got {
			is, should := f.DTS-got[0].DTS, want[i].DTS-want[0].DTS
			if (is-should).Abs() > 2*time.Millisecond || f.PTS-f.DTS != want[i].PTS-want[i].DTS || f.Discontinuity {
				t.Fatalf("frame %d of %v is at %v instead of %v, discontinuity %v", i, kind, is, should, f.Discontinuity)
			}
		}
	}
}

func TestWhatIsNoStreamIsRefused(t *testing.T) {
	d := New(func(*media.Frame) error { return nil })
	var err error
	for i := 0; err == nil && i < 2000; i++ {
		err = d.Write(make([]byte, 1316), 0)
	}
	if !errors.Is(err, ErrNotTS) {
		t.Error(err)
	}
	if _, err := demux(clip(t, "-an -c:v mpeg2video"), 1316); !errors.Is(err, ErrUnsupported) {
		t.Error(err)
	}
}

func TestWhatIsLeftOutIsNamed(t *testing.T) {
	for args, want := range map[string]string{
		"-c:v libx264 -preset ultrafast -c:a ac3":                            "AC-3",
		"-c:v libx264 -preset ultrafast -c:a mp2":                            "MPEG audio (MP2, MP3)",
		"-map 0:v -map 1:a -map 1:a -c:v libx264 -preset ultrafast -c:a aac": "a further stream of aac",
		"-c:v libx264 -preset ultrafast -c:a aac":                            "",
	} {
		var got string
		d := New(func(*media.Frame) error { return nil })
		d.LeftOut = func(what string) { got = what }
		if err := d.Write(clip(t, args), 0); err != nil || got != want {
			t.Errorf("%s: left out is %q, %v", args, got, err)
		}
	}
}

// TestSoundThatIsNotTakenIsNamed: what a stream says of its sound is AAC, and only its frames tell of which kind.
func TestSoundThatIsNotTakenIsNamed(t *testing.T) {
	const frames = 3 * refusedBefore
	sound := func(config ...byte) *media.Format {
		return &media.Format{Codec: media.AAC, SampleRate: 48_000, Channels: 2, Config: config}
	}
	stereo, ownChannels, main := sound(0x11, 0x90), sound(0x11, 0x80), sound(0x09, 0x90)
	for name, c := range map[string]struct {
		picture bool
		sounds  []*media.Format // one after the other
		told    int
		fails   bool
	}{
		"stereo":               {false, []*media.Format{stereo}, 0, false},
		"channels of its own":  {false, []*media.Format{ownChannels}, 1, true},
		"beside a picture":     {true, []*media.Format{ownChannels}, 1, false},
		"of two kinds":         {true, []*media.Format{ownChannels, main}, 2, false},
		"before what is taken": {true, []*media.Format{main, stereo}, 1, false},
		"after what is taken":  {false, []*media.Format{stereo, main}, 1, false},
		"damaged now and then": {false, []*media.Format{nil}, 0, false},
	} {
		m, b := NewMuxer(), []byte(nil)
		m.Know(media.AAC)
		if c.picture {
			m.Know(media.H264)
		}
		at := time.Second
		add := func(f *media.Format) {
			var err error
			if b, err = m.Append(b, mediatest.Frame(f, true, at, make([]byte, 50))); err != nil {
				t.Fatal(err)
			}
			at += 1024 * time.Second / 48_000
		}
		for _, f := range c.sounds {
			for i := range frames {
				switch {
				case f != nil:
					add(f)
				case i%5 == 0: // one frame is damaged now and then
					add(main)
				default:
					add(stereo)
				}
			}
		}
		var told []string
		taken := 0
		d := New(func(*media.Frame) error { taken++; return nil })
		d.LeftOut = func(what string) { told = append(told, what) }
		err := d.Write(b, time.Hour)
		if len(told) != c.told || errors.Is(err, ErrUnsupported) != c.fails || err != nil && !c.fails {
			t.Errorf("%s: told %q, %v", name, told, err)
		}
		if c.told == 0 && taken < frames*3/4 {
			t.Errorf("%s: %d frames of %d", name, taken, frames)
		}
	}
}

func FuzzDemuxer(f *testing.F) {
	if _, err := exec.LookPath("ffmpeg"); err == nil {
		for _, args := range []string{"-c:v libx264 -preset ultrafast -c:a aac", "-vn -c:a libopus"} {
			b := clip(f, args)
			f.Add(b[:min(len(b), 100*packetSize)], 188)
		}
	}
	f.Add([]byte{syncByte, 0x40, 0, 0x10, 0}, 1)
	f.Fuzz(func(t *testing.T, b []byte, piece int) {
		var last [media.Video + 1]time.Duration
		d := New(func(f *media.Frame) error {
			if f.DTS <= last[f.Kind()] || f.PTS < f.DTS || len(f.Payload) == 0 {
				t.Fatalf("%+v after %v", f, last[f.Kind()])
			}
			last[f.Kind()] = f.DTS
			return nil
		})
		piece = min(max(piece, 1), 4096)
		for at := 0; at < len(b); at += piece {
			if d.Write(b[at:min(at+piece, len(b))], time.Hour) != nil {
				return
			}
		}
		_ = d.Flush(time.Hour)
	})
}
