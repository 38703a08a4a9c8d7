package fmp4

import (
	"errors"
	"fmt"
	"strings"

	"github.com/tuttilive/tutti/internal/media"
)

const (
	// maxHeader bounds an init segment; real ones have some kilobytes.
	maxHeader = 1 << 20
	// maxTracks and maxDescriptions bound what of a header is looked at.
	maxTracks       = 32
	maxDescriptions = 16
	// maxClock is the fastest clock of a track, in ticks a second.
	maxClock = 1 << 30
)

// incoming is a track that is read.
type incoming struct {
	kind      media.Kind
	timescale int64
	// shift is how much later samples are shown than their times say, in ticks: what an edit list says (section 8.6.6).
	shift        int64
	descriptions []*description
	defaults     sampleDefaults

	format *media.Format // as frames have it
	base   *media.Format // what it was made of when it is a copy with Reordered set
	latest int64         // the last time of presentation, in ticks
	shown  bool          // there is one
	lag    int64         // by how much times of decoding are moved forward, since pictures may be shown before them
	lost   bool          // something is missing before the next frame
}

// sampleDefaults hold for samples that do not say otherwise (sections 8.8.3 and 8.8.7).
type sampleDefaults struct{ description, duration, size, flags uint32 }

// readHeader takes the first track of each kind that is taken, and names the others.
func (d *Demuxer) readHeader(init []byte) error {
	moov := inside(init, "moov")
	if moov == nil {
		return errors.New("fmp4: an init segment without a movie header")
	}
	movieScale := int64(0)
	if r := (reader{b: inside(moov, "mvhd")}); len(r.b) > 0 {
		if version, _ := r.full(); version == 1 {
			r.skip(16)
		} else {
			r.skip(8)
		}
		movieScale = int64(r.uint32())
	}
	defaults := readDefaults(inside(moov, "mvex"))
	var leftOut []string
	seen := map[media.Kind]bool{}
	n := 0
	for kind, trak := range boxes(moov) {
		if kind != "trak" {
			continue
		}
		if n++; n > maxTracks {
			break
		}
		id, t, what, err := readTrack(trak, movieScale)
		switch {
		case err != nil:
			return err
		case t == nil || seen[t.kind]:
			if what != "" {
				leftOut = append(leftOut, what)
			}
			continue
		}
		seen[t.kind] = true
		t.defaults = defaults[id]
		d.tracks[id] = t
	}
	d.leftOut = strings.Join(leftOut, ", ")
	if len(d.tracks) == 0 {
		return fmt.Errorf("%w; it has %s", ErrUnsupported, d.leftOut)
	}
	return nil
}

func readDefaults(mvex []byte) map[uint32]sampleDefaults {
	all := map[uint32]sampleDefaults{}
	for kind, b := range boxes(mvex) {
		if kind != "trex" || len(all) == maxTracks {
			continue
		}
		r := reader{b: b}
		r.full()
		all[r.uint32()] = sampleDefaults{description: r.uint32(), duration: r.uint32(), size: r.uint32(), flags: r.uint32()}
	}
	return all
}

// readTrack reads a trak. The track is nil where it is not taken; what it is then called is empty where nobody would miss it.
func readTrack(trak []byte, movieScale int64) (id uint32, t *incoming, what string, err error) {
	r := reader{b: inside(trak, "tkhd")}
	if version, _ := r.full(); version == 1 {
		r.skip(16)
	} else {
		r.skip(8)
	}
	if id = r.uint32(); r.short {
		return 0, nil, "", errors.New("fmp4: a track without a header")
	}
	t = &incoming{}
	switch handler := inside(trak, "mdia", "hdlr"); {
	case len(handler) < 12:
		return 0, nil, "", nil
	case string(handler[8:12]) == "vide":
		t.kind = media.Video
	case string(handler[8:12]) == "soun":
		t.kind = media.Audio
	default:
		return 0, nil, "", nil // text, data
	}
	r = reader{b: inside(trak, "mdia", "mdhd")}
	if version, _ := r.full(); version == 1 {
		r.skip(16)
	} else {
		r.skip(8)
	}
	if t.timescale = int64(r.uint32()); r.short || t.timescale == 0 || t.timescale > maxClock {
		return 0, nil, "", fmt.Errorf("fmp4: a track of %d ticks a second", t.timescale)
	}
	t.readEdits(inside(trak, "edts", "elst"), movieScale)
	r = reader{b: inside(trak, "mdia", "minf", "stbl", "stsd")}
	r.skip(8)
	for kind, entry := range boxes(r.b) {
		d, err := describe(kind, entry)
		if errors.Is(err, errNotTaken) {
			return 0, nil, fmt.Sprintf("%v in %q", t.kind, kind), nil
		}
		if err != nil {
			return 0, nil, "", err
		}
		if d.codec.Kind() != t.kind || len(t.descriptions) == maxDescriptions {
			return 0, nil, "", fmt.Errorf("fmp4: a track of %v is described as %v", t.kind, d.codec)
		}
		t.descriptions = append(t.descriptions, d)
	}
	if len(t.descriptions) == 0 {
		return 0, nil, "", errors.New("fmp4: a track without a description")
	}
	return id, t, "", nil
}

// readEdits reads an edit list as fragmented movies have it: a time that is empty, and what of the media comes first.
func (t *incoming) readEdits(b []byte, movieScale int64) {
	const most = 4
	const longest = 3600 // seconds
	r := reader{b: b}
	version, _ := r.full()
	for range min(r.uint32(), most) {
		length, at := int64(r.wide(version)), int64(0)
		if version == 1 {
			at = int64(r.uint64())
		} else {
			at = int64(int32(r.uint32()))
		}
		r.skip(4)
		switch {
		case r.short:
			return
		case at < 0 && movieScale > 0 && length >= 0 && length < longest*movieScale:
			t.shift += length * t.timescale / movieScale
		case at >= 0 && at < longest*t.timescale:
			t.shift -= at
			return
		}
	}
}
