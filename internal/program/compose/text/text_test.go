package text

import (
	"image"
	"testing"
)

func ink(m *image.Alpha) (sum int) {
	for _, v := range m.Pix {
		sum += int(v)
	}
	return sum / 255
}

func TestLatinIsAlwaysThere(t *testing.T) {
	f := Find("off")
	if f.Available() == nil {
		t.Error("Chinese is available without a font for it")
	}
	m, ascent := f.Line("Ada Lovelace", 24, 400)
	if m == nil || ascent != 24 || ink(m) < 500 || m.Rect.Dx() < 100 || m.Rect.Dx() > 200 {
		t.Fatalf("mask %v with %d pixels of ink", m.Rect, ink(m))
	}
	if m, _ := f.Line(" \n\x00", 24, 400); m != nil {
		t.Error("nothing has a mask")
	}
}

func TestLongTextIsCut(t *testing.T) {
	m, _ := Find("off").Line("a name that is far too long for the tile that it stands in", 20, 120)
	if m.Rect.Dx() > 121 || m.Rect.Dx() < 90 {
		t.Errorf("%d pixels wide", m.Rect.Dx())
	}
}

// NeedChinese gives fonts with Chinese characters, or skips.
func needChinese(t *testing.T) *Fonts {
	t.Helper()
	f := Find("")
	if err := f.Available(); err != nil {
		t.Skip(err)
	}
	return f
}

func TestChineseNamesAreWritten(t *testing.T) {
	f := needChinese(t)
	m, _ := f.Line("中文", 40, 400)
	if w := m.Rect.Dx(); w < 78 || w > 84 {
		t.Fatalf("two characters of 40 pixels are %d wide", w)
	}
	// 中 is the same on both sides of its middle stroke, which goes from top to bottom.
	left, right, middle := 0, 0, 0
	for y := range m.Rect.Dy() {
		for x := range 40 {
			v := int(m.AlphaAt(x, y).A)
			switch {
			case x < 17:
				left += v
			case x > 22:
				right += v
			default:
				middle += v
			}
		}
	}
	if middle < 255*4*25 || left < 255*20 || left*10 < right*8 || right*10 < left*8 {
		t.Errorf("ink left %d, middle %d, right %d", left/255, middle/255, right/255)
	}
	other, _ := f.Line("文中", 40, 400)
	if string(other.Pix) == string(m.Pix) {
		t.Error("the order of characters makes no difference")
	}
	box, _ := Find("off").Line("中文", 40, 400)
	if box != nil && string(box.Pix) == string(m.Pix) {
		t.Error("it is what is written without the font")
	}
}

func TestFontThatIsNoneSaysSo(t *testing.T) {
	for _, path := range []string{"/nonexistent.ttf", "text.go"} {
		if err := Find(path).Available(); err == nil {
			t.Errorf("%s is a font", path)
		}
	}
}
