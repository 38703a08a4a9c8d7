package sfu

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/media/rtpfmt"
	"github.com/tuttilive/tutti/internal/rtc"
	"github.com/tuttilive/tutti/internal/track"
)

// pictures writes packets of pictures in short: a picture is its temporal layer, k before it makes a keyframe, ^ behind it lets
// readers go up; spatial layers follow behind colons, two packets each, ^ again for one that depends on those below alone.
// "k0:1:2" is a keyframe in three spatial layers.
func pictures(text string) (list []*media.Packet) {
	seq := uint64(1 << 16)
	for i, word := range strings.Fields(text) {
		key := strings.HasPrefix(word, "k")
		layers := strings.Split(strings.TrimPrefix(word, "k"), ":")
		temporal := layers[0][0] - '0'
		for spatial, layer := range layers {
			for part := range 2 {
				first := part == 0
				list = append(list, &media.Packet{
					Seq: seq, Timestamp: uint32(i) * 3000, Payload: []byte{byte(i), byte(spatial)}, Temporal: temporal, Spatial: uint8(spatial),
					Start: first && spatial == 0, Keyframe: first && spatial == 0 && key, Up: first && (strings.HasSuffix(layer, "^") || key && spatial > 0),
					Last: !first, Marker: !first && spatial == len(layers)-1,
				})
				seq++
			}
		}
	}
	return list
}

// TestSelection forwards pictures while what is wanted changes before some of them. What goes out are pictures with their largest
// spatial layer, m where the marker is on the last packet.
func TestSelection(t *testing.T) {
	tests := []struct {
		name, pictures string
		want           map[int]selection
		sent           string
	}{
		{"everything", "k0:1 1:1 0:1", nil, "0:1m 1:1m 2:1m"},
		{"temporal layers are dropped at once", "k0 2 1 2 0 2 1 2", map[int]selection{2: {0, 0}}, "0:0m 1:0m 4:0m"},
		{"and come back one at a time", "k0 2 1^ 2^ 0 2^ 1^ 2^", map[int]selection{0: {0, 0}, 1: {0, 2}}, "0:0m 2:0m 3:0m 4:0m 5:0m 6:0m 7:0m"},
		{"not where nothing says so", "k0 1 0 1 k0 1", map[int]selection{0: {0, 0}, 1: {0, 1}}, "0:0m 2:0m 4:0m 5:0m"},
		{"behind a picture that says so", "k0 1 0^ 1 0 1", map[int]selection{0: {0, 0}, 1: {0, 1}}, "0:0m 2:0m 3:0m 4:0m 5:0m"},
		{"spatial layers are dropped with the next picture", "k0:1:2 0:1:2 0:1:2", map[int]selection{1: {1, 0}, 2: {0, 0}}, "0:2m 1:1m 2:0m"},
		{"and come back at a keyframe", "k0:1:2 0:1:2 0:1:2 k0:1:2 0:1:2", map[int]selection{0: {0, 0}, 1: {2, 0}}, "0:0m 1:0m 2:0m 3:2m 4:2m"},
		{"or where they depend on those below alone", "k0:1:2 0:1:2 0:1^:2 0:1:2^", map[int]selection{0: {0, 0}, 1: {2, 0}}, "0:0m 1:0m 2:1m 3:2m"},
		{"not further than wanted", "k0:1:2 k0:1:2", map[int]selection{0: {0, 0}, 1: {1, 0}}, "0:0m 1:1m"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r, layer := newRewriter(100, 0), new(track.Layer)
			var sent []string
			var seq uint16
			for _, p := range pictures(tt.pictures) {
				n := int(p.Payload[0])
				if want, ok := tt.want[n]; ok {
					r.want = want
				}
				if r.count == 0 {
					r.begin(layer, p, p, 0, 90000)
				}
				var out rtc.Packet
				if _, ok := r.rewrite(p, &out, nil); !ok {
					continue
				}
				if seq != 0 && out.Seq != seq+1 {
					t.Errorf("number %d after %d", out.Seq, seq)
				}
				seq = out.Seq
				name := fmt.Sprintf("%d:%d", n, p.Spatial)
				if out.Marker {
					name += "m"
				}
				if last := len(sent) - 1; last >= 0 && strings.HasPrefix(sent[last], fmt.Sprint(n, ":")) {
					sent[last] = name
				} else {
					sent = append(sent, name)
				}
			}
			if got := strings.Join(sent, " "); got != tt.sent {
				t.Errorf("sent %s, want %s", got, tt.sent)
			}
		})
	}
}

