package livekit

import (
	"encoding/binary"
	"errors"
	"slices"
	"sync"
	"sync/atomic"

	pb "github.com/livekit/protocol/livekit"
	"google.golang.org/protobuf/proto"

	"github.com/tuttilive/tutti/internal/room"
	"github.com/tuttilive/tutti/internal/rtc"
	"github.com/tuttilive/tutti/internal/studio/lkinfo"
)

// A packet of a data track begins with a header of 12 bytes: version (3 bits), whether it is the first or the last of its frame (a bit each) and other
// flags, the track's handle at 2, sequence and frame numbers at 4 and 6, and a timestamp. The server writes the handle anew for each subscriber: a
// publisher's handles are its own, and so are a subscriber's. It reads no more than what it needs for leaving out whole frames.
const (
	dataTrackHeader  = 12
	dataTrackVersion = 0
	dataTrackFirst   = 0x10
	dataTrackHandle  = 2
	dataTrackFrame   = 6
)

const (
	maxDataTrackName     = 256
	maxDataTrackEncoding = 512
	// maxDataSubscriptions bounds the data tracks that one client wants, and those that one request names.
	maxDataSubscriptions = 512
	// maxDataTrackBuffered is how many bytes may be on their way to a subscriber, those that it has not acknowledged yet included: what cannot be sent
	// soon is lost, since newer frames follow. A frame that comes at once is larger only if part of it is acknowledged meanwhile.
	maxDataTrackBuffered = 512 << 10
)

// dataTracks are what a client publishes, and where it gets those of others. The data channels of both sides use them.
type dataTracks struct {
	out atomic.Pointer[rtc.DataChannel]

	mu        sync.Mutex
	published []*dataTrack
}

// dataTrack is one that a client publishes, with those who get it and the handle that each knows it by.
type dataTrack struct {
	sid    string
	handle uint16

	mu        sync.Mutex
	ended     bool
	receivers map[*session]*dataReceiver
}

// dataReceiver is somebody who gets a data track, by a handle of its own.
type dataReceiver struct {
	handle uint16
	lacks  bool   // the receiver lacks part of the frame, so the rest is of no use to it
	frame  uint16 // the newest of which something was to be sent
}

// passes tells whether a packet is sent to the receiver, given whether it could be.
func (r *dataReceiver) passes(packet []byte, could bool) bool {
	frame := binary.BigEndian.Uint16(packet[dataTrackFrame:])
	if r.lacks && r.frame == frame && packet[0]&dataTrackFirst == 0 {
		return false
	}
	r.lacks, r.frame = !could, frame
	return could
}

func (d *dataTracks) find(is func(*dataTrack) bool) *dataTrack {
	d.mu.Lock()
	defer d.mu.Unlock()
	if i := slices.IndexFunc(d.published, is); i >= 0 {
		return d.published[i]
	}
	return nil
}

func (d *dataTracks) add(t *dataTrack) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.published = append(d.published, t)
}

// keep ends those that are not among what is published now.
func (d *dataTracks) keep(now []room.DataTrack) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.published = slices.DeleteFunc(d.published, func(t *dataTrack) bool {
		gone := !slices.ContainsFunc(now, func(n room.DataTrack) bool { return n.SID == t.sid })
		if gone {
			t.end()
		}
		return gone
	})
}

func (t *dataTrack) end() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ended, t.receivers = true, nil
}

// give has somebody get the track; take ends that.
func (t *dataTrack) give(to *session, handle uint16) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if r := t.receivers[to]; !t.ended && (r == nil || r.handle != handle) {
		t.receivers[to] = &dataReceiver{handle: handle}
	}
}

func (t *dataTrack) take(from *session) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.receivers, from)
}

// forward passes a packet of the client on to those who get its track. It is called from the data channel's goroutine, and the packet is its own.
func (s *session) forward(packet []byte) {
	if len(packet) < dataTrackHeader || packet[0]>>5 != dataTrackVersion || !s.data.admit(len(packet), false) {
		return
	}
	handle := binary.BigEndian.Uint16(packet[dataTrackHandle:])
	t := s.dataTracks.find(func(t *dataTrack) bool { return t.handle == handle })
	if t == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if !s.data.pay(len(packet), len(t.receivers), false) {
		return
	}
	for to, receiver := range t.receivers {
		out := to.dataTracks.out.Load()
		if out == nil || !receiver.passes(packet, out.Buffered()+len(packet) <= maxDataTrackBuffered) {
			continue
		}
		theirs := slices.Clone(packet) // the channel keeps it
		binary.BigEndian.PutUint16(theirs[dataTrackHandle:], receiver.handle)
		_ = out.Send(theirs, false) // what cannot be sent now is lost
	}
}

