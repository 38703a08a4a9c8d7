package rtpfmt

import (
	"bytes"
	"encoding/hex"
	"errors"
	"testing"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/rtp/codecs"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/media/bitstream"
	"github.com/tuttilive/tutti/internal/media/mediatest"
)

func unhex(s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		panic(err)
	}
	return b
}

// Real headers of VP9 (Chromium) and AV1 (SVT-AV1), and parameter sets of x265.
var (
	vp9Key   = unhex("824983420077f032343038241c19401803405fb4")
	av1Key   = unhex("0a0b0000000cc4ff673efe40103204" + "14010203")
	h265Sets = &media.Format{
		Codec: media.H265, Width: 640, Height: 360,
		VPS: unhex("40010c01ffff01600000030090000003000003003f959809"),
		SPS: unhex("42010101600000030090000003000003003fa00502016965959a4932bc05a020000003002000000303c1"),
		PPS: unhex("4401c172b46240"),
	}
)

// stream is 12 frames of a codec, every fourth a keyframe.
func stream(codec media.Codec) []*media.Frame {
	var frames []*media.Frame
	h264, vp8 := mediatest.H264Format(640, 360), &media.Format{Codec: media.VP8, Width: 640, Height: 360}
	for i := range 12 {
		key, size := i%4 == 0, 150+i*i*111
		at := time.Duration(i) * 33333 * time.Microsecond
		switch codec {
		case media.Opus:
			frames = append(frames, mediatest.Frame(OpusFormat, true, at, mediatest.Opus(size/20)))
		case media.H264:
			payload := mediatest.H264(key, size)
			second := mediatest.H264(key, size/2)
			second[5] = 0x40 // first_mb_in_slice is not 0
			payload = append(payload, second...)
			payload = append(bitstream.AppendUnit(nil, []byte{6, 5, 1, 2}), payload...)
			frames = append(frames, mediatest.Frame(h264, key, at, payload))
		case media.VP8:
			frames = append(frames, mediatest.Frame(vp8, key, at, mediatest.VP8(key, 640, 360, size)))
		case media.H265:
			kind := byte(1)
			if key {
				kind = 19
			}
			unit := append([]byte{kind << 1, 1, 0x80}, mediatest.Opus(size)...)
			frames = append(frames, mediatest.Frame(h265Sets, key, at, bitstream.AppendUnit(nil, unit)))
		case media.VP9:
			payload := append([]byte{0x86, 0, 0x40, 0x92}, mediatest.Opus(size)...)
			if key {
				payload = append(bytes.Clone(vp9Key), mediatest.Opus(size)...)
			}
			frames = append(frames, mediatest.Frame(&media.Format{Codec: media.VP9, Width: 1920, Height: 804}, key, at, payload))
		case media.AV1:
			payload := []byte{0x32, 5, 0x30, 1, 2, 3, 4}
			if key {
				payload = bytes.Clone(av1Key)
			}
			payload = append(append(payload, 0x22, byte(size&0x7f)|0x80, byte(size>>7)), mediatest.Opus(size)...)
			frames = append(frames, mediatest.Frame(&media.Format{Codec: media.AV1, Width: 640, Height: 360}, key, at, payload))
		}
	}
	return frames
}

