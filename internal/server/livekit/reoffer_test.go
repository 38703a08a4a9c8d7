package livekit

import (
	"fmt"
	"strings"
	"testing"
	"time"

	pb "github.com/livekit/protocol/livekit"

	"github.com/tuttilive/tutti/internal/room"
)

// TestAnOfferWhoseAnswerWasLost is gone on from by the one that follows when the client has come back, whether it had applied the first or not, and whatever
// has come and gone meanwhile: its sections do not become fewer, and none that carried a track carries another.
func TestAnOfferWhoseAnswerWasLost(t *testing.T) {
	for sdk, what := range map[string]string{"go": "sections are used again", "rust": "each track has a section of its own"} {
		for name, applied := range map[string]bool{"applied": true, "not seen": false} {
			t.Run(what+", "+name, func(t *testing.T) {
				t.Parallel()
				w := newWorld(t, nil)
				w.server.patience = time.Hour
				w.publisher(t, "ann")
				v := w.enterViewerOf(t, sdk, false, true)
				if sdk == "rust" {
					v.peer = nil // pion does not read sections that are rejected
				}
				v.untilThere("TR_ann")
				before := w.publisher(t, "before") // its place is taken by the next one
				v.untilThere("TR_ann", "TR_before")
				before.Leave(room.LeftByItself)
				v.untilThere("TR_ann")

				bob := w.publisher(t, "bob")
				lost, first := v.offered()
				if applied {
					v.accept(lost)
				}
				v.ws.CloseNow()
				bob.Leave(room.LeftByItself)
				w.publisher(t, "carl")
				back, _, err := w.dial(t, token(t, "viewer", "hall", nil), "protocol=17&sdk="+sdk+"&reconnect=1&sid="+v.sid)
				if err != nil {
					t.Fatal(err)
				}
				if v.wire = back; v.next().GetReconnect() == nil {
					t.Fatal("the client cannot resume")
				}
				offer, second := v.offered()
				if len(second.Sections) < len(first.Sections) {
					t.Fatalf("%d sections are offered after %d", len(second.Sections), len(first.Sections))
				}
				for i, m := range first.Sections {
					if again := second.Sections[i]; again.Mid != m.Mid || m.TrackID != "" && again.TrackID != "" && again.TrackID != m.TrackID {
						t.Errorf("section %q with %s becomes %q with %s", m.Mid, m.TrackID, again.Mid, again.TrackID)
					}
				}
				v.answer(offer, v.accept(offer))
				v.untilThere("TR_ann", "TR_carl")
			})
		}
	}
}

// TestWhoRejectsASectionIsNotAskedAgain: it is told that it does not get the track, and the next one is offered in the same place.
func TestWhoRejectsASectionIsNotAskedAgain(t *testing.T) {
	for _, sdk := range []string{"go", "rust"} {
		t.Run(sdk, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, nil)
			w.server.patience = time.Hour
			v := w.enterViewerOf(t, sdk, false, true)
			first, d := v.offered() // of data channels, before anything else
			v.answer(first, rejections.Replace(first.GetSdp()))
			sections := len(d.Sections) + 1
			used := map[string]bool{}
			for _, identity := range []string{"ann", "bob", "carl"} {
				p := w.publisher(t, identity)
				var told *pb.SubscriptionResponse
				v.until(func(r *pb.SignalResponse) bool {
					if offer := r.GetOffer(); offer != nil {
						v.note(r)
						offer, d := v.offered()
						for _, m := range d.Sections {
							if m.TrackID == "TR_"+identity && used[m.Mid] {
								t.Errorf("%s is offered in %q again", identity, m.Mid)
							}
							used[m.Mid] = used[m.Mid] || m.Kind == "video"
						}
						if len(d.Sections) > sections {
							t.Errorf("%d sections are offered for %s, more than %d", len(d.Sections), identity, sections)
						}
						v.answer(offer, rejections.Replace(offer.GetSdp()))
					}
					told = r.GetSubscriptionResponse()
					return told != nil
				})
				if told.TrackSid != "TR_"+identity || told.Err != pb.SubscriptionError_SE_CODEC_UNSUPPORTED {
					t.Errorf("it is told %v", told)
				}
				p.Leave(room.LeftByItself)
			}
		})
	}
}

// TestWhoHasNoPlaceForATrackIsTold, where the client is who offers: that it does not get the track, once, and at once where its sections have no codec of the track.
// Nobody sends for it, until it asks again.
func TestWhoHasNoPlaceForATrackIsTold(t *testing.T) {
	for name, c := range map[string]struct {
		says   *strings.Replacer
		offers int
	}{
		"without its codec":                  {strings.NewReplacer("H264/", "H263/"), 1},
		"without a section that takes any":   {strings.NewReplacer("a=recvonly", "a=inactive"), maxFruitless + 1},
		"with sections that are for its own": {strings.NewReplacer("a=recvonly", "a=sendrecv", "H264/", "H263/"), maxFruitless + 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, nil)
			w.server.patience = time.Hour
			v := w.enterViewer(t, true, true)
			v.says = c.says
			w.publisher(t, "ann")
			v.hears()
			offers := 0
			var told *pb.SubscriptionResponse
			for told == nil {
				v.offer()
				offers++
				asked := false
				v.send(&pb.SignalRequest{Message: &pb.SignalRequest_PingReq{PingReq: &pb.Ping{}}})
				v.until(func(r *pb.SignalResponse) bool {
					if more := r.GetMediaSectionsRequirement(); more != nil {
						if asked = true; more.NumVideos != 1 {
							t.Errorf("after %d offers that have no place it is asked for %d sections", offers, more.NumVideos)
						}
					}
					if e := r.GetSubscriptionResponse(); e != nil {
						told = e
					}
					return r.GetPongResp() != nil
				})
				if asked == (told != nil) {
					t.Fatalf("after %d offers it is told %v, and asked for another: %v", offers, told, asked)
				}
			}
			if told.TrackSid != "TR_ann" || told.Err != pb.SubscriptionError_SE_CODEC_UNSUPPORTED || offers != c.offers {
				t.Errorf("it is told %v after %d offers", told, offers)
			}
			if d, ok := w.house.Diagnose("hall", "viewer"); !ok || len(d.Subscriptions) > 0 {
				t.Errorf("it still has %v", d.Subscriptions)
			}
			v.says = nil
			v.send(&pb.SignalRequest{Message: &pb.SignalRequest_Subscription{Subscription: &pb.UpdateSubscription{TrackSids: []string{"TR_ann"}, Subscribe: true}}})
			v.untilThere("TR_ann")
		})
	}
}

// TestWhoCannotKeepUpWithTracksGetsThemAll: with each offer one more has come than there are sections, as where many enter a room one after the other.
func TestWhoCannotKeepUpWithTracksGetsThemAll(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.server.patience = time.Hour
	v := w.enterViewer(t, true, true)
	var sids []string
	for i := range 2 + 2*maxFruitless {
		identity := fmt.Sprintf("p%d", i)
		w.publisher(t, identity)
		sids = append(sids, "TR_"+identity)
		v.send(&pb.SignalRequest{Message: &pb.SignalRequest_PingReq{PingReq: &pb.Ping{}}})
		v.until(func(r *pb.SignalResponse) bool {
			if e := r.GetSubscriptionResponse(); e != nil {
				t.Fatalf("after %d tracks it is told %v", i, e)
			}
			return r.GetPongResp() != nil
		})
		if i >= 2 {
			v.offer()
			v.receiveMore(1)
		}
	}
	v.offer()
	v.untilThere(sids...)
}
