package livekit

import (
	"fmt"
	"strings"
	"testing"

	pb "github.com/livekit/protocol/livekit"
	"google.golang.org/protobuf/proto"

	"github.com/tuttilive/tutti/internal/room"
	wordlist "github.com/tuttilive/tutti/internal/room/words"
	"github.com/tuttilive/tutti/internal/studio"
	"github.com/tuttilive/tutti/internal/studio/lkinfo"
)

// TestWordsAreToldFromAllElse that applications say to each other; what may be either counts as words.
func TestWordsAreToldFromAllElse(t *testing.T) {
	user := func(topic string) *pb.DataPacket {
		return &pb.DataPacket{Value: &pb.DataPacket_User{User: &pb.UserPacket{Topic: &topic}}}
	}
	header := func(topic, id string) *pb.DataPacket {
		return &pb.DataPacket{Value: &pb.DataPacket_StreamHeader{StreamHeader: &pb.DataStream_Header{Topic: topic, StreamId: id}}}
	}
	chunk := func(id string) *pb.DataPacket {
		return &pb.DataPacket{Value: &pb.DataPacket_StreamChunk{StreamChunk: &pb.DataStream_Chunk{StreamId: id}}}
	}
	trailer := func(id string) *pb.DataPacket {
		return &pb.DataPacket{Value: &pb.DataPacket_StreamTrailer{StreamTrailer: &pb.DataStream_Trailer{StreamId: id}}}
	}
	w := &words{}
	for i, c := range []struct {
		packet *pb.DataPacket
		want   bool
	}{
		{&pb.DataPacket{}, false},
		{user(""), false},
		{user("pointer"), false},
		{user("lk-chat-topic"), true},
		{user("lk.chat"), true},
		{&pb.DataPacket{Value: &pb.DataPacket_ChatMessage{}}, true},
		{&pb.DataPacket{Value: &pb.DataPacket_EncryptedPacket{}}, true},
		{&pb.DataPacket{Value: &pb.DataPacket_RpcRequest{}}, false},
		{&pb.DataPacket{Value: &pb.DataPacket_RpcResponse{}}, false},
		{header("lk.chat", "spoken"), true},
		{chunk("spoken"), true},
		{trailer("spoken"), true},
		{header("files", "photo"), false},
		{chunk("photo"), false},
		{trailer("photo"), false},
		{chunk("never begun"), true},
	} {
		if got := w.in(c.packet); got != c.want {
			t.Errorf("%d: %v: %v", i, c.packet, got)
		}
	}
	long := strings.Repeat("x", maxStreamIDBytes+1)
	w.in(header("files", long))
	if len(w.streams) > 0 || !w.in(chunk(long)) {
		t.Errorf("of streams that have ended, and of a long name, are remembered: %v", w.streams)
	}
	for i := range 2 * maxStreams {
		w.in(header("files", fmt.Sprint(i)))
	}
	if w.in(chunk(fmt.Sprint(2*maxStreams-1))) || !w.in(chunk("0")) || len(w.streams) > maxStreams {
		t.Errorf("%d streams are remembered: %v", len(w.streams), w.streams)
	}
}

func TestWhatIsNotSaidInAChat(t *testing.T) {
	list, err := wordlist.Read(strings.NewReader("heck\n!forbidden"))
	if err != nil {
		t.Fatal(err)
	}
	chat := func(text string) *pb.DataPacket {
		return &pb.DataPacket{Value: &pb.DataPacket_ChatMessage{ChatMessage: &pb.ChatMessage{Message: text}}}
	}
	user := func(payload string) *pb.DataPacket {
		return &pb.DataPacket{Value: &pb.DataPacket_User{User: &pb.UserPacket{Payload: []byte(payload)}}}
	}
	chunk := func(content string) *pb.DataPacket { return streamed("", content) }
	inline := func(text string, compression pb.DataStream_CompressionType) *pb.DataPacket {
		return &pb.DataPacket{Value: &pb.DataPacket_StreamHeader{StreamHeader: &pb.DataStream_Header{
			Topic: "lk.chat", InlineContent: []byte(text), TotalLength: proto.Uint64(uint64(len(text))), Compression: compression,
			ContentHeader: &pb.DataStream_Header_TextHeader{TextHeader: &pb.DataStream_TextHeader{}},
		}}}
	}
	file := &pb.DataPacket{Value: &pb.DataPacket_StreamHeader{StreamHeader: &pb.DataStream_Header{
		Topic: "lk.chat", InlineContent: []byte("heck"), Compression: pb.DataStream_DEFLATE_RAW, ContentHeader: &pb.DataStream_Header_ByteHeader{ByteHeader: &pb.DataStream_ByteHeader{}},
	}}}
	for i, c := range []struct{ packet, want *pb.DataPacket }{
		{chat("oh heck"), chat("oh ****")},
		{chat("forbidden"), nil},
		{user("oh heck"), user("oh ****")},
		{user(`{"id":"1","message":"oh \u0068eck","timestamp":5}`), user(`{"id":"1","message":"oh ****","timestamp":5}`)},
		{user(`{"message":"heckle","id":"heck"}`), user(`{"message":"heckle","id":"heck"}`)},
		{user(`{"message":"forbidden"}`), nil},
		{chunk("good"), chunk("good")},
		{chunk("oh heck"), nil},
		{inline("oh ｈｅｃｋ", pb.DataStream_NONE), inline("oh ****", pb.DataStream_NONE)},
		{inline("forbidden", pb.DataStream_NONE), nil},
		{inline("nobody knows", pb.DataStream_DEFLATE_RAW), nil},
		{file, proto.CloneOf(file)},
		{&pb.DataPacket{Value: &pb.DataPacket_StreamTrailer{}}, &pb.DataPacket{Value: &pb.DataPacket_StreamTrailer{}}},
	} {
		if ok := new(words).said(c.packet, list); ok != (c.want != nil) || ok && !proto.Equal(c.packet, c.want) {
			t.Errorf("%d: %v: %v", i, c.packet, ok)
		}
	}
}

