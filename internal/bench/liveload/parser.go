package liveload

import (
	"encoding/binary"
	"errors"

	"github.com/tuttilive/tutti/internal/mux/flv"
)

var errNoFLV = errors.New("liveload: the answer is no FLV stream")

// tag is what the parser tells of a tag when its last byte has come.
type tag struct {
	kind      flv.TagType
	timestamp uint32
	size      int
	// front is the beginning of the body, up to frontSize bytes of it, valid until the parser goes on.
	front []byte
}

// config tells that the tag holds a sequence header rather than a frame.
func (t tag) config() bool {
	switch {
	case len(t.front) < 2:
		return true
	case t.kind == flv.VideoTag && t.front[0]&0x80 != 0, t.kind == flv.AudioTag && t.front[0]>>4 == 9:
		return t.front[0]&0xf == 0
	}
	return t.front[1] == 0
}

// frontSize is how much of a body the parser keeps: enough for onMetaData and for the stamp in a picture.
const frontSize = 512

// parser follows a stream through reads of any size.
type parser struct {
	state state
	head  [fileHeaderSize]byte // what has come of the file header or a tag's header
	have  int
	skip  int // bytes of the body and what follows it that are still to come
	tag   tag
	front [frontSize]byte
}

type state uint8

const (
	inFileHeader state = iota
	inTagHeader
	inBody
)

const (
	fileHeaderSize = 13
	tagHeaderSize  = 11
	trailerSize    = 4
)

// feed takes the next bytes and calls found for each tag that they complete.
func (p *parser) feed(b []byte, found func(tag)) error {
	for len(b) > 0 {
		switch p.state {
		case inFileHeader:
			if b = p.fill(b, fileHeaderSize); p.have < fileHeaderSize {
				return nil
			}
			if string(p.head[:3]) != "FLV" {
				return errNoFLV
			}
			p.state, p.have = inTagHeader, 0
		case inTagHeader:
			if b = p.fill(b, tagHeaderSize); p.have < tagHeaderSize {
				return nil
			}
			h := p.head[:]
			size := int(binary.BigEndian.Uint32(h) & 0xffffff)
			p.tag = tag{kind: flv.TagType(h[0]), size: size, timestamp: uint32(h[7])<<24 | uint32(h[4])<<16 | uint32(h[5])<<8 | uint32(h[6])}
			if p.tag.kind != flv.AudioTag && p.tag.kind != flv.VideoTag && p.tag.kind != flv.ScriptTag {
				return errNoFLV
			}
			p.state, p.skip, p.have = inBody, size+trailerSize, 0
		case inBody:
			n := min(p.skip, len(b))
			if wanted := min(p.tag.size, frontSize); p.have < wanted {
				p.have += copy(p.front[p.have:wanted], b[:n])
			}
			b, p.skip = b[n:], p.skip-n
			if p.skip > 0 {
				return nil
			}
			p.tag.front = p.front[:p.have]
			found(p.tag)
			p.state, p.have = inTagHeader, 0
		}
	}
	return nil
}

func (p *parser) fill(b []byte, size int) (rest []byte) {
	n := copy(p.head[p.have:size], b)
	p.have += n
	return b[n:]
}
