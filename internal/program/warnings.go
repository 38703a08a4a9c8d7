package program

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tuttilive/tutti/internal/codec"
	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/program/compose"
	"github.com/tuttilive/tutti/internal/track"
)

// Codes of warnings.
const (
	WarnEncrypted     = "encrypted"
	WarnPictureCodec  = "picture_codec_needs_ffmpeg"
	WarnBFrames       = "b_frames_webrtc"
	WarnLongGOP       = "long_gop"
	WarnSound         = "sound_unsupported"
	WarnCompose       = "several_pictures_need_ffmpeg"
	WarnNoRoom        = "no_room_to_compose"
	WarnComposing     = "composing_trouble"
	WarnShed          = "composing_sheds"
	WarnRenditions    = "renditions_need_ffmpeg"
	WarnTimeWentBack  = track.ProblemTime
	WarnConvertFailed = track.ProblemConversion
)

// Warning is a stable code with an English sentence; the page translates codes.
type Warning struct {
	Code string `json:"code"`
	Text string `json:"text"`
}

// problemCodes gives track's problems the names that hosts see.
var problemCodes = map[string]string{track.ProblemGOP: WarnLongGOP, track.ProblemBFrames: WarnBFrames}

// Warnings says in plain words what some viewers cannot have and why, for the host.
func (p *Program) Warnings() []Warning {
	p.mu.Lock()
	plan := p.plan
	encrypted := slices.ContainsFunc(p.sources, func(s *source) bool { return s.track.Info().Encrypted })
	stage := p.stage
	p.mu.Unlock()

	var all []Warning
	add := func(code, format string, args ...any) {
		if !slices.ContainsFunc(all, func(w Warning) bool { return w.Code == code }) {
			all = append(all, Warning{Code: code, Text: fmt.Sprintf(format, args...)})
		}
	}
	if encrypted {
		add(WarnEncrypted, "Somebody on stage encrypts end to end: the server cannot put that on the air.")
	}
	warnStage(&stage, add)
	if t := plan.picture; t != nil && !plan.composed {
		warnPicture(t, add)
		if len(plan.lower) > 0 && len(t.Layers()) <= 1 && t.Info().Workers.Available() != nil {
			add(WarnRenditions, "No smaller pictures are made: install ffmpeg on the server, or send several sizes (simulcast).")
		}
	}
	for _, t := range plan.sounds {
		if err := codec.CanDecode(t.Format(), t.Info().Workers); err != nil {
			add(WarnSound, "The sound of %s cannot be mixed or converted: %v.", t.Info().Label, err)
		}
		addProblems(t, add)
	}
	if err := p.mixer.problem(); err != nil {
		add(WarnSound, "A sound on stage cannot be mixed: %v.", err)
	}
	return all
}

func warnPicture(t *track.Track, add func(code, format string, args ...any)) {
	info := t.Info()
	if err := t.CanConvert(media.H264); err != nil {
		add(WarnPictureCodec, "The picture is %s, which not every viewer can see, and it cannot be converted here. Publish H.264, or install ffmpeg on the server.",
			strings.ToUpper(info.Codec.String()))
	}
	addProblems(t, add)
}

func addProblems(t *track.Track, add func(code, format string, args ...any)) {
	for _, problem := range t.Problems() {
		code := problem.Code
		if c := problemCodes[code]; c != "" {
			code = c
		}
		add(code, "%s", problem.Text)
	}
}

func warnStage(s *stage, add func(code, format string, args ...any)) {
	switch {
	case s.composer == nil && s.settings.Mode != compose.ModeDirect && s.pictures() > 1:
		add(WarnCompose, "Several pictures are on stage, and viewers see only one of them: install ffmpeg on the server to show them together.")
	case s.refused:
		add(WarnNoRoom, "The server composes as many programs as it may: viewers see only one of the pictures.")
	case s.composing:
		if stats := s.composer.Stats(); stats.Shed > 0 {
			add(WarnShed, "The server has not enough computing power for the picture that is wanted: it makes %d pictures a second of %dx%d.", stats.FPS, stats.Width, stats.Height)
		}
		if err := s.composer.Problem(); err != nil {
			add(WarnComposing, "A picture cannot be shown at the moment: %v.", err)
		}
	}
}
