package sfu

import (
	"slices"
	"testing"
	"time"

	"github.com/tuttilive/tutti/internal/media"
)

// h264Packet is a packet with one NAL unit: 7 is a parameter set, which begins a keyframe, 1 a slice.
func h264Packet(seq uint16, timestamp uint32, unit byte, at time.Duration) *media.Packet {
	return &media.Packet{Seq: uint64(seq), Timestamp: timestamp, Payload: []byte{unit, 0x88, 1, 2}, Arrival: at}
}

func TestIntake(t *testing.T) {
	in := newIntake(media.H264, nil)
	received := reception{clockRate: 90000}
	take := func(p *media.Packet, wantSeq uint64, wantTimestamp uint32, wantLost bool) {
		t.Helper()
		keep, lost := in.take(p, &received, true)
		if !keep || p.Seq != wantSeq || p.Timestamp != wantTimestamp || lost != wantLost {
			t.Fatalf("taken %v as %d, %d, lost %v; want %d, %d, %v", keep, p.Seq, p.Timestamp, lost, wantSeq, wantTimestamp, wantLost)
		}
	}
	refuse := func(p *media.Packet) {
		t.Helper()
		if keep, _ := in.take(p, &received, true); keep {
			t.Fatalf("%d is taken", p.Seq)
		}
	}
	ask := func(now time.Duration, want ...uint16) {
		t.Helper()
		if got, _ := in.missing(nil, now, 50*ms); !slices.Equal(got, want) {
			t.Fatalf("at %v asks for %v, want %v", now, got, want)
		}
	}

	const base = 1 << 16
	take(h264Packet(65530, 1000, 7, 0), base+65530, 1000, false)
	if in.keyframe != base+65530 {
		t.Fatalf("keyframe at %d", in.keyframe)
	}
	take(h264Packet(65533, 4000, 1, 33*ms), base+65533, 4000, false)
	refuse(h264Packet(65533, 4000, 1, 34*ms))
	ask(41*ms, 65531, 65532)
	take(h264Packet(65532, 1000, 1, 45*ms), base+65532, 1000, false)
	take(h264Packet(2, 7000, 1, 66*ms), base+65538, 7000, false)
	ask(74*ms, 65534, 65535, 0, 1)

	// Another SSRC goes on, with numbers and timestamps of its own, without a keyframe at first.
	in.sequence.restart()
	in.losses.forget()
	take(h264Packet(100, 5_000_000, 1, 166*ms), base+65539, 16000, true)
	ask(200 * ms)
	take(h264Packet(102, 5_003_000, 7, 199*ms), base+65541, 19000, false)
	refuse(h264Packet(99, 5_000_000, 1, 200*ms))
	ask(210*ms, 101)
	if in.keyframe != base+65541 {
		t.Fatalf("keyframe at %d", in.keyframe)
	}

	// What cannot be parsed goes on all the same.
	take(&media.Packet{Seq: 103, Timestamp: 5_006_000, Payload: []byte{0xff}, Arrival: 233 * ms}, base+65542, 22000, false)
	take(&media.Packet{Seq: 104, Timestamp: 5_006_000, Arrival: 233 * ms}, base+65543, 22000, false)

	// More lost than can be asked for.
	take(h264Packet(104+maxMissing+2, 5_009_000, 1, 266*ms), base+65543+maxMissing+2, 25000, true)
	ask(300 * ms)
}

func TestIntakeGivesUpForAKeyframe(t *testing.T) {
	in := newIntake(media.H264, nil)
	received := reception{clockRate: 90000}
	in.take(h264Packet(10, 0, 7, 0), &received, true)
	in.take(h264Packet(12, 3000, 1, 33*ms), &received, true)
	lostAt := func(from, to time.Duration) (at time.Duration) {
		for now := from; now < to; now += 20 * ms {
			if _, lost := in.missing(nil, now, 50*ms); lost {
				return now
			}
		}
		return -1
	}
	if at := lostAt(0, 3*time.Second); at < 300*ms || at > 2*time.Second {
		t.Errorf("a keyframe is wanted at %v", at)
	}
	in.take(h264Packet(14, 6000, 1, 3*time.Second), &received, true)
	in.take(h264Packet(15, 9000, 7, 3100*ms), &received, true)
	if at := lostAt(3*time.Second, 6*time.Second); at != -1 {
		t.Errorf("a keyframe is wanted at %v though one has come since", at)
	}
}

func TestIntakeOfSoundWantsNoKeyframe(t *testing.T) {
	in := newIntake(media.Opus, nil)
	received := reception{clockRate: 48000}
	for i, seq := range []uint16{10, 2000, 2001} {
		p := &media.Packet{Seq: uint64(seq), Payload: []byte{0xff, 0xfe}, HasLevel: true, AudioLevel: 10, Arrival: time.Duration(i) * 100 * ms}
		keep, lost := in.take(p, &received, true)
		if !keep || lost {
			t.Errorf("taken %v, lost %v", keep, lost)
		}
	}
	if got := in.loudness.take(nil); len(got) == 0 || got[0].Level != 10 {
		t.Errorf("loudness %v", got)
	}
}
