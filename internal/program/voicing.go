package program

import (
	"slices"

	"github.com/tuttilive/tutti/internal/codec"
	"github.com/tuttilive/tutti/internal/program/compose"
	"github.com/tuttilive/tutti/internal/track"
)

// role is what a sound is in the mix.
type role uint8

const (
	// A voice speaks or sings. A background is lowered while somebody speaks, where that is wanted. Music never is, and the
	// voices of whoever plays it keep to its time.
	roleVoice role = iota
	roleBackground
	roleMusic
)

// voicing is how one sound is mixed.
type voicing struct {
	identity string
	role     role
	gain     float32
}

var plain = voicing{gain: 1}

// mixing is how all sounds are mixed.
type mixing struct {
	sounds  map[*track.Track]voicing
	ducking bool
	focus   bool
}

// of is how a sound is mixed; what is not known of is a voice.
func (m *mixing) of(t *track.Track) voicing {
	if v, ok := m.sounds[t]; ok {
		return v
	}
	return plain
}

// mixingOf makes it of a stage.
func mixingOf(sources []compose.Source, s compose.Settings) mixing {
	m := mixing{sounds: map[*track.Track]voicing{}, ducking: s.Ducking, focus: s.Focus}
	for i := range sources {
		src := &sources[i]
		v := voicing{identity: src.Identity, gain: 1}
		if g, ok := s.Gains[src.Identity]; ok {
			v.gain = float32(g)
		}
		if src.Screen {
			v.role = roleBackground
		}
		if src.Music || slices.Contains(s.Music, src.ID) {
			v.role = roleMusic
		}
		for _, t := range src.Sounds {
			m.sounds[t] = v
		}
	}
	return m
}

const (
	// ducked is what is left of a background while somebody speaks, unfocused of other voices while one leads: 12 dB and 6 dB less.
	ducked    = 0.25
	unfocused = 0.5
	// loud is the mean square from which on a voice speaks: 40 dB below full scale.
	loud = 1e-4
	// duckHold is for how many blocks it is taken to go on: 600 ms.
	duckHold = 30
	// downStep and upStep are by how much a factor changes in a block at most: down in 80 ms, up in 600 ms.
	downStep, upStep = 0.25, 0.034
)

// balance sets the factor of each input for the next block. It is called with the samples of the block still in the inputs.
func (m *mix) balance() {
	speaks := false
	for _, in := range m.inputs {
		speaks = speaks || in.voicing.role == roleVoice && !in.muted && in.energy(m.at) > loud
	}
	if speaks {
		m.spoken = duckHold
	} else if m.spoken > 0 {
		m.spoken--
	}
	for _, in := range m.inputs {
		want := in.voicing.gain
		switch {
		case in.voicing.role == roleBackground && m.ducking && m.spoken > 0:
			want *= ducked
		case in.voicing.role == roleVoice && m.focus && m.lead != "" && in.voicing.identity != m.lead:
			want *= unfocused
		}
		in.factorBefore, in.factor = in.factor, step(in.factor, want)
	}
}

// step moves a factor towards another.
func step(from, to float32) float32 {
	switch {
	case to < from-downStep:
		return from - downStep
	case to > from+upStep:
		return from + upStep
	}
	return to
}

// energy is the mean square of what the input has for the block at a position.
func (in *input) energy(at int64) (sum float32) {
	begin := max(at-in.from, 0)
	end := min(at+blockSize-in.from, int64(len(in.pcm)/codec.Channels))
	if end <= begin {
		return 0
	}
	for _, v := range in.pcm[begin*codec.Channels : end*codec.Channels] {
		sum += v * v
	}
	return sum / float32((end-begin)*codec.Channels)
}

// follow has voices of somebody who plays music keep to the time of that.
func (m *mix) follow() {
	for _, in := range m.inputs {
		in.leader = nil
		if in.voicing.role != roleVoice || in.voicing.identity == "" {
			continue
		}
		for _, other := range m.inputs {
			if other.voicing.role == roleMusic && other.voicing.identity == in.voicing.identity {
				in.leader = other
			}
		}
	}
}
