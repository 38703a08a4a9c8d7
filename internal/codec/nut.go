package codec

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
)

// Raw pictures come out of a worker as NUT (ffmpeg's own container): the one format that gives each raw picture a time and keeps none
// back until the next has come. We read what ffmpeg's muxer writes for one stream of pictures.

const (
	nutMagic    = "nut/multimedia container\x00"
	nutMain     = 0x4E4D7A561F5F04AD
	nutStream   = 0x4E5311405BF2F9DB
	nutSync     = 0x4E4BE4ADEECA4569
	nutMaxHead  = 64 << 10
	nutCodedPTS = 1 << 3
	nutStreamID = 1 << 4
	nutSizeMSB  = 1 << 5
	nutChecksum = 1 << 6
	nutReserved = 1 << 7
	nutElided   = 1 << 10
	nutMatch    = 1 << 11
	nutCoded    = 1 << 12
	nutInvalid  = 1 << 13
)

// nutCode is what a frame's first byte stands for.
type nutCode struct {
	flags    uint64
	mul, lsb uint64
	delta    int64
	reserved uint64
}

// nutReader reads raw pictures.
type nutReader struct {
	r       *bufio.Reader
	started bool
	codes   [256]nutCode
	bases   uint64 // how many time bases there are
	num     int64  // the first of them, in seconds: num / den
	den     int64
	shift   uint64
	last    int64 // time of the picture before, in time bases
}

// next gives the time in milliseconds and the size in bytes of the next picture, whose bytes the caller then reads from r.
func (n *nutReader) next() (at int64, size int, err error) {
	if !n.started {
		var magic [len(nutMagic)]byte
		if _, err := io.ReadFull(n.r, magic[:]); err != nil {
			return 0, 0, err
		}
		if string(magic[:]) != nutMagic {
			return 0, 0, fmt.Errorf("codec: worker's output is no NUT")
		}
		n.started = true
	}
	for {
		first, err := n.r.ReadByte()
		if err != nil {
			return 0, 0, err
		}
		if first != 'N' {
			return n.frame(first)
		}
		if err := n.packet(); err != nil {
			return 0, 0, err
		}
	}
}

// packet reads a header, of which the first byte has been read.
func (n *nutReader) packet() error {
	var rest [7]byte
	if _, err := io.ReadFull(n.r, rest[:]); err != nil {
		return err
	}
	code := binary.BigEndian.Uint64(append([]byte{'N'}, rest[:]...))
	size, err := n.number()
	if err != nil {
		return err
	}
	if size > nutMaxHead {
		return fmt.Errorf("codec: worker's output has a header of %d bytes", size)
	}
	if size > 4096 { // then the header's head has a checksum of its own
		if _, err := n.r.Discard(4); err != nil {
			return err
		}
	}
	body := make([]byte, size)
	if _, err := io.ReadFull(n.r, body); err != nil {
		return err
	}
	b := nutBytes{b: body}
	switch code {
	case nutMain:
		n.main(&b)
	case nutStream:
		n.stream(&b)
	case nutSync:
		if n.bases > 0 {
			n.last = int64(b.v() / n.bases)
		}
	}
	if b.short {
		return fmt.Errorf("codec: worker's output has a short header")
	}
	return nil
}

