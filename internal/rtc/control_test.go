package rtc

import (
	"slices"
	"testing"
	"time"

	"github.com/pion/rtcp"
)

func TestRoundTrip(t *testing.T) {
	const second = 1 << 16
	tests := map[string]struct {
		now, report, delay uint32
		want               time.Duration
		ok                 bool
	}{
		"half a second":   {100*second + second/2, 99 * second, second, 500 * time.Millisecond, true},
		"over the wrap":   {second / 4, ^uint32(0) - second/2 + 1, second / 2, 250 * time.Millisecond, true},
		"nothing":         {100, 50, 50, time.Second / second, true},
		"rounded":         {100, 51, 50, time.Second / second, true},
		"from the future": {100 * second, 101 * second, 0, 0, false},
		"too long":        {100 * second, 80 * second, 0, 0, false},
		"lying delay":     {100 * second, 99 * second, ^uint32(0) / 2, 0, false},
	}
	for name, test := range tests {
		got, ok := roundTrip(uint64(test.now)<<16, test.report, test.delay)
		if got != test.want || ok != test.ok {
			t.Errorf("%s: %v, %v", name, got, ok)
		}
	}
}

func TestNackedNumbers(t *testing.T) {
	got := nackedNumbers([]rtcp.NackPair{{PacketID: 65535, LostPackets: 0b101}, {PacketID: 7}})
	if want := []uint16{65535, 0, 2, 7}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if n := len(nackedNumbers(make([]rtcp.NackPair, 5000))); n != maxNacked {
		t.Errorf("%d numbers of one NACK", n)
	}
}

func TestAbsoluteSendTime(t *testing.T) {
	for at, want := range map[time.Duration]uint32{0: 0, time.Second: 1 << 18, 64 * time.Second: 0, 65500 * time.Millisecond: 3 << 17} {
		if got := absoluteSendTime(at); got != want {
			t.Errorf("%v is %#x, want %#x", at, got, want)
		}
	}
	for at := time.Duration(0); at < 30*24*time.Hour; at += 17 * time.Minute {
		if step := (absoluteSendTime(at+17*time.Minute) - absoluteSendTime(at)) & 0xffffff; step != 17*60<<18&0xffffff {
			t.Fatalf("after %v, 17 minutes are %#x", at, step)
		}
	}
}
