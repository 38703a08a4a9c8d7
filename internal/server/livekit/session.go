package livekit

import (
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"
	pb "github.com/livekit/protocol/livekit"
	"golang.org/x/time/rate"

	"github.com/tuttilive/tutti/internal/auth"
	"github.com/tuttilive/tutti/internal/room"
	"github.com/tuttilive/tutti/internal/rtc"
	"github.com/tuttilive/tutti/internal/studio"
	"github.com/tuttilive/tutti/internal/studio/lkinfo"
)

// session is one participant's visit. The worker of its inbox owns every field below the line; the rest does not change after
// enter, or is safe for all.
type session struct {
	server  *Server
	place   place
	sid     string
	client  client
	onePeer bool
	claims  auth.Claims
	part    *studio.Participant
	log     *slog.Logger

	inbox *inbox
	turn  chan struct{} // holds a token while no request of the client waits
	done  chan struct{} // closed when the session has ended
	data  incomingData
	// dataTracks are used by the sessions of subscribers and publishers, too.
	dataTracks dataTracks
	rules      subscriptionRules // who may have our tracks; other sessions ask
	pace       *rate.Limiter     // of the client's requests, over all its connections

	// ---
	join  joinRequest
	conn  *conn  // nil while the client is away
	host  string // the name or address that the client called us by
	ended bool
	self  room.Participant
	// company is how many others there are; the data channels ask.
	company  atomic.Int32
	presence presence

	lacksH264  bool       // the client may not be able to publish H.264
	publisher  *transport // with onePeer the only one
	subscriber *transport
	publishing publishing
	remote     remoteTracks
	offering   offering
	asking     asking
	outgoing   outgoingData

	dataSubscriptions map[string]*dataSubscription // by SID
	dataHandle        uint16                       // the newest that the client was told of

	away        *time.Timer // ends the session of a client that stays away
	awaySince   time.Time
	token       tokenState
	saidGoodbye bool // the client has left by a word of its own
	roomDue     bool // a room update is on its way
	sabotage    sabotage

	candidates rtc.Transport // that the client is told
	relayed    bool          // the client is told to use a relay

	asked         time.Time // when the client asked to join
	connectedOnce bool
}

// Items of a session's inbox, beside room events and those of its peers.
type (
	// request: the client wants something.
	request struct{ *pb.SignalRequest }
	// connLost: a WebSocket ended.
	connLost struct {
		conn *conn
		err  error
	}
	// resumed: the client is back on another WebSocket.
	resumed struct {
		conn   *conn
		host   string
		token  string
		reason pb.ReconnectReason
	}
	// awayTooLong: the grace time of a client that is away is over.
	awayTooLong struct{ since time.Time }
	// serverClosing: all clients shall connect anew.
	serverClosing struct{}
	// roomUpdateDue: time to tell the client how many are in the room now.
	roomUpdateDue struct{}
)

// enter joins the room. The session does nothing before it runs, but already collects what happens.
func (s *Server) enter(a admission) (*session, error) {
	sess := &session{
		server: s, place: place{a.room, a.claims.Identity}, client: a.client, onePeer: a.onePeer, claims: a.claims,
		log:  s.log.With("room", a.room, "participant", a.claims.Identity),
		turn: make(chan struct{}, 1), done: make(chan struct{}), pace: newPace(),
		join: a.joinRequest, host: a.host, token: tokenState{expires: a.expires},
		asked: a.asked, dataSubscriptions: map[string]*dataSubscription{},
	}
	sess.inbox = newInbox(sess.work)
	sess.turn <- struct{}{}
	sess.remote.auto = a.autoSubscribe
	if candidates, relayed := s.detourOf(sess.place); s.endpoint.Reachable(candidates) {
		sess.candidates, sess.relayed = candidates, relayed
	}
	join := a.join()
	join.Program = readable(join.Program, s.house.Words())
	part, err := s.house.Enter(a.room, join, sess)
	if err != nil {
		return nil, err
	}
	sess.part = part
	sess.self = part.Self()
	sess.data.open(sess)
	return sess, nil
}

// RoomEvent takes an event of the room, of which the first is that the session is in it. It is called with the studio's lock held.
func (s *session) RoomEvent(e room.Event) {
	if joined, ok := e.(room.ParticipantJoined); ok && joined.Participant.Identity == s.place.identity {
		s.sid = joined.Participant.SID
		s.server.list(s)
	}
	if d, ok := e.(room.DataReceived); ok {
		if !s.inbox.offer(e, len(d.Data.Payload)) && !s.data.missed.Swap(true) {
			s.log.Warn("messages come faster than the session takes them: some are lost")
		}
		return
	}
	if s.canWait(e) {
		s.inbox.putLater(e, listenerPause)
		return
	}
	s.inbox.put(e, 0)
}

