// Package studio runs rooms: a studio ties one room's rules, tracks, SFU and program together. It is opened by the first
// door and closed after the last. Doors call this package and nothing beside it (but rtc for their peers and mux for
// their bytes).
package studio

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tuttilive/tutti/internal/auth"
	"github.com/tuttilive/tutti/internal/codec"
	"github.com/tuttilive/tutti/internal/limit"
	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/program/compose"
	"github.com/tuttilive/tutti/internal/program/compose/text"
	"github.com/tuttilive/tutti/internal/room"
	"github.com/tuttilive/tutti/internal/room/scenes"
	"github.com/tuttilive/tutti/internal/room/words"
	"github.com/tuttilive/tutti/internal/studio/chronicle"
	"github.com/tuttilive/tutti/internal/tally"
)

// Errors that doors translate to their protocol. Admission fails with the errors of package auth, joining with those of
// package room.
var (
	ErrNotLive = errors.New("room is not live")
	// ErrReturning is an ErrNotLive.
	ErrReturning = fmt.Errorf("%w: its show was interrupted and may come back within a minute", ErrNotLive)

	ErrNoRoom   = errors.New("nobody is in this room")
	ErrShutdown = errors.New("server is shutting down")
)

// Options are what a house needs.
type Options struct {
	Keys  auth.Keys
	Rooms *Policies
	// Shows keeps what is on the air over a restart; nil keeps nothing.
	Shows ShowKeeper
	// Running keeps rooms with settings of their own over a restart; nil keeps nothing.
	Running RoomKeeper
	// Scenes are the kinds of rooms that there are; nil for those that come with the server.
	Scenes  *scenes.Set
	Workers *codec.Workers
	// Fonts are for names in composed pictures; nil writes Latin only.
	Fonts *text.Fonts
	// Compose says when pictures are composed where nobody says otherwise; empty leaves it to the scene: never in those that show a
	// single picture, as rooms without a scene do.
	Compose compose.Mode
	// Dev lets everybody publish and watch without a key.
	Dev bool
	// Rules are the settings of rooms that have none of their own, and the limit on participants for all.
	Rules room.Settings
	// Loudest is how many microphones of a room are forwarded when more are open, 0 for all.
	Loudest int
	// LastN is how many cameras each subscriber gets at a time, 0 for all.
	LastN int
	// RemoteUnmute lets moderators turn on others' microphones and cameras.
	RemoteUnmute bool
	// Witnesses hear what happens in all rooms.
	Witnesses []Witness
	// AwayGrace is how long a live room without anybody on stage stays on the air, 10 s when 0: enough for an encoder
	// to reconnect or a page to be reloaded.
	AwayGrace time.Duration
	// ReturnGrace is how long after a restart an interrupted show may go on, 60 s when 0.
	ReturnGrace time.Duration
	// Words are what is not said in rooms; nil for none.
	Words *words.List
	// Reviewer looks at what is written in them before it is shown; nil for nobody.
	Reviewer Reviewer
	// PlaysTold is nil where nobody is told of viewings.
	PlaysTold PlaysTold
	// Gate is asked before somebody publishes or plays; nil for nobody.
	Gate Gate
	// Fetcher fetches what somebody wants to watch; nil for nobody.
	Fetcher Fetcher
	// RoomExpiry is after how long without any use a created room is forgotten, 0 for never.
	RoomExpiry time.Duration
	Log        *slog.Logger
}

