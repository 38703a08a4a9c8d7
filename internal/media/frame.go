package media

import "time"

// Format says how to decode the frames that carry it. It is immutable: a change of parameters is a new Format, so
// readers compare pointers.
type Format struct {
	Codec Codec

	// Width and Height are the picture's size in pixels after cropping, 0 when unknown.
	Width, Height int
	// VPS, SPS and PPS are the parameter sets of H.264 and H.265, without start codes or lengths.
	VPS, SPS, PPS []byte
	// Reordered tells that frames may be shown in another order than they are decoded (B-frames).
	Reordered bool

	// SampleRate in Hz and Channels describe sound.
	SampleRate, Channels int
	// Config is the codec's own configuration: the AudioSpecificConfig of AAC (ISO 14496-3), the sequence header OBU
	// of AV1, the vpcC box content of VP9. Empty where there is none.
	Config []byte
}

// Kind is the kind of media the format describes.
func (f *Format) Kind() Kind { return f.Codec.Kind() }

// Frame is one whole access unit: a picture, or one coded block of sound. A frame is immutable and shared.
//
// Payloads are as MP4 and FLV want them: H.264 and H.265 as NAL units with 4-byte big-endian lengths and without
// parameter sets (those are in the Format), AAC as a raw access unit without ADTS, VP8, VP9 and Opus as they are, AV1
// as a low-overhead OBU stream without temporal delimiters.
type Frame struct {
	Format  *Format
	Payload []byte
	// PTS is when the frame was captured and DTS when it must be decoded, in media time. DTS increases strictly within
	// a track and is never above PTS.
	PTS, DTS time.Duration
	// Duration is the length of a sound frame, 0 for pictures.
	Duration time.Duration
	// Keyframe tells that decoding can start here, be it that a few pictures are lost or that the picture builds up (open groups of pictures, intra
	// refresh). Every sound frame is one.
	Keyframe bool
	// Discontinuity tells that frames were lost, or that the source changed, before this one.
	Discontinuity bool
}

// Kind is the kind of media the frame carries.
func (f *Frame) Kind() Kind { return f.Format.Codec.Kind() }
