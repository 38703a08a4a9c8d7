// Package codec converts coded media: sound in process and in pure Go, pictures in supervised ffmpeg processes. It knows
// frames, and nothing of tracks or rooms.
//
// # Time of sound
//
// A frame's PTS follows what its codec's senders do. An Opus frame's PTS is when the first sample that went into the
// encoder was captured, as in RTP (RFC 7587, section 4.1): what a decoder gives lies Delay samples earlier. An AAC
// frame's PTS is when the samples that a decoder gives for it were captured, as in MP4 and FLV, so an encoder's priming
// lies before the first sample of the source. Everything here adds and subtracts these delays, so that a sound keeps its
// capture time through any chain of conversions.
package codec

import (
	"errors"
	"time"

	"github.com/tuttilive/tutti/internal/media"
)

// Sound inside Tutti is 48 kHz stereo, interleaved float32 in [-1, 1].
const (
	SampleRate = 48000
	Channels   = 2
)

// ErrNoWorkers tells that there is no ffmpeg, so no picture can be converted.
var ErrNoWorkers = errors.New("codec: ffmpeg is not installed: pictures cannot be converted")

// ErrUnsupported tells that a stream is well-formed and of a kind that is not converted, for instance AAC of a rare kind.
var ErrUnsupported = errors.New("codec: unsupported stream")

// AudioDecoder turns coded sound into PCM. It belongs to one goroutine.
type AudioDecoder interface {
	// Decode appends the frame's samples to pcm, resampled to SampleRate and Channels. After an error nothing was
	// appended, and the decoder goes on with the next frame.
	Decode(pcm []float32, payload []byte) ([]float32, error)
	// Conceal appends n samples per channel in place of lost ones.
	Conceal(pcm []float32, n int) []float32
	// Delay is by how many samples per channel the output lies before the frame's PTS.
	Delay() int
}

// AudioEncoder turns PCM, two channels at the rate of its format, into coded sound. It belongs to one goroutine.
type AudioEncoder interface {
	// FrameSize is how many samples per channel Encode takes: 960 for Opus (20 ms), 1024 for AAC.
	FrameSize() int
	// Delay is by how many samples per channel a frame's PTS lies before the first sample of the Encode that gave it.
	Delay() int
	// Encode takes FrameSize samples per channel. It gives nil, without an error, while the encoder fills its
	// look-ahead. The payload is the caller's.
	Encode(pcm []float32) ([]byte, error)
	Format() *media.Format
}

// NewAudioDecoder makes a decoder for a format. It fails with ErrUnsupported for what cannot be decoded in process.
func NewAudioDecoder(f *media.Format) (AudioDecoder, error) {
	switch f.Codec {
	case media.Opus:
		return newOpusDecoder()
	case media.AAC:
		return newAACDecoder(f)
	}
	return nil, unsupported("%s is no sound codec", f.Codec)
}

// decoderFor makes a decoder in this process, or in one of the workers where those know better.
func decoderFor(f *media.Format, w *Workers) (AudioDecoder, error) {
	if needsWorker(f) && w.Available() == nil {
		return newSoundWorker(w, f)
	}
	return NewAudioDecoder(f)
}

// NewAudioEncoder makes an encoder; bitrate in bit/s, 0 for the codec's default.
func NewAudioEncoder(to Form, bitrate int) (AudioEncoder, error) {
	switch {
	case to == PlainForm(media.Opus):
		return newOpusEncoder(bitrate)
	case to.Codec == media.AAC:
		return newAACEncoder(to, bitrate)
	}
	return nil, unsupported("sound is not encoded as %v", to)
}

// SamplesAt converts a media time to a number of samples at SampleRate, rounded. It does not overflow.
func SamplesAt(t time.Duration) int64 {
	s := t / time.Second
	rest := int64(t-s*time.Second) * SampleRate
	half := int64(time.Second) / 2
	if rest < 0 {
		half = -half
	}
	return int64(s)*SampleRate + (rest+half)/int64(time.Second)
}

// TimeOf converts a number of samples at SampleRate to media time.
func TimeOf(samples int64) time.Duration { return timeAt(samples, SampleRate) }

// timeAt converts a number of samples at a rate.
func timeAt(samples int64, rate int) time.Duration {
	s := samples / int64(rate)
	return time.Duration(s)*time.Second + time.Duration(samples-s*int64(rate))*time.Second/time.Duration(rate)
}
