package fmp4

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/media/bitstream"
)

const (
	// maxSamples bounds those of a segment: a minute of the shortest Opus packets and the fastest pictures.
	maxSamples = 60_000
	// longestOffset is how far presentation may lie from decoding and be believed.
	longestOffset = 10 * time.Second
	// latestTime bounds times, in seconds.
	latestTime = 1 << 32
)

// Demuxer takes segments of a fragmented movie apart (ISO 14496-12, section 8.8; CMAF, ISO 23000-19). It belongs to one goroutine.
type Demuxer struct {
	tracks  map[uint32]*incoming
	leftOut string
}

// NewDemuxer reads an init segment. It fails with ErrEncrypted, or where nothing in it can be taken.
func NewDemuxer(init []byte) (*Demuxer, error) {
	if len(init) > maxHeader {
		return nil, fmt.Errorf("fmp4: an init segment of %d bytes", len(init))
	}
	d := &Demuxer{tracks: map[uint32]*incoming{}}
	return d, d.readHeader(init)
}

// LeftOut says in plain words what else is in the stream than what is taken, "" for nothing.
func (d *Demuxer) LeftOut() string { return d.leftOut }

// Segment gives the frames of a segment in order of DTS, sound and picture together. Their times are those of the movie's own clock, which begins
// wherever it does; they share no bytes with the segment. Samples that cannot be read are left out, and the next frame says so.
func (d *Demuxer) Segment(b []byte) ([]*media.Frame, error) {
	var frames []*media.Frame
	var t taken
	found := false
	for at := 0; at < len(b); {
		kind, content, size := cutBox(b[at:])
		if size == 0 {
			return nil, errors.New("fmp4: a segment that is cut short")
		}
		if kind == "moof" {
			found = true
			f := fragment{b: b, at: at, end: -1, taken: &t}
			for kind, traf := range boxes(content) {
				if kind != "traf" {
					continue
				}
				var err error
				if frames, err = f.read(d, traf, frames); err != nil {
					return nil, err
				}
			}
		}
		at += size
	}
	if !found {
		return nil, errors.New("fmp4: a segment without a fragment")
	}
	slices.SortStableFunc(frames, func(a, b *media.Frame) int { return cmp.Compare(a.DTS, b.DTS) })
	return frames, nil
}

// fragment is a moof of a segment.
type fragment struct {
	b     []byte // the segment
	at    int    // where the moof is in it
	end   int    // of the data of the track before, -1 where there is none
	taken *taken
}

// taken is what of a segment was read so far. Each run says where its samples are: they may all be said to be the same bytes.
type taken struct{ samples, bytes int }

// read gives the frames of a track's fragment (section 8.8.6) behind those that are there.
func (f *fragment) read(d *Demuxer, traf []byte, frames []*media.Frame) ([]*media.Frame, error) {
	const ( // flags of tfhd (section 8.8.7)
		hasBase, hasDescription, hasDuration, hasSize, hasFlags, baseIsMoof = 0x1, 0x2, 0x8, 0x10, 0x20, 0x20000
	)
	r := reader{b: inside(traf, "tfhd")}
	_, flags := r.full()
	t := d.tracks[r.uint32()]
	if t == nil {
		return frames, nil
	}
	base := f.at
	if flags&hasBase != 0 {
		offset := r.uint64()
		if offset > uint64(len(f.b)) {
			return nil, errors.New("fmp4: a fragment whose data is elsewhere")
		}
		base = int(offset)
	} else if flags&baseIsMoof == 0 && f.end >= 0 {
		base = f.end
	}
	defaults := t.defaults
	for _, field := range []struct {
		flag uint32
		to   *uint32
	}{{hasDescription, &defaults.description}, {hasDuration, &defaults.duration}, {hasSize, &defaults.size}, {hasFlags, &defaults.flags}} {
		if flags&field.flag != 0 {
			*field.to = r.uint32()
		}
	}
	if r.short {
		return nil, errors.New("fmp4: a fragment without a header")
	}
	r = reader{b: inside(traf, "tfdt")}
	version, _ := r.full()
	time := r.wide(version)
	if r.short || time > math.MaxInt64 || int64(time)/t.timescale >= latestTime {
		return nil, errors.New("fmp4: a fragment without a time")
	}
	i := int(max(defaults.description, 1)) - 1
	if i >= len(t.descriptions) {
		return nil, errors.New("fmp4: a fragment without a description")
	}
	run := run{t: t, description: t.descriptions[i], defaults: defaults, dts: int64(time), base: base, at: base}
	for kind, trun := range boxes(traf) {
		if kind != "trun" {
			continue
		}
		var err error
		if frames, err = f.readRun(&run, trun, frames); err != nil {
			return nil, err
		}
	}
	f.end = run.at
	return frames, nil
}

// run is where reading is in the samples of a track's fragment.
type run struct {
	t           *incoming
	description *description
	defaults    sampleDefaults
	dts         int64 // of the next sample, in ticks
	base, at    int   // where offsets count from, and where the next sample is
}

