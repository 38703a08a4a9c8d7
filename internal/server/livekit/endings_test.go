package livekit

import (
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	pb "github.com/livekit/protocol/livekit"
	"github.com/pion/webrtc/v4"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/room"
	"github.com/tuttilive/tutti/internal/rtc/sdp"
	"github.com/tuttilive/tutti/internal/studio"
)

// viewer is a client that negotiates by hand, over no network, and keeps what it was told in one description after the other: which track
// comes in which section.
type viewer struct {
	*wire
	peer *webrtc.PeerConnection
	v1   bool
	says *strings.Replacer // changes what it offers; nil for nothing
	sid  string
	due  []*pb.SignalResponse // what it has not negotiated yet
	told []map[string]string  // mids by SID
}

func (w *world) enterViewer(t *testing.T, v1, auto bool) *viewer {
	t.Helper()
	return w.enterViewerOf(t, "", v1, auto)
}

// enterViewerOf is the same with an SDK.
func (w *world) enterViewerOf(t *testing.T, sdk string, v1, auto bool) *viewer {
	t.Helper()
	path, query := "/rtc", fmt.Sprintf("protocol=17&sdk=%s&auto_subscribe=%t", sdk, auto)
	if v1 {
		path = "/rtc/v1"
		query = "join_request=" + wrapJoin(t, &pb.JoinRequest{
			ClientInfo: &pb.ClientInfo{Protocol: 17}, ConnectionSettings: &pb.ConnectionSettings{AutoSubscribe: auto},
		}, pb.WrappedJoinRequest_GZIP)
	}
	c, _, err := w.dialOn(t, path, token(t, "viewer", "hall", nil), query)
	if err != nil {
		t.Fatal(err)
	}
	v := &viewer{wire: c, v1: v1}
	if v.peer, err = webrtc.NewPeerConnection(webrtc.Configuration{}); err != nil {
		t.Fatal(err)
	}
	peer := v.peer
	t.Cleanup(func() { peer.Close() })
	if v1 {
		v.receiveMore(2)
		v.offer()
	}
	return v
}

func (v *viewer) receiveMore(n uint32) {
	v.t.Helper()
	for range n {
		if _, err := v.peer.AddTransceiverFromKind(webrtc.RTPCodecTypeVideo, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly}); err != nil {
			v.t.Fatal(err)
		}
	}
}

// offer offers, and takes the answer.
func (v *viewer) offer() {
	v.t.Helper()
	offer, err := v.peer.CreateOffer(nil)
	if err == nil {
		err = v.peer.SetLocalDescription(offer)
	}
	if err != nil {
		v.t.Fatal(err)
	}
	text := offer.SDP
	if v.says != nil {
		text = v.says.Replace(text)
	}
	v.send(&pb.SignalRequest{Message: &pb.SignalRequest_Offer{Offer: &pb.SessionDescription{Type: "offer", Sdp: text}}})
	answer := v.until(func(r *pb.SignalResponse) bool {
		v.note(r)
		return r.GetAnswer() != nil
	}).GetAnswer()
	v.take(webrtc.SDPTypeAnswer, answer)
}

func (v *viewer) take(kind webrtc.SDPType, sd *pb.SessionDescription) {
	v.t.Helper()
	if err := v.peer.SetRemoteDescription(webrtc.SessionDescription{Type: kind, SDP: sd.GetSdp()}); err != nil {
		v.t.Fatal(err)
	}
	v.learn(sd)
}

// learn keeps what a description tells.
func (v *viewer) learn(sd *pb.SessionDescription) {
	v.t.Helper()
	d, err := sdp.Parse(sd.GetSdp())
	if err != nil {
		v.t.Fatal(err)
	}
	mids := map[string]string{}
	for _, m := range d.Sections {
		if strings.HasPrefix(m.TrackID, "TR_") {
			mids[m.TrackID] = m.Mid
		}
	}
	v.told = append(v.told, mids)
}

// note keeps what asks the client to negotiate, and who it is.
func (v *viewer) note(r *pb.SignalResponse) {
	if join := r.GetJoin(); join != nil {
		v.sid = join.Participant.Sid
	}
	if r.GetOffer() != nil || r.GetMediaSectionsRequirement() != nil {
		v.due = append(v.due, r)
	}
}

