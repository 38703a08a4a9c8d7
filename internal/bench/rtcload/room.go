package rtcload

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"
	pb "github.com/livekit/protocol/livekit"
	"github.com/pion/sdp/v3"
	"google.golang.org/protobuf/proto"

	"github.com/tuttilive/tutti/internal/auth"
)

// rooms is a server spoken to by LiveKit's client protocol, with two connections for each participant (v0), as most SDKs
// still do: the client offers the one that it publishes on, the server the one that it sends on.
type rooms struct {
	address string
	keys    auth.Keys
	who     identity
	told    *told // nil where nobody counts
}

// told counts what the server says over signal connections.
type told struct{ messages, bytes atomic.Int64 }

func (t *told) count(message []byte) {
	if t != nil {
		t.messages.Add(1)
		t.bytes.Add(int64(len(message)))
	}
}

const (
	pingInterval = 10 * time.Second
	tokenTTL     = time.Hour
	maxMessage   = 4 << 20
)

// member is a participant of a room. Its fields belong to the goroutine that reads its messages, but for those of others
// said so.
type member struct {
	rooms    rooms
	receiver *receiver // nil for who only publishes
	sender   *sender   // nil for who publishes nothing
	// width and height are how large pictures are shown, 0 for as large as they come.
	width, height uint32

	life context.Context
	end  context.CancelFunc
	subscription,
	publication link
	joined    chan struct{}
	published chan struct{}
	failed    chan error

	room, identity string
	sid            string // set before joined is closed

	mu     sync.Mutex
	ws     *websocket.Conn // nil while it is lost
	people []*pb.ParticipantInfo
	open   []*transport
	ended  bool
}

// link is one connection on its way up.
type link struct {
	to        server
	described bool
	begun     bool
	data      bool
	receive   func(*transport, []byte, time.Time)
	ready     chan *transport
}

// begin connects once it is known where to.
func (m *member) begin(l *link) {
	if l.begun || !l.described || l.to.addr == nil {
		return
	}
	l.begun = true
	to := l.to
	go func() {
		ctx, done := context.WithTimeout(m.life, connectPatience)
		defer done()
		t, err := connect(ctx, to, m.rooms.who, l.data, l.receive)
		if err != nil {
			m.fail(err)
			return
		}
		m.mu.Lock()
		if m.ended {
			defer t.close()
		}
		m.open = append(m.open, t)
		m.mu.Unlock()
		l.ready <- t
	}()
}

// connectPatience is how long a client may take to come into a room.
const connectPatience = 20 * time.Second

func (m *member) fail(err error) {
	select {
	case m.failed <- err:
	default:
	}
}

// join brings a participant into a room. With a receiver it takes all that others publish, and waits until it can; with a
// sender it publishes, until life ends.
func (s rooms) join(ctx, life context.Context, room, identity string, snd *sender, r *receiver, width, height int) (*member, error) {
	subscribe := "0"
	if r != nil {
		subscribe = "1"
	}
	ws, err := s.dial(ctx, room, identity, url.Values{"auto_subscribe": {subscribe}})
	if err != nil {
		return nil, err
	}
	m := &member{
		rooms: s, room: room, identity: identity, ws: ws, receiver: r, sender: snd, width: uint32(width), height: uint32(height),
		joined: make(chan struct{}), published: make(chan struct{}, 2), failed: make(chan error, 1),
	}
	m.life, m.end = context.WithCancel(life)
	m.subscription = link{receive: m.receive, ready: make(chan *transport, 1)}
	m.publication = link{ready: make(chan *transport, 1)}
	if snd != nil {
		m.publication.receive = snd.packet
	}
	go m.read(ws)
	go m.ping()
	if err := m.enter(ctx, snd); err != nil {
		m.Close()
		return nil, fmt.Errorf("%s: %w", identity, err)
	}
	return m, nil
}

// dial opens a signal connection.
func (s rooms) dial(ctx context.Context, room, identity string, query url.Values) (*websocket.Conn, error) {
	token, err := s.keys.Mint(auth.Claims{Identity: identity, Video: auth.Grant{Room: room, RoomJoin: true}}, tokenTTL, time.Now())
	if err != nil {
		return nil, err
	}
	for name, value := range map[string]string{
		"access_token": token, "adaptive_stream": "0", "sdk": "go", "protocol": "16", "version": "2.16.0",
	} {
		query.Set(name, value)
	}
	ws, _, err := websocket.Dial(ctx, "ws://"+s.address+"/rtc?"+query.Encode(), nil)
	if err != nil {
		return nil, err
	}
	ws.SetReadLimit(maxMessage)
	return ws, nil
}

