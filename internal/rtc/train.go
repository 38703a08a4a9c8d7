package rtc

import "slices"

const (
	// sendSlab is the memory that packets are encrypted into before they leave. It is small enough to stay in a core's
	// second-level cache.
	sendSlab = 128 << 10
	// maxPacket is the longest packet that we send.
	maxPacket = 1500
	// maxEven is how many bytes of RTP padding may be spent on making packets equally long.
	maxEven = 8
)

// train collects datagrams and sends them in as few system calls as it can: packets of one length to one destination, and a shorter
// one behind them, become one segmented message (UDP_SEGMENT) whichever streams they are of, and many messages leave with one call.
type train struct {
	out      *transmitter
	counts   *shardCounts
	slab     []byte
	used     int
	messages []message
	// tcp tells that some messages are for TCP connections.
	tcp bool
	// departed tells that something was sent, which took its time.
	departed bool
}

func newTrain(s *socket, counts *shardCounts) train {
	return train{out: s.transmitter(), counts: counts, slab: make([]byte, sendSlab), messages: make([]message, 0, batchSize)}
}

// room gives memory for one packet, behind the last one.
func (t *train) room() []byte {
	if len(t.slab)-t.used < maxPacket {
		t.flush()
	}
	return t.slab[t.used : t.used+maxPacket : t.used+maxPacket]
}

// add takes the packet of size bytes that was written to the last room.
func (t *train) add(to *destination, size int) {
	start := t.used
	t.used += size
	if i := to.message; i < len(t.messages) && t.messages[i].to == to && t.out.socket.canSegment() && t.messages[i].take(start, t.used) {
		return
	}
	if len(t.messages) == batchSize {
		// The packet stays where it is; only what lies before it leaves.
		t.depart()
	}
	if to.tcp != nil {
		t.tcp = true
	}
	to.message = len(t.messages)
	t.messages = append(t.messages, message{})
	t.messages[to.message].begin(to, start, t.used)
}

// waits tells that something has not left yet.
func (t *train) waits() bool { return len(t.messages) > 0 }

// flush sends everything.
func (t *train) flush() {
	if t.waits() {
		t.depart()
	}
	t.used = 0
}

// depart sends all messages. Their bytes stay where they are.
func (t *train) depart() {
	t.departed = true
	packets, bytes := 0, 0
	for i := range t.messages {
		packets += t.messages[i].count
		bytes += t.messages[i].size
	}
	t.counts.sentPackets.Add(uint64(packets))
	t.counts.sentBytes.Add(uint64(bytes))
	t.counts.sends.Add(uint64(len(t.messages)))
	if t.tcp {
		t.tcp = false
		t.messages = slices.DeleteFunc(t.messages, func(m message) bool {
			if m.to.tcp != nil {
				for _, p := range m.parts() {
					m.to.tcp.send(t.slab[p.start:p.end], m.segment)
				}
			}
			return m.to.tcp != nil
		})
	}
	if len(t.messages) > 0 {
		t.out.send(t.slab, t.messages)
		t.messages = t.messages[:0]
	}
}
