package fmp4

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/media/bitstream"
)

// written is an init segment and a segment of a picture and a sound, as we write them.
func written(t testing.TB) (init, segment []byte) {
	t.Helper()
	picture, err := NewTrack(1, h264)
	if err != nil {
		t.Fatal(err)
	}
	sound, err := NewTrack(2, aac)
	if err != nil {
		t.Fatal(err)
	}
	if init, err = Init(picture, sound); err != nil {
		t.Fatal(err)
	}
	segment, err = Fragment(1,
		Run{picture, 90_000, []Sample{{[]byte("\x00\x00\x00\x02\x65\x88"), 3000, 6000, true}, {[]byte("\x00\x00\x00\x02\x41\x9a"), 3000, 3000, false}}},
		Run{sound, 48_000, []Sample{{[]byte("one"), 1024, 0, true}, {[]byte("two"), 1024, 0, true}, {[]byte("three"), 1024, 0, true}}})
	if err != nil {
		t.Fatal(err)
	}
	return init, segment
}

func TestWhatWeWriteIsRead(t *testing.T) {
	init, segment := written(t)
	d, err := NewDemuxer(init)
	if err != nil {
		t.Fatal(err)
	}
	frames, err := d.Segment(segment)
	if err != nil || len(frames) != 5 {
		t.Fatalf("%d frames, %v", len(frames), err)
	}
	var pictures, sounds []*media.Frame
	for i, f := range frames {
		if i > 0 && f.DTS < frames[i-1].DTS {
			t.Errorf("frame %d is decoded at %v, after one at %v", i, f.DTS, frames[i-1].DTS)
		}
		if f.Kind() == media.Video {
			pictures = append(pictures, f)
		} else {
			sounds = append(sounds, f)
		}
	}
	if p := pictures[0]; !p.Keyframe || p.DTS != time.Second || p.PTS-p.DTS != 6000*time.Second/90_000 || string(p.Payload) != "\x00\x00\x00\x02\x65\x88" ||
		p.Format.Codec != media.H264 || p.Format.Width != 320 || !bytes.Equal(p.Format.SPS, h264.SPS) {
		t.Errorf("%+v", p)
	}
	if p := pictures[1]; p.Keyframe || p.DTS != time.Second+3000*time.Second/90_000 {
		t.Errorf("%+v", p)
	}
	if s := sounds[2]; string(s.Payload) != "three" || s.DTS != time.Second+2048*time.Second/48_000 || s.Duration != 1024*time.Second/48_000 || s.Format.SampleRate != 48_000 ||
		s.Format.Channels != 2 || !bytes.Equal(s.Format.Config, aac.Config) {
		t.Errorf("%+v", s)
	}
}

// TestFurtherParameterSetsGoBeforeKeyframes: a format holds one PPS.
func TestFurtherParameterSetsGoBeforeKeyframes(t *testing.T) {
	second := []byte{0x68, 0x5b, 0xe3, 0xcb} // of another id
	describe := func(n int) (*description, error) {
		record := bitstream.AVCRecord(h264)
		record[8+len(h264.SPS)] += byte(n) // how many PPS there are
		for range n {
			record = append(append(record, 0, byte(len(second))), second...)
		}
		return describeH264(record)
	}
	d, err := describe(1)
	if err != nil {
		t.Fatal(err)
	}
	for picture, want := range map[string][]byte{
		"\x00\x00\x00\x02\x65\x88": bitstream.AppendUnit(bitstream.AppendUnit(nil, second), []byte{0x65, 0x88}),
		"\x00\x00\x00\x02\x41\x9a": bitstream.AppendUnit(nil, []byte{0x41, 0x9a}),
	} {
		if payload, _, ok := d.read([]byte(picture), false); !ok || !bytes.Equal(payload, want) || !bytes.Equal(d.format.PPS, h264.PPS) {
			t.Errorf("% x of % x", payload, picture)
		}
	}
	if _, err := describe(200); err == nil {
		t.Error("2 kB go before each keyframe")
	}
}

