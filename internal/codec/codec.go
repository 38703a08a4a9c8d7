// Package codec converts coded media: sound in process and in pure Go, pictures in supervised ffmpeg processes. It knows
// frames, and nothing of tracks or rooms.
package codec

import (
	"errors"

	"github.com/tuttilive/tutti/internal/media"
)

// Sound inside Tutti is 48 kHz stereo, interleaved float32 in [-1, 1].
const (
	SampleRate = 48000
	Channels   = 2
)

// ErrNoWorkers tells that there is no ffmpeg, so no picture can be converted.
var ErrNoWorkers = errors.New("codec: ffmpeg is not installed: pictures cannot be converted")

// AudioDecoder turns coded sound into PCM. It belongs to one goroutine.
type AudioDecoder interface {
	// Decode appends the frame's samples to pcm, resampled to SampleRate and Channels.
	Decode(pcm []float32, payload []byte) ([]float32, error)
	// Conceal appends n samples per channel in place of lost ones.
	Conceal(pcm []float32, n int) []float32
}

// AudioEncoder turns PCM into coded sound. It belongs to one goroutine.
type AudioEncoder interface {
	// FrameSize is how many samples per channel Encode takes: 960 for Opus (20 ms), 1024 for AAC.
	FrameSize() int
	// Delay is the encoder's look-ahead in samples per channel: output n starts Delay samples before input n.
	Delay() int
	Encode(pcm []float32) ([]byte, error)
	Format() *media.Format
}

func NewAudioDecoder(f *media.Format) (AudioDecoder, error) { return nil, errors.ErrUnsupported }

// NewAudioEncoder makes an encoder; bitrate in bit/s, 0 for the codec's default.
func NewAudioEncoder(c media.Codec, bitrate int) (AudioEncoder, error) {
	return nil, errors.ErrUnsupported
}

// AudioConverter turns frames of one sound codec into frames of another on the same clock: decoder delay and encoder
// priming are subtracted, gaps are concealed up to 100 ms and silence beyond. It belongs to one goroutine.
type AudioConverter struct{}

func NewAudioConverter(to media.Codec) (*AudioConverter, error) { return nil, errors.ErrUnsupported }

// Convert gives the frames that are complete now; the input's Format may change at any time.
func (c *AudioConverter) Convert(f *media.Frame) ([]*media.Frame, error) {
	return nil, errors.ErrUnsupported
}

// Workers starts ffmpeg processes. It is safe for use by several goroutines.
type Workers struct{}

// FindWorkers looks for ffmpeg at path, or in PATH when empty. Without one the result still works, and says so.
func FindWorkers(path string) *Workers { return &Workers{} }

// Available is nil, or says why no picture can be converted.
func (w *Workers) Available() error { return ErrNoWorkers }

// VideoConverter re-encodes one stream to H.264 constrained baseline without B-frames at the same size, in a process
// that is restarted when it dies.
type VideoConverter struct{}

// Convert starts a converter. out is called from one goroutine, with frames whose PTS are those of the input; keyframe
// is called when the converter needs one to go on (after a start or a restart).
func (w *Workers) Convert(out func(*media.Frame), keyframe func()) (*VideoConverter, error) {
	return nil, ErrNoWorkers
}

// Write hands in a frame; it never blocks: a converter that cannot keep up drops up to the next keyframe.
func (v *VideoConverter) Write(f *media.Frame) {}

// RequestKeyframe makes the next output frame a keyframe where that is possible within a second.
func (v *VideoConverter) RequestKeyframe() {}

// Close ends the process and waits for it.
func (v *VideoConverter) Close() {}
