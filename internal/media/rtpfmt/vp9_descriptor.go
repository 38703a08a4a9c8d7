package rtpfmt

// vp9Descriptor is what a forwarder and a depacketizer need of a VP9 payload descriptor (RFC 9628, section 4.2).
type vp9Descriptor struct {
	size              int
	begins, ends      bool // of a frame, that is, of one spatial layer of a picture
	predicted         bool // from earlier pictures
	temporal, spatial uint8
}

func parseVP9Descriptor(b []byte) (d vp9Descriptor, ok bool) {
	if len(b) == 0 {
		return d, false
	}
	flags := b[0]
	d.predicted, d.begins, d.ends = flags&0x40 != 0, flags&0x08 != 0, flags&0x04 != 0
	flexible := flags&0x10 != 0
	at := 1
	if flags&0x80 != 0 { // I: picture id of 7 or 15 bits
		if len(b) <= at {
			return d, false
		}
		if b[at]&0x80 != 0 {
			at++
		}
		at++
	}
	if flags&0x20 != 0 { // L: layer indices
		if len(b) <= at {
			return d, false
		}
		d.temporal, d.spatial = b[at]>>5, b[at]>>1&7
		at++
		if !flexible {
			at++ // TL0PICIDX
		}
	}
	if flexible && d.predicted { // up to three reference indices, the low bit tells of another
		for n := 1; ; n++ {
			if len(b) <= at || n > 3 {
				return d, false
			}
			at++
			if b[at-1]&1 == 0 {
				break
			}
		}
	}
	if flags&0x02 != 0 { // V: scalability structure
		if at, ok = skipVP9Structure(b, at); !ok {
			return d, false
		}
	}
	d.size = at
	return d, len(b) > at
}

func skipVP9Structure(b []byte, at int) (int, bool) {
	if len(b) <= at {
		return 0, false
	}
	v := b[at]
	at++
	if v&0x10 != 0 { // Y: a size for each spatial layer
		at += 4 * (int(v>>5) + 1)
	}
	if v&0x08 != 0 { // G: a picture group
		if len(b) <= at {
			return 0, false
		}
		pictures := int(b[at])
		at++
		for range pictures {
			if len(b) <= at {
				return 0, false
			}
			at += 1 + int(b[at]>>2&3)
		}
	}
	return at, true
}
