package compose

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"slices"
	"strconv"
	"unicode/utf8"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/program/compose/layout"
)

// Mode says when pictures are composed.
type Mode string

const (
	// ModeAuto composes as soon as there is more than one picture, and passes a single one through.
	ModeAuto Mode = "auto"
	// ModeDirect passes one picture through always, ModeComposed composes also a single one.
	ModeDirect   Mode = "direct"
	ModeComposed Mode = "composed"
)

// Settings are how a program is composed. The zero value is not valid: begin with Defaults.
type Settings struct {
	Mode Mode `json:"mode"`
	// Layout is one of layout.Names.
	Layout layout.Name `json:"layout"`
	// Orientation is "landscape" or "portrait".
	Orientation Orientation `json:"orientation"`
	// Height is how many lines the shorter side has: 360, 480, 540, 720 or 1080.
	Height int `json:"height"`
	FPS    int `json:"fps"`
	// Renditions are smaller pictures that are made beside it, for viewers with less bandwidth: lines on the shorter side, in
	// falling order. Each costs an encoder of its own, and a decoder where the picture passes through.
	Renditions []int `json:"renditions"`
	// InRoom publishes the picture into the room, for participants whose device or network is too weak for a picture of each.
	InRoom bool `json:"inRoom"`
	// Places are the rectangles of the custom layout.
	Places []layout.Place `json:"places"`
	// Shown are the IDs of those who are shown, in this order; empty shows all on stage. Pinned is the ID of the one to show large.
	Shown  []string `json:"shown"`
	Pinned string   `json:"pinned"`
	// Names, Badges and Emphasis switch on names, marks for muted microphones and bad connections, and a border around who speaks.
	Names    bool `json:"names"`
	Badges   bool `json:"badges"`
	Emphasis bool `json:"emphasis"`
	// Background is a colour, "#rrggbb".
	Background string `json:"background"`
	// LogoPlace is where the logo lies, if there is one.
	LogoPlace LogoPlace `json:"logoPlace"`
	// Images are by the names BackgroundImage and LogoImage. The map is replaced, never changed.
	Images map[string]image.Image `json:"-"`
	// Transition is how long a change of layout takes, in milliseconds.
	Transition int `json:"transition"`
	// LowerThird is shown below, Texts anywhere.
	LowerThird LowerThird `json:"lowerThird"`
	Texts      []Text     `json:"texts"`
	// Gains are factors of sources' sound by identity, 1 where none is given.
	Gains map[string]float64 `json:"gains"`
	// Ducking lowers the sound of shared screens while somebody speaks, Focus other voices while one leads the conversation.
	Ducking bool `json:"ducking"`
	Focus   bool `json:"focus"`
	// Music are the IDs of sources whose sound is music, for instance the accompaniment of a singer as a shared screen: it is never
	// lowered, and the singer's voice keeps to its time.
	Music []string `json:"music"`
}

// Orientation of the frame.
type Orientation string

const (
	Landscape Orientation = "landscape"
	Portrait  Orientation = "portrait"
)

// LowerThird is a band with a title and a line below it; empty for none.
type LowerThird struct {
	Title    string `json:"title"`
	Subtitle string `json:"subtitle"`
}

// Text is one line anywhere in the frame: X and Y of its upper left corner and its Size are shares of the frame's width and height.
type Text struct {
	Text  string  `json:"text"`
	X     float64 `json:"x"`
	Y     float64 `json:"y"`
	Size  float64 `json:"size"`
	Color string  `json:"color"`
}

// Defaults are what a program begins with.
func Defaults() Settings {
	return Settings{
		Mode: ModeAuto, Layout: layout.Auto, Orientation: Landscape, Height: 720, FPS: 30, Renditions: []int{}, Places: []layout.Place{}, Shown: []string{},
		Names: true, Badges: true, Emphasis: true, Background: "#14161c", LogoPlace: LogoPlace{X: 0.86, Y: 0.04, Width: 0.1}, Transition: 300, Texts: []Text{}, Gains: map[string]float64{}, Music: []string{},
	}
}

const (
	maxTexts = 8
	maxText  = 200 // bytes
	maxNamed = 64  // identities in a list
	// minHeight is that of the smallest rendition, in lines on the shorter side.
	minHeight = 180
	// maxGain is a factor: 12 dB.
	maxGain = 4
)

