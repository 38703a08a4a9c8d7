package livekit

import (
	"bytes"
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	pb "github.com/livekit/protocol/livekit"
	"github.com/pion/webrtc/v4"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/tuttilive/tutti/internal/auth"
	"github.com/tuttilive/tutti/internal/room"
)

// wire is a client that speaks the signalling by hand, and no media.
type wire struct {
	t   *testing.T
	ws  *websocket.Conn
	ctx context.Context
	// text makes it speak JSON.
	text bool
}

// dial opens a WebSocket on /rtc with some query beside the token.
func (w *world) dial(t *testing.T, token, query string) (*wire, *http.Response, error) {
	t.Helper()
	return w.dialOn(t, "/rtc", token, query)
}

// dialOn is dial on one of the protocol's paths.
func (w *world) dialOn(t *testing.T, path, token, query string) (*wire, *http.Response, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	ws, res, err := websocket.Dial(ctx, w.http.URL+path+"?"+query+"&access_token="+token, nil)
	if err != nil {
		return nil, res, err
	}
	ws.SetReadLimit(-1)
	t.Cleanup(func() { ws.CloseNow() })
	return &wire{t: t, ws: ws, ctx: ctx}, res, nil
}

// enter dials and reads the join response.
func (w *world) enter(t *testing.T, identity, roomName, query string) (*wire, *pb.JoinResponse) {
	t.Helper()
	c, _, err := w.dial(t, token(t, identity, roomName, nil), "protocol=17&"+query)
	if err != nil {
		t.Fatal(err)
	}
	join := c.next().GetJoin()
	if join == nil {
		t.Fatal("the first message is no join response")
	}
	return c, join
}

func (c *wire) read() (*pb.SignalResponse, error) {
	kind, data, err := c.ws.Read(c.ctx)
	if err != nil {
		return nil, err
	}
	res := &pb.SignalResponse{}
	if kind == websocket.MessageText {
		return res, protojson.Unmarshal(data, res)
	}
	return res, proto.Unmarshal(data, res)
}

func (c *wire) next() *pb.SignalResponse {
	c.t.Helper()
	res, err := c.read()
	if err != nil {
		c.t.Fatal(err)
	}
	return res
}

// until reads on to a message that one looks for.
func (c *wire) until(found func(*pb.SignalResponse) bool) *pb.SignalResponse {
	c.t.Helper()
	for {
		if res := c.next(); found(res) {
			return res
		}
	}
}

func (c *wire) send(req *pb.SignalRequest) {
	c.t.Helper()
	kind, data := websocket.MessageBinary, []byte(nil)
	var err error
	if c.text {
		kind = websocket.MessageText
		data, err = protojson.Marshal(req)
	} else {
		data, err = proto.Marshal(req)
	}
	if err == nil {
		err = c.ws.Write(c.ctx, kind, data)
	}
	if err != nil {
		c.t.Fatal(err)
	}
}

func (c *wire) untilLeave() *pb.LeaveRequest {
	c.t.Helper()
	return c.until(func(r *pb.SignalResponse) bool { return r.GetLeave() != nil }).GetLeave()
}

func (c *wire) untilUpdate(match func(*pb.ParticipantInfo) bool) *pb.ParticipantInfo {
	c.t.Helper()
	var found *pb.ParticipantInfo
	c.until(func(r *pb.SignalResponse) bool {
		for _, p := range r.GetUpdate().GetParticipants() {
			if match(p) {
				found = p
			}
		}
		return found != nil
	})
	return found
}

func isGone(identity string) func(*pb.ParticipantInfo) bool {
	return func(p *pb.ParticipantInfo) bool {
		return p.Identity == identity && p.State == pb.ParticipantInfo_DISCONNECTED
	}
}

