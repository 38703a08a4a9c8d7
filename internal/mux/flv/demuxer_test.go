package flv

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"time"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/media/bitstream"
)

var (
	// x264, 320x180, constrained baseline; and the same in 640x360.
	sps180 = []byte{0x67, 0x42, 0xc0, 0x0d, 0xdb, 0x05, 0x06, 0x7e, 0x40, 0x44, 0, 0, 3, 0, 4, 0, 0, 3, 0, 0xf0, 0x3c, 0x50, 0xab, 0x80}
	pps    = []byte{0x68, 0xca, 0x83, 0xcb, 0x20}
	idr    = []byte{0x65, 0x88, 0x84, 1, 2, 3}
	slice  = []byte{0x41, 0x9a, 4, 5, 6}
	aud    = []byte{0x09, 0x10}
)

// sps720 is of 1280x720.
var sps720 = []byte{0x67, 0x42, 0xc0, 0x1f, 0xda, 0x01, 0x40, 0x16, 0xec, 0x04, 0x40, 0, 0, 3, 0, 0x40, 0, 0, 0x0f, 3, 0xc6, 0x0c, 0xa8}

func avcHeader(sps, pps []byte) []byte {
	return append([]byte{0x17, 0, 0, 0, 0}, bitstream.AVCRecord(&media.Format{SPS: sps, PPS: pps})...)
}

func avc(first byte, offset int32, units ...[]byte) []byte {
	b := []byte{first, 1, byte(offset >> 16), byte(offset >> 8), byte(offset)}
	for _, u := range units {
		b = bitstream.AppendUnit(b, u)
	}
	return b
}

func units(units ...[]byte) []byte { return avc(0, 0, units...)[5:] }

// TestParameterSetsAmongPictures reads streams without a sequence header.
func TestParameterSetsAmongPictures(t *testing.T) {
	startCoded := func(first byte, units ...[]byte) []byte {
		b := []byte{first, 1, 0, 0, 0}
		for _, u := range units {
			b = append(append(b, 0, 0, 0, 1), u...)
		}
		return b
	}
	for name, c := range map[string]struct{ first, second []byte }{
		"lengths":     {avc(0x17, 0, sps720, pps, idr), avc(0x27, 0, slice)},
		"start codes": {startCoded(0x17, aud, sps720, pps, idr), startCoded(0x27, slice)},
	} {
		var d Demuxer
		if _, err := d.Video(0, avc(0x27, 0, slice), 0); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: a picture before them: %v", name, err)
		}
		first, err := d.Video(0, c.first, 0)
		if err != nil || !first.Keyframe || first.Format.Width != 1280 || !bytes.Equal(first.Payload, units(idr)) {
			t.Errorf("%s: %+v, %v", name, first, err)
		}
		second, err := d.Video(40, c.second, 0)
		if err != nil || second.Keyframe || second.Format != first.Format || !bytes.Equal(second.Payload, units(slice)) {
			t.Errorf("%s: %+v, %v", name, second, err)
		}
		// A sequence header after all counts.
		d.Video(80, avcHeader(sps180, pps), 0)
		if f, err := d.Video(80, avc(0x17, 0, idr), 0); err != nil || f.Format.Width != 320 {
			t.Errorf("%s: after a sequence header: %+v, %v", name, f, err)
		}
	}
}