// TestSyncSamplesWithoutIDR: movies of open groups of pictures say of their samples where decoding may begin. Of what needs another picture it is not believed.
func TestSyncSamplesWithoutIDR(t *testing.T) {
	picture, err := NewTrack(1, h264)
	if err != nil {
		t.Fatal(err)
	}
	init, err := Init(picture)
	if err != nil {
		t.Fatal(err)
	}
	d, err := NewDemuxer(init)
	if err != nil {
		t.Fatal(err)
	}
	const intra, inter = "\x00\x00\x00\x03\x41\x88\x80", "\x00\x00\x00\x02\x41\x9a"
	segment, err := Fragment(1, Run{picture, 0, []Sample{{[]byte(intra), 3000, 0, true}, {[]byte(inter), 3000, 0, true}, {[]byte(intra), 3000, 0, false}}})
	if err != nil {
		t.Fatal(err)
	}
	frames, err := d.Segment(segment)
	if err != nil || len(frames) != 3 {
		t.Fatalf("%d frames, %v", len(frames), err)
	}
	for i, want := range []bool{true, false, false} {
		if frames[i].Keyframe != want {
			t.Errorf("sample %d: %v", i, frames[i].Keyframe)
		}
	}
}

// TestMoviesOfFFmpeg reads what ffmpeg writes for HLS, and compares each time with what ffprobe finds.
func TestMoviesOfFFmpeg(t *testing.T) {
	if _, err := exec.LookPath("ffmpeg"); err != nil {
		t.Skip("ffmpeg is not installed")
	}
	for name, c := range map[string]struct {
		args         []string
		video, audio media.Codec
		reordered    bool
	}{
		"H.264 with B-frames and AAC": {[]string{"-c:v", "libx264", "-pix_fmt", "yuv420p", "-bf", "3", "-g", "30", "-c:a", "aac"}, media.H264, media.AAC, true},
		"negative offsets":            {[]string{"-c:v", "libx264", "-pix_fmt", "yuv420p", "-bf", "2", "-g", "30", "-c:a", "aac", "-movflags", "+negative_cts_offsets"}, media.H264, media.AAC, true},
		"H.265 and Opus":              {[]string{"-c:v", "libx265", "-x265-params", "log-level=none:bframes=0", "-tag:v", "hvc1", "-g", "30", "-c:a", "libopus", "-ar", "48000", "-strict", "-2"}, media.H265, media.Opus, false},
		"sets in band":                {[]string{"-c:v", "libx264", "-pix_fmt", "yuv420p", "-bf", "0", "-g", "30", "-tag:v", "avc3", "-bsf:v", "dump_extra", "-c:a", "aac", "-ac", "1"}, media.H264, media.AAC, false},
		"AV1 alone":                   {[]string{"-c:v", "libaom-av1", "-cpu-used", "8", "-usage", "realtime", "-g", "30", "-an"}, media.AV1, 0, false},
		"VP9 alone":                   {[]string{"-c:v", "libvpx-vp9", "-cpu-used", "8", "-deadline", "realtime", "-g", "30", "-an"}, media.VP9, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			list := filepath.Join(dir, "index.m3u8")
			args := slices.Concat([]string{"-hide_banner", "-loglevel", "error", "-f", "lavfi", "-i", "testsrc2=size=320x180:rate=30", "-f", "lavfi", "-i", "sine=sample_rate=48000", "-t", "3"},
				c.args, []string{"-f", "hls", "-hls_segment_type", "fmp4", "-hls_time", "1", "-hls_list_size", "0", list})
			if out, err := exec.Command("ffmpeg", args...).CombinedOutput(); err != nil {
				t.Skipf("this ffmpeg does not make it: %v %s", err, out)
			}
			init, err := os.ReadFile(filepath.Join(dir, "init.mp4"))
			if err != nil {
				t.Fatal(err)
			}
			d, err := NewDemuxer(init)
			if err != nil {
				t.Fatal(err)
			}
			got := map[media.Kind][]*media.Frame{}
			whole := init
			for i := 0; ; i++ {
				segment, err := os.ReadFile(filepath.Join(dir, "index"+strconv.Itoa(i)+".m4s"))
				if err != nil {
					break
				}
				whole = append(whole, segment...)
				frames, err := d.Segment(segment)
				if err != nil {
					t.Fatal(err)
				}
				for _, f := range frames {
					got[f.Kind()] = append(got[f.Kind()], f)
				}
			}
			if n := len(got[media.Video]); n != 90 {
				t.Errorf("%d pictures", n)
			}
			file := filepath.Join(dir, "whole.mp4")
			if err := os.WriteFile(file, whole, 0o600); err != nil {
				t.Fatal(err)
			}
			want := packets(t, file)
			var last time.Duration
			for kind, frames := range got {
				codec := c.video
				if kind == media.Audio {
					codec = c.audio
				}
				if len(frames) != len(want[kind]) {
					t.Errorf("%d frames of %v, ffprobe finds %d", len(frames), kind, len(want[kind]))
					continue
				}
				last = -time.Hour
				for i, f := range frames {
					p := want[kind][i]
					if f.Format.Codec != codec || f.Discontinuity || f.DTS <= last || f.PTS < f.DTS {
						t.Fatalf("%v %d: %v at %v, shown at %v, lost %v", kind, i, f.Format.Codec, f.DTS, f.PTS, f.Discontinuity)
					}
					if apart := f.PTS - p.pts; apart < -time.Millisecond || apart > time.Millisecond || f.Keyframe != p.key {
						t.Errorf("%v %d is shown at %v (keyframe %v), ffprobe says %v (%v)", kind, i, f.PTS, f.Keyframe, p.pts, p.key)
					}
					last = f.DTS
				}
			}
			if f := got[media.Video][20].Format; f.Width != 320 || f.Height != 180 || f.Reordered != c.reordered {
				t.Errorf("%+v", f)
			}
		})
	}
}

