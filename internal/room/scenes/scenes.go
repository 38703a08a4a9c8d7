// Package scenes are the kinds of rooms that there are, as data: who is what there, who may be seen and heard, what the page
// offers. Those that come with the server are YAML files in builtin/; an operator adds others, or replaces some, with files of
// the same form. A scene is only read: rooms that run by one share it.
package scenes

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/tuttilive/tutti/internal/room/stage"
)

// Default is the scene of rooms that name none: no seats, everybody who may publish is a speaker.
const Default = "room"

// Text is something in the languages of the page.
type Text struct {
	EN string `yaml:"en" json:"en"`
	ZH string `yaml:"zh" json:"zh"`
}

// Scene is one kind of room.
type Scene struct {
	Name  string `yaml:"name" json:"name"`
	Title Text   `yaml:"title" json:"title"`
	// Summary is one sentence for whoever chooses a scene.
	Summary Text `yaml:"summary" json:"summary"`
	// Roles are what the page calls those who have them.
	Roles map[stage.Role]Text `yaml:"roles" json:"roles"`
	// Arrivals is what people become who come in by a guest link: "speaker" or "audience".
	Arrivals stage.Role `yaml:"arrivals" json:"arrivals"`
	Seats    Seats      `yaml:"seats" json:"seats"`
	// Publish are the sources that a role may publish, by their names in LiveKit's tokens; a scene without seats says nothing here.
	Publish map[stage.Role][]string `yaml:"publish,omitempty" json:"publish,omitempty"`
	// Orientation is that of the program, "portrait" or "landscape"; Layout is how it begins; Audio is "speech" or "music".
	Orientation string `yaml:"orientation" json:"orientation"`
	// Renditions are smaller pictures of the program, in lines; InRoom publishes that into the room, for weak devices.
	Renditions []int  `yaml:"renditions,omitempty" json:"renditions,omitempty"`
	InRoom     bool   `yaml:"inRoom,omitempty" json:"inRoom,omitempty"`
	Layout     string `yaml:"layout" json:"layout"`
	Audio      string `yaml:"audio" json:"audio"`
	// Codecs are what the page publishes pictures in, the first that it can.
	Codecs []string `yaml:"codecs,omitempty" json:"codecs,omitempty"`
	// Record has each show recorded where the operator lets hosts record and the room's own settings do not say otherwise.
	Record bool `yaml:"record,omitempty" json:"record,omitempty"`
	// Grace is how long somebody who is cut off keeps a seat, Invitation how long one is good.
	Grace      Duration `yaml:"grace,omitempty" json:"grace"`
	Invitation Duration `yaml:"invitation,omitempty" json:"invitation"`
	// Features are what there is in the room, of those in AllFeatures.
	Features map[string]bool `yaml:"features" json:"features"`
	// Texts are what the page says here, by names that the page knows.
	Texts map[string]Text `yaml:"texts,omitempty" json:"texts,omitempty"`
}

// Seats are how a scene's seats are given.
type Seats struct {
	Count int `yaml:"count" json:"count"`
	// Request lets the audience raise hands, Invite lets hosts ask people up, Claim lets people sit down unasked.
	Request bool `yaml:"request" json:"request"`
	Invite  bool `yaml:"invite" json:"invite"`
	Claim   bool `yaml:"claim" json:"claim"`
}

// Duration is written "30s" in YAML, and in seconds in JSON.
type Duration time.Duration

// UnmarshalYAML implements yaml.Unmarshaler.
func (d *Duration) UnmarshalYAML(n *yaml.Node) error {
	v, err := time.ParseDuration(n.Value)
	*d = Duration(v)
	return err
}

// MarshalJSON implements json.Marshaler.
func (d Duration) MarshalJSON() ([]byte, error) {
	return fmt.Append(nil, time.Duration(d).Seconds()), nil
}

// AllFeatures are what a scene may switch on.
var AllFeatures = []string{
	"breakout", "chat", "danmaku", "files", "gifts", "likes", "lock", "pk", "pointer", "polls", "rollcall", "screenShare", "sideRoom", "songs",
	"waitingRoom", "whiteboard",
}

// Has tells whether a feature is on.
func (s *Scene) Has(feature string) bool { return s.Features[feature] }

// HasStage tells whether roles decide who may publish; else tokens alone do.
func (s *Scene) HasStage() bool { return s.Seats.Count > 0 }

// Rules are how the scene wants its stage.
func (s *Scene) Rules() stage.Rules {
	return stage.Rules{
		Seats: s.Seats.Count, Requests: s.Seats.Request, Invitations: s.Seats.Invite, Claims: s.Seats.Claim,
		SeatArrivals: s.Arrivals == stage.Speaker && s.Seats.Count > 0, WaitingRoom: s.Has("waitingRoom"), Lock: s.Has("lock"),
		Grace: time.Duration(s.Grace), Invitation: time.Duration(s.Invitation),
	}
}

//go:embed builtin/*.yaml
var builtin embed.FS

// Set is the scenes of one server, by name.
type Set struct{ byName map[string]*Scene }

// Builtin are the scenes that come with the server.
func Builtin() *Set {
	s, err := (&Set{byName: map[string]*Scene{}}).with(builtin, "builtin")
	if err != nil {
		panic(err) // they are part of the program, and tested
	}
	return s
}

// With is the set with the scenes of a directory beside or instead of those of the same name. What is wrong with one is an error
// that names its file.
func (s *Set) With(dir fs.FS) (*Set, error) { return s.with(dir, ".") }

// maxFile bounds the file of a scene, in bytes.
const maxFile = 64 << 10

