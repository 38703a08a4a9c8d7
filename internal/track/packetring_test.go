package track

import (
	"sync"
	"testing"
	"time"

	"github.com/tuttilive/tutti/internal/media"
)

func TestPacketRing(t *testing.T) {
	type write struct {
		seq       uint64
		ssrc      uint32
		timestamp uint32
		key       bool
		dropped   bool
	}
	const base = 1 << 16
	w := func(seq uint64) write { return write{seq: base + seq, ssrc: 1, timestamp: uint32(seq)} }
	drop := func(w write) write { w.dropped = true; return w }
	key := func(w write, timestamp uint32) write { w.key, w.timestamp = true, timestamp; return w }
	from := func(w write, ssrc uint32) write { w.ssrc = ssrc; return w }
	tests := []struct {
		name    string
		writes  []write
		keyAt   uint64
		hasKey  bool
		missing []uint64
	}{
		{"in order", []write{w(0), w(1), w(2)}, 0, false, []uint64{base + 3, base - 1, 0}},
		{"duplicates are dropped", []write{w(0), w(1), drop(w(0)), drop(w(1)), w(2)}, 0, false, nil},
		{"late and repaired ones are kept", []write{w(0), w(3), w(1), w(2), drop(w(1))}, 0, false, nil},
		{"a gap stays open", []write{w(0), w(5)}, 0, false, []uint64{base + 1, base + 4}},
		{"the 16-bit number wraps", []write{w(0xffff), w(0x10000), w(0x10001), drop(w(0xffff))}, 0, false, nil},
		{"before the first", []write{w(10), w(8)}, 0, false, nil},
		{"older than all that is kept", []write{w(5000), drop(w(5000 - videoPackets)), w(5001 - videoPackets)}, 0, false, nil},
		{"a jump ahead", []write{w(0), w(100_000)}, 0, false, []uint64{base + 99_999}},
		{"another source begins anywhere", []write{w(5000), from(w(3), 2), from(w(4), 2)}, 0, false, nil},
		{"the source before is gone", []write{w(5000), from(w(3), 2), drop(w(5001)), from(w(4), 2)}, 0, false, nil},
		{"a keyframe begins with its parameter sets", []write{w(0), key(w(1), 90), key(w(2), 90), w(3)}, 1, true, nil},
		{"the newest keyframe counts", []write{key(w(0), 10), key(w(1), 20), w(2)}, 1, true, nil},
		{"a late packet of an old keyframe does not", []write{key(w(5), 20), key(w(4), 10)}, 0, true, nil},
		{"its beginning came again", []write{key(w(6), 20), w(7), key(w(5), 20), w(8)}, 2, true, nil},
		{"another source's keyframe counts", []write{key(w(5), 20), from(key(w(3), 20), 2)}, 1, true, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newPacketRing(media.Video, packetAge)
			last := make(map[uint64]*media.Packet)
			var arrived []*media.Packet
			for i, v := range tt.writes {
				p := &media.Packet{Seq: v.seq, SSRC: v.ssrc, Timestamp: v.timestamp, Keyframe: v.key, Start: v.key}
				if got := r.write(p); got == v.dropped {
					t.Fatalf("write %d: %v", i, got)
				}
				if !v.dropped {
					arrived = append(arrived, p)
					last[v.seq%videoPackets] = p
				}
			}
			if int(r.Head()) != len(arrived) || r.At(r.Head()) != nil {
				t.Errorf("head %d, want %d", r.Head(), len(arrived))
			}
			for i, p := range arrived {
				if r.At(uint64(i)) != p {
					t.Errorf("At(%d): %v", i, r.At(uint64(i)))
				}
			}
			for _, p := range last {
				if r.BySeq(p.Seq) != p {
					t.Errorf("BySeq(%d): %v", p.Seq, r.BySeq(p.Seq))
				}
			}
			for _, seq := range tt.missing {
				if p := r.BySeq(seq); p != nil {
					t.Errorf("BySeq(%d): %v", seq, p)
				}
			}
			if at, ok := r.LastKeyframe(); at != tt.keyAt || ok != tt.hasKey {
				t.Errorf("keyframe at %d, %v; want %d, %v", at, ok, tt.keyAt, tt.hasKey)
			}
		})
	}
}

