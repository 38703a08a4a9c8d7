package talk

import (
	"time"

	"github.com/tuttilive/tutti/internal/room/applause"
	"github.com/tuttilive/tutti/internal/room/board"
	"github.com/tuttilive/tutti/internal/room/breakout"
	"github.com/tuttilive/tutti/internal/room/chat"
	"github.com/tuttilive/tutti/internal/room/pk"
	"github.com/tuttilive/tutti/internal/room/poll"
	"github.com/tuttilive/tutti/internal/room/scenes"
	"github.com/tuttilive/tutti/internal/room/stage"
)

// Heartbeat is how often everybody hears something, in seconds: who hears nothing for half as long again has no connection.
const Heartbeat = 10

// You is what somebody is in the room.
type You struct {
	Identity string `json:"identity"`
	Name     string `json:"name"`
	Role     string `json:"role"`
	// Seat counts from 1, as Position among the raised hands does; 0 for none.
	Seat     int  `json:"seat,omitempty"`
	Position int  `json:"position,omitempty"`
	Silenced bool `json:"silenced,omitempty"`
	// Waiting tells that somebody must let the person in first: nothing else is told until then.
	Waiting bool `json:"waiting,omitempty"`
}

// Overview is how a room stands at a moment: all that a page needs to be drawn.
type Overview struct {
	Room         RoomHead        `json:"room"`
	Scene        *scenes.Scene   `json:"scene"`
	Stage        *stage.Snapshot `json:"stage"`
	Live         Live            `json:"live"`
	Counts       Counts          `json:"counts"`
	Chat         []chat.Message  `json:"chat"`
	Slow         int             `json:"slow"`
	Announcement *Announcement   `json:"announcement,omitempty"`
	Polls        []poll.Poll     `json:"polls"`
	PK           *pk.View        `json:"pk,omitempty"`
	// Gifts are counted by name, GiftsTo by who was given them.
	Gifts     map[string]int            `json:"gifts"`
	GiftsTo   map[string]applause.Total `json:"giftsTo"`
	Board     *board.State              `json:"board,omitempty"`
	RollCall  *RollCall                 `json:"rollcall,omitempty"`
	Groups    *breakout.View            `json:"groups,omitempty"`
	Songs     *Songs                    `json:"songs,omitempty"`
	Lyrics    *Lyrics                   `json:"lyrics,omitempty"`
	Heartbeat int                       `json:"heartbeat"`
}

// RoomHead names a room.
type RoomHead struct {
	Name  string `json:"name"`
	Title string `json:"title"`
}

// Counts are figures that change all the time.
type Counts struct {
	Viewers int `json:"viewers"`
	People  int `json:"people"`
	Likes   int `json:"likes"`
}

// Encode makes the fields of a welcome that are the same for many.
func (s Overview) Encode() []byte { return encode(s) }

// Welcome is the array that somebody is told first: who they are, what time it is here, and how the room stands (Overview.Encode).
func Welcome(you You, now time.Time, overview []byte) []byte {
	head := encode(you)
	out := make([]byte, 0, len(head)+len(overview)+80)
	out = append(append(out, `[{"type":"welcome","you":`...), head...)
	out = now.AppendFormat(append(out, `,"at":"`...), time.RFC3339Nano)
	out = append(append(out, `",`...), overview[1:]...)
	return append(out, ']')
}
