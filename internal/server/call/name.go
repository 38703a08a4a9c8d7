package call

import (
	"strings"
	"unicode"
)

// maxNameRunes is what is kept of a name; in UTF-8 it always fits into what a room takes.
const maxNameRunes = 64

// cleanName makes what somebody calls themselves fit to be shown.
func cleanName(name string) string {
	runes := []rune(clean(name))
	if len(runes) > maxNameRunes {
		runes = runes[:maxNameRunes]
	}
	return strings.TrimSpace(string(runes))
}

// clean takes away what is not text: control characters, and those that change the direction of the text around or cannot
// be seen. The two joiners stay, since scripts and emoji need them. Each run of white space becomes one space.
func clean(text string) string {
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
