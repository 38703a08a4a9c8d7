// Package room holds who is in a room and what they may do: participants, permissions, publications, whether the room is
// on the air. It is pure state: every change is a method that returns the events it caused, for its one owner (the
// studio) to hand out. No sockets, no RTP, no clock but the one in arguments, no goroutines.
package room

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Errors that a change can be refused with.
var (
	ErrBadName        = errors.New("room name must be 1 to 64 bytes of letters, digits, '-' and '_'")
	ErrBadIdentity    = errors.New("identity must be 1 to 256 bytes of printable text")
	ErrFull           = errors.New("room is full")
	ErrNotAllowed     = errors.New("not permitted")
	ErrNoParticipant  = errors.New("no such participant")
	ErrNoPublication  = errors.New("no such publication")
	ErrTooLarge       = errors.New("metadata or attributes too large")
	ErrTooManyTracks  = errors.New("too many publications")
	ErrAlreadyOnAir   = errors.New("room is already live")
	ErrAlreadyOffAir  = errors.New("room is not live")
	ErrPublicationDup = errors.New("publication exists already")
)

// Limits on what one participant may put into a room.
const (
	MaxNameBytes     = 64
	MaxIdentityBytes = 256
	MaxMetadataBytes = 64 << 10
	MaxPublications  = 32
)

// CheckName tells whether a room may have this name: letters of any script, digits, '-' and '_', at most 64 bytes.
func CheckName(name string) error {
	if name == "" || len(name) > MaxNameBytes || !utf8.ValidString(name) {
		return ErrBadName
	}
	for _, r := range name {
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.Is(unicode.M, r) && r != '-' && r != '_' {
			return ErrBadName
		}
	}
	return nil
}

// CheckIdentity tells whether a participant may have this identity.
func CheckIdentity(identity string) error {
	if identity == "" || len(identity) > MaxIdentityBytes || !utf8.ValidString(identity) ||
		strings.ContainsFunc(identity, unicode.IsControl) {
		return ErrBadIdentity
	}
	return nil
}

// Room is the state of one room. It belongs to one owner, who serializes calls.
type Room struct {
	Name      string
	SID       string
	CreatedAt time.Time
	Settings

	visited      bool                    // somebody has been here whom the room is kept for
	participants map[string]*Participant // by identity
	order        []string                // identities in order of joining
	live         Live
}

// Live tells whether, since when and by whom the room is on the air.
type Live struct {
	On    bool
	Since time.Time
	// By is the identity that went live.
	By    string
	Title string
	// Resumed is when the show went on after an interruption, zero when it never was interrupted.
	Resumed time.Time
	// Returning tells of a room that is not On, that its show was interrupted and its people may come back.
	Returning bool
}

// New makes an empty room.
func New(name string, s Settings, now time.Time) (*Room, error) {
	if err := CheckName(name); err != nil {
		return nil, err
	}
	if len(s.Metadata) > MaxMetadataBytes {
		return nil, ErrTooLarge
	}
	return &Room{Name: name, SID: NewSID("RM_"), CreatedAt: now, Settings: s, participants: map[string]*Participant{}}, nil
}

// Live is the room's state on the air.
func (r *Room) Live() Live { return r.live }

// GoLive puts the room on the air.
func (r *Room) GoLive(by, title string, now time.Time) ([]Event, error) {
	if r.live.On {
		return nil, ErrAlreadyOnAir
	}
	r.live = Live{On: true, Since: now, By: by, Title: title}
	return []Event{LiveChanged{r.live}}, nil
}

// Resume puts the room on the air with a show that was interrupted.
func (r *Room) Resume(show Live, now time.Time) ([]Event, error) {
	if r.live.On {
		return nil, ErrAlreadyOnAir
	}
	show.On, show.Returning, show.Resumed = true, false, now
	r.live = show
	return []Event{LiveChanged{r.live}}, nil
}

// Interrupt takes the room off the air for a while: Resume goes on, EndLive ends.
func (r *Room) Interrupt(show Live) []Event {
	show.On, show.Returning = false, true
	r.live, r.visited = show, true
	return []Event{LiveChanged{r.live}}
}

// TakeOver changes in whose name a room is on the air, and its title unless that is empty.
func (r *Room) TakeOver(by, title string) ([]Event, error) {
	if !r.live.On {
		return nil, ErrAlreadyOffAir
	}
	r.live.By = by
	if title != "" {
		r.live.Title = title
	}
	return []Event{LiveChanged{r.live}}, nil
}

