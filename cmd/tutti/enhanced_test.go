package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"net/http"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/media/bitstream"
	"github.com/tuttilive/tutti/internal/mux/flv"
	"github.com/tuttilive/tutti/internal/mux/ts"
)

// made is what ffmpeg writes.
func made(t *testing.T, args ...string) []byte {
	t.Helper()
	needFFmpeg(t)
	cmd := exec.Command("ffmpeg", slices.Concat([]string{"-loglevel", "error", "-nostdin"}, args, []string{"-"})...)
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("ffmpeg %v: %v\n%s", args, err, &complaint)
	}
	return out
}

// inTS are the frames of a transport stream, with their times from its beginning.
func inTS(t *testing.T, b []byte) (frames []*media.Frame) {
	t.Helper()
	d := ts.New(func(f *media.Frame) error { frames = append(frames, f); return nil })
	if err := d.Write(b, 0); err != nil {
		t.Fatal(err)
	}
	if err := d.Flush(0); err != nil {
		t.Fatal(err)
	}
	return frames
}

// inIVF are the pictures of an IVF file of VP9 or AV1 at 30 a second.
func inIVF(t *testing.T, codec media.Codec, b []byte) (frames []*media.Frame) {
	t.Helper()
	var format *media.Format
	for b = b[32:]; len(b) > 12; {
		size := int(binary.LittleEndian.Uint32(b))
		at := time.Duration(len(frames)) * time.Second / 30
		f := &media.Frame{Payload: b[12 : 12+size], PTS: at, DTS: at}
		b = b[12+size:]
		if codec == media.VP9 {
			if f.Keyframe = bitstream.VP9Keyframe(f.Payload); f.Keyframe && format == nil {
				w, h, err := bitstream.VP9Size(f.Payload)
				if err != nil {
					t.Fatal(err)
				}
				format = &media.Format{Codec: codec, Width: w, Height: h}
			}
		} else {
			f.Payload = bytes.TrimPrefix(f.Payload, []byte{0x12, 0x00}) // a temporal delimiter
			sequence := bitstream.AV1Sequence(f.Payload)
			if f.Keyframe = sequence != nil; f.Keyframe && format == nil {
				w, h, err := bitstream.AV1Size(sequence)
				if err != nil {
					t.Fatal(err)
				}
				format = &media.Format{Codec: codec, Width: w, Height: h, Config: sequence}
			}
		}
		f.Format = format
		frames = append(frames, f)
	}
	return frames
}

// asTags are frames as enhanced RTMP has them.
func asTags(t *testing.T, frames ...[]*media.Frame) []flv.Tag {
	t.Helper()
	all := slices.Concat(frames...)
	slices.SortStableFunc(all, func(a, b *media.Frame) int { return int(a.DTS - b.DTS) })
	m := flv.NewMuxer(min(all[0].DTS, 0), flv.Tracks{Video: true, Audio: true})
	var b []byte
	for _, f := range all {
		var err error
		if b, err = m.Append(b, f); err != nil {
			t.Fatal(err)
		}
	}
	return slices.Collect(flv.Tags(b))
}

// pictureOfFLV is the codec of the picture that is played; ffmpeg 5 does not read enhanced tags.
func pictureOfFLV(t *testing.T, url string) media.Codec {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	req, _ := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var d flv.Demuxer
	for r := flv.NewReader(resp.Body); ; {
		tag, err := r.Next()
		if err != nil {
			t.Fatal(err)
		}
		if tag.Type != flv.VideoTag {
			continue
		}
		if f, err := d.Video(tag.Timestamp, tag.Body, 0); err != nil {
			t.Fatal(err)
		} else if f != nil {
			return f.Format.Codec
		}
	}
}

// TestEnhancedRTMP publishes the codecs of enhanced RTMP: without ffmpeg HLS has them as they are, with it players get
// what they can have of them, converted where they cannot, in time.
func TestEnhancedRTMP(t *testing.T) {
	t.Parallel()
	needFFmpeg(t)
	r, plain := start(t), start(t, "--ffmpeg", "off")
	for name, c := range map[string]struct {
		picture func() []*media.Frame
		sound   string // empty where it comes with the picture
		hls     string
		flv     media.Codec
	}{
		"h265": {func() []*media.Frame {
			return inTS(t, made(t, slices.Concat(flashing, beeping, tenLong, []string{"-c:a", "libopus", "-b:a", "96k", "-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=error:keyint=30:scenecut=0", "-pix_fmt", "yuv420p", "-f", "mpegts"})...))
		}, "", "aac hevc", media.H265},
		"vp9": {func() []*media.Frame {
			return inIVF(t, media.VP9, made(t, slices.Concat(flashing, tenLong, []string{"-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-lag-in-frames", "0", "-g", "30", "-pix_fmt", "yuv420p", "-f", "ivf"})...))
		}, "libopus", "aac vp9", media.H264},
		"av1": {func() []*media.Frame {
			return inIVF(t, media.AV1, made(t, slices.Concat(flashing, tenLong, []string{"-c:v", "libaom-av1", "-usage", "realtime", "-cpu-used", "8", "-lag-in-frames", "0", "-g", "30", "-pix_fmt", "yuv420p", "-f", "ivf"})...))
		}, "aac", "aac av1", media.H264},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var sound []*media.Frame
			if c.sound != "" {
				sound = inTS(t, made(t, slices.Concat(beeping, tenLong, []string{"-c:a", c.sound, "-ar", "48000", "-b:a", "96k", "-f", "mpegts"})...))
			}
			tags := asTags(t, c.picture(), sound)
			takeTurn(t)
			p := keepPace(t)
			publishTags(t, plain, name, tags, nil)
			plain.live(name)
			if got := strings.Join(ffprobe(t, plain.url("/live/%s/index.m3u8", name)), " "); got != c.hls {
				t.Errorf("HLS has %s, want %s", got, c.hls)
			}
			decode(t, plain.url("/live/%s/index.m3u8", name), "2")
			publishTags(t, r, name, tags, nil)
			r.live(name)
			if got := pictureOfFLV(t, r.url("/live/%s.flv", name)); got != c.flv {
				t.Errorf("FLV has %s, want %s", got, c.flv)
			}
			for codecs, want := range map[string]map[string]media.Codec{"h265": {"avc1": media.H264, "hevc": media.H265}, "av1": {"av01": media.AV1}}[name] {
				if got := pictureOfFLV(t, r.url("/live/%s.flv?codecs=%s", name, codecs)); got != want {
					t.Errorf("FLV for who takes %s has %s, want %s", codecs, got, want)
				}
			}
			flashes, beeps := watchWHEP(t, r, name, 5*time.Second)
			p.compare(flashes, beeps)
			defer p.judge()
			for _, code := range warningsOf(r, name) {
				if code != "b_frames" { // of x265's own choice
					t.Errorf("the host is warned of %s", code)
				}
			}
		})
	}
}
