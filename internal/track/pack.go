package track

import (
	"math/rand/v2"
	"time"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/media/rtpfmt"
)

// firstSeq keeps the numbers of earlier packets positive (see media.Packet).
const firstSeq = 1 << 16

// sendAhead is how far ahead of its time a frame is sent at most. Files come seconds before it; what comes live is so by no more than its first frame
// took longer than others to come, and is not to be later for it.
const sendAhead = 300 * time.Millisecond

// packer makes the packet face of a track that is born as frames: a goroutine that reads frames from the last keyframe on
// and writes their packets into one layer. While the picture has B-frames or
// no IDR pictures to begin with, which WebRTC cannot show, it reads the track's re-encoding without them.
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
	begun   bool
	latest  time.Duration // PTS of the newest frame
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
	own := p.writer.ring
	for more := true; more; more = p.read(own, p.begin(), false, p.write) && p.bypass() {
	}
}

// begin is where reading begins: not with what is left of a picture that is made on demand.
func (p *packer) begin() *media.Cursor[*media.Frame] {
	now := media.Now()
	if last := p.writer.meter.last.Load(); last != 0 && now-time.Duration(last-1) > longestGOP {
		return p.writer.ring.Live()
	}
	return p.writer.fromIDR(now + sendAhead)
}

// bypass is run while the picture cannot be shown as it is.
func (p *packer) bypass() (plain bool) {
	lease, err := p.track.readPlain()
	if err != nil { // Problems says so
		return p.read(p.writer.ring, p.writer.ring.Live(), true, func(*media.Frame) {})
	}
	defer lease.Release()
	return p.read(lease.Ring(), lease.Ring().FromKeyUntil(media.Now()+sendAhead), true, p.write)
}

// read gives a ring's frames to write while the picture has flaws, or while it has none. It is false when nothing follows.
func (p *packer) read(ring *media.Ring[*media.Frame], cursor *media.Cursor[*media.Frame], flawed bool, write func(*media.Frame)) (changed bool) {
	p.seeking = p.track.info.Kind == media.Video
	due := time.NewTimer(time.Hour)
	defer due.Stop()
	var batch [32]*media.Frame
	for {
		woken := ring.Woken()
		until := media.Now() + sendAhead
		n, skipped, next, err := cursor.ReadUntil(batch[:], until)
		if skipped {
			p.seeking = p.track.info.Kind == media.Video
		}
		for _, f := range batch[:n] {
			if p.writer.seen() != 0 != flawed {
				return true
			}
			write(f)
		}
		clear(batch[:n])
		if n > 0 {
			p.layer.Flush()
			continue
		}
		if err != nil {
			return false
		}
		if next > until {
			woken = nil
			due.Reset(next - until)
		}
		select {
		case <-woken:
		case <-due.C:
		case <-p.stop:
			return false
		}
	}
}

// write puts the packets of one frame into the layer.
func (p *packer) write(f *media.Frame) {
	f = forWebRTC(f)
	if p.seeking && (!f.Keyframe || p.track.IsFromMuting(f.DTS)) {
		return
	}
	if p.seeking = false; p.begun && f.PTS <= p.latest {
		// A re-encoding begins with what was before.
		later := *f
		later.PTS, f = p.latest+dtsStep, &later
	}
	p.begun, p.latest = true, f.PTS
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
