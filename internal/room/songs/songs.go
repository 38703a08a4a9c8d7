// Package songs is what is sung in a room: its own list of songs, the queue of those who want to sing, whose turn it is, and where the
// song that goes on is. It is pure state: time is an argument.
package songs

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tuttilive/tutti/internal/room/plain"
	"github.com/tuttilive/tutti/internal/room/refuse"
)

// Limits.
const (
	MaxQueue  = 50
	MaxOwn    = 5 // in the queue, of one person
	MaxListed = 200
	// MaxTitleRunes bounds titles and artists, MaxURLBytes addresses.
	MaxTitleRunes = 80
	MaxURLBytes   = 1024
	// MaxListedLyrics bounds the lyrics of all songs of a list together, MaxQueuedLyrics those of the songs that wait and of the one that is sung,
	// in bytes of JSON: all that is kept of a room's songs must fit into one value of the store.
	MaxListedLyrics = 3 << 20
	MaxQueuedLyrics = 2 << 20
	// MaxSeconds is how long a song is at most.
	MaxSeconds = 3600
)

// Why something is refused.
var (
	ErrNoSong   = &refuse.Refusal{Code: "not_found", Message: "there is no such song"}
	ErrFull     = &refuse.Refusal{Code: "queue_full", Message: fmt.Sprintf("at most %d songs wait, %d of one person", MaxQueue, MaxOwn)}
	ErrNotYours = &refuse.Refusal{Code: "forbidden", Message: "this is the song of others"}
	ErrNotTurn  = &refuse.Refusal{Code: "wrong_state", Message: "it is not this song's turn"}
	ErrTitle    = &refuse.Refusal{Code: "bad_request", Message: fmt.Sprintf("a song has a title of at most %d characters", MaxTitleRunes)}
	ErrURL      = &refuse.Refusal{Code: "bad_request", Message: "an address is a path on this server"}
	ErrSeconds  = &refuse.Refusal{Code: "bad_request", Message: fmt.Sprintf("a place in a song is between 0 and %d seconds", MaxSeconds)}
	ErrListed   = &refuse.Refusal{Code: "bad_request", Message: fmt.Sprintf("a list has at most %d songs", MaxListed)}
	ErrLyrics   = &refuse.Refusal{Code: "bad_request", Message: "there are too many lyrics on the list already"}
	ErrWaiting  = &refuse.Refusal{Code: "queue_full", Message: "the songs that wait have too many lyrics already"}
	ErrDuet     = &refuse.Refusal{Code: "wrong_state", Message: "two sing this song already, or only one does"}
	ErrNoFile   = &refuse.Refusal{Code: "no_file", Message: "the accompaniment is with one of the two alone: songs of the room's list can be sung in turns"}
)

// Person is somebody by name.
type Person struct {
	Identity string `json:"identity"`
	Name     string `json:"name"`
}

// About is what is known of a song.
type About struct {
	Title  string `json:"title"`
	Artist string `json:"artist,omitempty"`
	// URL is where pages fetch the accompaniment, "" where the singer has it in a file.
	URL string `json:"url,omitempty"`
	// Lyrics are lines with their times; nil for none.
	Lyrics []Line `json:"lyrics,omitempty"`
}

// Listed is a song of the room's own list. IDs are made by the server.
type Listed struct {
	ID string `json:"id"`
	About
}

// Song is one in the queue.
type Song struct {
	ID string `json:"id"`
	About
	// Singers are who wished for it, and who sings along.
	Singers []Person `json:"singers"`
}

// Playing is the song whose turn it is. It stands still at Position seconds while Began is zero; else it was at 0 when the clock
// showed Began.
type Playing struct {
	Song
	Began    time.Time `json:"began,omitzero"`
	Position float64   `json:"position"`
	// Turn is which of the singers sings, from 0, and plays the accompaniment.
	Turn int `json:"turn"`
}

// View is how things are. It is not to be changed.
type View struct {
	Now   *Playing `json:"now,omitempty"`
	Queue []Song   `json:"queue"`
	List  []Listed `json:"list,omitempty"`
}

// Songs are those of one room. The zero value has none. Its owner serializes calls.
type Songs struct {
	now   *Playing
	queue []Song
	list  []Listed
	last  int
}

// Lyrics are those of the song whose turn it is.
func (s *Songs) Lyrics() (song string, lines []Line) {
	if s.now == nil {
		return "", nil
	}
	return s.now.ID, s.now.Lyrics
}

