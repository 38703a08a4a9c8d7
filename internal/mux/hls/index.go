package hls

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/tuttilive/tutti/internal/media"
)

// index is what the multivariant playlist says of the stream.
type index struct {
	sound    variant
	pictures []variant // as the stream has them: the largest first
	channels int
}

// variant is one entry of it: a picture with the sound, or the sound alone.
type variant struct {
	name       string
	codecs     string
	resolution string
	frames     float64
	peak, mean int // bit/s
}

// look makes a variant of what a rendition carries now.
func (r *rendition) look() variant {
	v := variant{name: r.name, codecs: r.track.Codecs, peak: r.peak(), mean: r.mean()}
	if r.track.Width > 0 {
		v.resolution = fmt.Sprintf("%dx%d", r.track.Width, r.track.Height)
		v.frames = r.frames()
	}
	return v
}

// frames is how many pictures a second there are at most, by the segments that are like the newest: one in which the picture stood still says
// nothing of the others.
func (r *rendition) frames() (most float64) {
	for _, s := range slices.Backward(r.segments) {
		if s.init != r.newest().init {
			break
		}
		if s.Duration >= time.Second || most == 0 {
			most = max(most, float64(s.samples)/s.Duration.Seconds())
		}
	}
	return most
}

// with adds another rendition that is played together with it.
func (v variant) with(o variant) variant {
	v.codecs += "," + o.codecs
	v.peak += o.peak
	v.mean += o.mean
	return v
}

// round makes room for small changes of the bit rate, which are kept out of the playlist.
func (v variant) round() variant {
	v.peak = roundUp(v.peak + v.peak/10)
	v.mean = min(roundUp(v.mean), v.peak)
	return v
}

func roundUp(bits int) int { return (bits/10_000 + 1) * 10_000 }

// holds tells whether what was written of a variant is true of what it is now.
func (v variant) holds(now variant) bool {
	return v.name == now.name && v.codecs == now.codecs && v.resolution == now.resolution && now.peak <= v.peak && now.frames <= 1.15*v.frames
}

// renderIndex writes the multivariant playlist anew when what it says is no longer true.
func (s *Stream) renderIndex() {
	if !s.sound.published() || s.index == nil && !s.ended && !s.enough() {
		return
	}
	now := index{sound: s.sound.look(), channels: s.sound.track.Channels}
	for _, p := range s.pictures {
		if p.published() {
			now.pictures = append(now.pictures, p.look().with(now.sound))
		}
	}
	if s.index != nil && s.indexed.holds(now) {
		return
	}
	now.sound = now.sound.round()
	for i, v := range now.pictures {
		now.pictures[i] = v.round()
	}
	s.indexed = now
	s.index = newPlaylist(now.write(s.cfg.ID))
}

func (i *index) holds(now index) bool {
	if i.channels != now.channels || !i.sound.holds(now.sound) || len(i.pictures) != len(now.pictures) {
		return false
	}
	for n, v := range i.pictures {
		if !v.holds(now.pictures[n]) {
			return false
		}
	}
	return true
}

// enough tells whether there is so much to play that a player does not run dry at once: a classic one polls for the next segment only
// about as often as there is one, so it needs two; with parts, one and what players stay behind is enough.
func (s *Stream) enough() bool {
	segment := s.cfg.Segment - s.cfg.Segment/20
	need := func(r *rendition) bool {
		if s.cfg.Classic {
			return r.total >= 2*segment
		}
		return r.total >= segment && r.total+r.open() >= segment+holdBackParts*s.cfg.Part
	}
	if s.pictures[0].track == nil {
		return need(&s.sound.rendition)
	}
	return need(&s.pictures[0].rendition) || s.sound.total >= 4*segment // or the picture stands still
}

// write writes the multivariant playlist. The sound alone is a variant, too, for listeners and for those whose way takes no picture.
func (i *index) write(folder string) string {
	if folder != "" {
		folder += "/"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "#EXTM3U\n#EXT-X-VERSION:%d\n", plainVersion)
	if len(i.pictures) > 0 {
		fmt.Fprintf(&b, "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"sound\",NAME=\"main\",DEFAULT=YES,AUTOSELECT=YES,CHANNELS=\"%d\",URI=\"%s%s.m3u8\"\n",
			i.channels, folder, i.sound.name)
	}
	for _, v := range append(i.pictures[:len(i.pictures):len(i.pictures)], i.sound) {
		fmt.Fprintf(&b, "#EXT-X-STREAM-INF:BANDWIDTH=%d,AVERAGE-BANDWIDTH=%d,CODECS=%q", v.peak, v.mean, v.codecs)
		if v.resolution != "" {
			fmt.Fprintf(&b, ",RESOLUTION=%s", v.resolution)
			if v.frames >= 1 && v.frames <= 240 {
				fmt.Fprintf(&b, ",FRAME-RATE=%.3f", math.Round(v.frames*10)/10)
			}
		}
		if len(i.pictures) > 0 {
			b.WriteString(`,AUDIO="sound"`)
		}
		if v.resolution != "" {
			b.WriteString(",CLOSED-CAPTIONS=NONE")
		}
		fmt.Fprintf(&b, "\n%s%s.m3u8\n", folder, v.name)
	}
	return b.String()
}

// kinds of media have these types (RFC 8216bis, section 3.1; RFC 4337).
func contentType(k media.Kind) string {
	if k == media.Audio {
		return "audio/mp4"
	}
	return "video/mp4"
}
