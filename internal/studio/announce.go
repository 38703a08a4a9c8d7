package studio

import (
	"encoding/json"
	"time"
	"unicode/utf8"

	"github.com/tuttilive/tutti/internal/room"
	"github.com/tuttilive/tutti/internal/room/plain"
	"github.com/tuttilive/tutti/internal/studio/talk"
)

const (
	maxAnnouncement = 500     // characters
	maxMeta         = 8 << 10 // bytes
)

var (
	errAnnouncement = &room.Refusal{Code: "too_large", Message: "an announcement has at most 500 characters"}
	errMeta         = &room.Refusal{Code: "malformed", Message: "meta needs data, JSON of at most 8 KiB"}
	errMetaTime     = &room.Refusal{Code: "malformed", Message: "at is a time as in RFC 3339"}
)

func (s *Studio) setAnnouncement(a Actor, r talk.Request) talk.Reply {
	text, now := r.Text, time.Now()
	if err := s.house.words.Fit(&text); err != nil {
		return talk.Reply{Err: err}
	}
	if utf8.RuneCountInString(text) > maxAnnouncement {
		return talk.Reply{Err: errAnnouncement}
	}
	c := s.gather()
	c.announcement = nil
	told := talk.Announcement{}
	if text != "" {
		told = talk.Announcement{Text: text, By: a.Name, At: &now}
		c.announcement = &told
	}
	s.keepLater(partTalk)
	s.tell(told)
	return talk.Reply{}
}

// meta tells everybody something of the application's own, for a moment of the program: the present one where none is named.
func (s *Studio) meta(_ Actor, r talk.Request) talk.Reply {
	at := time.Now()
	if r.At != "" {
		var err error
		if at, err = time.Parse(time.RFC3339Nano, r.At); err != nil {
			return talk.Reply{Err: errMetaTime}
		}
	}
	at, ok := plain.Time(at)
	if !ok {
		return talk.Reply{Err: errMetaTime}
	}
	if len(r.Data) == 0 || len(r.Data) > maxMeta || !json.Valid(r.Data) || !utf8.Valid(r.Data) {
		return talk.Reply{Err: errMeta}
	}
	s.tell(talk.Meta{At: at, Data: r.Data})
	return talk.Reply{}
}
