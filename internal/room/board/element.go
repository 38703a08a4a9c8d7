package board

import (
	"bytes"
	"encoding/json"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Limits on one element.
const (
	MaxPoints    = 600 // numbers, two for each point
	MaxTextBytes = 2000
	maxIDBytes   = 24
	maxVersion   = 1 << 30
	// maxStep is by how much a version may be higher than the one before.
	maxStep = 1000
)

// Kind is what an element is.
type Kind string

// The kinds of elements.
const (
	Pen     Kind = "pen"     // a line by hand through Points
	Marker  Kind = "marker"  // the same, broad and see-through
	Line    Kind = "line"    // a straight line between two Points
	Arrow   Kind = "arrow"   // the same, with a head at the second
	Rect    Kind = "rect"    // W by H
	Ellipse Kind = "ellipse" // within W by H
	Text    Kind = "text"    // Text in letters Size high, as wide as it wants to be
)

// Color is a name, not a value: what it looks like is the page's matter.
type Color string

var colors = map[Color]bool{
	"black": true, "grey": true, "red": true, "orange": true, "yellow": true, "green": true, "blue": true, "purple": true,
}

// Element is one thing on a page. It lies at X, Y (in the page's units, from its left upper corner), and Points count from there.
type Element struct {
	ID string `json:"id"`
	// V is its version: whoever changes or removes it makes the number higher.
	V uint32 `json:"v"`
	// Gone tells that it was removed. Then nothing else is said of it.
	Gone bool `json:"gone,omitempty"`
	// By is the identity of who wrote this version; the server sets it.
	By string `json:"by,omitempty"`

	Kind Kind `json:"kind,omitempty"`
	// Z orders what lies on each other; equals are ordered by ID.
	Z      int    `json:"z,omitempty"`
	X      int    `json:"x,omitempty"`
	Y      int    `json:"y,omitempty"`
	W      int    `json:"w,omitempty"`
	H      int    `json:"h,omitempty"`
	Points []int  `json:"points,omitempty"`
	Text   string `json:"text,omitempty"`
	Color  Color  `json:"color,omitempty"`
	// Size is how broad lines are, and how high letters.
	Size int  `json:"size,omitempty"`
	Fill bool `json:"fill,omitempty"`
}

// beats tells whether this version stays when both are known. It is a strict order of all versions of an element, so that it
// does not matter which one came first.
func (e Element) beats(other Element) bool {
	if e.V != other.V {
		return e.V > other.V
	}
	if c := strings.Compare(e.By, other.By); c != 0 {
		return c > 0
	}
	return bytes.Compare(e.json(), other.json()) > 0
}

func (e Element) json() []byte {
	b, err := json.Marshal(e)
	if err != nil { // there is nothing in it that JSON cannot say
		panic(err)
	}
	return b
}

// size is about how many bytes the element is in JSON; none for what is not there.
func (e Element) size() int {
	if e.ID == "" {
		return 0
	}
	return 120 + 5*len(e.Points) + len(e.Text)
}

// counts is 1 for what can be seen.
func (e Element) counts() int {
	if e.ID == "" || e.Gone {
		return 0
	}
	return 1
}

// valid tells whether somebody may put this on a board.
func (e Element) valid() bool {
	if !validID(e.ID) || e.V == 0 || e.V > maxVersion || e.By != "" {
		return false
	}
	if e.Gone {
		return e.bare()
	}
	if !colors[e.Color] || e.Z < 0 || e.Z > maxVersion || !near(e.X, e.Y) {
		return false
	}
	switch e.Kind {
	case Pen, Marker:
		return e.Size >= 1 && e.Size <= 60 && validPoints(e.Points, 2, MaxPoints) && e.W == 0 && e.H == 0 && e.Text == "" && !e.Fill
	case Line, Arrow:
		return e.Size >= 1 && e.Size <= 60 && validPoints(e.Points, 4, 4) && e.W == 0 && e.H == 0 && e.Text == "" && !e.Fill
	case Rect, Ellipse:
		return e.Size >= 1 && e.Size <= 60 && e.W >= 1 && e.W <= 2*Width && e.H >= 1 && e.H <= 2*Height && len(e.Points) == 0 && e.Text == ""
	case Text:
		return e.Size >= 8 && e.Size <= 200 && validText(e.Text) && e.W == 0 && e.H == 0 && len(e.Points) == 0 && !e.Fill
	}
	return false
}

// bare tells whether nothing is said but that the element is gone.
func (e Element) bare() bool {
	return e.Kind == "" && e.Z == 0 && e.X == 0 && e.Y == 0 && e.W == 0 && e.H == 0 && len(e.Points) == 0 && e.Text == "" &&
		e.Color == "" && e.Size == 0 && !e.Fill
}

func validID(id string) bool {
	if id == "" || len(id) > maxIDBytes {
		return false
	}
	for _, c := range []byte(id) {
		if !(c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-') {
			return false
		}
	}
	return true
}

// near tells whether a place is on a page or so near that it can be pulled back.
func near(x, y int) bool { return x >= -Width && x <= 2*Width && y >= -Height && y <= 2*Height }

func validPoints(points []int, least, most int) bool {
	if len(points) < least || len(points) > most || len(points)%2 != 0 {
		return false
	}
	for i := 0; i < len(points); i += 2 {
		if !near(points[i], points[i+1]) {
			return false
		}
	}
	return true
}

func validText(text string) bool {
	return text != "" && len(text) <= MaxTextBytes && utf8.ValidString(text) &&
		!strings.ContainsFunc(text, func(r rune) bool { return unicode.IsControl(r) && r != '\n' })
}
