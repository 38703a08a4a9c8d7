package room

import (
	"errors"
	"testing"
	"time"
)

func TestDataTracks(t *testing.T) {
	r, err := New("r", Settings{}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := r.Join(Join{Identity: "a", Permission: Permission{PublishData: true}}, time.Now()); err != nil {
		t.Fatal(err)
	}
	publish := func(handle uint16, name string) error {
		_, err := r.PublishData("a", DataTrack{SID: "DTR_" + name, Name: name, Handle: handle})
		return err
	}
	if err := errors.Join(publish(1, "place"), publish(2, "speed")); err != nil {
		t.Fatal(err)
	}
	before, _ := r.Participant("a")
	if err := publish(1, "other"); err != ErrHandleTaken {
		t.Errorf("the same handle again: %v", err)
	}
	if err := publish(3, "place"); err != ErrNameTaken {
		t.Errorf("the same name again: %v", err)
	}
	if _, err := r.UnpublishData("a", 9); err != ErrNoPublication {
		t.Errorf("what is not there is given up: %v", err)
	}
	events, err := r.UnpublishData("a", 1)
	if err != nil {
		t.Fatal(err)
	}
	if now := events[0].(ParticipantChanged).Participant.DataTracks; len(now) != 1 || now[0].Name != "speed" || len(before.DataTracks) != 2 {
		t.Errorf("told of %v, and a snapshot from before has %v", now, before.DataTracks)
	}
	for i := range MaxDataTracks - 1 {
		if err := publish(uint16(10+i), string(rune('A'+i))); err != nil {
			t.Fatal(err)
		}
	}
	if err := publish(1000, "one more"); err != ErrTooManyTracks {
		t.Errorf("one too many: %v", err)
	}
	if _, err := r.UnpublishData("a", 10); err != nil {
		t.Fatal(err)
	}
	if _, err := r.PublishData("a", DataTrack{Name: "large", Handle: 1, Encoding: make([]byte, MaxDataTrackBytes)}); err != ErrDataTracksTooLarge {
		t.Errorf("too large together: %v", err)
	}
	if _, err := r.SetPermission("a", Permission{}); err != nil {
		t.Fatal(err)
	}
	if p, _ := r.Participant("a"); len(p.DataTracks) > 0 {
		t.Errorf("%d are left without the permission", len(p.DataTracks))
	}
	if err := publish(1, "place"); err != ErrNotAllowed {
		t.Errorf("without the permission: %v", err)
	}
}
