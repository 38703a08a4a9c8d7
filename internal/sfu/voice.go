package sfu

import (
	"math"
	"time"
)

const (
	// frameTime is how finely a voice is looked at: a packet of sound, as browsers send them.
	frameTime = 20 * time.Millisecond
	// framesKept is how much of a voice's past counts: one second.
	framesKept = 50
	// holdFrames is how long a level holds without another one: packets are late, or longer than 20 ms.
	holdFrames = 3
	// floorWindow is how long the background is remembered: once to twice as long.
	floorWindow = 8 * time.Second
	// What is voiceMargin dB above the background is a voice, between mostLoud and leastLoud dBov in any case.
	voiceMargin, mostLoud, leastLoud = 12, 30, 50
	// A level that stays within steadySpan dB for steadyFrames is no voice, however loud: people breathe, and syllables go up and
	// down by far more. It is a machine, or a client that claims the loudest level in each packet.
	steadySpan, steadyFrames = 3, 150
	// silence is the level of digital silence (RFC 6464).
	silence = 127
)

// Loudness is how loud a packet of sound was.
type Loudness struct {
	At time.Duration
	// Level is in -dBov: 0 is the loudest, 127 silence (RFC 6464).
	Level uint8
}

// amplitude has the linear loudness, 0 to 1, of each level in -dBov.
var amplitude = func() (table [silence + 1]float32) {
	for level := range silence {
		table[level] = float32(math.Pow(10, -float64(level)/20))
	}
	return table
}()

// voice is the last second of somebody's sound, in frames of 20 ms, each of which is a voice or background. What is
// background is found out: a fan next to the microphone may be louder than a soft speaker elsewhere. It is pure: time is an
// argument.
type voice struct {
	// levels are in -dBov, silence for background; the newest is that of frame.
	levels [framesKept]uint8
	frame  int64 // number of the newest frame
	begun  bool
	last   uint8 // the level of the newest frame, background too
	held   int   // for how many frames it has stood in for others

	// floors are the quietest levels heard in this window and in the one before.
	floors [2]uint8
	window int64
	// steady is how many packets the level has stayed within a few dB, steadyLow to steadyHigh.
	steady                int
	steadyLow, steadyHigh uint8
}

// hear adds a packet's loudness.
func (v *voice) hear(l Loudness) {
	level := min(l.Level, silence)
	number := int64(l.At / frameTime)
	if !v.begun {
		v.begun, v.frame = true, number-1
		clear(v.floors[:])
		for i := range v.levels {
			v.levels[i] = silence
		}
	}
	v.pass(number - 1)
	if level < silence {
		if window := int64(l.At / floorWindow); window != v.window {
			v.window = window
			v.floors = [2]uint8{v.floors[1], 0}
		}
		v.floors[1] = max(v.floors[1], level)
	}
	v.held = 0
	if v.isSteady(level) {
		level = silence
	}
	v.push(level)
}

// isSteady notes the level of a packet and tells whether levels have stayed the same for too long to be a voice.
func (v *voice) isSteady(level uint8) bool {
	low, high := min(v.steadyLow, level), max(v.steadyHigh, level)
	if v.steady == 0 || high-low > steadySpan {
		v.steady, low, high = 0, level, level
	}
	v.steady, v.steadyLow, v.steadyHigh = v.steady+1, low, high
	return v.steady > steadyFrames
}

// pass lets time go by without packets, up to a frame.
func (v *voice) pass(frame int64) {
	if frame-v.frame > framesKept {
		v.frame = frame - framesKept
		v.held = holdFrames
	}
	for v.frame < frame {
		level := uint8(silence)
		if v.held < holdFrames {
			v.held++
			level = v.last
		}
		v.push(level)
	}
}

// advance is pass up to now, but for what may still be under way.
func (v *voice) advance(now time.Duration) {
	if v.begun {
		v.pass(int64(now/frameTime) - holdFrames)
	}
}

// push adds a frame. Packets that come in a burst run ahead of time; the next ones wait for it.
func (v *voice) push(level uint8) {
	v.last = level
	if level > v.threshold() {
		level = silence
	}
	v.frame++
	v.levels[place(v.frame)] = level
}

// threshold is the quietest level that is a voice and no background.
func (v *voice) threshold() uint8 {
	floor := int(max(v.floors[0], v.floors[1]))
	if floor == 0 {
		return leastLoud
	}
	return uint8(min(max(floor-voiceMargin, mostLoud), leastLoud))
}

// at is the level of a frame by its number, silence for one that is not kept.
func (v *voice) at(frame int64) uint8 {
	if !v.begun || frame > v.frame || frame <= v.frame-framesKept {
		return silence
	}
	return v.levels[place(frame)]
}

// place is where a frame is kept.
func place(frame int64) int { return int((frame%framesKept + framesKept) % framesKept) }

// peak is the loudest level of the n frames up to newest.
func (v *voice) peak(newest int64, n int) uint8 {
	loudest := uint8(silence)
	for i := range n {
		loudest = min(loudest, v.at(newest-int64(i)))
	}
	return loudest
}

// drop makes a frame one of background.
func (v *voice) drop(frame int64) {
	if v.at(frame) < silence {
		v.levels[place(frame)] = silence
	}
}

// active counts the frames with a voice among the n up to newest.
func (v *voice) active(newest int64, n int) (count int) {
	for i := range n {
		if v.at(newest-int64(i)) < silence {
			count++
		}
	}
	return count
}

// loudness is the mean of the frames with a voice among the n up to newest, 0 to 1.
func (v *voice) loudness(newest int64, n int) float32 {
	sum, count := float32(0), 0
	for i := range n {
		if level := v.at(newest - int64(i)); level < silence {
			sum += amplitude[level]
			count++
		}
	}
	if count == 0 {
		return 0
	}
	return sum / float32(count)
}