type packet struct {
	pts time.Duration
	key bool
}

func packets(t *testing.T, file string) map[media.Kind][]packet {
	t.Helper()
	out, err := exec.Command("ffprobe", "-v", "error", "-show_entries", "packet=codec_type,pts_time,flags", "-of", "json", file).Output()
	if err != nil {
		t.Fatal(err)
	}
	var found struct {
		Packets []struct {
			Kind  string `json:"codec_type"`
			PTS   string `json:"pts_time"`
			Flags string
		}
	}
	if err := json.Unmarshal(out, &found); err != nil {
		t.Fatal(err)
	}
	all := map[media.Kind][]packet{}
	for _, p := range found.Packets {
		seconds, _ := strconv.ParseFloat(p.PTS, 64)
		kind := media.Audio
		if p.Kind == "video" {
			kind = media.Video
		}
		all[kind] = append(all[kind], packet{time.Duration(seconds * 1e9), strings.HasPrefix(p.Flags, "K")})
	}
	return all
}

func TestHostileMoviesAreRefused(t *testing.T) {
	init, segment := written(t)
	encrypted := bytes.Replace(bytes.Clone(init), []byte("avc1"), []byte("encv"), -1)
	if _, err := NewDemuxer(encrypted); !errors.Is(err, ErrEncrypted) {
		t.Errorf("encrypted: %v", err)
	}
	other := bytes.Replace(bytes.Replace(bytes.Clone(init), []byte("avc1"), []byte("dvh1"), -1), []byte("mp4a"), []byte("ec-3"), -1)
	if _, err := NewDemuxer(other); err == nil || !strings.Contains(err.Error(), `"dvh1"`) || !strings.Contains(err.Error(), `"ec-3"`) {
		t.Errorf("other codecs: %v", err)
	}
	for name, b := range map[string][]byte{"nothing": nil, "a segment": segment, "half": init[:len(init)/2], "too much": make([]byte, maxHeader+1)} {
		if _, err := NewDemuxer(b); err == nil {
			t.Errorf("%s is taken for an init segment", name)
		}
	}
	d, err := NewDemuxer(init)
	if err != nil {
		t.Fatal(err)
	}
	trun := bytes.Index(segment, []byte("trun"))
	bomb := bytes.Clone(segment)
	copy(bomb[trun+8:], "\xff\xff\xff\xff") // samples
	far := bytes.Clone(segment)
	copy(far[trun+12:], "\x7f\xff\xff\xff") // where they are
	for name, b := range map[string][]byte{"nothing": nil, "an init segment": init, "half": segment[:len(segment)/2], "four billion samples": bomb, "samples that are not there": far} {
		if frames, err := d.Segment(b); err == nil {
			t.Errorf("%s: %d frames", name, len(frames))
		}
	}
	if frames, err := d.Segment(segment); err != nil || len(frames) != 5 {
		t.Errorf("after that: %d frames, %v", len(frames), err)
	}
}

