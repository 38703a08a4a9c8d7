package codec

import (
	"bufio"
	"bytes"
	"testing"
	"time"

	"github.com/tuttilive/tutti/internal/media"
)

func FuzzOpusDecoder(f *testing.F) {
	for _, frame := range encodeAll(f, media.Opus, withClicks(SampleRate), 0)[:12] {
		f.Add(frame.Payload, 960)
	}
	f.Add([]byte{}, 0)
	f.Add([]byte{0xff, 0xff}, 5760)
	f.Add([]byte{0x03, 0x3f, 0xff}, -1)
	good := encodeAll(f, media.Opus, withClicks(SampleRate), 0)[10].Payload
	f.Fuzz(func(t *testing.T, payload []byte, lost int) {
		dec, err := newOpusDecoder()
		if err != nil {
			t.Fatal(err)
		}
		pcm, err := dec.Decode(nil, good)
		if err != nil {
			t.Fatal(err)
		}
		pcm = dec.Recover(pcm[:0], lost%10000, payload)
		pcm, err = dec.Decode(pcm[:0], payload)
		if err == nil && len(pcm) > opusMaxSamples*Channels {
			t.Fatalf("%d samples", len(pcm)/Channels)
		}
		pcm = dec.Conceal(pcm, 100)
		for _, v := range pcm {
			if !(v >= -4 && v <= 4) {
				t.Fatalf("sample of %v", v)
			}
		}
	})
}

// Access units of silence in one and two channels.
var (
	silentAAC1 = []byte{0x00, 0xc8, 0x00, 0x80, 0x23, 0x80}
	silentAAC2 = []byte{0x21, 0x00, 0x49, 0x90, 0x02, 0x19, 0x00, 0x23, 0x80}
)

func FuzzAACDecoder(f *testing.F) {
	format := &media.Format{Codec: media.AAC, Config: aacConfig{object: 2, rate: 44100, channels: 2}.plain()}
	for _, frame := range encodeAll(f, media.AAC, withClicks(SampleRate), 0)[:12] {
		f.Add(format.Config, frame.Payload)
	}
	f.Add([]byte{0x2b, 0x92, 0x08, 0x00}, silentAAC2) // HE-AAC
	f.Add([]byte{0x11, 0x88}, silentAAC1)
	f.Add([]byte{}, []byte{0})
	f.Fuzz(func(t *testing.T, config, payload []byte) {
		dec, err := NewAudioDecoder(&media.Format{Codec: media.AAC, Config: config})
		if err != nil {
			return
		}
		pcm, _ := dec.Decode(nil, payload)
		pcm, _ = dec.Decode(pcm, payload)
		pcm = dec.Conceal(pcm, 500)
		if len(pcm) > (2*8*aacFrameSize+500)*Channels {
			t.Fatalf("%d samples", len(pcm)/Channels)
		}
		if _, err := dec.Decode(nil, silentAAC2); err != nil && len(payload) > 0 && len(config) > 1 && config[1]&0x78 == 0x10 {
			// A stereo decoder must take good frames after bad ones.
			if _, err = dec.Decode(nil, silentAAC2); err != nil {
				t.Fatalf("does not recover: %v", err)
			}
		}
	})
}

// FuzzAligner tries timestamps of all kinds: what comes out must be one timeline.
func FuzzAligner(f *testing.F) {
	f.Add([]byte{20, 20, 20, 200, 0, 20, 1, 255, 40, 20})
	f.Add([]byte{0, 0, 0, 0, 0, 0, 0})
	f.Add([]byte{19, 21, 19, 21, 60, 20, 20})
	frames := encodeAll(f, media.Opus, sine(nil, 440, 0.5, 0, SampleRate), 0)
	f.Fuzz(func(t *testing.T, steps []byte) {
		if len(steps) > 200 {
			return // each may be seconds of silence
		}
		var a Aligner
		pts, end := time.Second, int64(0)
		for i, step := range steps {
			frame := *frames[i%len(frames)]
			d := time.Duration(step) * time.Millisecond
			if step >= 250 {
				d *= 100
			}
			pts += d
			frame.PTS, frame.Discontinuity = pts, step%7 == 3
			pcm, at, fresh, err := a.Align(&frame)
			if err != nil {
				t.Fatal(err)
			}
			if i > 0 && at != end && !(fresh && at > end) {
				t.Fatalf("step %d: at %d after %d, fresh %v", i, at, end, fresh)
			}
			if len(pcm)/Channels > gapMax+2*opusMaxSamples {
				t.Fatalf("step %d: %d samples", i, len(pcm)/Channels)
			}
			end = at + int64(len(pcm)/Channels)
		}
	})
}

func FuzzWorkerOutput(f *testing.F) {
	f.Add([]byte("FLV\x01\x01\x00\x00\x00\x09\x00\x00\x00\x00\x09\x00\x00\x06\x00\x00\x00\x00\x00\x00\x00\x17\x01\x00\x00\x00\x00\x00\x00\x00\x11"))
	f.Fuzz(func(t *testing.T, b []byte) {
		r := flvReader{r: bufio.NewReader(bytes.NewReader(b))}
		for range 100 {
			p, err := r.next()
			if err != nil {
				return
			}
			if p.config {
				h264Format(p.data)
			} else if out, _ := filterUnits(nil, p.data, h264Slice); len(out) > len(p.data) {
				t.Fatal("grew")
			}
		}
	})
}

func FuzzPictureSize(f *testing.F) {
	f.Add([]byte{0x10, 0, 0, 0x9d, 0x01, 0x2a, 0x80, 0x02, 0x68, 0x01}, []byte{0x67, 0x42, 0xc0, 0x1e})
	f.Fuzz(func(t *testing.T, payload, sps []byte) {
		checkSize(&media.Frame{Format: &media.Format{Codec: media.VP8}, Payload: payload})
		checkSize(&media.Frame{Format: &media.Format{Codec: media.H264, SPS: sps}, Payload: payload})
	})
}

// FuzzNUT reads what a decoder that was taken over might write: no picture is larger than one may be, and reading ends with
// the data.
func FuzzNUT(f *testing.F) {
	f.Add([]byte(nutMagic))
	f.Add([]byte("nut/multimedia containers"))
	f.Fuzz(func(t *testing.T, data []byte) {
		n := nutReader{r: bufio.NewReaderSize(bytes.NewReader(data), 16)}
		for pictures := 0; ; pictures++ {
			_, size, err := n.next()
			if err != nil {
				return
			}
			if size < 0 || size > 2*maxPictureArea {
				t.Fatalf("a picture of %d bytes", size)
			}
			if pictures > len(data) {
				t.Fatalf("%d pictures of %d bytes", pictures, len(data))
			}
			if _, err := n.r.Discard(size); err != nil {
				return
			}
		}
	})
}
