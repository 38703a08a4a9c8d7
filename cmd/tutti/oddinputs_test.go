package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tuttilive/tutti/internal/mux/flv"
)

var (
	// flashing and beeping are flashAndBeep, as fast as they can be made.
	flashing = flashAndBeep[1:5]
	beeping  = flashAndBeep[6:10]
	tenLong  = []string{"-t", "10"}
)

// shifted moves the timestamps of what plays from a moment on, by milliseconds.
func shifted(from time.Duration, by int32) func(flv.Tag, time.Duration) flv.Tag {
	return func(t flv.Tag, at time.Duration) flv.Tag {
		if at >= from {
			t.Timestamp += uint32(by)
		}
		return t
	}
}

// isHeader tells whether a tag configures a decoder.
func isHeader(t flv.Tag, kind flv.TagType) bool {
	return t.Type == kind && kind != flv.ScriptTag && len(t.Body) > 1 && t.Body[1] == 0
}

// without leaves sequence headers of a kind out.
func without(kind flv.TagType) func(flv.Tag, time.Duration) flv.Tag {
	return func(t flv.Tag, _ time.Duration) flv.Tag {
		if isHeader(t, kind) {
			t.Body = nil
		}
		return t
	}
}

// TestOddInputs publishes what encoders send that is not as everybody sends it, and looks at flashes and beeps that come out of WHEP, where all
// must have been understood, and at what ffmpeg says to HTTP-FLV.
func TestOddInputs(t *testing.T) {
	t.Parallel()
	needFFmpeg(t)
	r := start(t)
	stereo := []string{"-c:a", "aac", "-b:a", "128k"}
	sound := func(args ...string) []string {
		return slices.Concat(flashing, beeping, tenLong, baseline, stereo, args)
	}
	turnedBy90 := []byte("\x02\x00\x0aonMetaData\x08\x00\x00\x00\x01\x00\x08rotation\x00\x40\x56\x80\x00\x00\x00\x00\x00\x00\x00\x09")
	for name, c := range map[string]struct {
		args   []string
		change func(flv.Tag, time.Duration) flv.Tag
		// warns is a code that the host sees.
		warns string
		// late is how much later sound is because of what stands for it here.
		late time.Duration
	}{
		"b-frames": {args: slices.Concat(flashing, beeping, tenLong, withBFrames, stereo), warns: "b_frames"},
		"he-aac": {args: sound("-ar", "24000"), late: 42 * time.Millisecond, change: func(tag flv.Tag, _ time.Duration) flv.Tag {
			if isHeader(tag, flv.AudioTag) { // the same AAC, whose upper half a decoder is told to expect
				tag.Body = append(slices.Clone(tag.Body[:2]), 0x2b, 0x11, 0x88, 0x00)
			}
			return tag
		}},
		"mono":     {args: sound("-ac", "1", "-ar", "44100")},
		"surround": {args: sound("-af", "pan=5.1|FL=c0|FR=c1")},
		"22050":    {args: sound("-ar", "22050")},
		"32000":    {args: sound("-ar", "32000")},
		"varying": {args: slices.Concat(flashing, beeping, tenLong, baseline, stereo,
			[]string{"-vf", "select='lt(mod(t,2),1)+not(mod(n,7))+gt(scene,0.3)'", "-fps_mode", "vfr", "-force_key_frames", "expr:gte(t,n_forced*2)"})},
		"forward": {args: sound(), change: shifted(4*time.Second, 3_600_000)},
		"backwards": {args: sound(), change: func(tag flv.Tag, at time.Duration) flv.Tag {
			tag.Timestamp += 50_000_000
			return shifted(4*time.Second, -40_000_000)(tag, at)
		}},
		"a-little-backwards": {args: sound(), change: shifted(4*time.Second, -200)},
		"in-band-headers":    {args: sound("-bsf:v", "dump_extra=freq=keyframe"), change: without(flv.VideoTag)},
		"high-444":           {args: slices.Concat(flashing, beeping, tenLong, baseline, stereo, []string{"-profile:v", "high444", "-pix_fmt", "yuv444p"}), warns: "picture_profile"},
		// As after 49 days the counter of 32 bit begins anew; there is a megabyte of metadata, and now and then a message without a body.
		"wraps": {args: sound(), change: func() func(flv.Tag, time.Duration) flv.Tag {
			n := 0
			return func(tag flv.Tag, at time.Duration) flv.Tag {
				tag = shifted(0, -4000)(tag, at)
				switch n++; {
				case tag.Type == flv.ScriptTag:
					tag.Body = []byte("\x02\x00\x0aonMetaData\x08\x00\x00\x00\x01\x00\x07comment\x0c\x00\x10\x00\x00" + strings.Repeat("x", 1<<20) + "\x00\x00\x09")
				case tag.Type == flv.AudioTag && at > time.Second && n%40 == 0:
					tag.Body = []byte{}
				}
				return tag
			}
		}()},
		"turned": {args: sound(), warns: "rotation", change: func(tag flv.Tag, _ time.Duration) flv.Tag {
			if tag.Type == flv.ScriptTag {
				tag.Body = turnedBy90
			}
			return tag
		}},
		"turned-in-h264": {args: sound("-bsf:v", "h264_metadata=display_orientation=insert:rotate=90"), warns: "rotation"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tags := clip(t, c.args...)
			takeTurn(t)
			p := keepPace(t)
			publishTags(t, r, name, tags, c.change)
			r.live(name)
			flashes, beeps := watchWHEP(t, r, name, 5*time.Second)
			for i := range beeps {
				beeps[i] -= c.late
			}
			p.compare(flashes, beeps)
			defer p.judge()
			decode(t, r.url("/live/%s.flv", name), "1")
			warned := warningsOf(r, name)
			for _, code := range warned {
				if code != c.warns {
					t.Errorf("the host is warned of %s", code)
				}
			}
			if c.warns != "" && !slices.Contains(warned, c.warns) {
				t.Errorf("the host is warned of %v, want %s", warned, c.warns)
			}
		})
	}
}

