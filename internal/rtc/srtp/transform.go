package srtp

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha1"
	"crypto/subtle"
	"encoding/binary"
	"hash"
)

// gcm is AEAD_AES_128_GCM (RFC 7714).
type gcm struct {
	aead  cipher.AEAD
	salt  [gcmSaltSize]byte
	nonce [gcmSaltSize]byte
}

func newGCM(key, salt []byte) (*gcm, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, err
	}
	return &gcm{aead: aead, salt: [gcmSaltSize]byte(salt)}, nil
}

// iv forms the nonce (RFC 7714, sections 8.1 and 9.1): two zero bytes, the SSRC, and a 48-bit index, XORed with the salt.
func (g *gcm) iv(ssrc uint32, index uint64) []byte {
	s := &g.salt
	binary.BigEndian.PutUint16(g.nonce[0:], binary.BigEndian.Uint16(s[0:]))
	binary.BigEndian.PutUint32(g.nonce[2:], binary.BigEndian.Uint32(s[2:])^ssrc)
	binary.BigEndian.PutUint32(g.nonce[6:], binary.BigEndian.Uint32(s[6:])^uint32(index>>16))
	binary.BigEndian.PutUint16(g.nonce[10:], binary.BigEndian.Uint16(s[10:])^uint16(index))
	return g.nonce[:]
}

// counterMode is AES_CM_128_HMAC_SHA1_80 (RFC 3711, sections 4.1.1 and 4.2.1).
type counterMode struct {
	block cipher.Block
	salt  [cmSaltSize]byte
	iv    [aes.BlockSize]byte
	mac   hash.Hash
	sum   [sha1.Size]byte
	roc   [4]byte
}

func newCounterMode(key, salt, auth []byte) (*counterMode, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return &counterMode{block: block, salt: [cmSaltSize]byte(salt), mac: hmac.New(sha1.New, auth)}, nil
}

// crypt XORs the key stream of RFC 3711, section 4.1.1 onto src: IV = salt*2^16 ^ SSRC*2^64 ^ index*2^16.
func (c *counterMode) crypt(dst, src []byte, ssrc uint32, index uint64) {
	copy(c.iv[:cmSaltSize], c.salt[:])
	c.iv[14], c.iv[15] = 0, 0
	binary.BigEndian.PutUint32(c.iv[4:], binary.BigEndian.Uint32(c.iv[4:])^ssrc)
	binary.BigEndian.PutUint32(c.iv[8:], binary.BigEndian.Uint32(c.iv[8:])^uint32(index>>16))
	binary.BigEndian.PutUint16(c.iv[12:], binary.BigEndian.Uint16(c.iv[12:])^uint16(index))
	cipher.NewCTR(c.block, c.iv[:]).XORKeyStream(dst, src)
}

// tag authenticates a packet followed by a 32-bit word.
func (c *counterMode) tag(packet []byte, word uint32) []byte {
	binary.BigEndian.PutUint32(c.roc[:], word)
	c.mac.Reset()
	c.mac.Write(packet)
	c.mac.Write(c.roc[:])
	return c.mac.Sum(c.sum[:0])[:sha1TagSize]
}

func (c *counterMode) equal(tag, packet []byte, word uint32) bool {
	return subtle.ConstantTimeCompare(tag, c.tag(packet, word)) == 1
}
