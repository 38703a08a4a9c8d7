package studio

import (
	"time"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/room"
)

// lowerDelay is how long a publisher goes on with layers that nobody wants any more: people who change a window's size or
// look away for a moment get what they had without waiting for a keyframe.
const lowerDelay = 5 * time.Second

// dynacast decides what the publisher of a picture is told to send: what is wanted more at once, what is wanted less after
// lowerDelay. It is pure: time is an argument.
type dynacast struct {
	codecs []codecDemand
}

type codecDemand struct {
	room.CodecDemand
	// lowerAt is when the publisher may be told of less, zero while that is not wanted.
	lowerAt time.Time
}

// newDynacast begins as publishers do: with everything in the first codec.
func newDynacast(codec media.Codec) *dynacast {
	return &dynacast{codecs: []codecDemand{{CodecDemand: room.CodecDemand{Codec: codec, Quality: highest}}}}
}

// look takes what is wanted now. tell is what the publisher shall send in each codec, nil when it knows; look again no
// later than after wait, unless that is 0.
func (d *dynacast) look(wanted []room.CodecDemand, now time.Time) (tell []room.CodecDemand, wait time.Duration) {
	changed := false
	for _, w := range wanted {
		c := d.of(w.Codec)
		switch {
		case w.Quality > c.Quality:
			c.Quality, changed = w.Quality, true
			c.lowerAt = time.Time{}
		case w.Quality == c.Quality:
			c.lowerAt = time.Time{}
		case c.lowerAt.IsZero():
			c.lowerAt = now.Add(lowerDelay)
		case !now.Before(c.lowerAt):
			c.Quality, changed = w.Quality, true
			c.lowerAt = time.Time{}
		}
		if !c.lowerAt.IsZero() {
			if left := c.lowerAt.Sub(now); wait == 0 || left < wait {
				wait = left
			}
		}
	}
	if changed {
		for _, c := range d.codecs {
			tell = append(tell, c.CodecDemand)
		}
	}
	return tell, wait
}

func (d *dynacast) of(codec media.Codec) *codecDemand {
	for i := range d.codecs {
		if d.codecs[i].Codec == codec {
			return &d.codecs[i]
		}
	}
	d.codecs = append(d.codecs, codecDemand{CodecDemand: room.CodecDemand{Codec: codec, Quality: room.NotWanted}})
	return &d.codecs[len(d.codecs)-1]
}

// highest is the largest quality that publishers know.
const highest = 2

// wish is how a subscriber wants a picture. The zero value wants the largest.
type wish struct {
	paused        bool
	capped        bool // there are too many pictures
	width, height int  // when not 0, the smallest that is at least as large
	quality       int8 // when byQuality
	byQuality     bool
}

// quality finds the layer that a wish asks for among those that the publisher has announced.
func (w wish) of(layers []room.PublishedLayer) int8 {
	switch {
	case w.paused || w.capped:
		return room.NotWanted
	case w.byQuality:
		return w.quality
	case w.width > 0 && w.height > 0:
		for _, l := range layers {
			if media.AtLeast(l.Width, l.Height, w.width, w.height) {
				return int8(l.Quality)
			}
		}
	}
	return highest
}

// followDemand tells the publisher of a picture what of it is wanted, and when to look again, 0 when nothing is due.
func (s *Studio) followDemand(entry *published, now time.Time) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	publisher := s.members[entry.identity]
	if entry.dynacast == nil || publisher == nil || publisher.sid != entry.publisherSID {
		return 0
	}
	tell, wait := entry.dynacast.look(s.demandFor(entry), now)
	if tell != nil {
		publisher.obs.RoomEvent(room.PublicationDemand{SID: entry.pub.SID, Codecs: tell})
	}
	return wait
}

// followPicture looks at the demand for all pictures when another is on the air. It ends with the program.
func (s *Studio) followPicture(a *air) {
	for on := true; on; {
		_, changed := a.program.Picture()
		s.mu.Lock()
		for _, entry := range s.tracks {
			entry.kick()
		}
		s.mu.Unlock()
		select {
		case <-changed:
		case <-a.program.Done():
			on = false
		}
	}
}

// demandFor adds up what is wanted of a publication now. The caller holds the lock.
func (s *Studio) demandFor(entry *published) []room.CodecDemand {
	wanted := []room.CodecDemand{{Codec: entry.pub.Codec, Quality: room.NotWanted}}
	for _, b := range entry.pub.Backups {
		wanted = append(wanted, room.CodecDemand{Codec: b.Codec, Quality: room.NotWanted})
	}
	shown := false
	if s.air != nil {
		picture, _ := s.air.program.Picture()
		shown = picture == entry.track
	}
	switch size, read := entry.track.FramesWanted(); {
	case shown, entry.lentOut:
		wanted[0].Quality = highest // whoever watches may come at any time
	case read:
		wanted[0].Quality = wish{width: size.Width, height: size.Height}.of(entry.pub.Layers)
	}
	for sub := range entry.subscribers {
		for i := range wanted {
			if wanted[i].Codec == sub.codec {
				wanted[i].Quality = max(wanted[i].Quality, sub.wish.of(entry.pub.Layers))
			}
		}
	}
	return wanted
}
