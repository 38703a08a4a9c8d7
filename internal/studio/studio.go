// Package studio runs rooms: a studio ties one room's rules, tracks, SFU and program together. It is opened by the first
// door and closed after the last. Doors call this package and nothing beside it (but rtc for their peers and mux for
// their bytes).
package studio

import (
	"errors"
	"time"

	"github.com/tuttilive/tutti/internal/auth"
	"github.com/tuttilive/tutti/internal/program"
	"github.com/tuttilive/tutti/internal/room"
	"github.com/tuttilive/tutti/internal/rtc"
	"github.com/tuttilive/tutti/internal/track"
)

// Errors that doors translate to their protocol. Admission fails with the errors of package auth, joining with those of
// package room.
var (
	ErrNotLive  = errors.New("room is not live")
	ErrNoRoom   = errors.New("no such room")
	ErrShutdown = errors.New("server is shutting down")
)

// Action is what somebody wants to do in a room.
type Action uint8

const (
	// ToJoin a room as a participant, ToPublish a live stream into it (RTMP, WHIP), ToWatch its program, ToDirect it:
	// go live, mute and remove others.
	ToJoin Action = iota
	ToPublish
	ToWatch
	ToDirect
)

// Credential is what somebody shows at a door; either may be empty.
type Credential struct {
	// Token is a LiveKit access token, Key the key from a link or an encoder's settings.
	Token, Key string
}

// House holds all running studios.
type House struct{}

// Admit checks a credential against a room's policy; it is the one place that decides. The claims carry the identity
// (made up when the credential has none) and permissions.
func (h *House) Admit(roomName string, c Credential, a Action) (auth.Claims, error) {
	return auth.Claims{}, errors.ErrUnsupported
}

// Permission translates a token's grant.
func Permission(g auth.Grant) room.Permission { return room.Permission{} }

// Enter joins a room and opens its studio where needed. Everything that happens from then on is told to obs, in order,
// also the own changes of the participant.
func (h *House) Enter(roomName string, j room.Join, obs Observer) (*Participant, error) {
	return nil, errors.ErrUnsupported
}

// Observer hears what happens in a room. It is called with the studio's lock held: it must not block or call back.
type Observer interface{ RoomEvent(e room.Event) }

// Participant is a door's handle to one participant. Whoever entered leaves.
type Participant struct{}

// Self is the participant as the room knows it; Others are the visible others at the moment of entering.
func (p *Participant) Self() room.Participant     { return room.Participant{} }
func (p *Participant) Others() []room.Participant { return nil }

// Room describes the room at the moment.
func (p *Participant) Room() RoomInfo { return RoomInfo{} }

// PublishInbound publishes what a peer sends in a section; pub.SID names the track. The publication is announced when
// its first packet came, with the codec then known.
func (p *Participant) PublishInbound(pub room.Publication, in *rtc.Inbound) error {
	return errors.ErrUnsupported
}

// PublishFrames publishes a track that the door writes frames to, announced at once.
func (p *Participant) PublishFrames(pub room.Publication) (*track.Track, error) {
	return nil, errors.ErrUnsupported
}
func (p *Participant) Unpublish(sid string) error            { return errors.ErrUnsupported }
func (p *Participant) SetMuted(sid string, muted bool) error { return errors.ErrUnsupported }
func (p *Participant) Update(name, metadata *string, attributes map[string]string) error {
	return errors.ErrUnsupported
}

// Send gives a message to others; d.From is filled in.
func (p *Participant) Send(d room.Data) error { return errors.ErrUnsupported }

// Subscribe sends a publication of somebody to a peer. A negotiation must follow.
func (p *Participant) Subscribe(trackSID string, peer *rtc.Peer) (*Subscription, error) {
	return nil, errors.ErrUnsupported
}

// Leave ends all that the participant published and subscribed to.
func (p *Participant) Leave(why room.LeaveReason) {}

// Subscription is one publication on its way to one participant.
type Subscription struct{}

func (s *Subscription) TrackSID() string          { return "" }
func (s *Subscription) Outbound() *rtc.Outbound   { return nil }
func (s *Subscription) SetPaused(paused bool)     {}
func (s *Subscription) SetSize(width, height int) {}
func (s *Subscription) SetLayer(index int)        {}
func (s *Subscription) Close()                    {}

// RoomInfo describes a running room.
type RoomInfo struct {
	Name, SID, Metadata string
	CreatedAt           time.Time
	Participants        int
	Publishers          int
	MaxParticipants     int
	Live                room.Live
}

// Watch opens the program of a room for one viewer, who is counted under protocol ("whep", "flv", "hls") until Close.
// It fails with ErrNotLive while the room is not on the air.
func (h *House) Watch(roomName, protocol string) (*Watcher, error) { return nil, errors.ErrUnsupported }

// Watcher is one viewer.
type Watcher struct{}

func (w *Watcher) Program() *program.Program { return nil }

// Subscribe sends the program to a peer, following every change of its sources. A negotiation must follow.
func (w *Watcher) Subscribe(peer *rtc.Peer) error { return errors.ErrUnsupported }

// Done is closed when the program ends.
func (w *Watcher) Done() <-chan struct{} { return nil }

// Sent and Skipped count for the console and metrics.
func (w *Watcher) Sent(bytes int)        {}
func (w *Watcher) Skipped(reason string) {}
func (w *Watcher) Close()                {}

// Shared gives the one output of a format for the watcher's program, opened by the first and closed 5 s after the last
// watcher that uses it. open runs once; close is called when the output is no longer needed or the program has ended.
func Shared[T any](w *Watcher, format string, open func(*program.Program) (out T, close func(), err error)) (T, error) {
	var none T
	return none, errors.ErrUnsupported
}
