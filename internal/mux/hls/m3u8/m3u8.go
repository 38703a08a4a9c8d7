// Package m3u8 reads playlists of HTTP Live Streaming (RFC 8216bis): what players, checkers and load clients must know of them. It takes
// any text, keeps to limits, and leaves tags out that it does not know.
package m3u8

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

const (
	// MaxBytes is the longest playlist that is read.
	MaxBytes = 8 << 20
	// maxMedia is how many segments and parts a playlist may have: in memory each is many times as long as its shortest line.
	maxMedia = 20_000
	// identity is the KEYFORMAT of keys that are at their URI as they are.
	identity = "identity"
	// maxSeconds bounds every duration.
	maxSeconds = 1e6
)

var (
	// ErrNoPlaylist tells that a text does not begin as playlists do.
	ErrNoPlaylist = errors.New("m3u8: no playlist")
	errTooLong    = fmt.Errorf("m3u8: playlist of more than %d bytes", MaxBytes)
	errTooMany    = fmt.Errorf("m3u8: more than %d segments and parts", maxMedia)
)

// Multivariant is a multivariant playlist.
type Multivariant struct {
	Version    int
	Variants   []Variant
	Renditions []Rendition
}

// Variant is an EXT-X-STREAM-INF with its URI.
type Variant struct {
	URI                string
	Bandwidth, Average int // bit/s
	Codecs             string
	Width, Height      int
	FrameRate          float64
	Audio              string // the group
}

// Rendition is an EXT-X-MEDIA.
type Rendition struct {
	Type, Group, Name, URI string
	Default                bool
}

// Media is a media playlist.
type Media struct {
	Version               int
	Target                time.Duration
	Sequence              uint64
	DiscontinuitySequence uint64
	Control               *Control
	PartTarget            time.Duration // 0: no EXT-X-PART-INF
	// Skipped is how many segments a delta update leaves out. They count: the first of Segments has the number Sequence+Skipped.
	Skipped     int
	Segments    []Segment
	Opening     Segment // what comes behind the last segment: parts only
	Hint        string  // URI of the part to come
	Reports     []Report
	Independent bool
	Ended       bool
	Type        string
	// Fault is the first of the tags that cannot be read although the segments can be fetched without: nil where there is none.
	Fault error
}

// Control is EXT-X-SERVER-CONTROL. Durations that are not given are 0.
type Control struct {
	Block                             bool
	SkipUntil, HoldBack, PartHoldBack time.Duration
}

// Segment is a media segment with the tags before it.
type Segment struct {
	URI             string
	Duration        time.Duration
	Discontinuities int
	Map             string // URI of EXT-X-MAP where it is given for this segment, else ""
	Key             *Key   // EXT-X-KEY where it is given for this segment, else nil
	Range           bool   // it, or its map, is a part of a file (EXT-X-BYTERANGE)
	Start           time.Time
	Gap             bool
	Parts           []Part
}

// Key is an EXT-X-KEY. Of several for the same segments it is that whose key is at its URI, where there is one (KEYFORMAT "identity").
type Key struct {
	Method, URI, Format string
	IV                  []byte // nil where it is the segment's number
}

// Part is an EXT-X-PART.
type Part struct {
	URI              string
	Duration         time.Duration
	Independent, Gap bool
}

// Report is an EXT-X-RENDITION-REPORT. LastPart is -1 where it is not given. One without LAST-MSN is as far as the playlist that it is in (section 4.4.5.4).
type Report struct {
	URI      string
	LastMSN  uint64
	LastPart int
	alike    bool // it does not say
}

// IsMultivariant tells which of the two kinds a text is.
func IsMultivariant(text string) bool { return strings.Contains(text, "#EXT-X-STREAM-INF:") }

// lines gives each line without its end, after the first one.
func lines(text string) ([]string, error) {
	if len(text) > MaxBytes {
		return nil, errTooLong
	}
	all := strings.Split(strings.ReplaceAll(text, "\r\n", "\n"), "\n")
	if all[0] != "#EXTM3U" {
		return nil, ErrNoPlaylist
	}
	return all[1:], nil
}

