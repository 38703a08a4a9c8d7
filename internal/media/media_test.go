package media

import (
	"testing"
	"time"
)

func TestNTP(t *testing.T) {
	for _, at := range []time.Duration{0, time.Second, 1500 * time.Millisecond, 100 * time.Hour, -time.Minute} {
		wall := WallClock(at)
		if got := FromWallClock(wall); got != at {
			t.Errorf("%v became %v", at, got)
		}
		if got := FromNTP(NTP(at)); got-time.Duration(wall.UnixNano()) > time.Nanosecond || time.Duration(wall.UnixNano())-got > time.Nanosecond {
			t.Errorf("NTP of %v is %v off", at, got-time.Duration(wall.UnixNano()))
		}
	}
	// RFC 5905, figure 4: the first day of Unix.
	if got := FromNTP(2208988800 << 32); got != 0 {
		t.Errorf("the Unix epoch is at %v", got)
	}
	if a, b := Now(), Now(); b < a {
		t.Error("time runs back")
	}
}

func TestCodecs(t *testing.T) {
	for c := Opus; c <= AV1; c++ {
		if c.Kind() == 0 || c.String() == "unknown" || c.ClockRate() == 0 {
			t.Errorf("codec %d: %v %v", c, c, c.Kind())
		}
		if name := c.RTPName(); name != "" && CodecByRTPName(name) != c {
			t.Errorf("%s is %v", name, CodecByRTPName(name))
		}
		f := &Format{Codec: c}
		if f.Kind() != c.Kind() || (&Frame{Format: f}).Kind() != c.Kind() {
			t.Errorf("kinds of %v differ", c)
		}
	}
	for name, want := range map[string]Codec{"h264": H264, "OPUS": Opus, "vp8": VP8, "": NoCodec, "none": NoCodec, "red": NoCodec} {
		if got := CodecByRTPName(name); got != want {
			t.Errorf("%q is %v", name, got)
		}
	}
	if Codec(99).String() != "unknown" || NoCodec.Kind() != 0 || Kind(9).String() != "unknown" || Audio.String() != "audio" || Video.String() != "video" {
		t.Error("names")
	}
}
