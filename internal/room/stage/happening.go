package stage

import "time"

// What says what happened on a stage. Its values are part of the API.
type What string

const (
	RoleChanged     What = "role_changed"     // Person has Role now
	HandRaised      What = "hand_raised"      // with Note, perhaps for a Seat
	HandLowered     What = "hand_lowered"     // for a Reason
	InvitationMade  What = "invited"          // Person by By, Until, perhaps to a Seat
	InvitationEnded What = "invitation_ended" // for a Reason
	SeatTaken       What = "seat_taken"       // Person sits on Seat now
	SeatLeft        What = "seat_left"        // for a Reason
	SeatMoved       What = "seat_moved"       // from the seat From to Seat; who sat there sits on From now
	SeatLocked      What = "seat_locked"      // nobody sits down on Seat any more
	SeatUnlocked    What = "seat_unlocked"    // neither locked nor reserved
	SeatReserved    What = "seat_reserved"    // Seat is for Person alone
	Muted           What = "muted"            // a host took Person's microphone away
	Unmuted         What = "unmuted"          // Person may open it again
	Connected       What = "connected"        // who sits there takes part, or a host is back
	Disconnected    What = "disconnected"     // who sits there, or the host, is cut off and may come back
	MediaChanged    What = "media_changed"    // camera or microphone of somebody on stage
	Renamed         What = "renamed"          // Person is the new name
	Silenced        What = "silenced"         // in the chat, Until, zero for ever
	Unsilenced      What = "unsilenced"
	Banned          What = "banned" // from the room, Until, zero for ever
	Unbanned        What = "unbanned"
	Waits           What = "waiting"     // before the door
	LetIn           What = "let_in"      // waits no more
	TurnedAway      What = "turned_away" // waits no more and is not in, for a Reason
	RoomLocked      What = "room_locked"
	RoomUnlocked    What = "room_unlocked"
	WaitingRoomOn   What = "waiting_room_on"
	WaitingRoomOff  What = "waiting_room_off"
)

// Reason says why something ended.
type Reason string

const (
	// ByOneself is stepping down, lowering one's own hand, declining.
	ByOneself Reason = "by_oneself"
	// ByHost is removing, refusing, taking back.
	ByHost Reason = "by_host"
	// Gone are those who were not there for longer than the grace.
	Gone Reason = "gone"
	// WasSeated, Promoted and WasBanned say that something else took its place.
	WasSeated Reason = "seated"
	Promoted  Reason = "promoted"
	WasBanned Reason = "banned"
	// Expired says that its time is over.
	Expired Reason = "expired"
	// Adopted says that it is so in the room above.
	Adopted Reason = "adopted"
)

// Happening is one thing that happened. Fields that say nothing are zero.
type Happening struct {
	What   What   `json:"what"`
	Person Person `json:"person,omitzero"`
	// By is who did it, where somebody else did.
	By     Person    `json:"by,omitzero"`
	Role   Role      `json:"role,omitempty"`
	Seat   int       `json:"seat,omitempty"`
	From   int       `json:"from,omitempty"`
	Reason Reason    `json:"reason,omitempty"`
	Note   string    `json:"note,omitempty"`
	Until  time.Time `json:"until,omitzero"`
}
