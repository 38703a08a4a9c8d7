package sfu

import (
	"fmt"
	"testing"
	"time"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/track"
)

func (w *world) wantSent(s *Sender, want string) {
	w.t.Helper()
	if got := w.labels(s); got != want {
		w.t.Errorf("sent %q, want %q", got, want)
	}
}

func TestSenderStartsAtTheNextKeyframe(t *testing.T) {
	inWorld(t, func(w *world) {
		tr := w.track(media.VP8)
		src := w.source(tr, "", 100, 0)
		src.deltas(2)
		s := w.sender(tr, media.VP8)
		if w.asked[""] != 1 {
			t.Errorf("a keyframe was asked for %d times", w.asked[""])
		}
		src.deltas(2)
		w.wantSent(s, "")
		src.key(3)
		src.deltas(2)
		w.wantSent(s, "5x3 6x2 7x2")
	})
}

func TestSenderStartsAtTheLastKeyframe(t *testing.T) {
	inWorld(t, func(w *world) {
		tr := w.track(media.VP8)
		src := w.source(tr, "", 100, 0)
		src.deltas(2)
		src.key(5)
		src.deltas(2)
		s := w.sender(tr, media.VP8)
		w.wantSent(s, "3x5 4x2 5x2")
		src.deltas(1)
		w.wantSent(s, "3x5 4x2 5x2 6x2")
		if w.asked[""] != 0 {
			t.Errorf("a keyframe was asked for %d times", w.asked[""])
		}
	})
}

// TestSenderSqueezesThePast starts 1.6 s after the keyframe. The pictures of that time go out as if they had been
// captured within 50 ms, and what is live has its right time by the reports.
func TestSenderSqueezesThePast(t *testing.T) {
	inWorld(t, func(w *world) {
		tr := w.track(media.VP8)
		src := w.source(tr, "", 100, 0)
		src.key(3)
		src.deltas(40)
		s := w.sender(tr, media.VP8)
		src.deltas(30)
		sent := w.sent[s.out]
		if len(sent) != 3+2*70 {
			t.Fatalf("%d packets were sent", len(sent))
		}
		if past := sent[82].Timestamp - sent[0].Timestamp; past != 40*40*90/squeeze {
			t.Errorf("the past takes %d", past)
		}
		if step := sent[83].Timestamp - sent[82].Timestamp; step != 40*90 {
			t.Errorf("the first live picture comes %d later", step)
		}
		report := w.reports[s.out][0]
		ago := float64(media.NTP(w.now)-report.ntp) / (1 << 32)
		at := float64(int32(sent[len(sent)-1].Timestamp-report.timestamp)) / 90000
		if d := at - ago; d > 0.001 || d < -0.001 {
			t.Errorf("a report is off by %f s", d)
		}
	})
}

func TestSenderStartsFromALongPastInParts(t *testing.T) {
	inWorld(t, func(w *world) {
		tr := w.track(media.VP8)
		src := w.source(tr, "", 100, 0)
		src.key(burstPackets)
		w.now += 40 * ms
		src.write(src.frame(false, burstPackets)...)
		s := w.sender(tr, media.VP8)
		w.wantSent(s, "1x96")
		w.now += 40 * ms
		src.write(src.frame(false, 3)...)
		w.wantSent(s, "1x96 2x96")
		w.pass(100 * ms)
		w.wantSent(s, "1x96 2x96 3x3")
		src.deltas(1)
		w.wantSent(s, "1x96 2x96 3x3 4x2")
	})
}

func TestSenderAsksWhenTheLastKeyframeWillNotDo(t *testing.T) {
	tests := map[string]func(src *source){
		"too old": func(src *source) {
			src.key(3)
			src.w.pass(2100 * ms)
		},
		"incomplete": func(src *source) {
			frame := src.frame(true, 5)
			src.write(frame[0], frame[1], frame[3], frame[4])
			src.deltas(1)
		},
		"too far back": func(src *source) {
			src.key(3)
			src.write(src.frame(false, maxStartPackets)...)
		},
	}
	for name, publish := range tests {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(w *world) {
				tr := w.track(media.VP8)
				publish(w.source(tr, "", 100, 0))
				s := w.sender(tr, media.VP8)
				w.wantSent(s, "")
				if w.asked[""] != 1 {
					t.Errorf("a keyframe was asked for %d times", w.asked[""])
				}
			})
		})
	}
}

