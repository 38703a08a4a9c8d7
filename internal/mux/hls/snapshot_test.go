package hls

import (
	"bytes"
	"compress/gzip"
	"io"
	"testing"
	"time"

	"github.com/tuttilive/tutti/internal/media"
)

func TestResourcesAreFoundByTheirOnlyName(t *testing.T) {
	s := written(testConfig(), merged(video(0, 7*time.Second, 2*time.Second, wide), audio(0, 7*time.Second, stereo48))).Snapshot()
	for name, kind := range map[string]string{
		"video.m3u8": playlistType, "audio.m3u8": playlistType, "video-0.m4s": "video/mp4", "audio-1.m4s": "audio/mp4",
		"video-init0.mp4": "video/mp4", "audio-init0.mp4": "audio/mp4",
		"": "", "video": "", "video.": "", "index.m3u8": "", "video-00.m4s": "", "video-+1.m4s": "", "video--1.m4s": "", "video-3.m4s": "",
		"video-1.mp4": "", "video-init.mp4": "", "video-init1.mp4": "", "video-18446744073709551616.m4s": "", "subtitles.m3u8": "",
		"video-0.m4s.gz": "", "video-0.M4S": "", "video-0-0.m4s": "",
	} {
		resource := find(s, name)
		if got := resource != nil; got != (kind != "") || got && resource.Type != kind {
			t.Errorf("%q is %+v, want type %q", name, resource, kind)
		}
	}
}

func TestPlaylistsAreCompressedAndTagged(t *testing.T) {
	in := merged(video(0, 9*time.Second, 2*time.Second, wide), audio(0, 9*time.Second, stereo48))
	s := New(testConfig())
	tags := map[string]bool{}
	for _, f := range in {
		s.Write(f)
		if r := find(s.Snapshot(), "video.m3u8"); r != nil {
			tags[r.Tag] = true
			if r.Tag == r.GzipTag {
				t.Fatal("two contents have one tag")
			}
			z, err := gzip.NewReader(bytes.NewReader(r.Gzip))
			if err != nil {
				t.Fatal(err)
			}
			if plain, err := io.ReadAll(z); err != nil || string(plain) != text(r) {
				t.Fatalf("compressed content differs: %v", err)
			}
		}
	}
	if len(tags) != 3 {
		t.Errorf("3 versions of the playlist have had %d tags", len(tags))
	}
	if r := find(s.Snapshot(), "video-0.m4s"); r.Gzip != nil || r.Playlist || r.Tag == "" {
		t.Errorf("a segment is served as %+v", r)
	}
}

func FuzzFind(f *testing.F) {
	s := written(testConfig(), merged(video(0, 5*time.Second, 2*time.Second, wide), audio(0, 5*time.Second, stereo48))).Snapshot()
	for _, name := range []string{"video.m3u8", "video-0.m4s", "audio-init0.mp4", "video-18446744073709551615.m4s", "-", ".", "-.-."} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		if r := find(s, name); r != nil && r.Size == 0 {
			t.Errorf("%q is empty", name)
		}
	})
}

// FuzzStream writes frames as they come out of bytes and checks every playlist.
func FuzzStream(f *testing.F) {
	f.Add([]byte("\x00\x00\x80\x00\x00\x10\x00\x20"))
	f.Add(bytes.Repeat([]byte{0x41, 0x05, 0x80, 0x01, 0xc3, 0xff}, 40))
	f.Add(bytes.Repeat([]byte{0x01, 0x14, 0x81, 0x14, 0x05, 0x28}, 50))
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 300 {
			return
		}
		cfg := testConfig()
		cfg.Window = 8 * time.Second
		s := New(cfg)
		at := [2]time.Duration{origin, origin}
		formats := [2][]*media.Format{{wide, tall}, {stereo48, stereo44}}
		var last *Snapshot
		for i := 0; i+1 < len(data); i += 2 {
			op, step := data[i], time.Duration(data[i+1])*4*time.Millisecond
			kind := op & 1
			if op&2 != 0 {
				step *= 20
			}
			at[kind] += step
			if op&4 != 0 {
				at[kind] = max(at[0], at[1]) + step
			}
			s.Write(&media.Frame{Format: formats[kind][op>>3&1], Payload: data[i : i+2], DTS: at[kind], PTS: at[kind] + time.Duration(op>>4)*10*time.Millisecond,
				Keyframe: kind == 1 || op&0x80 != 0, Duration: time.Duration(kind) * 21333 * time.Microsecond})
			if now := s.Snapshot(); now != last && now.Ready() {
				last = now
				checkSnapshot(t, now)
			}
		}
		s.End()
		if s.Snapshot().Ready() {
			checkSnapshot(t, s.Snapshot())
		}
	})
}

// checkSnapshot checks that all that playlists name is there.
func checkSnapshot(t *testing.T, s *Snapshot) {
	for _, name := range []string{"video.m3u8", "audio.m3u8"} {
		playlist := find(s, name)
		if playlist == nil {
			continue
		}
		segments, target := list(t, text(playlist))
		if time.Duration(target)*time.Second != s.Target() {
			t.Fatalf("the target was %d and is %d", s.Target(), target)
		}
		for _, segment := range segments {
			if find(s, segment.uri) == nil || find(s, segment.init) == nil {
				t.Fatalf("%s names %+v, which is not there", name, segment)
			}
		}
	}
}