func TestJoinResponse(t *testing.T) {
	w := newWorld(t, nil)
	w.enter(t, "alice", "hall", "")
	c, join := w.enter(t, "bob", "hall", "sdk=js&browser=chrome")
	if join.Room.Name != "hall" || !strings.HasPrefix(join.Room.Sid, "RM_") || join.Room.NumParticipants != 2 {
		t.Errorf("room: %v", join.Room)
	}
	if join.Participant.Identity != "bob" || !join.Participant.Permission.CanPublish || !strings.HasPrefix(join.Participant.Sid, "PA_") {
		t.Errorf("participant: %v", join.Participant)
	}
	if len(join.OtherParticipants) != 1 || join.OtherParticipants[0].Identity != "alice" {
		t.Errorf("others: %v", join.OtherParticipants)
	}
	if !join.SubscriberPrimary || !join.FastPublish || join.PingInterval == 0 || join.PingTimeout == 0 || join.ServerInfo.Version == "" {
		t.Errorf("join: %v", join)
	}
	if codecs := join.EnabledPublishCodecs; codecs[0].Mime != "video/H264" || slices.ContainsFunc(codecs, func(c *pb.Codec) bool { return c.Mime == "video/VP8" }) {
		t.Errorf("codecs: %v", codecs)
	}
	if offer := c.next().GetOffer(); offer.GetId() == 0 || !strings.Contains(offer.Sdp, "m=application") {
		t.Errorf("the next message is no offer with data channels: %v", offer)
	}
	if _, join := w.enter(t, "carol", "hall", "browser=Firefox"); join.EnabledPublishCodecs[0].Mime != "video/VP8" {
		t.Errorf("codecs for Firefox: %v", join.EnabledPublishCodecs)
	}
}

func TestUpgradeIsRefused(t *testing.T) {
	w := newWorld(t, nil)
	for name, tt := range map[string]struct {
		token  string
		status int
	}{
		"nonsense": {"x", http.StatusUnauthorized},
		"none":     {"", http.StatusUnauthorized},
		"not to join": {token(t, "alice", "hall", func(c *auth.Claims) { c.Video.RoomJoin = false }),
			http.StatusUnauthorized},
	} {
		t.Run(name, func(t *testing.T) {
			_, res, err := w.dial(t, tt.token, "")
			if err == nil || res == nil || res.StatusCode != tt.status {
				t.Errorf("got %v (%v), want %d", res, err, tt.status)
			}
		})
	}
}

func TestPings(t *testing.T) {
	w := newWorld(t, nil)
	for _, text := range []bool{false, true} {
		c, _ := w.enter(t, "alice", "hall", "")
		c.text = text
		c.send(&pb.SignalRequest{Message: &pb.SignalRequest_Ping{Ping: 1}})
		c.send(ping())
		if pong := c.until(func(r *pb.SignalResponse) bool { return r.GetPong() != 0 }).GetPong(); time.Since(time.UnixMilli(pong)) > time.Minute {
			t.Errorf("pong: %d", pong)
		}
		if last := c.until(func(r *pb.SignalResponse) bool { return r.GetPongResp() != nil }).GetPongResp().LastPingTimestamp; last != 7 {
			t.Errorf("pong response to %d", last)
		}
	}
}

func TestNonsenseEndsNobodyElsesSession(t *testing.T) {
	for name, data := range map[string][]byte{
		"malformed": bytes.Repeat([]byte{0xff}, 100),
		"oversized": make([]byte, maxFrameBytes+1),
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, nil)
			alice, _ := w.enter(t, "alice", "hall", "")
			mallory, _ := w.enter(t, "mallory", "hall", "")
			if err := mallory.ws.Write(mallory.ctx, websocket.MessageBinary, data); err != nil {
				t.Fatal(err)
			}
			if l := mallory.untilLeave(); l.Action != pb.LeaveRequest_DISCONNECT {
				t.Errorf("leave: %v", l)
			}
			alice.untilUpdate(isGone("mallory"))
			alice.send(ping())
			alice.until(func(r *pb.SignalResponse) bool { return r.GetPongResp() != nil })
		})
	}
}

