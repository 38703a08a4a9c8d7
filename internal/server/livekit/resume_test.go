package livekit

import (
	"fmt"
	"slices"
	"testing"
	"time"

	pb "github.com/livekit/protocol/livekit"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/room"
)

// speakAs publishes a microphone of the client's without media, and gives its SID.
func (w *world) speakAs(t *testing.T, c *wire, identity string) string {
	t.Helper()
	c.send(&pb.SignalRequest{Message: &pb.SignalRequest_AddTrack{AddTrack: &pb.AddTrackRequest{
		Cid: "mic", Type: pb.TrackType_AUDIO, Source: pb.TrackSource_MICROPHONE}}})
	sid := c.until(func(r *pb.SignalResponse) bool { return r.GetTrackPublished() != nil }).GetTrackPublished().Track.Sid
	pub := room.Publication{SID: sid, CID: "mic", Kind: media.Audio, Codec: media.Opus, Source: room.Microphone}
	if _, err := w.server.find(place{"hall", identity}).part.PublishFrames(pub); err != nil {
		t.Fatal(err)
	}
	c.untilUpdate(func(p *pb.ParticipantInfo) bool { return p.Identity == identity && len(p.Tracks) == 1 })
	return sid
}

// goAway breaks the client's connection and waits until the server has seen it.
func (w *world) goAway(t *testing.T, c *wire) {
	t.Helper()
	c.ws.CloseNow()
	eventually(t, "the server sees that the client is away", func() bool { return w.server.counts.away.Load() > 0 })
}

// eventually waits for what is to come.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !is(); <-time.After(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("never: " + what)
		}
	}
}

// comeBack resumes and gives what the client is told, up to the answer to its first ping.
func (w *world) comeBack(t *testing.T, token, sid string) (c *wire, told []*pb.SignalResponse) {
	t.Helper()
	c, _, err := w.dial(t, token, "protocol=17&reconnect=1&sid="+sid)
	if err != nil {
		t.Fatal(err)
	}
	c.send(&pb.SignalRequest{Message: &pb.SignalRequest_PingReq{PingReq: &pb.Ping{}}})
	c.until(func(r *pb.SignalResponse) bool {
		told = append(told, r)
		return r.GetPongResp() != nil
	})
	return c, told
}

// TestAMuteThatTheClientDidNotHearOf: livekit-client takes an update of itself that it does not agree with for an error, and corrects the server.
// So it must have been told of a mute before that.
func TestAMuteThatTheClientDidNotHearOf(t *testing.T) {
	for name, tt := range map[string]struct {
		away, confirmed, muted bool
	}{
		"muted while it was away":            {away: true, muted: true},
		"muted while nobody knew":            {muted: true}, // the word went to a connection that was dead already
		"muted before, and it followed":      {confirmed: true, muted: true},
		"nothing happened while it was away": {away: true},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, nil)
			alice, join := w.enter(t, "alice", "hall", "")
			sid := w.speakAs(t, alice, "alice")
			if tt.away {
				w.goAway(t, alice)
			}
			if tt.muted {
				if err := w.studioOf(t, "hall").Mute("alice", sid, true); err != nil {
					t.Fatal(err)
				}
			}
			if tt.confirmed {
				alice.until(func(r *pb.SignalResponse) bool { return r.GetMute().GetMuted() })
				alice.send(&pb.SignalRequest{Message: &pb.SignalRequest_Mute{Mute: &pb.MuteTrackRequest{Sid: sid, Muted: true}}})
				alice.send(&pb.SignalRequest{Message: &pb.SignalRequest_PingReq{PingReq: &pb.Ping{}}})
				alice.until(func(r *pb.SignalResponse) bool { return r.GetPongResp() != nil })
			}
			_, told := w.comeBack(t, token(t, "alice", "hall", nil), join.Participant.Sid)
			mutes, seen := 0, false
			for _, r := range told {
				if m := r.GetMute(); m != nil {
					if mutes++; m.Sid != sid || !m.Muted {
						t.Errorf("told %v", m)
					}
				}
				for _, p := range r.GetUpdate().GetParticipants() {
					if p.Identity != "alice" {
						continue
					}
					seen = true
					if p.Tracks[0].Muted != tt.muted {
						t.Errorf("told of itself: %v", p)
					}
					if mutes == 0 && tt.muted && !tt.confirmed {
						t.Error("told what it is before it was told to become that")
					}
				}
			}
			if !seen {
				t.Error("not told of itself")
			}
			if tt.muted == tt.confirmed && mutes > 0 {
				t.Error("told what it knows")
			}
		})
	}
}

