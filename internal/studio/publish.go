package studio

import (
	"fmt"
	"slices"
	"time"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/room"
	"github.com/tuttilive/tutti/internal/rtc"
	"github.com/tuttilive/tutti/internal/sfu"
	"github.com/tuttilive/tutti/internal/track"
)

// published is a track with what the studio must know of it.
type published struct {
	pub          room.Publication
	publisherSID string
	identity     string
	ingest       bool
	// hidden tracks are not shown to anybody, so they do not go on the air either.
	hidden bool
	// lent tells that the track is another room's or the composer's, lentOut that another room has it too, composed that it holds the
	// composed picture.
	lent, lentOut, composed bool
	// prefer is how much the program wants to show it, while the room is on the air.
	prefer int
	// track is nil until the first packet has come.
	track *track.Track
	// receiver is nil for tracks that a door writes frames to.
	receiver *sfu.Receiver
	// backups are the same picture in other codecs, offered those that the publisher can send, whatever the first is.
	backups []*backup
	offered []room.PublishedCodec
	// subscribers are those who get it.
	subscribers map[*Subscription]struct{}
	// dynacast is what the publisher was told to send, nil when it cannot be told. kicked asks watchTrack to look whether
	// it is to be told of something else.
	dynacast *dynacast
	kicked   chan struct{}
	// moved is when it went on in another codec; zero when it never did. returns tells that it is not announced in that yet.
	moved   time.Time
	returns bool
	// gone is closed when the publication is dropped.
	gone chan struct{}
}

func (s *Studio) trackInfo(p *Participant, pub room.Publication) track.Info {
	return track.Info{
		ID: pub.SID, Kind: pub.Kind, Codec: pub.Codec, Label: s.name + "/" + p.identity + "/" + pub.SID,
		Workers: s.house.workers, Encrypted: pub.Encryption != 0, Group: p.clock,
	}
}

func (s *Studio) publishInbound(p *Participant, pub room.Publication, in *rtc.Inbound) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, err := s.receive(p, pub, in)
	return err
}

// receive starts to receive a publication, which is announced as soon as its track has come. The caller holds the lock.
func (s *Studio) receive(p *Participant, pub room.Publication, in *rtc.Inbound) (*published, error) {
	if err := s.mayPublish(p, pub); err != nil {
		return nil, err
	}
	entry := s.expect(p, pub)
	entry.receiver = sfu.NewReceiver(in, s.trackInfo(p, pub))
	came := make(chan *track.Track, 1)
	s.work.Go(func() { s.announce(p, entry, came) })
	entry.receiver.OnTrack(func(t *track.Track) { came <- t }) // called once, perhaps by the goroutine that reads packets
	return entry, nil
}

// announce waits for a publication's track, on a goroutine of its own: it takes the studio's lock.
func (s *Studio) announce(p *Participant, entry *published, came <-chan *track.Track) {
	select {
	case t := <-came:
		if err := s.trackCame(p, entry, t); err != nil {
			s.log.Warn("publication refused", "participant", p.identity, "track", entry.pub.SID, "error", err)
		}
	case <-entry.gone: // whoever dropped it closes its receiver, which closes a track that comes all the same
	}
}

func (s *Studio) publishFrames(p *Participant, pub room.Publication) (*track.Track, error) {
	s.mu.Lock()
	err := s.mayPublish(p, pub)
	if err != nil {
		s.mu.Unlock()
		return nil, err
	}
	t := track.NewFromFrames(s.trackInfo(p, pub))
	entry := s.expect(p, pub)
	s.mu.Unlock()
	if err := s.trackCame(p, entry, t); err != nil {
		return nil, err
	}
	return t, nil
}

// expect notes a publication that is not announced yet. The caller holds the lock.
func (s *Studio) expect(p *Participant, pub room.Publication) *published {
	self, _ := s.room.Participant(p.identity)
	entry := &published{
		pub: pub, offered: pub.Backups, publisherSID: p.sid, identity: p.identity, ingest: p.kind == room.Ingest, hidden: self.Permission.Hidden, composed: p.kind == room.Composed,
		subscribers: map[*Subscription]struct{}{}, kicked: make(chan struct{}, 1), gone: make(chan struct{}),
	}
	s.tracks[pub.SID] = entry
	return entry
}

// lapsed is what others hear of a publication that ends before it is announced: they may wait for it.
func (e *published) lapsed() []room.Event {
	if !e.returns {
		return nil
	}
	return []room.Event{room.PublicationLapsed{SID: e.pub.SID}}
}

// kick has the demand looked at soon. It may be called from anywhere.
func (e *published) kick() {
	select {
	case e.kicked <- struct{}{}:
	default:
	}
}

