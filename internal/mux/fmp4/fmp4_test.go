package fmp4

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/Eyevinn/mp4ff/mp4"

	"github.com/tuttilive/tutti/internal/media"
)

var (
	h264 = &media.Format{Codec: media.H264, Width: 1, Height: 1, // the parameter sets know better
		SPS: []byte("gB\xc0\r\xda\x05\x06~|\x04@\x00\x00\x03\x00@\x00\x00\x0f\x03\xc5\n\xa8"), PPS: []byte("h\xce\x0f\xc8")}
	aac = &media.Format{Codec: media.AAC, SampleRate: 48000, Channels: 2, Config: []byte{0x11, 0x90}}
)

func TestTracksDescribeTheirFormat(t *testing.T) {
	for _, test := range []struct {
		name          string
		format        *media.Format
		codecs        string
		timescale     uint32
		width, height int
		err           string
	}{
		{"H.264", h264, "avc1.42C00D", 90000, 320, 180, ""},
		{"AAC-LC", aac, "mp4a.40.2", 48000, 0, 0, ""},
		{"HE-AAC", &media.Format{Codec: media.AAC, SampleRate: 44100, Channels: 2, Config: []byte{0x2b, 0x92, 0x08, 0x00}}, "mp4a.40.5", 44100, 0, 0, ""},
		{"AAC at 96 kHz", &media.Format{Codec: media.AAC, SampleRate: 96000, Channels: 2, Config: []byte{0x10, 0x10}}, "mp4a.40.2", 96000, 0, 0, ""},
		{"Opus", &media.Format{Codec: media.Opus, SampleRate: 48000, Channels: 2}, "opus", 48000, 0, 0, ""},
		{"VP9", &media.Format{Codec: media.VP9, Width: 1280, Height: 720}, "vp09.00.31.08", 90000, 1280, 720, ""},
		{"VP9 with a configuration", &media.Format{Codec: media.VP9, Width: 640, Height: 360, Config: []byte{0, 30, 0x82, 2, 2, 2, 0, 0}}, "vp09.00.30.08", 90000, 640, 360, ""},
		{"VP9 with a box's header", &media.Format{Codec: media.VP9, Width: 640, Height: 360, Config: []byte{1, 0, 0, 0, 2, 41, 0xa3, 2, 2, 2, 0, 0}}, "vp09.02.41.10", 90000, 640, 360, ""},
		{"VP8", &media.Format{Codec: media.VP8, Width: 640, Height: 360}, "", 0, 0, 0, "cannot carry vp8"},
		{"no codec", &media.Format{}, "", 0, 0, 0, "cannot carry none"},
		{"H.264 without parameters", &media.Format{Codec: media.H264}, "", 0, 0, 0, ErrNoParameters.Error()},
		{"H.265 without parameters", &media.Format{Codec: media.H265, SPS: []byte{1}}, "", 0, 0, 0, ErrNoParameters.Error()},
		{"AAC without parameters", &media.Format{Codec: media.AAC, SampleRate: 48000, Channels: 2}, "", 0, 0, 0, ErrNoParameters.Error()},
		{"AV1 without parameters", &media.Format{Codec: media.AV1}, "", 0, 0, 0, ErrNoParameters.Error()},
		{"AAC of no rate", &media.Format{Codec: media.AAC, Channels: 2, Config: []byte{0x11, 0x90}}, "", 0, 0, 0, "0 Hz"},
		{"VP9 without a size", &media.Format{Codec: media.VP9}, "", 0, 0, 0, "0x0"},
		{"VP9 too large", &media.Format{Codec: media.VP9, Width: 70000, Height: 1}, "", 0, 0, 0, "70000x1"},
		{"broken sequence parameter set", &media.Format{Codec: media.H264, SPS: []byte{0x67, 0x42}, PPS: []byte{0x68}}, "", 0, 0, 0, "sequence parameter set"},
		{"huge parameter set", &media.Format{Codec: media.H264, SPS: make([]byte, 5000), PPS: []byte{0x68}}, "", 0, 0, 0, "too large"},
	} {
		t.Run(test.name, func(t *testing.T) {
			track, err := NewTrack(1, test.format)
			if test.err != "" {
				if err == nil || !strings.Contains(err.Error(), test.err) {
					t.Fatalf("error is %v, want %q", err, test.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if track.Codecs != test.codecs || track.Timescale != test.timescale || track.Width != test.width || track.Height != test.height {
				t.Errorf("track is %+v", track)
			}
			if _, err := Init(track); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestFragmentsReadBackAsWritten(t *testing.T) {
	picture, err := NewTrack(1, h264)
	if err != nil {
		t.Fatal(err)
	}
	sound, err := NewTrack(2, aac)
	if err != nil {
		t.Fatal(err)
	}
	runs := []Run{
		{picture, 1 << 40, []Sample{{[]byte("\x00\x00\x00\x01\x65"), 3000, 6000, true}, {[]byte("\x00\x00\x00\x02\x41\x9a"), 3003, -3000, false}}},
		{sound, 96000, []Sample{{[]byte("one"), 1024, 0, true}, {[]byte("two"), 1030, 0, true}}},
		{sound, 0, nil},
	}
	fragment, err := Fragment(7, runs...)
	if err != nil {
		t.Fatal(err)
	}
	init, err := Init(picture, sound)
	if err != nil {
		t.Fatal(err)
	}
	file, err := mp4.DecodeFile(bytes.NewReader(append(init, fragment...)))
	if err != nil {
		t.Fatal(err)
	}
	if n := file.Init.Moov.Mvhd.NextTrackID; n != 3 {
		t.Errorf("next track is %d", n)
	}
	moof := file.Segments[0].Fragments[0].Moof
	if moof.Mfhd.SequenceNumber != 7 || len(moof.Trafs) != 2 {
		t.Fatalf("fragment %d of %d tracks", moof.Mfhd.SequenceNumber, len(moof.Trafs))
	}
	for i, traf := range moof.Trafs {
		if got := traf.Tfdt.BaseMediaDecodeTime(); got != runs[i].Start {
			t.Errorf("track %d starts at %d", i, got)
		}
		trex, _ := file.Init.Moov.Mvex.GetTrex(traf.Tfhd.TrackID)
		traf.Trun.AddSampleDefaultValues(traf.Tfhd, trex)
		at := int(traf.Trun.DataOffset)
		for j, got := range traf.Trun.Samples {
			want := runs[i].Samples[j]
			payload := fragment[at : at+int(got.Size)]
			at += int(got.Size)
			if i == 0 && want.Keyframe {
				want.Payload = append(parameterPrefix(h264.SPS, h264.PPS), want.Payload...)
			}
			if !bytes.Equal(payload, want.Payload) || got.Dur != want.Duration || got.CompositionTimeOffset != want.Offset || got.IsSync() != want.Keyframe {
				t.Errorf("sample %d of track %d is %+v %q, want %+v", j, i, got, payload, want)
			}
		}
	}
}

func TestFragmentsAreBounded(t *testing.T) {
	track, err := NewTrack(2, aac)
	if err != nil {
		t.Fatal(err)
	}
	for name, runs := range map[string][]Run{
		"nothing":  nil,
		"no frame": {{Track: track}},
		"too much": {{Track: track, Samples: []Sample{{Payload: make([]byte, MaxFragmentBytes)}}}},
	} {
		if _, err := Fragment(1, runs...); err == nil {
			t.Errorf("%s made a fragment", name)
		}
	}
	if _, err := Init(); err == nil {
		t.Error("no tracks made an init segment")
	}
}

func TestTicksDoNotDrift(t *testing.T) {
	for _, test := range []struct {
		d     time.Duration
		scale uint32
		want  int64
	}{
		{0, 90000, 0}, {time.Second, 90000, 90000}, {33333333, 90000, 3000}, {1000 * time.Hour, 48000, 3_600_000 * 48000},
		{-time.Second, 90000, -90000}, {-33333333, 90000, -3000}, {21333333, 48000, 1024}, {1<<63 - 1, 90000, 830103483316930},
	} {
		if got := Ticks(test.d, test.scale); got != test.want {
			t.Errorf("%v at %d are %d ticks, want %d", test.d, test.scale, got, test.want)
		}
	}
	track, err := NewTrack(2, aac)
	if err != nil {
		t.Fatal(err)
	}
	for _, ticks := range []int64{0, 1, 47999, 48000, 1 << 40, -1} {
		if got := track.Ticks(track.Duration(ticks)); got != ticks {
			t.Errorf("%d ticks come back as %d", ticks, got)
		}
	}
}

// TestFFmpegDecodesAllCodecs remuxes what ffmpeg made and has ffmpeg count the frames.
func TestFFmpegDecodesAllCodecs(t *testing.T) {
	if _, err := exec.LookPath("ffmpeg"); err != nil {
		t.Skip("ffmpeg is not installed")
	}
	const shown = "-f lavfi -i testsrc2=size=320x180:rate=25:duration=0.4 -pix_fmt yuv420p "
	for _, test := range []struct {
		codec media.Codec
		args  string
		count string
	}{
		{media.H264, shown + "-c:v libx264 -preset ultrafast -bf 2", "10"},
		{media.H265, shown + "-c:v libx265 -preset ultrafast -x265-params log-level=error", "10"},
		{media.VP9, shown + "-c:v libvpx-vp9 -deadline realtime -cpu-used 8", "10"},
		{media.AV1, shown + "-c:v libaom-av1 -usage realtime -cpu-used 8", "10"},
		{media.AAC, "-f lavfi -i sine=duration=1:sample_rate=48000 -c:a aac", ""},
		{media.Opus, "-f lavfi -i sine=duration=1:sample_rate=48000 -c:a libopus", ""},
	} {
		t.Run(test.codec.String(), func(t *testing.T) {
			made, err := exec.Command("ffmpeg", append(strings.Fields("-v error -nostdin "+test.args),
				"-movflags", "delay_moov+default_base_moof+frag_keyframe", "-f", "mp4", "pipe:1")...).Output()
			if err != nil {
				t.Skipf("ffmpeg cannot encode %v: %v", test.codec, err)
			}
			file, err := mp4.DecodeFile(bytes.NewReader(made))
			if err != nil {
				t.Fatal(err)
			}
			format := formatOf(test.codec, file.Init.Moov.Trak)
			track, err := NewTrack(1, format)
			if err != nil {
				t.Fatal(err)
			}
			ours, err := Init(track)
			if err != nil {
				t.Fatal(err)
			}
			n := uint32(0)
			for _, segment := range file.Segments {
				for _, fragment := range segment.Fragments {
					samples, err := fragment.GetFullSamples(file.Init.Moov.Mvex.Trex)
					if err != nil {
						t.Fatal(err)
					}
					run := Run{Track: track}
					scale := uint64(track.Timescale)
					theirs := uint64(file.Init.Moov.Trak.Mdia.Mdhd.Timescale)
					for i, s := range samples {
						if i == 0 {
							run.Start = s.DecodeTime * scale / theirs
						}
						run.Samples = append(run.Samples, Sample{s.Data, uint32(uint64(s.Dur) * scale / theirs),
							int32(int64(s.CompositionTimeOffset) * int64(scale) / int64(theirs)), s.IsSync()})
					}
					n++
					made, err := Fragment(n, run)
					if err != nil {
						t.Fatal(err)
					}
					ours = append(ours, made...)
				}
			}
			name := filepath.Join(t.TempDir(), "ours.mp4")
			if err := os.WriteFile(name, ours, 0o600); err != nil {
				t.Fatal(err)
			}
			out, err := exec.Command("ffprobe", "-v", "error", "-count_frames", "-show_entries", "stream=codec_name,nb_read_frames",
				"-of", "csv=p=0", name).CombinedOutput()
			want := fmt.Sprintf("%s,%s", strings.Replace(test.codec.String(), "h265", "hevc", 1), test.count)
			if err != nil || !strings.HasPrefix(string(out), want) {
				t.Errorf("ffprobe: %v: %s, want %s", err, out, want)
			}
			t.Logf("%s %s", track.Codecs, out)
		})
	}
}

// formatOf reads the format of a track that ffmpeg made.
func formatOf(codec media.Codec, trak *mp4.TrakBox) *media.Format {
	stsd := trak.Mdia.Minf.Stbl.Stsd
	f := &media.Format{Codec: codec}
	var box mp4.Box
	switch codec {
	case media.H264:
		f.SPS, f.PPS = stsd.AvcX.AvcC.SPSnalus[0], stsd.AvcX.AvcC.PPSnalus[0]
	case media.H265:
		for _, array := range stsd.HvcX.HvcC.NaluArrays {
			switch array.NaluType() {
			case 32:
				f.VPS = array.Nalus[0]
			case 33:
				f.SPS = array.Nalus[0]
			case 34:
				f.PPS = array.Nalus[0]
			}
		}
	case media.VP9:
		f.Width, f.Height, box = 320, 180, stsd.VpXX.VppC
	case media.AV1:
		f.Config = stsd.Av01.Av1C.ConfigOBUs
	case media.AAC:
		f.SampleRate, f.Channels = 48000, int(stsd.Mp4a.ChannelCount)
		f.Config = stsd.Mp4a.Esds.DecConfigDescriptor.DecSpecificInfo.DecConfig
	case media.Opus:
		f.SampleRate, f.Channels = 48000, int(stsd.Opus.ChannelCount)
	}
	if box != nil {
		var b bytes.Buffer
		_ = box.Encode(&b)
		f.Config = b.Bytes()[8:]
	}
	return f
}

func FuzzNewTrack(f *testing.F) {
	f.Add(uint8(media.H264), h264.SPS, h264.PPS, []byte(nil), 0, 0)
	f.Add(uint8(media.AAC), []byte(nil), []byte(nil), aac.Config, 48000, 2)
	f.Add(uint8(media.AV1), []byte(nil), []byte(nil), []byte("\n\x0b\x00\x00\x00\x04<\xfe\xc7\xfcm\x10\x80"), 0, 0)
	f.Add(uint8(media.VP9), []byte(nil), []byte(nil), []byte{1, 0, 0, 0, 0, 30, 0x82, 2, 2, 2, 0, 0}, 640, 360)
	f.Add(uint8(media.H265), []byte{0x42, 1, 1, 1, 0x60, 0, 0, 3}, []byte{0x44, 1}, []byte{0x40, 1}, 0, 0)
	f.Fuzz(func(t *testing.T, codec uint8, sps, pps, config []byte, a, b int) {
		format := &media.Format{Codec: media.Codec(codec), SPS: sps, PPS: pps, VPS: config, Config: config,
			Width: a, Height: b, SampleRate: a, Channels: b}
		track, err := NewTrack(1, format)
		if err != nil {
			return
		}
		init, err := Init(track)
		if err != nil {
			t.Fatalf("%+v: %v", track, err)
		}
		if _, err := mp4.DecodeFile(bytes.NewReader(init)); err != nil && format.Codec.Kind() == media.Audio {
			t.Fatalf("%+v: %v", track, err)
		}
	})
}

// BenchmarkFragment makes a part of 350 ms at 2 Mbit/s and 30 frames/s.
func BenchmarkFragment(b *testing.B) {
	b.ReportAllocs()
	track, err := NewTrack(1, h264)
	if err != nil {
		b.Fatal(err)
	}
	run := Run{Track: track}
	for i := range 10 {
		run.Samples = append(run.Samples, Sample{make([]byte, 2_000_000/8/30), 3000, 0, i == 0})
	}
	n := 0
	for b.Loop() {
		fragment, err := Fragment(1, run)
		if err != nil {
			b.Fatal(err)
		}
		n += len(run.Samples)
		b.SetBytes(int64(len(fragment)))
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(n), "ns/frame")
}