// run begins the session, and handles what has come meanwhile.
func (s *session) run(c *conn) {
	s.conn = c
	if err := s.begin(); err != nil {
		s.log.Warn("session could not begin", "error", err)
		s.end(leave(pb.DisconnectReason_JOIN_FAILURE, pb.LeaveRequest_DISCONNECT), room.LeftByItself)
	}
	s.settle()
	s.work()
}

// work handles what is in the inbox, until there is nothing or the session has ended.
func (s *session) work() {
	var items []any
	for !s.ended {
		var full bool
		if items, full = s.inbox.take(items); len(items) == 0 && !full {
			return // and is called again
		}
		for _, item := range items {
			s.take(item)
		}
		if full {
			s.log.Warn("session fell behind")
			s.end(leave(pb.DisconnectReason_UNKNOWN_REASON, pb.LeaveRequest_RECONNECT), room.LeftTimeout)
		}
		s.settle()
	}
	s.cleanUp()
}

// take handles one item of the inbox.
func (s *session) take(item any) {
	if s.ended {
		if r, ok := item.(resumed); ok {
			refuseResume(r.conn)
		}
		return
	}
	switch i := item.(type) {
	case request:
		s.answer(i.SignalRequest)
		s.turn <- struct{}{}
	case room.Event:
		s.hear(i)
	case peerEvent:
		s.hearPeer(i)
	case answerDue:
		s.answerChange(i)
	case connLost:
		s.lostConn(i)
	case resumed:
		s.comeBack(i)
	case awayTooLong:
		if s.conn == nil && i.since.Equal(s.awaySince) {
			s.log.Info("client did not come back")
			s.end(nil, room.LeftTimeout)
		}
	case serverClosing:
		s.end(farewell(room.LeftServerShutdown), room.LeftServerShutdown)
	case presenceDue:
		s.presence.now = s.presence.now || i.at.Equal(s.presence.at)
	case roomUpdateDue:
		s.roomDue = false
		s.send(&pb.SignalResponse{Message: &pb.SignalResponse_RoomUpdate{RoomUpdate: &pb.RoomUpdate{Room: lkinfo.Room(s.part.Room())}}})
	case offerApplied:
		s.takeJoinOffer()
	case pairingDue:
		s.pairByKind()
	case decidingDue:
		if t := s.publishing.bySID(i.sid); t != nil && t.undecided {
			s.publish(t)
		}
	case trackTaken:
		s.tellTaken(i.sid)
	case trackSuspended:
		s.tellSuspended(i)
	case rulesChanged:
		s.applyRules(i.publisher)
	case rulesLapsed:
		if s.rules.lapse() {
			s.tellRules()
		}
	case tokenExpires:
		s.refreshToken()
	case backlogDue:
		s.sendBacklog()
	case negotiationLate:
		s.checkNegotiation(i)
	case speakingEnds:
		s.sendSpeakers([]room.Speaker{{Identity: s.place.identity, SID: s.sid}})
	}
}

// settle sends what the items taken before have led to: first who is there, then the SDP with their tracks.
func (s *session) settle() {
	if s.ended {
		return
	}
	if s.presence.now {
		s.sendUpdates()
	}
	s.negotiate()
}

// send gives a message to the client, if it is there. Who comes back is brought up to date as a whole (catchUp), so nothing is kept
// for later.
func (s *session) send(res *pb.SignalResponse) {
	if s.conn != nil {
		s.conn.send(res)
	}
}

// end ends the session: with a message to the client, unless nil, and a reason for the others.
func (s *session) end(message *pb.SignalResponse, why room.LeaveReason) {
	if s.ended {
		return
	}
	s.ended = true
	s.endData()
	s.leaveRules(why)
	s.counted(why)
	if s.conn != nil {
		if message != nil {
			s.conn.send(message)
		}
		s.conn.close(websocket.StatusNormalClosure, "")
	}
	s.part.Leave(why)
}

// abandon ends a session that never ran.
func (s *session) abandon(why room.LeaveReason) {
	s.leaveRules(why)
	s.part.Leave(why)
	s.vanish()
}

// vanish lets nobody find the session any more.
func (s *session) vanish() {
	close(s.done)
	s.server.forget(s)
	for _, item := range s.inbox.close() {
		if r, ok := item.(resumed); ok {
			refuseResume(r.conn)
		}
	}
}

// cleanUp runs when the session has ended.
func (s *session) cleanUp() {
	defer s.server.running.Done()
	s.vanish()
	if s.away != nil {
		s.away.Stop()
	}
	s.token.stop()
	for _, t := range []*transport{s.publisher, s.subscriber} {
		if t != nil {
			t.peer.Close()
		}
	}
	if s.conn != nil {
		<-s.conn.done
	}
}

// after puts an item into the inbox when time has passed.
func (s *session) after(d time.Duration, item any) *time.Timer {
	return time.AfterFunc(d, func() { s.inbox.put(item, 0) })
}

// receivingPeer is the peer on which the client receives.
func (s *session) receivingPeer() *rtc.Peer {
	if s.onePeer {
		return s.publisher.peer
	}
	return s.subscriber.peer
}
