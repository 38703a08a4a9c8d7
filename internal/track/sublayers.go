package track

import (
	"time"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/media/rtpfmt"
)

// MaxSpatial and MaxTemporal bound the layers within one stream that are told apart; what lies above counts as the highest.
const (
	MaxSpatial  = 4
	MaxTemporal = 4
)

// sublayers meters the spatial and temporal layers within one stream. It is made when the first packet of an upper one comes.
type sublayers [MaxSpatial][MaxTemporal]meter

// countSublayer meters a packet by its layer within the stream. It belongs to the writer.
func (l *Layer) countSublayer(p *media.Packet, pictures int) {
	s := l.sublayers.Load()
	if s == nil {
		if p.Spatial|p.Temporal == 0 {
			return
		}
		s = new(sublayers)
		l.sublayers.Store(s)
	}
	s[min(p.Spatial, MaxSpatial-1)][min(p.Temporal, MaxTemporal-1)].add(p.Arrival, len(p.Payload), pictures)
}

// Sublayers is how many spatial and temporal layers within the stream packets came of within the last second; at least one each.
func (l *Layer) Sublayers(now time.Duration) (spatial, temporal int) {
	spatial, temporal = 1, 1
	grid := l.sublayers.Load()
	if grid == nil {
		return
	}
	for s := range grid {
		for t := range grid[s] {
			if grid[s][t].active(now) {
				spatial, temporal = max(spatial, s+1), max(temporal, t+1)
			}
		}
	}
	return
}

// SublayerBitrate is what the layers up to a spatial and a temporal one took over the last second, in bit/s.
func (l *Layer) SublayerBitrate(spatial, temporal uint8, now time.Duration) int {
	grid := l.sublayers.Load()
	if grid == nil {
		return l.BitrateAt(now)
	}
	sum := 0
	for s := range min(int(spatial)+1, MaxSpatial) {
		for t := range min(int(temporal)+1, MaxTemporal) {
			bytes, _ := grid[s][t].rate(now)
			sum += bytes
		}
	}
	return 8 * sum
}

// SetSublayerSizes tells the sizes of the spatial layers within the stream, from small to large, as they are signalled.
func (l *Layer) SetSublayerSizes(sizes []rtpfmt.LayerSize) {
	if len(sizes) > 1 {
		l.sizes.Store(&sizes)
	} else {
		l.sizes.Store(nil)
	}
}

// SublayerSize is the picture's size up to a spatial layer, the last of so many, 0 when unknown: as signalled, else each half
// of the next.
func (l *Layer) SublayerSize(spatial, of int) (width, height int) {
	if sizes := l.sizes.Load(); sizes != nil && spatial < len(*sizes) {
		return (*sizes)[spatial].Width, (*sizes)[spatial].Height
	}
	width, height = l.Size()
	return width >> (of - 1 - spatial), height >> (of - 1 - spatial)
}

// PicturesAt is how many pictures came in the second before a moment that is about now.
func (l *Layer) PicturesAt(now time.Duration) int {
	_, pictures := l.meter.rate(now)
	return pictures
}