// ParseMultivariant reads a multivariant playlist.
func ParseMultivariant(text string) (*Multivariant, error) {
	all, err := lines(text)
	if err != nil {
		return nil, err
	}
	m := &Multivariant{Version: 1}
	var next *Variant
	for _, line := range all {
		tag, value, _ := strings.Cut(line, ":")
		switch {
		case tag == "#EXT-X-VERSION":
			m.Version, _ = strconv.Atoi(value)
		case tag == "#EXT-X-STREAM-INF":
			next = parseVariant(attributes(value))
		case tag == "#EXT-X-MEDIA":
			a := attributes(value)
			m.Renditions = append(m.Renditions, Rendition{Type: a["TYPE"], Group: a["GROUP-ID"], Name: a["NAME"], URI: a["URI"], Default: a["DEFAULT"] == "YES"})
		case line == "" || line[0] == '#':
		case next != nil:
			next.URI = line
			m.Variants = append(m.Variants, *next)
			next = nil
		}
	}
	return m, nil
}

func parseVariant(a map[string]string) *Variant {
	v := &Variant{Codecs: a["CODECS"], Audio: a["AUDIO"]}
	v.Bandwidth, _ = strconv.Atoi(a["BANDWIDTH"])
	v.Average, _ = strconv.Atoi(a["AVERAGE-BANDWIDTH"])
	v.FrameRate, _ = strconv.ParseFloat(a["FRAME-RATE"], 64)
	width, height, _ := strings.Cut(a["RESOLUTION"], "x")
	v.Width, _ = strconv.Atoi(width)
	v.Height, _ = strconv.Atoi(height)
	return v
}

// ParseMedia reads a media playlist.
func ParseMedia(text string) (*Media, error) {
	all, err := lines(text)
	if err != nil {
		return nil, err
	}
	m := &Media{Version: 1}
	n := 0 // segments and parts
	for i, line := range all {
		if line != "" && line[0] != '#' || strings.HasPrefix(line, "#EXT-X-PART:") {
			n++
		}
		if n > maxMedia {
			return nil, errTooMany
		}
		if err := m.take(line); err != nil {
			return nil, fmt.Errorf("m3u8: line %d: %w", i+2, err)
		}
		if err := m.takeMore(line); err != nil && m.Fault == nil {
			m.Fault = fmt.Errorf("m3u8: line %d: %w", i+2, err)
		}
	}
	m.completeReports()
	return m, nil
}

// take reads one line of what segments cannot be fetched without.
func (m *Media) take(line string) (err error) {
	tag, value, _ := strings.Cut(line, ":")
	s := &m.Opening
	switch tag {
	case "#EXT-X-TARGETDURATION":
		m.Target, err = seconds(value)
	case "#EXT-X-MEDIA-SEQUENCE":
		m.Sequence, err = strconv.ParseUint(value, 10, 63)
	case "#EXT-X-DISCONTINUITY-SEQUENCE":
		m.DiscontinuitySequence, err = strconv.ParseUint(value, 10, 63)
	case "#EXT-X-PLAYLIST-TYPE":
		m.Type = value
	case "#EXT-X-INDEPENDENT-SEGMENTS":
		m.Independent = true
	case "#EXT-X-ENDLIST":
		m.Ended = true
	case "#EXT-X-SKIP":
		m.Skipped, err = count(attributes(value)["SKIPPED-SEGMENTS"])
	case "#EXT-X-DISCONTINUITY":
		s.Discontinuities++
	case "#EXT-X-GAP":
		s.Gap = true
	case "#EXT-X-MAP":
		a := attributes(value)
		s.Map, s.Range = a["URI"], s.Range || a["BYTERANGE"] != ""
	case "#EXT-X-BYTERANGE":
		s.Range = true
	case "#EXT-X-KEY":
		err = s.takeKey(attributes(value))
	case "#EXTINF":
		duration, _, _ := strings.Cut(value, ",")
		s.Duration, err = seconds(duration)
	case "#EXT-X-PRELOAD-HINT":
		if a := attributes(value); a["TYPE"] == "PART" {
			m.Hint = a["URI"]
		}
	default:
		if line != "" && line[0] != '#' {
			s.URI = line
			m.Segments = append(m.Segments, *s)
			*s = Segment{}
		}
	}
	return err
}

// takeMore reads one line of all else.
func (m *Media) takeMore(line string) (err error) {
	tag, value, _ := strings.Cut(line, ":")
	switch tag {
	case "#EXT-X-VERSION":
		m.Version, err = strconv.Atoi(value)
	case "#EXT-X-SERVER-CONTROL":
		err = m.takeControl(attributes(value))
	case "#EXT-X-PART-INF":
		m.PartTarget, err = seconds(attributes(value)["PART-TARGET"])
	case "#EXT-X-PROGRAM-DATE-TIME":
		m.Opening.Start, err = date(value)
	case "#EXT-X-PART":
		err = m.Opening.takePart(attributes(value))
	case "#EXT-X-RENDITION-REPORT":
		err = m.takeReport(attributes(value))
	}
	return err
}

