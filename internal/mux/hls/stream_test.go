package hls

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tuttilive/tutti/internal/media"
)

const second = time.Second

func TestPlaylistsAreAsWritten(t *testing.T) {
	cfg := testConfig()
	cfg.ID, cfg.Window = "show", 6*second
	s := written(cfg, merged(video(0, 9*second, 2*second, wide), audio(0, 9*second, stereo48)))
	want := map[string]string{
		"index": `#EXTM3U
#EXT-X-VERSION:7
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="sound",NAME="main",DEFAULT=YES,AUTOSELECT=YES,CHANNELS="2",URI="show/audio.m3u8"
#EXT-X-STREAM-INF:BANDWIDTH=20000,AVERAGE-BANDWIDTH=20000,CODECS="avc1.42C00D,mp4a.40.2",RESOLUTION=320x180,FRAME-RATE=25.000,AUDIO="sound",CLOSED-CAPTIONS=NONE
show/video.m3u8
#EXT-X-STREAM-INF:BANDWIDTH=10000,AVERAGE-BANDWIDTH=10000,CODECS="mp4a.40.2",AUDIO="sound"
show/audio.m3u8
`,
		"video.m3u8": `#EXTM3U
#EXT-X-VERSION:7
#EXT-X-TARGETDURATION:2
#EXT-X-MEDIA-SEQUENCE:1
#EXT-X-INDEPENDENT-SEGMENTS
#EXT-X-MAP:URI="video-init0.mp4"
#EXT-X-PROGRAM-DATE-TIME:2027-01-15T08:01:42.000Z
#EXTINF:2.00000,
video-1.m4s
#EXT-X-PROGRAM-DATE-TIME:2027-01-15T08:01:44.000Z
#EXTINF:2.00000,
video-2.m4s
#EXT-X-PROGRAM-DATE-TIME:2027-01-15T08:01:46.000Z
#EXTINF:2.00000,
video-3.m4s
`,
		"audio.m3u8": `#EXTM3U
#EXT-X-VERSION:7
#EXT-X-TARGETDURATION:2
#EXT-X-MEDIA-SEQUENCE:1
#EXT-X-INDEPENDENT-SEGMENTS
#EXT-X-MAP:URI="audio-init0.mp4"
#EXT-X-PROGRAM-DATE-TIME:2027-01-15T08:01:42.005Z
#EXTINF:2.00533,
audio-1.m4s
#EXT-X-PROGRAM-DATE-TIME:2027-01-15T08:01:44.010Z
#EXTINF:2.00533,
audio-2.m4s
#EXT-X-PROGRAM-DATE-TIME:2027-01-15T08:01:46.016Z
#EXTINF:1.98400,
audio-3.m4s
`}
	snapshot := s.Snapshot()
	for name, want := range want {
		resource := find(snapshot, name)
		if name == "index" {
			resource = snapshot.Index()
		}
		if got := text(resource); got != want {
			t.Errorf("%s is\n%s\nwant\n%s", name, got, want)
		}
	}
}

