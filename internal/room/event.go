package room

// Event is something that happened in a room, told to everybody in the order it happened.
type Event interface{ event() }

// LeaveReason says why a participant left.
type LeaveReason uint8

const (
	LeftByItself LeaveReason = iota
	LeftDuplicate
	LeftTimeout
	LeftRemoved
	LeftRoomClosed
	LeftServerShutdown
)

type (
	// ParticipantJoined, ParticipantChanged and ParticipantLeft carry a snapshot.
	ParticipantJoined  struct{ Participant Participant }
	ParticipantChanged struct{ Participant Participant }
	ParticipantLeft    struct {
		Participant Participant
		Reason      LeaveReason
	}

	// PublicationAdded, PublicationChanged and PublicationRemoved carry the publisher after the change.
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
	}

	// LiveChanged tells that the room went on or off the air.
	LiveChanged struct{ Live Live }
	// RoomChanged tells of new room metadata.
	RoomChanged struct{ Metadata string }
	// SpeakersChanged lists those whose level changed; a level of 0 means that they stopped.
	SpeakersChanged struct{ Speakers []Speaker }
	// DataReceived is a message from a participant, or from the server when From is empty.
	DataReceived struct{ Data Data }
	// RoomClosed comes last.
	RoomClosed struct{ Reason LeaveReason }
)

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
}

func (ParticipantJoined) event()  {}
func (ParticipantChanged) event() {}
func (ParticipantLeft) event()    {}
func (PublicationAdded) event()   {}
func (PublicationChanged) event() {}
func (PublicationRemoved) event() {}
func (LiveChanged) event()        {}
func (RoomChanged) event()        {}
func (SpeakersChanged) event()    {}
func (DataReceived) event()       {}
func (RoomClosed) event()         {}
