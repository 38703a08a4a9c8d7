package livekit

import (
	"fmt"
	"strings"
	"testing"

	pb "github.com/livekit/protocol/livekit"
	"google.golang.org/protobuf/proto"

	"github.com/tuttilive/tutti/internal/room"
	"github.com/tuttilive/tutti/internal/studio"
)

// TestMessagesComeBehindTheirSender: in a large room listeners are told of late, but not behind what they send.
func TestMessagesComeBehindTheirSender(t *testing.T) {
	s := &session{sid: "PA_me", inbox: newInbox(nil)}
	s.company.Store(largeRoom)
	s.tell(notice{participant: room.Participant{SID: "PA_b"}})
	s.tellBefore("PA_c")
	if s.presence.places == nil {
		t.Error("who sends nothing is told of at once")
	}
	s.tellBefore("PA_b")
	if len(s.presence.waiting) != 0 {
		t.Error("a message comes before its sender")
	}
}

// TestManyAreIntroducedInPieces: to those who come, and to those who come back, a room full of metadata is told in messages that
// fit into what may wait for a client.
func TestManyAreIntroducedInPieces(t *testing.T) {
	s := &session{inbox: newInbox(nil)}
	const people = 100
	var others []room.Participant
	for i := range people {
		p := room.Participant{SID: fmt.Sprint("PA_", i)}
		if i%2 == 0 {
			p.Metadata = strings.Repeat("m", room.MaxMetadataBytes)
		} else {
			p.DataTracks = manyDataTracks(t)
		}
		if i == people-1 {
			p.Publications = []room.Publication{{SID: "TR_1"}}
		}
		others = append(others, p)
	}
	told := map[string]bool{}
	first := s.introduce(others)
	for infos := first; len(infos) > 0; infos = s.presence.take() {
		for _, info := range infos {
			told[info.Sid] = true
		}
		if size := proto.Size(&pb.ParticipantUpdate{Participants: infos}); size > presenceBytes {
			t.Errorf("%d bytes in one message", size)
		}
	}
	if first[0].Sid != "PA_99" || len(told) != people || int(s.company.Load()) != people {
		t.Errorf("%s came first, %d are told of, %d are counted", first[0].Sid, len(told), s.company.Load())
	}
}

// manyDataTracks are as many as somebody may publish, with names and encodings as large as they may be.
func manyDataTracks(t *testing.T) (tracks []room.DataTrack) {
	t.Helper()
	const each = room.MaxDataTrackBytes / room.MaxDataTracks
	for i := range room.MaxDataTracks {
		encoding, err := proto.Marshal(&pb.DataTrackInfo{Schema: &pb.DataTrackSchemaId{Name: strings.Repeat("e", each/2)}})
		if err != nil {
			t.Fatal(err)
		}
		name := fmt.Sprintf("%0*d", each-len(encoding), i)
		tracks = append(tracks, room.DataTrack{SID: room.NewSID("DTR_"), Name: name, Handle: uint16(i + 1), Encoding: encoding})
	}
	return tracks
}

// TestJoiningARoomFullOfDataTracks has somebody come to many who publish as many data tracks as they may.
func TestJoiningARoomFullOfDataTracks(t *testing.T) {
	w := newWorld(t, nil)
	const people = 100
	var parts []*studio.Participant
	for i := range people {
		p, err := w.house.Enter("hall", room.Join{Identity: fmt.Sprint("guest", i), Permission: room.Permission{PublishData: true}}, deaf{})
		if err != nil {
			t.Fatal(err)
		}
		parts = append(parts, p)
	}
	for _, p := range parts {
		for _, track := range manyDataTracks(t) {
			if err := p.PublishData(track); err != nil {
				t.Fatal(err)
			}
		}
	}
	bob, join := w.enter(t, "bob", "hall", "")
	if size := proto.Size(join); size > presenceBytes+(16<<10) {
		t.Errorf("the join response has %d bytes", size)
	}
	told := map[string]int{}
	for _, p := range join.OtherParticipants {
		told[p.Identity] = len(p.DataTracks)
	}
	for len(told) < people {
		for _, p := range bob.next().GetUpdate().GetParticipants() {
			if p.Identity != "bob" {
				told[p.Identity] = len(p.DataTracks)
			}
		}
	}
	for who, n := range told {
		if n != room.MaxDataTracks {
			t.Errorf("%s has %d data tracks", who, n)
		}
	}
}
