package srt

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"time"
)

// Reason is why a request is refused: what encoders are told (section 4.3, and SRT's access control guidelines from 1400 on).
type Reason uint32

const (
	Rogue        Reason = 1004 // what the handshake says cannot be
	Failed       Reason = 1006 // an error of ours
	OldVersion   Reason = 1008
	BadSecret    Reason = 1010
	Unsecure     Reason = 1011 // a passphrase is wanted
	NotMessages  Reason = 1012 // streams of bytes are not taken
	Congestion   Reason = 1013 // only "live" is
	Crypto       Reason = 1017 // encrypted with another cipher
	BadRequest   Reason = 1400
	Unauthorized Reason = 1401
	Overload     Reason = 1402
	Forbidden    Reason = 1403
	BadMode      Reason = 1405
	Conflict     Reason = 1407
	Internal     Reason = 1500
)

// leastMTU lets packets have no payload at all.
const leastMTU = 76

// refused is why a conclusion asks for what there is not, 0 when it does not.
func (h *handshake) refused() Reason {
	switch {
	case h.version != version:
		return OldVersion
	case h.capabilities == nil, h.mtu < leastMTU:
		return Rogue
	case h.capabilities.flags&flagStream != 0:
		return NotMessages
	case h.congestion != "" && h.congestion != "live":
		return Congestion
	}
	return 0
}

// Request is an encoder that wants a connection. Whoever took it from Accept answers it once, by its Accept or Reject.
type Request struct {
	listener  *Listener
	peer      peer
	back      way
	handshake *handshake
	timestamp uint32
	begun     time.Time
	keys      *keys
}

// RemoteAddr is the encoder's.
func (r *Request) RemoteAddr() netip.AddrPort {
	return netip.AddrPortFrom(r.peer.address.Addr().Unmap(), r.peer.address.Port())
}

// StreamID is what the encoder wants, in its own words; up to 512 bytes of anything.
func (r *Request) StreamID() string { return r.handshake.streamID }

// IsEncrypted tells that there are keys, which a passphrase opens.
func (r *Request) IsEncrypted() bool { return r.handshake.keys != nil }

// Unlock opens the keys, which takes a millisecond. The error is ErrPassphrase where it is not the right one, ErrCipher where none would be.
func (r *Request) Unlock(passphrase string) error {
	k := &keys{passphrase: passphrase}
	if err := k.open(r.handshake.keys, 0); err != nil {
		return err
	}
	r.keys = k
	return nil
}

// Reject answers that there will be no connection.
func (r *Request) Reject(why Reason) {
	l := r.listener
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.peers, r.peer)
	oldest := &l.lately[l.rejects%rejections]
	delete(l.rejected, *oldest)
	*oldest = r.peer
	l.rejected[r.peer] = rejection{why, time.Now()}
	l.rejects++
	r.refuse(why)
}

func (r *Request) refuse(why Reason) {
	h := *r.handshake
	h.kind, h.extension, h.capabilities, h.keys = uint32(why), 0, nil, nil
	r.listener.answer(r.back, &h, r.peer.id)
}

var errLocked = errors.New("keys that were not unlocked")

// Accept answers that there is a connection, which is to be closed.
func (r *Request) Accept() (*Conn, error) {
	if r.IsEncrypted() != (r.keys != nil) {
		r.Reject(BadSecret)
		return nil, errLocked
	}
	l, h := r.listener, r.handshake
	latency := max(l.config.Latency, time.Duration(h.capabilities.sendersDelay)*time.Millisecond)
	c := &Conn{listener: l, peer: r.peer, begun: r.begun, woken: make(chan struct{}, 1), ended: make(chan struct{})}
	c.flow = startFlow(h.first, r.timestamp, 0)
	c.flow.keys, c.flow.latency, c.flow.peer = r.keys, latency, r.peer.id
	c.flow.send = func(b []byte) { l.send(r.back, b) }
	c.flow.heard = time.Since(r.begun) // nothing was expected while an application made up its mind

	l.mu.Lock()
	defer l.mu.Unlock()
	if _, asked := l.peers[r.peer]; !asked || l.shut {
		return nil, net.ErrClosed
	}
	for c.id == 0 || l.conns[c.id] != nil {
		var id [4]byte
		rand.Read(id[:])
		c.id = binary.BigEndian.Uint32(id[:]) >> 2
	}
	h.kind, h.id, h.cookie, h.mtu, h.window, h.extension = conclusion, c.id, 0, min(h.mtu, largest), mostWaiting, hasHandshake
	if h.encryption = 0; r.keys != nil {
		h.extension |= hasKeys
		h.encryption = uint16(r.keys.size / 8)
	}
	h.capabilities = &capabilities{ourVersion, ourFlags, uint16(latency.Milliseconds()), h.capabilities.receiverDelay}
	c.welcome = l.answer(r.back, h, r.peer.id)
	l.conns[c.id], l.peers[r.peer] = c, c
	c.count()
	return c, nil
}