func (m *member) receive(t *transport, b []byte, at time.Time) {
	if m.receiver != nil {
		m.receiver.packet(t, b, at)
	}
}

// enter publishes what is to be published and waits for the connections.
func (m *member) enter(ctx context.Context, snd *sender) error {
	if err := wait(ctx, m, m.joined); err != nil {
		return fmt.Errorf("joining: %w", err)
	}
	if snd != nil {
		if err := m.publish(ctx, snd); err != nil {
			return fmt.Errorf("publishing: %w", err)
		}
	}
	if m.receiver == nil {
		return nil
	}
	if err := wait(ctx, m, m.subscription.ready); err != nil {
		return fmt.Errorf("subscribing: %w", err)
	}
	return nil
}

func wait[T any](ctx context.Context, m *member, what <-chan T) error {
	_, err := await(ctx, m, what)
	return err
}

func await[T any](ctx context.Context, m *member, what <-chan T) (got T, err error) {
	select {
	case got = <-what:
		return got, nil
	case err = <-m.failed:
		return got, err
	case <-ctx.Done():
		return got, ctx.Err()
	}
}

func (m *member) publish(ctx context.Context, snd *sender) error {
	tracks := []*pb.AddTrackRequest{{Cid: soundTrack, Name: soundTrack, Type: pb.TrackType_AUDIO, Source: pb.TrackSource_MICROPHONE}}
	if len(snd.pictures) > 0 {
		top := snd.pictures[len(snd.pictures)-1].layer
		picture := &pb.AddTrackRequest{
			Cid: pictureTrack, Name: pictureTrack, Type: pb.TrackType_VIDEO, Source: pb.TrackSource_CAMERA,
			Width: uint32(top.width), Height: uint32(top.height),
		}
		for i, o := range snd.pictures {
			quality := pb.VideoQuality(int(pb.VideoQuality_HIGH) - (len(snd.pictures) - 1 - i))
			picture.Layers = append(picture.Layers, &pb.VideoLayer{
				Quality: quality, Width: uint32(o.layer.width), Height: uint32(o.layer.height), Bitrate: uint32(o.layer.bitrate),
			})
		}
		picture.SimulcastCodecs = []*pb.SimulcastCodec{{Codec: "h264", Cid: pictureTrack, Layers: picture.Layers}}
		tracks = append(tracks, picture)
	}
	for _, t := range tracks {
		if err := m.send(&pb.SignalRequest{Message: &pb.SignalRequest_AddTrack{AddTrack: t}}); err != nil {
			return err
		}
	}
	for range tracks {
		if err := wait(ctx, m, m.published); err != nil {
			return err
		}
	}
	err := m.send(&pb.SignalRequest{Message: &pb.SignalRequest_Offer{Offer: &pb.SessionDescription{
		Type: "offer", Sdp: offer(m.rooms.who, snd.sections()), Id: 1,
	}}})
	if err != nil {
		return err
	}
	t, err := await(ctx, m, m.publication.ready)
	if err == nil {
		go snd.run(m.life, t)
	}
	return err
}

func (m *member) send(req *pb.SignalRequest) error {
	raw, err := proto.Marshal(req)
	if err != nil {
		return err
	}
	ws := m.socket()
	if ws == nil {
		return errors.New("the signal connection is lost")
	}
	return ws.Write(m.life, websocket.MessageBinary, raw)
}

// socket is the signal connection at the moment.
func (m *member) socket() *websocket.Conn {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.ws
}

func (m *member) ping() {
	ticker := time.NewTicker(pingInterval)
	defer ticker.Stop()
	for {
		select {
		case <-m.life.Done():
			return
		case now := <-ticker.C:
			_ = m.send(&pb.SignalRequest{Message: &pb.SignalRequest_PingReq{PingReq: &pb.Ping{Timestamp: now.UnixMilli()}}})
		}
	}
}

// read takes messages until the connection ends.
func (m *member) read(ws *websocket.Conn) {
	for {
		_, raw, err := ws.Read(m.life)
		if err != nil {
			if m.socket() != ws {
				return // another has taken its place
			}
			m.fail(fmt.Errorf("signalling: %w", err))
			return
		}
		m.rooms.told.count(raw)
		var res pb.SignalResponse
		if err := proto.Unmarshal(raw, &res); err != nil {
			m.fail(err)
			return
		}
		if err := m.take(&res); err != nil {
			m.fail(err)
			return
		}
	}
}