func streamed(id, content string) *pb.DataPacket {
	return &pb.DataPacket{Value: &pb.DataPacket_StreamChunk{StreamChunk: &pb.DataStream_Chunk{StreamId: id, Content: []byte(content)}}}
}

// TestTextInPiecesIsLookedAtAsAWhole, for as long as a word can be, and files beside it are no text.
func TestTextInPiecesIsLookedAtAsAWhole(t *testing.T) {
	list, err := wordlist.Read(strings.NewReader("ass\n!for bidden\n笨蛋"))
	if err != nil {
		t.Fatal(err)
	}
	text, file := &pb.DataStream_Header_TextHeader{TextHeader: &pb.DataStream_TextHeader{}}, &pb.DataStream_Header_ByteHeader{ByteHeader: &pb.DataStream_ByteHeader{}}
	begin := func(w *words, id string, h *pb.DataStream_Header) {
		h.StreamId, h.Topic = id, "lk.chat"
		w.in(&pb.DataPacket{Value: &pb.DataPacket_StreamHeader{StreamHeader: h}})
	}
	long := strings.Repeat("a class, ", maxEnding)
	for i, c := range []struct {
		pieces []string
		want   string
	}{
		{[]string{"it is for", " bid", "den"}, "it is for bid"},
		{[]string{"cl", "ass", "room"}, "classroom"},
		{[]string{"你是\xe7\xac", "\xa8", "蛋", "吗"}, "你是笨吗"},
		{[]string{"an ass", " and more"}, " and more"},
		{[]string{long, long[1:], "ass"}, long + long[1:]},
		{[]string{strings.Repeat("x", maxEnding) + "for ", "bidden"}, strings.Repeat("x", maxEnding) + "for bidden"},
	} {
		var w words
		begin(&w, "text", &pb.DataStream_Header{ContentHeader: text})
		begin(&w, "file", &pb.DataStream_Header{ContentHeader: file})
		var got string
		for _, piece := range c.pieces {
			if !w.said(streamed("file", "\xff ass "+piece), list) {
				t.Errorf("%d: a file is not passed on", i)
			}
			if w.said(streamed("text", piece), list) {
				got += piece
			}
			if s := w.find("text"); len(s.ending) > maxEnding {
				t.Errorf("%d: %d bytes are kept", i, len(s.ending))
			}
		}
		if got != c.want {
			t.Errorf("%d: passed on: %q", i, got)
		}
		begin(&w, "text", &pb.DataStream_Header{ContentHeader: file})
		if w.said(streamed("text", "an ass"), list) {
			t.Errorf("%d: text that is said to be a file, too, is passed on", i)
		}
	}
}

// TestNobodyIsAskedToCompressWhatIsRead: SDKs compress text for those who say that they understand that.
func TestNobodyIsAskedToCompressWhatIsRead(t *testing.T) {
	for listed, want := range map[bool]string{true: "[CAP_PACKET_TRAILER]", false: "[CAP_PACKET_TRAILER CAP_COMPRESSION_DEFLATE_RAW]"} {
		house := newHouse(t, func(o *studio.Options) {
			if !listed {
				o.Words = nil
			}
		})
		w := newWorld(t, func(c *Config) { c.House = house })
		w.enter(t, "ada", "hall", "protocol=17&client_protocol=2&capabilities=CAP_PACKET_TRAILER,CAP_COMPRESSION_DEFLATE_RAW")
		hall, err := house.Studio("hall")
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range hall.Participants() {
			info := lkinfo.Participant(p)
			if got := fmt.Sprint(info.Capabilities); got != want || info.ClientProtocol != 2 {
				t.Errorf("the others are told %s, %d", got, info.ClientProtocol)
			}
		}
	}
}

// TestWhatIsNotSaidReachesNobody in a room: neither what a participant writes in LiveKit's chat nor, where words are masked, the words.
func TestWhatIsNotSaidReachesNobody(t *testing.T) {
	w := newWorld(t, nil)
	heard := make(listener, 10)
	if _, err := w.house.Enter("hall", room.Join{Identity: "bob", Permission: room.Permission{Subscribe: true}}, heard); err != nil {
		t.Fatal(err)
	}
	w.enterAs(t, token(t, "mallory", "hall", nil), false)
	data := &w.server.find(place{"hall", "mallory"}).data
	for i, text := range []string{"this is Forbidden", "this is said"} {
		packet, err := proto.Marshal(&pb.DataPacket{Sequence: uint32(i + 1), Value: &pb.DataPacket_ChatMessage{ChatMessage: &pb.ChatMessage{Message: text}}})
		if err != nil {
			t.Fatal(err)
		}
		data.receive(packet, true)
	}
	if got := <-heard; !strings.Contains(string(got.Payload), "this is said") {
		t.Errorf("passed on: %q", got.Payload)
	}
}
