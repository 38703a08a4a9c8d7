package srtp

import (
	"encoding/binary"
	"fmt"
)

// Sealer protects what we send.
type Sealer struct {
	profile   Profile
	rtp, rtcp direction
	rtcpIndex uint32
}

// Warm reads a little of what SealRTP needs, so that it is in the caches then. What it gives means nothing.
func (s *Sealer) Warm() int {
	if s.rtp.gcm == nil {
		return 0
	}
	return int(s.rtp.gcm.salt[0]) + s.rtp.gcm.aead.NonceSize()
}

// direction holds the cipher of one profile for either RTP or RTCP; exactly one of the two is set.
type direction struct {
	gcm *gcm
	cm  *counterMode
	aad [rtcpHeader + indexSize]byte
}

func newDirection(p Profile, key, salt []byte, keyLabel, authLabel, saltLabel byte) (d direction, err error) {
	sessionKey, err := derive(keyLabel, key, salt, keySize)
	if err != nil {
		return d, err
	}
	sessionSalt, err := derive(saltLabel, key, salt, p.saltSize())
	if err != nil {
		return d, err
	}
	switch p {
	case AEADAES128GCM:
		d.gcm, err = newGCM(sessionKey, sessionSalt)
	case AES128CMHMACSHA180:
		var auth []byte
		if auth, err = derive(authLabel, key, salt, 20); err != nil {
			return d, err
		}
		d.cm, err = newCounterMode(sessionKey, sessionSalt, auth)
	default:
		err = fmt.Errorf("%w: %v", ErrProfile, p)
	}
	return d, err
}

// NewSealer derives session keys from a master key and salt.
func NewSealer(p Profile, key, salt []byte) (*Sealer, error) {
	rtp, err := newDirection(p, key, salt, labelRTPKey, labelRTPAuth, labelRTPSalt)
	if err != nil {
		return nil, err
	}
	rtcp, err := newDirection(p, key, salt, labelRTCPKey, labelRTCPAuth, labelRTCPSalt)
	if err != nil {
		return nil, err
	}
	return &Sealer{profile: p, rtp: rtp, rtcp: rtcp}, nil
}

func (s *Sealer) Profile() Profile { return s.profile }

// SealRTP protects one packet whose header lies in dst[:head] already and gives the packet's length. plain is the
// payload; it lies outside dst, or exactly at dst[head:]. index is the packet index (rollover counter << 16 | sequence
// number). The caller never gives the same SSRC and index with other bytes: GCM would give its key away (RFC 7714,
// section 8.1). dst must have room for the overhead.
func (s *Sealer) SealRTP(dst []byte, head int, plain []byte, ssrc uint32, index uint64) int {
	if g := s.rtp.gcm; g != nil {
		return head + len(g.aead.Seal(dst[head:head], g.iv(ssrc, index), plain, dst[:head]))
	}
	c := s.rtp.cm
	end := head + len(plain)
	c.crypt(dst[head:end], plain, ssrc, index)
	return end + copy(dst[end:end+sha1TagSize], c.tag(dst[:end], uint32(index>>16)))
}

// SealRTCP appends the protected form of a compound packet to dst.
func (s *Sealer) SealRTCP(dst, packet []byte) []byte {
	index := s.rtcpIndex
	s.rtcpIndex = (index + 1) &^ encryptedBit
	ssrc := binary.BigEndian.Uint32(packet[4:])
	word := index | encryptedBit
	start := len(dst)
	dst = append(dst, packet[:rtcpHeader]...)
	if g := s.rtcp.gcm; g != nil {
		aad := append(s.rtcp.aad[:0], packet[:rtcpHeader]...)
		aad = binary.BigEndian.AppendUint32(aad, word)
		dst = g.aead.Seal(dst, g.iv(ssrc, uint64(index)), packet[rtcpHeader:], aad)
		return binary.BigEndian.AppendUint32(dst, word)
	}
	c := s.rtcp.cm
	dst = append(dst, packet[rtcpHeader:]...)
	c.crypt(dst[start+rtcpHeader:], dst[start+rtcpHeader:], ssrc, uint64(index))
	tag := c.tag(dst[start:], word)
	dst = binary.BigEndian.AppendUint32(dst, word)
	return append(dst, tag...)
}

// RTCPOverhead is how many bytes SealRTCP adds at most.
const RTCPOverhead = gcmTagSize + indexSize
