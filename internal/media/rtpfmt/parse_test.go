package rtpfmt

import (
	"bytes"
	"testing"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/media/mediatest"
)

// stap and ap make aggregation packets of H.264 and H.265.
func stap(units ...[]byte) []byte {
	b := []byte{0x78}
	for _, u := range units {
		b = append(append(b, byte(len(u)>>8), byte(len(u))), u...)
	}
	return b
}

func ap(units ...[]byte) []byte { return append([]byte{48 << 1, 1}, stap(units...)[1:]...) }

func TestParse(t *testing.T) {
	sps, pps := mediatest.SPS(640, 360, -1), mediatest.PPS()
	type result struct {
		ok, start, key    bool
		temporal, spatial uint8
	}
	bad := result{}
	inside := result{ok: true}
	begins := result{ok: true, start: true}
	key := result{ok: true, start: true, key: true}
	tests := []struct {
		name    string
		codec   media.Codec
		payload []byte
		want    result
	}{
		{"empty", media.H264, nil, bad},
		{"no codec", media.NoCodec, []byte{1}, bad},
		{"opus", media.Opus, []byte{0xfc, 1}, key},

		{"h264: IDR", media.H264, []byte{0x65, 0x88}, key},
		{"h264: later slice of an IDR", media.H264, []byte{0x65, 0x40}, inside},
		{"h264: picture", media.H264, []byte{0x41, 0x9a}, begins},
		{"h264: later slice", media.H264, []byte{0x41, 0x40}, inside},
		{"h264: SPS", media.H264, sps, key},
		{"h264: PPS", media.H264, pps, begins},
		{"h264: SEI", media.H264, []byte{0x06, 5}, begins},
		{"h264: STAP-A of parameter sets", media.H264, stap(sps, pps), key},
		{"h264: STAP-A of delimiter and IDR", media.H264, stap([]byte{9, 0xf0}, []byte{0x65, 0x88}), key},
		{"h264: STAP-A of a picture", media.H264, stap([]byte{0x41, 0x9a}), begins},
		{"h264: STAP-A of later slices", media.H264, stap([]byte{0x41, 0x40}, []byte{0x41, 0x50}), inside},
		{"h264: STAP-A cut short", media.H264, stap(sps, pps)[:10], bad},
		{"h264: STAP-A with an empty unit", media.H264, []byte{0x78, 0, 0}, bad},
		{"h264: STAP-B", media.H264, append([]byte{0x79, 0, 1}, stap(sps)[1:]...), key},
		{"h264: STAP-B cut short", media.H264, []byte{0x79, 0}, bad},
		{"h264: FU-A begins an IDR", media.H264, []byte{0x7c, 0x85, 0x88}, key},
		{"h264: FU-A begins a later slice of an IDR", media.H264, []byte{0x7c, 0x85, 0x40}, inside},
		{"h264: FU-A goes on", media.H264, []byte{0x7c, 0x05, 0x88}, inside},
		{"h264: FU-A begins a picture", media.H264, []byte{0x5c, 0x81, 0x9a}, begins},
		{"h264: FU-A begins an SPS", media.H264, []byte{0x7c, 0x87, 0x42}, key},
		{"h264: FU-A cut short", media.H264, []byte{0x7c}, bad},
		{"h264: FU-B", media.H264, []byte{0x7d, 0x85, 0, 1, 0x88}, key},
		{"h264: unknown", media.H264, []byte{0x1e, 1}, bad},

		{"h265: IDR", media.H265, []byte{19 << 1, 1, 0x80}, key},
		{"h265: later slice of an IDR", media.H265, []byte{19 << 1, 1, 0x00}, inside},
		{"h265: CRA", media.H265, []byte{21 << 1, 1, 0x80}, key},
		{"h265: picture of temporal layer 1", media.H265, []byte{1 << 1, 2, 0x80}, result{ok: true, start: true, temporal: 1}},
		{"h265: VPS", media.H265, []byte{32 << 1, 1, 0x0c}, key},
		{"h265: prefix SEI", media.H265, []byte{39 << 1, 1, 5}, begins},
		{"h265: aggregation of parameter sets", media.H265, ap([]byte{32 << 1, 1, 1}, []byte{33 << 1, 1, 1}), key},
		{"h265: aggregation cut short", media.H265, ap([]byte{32 << 1, 1, 1})[:4], bad},
		{"h265: aggregation of a stump", media.H265, ap([]byte{64}), bad},
		{"h265: FU begins an IDR", media.H265, []byte{49 << 1, 1, 0x80 | 19, 0x80}, key},
		{"h265: FU goes on", media.H265, []byte{49 << 1, 1, 19, 0x80}, inside},
		{"h265: FU cut short", media.H265, []byte{49 << 1, 1}, bad},
		{"h265: no temporal id", media.H265, []byte{1 << 1, 0, 0x80}, bad},
		{"h265: cut short", media.H265, []byte{1 << 1}, bad},

		{"vp8: keyframe", media.VP8, []byte{0x10, 0x00}, key},
		{"vp8: picture", media.VP8, []byte{0x10, 0x01}, begins},
		{"vp8: goes on", media.VP8, []byte{0x00, 0x00}, inside},
		{"vp8: second partition", media.VP8, []byte{0x11, 0x00}, inside},
		{"vp8: all extensions", media.VP8, []byte{0x90, 0xf0, 0x81, 0x02, 7, 0x60, 0x00}, result{ok: true, start: true, key: true, temporal: 1}},
		{"vp8: descriptor only", media.VP8, []byte{0x90, 0xf0, 0x81, 0x02, 7, 0x60}, bad},
		{"vp8: extensions cut short", media.VP8, []byte{0x90, 0xf0, 0x81}, bad},
		{"vp8: no extensions", media.VP8, []byte{0x90}, bad},

		{"vp9: keyframe", media.VP9, []byte{0x88, 5, 0x82}, key},
		{"vp9: keyframe with 15-bit id", media.VP9, []byte{0x88, 0x85, 6, 0x82}, key},
		{"vp9: predicted", media.VP9, []byte{0xc8, 5, 0x82}, begins},
		{"vp9: goes on", media.VP9, []byte{0x80, 5, 0x82}, inside},
		{"vp9: upper spatial layer", media.VP9, []byte{0xa8, 5, 0x43, 9, 0x82}, result{ok: true, temporal: 2, spatial: 1}},
		{"vp9: base layer", media.VP9, []byte{0xa8, 5, 0x40, 9, 0x82}, result{ok: true, start: true, key: true, temporal: 2}},
		{"vp9: flexible with references", media.VP9, []byte{0xd8, 5, 0x03, 0x04, 0x82}, begins},
		{"vp9: four references", media.VP9, []byte{0xd8, 5, 1, 1, 1, 2, 0x82}, bad},
		{"vp9: references cut short", media.VP9, []byte{0xd8, 5, 0x03}, bad},
		{"vp9: scalability structure", media.VP9, []byte{0x8a, 5, 0x18, 2, 128, 1, 104, 1, 0x04, 1, 0x82}, key},
		{"vp9: structure cut short", media.VP9, []byte{0x8a, 5, 0x18, 2, 128}, bad},
		{"vp9: descriptor only", media.VP9, []byte{0x88, 5}, bad},

		{"av1: new sequence", media.AV1, []byte{0x18, 0x0a, 1, 2}, key},
		{"av1: sequence header first of three", media.AV1, []byte{0x38, 2, 0x08, 1, 1, 0x10, 0x30}, key},
		{"av1: frame", media.AV1, []byte{0x10, 0x30, 1}, begins},
		{"av1: frame of an upper layer", media.AV1, []byte{0x10, 0x34, 0x28, 1}, result{ok: true}},
		{"av1: tile group", media.AV1, []byte{0x10, 0x20, 1}, inside},
		{"av1: goes on", media.AV1, []byte{0x90, 0x30, 1}, inside},
		{"av1: length first", media.AV1, []byte{0x00, 2, 0x30, 1}, begins},
		{"av1: endless length", media.AV1, []byte{0x00, 0x80, 0x80}, bad},
		{"av1: header only", media.AV1, []byte{0x10}, bad},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := media.Packet{Payload: tt.payload, Start: true, Keyframe: true, Temporal: 7, Spatial: 7, Descriptor: media.Descriptor{Size: 9}}
			ok := Parse(tt.codec, &p)
			if got := (result{ok, p.Start, p.Keyframe, p.Temporal, p.Spatial}); got != tt.want {
				t.Errorf("got %+v, want %+v", got, tt.want)
			}
			if int(p.Descriptor.Size) > len(tt.payload) {
				t.Errorf("descriptor of %d bytes", p.Descriptor.Size)
			}
		})
	}
}