func TestSegmentsAreCutAtKeyframes(t *testing.T) {
	for _, test := range []struct {
		name         string
		in           frames
		video, audio string // durations of complete segments
		target       int
		warning      string
	}{
		{"every 2 s", merged(video(0, 7*second, 2*second, wide), audio(0, 7*second, stereo48)),
			"2.00 2.00 2.00", "2.01 2.01 2.01", 2, ""},
		{"every 1 s", merged(video(0, 7*second, second, wide), audio(0, 7*second, stereo48)),
			"2.00 2.00 2.00", "2.01 2.01 2.01", 2, ""},
		{"every 1.6 s: sooner rather than too long", merged(video(0, 5*second, 1600*time.Millisecond, wide), audio(0, 5*second, stereo48)),
			"1.60 1.60 1.60", "1.60 1.60 1.60", 2, ""},
		{"a first GOP of 8.32 s sets the target", merged(video(0, 26*second, 8320*time.Millisecond, wide), audio(0, 26*second, stereo48)),
			"8.32 8.32 8.32", "8.32 8.32 8.32", 8, ""},
		{"a first GOP of 2.8 s sets the target", merged(video(0, 6*second, 2800*time.Millisecond, wide), audio(0, 6*second, stereo48)),
			"2.80 2.80", "2.82 2.79", 3, ""},
		{"a GOP longer than 10 s is cut", merged(video(0, 24*second, 20*second, wide), audio(0, 24*second, stereo48)),
			"10.44 9.56", "10.43 9.58", 10, "long_gop"},
		{"a GOP that gets long is cut, and the next keyframe is a cut again",
			merged(video(0, 4*second, 2*second, wide), video(4*second, 10*second, 6*second, wide), video(10*second, 13*second, 2*second, wide), audio(0, 13*second, stereo48)),
			"2.00 2.00 2.44 2.44 1.12 2.00", "2.01 2.01 2.43 2.43 1.13 2.01", 2, "long_gop"},
		{"a muted picture is one keyframe a second", merged(keyframes(0, 9*second, second), audio(0, 9*second, stereo48)),
			"2.00 2.00 2.00 2.00", "2.01 2.01 2.01 1.98", 2, ""},
		{"keyframes out of time", merged(video(0, 1*second, 9*second, wide), video(1*second, 2200*time.Millisecond, 9*second, wide),
			video(2200*time.Millisecond, 4300*time.Millisecond, 9*second, wide), video(4320*time.Millisecond, 5*second, 9*second, wide),
			audio(0, 5*second, stereo48)), "2.20 2.12", "2.22 2.11", 2, ""},
		{"sound only is cut on time", audio(0, 7*second, stereo48), "", "2.01 2.01 2.01", 2, ""},
		{"sound only at 44.1 kHz", audio(0, 7*second, stereo44), "", "2.00 2.00 2.00", 2, ""},
		{"a picture only gets silence", video(0, 7*second, 2*second, wide), "2.00 2.00 2.00", "2.01 1.98 2.01", 2, ""},
		{"sound that stops is silence", merged(video(0, 9*second, 2*second, wide), audio(0, 3*second, stereo48)),
			"2.00 2.00 2.00 2.00", "2.01 1.98 2.01 2.01", 2, ""},
		{"sound that comes late follows silence", merged(video(0, 9*second, 2*second, wide), audio(5*second, 9*second, stereo48)),
			"2.00 2.00 2.00 2.00", "2.01 1.98 2.01 2.01", 2, ""},
		{"a picture that stops leaves the sound alone", merged(video(0, 3*second, 2*second, wide), audio(0, 12*second, stereo48)),
			"2.00", "2.01 2.43 2.43 2.43 2.43", 2, ""},
		{"a picture that comes soon is there from its start", merged(video(500*time.Millisecond, 6*second, 2*second, wide), audio(0, 6*second, stereo48)),
			"2.00 2.00", "2.01 1.98", 2, ""},
		{"a picture that comes late", merged(video(5*second, 10*second, 2*second, wide), audio(0, 10*second, stereo48)),
			"2.00 2.00", "2.01 2.01 1.00 2.01 1.98", 2, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			cfg := testConfig()
			warning := ""
			cfg.Warn = func(code, _ string) { warning = code }
			s := written(cfg, test.in).Snapshot()
			var pictures []listed
			if test.video != "" {
				pictures, _ = list(t, text(find(s, "video.m3u8")))
			}
			sounds, target := list(t, text(find(s, "audio.m3u8")))
			if durations(pictures) != test.video || durations(sounds) != test.audio {
				t.Errorf("segments are\n video %s\n audio %s\nwant\n video %s\n audio %s", durations(pictures), durations(sounds), test.video, test.audio)
			}
			if target != test.target || s.Target() != time.Duration(test.target)*second || warning != test.warning {
				t.Errorf("target %d, warning %q; want %d, %q", target, warning, test.target, test.warning)
			}
		})
	}
}

func TestAPlaylistWithASegmentThatBeginsWithoutAKeyframeDoesNotSayThatAllDo(t *testing.T) {
	in := merged(video(0, 4*second, 2*second, wide), video(4*second, 10*second, 6*second, wide), audio(0, 10*second, stereo48))
	begun, cfg := false, testConfig()
	cfg.Classic = false
	s := New(cfg)
	for n, f := range in {
		s.Write(f)
		playlist := text(find(s.Snapshot(), "video.m3u8"))
		for segment := range strings.SplitSeq(playlist, "#EXT-X-PROGRAM-DATE-TIME") {
			if _, first, ok := strings.Cut(segment, "#EXT-X-PART:"); ok {
				first, _, _ = strings.Cut(first, "\n")
				begun = begun || !strings.Contains(first, "INDEPENDENT=YES")
			}
		}
		if says := strings.Contains(playlist, "#EXT-X-INDEPENDENT-SEGMENTS"); strings.Contains(playlist, "#EXT-X-PART:") && says == begun {
			t.Fatalf("after %d frames:\n%s", n+1, playlist)
		}
	}
	if !begun {
		t.Error("all begin with one")
	}
}