func TestSenderStartsWithAKeyframeThatIsStillComing(t *testing.T) {
	inWorld(t, func(w *world) {
		tr := w.track(media.VP8)
		src := w.source(tr, "", 100, 0)
		frame := src.frame(true, 5)
		src.write(frame[:2]...)
		s := w.sender(tr, media.VP8)
		src.write(frame[2:]...)
		w.wantSent(s, "1x5")
	})
}

func TestSenderOfSoundStartsAtOnce(t *testing.T) {
	inWorld(t, func(w *world) {
		tr := w.track(media.Opus)
		src := w.source(tr, "", 100, 0)
		src.deltas(2)
		s := w.sender(tr, media.Opus)
		src.deltas(1)
		w.wantSent(s, "3x2")
	})
}

func TestSenderPausesAndResumesAtAKeyframe(t *testing.T) {
	inWorld(t, func(w *world) {
		tr := w.track(media.VP8)
		src := w.source(tr, "", 100, 0)
		s := w.sender(tr, media.VP8)
		src.key(2)
		src.deltas(1)
		s.SetPaused(true)
		w.work()
		src.deltas(2)
		w.wantSent(s, "1x2 2x2")
		asked := w.asked[""]
		s.SetPaused(false)
		w.work()
		src.deltas(1)
		w.wantSent(s, "1x2 2x2") // not from the keyframe that it had already
		if w.asked[""] != asked+1 {
			t.Errorf("a keyframe was asked for %d times", w.asked[""]-asked)
		}
		src.key(2)
		w.wantSent(s, "1x2 2x2 6x2")
		// Four frames of 40 ms lie between the last two.
		sent := w.sent[s.out]
		if step := sent[4].Timestamp - sent[3].Timestamp; step != 4*40*90 {
			t.Errorf("timestamp steps by %d", step)
		}

		// Resumed soon after a keyframe that it has not seen, it starts there.
		s.SetPaused(true)
		w.work()
		src.key(2)
		src.deltas(1)
		s.SetPaused(false)
		w.work()
		w.wantSent(s, "1x2 2x2 6x2 7x2 8x2")
	})
}

// TestSenderForHours: a timestamp has 32 bits, which pictures go through in 13.3 hours.
func TestSenderForHours(t *testing.T) {
	const step, long = 2 * time.Second, 14 * time.Hour
	t.Run("of the same picture", func(t *testing.T) {
		inWorld(t, func(w *world) {
			tr := w.track(media.VP8)
			src := w.source(tr, "", 100, 0)
			src.key(3)
			s := w.sender(tr, media.VP8)
			src.deltas(3) // and what is past is over
			var last uint32
			for began := w.now; w.now-began < long; {
				w.pass(step)
				src.write(src.frame(false, 1)...)
				sent := w.sent[s.out]
				now := sent[len(sent)-1].Timestamp
				if want := uint32(step.Seconds() * 90000); last != 0 && now-last != want {
					t.Fatalf("after %v: timestamp steps by %d, want %d", w.now-began, int32(now-last), want)
				}
				last, w.sent[s.out] = now, sent[:0]
			}
		})
	})
	for _, pause := range []time.Duration{5 * time.Hour, 7 * time.Hour, long} {
		t.Run(fmt.Sprint("paused for ", pause), func(t *testing.T) {
			inWorld(t, func(w *world) {
				tr := w.track(media.VP8)
				src := w.source(tr, "", 100, 0)
				s := w.sender(tr, media.VP8)
				src.key(1)
				first := src.timestamp
				s.SetPaused(true)
				w.work()
				for began := w.now; w.now-began < pause; {
					w.pass(step)
					src.write(src.frame(false, 1)...)
				}
				src.key(1)
				before := w.sent[s.out][0].Timestamp
				s.SetPaused(false)
				w.work()
				sent := w.sent[s.out]
				if len(sent) != 2 {
					t.Fatal("it does not start at the keyframe that has just come")
				}
				if passed, want := sent[1].Timestamp-before, src.timestamp-first; passed-want+9000 > 18000 { // to a tenth of a second
					t.Errorf("timestamp steps by %d, want %d", passed, want)
				}
			})
		})
	}
}