func TestFramesSurviveRTP(t *testing.T) {
	for _, codec := range []media.Codec{media.Opus, media.H264, media.VP8, media.H265, media.VP9, media.AV1} {
		t.Run(codec.String(), func(t *testing.T) {
			pack, err := NewPacketizer(codec)
			if err != nil {
				t.Fatal(err)
			}
			depack, err := NewDepacketizer(codec)
			if err != nil {
				t.Fatal(err)
			}
			finder := NewFormatFinder(codec)
			var format *media.Format
			for i, f := range stream(codec) {
				packets := pack.Packetize(f)
				var units []Unit
				for j := range packets {
					p := &packets[j]
					again := media.Packet{Payload: p.Payload}
					if !Parse(codec, &again) || again.Start != p.Start || again.Keyframe != p.Keyframe || again.Descriptor != p.Descriptor {
						t.Errorf("frame %d, packet %d: not what Parse finds: %+v", i, j, again)
					}
					if len(p.Payload) > MaxPayload {
						t.Errorf("frame %d: payload of %d bytes", i, len(p.Payload))
					}
					if p.Timestamp != Timestamp(f.PTS, codec.ClockRate()) {
						t.Errorf("frame %d: timestamp %d", i, p.Timestamp)
					}
					if f.Kind() == media.Video && p.Marker != (j == len(packets)-1) {
						t.Errorf("frame %d: marker on packet %d of %d", i, j, len(packets))
					}
					finder.Look(p)
					if units, err = depack.Push(units, p); err != nil {
						t.Fatalf("frame %d, packet %d: %v", i, j, err)
					}
				}
				if len(packets) == 0 || !packets[0].Start || packets[0].Keyframe != f.Keyframe {
					t.Fatalf("frame %d: %d packets, first %+v", i, len(packets), packets[0])
				}
				if len(units) != 1 {
					t.Fatalf("frame %d: %d access units", i, len(units))
				}
				u := units[0]
				if !bytes.Equal(u.Payload, f.Payload) || u.Keyframe != f.Keyframe || u.Timestamp != packets[0].Timestamp {
					t.Errorf("frame %d: got %d bytes, key %v; want %d, %v", i, len(u.Payload), u.Keyframe, len(f.Payload), f.Keyframe)
				}
				if format == nil {
					format = u.Format
				}
				if u.Format != format || u.Format.Width != f.Format.Width || u.Format.Height != f.Format.Height {
					t.Errorf("frame %d: format %+v", i, u.Format)
				}
			}
			if f := finder.Look(&media.Packet{}); f == nil || f.Width != format.Width || f.Height != format.Height {
				t.Errorf("found format %+v", f)
			}
		})
	}
}

// Equal sizes make long UDP GSO trains.
func TestPacketsOfAFrameAreEqualInSize(t *testing.T) {
	for _, size := range []int{1, 500, 1158, 1159, 1161, 5000, 30_001, 200_000} {
		frames := map[string]*media.Frame{
			"H.264": mediatest.Frame(mediatest.H264Format(640, 360), false, 0, mediatest.H264(false, size)),
			"VP8":   mediatest.Frame(&media.Format{Codec: media.VP8}, false, 0, mediatest.VP8(false, 0, 0, size)),
		}
		for name, f := range frames {
			k, _ := NewPacketizer(f.Format.Codec)
			packets := k.Packetize(f)
			for i, p := range packets {
				if first := len(packets[0].Payload); i < len(packets)-1 && len(p.Payload) != first || len(p.Payload) > first {
					t.Errorf("%s of %d bytes: packet %d of %d has %d bytes, the first %d", name, size, i, len(packets), len(p.Payload), first)
				}
			}
			if least := (len(f.Payload) + MaxPayload - 1) / MaxPayload; len(packets) > least+1 {
				t.Errorf("%s of %d bytes: %d packets", name, size, len(packets))
			}
		}
	}
}

func TestParameterSetsGoBeforeEveryKeyframe(t *testing.T) {
	format := mediatest.H264Format(640, 360)
	k, _ := NewPacketizer(media.H264)
	packets := k.Packetize(mediatest.Frame(format, true, 0, mediatest.H264(true, 3000)))
	want := []byte{0x78, 0, byte(len(format.SPS))}
	want = append(append(append(want, format.SPS...), 0, byte(len(format.PPS))), format.PPS...)
	if !bytes.Equal(packets[0].Payload, want) || !packets[0].Keyframe || len(packets) != 4 {
		t.Errorf("first of %d packets: %x, want %x", len(packets), packets[0].Payload, want)
	}
	if packets := k.Packetize(mediatest.Frame(format, false, 0, mediatest.H264(false, 3000))); len(packets) != 3 || packets[0].Keyframe {
		t.Errorf("%d packets of a picture that is no keyframe", len(packets))
	}
}

