package sfu

import (
	"testing"
	"time"
)

func TestReception(t *testing.T) {
	r := reception{clockRate: 90000}
	if got := r.report(7, 0); got.SSRC != 7 || got.LastSequenceNumber != 0 || got.FractionLost != 0 {
		t.Fatalf("before the first packet: %+v", got)
	}
	// 100 packets over the wrap, every fourth lost, in frames of two, 30 a second, each frame 2 ms early or late in turn.
	seq := uint64(65536 - 20)
	for i := range 100 {
		at := time.Duration(i/2)*time.Second/30 + time.Duration(i/2%2)*2*ms
		if i%4 != 3 {
			r.packet(seq+uint64(i), uint32(i/2)*3000, at)
		}
	}
	r.senderReport(0x11112222_33334444, time.Second)
	got := r.report(7, 1500*ms)
	if got.TotalLost != 24 || got.FractionLost != 24*256/99 {
		t.Errorf("lost %d, fraction %d/256", got.TotalLost, got.FractionLost)
	}
	if got.LastSequenceNumber != 1<<16|78 {
		t.Errorf("highest is %d, %d cycles", got.LastSequenceNumber&0xffff, got.LastSequenceNumber>>16)
	}
	if got.Jitter < 150 || got.Jitter > 185 { // 2 ms are 180
		t.Errorf("jitter %d", got.Jitter)
	}
	if got.LastSenderReport != 0x22223333 || got.Delay != 32768 {
		t.Errorf("last report %x, delay %d", got.LastSenderReport, got.Delay)
	}
	// Since then all came.
	for i := 99; i < 150; i++ {
		r.packet(seq+uint64(i), uint32(i/2)*3000, time.Duration(i/2)*time.Second/30)
	}
	if got := r.report(7, 2*time.Second); got.FractionLost != 0 || got.TotalLost != 24 {
		t.Errorf("after that lost %d, fraction %d/256", got.TotalLost, got.FractionLost)
	}
}

// TestReceptionOfASourceThatIsSilentForDays: its last report is that old, modulo what the delay's field can say. The field goes with the
// report's time, which wraps around as it does, so the round trip is right all the same.
func TestReceptionOfASourceThatIsSilentForDays(t *testing.T) {
	r := reception{clockRate: 90000}
	r.packet(1<<16, 0, 0)
	r.senderReport(1<<32, 0)
	for at := time.Hour; at < 14*24*time.Hour; at += time.Hour {
		if got, want := r.report(7, at).Delay, uint32(at/time.Hour*3600<<16); got != want {
			t.Fatalf("after %v the delay is %d, want %d", at, got, want)
		}
	}
}

func TestReceptionWithMoreThanExpected(t *testing.T) {
	r := reception{clockRate: 48000}
	for range 3 {
		r.packet(5, 0, 0)
	}
	if got := r.report(1, 0); got.FractionLost != 0 || got.TotalLost != 0xfffffe {
		t.Errorf("fraction %d, lost %x, want -2 in 24 bits", got.FractionLost, got.TotalLost)
	}
}