func TestHostileRequests(t *testing.T) {
	w := newWorld(t, nil)
	c, _ := w.enter(t, "mallory", "hall", "")
	long := strings.Repeat("x", 10_000)
	add := func(r *pb.AddTrackRequest) *pb.SignalRequest {
		return &pb.SignalRequest{Message: &pb.SignalRequest_AddTrack{AddTrack: r}}
	}
	for name, tt := range map[string]struct {
		req  *pb.SignalRequest
		want pb.RequestResponse_Reason
	}{
		"track without cid":   {add(&pb.AddTrackRequest{}), pb.RequestResponse_INVALID_REQUEST},
		"track with long cid": {add(&pb.AddTrackRequest{Cid: long}), pb.RequestResponse_INVALID_REQUEST},
		"data track":          {add(&pb.AddTrackRequest{Cid: "c", Type: pb.TrackType_DATA}), pb.RequestResponse_UNSUPPORTED_TYPE},
		"codec of no track":   {add(&pb.AddTrackRequest{Cid: "c", Sid: "TR_x"}), pb.RequestResponse_NOT_FOUND},
		"mute of nothing": {&pb.SignalRequest{Message: &pb.SignalRequest_Mute{Mute: &pb.MuteTrackRequest{Sid: "TR_x"}}},
			pb.RequestResponse_NOT_FOUND},
		"audio of nothing": {&pb.SignalRequest{Message: &pb.SignalRequest_UpdateAudioTrack{UpdateAudioTrack: &pb.UpdateLocalAudioTrack{}}},
			pb.RequestResponse_NOT_FOUND},
		"video of nothing": {&pb.SignalRequest{Message: &pb.SignalRequest_UpdateVideoTrack{UpdateVideoTrack: &pb.UpdateLocalVideoTrack{}}},
			pb.RequestResponse_NOT_FOUND},
		"large metadata": {&pb.SignalRequest{Message: &pb.SignalRequest_UpdateMetadata{UpdateMetadata: &pb.UpdateParticipantMetadata{
			RequestId: 3, Metadata: strings.Repeat("x", room.MaxMetadataBytes+1)}}}, pb.RequestResponse_LIMIT_EXCEEDED},
		"data track with a large handle": {publishData(1<<16, "d"), pb.RequestResponse_INVALID_HANDLE},
		"data track without a name":      {publishData(1, ""), pb.RequestResponse_INVALID_NAME},
		"data track with a long name":    {publishData(1, long[:maxDataTrackName+1]), pb.RequestResponse_INVALID_NAME},
		"data track with a long encoding": {&pb.SignalRequest{Message: &pb.SignalRequest_PublishDataTrackRequest{PublishDataTrackRequest: &pb.PublishDataTrackRequest{
			PubHandle: 1, Name: "d", Schema: &pb.DataTrackSchemaId{Name: long}}}}, pb.RequestResponse_INVALID_REQUEST},
		"data track that is not there": {&pb.SignalRequest{Message: &pb.SignalRequest_UnpublishDataTrackRequest{
			UnpublishDataTrackRequest: &pb.UnpublishDataTrackRequest{PubHandle: 7}}}, pb.RequestResponse_NOT_FOUND},
		"too many data subscriptions": {&pb.SignalRequest{Message: &pb.SignalRequest_UpdateDataSubscription{UpdateDataSubscription: &pb.UpdateDataSubscription{
			Updates: slices.Repeat([]*pb.UpdateDataSubscription_Update{{TrackSid: "DTR_x", Subscribe: true}}, maxDataSubscriptions+1)}}},
			pb.RequestResponse_LIMIT_EXCEEDED},
		"data blob": {&pb.SignalRequest{Message: &pb.SignalRequest_StoreDataBlobRequest{
			StoreDataBlobRequest: &pb.StoreDataBlobRequest{RequestId: 4}}}, pb.RequestResponse_UNSUPPORTED_TYPE},
		"data blob that is not there": {&pb.SignalRequest{Message: &pb.SignalRequest_GetDataBlobRequest{
			GetDataBlobRequest: &pb.GetDataBlobRequest{RequestId: 5}}}, pb.RequestResponse_NOT_FOUND},
		"too many permissions": {&pb.SignalRequest{Message: &pb.SignalRequest_SubscriptionPermission{
			SubscriptionPermission: &pb.SubscriptionPermission{TrackPermissions: make([]*pb.TrackPermission, maxRules+1)}}},
			pb.RequestResponse_LIMIT_EXCEEDED},
	} {
		t.Run(name, func(t *testing.T) {
			c.t = t
			for i := range tt.req.GetSubscriptionPermission().GetTrackPermissions() {
				tt.req.GetSubscriptionPermission().TrackPermissions[i] = &pb.TrackPermission{}
			}
			c.send(tt.req)
			res := c.until(func(r *pb.SignalResponse) bool { return r.GetRequestResponse() != nil }).GetRequestResponse()
			if res.Reason != tt.want {
				t.Errorf("got %v, want %v", res, tt.want)
			}
		})
	}
	t.Run("metadata without the permission", func(t *testing.T) {
		other, _, err := w.dial(t, token(t, "trent", "hall", func(c *auth.Claims) { c.Video.CanUpdateOwnMetadata = new(false) }), "protocol=17")
		if err != nil {
			t.Fatal(err)
		}
		other.send(&pb.SignalRequest{Message: &pb.SignalRequest_UpdateMetadata{UpdateMetadata: &pb.UpdateParticipantMetadata{RequestId: 6, Metadata: "x"}}})
		res := other.until(func(r *pb.SignalResponse) bool { return r.GetRequestResponse() != nil }).GetRequestResponse()
		if res.Reason != pb.RequestResponse_NOT_ALLOWED || res.RequestId != 6 {
			t.Errorf("got %v", res)
		}
	})
	t.Run("too many tracks", func(t *testing.T) {
		c.t = t
		for i := range room.MaxPublications + 1 {
			c.send(add(&pb.AddTrackRequest{Cid: strings.Repeat("c", i+1)}))
		}
		res := c.until(func(r *pb.SignalResponse) bool { return r.GetRequestResponse() != nil }).GetRequestResponse()
		if res.Reason != pb.RequestResponse_LIMIT_EXCEEDED {
			t.Errorf("got %v", res)
		}
	})
	t.Run("subscription to nothing", func(t *testing.T) {
		c.t = t
		c.send(&pb.SignalRequest{Message: &pb.SignalRequest_Subscription{Subscription: &pb.UpdateSubscription{TrackSids: []string{"TR_x"}, Subscribe: true}}})
		res := c.until(func(r *pb.SignalResponse) bool { return r.GetSubscriptionResponse() != nil }).GetSubscriptionResponse()
		if res.Err != pb.SubscriptionError_SE_TRACK_NOTFOUND {
			t.Errorf("got %v", res)
		}
	})
	t.Run("impossible offer", func(t *testing.T) {
		c.t = t
		c.send(&pb.SignalRequest{Message: &pb.SignalRequest_Offer{Offer: &pb.SessionDescription{Type: "offer", Sdp: "v=0\r\nnonsense"}}})
		if l := c.untilLeave(); l.Action != pb.LeaveRequest_RECONNECT {
			t.Errorf("leave: %v", l)
		}
	})
}