func TestPictures(t *testing.T) {
	var d Demuxer
	now := time.Hour
	video := func(timestamp uint32, body []byte) (*media.Frame, error) { return d.Video(timestamp, body, now) }
	if _, err := video(0, avc(0x17, 0, idr)); !errors.Is(err, ErrMalformed) {
		t.Fatalf("picture without sequence header: %v", err)
	}
	if f, err := video(0, avcHeader(sps720, pps)); f != nil || err != nil {
		t.Fatal(f, err)
	}
	first, err := video(0, avc(0x17, 0, aud, sps720, pps, idr))
	if err != nil {
		t.Fatal(err)
	}
	if want := units(idr); !first.Keyframe || !bytes.Equal(first.Payload, want) || first.Format.Width != 1280 || !first.Discontinuity {
		t.Errorf("first frame %+v", first)
	}
	// The same parameters again are no new format.
	video(33, avcHeader(sps720, pps))
	second, _ := video(33, avc(0x27, 0, slice))
	if second.Format != first.Format || second.Keyframe || second.Discontinuity {
		t.Errorf("second frame %+v", second)
	}
	// A frame that its encoder did not call a keyframe.
	if f, _ := video(66, avc(0x27, 0, idr)); !f.Keyframe {
		t.Error("IDR picture in an inter frame is no keyframe")
	}
	if f, _ := video(70, avc(0x17, 0, sps720, pps)); f != nil {
		t.Error("parameter sets alone made a frame")
	}
	// New parameters in the stream itself.
	changed, err := video(100, avc(0x17, 0, sps180, pps, idr))
	if err != nil || changed.Format == first.Format || changed.Format.Width == 1280 {
		t.Fatalf("changed frame %+v, %v", changed, err)
	}
	// Composition offsets that go back in time mean B-frames.
	for i, offset := range []int32{66, 132, 33, 0} {
		f, err := video(uint32(133+33*i), avc(0x27, offset, slice))
		if err != nil || f.PTS-f.DTS != time.Duration(offset)*time.Millisecond || f.Format.Reordered != (i >= 2) {
			t.Errorf("offset %d: %v, reordered %v, %v", offset, f.PTS-f.DTS, f.Format.Reordered, err)
		}
	}
	if f, _ := video(300, avc(0x27, -33, slice)); f.PTS != f.DTS {
		t.Errorf("negative composition offset gives PTS %v before DTS %v", f.PTS, f.DTS)
	}
	if f, err := video(330, []byte{0x27, 1, 0, 0, 0, 0, 0, 0, 9, 1}); f != nil || !errors.Is(err, bitstream.ErrMalformed) {
		t.Errorf("unit longer than its tag: %v, %v", f, err)
	}
	if f, _ := video(363, avc(0x27, 0, slice)); !f.Discontinuity {
		t.Error("the frame after a broken one is no discontinuity")
	}
	if f, err := video(390, []byte{0x17, 2, 0, 0, 0}); f != nil || err != nil {
		t.Errorf("end of sequence: %v, %v", f, err)
	}
}

// TestAPictureShownHoursLater leaves alone what follows: its offset is a fault.
func TestAPictureShownHoursLater(t *testing.T) {
	var d Demuxer
	d.Video(0, avcHeader(sps720, pps), 0)
	for i, offset := range []int32{0, 2 * 60 * 60 * 1000, 0, 0} {
		f, err := d.Video(uint32(40*i), avc(byte(0x17+0x10*min(i, 1)), offset, idr), 0)
		if err != nil || f.PTS != f.DTS || f.Format.Reordered {
			t.Errorf("picture %d: %v after its decoding, reordered %v, %v", i, f.PTS-f.DTS, f.Format.Reordered, err)
		}
	}
}

func TestShortLengthsAndMoreParameterSets(t *testing.T) {
	second := []byte{0x68, 0x5a, 0x83, 0xcb, 0x20} // pic_parameter_set_id 1
	record := bitstream.AVCRecord(&media.Format{SPS: sps720, PPS: pps})
	record[4] = 0xfc | 1 // lengths of two bytes
	at := len(record) - len(pps) - 3
	record[at] = 2
	record = append(record, 0, byte(len(second)))
	record = append(record, second...)
	var d Demuxer
	if _, err := d.Video(0, append([]byte{0x17, 0, 0, 0, 0}, record...), 0); err != nil {
		t.Fatal(err)
	}
	body := append([]byte{0x17, 1, 0, 0, 0, 0, byte(len(idr))}, idr...)
	f, err := d.Video(0, body, 0)
	if err != nil {
		t.Fatal(err)
	}
	if want := units(second, idr); !bytes.Equal(f.Payload, want) {
		t.Errorf("payload % x, want % x", f.Payload, want)
	}
}

func TestSound(t *testing.T) {
	var d Demuxer
	if _, err := d.Audio(0, []byte{0xaf, 1, 1, 2, 3}, 0); !errors.Is(err, ErrMalformed) {
		t.Fatalf("sound without sequence header: %v", err)
	}
	if f, err := d.Audio(0, []byte{0xaf, 0, 0x11, 0x90}, 0); f != nil || err != nil {
		t.Fatal(f, err)
	}
	// Timestamps are rounded to milliseconds; frames lie exactly one after the other.
	length := 1024 * time.Second / 48000
	now := time.Hour
	for i := range 500 {
		timestamp := uint32(time.Duration(i) * length / time.Millisecond)
		f, err := d.Audio(timestamp, []byte{0xaf, 1, 1, 2, 3}, now)
		if err != nil || f.DTS != now+time.Duration(i)*length || f.PTS != f.DTS || f.Duration != length || !f.Keyframe || f.Discontinuity != (i == 0) {
			t.Fatalf("frame %d: %+v, %v", i, f, err)
		}
	}
	// After a gap the timestamps count again.
	if f, _ := d.Audio(11_000, []byte{0xaf, 1, 1, 2, 3}, now+11*time.Second); f.DTS != now+11*time.Second {
		t.Errorf("frame after a gap at %v", f.DTS-now)
	}
}