func warningsOf(r *running, room string) (codes []string) {
	for _, w := range r.live(room)["warnings"].([]any) {
		codes = append(codes, w.(map[string]any)["code"].(string))
	}
	return codes
}

// TestAPictureThatChangesItsSize publishes one and then another, with a new sequence header, to viewers of everything.
func TestAPictureThatChangesItsSize(t *testing.T) {
	t.Parallel()
	small := clip(t, slices.Concat(flashing, beeping, []string{"-t", "6"}, baseline, aac)...)
	large := clip(t, slices.Concat(flashing, beeping, []string{"-t", "6", "-s", "480x360"}, baseline, aac)...)
	for i := range large {
		large[i].Timestamp += 6000
	}
	r, p := start(t), keepPace(t)
	publishTags(t, r, "demo", slices.Concat(small, large), nil)
	r.live("demo")
	done := make(chan struct{})
	go func() {
		defer close(done)
		decode(t, r.url("/live/demo.flv"), "9")
	}()
	flashes, beeps := watchWHEP(t, r, "demo", 9*time.Second)
	p.compare(flashes, beeps)
	defer p.judge()
	<-done
	decode(t, r.url("/live/demo/index.m3u8"), "4")
}

// turnedAwayOf is what a room's hosts are told of encoders that were turned away.
func turnedAwayOf(r *running, room string) (all []string) {
	var in struct {
		TurnedAway []struct{ Protocol, Code, Reason string }
	}
	r.ask("GET", "/api/rooms/"+room+"/ingest", "", &in)
	for _, a := range in.TurnedAway {
		all = append(all, a.Protocol+" "+a.Code+": "+a.Reason)
	}
	return all
}

