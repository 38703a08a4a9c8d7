package rtmp

import (
	"errors"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/media/bitstream"
	"github.com/tuttilive/tutti/internal/mux/flv"
	"github.com/tuttilive/tutti/internal/studio/ingest"
)

// publisher turns an encoder's messages into frames for its tracks. It belongs to its session's goroutine.
type publisher struct {
	*ingest.Publisher
	named   bool // the token gave a name
	demuxer flv.Demuxer
}

// metadata names the participant after its encoder, and takes what concerns the picture.
func (p *publisher) metadata(m flv.Metadata) {
	if m.Rotation != 0 {
		p.Rotated(m.Rotation)
	}
	if p.named || m.Encoder == "" {
		return
	}
	p.named = true
	p.Rename(encoderName(m.Encoder))
}

// write takes a sound or picture message, and tells whether it was a frame.
func (p *publisher) write(kind media.Kind, timestamp uint32, body []byte) (given bool, err error) {
	now := media.Now()
	var f *media.Frame
	if kind == media.Video {
		f, err = p.demuxer.Video(timestamp, body, now)
	} else {
		f, err = p.demuxer.Audio(timestamp, body, now)
	}
	if err != nil || f == nil {
		return false, err
	}
	return true, p.Write(f)
}

// isMalformed tells whether an error is about what came from the network.
func isMalformed(err error) bool {
	return errors.Is(err, flv.ErrMalformed) || errors.Is(err, bitstream.ErrMalformed)
}
