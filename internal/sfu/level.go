package sfu

import (
	"math"
	"time"
)

// amplitude has the linear loudness, 0 to 1, of each level in -dBov (RFC 6464).
var amplitude = func() (table [128]float32) {
	for level := range 127 {
		table[level] = float32(math.Pow(10, -float64(level)/20))
	}
	return table // 127 is silence
}()

const (
	levelAttack  = 60 * time.Millisecond
	levelRelease = 250 * time.Millisecond
	// levelStale is how long a level holds without packets; encoders send none for most of a silence.
	levelStale = 500 * time.Millisecond
)

// level smooths the loudness of a sound: quick to rise, slow to fall. It is pure: time is an argument.
type level struct {
	value float32
	at    time.Duration
}

// observe adds the level of a packet, in -dBov.
func (l *level) observe(dbov uint8, now time.Duration) {
	target := amplitude[min(dbov, 127)]
	passed := min(max(now-l.at, 0), time.Second)
	pace := levelRelease
	if target > l.value {
		pace = levelAttack
	}
	l.value += (target - l.value) * float32(1-math.Exp(-float64(passed)/float64(pace)))
	l.at = now
}

// read is the loudness, 0 to 1.
func (l *level) read(now time.Duration) float32 {
	if now-l.at > levelStale {
		return 0
	}
	return l.value
}
