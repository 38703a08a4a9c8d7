package track

import (
	"sync/atomic"
	"time"
)

// meter counts bytes and pictures of the last second. One goroutine adds; any may read.
type meter struct {
	slots  [10]struct{ bytes, frames int }
	slot   int64 // number of the current tenth of a second
	sum    struct{ bytes, frames int }
	bytes  atomic.Int64
	frames atomic.Int64
	last   atomic.Int64 // time of the newest, plus one
	begun  time.Duration
	slow   atomic.Bool // so few pictures come that the next may be later than a second
}

const (
	// slowPictures come in a second of a screen on which nothing happens, or of the camera of a machine that has no time: the next may be
	// later than in a second, but not than in slowPatience.
	slowPictures = 3
	slowPatience = 3 * time.Second
)

const tenth = 100 * time.Millisecond

func (m *meter) add(now time.Duration, bytes, frames int) {
	slot := int64(now / tenth)
	if last := m.last.Load(); last == 0 || now-time.Duration(last-1) > slowPatience {
		m.begun = now
		if last == 0 {
			m.slot = slot
		}
	}
	if slot > m.slot {
		m.bytes.Store(int64(m.sum.bytes))
		m.frames.Store(int64(m.sum.frames))
		m.slow.Store(m.sum.frames <= slowPictures && now-m.begun > time.Second)
		for range min(slot-m.slot, int64(len(m.slots))) {
			m.slot++
			m.clear()
		}
		for m.slot < slot { // after a long silence
			m.slot = slot
			m.clear()
		}
	}
	s := &m.slots[m.index()]
	s.bytes += bytes
	s.frames += frames
	m.sum.bytes += bytes
	m.sum.frames += frames
	m.last.Store(int64(now) + 1)
}

func (m *meter) index() int {
	return int((m.slot%int64(len(m.slots)) + int64(len(m.slots))) % int64(len(m.slots)))
}

func (m *meter) clear() {
	s := &m.slots[m.index()]
	m.sum.bytes -= s.bytes
	m.sum.frames -= s.frames
	s.bytes, s.frames = 0, 0
}

// active tells whether anything came within the last second, or slowPatience where little comes.
func (m *meter) active(now time.Duration) bool {
	return m.within(now, time.Second) || m.slow.Load() && m.within(now, slowPatience)
}

// within tells whether anything came within a time.
func (m *meter) within(now, d time.Duration) bool {
	last := m.last.Load()
	return last != 0 && now-time.Duration(last-1) < d
}

// rate is bytes and pictures a second, 0 when nothing comes any more.
func (m *meter) rate(now time.Duration) (bytes, frames int) {
	if !m.active(now) {
		return 0, 0
	}
	return int(m.bytes.Load()), int(m.frames.Load())
}