// View is how things are, without lyrics.
func (s *Songs) View() View {
	v := View{Queue: make([]Song, len(s.queue)), List: s.Listed()}
	for i, song := range s.queue {
		song.Lyrics, song.Singers = nil, slices.Clone(song.Singers)
		v.Queue[i] = song
	}
	if s.now != nil {
		now := *s.now
		now.Lyrics, now.Singers = nil, slices.Clone(now.Singers)
		v.Now = &now
	}
	return v
}

// Listed is the room's own list, without lyrics.
func (s *Songs) Listed() []Listed {
	list := make([]Listed, len(s.list))
	for i, l := range s.list {
		l.Lyrics = nil
		list[i] = l
	}
	return list
}

// Empty tells that there is nothing to tell.
func (s *Songs) Empty() bool { return s.now == nil && len(s.queue) == 0 && len(s.list) == 0 }

// check makes what people say of a song fit.
func (a About) check() (About, error) {
	a.Title, a.Artist = plain.Line(a.Title), plain.Line(a.Artist)
	switch {
	case a.Title == "" || len([]rune(a.Title)) > MaxTitleRunes || len([]rune(a.Artist)) > MaxTitleRunes:
		return a, ErrTitle
	case a.URL != "" && !goodURL(a.URL):
		return a, ErrURL
	}
	return a, nil
}

// goodURL tells whether pages may be told to fetch an address: only one on this server, since they reach no other.
func goodURL(address string) bool {
	u, err := url.Parse(address)
	return err == nil && len(address) <= MaxURLBytes && u.Scheme == "" && u.Host == "" && strings.HasPrefix(address, "/") &&
		!strings.HasPrefix(address, "//") && !strings.Contains(address, "\\")
}

// List puts a song into the room's own list, Unlist takes it out.
func (s *Songs) List(a About) (id string, err error) {
	if a, err = a.check(); err != nil {
		return "", err
	}
	if len(s.list) >= MaxListed {
		return "", ErrListed
	}
	lyrics := bytesOf(a.Lyrics)
	for _, l := range s.list {
		lyrics += bytesOf(l.Lyrics)
	}
	if lyrics > MaxListedLyrics {
		return "", ErrLyrics
	}
	id = s.id("l")
	s.list = append(s.list, Listed{ID: id, About: a})
	return id, nil
}

func (s *Songs) Unlist(id string) error {
	i := slices.IndexFunc(s.list, func(l Listed) bool { return l.ID == id })
	if i < 0 {
		return ErrNoSong
	}
	s.list = slices.Delete(s.list, i, i+1)
	return nil
}

func (s *Songs) id(kind string) string {
	s.last++
	return kind + strconv.Itoa(s.last)
}

// Request puts a song into the queue: one of the list by its identifier, else what somebody says of one that they have in a file. It is
// its turn at once where none has it.
func (s *Songs) Request(by Person, listed string, a About) (id string, err error) {
	if listed != "" {
		i := slices.IndexFunc(s.list, func(l Listed) bool { return l.ID == listed })
		if i < 0 {
			return "", ErrNoSong
		}
		a = s.list[i].About
	} else {
		a.URL = ""
		if a, err = a.check(); err != nil {
			return "", err
		}
	}
	own := 0
	for _, song := range s.queue {
		if song.Singers[0].Identity == by.Identity {
			own++
		}
	}
	if len(s.queue) >= MaxQueue || own >= MaxOwn {
		return "", ErrFull
	}
	lyrics := bytesOf(a.Lyrics)
	for _, song := range s.queue {
		lyrics += bytesOf(song.Lyrics)
	}
	if s.now != nil {
		lyrics += bytesOf(s.now.Lyrics)
	}
	if lyrics > MaxQueuedLyrics {
		return "", ErrWaiting
	}
	song := Song{ID: s.id("s"), About: a, Singers: []Person{by}}
	s.queue = append(s.queue, song)
	if s.now == nil {
		s.next()
	}
	return song.ID, nil
}

// next gives the turn to the first of the queue.
func (s *Songs) next() {
	s.now = nil
	if len(s.queue) > 0 {
		s.now = &Playing{Song: s.queue[0]}
		s.queue = slices.Delete(s.queue, 0, 1)
	}
}

func (s *Songs) find(id string) (*Song, int) {
	if s.now != nil && s.now.ID == id {
		return &s.now.Song, -1
	}
	for i := range s.queue {
		if s.queue[i].ID == id {
			return &s.queue[i], i
		}
	}
	return nil, 0
}