// House holds all running studios. Its methods may be called from any goroutine.
type House struct {
	keys         auth.Keys
	rooms        *Policies
	shows        ShowKeeper
	running      RoomKeeper
	keeps        bool // running keeps anything
	scenes       *scenes.Set
	workers      *codec.Workers
	fonts        *text.Fonts
	compose      compose.Mode
	dev          bool
	rules        room.Settings
	lastN        int
	loudest      int
	remoteUnmute bool
	witnesses    []Witness
	chronicle    *chronicle.Chronicle
	awayGrace    time.Duration
	returnGrace  time.Duration
	rates        limit.Rates
	log          *slog.Logger
	elsewhere    []Elsewhere
	words        *words.List
	reviewer     Reviewer
	gate         Gate
	fetcher      Fetcher
	mirror       func(events []byte) (room.Data, error) // nil for none
	shed         tally.Reasons                          // what the audience sends and nobody is told of
	arena        *arena
	plays        *ledger
	playsTold    PlaysTold
	annexes      annexes
	turned       turnedAway
	still        func(context.Context, *codec.Picture) (*media.Frame, error) // makes the picture of a slate
	imageTurn    chan struct{}                                               // holds one while an image is read
	recallTurn   chan struct{}                                               // holds one while one is of before a restart, or waits for its turn

	mu          sync.Mutex
	studios     map[string]*Studio
	interrupted map[string]room.Live // what was on the air when the house closed
	closed      bool
	stop        chan struct{}  // closed with the house
	work        sync.WaitGroup // what notes and expires rooms
}

// NewHouse makes a house in which nobody is yet; shows that a restart interrupted wait for their people.
func NewHouse(o Options) *House {
	h := &House{
		keys: o.Keys, rooms: o.Rooms, shows: o.Shows, running: o.Running, workers: o.Workers, dev: o.Dev, rules: o.Rules, remoteUnmute: o.RemoteUnmute, witnesses: o.Witnesses,
		words: o.Words, reviewer: o.Reviewer, gate: o.Gate, fetcher: o.Fetcher,
		chronicle: chronicle.New(), loudest: o.Loudest, lastN: o.LastN,
		scenes: o.Scenes, awayGrace: o.AwayGrace, returnGrace: o.ReturnGrace, log: o.Log, studios: map[string]*Studio{}, interrupted: map[string]room.Live{},
	}
	h.fonts, h.compose = o.Fonts, o.Compose
	h.still, h.imageTurn, h.recallTurn = h.workers.Still, make(chan struct{}, 1), make(chan struct{}, 1)
	if h.awayGrace == 0 {
		h.awayGrace = 10 * time.Second
	}
	if h.returnGrace == 0 {
		h.returnGrace = time.Minute
	}
	if h.scenes == nil {
		h.scenes = scenes.Builtin()
	}
	if h.shows == nil {
		h.shows = noShows{}
	}
	if h.keeps = h.running != nil; !h.keeps {
		h.running = noRooms{}
	}
	if h.log == nil {
		h.log = slog.Default()
	}
	h.stop = make(chan struct{})
	h.arena = newArena(h)
	h.plays, h.playsTold = newLedger(o.PlaysTold != nil), o.PlaysTold
	if h.rooms != nil {
		h.rooms.OnHandover(h.plays.forget)
		h.rooms.OnHandover(h.turned.forget)
		h.rooms.OnHandover(h.handedOver)
	}
	if o.PlaysTold != nil {
		h.work.Go(h.tellPlays)
	}
	if o.RoomExpiry > 0 && h.rooms != nil {
		h.work.Go(func() { h.expireRooms(o.RoomExpiry) })
	}
	for name, r := range h.running.Left() {
		h.reopen(name, r)
	}
	for name, show := range h.shows.Interrupted() {
		h.awaitReturn(name, show)
	}
	return h
}

// Keys are the server's API key and secret.
func (h *House) Keys() auth.Keys { return h.keys }

// Shed counts what the audience sent too much of, so that nobody was told of it, by kind.
func (h *House) Shed() map[string]uint64 { return h.shed.Read() }

// Words are what is not said in rooms: what people write for others to read passes them.
func (h *House) Words() *words.List { return h.words }

// Policies are what is kept of rooms.
func (h *House) Policies() *Policies { return h.rooms }

// MaxParticipants bounds each room, 0 not at all.
func (h *House) MaxParticipants() int { return h.rules.MaxParticipants }

// VideoConversion is nil where pictures can be converted to another codec, else it says why not.
func (h *House) VideoConversion() error { return h.workers.Available() }

