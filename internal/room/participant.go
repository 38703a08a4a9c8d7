package room

import (
	"crypto/rand"
	"net/netip"
	"slices"
	"time"

	"github.com/tuttilive/tutti/internal/media"
)

// Join is what somebody brings along who comes into a room.
type Join struct {
	Identity, Name, Metadata string
	Attributes               map[string]string
	Permission               Permission
	Kind                     ParticipantKind
	Program                  Program
	// Settings are for the room where it opens for this participant.
	Settings Settings
	// Network is where it comes from, invalid where that is not known. The room makes nothing of it.
	Network netip.Prefix
}

// Program is the program with which somebody takes part: what it can do and what it says of itself. The room makes nothing of
// it: the programs of the others and operators ask. The numbers are those of LiveKit's protocol.
type Program struct {
	// Door is the protocol that it came in by, SDK and Version the library that speaks it.
	Door, SDK, Version string
	// OS, Browser and Device are as it says, with their versions; any may be empty.
	OS, Browser, Device string
	// Protocol is the version of what clients speak among themselves.
	Protocol int32
	// Capabilities must not be changed.
	Capabilities []int32
}

// ParticipantKind tells people from programs.
type ParticipantKind uint8

const (
	// Person is a client that speaks a room protocol.
	Person ParticipantKind = iota
	// Ingest publishes from OBS, ffmpeg or the like and does not listen.
	Ingest
	// Agent is a program that takes part.
	Agent
	// Recorder only takes what others publish.
	Recorder
	// Phone is a person who takes part by telephone.
	Phone
	// Lent shows what another room lends; it is nobody who could be talked to.
	Lent
	// Composed shows the picture that is composed of the others; it is nobody either.
	Composed
)

func (k ParticipantKind) String() string {
	return [...]string{"person", "ingest", "agent", "recorder", "phone", "lent", "composed"}[k]
}

// OfServer tells of participants that the server makes, who are nobody.
func (k ParticipantKind) OfServer() bool { return k == Lent || k == Composed }

// Participant is one member of a room: as the room hands it out, a snapshot that does not change.
type Participant struct {
	SID, Identity, Name, Metadata string
	// Attributes must not be changed by whoever holds a snapshot.
	Attributes   map[string]string
	Permission   Permission
	Kind         ParticipantKind
	Program      Program
	JoinedAt     time.Time
	Version      uint32
	Publications []Publication
	DataTracks   []DataTrack
	// Connected tells that media could flow to and from the participant at some time.
	Connected bool
}

// Dependent tells of participants who are there for the others: a room is not kept open for them.
func (p *Participant) Dependent() bool {
	return p.Kind == Agent || p.Kind.OfServer() || p.Kind == Recorder || p.Permission.Recorder
}

// counts tells of participants who take one of the places in a room: not those who are hidden or who serve the others.
func counts(kind ParticipantKind, p Permission) bool {
	return !p.Hidden && !p.Recorder && (kind == Person || kind == Phone)
}

func (p *Participant) snapshot() Participant { return *p }

func (p *Participant) find(sid string) int {
	return slices.IndexFunc(p.Publications, func(pub Publication) bool { return pub.SID == sid })
}

// Source is what a publication shows or lets hear.
type Source uint8

const (
	OtherSource Source = iota
	Camera
	Microphone
	ScreenShare
	ScreenShareAudio
)

func (s Source) String() string {
	return [...]string{"other", "camera", "microphone", "screen_share", "screen_share_audio"}[s]
}

// Permission is what a participant may do.
type Permission struct {
	Publish, Subscribe, PublishData, UpdateMetadata bool
	// Sources narrows Publish; empty means all.
	Sources []Source
	// Hidden participants are not shown to others.
	Hidden bool
	// Recorder and Agent are marks that clients read; a recorder's presence tells that the room is recorded.
	Recorder, Agent bool
	// Admin may go live, mute and remove others.
	Admin bool
}

// MayPublish tells whether a source may be published.
func (p Permission) MayPublish(s Source) bool {
	return p.Publish && (len(p.Sources) == 0 || slices.Contains(p.Sources, s))
}

// MayPublishAs is MayPublish for a publication: where sources are narrowed, sound does not come in the name of a camera.
func (p Permission) MayPublishAs(pub Publication) bool {
	picture := pub.Source == Camera || pub.Source == ScreenShare
	sound := pub.Source == Microphone || pub.Source == ScreenShareAudio
	disguised := picture && pub.Kind == media.Audio || sound && pub.Kind == media.Video
	return p.MayPublish(pub.Source) && !(disguised && len(p.Sources) > 0)
}

// Publication is what a room knows of a published track.
type Publication struct {
	SID string
	// CID is the publisher's own name of the track, MID the section it is sent in; both may be empty.
	CID, MID string
	Name     string
	Kind     media.Kind
	Source   Source
	Codec    media.Codec
	// Backups are further codecs that the publisher sends the same picture in, or will when somebody needs them.
	Backups []PublishedCodec
	Muted   bool
	// Width and Height of the largest layer in pixels, 0 for sound.
	Width, Height int
	Layers        []PublishedLayer
	// Stream groups publications that belong together in players.
	Stream     string
	Stereo     bool
	DisableDTX bool
	DisableRED bool
	// AudioFeatures and TrailerFeatures are LiveKit's AudioTrackFeature and PacketTrailerFeature: what the publisher says
	// of its sound, beside Stereo and DisableDTX, and of what its packets carry. They must not be changed.
	AudioFeatures, TrailerFeatures []int32
	// Encrypted publications cannot be read by the server, so they cannot go on the air. The value is LiveKit's
	// Encryption.Type: 0 none, 1 GCM, 2 custom.
	Encryption uint8
}

// PublishedCodec is one more codec of a publication.
type PublishedCodec struct {
	Codec media.Codec
	// CID and MID are as in Publication, for the codec's own section; empty until it is sent.
	CID, MID string
}

// PublishedLayer is one simulcast encoding as its publisher announced it.
type PublishedLayer struct {
	// RID is "q", "h" or "f"; Quality is 0 low, 1 medium, 2 high.
	RID           string
	Quality       uint8
	Width, Height int
	// Bitrate is in bit/s.
	Bitrate int
}

// NewSID makes a random identifier with a prefix, "PA_" for participants, "TR_" for tracks, "RM_" for rooms.
func NewSID(prefix string) string {
	return prefix + rand.Text()[:12]
}
