package songs

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/tuttilive/tutti/internal/room/plain"
)

// Limits on lyrics.
const (
	MaxLyricsBytes = 24 << 10
	MaxLines       = 400
	MaxLineRunes   = 200
)

// Line is one line of lyrics and when it begins, in seconds of the song. An empty one is a pause.
type Line struct {
	At   float64 `json:"at"`
	Text string  `json:"text"`
}

// ParseLRC reads lyrics in the LRC format: lines that begin with one time or more, [mm:ss], [mm:ss.cc] or [mm:ss.mmm]. The tag [offset:±ms] moves
// all times, earlier by a positive number; other tags, times of single words (<mm:ss.cc>) and lines without a time are passed over. What is too long is cut.
func ParseLRC(text string) []Line {
	if len(text) > MaxLyricsBytes {
		text = strings.ToValidUTF8(text[:MaxLyricsBytes], "")
	}
	var lines []Line
	offset := 0.0
	for raw := range strings.Lines(strings.TrimPrefix(text, "\ufeff")) {
		raw = strings.TrimSpace(raw)
		var times []float64
		for strings.HasPrefix(raw, "[") {
			tag, rest, closed := strings.Cut(raw[1:], "]")
			if !closed {
				break
			}
			if at, ok := lrcTime(tag); ok {
				times = append(times, at)
			} else if ms, is := strings.CutPrefix(tag, "offset:"); is {
				if n, err := strconv.Atoi(strings.TrimSpace(ms)); err == nil && n >= -60_000 && n <= 60_000 {
					offset = float64(n) / 1000
				}
			} else if len(times) > 0 {
				break // a bracket that is sung
			}
			raw = strings.TrimSpace(rest)
		}
		words := lrcText(raw)
		for _, at := range times {
			if len(lines) < MaxLines {
				lines = append(lines, Line{At: at, Text: words})
			}
		}
	}
	for i := range lines {
		lines[i].At = max(0, lines[i].At-offset)
	}
	slices.SortStableFunc(lines, func(a, b Line) int { return cmp.Compare(a.At, b.At) })
	return lines
}

// lrcTime reads mm:ss with or without a fraction, in seconds.
func lrcTime(tag string) (float64, bool) {
	minutes, seconds, ok := strings.Cut(tag, ":")
	if !ok || !digits(minutes, 3) {
		return 0, false
	}
	whole, fraction, _ := strings.Cut(strings.Replace(seconds, ":", ".", 1), ".")
	if !digits(whole, 2) || fraction != "" && !digits(fraction, 3) {
		return 0, false
	}
	m, _ := strconv.Atoi(minutes) // at most three digits
	s, _ := strconv.ParseFloat(whole+"."+fraction+"0", 64)
	at := float64(m)*60 + s
	return at, s < 60 && at <= MaxSeconds
}

func digits(s string, most int) bool {
	for _, r := range s {
		if r < '0' || r > '9' {
			return false
		}
	}
	return len(s) > 0 && len(s) <= most
}

// lrcText is a line without the times of its words.
func lrcText(raw string) string {
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(raw, "<")
		b.WriteString(before)
		if !found {
			break
		}
		if tag, after, closed := strings.Cut(rest, ">"); closed {
			if _, is := lrcTime(tag); is {
				raw = after
				continue
			}
		}
		b.WriteByte('<')
		raw = rest
	}
	runes := []rune(plain.Line(b.String()))
	return string(runes[:min(len(runes), MaxLineRunes)])
}

// bytesOf is how much lines of lyrics are in JSON, where some characters are escaped.
func bytesOf(lines []Line) int {
	const frame = len(`{"at":3600.0000000000005,"text":""},`)
	n := 0
	for _, l := range lines {
		n += frame + len(l.Text)
		for _, escaped := range []string{"<", ">", "&"} {
			n += strings.Count(l.Text, escaped) * (len(`\u003c`) - 1)
		}
		n += strings.Count(l.Text, `"`) + strings.Count(l.Text, `\`)
	}
	return n
}
