package rtc

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"encoding/binary"
	"encoding/gob"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/pion/dtls/v3"
	"github.com/pion/dtls/v3/pkg/crypto/prf"

	"github.com/tuttilive/tutti/internal/rtc/srtp"
)

// Content types of DTLS records (RFC 6347, section 4.1, RFC 5246, section 6.2.1).
const (
	recordAlert     = 21
	recordHandshake = 22
	recordData      = 23
)

const (
	// recordHeader is a content type, a version, an epoch, a sequence number of 48 bits, and a length.
	recordHeader  = 13
	explicitNonce = 8
	gcmTag        = 16
	// protectedEpoch is the one after the only handshake.
	protectedEpoch = 1
	maxSequence    = 1<<48 - 1
)

// errSequence tells that no number is left for a record.
var errSequence = errors.New("rtc: DTLS session has sent all that it may")

// records protects what is sent after a DTLS handshake, as TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256 does (RFC 5288): the only suite
// that we negotiate, since WebRTC demands it of everybody (RFC 8827, section 6.5). There is no second handshake. What seals may be
// used by any goroutine, what opens by one at a time.
type records struct {
	sending, receiving recordKey

	mu   sync.Mutex // over next and sending
	next uint64     // sequence number of the next record
	came srtp.Window
}

// recordKey is what one direction is protected with. The cipher is made when it is needed first: most peers only ever use it to say
// good-bye.
type recordKey struct {
	key, salt []byte
	aead      cipher.AEAD
}

// takeRecords goes on where a finished handshake has left off.
func takeRecords(state *dtls.State) (*records, error) {
	// The one way that pion/dtls has to tell what it agreed on.
	raw, err := state.MarshalBinary()
	if err != nil {
		return nil, err
	}
	var agreed struct {
		LocalEpoch                uint16
		LocalRandom, RemoteRandom [32]byte
		CipherSuiteID             uint16
		MasterSecret              []byte
		SequenceNumber            uint64
		IsClient                  bool
	}
	if err := gob.NewDecoder(bytes.NewReader(raw)).Decode(&agreed); err != nil {
		return nil, err
	}
	if agreed.LocalEpoch != protectedEpoch || !slices.Contains(cipherSuites, dtls.CipherSuiteID(agreed.CipherSuiteID)) {
		return nil, fmt.Errorf("rtc: DTLS epoch %d with suite %#x", agreed.LocalEpoch, agreed.CipherSuiteID)
	}
	client, server := agreed.RemoteRandom, agreed.LocalRandom
	if agreed.IsClient {
		client, server = server, client
	}
	keys, err := prf.GenerateEncryptionKeys(agreed.MasterSecret, client[:], server[:], 0, 16, 4, sha256.New)
	if err != nil {
		return nil, err
	}
	ours, theirs := recordKey{key: keys.ServerWriteKey, salt: keys.ServerWriteIV}, recordKey{key: keys.ClientWriteKey, salt: keys.ClientWriteIV}
	if agreed.IsClient {
		ours, theirs = theirs, ours
	}
	return &records{sending: ours, receiving: theirs, next: agreed.SequenceNumber}, nil
}

// ready makes the cipher.
func (k *recordKey) ready() (cipher.AEAD, error) {
	if k.aead != nil {
		return k.aead, nil
	}
	block, err := aes.NewCipher(k.key)
	if err != nil {
		return nil, err
	}
	k.aead, err = cipher.NewGCM(block)
	return k.aead, err
}

// nonce is the salt and what a record carries of it (RFC 5288, section 3).
func (k *recordKey) nonce(explicit []byte) []byte {
	return append(append(make([]byte, 0, 4+explicitNonce), k.salt...), explicit...)
}

// additional is what is authenticated beside the content (RFC 5246, section 6.2.3.3): a record's epoch and number, type, version, and
// the content's length.
func additional(header []byte, length int) []byte {
	b := append(append(make([]byte, 0, recordHeader), header[3:11]...), header[:3]...)
	return binary.BigEndian.AppendUint16(b, uint16(length))
}

// seal makes a record of a content that fits a datagram.
func (r *records) seal(kind byte, content []byte) ([]byte, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.next > maxSequence {
		return nil, errSequence
	}
	aead, err := r.sending.ready()
	if err != nil {
		return nil, err
	}
	b := make([]byte, recordHeader+explicitNonce, recordHeader+explicitNonce+len(content)+gcmTag)
	b[0], b[1], b[2] = kind, 0xfe, 0xfd // DTLS 1.2
	binary.BigEndian.PutUint64(b[3:], protectedEpoch<<48|r.next)
	binary.BigEndian.PutUint16(b[11:], uint16(explicitNonce+len(content)+gcmTag))
	copy(b[recordHeader:], b[3:11]) // unique, as the number is (RFC 9325, section 7.2.1)
	r.next++
	return aead.Seal(b, r.sending.nonce(b[recordHeader:]), content, additional(b, len(content))), nil
}

// open gives the content of one whole record, which is decrypted in place. It is false for one that is not authentic, or that came
// before.
func (r *records) open(record []byte) ([]byte, bool) {
	number := binary.BigEndian.Uint64(record[3:])
	index, sealed := number&maxSequence, record[recordHeader:]
	if number>>48 != protectedEpoch || len(sealed) < explicitNonce+gcmTag || !r.came.Fresh(index) {
		return nil, false
	}
	aead, err := r.receiving.ready()
	if err != nil {
		return nil, false
	}
	nonce, sealed := r.receiving.nonce(sealed[:explicitNonce]), sealed[explicitNonce:]
	content, err := aead.Open(sealed[:0], nonce, sealed, additional(record, len(sealed)-gcmTag))
	if err != nil {
		return nil, false
	}
	r.came.Accept(index)
	return content, true
}

// nextRecord takes the first record off a datagram; nil when what is left is none.
func nextRecord(b []byte) (record, rest []byte) {
	if len(b) < recordHeader {
		return nil, nil
	}
	size := recordHeader + int(binary.BigEndian.Uint16(b[11:]))
	if size > len(b) {
		return nil, nil
	}
	return b[:size], b[size:]
}
