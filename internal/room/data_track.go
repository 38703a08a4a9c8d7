package room

import (
	"errors"
	"slices"
)

// What a participant publishes at a time is bounded: by number, and by the bytes of all names and encodings, which everybody who comes is told.
const (
	MaxDataTracks     = 64
	MaxDataTrackBytes = 16 << 10
)

var (
	ErrDataTracksTooLarge = errors.New("the names and encodings of the participant's data tracks are too large together")

	ErrHandleTaken = errors.New("another data track of the participant has this handle")
	ErrNameTaken   = errors.New("another data track of the participant has this name")
)

// DataTrack is what a room knows of a published stream of small frames, which are lost where they cannot be sent at once.
type DataTrack struct {
	SID, Name string
	// Handle is the publisher's number of the track, which its packets carry.
	Handle uint16
	// Encryption is as in Publication.
	Encryption uint8
	// Encoding says how frames are to be read, in the words of the publisher's protocol. The room makes nothing of it, and it must not be changed.
	Encoding []byte
}

// Size is how many bytes the track's name and encoding have.
func (t DataTrack) Size() int { return len(t.Name) + len(t.Encoding) }

// PublishData adds a data track.
func (r *Room) PublishData(identity string, t DataTrack) ([]Event, error) {
	return r.change(identity, func(p *Participant) error {
		size := t.Size()
		for _, other := range p.DataTracks {
			size += other.Size()
		}
		switch {
		case !p.Permission.PublishData:
			return ErrNotAllowed
		case len(p.DataTracks) >= MaxDataTracks:
			return ErrTooManyTracks
		case size > MaxDataTrackBytes:
			return ErrDataTracksTooLarge
		case slices.ContainsFunc(p.DataTracks, func(other DataTrack) bool { return other.Handle == t.Handle }):
			return ErrHandleTaken
		case slices.ContainsFunc(p.DataTracks, func(other DataTrack) bool { return other.Name == t.Name }):
			return ErrNameTaken
		}
		p.DataTracks = append(slices.Clip(p.DataTracks), t)
		return nil
	})
}

// UnpublishData removes a data track.
func (r *Room) UnpublishData(identity string, handle uint16) ([]Event, error) {
	return r.change(identity, func(p *Participant) error {
		i := slices.IndexFunc(p.DataTracks, func(t DataTrack) bool { return t.Handle == handle })
		if i < 0 {
			return ErrNoPublication
		}
		p.DataTracks = slices.Delete(slices.Clone(p.DataTracks), i, i+1)
		return nil
	})
}
