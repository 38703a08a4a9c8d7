// Package srtp protects RTP and RTCP packets (RFC 3711, RFC 7714). It keeps no state for a source: whoever calls it
// knows the packet index, because it also numbers the packets. A Sealer or an Opener belongs to one goroutine and takes
// no lock.
package srtp

import (
	"crypto/aes"
	"encoding/binary"
	"errors"
	"fmt"
)

// Profile is a DTLS-SRTP protection profile (RFC 5764, section 4.1.2).
type Profile uint16

const (
	AES128CMHMACSHA180 Profile = 0x0001
	AEADAES128GCM      Profile = 0x0007
)

const (
	// ExporterLabel is the TLS exporter's label for SRTP keys (RFC 5764, section 4.2).
	ExporterLabel = "EXTRACTOR-dtls_srtp"

	keySize      = 16
	gcmSaltSize  = 12
	cmSaltSize   = 14
	gcmTagSize   = 16
	sha1TagSize  = 10
	rtcpHeader   = 8
	indexSize    = 4
	encryptedBit = 1 << 31
)

// ErrProfile tells that a protection profile is not one of ours.
var ErrProfile = errors.New("srtp: unknown protection profile")

func (p Profile) String() string {
	switch p {
	case AES128CMHMACSHA180:
		return "AES128_CM_HMAC_SHA1_80"
	case AEADAES128GCM:
		return "AEAD_AES_128_GCM"
	}
	return fmt.Sprintf("profile %#04x", uint16(p))
}

func (p Profile) saltSize() int {
	if p == AEADAES128GCM {
		return gcmSaltSize
	}
	return cmSaltSize
}

// Overhead is how many bytes protection adds to an RTP packet.
func (p Profile) Overhead() int {
	if p == AEADAES128GCM {
		return gcmTagSize
	}
	return sha1TagSize
}

// MaterialSize is how many bytes the TLS exporter must give.
func (p Profile) MaterialSize() int { return 2 * (keySize + p.saltSize()) }

// Split makes both directions from the exporter's keying material (RFC 5764, section 4.2). client tells that we are the
// DTLS client.
func Split(p Profile, material []byte, client bool) (*Sealer, *Opener, error) {
	if p != AEADAES128GCM && p != AES128CMHMACSHA180 {
		return nil, nil, fmt.Errorf("%w: %v", ErrProfile, p)
	}
	if len(material) != p.MaterialSize() {
		return nil, nil, fmt.Errorf("srtp: keying material of %d bytes, want %d", len(material), p.MaterialSize())
	}
	salts := material[2*keySize:]
	clientKey, serverKey := material[:keySize], material[keySize:2*keySize]
	clientSalt, serverSalt := salts[:p.saltSize()], salts[p.saltSize():]
	if !client {
		clientKey, serverKey = serverKey, clientKey
		clientSalt, serverSalt = serverSalt, clientSalt
	}
	seal, err := NewSealer(p, clientKey, clientSalt)
	if err != nil {
		return nil, nil, err
	}
	open, err := NewOpener(p, serverKey, serverSalt)
	if err != nil {
		return nil, nil, err
	}
	return seal, open, nil
}

// Labels of key derivation (RFC 3711, section 4.3.1).
const (
	labelRTPKey   = 0
	labelRTPAuth  = 1
	labelRTPSalt  = 2
	labelRTCPKey  = 3
	labelRTCPAuth = 4
	labelRTCPSalt = 5
)

// derive is the key derivation of RFC 3711, section 4.3.3, with a key derivation rate of 0.
func derive(label byte, key, salt []byte, size int) ([]byte, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("srtp: master key: %w", err)
	}
	var in [aes.BlockSize]byte
	copy(in[:cmSaltSize], salt)
	in[7] ^= label
	out := make([]byte, (size+aes.BlockSize-1)/aes.BlockSize*aes.BlockSize)
	for i := 0; i < len(out); i += aes.BlockSize {
		binary.BigEndian.PutUint16(in[14:], uint16(i/aes.BlockSize))
		block.Encrypt(out[i:], in[:])
	}
	return out[:size], nil
}