// What pion sends must be understood, and pion must understand what we send.
func TestPionIsAnIndependentPeer(t *testing.T) {
	tests := []struct {
		codec media.Codec
		send  rtp.Payloader
		recv  rtp.Depacketizer
	}{
		{media.H264, &codecs.H264Payloader{}, &codecs.H264Packet{IsAVC: true}},
		{media.VP8, &codecs.VP8Payloader{EnablePictureID: true}, &codecs.VP8Packet{}},
		{media.Opus, &codecs.OpusPayloader{}, &codecs.OpusPacket{}},
	}
	for _, tt := range tests {
		t.Run(tt.codec.String(), func(t *testing.T) {
			pack, _ := NewPacketizer(tt.codec)
			depack, _ := NewDepacketizer(tt.codec)
			for i, f := range stream(tt.codec) {
				in, want := f.Payload, f.Payload
				if tt.codec == media.H264 {
					in = annexB(f) // pion's payloader holds parameter sets back until a picture comes
					if f.Keyframe {
						want = append(bitstream.AppendUnit(bitstream.AppendUnit(nil, f.Format.SPS), f.Format.PPS), f.Payload...)
					}
				}
				var got []byte
				for _, p := range pack.Packetize(f) {
					b, err := tt.recv.Unmarshal(p.Payload)
					if err != nil {
						t.Fatalf("frame %d: pion: %v", i, err)
					}
					got = append(got, b...)
				}
				if !bytes.Equal(got, want) {
					t.Errorf("frame %d: pion got %d bytes, want %d", i, len(got), len(want))
				}
				payloads := tt.send.Payload(1200, in)
				var units []Unit
				for j, b := range payloads {
					p := media.Packet{Payload: b, Timestamp: uint32(i), Marker: j == len(payloads)-1}
					Parse(tt.codec, &p)
					var err error
					if units, err = depack.Push(units, &p); err != nil {
						t.Fatalf("frame %d: %v", i, err)
					}
				}
				if len(units) != 1 || !bytes.Equal(units[0].Payload, f.Payload) || units[0].Keyframe != f.Keyframe {
					t.Errorf("frame %d: %d units from pion", i, len(units))
				}
			}
		})
	}
}

func TestDepacketizerAfterDamage(t *testing.T) {
	frames := stream(media.H264)
	pack, _ := NewPacketizer(media.H264)
	var packets [][]media.Packet
	for _, f := range frames {
		packets = append(packets, pack.Packetize(f))
	}
	all := func(f int) []media.Packet { return packets[f] }
	tests := []struct {
		name    string
		push    [][]media.Packet
		resets  map[int]bool // before which frame
		want    []int        // frames that come out
		damaged bool
	}{
		{"nothing lost", [][]media.Packet{all(0), all(1), all(2)}, nil, []int{0, 1, 2}, false},
		{"end lost and told", [][]media.Packet{all(8)[:3], all(9), all(10)}, map[int]bool{1: true}, []int{9, 10}, false},
		{"beginning lost and told", [][]media.Packet{all(8), all(9)[2:], all(10)}, map[int]bool{1: true}, []int{8, 10}, false},
		{"fragment's beginning lost and not told", [][]media.Packet{all(8), headless(all(9)), all(10)}, nil, []int{8, 10}, true},
		{"marker lost", [][]media.Packet{all(0), unmarked(all(1)), all(2)}, nil, []int{0, 1, 2}, false},
		{"begins in the middle", [][]media.Packet{all(8)[3:], all(9)}, nil, []int{9}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			depack, _ := NewDepacketizer(media.H264)
			setup, _ := depack.Push(nil, &packets[0][0]) // so that the format is known
			if len(setup) != 0 {
				t.Fatal("a unit of parameter sets alone")
			}
			depack.Reset()
			var units []Unit
			damaged := false
			for i, part := range tt.push {
				if tt.resets[i] {
					depack.Reset()
				}
				for j := range part {
					var err error
					units, err = depack.Push(units, &part[j])
					damaged = damaged || errors.Is(err, ErrDamaged)
				}
			}
			var got []int
			for _, u := range units {
				for i, f := range frames {
					if bytes.Equal(u.Payload, f.Payload) {
						got = append(got, i)
					}
				}
			}
			if len(units) != len(tt.want) || len(got) != len(tt.want) {
				t.Fatalf("got %d units, frames %v; want %v", len(units), got, tt.want)
			}
			for i := range got {
				if got[i] != tt.want[i] {
					t.Errorf("got frames %v, want %v", got, tt.want)
				}
			}
			if damaged != tt.damaged {
				t.Errorf("damage told: %v", damaged)
			}
		})
	}
}

