package rtc

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/pion/rtp"

	"github.com/tuttilive/tutti/internal/media"
)

// testIDs are extension IDs as a remote might choose them.
var testIDs = extensionIDs{1: extMid, 2: extRID, 3: extRepairedRID, 4: extSequence, 5: extLevel, 14: extSendTime}

func TestHeaderParse(t *testing.T) {
	packet := rtp.Packet{Header: rtp.Header{
		Version: 2, Marker: true, PayloadType: 111, SequenceNumber: 0xfffe, Timestamp: 0x01020304, SSRC: 0xcafebabe, CSRC: []uint32{7, 8},
	}, Payload: []byte("payload")}
	for id, value := range map[uint8]string{1: "mid", 2: "q", 3: "h", 4: "\x12\x34", 5: "\x85"} {
		if err := packet.SetExtension(id, []byte(value)); err != nil {
			t.Fatal(err)
		}
	}
	raw, err := packet.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	var h rtpHeader
	if !h.parse(raw, &testIDs) {
		t.Fatal("not parsed")
	}
	if h.size != packet.MarshalSize()-7 || h.seq != 0xfffe || h.timestamp != 0x01020304 || h.ssrc != 0xcafebabe || h.pt != 111 || !h.marker || h.padded {
		t.Errorf("header is %+v", h)
	}
	x := h.ext
	if string(x.mid) != "mid" || string(x.rid) != "q" || string(x.repairedRID) != "h" || x.sequence != 0x1234 || x.level != 0x85 || !x.hasLevel || !x.hasSequence {
		t.Errorf("extensions are %+v", x)
	}
}

func TestHeaderParseRefusesLies(t *testing.T) {
	base := []byte{0x80, 96, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3}
	with := func(first byte, rest ...byte) []byte {
		b := append(bytes.Clone(base), rest...)
		b[0] = first
		return b
	}
	tests := map[string]struct {
		packet []byte
		ok     bool
		mid    string
	}{
		"plain":                       {base, true, ""},
		"short":                       {base[:11], false, ""},
		"version 1":                   {with(0x40), false, ""},
		"CSRCs missing":               {with(0x82, 1, 2, 3, 4), false, ""},
		"extension missing":           {with(0x90), false, ""},
		"extension cut":               {with(0x90, 0xbe, 0xde, 0), false, ""},
		"extension longer than all":   {with(0x90, 0xbe, 0xde, 0, 2, 1, 2, 3, 4), false, ""},
		"extension of 256 KiB":        {with(0x90, 0xbe, 0xde, 0xff, 0xff, 1, 2, 3, 4), false, ""},
		"empty extension":             {with(0x90, 0xbe, 0xde, 0, 0), true, ""},
		"element longer than all":     {with(0x90, 0xbe, 0xde, 0, 1, 0x1f, 'a', 'b', 'c'), true, ""},
		"element at the end":          {with(0x90, 0xbe, 0xde, 0, 1, 0x12, 'a', 'b', 'c'), true, "abc"},
		"padding between":             {with(0x90, 0xbe, 0xde, 0, 1, 0, 0, 0x10, 'a'), true, "a"},
		"reserved id ends":            {with(0x90, 0xbe, 0xde, 0, 1, 0xf0, 0, 0x10, 'a'), true, ""},
		"two-byte elements":           {with(0x90, 0x10, 0, 0, 1, 1, 2, 'a', 'b'), true, "ab"},
		"two-byte element lies":       {with(0x90, 0x10, 0, 0, 1, 1, 3, 'a', 'b'), true, ""},
		"two-byte element cut":        {with(0x90, 0x10, 0, 0, 1, 0, 0, 0, 1), true, ""},
		"two-byte element of id 200":  {with(0x90, 0x10, 0, 0, 1, 200, 1, 'a', 0), true, ""},
		"profile that nobody defined": {with(0x90, 0x12, 0x34, 0, 1, 0x12, 'a', 'b', 'c'), true, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var h rtpHeader
			if ok := h.parse(test.packet, &testIDs); ok != test.ok {
				t.Errorf("parsed: %v", ok)
			} else if string(h.ext.mid) != test.mid {
				t.Errorf("mid is %q", h.ext.mid)
			}
		})
	}
}

// FuzzHeader compares with pion's parser and never reads outside of the packet.
func FuzzHeader(f *testing.F) {
	f.Add([]byte{0x90, 96, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0xbe, 0xde, 0, 1, 0x12, 'a', 'b', 'c', 'p'})
	f.Add([]byte{0xb1, 224, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4, 0x10, 0, 0, 1, 1, 2, 'a', 'b', 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		var h rtpHeader
		ok := h.parse(b, &testIDs)
		if ok && h.size > len(b) {
			t.Fatalf("header of %d bytes in %d", h.size, len(b))
		}
		var theirs rtp.Header
		n, err := theirs.Unmarshal(b)
		if err != nil || !ok {
			return // pion also refuses packets whose elements lie; we only leave those elements out
		}
		if n != h.size || theirs.SequenceNumber != h.seq || theirs.SSRC != h.ssrc || theirs.PayloadType != h.pt || theirs.Marker != h.marker || theirs.Timestamp != h.timestamp {
			t.Fatalf("%+v of %d bytes, pion says %+v of %d", h, h.size, theirs, n)
		}
	})
}

func TestUnpad(t *testing.T) {
	tests := []struct {
		in, out string
		ok      bool
	}{
		{"abc\x01", "abc", true}, {"abc\x00\x00\x03", "abc", true}, {"\x01", "", true}, {"ab\x00", "", false}, {"ab\x04", "", false}, {"", "", false},
	}
	for _, test := range tests {
		out, ok := unpad([]byte(test.in))
		if ok != test.ok || ok && string(out) != test.out {
			t.Errorf("%q gives %q, %v", test.in, out, ok)
		}
	}
}

