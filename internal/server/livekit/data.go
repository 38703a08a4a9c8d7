package livekit

import (
	"sync"
	"sync/atomic"
	"time"

	pb "github.com/livekit/protocol/livekit"
	"golang.org/x/time/rate"
	"google.golang.org/protobuf/proto"

	"github.com/tuttilive/tutti/internal/room"
	wordlist "github.com/tuttilive/tutti/internal/room/words"
	"github.com/tuttilive/tutti/internal/rtc"
	"github.com/tuttilive/tutti/internal/studio/talk"
)

// Limits on data messages. A client that sends reliable ones faster is read more slowly, so that its own buffer fills;
// lossy ones beyond the rates are lost.
const (
	MaxDataBytes       = 128 << 10
	dataPerSecond      = 2000
	dataBurst          = 4000
	dataBytesPerSecond = 8 << 20
	dataBytesBurst     = 16 << 20
	// What one sender's messages may become for all their receivers together: in a large room the sender pays for the copies.
	// A copy counts as leastCopy bytes at least, since one of a few bytes is a packet too, which costs as much as a full one.
	dataCopiesPerSecond = 64 << 20
	dataCopiesBurst     = 128 << 20
	leastCopy           = 1 << 10

	// maxBacklogBytes bounds reliable messages that wait for a channel to open or to drain. Clients share the bytes.
	maxBacklogBytes = 8 << 20
	backlogInterval = 50 * time.Millisecond

	// lossyLifetime is how long a lossy message waits for the way to the client, which may carry less than is said: newer ones follow.
	lossyLifetime = 150 * time.Millisecond
)

// incomingData is the way of a client's messages into the room. Its methods are called from the data channels' own
// goroutines.
type incomingData struct {
	session  *session
	messages *rate.Limiter
	bytes    *rate.Limiter
	copies   *rate.Limiter // bytes to all receivers together

	mu    sync.Mutex
	last  uint32 // sequence number of the last reliable message
	words words

	hidden atomic.Bool // the client is not shown to others, so its messages do not say whose they are
	missed atomic.Bool // messages of others have come faster than the session could take them
}

func (d *incomingData) open(s *session) {
	d.session = s
	d.messages = rate.NewLimiter(dataPerSecond, dataBurst)
	d.bytes = rate.NewLimiter(dataBytesPerSecond, dataBytesBurst)
	d.copies = rate.NewLimiter(dataCopiesPerSecond, dataCopiesBurst)
	d.hidden.Store(s.self.Permission.Hidden)
}

// lastSequence is what a client that resumes is told: it sends later messages again.
func (d *incomingData) lastSequence() uint32 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.last
}

// isNew tells whether a reliable message has not come before: after a resume some are sent again.
func (d *incomingData) isNew(sequence uint32) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if sequence > 0 && sequence <= d.last {
		return false
	}
	d.last = max(d.last, sequence)
	return true
}

// admit keeps the rates. It waits with a reliable message, and tells whether a message may go on.
func (d *incomingData) admit(bytes int, reliable bool) bool {
	if bytes > MaxDataBytes {
		return false
	}
	now := time.Now()
	if !reliable {
		return d.messages.AllowN(now, 1) && d.bytes.AllowN(now, bytes)
	}
	return d.wait(max(d.messages.ReserveN(now, 1).DelayFrom(now), d.bytes.ReserveN(now, bytes).DelayFrom(now)))
}

// pay takes what a message becomes for its receivers from the sender's budget, as admit does.
func (d *incomingData) pay(bytes, receivers int, reliable bool) bool {
	now, cost := time.Now(), min(max(bytes, leastCopy)*receivers, dataCopiesBurst)
	if !reliable {
		return d.copies.AllowN(now, cost)
	}
	return d.wait(d.copies.ReserveN(now, cost).DelayFrom(now))
}

// wait lets time go by; it is false when the session has ended.
func (d *incomingData) wait(delay time.Duration) bool {
	if delay == 0 {
		return true
	}
	wait := time.NewTimer(delay)
	defer wait.Stop()
	select {
	case <-wait.C:
		return true
	case <-d.session.done:
		return false
	}
}

