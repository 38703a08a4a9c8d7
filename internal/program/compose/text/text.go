// Package text sets single lines of text, in any script that the machine's fonts have, as masks to be painted.
package text

import (
	"errors"
	"fmt"
	"image"
	"image/draw"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"unicode"

	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/gomedium"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/font/sfnt"
	"golang.org/x/image/math/fixed"
)

// ErrNoCJK tells that Chinese, Japanese and Korean cannot be written.
var ErrNoCJK = errors.New("text: no font with Chinese characters was found: install fonts-noto-cjk or fonts-wqy-zenhei, or name one with --font")

// places are where systems keep fonts with Chinese characters, the best first.
var places = []string{
	"/usr/share/fonts/opentype/noto/NotoSansCJK-Medium.ttc",
	"/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc",
	"/usr/share/fonts/opentype/noto/NotoSansCJKsc-Regular.otf",
	"/usr/share/fonts/opentype/noto/NotoSansCJK*.ttc",
	"/usr/share/fonts/noto-cjk/NotoSansCJK-Regular.ttc",
	"/usr/share/fonts/google-noto-cjk/NotoSansCJK-Regular.ttc",
	"/usr/share/fonts/google-noto-sans-cjk-fonts/NotoSansCJK-Regular.ttc",
	"/usr/share/fonts/truetype/wqy/wqy-zenhei.ttc",
	"/usr/share/fonts/truetype/wqy/wqy-microhei.ttc",
	"/usr/share/fonts/wqy-zenhei/wqy-zenhei.ttc",
	"/usr/share/fonts/truetype/arphic/uming.ttc",
	"/usr/share/fonts/*/*/NotoSansSC*.[ot]tf",
	"/usr/share/fonts/*/NotoSansSC*.[ot]tf",
	"/System/Library/Fonts/PingFang.ttc",
	"/System/Library/Fonts/STHeiti Medium.ttc",
	"/Library/Fonts/Arial Unicode.ttf",
}

// Fonts are those that text is set in: the first that has a character is taken. It is safe for use by several goroutines.
type Fonts struct {
	path string // of the one with Chinese
	err  error
	mu   sync.Mutex
	list []*sfnt.Font
	buf  sfnt.Buffer
	// faces are by font and size.
	faces map[face]font.Face
}

type face struct {
	font *sfnt.Font
	size int
}

// Find looks for a font with Chinese characters at path, or where systems keep them when path is empty; "off" looks for none. Without
// one the result still sets Latin, and Available says why not more.
func Find(path string) *Fonts {
	f := &Fonts{faces: map[face]font.Face{}}
	latin, err := opentype.Parse(gomedium.TTF)
	if err != nil {
		panic("text: the font that is part of the program is broken: " + err.Error())
	}
	f.list = []*sfnt.Font{latin}
	f.err = ErrNoCJK
	switch path {
	case "off":
	case "":
		for _, place := range places {
			found, _ := filepath.Glob(place) // the patterns are well-formed
			for _, name := range found {
				if f.err != nil {
					f.take(name)
				}
			}
		}
	default:
		f.take(path)
	}
	return f
}

// take adds the font in a file if it has Chinese characters.
func (f *Fonts) take(name string) {
	file, err := os.Open(name) // stays open: glyphs are read when they are needed
	if err != nil {
		f.err = fmt.Errorf("text: %w", err)
		return
	}
	c, err := opentype.ParseCollectionReaderAt(file)
	if err == nil {
		for i := range c.NumFonts() {
			var one *sfnt.Font
			if one, err = c.Font(i); err != nil {
				continue
			}
			if has(one, &f.buf, '中') && has(one, &f.buf, '国') {
				f.list, f.path, f.err = append(f.list, one), name, nil
				return
			}
		}
	}
	file.Close()
	if err != nil {
		f.err = fmt.Errorf("text: font %s: %w", name, err)
	} else {
		f.err = fmt.Errorf("text: font %s has no Chinese characters", name)
	}
}

// Available is nil, or says why Chinese cannot be written.
func (f *Fonts) Available() error { return f.err }

// Path is the file of the font with Chinese characters, empty without one.
func (f *Fonts) Path() string { return f.path }

func has(f *sfnt.Font, buf *sfnt.Buffer, r rune) bool {
	i, err := f.GlyphIndex(buf, r)
	return err == nil && i != 0
}

// maxRunes is the longest text that is set.
const maxRunes = 200

// Line sets one line of text, of a size in pixels, as a mask; what is wider than width pixels is cut and ends with an ellipsis. The mask's
// baseline is at ascent. An empty text gives nil.
func (f *Fonts) Line(s string, size, width int) (mask *image.Alpha, ascent int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	runes := printable(s)
	if len(runes) == 0 || size < 4 || width < size {
		return nil, 0
	}
	total := f.measure(runes, size)
	if total > fixed.I(width) {
		for len(runes) > 1 && f.measure(append(runes[:len(runes):len(runes)], '…'), size) > fixed.I(width) {
			runes = runes[:len(runes)-1]
		}
		runes = append(runes[:len(runes):len(runes)], '…')
		total = f.measure(runes, size)
	}
	ascent = size
	mask = image.NewAlpha(image.Rect(0, 0, total.Ceil()+1, size+size*3/10+1))
	f.draw(mask, runes, size, ascent)
	return mask, ascent
}

// printable drops what is not to be seen, and shortens.
func printable(s string) []rune {
	var out []rune
	for _, r := range strings.TrimSpace(s) {
		if unicode.IsSpace(r) {
			r = ' '
		}
		if unicode.IsPrint(r) && len(out) < maxRunes {
			out = append(out, r)
		}
	}
	return out
}

// faceFor finds a face that has a character; the caller holds the lock.
func (f *Fonts) faceFor(r rune, size int) font.Face {
	chosen := f.list[0]
	for _, one := range f.list {
		if has(one, &f.buf, r) {
			chosen = one
			break
		}
	}
	key := face{chosen, size}
	if have := f.faces[key]; have != nil {
		return have
	}
	made, err := opentype.NewFace(chosen, &opentype.FaceOptions{Size: float64(size), DPI: 72, Hinting: font.HintingNone})
	if err != nil {
		return nil
	}
	if len(f.faces) > 64 {
		clear(f.faces)
	}
	f.faces[key] = made
	return made
}

func (f *Fonts) measure(runes []rune, size int) (total fixed.Int26_6) {
	for _, r := range runes {
		if one := f.faceFor(r, size); one != nil {
			if advance, ok := one.GlyphAdvance(r); ok {
				total += advance
			}
		}
	}
	return total
}

func (f *Fonts) draw(dst *image.Alpha, runes []rune, size, baseline int) {
	dot := fixed.P(0, baseline)
	for _, r := range runes {
		one := f.faceFor(r, size)
		if one == nil {
			continue
		}
		bounds, mask, at, advance, ok := one.Glyph(dot, r)
		if ok {
			draw.DrawMask(dst, bounds, image.Opaque, image.Point{}, mask, at, draw.Over)
		}
		dot.X += advance
	}
}