func TestClassify(t *testing.T) {
	tests := map[string]struct {
		b    []byte
		want protocol
	}{
		"nothing":    {nil, unknownProtocol},
		"one byte":   {[]byte{0x80}, unknownProtocol},
		"STUN":       {[]byte{0, 1}, stunProtocol},
		"STUN's end": {[]byte{3, 1}, stunProtocol},
		"ZRTP":       {[]byte{16, 0}, unknownProtocol},
		"DTLS":       {[]byte{22, 254}, dtlsProtocol},
		"TURN":       {[]byte{64, 0}, unknownProtocol},
		"RTP":        {[]byte{0x80, 96}, rtpProtocol},
		"RTP marked": {[]byte{0x80, 0x80 | 111}, rtpProtocol},
		"RTCP":       {[]byte{0x81, 200}, rtcpProtocol},
		"RTCP's end": {[]byte{0x81, 223}, rtcpProtocol},
		"high":       {[]byte{192, 200}, unknownProtocol},
	}
	for name, test := range tests {
		if got := classify(test.b); got != test.want {
			t.Errorf("%s is classified as %d", name, got)
		}
	}
}

func TestSendFormat(t *testing.T) {
	ids := [extensionCount]uint8{extMid: 3, extSendTime: 1, extSequence: 5, extLevel: 2}
	f := newSendFormat(media.Opus, 111, 0, 0xaabbccdd, 0, "17", &ids)
	b := append(bytes.Clone(f.media), "sound"...)
	b[f.sendTime], b[f.sequence] = 7, 9
	f.writeLevel(b[f.level:f.level+2], &Packet{AudioLevel: 30, HasLevel: true, Voice: true})
	var p rtp.Packet
	if err := p.Unmarshal(b); err != nil {
		t.Fatal(err)
	}
	for id, want := range map[uint8]string{3: "17", 1: "\x07\x00\x00", 5: "\x09\x00", 2: "\x9e"} {
		if got := p.GetExtension(id); string(got) != want {
			t.Errorf("extension %d is %x", id, got)
		}
	}
	if p.SSRC != 0xaabbccdd || p.PayloadType != 111 || string(p.Payload) != "sound" {
		t.Errorf("packet is %v", p)
	}
	f.writeLevel(b[f.level:f.level+2], &Packet{})
	if err := p.Unmarshal(b); err != nil {
		t.Fatal(err)
	}
	if p.GetExtension(2) != nil || string(p.GetExtension(3)) != "17" || string(p.Payload) != "sound" {
		t.Errorf("without a level: %v", p)
	}
	if bare := newSendFormat(media.VP8, 96, 97, 1, 2, "", &[extensionCount]uint8{}); len(bare.media) != 12 || len(bare.repair) != 12 {
		t.Errorf("headers without extensions have %d and %d bytes", len(bare.media), len(bare.repair))
	}
}

func TestEvenRun(t *testing.T) {
	tests := map[string]struct {
		sizes   []int
		n, size int
	}{
		"one":                 {[]int{100}, 1, 100},
		"equal":               {[]int{100, 100, 100}, 3, 100},
		"last shorter":        {[]int{100, 100, 20}, 3, 100},
		"short in the middle": {[]int{100, 20, 100}, 2, 100},
		"differ by a byte":    {[]int{100, 99, 100, 99}, 4, 100},
		"grow a little":       {[]int{93, 100, 100}, 3, 100},
		"grow too much":       {[]int{91, 100, 100}, 1, 91},
		"creep":               {[]int{92, 96, 100, 104}, 3, 100},
		"shrink":              {[]int{100, 92, 91, 91}, 3, 100},
	}
	for name, test := range tests {
		packets := make([]Packet, len(test.sizes))
		for i, size := range test.sizes {
			packets[i].Payload = make([]byte, size)
		}
		if n, size := evenRun(packets, new(sendFormat)); n != test.n || size != test.size {
			t.Errorf("%s: %d packets of %d bytes, want %d of %d", name, n, size, test.n, test.size)
		}
	}
}

// TestDependencyDescriptorInAHeader writes headers with a descriptor, which can be longer than one-byte elements, and without.
func TestDependencyDescriptorInAHeader(t *testing.T) {
	ids := [extensionCount]uint8{extMid: 1, extSequence: 2, extSendTime: 3, extDependency: 12}
	var known extensionIDs
	for e, id := range ids {
		known[id] = extension(e)
	}
	known[0] = noExtension
	f := newSendFormat(media.AV1, 96, 97, 1, 2, "3", &ids)
	for _, size := range []int{0, 3, 16, 17, 120, maxDependency} {
		descriptor := bytes.Repeat([]byte{0xd5}, size)
		b := make([]byte, 600)
		head := copy(b, f.media)
		if size > 0 {
			head = f.writeDependency(b, head, descriptor)
		}
		packet := Packet{Payload: []byte("payload"), Dependency: descriptor}
		if want := len(f.media) + packet.length(f) - len(packet.Payload); head != want {
			t.Errorf("%d bytes: the header has %d, want %d", size, head, want)
		}
		binary.BigEndian.PutUint16(b[f.sequence:], 77)
		var h rtpHeader
		if !h.parse(b[:head+7], &known) || h.size != head || !bytes.Equal(h.ext.dependency, descriptor) || string(h.ext.mid) != "3" || h.ext.sequence != 77 {
			t.Errorf("%d bytes are read as %+v", size, h)
		}
	}
	if plain := newSendFormat(media.VP8, 96, 97, 1, 2, "3", &ids); plain.dependencyID != 0 {
		t.Error("VP8 is sent with descriptors")
	}
}
