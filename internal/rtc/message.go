package rtc

// maxPieces is how many places of the slab one message can have its packets in.
const maxPieces = 8

// message is a run of packets to one destination, of segment bytes each, of which the last may be shorter.
type message struct {
	to                   *destination
	segment, count, size int
	closed               bool // the last is shorter
	used                 int
	pieces               [maxPieces]piece
}

// piece is where packets lie behind each other in the slab.
type piece struct{ start, end int }

// begin makes a message of one packet.
func (m *message) begin(to *destination, start, end int) {
	m.to, m.segment, m.count, m.size = to, end-start, 1, end-start
	m.used, m.pieces[0] = 1, piece{start, end}
}

// take adds a packet if it can leave with those before it.
func (m *message) take(start, end int) bool {
	size := end - start
	if m.closed || size > m.segment || m.count == maxSegments || m.size+size > maxRun {
		return false
	}
	if last := &m.pieces[m.used-1]; last.end == start {
		last.end = end
	} else {
		if m.used == maxPieces {
			return false
		}
		m.pieces[m.used] = piece{start, end}
		m.used++
	}
	m.count++
	m.size += size
	m.closed = size < m.segment
	return true
}

// parts are the pieces.
func (m *message) parts() []piece { return m.pieces[:m.used] }
