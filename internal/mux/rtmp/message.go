package rtmp

// Type is a message type (sections 5.4 and 7.1).
type Type uint8

const (
	TypeSetChunkSize  Type = 1
	TypeAbort         Type = 2
	TypeAcknowledge   Type = 3
	TypeUserControl   Type = 4
	TypeWindowAckSize Type = 5
	TypePeerBandwidth Type = 6
	TypeAudio         Type = 8
	TypeVideo         Type = 9
	TypeDataAMF3      Type = 15
	TypeCommandAMF3   Type = 17
	TypeDataAMF0      Type = 18
	TypeCommandAMF0   Type = 20
	TypeAggregate     Type = 22

	controlChunkStream = 2
)

// Message is one RTMP message. Its body is immutable and belongs to whoever read it.
type Message struct {
	// ChunkStream is the chunk stream that carries the message, 2 to 65599.
	ChunkStream uint32
	Type        Type
	// Stream is the message stream, 0 for the connection itself.
	Stream uint32
	// Timestamp is in milliseconds and wraps.
	Timestamp uint32
	Body      []byte
}

// SetChunkSize, WindowAckSize, PeerBandwidth and Acknowledge are protocol control messages (section 5.4).
func SetChunkSize(n uint32) Message  { return control(TypeSetChunkSize, be32(n)) }
func WindowAckSize(n uint32) Message { return control(TypeWindowAckSize, be32(n)) }
func PeerBandwidth(n uint32) Message { return control(TypePeerBandwidth, append(be32(n), 2)) }
func Acknowledge(n uint32) Message   { return control(TypeAcknowledge, be32(n)) }

// StreamBegin and PingResponse are user control messages (section 7.1.7).
func StreamBegin(stream uint32) Message {
	return control(TypeUserControl, append([]byte{0, 0}, be32(stream)...))
}
func PingResponse(request []byte) Message {
	return control(TypeUserControl, append([]byte{0, 7}, request...))
}

// PingRequest tells whether a message asks for a ping response, and gives what must be sent back.
func PingRequest(m Message) ([]byte, bool) {
	if m.Type != TypeUserControl || len(m.Body) != 6 || m.Body[0] != 0 || m.Body[1] != 6 {
		return nil, false
	}
	return m.Body[2:], true
}

func control(t Type, body []byte) Message {
	return Message{ChunkStream: controlChunkStream, Type: t, Body: body}
}

func be32(n uint32) []byte { return []byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)} }
