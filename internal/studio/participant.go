package studio

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/room"
	"github.com/tuttilive/tutti/internal/room/pace"
	"github.com/tuttilive/tutti/internal/rtc"
	"github.com/tuttilive/tutti/internal/sfu"
	"github.com/tuttilive/tutti/internal/track"
)

// Participant is a door's handle to one participant. Whoever entered leaves. Its fields above mu do not change, but for quality and grant.
type Participant struct {
	studio   *Studio
	identity string
	sid      string
	kind     room.ParticipantKind
	network  netip.Prefix // where it came from, invalid where that is not known
	obs      Observer
	clock    *track.ClockGroup
	quality  room.Quality    // guarded by the studio's lock
	asks     pace.Bucket     // guarded by the studio's lock
	letIn    time.Time       // when its waiting was over, zero where it did not wait; guarded by the studio's lock
	grant    room.Permission // what the participant was given, before its role; guarded by the studio's lock
	encoder  *encoder        // nil for others; guarded by the studio's lock
	picks    []pick          // scratch space of capPictures; guarded by the studio's lock

	mu            sync.Mutex
	subscriptions map[*Subscription]struct{} // nil once the participant has left
	connections   []connection
}

// Studio is the running room.
func (p *Participant) Studio() *Studio { return p.studio }

// Self is the participant as the room knows it; the zero value once it has left.
func (p *Participant) Self() room.Participant {
	p.studio.mu.Lock()
	defer p.studio.mu.Unlock()
	self, ok := p.studio.room.Participant(p.identity)
	if !ok || self.SID != p.sid {
		return room.Participant{}
	}
	return self
}

// Others are the visible others at the moment. It is not kept for each participant who they are: in a large room that would
// be most of its memory.
func (p *Participant) Others() []room.Participant {
	p.studio.mu.Lock()
	defer p.studio.mu.Unlock()
	if p.studio.stage.Waits(p.identity) {
		return nil
	}
	return slices.DeleteFunc(p.studio.room.Participants(), func(other room.Participant) bool {
		return other.SID == p.sid || other.Permission.Hidden
	})
}

// Room describes the room at the moment.
func (p *Participant) Room() RoomInfo { return p.studio.Info() }

// mayHear tells whether an event concerns the participant. The caller holds the studio's lock.
func (p *Participant) mayHear(e room.Event) bool {
	// Who waits to be let in hears of nobody else, not even by name.
	waits := p.studio.stage.Waits(p.identity)
	visible := func(about room.Participant) bool { return about.SID == p.sid || !about.Permission.Hidden && !waits }
	switch e := e.(type) {
	case room.ParticipantJoined:
		return visible(e.Participant)
	case room.ParticipantShown:
		return e.Participant.SID != p.sid && !waits
	case room.ParticipantHidden:
		return e.Participant.SID != p.sid && !waits
	case room.SpeakersChanged, room.QualitiesChanged, room.StageChanged:
		return !waits
	case room.SubscriptionsSet:
		return e.Identity == p.identity
	case room.RoomOpened, room.ParticipantConnected:
		return false
	case room.ParticipantChanged:
		return visible(e.Participant)
	case room.ParticipantLeft:
		return visible(e.Participant)
	case room.PublicationAdded:
		return visible(e.Participant)
	case room.PublicationChanged:
		return visible(e.Participant)
	case room.PublicationRemoved:
		return visible(e.Participant)
	case room.DataReceived: // whom it is addressed to has been looked at
		return e.Data.From.SID != p.sid && !waits
	}
	return true
}

// gone ends what the participant subscribed to: on a goroutine of its own, because the caller holds the studio's lock and
// closing takes the peer's.
func (p *Participant) gone() {
	p.mu.Lock()
	subs := slices.Collect(maps.Keys(p.subscriptions))
	p.subscriptions = nil
	p.mu.Unlock()
	if len(subs) == 0 {
		return
	}
	p.studio.work.Go(func() {
		for _, sub := range subs {
			sub.counted(false)
			sub.sender.Close()
		}
	})
}

// Connected notes that media can flow to and from the participant.
func (p *Participant) Connected() {
	_ = p.change(func() ([]room.Event, error) { return p.studio.room.Connect(p.identity), nil }) // it has left: nobody asks any more
}

// Leave ends all that the participant published and subscribed to.
func (p *Participant) Leave(why room.LeaveReason) {
	p.studio.mu.Lock()
	defer p.studio.mu.Unlock()
	p.studio.leave(p, why)
}

// PublishInbound publishes what a peer sends in a section; pub.SID names the track. The publication is announced when
// its first packet came, with the codec then known.
func (p *Participant) PublishInbound(pub room.Publication, in *rtc.Inbound) error {
	p.overIfNone(in.Peer())
	return p.studio.publishInbound(p, pub, in)
}

