package srtp

import (
	"encoding/binary"
	"math"
)

// maxRTCPSources bounds how many senders of RTCP one Opener keeps a replay window for. Each layer is one, and each track that comes and
// goes brings others, so those that have been silent for longest make room: what somebody might repeat of them is about streams that
// are over.
const maxRTCPSources = 256

// Opener checks and decrypts what we receive.
type Opener struct {
	profile   Profile
	rtp, rtcp direction
	windows   map[uint32]*controlWindow
	opened    uint64 // control packets
	// master makes rtp when the first packet comes: of most peers, who only receive, none ever does.
	master []byte
	salt   []byte
}

// NewOpener derives session keys from a master key and salt, which it keeps.
func NewOpener(p Profile, key, salt []byte) (*Opener, error) {
	rtcp, err := newDirection(p, key, salt, labelRTCPKey, labelRTCPAuth, labelRTCPSalt)
	if err != nil {
		return nil, err
	}
	return &Opener{profile: p, rtcp: rtcp, master: key, salt: salt}, nil
}

func (o *Opener) Profile() Profile { return o.profile }

// OpenRTP appends the decrypted payload of a packet with a header of head bytes to dst, which must not overlap the
// packet. It tells whether the packet is authentic. index is the packet index that the caller has guessed.
func (o *Opener) OpenRTP(dst, packet []byte, head int, ssrc uint32, index uint64) ([]byte, bool) {
	size := len(packet) - head - o.profile.Overhead()
	if size < 0 || o.master != nil && !o.begin() {
		return dst, false
	}
	if g := o.rtp.gcm; g != nil {
		plain, err := g.aead.Open(dst, g.iv(ssrc, index), packet[head:], packet[:head])
		if err != nil {
			return dst, false
		}
		return plain, true
	}
	c := o.rtp.cm
	end := head + size
	if !c.equal(packet[end:], packet[:end], uint32(index>>16)) {
		return dst, false
	}
	start := len(dst)
	dst = append(dst, packet[head:end]...)
	c.crypt(dst[start:], dst[start:], ssrc, index)
	return dst, true
}

// begin makes what opens RTP.
func (o *Opener) begin() bool {
	rtp, err := newDirection(o.profile, o.master, o.salt, labelRTPKey, labelRTPAuth, labelRTPSalt)
	if err == nil {
		o.rtp, o.master, o.salt = rtp, nil, nil
	}
	return err == nil
}

// OpenRTCP appends the decrypted compound packet to dst, which must not overlap the packet. It tells whether the packet
// is authentic and new.
func (o *Opener) OpenRTCP(dst, packet []byte) ([]byte, bool) {
	trailer := indexSize
	if o.rtcp.cm != nil {
		trailer += sha1TagSize
	}
	if len(packet) < rtcpHeader+trailer {
		return dst, false
	}
	ssrc := binary.BigEndian.Uint32(packet[4:])
	word := binary.BigEndian.Uint32(packet[len(packet)-trailer:])
	index := uint64(word &^ encryptedBit)
	window := o.windows[ssrc]
	if word&encryptedBit == 0 || window != nil && !window.Fresh(index) {
		return dst, false
	}
	start := len(dst)
	body := packet[:len(packet)-trailer]
	if g := o.rtcp.gcm; g != nil {
		aad := append(o.rtcp.aad[:0], packet[:rtcpHeader]...)
		aad = binary.BigEndian.AppendUint32(aad, word)
		dst = append(dst, packet[:rtcpHeader]...)
		plain, err := g.aead.Open(dst, g.iv(ssrc, index), body[rtcpHeader:], aad)
		if err != nil {
			return dst[:start], false
		}
		dst = plain
	} else {
		c := o.rtcp.cm
		if !c.equal(packet[len(packet)-sha1TagSize:], body, word) {
			return dst, false
		}
		dst = append(dst, body...)
		c.crypt(dst[start+rtcpHeader:], dst[start+rtcpHeader:], ssrc, index)
	}
	if window == nil {
		window = o.keepWindow(ssrc)
	}
	window.Accept(index)
	o.opened++
	window.heard = o.opened
	return dst, true
}

// controlWindow is the replay window of a sender of RTCP, and which of all packets its last one was.
type controlWindow struct {
	Window
	heard uint64
}

// keepWindow makes a new sender's window.
func (o *Opener) keepWindow(ssrc uint32) *controlWindow {
	if o.windows == nil {
		o.windows = make(map[uint32]*controlWindow)
	}
	if len(o.windows) >= maxRTCPSources {
		silent, since := uint32(0), uint64(math.MaxUint64)
		for other, w := range o.windows {
			if w.heard < since {
				silent, since = other, w.heard
			}
		}
		delete(o.windows, silent)
	}
	w := new(controlWindow)
	o.windows[ssrc] = w
	return w
}
