package studio

import (
	"cmp"
	"context"
	"errors"
	"net/netip"
	"slices"
	"time"

	"github.com/tuttilive/tutti/internal/auth"
	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/room"
	"github.com/tuttilive/tutti/internal/room/intake"
	"github.com/tuttilive/tutti/internal/track"
)

// Encoder is somebody who was let in to publish a live stream into a room.
type Encoder struct {
	Room string
	// Claims are what a token says, or what a key is worth.
	Claims auth.Claims
	// Key is the stream key that was shown, zero where something else let it in.
	Key intake.Key

	owner  string // the same for each connection of the same encoder
	from   netip.Addr
	backup bool
}

// Fetched is a stream that the server itself fetches into a room.
func Fetched(roomName, id, name string, backup bool) Encoder {
	claims := ClaimsOf(auth.Publisher, roomName)
	claims.Identity, claims.Name = "pull-"+id, name
	return Encoder{Room: roomName, Claims: claims, owner: "pull " + id, backup: backup}
}

// EncoderObserver is told why an encoder is sent away, before it hears that its participant has left. Neither call may block.
type EncoderObserver interface {
	Observer
	Dismiss(why error)
}

// AdmitEncoder checks what an encoder shows, and where it is. It fails with the errors of Admit, ErrFrom, or that of the application.
func (h *House) AdmitEncoder(ctx context.Context, roomName, protocol string, c Credential) (Encoder, error) {
	claims, err := h.Admit(roomName, c, ToPublish)
	if err != nil {
		return Encoder{}, err
	}
	e := Encoder{Room: roomName, Claims: claims, from: c.host}
	switch {
	case c.Token != "":
		e.owner = "token " + claims.Identity
	case claims.Video.RoomAdmin:
		e.owner, e.Claims.Identity = "host", "encoder-host"
	default:
		policy, _, err := h.rooms.Find(roomName)
		if err != nil {
			return Encoder{}, err
		}
		key, ok := h.streamKey(c.Key, roomName, policy)
		e.owner, e.Claims.Identity = "anybody", "encoder"
		if ok {
			e.Key, e.owner, e.Claims.Identity, e.Claims.Name = key, "key "+key.ID, "encoder-"+key.ID, key.Name
		}
	}
	if !h.Intake(roomName).Allows(e.from, e.Key) {
		return Encoder{}, ErrFrom
	}
	if h.gate != nil {
		v := visit(Publishing, roomName, protocol, c)
		v.Identity, v.Name, v.Key = e.Claims.Identity, e.Claims.Name, e.Key.ID
		if err := h.gate.Pass(ctx, v); err != nil {
			return Encoder{}, err
		}
		if _, err := h.Admit(roomName, c, ToPublish); err != nil { // what was shown may have been revoked while the application thought
			return Encoder{}, err
		}
	}
	return e, nil
}

// EnterEncoder joins the room as Enter does. What others that publish there mean for it is the room's policy: it fails with
// intake.ErrPublished, sends others away, or waits until it is shown. program names what it runs, for people too.
func (h *House) EnterEncoder(e Encoder, program room.Program, obs EncoderObserver) (*Participant, error) {
	grant := Permission(e.Claims.Video)
	join := room.Join{
		Identity: e.Claims.Identity, Name: cmp.Or(e.Claims.Name, program.SDK), Metadata: e.Claims.Metadata, Attributes: e.Claims.Attributes,
		Kind: room.Ingest, Program: program,
		// The door says what the host should know in attributes.
		Permission: room.Permission{Publish: grant.Publish, Sources: grant.Sources, Hidden: grant.Hidden, UpdateMetadata: true},
	}
	for {
		s, opened, err := h.open(e.Room, room.Settings{})
		if err != nil {
			return nil, err
		}
		p, err := s.enterEncoder(e, join, obs, opened)
		if errors.Is(err, errStudioClosed) {
			continue
		}
		if err == nil {
			h.NoteUse(e.Room)
		}
		return p, err
	}
}

// encoder is what the studio remembers of one. The studio's lock guards it.
type encoder struct {
	Encoder
	since  time.Time
	steady time.Time // since when something comes of it
	waits  bool      // it is hidden until it is chosen
}

