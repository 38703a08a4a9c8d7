package livekit

import (
	"fmt"
	"strings"
	"testing"

	"github.com/tuttilive/tutti/internal/room"
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
		p := room.Participant{SID: fmt.Sprint("PA_", i), Metadata: strings.Repeat("m", room.MaxMetadataBytes)}
		if i == people-1 {
			p.Publications = []room.Publication{{SID: "TR_1"}}
		}
		others = append(others, p)
	}
	told := map[string]bool{}
	first := s.introduce(others)
	for infos := first; len(infos) > 0; infos = s.presence.take() {
		size := 0
		for _, info := range infos {
			told[info.Sid] = true
			size += len(info.Metadata)
		}
		if size > presenceBytes {
			t.Errorf("%d bytes in one message", size)
		}
	}
	if first[0].Sid != "PA_99" || len(told) != people || int(s.company.Load()) != people {
		t.Errorf("%s came first, %d are told of, %d are counted", first[0].Sid, len(told), s.company.Load())
	}
}
