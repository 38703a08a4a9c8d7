// Package words is what is not said in rooms: whatever people write for others to read, as a message or as a name, passes a list.
package words

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/tuttilive/tutti/internal/room/plain"
	"github.com/tuttilive/tutti/internal/room/refuse"
)

// ErrNotSaid refuses a text.
var ErrNotSaid = &refuse.Refusal{Code: "not_allowed", Message: "this is not said here"}

// List has words that are masked, and words for which the whole text is refused. It is immutable; nil has none.
type List struct {
	byFirst map[rune][]word // longest first
}

type word struct {
	runes  []rune // folded
	refuse bool
}

// MaxRunes is how long a word can be.
const MaxRunes = 100

const maxWords = 100_000

// Read reads a list: one word or phrase a line, '#' begins a comment, '!' before a word refuses texts with it instead of masking it.
func Read(r io.Reader) (*List, error) {
	w := &List{byFirst: map[rune][]word{}}
	lines := bufio.NewScanner(r)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(strings.TrimPrefix(lines.Text(), "\ufeff"))
		if line == "" || line[0] == '#' {
			continue
		}
		text, refuse := strings.CutPrefix(line, "!")
		runes := fold(strings.TrimSpace(text))
		switch {
		case !utf8.ValidString(line) || len(runes) == 0 || len(runes) > MaxRunes:
			return nil, fmt.Errorf("line %d is no word of 1 to %d characters", n, MaxRunes)
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

// Fit makes lines that somebody wrote fit for others to read, as plain.Line does and with words masked, or refuses them.
func (l *List) Fit(lines ...*string) error {
	for _, line := range lines {
		fit, err := l.Mask(plain.Line(*line))
		if err != nil {
			return err
		}
		*line = fit
	}
	return nil
}

// Takes refuses a name with any word of the list: masked, it would be another name, which nobody chose.
func (l *List) Takes(name string) error {
	name = plain.Line(name)
	if fit, err := l.Mask(name); err != nil || fit != name {
		return ErrNotSaid
	}
	return nil
}

// Mask masks words in a text, or refuses it. Words of letters that are written with spaces between them are looked for whole:
// a list for English does not mask the middle of a name.
func (l *List) Mask(text string) (string, error) {
	if l == nil || len(l.byFirst) == 0 {
		return text, nil
	}
	folded, shown, masked := fold(text), []rune(text), false
	for i := 0; i < len(folded); i++ {
		found, ok := l.at(folded, i)
		switch {
		case !ok:
			continue
		case found.refuse:
			return "", ErrNotSaid
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
func (l *List) at(text []rune, i int) (found word, ok bool) {
	for _, c := range l.byFirst[text[i]] {
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
