package track

import (
	"errors"
	"testing"
	"time"

	"github.com/tuttilive/tutti/internal/codec"
	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/media/mediatest"
	"github.com/tuttilive/tutti/internal/media/rtpfmt"
)

func TestWriteFrame(t *testing.T) {
	const ms = time.Millisecond
	format := mediatest.H264Format(640, 360)
	type frame struct {
		dts, pts time.Duration
		key      bool
		// what the ring holds, 0 for what was written
		wantDTS, wantPTS time.Duration
		left             bool // out
		refused          bool
	}
	tests := []struct {
		name   string
		frames []frame
	}{
		{"as it should be", []frame{{dts: 0, pts: 0, key: true}, {dts: 40 * ms, pts: 40 * ms}}},
		{"B-frames", []frame{{dts: 0, pts: 80 * ms, key: true}, {dts: 40 * ms, pts: 200 * ms}, {dts: 80 * ms, pts: 120 * ms}}},
		{"pictures before the first keyframe", []frame{{dts: 0, pts: 0, left: true}, {dts: 40 * ms, pts: 40 * ms, key: true}}},
		{"equal DTS", []frame{{dts: 5 * ms, pts: 5 * ms, key: true}, {dts: 5 * ms, pts: 5 * ms, wantDTS: 6 * ms, wantPTS: 6 * ms}}},
		{"a small step back", []frame{{dts: 900 * ms, pts: 900 * ms, key: true}, {dts: 40 * ms, pts: 40 * ms, wantDTS: 901 * ms, wantPTS: 901 * ms}}},
		{"a large step back", []frame{{dts: 5000 * ms, pts: 5000 * ms, key: true}, {dts: 40 * ms, pts: 40 * ms, refused: true}}},
		{"PTS before DTS", []frame{{dts: 40 * ms, pts: 20 * ms, key: true, wantDTS: 40 * ms, wantPTS: 40 * ms}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			track := NewFromFrames(Info{Kind: media.Video, Codec: media.H264})
			defer track.Close()
			lease, err := track.ReadFrames(media.H264)
			if err != nil {
				t.Fatal(err)
			}
			defer lease.Release()
			cursor := lease.Ring().Live()
			for i, f := range tt.frames {
				in := &media.Frame{Format: format, Payload: mediatest.H264(f.key, 50), DTS: f.dts, PTS: f.pts, Keyframe: f.key}
				was := *in
				if err := track.WriteFrame(in); (err != nil) != f.refused {
					t.Fatalf("frame %d: %v", i, err)
				}
				if in.DTS != was.DTS || in.PTS != was.PTS {
					t.Error("a shared frame was changed")
				}
				var got [1]*media.Frame
				n, _, _ := cursor.Read(got[:])
				if n == 0 {
					if !f.left && !f.refused {
						t.Errorf("frame %d is missing", i)
					}
					continue
				}
				dts, pts := f.dts, f.pts
				if f.wantDTS+f.wantPTS > 0 {
					dts, pts = f.wantDTS, f.wantPTS
				}
				if got[0].DTS != dts || got[0].PTS != pts || f.left || f.refused {
					t.Errorf("frame %d: DTS %v, PTS %v; want %v, %v", i, got[0].DTS, got[0].PTS, dts, pts)
				}
			}
		})
	}
}

func TestWriteFrameRefusesWhatDoesNotFit(t *testing.T) {
	track := NewFromFrames(Info{Kind: media.Audio, Codec: media.Opus})
	for name, f := range map[string]*media.Frame{
		"nothing":       nil,
		"no format":     {Payload: []byte{1}},
		"no payload":    {Format: rtpfmt.OpusFormat},
		"another codec": {Format: &media.Format{Codec: media.AAC}, Payload: []byte{1}},
	} {
		if track.WriteFrame(f) == nil {
			t.Errorf("took a frame with %s", name)
		}
	}
	track.Close()
	if err := track.WriteFrame(mediatest.Frame(rtpfmt.OpusFormat, true, 0, mediatest.Opus(9))); !errors.Is(err, ErrClosed) {
		t.Errorf("after the end: %v", err)
	}
	packets := NewFromPackets(Info{Kind: media.Audio, Codec: media.Opus}, nil)
	defer packets.Close()
	if packets.WriteFrame(mediatest.Frame(rtpfmt.OpusFormat, true, 0, mediatest.Opus(9))) == nil {
		t.Error("a track born as packets took a frame")
	}
}

func problem(t *Track, code string) bool {
	for _, p := range t.Problems() {
		if p.Code == code {
			return true
		}
	}
	return false
}

