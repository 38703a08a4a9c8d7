package sfu

import (
	"bytes"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/media/rtpfmt"
	"github.com/tuttilive/tutti/internal/rtc"
)

// spoken is what sound packet i carries, spokenAt its timestamp.
func spoken(i int) []byte   { return fmt.Appendf(nil, "\xf8 block %d", i) }
func spokenAt(i int) uint32 { return uint32(i) * 960 }

// redPacket is sound packet i with what the given number of packets before carried, with blocks of type 111.
func redPacket(i, blocks int) *media.Packet {
	var headers, older []byte
	for back := blocks; back > 0; back-- {
		block := spoken(i - back)
		headers = append(headers, 0x80|111, byte(960*back>>6), byte(960*back<<2), byte(len(block)))
		older = append(older, block...)
	}
	payload := slices.Concat(headers, []byte{111}, older, spoken(i))
	at, ok := rtpfmt.REDPrimary(payload, 111)
	if !ok {
		panic("not a redundant payload")
	}
	return &media.Packet{
		Seq: uint64(uint16(i)), Timestamp: spokenAt(i), Payload: payload[at:], RED: payload, PayloadType: 63,
		Arrival: time.Duration(i) * 20 * ms,
	}
}

// arrive takes a packet as a stream does, and gives the numbers of what is written to the layer, as sent.
func arrive(in *intake, received *reception, p *media.Packet) (got []int) {
	var kept []*media.Packet
	if p.RED != nil {
		kept = in.restore(nil, p, received, true)
	}
	if keep, _ := in.take(p, received, true); keep {
		kept = append(kept, p)
	}
	for _, k := range kept {
		i := int(k.Seq - 1<<16)
		if !bytes.Equal(k.Payload, spoken(i)) || k.Timestamp != spokenAt(i) || k.Restored != (k != p) || k.Restored && k.RED != nil {
			i = -1
		}
		got = append(got, i)
	}
	return got
}

func TestRestoring(t *testing.T) {
	tests := map[string]struct {
		blocks  int
		arrives []int
		want    [][]int // what each arrival writes
		lost    uint64  // as reported to the publisher
	}{
		"nothing lost":                     {2, []int{10, 11, 12}, [][]int{{10}, {11}, {12}}, 0},
		"one lost":                         {1, []int{10, 12, 13}, [][]int{{10}, {11, 12}, {13}}, 1},
		"two lost, one block":              {1, []int{10, 13}, [][]int{{10}, {12, 13}}, 2},
		"two lost, two blocks":             {2, []int{10, 13}, [][]int{{10}, {11, 12, 13}}, 2},
		"reordered":                        {1, []int{10, 12, 11, 13}, [][]int{{10}, {11, 12}, nil, {13}}, 0},
		"the first brings nothing before":  {2, []int{10, 11}, [][]int{{10}, {11}}, 0},
		"a late one restores an older one": {1, []int{10, 13, 12, 14}, [][]int{{10}, {12, 13}, {11}, {14}}, 1},
		"a burst is not made good":         {1, []int{10, 20}, [][]int{{10}, {19, 20}}, 9},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			in := newIntake(media.Opus, nil)
			received := reception{clockRate: 48000}
			for k, i := range tt.arrives {
				if got := arrive(in, &received, redPacket(i, tt.blocks)); !slices.Equal(got, tt.want[k]) {
					t.Errorf("arrival of %d writes %v, want %v", i, got, tt.want[k])
				}
			}
			if lost := received.report(1, time.Second).TotalLost; uint64(lost) != tt.lost {
				t.Errorf("%d lost are reported, want %d", lost, tt.lost)
			}
		})
	}
}

func TestRestoredPacketsAreNotAskedFor(t *testing.T) {
	in := newIntake(media.Opus, nil)
	received := reception{clockRate: 48000}
	arrive(in, &received, redPacket(10, 1))
	arrive(in, &received, redPacket(13, 1)) // 12 is restored, 11 is not
	if got, _ := in.missing(nil, time.Second, 50*ms); !slices.Equal(got, []uint16{11}) {
		t.Errorf("asks for %v", got)
	}
}

func TestARedundantBlockOfAnotherTimeIsNotTaken(t *testing.T) {
	in := newIntake(media.Opus, nil)
	received := reception{clockRate: 48000}
	arrive(in, &received, redPacket(10, 1))
	// After a silence the block before the primary is what was repeated in 10 already, not what had number 11.
	p := redPacket(12, 1)
	p.Timestamp = spokenAt(10) + 960
	if got := arrive(in, &received, p); len(got) != 1 {
		t.Errorf("writes %v", got)
	}
}

func TestRestoringAcrossARestart(t *testing.T) {
	in := newIntake(media.Opus, nil)
	received := reception{clockRate: 48000}
	arrive(in, &received, redPacket(10, 2))
	in.sequence.restart()
	if kept := in.restore(nil, redPacket(5000, 2), &received, true); kept != nil {
		t.Errorf("the first packet of another source restores %d", len(kept))
	}
}

func TestCarryTranslatesBlocks(t *testing.T) {
	p := redPacket(10, 2)
	var out rtc.Packet
	if scratch := carry(&out, p, 111, nil); len(scratch) != 0 || !out.RED || !bytes.Equal(out.Payload, p.RED) {
		t.Errorf("%+v", out)
	}
	out = rtc.Packet{}
	carry(&out, p, 96, nil)
	whole := slices.Concat(out.Prefix, out.Payload)
	if at, ok := rtpfmt.REDPrimary(whole, 96); !ok || !bytes.Equal(whole[at:], spoken(10)) {
		t.Errorf("%x", whole)
	}
}
