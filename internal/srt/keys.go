package srt

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/pbkdf2"
	"crypto/sha1"
	"crypto/subtle"
	"encoding/binary"
	"errors"
	"time"
)

// ErrPassphrase is that keys cannot be opened with a passphrase.
var ErrPassphrase = errors.New("the passphrase is wrong")

// ErrCipher is that keys are for another cipher than AES-CTR, which each encoder has: AES-GCM of libsrt 1.5.2 and later.
var ErrCipher = errors.New("encrypted with another cipher than AES-CTR")

var errKeys = errors.New("malformed keys")

// deriveEvery bounds how often a key is derived of a passphrase for a connection that stands, which takes a millisecond. Encoders change what is encrypted with it, and
// keep the salt.
const deriveEvery = time.Second

// material is a message with keys (section 3.2.2).
type material struct {
	which byte // as packet.key, 3 for both
	size  int  // of a key
	salt  [16]byte
	wrap  []byte
}

func parseMaterial(b []byte) (m material, err error) {
	const ctr, saltWords = 2, 4
	if len(b) < keyMaterialLeast || b[0] != 0x12 || binary.BigEndian.Uint16(b[1:]) != 0x2029 {
		return m, errKeys
	}
	if b[8] != ctr {
		return m, ErrCipher
	}
	if b[14] != saltWords {
		return m, errKeys
	}
	m.which, m.size = b[3]&3, 4*int(b[15])
	keys := int(m.which&1 + m.which>>1)
	if keys == 0 || m.size != 16 && m.size != 24 && m.size != 32 || len(b) != keyMaterialLeast+16+8+keys*m.size {
		return m, errKeys
	}
	m.salt, m.wrap = [16]byte(b[keyMaterialLeast:]), b[keyMaterialLeast+16:]
	return m, nil
}

// keys decrypt what comes. They are their connection's.
type keys struct {
	passphrase string
	size       int
	salt       [16]byte
	wrapping   cipher.Block    // of the passphrase and the salt
	derived    time.Duration   // when
	blocks     [2]cipher.Block // even, odd
}

// open takes the keys of a message.
func (k *keys) open(b []byte, now time.Duration) error {
	m, err := parseMaterial(b)
	if err != nil {
		return err
	}
	if k.wrapping == nil || m.salt != k.salt || m.size != k.size {
		if k.wrapping != nil && now < k.derived+deriveEvery {
			return errKeys
		}
		key, err := pbkdf2.Key(sha1.New, k.passphrase, m.salt[8:], 2048, m.size)
		if err != nil {
			return err
		}
		if k.wrapping, err = aes.NewCipher(key); err != nil {
			return err
		}
		k.salt, k.size, k.derived = m.salt, m.size, now
	}
	plain, ok := unwrap(k.wrapping, m.wrap)
	if !ok {
		return ErrPassphrase
	}
	for i := range k.blocks {
		if m.which>>i&1 == 0 {
			continue
		}
		if k.blocks[i], err = aes.NewCipher(plain[:m.size]); err != nil {
			return err
		}
		plain = plain[m.size:]
	}
	return nil
}

// decrypt does so in place (section 6.3.2), and tells whether there is a key for it.
func (k *keys) decrypt(payload []byte, which byte, number uint32) bool {
	if which != 1 && which != 2 || k.blocks[which-1] == nil {
		return false
	}
	var counter [16]byte
	copy(counter[:14], k.salt[:])
	binary.BigEndian.PutUint32(counter[10:], binary.BigEndian.Uint32(counter[10:])^number)
	cipher.NewCTR(k.blocks[which-1], counter[:]).XORKeyStream(payload, payload)
	return true
}

// unwrap opens what AES Key Wrap closed (RFC 3394, section 2.2.2).
func unwrap(key cipher.Block, wrapped []byte) ([]byte, bool) {
	const half = 8
	plain := append([]byte(nil), wrapped[half:]...)
	var block [2 * half]byte
	copy(block[:half], wrapped)
	for step := 6 * len(plain) / half; step > 0; step-- {
		at := plain[(step-1)%(len(plain)/half)*half:][:half]
		binary.BigEndian.PutUint64(block[:], binary.BigEndian.Uint64(block[:])^uint64(step))
		copy(block[half:], at)
		key.Decrypt(block[:], block[:])
		copy(at, block[half:])
	}
	sign := [half]byte{0xa6, 0xa6, 0xa6, 0xa6, 0xa6, 0xa6, 0xa6, 0xa6}
	return plain, subtle.ConstantTimeCompare(block[:half], sign[:]) == 1
}
