package livekit

import pb "github.com/livekit/protocol/livekit"

// iceServers are STUN and TURN servers for the client. Its peers here need none of them to be found, but it may be in a
// network that lets nothing through but TURN.
func (s *session) iceServers() (list []*pb.ICEServer) {
	for _, server := range s.server.ice.Servers(s.place.room+"/"+s.place.identity, s.host) {
		list = append(list, &pb.ICEServer{Urls: server.URLs, Username: server.Username, Credential: server.Credential})
	}
	return list
}
