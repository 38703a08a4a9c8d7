package room

import (
	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/room/applause"
	"github.com/tuttilive/tutti/internal/room/breakout"
	"github.com/tuttilive/tutti/internal/room/chat"
	"github.com/tuttilive/tutti/internal/room/pk"
	"github.com/tuttilive/tutti/internal/room/poll"
	"github.com/tuttilive/tutti/internal/room/songs"
	"github.com/tuttilive/tutti/internal/room/stage"
)

// Event is something that happened in a room, told to everybody in the order it happened.
type Event interface{ event() }

// LeaveReason says why a participant left.
type LeaveReason uint8

const (
	LeftByItself LeaveReason = iota
	LeftDuplicate
	LeftTimeout
	LeftRemoved
	// LeftRoomClosed tells that the room ended because nobody was in it whom it is kept for, LeftRoomDeleted that somebody
	// ended it on purpose.
	LeftRoomClosed
	LeftRoomDeleted
	LeftServerShutdown
)

// LeaveReasons are the names of all of them.
var LeaveReasons = [...]string{"left", "duplicate", "timeout", "removed", "room_closed", "room_deleted", "shutdown"}

func (r LeaveReason) String() string { return LeaveReasons[r] }

type (
	// RoomOpened comes first; only those hear it who watch over all rooms.
	RoomOpened struct{}

	// ParticipantJoined, ParticipantChanged and ParticipantLeft carry a snapshot.
	ParticipantJoined  struct{ Participant Participant }
	ParticipantChanged struct{ Participant Participant }
	ParticipantLeft    struct {
		Participant Participant
		Reason      LeaveReason
	}
	// ParticipantConnected tells that media can flow to and from a participant. Only those hear it who watch over all rooms.
	ParticipantConnected struct{ Participant Participant }
	// ParticipantShown and ParticipantHidden tell the others that somebody in the room is shown to them from now on, or is not.
	ParticipantShown  struct{ Participant Participant }
	ParticipantHidden struct{ Participant Participant }

	// PublicationAdded, PublicationChanged and PublicationRemoved carry the publisher after the change. What Returns is added again
	// at once, in another codec; its publisher does not stop.
	PublicationAdded struct {
		Participant Participant
		Publication Publication
	}
	PublicationChanged struct {
		Participant Participant
		Publication Publication
	}
	PublicationRemoved struct {
		Participant Participant
		Publication Publication
		Returns     bool
	}
	// PublicationLapsed tells that what was to be added again is not.
	PublicationLapsed struct{ SID string }

	// SubscriptionsSet is the server's word on whether a participant shall have some tracks. Only that participant hears it.
	SubscriptionsSet struct {
		Identity   string
		TrackSIDs  []string
		Subscribed bool
	}

	// PublicationDemand tells a publisher, and nobody else, how much of its publication is wanted in each codec.
	PublicationDemand struct {
		SID    string
		Codecs []CodecDemand
	}

	// LiveChanged tells that the room went on or off the air.
	LiveChanged struct{ Live Live }
	// StageChanged tells what happened on the stage and how it is now. The snapshot has all that hosts may know: who passes it
	// on to others takes its Public part.
	StageChanged struct {
		Stage    stage.Snapshot
		Happened []stage.Happening
	}
	// PKChanged tells how the room's contest with another is; GoesOn when its state is the one before, and only points have come, or
	// the other room has changed.
	PKChanged struct {
		PK     pk.View
		GoesOn bool
	}
	// GroupsChanged tells that the room's people are in groups now; without any there are none any more.
	GroupsChanged struct{ Groups breakout.View }
	// ChatPosted is a message that is shown to everybody. Only those hear it who watch over all rooms: people are told of it with all else that
	// an audience says.
	ChatPosted struct{ Message chat.Message }
	// GiftGiven is what somebody gave, heard like ChatPosted; By and ByName are empty where an application says nothing of who did. Total is all there was
	// of this gift.
	GiftGiven struct {
		ID         string
		Gift       applause.Gift
		By, ByName string
		Total      int
	}
	// PollChanged is a poll that was opened or closed, heard like ChatPosted.
	PollChanged struct{ Poll poll.Poll }
	// SongChanged tells whose turn it is to sing what; nil for nobody's.
	SongChanged struct{ Now *songs.Playing }
	// IngestChanged tells that another encoder is shown, that nothing comes of any publisher of a show any more, or that something does again.
	// Only those hear it who watch over all rooms.
	IngestChanged struct {
		What IngestChange
		// From and To are identities of encoders, empty where they are not known or are none.
		From, To string
		// Why another one is shown: "left", "silent", "backup" (it was one) or "replaced".
		Why string
		// Shows is what viewers see while nobody publishes: "hold", "slate" or "end".
		Shows string
	}
	// RoomChanged tells of new room metadata.
	RoomChanged struct{ Metadata string }
	// SpeakersChanged lists those whose level changed; a level of 0 means that they stopped.
	SpeakersChanged struct{ Speakers []Speaker }
	// QualitiesChanged lists those to or from whom media get through better or worse than before.
	QualitiesChanged struct{ Qualities []Quality }
	// DataReceived is a message from a participant, or from the server when From is empty.
	DataReceived struct{ Data Data }
	// RoomClosed comes last.
	RoomClosed struct{ Reason LeaveReason }
)