// mayPublish checks before media is taken; the room checks again when the publication is announced.
func (s *Studio) mayPublish(p *Participant, pub room.Publication) error {
	self, ok := s.room.Participant(p.identity)
	switch {
	case s.closed || !ok || self.SID != p.sid:
		return room.ErrNoParticipant
	case !self.Permission.MayPublishAs(pub):
		return room.ErrNotAllowed
	case s.tracks[pub.SID] != nil:
		return room.ErrPublicationDup
	}
	waiting := 0
	for _, t := range s.tracks {
		if t.publisherSID == p.sid {
			waiting++
		}
	}
	if waiting >= room.MaxPublications {
		return room.ErrTooManyTracks
	}
	return nil
}

// trackCame announces a publication whose track exists now, and puts it on the stage when the room is live.
func (s *Studio) trackCame(p *Participant, entry *published, t *track.Track) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.tracks[entry.pub.SID] != entry {
		go t.Close()
		return room.ErrNoPublication // unpublished in the meantime
	}
	entry.track = t
	entry.pub.Codec = t.Info().Codec
	entry.pub.Backups = slices.DeleteFunc(slices.Clone(entry.pub.Backups), func(b room.PublishedCodec) bool { return b.Codec == entry.pub.Codec })
	t.SetMuted(entry.pub.Muted)
	if entry.receiver != nil && entry.pub.Kind == media.Video {
		entry.dynacast = newDynacast(entry.pub.Codec)
		t.OnDemand(entry.kick)
		entry.kick()
	}
	events, err := s.room.Publish(p.identity, entry.pub)
	if err != nil {
		s.dropTrack(entry.pub.SID)
		s.emit(entry.lapsed())
		return err
	}
	entry.returns = false
	s.emit(events)
	s.log.Info("track published", "participant", p.identity, "track", entry.pub.SID, "source", entry.pub.Source, "codec", entry.pub.Codec)
	s.work.Go(func() { s.watchTrack(p, entry) })
	switch {
	case s.air != nil:
		s.show(entry)
	case !entry.hidden && s.leads(p):
		if err := s.goLive(p.identity, "", true); err != nil {
			s.log.Error("going live for an ingest", "error", err)
		}
	default:
		s.tryReturn()
	}
	if p.encoder != nil {
		s.arrangeEncoders()
	}
	return nil
}

// watchTrack follows the demand for a track, and unpublishes it when it has ended by itself, or moves it to the codec in which its
// publisher goes on.
func (s *Studio) watchTrack(p *Participant, entry *published) {
	again := time.NewTimer(time.Hour)
	defer again.Stop()
	for ended := false; !ended; {
		select {
		case <-entry.track.Done():
			ended = true
			continue
		case <-entry.kicked:
		case <-again.C:
		}
		if wait := s.followDemand(entry, time.Now()); wait > 0 {
			again.Reset(wait)
		}
	}
	moved := entry.receiver != nil && entry.receiver.Moved() && entry.mayMove()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.tracks[entry.pub.SID] != entry {
		return
	}
	if moved {
		s.move(p, entry)
		return
	}
	events, err := s.room.Unpublish(p.identity, entry.pub.SID)
	if err != nil {
		s.dropTrack(entry.pub.SID)
		return
	}
	s.emit(events)
}

// dropTrack ends a track that is no longer published. The caller holds the lock, so the closing happens elsewhere.
func (s *Studio) dropTrack(sid string) {
	entry := s.tracks[sid]
	if entry == nil {
		return
	}
	delete(s.tracks, sid)
	close(entry.gone)
	if s.air != nil && entry.track != nil {
		s.air.program.Remove(entry.track)
	}
	backups := entry.backups
	s.work.Go(func() {
		if entry.receiver != nil {
			entry.receiver.Close()
		}
		for _, b := range backups {
			b.receiver.Close()
		}
		if entry.track != nil && !entry.lent {
			entry.track.Close()
		}
	})
}

// dropTracksOf ends what is left of a participant that has gone: tracks that never came, so that the room knows nothing
// of them. The caller holds the lock.
func (s *Studio) dropTracksOf(p *Participant) {
	for sid, entry := range s.tracks {
		if entry.publisherSID == p.sid {
			s.dropTrack(sid)
		}
	}
}

// trackBySID finds the track of a publication.
func (s *Studio) trackBySID(sid string) (*track.Track, error) {
	if entry := s.tracks[sid]; entry != nil && entry.track != nil {
		return entry.track, nil
	}
	return nil, fmt.Errorf("track %q: %w", sid, room.ErrNoPublication)
}
