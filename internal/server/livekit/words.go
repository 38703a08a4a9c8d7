package livekit

import (
	"encoding/json"
	"slices"

	pb "github.com/livekit/protocol/livekit"

	wordlist "github.com/tuttilive/tutti/internal/room/words"
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

// said has what a client writes pass the list of what is not said: words are masked, and it is false for what is passed on to nobody. A piece of a
// stream can be neither longer nor shorter than it was said to be, so that with any word it is passed on to nobody, and the whole is not shown.
func said(packet *pb.DataPacket, list *wordlist.List) bool {
	var err error
	switch v := packet.Value.(type) {
	case *pb.DataPacket_ChatMessage:
		v.ChatMessage.Message, err = list.Mask(v.ChatMessage.GetMessage())
	case *pb.DataPacket_User:
		v.User.Payload, err = maskPayload(v.User.GetPayload(), list)
	case *pb.DataPacket_StreamChunk:
		err = list.Takes(string(v.StreamChunk.GetContent()))
	}
	return err == nil
}

// maskPayload masks the message in what LiveKit's chat components send, an object of JSON, or text that is none.
func maskPayload(payload []byte, list *wordlist.List) ([]byte, error) {
	var fields map[string]json.RawMessage
	var message string
	if json.Unmarshal(payload, &fields) != nil || json.Unmarshal(fields["message"], &message) != nil {
		text, err := list.Mask(string(payload))
		return []byte(text), err
	}
	masked, err := list.Mask(message)
	if err != nil || masked == message {
		return payload, err
	}
	if fields["message"], err = json.Marshal(masked); err != nil {
		return nil, err
	}
	return json.Marshal(fields)
}
