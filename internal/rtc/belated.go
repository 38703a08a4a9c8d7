package rtc

import (
	"net/netip"
	"sync"
)

// maxBelated bounds the datagrams of one shard that wait for room in its socket's buffer.
const maxBelated = 256

// belated are single datagrams (answers to checks, DTLS, SCTP) that found the socket's buffer full. Whoever sends those must not wait,
// least of all a reader, and what is lost comes again only after a time that people notice; so the shard's sender, which may wait, sends
// them as soon as there is room.
type belated struct {
	shard *Shard

	mu      sync.Mutex
	waiting []belatedDatagram
}

type belatedDatagram struct {
	to    netip.AddrPort
	bytes []byte
}

// write sends one datagram by itself, now or as soon as the socket takes it. It never waits, and may be called by anybody.
func (s *Shard) write(b []byte, to netip.AddrPort) {
	if !s.socket.writeTo(b, to) {
		s.belated.add(b, to)
	}
}

// add keeps a copy. When too many wait it is lost, as on any network.
func (l *belated) add(b []byte, to netip.AddrPort) {
	l.mu.Lock()
	first := len(l.waiting) == 0
	if len(l.waiting) < maxBelated {
		l.waiting = append(l.waiting, belatedDatagram{to, append([]byte(nil), b...)})
	}
	l.mu.Unlock()
	if first {
		l.shard.Post(l)
	}
}

// Run sends what waits.
func (l *belated) Run(tx *Tx) {
	l.mu.Lock()
	waiting := l.waiting
	l.waiting = nil
	l.mu.Unlock()
	for _, d := range waiting {
		tx.out.datagram(d.bytes, d.to)
	}
}
