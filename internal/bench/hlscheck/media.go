package hlscheck

import (
	"bytes"
	"fmt"
	"time"

	"github.com/Eyevinn/mp4ff/mp4"
)

// What the media must be.
var (
	fragments  = Clause{"3.1.2", "each part is a fragment that can be read, of the track of the init segment"}
	keyframes  = Clause{"4.4.4.9", "INDEPENDENT is said of parts with a keyframe, and of no others"}
	timeline   = Clause{"3.1.2", "decode times go on from part to part, and keep to the playlist's durations"}
	resolution = Clause{"4.4.6.2", "RESOLUTION is that of the picture"}
	codecs     = Clause{"4.4.6.2", "CODECS names the codec of the media"}
)

// mediaInit is an init segment.
type mediaInit struct {
	bytes         []byte
	timescale     uint32
	track         uint32
	entry         string // of the sample description
	width, height int
	defaultFlags  uint32
}

func parseInit(body []byte) (*mediaInit, error) {
	file, err := mp4.DecodeFile(bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	if file.Init == nil || file.Init.Moov == nil || len(file.Init.Moov.Traks) != 1 || file.Init.Moov.Mvex == nil || file.Init.Moov.Mvex.Trex == nil {
		return nil, fmt.Errorf("no init segment of one track")
	}
	trak := file.Init.Moov.Trak
	i := &mediaInit{bytes: body, timescale: trak.Mdia.Mdhd.Timescale, track: trak.Tkhd.TrackID, defaultFlags: file.Init.Moov.Mvex.Trex.DefaultSampleFlags}
	if stsd := trak.Mdia.Minf.Stbl.Stsd; stsd != nil && len(stsd.Children) > 0 {
		i.entry = stsd.Children[0].Type()
		if v, ok := stsd.Children[0].(*mp4.VisualSampleEntryBox); ok {
			i.width, i.height = int(v.Width), int(v.Height)
		}
	}
	return i, nil
}

// fragment is what a part has.
type fragment struct {
	start    time.Duration // decode time
	length   time.Duration // of its samples
	samples  int
	keyframe bool
}

func (i *mediaInit) parse(body []byte) (fragment, error) {
	file, err := mp4.DecodeFile(bytes.NewReader(append(bytes.Clone(i.bytes), body...)))
	if err != nil {
		return fragment{}, err
	}
	var f fragment
	at := func(ticks uint64) time.Duration { return time.Duration(float64(ticks) / float64(i.timescale) * 1e9) }
	first := true
	for _, s := range file.Segments {
		for _, part := range s.Fragments {
			for _, traf := range part.Moof.Trafs {
				if traf.Tfhd.TrackID != i.track {
					return f, fmt.Errorf("track %d, not %d", traf.Tfhd.TrackID, i.track)
				}
				if first {
					f.start, first = at(traf.Tfdt.BaseMediaDecodeTime()), false
				}
				trex, _ := file.Init.Moov.Mvex.GetTrex(traf.Tfhd.TrackID)
				for _, trun := range traf.Truns {
					f.length += at(trun.AddSampleDefaultValues(traf.Tfhd, trex))
					for _, sample := range trun.Samples {
						f.samples++
						f.keyframe = f.keyframe || sample.IsSync()
					}
				}
			}
		}
	}
	if first {
		return f, fmt.Errorf("no fragment")
	}
	return f, nil
}
