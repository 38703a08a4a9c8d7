package sctp

import (
	"encoding/binary"
	"testing"
	"time"
)

// rawChunk writes a chunk.
func rawChunk(kind, flags uint8, body []byte) []byte {
	b := []byte{kind, flags, 0, 0}
	binary.BigEndian.PutUint16(b[2:], uint16(chunkHeader+len(body)))
	b = append(b, body...)
	return append(b, make([]byte, padded(len(b))-len(b))...)
}

// rawPacket writes a packet of chunks.
func rawPacket(tag uint32, chunks []byte) []byte {
	b := make([]byte, headerSize, headerSize+len(chunks))
	binary.BigEndian.PutUint16(b, ourPort)
	binary.BigEndian.PutUint16(b[2:], ourPort)
	binary.BigEndian.PutUint32(b[4:], tag)
	b = append(b, chunks...)
	binary.LittleEndian.PutUint32(b[8:], checksum(b))
	return b
}

func rawData(tsn uint32, stream, ssn uint16, flags uint8, size int) []byte {
	b := make([]byte, dataHeader+size)
	binary.BigEndian.PutUint32(b, tsn)
	binary.BigEndian.PutUint16(b[4:], stream)
	binary.BigEndian.PutUint16(b[6:], ssn)
	binary.BigEndian.PutUint32(b[8:], 53)
	return rawChunk(kindData, flags, b)
}

// limit is what an association may hold of a remote that keeps to no rule.
const limit = 512<<10 + 256<<10

func TestHostileSendersAreBounded(t *testing.T) {
	whole := uint8(flagBeginning | flagEnd)
	for name, next := range map[string]func(first uint32, i int) []byte{
		"messages whose turn never comes": func(first uint32, i int) []byte { return rawData(first+uint32(i), 1, uint16(i%30000)+1, whole, 1000) },
		"parts without an end":            func(first uint32, i int) []byte { return rawData(first+uint32(i), 1, 0, 0, 1000) },
		"a message without an end": func(first uint32, i int) []byte {
			flags := uint8(0)
			if i == 0 {
				flags = flagBeginning
			}
			return rawData(first+uint32(i), 1, 0, flags, 1000)
		},
		"holes":          func(first uint32, i int) []byte { return rawData(first+2*uint32(i)+1, 1, 0, whole, 1) },
		"one byte parts": func(first uint32, i int) []byte { return rawData(first+uint32(i), 1, 0, flagBeginning, 1) },
		"backwards":      func(first uint32, i int) []byte { return rawData(first+8000-uint32(i), 1, 0, 0, 1) },
		"streams":        func(first uint32, i int) []byte { return rawData(first+uint32(i), uint16(i), 1, whole, 100) },
		"unread":         func(first uint32, i int) []byte { return rawData(first+uint32(i), 1, uint16(i), whole, 1000) },
		"given up": func(first uint32, i int) []byte {
			b := binary.BigEndian.AppendUint32(nil, first+uint32(i))
			for id := range 100 {
				b = binary.BigEndian.AppendUint16(b, uint16(100*i+id))
				b = binary.BigEndian.AppendUint16(b, uint16(i))
			}
			return rawChunk(kindForward, 0, b)
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := connected(t)
			e := w.ends[1]
			e.consume = false
			first := e.cumulative + 1
			for i := range 7000 {
				e.Receive(rawPacket(e.tag, next(first, i)), w.now)
				_, events := e.Take()
				e.messages = append(e.messages, events...)
			}
			if e.held > limit || len(e.gaps) > maxGaps || len(e.streams) > e.cfg.MaxStreams || len(e.chunks) > limit/overhead {
				t.Errorf("%d bytes, %d holes, %d streams, %d parts", e.held, len(e.gaps), len(e.streams), len(e.chunks))
			}
		})
	}
}

