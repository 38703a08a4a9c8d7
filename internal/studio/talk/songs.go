package talk

import (
	"time"

	"github.com/tuttilive/tutti/internal/room/songs"
)

type (
	// Songs are what is sung: the song that goes on, those that wait, and to newcomers the room's own list. At is the server's clock, by which a song began.
	Songs struct {
		songs.View
		At time.Time `json:"at"`
	}
	// SongList is the room's own list.
	SongList struct {
		List []songs.Listed `json:"list"`
	}
	// Lyrics are those of the song whose turn it is; without a song there is none.
	Lyrics struct {
		Song  string       `json:"song,omitempty"`
		Lines []songs.Line `json:"lines"`
	}
)

func (Songs) Kind() string    { return "songs" }
func (SongList) Kind() string { return "songList" }
func (Lyrics) Kind() string   { return "lyrics" }

func (Songs) Key() string    { return "songs" }
func (SongList) Key() string { return "songList" }
func (Lyrics) Key() string   { return "lyrics" }
