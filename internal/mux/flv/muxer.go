package flv

import (
	"fmt"
	"time"

	"github.com/tuttilive/tutti/internal/media"
)

// Muxer turns frames into tags, once for all viewers of a format. It belongs to one goroutine; the bytes that it appends
// are the caller's.
type Muxer struct {
	start  time.Duration
	header *Header
}

// Tracks tells which tracks a stream is said to have, and how. Players decide by it what to wait for.
type Tracks struct {
	Video, Audio bool
	// OldHEVC has H.265 under the number 12, as before enhanced RTMP.
	OldHEVC bool
}

// NewMuxer makes a muxer whose timestamps count from start. Tracks whose frames have not come yet are announced when
// they are expected; a track that comes unexpectedly is announced from then on.
func NewMuxer(start time.Duration, expected Tracks) *Muxer {
	return &Muxer{start: start, header: &Header{Tracks: expected}}
}

// Know tells the formats that the first frames will have, so that the first header has them already; nil is unknown.
func (m *Muxer) Know(video, audio *media.Format) error {
	h, err := newHeader(video, audio, m.header.Tracks, m.start)
	if err == nil {
		m.header = h
	}
	return err
}

// Header is what a player needs before the next frame. It changes, as a new pointer, when a format does.
func (m *Muxer) Header() *Header { return m.header }

// Timestamp is the time of a tag in milliseconds since the start; it wraps after 49 days. What lies before the start
// is moved there.
func (m *Muxer) Timestamp(t time.Duration) uint32 { return uint32(milliseconds(t - m.start)) }

func milliseconds(d time.Duration) int64 { return int64(max(d, 0) / time.Millisecond) }

// Append appends a frame's tag, with a sequence header before it when its format is new.
func (m *Muxer) Append(dst []byte, f *media.Frame) ([]byte, error) {
	timestamp := m.Timestamp(f.DTS)
	video, audio := m.header.Video, m.header.Audio
	current := &audio
	if f.Kind() == media.Video {
		current = &video
	}
	if *current != f.Format {
		*current = f.Format
		h, err := newHeader(video, audio, m.header.Tracks, m.start)
		if err != nil {
			return dst, err
		}
		m.header = h
		dst = h.appendSequence(dst, f.Kind(), timestamp)
	}
	offset := milliseconds(f.PTS-m.start) - milliseconds(f.DTS-m.start)
	start := len(dst)
	if f.Kind() == media.Video {
		dst = beginTag(dst, VideoTag, timestamp)
		dst = appendVideoHeader(dst, f, offset, m.header.Tracks.OldHEVC)
		dst = appendParameterSets(dst, f)
	} else {
		dst = beginTag(dst, AudioTag, timestamp)
		dst = appendAudioHeader(dst, f.Format)
	}
	dst = append(dst, f.Payload...)
	if size := len(dst) - start - tagHeaderSize; size > maxBody {
		return dst[:start], fmt.Errorf("flv: frame of %d bytes does not fit into a tag", size)
	}
	return endTag(dst, start), nil
}

// Header is what a player must have before frames: which tracks there are and how to decode them. It is immutable.
type Header struct {
	Tracks Tracks
	// Video and Audio are the formats, nil while they are not known.
	Video, Audio *media.Format

	metadata, video, audio []byte // bodies of tags
}

func newHeader(video, audio *media.Format, tracks Tracks, start time.Duration) (*Header, error) {
	h := &Header{Video: video, Audio: audio, Tracks: tracks}
	var err error
	if video != nil {
		h.Tracks.Video = true
		if h.video, err = videoSequenceHeader(video, tracks.OldHEVC); err != nil {
			return nil, err
		}
	}
	if audio != nil {
		h.Tracks.Audio = true
		if h.audio, err = audioSequenceHeader(audio); err != nil {
			return nil, err
		}
	}
	if h.metadata, err = metadata(video, audio, tracks.OldHEVC, media.WallClock(start)); err != nil {
		return nil, err
	}
	return h, nil
}

// AppendStart appends the beginning of a stream: file header, onMetaData and sequence headers, for a reader whose first
// frame has the timestamp.
func (h *Header) AppendStart(dst []byte, timestamp uint32) []byte {
	flags := byte(0)
	if h.Tracks.Video {
		flags |= 1
	}
	if h.Tracks.Audio {
		flags |= 4
	}
	dst = append(dst, 'F', 'L', 'V', 1, flags, 0, 0, 0, fileHeaderSize, 0, 0, 0, 0)
	if h.metadata != nil {
		dst = appendTag(dst, ScriptTag, 0, h.metadata) // players take a later one for text to show
	}
	return h.AppendSequence(dst, timestamp)
}

// AppendSequence appends the sequence headers alone, for a reader that has lost frames in between.
func (h *Header) AppendSequence(dst []byte, timestamp uint32) []byte {
	dst = h.appendSequence(dst, media.Video, timestamp)
	return h.appendSequence(dst, media.Audio, timestamp)
}

func (h *Header) appendSequence(dst []byte, kind media.Kind, timestamp uint32) []byte {
	switch {
	case kind == media.Video && h.video != nil:
		return appendTag(dst, VideoTag, timestamp, h.video)
	case kind == media.Audio && h.audio != nil:
		return appendTag(dst, AudioTag, timestamp, h.audio)
	}
	return dst
}

func appendTag(dst []byte, t TagType, timestamp uint32, body []byte) []byte {
	start := len(dst)
	return endTag(append(beginTag(dst, t, timestamp), body...), start)
}