// publishData publishes a data track of the client.
func (s *session) publishData(req *pb.PublishDataTrackRequest) {
	encoding, err := proto.Marshal(&pb.DataTrackInfo{FrameEncoding: req.FrameEncoding, Schema: req.Schema})
	t := room.DataTrack{
		SID: room.NewSID("DTR_"), Name: req.GetName(), Handle: uint16(req.GetPubHandle()), Encryption: uint8(req.GetEncryption()), Encoding: encoding,
	}
	refuse := func(reason pb.RequestResponse_Reason, message string) {
		s.respond(&pb.RequestResponse{Reason: reason, Message: message, Request: &pb.RequestResponse_PublishDataTrack{PublishDataTrack: req}})
	}
	switch {
	case !s.self.Permission.PublishData:
		refuse(pb.RequestResponse_NOT_ALLOWED, "no permission to publish data")
		return
	case req.GetPubHandle() == 0 || req.GetPubHandle() > 1<<16-1:
		refuse(pb.RequestResponse_INVALID_HANDLE, "handles are 1 to 65535")
		return
	case t.Name == "" || len(t.Name) > maxDataTrackName:
		refuse(pb.RequestResponse_INVALID_NAME, "names are 1 to 256 bytes")
		return
	case err != nil || len(encoding) > maxDataTrackEncoding || req.GetEncryption() < 0 || req.GetEncryption() > pb.Encryption_CUSTOM:
		refuse(pb.RequestResponse_INVALID_REQUEST, "the encoding cannot be described")
		return
	}
	for _, there := range s.part.Self().DataTracks {
		if there.Handle == t.Handle && there.Name == t.Name { // asked again
			s.sendPublishedData(there)
			return
		}
	}
	// First: who is told of it may ask for it at once.
	s.dataTracks.add(&dataTrack{sid: t.SID, handle: t.Handle, receivers: map[*session]*dataReceiver{}})
	if err := s.part.PublishData(t); err != nil {
		s.dataTracks.keep(s.part.Self().DataTracks)
		switch {
		case errors.Is(err, room.ErrHandleTaken):
			refuse(pb.RequestResponse_DUPLICATE_HANDLE, err.Error())
		case errors.Is(err, room.ErrNameTaken):
			refuse(pb.RequestResponse_DUPLICATE_NAME, err.Error())
		case errors.Is(err, room.ErrTooManyTracks), errors.Is(err, room.ErrDataTracksTooLarge):
			refuse(pb.RequestResponse_LIMIT_EXCEEDED, err.Error())
		default:
			refuse(pb.RequestResponse_NOT_ALLOWED, err.Error())
		}
		return
	}
	s.sendPublishedData(t)
}

func (s *session) sendPublishedData(t room.DataTrack) {
	s.send(&pb.SignalResponse{Message: &pb.SignalResponse_PublishDataTrackResponse{
		PublishDataTrackResponse: &pb.PublishDataTrackResponse{Info: lkinfo.DataTrack(t)}}})
}

// syncData tells a client that resumed what it does not know of its own data tracks: the answer may have been lost with the connection. It is not told
// again what it knows, since livekit-client takes a second answer for the end of the track.
func (s *session) syncData(knows []*pb.PublishDataTrackResponse) {
	known := make(map[string]bool, len(knows))
	for _, k := range knows {
		known[k.GetInfo().GetSid()] = true
	}
	for _, t := range s.part.Self().DataTracks {
		if !known[t.SID] {
			s.sendPublishedData(t)
		}
	}
}

// unpublishData gives a data track of the client up.
func (s *session) unpublishData(req *pb.UnpublishDataTrackRequest) {
	tracks := s.part.Self().DataTracks
	i := slices.IndexFunc(tracks, func(t room.DataTrack) bool { return uint32(t.Handle) == req.GetPubHandle() })
	if i < 0 || s.part.UnpublishData(tracks[i].Handle) != nil {
		s.respond(&pb.RequestResponse{Reason: pb.RequestResponse_NOT_FOUND,
			Request: &pb.RequestResponse_UnpublishDataTrack{UnpublishDataTrack: req}})
		return
	}
	s.dataTracks.keep(s.part.Self().DataTracks)
	s.send(&pb.SignalResponse{Message: &pb.SignalResponse_UnpublishDataTrackResponse{
		UnpublishDataTrackResponse: &pb.UnpublishDataTrackResponse{Info: lkinfo.DataTrack(tracks[i])}}})
}

// dataSubscription is a data track that the client wants. It gets it for as long as it may.
type dataSubscription struct {
	publisher, publisherSID string
	handle                  uint16
	track                   *dataTrack
	allowed                 bool
}

