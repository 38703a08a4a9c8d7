// Package plain makes text of strangers fit to be shown: text, and nothing that plays with the text around it.
package plain

import (
	"strings"
	"time"
	"unicode"
)

// MaxNameRunes is what is kept of a name that somebody gave themselves; in UTF-8 it always fits into what a room takes.
const MaxNameRunes = 64

// Name makes what somebody calls themselves fit to be shown.
func Name(name string) string {
	runes := []rune(Line(name))
	if len(runes) > MaxNameRunes {
		runes = runes[:MaxNameRunes]
	}
	return strings.TrimSpace(string(runes))
}

// Time is a time of strangers in UTC, where it can be written as in RFC 3339: also in UTC its year has at most four digits.
func Time(t time.Time) (utc time.Time, ok bool) {
	utc = t.UTC()
	return utc, utc.Year() >= 0 && utc.Year() <= 9999
}

// Line makes a line that people write fit to be shown. It takes away what is not text: control characters, and those that
// change the direction of the text around or cannot be seen. The two joiners stay, since scripts and emoji need them. Each run
// of white space becomes one space.
func Line(text string) string {
	const nonJoiner, joiner = '\u200c', '\u200d'
	kept := strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case r == nonJoiner || r == joiner:
			return r
		case unicode.In(r, unicode.Cc, unicode.Cf, unicode.Co, unicode.Cs), r == unicode.ReplacementChar:
			return -1
		}
		return r
	}, text)
	return strings.Join(strings.Fields(kept), " ")
}
