// Package chronicle writes down what happens to each participant of all rooms, for whoever has to find out later why
// somebody saw nothing. It is bounded for each participant and in all, and forgets those who left some time ago.
package chronicle

import (
	"slices"
	"sync"
	"time"

	"github.com/tuttilive/tutti/internal/room"
)

const (
	// maxHappenings bounds what is kept of one visit. When there is more, what happens often goes first.
	maxHappenings = 160
	// Keep is how long a visit is remembered after its end, maxDeparted how many of them in all.
	Keep        = 15 * time.Minute
	maxDeparted = 500
	// maxDetail is in bytes.
	maxDetail = 200
)

// What says what happened. Its values are part of the API.
type What string

const (
	Joined     What = "joined"     // detail: the door
	Connected  What = "connected"  // detail: the connection and how it is reached
	WayChanged What = "path"       // detail: the connection and how it is reached now
	SignalLost What = "away"       // the signal connection broke; media goes on; detail: why
	Resumed    What = "resumed"    // it is back
	Published  What = "published"  // detail: source and codec
	Ended      What = "ended"      // a publication ended
	Muted      What = "muted"      // a publication
	Unmuted    What = "unmuted"    // a publication
	Permitted  What = "permission" // what the participant may do has changed
	Layer      What = "layer"      // of a subscription; detail: from which to which
	Suspended  What = "suspended"  // a subscription: the way does not carry it
	Continued  What = "continued"  // it does again
	Quality    What = "quality"    // media get through better or worse; detail: how, and a score from 1 to 5
	Failed     What = "failed"     // detail: what, and why
	Left       What = "left"       // detail: why
)

// often tells of what may happen many times a minute.
func (w What) often() bool {
	switch w {
	case Layer, Suspended, Continued, Quality:
		return true
	}
	return false
}

// Happening is something that happened to a participant.
type Happening struct {
	At   time.Time
	What What
	// Track is the SID of the track that it concerns, if it concerns one.
	Track, Detail string
}

// Visit is one participant's stay in a room. Who joins anew, after a full reconnect for example, makes another one.
type Visit struct {
	Room, SID, Identity, Name string
	Kind                      room.ParticipantKind
	Program                   room.Program
	Joined                    time.Time
	// Left is zero while the participant is there.
	Left   time.Time
	Reason room.LeaveReason
	// Happenings are in order of time.
	Happenings []Happening
}

// Chronicle is safe for use by several goroutines. Its methods are quick: they may be called with locks held.
type Chronicle struct {
	mu       sync.Mutex
	present  map[string]*visit // by SID
	departed []*visit          // in the order in which they left
}

type visit struct {
	Visit
	permission room.Permission
	muted      map[string]bool // by track, of those that are
}

// New makes an empty chronicle.
func New() *Chronicle { return &Chronicle{present: make(map[string]*visit)} }

// RoomEvent takes what happened in a room.
func (c *Chronicle) RoomEvent(roomName string, e room.Event, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch e := e.(type) {
	case room.ParticipantJoined:
		p := e.Participant
		v := &visit{permission: p.Permission, Visit: Visit{
			Room: roomName, SID: p.SID, Identity: p.Identity, Name: p.Name, Kind: p.Kind, Program: p.Program, Joined: p.JoinedAt,
		}}
		c.present[p.SID] = v
		v.add(Happening{At: now, What: Joined, Detail: p.Program.Door})
	case room.ParticipantChanged:
		if v := c.present[e.Participant.SID]; v != nil {
			v.Name = e.Participant.Name
			if !same(v.permission, e.Participant.Permission) {
				v.permission = e.Participant.Permission
				v.add(Happening{At: now, What: Permitted, Detail: describe(v.permission)})
			}
		}
	case room.PublicationAdded:
		if v := c.present[e.Participant.SID]; v != nil {
			v.add(Happening{At: now, What: Published, Track: e.Publication.SID, Detail: e.Publication.Source.String() + " " + e.Publication.Codec.String()})
			v.noteMuted(e.Publication, now)
		}
	case room.PublicationChanged:
		if v := c.present[e.Participant.SID]; v != nil {
			v.noteMuted(e.Publication, now)
		}
	case room.PublicationRemoved:
		if v := c.present[e.Participant.SID]; v != nil {
			delete(v.muted, e.Publication.SID)
			v.add(Happening{At: now, What: Ended, Track: e.Publication.SID})
		}
	case room.ParticipantLeft:
		c.leave(e.Participant.SID, e.Reason, now)
	}
}

