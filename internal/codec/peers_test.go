package codec

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"os/exec"
	"strconv"
	"testing"

	"github.com/thesyncim/gopus/container/ogg"

	"github.com/tuttilive/tutti/internal/media"
)

// codeWithFFmpeg feeds signed 16-bit stereo of pcm to ffmpeg.
func codeWithFFmpeg(t *testing.T, pcm []float32, args ...string) []byte {
	t.Helper()
	needWorkers(t)
	raw := make([]byte, 0, 2*len(pcm))
	for _, v := range pcm {
		raw = binary.LittleEndian.AppendUint16(raw, uint16(int16(v*32767)))
	}
	cmd := exec.Command("ffmpeg", append([]string{
		"-loglevel", "error", "-f", "s16le", "-ar", "48000", "-ac", "2", "-i", "pipe:0",
	}, append(args, "pipe:1")...)...)
	cmd.Stdin = bytes.NewReader(raw)
	out, err := cmd.Output()
	if err != nil {
		t.Skipf("ffmpeg %v: %v", args, err)
	}
	return out
}

// adtsFrames takes AAC frames out of ADTS, with the PTS that a muxer gives them: ffmpeg's encoder primes with 1024 samples.
func adtsFrames(t *testing.T, b []byte, rate, channels int) (frames []*media.Frame) {
	t.Helper()
	f := &media.Format{Codec: media.AAC, SampleRate: rate, Channels: channels, Config: aacConfig{object: 2, rate: rate, channels: channels}.plain()}
	for k := int64(-1); len(b) > 7; k++ {
		n := int(binary.BigEndian.Uint32(b[2:])>>5) & 0x1fff
		pts := TimeOf(SampleRate) + TimeOf(k*1024*SampleRate/int64(rate))
		frames = append(frames, &media.Frame{Format: f, Payload: b[7:n], PTS: pts, DTS: pts})
		b = b[n:]
	}
	return frames
}

func checkClicks(t *testing.T, frames []*media.Frame, base int64) {
	t.Helper()
	pcm, first := decodeAll(t, frames)
	for _, at := range clickAt {
		if off := (findClick(pcm, first, base+at) - float64(base+at)) / 48; !(math.Abs(off) < 1) {
			t.Errorf("click moved by %.2f ms", off)
		}
	}
}

func TestAACOfFFmpegKeepsItsTime(t *testing.T) {
	for _, c := range []struct{ rate, channels int }{{48000, 2}, {44100, 2}, {44100, 1}, {32000, 2}, {24000, 1}, {22050, 2}} {
		t.Run(strconv.Itoa(c.rate)+"x"+strconv.Itoa(c.channels), func(t *testing.T) {
			b := codeWithFFmpeg(t, withClicks(SampleRate), "-ar", strconv.Itoa(c.rate), "-ac", strconv.Itoa(c.channels),
				"-c:a", "aac", "-b:a", "128k", "-f", "adts")
			checkClicks(t, adtsFrames(t, b, c.rate, c.channels), SampleRate)
		})
	}
}

func TestOpusOfLibopusKeepsItsTime(t *testing.T) {
	for _, args := range [][]string{
		{"-b:a", "96k"},
		{"-b:a", "24k", "-ac", "1", "-application", "voip"},
		{"-b:a", "64k", "-frame_duration", "60"},
		{"-b:a", "64k", "-frame_duration", "10"},
	} {
		b := codeWithFFmpeg(t, withClicks(SampleRate), append(append([]string{"-c:a", "libopus"}, args...), "-f", "ogg")...)
		r, err := ogg.NewReader(bytes.NewReader(b))
		if err != nil {
			t.Fatal(err)
		}
		if r.PreSkip() != opusDelay {
			t.Errorf("%v: pre-skip %d", args, r.PreSkip())
		}
		f := &media.Format{Codec: media.Opus}
		var frames []*media.Frame
		var a Aligner
		for at := int64(SampleRate); ; {
			packet, _, err := r.ReadPacket()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			frame := &media.Frame{Format: f, Payload: bytes.Clone(packet), PTS: TimeOf(at), DTS: TimeOf(at)}
			frames = append(frames, frame)
			pcm, _, _, err := a.Align(frame)
			if err != nil {
				t.Fatal(err)
			}
			at += int64(len(pcm) / Channels)
		}
		checkClicks(t, frames, SampleRate)
	}
}

// TestOurSoundIsUnderstood lets ffmpeg decode what we encode.
func TestOurSoundIsUnderstood(t *testing.T) {
	needWorkers(t)
	frames := encodeAll(t, media.AAC, withClicks(SampleRate), 0)
	var adts []byte
	for _, f := range frames {
		n := len(f.Payload) + 7
		adts = append(adts, 0xff, 0xf1, 1<<6|3<<2, 2<<6|byte(n>>11), byte(n>>3), byte(n<<5)|0x1f, 0xfc)
		adts = append(adts, f.Payload...)
	}
	cmd := exec.Command("ffmpeg", "-loglevel", "error", "-f", "aac", "-i", "pipe:0", "-f", "s16le", "-ar", "48000", "-ac", "2", "pipe:1")
	cmd.Stdin = bytes.NewReader(adts)
	raw, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	pcm := make([]float32, len(raw)/2)
	for i := range pcm {
		pcm[i] = float32(int16(binary.LittleEndian.Uint16(raw[2*i:]))) / 32768
	}
	first := SamplesAt(frames[0].PTS)
	for _, at := range clickAt {
		if off := (findClick(pcm, first, at) - float64(at)) / 48; !(math.Abs(off) < 1) {
			t.Errorf("click moved by %.2f ms", off)
		}
	}
}

func TestWhatCannotBeDecodedSaysWhy(t *testing.T) {
	for name, f := range map[string]*media.Format{
		"HE-AAC":                  {Codec: media.AAC, Config: []byte{0x2b, 0x92, 0x08, 0x00}},
		"five channels":           {Codec: media.AAC, Config: aacConfig{object: 2, rate: 48000, channels: 6}.plain()},
		"AAC-LTP":                 {Codec: media.AAC, Config: aacConfig{object: 4, rate: 48000, channels: 2}.plain()},
		"short":                   {Codec: media.AAC, Config: []byte{0x11}},
		"without a configuration": {Codec: media.AAC},
		"a picture":               {Codec: media.H264},
	} {
		if _, err := NewAudioDecoder(f); !errors.Is(err, ErrUnsupported) {
			t.Errorf("%s: %v", name, err)
		}
		if len(f.Config) > 0 && CanDecode(f, nil) == nil {
			t.Errorf("%s: CanDecode has nothing against it", name)
		}
	}
	if err := CanDecode(&media.Format{Codec: media.AAC, Config: []byte{0x12, 0x10, 0x56, 0xe5, 0x00}}, nil); err != nil {
		t.Errorf("AAC-LC with a sync extension: %v", err)
	}
}
