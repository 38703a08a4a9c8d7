package sfu

import (
	"encoding/binary"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/media/rtpfmt"
	"github.com/tuttilive/tutti/internal/rtc"
	"github.com/tuttilive/tutti/internal/track"
)

// vp8Packet is a packet of a picture with a 15-bit picture id and TL0PICIDX.
func vp8Packet(seq uint64, timestamp uint32, picture uint16, tl0 uint8) *media.Packet {
	p := &media.Packet{Seq: seq, Timestamp: timestamp, Payload: []byte{
		0x90, 0xc0, 0x80 | byte(picture>>8), byte(picture), tl0, 0, 1, 2, 3}}
	if !rtpfmt.Parse(media.VP8, p) {
		panic("not VP8")
	}
	return p
}

func TestRewriter(t *testing.T) {
	one, two := new(track.Layer), new(track.Layer)
	type step struct {
		begin   *track.Layer
		edge    uint32 // the timestamp at which the past ends; ts when 0
		past    uint64 // how many packets before that
		elapsed time.Duration
		seq     uint64
		ts      uint32
		empty   bool
		want    string // sequence number and timestamp that go out; - for nothing
	}
	tests := []struct {
		name  string
		seq   uint16
		ts    uint32
		steps []step
	}{
		{"wraps around", 65534, 0xfffffff0, []step{
			{begin: one, seq: 900, ts: 100, want: "65534 4294967280"},
			{seq: 901, ts: 100, want: "65535 4294967280"},
			{seq: 902, ts: 120, want: "0 4"},
			{seq: 903, ts: 120, want: "1 4"},
		}},
		{"gaps stay gaps, late packets fill them once", 100, 0, []step{
			{begin: one, seq: 900, ts: 0, want: "100 0"},
			{seq: 903, ts: 6000, want: "103 6000"},
			{seq: 901, ts: 3000, want: "101 3000"},
			{seq: 901, ts: 3000, want: "-"},
			{seq: 903, ts: 6000, want: "-"},
			{seq: 902, ts: 3000, want: "102 3000"},
			{seq: 904, ts: 9000, want: "104 9000"},
		}},
		{"what came before the start is dropped", 100, 0, []step{
			{begin: one, seq: 900, ts: 0, want: "100 0"},
			{seq: 899, ts: 0, want: "-"},
		}},
		{"a switch goes on where the layer before was", 100, 1000, []step{
			{begin: one, seq: 900, ts: 50, want: "100 1000"},
			{seq: 901, ts: 3050, want: "101 4000"},
			{begin: two, elapsed: 40 * ms, seq: 70, ts: 777777, want: "102 7600"},
			{seq: 69, ts: 777777, want: "-"},
			{seq: 71, ts: 777777, want: "103 7600"},
			{seq: 72, ts: 780777, want: "104 10600"},
			{begin: one, elapsed: -time.Second, seq: 990, ts: 9050, want: "105 10690"},
			{seq: 902, ts: 3050, want: "-"},
			{seq: 991, ts: 12050, want: "106 13690"},
		}},
		{"the past is squeezed", 100, 1000, []step{
			{begin: one, edge: 180050, past: 4, seq: 900, ts: 50, want: "100 1000"},
			{seq: 901, ts: 50, want: "101 1000"},
			{seq: 903, ts: 96050, want: "103 4000"},
			{seq: 902, ts: 48050, want: "102 2500"},
			{seq: 904, ts: 180050, want: "104 6625"},
			{seq: 905, ts: 183050, want: "105 9625"},
			{begin: two, edge: 100_000, past: 1, elapsed: time.Second, seq: 5, ts: 84_000, want: "106 99125"},
			{seq: 6, ts: 100_000, want: "107 99625"},
			{begin: one, edge: 483050, past: 1, elapsed: -time.Second, seq: 990, ts: 303050, want: "108 99715"},
			{seq: 991, ts: 483050, want: "109 105340"},
		}},
		{"the past with empty packets in it is squeezed", 100, 1000, []step{
			{begin: one, edge: 180050, past: 4, seq: 900, ts: 50, want: "100 1000"},
			{seq: 901, ts: 50, empty: true, want: "-"},
			{seq: 902, ts: 48050, want: "101 2500"},
			{seq: 903, ts: 96050, want: "102 4000"},
			{seq: 904, ts: 180050, want: "103 6625"},
			{seq: 905, ts: 180050 + 1<<31, want: fmt.Sprint("104 ", 6625+(1<<31))},
		}},
		{"the same layer for hours", 100, 1000, []step{
			{begin: one, edge: 180050, past: 4, seq: 900, ts: 50, want: "100 1000"},
			{seq: 904, ts: 180050, want: "104 6625"},
			{seq: 905, ts: 180050 + 1<<30, want: fmt.Sprint("105 ", 6625+(1<<30))},
			{seq: 906, ts: 180050 + 1<<31, want: fmt.Sprint("106 ", 6625+(1<<31))},
			{seq: 907, ts: 180050 + 1<<31 + 3000, want: fmt.Sprint("107 ", 6625+(1<<31)+3000)},
			{seq: 908, ts: 180049, want: "108 6624"},
			{seq: 909, ts: 180050, want: "109 6625"},
		}},
		{"a pause of days", 100, 0, []step{
			{begin: one, seq: 900, ts: 50, want: "100 0"},
			{begin: one, elapsed: 72 * time.Hour, seq: 5000, ts: 1, want: fmt.Sprint("101 ", uint32(72*3600*90000%(1<<32)))},
		}},
		{"empty packets leave no hole", 100, 0, []step{
			{begin: one, seq: 900, ts: 0, want: "100 0"},
			{seq: 901, ts: 0, empty: true, want: "-"},
			{seq: 902, ts: 0, empty: true, want: "-"},
			{seq: 903, ts: 3000, want: "101 3000"},
			{seq: 901, ts: 0, want: "-"},
			{seq: 905, ts: 3000, empty: true, want: "-"},
			{seq: 906, ts: 6000, want: "103 6000"},
			{seq: 904, ts: 3000, want: "102 3000"},
			{seq: 908, ts: 6000, want: "105 6000"},
			{seq: 907, ts: 6000, empty: true, want: "104 6000"},
		}},
		{"a hole that is too long is closed", 100, 0, []step{
			{begin: one, seq: 900, ts: 0, want: "100 0"},
			{seq: 900 + maxGap + 1, ts: 3000, want: "101 3000"},
			{seq: 900 + maxGap + 2, ts: 3000, want: "102 3000"},
		}},
		{"too late", 100, 0, []step{
			{begin: one, seq: 900, ts: 0, want: "100 0"},
			{seq: 902 + sentBits, ts: 0, want: fmt.Sprint(102+sentBits, " 0")},
			{seq: 902, ts: 0, want: "-"},
			{seq: 903, ts: 0, want: "103 0"},
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := newRewriter(test.seq, test.ts)
			for i, step := range test.steps {
				p := &media.Packet{Seq: step.seq, Timestamp: step.ts, Payload: []byte{1}}
				if step.empty {
					p.Payload = nil
				}
				if step.begin != nil {
					r.begin(step.begin, p, &media.Packet{Seq: step.seq + step.past, Timestamp: max(step.edge, step.ts)}, step.elapsed, 90000)
				}
				var out rtc.Packet
				got := "-"
				if _, ok := r.rewrite(p, &out, nil); ok {
					got = fmt.Sprint(out.Seq, " ", out.Timestamp)
					layer, _ := r.position()
					if s, seq, ok := r.source(out.Seq); !ok || s.layer != layer || seq != step.seq {
						t.Errorf("step %d: %d is found as %d, %v", i, out.Seq, seq, ok)
					}
				}
				if got != step.want {
					t.Fatalf("step %d: packet %d goes out as %s, want %s", i, step.seq, got, step.want)
				}
			}
		})
	}
}

