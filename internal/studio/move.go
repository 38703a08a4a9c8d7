package studio

import (
	"slices"
	"time"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/room"
)

// A publisher may go on in another codec in the same section and with the same SSRC: browsers do when an encoder fails or the page asks
// for it, native SDKs when their first offer named more codecs than they meant. Those who watch need another decoder and another
// section for it, so the publication ends for them and comes anew, under the same SID. The publisher notices nothing.

// moveInterval is how long a publication stays in a codec at least after it has moved once: each move costs everybody in the room a
// negotiation.
const moveInterval = 5 * time.Second

// mayMove waits until a publication whose codec has changed may be announced anew. It is false when it ends in the meantime.
func (e *published) mayMove() bool {
	wait := time.NewTimer(time.Until(e.moved.Add(moveInterval)))
	defer wait.Stop()
	select {
	case <-wait.C:
		return true
	case <-e.gone:
		return false
	}
}

// move publishes anew what goes on in another codec. The caller holds the lock.
func (s *Studio) move(p *Participant, entry *published) {
	events, err := s.room.Suspend(p.identity, entry.pub.SID)
	if err != nil {
		s.dropTrack(entry.pub.SID)
		return
	}
	// The sections of its further codecs go on as they are, also that of the codec which is the first from now on: it may be left again.
	backups := entry.backups
	entry.backups = nil
	s.emit(events)
	pub := events[0].(room.PublicationRemoved).Publication // as muted and as named as it was
	known := pub.Backups
	pub.Codec, pub.Backups = media.NoCodec, slices.Clone(entry.offered)
	for i, offered := range pub.Backups {
		if n := slices.IndexFunc(known, func(b room.PublishedCodec) bool { return b.Codec == offered.Codec }); n >= 0 {
			pub.Backups[i] = known[n]
		}
	}
	again, err := s.receive(p, pub, entry.receiver.Inbound())
	if err != nil {
		s.log.Warn("a codec changed, but the track is refused", "participant", p.identity, "track", pub.SID, "error", err)
		s.work.Go(func() {
			for _, b := range backups {
				b.receiver.Close()
			}
		})
		s.emit([]room.Event{room.PublicationLapsed{SID: pub.SID}})
		return
	}
	again.moved, again.returns, again.offered, again.backups = time.Now(), true, entry.offered, backups
}