func TestChangeOfFormatBringsMapAndDiscontinuity(t *testing.T) {
	type entry struct {
		init          string
		discontinuity uint64
	}
	for _, test := range []struct {
		name         string
		in           frames
		video, audio []entry
	}{
		{"new size", merged(video(0, 4*second, 2*second, wide), video(4*second, 8*second, 2*second, tall), audio(0, 9*second, stereo48)),
			[]entry{{"video-init0.mp4", 0}, {"video-init0.mp4", 0}, {"video-init1.mp4", 1}, {"video-init1.mp4", 1}},
			[]entry{{"audio-init0.mp4", 0}, {"audio-init0.mp4", 0}, {"audio-init0.mp4", 1}, {"audio-init0.mp4", 1}}},
		{"new size between keyframes waits for one",
			merged(video(0, 3*second, 2*second, wide), video(2*second, 6*second, 2*second, tall)[25:], audio(0, 6*second, stereo48)),
			[]entry{{"video-init0.mp4", 0}, {"video-init0.mp4", 0}, {"video-init1.mp4", 1}},
			[]entry{{"audio-init0.mp4", 0}, {"audio-init0.mp4", 0}, {"audio-init0.mp4", 1}}},
		{"the same parameters again", merged(video(0, 4*second, 2*second, wide), video(4*second, 8*second, 2*second, &media.Format{
			Codec: media.H264, Width: 320, Height: 180, SPS: wide.SPS, PPS: wide.PPS}), audio(0, 8*second, stereo48)),
			[]entry{{"video-init0.mp4", 0}, {"video-init0.mp4", 0}, {"video-init0.mp4", 0}, {"video-init0.mp4", 0}},
			[]entry{{"audio-init0.mp4", 0}, {"audio-init0.mp4", 0}, {"audio-init0.mp4", 0}, {"audio-init0.mp4", 0}}},
		{"new sound breaks the picture at its next cut",
			merged(video(0, 8*second, 2*second, wide), audio(0, 3*second, stereo48), audio(3*second, 8*second, stereo44)),
			[]entry{{"video-init0.mp4", 0}, {"video-init0.mp4", 0}, {"video-init0.mp4", 1}, {"video-init0.mp4", 1}},
			[]entry{{"audio-init0.mp4", 0}, {"audio-init0.mp4", 0}, {"audio-init1.mp4", 1}, {"audio-init1.mp4", 1}, {"audio-init1.mp4", 1}}},
		{"new sound and new picture", merged(video(0, 4*second, 2*second, wide), video(4*second, 8*second, 2*second, tall),
			audio(0, 3*second, stereo48), audio(3*second, 8*second, stereo44)),
			[]entry{{"video-init0.mp4", 0}, {"video-init0.mp4", 0}, {"video-init1.mp4", 1}, {"video-init1.mp4", 1}},
			[]entry{{"audio-init0.mp4", 0}, {"audio-init0.mp4", 0}, {"audio-init1.mp4", 1}, {"audio-init1.mp4", 1}, {"audio-init1.mp4", 1}}},
		{"silence goes over into sound of its own format", merged(video(0, 6*second, 2*second, wide), audio(3*second, 6*second, &media.Format{
			Codec: media.AAC, SampleRate: 48000, Channels: 2, Config: []byte{0x11, 0x90, 0x56, 0xe5, 0x00}})),
			[]entry{{"video-init0.mp4", 0}, {"video-init0.mp4", 0}, {"video-init0.mp4", 0}},
			[]entry{{"audio-init0.mp4", 0}, {"audio-init0.mp4", 0}, {"audio-init0.mp4", 0}}},
		{"a picture that stood still for long", merged(video(0, 3*second, 2*second, wide), video(20*second, 24*second, 2*second, wide), audio(0, 24*second, stereo48)),
			[]entry{{"video-init0.mp4", 0}, {"video-init0.mp4", 0}, {"video-init0.mp4", 1}, {"video-init0.mp4", 1}}, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := written(testConfig(), test.in)
			s.End()
			check := func(name string, want []entry) {
				if want == nil {
					return
				}
				segments, _ := list(t, text(find(s.Snapshot(), name)))
				var got []entry
				for _, s := range segments {
					got = append(got, entry{s.init, s.discontinuity})
				}
				if !slices.Equal(got[:min(len(got), len(want))], want) {
					t.Errorf("%s has %v, want %v", name, got, want)
				}
			}
			check("video.m3u8", test.video)
			check("audio.m3u8", test.audio)
		})
	}
}