// receive takes one message: it stamps who sent it and passes it on. The content is none of our business.
func (d *incomingData) receive(data []byte, reliable bool) {
	if !d.admit(len(data), reliable) {
		return
	}
	packet := &pb.DataPacket{}
	if err := (proto.UnmarshalOptions{RecursionLimit: 32}).Unmarshal(data, packet); err != nil {
		return
	}
	if reliable && !d.isNew(packet.Sequence) {
		return
	}
	s := d.session
	if packet.GetUser().GetTopic() == talk.Topic { // a request to the server, never for the others
		if reliable {
			s.part.Ask(packet.GetUser().GetPayload())
		}
		return
	}
	agent := kindOf(s.claims.Kind) == room.Agent
	if !forOthers(packet, agent) {
		return
	}
	receivers := len(packet.DestinationIdentities)
	if receivers == 0 {
		receivers = int(s.company.Load()) // also where SIDs name a few: all are looked through for them
	}
	if !d.pay(proto.Size(packet), receivers, reliable) || !d.address(packet) {
		return
	}
	list := s.server.house.Words()
	if agent {
		list = nil
	}
	words, said := d.hear(packet, list)
	if !said {
		return
	}
	if d.hidden.Load() {
		stamp(packet, "", "", reliable)
	} else {
		sign(packet, s.place.identity, s.sid, reliable, agent)
	}
	payload, err := proto.Marshal(packet)
	if err != nil {
		return
	}
	err = s.part.Send(room.Data{
		Reliable: reliable, Topic: packet.GetUser().GetTopic(), To: packet.DestinationIdentities, Payload: payload, Words: words,
	})
	if err != nil {
		s.log.Debug("data message refused", "error", err)
	}
}

// address fills in for whom a message is that names them by their SIDs, as older clients do. It is false when none of them is here: such a
// message is for nobody, and not for all.
func (d *incomingData) address(packet *pb.DataPacket) bool {
	user := packet.GetUser()
	sids := user.GetDestinationSids()
	if len(sids) == 0 || len(packet.DestinationIdentities) > 0 || len(user.DestinationIdentities) > 0 {
		return true
	}
	named := make(map[string]bool, len(sids))
	for _, sid := range sids {
		named[sid] = true
	}
	for _, p := range d.session.part.Others() {
		if named[p.SID] {
			packet.DestinationIdentities = append(packet.DestinationIdentities, p.Identity)
		}
	}
	return len(packet.DestinationIdentities) > 0
}

// hear tells whether others are shown a message as what the client writes, and whether that may be said, which masks what may not.
func (d *incomingData) hear(packet *pb.DataPacket, list *wordlist.List) (words, said bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	words = d.words.in(packet)
	return words, !words || d.words.said(packet, list)
}

// forOthers tells whether a packet is passed on. Measurements are meant for the server, and transcripts, which name whose
// words they are, are believed of agents alone.
func forOthers(packet *pb.DataPacket, agent bool) bool {
	switch packet.Value.(type) {
	case *pb.DataPacket_Metrics:
		return false
	case *pb.DataPacket_Transcription:
		return agent
	}
	return true
}

// sign stamps a client's packet, but leaves an agent the name in which it speaks.
func sign(packet *pb.DataPacket, identity, sid string, reliable, agent bool) {
	if agent && speaksFor(packet) {
		identity = packet.ParticipantIdentity
	}
	stamp(packet, identity, sid, reliable)
}

// speaksFor marks what an agent says in the name of somebody else, a transcript or a chat message, and tells whether it
// is that.
func speaksFor(packet *pb.DataPacket) bool {
	if packet.ParticipantIdentity == "" {
		return false
	}
	switch v := packet.Value.(type) {
	case *pb.DataPacket_ChatMessage:
		v.ChatMessage.Generated = true
		return true
	case *pb.DataPacket_StreamHeader:
		if text := v.StreamHeader.GetTextHeader(); text != nil {
			text.Generated = true
			return true
		}
	}
	return false
}

