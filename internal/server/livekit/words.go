package livekit

import (
	"slices"

	pb "github.com/livekit/protocol/livekit"
)

// wordTopics are those under which LiveKit's SDKs and components show what somebody writes, or is said to have said.
var wordTopics = map[string]bool{"lk.chat": true, "lk-chat-topic": true, "lk.transcription": true}

// words tells a client's messages that others are shown as what it writes from all else that applications say to each other: calls, files,
// pointers, whose hand is up.
type words struct {
	// without are streams that have none, the newest of them: what belongs to any other may have.
	without []string
}

const maxWithoutWords = 64

// in tells whether a packet has words, or may have: what is encrypted end to end can be anything.
func (w *words) in(packet *pb.DataPacket) bool {
	switch v := packet.Value.(type) {
	case *pb.DataPacket_ChatMessage, *pb.DataPacket_EncryptedPacket:
		return true
	case *pb.DataPacket_User:
		return wordTopics[v.User.GetTopic()]
	case *pb.DataPacket_StreamHeader:
		if wordTopics[v.StreamHeader.GetTopic()] {
			return true
		}
		w.without = append(w.without[max(0, len(w.without)-maxWithoutWords+1):], v.StreamHeader.GetStreamId())
	case *pb.DataPacket_StreamChunk:
		return !slices.Contains(w.without, v.StreamChunk.GetStreamId())
	case *pb.DataPacket_StreamTrailer:
		return !slices.Contains(w.without, v.StreamTrailer.GetStreamId())
	}
	return false
}