func TestPacketsOfOthersMeanNothing(t *testing.T) {
	w := connected(t)
	e := w.ends[1]
	for name, packet := range map[string][]byte{
		"another tag":        rawPacket(e.tag+1, rawChunk(kindAbort, 0, nil)),
		"reflected tag":      rawPacket(e.peerTag+1, rawChunk(kindAbort, tagReflected, nil)),
		"another beginning":  rawPacket(0, rawChunk(kindInit, 0, []byte{9, 9, 9, 9, 0, 1, 0, 0, 0, 9, 0, 9, 0, 0, 0, 9})),
		"a cookie":           rawPacket(e.tag, rawChunk(kindCookieEcho, 0, []byte("12345678"))),
		"acks of the future": rawPacket(e.tag, rawChunk(kindSack, 0, []byte{0xff, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0})),
		"nothing":            rawPacket(e.tag, nil),
	} {
		before := e.peerTag
		e.Receive(packet, w.now)
		if e.state != established || e.peerTag != before {
			t.Errorf("%s: state %d", name, e.state)
		}
	}
	bad := rawPacket(e.tag, rawChunk(kindAbort, 0, nil))
	bad[8]++
	e.Receive(bad, w.now)
	if e.state != established {
		t.Error("a damaged packet ended the association")
	}
	w.send(0, 1, numbered(1, 10), Reliability{})
	w.rest()
	if len(e.messages) != 1 {
		t.Error("the association is not alive")
	}
}

// FuzzReceive gives an association, which has sent and received something, chunks of any kind.
func FuzzReceive(f *testing.F) {
	f.Add(rawChunk(kindData, flagBeginning|flagEnd, make([]byte, dataHeader+4)))
	f.Add(rawChunk(kindInit, 0, make([]byte, 32)))
	f.Add(rawChunk(kindInitAck, 0, append(make([]byte, initSize), appendParameter(nil, parameterCookie, []byte("cookie"))...)))
	f.Add(rawChunk(kindSack, 0, []byte{0, 0, 0, 3, 0, 1, 0, 0, 0, 1, 0, 0, 0, 2, 0, 3}))
	f.Add(rawChunk(kindForward, 0, []byte{0, 0, 0, 5, 0, 1, 0, 0}))
	f.Add(rawChunk(kindReconfig, 0, appendParameter(nil, parameterOutgoingReset, make([]byte, resetHeader+2))))
	f.Add(rawChunk(kindReconfig, 0, appendParameter(nil, parameterResponse, make([]byte, 8))))
	f.Add(append(rawChunk(kindCookieEcho, 0, make([]byte, 8)), rawChunk(kindHeartbeat, 0, []byte{1, 2, 3})...))
	f.Add(append(rawChunk(kindShutdown, 0, make([]byte, 4)), rawChunk(77, 0, nil)...))
	f.Fuzz(func(t *testing.T, chunks []byte) {
		if len(chunks) > 1200 {
			return
		}
		// TSNs and numbers of requests in chunks are taken as relative to what they would be, or most would mean nothing.
		for _, before := range []func(w *world){
			func(*world) {},
			func(w *world) {
				for i := range 20 {
					w.send(1, uint16(i%3), make([]byte, 100*i+1), Reliability{Limited: i%2 == 0, Unordered: i%4 == 0})
				}
				w.ends[1].CloseStream(2, w.now)
				w.collect(1)
				w.flying = nil
			},
		} {
			w := connected(t)
			before(w)
			e := w.ends[1]
			e.consume = false
			e.Receive(rawPacket(e.tag, relative(chunks, e)), w.now)
			e.Receive(rawPacket(0, chunks), w.now)
			for range 5 {
				if at := e.Deadline(); at != Never {
					w.now = max(w.now, at)
					e.Advance(w.now)
				}
				e.Receive(rawPacket(e.tag, relative(chunks, e)), w.now)
				w.collect(1)
			}
			if e.held < 0 || e.held > limit || e.flight < 0 || e.losses < 0 {
				t.Errorf("%d bytes are held, %d in flight, %d lost", e.held, e.flight, e.losses)
			}
			for id, s := range e.streams {
				if s.buffered < 0 {
					t.Errorf("stream %d has %d bytes", id, s.buffered)
				}
			}
			fresh := New(testConfig(w.random), 0, time.Hour)
			fresh.Receive(rawPacket(0, chunks), 0)
			fresh.Receive(rawPacket(fresh.tag, chunks), 0)
		}
	})
}