func TestASizeThatPausesIsMissing(t *testing.T) {
	for name, test := range map[string]struct {
		pause time.Duration
		gaps  string // of whole segments
	}{
		"for less than a segment":    {400 * time.Millisecond, ""},
		"for three segments":         {7 * second, "2.00 2.00 1.55"},
		"for longer than the window": {200 * second, strings.TrimSuffix(strings.Repeat("2.00 ", 9), " ")},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := testConfig()
			cfg.Classic, cfg.Window = false, 20*second
			s, p := New(cfg), promises{hints: map[string]hint{}}
			for _, f := range merged(video(0, 8*second+test.pause, 2*second, wide), audio(0, 8*second+test.pause, stereo48)) {
				s.Write(f)
				if at := f.PTS - origin; f.Kind() == media.Video && (at <= 4*second || at >= 4*second+test.pause) {
					s.WriteFurther(1, f)
				}
				p.look(t, s.Snapshot())
			}
			var gaps []listed
			text := strings.ReplaceAll(text(find(s.Snapshot(), "video1.m3u8")), "VERSION:9", "VERSION:7")
			blocks := strings.Split(text, "#EXT-X-PROGRAM-DATE-TIME")
			for _, block := range blocks {
				missing := strings.Contains(block, "#EXT-X-GAP\n")
				if parts := strings.Count(block, "#EXT-X-PART:"); parts > 0 && missing != (strings.Count(block, "GAP=YES") == parts) {
					t.Errorf("segment: %s", block)
				}
				if _, length, _ := strings.Cut(block, "#EXTINF:"); missing {
					var d float64
					fmt.Sscanf(length, "%f,", &d)
					gaps = append(gaps, listed{duration: d})
				}
			}
			if got := durations(gaps); got != test.gaps {
				t.Errorf("missing are %q, want %q:\n%s", got, test.gaps, text)
			}
			if strings.Contains(text, "#EXT-X-DISCONTINUITY\n") || !strings.Contains(text, "#EXT-X-INDEPENDENT-SEGMENTS") {
				t.Error(text)
			}
		})
	}
}

