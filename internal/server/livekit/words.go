package livekit

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"unicode/utf8"

	pb "github.com/livekit/protocol/livekit"
	"google.golang.org/protobuf/proto"

	"github.com/tuttilive/tutti/internal/room"
	wordlist "github.com/tuttilive/tutti/internal/room/words"
)

// wordTopics are those under which LiveKit's SDKs and components show what somebody writes, or is said to have said.
var wordTopics = map[string]bool{"lk.chat": true, "lk-chat-topic": true, "lk.transcription": true}

// words tells a client's messages that others are shown as what it writes from all else that applications say to each other: calls, files,
// pointers, whose hand is up.
type words struct {
	// streams are those that have begun and not ended, the newest of them: what belongs to any other may have words.
	streams []stream
}

// stream is what comes in pieces.
type stream struct {
	id string
	// words tells that others are shown it as what the client writes, file that it is not text all the same, but what comes along with that.
	words, file bool
	ending      string // of what was said in it so far
}

const (
	maxStreams       = 64
	maxStreamIDBytes = 256
	// maxEnding is how many bytes a word can have.
	maxEnding = wordlist.MaxRunes * utf8.UTFMax
)

// in tells whether a packet has words, or may have: what is encrypted end to end can be anything.
func (w *words) in(packet *pb.DataPacket) bool {
	switch v := packet.Value.(type) {
	case *pb.DataPacket_ChatMessage, *pb.DataPacket_EncryptedPacket:
		return true
	case *pb.DataPacket_User:
		return wordTopics[v.User.GetTopic()]
	case *pb.DataPacket_StreamHeader:
		return w.begin(v.StreamHeader).words
	case *pb.DataPacket_StreamChunk:
		s := w.find(v.StreamChunk.GetStreamId())
		return s == nil || s.words
	case *pb.DataPacket_StreamTrailer:
		id := v.StreamTrailer.GetStreamId()
		s := w.find(id)
		had := s == nil || s.words
		w.streams = slices.DeleteFunc(w.streams, func(s stream) bool { return s.id == id })
		return had
	}
	return false
}

// begin remembers a stream, unless all of it is in its header.
func (w *words) begin(h *pb.DataStream_Header) stream {
	s := stream{id: h.GetStreamId(), words: wordTopics[h.GetTopic()], file: h.GetByteHeader() != nil}
	if other := w.find(s.id); other != nil { // receivers take for both what comes
		s.words, s.file = s.words || other.words, s.file && other.file
	}
	if h.InlineContent == nil && len(s.id) <= maxStreamIDBytes {
		w.streams = append(w.streams[max(0, len(w.streams)-maxStreams+1):], s)
	}
	return s
}

// find is the newest stream of a name, nil where none is known.
func (w *words) find(id string) *stream {
	for i := range slices.Backward(w.streams) {
		if w.streams[i].id == id {
			return &w.streams[i]
		}
	}
	return nil
}

// said has what a client writes pass the list of what is not said: words are masked, and it is false for what is passed on to nobody. A piece of a
// stream can be neither longer nor shorter than it was said to be, so that with any word it is passed on to nobody, and the whole is not shown.
func (w *words) said(packet *pb.DataPacket, list *wordlist.List) bool {
	if list == nil {
		return true
	}
	var err error
	switch v := packet.Value.(type) {
	case *pb.DataPacket_ChatMessage:
		v.ChatMessage.Message, err = list.Mask(v.ChatMessage.GetMessage())
	case *pb.DataPacket_User:
		v.User.Payload, err = maskPayload(v.User.GetPayload(), list)
	case *pb.DataPacket_StreamHeader:
		err = maskHeader(v.StreamHeader, list)
	case *pb.DataPacket_StreamChunk:
		s := w.find(v.StreamChunk.GetStreamId())
		if s == nil {
			s = &stream{}
		}
		err = s.say(v.StreamChunk.GetContent(), list)
	}
	return err == nil
}

// say refuses a piece of a text with any word, also with one that began in the piece before.
func (s *stream) say(piece []byte, list *wordlist.List) error {
	if s.file {
		return nil
	}
	text := s.ending + string(piece)
	if err := list.Takes(text); err != nil {
		s.ending = ""
		return err
	}
	if s.ending = text; len(text) > maxEnding {
		s.ending = text[len(text)-maxEnding:]
		s.ending = s.ending[max(0, strings.IndexByte(s.ending, ' ')):] // or half a word would look like a whole one
	}
	return nil
}

// errUnread is that nobody can tell what a text says.
var errUnread = errors.New("a compressed text")

// maskHeader masks a text that is in its header. What is compressed nobody was told to send, see readable.
func maskHeader(h *pb.DataStream_Header, list *wordlist.List) error {
	if h.GetByteHeader() != nil {
		return nil
	}
	if h.GetCompression() != pb.DataStream_NONE {
		return errUnread
	}
	text := string(h.GetInlineContent())
	masked, err := list.Mask(text)
	if err == nil && masked != text {
		h.InlineContent, h.TotalLength = []byte(masked), proto.Uint64(uint64(len(masked)))
	}
	return err
}

// readable is what the others may ask of a client's program where words are looked for: not that it understands what is compressed, so that
// SDKs send text as it is.
func readable(p room.Program, list *wordlist.List) room.Program {
	if list != nil {
		p.Capabilities = slices.DeleteFunc(slices.Clone(p.Capabilities), func(c int32) bool { return c == int32(pb.ClientInfo_CAP_COMPRESSION_DEFLATE_RAW) })
	}
	return p
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