// headless leaves out the beginning of the last unit.
func headless(packets []media.Packet) []media.Packet {
	for i := len(packets) - 1; ; i-- {
		if b := packets[i].Payload; b[0]&0x1f == naluFUA && b[1]&0x80 != 0 {
			return append(append([]media.Packet(nil), packets[:i]...), packets[i+1:]...)
		}
	}
}

func unmarked(packets []media.Packet) []media.Packet {
	out := append([]media.Packet(nil), packets...)
	out[len(out)-1].Marker = false
	return out
}

func TestVP9SpatialLayersBecomeOneSuperframe(t *testing.T) {
	depack, _ := NewDepacketizer(media.VP9)
	base, upper := append(bytes.Clone(vp9Key), 1, 2, 3), []byte{0x86, 0, 0x40, 9, 9}
	packets := []media.Packet{
		{Payload: append([]byte{0xac, 5, 0x00, 9}, base...), Timestamp: 7},
		{Payload: append([]byte{0xe8, 5, 0x03, 9}, upper[:2]...), Timestamp: 7},
		{Payload: append([]byte{0xe4, 5, 0x03, 9}, upper[2:]...), Timestamp: 7, Marker: true},
	}
	var units []Unit
	for i := range packets {
		Parse(media.VP9, &packets[i])
		var err error
		if units, err = depack.Push(units, &packets[i]); err != nil {
			t.Fatal(err)
		}
	}
	index := []byte{0xd9, byte(len(base)), 0, 0, 0, byte(len(upper)), 0, 0, 0, 0xd9}
	want := append(append(bytes.Clone(base), upper...), index...)
	if len(units) != 1 || !units[0].Keyframe || !bytes.Equal(units[0].Payload, want) {
		t.Errorf("got %+v", units)
	}
}

func TestAnAccessUnitIsBounded(t *testing.T) {
	depack, _ := NewDepacketizer(media.H264)
	p := media.Packet{Payload: append([]byte{0x7c, 0x85}, make([]byte, 60_000)...), Start: true}
	var err error
	for i := 0; err == nil && i < 1000; i++ {
		_, err = depack.Push(nil, &p)
		p.Start, p.Payload[1] = false, 5
	}
	if !errors.Is(err, ErrDamaged) {
		t.Errorf("60 MB in one access unit: %v", err)
	}
}

func TestTimestamp(t *testing.T) {
	for _, tt := range []struct {
		at   time.Duration
		rate int
		want uint32
	}{
		{0, 90000, 0},
		{time.Second, 90000, 90000},
		{33333 * time.Microsecond, 90000, 3000},
		{20 * time.Millisecond, 48000, 960},
		{13*time.Hour + 20*time.Minute, 90000, 25032704}, // wrapped
		{30 * 365 * 24 * time.Hour, 48000, uint32(30 * 365 * 24 * 3600 * 48000 & 0xffffffff)},
		{-time.Second, 48000, 1<<32 - 48000},
	} {
		if got := Timestamp(tt.at, tt.rate); got != tt.want {
			t.Errorf("%v at %d Hz: %d, want %d", tt.at, tt.rate, got, tt.want)
		}
	}
}