func TestSenderWithoutATrackWaitsForOne(t *testing.T) {
	inWorld(t, func(w *world) {
		s := w.sender(nil, media.VP8)
		w.pass(time.Second)
		tr := w.track(media.VP8)
		src := w.source(tr, "", 100, 0)
		if err := s.Switch(tr); err != nil {
			t.Fatal(err)
		}
		w.work()
		src.key(2)
		w.wantSent(s, "1x2")
		if err := s.Switch(w.track(media.Opus)); err == nil {
			t.Error("switches from picture to sound")
		}
	})
}

// TestSenderThatNeverBeganKeepsOneTrackOnly: a track that nobody gets is not read, let alone converted.
func TestSenderThatNeverBeganKeepsOneTrackOnly(t *testing.T) {
	inWorld(t, func(w *world) {
		s := &Sender{peer: w, codec: media.VP8}
		defer s.Close()
		for range 3 {
			must(t, s.Switch(w.track(media.VP8)))
		}
		feeds.mu.Lock()
		open := len(feeds.open)
		feeds.mu.Unlock()
		if open != 1 || len(s.retired) != 0 {
			t.Errorf("%d feeds are open, %d kept for later", open, len(s.retired))
		}
	})
}

func TestSenderSwitchesTrackAtAKeyframe(t *testing.T) {
	inWorld(t, func(w *world) {
		one, two := w.track(media.VP8), w.track(media.VP8)
		a := w.source(one, "a", 100, 0)
		s := w.sender(one, media.VP8)
		a.key(2)
		a.deltas(1)
		b := w.source(two, "b", 60000, 0xfffff000)
		b.write(b.frame(false, 2)...)
		if err := s.Switch(two); err != nil {
			t.Fatal(err)
		}
		w.work()
		a.deltas(1) // goes on
		b.write(b.frame(false, 2)...)
		w.wantSent(s, "a1x2 a2x2 a3x2")
		b.key(2)
		a.write(a.frame(false, 2)...)
		b.deltas(1)
		w.wantSent(s, "a1x2 a2x2 a3x2 b3x2 b4x2")
		if step := w.sent[s.out][6].Timestamp - w.sent[s.out][5].Timestamp; step != 40*90 {
			t.Errorf("timestamp steps by %d", step)
		}
		w.wantOpen(feedKey{one, media.VP8}, 0)
		if len(w.f.groups) != 1 || len(w.f.audiences) != 1 {
			t.Errorf("%d groups, %d audiences", len(w.f.groups), len(w.f.audiences))
		}
	})
}

func TestSenderSwitchesBackBeforeTheKeyframe(t *testing.T) {
	inWorld(t, func(w *world) {
		one, two := w.track(media.VP8), w.track(media.VP8)
		a, b := w.source(one, "a", 100, 0), w.source(two, "b", 60000, 0)
		s := w.sender(one, media.VP8)
		a.key(2)
		for _, tr := range []*track.Track{two, one, one} {
			must(t, s.Switch(tr))
			w.work()
		}
		b.key(2)
		a.deltas(1)
		w.wantSent(s, "a1x2 a2x2")
		w.wantOpen(feedKey{one, media.VP8}, 1)
		w.wantOpen(feedKey{two, media.VP8}, 0)

		s.SetPaused(true)
		must(t, s.Switch(two))
		w.work()
		w.wantOpen(feedKey{one, media.VP8}, 0)
		w.wantOpen(feedKey{two, media.VP8}, 1)
	})
}

func (w *world) wantOpen(key feedKey, users int) {
	w.t.Helper()
	feeds.mu.Lock()
	defer feeds.mu.Unlock()
	got := 0
	if f := feeds.open[key]; f != nil {
		got = f.users
	}
	if got != users {
		w.t.Errorf("%d users of a feed, want %d", got, users)
	}
}

