package studio

import (
	"cmp"
	"encoding/json"
	"time"

	"github.com/tuttilive/tutti/internal/room"
	"github.com/tuttilive/tutti/internal/room/refuse"
	"github.com/tuttilive/tutti/internal/room/songs"
	"github.com/tuttilive/tutti/internal/room/stage"
	"github.com/tuttilive/tutti/internal/studio/talk"
)

var errMaySing = &refuse.Refusal{Code: "not_seated", Message: "who sings is on the stage"}

// songRequest is what requests about songs have of their own. Lyrics are in the LRC format.
type songRequest struct {
	Song     string  `json:"song"`
	Listed   string  `json:"listed"`
	Title    string  `json:"title"`
	Artist   string  `json:"artist"`
	URL      string  `json:"url"`
	Lyrics   string  `json:"lyrics"`
	Place    int     `json:"place"`
	Position float64 `json:"position"`
	// Identity and Name are for whom the application asks.
	Identity string `json:"identity"`
	Name     string `json:"name"`
}

// about is what is said of a song, with words that are not said masked, or refused.
func (s *Studio) about(r songRequest) (songs.About, error) {
	a := songs.About{Title: r.Title, Artist: r.Artist, URL: r.URL, Lyrics: songs.ParseLRC(r.Lyrics)}
	lines := []*string{&a.Title, &a.Artist}
	for i := range a.Lyrics {
		lines = append(lines, &a.Lyrics[i].Text)
	}
	return a, s.house.words.Fit(lines...)
}

// sing makes a request of something that is done with songs.
func sing(do func(s *Studio, who songs.Person, a Actor, r songRequest) (id string, err error)) func(*Studio, Actor, talk.Request) talk.Reply {
	return func(s *Studio, a Actor, r talk.Request) talk.Reply {
		var in songRequest
		if err := json.Unmarshal(r.Raw, &in); err != nil {
			return talk.Reply{Err: talk.ErrMalformed}
		}
		who := songs.Person{Identity: a.Identity, Name: a.Name}
		if a.App {
			who = songs.Person{Identity: in.Identity, Name: cmp.Or(s.nameOf(in.Identity), in.Name)}
		}
		before, _ := s.songs.Lyrics()
		listed := len(s.songs.Listed())
		id, err := do(s, who, a, in)
		if err != nil {
			return talk.Reply{Err: err}
		}
		if list := s.songs.Listed(); len(list) != listed {
			s.tell(talk.SongList{List: list})
			s.keepLater(partSongs)
		} else {
			s.tellSongs(before)
		}
		reply := talk.Reply{}
		if id != "" {
			reply.Data, _ = json.Marshal(map[string]string{"song": id}) // a string always can be
		}
		return reply
	}
}

// tellSongs tells everybody what is sung, and has it kept; before is the song whose turn it was. The caller holds the lock.
func (s *Studio) tellSongs(before string) {
	view := s.songs.View()
	view.List = nil // it is told when it changes
	s.keepLater(partSongs)
	s.tell(talk.Songs{View: view, At: time.Now()})
	if song, lines := s.songs.Lyrics(); song != before {
		s.tell(talk.Lyrics{Song: song, Lines: lines})
		s.emit([]room.Event{room.SongChanged{Now: view.Now}})
	}
}

func requestSong(s *Studio, who songs.Person, a Actor, r songRequest) (string, error) {
	switch {
	case !s.stage.RoleOf(who.Identity).OnStage():
		return "", errMaySing
	case r.Listed == "" && !a.App && s.stage.Silenced(who.Identity): // its title can say anything
		return "", stage.ErrSilenced
	}
	about, err := s.about(r)
	if err != nil {
		return "", err
	}
	return s.songs.Request(who, r.Listed, about)
}

func joinSong(s *Studio, who songs.Person, _ Actor, r songRequest) (string, error) {
	if !s.stage.RoleOf(who.Identity).OnStage() {
		return "", errMaySing
	}
	return "", s.songs.Join(r.Song, who)
}

func removeSong(s *Studio, who songs.Person, a Actor, r songRequest) (string, error) {
	return "", s.songs.Remove(r.Song, who.Identity, s.directs(a))
}

func moveSong(s *Studio, _ songs.Person, _ Actor, r songRequest) (string, error) {
	return "", s.songs.Move(r.Song, r.Place)
}

func playSong(s *Studio, who songs.Person, _ Actor, r songRequest) (string, error) {
	return "", s.songs.Play(r.Song, who.Identity, r.Position, time.Now())
}

func pauseSong(s *Studio, who songs.Person, _ Actor, r songRequest) (string, error) {
	return "", s.songs.Pause(r.Song, who.Identity, r.Position)
}

func turnSong(s *Studio, who songs.Person, _ Actor, r songRequest) (string, error) {
	return "", s.songs.HandOver(r.Song, who.Identity, r.Position, time.Now())
}

func listSong(s *Studio, _ songs.Person, _ Actor, r songRequest) (string, error) {
	about, err := s.about(r)
	if err != nil {
		return "", err
	}
	return s.songs.List(about)
}

func unlistSong(s *Studio, _ songs.Person, _ Actor, r songRequest) (string, error) {
	return "", s.songs.Unlist(r.Song)
}

// followSongs takes out the songs of those who have left the stage. The caller holds the lock.
func (s *Studio) followSongs(happened []stage.Happening) {
	if s.songs.Empty() {
		return
	}
	before, _ := s.songs.Lyrics()
	changed := false
	for _, h := range happened {
		switch h.What {
		case stage.SeatLeft, stage.RoleChanged, stage.Banned:
			if !s.stage.RoleOf(h.Person.Identity).OnStage() {
				changed = s.songs.Gone(h.Person.Identity) || changed
			}
		}
	}
	if changed {
		s.tellSongs(before)
	}
}

// Songs are what is sung, and the lyrics of the song that goes on.
func (s *Studio) Songs() (songs.View, []songs.Line) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, lines := s.songs.Lyrics()
	return s.songs.View(), lines
}

// songsState and lyricsState are what newcomers are told, nil where there is nothing. The caller holds the lock.
func (s *Studio) songsState() *talk.Songs {
	if !s.scene.Has("songs") {
		return nil
	}
	return &talk.Songs{View: s.songs.View(), At: time.Now()}
}

func (s *Studio) lyricsState() *talk.Lyrics {
	song, lines := s.songs.Lyrics()
	if song == "" {
		return nil
	}
	return &talk.Lyrics{Song: song, Lines: lines}
}