// relative adds the numbers that are to be expected to those in chunks.
func relative(chunks []byte, e *end) []byte {
	out := append([]byte(nil), chunks...)
	for c, rest, ok := nextChunk(out); ok; c, rest, ok = nextChunk(rest) {
		shift := func(b []byte, by uint32) {
			if len(b) >= 4 {
				binary.BigEndian.PutUint32(b, binary.BigEndian.Uint32(b)+by)
			}
		}
		switch c.kind {
		case kindData, kindForward:
			shift(c.body, e.cumulative)
		case kindSack:
			shift(c.body, e.acked)
		case kindReconfig:
			for p, rest, ok := nextParameter(c.body); ok; p, rest, ok = nextParameter(rest) {
				if p.kind == parameterResponse {
					shift(p.value, e.resets.next)
				} else {
					shift(p.value, e.resets.heard+1)
					if len(p.value) >= resetHeader {
						shift(p.value[8:], e.cumulative)
					}
				}
			}
		}
	}
	return out
}

// Each kind of chunk, of each length that matters, full of nothing and of nonsense, and with a length that is not true. What no chunk of
// ours is (RFC 9260, section 3.2) changes nothing; the others may end the association or what is in it, and cost no more than a limit.
func TestEveryKindOfChunkMisused(t *testing.T) {
	known := map[uint8]bool{
		kindData: true, kindInit: true, kindInitAck: true, kindSack: true, kindHeartbeat: true, kindHeartbeatAck: true, kindAbort: true,
		kindShutdown: true, kindShutdownAck: true, kindError: true, kindCookieEcho: true, kindCookieAck: true, kindShutdownComplete: true,
		kindReconfig: true, kindForward: true,
	}
	ends := map[uint8]bool{kindData: true, kindAbort: true, kindShutdown: true, kindShutdownAck: true, kindShutdownComplete: true}
	for kind := range 256 {
		kind := uint8(kind)
		w := connected(t)
		e := w.ends[1]
		e.consume = false
		take := func(packet []byte) {
			e.Receive(packet, w.now)
			_, events := e.Take()
			for _, event := range events {
				if event.Kind == Ended && !ends[kind] {
					t.Errorf("kind %d ends the association", kind)
				}
				if event.Kind == Message && kind != kindData {
					t.Errorf("kind %d brings a message", kind)
				}
			}
			if e.state == ended {
				w = connected(t)
				e = w.ends[1]
				e.consume = false
			}
			if e.held > limit || len(e.gaps) > maxGaps || len(e.streams) > e.cfg.MaxStreams {
				t.Fatalf("kind %d: %d bytes, %d holes, %d streams", kind, e.held, len(e.gaps), len(e.streams))
			}
		}
		for size := range 49 {
			for _, fill := range []byte{0, 1, 0x55, 0xff} {
				body := make([]byte, size)
				for i := range body {
					body[i] = fill
				}
				for _, flags := range []uint8{0, 3, 0xff} {
					c := rawChunk(kind, flags, body)
					take(rawPacket(e.tag, c))
					take(rawPacket(0, c))
					take(rawPacket(e.tag+1, c))
					for _, lie := range []uint16{0, 3, uint16(len(c)) + 8, 0xffff} {
						binary.BigEndian.PutUint16(c[2:], lie)
						take(rawPacket(e.tag, c))
					}
				}
			}
		}
		if known[kind] {
			continue
		}
		e.consume = true
		w.send(0, 1, numbered(1, 10), Reliability{})
		w.rest()
		if len(e.messages) != 1 {
			t.Errorf("after kind %d nothing comes any more", kind)
		}
	}
}
