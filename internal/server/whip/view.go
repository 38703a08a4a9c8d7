package whip

import (
	"net/http"
	"slices"
	"strings"

	"github.com/tuttilive/tutti/internal/media"
)

// view answers the offer of a WHEP client.
func (s *Server) view(x *session, r *http.Request, offer string) (answer string, err error) {
	claims, err := s.house.AdmitPlayer(r.Context(), x.path.room, "whep", credential(r).From(r.RemoteAddr))
	if err != nil {
		return "", err
	}
	// Hosts who look at what their viewers see are no viewers.
	if x.watcher, err = s.house.Watch(x.path.room, !claims.Video.RoomAdmin); err != nil {
		return "", err
	}
	x.pictureLine = lineOfPicture(offer)
	picture := choosePicture(offeredPictures(offer), x.watcher.Picture())
	if err := s.connect(x, offer, []media.Codec{media.Opus, picture}); err != nil {
		return "", err
	}
	return x.peer.CreateAnswer()
}

// untilOver ends a viewer's session with the program.
func (x *session) untilOver() {
	select {
	case <-x.watcher.Done():
		x.end(errProgramOver)
	case <-x.ended:
	}
}

// choosePicture picks the codec that a viewer gets: what the program's picture has now, so that nothing must be converted,
// else H.264, which most sources have or can be converted to, else what the client likes best. Until a source fits, the
// viewer hears the sound.
func choosePicture(offered []media.Codec, now media.Codec) media.Codec {
	switch {
	case slices.Contains(offered, now):
		return now
	case len(offered) == 0 || slices.Contains(offered, media.H264):
		return media.H264
	}
	return offered[0]
}

// offeredPictures lists the video codecs of an offer in its order.
func offeredPictures(offer string) (codecs []media.Codec) {
	for line := range strings.Lines(offer) {
		mapping, ok := strings.CutPrefix(line, "a=rtpmap:")
		if !ok {
			continue
		}
		_, encoding, _ := strings.Cut(mapping, " ")
		name, _, _ := strings.Cut(encoding, "/")
		if c := media.CodecByRTPName(strings.TrimSpace(name)); c.Kind() == media.Video && !slices.Contains(codecs, c) {
			codecs = append(codecs, c)
		}
	}
	return codecs
}

// lineOfPicture counts the sections before the first one for a picture.
func lineOfPicture(offer string) (n int) {
	for line := range strings.Lines(offer) {
		switch {
		case strings.HasPrefix(line, "m=video"):
			return n
		case strings.HasPrefix(line, "m="):
			n++
		}
	}
	return n
}

// pictureOf is the video codec in a list.
func pictureOf(codecs []media.Codec) media.Codec {
	for _, c := range codecs {
		if c.Kind() == media.Video {
			return c
		}
	}
	return media.NoCodec
}
