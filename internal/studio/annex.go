package studio

import (
	"crypto/rand"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tuttilive/tutti/internal/auth"
	"github.com/tuttilive/tutti/internal/room"
	"github.com/tuttilive/tutti/internal/room/breakout"
	"github.com/tuttilive/tutti/internal/room/scenes"
	"github.com/tuttilive/tutti/internal/room/stage"
)

// attributeMain names, in a token, the room under which the token's is. Such a token is good for as long as that is so.
const attributeMain = attributePrefix + "main"

// annex is a room under a main one: a group's, or the side room of some. It has no program and no seats, nobody comes in without a
// token that the main room made, and it is over when that says so. It is immutable.
type annex struct {
	main     string
	n        int // the number of its group
	scene    *scenes.Scene
	settings room.Settings
}

// annexes are the rooms under others, by name. The lock is the last to be taken.
type annexes struct {
	mu sync.RWMutex
	of map[string]annex
}

func (x *annexes) find(roomName string) (annex, bool) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	a, ok := x.of[roomName]
	return a, ok
}

func (x *annexes) add(roomName string, a annex) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.of == nil {
		x.of = map[string]annex{}
	}
	x.of[roomName] = a
}

func (x *annexes) remove(roomNames ...string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, name := range roomNames {
		delete(x.of, name)
	}
}

// annexName is one that nobody guesses.
func annexName() string { return "group-" + strings.ToLower(rand.Text()[:20]) }

// annexScene is the scene of rooms under one of another scene: everybody speaks, and what is there for a stage, a door or groups is not.
func annexScene(of *scenes.Scene) *scenes.Scene {
	s := *of
	s.Seats, s.Publish, s.Arrivals = scenes.Seats{}, nil, stage.Speaker
	s.Features = maps.Clone(of.Features)
	for _, feature := range []string{"waitingRoom", "lock", "breakout", "sideRoom", "pk", "gifts", "songs"} {
		delete(s.Features, feature)
	}
	return &s
}

func (h *House) isAnnex(roomName string) bool {
	_, is := h.annexes.find(roomName)
	return is
}

// inAnnex refuses a token for a room under another that is no more, and tokens of other making for one that is. Whoever directs no more in
// the main room has no right to direct this one, whatever an older token says.
func (h *House) inAnnex(claims auth.Claims) (auth.Claims, error) {
	under, is := h.annexes.find(claims.Video.Room)
	if claims.Attributes[attributeMain] != under.main { // both are "" where this is about no such room
		return auth.Claims{}, auth.ErrRevoked
	}
	if is && claims.Video.RoomAdmin {
		main, err := h.Studio(under.main)
		if err != nil {
			return auth.Claims{}, auth.ErrRevoked // it has just ended
		}
		main.mu.Lock()
		defer main.mu.Unlock()
		claims.Video.RoomAdmin = main.hasDirector(claims.Identity)
	}
	return claims, nil
}

// hasDirector tells whether somebody directs the room, by their office or by a host's grant with which they went into a group. The caller
// holds the lock.
func (s *Studio) hasDirector(identity string) bool {
	return s.groups.went[identity].Video.RoomAdmin || s.stage.RoleOf(identity).Directs()
}

// directors are those who direct the room, wherever they are. The caller holds the lock.
func (s *Studio) directors() map[string]bool {
	all, on := map[string]bool{}, s.stage.Snapshot()
	if on.Host != nil {
		all[on.Host.Identity] = true
	}
	for _, p := range on.Cohosts {
		all[p.Identity] = true
	}
	for identity, claims := range s.groups.went {
		all[identity] = all[identity] || claims.Video.RoomAdmin
	}
	return all
}

// depose has those direct a room under the main one who do so there, and takes the right to from all others: as participants, in the
// audience, and by an office that somebody gave them here. The caller holds the lock.
func (s *Studio) depose(directors map[string]bool) {
	var members []*Participant
	for _, p := range s.members {
		if p.grant.Admin && !directors[p.identity] {
			p.grant.Admin = false
			members = append(members, p)
		}
	}
	var audience []*Attendee
	if s.crowd != nil {
		for identity, ears := range s.crowd.people {
			for _, a := range ears {
				if a.claims.Video.RoomAdmin && !directors[identity] {
					a.claims.Video.RoomAdmin = false
					audience = append(audience, a)
				}
			}
		}
	}
	s.stageChanged(s.stage.AdoptDirectors(directors, time.Now()))
	for _, p := range members {
		s.emit(s.permit(p))
	}
	for _, a := range audience {
		a.ear.Refresh()
	}
}

// annexToken is what somebody joins a room under the main one with. There they may do what they were given here; who is on the stage may speak,
// as everybody may whose role alone keeps them from it here. The caller holds the lock.
func (s *Studio) annexToken(roomName string, claims auth.Claims) (string, error) {
	g := &claims.Video
	g.Room, g.RoomJoin, g.RoomAdmin = roomName, true, s.hasDirector(claims.Identity)
	claims.Tenure = "" // the main room's
	if s.scene.HasStage() && s.stage.RoleOf(claims.Identity).OnStage() {
		g.CanPublish, g.CanPublishSources, g.CanPublishData = nil, nil, nil
	}
	claims = withRole(claims)
	claims.Attributes[attributeMain] = s.name
	return s.house.Ticket(claims)
}

// tellMain has the main room look at this one again after somebody has come or gone, or has come into an office. The caller holds the lock.
func (s *Studio) tellMain(events []room.Event) {
	if s.annex == nil || s.mainTold {
		return
	}
	if !slices.ContainsFunc(events, concernsMain) {
		return
	}
	s.mainTold = true
	s.work.Go(func() {
		s.mu.Lock()
		s.mainTold = false
		s.mu.Unlock()
		if main, err := s.house.Studio(s.annex.main); err == nil {
			main.lookInto(s)
		}
	})
}

func concernsMain(e room.Event) bool {
	switch e := e.(type) {
	case room.ParticipantJoined, room.ParticipantLeft, room.RoomClosed:
		return true
	case room.StageChanged:
		return slices.ContainsFunc(e.Happened, func(h stage.Happening) bool { return h.What == stage.RoleChanged && h.Role.Directs() })
	}
	return false
}

// inside are the people who are in the room.
func (s *Studio) inside() (all []breakout.Person) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	for _, p := range s.room.Participants() {
		if hasRole(p.Kind, p.Permission) {
			all = append(all, breakout.Person{Identity: p.Identity, Name: p.Name})
		}
	}
	return all
}