func (s *Studio) enterEncoder(e Encoder, j room.Join, obs Observer, opened bool) (*Participant, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, errStudioClosed
	}
	settings := s.house.Intake(s.name)
	var arrival intake.Arrival
	var err error
	if e.holder() != "" { // something may have happened since it was admitted
		err = s.mayIngest(e.Claims)
	}
	switch {
	case err != nil:
	case e.holder() != "" && s.house.revoked(s.name, e.Claims):
		err = auth.ErrRevoked
	case e.Key.ID != "" && !settings.Good(e.Key, time.Now()): // it was good a moment ago
		err = ErrKeyOver
	case e.from.IsValid() && !settings.Allows(e.from, e.Key):
		err = ErrFrom
	case j.Permission.Hidden: // the application's own affair
		arrival.Identity = j.Identity
	default:
		arrival, err = settings.Conflict.Arrive(s.encoders(), intake.Encoder{
			Identity: j.Identity, Owner: e.owner, From: e.from.String(), Backup: e.Key.Backup || e.backup, Fetched: j.Program.Door == "pull",
			Ends: j.Program.Door == "whip" && e.holder() == "", // a token names one publisher
		}, s.hasPlace)
	}
	if err == nil { // who would not be let in sends nobody away
		j.Identity, j.Permission.Hidden = arrival.Identity, j.Permission.Hidden || arrival.Waits
		err = s.mayEnter(j)
	}
	if err != nil {
		if opened && len(s.members) == 0 {
			s.close(room.LeftRoomClosed)
		}
		return nil, err
	}
	s.arriving = true // a show is not given up between the one that goes and the one that comes; join settles whatever becomes of it
	for _, identity := range arrival.Gone {
		s.leave(s.members[identity], room.LeftDuplicate)
	}
	s.arriving = false
	p, err := s.join(j, &encoder{Encoder: e, since: time.Now(), steady: time.Now(), waits: arrival.Waits}, obs, opened)
	if err != nil {
		return nil, err
	}
	for _, identity := range arrival.Gone { // now that it is true
		if s.air != nil {
			s.tellIngest(room.IngestChanged{What: room.IngestTakeover, From: identity, To: arrival.Identity, Why: "replaced"})
		}
	}
	s.followComposition()
	s.awaitExpiry()
	if settings.Conflict == intake.Standby && !arrival.Waits && !j.Permission.Hidden {
		s.lineup.shown = p.identity
	}
	if arrival.Waits {
		s.log.Info("encoder waits until it is needed", "participant", p.identity)
	}
	s.arrangeEncoders()
	return p, nil
}

// encoders are those that are there, in the order in which they came. The caller holds the lock.
func (s *Studio) encoders() []intake.Encoder {
	var all []intake.Encoder
	for _, is := range s.room.Participants() {
		p := s.members[is.Identity]
		if p == nil || p.encoder == nil || p.grant.Hidden && !p.encoder.waits { // the application has hidden it
			continue
		}
		e := intake.Encoder{
			Identity: is.Identity, Owner: p.encoder.owner, From: p.encoder.from.String(), Backup: s.keyOf(p.encoder).Backup || p.encoder.backup,
			Shown: !p.encoder.waits, Silent: time.Since(p.encoder.since),
		}
		picture, any := false, false
		for _, entry := range s.tracks {
			if entry.publisherSID == p.sid && entry.track != nil {
				e.Silent = min(e.Silent, entry.track.Silent())
				picture, any = picture || entry.pub.Kind == media.Video, true
			}
		}
		// Sound that comes a moment before its picture is not all that there is.
		e.Ready = picture || any && time.Since(p.encoder.since) > time.Second
		if e.Silent >= intake.DeadAfter {
			p.encoder.steady = time.Now()
		}
		e.Steady = time.Since(p.encoder.steady)
		all = append(all, e)
	}
	return all
}

// keyOf is an encoder's key as it is now. The caller holds the lock.
func (s *Studio) keyOf(e *encoder) intake.Key {
	if key, ok := s.house.Intake(s.name).Key(e.Key.ID); ok {
		return key
	}
	return e.Key
}

// lineup is who of several encoders is shown. The studio's lock guards it.
type lineup struct {
	chosen time.Time   // when that changed last
	shown  string      // the identity of who is shown alone, or was last
	look   *time.Timer // set while it is looked after
	expiry *time.Timer // set while a key that somebody publishes with expires some day
}

// arrangeEncoders shows whom the room's policy shows of the encoders, and nobody else of them. The change is at a keyframe, as each change of
// the program's source is. The caller holds the lock.
func (s *Studio) arrangeEncoders() {
	if s.closed {
		return
	}
	there, chosen := s.encoders(), ""
	one := s.house.Intake(s.name).Conflict == intake.Standby
	if one {
		chosen = intake.Choose(there, time.Since(s.lineup.chosen))
	}
	if one && len(there) > 1 && s.lineup.look == nil { // nobody tells of one that has fallen silent
		s.lineup.look = time.AfterFunc(time.Second, func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.lineup.look = nil
			s.arrangeEncoders()
		})
	}
	change := map[string]bool{} // by identity: whether it is shown from now on
	for _, e := range there {
		if shown := !one || e.Identity == chosen; shown != e.Shown {
			change[e.Identity] = shown
		}
	}
	if len(change) == 0 {
		return
	}
	s.lineup.chosen = time.Now()
	s.swapTracks(change)
	if one {
		s.tellTakeover(there, chosen)
	}
	for _, e := range there {
		shown, changes := change[e.Identity]
		p := s.members[e.Identity]
		if !changes || p == nil {
			continue
		}
		p.encoder.waits, p.grant.Hidden = !shown, !shown
		s.emit(s.permit(p))
		s.log.Info("encoders change places", "participant", e.Identity, "shown", shown, "silent", e.Silent.Round(time.Millisecond))
		if shown && s.air == nil && s.publishes(p) && s.leads(p) {
			if err := s.goLive(p.identity, "", true); err != nil {
				s.log.Error("going live for an ingest", "error", err)
			}
		}
	}
}