// PublishFrames publishes a track that the door writes frames to, announced at once.
func (p *Participant) PublishFrames(pub room.Publication) (*track.Track, error) {
	return p.studio.publishFrames(p, pub)
}

// Unpublish ends a publication.
func (p *Participant) Unpublish(sid string) error {
	return p.change(func() ([]room.Event, error) {
		entry := p.studio.tracks[sid]
		switch {
		case entry == nil || entry.publisherSID != p.sid:
			return nil, room.ErrNoPublication
		case entry.track == nil: // the room does not know it yet
			p.studio.dropTrack(sid)
			return entry.lapsed(), nil
		}
		return p.studio.room.Unpublish(p.identity, sid)
	})
}

// SetMuted mutes or unmutes a publication.
func (p *Participant) SetMuted(sid string, muted bool) error {
	return p.change(func() ([]room.Event, error) { return p.studio.setMuted(p.identity, sid, muted) })
}

// ChangePublication changes what the room knows of a publication.
func (p *Participant) ChangePublication(sid string, change func(*room.Publication)) error {
	return p.change(func() ([]room.Event, error) {
		events, err := p.studio.room.ChangePublication(p.identity, sid, change)
		if entry := p.studio.tracks[sid]; err == nil && entry != nil {
			change(&entry.pub)
			entry.kick()
		}
		return events, err
	})
}

// Update changes the participant's name, metadata or attributes; nil leaves a field alone. Who is silenced does not write by a name either.
func (p *Participant) Update(name, metadata *string, attributes map[string]string) error {
	return p.change(func() ([]room.Event, error) {
		self, _ := p.studio.room.Participant(p.identity)
		renamed := name != nil && *name != self.Name
		if !self.Permission.UpdateMetadata || renamed && p.studio.stage.Silenced(p.identity) {
			return nil, room.ErrNotAllowed
		}
		if renamed && p.kind != room.Ingest { // there the door speaks
			if err := p.studio.house.words.Takes(*name); err != nil {
				return nil, err
			}
		}
		return p.studio.update(p.identity, name, metadata, attributes)
	})
}

// PublishData publishes a data track. What goes over it is the door's business.
func (p *Participant) PublishData(t room.DataTrack) error {
	return p.change(func() ([]room.Event, error) { return p.studio.room.PublishData(p.identity, t) })
}

// UnpublishData gives a data track up.
func (p *Participant) UnpublishData(handle uint16) error {
	return p.change(func() ([]room.Event, error) { return p.studio.room.UnpublishData(p.identity, handle) })
}

// Send gives a message to others; d.From is filled in. Words are refused to those who are silenced.
func (p *Participant) Send(d room.Data) error {
	d.To = distinct(d.To)
	return p.change(func() ([]room.Event, error) {
		self, _ := p.studio.room.Participant(p.identity)
		if !self.Permission.PublishData || d.Words && p.studio.stage.Silenced(p.identity) {
			return nil, room.ErrNotAllowed
		}
		d.From = self
		return []room.Event{room.DataReceived{Data: d}}, nil
	})
}

// distinct is a list without what is in it twice.
func distinct(list []string) []string {
	if len(list) < 2 {
		return list
	}
	list = slices.Clone(list)
	slices.Sort(list)
	return slices.Compact(list)
}

// change is Studio.change for as long as the participant is in the room.
func (p *Participant) change(f func() ([]room.Event, error)) error {
	return p.studio.change(func() ([]room.Event, error) {
		if p.studio.members[p.identity] != p {
			return nil, room.ErrNoParticipant
		}
		return f()
	})
}

