package call

// Bounds of what a session keeps for a client that does not acknowledge.
const (
	maxKeptMessages = 1024
	maxKeptBytes    = 2 << 20
)

// ackAfter is how many messages are acknowledged at the latest.
const ackAfter = 32

// session numbers what goes to a client and keeps it until it is acknowledged, and knows what came from the client: so a
// client that comes back on a new WebSocket misses nothing and is told nothing twice. It knows no socket and no clock;
// its owner is the line.
type session struct {
	sent  uint64   // the last number given
	kept  [][]byte // the messages up to sent that are not acknowledged
	bytes int

	got       uint64 // the last number received
	confirmed uint64 // the last one that the client was told we got
}

// number gives a message the next number and keeps it. It fails when the client has left too much unacknowledged.
func (s *session) number(m message) (data []byte, ok bool) {
	m.header().Seq = s.sent + 1
	data = encode(m)
	if len(s.kept) >= maxKeptMessages || s.bytes+len(data) > maxKeptBytes {
		return nil, false
	}
	s.sent++
	s.kept = append(s.kept, data)
	s.bytes += len(data)
	return data, true
}

// acknowledge forgets the messages up to a number.
func (s *session) acknowledge(seq uint64) *refusal {
	if seq > s.sent {
		return malformed("this number was never sent")
	}
	for known := s.sent - uint64(len(s.kept)); known < seq; known++ {
		s.bytes -= len(s.kept[0])
		s.kept[0] = nil
		s.kept = s.kept[1:]
	}
	return nil
}

// replay gives what the client has not got, if it has got the messages up to a number.
func (s *session) replay(seq uint64) ([][]byte, *refusal) {
	if seq < s.sent-uint64(len(s.kept)) {
		return nil, errSessionExpired // it acknowledged more than it now says it has
	}
	if refused := s.acknowledge(seq); refused != nil {
		return nil, &refusal{refused.code, refused.message, closeMalformed}
	}
	return s.kept, nil
}

// receive tells whether a numbered message of the client is new. A client sends again what it does not know to have
// arrived, so old ones are no mistake; a number left out is.
func (s *session) receive(seq uint64) (fresh bool, refused *refusal) {
	switch {
	case seq <= s.got:
		return false, nil
	case seq > s.got+1:
		return false, malformed("numbers were left out")
	}
	s.got++
	return true, nil
}

// owes is how many messages of the client are not confirmed yet.
func (s *session) owes() uint64 { return s.got - s.confirmed }

// confirm is the acknowledgement of all that came.
func (s *session) confirm() message {
	s.confirmed = s.got
	return &plainMessage{head{"ack", s.got}}
}
