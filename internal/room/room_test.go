package room

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tuttilive/tutti/internal/media"
)

var noon = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

func newRoom(t *testing.T) *Room {
	t.Helper()
	r, err := New("r", Settings{}, noon)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func join(t *testing.T, r *Room, identity string) []Event {
	t.Helper()
	_, events, err := r.Join(Join{Identity: identity, Permission: Permission{Publish: true, Subscribe: true}}, noon)
	if err != nil {
		t.Fatal(err)
	}
	return events
}

func names(events []Event) string {
	var s []string
	for _, e := range events {
		s = append(s, strings.TrimPrefix(fmt.Sprintf("%T", e), "room."))
	}
	return strings.Join(s, " ")
}

func TestRoomNames(t *testing.T) {
	for name, ok := range map[string]bool{
		"demo": true, "abc-1_2": true, "合奏室": true, "कक्ष": true, strings.Repeat("a", 64): true,
		"": false, "a b": false, "a/b": false, "..": false, "a.b": false, "a\x00": false, strings.Repeat("a", 65): false, "\xff": false, "<b>": false,
	} {
		if err := CheckName(name); (err == nil) != ok {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestTheNewerConnectionOfAnIdentityWins(t *testing.T) {
	r := newRoom(t)
	join(t, r, "a")
	if _, err := r.Publish("a", Publication{SID: "TR_1", Kind: media.Audio}); err != nil {
		t.Fatal(err)
	}
	before, _ := r.Participant("a")
	events := join(t, r, "a")
	if got := names(events); got != "PublicationRemoved ParticipantLeft ParticipantJoined" {
		t.Fatalf("events: %s", got)
	}
	if left := events[1].(ParticipantLeft); left.Reason != LeftDuplicate || left.Participant.SID != before.SID {
		t.Fatalf("left: %+v", left)
	}
	if n := len(r.Participants()); n != 1 {
		t.Fatalf("%d participants", n)
	}
}

func TestAFullRoom(t *testing.T) {
	r := newRoom(t)
	r.MaxParticipants = 1
	join(t, r, "a")
	if _, _, err := r.Join(Join{Identity: "b"}, noon); !errors.Is(err, ErrFull) {
		t.Fatalf("got %v", err)
	}
	join(t, r, "a") // who is in already may come again
}

func TestPublishingFollowsPermission(t *testing.T) {
	r := newRoom(t)
	join(t, r, "a")
	if _, err := r.SetPermission("a", Permission{Publish: true, Sources: []Source{Microphone}}); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Publish("a", Publication{SID: "TR_1", Source: Camera}); !errors.Is(err, ErrNotAllowed) {
		t.Fatalf("camera: %v", err)
	}
	if _, err := r.Publish("a", Publication{SID: "TR_1", Source: Microphone}); err != nil {
		t.Fatalf("microphone: %v", err)
	}
	if _, err := r.Publish("a", Publication{SID: "TR_1", Source: Microphone}); !errors.Is(err, ErrPublicationDup) {
		t.Fatalf("twice: %v", err)
	}
	events, err := r.SetPermission("a", Permission{})
	if err != nil || names(events) != "ParticipantChanged PublicationRemoved" {
		t.Fatalf("losing the permission: %s, %v", names(events), err)
	}
	if _, err := r.Publish("nobody", Publication{}); !errors.Is(err, ErrNoParticipant) {
		t.Fatalf("nobody: %v", err)
	}
}

func TestPublicationsAreBounded(t *testing.T) {
	r := newRoom(t)
	join(t, r, "a")
	for i := range MaxPublications {
		if _, err := r.Publish("a", Publication{SID: fmt.Sprint(i)}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := r.Publish("a", Publication{SID: "more"}); !errors.Is(err, ErrTooManyTracks) {
		t.Fatalf("got %v", err)
	}
}

func TestASnapshotDoesNotChange(t *testing.T) {
	r := newRoom(t)
	join(t, r, "a")
	if _, err := r.Publish("a", Publication{SID: "TR_1"}); err != nil {
		t.Fatal(err)
	}
	before, _ := r.Participant("a")
	if _, err := r.ChangePublication("a", "TR_1", func(p *Publication) { p.Muted = true }); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Update("a", nil, nil, map[string]string{"k": "v"}); err != nil {
		t.Fatal(err)
	}
	if before.Publications[0].Muted || len(before.Attributes) != 0 {
		t.Fatal("the snapshot changed")
	}
	after, _ := r.Participant("a")
	if !after.Publications[0].Muted || after.Attributes["k"] != "v" || after.Version <= before.Version {
		t.Fatalf("after: %+v", after)
	}
}

func TestAttributesMergeAndAreBounded(t *testing.T) {
	r := newRoom(t)
	join(t, r, "a")
	update := func(a map[string]string) error { _, err := r.Update("a", nil, nil, a); return err }
	if err := errors.Join(update(map[string]string{"x": "1", "y": "2"}), update(map[string]string{"x": ""})); err != nil {
		t.Fatal(err)
	}
	p, _ := r.Participant("a")
	if len(p.Attributes) != 1 || p.Attributes["y"] != "2" {
		t.Fatalf("attributes: %v", p.Attributes)
	}
	if err := update(map[string]string{"big": strings.Repeat("x", MaxMetadataBytes)}); !errors.Is(err, ErrTooLarge) {
		t.Fatalf("too large: %v", err)
	}
}

func TestGoingLive(t *testing.T) {
	r := newRoom(t)
	if _, err := r.EndLive(); !errors.Is(err, ErrAlreadyOffAir) {
		t.Fatalf("ending before: %v", err)
	}
	if _, err := r.GoLive("a", "title", noon); err != nil || !r.Live().On {
		t.Fatalf("going live: %v", err)
	}
	if _, err := r.GoLive("b", "", noon); !errors.Is(err, ErrAlreadyOnAir) {
		t.Fatalf("twice: %v", err)
	}
	if _, err := r.EndLive(); err != nil || r.Live().On {
		t.Fatalf("ending: %v", err)
	}
}

func TestIdentitiesArePrintable(t *testing.T) {
	for identity, ok := range map[string]bool{
		"a": true, "安娜": true, "👩‍👩‍👧": true, strings.Repeat("a", 256): true,
		"": false, "a\nb": false, "\x1b[2J": false, "\xff": false, strings.Repeat("a", 257): false,
	} {
		if _, _, err := newRoom(t).Join(Join{Identity: identity}, noon); (err == nil) != ok {
			t.Errorf("%q: %v", identity, err)
		}
	}
}

func TestTakingOver(t *testing.T) {
	r := newRoom(t)
	if _, err := r.TakeOver("host", ""); !errors.Is(err, ErrAlreadyOffAir) {
		t.Errorf("before: %v", err)
	}
	if _, err := r.GoLive("obs", "title", noon); err != nil {
		t.Fatal(err)
	}
	events, err := r.TakeOver("host", "")
	if live := r.Live(); err != nil || names(events) != "LiveChanged" || live.By != "host" || live.Title != "title" || live.Since != noon {
		t.Errorf("%+v, %v, %v", live, names(events), err)
	}
}

func TestWhoServesTheOthersTakesNoPlace(t *testing.T) {
	r := newRoom(t)
	r.MaxParticipants = 1
	join(t, r, "a")
	for i, j := range []Join{{Kind: Agent}, {Kind: Recorder}, {Kind: Ingest}, {Permission: Permission{Hidden: true}}, {Permission: Permission{Recorder: true}}} {
		j.Identity = fmt.Sprint(i)
		if _, _, err := r.Join(j, noon); err != nil {
			t.Errorf("%+v: %v", j, err)
		}
	}
	if _, _, err := r.Join(Join{Identity: "b", Kind: Phone}, noon); !errors.Is(err, ErrFull) {
		t.Errorf("got %v", err)
	}
}

func TestWhoIsRefusedReplacesNobody(t *testing.T) {
	r := newRoom(t)
	r.MaxParticipants = 1
	_, _, err := r.Join(Join{Identity: "hidden", Permission: Permission{Hidden: true}}, noon)
	join(t, r, "a")
	if _, events, err2 := r.Join(Join{Identity: "hidden"}, noon); err != nil || !errors.Is(err2, ErrFull) || len(events) > 0 {
		t.Errorf("%v, %v, %s", err, err2, names(events))
	}
}

func TestHidingAndShowing(t *testing.T) {
	r := newRoom(t)
	join(t, r, "a")
	for _, c := range []struct {
		hidden bool
		want   string
	}{{false, "ParticipantChanged"}, {true, "ParticipantHidden ParticipantChanged"}, {true, "ParticipantChanged"}, {false, "ParticipantShown ParticipantChanged"}} {
		events, err := r.SetPermission("a", Permission{Hidden: c.hidden})
		if got := names(events); err != nil || got != c.want {
			t.Errorf("hidden %v: %s, %v", c.hidden, got, err)
		}
	}
}

func TestSettingsWithinThoseOfTheServer(t *testing.T) {
	server := Settings{EmptyTimeout: time.Minute, DepartureTimeout: time.Second, MaxParticipants: 10}
	for _, c := range []struct{ own, server, want Settings }{
		{Settings{}, server, server},
		{Settings{EmptyTimeout: time.Hour, MaxParticipants: 5, Metadata: "m"}, server, Settings{time.Hour, time.Second, 5, "m"}},
		{Settings{MaxParticipants: 50}, server, server},
		{Settings{MaxParticipants: 50}, Settings{}, Settings{MaxParticipants: 50}},
		{Settings{}, Settings{}, Settings{}},
	} {
		if got := c.own.Within(c.server); got != c.want {
			t.Errorf("%+v within %+v: %+v", c.own, c.server, got)
		}
	}
	if _, err := New("r", Settings{Metadata: strings.Repeat("x", MaxMetadataBytes+1)}, noon); !errors.Is(err, ErrTooLarge) {
		t.Errorf("large metadata: %v", err)
	}
}