// TestSelectionKeepsDenseNumbers: pictures that are left out leave no gap in VP8's numbers, also when they come late.
func TestSelectionKeepsDenseNumbers(t *testing.T) {
	r, layer := newRewriter(100, 0), new(track.Layer)
	r.want = selection{0, 0}
	var got []string
	send := func(seq uint64, temporal uint8, picture uint16) {
		p := vp8Packet(seq, uint32(picture)*3000, picture, uint8(picture/2))
		p.Temporal = temporal
		if r.count == 0 {
			r.begin(layer, p, p, 0, 90000)
		}
		var out rtc.Packet
		if _, ok := r.rewrite(p, &out, nil); !ok {
			return
		}
		number := int(p.Descriptor.PictureID)
		if len(out.Payload) == 0 {
			got = append(got, fmt.Sprintf("%d:empty", out.Seq))
			return
		}
		if len(out.Prefix) > 0 {
			number = int(out.Prefix[2]&0x7f)<<8 | int(out.Prefix[3])
		}
		got = append(got, fmt.Sprintf("%d:%d", out.Seq, number))
	}
	send(10, 0, 40)
	send(11, 1, 41) // left out
	send(12, 1, 41)
	send(13, 0, 42)
	send(15, 1, 43) // left out
	send(16, 0, 44)
	send(14, 1, 43) // late, and left out: its hole is closed
	send(18, 0, 45)
	send(17, 0, 45) // late
	if s, want := strings.Join(got, " "), "100:40 101:41 103:42 102:empty 105:43 104:43"; s != want {
		t.Errorf("sent %s, want %s", s, want)
	}
}

// TestSelectionRemembersWhatItSent: what was sent while layers were left out can be sent again.
func TestSelectionRemembersWhatItSent(t *testing.T) {
	r, layer := newRewriter(100, 0), new(track.Layer)
	r.want = selection{0, 0}
	from := map[uint16]uint64{}
	for _, p := range pictures("k0:1 " + strings.Repeat("0:1 ", 100)) {
		if r.count == 0 {
			r.begin(layer, p, p, 0, 90000)
		}
		var out rtc.Packet
		if _, ok := r.rewrite(p, &out, nil); ok {
			from[out.Seq] = p.Seq
		}
	}
	if len(from) != 202 {
		t.Fatalf("%d packets were sent", len(from))
	}
	for seq, want := range from {
		if _, source, ok := r.source(seq); !ok || source != want {
			t.Errorf("%d is found as %d, %v, want %d", seq, source, ok, want)
		}
	}
}

// scalable writes VP9 in the manner of L3T3_KEY, 25 pictures a second: keyframes in three spatial layers, after which each depends on
// itself alone; temporal layers 0 2 1 2. A keyframe comes as long after it is asked for as an encoder and two ways take.
type scalable struct {
	source
	asked    int
	keyAt    time.Duration
	pictures int
	absent   byte // how many of the largest layers are left out by the publisher
}

const keyframeDelay = 120 * ms

func (s *scalable) run(d time.Duration) {
	for end := s.w.now + d; s.w.now < end; {
		s.w.pass(40 * ms)
		if n := s.w.asked[s.layer.RID()]; n > s.asked {
			s.asked, s.keyAt = n, s.w.now+keyframeDelay
		}
		key := s.pictures == 0 || s.keyAt != 0 && s.w.now >= s.keyAt
		if key {
			s.pictures, s.keyAt = 0, 0
		}
		s.write(s.superframe(key)...)
		s.pictures++
	}
}

