package livekit

import (
	pb "github.com/livekit/protocol/livekit"

	"github.com/tuttilive/tutti/internal/rtc"
)

// detourOf is the way that a client shall come, which may have asked at its last connection to try another than the direct one: the
// candidates it is told, and whether it must use a relay.
func (s *Server) detourOf(at place) (candidates rtc.Transport, relay bool) {
	protocol, ok := s.detours.take(at)
	switch {
	case !ok:
		return rtc.AnyTransport, false
	case protocol == pb.CandidateProtocol_TCP:
		return rtc.TCP, false
	case protocol == pb.CandidateProtocol_TLS: // the only way that we have over TLS
		return rtc.AnyTransport, true
	}
	return rtc.UDP, false
}
