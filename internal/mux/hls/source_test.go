package hls

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/Eyevinn/mp4ff/mp4"

	"github.com/tuttilive/tutti/internal/media"
)

// clips are those made already, by arguments.
var clips = map[string]frames{}

// clip has ffmpeg make a test picture and tone and gives its frames in order of DTS, from a time on.
func clip(t testing.TB, from time.Duration, args string) (moved frames) {
	t.Helper()
	made, ok := clips[args]
	if !ok {
		made = makeClip(t, args)
		clips[args] = made
	}
	for _, f := range made {
		at := *f
		at.PTS, at.DTS = f.PTS+from, f.DTS+from
		moved = append(moved, &at)
	}
	return moved
}

func makeClip(t testing.TB, args string) frames {
	t.Helper()
	if _, err := exec.LookPath("ffmpeg"); err != nil {
		t.Skip("ffmpeg is not installed")
	}
	cmd := exec.Command("ffmpeg", append(strings.Fields("-v error -nostdin "+args),
		"-movflags", "frag_keyframe+empty_moov+default_base_moof", "-f", "mp4", "pipe:1")...)
	var out, problem bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &problem
	if err := cmd.Run(); err != nil {
		t.Fatalf("ffmpeg: %v: %s", err, problem.String())
	}
	file, err := mp4.DecodeFile(&out)
	if err != nil {
		t.Fatal(err)
	}
	var all frames
	for _, trak := range file.Init.Moov.Traks {
		format, id := formatOf(t, trak), trak.Tkhd.TrackID
		scale := time.Duration(trak.Mdia.Mdhd.Timescale)
		at := func(ticks int64) time.Duration { return time.Duration(ticks) * time.Second / scale }
		for _, segment := range file.Segments {
			for _, fragment := range segment.Fragments {
				for _, traf := range fragment.Moof.Trafs {
					if traf.Tfhd.TrackID != id {
						continue
					}
					trex, _ := file.Init.Moov.Mvex.GetTrex(id)
					var samples []mp4.FullSample
					base := traf.Tfdt.BaseMediaDecodeTime()
					for _, trun := range traf.Truns {
						length := trun.AddSampleDefaultValues(traf.Tfhd, trex)
						offset := int64(trun.DataOffset) + int64(fragment.Moof.StartPos) - int64(fragment.Mdat.PayloadAbsoluteOffset())
						samples = append(samples, trun.GetFullSamples(uint32(offset), base, fragment.Mdat)...)
						base += length
					}
					for _, s := range samples {
						f := &media.Frame{Format: format, Payload: s.Data, DTS: at(int64(s.DecodeTime)),
							PTS: at(int64(s.DecodeTime) + int64(s.CompositionTimeOffset)), Keyframe: s.IsSync()}
						if format.Kind() == media.Audio {
							f.Duration, f.Keyframe = at(int64(s.Dur)), true
						}
						all = append(all, f)
					}
				}
			}
		}
	}
	return all.sorted()
}

func formatOf(t testing.TB, trak *mp4.TrakBox) *media.Format {
	stsd := trak.Mdia.Minf.Stbl.Stsd
	switch {
	case stsd.AvcX != nil:
		c := stsd.AvcX.AvcC
		return &media.Format{Codec: media.H264, Width: int(stsd.AvcX.Width), Height: int(stsd.AvcX.Height), SPS: c.SPSnalus[0], PPS: c.PPSnalus[0]}
	case stsd.Mp4a != nil:
		return &media.Format{Codec: media.AAC, SampleRate: int(stsd.Mp4a.SampleRate), Channels: int(stsd.Mp4a.ChannelCount),
			Config: stsd.Mp4a.Esds.DecConfigDescriptor.DecSpecificInfo.DecConfig}
	}
	t.Fatal("clip of an unknown format")
	return nil
}

const (
	tone  = " -f lavfi -i sine=frequency=440:sample_rate=48000:duration=%d -ac 2 -c:a aac -b:a 64k"
	shown = " -f lavfi -i testsrc2=size=%s:rate=30:duration=%d -c:v libx264 -preset ultrafast -pix_fmt yuv420p -threads 1"
)

func picturesAndSound(t testing.TB, from time.Duration, seconds, gop int, size string) []*media.Frame {
	return slices.Concat(pictures(t, from, seconds, gop, size), sounds(t, from, seconds)).sorted()
}

func pictures(t testing.TB, from time.Duration, seconds, gop int, size string) frames {
	return clip(t, from, fmt.Sprintf(shown+" -g %d -sc_threshold 0 -bf 0", size, seconds, gop))
}

func sounds(t testing.TB, from time.Duration, seconds int) frames {
	return clip(t, from, fmt.Sprintf(tone, seconds))
}

type frames []*media.Frame

func (f frames) sorted() frames {
	slices.SortStableFunc(f, func(a, b *media.Frame) int { return int(a.DTS - b.DTS) })
	return f
}

// testConfig keeps all segments and has a clock that tests can read.
func testConfig() Config {
	return Config{Classic: true, Window: time.Hour, WallClock: func(d time.Duration) time.Time { return time.Unix(1_800_000_000, 0).Add(d) }}
}

func written(cfg Config, f frames) *Stream {
	s := New(cfg)
	for _, frame := range f {
		s.Write(frame)
	}
	return s
}

// served is a stream behind HTTP, as a player sees it.
func served(t testing.TB, s *Stream) (index string) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		snapshot := s.Snapshot()
		resource := find(snapshot, strings.TrimPrefix(r.URL.Path, "/"))
		if r.URL.Path == "/index.m3u8" {
			resource = snapshot.Index()
		}
		if resource == nil {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", resource.Type)
		for _, piece := range resource.Body {
			w.Write(piece)
		}
	}))
	t.Cleanup(server.Close)
	return server.URL + "/index.m3u8"
}

// run runs a program of ffmpeg's and gives what it says.
func run(t testing.TB, program string, args ...string) (out, problems string) {
	t.Helper()
	if _, err := exec.LookPath(program); err != nil {
		t.Skip(program + " is not installed")
	}
	cmd := exec.Command(program, args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s: %v: %s", program, err, stderr.String())
	}
	return stdout.String(), stderr.String()
}