func TestAddTrackIsAnsweredBeforeItsOffer(t *testing.T) {
	w := newWorld(t, nil)
	c, _ := w.enter(t, "alice", "hall", "")
	req := &pb.AddTrackRequest{
		Cid: "cam", Name: "camera", Type: pb.TrackType_VIDEO, Source: pb.TrackSource_CAMERA, Width: 1280, Height: 720,
		Layers:          []*pb.VideoLayer{{Quality: pb.VideoQuality_LOW, Width: 320}, {Quality: pb.VideoQuality_MEDIUM}, {Quality: pb.VideoQuality_HIGH}},
		SimulcastCodecs: []*pb.SimulcastCodec{{Codec: "vp8", Cid: "cam"}},
	}
	published := func() *pb.TrackPublishedResponse {
		c.send(&pb.SignalRequest{Message: &pb.SignalRequest_AddTrack{AddTrack: req}})
		return c.until(func(r *pb.SignalResponse) bool { return r.GetTrackPublished() != nil }).GetTrackPublished()
	}
	first, again := published(), published()
	if first.Cid != "cam" || first.Track.Name != "camera" || first.Track.Codecs[0].MimeType != "video/H264" || !first.Track.Simulcast {
		t.Errorf("got %v", first)
	}
	if first.Track.Sid != again.Track.Sid {
		t.Error("asked again, the track has another SID")
	}
}

// Clients that say VP8 because it is the default get H.264, which can go on the air as it is, unless they mean what they say: their
// first offer may name more codecs than they want, and they would go on in VP8 after the next.
func TestWhichCodecAnOfferOfSeveralIsAnsweredWith(t *testing.T) {
	vp8 := []*pb.SimulcastCodec{{Codec: "vp8"}}
	for _, tt := range []struct {
		query string
		says  []*pb.SimulcastCodec
		want  string
	}{{"sdk=js", vp8, "H264"}, {"sdk=node", vp8, "VP8"}, {"sdk=js", nil, "H264"}, {"sdk=node", nil, "VP8"}} {
		c, _ := newWorld(t, nil).enter(t, "alice", "hall", tt.query)
		peer, err := webrtc.NewPeerConnection(webrtc.Configuration{})
		if err != nil {
			t.Fatal(err)
		}
		defer peer.Close()
		track, err := webrtc.NewTrackLocalStaticSample(webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeVP8}, "cam", "camera")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := peer.AddTrack(track); err != nil {
			t.Fatal(err)
		}
		offer, err := peer.CreateOffer(nil)
		if err != nil {
			t.Fatal(err)
		}
		c.send(&pb.SignalRequest{Message: &pb.SignalRequest_AddTrack{AddTrack: &pb.AddTrackRequest{
			Cid: "cam", Type: pb.TrackType_VIDEO, Source: pb.TrackSource_CAMERA, SimulcastCodecs: tt.says,
		}}})
		c.send(&pb.SignalRequest{Message: &pb.SignalRequest_Offer{Offer: &pb.SessionDescription{Type: "offer", Sdp: offer.SDP}}})
		answer := c.until(func(r *pb.SignalResponse) bool { return r.GetAnswer() != nil }).GetAnswer().GetSdp()
		_, first, _ := strings.Cut(answer, "a=rtpmap:")
		if first, _, _ = strings.Cut(first, "\r\n"); !strings.HasSuffix(first, " "+tt.want+"/90000") {
			t.Errorf("%s, which says %v: the answer's first codec is %q, want %s", tt.query, tt.says, first, tt.want)
		}
	}
}

