package chat

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Words are what is not said in rooms: masked, or the whole message refused. It is immutable; nil has no words.
type Words struct {
	byFirst map[rune][]word // longest first
}

type word struct {
	runes  []rune // folded
	refuse bool
}

// Limits on a list of words.
const (
	maxWords     = 100_000
	maxWordRunes = 100
)

// ReadWords reads a list: one word or phrase a line, '#' begins a comment, '!' before a word refuses messages with it instead of
// masking it.
func ReadWords(r io.Reader) (*Words, error) {
	w := &Words{byFirst: map[rune][]word{}}
	lines := bufio.NewScanner(r)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(strings.TrimPrefix(lines.Text(), "\ufeff"))
		if line == "" || line[0] == '#' {
			continue
		}
		text, refuse := strings.CutPrefix(line, "!")
		runes := fold(strings.TrimSpace(text))
		switch {
		case !utf8.ValidString(line) || len(runes) == 0 || len(runes) > maxWordRunes:
			return nil, fmt.Errorf("line %d is no word of 1 to %d characters", n, maxWordRunes)
		case n > maxWords:
			return nil, fmt.Errorf("more than %d lines", maxWords)
		}
		w.byFirst[runes[0]] = append(w.byFirst[runes[0]], word{runes, refuse})
	}
	for _, list := range w.byFirst {
		slices.SortStableFunc(list, func(a, b word) int { return len(b.runes) - len(a.runes) })
	}
	return w, lines.Err()
}

// fold makes letters alike that differ in case or width only.
func fold(s string) []rune {
	runes := []rune(s)
	for i, r := range runes {
		if r >= '！' && r <= '～' { // full-width forms of ASCII
			r -= '！' - '!'
		}
		runes[i] = unicode.ToLower(r)
	}
	return runes
}

// Apply masks words in a text, or refuses it. Words of letters that are written with spaces between them are looked for whole:
// a list for English does not mask the middle of a name.
func (w *Words) Apply(text string) (string, error) {
	if w == nil || len(w.byFirst) == 0 {
		return text, nil
	}
	folded, shown, masked := fold(text), []rune(text), false
	for i := 0; i < len(folded); i++ {
		found, ok := w.at(folded, i)
		switch {
		case !ok:
			continue
		case found.refuse:
			return "", ErrWords
		}
		for k := i; k < i+len(found.runes); k++ {
			shown[k] = '*'
		}
		masked = true
		i += len(found.runes) - 1
	}
	if !masked {
		return text, nil
	}
	return string(shown), nil
}

// at finds the longest word that begins at a place; one that refuses before all others.
func (w *Words) at(text []rune, i int) (found word, ok bool) {
	for _, c := range w.byFirst[text[i]] {
		end := i + len(c.runes)
		if end > len(text) || !slices.Equal(text[i:end], c.runes) || !apart(text, i, end) {
			continue
		}
		if c.refuse {
			return c, true
		}
		if !ok {
			found, ok = c, true
		}
	}
	return found, ok
}

// apart tells that what stands from begin to end is not a part of a longer word, in scripts that have spaces.
func apart(text []rune, begin, end int) bool {
	return (begin == 0 || !spaced(text[begin]) || !spaced(text[begin-1])) && (end == len(text) || !spaced(text[end-1]) || !spaced(text[end]))
}

// spaced tells letters and digits of scripts that put spaces between words.
func spaced(r rune) bool {
	return (unicode.IsLetter(r) || unicode.IsDigit(r)) && !unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar)
}
