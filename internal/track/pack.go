package track

import (
	"math/rand/v2"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/media/rtpfmt"
)

// firstSeq keeps the numbers of earlier packets positive (see media.Packet).
const firstSeq = 1 << 16

// packer makes the packet face of a track that is born as frames: a goroutine that reads frames from the last keyframe on
// and writes their packets into one layer. From the moment when the picture has B-frames or
// keyframes that are no IDR pictures, which WebRTC cannot show, it reads the track's re-encoding without them.
type packer struct {
	track  *Track
	writer *frameWriter // whose frames
	layer  *Layer
	packet *rtpfmt.Packetizer
	stop   chan struct{}

	// The goroutine's own.
	seq     uint64
	ssrc    uint32
	format  *media.Format
	seeking bool
}

func newPacker(t *Track, w *frameWriter, rid string, k *rtpfmt.Packetizer) *packer {
	return &packer{
		track: t, writer: w, layer: newLayer(t, rid, t.info.Codec, nil), packet: k, stop: make(chan struct{}),
		seq: firstSeq, ssrc: rand.Uint32(),
	}
}

// start and halt are called with the track's lock held.
func (p *packer) start() {
	if f := p.writer.format.Load(); f != nil {
		p.layer.setSize(f) // so that layers are in order at once
	}
	p.track.layers.add(p.layer)
	go p.run()
}

func (p *packer) halt() {
	close(p.stop)
	p.track.layers.remove(p.layer)
}

// run ends when stop is closed or the track ends.
func (p *packer) run() {
	ring := p.writer.ring
	plain := false
	for {
		p.seeking = p.track.info.Kind == media.Video
		unplain := p.read(ring, !plain)
		if !unplain || plain {
			return
		}
		lease, err := p.track.readPlain()
		if err != nil {
			p.track.problems.set(ProblemBFrames, "The picture has B-frames or no IDR pictures to begin with, which WebRTC viewers cannot be shown without ffmpeg on the server. Turn B-frames, open GOPs and intra refresh off in the encoder.")
			return
		}
		defer lease.Release()
		ring, plain = lease.Ring(), true
	}
}

// read makes packets of a ring's frames until the end; when it watches, it stops at what browsers cannot show and says so.
func (p *packer) read(ring *media.Ring[*media.Frame], watch bool) (unplain bool) {
	cursor := ring.FromKey()
	var batch [32]*media.Frame
	for {
		woken := ring.Woken()
		n, skipped, err := cursor.Read(batch[:])
		if skipped {
			p.seeking = p.track.info.Kind == media.Video
		}
		for _, f := range batch[:n] {
			if watch && p.writer.unplain.Load() {
				return true
			}
			p.write(f)
		}
		clear(batch[:n])
		if n > 0 {
			p.layer.Flush()
			continue
		}
		if err != nil {
			return false
		}
		select {
		case <-woken:
		case <-p.stop:
			return false
		}
	}
}

// write puts the packets of one frame into the layer.
func (p *packer) write(f *media.Frame) {
	if p.seeking && !f.Keyframe {
		return
	}
	p.seeking = false
	if f.Format != p.format {
		p.format = f.Format
		p.layer.setSize(f.Format)
	}
	packets := p.packet.Packetize(f)
	now := media.Now()
	for i := range packets {
		q := &packets[i]
		q.Seq, q.SSRC, q.Arrival = p.seq, p.ssrc, now
		p.seq++
		if i == 0 {
			p.layer.clock.pin(q.Timestamp, f.PTS)
		}
		p.layer.store(q)
	}
}