// Check says what is wrong with the settings; nil when nothing is.
func (s *Settings) Check() error {
	switch {
	case s.Mode != ModeAuto && s.Mode != ModeDirect && s.Mode != ModeComposed:
		return fmt.Errorf("mode is auto, direct or composed")
	case !slices.Contains(layout.Names, s.Layout):
		return fmt.Errorf("there is no layout %q", s.Layout)
	case s.Orientation != Landscape && s.Orientation != Portrait:
		return fmt.Errorf("orientation is landscape or portrait")
	case !slices.Contains([]int{360, 480, 540, 720, 1080}, s.Height):
		return fmt.Errorf("height is 360, 480, 540, 720 or 1080")
	case !s.fitRenditions():
		return fmt.Errorf("renditions are at most %d, of even numbers from %d lines on, each smaller than the one before", len(RIDs), minHeight)
	case s.FPS < 5 || s.FPS > 30:
		return fmt.Errorf("fps is between 5 and 30")
	case len(s.Places) > layout.MaxPlaces:
		return fmt.Errorf("there are more than %d places", layout.MaxPlaces)
	case s.Layout == layout.Custom && len(s.Places) == 0:
		return fmt.Errorf("the custom layout needs places")
	case len(s.Shown) > maxNamed || len(s.Gains) > maxNamed || len(s.Music) > maxNamed:
		return fmt.Errorf("there are more than %d identities in a list", maxNamed)
	case s.Transition < 0 || s.Transition > 2000:
		return fmt.Errorf("transition is between 0 and 2000 milliseconds")
	case len(s.Texts) > maxTexts:
		return fmt.Errorf("there are more than %d texts", maxTexts)
	case !proper(s.LowerThird.Title) || !proper(s.LowerThird.Subtitle):
		return fmt.Errorf("a text is longer than %d bytes", maxText)
	}
	if l := s.LogoPlace; !(l.X >= 0 && l.X <= 1 && l.Y >= 0 && l.Y <= 1 && l.Width >= 0 && l.Width <= 1) {
		return fmt.Errorf("the logo is not within the frame")
	}
	if _, ok := parseColor(s.Background); !ok {
		return fmt.Errorf("background is #rrggbb")
	}
	for _, p := range s.Places {
		if err := p.Check(); err != nil {
			return err
		}
	}
	for _, t := range s.Texts {
		switch _, ok := parseColor(t.Color); {
		case !proper(t.Text):
			return fmt.Errorf("a text is longer than %d bytes", maxText)
		case !ok && t.Color != "":
			return fmt.Errorf("a text's color is #rrggbb")
		case !(t.X >= 0 && t.X <= 1 && t.Y >= 0 && t.Y <= 1 && t.Size > 0 && t.Size <= 0.5):
			return fmt.Errorf("a text is not within the frame")
		}
	}
	for _, g := range s.Gains {
		if !(g >= 0 && g <= maxGain) {
			return fmt.Errorf("a gain is between 0 and %d", maxGain)
		}
	}
	return nil
}

func proper(s string) bool { return len(s) <= maxText && utf8.ValidString(s) }

// RIDs name the renditions from small to large, as layers of packets.
var RIDs = [...]string{"q", "h"}

// fitRenditions tells whether the renditions can be.
func (s *Settings) fitRenditions() bool {
	above := s.Height
	for _, lines := range s.Renditions {
		if lines < minHeight || lines%2 != 0 || lines >= above {
			return false
		}
		above = lines
	}
	return len(s.Renditions) <= len(RIDs)
}

// Size is the frame's, in pixels.
func (s *Settings) Size() (w, h int) { return s.sized(s.Height) }

func (s *Settings) sized(lines int) (w, h int) {
	w, h = (lines*16/9+1)&^1, lines
	if s.Orientation == Portrait {
		return h, w
	}
	return w, h
}

// Sizes are those of the renditions and of the frame, from small to large.
func (s *Settings) Sizes() []media.Size {
	w, h := s.Size()
	return append(s.smaller(), media.Size{Width: w, Height: h})
}

func (s *Settings) smaller() (sizes []media.Size) {
	for _, lines := range slices.Backward(s.Renditions) {
		w, h := s.sized(lines)
		sizes = append(sizes, media.Size{Width: w, Height: h})
	}
	return sizes
}

// sameFrames tells whether frames of other settings have the same sizes and rate.
func (s *Settings) sameFrames(as Settings) bool {
	return s.Orientation == as.Orientation && s.Height == as.Height && s.FPS == as.FPS && slices.Equal(s.Renditions, as.Renditions)
}

// parseColor reads #rrggbb.
func parseColor(s string) (color.NRGBA, bool) {
	if len(s) != 7 || s[0] != '#' {
		return color.NRGBA{}, false
	}
	v, err := strconv.ParseUint(s[1:], 16, 32)
	return color.NRGBA{byte(v >> 16), byte(v >> 8), byte(v), 255}, err == nil
}

// Patched are the settings with the fields of a JSON object in place of theirs.
func (s Settings) Patched(patch []byte) (Settings, error) {
	// Lists and maps of the settings before are shared by the composer: what is given replaces them.
	next := s
	d := json.NewDecoder(bytes.NewReader(patch))
	d.DisallowUnknownFields()
	next.Places, next.Shown, next.Texts, next.Gains, next.Music, next.Renditions = nil, nil, nil, nil, nil, nil
	if err := d.Decode(&next); err != nil {
		return s, fmt.Errorf("reading the settings: %w", err)
	}
	if next.Places == nil {
		next.Places = s.Places
	}
	if next.Shown == nil {
		next.Shown = s.Shown
	}
	if next.Texts == nil {
		next.Texts = s.Texts
	}
	if next.Gains == nil {
		next.Gains = s.Gains
	}
	if next.Renditions == nil {
		next.Renditions = s.Renditions
	}
	if next.Music == nil {
		next.Music = s.Music
	}
	return next, next.Check()
}
