package codec

import (
	"errors"
	"math"
	"strconv"
	"testing"
	"time"

	"github.com/tuttilive/tutti/internal/media"
)

// alignAll is decodeAll with workers, which may take some time to start.
func alignAll(t *testing.T, w *Workers, frames []*media.Frame) (pcm []float32, at int64) {
	t.Helper()
	a := Aligner{Workers: w}
	defer a.Close()
	for i, f := range frames {
		got, p, fresh, err := a.Align(f)
		if err != nil {
			t.Fatalf("frame %d: %v", i, err)
		}
		if i == 0 {
			at = p
		} else if fresh {
			t.Errorf("frame %d does not follow", i)
		}
		pcm = append(pcm, got...)
		if worker, ok := a.dec.(*soundWorker); !ok {
			t.Fatalf("it is decoded by %T", a.dec)
		} else if worker.Delay() > SampleRate/4 {
			select {
			case <-worker.came:
			case <-time.After(time.Minute):
				t.Fatalf("nothing comes out after %d frames", i+1)
			}
		}
	}
	return pcm, at
}

// TestWorkersDecodeWhatThisProcessDoesNot has five channels and HE-AAC decoded at the right time and strength. What stands for HE-AAC has no
// data for its upper half, which decoders then leave empty.
func TestWorkersDecodeWhatThisProcessDoesNot(t *testing.T) {
	w := needWorkers(t)
	defer w.Close()
	for name, c := range map[string]struct {
		rate, channels int
		config         []byte
		slack          float64 // in ms: a decoder of HE-AAC has a delay that its encoders make up for
	}{
		"5.1":                             {48000, 6, aacConfig{object: 2, rate: 48000, channels: 6}.plain(), 1.5},
		"5.1 at 44.1 kHz":                 {44100, 6, aacConfig{object: 2, rate: 44100, channels: 6}.plain(), 1.5},
		"HE-AAC":                          {24000, 2, []byte{0x2b, 0x11, 0x88, 0x00}, 45},
		"HE-AAC that calls itself AAC-LC": {24000, 2, []byte{0x13, 0x10, 0x56, 0xe5, 0x98}, 45},
	} {
		t.Run(name, func(t *testing.T) {
			pcm := withClicks(4 * SampleRate)
			pcm = append(pcm[:3*SampleRate*Channels], sine(nil, 1000, 0.5, 0, SampleRate)...)
			args := []string{"-ar", "48000"}
			if c.channels == 6 {
				args = []string{"-af", "pan=5.1|FL=c0|FR=c1"}
			}
			b := codeWithFFmpeg(t, pcm, append(args, "-ar", strconv.Itoa(c.rate), "-c:a", "aac", "-b:a", "256k", "-f", "adts")...)
			frames := adtsFrames(t, b, c.rate, c.channels)
			format := &media.Format{Codec: media.AAC, SampleRate: c.rate, Channels: c.channels, Config: c.config}
			for _, f := range frames {
				f.Format = format
			}
			if err := CanDecode(format, w); err != nil {
				t.Fatal(err)
			}
			got, first := alignAll(t, w, frames)
			for _, at := range clickAt {
				if off := (findClick(got, first, SampleRate+at) - float64(SampleRate+at)) / 48; !(math.Abs(off) < c.slack) {
					t.Errorf("click moved by %.2f ms", off)
				}
			}
			tone := got[int(SampleRate+3*SampleRate+SampleRate/4-first)*Channels:]
			if l := level(tone[:SampleRate/4*Channels], 1000); l < 0.15 || l > 0.55 {
				t.Errorf("a tone of 0.5 comes out as %.3f", l)
			}
		})
	}
	if n := w.Running(); n != 0 {
		t.Errorf("%d processes are left", n)
	}
}

// TestASoundWorkerThatDiesIsReplaced kills one in the middle.
func TestASoundWorkerThatDiesIsReplaced(t *testing.T) {
	w := needWorkers(t)
	defer w.Close()
	b := codeWithFFmpeg(t, withClicks(2*SampleRate), "-af", "pan=5.1|FL=c0|FR=c1", "-c:a", "aac", "-f", "adts")
	frames := adtsFrames(t, b, 48000, 6)
	s, err := newSoundWorker(w, frames[0].Format)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	until := func(what string, done func([]float32, error) bool) {
		t.Helper()
		for deadline := time.Now().Add(time.Minute); ; {
			if done(s.Decode(nil, frames[10].Payload)) {
				return
			}
			if time.Now().After(deadline) {
				t.Fatal(what)
			}
		}
	}
	sound := func(pcm []float32, err error) bool { return err == nil && len(pcm) > 0 }
	until("no sound", sound)
	first := s.p
	first.cmd.Process.Kill()
	until("nobody notices", func(_ []float32, err error) bool { return err != nil })
	until("no sound after that", sound)
	if s.p == first {
		t.Error("it is the same process")
	}
}

// TestWithoutRoomForAWorkerHEAACIsSilentAndSaysSo has a server on which as many processes run as may, and then one process less.
func TestWithoutRoomForAWorkerHEAACIsSilentAndSaysSo(t *testing.T) {
	w := needWorkers(t)
	defer w.Close()
	b := codeWithFFmpeg(t, sine(nil, 1000, 0.5, 0, 2*SampleRate), "-ar", "24000", "-c:a", "aac", "-b:a", "128k", "-f", "adts")
	frames := adtsFrames(t, b, 24000, 2)
	w.SetLimit(1)
	if err := w.takeRoom(); err != nil {
		t.Fatal(err)
	}
	for name, config := range map[string][]byte{"that calls itself AAC-LC": {0x13, 0x10, 0x56, 0xe5, 0x98}, "that says what it is": {0x2b, 0x11, 0x88, 0x00}} {
		format := &media.Format{Codec: media.AAC, SampleRate: 24000, Channels: 2, Config: config}
		converter, err := NewAudioConverter(media.Opus, w)
		if err != nil {
			t.Fatal(err)
		}
		a := Aligner{Workers: w}
		var pcm []float32
		for i, f := range frames {
			f.Format = format
			got, _, _, _ := a.Align(f)
			pcm = append(pcm, got...)
			_, err := converter.Convert(f)
			if trouble := a.Trouble(); errors.Is(trouble, errSoundWorker) || errors.Is(trouble, ErrNoRoom) {
				if i < troubleAfter-1 || err == nil {
					t.Errorf("%s: frame %d: %v, and converting: %v", name, i, trouble, err)
				}
			} else if i >= troubleAfter || err != nil {
				t.Errorf("%s: frame %d: trouble %v, converting: %v", name, i, trouble, err)
			}
		}
		if l := level(pcm[SampleRate*Channels:len(pcm)/4*3], 1000); l > 0.01 {
			t.Errorf("%s: a tone of 0.5 comes out as %.3f", name, l)
		}
		converter.Close()
		a.Close()
	}
	w.giveRoom()
	s, err := newSoundWorker(w, &media.Format{Codec: media.AAC, SampleRate: 24000, Channels: 2, Config: []byte{0x13, 0x10, 0x56, 0xe5, 0x98}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := s.Decode(nil, frames[1].Payload); err != nil || s.p == nil {
		t.Errorf("with room: %v, %v", err, s.p)
	}
}