func TestSenderChangesLayers(t *testing.T) {
	inWorld(t, func(w *world) {
		tr := w.track(media.VP8)
		q, h := w.source(tr, "q", 100, 5000), w.source(tr, "h", 30000, 70000)
		q.key(1)
		h.write(h.frame(true, 2)...)
		s := w.sender(tr, media.VP8)
		w.wantSent(s, "h1x2")
		both := func(n int) {
			for range n {
				q.deltas(1)
				h.write(h.frame(false, 2)...)
			}
		}
		both(1)
		s.SetLayer(0)
		w.work()
		both(1)
		w.wantSent(s, "h1x2 h2x2 h3x2")
		if w.asked["q"] != 1 || w.asked["h"] != 0 {
			t.Errorf("keyframes asked for: %v", w.asked)
		}
		q.key(1)
		both(1)
		w.wantSent(s, "h1x2 h2x2 h3x2 q4x1 q5x2")
		if step := w.sent[s.out][6].Timestamp - w.sent[s.out][5].Timestamp; step != 40*90 {
			t.Errorf("timestamp steps by %d", step)
		}

		// Changed its mind before the keyframe came.
		s.SetLayer(1)
		w.work()
		s.SetLayer(0)
		w.work()
		w.pass(40 * ms)
		h.write(h.frame(true, 2)...)
		q.write(q.frame(false, 2)...)
		w.wantSent(s, "h1x2 h2x2 h3x2 q4x1 q5x2 q6x2")
		if len(w.f.groups) != 1 {
			t.Errorf("%d groups", len(w.f.groups))
		}
	})
}

func TestSenderFallsToAnotherLayerAndComesBack(t *testing.T) {
	inWorld(t, func(w *world) {
		tr := w.track(media.VP8)
		q, h := w.source(tr, "q", 100, 0), w.source(tr, "h", 30000, 70000)
		q.key(1)
		h.write(h.frame(true, 2)...)
		s := w.sender(tr, media.VP8)
		w.wantSent(s, "h1x2")
		for range 30 { // 1.2 s without h
			q.deltas(1)
		}
		if w.asked["q"] == 0 {
			t.Error("no keyframe was asked for")
		}
		q.key(1)
		w.wantSent(s, "h1x2 q32x1")
		w.pass(40 * ms)
		h.write(h.frame(false, 2)...)
		q.deltas(3)
		if w.asked["h"] == 0 {
			t.Error("no keyframe was asked for of the layer that came back")
		}
		h.key(2)
		w.wantSent(s, "h1x2 q32x1 q33x2 q34x2 q35x2 h3x2")
	})
}

func TestSenderShowsASmallLayerFirst(t *testing.T) {
	inWorld(t, func(w *world) {
		tr := w.track(media.VP8)
		q, h := w.source(tr, "q", 100, 0), w.source(tr, "h", 30000, 70000)
		h.write(h.frame(false, 2)...)
		q.key(1)
		s := w.sender(tr, media.VP8)
		w.wantSent(s, "q1x1")
		q.deltas(1)
		h.key(2) // asked for
		q.deltas(1)
		w.wantSent(s, "q1x1 q2x2 h2x2")
	})
}

func TestSenderFollowsALayerThatIsAdded(t *testing.T) {
	inWorld(t, func(w *world) {
		tr := w.track(media.VP8)
		s := w.sender(tr, media.VP8)
		q := w.source(tr, "q", 100, 0)
		w.work()
		q.key(1)
		h := w.source(tr, "h", 30000, 70000)
		h.write(h.frame(true, 2)...)
		q.deltas(2)
		h.key(2)
		h.layer.Remove()
		w.work()
		q.key(1)
		q.deltas(1)
		w.wantSent(s, "q1x1 q2x2 q3x2 h2x2 q4x1 q5x2")
	})
}

func TestSenderForwardsLatePackets(t *testing.T) {
	inWorld(t, func(w *world) {
		tr := w.track(media.VP8)
		src := w.source(tr, "", 100, 0)
		s := w.sender(tr, media.VP8)
		src.key(2)
		frame := src.frame(false, 5)
		src.write(frame[0], frame[3], frame[4])
		src.write(frame[1])
		src.write(frame[2])
		var seqs []uint16
		for _, p := range w.sent[s.out] {
			seqs = append(seqs, p.Seq-1000)
		}
		want := []uint16{0, 1, 2, 5, 6, 3, 4}
		for i := range want {
			if len(seqs) != len(want) || seqs[i] != want[i] {
				t.Fatalf("sent %v, want %v", seqs, want)
			}
		}
	})
}

