package track

import (
	"fmt"
	"slices"
	"sync"

	"github.com/tuttilive/tutti/internal/media"
)

// Codes of problems.
const (
	// ProblemGOP: keyframes come more than 10 s apart.
	ProblemGOP = "gop_too_long"
	// ProblemBFrames: the picture has B-frames or no IDR pictures, and there is no ffmpeg to make one for WebRTC.
	ProblemBFrames = "b_frames"
	// ProblemNoKeyframe: a publisher of packets sends none, although it is asked for some.
	ProblemNoKeyframe = "no_keyframe"
	// ProblemTime: the publisher's timestamps step back.
	ProblemTime = "time_went_back"
	// ProblemConversion: a conversion to another codec failed.
	ProblemConversion = "conversion_failed"
)

// Problem is what is wrong with a track, for its publisher and the host: a stable code and an English sentence.
type Problem struct{ Code, Text string }

// Problems are what is wrong with the track now.
func (t *Track) Problems() []Problem {
	t.problems.mu.Lock()
	list := slices.Clone(t.problems.list)
	t.problems.mu.Unlock()
	if t.writer != nil && t.CanReadPackets(t.info.Codec) != nil {
		if seen := t.writer.seen(); seen != 0 {
			list = append(list, Problem{ProblemBFrames, fmt.Sprintf("The picture %v, which viewers over WebRTC cannot see. %s, or install ffmpeg on the server.", seen, seen.advice())})
		}
	}
	if !t.BornAsFrames() && t.info.Kind == media.Video && !t.info.Encrypted && !t.Muted() {
		layers, _ := t.layers.get()
		if now := media.Now(); slices.ContainsFunc(layers, func(l *Layer) bool { return l.refuses(now) }) {
			list = append(list, Problem{ProblemNoKeyframe, "The picture has no keyframe, though one was asked for 10 seconds ago: who comes over WebRTC does not see it. Have the encoder answer PLI, or send IDR pictures each 2 seconds."})
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for c, d := range t.derived {
		if d.video == nil {
			continue
		}
		if err := d.video.Err(); err != nil {
			what := "converted to " + c.to.String()
			if c.lines > 0 {
				what = fmt.Sprintf("made in %d lines", c.lines)
			}
			list = append(list, Problem{ProblemConversion, fmt.Sprintf("The picture cannot be %s: %v.", what, err)})
		}
	}
	return list
}

type problems struct {
	mu   sync.Mutex
	list []Problem
}

func (p *problems) set(code, text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if i := p.find(code); i >= 0 {
		p.list[i].Text = text
		return
	}
	p.list = append(p.list, Problem{Code: code, Text: text})
}

func (p *problems) clear(code string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if i := p.find(code); i >= 0 {
		p.list = slices.Delete(p.list, i, i+1)
	}
}

func (p *problems) find(code string) int {
	return slices.IndexFunc(p.list, func(q Problem) bool { return q.Code == code })
}
