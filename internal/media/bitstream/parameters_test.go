package bitstream

import (
	"bytes"
	"encoding/hex"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/media/mediatest"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// What x264 and x265 wrote for ffmpeg, and the records that ffmpeg put into MP4.
const (
	highSPS     = "67640028 acd94078 0227a9b0 11000003 00010000 03003c0f 183196"
	highPPS     = "68ebe3cb22c0"
	baselineSPS = "6742c028 da01e008 9ea6c044 00000300 04000003 00f23c60 ca80"
	avcC        = "01640028ffe1001b67640028acd940780227a9b0110000030001000003003c0f18319601000668ebe3cb22c0fdf8f800"
	hevcVPS     = "40010c01ffff01600000030090000003000003003f959809"
	hevcSPS     = "42010101600000030090000003000003003fa00502016965959a4932bc05a020000003002000000303c1"
	hevcPPS     = "4401c172b46240"
	hvcC        = "0101600000009000000000003ff000fcfdf8f800000f03" +
		"200001001840010c01ffff01600000030090000003000003003f959809" +
		"210001002a42010101600000030090000003000003003fa00502016965959a4932bc05a020000003002000000303c1" +
		"22000100074401c172b46240"
	av1Sequence = "0a0b0000000cc4ff673efe4010"
)

func TestH264SPSTellsSizeAndOrder(t *testing.T) {
	tests := []struct {
		name string
		sps  []byte
		want H264Parameters
	}{
		{"high with B-frames, cropped", unhex(t, highSPS), H264Parameters{Profile: 100, Level: 40, Width: 1918, Height: 1078, Reorder: 2}},
		{"constrained baseline, cropped", unhex(t, baselineSPS), H264Parameters{Profile: 66, Constraints: 0xc0, Level: 40, Width: 1918, Height: 1078}},
		{"no cropping", mediatest.SPS(1280, 720, -1), H264Parameters{Profile: 66, Constraints: 0xc0, Level: 31, Width: 1280, Height: 720}},
		{"odd macroblocks", mediatest.SPS(360, 642, -1), H264Parameters{Profile: 66, Constraints: 0xc0, Level: 31, Width: 360, Height: 642}},
		{"main without B-frames", mediatest.SPS(640, 360, 0), H264Parameters{Profile: 77, Constraints: 0xc0, Level: 31, Width: 640, Height: 360}},
		{"main with B-frames", mediatest.SPS(640, 360, 2), H264Parameters{Profile: 77, Constraints: 0xc0, Level: 31, Width: 640, Height: 360, Reorder: 2}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := ParseH264SPS(tt.sps)
			if err != nil || got != tt.want {
				t.Errorf("got %+v, %v; want %+v", got, err, tt.want)
			}
		})
	}
}