func TestSenderRepairs(t *testing.T) {
	inWorld(t, func(w *world) {
		tr := w.track(media.VP8)
		q, h := w.source(tr, "q", 100, 0), w.source(tr, "h", 30000, 70000)
		h.write(h.frame(true, 3)...)
		s := w.sender(tr, media.VP8)
		s.SetLayer(0)
		w.work()
		q.key(2)
		q.deltas(1)
		w.wantSent(s, "h1x3 q1x2 q2x2")
		repaired := func(seqs ...uint16) (got []uint16) {
			before := len(w.sent[s.out])
			(*feedback)(s).Nack(seqs)
			w.work()
			for _, p := range w.sent[s.out][before:] {
				original := w.sent[s.out][p.Seq-1000]
				if !p.Repair || p.Timestamp != original.Timestamp || string(p.Payload) != string(original.Payload) || p.Marker != original.Marker {
					t.Errorf("repair %+v of %+v", p, original)
				}
				got = append(got, p.Seq)
			}
			return got
		}
		// From both layers; what was never sent is not found.
		if got := repaired(1001, 1002, 1003, 1006, 1007, 999, 50000); len(got) != 4 {
			t.Errorf("repaired %v", got)
		}
		if got := repaired(1001, 1004); len(got) != 1 || got[0] != 1004 {
			t.Errorf("repaired %v within a round trip", got)
		}
		w.now += 50 * ms
		if got := repaired(1001); len(got) != 1 {
			t.Errorf("repaired %v after a round trip", got)
		}
		if stats := s.Stats(); stats.Nacked != 10 || stats.Repaired != 6 || stats.Packets != 7 {
			t.Errorf("stats %+v", stats)
		}
	})
}

func TestSenderBoundsWhatWaits(t *testing.T) {
	inWorld(t, func(w *world) {
		tr := w.track(media.VP8)
		src := w.source(tr, "", 100, 0)
		s := w.sender(tr, media.VP8)
		src.key(2)
		for range 100 {
			(*feedback)(s).Nack(make([]uint16, 100))
		}
		if n := len(s.nacks.waiting); n != maxNacks {
			t.Errorf("%d requests wait", n)
		}
		if n := len(w.queue); n != 1 {
			t.Errorf("%d pieces of work wait", n)
		}
		w.work()
	})
}

func TestSenderAfterTheRingRanOverIt(t *testing.T) {
	inWorld(t, func(w *world) {
		tr := w.track(media.VP8)
		src := w.source(tr, "", 100, 0)
		s := w.sender(tr, media.VP8)
		src.key(2)
		for range 30 {
			for _, p := range src.frame(false, 100) {
				src.layer.Write(p)
			}
			w.now += 40 * ms
		}
		asked := w.asked[""]
		src.layer.Flush()
		w.work()
		if w.asked[""] == asked {
			t.Error("no keyframe was asked for")
		}
		w.wantSent(s, "1x2")
		src.key(2)
		src.deltas(1)
		w.wantSent(s, "1x2 32x2 33x2")
	})
}

func TestSenderReports(t *testing.T) {
	inWorld(t, func(w *world) {
		tr := w.track(media.VP8)
		src := w.source(tr, "", 100, 12345)
		s := w.sender(tr, media.VP8)
		src.key(2)
		for range 75 {
			src.deltas(1)
		}
		reports := w.reports[s.out]
		if len(reports) < 3 || len(reports) > 4 {
			t.Fatalf("%d reports in 3 s", len(reports))
		}
		sent := w.sent[s.out]
		first := sent[0].Timestamp
		captured := media.NTP(time.Minute + 40*ms)
		for _, r := range reports {
			passed := float64(r.ntp-captured) / (1 << 32)
			if d := float64(r.timestamp-first)/90000 - passed; d > 0.001 || d < -0.001 {
				t.Errorf("a report is off by %f s", d)
			}
		}
	})
}