func (m *member) take(res *pb.SignalResponse) error {
	switch x := res.GetMessage().(type) {
	case *pb.SignalResponse_Join:
		m.sid = x.Join.GetParticipant().GetSid()
		close(m.joined)
		m.know(append(x.Join.GetOtherParticipants(), x.Join.GetParticipant()))
		return m.show(x.Join.GetOtherParticipants())
	case *pb.SignalResponse_Update:
		m.know(x.Update.GetParticipants())
		return m.show(x.Update.GetParticipants())
	case *pb.SignalResponse_TrackPublished:
		select {
		case m.published <- struct{}{}:
		default:
		}
	case *pb.SignalResponse_Offer:
		return m.answer(x.Offer)
	case *pb.SignalResponse_Answer:
		return m.describe(&m.publication, x.Answer.GetSdp(), nil)
	case *pb.SignalResponse_SubscribedQualityUpdate:
		m.watched(x.SubscribedQualityUpdate)
	case *pb.SignalResponse_Trickle:
		return m.trickle(x.Trickle)
	case *pb.SignalResponse_Leave:
		return fmt.Errorf("the server says good-bye: %v", x.Leave.GetReason())
	}
	return nil
}

// watched hears which layers of our picture somebody wants.
func (m *member) watched(u *pb.SubscribedQualityUpdate) {
	if m.sender == nil {
		return
	}
	qualities := u.GetSubscribedQualities()
	for _, c := range u.GetSubscribedCodecs() {
		if c.GetCodec() == "h264" {
			qualities = c.GetQualities()
		}
	}
	largest := -1
	for _, q := range qualities {
		if q.GetEnabled() {
			largest = max(largest, int(q.GetQuality()))
		}
	}
	m.sender.watch(largest)
}

// show tells how large others' pictures are shown.
func (m *member) show(others []*pb.ParticipantInfo) error {
	if m.width == 0 || m.receiver == nil {
		return nil
	}
	var sids []string
	for _, p := range others {
		for _, t := range p.GetTracks() {
			if t.GetType() == pb.TrackType_VIDEO {
				sids = append(sids, t.GetSid())
			}
		}
	}
	if len(sids) == 0 {
		return nil
	}
	return m.send(&pb.SignalRequest{Message: &pb.SignalRequest_TrackSetting{TrackSetting: &pb.UpdateTrackSettings{
		TrackSids: sids, Width: m.width, Height: m.height, Quality: pb.VideoQuality_HIGH,
	}}})
}

// answer takes what the server wants to send.
func (m *member) answer(o *pb.SessionDescription) error {
	var agreed *agreement
	err := m.describe(&m.subscription, o.GetSdp(), func(d *sdp.SessionDescription) error {
		var text string
		text, agreed = answer(m.rooms.who, d)
		if m.receiver != nil {
			m.receiver.agreed.Store(agreed)
		}
		m.subscription.data = agreed.data
		return m.send(&pb.SignalRequest{Message: &pb.SignalRequest_Answer{Answer: &pb.SessionDescription{Type: "answer", Sdp: text, Id: o.GetId()}}})
	})
	return err
}

// describe takes the server's description of a connection; then is called before connecting.
func (m *member) describe(l *link, text string, then func(*sdp.SessionDescription) error) error {
	var d sdp.SessionDescription
	if err := d.UnmarshalString(text); err != nil {
		return err
	}
	to, err := readServer(&d)
	if err != nil {
		return err
	}
	if to.addr == nil {
		to.addr = l.to.addr // it trickled before
	}
	l.to, l.described = to, true
	if then != nil {
		if err := then(&d); err != nil {
			return err
		}
	}
	m.begin(l)
	return nil
}

// trickle takes a candidate of the server.
func (m *member) trickle(t *pb.TrickleRequest) error {
	var c struct{ Candidate string }
	if t.GetCandidateInit() == "" {
		return nil
	}
	if err := json.Unmarshal([]byte(t.GetCandidateInit()), &c); err != nil {
		return err
	}
	l := &m.subscription
	if t.GetTarget() == pb.SignalTarget_PUBLISHER {
		l = &m.publication
	}
	l.to.consider(c.Candidate)
	m.begin(l)
	return nil
}

// Close leaves the room.
func (m *member) Close() error {
	if m.life.Err() == nil {
		_ = m.send(&pb.SignalRequest{Message: &pb.SignalRequest_Leave{Leave: &pb.LeaveRequest{Reason: pb.DisconnectReason_CLIENT_INITIATED}}})
	}
	m.mu.Lock()
	m.ended = true
	open := m.open
	m.mu.Unlock()
	for _, t := range open {
		t.close()
	}
	m.end()
	ws := m.socket()
	if ws == nil {
		return nil
	}
	if err := ws.CloseNow(); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	return nil
}
