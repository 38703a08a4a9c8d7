package sfu

import (
	"testing"
	"time"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/rtc"
	"github.com/tuttilive/tutti/internal/track"
)

func TestReceiverCountsWhatComesAndWhatDoesNot(t *testing.T) {
	before := ReadTotals().In[media.Video]
	r := newReceiver(t, track.Info{Kind: media.Video, Codec: media.H264})
	st := r.take(&rtc.Stream{RID: "h", SSRC: 1, Codec: media.H264, CanNack: true}, new(feedbackLog))
	now := time.Hour
	seq := uint16(10)
	for i := range uint32(30) {
		nal := byte(1)
		if i == 0 {
			nal = 7
		}
		give(st, h264Packet(seq, i*3000, nal, now))
		seq, now = seq+1, now+33*ms
	}
	seq += 10 // which are lost, but for one that comes on request
	now += 400 * ms
	give(st, h264Packet(seq, 200_000, 1, now))
	now += 20 * ms
	st.look(now)
	again := h264Packet(45, 190_000, 1, now)
	again.Repaired = true
	give(st, again)
	st.askKeyframe()

	all := r.Stats()
	if len(all) != 1 {
		t.Fatalf("%d layers", len(all))
	}
	s := all[0]
	if s.RID != "h" || s.Codec != media.H264 || s.Packets != 32 || s.Lost != 10 || s.Nacked != 10 || s.Repaired != 1 || s.Keyframes != 1 ||
		s.KeyframesWanted != 1 || s.Freezes != 1 || s.Frozen != 433*ms || s.LossShare < 0.24 || s.LossShare > 0.25 {
		t.Errorf("%+v", s)
	}
	is := ReadTotals().In[media.Video]
	if is.Packets-before.Packets != 32 || is.Lost-before.Lost != 10 || is.Freezes-before.Freezes != 1 ||
		is.LossShare.Count-before.LossShare.Count != 1 {
		t.Errorf("totals before %+v and after %+v", before, is)
	}
}

func TestSenderAccountsForWhatLeft(t *testing.T) {
	inWorld(t, func(w *world) {
		before := ReadTotals()
		tr := w.track(media.VP8)
		q, h := w.source(tr, "q", 100, 5000), w.source(tr, "h", 30000, 70000)
		q.key(1)
		h.write(h.frame(true, 2)...)
		s := w.sender(tr, media.VP8)
		var changes []string
		s.onLayer = func(was, is *track.Layer) { changes = append(changes, was.RID()+is.RID()) }
		w.pass(accountInterval)
		s.SetLayer(0)
		w.work()
		q.key(1)
		s.allow(w, suspended, mbit)
		if stats := s.Stats(); !stats.Suspended || ReadTotals().Suspended != before.Suspended+1 {
			t.Errorf("%+v, %d suspended of before %d", stats, ReadTotals().Suspended, before.Suspended)
		}
		s.Close()
		w.work()
		is := ReadTotals()
		if is.Suspended != before.Suspended || is.Behind != before.Behind {
			t.Errorf("%d are suspended and %d behind after the end, %d and %d before", is.Suspended, is.Behind, before.Suspended, before.Behind)
		}
		if left := is.Out[media.Video].Packets - before.Out[media.Video].Packets; left != s.counts.packets.Load() || left < 3 {
			t.Errorf("%d packets left, of %d", left, s.counts.packets.Load())
		}
		if len(changes) != 1 || changes[0] != "hq" {
			t.Errorf("changes of layers: %v", changes)
		}
	})
}