// TestReportsKeepSoundAndPictureInStep publishes a picture that takes 300 ms longer than the sound to be encoded, with
// sender reports that say so, and looks at what the reports to a viewer say of a moment at which both were captured.
func TestReportsKeepSoundAndPictureInStep(t *testing.T) {
	inWorld(t, func(w *world) {
		const behind = 300 * ms
		group := track.NewClockGroup()
		var sources []*source
		var senders []*Sender
		for i, codec := range []media.Codec{media.VP8, media.Opus} {
			tr := track.NewFromPackets(track.Info{Kind: codec.Kind(), Codec: codec, Group: group}, w)
			w.t.Cleanup(tr.Close)
			src := w.source(tr, "", 100, uint32(i)*3_000_000_000)
			sources = append(sources, src)
			senders = append(senders, w.sender(tr, codec))
		}
		remote := media.NTP(90 * time.Minute) // the publisher's clock is another one
		for i := range 40 * 25 {
			w.pass(40 * ms)
			for j, src := range sources {
				frame := src.frame(i%50 == 0, 1)
				if j == 0 {
					frame[0].Timestamp -= uint32(ticks(behind, 90000))
				}
				src.write(frame...)
				if i%25 == 10*j {
					at := media.NTP(w.now) - media.NTP(time.Minute) + remote
					src.layer.SenderReport(at, uint32(ticks(w.now-src.epoch, src.codec.ClockRate())), w.now)
				}
			}
		}
		var captured [2]float64 // of the same moment, by the viewer's reports, in seconds
		for j, src := range sources {
			reports := w.reports[senders[j].out]
			last := reports[len(reports)-1]
			now := uint32(ticks(w.now-src.epoch, src.codec.ClockRate()))
			moment := now + senders[j].rewriter.newest().timestamp
			captured[j] = float64(last.ntp)/(1<<32) + float64(int32(moment-last.timestamp))/float64(src.codec.ClockRate())
		}
		if d := captured[0] - captured[1]; d > 0.02 || d < -0.02 {
			t.Errorf("picture and sound are %.0f ms apart", d*1000)
		}
	})
}

func TestSenderClosed(t *testing.T) {
	inWorld(t, func(w *world) {
		tr := w.track(media.VP8)
		src := w.source(tr, "", 100, 0)
		s := w.sender(tr, media.VP8)
		src.key(2)
		s.Close()
		w.work()
		src.deltas(1)
		s.SetPaused(true)
		s.SetLayer(1)
		s.Close()
		(*feedback)(s).Nack([]uint16{1000})
		w.work()
		w.wantSent(s, "1x2")
		if len(w.f.groups)+len(w.f.audiences)+len(feeds.open) != 0 {
			t.Errorf("%d groups, %d audiences, %d feeds are left", len(w.f.groups), len(w.f.audiences), len(feeds.open))
		}
		if err := s.Switch(tr); err != ErrSenderClosed {
			t.Errorf("switching gives %v", err)
		}
	})
}

// TestNobodySeesAMutedTrack: a publisher who was muted by somebody else may go on sending all the same.
func TestNobodySeesAMutedTrack(t *testing.T) {
	inWorld(t, func(w *world) {
		w.now = media.Now() // when it is unmuted is of the clock
		tr := w.track(media.VP8)
		src := w.source(tr, "", 100, 0)
		s := w.sender(tr, media.VP8)
		src.key(2)
		src.deltas(1)
		tr.SetMuted(true)
		asked := w.asked[""]
		src.deltas(1)
		src.key(2)
		w.wantSent(s, "1x2 2x2")
		late := w.sender(tr, media.VP8)
		s.SetPaused(true)
		w.work()
		s.SetPaused(false)
		w.work()
		src.deltas(30)
		if w.asked[""] != asked {
			t.Errorf("a keyframe of a muted picture was asked for %d times", w.asked[""]-asked)
		}
		w.wantSent(s, "1x2 2x2")
		src.key(2)
		time.Sleep(w.now - media.Now() + ms)
		tr.SetMuted(false)
		src.deltas(1)
		if w.asked[""] != asked+1 {
			t.Errorf("a keyframe was asked for %d times", w.asked[""]-asked)
		}
		later := w.sender(tr, media.VP8)
		w.work()
		src.key(2)
		src.deltas(1)
		w.wantSent(s, "1x2 2x2 37x2 38x2")
		w.wantSent(late, "37x2 38x2")
		w.wantSent(later, "37x2 38x2")
	})
}