func TestRenumber(t *testing.T) {
	tests := []struct {
		name          string
		payload, want []byte
	}{
		{"no extensions", []byte{0x10, 9}, []byte{0x10}},
		{"7-bit picture id", []byte{0x90, 0x80, 3, 9}, []byte{0x90, 0x80, 0x23}},
		{"15-bit picture id", []byte{0x90, 0x80, 0x80, 3, 9}, []byte{0x90, 0x80, 0x92, 0x23}},
		{"all", []byte{0x90, 0xf0, 0x80, 3, 8, 0x61, 9}, []byte{0x90, 0xf0, 0x92, 0x23, 77, 0x61}},
		{"TL0PICIDX alone", []byte{0x90, 0x40, 8, 9}, []byte{0x90, 0x40, 77}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := media.Packet{Payload: bytes.Clone(tt.payload)}
			if !Parse(media.VP8, &p) {
				t.Fatal("malformed")
			}
			got := Renumber([]byte{1}, p.Descriptor, p.Payload, 0x1223, 77)
			if !bytes.Equal(got, append([]byte{1}, tt.want...)) {
				t.Errorf("got %x, want 01%x", got, tt.want)
			}
			if !bytes.Equal(p.Payload, tt.payload) {
				t.Error("the shared payload was changed")
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range [][]byte{{0x65, 0x88}, {0x78, 0, 2, 0x67, 1}, {0x7c, 0x85, 0x88}, {0x90, 0xf0, 0x81, 2, 7, 0x60, 0},
		{0x8a, 5, 0x18, 2, 128, 1, 104, 1, 4, 1, 0x82}, {0x38, 2, 8, 1, 1, 0x10, 0x30}, {98, 1, 0x93, 0x80}} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		for codec := media.Opus; codec <= media.AV1; codec++ {
			p := media.Packet{Payload: b}
			ok := Parse(codec, &p)
			if p.Keyframe && !p.Start || p.Start && !ok {
				t.Errorf("%v: ok %v, start %v, key %v", codec, ok, p.Start, p.Keyframe)
			}
			if n := int(p.Descriptor.Size); n > 0 {
				if n >= len(b) {
					t.Fatalf("descriptor of %d bytes in %d", n, len(b))
				}
				if out := Renumber(nil, p.Descriptor, b, p.Descriptor.PictureID, p.Descriptor.TL0PicIdx); !bytes.Equal(out, b[:n]) {
					t.Errorf("rewritten with its own values: %x, was %x", out, b[:n])
				}
			}
			NewFormatFinder(codec).Look(&p)
		}
	})
}

func BenchmarkParse(b *testing.B) {
	for _, tt := range []struct {
		name    string
		codec   media.Codec
		payload []byte
	}{
		{"H264", media.H264, []byte{0x7c, 0x85, 0x88, 1, 2, 3}},
		{"VP8", media.VP8, []byte{0x90, 0xf0, 0x81, 0x02, 7, 0x60, 0x00}},
		{"VP9", media.VP9, []byte{0xa8, 5, 0x40, 9, 0x82}},
		{"AV1", media.AV1, []byte{0x10, 0x30, 1}},
	} {
		b.Run(tt.name, func(b *testing.B) {
			b.ReportAllocs()
			p := media.Packet{Payload: tt.payload}
			for b.Loop() {
				Parse(tt.codec, &p)
			}
		})
	}
}

// TestParameterSetsAreNoPicture: a packet that begins with them is a keyframe's to Parse, whatever picture follows.
func TestParameterSetsAreNoPicture(t *testing.T) {
	for _, c := range []struct {
		codec   media.Codec
		payload []byte
		want    bool
	}{
		{media.H264, []byte{0x65, 0x88, 1}, true},
		{media.H264, []byte{0x67, 0x42, 1}, false},
		{media.H264, stap([]byte{0x67, 0x42}, []byte{0x68, 0xce}), false},
		{media.H264, stap([]byte{0x67, 0x42}, []byte{0x65, 0x88}), true},
		{media.H264, stap([]byte{0x67, 0x42}, []byte{0x41, 0x9a}), false},
		{media.H264, []byte{0x7c, 0x85, 0x88}, true},
		{media.H264, []byte{0x7c, 0x87, 0x42}, false},
		{media.H264, nil, false},
		{media.H265, []byte{19 << 1, 1, 0x80}, true},
		{media.H265, []byte{32 << 1, 1, 0x0c}, false},
		{media.H265, ap([]byte{33 << 1, 1, 1}, []byte{21 << 1, 1, 0x80}), true},
		{media.H265, ap([]byte{32 << 1, 1, 1}, []byte{33 << 1, 1, 1}), false},
		{media.H265, []byte{49 << 1, 1, 0x80 | 19, 0x80}, true},
		{media.H265, []byte{49 << 1, 1, 0x80 | 33, 0x80}, false},
		{media.VP8, []byte{0x10, 0x00}, true},
	} {
		if got := HasRandomAccess(c.codec, &media.Packet{Payload: c.payload, Keyframe: true}); got != c.want {
			t.Errorf("%v % x: %v", c.codec, c.payload, got)
		}
	}
}