// Subscribe sends a publication of somebody to a peer, in a media stream that the door names: tracks of one stream are
// played in sync. onSuspended, when not nil, hears when the way to the peer carries not even the smallest layer, and when
// it does again; it must not block. A negotiation must follow.
func (p *Participant) Subscribe(trackSID string, peer *rtc.Peer, streamID string, onSuspended func(bool)) (*Subscription, error) {
	s := p.studio
	s.mu.Lock()
	t, missing := s.trackBySID(trackSID)
	screen, redundant := false, false
	var fallbacks []media.Codec
	if missing == nil {
		pub := s.tracks[trackSID].pub
		screen, redundant = pub.Source == room.ScreenShare, !pub.DisableRED
		for _, b := range pub.Backups {
			fallbacks = append(fallbacks, b.Codec)
		}
	}
	self, in := s.room.Participant(p.identity)
	s.mu.Unlock()
	switch {
	case !in || self.SID != p.sid:
		return nil, room.ErrNoParticipant
	case missing != nil:
		return nil, missing
	case !self.Permission.Subscribe:
		return nil, room.ErrNotAllowed
	}
	codec := roomCodec(t.Info().Codec)
	cfg := sfu.SenderConfig{
		StreamID: streamID, TrackID: trackSID, Codec: codec, Fallbacks: fallbacks, RED: redundant, Screen: screen,
		OnLayer: p.noteLayer(trackSID),
		OnSuspended: func(suspended bool) {
			p.noteSuspended(trackSID, suspended)
			if onSuspended != nil {
				onSuspended(suspended)
			}
		},
	}
	sender, err := sfu.NewSender(peer, t, cfg)
	if err != nil {
		return nil, fmt.Errorf("subscribing %q to track %s: %w", p.identity, trackSID, err)
	}
	s.log.Debug("subscribed", "participant", p.identity, "track", trackSID)
	sub := &Subscription{participant: p, trackSID: trackSID, sender: sender, codec: codec, tell: cfg.OnSuspended}
	sub.counted(true)
	if !p.keep(sub) {
		sub.counted(false)
		sender.Close()
		return nil, room.ErrNoParticipant
	}
	return sub, nil
}

// counted adds the subscription to those of its publication, or takes it away.
func (s *Subscription) counted(in bool) {
	st := s.participant.studio
	st.mu.Lock()
	defer st.mu.Unlock()
	entry := st.tracks[s.trackSID]
	if entry == nil {
		return
	}
	if in {
		entry.subscribers[s] = struct{}{}
	} else {
		delete(entry.subscribers, s)
	}
	st.lastN.due = true
	entry.kick()
}

// ask changes how the subscriber wants the picture.
func (s *Subscription) ask(change func(*wish)) {
	st := s.participant.studio
	st.mu.Lock()
	defer st.mu.Unlock()
	change(&s.wish)
	if entry := st.tracks[s.trackSID]; entry != nil {
		entry.kick()
	}
}

// keep remembers a subscription until it is closed; false when the participant has left.
func (p *Participant) keep(sub *Subscription) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.subscriptions == nil {
		return false
	}
	p.subscriptions[sub] = struct{}{}
	return true
}

// roomCodec is the codec that a track has towards WebRTC clients: sound is always Opus there.
func roomCodec(c media.Codec) media.Codec {
	if c.Kind() == media.Audio {
		return media.Opus
	}
	return c
}

// Subscription is one publication on its way to one participant. Whoever subscribed closes it, or the participant's
// leaving does.
type Subscription struct {
	participant *Participant
	trackSID    string
	sender      *sfu.Sender

	// Guarded by the studio's lock.
	codec  media.Codec // what the peer takes; the publication's first until it is negotiated
	wish   wish
	pinned bool

	tell func(suspended bool)
}

// TrackSID names the publication.
func (s *Subscription) TrackSID() string { return s.trackSID }

// Outbound is the stream to the peer, for its mid.
func (s *Subscription) Outbound() *rtc.Outbound { return s.sender.Outbound() }

// SetPaused stops or resumes sending.
func (s *Subscription) SetPaused(paused bool) {
	s.ask(func(w *wish) {
		w.paused = paused
		s.participant.studio.lastN.due = true
		s.sender.SetPaused(paused || w.capped)
	})
}

// SetSize asks for the smallest layer that is at least as large.
func (s *Subscription) SetSize(width, height int) {
	s.ask(func(w *wish) { w.width, w.height, w.byQuality = width, height, false })
	s.sender.SetSize(width, height)
}

// SetLayer asks for a layer by its place from small (0) to large (2).
func (s *Subscription) SetLayer(index int) {
	s.ask(func(w *wish) { w.quality, w.byQuality = int8(min(index, highest)), true })
	s.sender.SetLayer(index)
}

// SetPriority puts the picture before others when there is too little bandwidth: 1 is the very first, 0 leaves it to the server.
func (s *Subscription) SetPriority(priority uint32) {
	s.ask(func(*wish) {
		s.pinned = priority > 0
		s.participant.studio.lastN.due = true
	})
	s.sender.SetPriority(priority)
}

// SetRate is content with so many pictures a second, where that can be had; 0 wants all.
func (s *Subscription) SetRate(fps int) { s.sender.SetRate(fps) }

// Close stops sending; a negotiation must follow.
func (s *Subscription) Close() {
	p := s.participant
	p.studio.log.Debug("unsubscribed", "participant", p.identity, "track", s.trackSID)
	p.mu.Lock()
	delete(p.subscriptions, s)
	p.mu.Unlock()
	s.counted(false)
	s.sender.Close()
}