// IngestChange says what happened to a show's publishers.
type IngestChange string

const (
	IngestTakeover IngestChange = "takeover"
	IngestLost     IngestChange = "lost"
	IngestBack     IngestChange = "back"
)

// CodecDemand is how much of a picture is wanted in one codec.
type CodecDemand struct {
	Codec media.Codec
	// Quality is the largest that somebody wants, as in PublishedLayer; NotWanted when nobody wants any.
	Quality int8
}

// NotWanted is the quality of what nobody reads.
const NotWanted int8 = -1

// Speaker is somebody's loudness.
type Speaker struct {
	Identity, SID string
	// Level is 0 (silent) to 1 (loudest).
	Level float32
}

// Data is a message between participants.
type Data struct {
	From     Participant
	Reliable bool
	Topic    string
	// To names identities; empty means everybody else.
	To []string
	// Payload is opaque to the room; its meaning belongs to the door that both sides use.
	Payload []byte
	// Words tells that the others are shown it as what its sender writes, or may be.
	Words bool
}

func (RoomOpened) event()           {}
func (ParticipantConnected) event() {}
func (ParticipantShown) event()     {}
func (ParticipantHidden) event()    {}
func (SubscriptionsSet) event()     {}
func (ParticipantJoined) event()    {}
func (ParticipantChanged) event()   {}
func (ParticipantLeft) event()      {}
func (PublicationAdded) event()     {}
func (PublicationChanged) event()   {}
func (PublicationRemoved) event()   {}
func (PublicationLapsed) event()    {}
func (LiveChanged) event()          {}
func (StageChanged) event()         {}
func (PKChanged) event()            {}
func (GroupsChanged) event()        {}
func (ChatPosted) event()           {}
func (GiftGiven) event()            {}
func (PollChanged) event()          {}
func (SongChanged) event()          {}
func (IngestChanged) event()        {}
func (RoomChanged) event()          {}
func (SpeakersChanged) event()      {}
func (QualitiesChanged) event()     {}
func (DataReceived) event()         {}
func (RoomClosed) event()           {}
func (PublicationDemand) event()    {}

// Quality is how well media get through to and from a participant.
type Quality struct {
	Identity, SID string
	// Hidden participants are told of their own only.
	Hidden bool
	// Level is 0 where nothing comes, 1 poor, 2 good, 3 excellent; Score is 1 to 5, as a mean opinion.
	Level int
	Score float32
}

// String is the level in a word: "lost", "poor", "good" or "excellent".
func (q Quality) String() string {
	return [...]string{"lost", "poor", "good", "excellent"}[min(max(q.Level, 0), 3)]
}
