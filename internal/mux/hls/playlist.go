package hls

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/tuttilive/tutti/internal/media"
)

// version is EXT-X-VERSION: fragmented MP4 with EXT-X-MAP in playlists that are not of I-frames only asks for it
// (RFC 8216bis, section 8).
const version = 7

// render writes the media playlist anew.
func (r *rendition) render() {
	r.changed = false
	if len(r.segments) == 0 {
		return
	}
	var b strings.Builder
	b.Grow(256 + 128*len(r.segments))
	fmt.Fprintf(&b, "#EXTM3U\n#EXT-X-VERSION:%d\n#EXT-X-TARGETDURATION:%d\n#EXT-X-MEDIA-SEQUENCE:%d\n",
		version, r.stream.target, r.segments[0].Number)
	if r.removedDiscontinuities > 0 {
		fmt.Fprintf(&b, "#EXT-X-DISCONTINUITY-SEQUENCE:%d\n", r.removedDiscontinuities)
	}
	if !r.dependent {
		b.WriteString("#EXT-X-INDEPENDENT-SEGMENTS\n")
	}
	var init *initSegment
	for _, s := range r.segments {
		if s.Discontinuity {
			b.WriteString("#EXT-X-DISCONTINUITY\n")
		}
		if s.init != init {
			init = s.init
			fmt.Fprintf(&b, "#EXT-X-MAP:URI=%q\n", r.initName(init.number))
		}
		b.WriteString("#EXT-X-PROGRAM-DATE-TIME:")
		b.WriteString(s.Start.UTC().Format("2006-01-02T15:04:05.000Z"))
		b.WriteString("\n#EXTINF:")
		b.WriteString(strconv.FormatFloat(s.Duration.Seconds(), 'f', 5, 64))
		b.WriteString(",\n")
		b.WriteString(r.segmentName(s.Number))
		b.WriteByte('\n')
	}
	if r.stream.ended {
		b.WriteString("#EXT-X-ENDLIST\n")
	}
	r.playlist = newPlaylist(b.String())
}

// variant is what the multivariant playlist says of the stream.
type variant struct {
	codecs, resolution string
	peak, mean         int // bit/s
	frames             float64
	channels           int
	picture            bool
}

// renderIndex writes the multivariant playlist anew when what it says is no longer true.
func (s *Stream) renderIndex() {
	if !s.sound.published() || s.index == nil && !s.ended && !s.enough() {
		return
	}
	v := variant{codecs: s.sound.track.Codecs, channels: s.sound.track.Channels, peak: s.sound.peak(), mean: s.sound.mean()}
	if s.picture.published() {
		newest := s.picture.segments[len(s.picture.segments)-1]
		v.picture = true
		v.codecs = s.picture.track.Codecs + "," + v.codecs
		v.resolution = fmt.Sprintf("%dx%d", s.picture.track.Width, s.picture.track.Height)
		v.frames = float64(newest.samples) / newest.Duration.Seconds()
		v.peak += s.picture.peak()
		v.mean += s.picture.mean()
	}
	old := s.indexed
	if s.index != nil && v.codecs == old.codecs && v.resolution == old.resolution && v.channels == old.channels && v.peak <= old.peak {
		return
	}
	v.peak = roundUp(v.peak + v.peak/10)
	v.mean = min(roundUp(v.mean), v.peak)
	s.indexed = v
	s.index = newPlaylist(v.render(s.cfg.ID))
}

// enough tells whether there is so much to play that a player does not run dry at once: it polls for the next segment only
// about as often as there is one, so it needs two.
func (s *Stream) enough() bool {
	segment, sound := s.cfg.Segment, s.sound.total()
	two := 2*segment - segment/20
	if s.picture.track == nil {
		return sound >= two
	}
	return s.picture.total() >= two || sound >= 2*two // or the picture stands still
}

// roundUp keeps small changes of the bit rate out of the playlist.
func roundUp(bits int) int { return (bits/10_000 + 1) * 10_000 }

func (v variant) render(folder string) string {
	if folder != "" {
		folder += "/"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "#EXTM3U\n#EXT-X-VERSION:%d\n", version)
	inf := fmt.Sprintf("#EXT-X-STREAM-INF:BANDWIDTH=%d,AVERAGE-BANDWIDTH=%d,CODECS=%q", v.peak, v.mean, v.codecs)
	if !v.picture {
		fmt.Fprintf(&b, "%s\n%s%s.m3u8\n", inf, folder, soundName)
		return b.String()
	}
	fmt.Fprintf(&b, "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"sound\",NAME=\"main\",DEFAULT=YES,AUTOSELECT=YES,CHANNELS=\"%d\",URI=\"%s%s.m3u8\"\n",
		v.channels, folder, soundName)
	fmt.Fprintf(&b, "%s,RESOLUTION=%s", inf, v.resolution)
	if v.frames >= 1 && v.frames <= 240 {
		fmt.Fprintf(&b, ",FRAME-RATE=%.3f", math.Round(v.frames*10)/10)
	}
	fmt.Fprintf(&b, ",AUDIO=\"sound\",CLOSED-CAPTIONS=NONE\n%s%s.m3u8\n", folder, pictureName)
	return b.String()
}

// kinds of media have these types (RFC 8216bis, section 3.1; RFC 4337).
func contentType(k media.Kind) string {
	if k == media.Audio {
		return "audio/mp4"
	}
	return "video/mp4"
}