func TestAGOPThatIsTooLongIsCutAndReported(t *testing.T) {
	track := NewFromFrames(Info{Kind: media.Video, Codec: media.H264})
	defer track.Close()
	format := mediatest.H264Format(640, 360)
	write := func(at time.Duration, key bool) {
		if err := track.WriteFrame(mediatest.Frame(format, key, at, mediatest.H264(key, 50))); err != nil {
			t.Fatal(err)
		}
	}
	write(0, true)
	for at := 100 * time.Millisecond; at <= 10*time.Second; at += 100 * time.Millisecond {
		write(at, false)
	}
	lease, _ := track.ReadFrames(media.H264)
	if n, _, _ := lease.Ring().FromKey().Read(make([]*media.Frame, 200)); n != 101 || problem(track, ProblemGOP) {
		t.Errorf("a GOP of 10 s: %d frames, reported %v", n, problem(track, ProblemGOP))
	}
	for at := 10100 * time.Millisecond; at < 15*time.Second; at += 100 * time.Millisecond {
		write(at, false)
	}
	if !problem(track, ProblemGOP) {
		t.Error("not reported")
	}
	if n, _, _ := lease.Ring().FromKey().Read(make([]*media.Frame, 200)); n != 0 {
		t.Errorf("a GOP of 15 s: a late reader gets %d frames without a keyframe", n)
	}
	write(15*time.Second, true)
	if !problem(track, ProblemGOP) {
		t.Error("taken back at the end of the long GOP")
	}
	write(17*time.Second, true)
	if problem(track, ProblemGOP) {
		t.Error("not taken back after a short GOP")
	}
}

func TestFrameTrackStats(t *testing.T) {
	track := NewFromFrames(Info{Kind: media.Video, Codec: media.H264})
	defer track.Close()
	if track.Format() != nil {
		t.Error("a format before the first frame")
	}
	format := mediatest.H264Format(640, 360)
	if err := track.WriteFrame(mediatest.Frame(format, true, 0, mediatest.H264(true, 50))); err != nil {
		t.Fatal(err)
	}
	if s := track.Stats(); s.Width != 640 || s.Height != 360 || track.Format() != format {
		t.Errorf("%+v", s)
	}
}

func TestWhatCanBeHad(t *testing.T) {
	none := codec.FindWorkers("off")
	reordered := mediatest.H264Format(640, 360)
	reordered.Reordered = true
	bFrames := NewFromFrames(Info{Kind: media.Video, Codec: media.H264, Workers: none})
	if err := bFrames.WriteFrame(mediatest.Frame(reordered, true, 0, mediatest.H264(true, 50))); err != nil {
		t.Fatal(err)
	}
	refreshed := NewFromFrames(Info{Kind: media.Video, Codec: media.H264, Workers: none})
	if err := refreshed.WriteFrame(mediatest.Frame(mediatest.H264Format(640, 360), true, 0, mediatest.H264(false, 50))); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name            string
		track           *Track
		codec           media.Codec
		frames, packets bool
	}{
		{"Opus as packets, own", NewFromPackets(Info{Kind: media.Audio, Codec: media.Opus}, nil), media.Opus, true, true},
		{"Opus as packets, AAC", NewFromPackets(Info{Kind: media.Audio, Codec: media.Opus}, nil), media.AAC, true, false},
		{"AAC as frames, own", NewFromFrames(Info{Kind: media.Audio, Codec: media.AAC}), media.AAC, true, false},
		{"AAC as frames, Opus", NewFromFrames(Info{Kind: media.Audio, Codec: media.AAC}), media.Opus, true, true},
		{"sound as picture", NewFromFrames(Info{Kind: media.Audio, Codec: media.AAC}), media.H264, false, false},
		{"VP8, H.264 without ffmpeg", NewFromPackets(Info{Kind: media.Video, Codec: media.VP8, Workers: none}, nil), media.H264, false, false},
		{"VP8, H.264 without workers", NewFromPackets(Info{Kind: media.Video, Codec: media.VP8}, nil), media.H264, false, false},
		{"H.264 as VP8", NewFromPackets(Info{Kind: media.Video, Codec: media.H264}, nil), media.VP8, false, false},
		{"H.264 with B-frames, without ffmpeg", bFrames, media.H264, true, false},
		{"H.264 without IDR pictures, without ffmpeg", refreshed, media.H264, true, false},
		{"AV1 as frames", NewFromFrames(Info{Kind: media.Video, Codec: media.AV1}), media.AV1, true, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			defer tt.track.Close()
			if err := tt.track.CanConvert(tt.codec); (err == nil) != tt.frames {
				t.Errorf("frames: %v", err)
			}
			if err := tt.track.CanReadPackets(tt.codec); (err == nil) != tt.packets {
				t.Errorf("packets: %v", err)
			}
			if lease, err := tt.track.ReadFrames(tt.codec); (err == nil) != tt.frames {
				t.Errorf("ReadFrames: %v", err)
			} else if err == nil {
				if lease.Codec() != tt.codec {
					t.Errorf("gives %v", lease.Codec())
				}
				lease.Release()
			}
			if lease, err := tt.track.ReadPackets(tt.codec); (err == nil) != tt.packets {
				t.Errorf("ReadPackets: %v", err)
			} else if err == nil {
				lease.Release()
			}
		})
	}
}
