package program

import (
	"math"
	"testing"

	"github.com/tuttilive/tutti/internal/codec"
)

// feedTone pushes a block of a tone of a level into an input, for the block at a position, in time.
func feedTone(m *mix, in *input, at int64, hz float64, level float32) {
	pcm := make([]float32, blockSize*codec.Channels)
	for i := range blockSize {
		v := level * float32(math.Sin(2*math.Pi*hz*float64(at+int64(i))/codec.SampleRate))
		pcm[2*i], pcm[2*i+1] = v, v
	}
	m.push(in, pcm, at, blockSize, at+blockSize)
}

// strength is how much of a tone is in a block.
func strength(pcm []float32, at int64, hz float64) float64 {
	var re, im float64
	for i := range len(pcm) / codec.Channels {
		sin, cos := math.Sincos(2 * math.Pi * hz * float64(at+int64(i)) / codec.SampleRate)
		re += float64(pcm[2*i]) * cos
		im += float64(pcm[2*i]) * sin
	}
	return 2 * math.Hypot(re, im) / float64(len(pcm)/codec.Channels)
}

// mixTones mixes tones of 300, 400, ... Hz for some blocks and gives the strength of each in the last.
func mixTones(m *mix, inputs []*input, levels []float32, blocks int) []float64 {
	var got []float64
	for range blocks {
		at := m.at
		if !m.started {
			m.start(0)
			at = m.at
		}
		for k, in := range inputs {
			feedTone(m, in, at, float64(300+100*k), levels[k])
		}
		pcm, _, _, ok := m.next(m.due())
		if !ok {
			continue
		}
		got = got[:0]
		for k := range inputs {
			got = append(got, strength(pcm, at, float64(300+100*k)))
		}
	}
	return got
}

func checkTones(t *testing.T, what string, got []float64, want ...float64) {
	t.Helper()
	for k := range want {
		if math.Abs(got[k]-want[k]) > 0.01 {
			t.Errorf("%s: %.3f, want %.3f", what, got, want)
			return
		}
	}
}

func TestGainsFollowTheHost(t *testing.T) {
	var m mix
	inputs := []*input{m.add(), m.add()}
	checkTones(t, "as they come", mixTones(&m, inputs, []float32{0.2, 0.2}, 50), 0.2, 0.2)
	inputs[0].voicing.gain, inputs[1].voicing.gain = 0.5, 2
	checkTones(t, "by their gains", mixTones(&m, inputs, []float32{0.2, 0.2}, 50), 0.1, 0.4)
	inputs[0].voicing.gain = 0
	checkTones(t, "one silenced", mixTones(&m, inputs, []float32{0.2, 0.2}, 50), 0, 0.4)
}

func TestBackgroundIsLoweredWhileSomebodySpeaksAndMusicIsNot(t *testing.T) {
	m := mix{ducking: true}
	inputs := []*input{m.add(), m.add(), m.add()}
	inputs[1].voicing.role, inputs[2].voicing.role = roleBackground, roleMusic
	checkTones(t, "nobody speaks", mixTones(&m, inputs, []float32{0, 0.2, 0.2}, 50), 0, 0.2, 0.2)
	checkTones(t, "somebody speaks", mixTones(&m, inputs, []float32{0.2, 0.2, 0.2}, 50), 0.2, 0.05, 0.2)
	checkTones(t, "just after", mixTones(&m, inputs, []float32{0, 0.2, 0.2}, 20), 0, 0.05, 0.2)
	checkTones(t, "long after", mixTones(&m, inputs, []float32{0, 0.2, 0.2}, 80), 0, 0.2, 0.2)
	m.ducking = false
	checkTones(t, "where it is not wanted", mixTones(&m, inputs, []float32{0.2, 0.2, 0.2}, 50), 0.2, 0.2, 0.2)
}

func TestWhoLeadsIsHeardBeforeOthers(t *testing.T) {
	m := mix{focus: true, lead: "ada"}
	inputs := []*input{m.add(), m.add(), m.add()}
	inputs[0].voicing.identity, inputs[1].voicing.identity = "ada", "bo"
	inputs[2].voicing = voicing{identity: "bo", role: roleMusic, gain: 1}
	checkTones(t, "Ada leads", mixTones(&m, inputs, []float32{0.2, 0.2, 0.2}, 80), 0.2, 0.1, 0.2)
	m.lead = "bo"
	checkTones(t, "Bo leads", mixTones(&m, inputs, []float32{0.2, 0.2, 0.2}, 80), 0.1, 0.2, 0.2)
}

// TestVoiceKeepsToTheTimeOfTheMusic: the accompaniment comes so late that it is moved; the voice of whoever plays it is moved as far, although
// it would be in time.
func TestVoiceKeepsToTheTimeOfTheMusic(t *testing.T) {
	var m mix
	song, singer, other := m.add(), m.add(), m.add()
	song.voicing = voicing{identity: "ada", role: roleMusic, gain: 1}
	singer.voicing = voicing{identity: "ada", gain: 1}
	other.voicing = voicing{identity: "bo", gain: 1}
	m.follow()
	m.start(0)
	pcm := make([]float32, blockSize*codec.Channels)
	const late = codec.SampleRate / 2
	for now := int64(0); now < 10*codec.SampleRate; now += blockSize {
		m.push(song, pcm, now-late, blockSize, now)
		m.push(singer, pcm, now-blockSize, blockSize, now)
		m.push(other, pcm, now-blockSize, blockSize, now)
		for {
			if _, _, _, ok := m.next(now); !ok {
				break
			}
		}
	}
	if song.shift == 0 {
		t.Fatal("the song is not moved")
	}
	if singer.shift != song.shift || other.shift != 0 {
		t.Errorf("the song is moved by %d, its singer by %d, another by %d", song.shift, singer.shift, other.shift)
	}
}
