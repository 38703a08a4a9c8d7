package rtmp

import "encoding/binary"

// AppendMessage appends a message as chunks of at most chunkSize bytes: one of type 0 and as many of type 3 as are
// needed, so the bytes depend on no earlier message and can be shared between connections.
func AppendMessage(dst []byte, m Message, chunkSize int) []byte {
	dst = appendBasicHeader(dst, 0, m.ChunkStream)
	field := min(m.Timestamp, 0xffffff)
	dst = append(dst, byte(field>>16), byte(field>>8), byte(field))
	dst = append(dst, byte(len(m.Body)>>16), byte(len(m.Body)>>8), byte(len(m.Body)), byte(m.Type))
	dst = binary.LittleEndian.AppendUint32(dst, m.Stream)
	for body := m.Body; ; {
		if field == 0xffffff {
			dst = binary.BigEndian.AppendUint32(dst, m.Timestamp)
		}
		n := min(chunkSize, len(body))
		dst = append(dst, body[:n]...)
		if body = body[n:]; len(body) == 0 {
			return dst
		}
		dst = appendBasicHeader(dst, 3, m.ChunkStream)
	}
}

// Readdress copies messages that AppendMessage wrote, with chunk streams below 64 and this chunk size, to another message stream.
func Readdress(messages []byte, stream uint32, chunkSize int) []byte {
	const header, streamAt = 12, 8
	b := append([]byte(nil), messages...)
	for rest := b; len(rest) >= header; {
		binary.LittleEndian.PutUint32(rest[streamAt:], stream)
		body := int(rest[4])<<16 | int(rest[5])<<8 | int(rest[6])
		extra := 0
		if rest[1]&rest[2]&rest[3] == 0xff {
			extra = 4
		}
		more := max(body-1, 0) / chunkSize // chunks after the first
		rest = rest[min(len(rest), header+extra+body+more*(1+extra)):]
	}
	return b
}

func appendBasicHeader(dst []byte, format byte, id uint32) []byte {
	switch {
	case id < 64:
		return append(dst, format<<6|byte(id))
	case id < 64+256:
		return append(dst, format<<6, byte(id-64))
	}
	return append(dst, format<<6|1, byte(id-64), byte((id-64)>>8))
}
