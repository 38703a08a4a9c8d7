package track

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/tuttilive/tutti/internal/media"
)

// sender is a publisher's stream on a virtual network.
type sender struct {
	clock *sourceClock
	// base is the timestamp at capture time 0; remote is the publisher's NTP time then.
	base   uint32
	remote time.Time
	// delay is from capture to arrival, jitter is added to it at random.
	delay, jitter time.Duration
	rand          *rand.Rand
}

func newSender(group *ClockGroup, rate int, base uint32) *sender {
	return &sender{
		clock: newSourceClock(rate, group), base: base, rand: rand.New(rand.NewPCG(1, 2)),
		remote: time.Date(2031, 5, 1, 0, 0, 0, 0, time.UTC),
	}
}

func (s *sender) timestamp(captured time.Duration) uint32 {
	return s.base + uint32(int64(captured)*s.clock.rate/int64(time.Second))
}

func (s *sender) send(captured time.Duration) {
	arrival := captured + s.delay
	if s.jitter > 0 {
		arrival += time.Duration(s.rand.Int64N(int64(s.jitter)))
	}
	s.clock.packet(s.timestamp(captured), arrival)
}

func (s *sender) report(captured time.Duration) {
	w := s.remote.Add(captured)
	ntp := uint64(w.Unix()+2208988800)<<32 | uint64(w.Nanosecond())<<32/1_000_000_000
	s.clock.report(ntp, s.timestamp(captured), captured+s.delay)
}

func (s *sender) media(t testing.TB, captured time.Duration) time.Duration {
	t.Helper()
	at, ok := s.clock.mediaTime(s.timestamp(captured))
	if !ok {
		t.Fatal("no media time")
	}
	return at
}

func near(a, b, by time.Duration) bool { return a-b <= by && b-a <= by }

func TestArrivalStandsInForReports(t *testing.T) {
	for _, base := range []uint32{0, 1 << 31, 1<<32 - 90_000*3} { // the last wraps after 3 s
		s := newSender(nil, 90000, base)
		s.delay, s.jitter = 30*time.Millisecond, 40*time.Millisecond
		last := never
		for at := time.Duration(0); at < 20*time.Second; at += 33 * time.Millisecond {
			s.send(at)
			got := s.media(t, at)
			if at > 0 {
				if d := got - last; d < 32*time.Millisecond || d > 34*time.Millisecond {
					t.Fatalf("base %d, at %v: %v after the frame before", base, at, d)
				}
			}
			last = got
		}
		// Network delay only adds: the fastest packets tell the truth.
		if got := s.media(t, 20*time.Second); !near(got, 20*time.Second+s.delay, 5*time.Millisecond) {
			t.Errorf("base %d: %v off after 20 s", base, got-20*time.Second-s.delay)
		}
	}
}

func TestReportsKeepLipsInSync(t *testing.T) {
	group := NewClockGroup()
	audio, video := newSender(group, 48000, 12345), newSender(group, 90000, 1<<32-100_000)
	audio.delay, audio.jitter = 20*time.Millisecond, 10*time.Millisecond
	video.delay, video.jitter = 150*time.Millisecond, 30*time.Millisecond // encoder and pacer
	var lastAudio, lastVideo time.Duration
	for at := time.Duration(0); at < 30*time.Second; at += 20 * time.Millisecond {
		audio.send(at)
		video.send(at)
		switch at {
		case 2 * time.Second:
			audio.report(at)
			if group.ready {
				t.Error("ready with one report of two")
			}
		case 3 * time.Second:
			video.report(at)
			if !group.ready {
				t.Error("not ready with both reports")
			}
		}
		a, v := audio.media(t, at), video.media(t, at)
		if at > 0 {
			for _, d := range []time.Duration{a - lastAudio, v - lastVideo} {
				if d < 19800*time.Microsecond || d > 20200*time.Microsecond {
					t.Fatalf("at %v: a step of %v instead of 20 ms", at, d)
				}
			}
		}
		lastAudio, lastVideo = a, v
		switch {
		case at == 2500*time.Millisecond && near(a, v, 80*time.Millisecond):
			t.Errorf("sound and picture %v apart before the reports: the test proves nothing", v-a)
		case at > 20*time.Second && !near(a, v, 2*time.Millisecond):
			t.Fatalf("at %v: sound and picture are %v apart", at, v-a)
		}
	}
}