// EndLive takes the room off the air.
func (r *Room) EndLive() ([]Event, error) {
	if !r.live.On && !r.live.Returning {
		return nil, ErrAlreadyOffAir
	}
	r.live = Live{}
	return []Event{LiveChanged{r.live}}, nil
}

// SetMetadata changes the room's own metadata.
func (r *Room) SetMetadata(metadata string) ([]Event, error) {
	if len(metadata) > MaxMetadataBytes {
		return nil, ErrTooLarge
	}
	r.Metadata = metadata
	return []Event{RoomChanged{metadata}}, nil
}

// Participants are snapshots of all, in order of joining.
func (r *Room) Participants() []Participant {
	all := make([]Participant, 0, len(r.order))
	for _, id := range r.order {
		all = append(all, r.participants[id].snapshot())
	}
	return all
}

// Any tells whether something is true of somebody.
func (r *Room) Any(is func(Participant) bool) bool {
	return slices.ContainsFunc(r.order, func(id string) bool { return is(r.participants[id].snapshot()) })
}

// Participant is a snapshot of one.
func (r *Room) Participant(identity string) (Participant, bool) {
	p, ok := r.participants[identity]
	if !ok {
		return Participant{}, false
	}
	return p.snapshot(), true
}

// HasPlace tells whether somebody could join now.
func (r *Room) HasPlace(j Join) bool {
	if r.MaxParticipants == 0 || !counts(j.Kind, j.Permission) {
		return true
	}
	taken := 0
	for identity, p := range r.participants {
		if counts(p.Kind, p.Permission) && identity != j.Identity { // their own place they may take again
			taken++
		}
	}
	return taken < r.MaxParticipants
}

// Join adds a participant. One with the same identity leaves first: the newer connection wins.
func (r *Room) Join(j Join, now time.Time) (Participant, []Event, error) {
	if err := r.CheckJoin(j); err != nil {
		return Participant{}, nil, err
	}
	j = j.valid()
	var events []Event
	if _, again := r.participants[j.Identity]; again {
		left, err := r.Leave(j.Identity, LeftDuplicate)
		if err != nil {
			return Participant{}, nil, fmt.Errorf("replacing %q: %w", j.Identity, err)
		}
		events = left
	}
	p := &Participant{
		SID: NewSID("PA_"), Identity: j.Identity, Name: j.Name, Metadata: j.Metadata,
		Attributes: j.Attributes, Permission: j.Permission, Kind: j.Kind,
		Program: j.Program, JoinedAt: now, Version: 1,
	}
	if !p.Dependent() {
		r.Visit()
	}
	r.participants[j.Identity] = p
	r.order = append(r.order, j.Identity)
	return p.snapshot(), append(events, ParticipantJoined{p.snapshot()}), nil
}

// CheckJoin tells why Join would fail, nil where it would not.
func (r *Room) CheckJoin(j Join) error {
	j = j.valid()
	if err := CheckIdentity(j.Identity); err != nil {
		return err
	}
	if attributesSize(j.Attributes)+len(j.Metadata) > MaxMetadataBytes {
		return ErrTooLarge
	}
	if !r.HasPlace(j) {
		return ErrFull
	}
	return nil
}

// Leave removes a participant and what it published.
func (r *Room) Leave(identity string, why LeaveReason) ([]Event, error) {
	p, ok := r.participants[identity]
	if !ok {
		return nil, ErrNoParticipant
	}
	var events []Event
	for _, pub := range slices.Clone(p.Publications) {
		gone, _ := r.Unpublish(identity, pub.SID)
		events = append(events, gone...)
	}
	delete(r.participants, identity)
	r.order = slices.DeleteFunc(r.order, func(id string) bool { return id == identity })
	p.Version++
	return append(events, ParticipantLeft{p.snapshot(), why}), nil
}