func TestRewriterBeforeItBegins(t *testing.T) {
	r := newRewriter(0, 0)
	var out rtc.Packet
	if _, ok := r.rewrite(&media.Packet{Payload: []byte{1}}, &out, nil); ok {
		t.Error("rewrites before it begins")
	}
	if _, _, ok := r.source(0); ok {
		t.Error("finds a source before it begins")
	}
}

func TestRewriterPictureIDs(t *testing.T) {
	one, two := new(track.Layer), new(track.Layer)
	r := newRewriter(1, 0)
	var got []string
	send := func(p *media.Packet) {
		var out rtc.Packet
		if _, ok := r.rewrite(p, &out, nil); !ok {
			t.Fatalf("packet %d does not go out", p.Seq)
		}
		again := &media.Packet{Payload: append(append([]byte{}, out.Prefix...), out.Payload...)}
		if !rtpfmt.Parse(media.VP8, again) || string(again.Payload[again.Descriptor.Size:]) != string(p.Payload[p.Descriptor.Size:]) {
			t.Fatalf("packet %d goes out as % x", p.Seq, again.Payload)
		}
		got = append(got, fmt.Sprintf("%d/%d", again.Descriptor.PictureID, again.Descriptor.TL0PicIdx))
	}
	p := vp8Packet(10, 0, 32766, 254)
	r.begin(one, p, p, 0, 90000)
	send(p)
	send(vp8Packet(11, 3000, 32767, 255))
	send(vp8Packet(13, 9000, 1, 1))
	send(vp8Packet(12, 6000, 0, 0)) // late
	p = vp8Packet(500, 0, 7, 77)
	r.begin(two, p, p, 33*ms, 90000)
	send(p)
	send(vp8Packet(501, 3000, 8, 77))
	send(vp8Packet(502, 6000, 9, 78))
	p = vp8Packet(30, 12000, 2, 2)
	r.begin(one, p, p, 33*ms, 90000)
	send(p)
	want := "32766/254 32767/255 1/1 0/0 2/2 3/2 4/3 5/4"
	if s := strings.Join(got, " "); s != want {
		t.Errorf("picture ids %s, want %s", s, want)
	}
}