func (s *Song) sungBy(identity string) bool {
	return slices.ContainsFunc(s.Singers, func(p Person) bool { return p.Identity == identity })
}

// Remove takes a song out; if it was its turn, the next has it. Who directs may remove any, others their own.
func (s *Songs) Remove(id, by string, directs bool) error {
	song, at := s.find(id)
	switch {
	case song == nil:
		return ErrNoSong
	case !directs && !song.sungBy(by):
		return ErrNotYours
	case at < 0:
		s.next()
	default:
		s.queue = slices.Delete(s.queue, at, at+1)
	}
	return nil
}

// Move puts a song that waits to a place in the queue, from 0.
func (s *Songs) Move(id string, to int) error {
	song, at := s.find(id)
	if song == nil || at < 0 {
		return ErrNoSong
	}
	moved := *song
	s.queue = slices.Delete(s.queue, at, at+1)
	s.queue = slices.Insert(s.queue, min(max(to, 0), len(s.queue)), moved)
	return nil
}

// Join has somebody sing along, in turns with who wished for the song; the same one again leaves.
func (s *Songs) Join(id string, by Person) error {
	song, at := s.find(id)
	if song == nil {
		return ErrNoSong
	}
	if i := slices.IndexFunc(song.Singers, func(p Person) bool { return p.Identity == by.Identity }); i == 1 {
		song.Singers = song.Singers[:1:1]
		if at < 0 && s.now.Turn == 1 {
			s.now.Turn = 0
		}
		return nil
	}
	if len(song.Singers) > 1 || song.sungBy(by.Identity) {
		return ErrDuet
	}
	song.Singers = append(song.Singers[:1:1], by)
	return nil
}

// Play begins the song whose turn it is at a place, in seconds, or goes on with it; Pause stops it there. Both are for who sings now.
func (s *Songs) Play(id, by string, position float64, now time.Time) error {
	if err := s.singing(id, by, position); err != nil {
		return err
	}
	s.now.Position, s.now.Began = position, now.Add(-time.Duration(position*float64(time.Second)))
	return nil
}

// Pause stops the song at a place.
func (s *Songs) Pause(id, by string, position float64) error {
	if err := s.singing(id, by, position); err != nil {
		return err
	}
	s.now.Position, s.now.Began = position, time.Time{}
	return nil
}

// HandOver gives the song at a place to the other of two, whose page plays the accompaniment on from there.
func (s *Songs) HandOver(id, by string, position float64, now time.Time) error {
	if err := s.singing(id, by, position); err != nil {
		return err
	}
	switch {
	case len(s.now.Singers) < 2:
		return ErrDuet
	case s.now.URL == "":
		return ErrNoFile
	}
	s.now.Turn, s.now.Position = 1-s.now.Turn, position
	if !s.now.Began.IsZero() {
		s.now.Began = now.Add(-time.Duration(position * float64(time.Second)))
	}
	return nil
}

func (s *Songs) singing(id, by string, position float64) error {
	switch {
	case s.now == nil || s.now.ID != id:
		return ErrNotTurn
	case s.now.Singers[s.now.Turn].Identity != by:
		return ErrNotYours
	case !(position >= 0 && position <= MaxSeconds):
		return ErrSeconds
	}
	return nil
}

// Gone takes out somebody who does not sit on the stage any more, with the songs that nobody else can sing, and tells whether there were
// any. A duet goes on alone.
func (s *Songs) Gone(identity string) bool {
	changed := false
	var kept []Song
	for _, song := range s.queue {
		left, at, goesOn := song.without(identity)
		changed = changed || at >= 0
		if goesOn {
			kept = append(kept, left)
		}
	}
	s.queue = kept
	if s.now == nil {
		return changed
	}
	left, at, goesOn := s.now.without(identity)
	switch {
	case at < 0:
		return changed
	case !goesOn:
		s.next()
		return true
	case at == s.now.Turn:
		s.now.Began = time.Time{}
	}
	s.now.Song, s.now.Turn = left, 0
	return true
}

// without gives a song without one of its singers, which of them that was, -1 for none, and whether somebody can sing it now: a file is
// with who wished for it.
func (s Song) without(identity string) (left Song, at int, goesOn bool) {
	at = slices.IndexFunc(s.Singers, func(p Person) bool { return p.Identity == identity })
	if at < 0 {
		return s, at, true
	}
	s.Singers = slices.Delete(slices.Clone(s.Singers), at, at+1)
	return s, at, len(s.Singers) > 0 && (at > 0 || s.URL != "")
}
