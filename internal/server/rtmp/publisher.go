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

// metadata names the participant after its encoder.
func (p *publisher) metadata(m flv.Metadata) {
	if p.named || m.Encoder == "" {
		return
	}
	p.named = true
	p.Rename(encoderName(m.Encoder))
}

// write takes a sound or picture message.
func (p *publisher) write(kind media.Kind, timestamp uint32, body []byte) error {
	now := media.Now()
	var f *media.Frame
	var err error
	if kind == media.Video {
		f, err = p.demuxer.Video(timestamp, body, now)
	} else {
		f, err = p.demuxer.Audio(timestamp, body, now)
	}
	if err != nil || f == nil {
		return err
	}
	return p.Write(f, now)
}

// isMalformed tells whether an error is about what came from the network.
func isMalformed(err error) bool {
	return errors.Is(err, flv.ErrMalformed) || errors.Is(err, bitstream.ErrMalformed)
}