func (n *nutReader) main(b *nutBytes) {
	if b.v() > 3 {
		b.v() // minor version
	}
	b.v() // streams
	b.v() // greatest distance
	n.bases = b.v()
	for i := range min(n.bases, 16) {
		num, den := b.v(), b.v()
		if i == 0 {
			n.num, n.den = int64(min(num, 1<<20)), int64(max(min(den, 1<<31), 1))
		}
	}
	c := nutCode{mul: 1}
	for i := 0; i < 256 && !b.short; {
		c.flags = b.v()
		fields := b.v()
		var size, count uint64
		c.reserved = 0
		if fields > 0 {
			c.delta = b.s()
		}
		if fields > 1 {
			c.mul = b.v()
		}
		if fields > 2 {
			b.v() // stream
		}
		if fields > 3 {
			size = b.v()
		}
		if fields > 4 {
			c.reserved = b.v()
		}
		if fields > 5 {
			count = b.v()
		} else {
			count = c.mul - size
		}
		if fields > 6 {
			b.s() // match time
		}
		for range min(fields, 64) - min(fields, 7) {
			b.v()
		}
		for j := uint64(0); j < count && i < 256; i++ {
			if i == 'N' {
				n.codes[i] = nutCode{flags: nutInvalid}
				continue
			}
			n.codes[i] = c
			n.codes[i].lsb = size + j
			j++
		}
		if count == 0 {
			b.short = true // would never end
		}
	}
}

func (n *nutReader) stream(b *nutBytes) {
	b.v() // stream
	b.v() // class
	b.skip(b.v())
	b.v() // time base
	n.shift = min(b.v(), 16)
}

// frame reads the head of a frame.
func (n *nutReader) frame(first byte) (at int64, size int, err error) {
	c := n.codes[first]
	v := func() uint64 {
		var x uint64
		if err == nil {
			x, err = n.number()
		}
		return x
	}
	flags := c.flags
	if flags&nutCoded != 0 {
		flags ^= v()
	}
	if flags&(nutInvalid|nutElided|1<<8) != 0 {
		return 0, 0, fmt.Errorf("codec: worker's output has a frame of an unknown kind")
	}
	if flags&nutStreamID != 0 {
		v()
	}
	at = n.last + c.delta
	if flags&nutCodedPTS != 0 {
		coded := int64(v())
		if mask := int64(1)<<n.shift - 1; coded <= mask {
			low := n.last - mask/2
			at = (coded-low)&mask + low
		} else {
			at = coded - mask - 1
		}
	}
	length := c.lsb
	if flags&nutSizeMSB != 0 {
		length += c.mul * v()
	}
	if flags&nutMatch != 0 {
		v()
	}
	reserved := c.reserved
	if flags&nutReserved != 0 {
		reserved = v()
	}
	for range min(reserved, 64) {
		v()
	}
	if flags&nutChecksum != 0 && err == nil {
		_, err = n.r.Discard(4)
	}
	if length > maxPictureArea*2 {
		return 0, 0, fmt.Errorf("codec: worker's output has a picture of %d bytes", length)
	}
	if n.den == 0 {
		return 0, 0, fmt.Errorf("codec: worker's output has a picture before its headers")
	}
	n.last = at
	return (at*n.num*1000 + n.den/2) / n.den, int(length), err
}

// number reads a number: seven bits a byte, the highest first, the top bit set in all but the last.
func (n *nutReader) number() (v uint64, err error) {
	for range 10 {
		b, err := n.r.ReadByte()
		if err != nil {
			return 0, err
		}
		v = v<<7 | uint64(b&0x7f)
		if b&0x80 == 0 {
			return v, nil
		}
	}
	return 0, fmt.Errorf("codec: worker's output has a number without end")
}

// nutBytes reads the numbers in a header.
type nutBytes struct {
	b     []byte
	short bool
}

func (n *nutBytes) v() (v uint64) {
	for {
		if len(n.b) == 0 {
			n.short = true
			return 0
		}
		b := n.b[0]
		n.b = n.b[1:]
		v = v<<7 | uint64(b&0x7f)
		if b&0x80 == 0 {
			return v
		}
	}
}

// s reads a number with a sign.
func (n *nutBytes) s() int64 {
	v := int64(n.v() + 1)
	if v&1 != 0 {
		return -(v >> 1)
	}
	return v >> 1
}

func (n *nutBytes) skip(size uint64) {
	if size > uint64(len(n.b)) {
		n.short = true
		return
	}
	n.b = n.b[size:]
}