// FuzzDepacketizer cuts the input into packets: the first byte of each is its length, the second its flags.
func FuzzDepacketizer(f *testing.F) {
	for _, codec := range []media.Codec{media.Opus, media.H264, media.VP8, media.H265, media.VP9, media.AV1} {
		k, _ := NewPacketizer(codec)
		var seed []byte
		for _, frame := range stream(codec)[:3] {
			for _, p := range k.Packetize(frame) {
				n := min(len(p.Payload), 255)
				flags := byte(0)
				if p.Marker {
					flags = 1
				}
				seed = append(append(seed, byte(n), flags), p.Payload[:n]...)
			}
		}
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		for codec := media.Opus; codec <= media.AV1; codec++ {
			depack, err := NewDepacketizer(codec)
			if err != nil {
				continue
			}
			var units []Unit
			for rest := b; len(rest) > 2; {
				n := min(int(rest[0]), len(rest)-2)
				flags := rest[1]
				p := media.Packet{Payload: rest[2 : 2+n], Marker: flags&1 != 0, Timestamp: uint32(flags >> 1 & 3)}
				if flags&0x80 != 0 {
					depack.Reset()
				}
				Parse(codec, &p)
				units, _ = depack.Push(units, &p)
				rest = rest[2+n:]
			}
			for _, u := range units {
				if u.Format == nil || len(u.Payload) == 0 {
					t.Errorf("%v: unit without format or payload", codec)
				}
				if (codec == media.H264 || codec == media.H265) && bitstream.CheckUnits(u.Payload) != nil {
					t.Errorf("%v: %v", codec, bitstream.CheckUnits(u.Payload))
				}
			}
		}
	})
}

// FuzzPacketizer takes any bytes as a frame.
func FuzzPacketizer(f *testing.F) {
	for _, codec := range []media.Codec{media.Opus, media.H264, media.VP8, media.H265, media.VP9, media.AV1} {
		for _, frame := range stream(codec)[:2] {
			f.Add(frame.Payload, true)
		}
	}
	format := *h265Sets
	f.Fuzz(func(t *testing.T, b []byte, key bool) {
		for codec := media.Opus; codec <= media.AV1; codec++ {
			k, err := NewPacketizer(codec)
			if err != nil {
				continue
			}
			format.Codec = codec
			for _, p := range k.Packetize(&media.Frame{Format: &format, Payload: b, Keyframe: key}) {
				if codec.Kind() == media.Video && len(p.Payload) > MaxPayload || len(p.Payload) == 0 {
					t.Errorf("%v: payload of %d bytes", codec, len(p.Payload))
				}
			}
		}
	})
}

func BenchmarkPacketize(b *testing.B) {
	for _, tt := range []struct {
		name  string
		frame *media.Frame
	}{
		{"H264/8KB", mediatest.Frame(mediatest.H264Format(1280, 720), false, 0, mediatest.H264(false, 8000))},
		{"VP8/8KB", mediatest.Frame(&media.Format{Codec: media.VP8}, false, 0, mediatest.VP8(false, 0, 0, 8000))},
		{"Opus", mediatest.Frame(OpusFormat, true, 0, mediatest.Opus(160))},
	} {
		b.Run(tt.name, func(b *testing.B) {
			k, _ := NewPacketizer(tt.frame.Format.Codec)
			b.ReportAllocs()
			n := 0
			for b.Loop() {
				n += len(k.Packetize(tt.frame))
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(n), "ns/packet")
		})
	}
}

func BenchmarkDepacketize(b *testing.B) {
	for _, codec := range []media.Codec{media.H264, media.VP8, media.Opus} {
		b.Run(codec.String(), func(b *testing.B) {
			k, _ := NewPacketizer(codec)
			var packets []media.Packet
			for i, f := range stream(codec) {
				for _, p := range k.Packetize(f) {
					p.Timestamp = uint32(i)
					packets = append(packets, p)
				}
			}
			depack, _ := NewDepacketizer(codec)
			var units []Unit
			b.ReportAllocs()
			n := 0
			for b.Loop() {
				for i := range packets {
					units, _ = depack.Push(units[:0], &packets[i])
				}
				n += len(packets)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(n), "ns/packet")
		})
	}
}