// overlapping is a segment of some runs of the sound, each of which is the same sample of so many bytes.
func overlapping(runs, size int) []byte {
	box := func(kind string, content ...[]byte) []byte {
		b := slices.Concat(content...)
		return slices.Concat(binary.BigEndian.AppendUint32(nil, uint32(8+len(b))), []byte(kind), b)
	}
	words := func(all ...int) (b []byte) {
		for _, w := range all {
			b = binary.BigEndian.AppendUint32(b, uint32(w))
		}
		return b
	}
	moof := func(offset int) []byte {
		trun := box("trun", words(0x1, 1, offset))
		return box("moof", box("traf", box("tfhd", words(0x20010, 2, size)), box("tfdt", words(0, 48_000)), bytes.Repeat(trun, runs)))
	}
	return append(moof(len(moof(0))+8), box("mdat", make([]byte, size))...)
}

func TestSamplesThatOverlapTakeNoMemory(t *testing.T) {
	init, _ := written(t)
	d, err := NewDemuxer(init)
	if err != nil {
		t.Fatal(err)
	}
	if frames, err := d.Segment(overlapping(1, 64<<10)); err != nil || len(frames) != 1 || len(frames[0].Payload) != 64<<10 {
		t.Fatalf("one run: %d frames, %v", len(frames), err)
	}
	segment := overlapping(1000, 64<<10)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	frames, err := d.Segment(segment)
	runtime.ReadMemStats(&after)
	if took := after.TotalAlloc - before.TotalAlloc; err == nil || took > 1<<20 {
		t.Errorf("a segment of %d bytes takes %d, %d frames, %v", len(segment), took, len(frames), err)
	}
	// What no frame may be is not copied before that is known.
	segment = overlapping(1, bitstream.MaxUnit+1)
	runtime.ReadMemStats(&before)
	frames, err = d.Segment(segment)
	runtime.ReadMemStats(&after)
	if took := after.TotalAlloc - before.TotalAlloc; len(frames) != 0 || err != nil || took > 1<<20 {
		t.Errorf("a sample that is too large takes %d bytes, %d frames, %v", took, len(frames), err)
	}
}

func FuzzDemuxer(f *testing.F) {
	init, segment := written(f)
	f.Add(init, segment)
	f.Add(init, overlapping(50, 1000))
	for _, format := range []*media.Format{
		{Codec: media.Opus, SampleRate: 48000, Channels: 2},
		{Codec: media.VP9, Width: 640, Height: 360},
		{Codec: media.AV1, Config: []byte("\n\x0b\x00\x00\x00\x04<\xfe\xc7\xfcm\x10\x80")},
	} {
		track, err := NewTrack(1, format)
		if err != nil {
			f.Fatal(err)
		}
		init, err := Init(track)
		if err != nil {
			f.Fatal(err)
		}
		segment, err := Fragment(1, Run{track, 0, []Sample{{[]byte("\n\x0b\x00\x00\x00\x04<\xfe\xc7\xfcm\x10\x80"), 1000, 0, true}}})
		if err != nil {
			f.Fatal(err)
		}
		f.Add(init, segment)
	}
	f.Fuzz(func(t *testing.T, init, segment []byte) {
		d, err := NewDemuxer(init)
		if err != nil {
			return
		}
		frames, err := d.Segment(segment)
		if err != nil {
			return
		}
		bytes := 0
		for i, frame := range frames {
			if frame.PTS < frame.DTS || len(frame.Payload) == 0 || frame.Format == nil || i > 0 && frame.DTS < frames[i-1].DTS {
				t.Fatalf("frame %d: %+v", i, frame)
			}
			if c := frame.Format.Codec; c == media.H264 || c == media.H265 {
				if err := bitstream.CheckUnits(frame.Payload); err != nil {
					t.Fatal(err)
				}
			}
			bytes += len(frame.Payload)
		}
		if len(frames) > maxSamples || bytes > 3*len(segment) { // units whose length was one byte have four
			t.Fatalf("%d frames of %d bytes of a segment of %d", len(frames), bytes, len(segment))
		}
	})
}