// hears waits until the server wants to negotiate. What it returns does so.
func (v *viewer) hears() (negotiate func()) {
	v.t.Helper()
	for len(v.due) == 0 {
		v.note(v.next())
	}
	r := v.due[0]
	v.due = v.due[1:]
	return func() {
		v.t.Helper()
		if v.v1 {
			v.receiveMore(r.GetMediaSectionsRequirement().GetNumVideos())
			v.offer()
			return
		}
		v.answer(r.GetOffer(), v.accept(r.GetOffer()))
	}
}

// answers makes an answer of an offer, rejections one that has no picture.
var (
	answers    = strings.NewReplacer("a=sendonly", "a=recvonly", "a=setup:actpass", "a=setup:active")
	rejections = strings.NewReplacer("m=video 9", "m=video 0", "a=setup:actpass", "a=setup:active")
)

// accept applies an offer, and gives the answer. Without a connection of its own that is what any would give.
func (v *viewer) accept(offer *pb.SessionDescription) (text string) {
	v.t.Helper()
	if v.peer == nil {
		v.learn(offer)
		return answers.Replace(offer.GetSdp())
	}
	v.take(webrtc.SDPTypeOffer, offer)
	answer, err := v.peer.CreateAnswer(nil)
	if err == nil {
		err = v.peer.SetLocalDescription(answer)
	}
	if err != nil {
		v.t.Fatal(err)
	}
	return answer.SDP
}

func (v *viewer) answer(offer *pb.SessionDescription, text string) {
	v.t.Helper()
	v.send(&pb.SignalRequest{Message: &pb.SignalRequest_Answer{Answer: &pb.SessionDescription{Type: "answer", Sdp: text, Id: offer.GetId()}}})
}

// offered waits for an offer.
func (v *viewer) offered() (*pb.SessionDescription, *sdp.Description) {
	v.t.Helper()
	for len(v.due) == 0 {
		v.note(v.next())
	}
	offer := v.due[0].GetOffer()
	v.due = v.due[1:]
	d, err := sdp.Parse(offer.GetSdp())
	if err != nil {
		v.t.Fatal(err)
	}
	return offer, d
}

// untilThere negotiates until exactly these tracks are there.
func (v *viewer) untilThere(sids ...string) {
	v.t.Helper()
	want := map[string]bool{}
	for _, sid := range sids {
		want[sid] = true
	}
	for {
		there := map[string]bool{}
		if n := len(v.told); n > 0 {
			for sid := range v.told[n-1] {
				there[sid] = true
			}
		}
		if maps.Equal(there, want) {
			return
		}
		v.hears()()
	}
}

// done waits until all that was sent before has been handled.
func (v *viewer) done() {
	v.t.Helper()
	v.send(&pb.SignalRequest{Message: &pb.SignalRequest_PingReq{PingReq: &pb.Ping{}}})
	v.until(func(r *pb.SignalResponse) bool {
		v.note(r)
		return r.GetPongResp() != nil
	})
}

