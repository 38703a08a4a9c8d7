package chronicle

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/room"
)

var start = time.Unix(1_800_000_000, 0)

func join(c *Chronicle, sid, identity string, at time.Time) room.Participant {
	p := room.Participant{SID: sid, Identity: identity, JoinedAt: at, Permission: room.Permission{Publish: true}, Program: room.Program{Door: "livekit"}}
	c.RoomEvent("tea", room.ParticipantJoined{Participant: p}, at)
	return p
}

// words are what happened, in short.
func words(list []Happening) string {
	var all []string
	for _, h := range list {
		all = append(all, strings.TrimSpace(fmt.Sprintf("%s %s %s", h.What, h.Track, h.Detail)))
	}
	return strings.Join(all, ", ")
}

func TestAVisitIsWrittenDown(t *testing.T) {
	c := New()
	p := join(c, "PA_1", "ada", start)
	pub := room.Publication{SID: "TR_1", Kind: media.Video, Source: room.Camera, Codec: media.VP8}
	tell := func(e room.Event) { c.RoomEvent("tea", e, start.Add(time.Second)) }
	tell(room.PublicationAdded{Participant: p, Publication: pub})
	tell(room.PublicationChanged{Participant: p, Publication: pub}) // nothing that is of interest
	pub.Muted = true
	tell(room.PublicationChanged{Participant: p, Publication: pub})
	tell(room.PublicationChanged{Participant: p, Publication: pub})
	pub.Muted = false
	tell(room.PublicationChanged{Participant: p, Publication: pub})
	c.Note("PA_1", SignalLost, "", "EOF", start.Add(time.Second))
	c.Note("PA_2", Resumed, "", "", start) // nobody
	p.Permission.Publish = false
	tell(room.ParticipantChanged{Participant: p})
	tell(room.ParticipantChanged{Participant: p})
	tell(room.PublicationRemoved{Participant: p, Publication: pub})
	tell(room.ParticipantLeft{Participant: p, Reason: room.LeftTimeout})
	c.Note("PA_1", Resumed, "", "", start)

	visits := c.Visits("tea", "ada", start.Add(time.Minute))
	if len(visits) != 1 || visits[0].Left.IsZero() || visits[0].Reason != room.LeftTimeout {
		t.Fatalf("%+v", visits)
	}
	const want = "joined  livekit, published TR_1 camera vp8, muted TR_1, unmuted TR_1, away  EOF, permission  nothing, ended TR_1, left  timeout"
	if got := words(visits[0].Happenings); got != want {
		t.Errorf("what happened:\n%s\nnot\n%s", got, want)
	}
	if n := len(c.Visits("coffee", "ada", start)) + len(c.Visits("tea", "grace", start)); n != 0 {
		t.Errorf("%d visits of others", n)
	}
}

func TestWhatHappensOftenMakesRoomForWhatDoesNot(t *testing.T) {
	c := New()
	join(c, "PA_1", "ada", start)
	c.Note("PA_1", Connected, "", "udp", start)
	for i := range 10 * maxHappenings {
		c.Note("PA_1", Layer, "TR_2", fmt.Sprint(i), start)
	}
	c.Note("PA_1", SignalLost, "", "", start)
	got := c.Visits("tea", "ada", start)[0].Happenings
	if len(got) != maxHappenings || got[0].What != Joined || got[1].What != Connected || got[len(got)-1].What != SignalLost ||
		got[len(got)-2].Detail != fmt.Sprint(10*maxHappenings-1) {
		t.Errorf("%d left: %.80s", len(got), words(got))
	}
	for range 2 * maxHappenings {
		c.Note("PA_1", Resumed, "", "", start)
	}
	if got = c.Visits("tea", "ada", start)[0].Happenings; len(got) != maxHappenings || got[0].What != Joined || got[1].What != Resumed {
		t.Errorf("%d left: %.80s", len(got), words(got))
	}
}

func TestThoseWhoLeftAreForgotten(t *testing.T) {
	c := New()
	for i := range maxDeparted + 10 {
		p := join(c, fmt.Sprintf("PA_%d", i), "ada", start)
		c.RoomEvent("tea", room.ParticipantLeft{Participant: p}, start)
	}
	join(c, "PA_now", "ada", start)
	if n := len(c.Visits("tea", "ada", start.Add(Keep))); n != maxDeparted+1 {
		t.Errorf("%d visits are known", n)
	}
	if n := len(c.Departed("tea", start.Add(Keep))); n != maxDeparted {
		t.Errorf("%d have departed", n)
	}
	left := c.Visits("tea", "ada", start.Add(Keep+time.Second))
	if len(left) != 1 || left[0].SID != "PA_now" || len(c.present) != 1 || len(c.departed) != 0 {
		t.Errorf("afterwards %d visits are known", len(left))
	}
}