// TestWhatIsRefusedSaysWhy publishes what cannot be taken: the encoder and the host are told why.
func TestWhatIsRefusedSaysWhy(t *testing.T) {
	t.Parallel()
	needFFmpeg(t)
	srt := freePorts(t, 1)[0]
	r := start(t, "--srt", srt)
	tags := clip(t, slices.Concat(flashing, beeping, tenLong, baseline, aac)...)
	header := func(kind flv.TagType, body ...byte) func(flv.Tag, time.Duration) flv.Tag {
		return func(tag flv.Tag, _ time.Duration) flv.Tag {
			if isHeader(tag, kind) {
				tag.Body = body
			}
			return tag
		}
	}
	for name, c := range map[string]struct {
		change     func(flv.Tag, time.Duration) flv.Tag
		code, says string
	}{
		"no-sound-header":   {without(flv.AudioTag), "broken", "aac sound before its sequence header"},
		"no-picture-header": {without(flv.VideoTag), "broken", "h264 picture before its sequence header"},
		"aac-main":          {header(flv.AudioTag, 0xaf, 0, 0x09, 0x90), "unsupported", "AAC of object type 1; send AAC-LC"},
		"own-channels":      {header(flv.AudioTag, 0xaf, 0, 0x11, 0x80), "unsupported", "send mono, stereo or 5.1"},
		"flash-video":       {header(flv.VideoTag, 0x12, 0, 0, 0, 0), "unsupported", "video codec 2; send H.264"},
		"several-tracks":    {header(flv.VideoTag, 0x95, 'a', 'v', 'c', '1'), "unsupported", "send one plain track"},
		"eac3":              {header(flv.AudioTag, 0x90, 'e', 'c', '-', '3'), "unsupported", "send AAC"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e, err := dialEncoder(r.RTMP, name)
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(context.Background(), patience)
			defer cancel()
			_ = e.play(ctx, tags, c.change) // until the server has enough of it
			var told []string
			for s := range e.told {
				told = append(told, s)
			}
			if s := strings.Join(told, "\n"); !strings.Contains(s, "NetStream.Publish.Rejected") || !strings.Contains(s, c.says) {
				t.Errorf("the encoder is told %q", s)
			}
			all := turnedAwayOf(r, name)
			if len(all) != 1 || !strings.HasPrefix(all[0], "rtmp "+c.code+": ") || !strings.Contains(all[0], c.says) {
				t.Errorf("the host is told %q", all)
			}
		})
	}
	t.Run("srt", func(t *testing.T) {
		t.Parallel()
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		log, err := ffmpeg(t, ctx, slices.Concat(testPicture, overSRT, []string{"-c:v", "mpeg2video", "-t", "20", "-srt_streamid", "srt-mpeg2", "srt://" + srt})...)
		if err == nil {
			t.Errorf("it is taken\n%s", log)
		}
		if all := turnedAwayOf(r, "srt-mpeg2"); len(all) != 1 || !strings.HasPrefix(all[0], "srt unsupported: ") {
			t.Errorf("the host is told %q", all)
		}
	})
	t.Run("srt with sound that is not taken", func(t *testing.T) {
		t.Parallel()
		publish(t, slices.Concat(testPicture, testTone, baseline, overSRT, []string{"-c:a", "ac3", "-srt_streamid", "srt-ac3", "srt://" + srt})...)
		r.live("srt-ac3")
		if warned := warningsOf(r, "srt-ac3"); !slices.Contains(warned, "left_out") {
			t.Errorf("the host is warned of %v", warned)
		}
	})
	t.Run("a second one", func(t *testing.T) {
		t.Parallel()
		r.ask("PATCH", "/api/rooms/second/ingest", `{"conflict":"refuse","allow":["127.0.0.0/8"]}`, nil)
		first, err := dialEncoder(r.RTMP, "second")
		if err != nil {
			t.Fatal(err)
		}
		go first.play(t.Context(), tags, nil) // until it is sent away
		r.live("second")
		publish := func() string { // with another key, since with the same it would be the same encoder come back
			var key struct{ Secret string }
			r.ask("POST", "/api/rooms/second/ingest/keys", `{"name":"camera"}`, &key)
			_, err := dialEncoder(r.RTMP, "second?key="+key.Secret)
			return fmt.Sprint(err)
		}
		if why := publish(); !strings.Contains(why, "NetStream.Publish.BadName") {
			t.Errorf("the encoder is told %s", why)
		}
		if all := turnedAwayOf(r, "second"); len(all) != 1 || all[0] != "rtmp busy: another encoder is publishing" {
			t.Errorf("the host is told %q", all)
		}
		r.ask("PATCH", "/api/rooms/second/ingest", `{"allow":["192.0.2.0/24"]}`, nil)
		if why := publish(); !strings.Contains(why, "NetStream.Publish.Unauthorized") {
			t.Errorf("the encoder is told %s", why)
		}
		if all := turnedAwayOf(r, "second"); len(all) != 2 || all[0] != "rtmp address: publishing is not allowed from this address" {
			t.Errorf("the host is told %q", all)
		}
	})
}