// subscribeData begins and ends subscriptions as the client wants them, and tells it by which handles it knows what it gets. What is not there is passed
// over, and what is not for it waits until it is. Those who are there are looked through once, however many tracks are asked for.
func (s *session) subscribeData(req *pb.UpdateDataSubscription) {
	if len(req.GetUpdates()) == 0 {
		return
	}
	if len(req.GetUpdates()) > maxDataSubscriptions {
		s.respond(&pb.RequestResponse{Reason: pb.RequestResponse_LIMIT_EXCEEDED, Message: "too many data subscriptions at a time"})
		return
	}
	wanted := make(map[string]bool, len(req.GetUpdates()))
	for _, u := range req.GetUpdates() {
		sid := u.GetTrackSid()
		_, has := s.dataSubscriptions[sid]
		switch {
		case u.GetSubscribe() && !has:
			wanted[sid] = true
		case has && !u.GetSubscribe():
			s.unsubscribeData(sid)
		default:
			delete(wanted, sid)
		}
	}
	if len(wanted) > 0 {
		s.beginData(wanted)
	}
	s.giveData()
}

// giveData has the client get what it wants and may have, under handles of which it is told first: packets whose handle it does not know would be lost.
func (s *session) giveData() {
	s.sendDataHandles()
	for _, sub := range s.dataSubscriptions {
		if sub.allowed {
			sub.track.give(s, sub.handle)
		}
	}
}

// sendDataHandles tells the client by which handles it knows the data tracks that it gets.
func (s *session) sendDataHandles() {
	handles := map[uint32]*pb.DataTrackSubscriberHandles_PublishedDataTrack{}
	for sid, sub := range s.dataSubscriptions {
		if sub.allowed {
			handles[uint32(sub.handle)] = &pb.DataTrackSubscriberHandles_PublishedDataTrack{
				PublisherIdentity: sub.publisher, PublisherSid: sub.publisherSID, TrackSid: sid,
			}
		}
	}
	s.send(&pb.SignalResponse{Message: &pb.SignalResponse_DataTrackSubscriberHandles{
		DataTrackSubscriberHandles: &pb.DataTrackSubscriberHandles{SubHandles: handles}}})
}

// beginData notes subscriptions to data tracks of others.
func (s *session) beginData(wanted map[string]bool) {
	for _, p := range s.part.Others() {
		for _, t := range p.DataTracks {
			if wanted[t.SID] && len(s.dataSubscriptions) < maxDataSubscriptions {
				s.beginDataOf(p, t.SID)
			}
		}
	}
}

func (s *session) beginDataOf(p room.Participant, sid string) {
	publisher := s.server.find(place{s.place.room, p.Identity})
	if publisher == nil {
		return
	}
	if t := publisher.dataTracks.find(func(t *dataTrack) bool { return t.sid == sid }); t != nil {
		s.dataSubscriptions[sid] = &dataSubscription{p.Identity, p.SID, s.nextDataHandle(), t, s.mayHaveData(p.Identity, sid)}
	}
}

func (s *session) unsubscribeData(sid string) {
	s.dataSubscriptions[sid].track.take(s)
	delete(s.dataSubscriptions, sid)
}

// nextDataHandle gives one that the client knows nothing by, and did not of late.
func (s *session) nextDataHandle() uint16 {
	for {
		s.dataHandle++
		taken := false
		for _, sub := range s.dataSubscriptions {
			taken = taken || sub.handle == s.dataHandle
		}
		if s.dataHandle != 0 && !taken {
			return s.dataHandle
		}
	}
}

func (s *session) mayHaveData(publisher, sid string) bool {
	return s.self.Permission.Subscribe && s.mayHave(publisher, sid)
}

// reviewData ends subscriptions to what somebody does not publish any more.
func (s *session) reviewData(p room.Participant) {
	for sid, sub := range s.dataSubscriptions {
		if sub.publisherSID == p.SID && !slices.ContainsFunc(p.DataTracks, func(t room.DataTrack) bool { return t.SID == sid }) {
			s.unsubscribeData(sid)
		}
	}
}

// checkData takes from the client what it may not have any more, and gives it what it may have now.
func (s *session) checkData() {
	more := false
	for sid, sub := range s.dataSubscriptions {
		before := sub.allowed
		sub.allowed = s.mayHaveData(sub.publisher, sid)
		if before && !sub.allowed {
			sub.track.take(s)
		}
		more = more || sub.allowed && !before
	}
	if more {
		s.giveData()
	}
}

// endData ends what the client publishes and gets.
func (s *session) endData() {
	s.dataTracks.keep(nil)
	for _, sub := range s.dataSubscriptions {
		sub.track.take(s)
	}
}