func (s *scalable) superframe(key bool) (list []*media.Packet) {
	s.timestamp = uint32(ticks(s.w.now-s.epoch, 90000))
	s.picture++
	temporal := [4]byte{0, 2, 1, 2}[s.pictures%4]
	layers := 3 - s.absent
	for spatial := range layers {
		flags := byte(0x80 | 0x20 | 0x08 | 0x04)
		if !key {
			flags |= 0x40
		}
		inter := byte(0)
		if key && spatial > 0 {
			inter = 1
		}
		payload := []byte{flags, 0x80 | byte(s.picture>>8), byte(s.picture), temporal<<5 | 0x10 | spatial<<1 | inter, byte(s.picture / 4)}
		if key && spatial == 0 {
			payload[0] |= 0x02
			payload = append(payload, 2<<5|0x10, 1, 64, 0, 180, 2, 128, 1, 104, 5, 0, 2, 208) // 320x180, 640x360, 1280x720
		}
		p := &media.Packet{
			Seq: s.seq, Timestamp: s.timestamp, Arrival: s.w.now, Marker: spatial == layers-1, SSRC: 1,
			Payload: append(payload, make([]byte, 200<<(2*spatial))...),
		}
		s.seq++
		if !rtpfmt.Parse(media.VP9, p) {
			s.w.t.Fatalf("cannot parse % x", p.Payload[:8])
		}
		list = append(list, p)
	}
	return list
}

// shown is what a decoder would show of what was sent since the last call: for each spatial layer how many pictures have it as their
// largest, and the longest time between two pictures. It checks that numbers have no hole and that markers are where pictures end.
func (w *world) shown(s *Sender) (largest [3]int, gap time.Duration) {
	w.t.Helper()
	sent := w.sent[s.out]
	for i, p := range sent {
		if i > 0 && p.Seq != sent[i-1].Seq+1 {
			w.t.Errorf("number %d after %d", p.Seq, sent[i-1].Seq)
		}
		if last := i+1 == len(sent) || sent[i+1].Timestamp != p.Timestamp; last != p.Marker {
			w.t.Errorf("packet %d: marker %v", i, p.Marker)
		} else if last {
			largest[p.Payload[3]>>1&7]++
		}
		if i > 0 {
			gap = max(gap, time.Duration(p.Timestamp-sent[i-1].Timestamp)*time.Second/90000)
		}
	}
	if n := len(sent); n > 0 {
		w.sent[s.out] = sent[n-1:]
		largest[sent[n-1].Payload[3]>>1&7]-- // is counted again
	}
	return largest, gap
}

// TestSwitchesWithinAStreamDoNotFreeze changes what a subscriber wants of a scalable stream. Pictures come all the time.
func TestSwitchesWithinAStreamDoNotFreeze(t *testing.T) {
	inWorld(t, func(w *world) {
		tr := w.track(media.VP9)
		src := &scalable{source: *w.source(tr, "", 100, 0)}
		src.run(2 * time.Second)
		s := w.sender(tr, media.VP9)
		steps := []struct {
			name     string
			want     func()
			spatial  int
			pictures int // in the 4 s after the change has been made
			gap      time.Duration
		}{
			{"all", func() {}, 2, 100, 40 * ms},
			{"small", func() { s.SetSize(320, 180) }, 0, 100, 40 * ms},
			{"medium", func() { s.SetSize(640, 360) }, 1, 100, 40 * ms},
			{"large", func() { s.SetSize(1280, 720) }, 2, 100, 40 * ms},
			{"half as many", func() { s.SetRate(12) }, 2, 50, 80 * ms},
			{"a quarter of small", func() { s.SetSize(320, 180); s.SetRate(5) }, 0, 25, 160 * ms},
			{"all again", func() { s.SetSize(0, 0); s.SetRate(0) }, 2, 100, 40 * ms},
		}
		before := time.Duration(0)
		for _, step := range steps {
			w.shown(s)
			step.want()
			w.work()
			src.run(time.Second)
			if _, gap := w.shown(s); before > 0 && gap > max(before, step.gap) {
				t.Errorf("%s: %v without a picture at the change", step.name, gap)
			}
			src.run(4 * time.Second)
			largest, gap := w.shown(s)
			if n := largest[step.spatial]; n < step.pictures-2 || n > step.pictures+2 || gap > step.gap {
				t.Errorf("%s: pictures by size %v, at most %v apart", step.name, largest, gap)
			}
			before = step.gap
		}
	})
}

