package studio

import (
	"errors"
	"slices"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/room"
	"github.com/tuttilive/tutti/internal/rtc"
	"github.com/tuttilive/tutti/internal/sfu"
)

// maxBackups bounds the further codecs of a publication.
const maxBackups = 3

// errCodec tells of a codec that a publication cannot have beside its own.
var errCodec = errors.New("studio: a publication cannot have this codec")

// backup is a picture once more in another codec, for subscribers that do not take the first. Frames are made of the
// first alone.
type backup struct {
	codec    media.Codec
	receiver *sfu.Receiver
}

// PublishCodec publishes a picture once more, in another codec, from a section of its own.
func (p *Participant) PublishCodec(sid string, c room.PublishedCodec, in *rtc.Inbound) error {
	var waiting []*Subscription
	var replaced *backup
	var added *backup
	err := p.change(func() ([]room.Event, error) {
		s, entry := p.studio, p.studio.tracks[sid]
		switch {
		case entry == nil || entry.publisherSID != p.sid:
			return nil, room.ErrNoPublication
		case entry.pub.Kind != media.Video || c.Codec.Kind() != media.Video || c.Codec == entry.pub.Codec || entry.receiver == nil:
			return nil, errCodec
		}
		i := slices.IndexFunc(entry.pub.Backups, func(b room.PublishedCodec) bool { return b.Codec == c.Codec })
		if i < 0 && len(entry.pub.Backups) >= maxBackups {
			return nil, errCodec
		}
		info := s.trackInfo(p, entry.pub)
		info.Codec = c.Codec
		added = &backup{codec: c.Codec, receiver: sfu.NewReceiver(in, info)}
		added.receiver.Track().SetMuted(entry.pub.Muted)
		replaced = entry.takeBackup(c.Codec)
		entry.backups = append(entry.backups, added)
		for sub := range entry.subscribers {
			if sub.codec == c.Codec {
				waiting = append(waiting, sub)
			}
		}
		s.log.Info("track published in another codec", "participant", p.identity, "track", sid, "codec", c.Codec)
		return s.changeBackups(entry, func(list []room.PublishedCodec) []room.PublishedCodec {
			if i < 0 {
				return append(list, c)
			}
			list[i] = c
			return list
		})
	})
	if err != nil {
		return err
	}
	for _, sub := range waiting {
		sub.follow(added)
	}
	if replaced != nil {
		replaced.receiver.Close()
	}
	return nil
}

// UnpublishCodec ends a picture in a codec beside its first.
func (p *Participant) UnpublishCodec(sid string, codec media.Codec) error {
	var ended *backup
	err := p.change(func() ([]room.Event, error) {
		entry := p.studio.tracks[sid]
		if entry == nil || entry.publisherSID != p.sid {
			return nil, room.ErrNoPublication
		}
		if ended = entry.takeBackup(codec); ended == nil {
			return nil, nil
		}
		return p.studio.changeBackups(entry, func(list []room.PublishedCodec) []room.PublishedCodec {
			for i := range list {
				if list[i].Codec == codec {
					list[i].CID, list[i].MID = "", ""
				}
			}
			return list
		})
	})
	if ended != nil {
		ended.receiver.Close()
	}
	return err
}

// changeBackups changes what is known of a publication's codecs, here and, when it is announced, in the room. The caller
// holds the lock.
func (s *Studio) changeBackups(entry *published, change func([]room.PublishedCodec) []room.PublishedCodec) ([]room.Event, error) {
	entry.pub.Backups = change(slices.Clone(entry.pub.Backups))
	list := entry.pub.Backups
	entry.kick()
	if entry.track == nil {
		return nil, nil
	}
	return s.room.ChangePublication(entry.identity, entry.pub.SID, func(p *room.Publication) { p.Backups = list })
}

// takeBackup removes and returns the backup in a codec, nil when there is none.
func (e *published) takeBackup(codec media.Codec) *backup {
	i := slices.IndexFunc(e.backups, func(b *backup) bool { return b.codec == codec })
	if i < 0 {
		return nil
	}
	b := e.backups[i]
	e.backups = slices.Delete(e.backups, i, i+1)
	return b
}

func (e *published) backupIn(codec media.Codec) *backup {
	if i := slices.IndexFunc(e.backups, func(b *backup) bool { return b.codec == codec }); i >= 0 {
		return e.backups[i]
	}
	return nil
}

// Negotiated notes the codec that the subscriber's peer has agreed to. If it is not the publication's first, what is sent
// is the publication in that codec, as soon as its publisher sends it.
func (s *Subscription) Negotiated() {
	codec := s.sender.Outbound().Codec()
	st := s.participant.studio
	st.mu.Lock()
	var from *backup
	if entry := st.tracks[s.trackSID]; entry != nil && codec != media.NoCodec && codec != s.codec {
		s.codec = codec
		if codec != roomCodec(entry.pub.Codec) {
			from = entry.backupIn(codec)
		}
		entry.kick()
	}
	st.mu.Unlock()
	if from != nil {
		s.follow(from)
	}
}

// follow sends from a backup. It fails only when that has ended already, or the subscription has.
func (s *Subscription) follow(b *backup) {
	if err := s.sender.Switch(b.receiver.Track()); err != nil {
		s.participant.studio.log.Debug("sending another codec", "track", s.trackSID, "codec", b.codec, "error", err)
	}
}