func TestSizesCountTheSameDiscontinuities(t *testing.T) {
	for name, test := range map[string]struct {
		joins, shift time.Duration
		sound        time.Duration // when it changes, too
	}{
		"the smaller is early":                           {0, -20 * time.Millisecond, 0},
		"the smaller is late":                            {0, 20 * time.Millisecond, 0},
		"the smaller comes where the picture changed":    {4 * second, 20 * time.Millisecond, 0},
		"the smaller comes just before it":               {4 * second, -20 * time.Millisecond, 0},
		"the smaller comes while that segment is made":   {5 * second, 0, 0},
		"the smaller comes later":                        {6 * second, 0, 0},
		"the sound changes":                              {0, 0, 7 * second},
		"the sound changes before the smaller comes":     {7500 * time.Millisecond, 0, 7 * second},
		"the sound changes just before the picture does": {0, 0, 3980 * time.Millisecond},
		"the sound changes just after the picture did":   {0, 0, 4016 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			// Its frames differ by their format from those of the picture, which have another pointer.
			small := *tall
			further := video(test.joins, 14*second, 2*second, &small)
			for _, f := range further {
				f.DTS, f.PTS = f.DTS+test.shift, f.PTS+test.shift
			}
			sound := audio(0, 14*second, stereo48)
			if test.sound > 0 {
				sound = merged(audio(0, test.sound, stereo48), audio(test.sound, 14*second, stereo44))
			}
			s := New(testConfig())
			for _, f := range merged(video(0, 4*second, 2*second, wide), video(4*second, 14*second, 2*second, tall), sound, further) {
				if f.Format == &small {
					s.WriteFurther(1, f)
				} else {
					s.Write(f)
				}
			}
			s.End()
			pictures, _ := list(t, text(find(s.Snapshot(), "video.m3u8")))
			for _, name := range []string{"video1.m3u8", "audio.m3u8"} {
				others, _ := list(t, text(find(s.Snapshot(), name)))
				matched := 0
				for _, p := range pictures {
					for i, o := range others {
						into := o.start.Sub(p.start) + 50*time.Millisecond
						if into < 0 || into.Seconds() >= p.duration {
							continue
						}
						matched++
						// The picture follows the sound at its next keyframe.
						ahead := into > second/2 && i > 0 && o.discontinuity == others[i-1].discontinuity+1
						if o.discontinuity != p.discontinuity && !ahead {
							t.Errorf("%s is after %d discontinuities, %s after %d", o.uri, o.discontinuity, p.uri, p.discontinuity)
						}
					}
				}
				if matched < 4 || matched != len(others) {
					t.Errorf("%d of %d segments of %s begin within one of the picture", matched, len(others), name)
				}
			}
		})
	}
}

// TestSoundThatChangesTakesAllBreaksOfAPictureThatWasLate: two of them wait for it.
func TestSoundThatChangesTakesAllBreaksOfAPictureThatWasLate(t *testing.T) {
	s := New(testConfig())
	write := func(f frames) {
		for _, one := range f {
			s.Write(one)
		}
	}
	before := audio(0, 4*second, stereo48)
	write(merged(video(0, 4*second, 2*second, wide), before))
	write(audio(0, 4400*time.Millisecond, stereo48)[len(before):])
	late := merged(video(4*second, 4240*time.Millisecond, 2*second, tall), video(4240*time.Millisecond, 12*second, 2*second, wide))
	write(late[:8])
	write(merged(late[8:], audio(4400*time.Millisecond, 12*second, stereo44)))
	s.End()
	pictures, _ := list(t, text(find(s.Snapshot(), "video.m3u8")))
	sounds, _ := list(t, text(find(s.Snapshot(), "audio.m3u8")))
	if p, h := pictures[len(pictures)-1], sounds[len(sounds)-1]; p.discontinuity != 2 || h.discontinuity != 2 {
		t.Errorf("the last picture is after %d discontinuities, the last sound after %d, want 2", p.discontinuity, h.discontinuity)
	}
}

func TestTheFrameRateIsTheHighest(t *testing.T) {
	// The picture stands still for a while, and just then the sound changes, so that the multivariant playlist is written anew.
	s := written(testConfig(), merged(video(0, 8*second, 2*second, wide), keyframes(8*second, 10*second, second), video(10*second, 12*second, 2*second, wide),
		audio(0, 10500*time.Millisecond, stereo48), audio(10500*time.Millisecond, 12*second, &media.Format{Codec: media.AAC, SampleRate: 44100, Channels: 1, Config: []byte{0x12, 0x08}})))
	if index := text(s.Snapshot().Index()); !strings.Contains(index, `CHANNELS="1"`) || !strings.Contains(index, "FRAME-RATE=25.000") {
		t.Error(index)
	}
}

func TestEndClosesPlaylists(t *testing.T) {
	s := written(testConfig(), merged(video(0, 3*second, 2*second, wide), audio(0, 3*second, stereo48)))
	before := s.Snapshot()
	s.End()
	select {
	case <-before.Changed():
	default:
		t.Error("nobody was told")
	}
	after := s.Snapshot()
	for _, name := range []string{"video.m3u8", "audio.m3u8"} {
		if strings.Contains(text(find(before, name)), "ENDLIST") || !strings.HasSuffix(text(find(after, name)), "\n#EXT-X-ENDLIST\n") {
			t.Errorf("%s ends with %q", name, text(find(after, name)))
		}
	}
	if segments, _ := list(t, text(find(after, "video.m3u8"))); durations(segments) != "2.00 1.00" {
		t.Errorf("the last segment is missing: %s", durations(segments))
	}
	s.Write(video(4*second, 5*second, second, wide)[0])
	s.End()
	if s.Snapshot() != after {
		t.Error("the stream went on after its end")
	}
}

