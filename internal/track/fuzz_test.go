package track

import (
	"testing"
	"time"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/media/mediatest"
	"github.com/tuttilive/tutti/internal/media/rtpfmt"
)

// FuzzUnpack writes hostile packets into two layers and reads frames. Each packet is a byte of length, three of what its
// header says, and its payload. Whatever comes, DTS increases strictly and readers begin at keyframes.
func FuzzUnpack(f *testing.F) {
	for _, codec := range []media.Codec{media.H264, media.VP8} {
		var seed []byte
		k, _ := rtpfmt.NewPacketizer(codec)
		for i := range 6 {
			payload := mediatest.VP8(i%3 == 0, 320, 180, 150)
			format := &media.Format{Codec: media.VP8}
			if codec == media.H264 {
				payload, format = mediatest.H264(i%3 == 0, 150), mediatest.H264Format(320, 180)
			}
			for _, p := range k.Packetize(mediatest.Frame(format, i%3 == 0, 0, payload)) {
				flags := byte(0)
				if p.Marker {
					flags = 1
				}
				seed = append(append(seed, byte(len(p.Payload)), flags, 1, 4), p.Payload...)
			}
		}
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, codec := range []media.Codec{media.H264, media.VP8, media.Opus} {
			track := NewFromPackets(Info{Kind: codec.Kind(), Codec: codec}, nil)
			layers := []*Layer{track.AddLayer("q"), track.AddLayer("f")}
			u, err := newUnpacker(track, media.Size{})
			if err != nil {
				t.Fatal(err)
			}
			u.wanted.Store(true)
			cursor := u.ring.Live()
			now, seq, timestamp := time.Second, uint64(firstSeq), uint32(1<<32-9000)
			var last *media.Frame
			for rest := b; len(rest) > 4; {
				n := min(int(rest[0]), len(rest)-4)
				flags, step, wait := rest[1], rest[2], rest[3]
				p := &media.Packet{Payload: rest[4 : 4+n], Marker: flags&1 != 0}
				rest = rest[4+n:]
				now += time.Duration(wait) * 10 * time.Millisecond
				seq += uint64(step & 15)
				if step&0x80 != 0 {
					seq -= min(seq, 40)
				}
				if step&0x40 != 0 {
					seq += 5000
				}
				timestamp += uint32(flags>>2&15) * 3000
				if flags&0x40 != 0 {
					timestamp *= 31
				}
				p.Seq, p.Timestamp, p.Arrival, p.SSRC = seq, timestamp, now, uint32(flags>>7)
				rtpfmt.Parse(codec, p)
				l := layers[flags>>1&1]
				l.Write(p)
				if wait&0x80 != 0 {
					l.SenderReport(media.NTP(now)*uint64(1+flags&1), timestamp, now)
				}
				u.choose(layers, now)
				u.read(now)
				u.askKeyframe(now)
				var out [64]*media.Frame
				k, _, _ := cursor.Read(out[:])
				for _, f := range out[:k] {
					if f.PTS < f.DTS || last != nil && f.DTS <= last.DTS {
						t.Fatalf("%v: DTS %v, PTS %v after %v", codec, f.DTS, f.PTS, last.DTS)
					}
					if (last == nil || f.Discontinuity) && !f.Keyframe || f.Format == nil || len(f.Payload) == 0 {
						t.Fatalf("%v: frame %+v", codec, f)
					}
					last = f
				}
			}
			track.Close()
		}
	})
}