// TestTheLargestLayerWithinAStreamIsAbsent: publishers leave the largest layer out where their way is narrow. Who comes meanwhile sees the
// next smaller one at once, and the largest when it is back, without a freeze.
func TestTheLargestLayerWithinAStreamIsAbsent(t *testing.T) {
	for name, since := range map[string]time.Duration{"since just now": 200 * ms, "since long": 5 * time.Second} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(w *world) {
				tr := w.track(media.VP9)
				src := &scalable{source: *w.source(tr, "", 100, 0)}
				src.run(2 * time.Second)
				src.absent = 1
				src.run(since)
				s := w.sender(tr, media.VP9)
				src.run(400 * ms)
				if len(w.sent[s.out]) == 0 {
					t.Fatal("no picture within 0.4 s")
				}
				w.shown(s)
				src.run(4 * time.Second)
				if largest, gap := w.shown(s); largest[1] < 98 || gap > 40*ms {
					t.Errorf("while the largest is absent: pictures by size %v, at most %v apart", largest, gap)
				}
				src.absent, src.pictures = 0, 0 // comes back with a keyframe
				src.run(time.Second)
				w.shown(s)
				src.run(4 * time.Second)
				if largest, gap := w.shown(s); largest[2] < 98 || gap > 40*ms {
					t.Errorf("when it is back: pictures by size %v, at most %v apart", largest, gap)
				}
			})
		})
	}
}

// TestSwitchesBetweenStreamsDoNotFreeze is the same for simulcast: the stream that is sent goes on until the other has a keyframe.
func TestSwitchesBetweenStreamsDoNotFreeze(t *testing.T) {
	inWorld(t, func(w *world) {
		tr := w.track(media.VP8)
		small, large := w.source(tr, "q", 100, 0), w.source(tr, "f", 5000, 77777)
		due := map[*source]time.Duration{}
		asked := map[*source]int{}
		run := func(d time.Duration) {
			for end := w.now + d; w.now < end; {
				w.pass(40 * ms)
				for _, src := range []*source{small, large} {
					if n := w.asked[src.layer.RID()]; n > asked[src] {
						asked[src], due[src] = n, w.now+keyframeDelay
					}
					key := due[src] != 0 && w.now >= due[src]
					if key {
						due[src] = 0
					}
					src.write(src.frame(key, 2)...)
				}
			}
		}
		s := w.sender(tr, media.VP8)
		s.SetLayer(0)
		w.work()
		run(2 * time.Second)
		from := "q"
		for i, layer := range []int{1, 0, 1, 0} {
			s.SetLayer(layer)
			w.work()
			run(5 * time.Second) // so that no keyframe is in the ring that a switch could begin with
			sent := w.sent[s.out]
			to := []string{"q", "f"}[layer]
			if label := string(sent[len(sent)-1].Payload[6:]); !strings.HasPrefix(label, to) {
				t.Errorf("switch %d from %s to %s: %s is sent", i, from, to, label)
			}
			from = to
		}
		var gap time.Duration
		for i, p := range w.sent[s.out][1:] {
			gap = max(gap, time.Duration(p.Timestamp-w.sent[s.out][i].Timestamp)*time.Second/90000)
		}
		if gap > 80*ms {
			t.Errorf("%v without a picture", gap)
		}
	})
}
