package rtc

// protocol is what a datagram carries.
type protocol uint8

const (
	unknownProtocol protocol = iota
	stunProtocol
	dtlsProtocol
	rtpProtocol
	rtcpProtocol
)

// classify tells protocols on the shared port apart by the first byte (RFC 7983), and RTCP from RTP by the second (RFC
// 5761, section 4).
func classify(b []byte) protocol {
	if len(b) < 2 {
		return unknownProtocol
	}
	switch {
	case b[0] <= 3:
		return stunProtocol
	case b[0] >= 20 && b[0] <= 63:
		return dtlsProtocol
	case b[0] >= 128 && b[0] <= 191:
		if b[1] >= 192 && b[1] <= 223 {
			return rtcpProtocol
		}
		return rtpProtocol
	}
	return unknownProtocol
}