// FuzzRewriter plays a program of switches, gaps, late, empty and repeated packets and checks what must always hold.
func FuzzRewriter(f *testing.F) {
	f.Add([]byte{0, 1, 1, 2, 3, 1, 0, 5, 9, 200, 4, 4, 4, 1, 1})
	f.Add([]byte{0, 1, 6, 1, 6, 6, 1, 3, 2, 1, 5, 1, 0, 1, 1, 6, 5, 5, 1})
	f.Add(binary.BigEndian.AppendUint64(nil, 0x0001010602030405))
	f.Fuzz(func(t *testing.T, program []byte) {
		layers := []*track.Layer{new(track.Layer), new(track.Layer)}
		type origin struct {
			layer *track.Layer
			seq   uint64
		}
		var (
			r       = newRewriter(65500, 0xffff0000)
			layer   = layers[0]
			next    = map[*track.Layer]uint64{layers[0]: 1 << 16, layers[1]: 1<<16 + 500}
			start   uint64
			begun   bool
			last    = uint32(0xffff0000)
			given   = map[uint64]origin{}
			highest = uint64(1<<16 + 65499)
		)
		for i, op := range program {
			now := uint32(i) * 3000
			seq := next[layer]
			p := &media.Packet{Timestamp: now, Payload: []byte{1}, Start: op&0x20 != 0, Up: op&0x20 != 0, Last: true}
			p.Temporal, p.Spatial = op>>6&1, op>>7
			p.Keyframe = p.Start && op&0x10 != 0
			if op%8 == 7 {
				r.want = selection{op >> 3 & 1, op >> 4 & 1}
			}
			switch op % 8 {
			case 0: // switch
				layer = layers[int(op/8)%2]
				seq = next[layer]
				p.Seq = seq
				edge := &media.Packet{Seq: seq + 1<<20, Timestamp: now + uint32(op/16)*4000} // all that comes is before it
				r.begin(layer, p, edge, time.Duration(int8(op))*10*ms, 90000)
				begun, start = true, seq
			case 1, 7:
			case 2: // gap
				seq += uint64(op / 8)
			case 3: // late, or again
				seq -= min(uint64(op/8)+1, seq)
			case 4: // a huge gap
				seq += uint64(op) * 200
			case 5, 6:
				p.Payload = nil
				if op%8 == 6 {
					seq -= min(uint64(op/8), seq)
				}
			}
			p.Seq = seq
			next[layer] = max(next[layer], seq+1)
			var out rtc.Packet
			if _, ok := r.rewrite(p, &out, nil); !ok {
				continue
			}
			if !begun || seq < start {
				t.Fatalf("op %d: packet %d from before %d goes out", i, seq, start)
			}
			full := r.highest - uint64(uint16(r.highest)-out.Seq)
			if _, twice := given[full]; twice {
				t.Fatalf("op %d: %d is given out twice", i, full)
			}
			given[full] = origin{layer, seq}
			if full > highest {
				if step := int32(out.Timestamp - last); step < 0 {
					t.Fatalf("op %d: timestamp steps by %d", i, step)
				}
				if full-highest > maxGap {
					t.Fatalf("op %d: a hole of %d", i, full-highest)
				}
				highest, last = full, out.Timestamp
			}
			if s, from, ok := r.source(out.Seq); !ok || s.layer != layer || from != seq {
				t.Fatalf("op %d: %d of %d is found as %d, %v", i, out.Seq, seq, from, ok)
			}
		}
	})
}

func BenchmarkRewriter(b *testing.B) {
	p := vp8Packet(1<<20, 0, 5, 5)
	r := newRewriter(1, 0)
	r.begin(new(track.Layer), vp8Packet(1<<20-1, 0, 4, 5), new(media.Packet), 0, 90000)
	r.segments[0].picture = 7 // as after a switch, the slower case
	scratch := make([]byte, 0, 64)
	var out rtc.Packet
	b.ReportAllocs()
	for b.Loop() {
		p.Seq++
		r.rewrite(p, &out, scratch[:0])
	}
}
