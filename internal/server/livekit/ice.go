package livekit

import (
	"slices"
	"strings"

	pb "github.com/livekit/protocol/livekit"
)

// iceServers are STUN and TURN servers for the client. Its peers here need none of them to be found, but it may be in a
// network that lets nothing through but TURN. Who asked to come over TLS is told of nothing else.
func (s *session) iceServers() (list []*pb.ICEServer) {
	for _, server := range s.server.ice.Servers(s.place.room+"/"+s.place.identity, s.host) {
		urls := server.URLs
		if s.relayed {
			urls = slices.DeleteFunc(slices.Clone(urls), func(url string) bool { return !strings.HasPrefix(url, "turns:") })
		}
		if len(urls) == 0 {
			continue
		}
		list = append(list, &pb.ICEServer{Urls: urls, Username: server.Username, Credential: server.Credential})
	}
	return list
}