func (s *Set) with(from fs.FS, dir string) (*Set, error) {
	out := &Set{byName: maps.Clone(s.byName)}
	files, err := fs.ReadDir(from, dir)
	if err != nil {
		return nil, fmt.Errorf("reading scenes: %w", err)
	}
	fileOf := map[string]string{} // by the scene's name
	for _, f := range files {
		if ext := path.Ext(f.Name()); ext != ".yaml" && ext != ".yml" {
			continue
		}
		raw, err := fs.ReadFile(from, path.Join(dir, f.Name()))
		if err != nil {
			return nil, fmt.Errorf("reading scene %s: %w", f.Name(), err)
		}
		scene, err := Parse(raw)
		if err != nil {
			return nil, fmt.Errorf("scene %s: %w", f.Name(), err)
		}
		if other := fileOf[scene.Name]; other != "" {
			return nil, fmt.Errorf("scene %s: name: %s is that of %s", f.Name(), scene.Name, other)
		}
		fileOf[scene.Name] = f.Name()
		out.byName[scene.Name] = scene
	}
	return out, nil
}

// Find is the scene of a name, "" for the default one; ok is false where there is none.
func (s *Set) Find(name string) (*Scene, bool) {
	if name == "" {
		name = Default
	}
	scene, ok := s.byName[name]
	return scene, ok
}

// All are the scenes in order of their names, the default one last: it is for those who want nothing special.
func (s *Set) All() []*Scene {
	return slices.SortedFunc(maps.Values(s.byName), func(a, b *Scene) int {
		if last := strings.Compare(isDefault(a), isDefault(b)); last != 0 {
			return last
		}
		return strings.Compare(a.Name, b.Name)
	})
}

func isDefault(s *Scene) string {
	if s.Name == Default {
		return "1"
	}
	return "0"
}

// Parse reads a scene and says everything that is wrong with it.
func Parse(raw []byte) (*Scene, error) {
	if len(raw) > maxFile {
		return nil, fmt.Errorf("larger than %d bytes", maxFile)
	}
	s := &Scene{Grace: Duration(30 * time.Second), Invitation: Duration(time.Minute)}
	d := yaml.NewDecoder(bytes.NewReader(raw))
	d.KnownFields(true)
	if err := d.Decode(s); err != nil {
		return nil, err
	}
	for {
		var next yaml.Node
		err := d.Decode(&next)
		if err == io.EOF {
			return s, errors.Join(s.check()...)
		}
		if err != nil || !isEmpty(&next) {
			return nil, errors.New("there is something behind the scene: a file has one")
		}
	}
}

// isEmpty tells of a document whether there is nothing in it, as behind a "---" at a file's end.
func isEmpty(document *yaml.Node) bool {
	for _, n := range document.Content {
		if n.Kind != yaml.ScalarNode || n.Tag != "!!null" || n.Value != "" {
			return false
		}
	}
	return true
}

var nameForm = regexp.MustCompile(`^[a-z][a-z0-9-]{0,31}$`)

func (s *Scene) check() (errs []error) {
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	oneOf := func(what, value string, of ...string) {
		if !slices.Contains(of, value) {
			bad("%s: %q is none of %s", what, value, strings.Join(of, ", "))
		}
	}
	if !nameForm.MatchString(s.Name) {
		bad("name: must be 1 to 32 lower-case letters, digits and '-'")
	}
	oneOf("arrivals", string(s.Arrivals), string(stage.Speaker), string(stage.Audience))
	oneOf("orientation", s.Orientation, "portrait", "landscape")
	oneOf("audio", s.Audio, "speech", "music")
	oneOf("layout", s.Layout, "grid", "speaker", "side-by-side", "picture-in-picture", "screen", "audio", "single")
	if len(s.Renditions) > 2 || slices.ContainsFunc(s.Renditions, func(lines int) bool { return lines < 180 || lines >= 720 || lines%2 != 0 }) ||
		len(s.Renditions) == 2 && s.Renditions[0] <= s.Renditions[1] {
		bad("renditions: at most 2, of even numbers from 180 on and less than 720, in falling order")
	}
	for _, c := range s.Codecs {
		oneOf("codecs", c, "h264", "vp8", "vp9", "av1", "h265")
	}
	if s.Seats.Count < 0 || s.Seats.Count > stage.MaxSeats {
		bad("seats: count must be between 0 and %d", stage.MaxSeats)
	}
	if s.Seats.Count == 0 && s.Arrivals == stage.Audience {
		bad("seats: who arrives in the audience of a room without seats is never heard")
	}
	for role, sources := range s.Publish {
		oneOf("publish", string(role), string(stage.Host), string(stage.Cohost), string(stage.Speaker))
		for _, source := range sources {
			oneOf("publish", source, "camera", "microphone", "screen_share", "screen_share_audio")
		}
	}
	if s.HasStage() {
		for _, role := range []stage.Role{stage.Host, stage.Cohost, stage.Speaker} {
			if len(s.Publish[role]) == 0 {
				bad("publish: says nothing of %s", role)
			}
		}
	}
	for role := range s.Roles {
		oneOf("roles", string(role), string(stage.Host), string(stage.Cohost), string(stage.Speaker), string(stage.Audience))
	}
	for feature := range s.Features {
		oneOf("features", feature, AllFeatures...)
	}
	within := func(what string, d Duration) {
		if time.Duration(d) < time.Second || time.Duration(d) > 10*time.Minute {
			bad("%s: must be between 1s and 10m", what)
		}
	}
	within("grace", s.Grace)
	within("invitation", s.Invitation)
	texts := []Text{s.Title, s.Summary}
	for _, t := range s.Roles {
		texts = append(texts, t)
	}
	texts = slices.AppendSeq(texts, maps.Values(s.Texts))
	for _, t := range texts {
		if t.EN == "" || t.ZH == "" {
			bad("a text is missing in one of the languages")
			break
		}
	}
	return errs
}