func TestClock(t *testing.T) {
	const step = 20 * time.Millisecond
	run := func(s *sender, from, to time.Duration) {
		for at := from; at < to; at += step {
			s.send(at)
		}
	}
	tests := []struct {
		name string
		run  func(t *testing.T, s *sender)
	}{
		{"nothing before the first packet", func(t *testing.T, s *sender) {
			if _, ok := s.clock.mediaTime(5); ok {
				t.Error("a time")
			}
			s.report(0)
			if s.clock.reported {
				t.Error("a report before the first packet counts")
			}
		}},
		{"a new time base ahead", func(t *testing.T, s *sender) {
			run(s, 0, 2*time.Second)
			s.base += 90000 * 3600
			run(s, 2*time.Second, 4*time.Second)
			if got := s.media(t, 4*time.Second); !near(got, 4*time.Second+s.delay, time.Millisecond) {
				t.Errorf("%v", got)
			}
		}},
		{"a new time base behind", func(t *testing.T, s *sender) {
			run(s, 0, 2*time.Second)
			s.base -= 90000 * 3600
			run(s, 2*time.Second, 4*time.Second)
			if got := s.media(t, 4*time.Second); !near(got, 4*time.Second+s.delay, time.Millisecond) {
				t.Errorf("%v", got)
			}
		}},
		{"a source that stands still for 3 s", func(t *testing.T, s *sender) {
			run(s, 0, 2*time.Second)
			s.delay += 3 * time.Second // timestamps went on from where they were
			run(s, 2*time.Second, 14*time.Second)
			if got := s.media(t, 14*time.Second); !near(got, 14*time.Second+s.delay, time.Millisecond) {
				t.Errorf("%v", got)
			}
		}},
		{"a network that stalls for 3 s", func(t *testing.T, s *sender) {
			run(s, 0, 2*time.Second)
			for at := 2 * time.Second; at < 5*time.Second; at += step {
				s.clock.packet(s.timestamp(at), 5*time.Second+s.delay) // all at once
			}
			run(s, 5*time.Second, 30*time.Second)
			for _, at := range []time.Duration{3 * time.Second, 30 * time.Second} {
				if got := s.media(t, at); !near(got, at+s.delay, time.Millisecond) {
					t.Errorf("%v at %v", got, at)
				}
			}
		}},
		{"a mute of an hour", func(t *testing.T, s *sender) {
			run(s, 0, 2*time.Second)
			run(s, time.Hour, time.Hour+2*time.Second)
			if got := s.media(t, time.Hour); !near(got, time.Hour+s.delay, time.Millisecond) {
				t.Errorf("%v", got)
			}
		}},
		{"another source", func(t *testing.T, s *sender) {
			run(s, 0, 2*time.Second)
			s.clock.restart()
			s.base += 77
			run(s, 2*time.Second, 4*time.Second)
			if got := s.media(t, 4*time.Second); !near(got, 4*time.Second+s.delay, time.Millisecond) {
				t.Errorf("%v", got)
			}
		}},
		{"the publisher sets its clock", func(t *testing.T, s *sender) {
			for at := time.Duration(0); at < 30*time.Second; at += step {
				s.send(at)
				if at%(5*time.Second) == time.Second {
					s.report(at)
				}
				if at == 12*time.Second {
					s.remote = s.remote.Add(-time.Hour)
				}
				if got := s.media(t, at); !near(got, at+s.delay, time.Millisecond) {
					t.Fatalf("%v at %v", got, at)
				}
			}
		}},
		{"reports of nonsense", func(t *testing.T, s *sender) {
			for at := time.Duration(0); at < 30*time.Second; at += step {
				s.send(at)
				if at%time.Second == 0 {
					s.clock.report(s.rand.Uint64(), s.rand.Uint32(), at)
				}
				if at%time.Second == 500*time.Millisecond {
					s.clock.report(s.rand.Uint64(), s.timestamp(at), at)
				}
				if got := s.media(t, at); !near(got, at+s.delay, 1500*time.Millisecond) {
					t.Fatalf("%v at %v", got, at)
				}
			}
		}},
		{"a crystal that is 200 ppm fast", func(t *testing.T, s *sender) {
			for at := time.Duration(0); at < 10*time.Minute; at += step {
				s.clock.packet(s.base+uint32(int64(at+at/5000)*90/1_000_000), at+s.delay)
			}
			at := 10 * time.Minute
			got, _ := s.clock.mediaTime(s.base + uint32(int64(at+at/5000)*90/1_000_000))
			if !near(got, at+s.delay, 5*time.Millisecond) {
				t.Errorf("off by %v", got-at-s.delay)
			}
		}},
		{"a pinned clock is exact", func(t *testing.T, s *sender) {
			for at := time.Duration(0); at < 100*time.Second; at += step {
				s.clock.pin(s.timestamp(at), at+time.Hour)
				if got := s.media(t, at); got != at+time.Hour {
					t.Fatalf("%v at %v", got, at)
				}
			}
		}},
	}
	for _, tt := range tests {
		for _, base := range []uint32{7, 1<<32 - 90000} {
			t.Run(tt.name, func(t *testing.T) {
				s := newSender(nil, 90000, base)
				s.delay = 40 * time.Millisecond
				tt.run(t, s)
			})
		}
	}
}