func TestUnsupported(t *testing.T) {
	for name, body := range map[string][]byte{
		"MP3":            {0x2f, 0xff, 0xfb},
		"Speex":          {0xb6, 0},
		"enhanced FLAC":  {0x90, 'f', 'L', 'a', 'C'},
		"multitrack":     {0x95, 0, 'm', 'p', '4', 'a'},
		"5.1 Opus":       append([]byte{0x90, 'O', 'p', 'u', 's'}, "OpusHead\x01\x06\x00\x00\x80\xbb\x00\x00\x00\x00\x01"...),
		"Sorenson":       {0x22, 0},
		"VP6":            {0x14, 0},
		"enhanced VVC":   {0x90, 'v', 'v', 'c', '1'},
		"multitrack AVC": {0x96, 0, 'a', 'v', 'c', '1'},
	} {
		t.Run(name, func(t *testing.T) {
			var d Demuxer
			var err error
			if name == "Sorenson" || name == "VP6" || name == "enhanced VVC" || name == "multitrack AVC" {
				_, err = d.Video(0, body, 0)
			} else {
				_, err = d.Audio(0, body, 0)
			}
			if !errors.Is(err, ErrUnsupported) {
				t.Errorf("error %v", err)
			}
		})
	}
}

// TestEnhancedThroughMuxerAndDemuxer writes codecs that FLV knows by FourCC and reads them back.
func TestEnhancedThroughMuxerAndDemuxer(t *testing.T) {
	av1Sequence := []byte{0x0a, 0x0b, 0, 0, 0, 0x24, 0xce, 0x3f, 0x3f, 0xff, 0x30, 0x10, 0x10}
	vp9Key := []byte{0x82, 0x49, 0x83, 0x42, 0, 0x3f, 0xf0, 0x2c, 0xf4, 0}
	tests := map[string]struct {
		format  *media.Format
		payload []byte
		offset  time.Duration
	}{
		"H.265":           {h265Format(t), units([]byte{0x28, 1, 2, 3}), 40 * time.Millisecond},
		"H.265 by number": {h265Format(t), units([]byte{0x28, 1, 2, 3}), 40 * time.Millisecond},
		"AV1":             {&media.Format{Codec: media.AV1, Config: av1Sequence}, append(bytes.Clone(av1Sequence), 0x32, 2, 1, 2), 0},
		"VP9":             {&media.Format{Codec: media.VP9}, vp9Key, 0},
		"VP8":             {&media.Format{Codec: media.VP8}, []byte{0x10, 2, 0, 0x9d, 1, 0x2a, 0x40, 1, 0xf0, 0, 1}, 0},
		"Opus":            {&media.Format{Codec: media.Opus, SampleRate: 48000, Channels: 2}, []byte{0xfc, 1, 2, 3}, 0},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			m := NewMuxer(time.Second, Tracks{OldHEVC: name == "H.265 by number"})
			in := &media.Frame{Format: test.format, Payload: test.payload, DTS: 2 * time.Second, PTS: 2*time.Second + test.offset, Keyframe: true}
			file, err := m.Append(nil, in)
			if err != nil {
				t.Fatal(err)
			}
			file = append(m.Header().AppendStart(nil, 0), file...)
			if sets := test.format; sets.Codec == media.H265 && !bytes.Contains(file, units(sets.VPS, sets.SPS, sets.PPS, []byte{0x28, 1, 2, 3})) {
				t.Error("a keyframe cannot be decoded after the sequence header of another format")
			}
			if byNumber := bytes.Contains(file, []byte{keyFrame<<4 | legacyHEVC, legacySequenceHeader}); byNumber != m.Header().Tracks.OldHEVC {
				t.Errorf("a number instead of a FourCC: %v", byNumber)
			}
			frames := demux(t, file)
			if len(frames) != 1 {
				t.Fatalf("%d frames", len(frames))
			}
			out := frames[0]
			if !bytes.Equal(out.Payload, in.Payload) || out.PTS-out.DTS != test.offset || !out.Keyframe || out.Format.Codec != test.format.Codec {
				t.Errorf("frame %+v of format %+v", out, out.Format)
			}
			if test.format.Codec == media.H265 && (!bytes.Equal(out.Format.SPS, test.format.SPS) || out.Format.Width != test.format.Width) {
				t.Errorf("format %+v", out.Format)
			}
		})
	}
}