// TestWhatIsAllowedAndCarriedIsToldToWhoComesBack: what has changed of the tracks of others while a client was away.
func TestWhatIsAllowedAndCarriedIsToldToWhoComesBack(t *testing.T) {
	w := newWorld(t, nil)
	bob, _ := w.enter(t, "bob", "hall", "")
	sid := w.speakAs(t, bob, "bob")
	alice, join := w.enter(t, "alice", "hall", "")
	alices, bobs := w.server.find(place{"hall", "alice"}), w.server.find(place{"hall", "bob"})
	rule := func(all bool) {
		bob.send(&pb.SignalRequest{Message: &pb.SignalRequest_SubscriptionPermission{
			SubscriptionPermission: &pb.SubscriptionPermission{AllParticipants: all}}})
	}
	alice.until(func(r *pb.SignalResponse) bool { return r.GetOffer() != nil })
	rule(false)
	alice.until(func(r *pb.SignalResponse) bool {
		u := r.GetSubscriptionPermissionUpdate()
		return u != nil && !u.Allowed
	})
	alices.inbox.put(trackSuspended{sid, true}, 0)
	alice.until(func(r *pb.SignalResponse) bool { return r.GetStreamStateUpdate() != nil })
	w.goAway(t, alice)
	rule(true)
	eventually(t, "all may have bob's tracks", func() bool { return !bobs.rules.current().narrow })
	alices.inbox.put(trackSuspended{sid, false}, 0)

	_, told := w.comeBack(t, token(t, "alice", "hall", nil), join.Participant.Sid)
	allowed, active := false, false
	for _, r := range told {
		if u := r.GetSubscriptionPermissionUpdate(); u != nil {
			allowed = u.TrackSid == sid && u.Allowed
		}
		for _, state := range r.GetStreamStateUpdate().GetStreamStates() {
			active = state.TrackSid == sid && state.State == pb.StreamState_ACTIVE
		}
	}
	if !allowed || !active {
		t.Errorf("told that it may have the track: %v; that its way carries it: %v", allowed, active)
	}
}

// TestWhoComesBackWithAnOldTokenIsGivenTheNewestAgain: a token that was made while the client was away went to nobody.
func TestWhoComesBackWithAnOldTokenIsGivenTheNewestAgain(t *testing.T) {
	w := newWorld(t, nil)
	first := token(t, "alice", "hall", nil)
	alice, _, err := w.dial(t, first, "protocol=17")
	if err != nil {
		t.Fatal(err)
	}
	sid := alice.next().GetJoin().Participant.Sid
	w.goAway(t, alice)
	text := "changed by the server"
	if err := w.studioOf(t, "hall").Update("alice", nil, &text, nil); err != nil {
		t.Fatal(err)
	}
	fresh := func(told []*pb.SignalResponse) (token string) {
		for _, r := range told {
			if r.GetRefreshToken() != "" {
				token = r.GetRefreshToken()
			}
		}
		return token
	}
	back, told := w.comeBack(t, first, sid)
	newest := fresh(told)
	if claims, err := testKeys.Verify(newest); err != nil || claims.Metadata != text {
		t.Fatalf("given a token of %+v (%v)", claims, err)
	}
	back.ws.CloseNow()
	if _, told := w.comeBack(t, newest, sid); fresh(told) != "" {
		t.Error("given a token that it has")
	}
}

// TestWhatIsPublishedNoMoreIsToldToWhoTakesItForPublished, however many it takes for that.
func TestWhatIsPublishedNoMoreIsToldToWhoTakesItForPublished(t *testing.T) {
	w := newWorld(t, nil)
	alice, join := w.enter(t, "alice", "hall", "")
	sid := w.speakAs(t, alice, "alice")
	back, _ := w.comeBack(t, token(t, "alice", "hall", nil), join.Participant.Sid)
	state := &pb.SyncState{PublishTracks: []*pb.TrackPublishedResponse{{Cid: "mic", Track: &pb.TrackInfo{Sid: sid}}, {Cid: "none"}}}
	for range 2 * room.MaxPublications {
		state.PublishTracks = append(state.PublishTracks, &pb.TrackPublishedResponse{Cid: "old", Track: &pb.TrackInfo{Sid: "TR_gone"}})
	}
	back.send(&pb.SignalRequest{Message: &pb.SignalRequest_SyncState{SyncState: state}})
	back.send(ping())
	told := 0
	back.until(func(r *pb.SignalResponse) bool {
		if u := r.GetTrackUnpublished(); u != nil {
			if told++; u.TrackSid != "TR_gone" {
				t.Errorf("told that %s is not published", u.TrackSid)
			}
		}
		return r.GetPongResp() != nil
	})
	if told == 0 || told > room.MaxPublications {
		t.Errorf("told %d times", told)
	}
}