func TestMalformedIsAnError(t *testing.T) {
	huge := mediatest.SPS(16*2000, 720, -1)
	tests := []struct {
		name  string
		parse func() error
	}{
		{"empty SPS", func() error { _, err := ParseH264SPS(nil); return err }},
		{"SPS cut short", func() error { _, err := ParseH264SPS(unhex(t, highSPS)[:8]); return err }},
		{"SPS of a huge picture", func() error { _, err := ParseH264SPS(huge); return err }},
		{"SPS of 5 KB", func() error { _, err := ParseH264SPS(append(unhex(t, highSPS), make([]byte, 5000)...)); return err }},
		{"PPS that is none", func() error { _, err := H264Format(unhex(t, highSPS), []byte{1, 2}); return err }},
		{"empty avcC", func() error { _, err := ParseAVCConfig(nil); return err }},
		{"avcC cut in its SPS", func() error { _, err := ParseAVCConfig(unhex(t, avcC)[:20]); return err }},
		{"avcC cut before its PPS", func() error { _, err := ParseAVCConfig(unhex(t, avcC)[:35]); return err }},
		{"avcC of another version", func() error { _, err := ParseAVCConfig(append([]byte{9}, unhex(t, avcC)[1:]...)); return err }},
		{"avcC without sets", func() error { _, err := (AVCConfig{}).Format(); return err }},
		{"hvcC cut in its arrays", func() error { _, err := ParseHEVCConfig(unhex(t, hvcC)[:40]); return err }},
		{"hvcC without sets", func() error { _, err := (HEVCConfig{}).Format(); return err }},
		{"H.265 SPS cut short", func() error {
			_, err := H265Format(unhex(t, hevcVPS), unhex(t, hevcSPS)[:16], unhex(t, hevcPPS))
			return err
		}},
		{"VP8 picture that is no keyframe", func() error { _, _, err := VP8Size(mediatest.VP8(false, 1, 1, 20)); return err }},
		{"VP8 keyframe cut short", func() error { _, _, err := VP8Size(mediatest.VP8(true, 1, 1, 20)[:9]); return err }},
		{"VP9 nonsense", func() error { _, _, err := VP9Size([]byte{1, 2, 3}); return err }},
		{"AV1 nonsense", func() error { _, _, err := AV1Size([]byte{0x0a, 1, 0xff}); return err }},
		{"AudioSpecificConfig of a byte", func() error { _, err := AACFormat([]byte{0x12}); return err }},
		{"AudioSpecificConfig of no known rate", func() error { _, err := AACFormat([]byte{0x16, 0x90}); return err }},
		{"units with a length beyond the end", func() error { return CheckUnits([]byte{0, 0, 0, 9, 1}) }},
		{"units with a rest", func() error { return CheckUnits([]byte{0, 0, 0, 1, 1, 0, 0}) }},
		{"lengths of 9 bytes", func() error { _, err := Relength([]byte{1}, 9); return err }},
		{"short lengths beyond the end", func() error { _, err := Relength([]byte{0, 9, 1}, 2); return err }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if err := tt.parse(); !errors.Is(err, ErrMalformed) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestKindsOfAACThatNobodyTakes(t *testing.T) {
	for name, config := range map[string][]byte{"AAC Main": {0x0a, 0x10}, "channels of its own": {0x12, 0x00}, "xHE-AAC": {0xf9, 0x48, 0x50}} {
		if _, err := AACFormat(config); !errors.Is(err, ErrUnsupported) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAPictureThatIsTurned(t *testing.T) {
	turned := []byte{6, 5, 2, 1, 2, displayOrientation, 3, 0x08, 0x00, 0x18, 0x80} // after a message of another kind
	for name, c := range map[string]struct {
		codec   media.Codec
		payload []byte
		want    int
	}{
		"H.264":       {media.H264, AppendUnit(mediatest.H264(true, 20), turned), 90},
		"H.265":       {media.H265, AppendUnit(nil, append([]byte{H265PrefixSEI << 1, 1}, turned[1:]...)), 90},
		"as it is":    {media.H264, mediatest.H264(true, 20), 0},
		"called off":  {media.H264, AppendUnit(nil, []byte{6, displayOrientation, 1, 0x80, 0x80}), 0},
		"cut short":   {media.H264, AppendUnit(nil, []byte{6, displayOrientation, 3, 0x08}), 0},
		"no such SEI": {media.VP8, AppendUnit(nil, turned), 0},
	} {
		if got := Rotation(c.codec, c.payload); got != c.want {
			t.Errorf("%s: %d°, want %d°", name, got, c.want)
		}
	}
}

// TestASecondPPS: a format holds one, and what is of another stays among the pictures.
func TestASecondPPS(t *testing.T) {
	sps, otherSPS := mediatest.SPS(640, 360, -1), mediatest.SPS(320, 180, -1)
	first, second, changed := []byte{0x68, 0xce, 0x3c, 0x80}, []byte{0x68, 0x5b, 0xe3, 0xcb}, []byte{0x68, 0xcf, 0x3c, 0x80} // of the ids 0, 1, 0
	vps, sps265, pps265 := unhex(t, hevcVPS), unhex(t, hevcSPS), unhex(t, hevcPPS)
	second265 := append(bytes.Clone(pps265[:2]), 0x50|pps265[2]&0x0f, 0x80) // id 1
	for name, c := range map[string]struct {
		codec media.Codec
		units [][]byte
		pps   []byte   // that the format holds
		kept  [][]byte // among the pictures
	}{
		"beside the first":      {media.H264, [][]byte{sps, first, second}, first, [][]byte{second}},
		"again":                 {media.H264, [][]byte{sps, first, second, sps, first, second}, first, [][]byte{second, second}},
		"of the same id":        {media.H264, [][]byte{sps, first, changed}, changed, nil},
		"after another SPS":     {media.H264, [][]byte{sps, first, otherSPS, second, first}, second, [][]byte{first}},
		"of H.265":              {media.H265, [][]byte{vps, sps265, pps265, second265, vps, sps265, pps265, second265}, pps265, [][]byte{second265, second265}},
		"of H.265, no other":    {media.H265, [][]byte{vps, sps265, pps265, vps, sps265, pps265}, pps265, nil},
		"of H.265, the other 1": {media.H265, [][]byte{vps, sps265, second265, pps265}, second265, [][]byte{pps265}},
	} {
		sets := ParameterSets{Codec: c.codec}
		payload, _, _ := sets.Take(c.codec, slices.Values(c.units), 1000)
		var want []byte
		for _, unit := range c.kept {
			want = AppendUnit(want, unit)
		}
		if f := sets.Format(); f == nil || !bytes.Equal(f.PPS, c.pps) || !bytes.Equal(payload, want) {
			t.Errorf("%s: %+v, and % x among the pictures, not % x", name, f, payload, want)
		}
	}
}

// renumbered gives the id 1 to a parameter set of the id 0, which lies at a byte.
func renumbered(set []byte, at int) []byte {
	return slices.Concat(set[:at], []byte{0x40 | set[at]>>2&0x1f}, shifted(set[at:]))
}

// shifted is b two bits later, without the first byte of that.
func shifted(b []byte) []byte {
	out := make([]byte, len(b))
	for i := range b {
		out[i] = b[i] << 6
		if i+1 < len(b) {
			out[i] |= b[i+1] >> 2
		}
	}
	return out
}

// TestASecondSPS: a format holds the one that comes first with a picture and what goes with it; what is of another stays among the pictures.
func TestASecondSPS(t *testing.T) {
	sps, other := mediatest.SPS(640, 360, -1), renumbered(mediatest.SPS(320, 192, -1), 4)
	pps, otherPPS := mediatest.PPS(), []byte{0x68, 0x4a, 0x3c, 0x80} // 1, of the SPS 1
	vps265, sps265, pps265 := unhex(t, hevcVPS), unhex(t, hevcSPS), unhex(t, hevcPPS)
	otherVPS, otherSPS265, otherPPS265 := bytes.Clone(vps265), renumbered(sps265, 18), append(bytes.Clone(pps265[:2]), 0x48, 0x80)
	otherVPS[2] |= 0x10
	slice, slice265 := []byte{0x65, 0x88}, []byte{19 << 1, 1, 0x80}
	first, second := [][]byte{sps, pps}, [][]byte{other, otherPPS}
	for name, c := range map[string]struct {
		codec    media.Codec
		pictures [][][]byte
		width    int
		pps      []byte // that the format holds
		left     [][]byte
		formats  int
	}{
		"beside the first":     {media.H264, [][][]byte{{sps, other, pps, otherPPS, slice}}, 640, pps, [][]byte{other, otherPPS, slice}, 1},
		"with its PPS":         {media.H264, [][][]byte{{sps, pps, other, otherPPS, slice}}, 640, pps, [][]byte{other, otherPPS, slice}, 1},
		"with its PPS first":   {media.H264, [][][]byte{{sps, other, otherPPS, pps, slice}}, 640, pps, [][]byte{other, otherPPS, slice}, 1},
		"with the next":        {media.H264, [][][]byte{append(first, slice), append(second, slice)}, 320, otherPPS, [][]byte{slice}, 2},
		"again":                {media.H264, [][][]byte{{sps, other, pps, otherPPS, slice}, {sps, other, pps, otherPPS, slice}}, 640, pps, [][]byte{other, otherPPS, slice}, 1},
		"malformed, and right": {media.H264, [][][]byte{{sps, pps, slice}, {{0x67, 1, 2, 3}, slice}, {sps, pps, slice}}, 640, pps, [][]byte{slice}, 1},
		"of H.265": {
			media.H265, [][][]byte{{vps265, otherVPS, sps265, otherSPS265, pps265, otherPPS265, slice265}, {vps265, otherVPS, sps265, otherSPS265, pps265, otherPPS265, slice265}},
			640, pps265, [][]byte{otherVPS, otherSPS265, otherPPS265, slice265}, 1,
		},
	} {
		sets := ParameterSets{Codec: c.codec}
		formats := map[*media.Format]bool{}
		var payload, want []byte
		for _, units := range c.pictures {
			payload, _, _ = sets.Take(c.codec, slices.Values(units), 1000)
			formats[sets.Format()] = true
		}
		for _, unit := range c.left {
			want = AppendUnit(want, unit)
		}
		f := sets.Format()
		if f == nil || f.Width != c.width || !bytes.Equal(f.PPS, c.pps) || !bytes.Equal(payload, want) || len(formats) != c.formats {
			t.Errorf("%s: %d formats, %+v, and % x among the pictures, not % x", name, len(formats), f, payload, want)
		}
	}
	layered := slices.Concat([]byte{0x42, 1, 0x05}, bytes.Repeat([]byte{0xff}, 12), []byte{0xd0, 0}, bytes.Repeat([]byte{0xff}, 13), []byte{0x60})
	if id := h265SPSID(layered); id != 2 {
		t.Errorf("the SPS 2 of H.265 with a profile and two levels of sublayers: %d", id)
	}
}

// TestWhereDecodingMayBegin: encoders of open groups of pictures, and those that refresh, say so beside the picture.
func TestWhereDecodingMayBegin(t *testing.T) {
	timing := []byte{1, 3, 0, 0, 3, 0} // three bytes, of which a zero was escaped
	for name, c := range map[string]struct {
		codec media.Codec
		unit  []byte
		want  bool
	}{
		"IDR":                  {media.H264, []byte{0x65, 0x88}, true},
		"no IDR":               {media.H264, []byte{0x41, 0x9a}, false},
		"recovery point":       {media.H264, []byte{6, recoveryPoint, 1, 0xc4, 0x80}, true},
		"refresh":              {media.H264, []byte{6, recoveryPoint, 2, 0x0a, 0x20, 0x80}, true},
		"after another":        {media.H264, slices.Concat([]byte{6}, timing, []byte{recoveryPoint, 1, 0xc4, 0x80}), true},
		"another":              {media.H264, slices.Concat([]byte{6}, timing, []byte{0x80}), false},
		"cut short":            {media.H264, []byte{6, recoveryPoint, 9, 0xc4, 0x80}, false},
		"of H.265":             {media.H265, []byte{H265PrefixSEI << 1, 1, recoveryPoint, 1, 0xd0, 0x80}, true},
		"CRA":                  {media.H265, []byte{21 << 1, 1, 0x80}, true},
		"of H.265, another":    {media.H265, []byte{H265PrefixSEI << 1, 1, 1, 1, 0xd0, 0x80}, false},
		"of H.265, no message": {media.H265, []byte{H265PrefixSEI << 1, 1}, false},
	} {
		if _, _, random := Classify(c.codec, c.unit); random != c.want {
			t.Errorf("%s: %v", name, random)
		}
	}
	sets := ParameterSets{Codec: media.H264}
	units := [][]byte{mediatest.SPS(640, 360, 1), mediatest.PPS(), {6, recoveryPoint, 1, 0xc4, 0x80}, {0x41, 0x88, 1}}
	if _, key, picture := sets.Take(media.H264, slices.Values(units), 100); !key || !picture {
		t.Errorf("a picture with a recovery point: %v, %v", key, picture)
	}
}

func TestPicturesThatNeedNoOther(t *testing.T) {
	for name, c := range map[string]struct {
		units [][]byte
		want  bool
	}{
		"I":             {[][]byte{{9, 0xf0}, {0x41, 0xb0, 1}}, true}, // 1 011: the first block, type 2
		"all of them I": {[][]byte{{0x41, 0x88, 0x80}}, true},         // 1 0001000: type 7
		"P":             {[][]byte{{0x41, 0x9a}}, false},
		"I and P":       {[][]byte{{0x41, 0x88, 0x80}, {0x41, 0x9a}}, false},
		"none":          {[][]byte{{9, 0xf0}}, false},
		"cut short":     {[][]byte{{0x41}}, false},
	} {
		var payload []byte
		for _, unit := range c.units {
			payload = AppendUnit(payload, unit)
		}
		if got := H264Intra(payload); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
		if got := Intra(&media.Frame{Format: &media.Format{Codec: media.H264}, Payload: payload}); got != c.want {
			t.Errorf("of a frame, %s: %v", name, got)
		}
	}
}

func TestAVCRecordIsWhatFFmpegWrites(t *testing.T) {
	c, err := ParseAVCConfig(unhex(t, avcC))
	if err != nil {
		t.Fatal(err)
	}
	f, err := c.Format()
	if err != nil {
		t.Fatal(err)
	}
	if c.LengthSize != 4 || f.Width != 1918 || f.Height != 1078 || !f.Reordered || !bytes.Equal(f.PPS, unhex(t, highPPS)) {
		t.Errorf("got %+v, %+v", c, f)
	}
	if got := AVCRecord(f); !bytes.Equal(got, unhex(t, avcC)) {
		t.Errorf("got  %x\nwant %s", got, avcC)
	}
	if AVCRecord(&media.Format{Codec: media.H264}) != nil {
		t.Error("a record without parameter sets")
	}
}

func TestHEVCRecordIsWhatFFmpegWrites(t *testing.T) {
	want := unhex(t, hvcC)
	c, err := ParseHEVCConfig(want)
	if err != nil {
		t.Fatal(err)
	}
	f, err := c.Format()
	if err != nil {
		t.Fatal(err)
	}
	if c.LengthSize != 4 || f.Width != 640 || f.Height != 360 || !f.Reordered {
		t.Errorf("got %+v, %+v", c, f)
	}
	// ffmpeg leaves the arrays' completeness open.
	for i, b := range want {
		if i >= 23 && (b == 0x20 || b == 0x21 || b == 0x22) && want[i+1] == 0 && want[i+2] == 1 {
			want[i] |= 0x80
		}
	}
	if got := HEVCRecord(f); !bytes.Equal(got, want) {
		t.Errorf("got  %x\nwant %x", got, want)
	}
	if HEVCRecord(&media.Format{Codec: media.H265}) != nil {
		t.Error("a record without parameter sets")
	}
}

func TestParameterSetsGiveAFormatForEachChange(t *testing.T) {
	small, large := mediatest.SPS(640, 360, -1), mediatest.SPS(1280, 720, -1)
	pps, other := mediatest.PPS(), []byte{0x68, 0x4e, 0x3c, 0x80} // ids 0 and 1
	sets := ParameterSets{Codec: media.H264}
	if sets.Format() != nil {
		t.Error("a format of nothing")
	}
	sets.Add(small)
	if sets.Format() != nil {
		t.Error("a format without PPS")
	}
	sets.Add(pps)
	first := sets.Format()
	if first == nil || first.Width != 640 {
		t.Fatalf("got %+v", first)
	}
	sets.Add(bytes.Clone(small))
	sets.Add(bytes.Clone(pps))
	if sets.Format() != first {
		t.Error("another format for the same sets")
	}
	if sets.Add(other) {
		t.Error("took a second PPS, which must stay in the stream")
	}
	if sets.Format() != first {
		t.Error("another format for a second PPS")
	}
	sets.Add(large)
	sets.Add(pps)
	second := sets.Format()
	if second == first || second.Width != 1280 {
		t.Errorf("got %+v", second)
	}
	sets.Add([]byte{0x67, 1, 2, 3})
	if sets.Format() != second {
		t.Error("a malformed SPS changed the format")
	}
	if sets.Add(mediatest.H264(true, 20)[4:]) {
		t.Error("took a picture")
	}

	hevc := ParameterSets{Codec: media.H265}
	for _, s := range []string{hevcVPS, hevcSPS, hevcPPS} {
		if !hevc.Add(unhex(t, s)) {
			t.Errorf("did not take %s", s)
		}
	}
	if f := hevc.Format(); f == nil || f.Width != 640 || f.Height != 360 {
		t.Errorf("got %+v", f)
	}
}

func TestKeyframesAndSizes(t *testing.T) {
	vp9 := unhex(t, "82498342 0077f032 34303824 1c194018 03405fb4")
	if !VP9Keyframe(vp9) || VP9Keyframe([]byte{0x86, 0, 0x40, 0x92}) || VP9Keyframe(nil) {
		t.Error("VP9 keyframe not told")
	}
	if w, h, err := VP9Size(vp9); w != 1920 || h != 804 || err != nil {
		t.Errorf("VP9: %dx%d, %v", w, h, err)
	}
	if b, err := VP9Record(vp9); err != nil || !bytes.Equal(b, []byte{1, 0, 0, 0, 0, 0, 0x82, 2, 2, 2, 0, 0}) {
		t.Errorf("vpcC: %x, %v", b, err)
	}
	vp8 := mediatest.VP8(true, 640, 360, 50)
	if w, h, err := VP8Size(vp8); w != 640 || h != 360 || err != nil || !VP8Keyframe(vp8) {
		t.Errorf("VP8: %dx%d, %v", w, h, err)
	}
	unit := append(unhex(t, "1200"), unhex(t, av1Sequence)...)
	unit = append(unit, 0x32, 2, 0x14, 0)
	if w, h, err := AV1Size(AV1Sequence(unit)); w != 640 || h != 360 || err != nil {
		t.Errorf("AV1: %dx%d, %v", w, h, err)
	}
	if AV1Sequence(unhex(t, "32021400")) != nil {
		t.Error("a sequence header where there is none")
	}
	if !H264Keyframe(mediatest.H264(true, 20)) || H264Keyframe(mediatest.H264(false, 20)) {
		t.Error("H.264 keyframe not told")
	}
	idr, trail := AppendUnit(nil, []byte{19 << 1, 1, 0x80}), AppendUnit(nil, []byte{1 << 1, 1, 0x80})
	if !H265Keyframe(idr) || H265Keyframe(trail) {
		t.Error("H.265 keyframe not told")
	}
}

func TestAAC(t *testing.T) {
	for _, tt := range []struct {
		name           string
		config         []byte
		rate, channels int
	}{
		{"LC 44.1 kHz stereo", []byte{0x12, 0x10}, 44100, 2},
		{"LC 48 kHz mono", []byte{0x11, 0x88}, 48000, 1},
		{"LC 48 kHz 5.1", []byte{0x11, 0xb0}, 48000, 6},
		{"HE-AAC 24 kHz", []byte{0x2b, 0x11, 0x88, 0x00}, 24000, 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f, err := AACFormat(tt.config)
			if err != nil || f.SampleRate != tt.rate || f.Channels != tt.channels || !bytes.Equal(f.Config, tt.config) {
				t.Errorf("got %+v, %v", f, err)
			}
		})
	}
	if b, err := AACConfig(48000, 2); err != nil || !bytes.Equal(b, []byte{0x11, 0x90}) {
		t.Errorf("got %x, %v", b, err)
	}
	if _, err := AACConfig(48000, 9); err == nil {
		t.Error("9 channels")
	}
}

func TestOpusDuration(t *testing.T) {
	for _, tt := range []struct {
		packet []byte
		want   time.Duration
	}{
		{nil, 0},
		{[]byte{0xfc}, 20 * time.Millisecond},
		{[]byte{0xe0, 0}, 2500 * time.Microsecond},
		{[]byte{0xff}, 0},
		{[]byte{0xff, 3}, 60 * time.Millisecond},
		{[]byte{0xff, 63}, 0}, // above 120 ms
		{[]byte{0x19, 0}, 120 * time.Millisecond},
	} {
		if got := OpusDuration(tt.packet); got != tt.want {
			t.Errorf("% x: %v, want %v", tt.packet, got, tt.want)
		}
	}
}

func TestUnitsFromAnyDelimiting(t *testing.T) {
	units := [][]byte{{0x65, 1, 2, 3}, {0x41}, {0x41, 9, 8}}
	var lengths, short, annexB []byte
	annexB = append(annexB, 7, 7, 7) // what stands before the first start code
	for i, u := range units {
		lengths = AppendUnit(lengths, u)
		short = append(append(short, 0, byte(len(u))), u...)
		if i == 1 {
			short = append(short, 0, 0)
			annexB = append(annexB, 0, 0, 1)
		} else {
			annexB = append(annexB, 0, 0, 0, 1)
		}
		annexB = append(annexB, u...)
	}
	if got, err := Relength(short, 2); err != nil || !bytes.Equal(got, lengths) {
		t.Errorf("2-byte lengths: %x, %v", got, err)
	}
	if got, err := Relength(lengths, 4); err != nil || &got[0] != &lengths[0] {
		t.Errorf("4-byte lengths are not shared: %v", err)
	}
	var got []byte
	for u := range SplitAnnexB(annexB) {
		got = AppendUnit(got, u)
	}
	if !bytes.Equal(got, lengths) {
		t.Errorf("annex B: %x", got)
	}
	if got := AppendAnnexB(nil, lengths); !bytes.Equal(got, []byte{0, 0, 0, 1, 0x65, 1, 2, 3, 0, 0, 0, 1, 0x41, 0, 0, 0, 1, 0x41, 9, 8}) {
		t.Errorf("to annex B: %x", got)
	}
	n := 0
	for range Units(append(lengths, 0, 0, 0, 99, 1)) {
		n++
	}
	if n != len(units) {
		t.Errorf("%d units before the one cut short", n)
	}
}