// readRun reads a trun (section 8.8.8).
func (f *fragment) readRun(run *run, trun []byte, frames []*media.Frame) ([]*media.Frame, error) {
	const hasOffset, hasFirstFlags, hasDuration, hasSize, hasFlags, hasShift = 0x1, 0x4, 0x100, 0x200, 0x400, 0x800
	r := reader{b: trun}
	version, flags := r.full()
	count := r.uint32()
	if flags&hasOffset != 0 {
		run.at = run.base + int(int32(r.uint32()))
	}
	first := run.defaults.flags
	if flags&hasFirstFlags != 0 {
		first = r.uint32()
	}
	if uint64(count)+uint64(f.taken.samples) > maxSamples {
		return nil, fmt.Errorf("fmp4: a segment of more than %d samples", maxSamples)
	}
	f.taken.samples += int(count)
	for i := range count {
		s := sample{duration: run.defaults.duration, size: run.defaults.size, flags: run.defaults.flags}
		if i == 0 {
			s.flags = first
		}
		if flags&hasDuration != 0 {
			s.duration = r.uint32()
		}
		if flags&hasSize != 0 {
			s.size = r.uint32()
		}
		if flags&hasFlags != 0 {
			s.flags = r.uint32()
		}
		if flags&hasShift != 0 {
			if s.shift = int64(r.uint32()); version != 0 {
				s.shift = int64(int32(s.shift))
			}
		}
		if r.short || run.at < 0 || run.at > len(f.b) || uint64(s.size) > uint64(len(f.b)-run.at) {
			return nil, errors.New("fmp4: a run of samples that are not there")
		}
		if f.taken.bytes += int(s.size); f.taken.bytes > len(f.b) {
			return nil, errors.New("fmp4: samples that are longer together than their segment")
		}
		s.payload = f.b[run.at : run.at+int(s.size)]
		run.at += int(s.size)
		if frame := run.t.frame(run.description, s, run.dts); frame != nil {
			frames = append(frames, frame)
		}
		run.dts += int64(s.duration)
	}
	return frames, nil
}

// sample is one of a run.
type sample struct {
	payload               []byte
	duration, size, flags uint32
	shift                 int64 // of presentation, in ticks
}

// notSync tells of a sample that decoding cannot begin there (section 8.8.3.1).
const notSync = 0x10000

// frame makes a frame of a sample that is decoded at dts; nil where it cannot be read.
func (t *incoming) frame(d *description, s sample, dts int64) *media.Frame {
	payload, key, ok := d.read(s.payload, s.flags&notSync == 0)
	if !ok || d.format == nil {
		t.lost = true
		return nil
	}
	if limit := int64(longestOffset/time.Second) * t.timescale; s.shift > limit || s.shift < -limit {
		s.shift = 0
	}
	t.lag = max(t.lag, -s.shift)
	pts := dts + s.shift
	if d.format != t.base {
		t.base, t.format = d.format, d.format
	}
	if t.kind == media.Video && t.shown && pts < t.latest && !t.format.Reordered && t.latest-pts < t.timescale { // shown before one that came earlier
		reordered := *t.base
		reordered.Reordered = true
		t.format = &reordered
	}
	t.latest, t.shown = pts, true
	f := &media.Frame{Format: t.format, Payload: payload, Keyframe: key, PTS: t.duration(pts + t.shift), DTS: t.duration(dts - t.lag + t.shift), Discontinuity: t.lost}
	if t.kind == media.Audio {
		f.PTS, f.Duration = f.DTS, d.length(payload, t.duration(int64(s.duration)))
	}
	t.lost = false
	return f
}

// duration is a number of ticks as time.
func (t *incoming) duration(ticks int64) time.Duration {
	return time.Duration(ticks/t.timescale)*time.Second + time.Duration(ticks%t.timescale)*time.Second/time.Duration(t.timescale)
}

// length is how long a frame of sound is: what it says itself, since what is written may be the distance to the next.
func (d *description) length(payload []byte, written time.Duration) time.Duration {
	if d.codec == media.Opus {
		if length := bitstream.OpusDuration(payload); length > 0 {
			return length
		}
		return written
	}
	return 1024 * time.Second / time.Duration(d.format.SampleRate)
}

// read makes a frame's payload of a sample's, and tells whether decoding can begin there. It is not ok where there is nothing to decode.
func (d *description) read(b []byte, sync bool) (payload []byte, key, ok bool) {
	if len(b) == 0 || len(b) > bitstream.MaxUnit {
		return nil, false, false
	}
	switch d.codec {
	case media.H264, media.H265:
		return d.readUnits(b, sync)
	case media.AV1:
		if sync && d.takeAV1(bitstream.AV1Sequence(b)) != nil {
			return nil, false, false
		}
		key = sync
	case media.VP9:
		key = bitstream.VP9Keyframe(b)
	default:
		key = true
	}
	return bytes.Clone(b), key, true
}

// readUnits takes the parameter sets out of a picture of H.264 or H.265. That decoding can begin with it is believed of what is intra alone: where nothing
// is said of any sample, all are said to be so.
func (d *description) readUnits(b []byte, sync bool) (payload []byte, key, ok bool) {
	units, err := bitstream.Relength(b, d.lengthSize)
	if err != nil {
		return nil, false, false
	}
	payload, key, ok = d.sets.Take(d.codec, bitstream.Units(units), len(units))
	if f := d.sets.Format(); f != nil {
		d.format = f
	}
	key = key || sync && d.codec == media.H264 && bitstream.H264Intra(payload)
	if key && ok && len(d.extra) > 0 {
		payload = append(slices.Clip(d.extra), payload...)
	}
	return payload, key, ok
}