// stamp writes the sender into a packet, whatever the packet said before.
func stamp(packet *pb.DataPacket, identity, sid string, reliable bool) {
	packet.Kind = pb.DataPacket_LOSSY // older clients read it
	if reliable {
		packet.Kind = pb.DataPacket_RELIABLE // older clients read it
	}
	packet.ParticipantIdentity, packet.ParticipantSid = identity, sid
	user := packet.GetUser()
	if user == nil {
		return
	}
	user.ParticipantIdentity, user.ParticipantSid = identity, sid // older clients read them
	if len(packet.DestinationIdentities) == 0 {
		packet.DestinationIdentities = user.DestinationIdentities // older clients write it
	}
	user.DestinationIdentities = packet.DestinationIdentities // older clients read it
}

// EncodeData makes a message of the server for clients of this door. from names whom answers go to, "" for nobody.
func EncodeData(packet *pb.DataPacket, from string, to []string, reliable bool) (room.Data, error) {
	packet.DestinationIdentities = to
	stamp(packet, from, "", reliable)
	payload, err := proto.Marshal(packet)
	return room.Data{Reliable: reliable, Topic: packet.GetUser().GetTopic(), To: to, Payload: payload}, err
}

// EncodeTalk makes a message of what the audience is told.
func EncodeTalk(events []byte) (room.Data, error) {
	topic := talk.Topic
	packet := &pb.DataPacket{Value: &pb.DataPacket_User{User: &pb.UserPacket{Payload: events, Topic: &topic}}}
	return EncodeData(packet, "", nil, true)
}

// outgoingData is the way of the others' messages to the client.
type outgoingData struct {
	reliable, lossy *rtc.DataChannel
	backlog         [][]byte // reliable messages that could not be sent yet, in order
	backlogBytes    int
	retrying, lost  bool
}

// backlogDue: time to try again what could not be sent.
type backlogDue struct{}

// channelCame handles an open data channel. The client may write on those of both its connections, but is written to on one alone: nothing keeps
// the order between two.
func (s *session) channelCame(from *transport, dc *rtc.DataChannel) {
	reliable := dc.Label() == reliableLabel
	switch dc.Label() {
	case reliableLabel, lossyLabel:
	case dataTrackLabel:
		dc.OnMessage(func(packet []byte, _ bool) { s.forward(packet) })
		if from.peer == s.receivingPeer() {
			s.dataTracks.out.Store(dc)
		}
		return
	default:
		// What nobody reads would fill the window that it shares with the other channels.
		dc.OnMessage(func([]byte, bool) {})
		return
	}
	dc.OnMessage(func(data []byte, _ bool) { s.data.receive(data, reliable) })
	switch {
	case from.peer != s.receivingPeer():
	case reliable:
		s.outgoing.reliable = dc
		s.sendBacklog()
	default:
		s.outgoing.lossy = dc
	}
}

// deliver gives a message to the client. A lossy one that cannot be sent soon is lost.
func (s *session) deliver(d room.Data) {
	o := &s.outgoing
	if !d.Reliable {
		if o.lossy != nil {
			_ = o.lossy.SendWithin(lossyLifetime, d.Payload, false)
		}
		return
	}
	if o.reliable != nil && len(o.backlog) == 0 && o.reliable.Send(d.Payload, false) == nil {
		return
	}
	if o.backlogBytes+len(d.Payload) > maxBacklogBytes {
		if !o.lost {
			s.log.Warn("client does not read its reliable messages: some are lost")
		}
		o.lost = true
		return
	}
	o.backlog = append(o.backlog, d.Payload)
	o.backlogBytes += len(d.Payload)
	s.retryLater()
}

// sendBacklog sends what waits, as far as it can.
func (s *session) sendBacklog() {
	o := &s.outgoing
	o.retrying = false
	for len(o.backlog) > 0 && o.reliable != nil {
		if o.reliable.Send(o.backlog[0], false) != nil {
			break
		}
		o.backlogBytes -= len(o.backlog[0])
		o.backlog[0] = nil // what was sent is not held by those that follow
		o.backlog = o.backlog[1:]
	}
	if len(o.backlog) == 0 {
		o.backlog = nil
		return
	}
	s.retryLater()
}

func (s *session) retryLater() {
	if !s.outgoing.retrying && s.outgoing.reliable != nil {
		s.outgoing.retrying = true
		s.after(backlogInterval, backlogDue{})
	}
}