func TestAddTrackWithFurtherCodecs(t *testing.T) {
	w := newWorld(t, nil)
	c, _ := w.enter(t, "alice", "hall", "")
	add := func(req *pb.AddTrackRequest) *pb.SignalResponse {
		req.Type, req.Source = pb.TrackType_VIDEO, pb.TrackSource_CAMERA
		c.send(&pb.SignalRequest{Message: &pb.SignalRequest_AddTrack{AddTrack: req}})
		return c.until(func(r *pb.SignalResponse) bool { return r.GetTrackPublished() != nil || r.GetRequestResponse() != nil })
	}
	codecs := func(names ...string) (list []*pb.SimulcastCodec) {
		for _, name := range names {
			list = append(list, &pb.SimulcastCodec{Codec: name})
		}
		return list
	}
	track := add(&pb.AddTrackRequest{Cid: "cam", SimulcastCodecs: codecs("h264", "vp8", "theora", "vp8")}).GetTrackPublished().GetTrack()
	if len(track.GetCodecs()) != 2 || track.Codecs[0].MimeType != "video/H264" || track.Codecs[1].MimeType != "video/VP8" {
		t.Fatalf("the track is %v", track)
	}
	for range 2 { // asked again, it is answered again
		again := add(&pb.AddTrackRequest{Cid: "clone", Sid: track.Sid, SimulcastCodecs: codecs("vp8")}).GetTrackPublished()
		if again.GetCid() != "clone" || again.GetTrack().GetSid() != track.Sid {
			t.Errorf("the backup is answered with %v", again)
		}
	}
	for _, name := range []string{"", "opus", "theora"} {
		refused := add(&pb.AddTrackRequest{Cid: "clone", Sid: track.Sid, SimulcastCodecs: codecs(name)}).GetRequestResponse()
		if refused.GetReason() != pb.RequestResponse_UNSUPPORTED_TYPE {
			t.Errorf("codec %q is answered with %v", name, refused)
		}
	}
}

func TestResumeByHand(t *testing.T) {
	w := newWorld(t, nil)
	alice, join := w.enter(t, "alice", "hall", "")
	bob, _ := w.enter(t, "bob", "hall", "")
	alice.ws.CloseNow()
	bob.ws.Close(websocket.StatusNormalClosure, "") // while alice is away, bob leaves his connection too
	carol, _ := w.enter(t, "carol", "hall", "")
	carol.send(&pb.SignalRequest{Message: &pb.SignalRequest_Leave{Leave: &pb.LeaveRequest{}}})

	back, _, err := w.dial(t, token(t, "alice", "hall", nil), "protocol=17&reconnect=1&sid="+join.Participant.Sid)
	if err != nil {
		t.Fatal(err)
	}
	if first := back.next(); first.GetReconnect() == nil {
		t.Fatalf("the first message is %v", first)
	}
	back.untilUpdate(func(p *pb.ParticipantInfo) bool { return p.Identity == "bob" && p.State == pb.ParticipantInfo_ACTIVE })
	if offer := back.until(func(r *pb.SignalResponse) bool { return r.GetOffer() != nil }).GetOffer(); offer.Id < 2 {
		t.Errorf("offer %d is the one from before", offer.Id)
	}
}

func TestResumeIsRefused(t *testing.T) {
	w := newWorld(t, nil)
	_, join := w.enter(t, "alice", "hall", "")
	for name, tt := range map[string]struct{ identity, sid string }{
		"no such session":  {"bob", join.Participant.Sid},
		"of another visit": {"alice", "PA_other"},
	} {
		t.Run(name, func(t *testing.T) {
			c, _, err := w.dial(t, token(t, tt.identity, "hall", nil), "reconnect=1&sid="+tt.sid)
			if err != nil {
				t.Fatal(err)
			}
			if l := c.next().GetLeave(); l.GetReason() != pb.DisconnectReason_STATE_MISMATCH || l.Action != pb.LeaveRequest_RECONNECT {
				t.Errorf("got %v", l)
			}
		})
	}
}