// A reader that lags behind the packets gets the same times as one that does not.
func TestLateQuestionsGetTheSameAnswer(t *testing.T) {
	s := newSender(nil, 90000, 1<<32-50_000)
	s.delay = 900 * time.Millisecond
	s.send(0)
	var at []time.Duration
	for captured := 20 * time.Millisecond; captured < time.Second; captured += 20 * time.Millisecond {
		s.delay -= 15 * time.Millisecond // a queue that empties
		s.send(captured)
		at = append(at, s.media(t, captured))
	}
	for i, was := range at {
		if got := s.media(t, time.Duration(i+1)*20*time.Millisecond); got != was {
			t.Errorf("frame %d: %v, was %v", i, got, was)
		}
	}
}

// A track that comes later runs by arrival until its own report, and disturbs nobody.
func TestALaterTrackJoinsItsGroup(t *testing.T) {
	group := NewClockGroup()
	audio, screen := newSender(group, 48000, 1), newSender(group, 90000, 2)
	audio.delay, screen.delay = 20*time.Millisecond, 120*time.Millisecond
	for at := time.Duration(0); at < 40*time.Second; at += 20 * time.Millisecond {
		audio.send(at)
		if at%(5*time.Second) == 0 && at > 0 {
			audio.report(at)
		}
		if at > 10*time.Second {
			screen.send(at)
			if at == 15*time.Second {
				screen.report(at)
			}
		}
		if got := audio.media(t, at); !near(got, at+20*time.Millisecond, 2*time.Millisecond) {
			t.Fatalf("sound at %v is at %v", at, got)
		}
	}
	if a, s := audio.media(t, 40*time.Second), screen.media(t, 40*time.Second); !near(a, s, 2*time.Millisecond) {
		t.Errorf("%v apart", s-a)
	}
}

// A publisher whose streams report by different clocks is read by arrival.
func TestReportsByDifferentClocksAreNotBelieved(t *testing.T) {
	group := NewClockGroup()
	audio, video := newSender(group, 48000, 1), newSender(group, 90000, 2)
	audio.delay, video.delay = 20*time.Millisecond, 60*time.Millisecond
	video.remote = time.Date(1970, 1, 1, 5, 0, 0, 0, time.UTC) // counts since its start
	for at := time.Duration(0); at < 30*time.Second; at += 20 * time.Millisecond {
		audio.send(at)
		video.send(at)
		if at%(5*time.Second) == time.Second {
			audio.report(at)
			video.report(at)
		}
		if a, v := audio.media(t, at), video.media(t, at); !near(a, at, 100*time.Millisecond) || !near(v, at, 100*time.Millisecond) {
			t.Fatalf("at %v: sound at %v, picture at %v", at, a, v)
		}
	}
}