// Update changes a participant's name, metadata or attributes; nil leaves a field alone, and an attribute set to "" is
// removed.
func (r *Room) Update(identity string, name, metadata *string, attributes map[string]string) ([]Event, error) {
	return r.change(identity, func(p *Participant) error {
		merged := maps.Clone(p.Attributes)
		if merged == nil {
			merged = map[string]string{}
		}
		for k, v := range attributes {
			if v == "" {
				delete(merged, k)
			} else {
				merged[k] = v
			}
		}
		size := attributesSize(merged) + len(p.Metadata)
		if metadata != nil {
			size += len(*metadata) - len(p.Metadata)
		}
		if size > MaxMetadataBytes || name != nil && len(*name) > MaxIdentityBytes {
			return ErrTooLarge
		}
		p.Attributes = merged
		if name != nil {
			p.Name = *name
		}
		if metadata != nil {
			p.Metadata = *metadata
		}
		return nil
	})
}

// Connect notes that media can flow to and from a participant.
func (r *Room) Connect(identity string) []Event {
	p, ok := r.participants[identity]
	if !ok || p.Connected {
		return nil
	}
	p.Connected = true
	return []Event{ParticipantConnected{p.snapshot()}}
}

// SetPermission changes what a participant may do. Publications and data tracks that it may no longer have are removed.
func (r *Room) SetPermission(identity string, perm Permission) ([]Event, error) {
	before, _ := r.Participant(identity)
	events, err := r.change(identity, func(p *Participant) error {
		p.Permission = perm
		if !perm.PublishData {
			p.DataTracks = nil
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	now := r.participants[identity].snapshot()
	switch was := before.Permission.Hidden; {
	case !was && perm.Hidden:
		events = append([]Event{ParticipantHidden{now}}, events...)
	case was && !perm.Hidden:
		events = append([]Event{ParticipantShown{now}}, events...)
	}
	for _, pub := range slices.Clone(r.participants[identity].Publications) {
		if !perm.MayPublish(pub.Source) {
			gone, _ := r.Unpublish(identity, pub.SID)
			events = append(events, gone...)
		}
	}
	return events, nil
}

// Publish adds a publication.
func (r *Room) Publish(identity string, pub Publication) ([]Event, error) {
	p, ok := r.participants[identity]
	switch {
	case !ok:
		return nil, ErrNoParticipant
	case !p.Permission.MayPublishAs(pub):
		return nil, ErrNotAllowed
	case len(p.Publications) >= MaxPublications:
		return nil, ErrTooManyTracks
	case p.find(pub.SID) >= 0:
		return nil, ErrPublicationDup
	}
	pub = pub.valid()
	p.Publications = append(p.Publications, pub)
	p.Version++
	return []Event{PublicationAdded{p.snapshot(), pub}}, nil
}

// Unpublish removes a publication.
func (r *Room) Unpublish(identity, sid string) ([]Event, error) {
	p, ok := r.participants[identity]
	if !ok {
		return nil, ErrNoParticipant
	}
	i := p.find(sid)
	if i < 0 {
		return nil, ErrNoPublication
	}
	pub := p.Publications[i]
	p.Publications = slices.Delete(slices.Clone(p.Publications), i, i+1)
	p.Version++
	return []Event{PublicationRemoved{Participant: p.snapshot(), Publication: pub}}, nil
}

// Suspend removes a publication that is published again at once, in another codec.
func (r *Room) Suspend(identity, sid string) ([]Event, error) {
	events, err := r.Unpublish(identity, sid)
	for i, e := range events {
		gone := e.(PublicationRemoved)
		gone.Returns = true
		events[i] = gone
	}
	return events, err
}

// ChangePublication changes a publication in place, for instance its mute state or size.
func (r *Room) ChangePublication(identity, sid string, change func(*Publication)) ([]Event, error) {
	p, ok := r.participants[identity]
	if !ok {
		return nil, ErrNoParticipant
	}
	i := p.find(sid)
	if i < 0 {
		return nil, ErrNoPublication
	}
	p.Publications = slices.Clone(p.Publications)
	change(&p.Publications[i])
	p.Version++
	return []Event{PublicationChanged{p.snapshot(), p.Publications[i]}}, nil
}

func (r *Room) change(identity string, change func(*Participant) error) ([]Event, error) {
	p, ok := r.participants[identity]
	if !ok {
		return nil, ErrNoParticipant
	}
	if err := change(p); err != nil {
		return nil, err
	}
	p.Version++
	return []Event{ParticipantChanged{p.snapshot()}}, nil
}

func attributesSize(a map[string]string) int {
	n := 0
	for k, v := range a {
		n += len(k) + len(v)
	}
	return n
}