// Firefox gives a connection up for good when consent has expired, so a resume would leave it without media.
func TestFailedConnectionIsNotResumed(t *testing.T) {
	w := newWorld(t, nil)
	for name, tt := range map[string]struct {
		query  string
		resume bool
	}{
		"Firefox, WebSocket lost":     {"browser=Firefox&reconnect_reason=1", true},
		"Firefox, connection failed":  {"browser=Firefox&reconnect_reason=3", false},
		"Chromium, connection failed": {"browser=Chrome&reconnect_reason=3", true},
	} {
		t.Run(name, func(t *testing.T) {
			_, join := w.enter(t, "alice", "hall", tt.query)
			back, _, err := w.dial(t, token(t, "alice", "hall", nil), tt.query+"&protocol=17&reconnect=1&sid="+join.Participant.Sid)
			if err != nil {
				t.Fatal(err)
			}
			first := back.next()
			if resumed := first.GetReconnect() != nil; resumed != tt.resume {
				t.Errorf("the first message is %v", first)
			}
			if !tt.resume && first.GetLeave().GetAction() != pb.LeaveRequest_RECONNECT {
				t.Errorf("the first message is %v", first)
			}
		})
	}
	firefox := newClient(&pb.ClientInfo{Browser: "Firefox"})
	if firefox.cannotRevive(pb.ReconnectReason_RR_SIGNAL_DISCONNECTED, lastingSilence) ||
		!firefox.cannotRevive(pb.ReconnectReason_RR_SIGNAL_DISCONNECTED, lastingSilence+1) {
		t.Error("a long silence is not taken for a failed connection")
	}
	for agent, want := range map[string]bool{
		"Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0":                                               true,
		"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/150.0.0.0 Safari/537.36":                false,
		"Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) FxiOS/140.0 Mobile/1": false,
	} {
		quiet := newClient(&pb.ClientInfo{Sdk: pb.ClientInfo_JS})
		quiet.agent = agent
		if quiet.isFirefox() != want {
			t.Errorf("%s is taken for another browser", agent)
		}
	}
}

func TestClientThatStaysAwayLeaves(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.ResumeGrace = 50 * time.Millisecond })
	bob, _ := w.enter(t, "bob", "hall", "")
	alice, _ := w.enter(t, "alice", "hall", "")
	alice.ws.CloseNow()
	bob.untilUpdate(isGone("alice"))
}

func TestShutdownTellsClientsToConnectAnew(t *testing.T) {
	w := newWorld(t, nil)
	alice, _ := w.enter(t, "alice", "hall", "")
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- w.server.Shutdown(ctx) }()
	if l := alice.untilLeave(); l.Action != pb.LeaveRequest_RECONNECT || l.Reason != pb.DisconnectReason_SERVER_SHUTDOWN || !l.CanReconnect {
		t.Errorf("leave: %v", l)
	}
	if _, err := alice.read(); err == nil {
		t.Error("the connection stays open")
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
	late, _, err := w.dial(t, token(t, "late", "hall", nil), "")
	if err != nil {
		t.Fatal(err)
	}
	if l := late.untilLeave(); l.Reason != pb.DisconnectReason_SERVER_SHUTDOWN {
		t.Errorf("leave: %v", l)
	}
}

func TestTokenIsRefreshedBeforeItExpires(t *testing.T) {
	w := newWorld(t, nil)
	yes := true
	short, err := testKeys.Mint(auth.Claims{Identity: "alice", Video: auth.Grant{Room: "hall", RoomJoin: true, CanUpdateOwnMetadata: &yes}},
		time.Minute, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	c, _, err := w.dial(t, short, "protocol=17")
	if err != nil {
		t.Fatal(err)
	}
	fresh := c.until(func(r *pb.SignalResponse) bool { return r.GetRefreshToken() != "" }).GetRefreshToken()
	claims, err := testKeys.Verify(fresh)
	if err != nil || claims.Identity != "alice" || claims.Video.Room != "hall" || !*claims.Video.CanUpdateOwnMetadata {
		t.Errorf("got %+v (%v)", claims, err)
	}
	if hint, _ := readToken(fresh); time.Until(time.Unix(hint.Expires, 0)) < 50*time.Minute {
		t.Errorf("it expires at %d", hint.Expires)
	}
}