// h265Format is of x265's 1280x720, main profile.
func h265Format(t *testing.T) *media.Format {
	t.Helper()
	vps := []byte{0x40, 0x01, 0x0c, 0x01, 0xff, 0xff, 0x01, 0x60, 0, 0, 3, 0, 0x90, 0, 0, 3, 0, 0, 3, 0, 0x5d, 0x95, 0x98, 0x09}
	sps := []byte{0x42, 0x01, 0x01, 0x01, 0x60, 0, 0, 3, 0, 0x90, 0, 0, 3, 0, 0, 3, 0, 0x5d, 0xa0, 0x02, 0x80, 0x80, 0x2d, 0x16, 0x59, 0x59, 0xa4, 0x93, 0x2b, 0xc0, 0x5a, 0x02, 0, 0, 3, 0, 2, 0, 0, 3, 0, 0x3c, 0x10}
	f, err := bitstream.H265Format(vps, sps, []byte{0x44, 0x01, 0xc1, 0x72, 0xb4, 0x62, 0x40})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestFormatChangeWritesASequenceHeader(t *testing.T) {
	video := func(f *media.Format, at time.Duration) *media.Frame {
		return &media.Frame{Format: f, Payload: units(idr), DTS: at, PTS: at, Keyframe: true}
	}
	before := &media.Format{Codec: media.H264, SPS: sps720, PPS: pps}
	after := &media.Format{Codec: media.H264, SPS: sps180, PPS: pps}
	m := NewMuxer(0, Tracks{Audio: true})
	if err := m.Know(before, nil); err != nil {
		t.Fatal(err)
	}
	old := m.Header()
	file := old.AppendStart(nil, 0)
	for i, f := range []*media.Format{before, before, after, after} {
		var err error
		if file, err = m.Append(file, video(f, time.Duration(i)*time.Second)); err != nil {
			t.Fatal(err)
		}
	}
	if m.Header() == old || m.Header().Video != after || old.Video != before {
		t.Error("the header did not change, or in place")
	}
	var got []byte
	r := NewReader(bytes.NewReader(file))
	for {
		tag, err := r.Next()
		if err != nil {
			break
		}
		if tag.Type == VideoTag {
			got = append(got, tag.Body[1])
		}
	}
	if want := []byte{0, 1, 1, 0, 1, 1}; !bytes.Equal(got, want) {
		t.Errorf("packet types %v, want %v", got, want)
	}
	if !bytes.Contains(file, units(sps720, pps, idr)) || !bytes.Contains(file, units(sps180, pps, idr)) {
		t.Error("a keyframe cannot be decoded after the sequence header of another format")
	}
	if r.Tracks() != (Tracks{Video: true, Audio: true}) {
		t.Errorf("tracks %+v", r.Tracks())
	}
}

func TestTimestampsWrapAndStayAboveZero(t *testing.T) {
	m := NewMuxer(time.Hour, Tracks{})
	for at, want := range map[time.Duration]uint32{
		-time.Second: 0, 0: 0, time.Second: 1000, 1<<32*time.Millisecond - time.Millisecond: 1<<32 - 1, 1<<32*time.Millisecond + 5*time.Millisecond: 5,
	} {
		if got := m.Timestamp(time.Hour + at); got != want {
			t.Errorf("%v is %d, want %d", at, got, want)
		}
	}
	f := &media.Frame{Format: &media.Format{Codec: media.AAC, Config: []byte{0x11, 0x90}}, Payload: []byte{1}, DTS: time.Hour + 0x12345678*time.Millisecond}
	b, err := m.Append(nil, f)
	if err != nil {
		t.Fatal(err)
	}
	r := NewReader(io.MultiReader(bytes.NewReader(m.Header().AppendStart(nil, 0)), bytes.NewReader(b)))
	for {
		tag, err := r.Next()
		if err != nil {
			t.Fatal(err)
		}
		if tag.Type == AudioTag && tag.Body[1] == 1 {
			if tag.Timestamp != 0x12345678 {
				t.Errorf("timestamp %x", tag.Timestamp)
			}
			return
		}
	}
}

func TestMetadata(t *testing.T) {
	start := time.UnixMilli(1_700_000_000_123)
	b, err := metadata(&media.Format{Codec: media.H265, Width: 640, Height: 360}, &media.Format{Codec: media.AAC, SampleRate: 44100, Channels: 2}, false, start)
	if err != nil {
		t.Fatal(err)
	}
	if m := ParseMetadata(b); m.Encoder != "Tutti" || !m.Start.Equal(start) {
		t.Errorf("read back as %+v", m)
	}
	if m := ParseMetadata(append([]byte{2, 0, 13}, append([]byte("@setDataFrame"), b...)...)); m.Encoder != "Tutti" {
		t.Errorf("behind @setDataFrame: %+v", m)
	}
	for _, broken := range [][]byte{nil, {2}, b[:20], {0x0b, 1, 2}} {
		ParseMetadata(broken)
	}
	// Read without a bound, this needs more stack than a program may have.
	if m := ParseMetadata(append([]byte("\x02\x00\x0aonMetaData"), bytes.Repeat([]byte{3, 0, 1, 'k'}, 2<<20)...)); m != (Metadata{}) {
		t.Errorf("objects without end: %+v", m)
	}
}

func FuzzDemuxer(f *testing.F) {
	f.Add(byte(9), avcHeader(sps720, pps), avc(0x17, 40, aud, sps180, pps, idr))
	f.Add(byte(9), []byte{0x90, 'a', 'v', '0', '1', 0x81, 0, 0, 0}, []byte{0x91, 'a', 'v', '0', '1', 0x0a, 0x0b})
	f.Add(byte(9), []byte{0x90, 'h', 'v', 'c', '1', 1}, []byte{0x93, 'h', 'v', 'c', '1', 0, 0, 0, 1, 0x26})
	f.Add(byte(8), []byte{0xaf, 0, 0x11, 0x90}, []byte{0xaf, 1, 1, 2})
	f.Add(byte(8), append([]byte{0x90, 'O', 'p', 'u', 's'}, "OpusHead\x01\x02\x00\x00\x80\xbb\x00\x00\x00\x00\x00"...), []byte{0x91, 'O', 'p', 'u', 's', 0xfc, 1})
	f.Fuzz(func(t *testing.T, kind byte, first, second []byte) {
		var d Demuxer
		for i, body := range [][]byte{first, second, first, second} {
			read := d.Video
			if TagType(kind) == AudioTag {
				read = d.Audio
			}
			frame, err := read(uint32(i)*40, bytes.Clone(body), time.Duration(i)*40*time.Millisecond)
			if frame == nil {
				continue
			}
			if err != nil || frame.Format == nil || len(frame.Payload) == 0 || frame.PTS < frame.DTS {
				t.Fatalf("frame %+v, error %v", frame, err)
			}
			if c := frame.Format.Codec; c == media.H264 || c == media.H265 {
				if err := bitstream.CheckUnits(frame.Payload); err != nil {
					t.Fatal(err)
				}
			}
			// What was read can be written, but for parameters that a record cannot hold.
			NewMuxer(0, Tracks{}).Append(nil, frame)
		}
	})
}

func FuzzReader(f *testing.F) {
	m := NewMuxer(0, Tracks{})
	m.Know(&media.Format{Codec: media.H264, SPS: sps720, PPS: pps}, &media.Format{Codec: media.AAC, Config: []byte{0x11, 0x90}})
	f.Add(m.Header().AppendStart(nil, 5))
	f.Add([]byte("FLV\x01\x05\x00\x00\x00\x09\x00\x00\x00\x00\x08\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, b []byte) {
		r := NewReader(bytes.NewReader(b))
		for {
			tag, err := r.Next()
			if err != nil {
				return
			}
			if tag.Type == ScriptTag {
				ParseMetadata(tag.Body)
			}
		}
	})
}

// BenchmarkMuxer is what a frame of 7 KB costs, once for all viewers.
func BenchmarkMuxer(b *testing.B) {
	m := NewMuxer(0, Tracks{})
	f := &media.Frame{Format: &media.Format{Codec: media.H264, SPS: sps720, PPS: pps}, Payload: make([]byte, 7000)}
	var dst []byte
	b.ReportAllocs()
	b.SetBytes(7000)
	for b.Loop() {
		f.DTS += 33 * time.Millisecond
		f.PTS = f.DTS
		var err error
		if dst, err = m.Append(dst[:0], f); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkDemuxer is what a picture of 7 KB costs on its way in.
func BenchmarkDemuxer(b *testing.B) {
	var d Demuxer
	if _, err := d.Video(0, avcHeader(sps720, pps), 0); err != nil {
		b.Fatal(err)
	}
	body := avc(0x27, 0, append(bytes.Clone(slice), make([]byte, 7000)...))
	b.ReportAllocs()
	b.SetBytes(7000)
	timestamp := uint32(0)
	for b.Loop() {
		timestamp += 33
		if _, err := d.Video(timestamp, body, time.Duration(timestamp)*time.Millisecond); err != nil {
			b.Fatal(err)
		}
	}
}