// Note adds what happened to the participant with an SID; nothing when there is none any more.
func (c *Chronicle) Note(sid string, what What, track, detail string, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if v := c.present[sid]; v != nil {
		v.add(Happening{At: now, What: what, Track: track, Detail: detail})
	}
}

func (c *Chronicle) leave(sid string, why room.LeaveReason, now time.Time) {
	v := c.present[sid]
	if v == nil {
		return
	}
	delete(c.present, sid)
	v.Left, v.Reason = now, why
	v.add(Happening{At: now, What: Left, Detail: why.String()})
	c.departed = append(c.departed, v)
	c.forget(now)
}

// forget drops those who left long ago, and the first of too many. The caller holds the lock.
func (c *Chronicle) forget(now time.Time) {
	old := max(0, len(c.departed)-maxDeparted)
	for old < len(c.departed) && now.Sub(c.departed[old].Left) > Keep {
		old++
	}
	c.departed = slices.Delete(c.departed, 0, old)
}

// Departed are the visits to a room that have ended and are not forgotten, in order of their ends. Their happenings are left
// out.
func (c *Chronicle) Departed(roomName string, now time.Time) []Visit {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.forget(now)
	var list []Visit
	for _, v := range c.departed {
		if v.Room == roomName {
			is := v.Visit
			is.Happenings = nil
			list = append(list, is)
		}
	}
	return list
}

// Visits are those of one identity to a room, the one that lasts coming last.
func (c *Chronicle) Visits(roomName, identity string, now time.Time) []Visit {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.forget(now)
	var list []Visit
	add := func(v *visit) {
		if v.Room == roomName && v.Identity == identity {
			is := v.Visit
			is.Happenings = slices.Clone(v.Happenings)
			list = append(list, is)
		}
	}
	for _, v := range c.departed {
		add(v)
	}
	for _, v := range c.present {
		add(v)
	}
	return list
}

// add appends a happening, and forgets one when there are too many: the first of those that come often, or the first after
// the joining.
func (v *visit) add(h Happening) {
	if len(h.Detail) > maxDetail {
		h.Detail = h.Detail[:maxDetail]
	}
	if len(v.Happenings) >= maxHappenings {
		i := slices.IndexFunc(v.Happenings, func(h Happening) bool { return h.What.often() })
		v.Happenings = slices.Delete(v.Happenings, max(i, 1), max(i, 1)+1)
	}
	v.Happenings = append(v.Happenings, h)
}

func (v *visit) noteMuted(pub room.Publication, now time.Time) {
	if v.muted[pub.SID] == pub.Muted {
		return
	}
	if pub.Muted {
		if v.muted == nil {
			v.muted = make(map[string]bool)
		}
		v.muted[pub.SID] = true
		v.add(Happening{At: now, What: Muted, Track: pub.SID})
		return
	}
	delete(v.muted, pub.SID)
	v.add(Happening{At: now, What: Unmuted, Track: pub.SID})
}

func same(a, b room.Permission) bool {
	return a.Publish == b.Publish && a.Subscribe == b.Subscribe && a.PublishData == b.PublishData && a.Hidden == b.Hidden &&
		a.Admin == b.Admin && a.UpdateMetadata == b.UpdateMetadata && slices.Equal(a.Sources, b.Sources)
}

// describe lists what somebody may do.
func describe(p room.Permission) string {
	text := ""
	for _, may := range []struct {
		so   bool
		word string
	}{{p.Publish, "publish"}, {p.Subscribe, "subscribe"}, {p.PublishData, "data"}, {p.Admin, "admin"}, {p.Hidden, "hidden"}} {
		if may.so {
			text += " " + may.word
		}
	}
	if text == "" {
		return "nothing"
	}
	return text[1:]
}