// TestWhoSpeaksIsToldToWhoComesBack, who does not any more, and how others fare.
func TestWhoSpeaksIsToldToWhoComesBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	voice := w.visit(t, "bob", "hall", nil).openMicrophone("voice")
	bob := w.server.find(place{"hall", "bob"})
	eventually(t, "it is known how bob fares", func() bool { return len(bob.part.Qualities()) == 1 })
	alice, join := w.enter(t, "alice", "hall", "")
	level := func(r *pb.SignalResponse) (level float32, told bool) {
		for _, sp := range r.GetSpeakersChanged().GetSpeakers() {
			if sp.Sid == bob.sid {
				level, told = sp.Level, true
			}
		}
		return level, told
	}
	voice.loudness.Store(30)
	alice.until(func(r *pb.SignalResponse) bool {
		level, _ := level(r)
		return level > 0
	})
	w.goAway(t, alice)
	voice.loudness.Store(silent)
	eventually(t, "bob is silent", func() bool { return bob.part.Speakers()[0].Level == 0 })

	_, told := w.comeBack(t, token(t, "alice", "hall", nil), join.Participant.Sid)
	silence, fares := false, false
	for _, r := range told {
		if level, told := level(r); told {
			silence = level == 0
		}
		for _, q := range r.GetConnectionQuality().GetUpdates() {
			fares = fares || q.ParticipantSid == bob.sid
		}
	}
	if !silence || !fares {
		t.Errorf("told that bob speaks no more: %v; how he fares: %v", silence, fares)
	}
}

// toldGone tells whether somebody was told to have left, and not to be there after that.
func toldGone(told []*pb.SignalResponse, identity string) (gone bool) {
	for _, r := range told {
		for _, p := range r.GetUpdate().GetParticipants() {
			if p.Identity == identity {
				gone = p.State == pb.ParticipantInfo_DISCONNECTED
			}
		}
	}
	return gone
}

// TestWhoHasLeftIsToldToWhoComesBack, whether or not the server knew that the client heard nothing any more, and where it would have told only later.
func TestWhoHasLeftIsToldToWhoComesBack(t *testing.T) {
	for name, tt := range map[string]struct {
		others              int
		away, hides, isBack bool
	}{
		"while the client was away":       {others: 1, away: true},
		"while nobody knew":               {others: 1},
		"just before, from a large room":  {others: largeRoom + 5},
		"hidden while nobody knew":        {others: 1, hides: true},
		"and has come again":              {others: 1, isBack: true},
		"and has come again, in its time": {others: 1, away: true, isBack: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, nil)
			join := room.Join{Identity: "bob", Permission: room.Permission{Subscribe: true}}
			bob, err := w.house.Enter("hall", join, deaf{})
			if err != nil {
				t.Fatal(err)
			}
			for i := range tt.others - 1 {
				if _, err := w.house.Enter("hall", room.Join{Identity: fmt.Sprint("guest", i)}, deaf{}); err != nil {
					t.Fatal(err)
				}
			}
			alice, joined := w.enter(t, "alice", "hall", "")
			alices := w.server.find(place{"hall", "alice"})
			eventually(t, "all are known", func() bool { return alices.company.Load() == int32(tt.others) })
			if tt.away {
				w.goAway(t, alice)
			}
			if tt.hides {
				err = w.studioOf(t, "hall").SetPermission("bob", room.Permission{Subscribe: true, Hidden: true})
			} else {
				bob.Leave(room.LeftByItself)
			}
			if err != nil {
				t.Fatal(err)
			}
			eventually(t, "it is heard", func() bool { return alices.company.Load() == int32(tt.others)-1 })
			if tt.isBack {
				if _, err := w.house.Enter("hall", join, deaf{}); err != nil {
					t.Fatal(err)
				}
				eventually(t, "it is heard", func() bool { return alices.company.Load() == int32(tt.others) })
			}
			_, told := w.comeBack(t, token(t, "alice", "hall", nil), joined.Participant.Sid)
			if gone := toldGone(told, "bob"); gone == tt.isBack {
				t.Errorf("told that bob has left: %v", gone)
			}
		})
	}
}

// TestWhoReplacedTheirOwnConnectionIsNotToldThatTheyHaveLeft: the page was loaded again, and its connection lost.
func TestWhoReplacedTheirOwnConnectionIsNotToldThatTheyHaveLeft(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.enter(t, "alice", "hall", "")
	alice, join := w.enter(t, "alice", "hall", "")
	w.goAway(t, alice)
	_, told := w.comeBack(t, token(t, "alice", "hall", nil), join.Participant.Sid)
	for _, r := range told {
		for _, p := range r.GetUpdate().GetParticipants() {
			if p.Identity == "alice" && p.State == pb.ParticipantInfo_DISCONNECTED {
				t.Errorf("told of itself: %v", p)
			}
		}
	}
}

func TestThatATrackIsTakenIsToldToWhoComesBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	alice, join := w.enter(t, "alice", "hall", "")
	sid := w.speakAs(t, alice, "alice")
	w.goAway(t, alice)
	w.server.find(place{"hall", "alice"}).inbox.put(trackTaken{sid}, 0)
	_, told := w.comeBack(t, token(t, "alice", "hall", nil), join.Participant.Sid)
	if !slices.ContainsFunc(told, func(r *pb.SignalResponse) bool { return r.GetTrackSubscribed().GetTrackSid() == sid }) {
		t.Error("not told")
	}
}
