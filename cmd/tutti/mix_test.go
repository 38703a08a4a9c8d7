package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"os/exec"
	"testing"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"
)

// TestBothSpeakersAreHeard has two people publish a tone each, the second some time after the first, and listens at every door.
func TestBothSpeakersAreHeard(t *testing.T) {
	t.Parallel()
	needFFmpeg(t)
	r := start(t)
	publishTone(t, r, "duet", 440)
	r.live("duet")
	untilHeard(t, r.url("/live/duet.flv"), "440 Hz alone", func(a440, _, a880 float64) bool { return a440 > 0.05 && a880 < 0.01 })
	publishTone(t, r, "duet", 880)
	deadline := time.Now().Add(patience)
	for len(r.live("duet")["sources"].([]any)) < 2 {
		if time.Now().After(deadline) {
			t.Fatal("the second speaker does not come")
		}
		<-time.After(50 * time.Millisecond)
	}
	for _, path := range []string{"/live/duet.flv", "/live/duet/index.m3u8"} {
		untilHeard(t, r.url("%s", path), "440 and 880 Hz", func(a440, a660, a880 float64) bool { return a440 > 0.05 && a880 > 0.05 && a660 < 0.01 })
	}
}

// untilHeard listens, up to ten times, until the amplitudes at 440, 660 and 880 Hz are as wanted: a machine that is too busy to mix in time
// has gaps in its sound, or none yet.
func untilHeard(t *testing.T, url, what string, wanted func(a440, a660, a880 float64) bool) {
	t.Helper()
	for range 10 {
		got, err := hear(url, 440, 660, 880)
		if err != nil {
			t.Logf("listening to %s: %v", url, err)
			continue
		}
		if wanted(got[0], got[1], got[2]) {
			return
		}
		t.Logf("%s: %.3f at 440, 660 and 880 Hz", url, got)
	}
	t.Errorf("%s: %s not heard", url, what)
}

// hear plays three seconds of sound, however long it takes them to come, and gives the amplitude of each tone in the last one: the mean over windows
// of 100 ms (Goertzel), so that a small correction of clocks in between does not matter.
func hear(url string, tones ...float64) ([]float64, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	out, err := exec.CommandContext(ctx, "ffmpeg", "-nostdin", "-loglevel", "error", "-i", url, "-vn", "-af", "atrim=end_sample=144000", "-ac", "1", "-ar", "48000", "-f", "f32le", "-").Output()
	if err != nil || len(out) < 2*48000*4 {
		return nil, fmt.Errorf("%d bytes, %v", len(out), err)
	}
	out = out[len(out)-48000*4:]
	found := make([]float64, len(tones))
	const window = 4800
	for i, tone := range tones {
		c := 2 * math.Cos(2*math.Pi*tone/48000)
		for w := range 10 {
			var s1, s2 float64
			for n := range window {
				x := float64(math.Float32frombits(binary.LittleEndian.Uint32(out[4*(w*window+n):])))
				s1, s2 = x+c*s1-s2, s1
			}
			found[i] += 2 * math.Sqrt(s1*s1+s2*s2-c*s1*s2) / window / 10
		}
	}
	return found, nil
}

// publishTone sends a tone over WHIP until the test ends.
func publishTone(t *testing.T, r *running, room string, tone float64) {
	t.Helper()
	pc, err := webrtc.NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		t.Fatal(err)
	}
	sound, err := webrtc.NewTrackLocalStaticRTP(webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeOpus, ClockRate: 48000, Channels: 2}, "sound", "p")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := pc.AddTrack(sound); err != nil {
		t.Fatal(err)
	}
	negotiate(t, pc, r.url("/whip/%s", room))
	packets := encodeSound(t, func(at float64) float64 { return 0.3 * math.Sin(2*math.Pi*tone*at) })
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer pc.Close()
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		started, block := time.Now(), 0
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			for ; time.Duration(block)*20*time.Millisecond < time.Since(started); block++ {
				_ = sound.WriteRTP(&rtp.Packet{
					Header:  rtp.Header{Version: 2, SequenceNumber: uint16(block), Timestamp: uint32(block * 960)},
					Payload: packets[block%len(packets)],
				})
			}
		}
	}()
	t.Cleanup(func() { cancel(); <-done })
}
