package bitstream

import (
	"testing"

	"github.com/tuttilive/tutti/internal/media"
)

// FuzzParameters feeds everything that reads a header: none may panic, and sizes are within bounds.
func FuzzParameters(f *testing.F) {
	for _, s := range []string{highSPS, highPPS, baselineSPS, avcC, hvcC, hevcVPS, hevcSPS, hevcPPS, av1Sequence,
		"824983420077f0323430", "11900000", "2b118800", "9d012a8002"} {
		f.Add(unhex(f, s))
	}
	sized := func(t *testing.T, width, height int) {
		if width <= 0 || width > MaxSize || height <= 0 || height > MaxSize {
			t.Errorf("size %dx%d", width, height)
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if p, err := ParseH264SPS(b); err == nil {
			sized(t, p.Width, p.Height)
			AVCRecord(&media.Format{SPS: b, PPS: b})
		}
		if format, err := H265Format(unhex(t, hevcVPS), b, unhex(t, hevcPPS)); err == nil {
			sized(t, format.Width, format.Height)
			HEVCRecord(format)
		}
		if c, err := ParseAVCConfig(b); err == nil {
			if format, err := c.Format(); err == nil {
				sized(t, format.Width, format.Height)
				if _, err := ParseAVCConfig(AVCRecord(format)); err != nil {
					t.Errorf("own record: %v", err)
				}
			}
		}
		if c, err := ParseHEVCConfig(b); err == nil {
			if format, err := c.Format(); err == nil {
				if _, err := ParseHEVCConfig(HEVCRecord(format)); err != nil {
					t.Errorf("own record: %v", err)
				}
			}
		}
		for _, codec := range []media.Codec{media.H264, media.H265} {
			sets := ParameterSets{Codec: codec}
			for u := range SplitAnnexB(b) {
				sets.Add(u)
				sets.Format()
			}
		}
		if w, h, err := VP8Size(b); err == nil {
			sized(t, w, h)
		}
		if w, h, err := VP9Size(b); err == nil {
			sized(t, w, h)
			if _, err := VP9Record(b); err != nil {
				t.Errorf("record: %v", err)
			}
		}
		if w, h, err := AV1Size(b); err == nil {
			sized(t, w, h)
		}
		if format, err := AACFormat(b); err == nil && (format.Channels < 1 || format.SampleRate < 7350) {
			t.Errorf("%+v", format)
		}
		AV1Sequence(b)
		VP9Keyframe(b)
		OpusDuration(b)
	})
}

// FuzzUnits changes the delimiting of NAL units back and forth.
func FuzzUnits(f *testing.F) {
	f.Add([]byte{0, 0, 0, 2, 0x65, 1, 0, 0, 0, 1, 0x41})
	f.Add([]byte{0, 0, 0, 1, 0x65, 1, 0, 0, 1, 0x41})
	f.Add([]byte{6, 1, 3, 0, 0, 3, 0, recoveryPoint, 1, 0xc4, 0x80})
	f.Fuzz(func(t *testing.T, b []byte) {
		whole := CheckUnits(b) == nil
		n := 0
		var again []byte
		for u := range Units(b) {
			n += 4 + len(u)
			again = AppendUnit(again, u)
		}
		if n > len(b) || whole && CheckUnits(again) != nil {
			t.Errorf("%d bytes of units in %d", n, len(b))
		}
		for size := 1; size <= 4; size++ {
			if out, err := Relength(b, size); err == nil && CheckUnits(out) != nil {
				t.Errorf("lengths of %d bytes: %v", size, CheckUnits(out))
			}
		}
		for u := range SplitAnnexB(b) {
			if len(u) == 0 {
				t.Error("empty unit")
			}
		}
		for _, codec := range []media.Codec{media.H264, media.H265} {
			Classify(codec, b)
			Rotation(codec, b)
		}
		H264Keyframe(b)
		H264Intra(b)
		H265Keyframe(b)
	})
}