// Enter joins a room and opens its studio where needed. Everything that happens from then on is told to obs, in order,
// also the own changes of the participant.
func (h *House) Enter(roomName string, j room.Join, obs Observer) (*Participant, error) {
	for {
		s, opened, err := h.open(roomName, j.Settings)
		if err != nil {
			return nil, err
		}
		p, err := s.enter(j, obs, opened)
		if errors.Is(err, errStudioClosed) {
			continue // it closed between our finding it and entering it
		}
		if err == nil {
			h.NoteUse(roomName)
		}
		return p, err
	}
}

// Open opens a room before anybody comes, and gives the one that is open already as it is.
func (h *House) Open(roomName string, settings room.Settings) (*Studio, error) {
	for {
		s, opened, err := h.open(roomName, settings)
		if err != nil {
			return nil, err
		}
		if s.stays(opened) {
			if opened {
				h.NoteUse(roomName)
			}
			return s, nil
		}
	}
}

// stays has a studio that was just opened wait for people, and is false for one that has closed meanwhile.
func (s *Studio) stays(opened bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	if opened {
		s.settle()
	}
	return true
}

// open finds a running room or opens one, and tells which it did.
func (h *House) open(roomName string, settings room.Settings) (s *Studio, opened bool, err error) {
	s, opened, err = h.findOrMake(roomName, settings)
	if opened && s.annex != nil {
		if main, err := h.Studio(s.annex.main); err == nil {
			s.adopt(main)
		}
	}
	return s, opened, err
}

// findOrMake is open without what a room under another one has to know first.
func (h *House) findOrMake(roomName string, settings room.Settings) (s *Studio, opened bool, err error) {
	scene := h.sceneOf(roomName) // may read the store
	under, isAnnex := h.annexes.find(roomName)
	if isAnnex {
		scene, settings = under.scene, under.settings
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return nil, false, ErrShutdown
	}
	if s, ok := h.studios[roomName]; ok {
		return s, false, nil
	}
	r, err := room.New(roomName, settings.Within(h.rules), time.Now())
	if err != nil {
		return nil, false, err
	}
	s = newStudio(h, r, scene)
	if isAnnex {
		s.annex = &under
	} else {
		s.keepRoom()
	}
	h.studios[roomName] = s
	return s, true, nil
}

// forget is called by a studio that closes, with its lock held.
func (h *House) forget(s *Studio) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.studios[s.name] == s {
		delete(h.studios, s.name)
	}
}

// Studio finds a running room.
func (h *House) Studio(roomName string) (*Studio, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if s, ok := h.studios[roomName]; ok {
		return s, nil
	}
	return nil, ErrNoRoom
}

// Studios are all running rooms, ordered by name.
func (h *House) Studios() []*Studio {
	h.mu.Lock()
	defer h.mu.Unlock()
	all := make([]*Studio, 0, len(h.studios))
	for _, s := range h.studios {
		all = append(all, s)
	}
	slices.SortFunc(all, func(a, b *Studio) int { return strings.Compare(a.name, b.name) })
	return all
}

// Close ends all rooms: everybody in them hears RoomClosed with LeftServerShutdown. It waits until shows, tracks and
// subscriptions have ended. Viewings end with it, and are told of.
func (h *House) Close() {
	h.mu.Lock()
	if !h.closed {
		h.closed = true
		close(h.stop)
	}
	h.mu.Unlock()
	h.arena.close() // each room tells of the end of its own contest
	studios := h.Studios()
	infos := map[string]RoomInfo{}
	var shows []*air
	for _, s := range studios {
		infos[s.name] = s.Info()
		s.mu.Lock()
		if s.air != nil {
			shows = append(shows, s.air)
		}
		s.mu.Unlock()
		s.Close(room.LeftServerShutdown)
	}
	for _, s := range studios {
		s.work.Wait()
	}
	for _, a := range shows {
		a.closeWatchers()
	}
	h.work.Wait()
	h.tellOver(infos)
}