func TestMeter(t *testing.T) {
	for _, start := range []time.Duration{0, time.Hour, -time.Hour} {
		var m meter
		now := start
		if m.active(now) {
			t.Error("active before anything came")
		}
		for range 300 {
			m.add(now, 1000, 1)
			now += 10 * time.Millisecond
		}
		if bytes, frames := m.rate(now); bytes != 100_000 || frames != 100 {
			t.Errorf("%d bytes, %d frames a second", bytes, frames)
		}
		if now += 2 * time.Second; m.active(now) {
			t.Error("active after 2 s of silence")
		}
		if bytes, _ := m.rate(now); bytes != 0 {
			t.Errorf("%d bytes a second after silence", bytes)
		}
		now += time.Hour
		for range 200 {
			m.add(now, 10, 0)
			now += 10 * time.Millisecond
		}
		if bytes, _ := m.rate(now); bytes != 1000 {
			t.Errorf("%d bytes a second after an hour", bytes)
		}
	}
}

func TestWhatIsSlowIsActiveBetweenItsPictures(t *testing.T) {
	var m meter
	now := time.Hour
	m.add(now, 1000, 1)
	if m.active(now + 1100*time.Millisecond) {
		t.Error("one picture makes it slow")
	}
	for range 10 { // a screen on which nothing happens
		now += 1050 * time.Millisecond
		m.add(now, 1000, 1)
	}
	if !m.active(now+1100*time.Millisecond) || m.active(now+slowPatience) {
		t.Error("a picture a second is taken for a layer that comes and goes, or one that ended for one that goes on")
	}
	for range 60 { // and then much does
		now += 33 * time.Millisecond
		m.add(now, 1000, 1)
	}
	if m.active(now + 1100*time.Millisecond) {
		t.Error("30 pictures a second are slow")
	}
	now += time.Minute
	m.add(now, 1000, 1) // another layer under its name
	m.add(now+200*time.Millisecond, 1000, 1)
	if m.active(now + 1300*time.Millisecond) {
		t.Error("what has just begun is slow")
	}
}

func BenchmarkClock(b *testing.B) {
	c := newSourceClock(media.H264.ClockRate(), nil)
	b.ReportAllocs()
	var at uint32
	for b.Loop() {
		at += 300
		c.packet(at, time.Duration(at)*time.Second/90000)
		c.mediaTime(at)
	}
}

func TestALayerThatOthersGoOnWithoutHasEnded(t *testing.T) {
	track := NewFromPackets(Info{ID: "TR_x", Kind: media.Video, Codec: media.VP8}, nil)
	defer track.Close()
	small, large := track.AddLayer("q"), track.AddLayer("f")
	now := time.Hour
	seq := uint64(1 << 16)
	picture := func(layers ...*Layer) {
		seq++
		for _, l := range layers {
			l.Write(&media.Packet{Seq: seq, Timestamp: uint32(seq), Arrival: now, Marker: true, SSRC: 1, Payload: []byte{0x10, 1, 2, 3}})
		}
	}
	for range 10 {
		now += 500 * time.Millisecond
		picture(small, large)
	}
	if later := now + 1100*time.Millisecond; !small.Active(later) || !large.Active(later) {
		t.Error("a pause of both is taken for their end")
	}
	for range 3 {
		now += 500 * time.Millisecond
		picture(small)
	}
	if !small.Active(now) || large.Active(now) || large.BitrateAt(now) != 0 {
		t.Errorf("small: %v, large: %v, %d bit/s", small.Active(now), large.Active(now), large.BitrateAt(now))
	}
	now += 500 * time.Millisecond
	picture(small, large)
	if !large.Active(now) {
		t.Error("what comes again is not seen")
	}
}