func TestPacketRingForgetsTheOldest(t *testing.T) {
	r := newPacketRing(media.Audio, packetAge)
	for i := range uint64(3 * audioPackets) {
		r.write(&media.Packet{Seq: firstSeq + i, Keyframe: i == audioPackets, Timestamp: uint32(i)})
	}
	oldest := r.Head() - audioPackets + 1
	if r.At(oldest-1) != nil || r.At(oldest) == nil || r.At(oldest).Seq != firstSeq+oldest {
		t.Errorf("oldest: %v, %v", r.At(oldest-1), r.At(oldest))
	}
	if _, ok := r.LastKeyframe(); ok {
		t.Error("a keyframe that has been overwritten")
	}
}

func TestPacketRingForgetsWhatIsOld(t *testing.T) {
	r := newPacketRing(media.Video, packetAge)
	packet := func(i uint64) *media.Packet {
		return &media.Packet{SSRC: 1, Seq: firstSeq + i, Arrival: time.Duration(i) * 10 * time.Millisecond}
	}
	const n, kept = 1000, uint64(packetAge / (10 * time.Millisecond))
	for i := range uint64(n) {
		if i != 500 {
			r.write(packet(i))
		}
	}
	for i := range uint64(n) {
		p, late := r.BySeq(firstSeq+i), i+kept+forgetEvery < n
		switch {
		case late && p != nil, !late && i+kept >= n && p == nil:
			t.Fatalf("number %d of %d: %v", i, n, p)
		}
	}
	if head := r.Head(); r.At(0) != nil || r.At(head-kept-forgetEvery-1) != nil || r.At(head-kept) == nil {
		t.Error("what is forgotten by number is not by arrival, or more is")
	}
	if r.write(packet(500)) || r.write(packet(20)) {
		t.Error("a packet came that is older than what is kept")
	}
	if !r.write(&media.Packet{SSRC: 2, Seq: firstSeq, Arrival: n * 10 * time.Millisecond}) {
		t.Error("another source must begin with a number that this one has had")
	}
}

func TestPacketRingReadersNeedNoLock(t *testing.T) {
	r := newPacketRing(media.Audio, packetAge)
	const n = 20_000
	var readers sync.WaitGroup
	for range 2 {
		readers.Add(1)
		go func() {
			defer readers.Done()
			for at := uint64(0); at < n; {
				head := r.Head()
				for ; at < head; at++ {
					if p := r.At(at); p != nil && p.Seq != firstSeq+at {
						t.Errorf("At(%d) has number %d", at, p.Seq-firstSeq)
						return
					}
					if p := r.BySeq(firstSeq + at); p != nil && p.Seq != firstSeq+at {
						t.Errorf("BySeq(%d) has number %d", at, p.Seq-firstSeq)
						return
					}
				}
			}
		}()
	}
	for i := range uint64(n) {
		r.write(&media.Packet{Seq: firstSeq + i, Arrival: time.Duration(i) * packetAge / (audioPackets / 2)}) // half of the ring is too old
	}
	readers.Wait()
}

func BenchmarkLayerWrite(b *testing.B) {
	track := NewFromPackets(Info{Kind: media.Video, Codec: media.VP8}, nil)
	defer track.Close()
	l := track.AddLayer("")
	packets := make([]media.Packet, 4*videoPackets)
	payload := make([]byte, 1100)
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		p := &packets[i%len(packets)]
		*p = media.Packet{Seq: firstSeq + uint64(i), Payload: payload, Timestamp: uint32(i / 8 * 3000), Start: i%8 == 0}
		l.Write(p)
		if i++; i%8 == 0 {
			l.Flush()
		}
	}
}

func BenchmarkPacketRingRead(b *testing.B) {
	r := newPacketRing(media.Video, packetAge)
	for i := range uint64(videoPackets) {
		r.write(&media.Packet{Seq: firstSeq + i})
	}
	b.ReportAllocs()
	at := uint64(1)
	for b.Loop() {
		if r.At(at) == nil || r.BySeq(firstSeq+at) == nil {
			b.Fatal("missing")
		}
		if at++; at == r.Head() {
			at = 1
		}
	}
}