func (m *Media) takeControl(a map[string]string) (err error) {
	c := &Control{Block: a["CAN-BLOCK-RELOAD"] == "YES"}
	for name, to := range map[string]*time.Duration{"CAN-SKIP-UNTIL": &c.SkipUntil, "HOLD-BACK": &c.HoldBack, "PART-HOLD-BACK": &c.PartHoldBack} {
		if value, ok := a[name]; ok && err == nil {
			*to, err = seconds(value)
		}
	}
	m.Control = c
	return err
}

func (s *Segment) takeKey(a map[string]string) error {
	k := &Key{Method: a["METHOD"], URI: a["URI"], Format: a["KEYFORMAT"]}
	if k.Format == "" {
		k.Format = identity
	}
	if iv, ok := a["IV"]; ok {
		digits := strings.TrimPrefix(strings.TrimPrefix(iv, "0x"), "0X")
		b, err := hex.DecodeString(digits)
		if err != nil || len(b) != 16 {
			return fmt.Errorf("%q is no initialisation vector", iv)
		}
		k.IV = b
	}
	if s.Key == nil || s.Key.Format != identity {
		s.Key = k
	}
	return nil
}

func (s *Segment) takePart(a map[string]string) error {
	d, err := seconds(a["DURATION"])
	s.Parts = append(s.Parts, Part{URI: a["URI"], Duration: d, Independent: a["INDEPENDENT"] == "YES", Gap: a["GAP"] == "YES"})
	return err
}

func (m *Media) takeReport(a map[string]string) (err error) {
	r := Report{URI: a["URI"], LastPart: -1, alike: a["LAST-MSN"] == ""}
	if !r.alike {
		if r.LastMSN, err = strconv.ParseUint(a["LAST-MSN"], 10, 63); err != nil {
			return err
		}
	}
	if value, ok := a["LAST-PART"]; ok {
		if r.LastPart, err = count(value); err != nil {
			return err
		}
	}
	m.Reports = append(m.Reports, r)
	return nil
}

// completeReports gives reports what they leave out since it is the same here.
func (m *Media) completeReports() {
	msn, part, _ := m.Last()
	for i := range m.Reports {
		r := &m.Reports[i]
		if !r.alike {
			continue
		}
		if r.LastMSN = msn; r.LastPart < 0 {
			r.LastPart = part
		}
	}
}

// First and Next are the media sequence numbers of the first segment that is there, and of the one after the last.
func (m *Media) First() uint64 { return m.Sequence + uint64(m.Skipped) }

// Next: see First.
func (m *Media) Next() uint64 { return m.First() + uint64(len(m.Segments)) }

// Last is how far the playlist is: the number of the newest segment, and of its newest part; -1 where no part of it is named. It is false
// for a playlist without anything.
func (m *Media) Last() (msn uint64, part int, ok bool) {
	if n := len(m.Opening.Parts); n > 0 {
		return m.Next(), n - 1, true
	}
	if m.Next() == 0 || len(m.Segments) == 0 {
		return 0, -1, false
	}
	return m.Next() - 1, len(m.Segments[len(m.Segments)-1].Parts) - 1, true
}

// seconds reads a decimal number of seconds.
func seconds(value string) (time.Duration, error) {
	f, err := strconv.ParseFloat(value, 64)
	if err != nil || !(f >= 0 && f <= maxSeconds) {
		return 0, fmt.Errorf("%q is no duration", value)
	}
	return time.Duration(f*1e9 + 0.5), nil
}

func count(value string) (int, error) {
	n, err := strconv.ParseUint(value, 10, 20)
	return int(n), err
}

// date reads a moment of ISO 8601, whose zone many write without a colon.
func date(value string) (time.Time, error) {
	t, err := time.Parse(time.RFC3339, value)
	if err != nil {
		t, err = time.Parse("2006-01-02T15:04:05Z0700", value)
	}
	return t, err
}

// attributes reads an attribute list (RFC 8216bis, section 4.2). Quotes are taken off.
func attributes(list string) map[string]string {
	a := map[string]string{}
	for list != "" {
		name, rest, ok := strings.Cut(list, "=")
		if !ok {
			break
		}
		var value string
		if quoted, ok := strings.CutPrefix(rest, `"`); ok {
			value, rest, _ = strings.Cut(quoted, `"`)
			_, list, _ = strings.Cut(rest, ",")
		} else {
			value, list, _ = strings.Cut(rest, ",")
		}
		a[strings.TrimSpace(name)] = value
	}
	return a
}