// publisher is somebody who shows a picture.
func (w *world) publisher(t *testing.T, identity string) *studio.Participant {
	t.Helper()
	p, err := w.house.Enter("hall", room.Join{Identity: identity, Permission: room.Permission{Publish: true}}, make(listener, 1))
	if err == nil {
		_, err = p.PublishFrames(room.Publication{SID: "TR_" + identity, Kind: media.Video, Codec: media.H264, Source: room.Camera})
	}
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// changeCodec lets a session believe that the track of a publisher goes on in another codec.
func (w *world) changeCodec(identity string, p room.Participant) {
	without, pub := p, p.Publications[0]
	without.Publications = nil
	s := w.server.find(place{"hall", identity})
	s.RoomEvent(room.PublicationRemoved{Participant: without, Publication: pub, Returns: true})
	s.RoomEvent(room.PublicationAdded{Participant: p, Publication: pub})
}

// Programs know a section by the name of its track, so one that hears of an end and of a beginning under the same name at once may take the
// one for the other. Whatever happens to a track, the one is agreed on before the other is spoken of.
func TestNoTrackEndsAndBeginsInOneDescription(t *testing.T) {
	for path, v1 := range map[string]bool{"v0": false, "v1": true} {
		for name, change := range map[string]func(w *world, v *viewer, p room.Participant){
			"unwanted and wanted again": func(_ *world, v *viewer, p room.Participant) {
				for _, wanted := range []bool{false, true} {
					v.send(&pb.SignalRequest{Message: &pb.SignalRequest_Subscription{Subscription: &pb.UpdateSubscription{
						TrackSids: []string{p.Publications[0].SID}, Subscribe: wanted,
					}}})
				}
			},
			"comes anew in another codec": func(w *world, _ *viewer, p room.Participant) { w.changeCodec("viewer", p) },
			"hidden and shown again": func(w *world, _ *viewer, p room.Participant) {
				s := w.server.find(place{"hall", "viewer"})
				s.RoomEvent(room.ParticipantHidden{Participant: p})
				s.RoomEvent(room.ParticipantShown{Participant: p})
			},
		} {
			t.Run(path+", "+name, func(t *testing.T) {
				t.Parallel()
				w := newWorld(t, nil)
				w.server.patience = time.Hour
				ann := w.publisher(t, "ann").Self()
				v := w.enterViewer(t, v1, true)
				v.untilThere("TR_ann")
				for range 3 {
					// Another track has the server negotiate, so that both the end and the beginning wait for the next time.
					bob := w.publisher(t, "bob")
					negotiate := v.hears()
					change(w, v, ann)
					v.done()
					negotiate()
					v.untilThere("TR_ann", "TR_bob")
					bob.Leave(room.LeftByItself)
					v.untilThere("TR_ann")
				}
				for i, mids := range v.told[1:] {
					for sid, mid := range mids {
						if before, was := v.told[i][sid]; was && before != mid {
							t.Errorf("%s goes from section %s to %s in one description", sid, before, mid)
						}
					}
				}
			})
		}
	}
}

// Whoever chose a track, or did not, has decided that for whatever codec it comes in.
func TestWhatIsWantedStaysSoInAnotherCodec(t *testing.T) {
	t.Parallel()
	for _, auto := range []bool{false, true} {
		w := newWorld(t, nil)
		w.server.patience = time.Hour
		ann := w.publisher(t, "ann").Self()
		v := w.enterViewer(t, false, auto)
		v.send(&pb.SignalRequest{Message: &pb.SignalRequest_Subscription{Subscription: &pb.UpdateSubscription{TrackSids: []string{"TR_ann"}, Subscribe: !auto}}})
		v.done()
		w.changeCodec("viewer", ann)
		w.publisher(t, "bob")
		v.send(&pb.SignalRequest{Message: &pb.SignalRequest_Subscription{Subscription: &pb.UpdateSubscription{TrackSids: []string{"TR_bob"}, Subscribe: true}}})
		if auto {
			v.untilThere("TR_bob")
		} else {
			v.untilThere("TR_ann", "TR_bob")
		}
	}
}

// What was to come in another codec and does not is gone: nobody waits for it.
func TestWhatDoesNotReturnIsNotWaitedFor(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.server.patience = time.Hour
	ann := w.publisher(t, "ann").Self()
	v := w.enterViewer(t, false, true)
	v.untilThere("TR_ann")
	s := w.server.find(place{"hall", "viewer"})
	pub := ann.Publications[0]
	ann.Publications = nil
	s.RoomEvent(room.PublicationRemoved{Participant: ann, Publication: pub, Returns: true})
	v.untilThere()
	s.RoomEvent(room.PublicationLapsed{SID: pub.SID})
	v.send(&pb.SignalRequest{Message: &pb.SignalRequest_Subscription{Subscription: &pb.UpdateSubscription{TrackSids: []string{pub.SID}, Subscribe: true}}})
	v.until(func(r *pb.SignalResponse) bool { return r.GetSubscriptionResponse().GetTrackSid() == pub.SID })
}