func TestOldSegmentsStayAsLongAsPlaylistsNamedThem(t *testing.T) {
	cfg := testConfig()
	cfg.Window = 5 * second
	s := written(cfg, merged(video(0, 21*second, 2*second, wide), video(21*second, 23*second, second, tall), audio(0, 23*second, stereo48)))
	snapshot := s.Snapshot()
	for n, want := range map[string]bool{"video-3.m4s": false, "video-4.m4s": true, "video-5.m4s": true, "video-7.m4s": true, "video-10.m4s": true, "video-11.m4s": false} {
		if got := find(snapshot, n) != nil; got != want {
			t.Errorf("%s is there: %v", n, got)
		}
	}
	if segments, _ := list(t, text(find(snapshot, "video.m3u8"))); len(segments) != 3 {
		t.Errorf("the window has %d segments", len(segments))
	}
	if find(snapshot, "video-init0.mp4") == nil {
		t.Error("the map of a segment that is still there is gone")
	}
}

func TestMemoryIsBounded(t *testing.T) {
	cfg := testConfig()
	cfg.Window, cfg.MaxBytes = 20*second, 1<<20
	s := New(cfg)
	for _, f := range merged(video(0, 60*second, 2*second, wide), audio(0, 60*second, stereo48)) {
		if f.Kind() == media.Video {
			f.Payload = make([]byte, 5000)
		}
		s.Write(f)
		if s.pictures[0].kept > cfg.MaxBytes+300_000 {
			t.Fatalf("%d bytes are kept", s.pictures[0].kept)
		}
	}
	if segments, _ := list(t, text(find(s.Snapshot(), "video.m3u8"))); len(segments) < 3 {
		t.Errorf("%d segments are left", len(segments))
	}
}

func TestSuccessorGoesOnUnderTheSameAddresses(t *testing.T) {
	first := written(testConfig(), merged(video(0, 7*second, 2*second, wide), audio(0, 7*second, stereo48)))
	next := first.Successor()
	again := merged(video(5*second, 7*second, 2*second, wide), audio(5*second, 7*second, stereo48)) // which the first one has had
	for _, f := range append(again, merged(video(60*second, 67*second, 2*second, tall), audio(60*second, 67*second, stereo48))...) {
		next.Write(f)
	}
	for _, name := range []string{"video.m3u8", "audio.m3u8"} {
		before, _ := list(t, text(find(first.Snapshot(), name)))
		after, _ := list(t, text(find(next.Snapshot(), name)))
		if len(after) != 3 || after[0].uri != strings.Replace(before[0].uri, "-0", "-4", 1) || after[0].discontinuity != 1 || after[0].init == before[0].init {
			t.Errorf("%s goes on with %+v", name, after)
		}
	}
}

func TestFramesThatCannotBeCarriedAreLeftOut(t *testing.T) {
	good := merged(video(0, 7*second, 2*second, wide), audio(0, 7*second, stereo48))
	var bad frames
	for i, f := range good {
		bad = append(bad, f)
		if i%10 == 5 {
			late, future, broken, huge := *f, *f, *f, *f
			late.DTS, late.PTS = f.DTS-3*second, f.PTS-3*second
			future.PTS = future.DTS - 1
			broken.Format = &media.Format{Codec: media.H264, SPS: []byte{0x67}, PPS: []byte{0x68}}
			huge.Payload = nil
			bad = append(bad, &late, &future, &broken, &huge, nil, &media.Frame{}, &media.Frame{Format: &media.Format{}},
				&media.Frame{Format: &media.Format{Codec: media.VP8}, Payload: []byte{1}, Keyframe: true},
				&media.Frame{Format: &media.Format{Codec: media.AAC}, Payload: []byte{1}, Keyframe: true, PTS: f.PTS, DTS: f.DTS})
		}
	}
	want, got := written(testConfig(), good).Snapshot(), written(testConfig(), bad).Snapshot()
	if a, b := text(find(got, "audio.m3u8")), text(find(want, "audio.m3u8")); a != b {
		t.Errorf("sound is\n%s\nwant\n%s", a, b)
	}
}