// tellTakeover tells that another encoder is shown than before, where one was. The caller holds the lock.
func (s *Studio) tellTakeover(there []intake.Encoder, chosen string) {
	before := s.lineup.shown
	s.lineup.shown = chosen
	if before == "" || chosen == "" || before == chosen || s.air == nil {
		return
	}
	why := "left"
	for _, e := range there {
		switch {
		case e.Identity != before:
		case e.Silent >= intake.DeadAfter:
			why = "silent"
		case e.Backup:
			why = "backup"
		}
	}
	s.air.absence.last = chosen
	s.tellIngest(room.IngestChanged{What: room.IngestTakeover, From: before, To: chosen, Why: why})
}

// swapTracks takes tracks of encoders on and off the air at once. The caller holds the lock.
func (s *Studio) swapTracks(shown map[string]bool) {
	var on, off []*track.Track
	var entries []*published
	for _, entry := range s.tracks {
		is, changes := shown[entry.identity]
		if !changes {
			continue
		}
		entry.hidden = !is
		switch {
		case entry.track == nil:
		case is:
			on, entries = append(on, entry.track), append(entries, entry)
		default:
			off = append(off, entry.track)
		}
	}
	if s.air == nil {
		return
	}
	s.air.program.Swap(off, on, preferIngest)
	for _, entry := range entries {
		s.show(entry) // the host may have pinned it
	}
}

// publishes tells whether somebody publishes anything. The caller holds the lock.
func (s *Studio) publishes(p *Participant) bool {
	for _, entry := range s.tracks {
		if entry.publisherSID == p.sid && entry.track != nil {
			return true
		}
	}
	return false
}

// reviewEncoders sends away who may not publish any more, after something has changed, or a key has expired.
func (s *Studio) reviewEncoders() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	settings := s.house.Intake(s.name)
	for _, is := range s.room.Participants() { // also those that the application has hidden
		p := s.members[is.Identity]
		if p == nil || p.encoder == nil {
			continue
		}
		switch key := p.encoder.Key; {
		case key.ID != "" && !settings.Good(key, time.Now()):
			s.dismiss(p, ErrKeyOver)
		case p.encoder.from.IsValid() && !settings.Allows(p.encoder.from, key):
			s.dismiss(p, ErrFrom)
		}
	}
	s.awaitExpiry()
	s.arrangeEncoders()
	s.rewait()
}

// awaitExpiry has the encoders looked at when the next of their keys expires, as the keys are now. The caller holds the lock.
func (s *Studio) awaitExpiry() {
	if s.lineup.expiry != nil {
		s.lineup.expiry.Stop()
		s.lineup.expiry = nil
	}
	if s.closed {
		return
	}
	settings := s.house.Intake(s.name)
	var next time.Time
	for _, p := range s.members {
		if p.encoder == nil {
			continue
		}
		if key, ok := settings.Key(p.encoder.Key.ID); ok && !key.ExpiresAt.IsZero() && (next.IsZero() || key.ExpiresAt.Before(next)) {
			next = key.ExpiresAt
		}
	}
	if !next.IsZero() {
		s.lineup.expiry = time.AfterFunc(time.Until(next), s.reviewEncoders)
	}
}

// dismiss sends an encoder away. The caller holds the lock.
func (s *Studio) dismiss(p *Participant, why error) {
	s.log.Info("encoder is sent away", "participant", p.identity, "reason", why)
	if o, ok := p.obs.(EncoderObserver); ok {
		o.Dismiss(why)
	}
	s.leave(p, room.LeftRemoved)
}

// forgetEncoder is called when a participant has left. The caller holds the lock.
func (s *Studio) forgetEncoder(p *Participant) {
	if p.encoder != nil {
		s.arrangeEncoders()
	}
}

// Publisher is an encoder as hosts see it.
type Publisher struct {
	room.Participant
	// KeyID is the stream key that let it in, empty for none.
	KeyID  string
	Backup bool
	// Shown tells that it does not wait, Silent for how long nothing has come of it.
	Shown  bool
	Silent time.Duration
}

// Encoders are those that publish or wait, in the order in which they came.
func (s *Studio) Encoders() []Publisher {
	s.mu.Lock()
	defer s.mu.Unlock()
	people := s.room.Participants()
	var all []Publisher
	for _, e := range s.encoders() {
		i := slices.IndexFunc(people, func(p room.Participant) bool { return p.Identity == e.Identity })
		all = append(all, Publisher{people[i], s.members[e.Identity].encoder.Key.ID, e.Backup, e.Shown, e.Silent})
	}
	return all
}
