package pull

import (
	"bytes"
	"time"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/mux/fmp4"
	"github.com/tuttilive/tutti/internal/mux/ts"
)

// gulp is how much of a transport stream is taken at a time, so that frames get the time at which they are read.
const gulp = 188 * 64

// hlsPart makes frames of what is fetched of a rendition. Of fragmented MP4 those of a segment wait in a queue, so that those of two renditions
// get into one order; those of a transport stream are in order already. It belongs to the stream's goroutine.
type hlsPart struct {
	stock *stock
	apart bool // it has another one beside it
	write func(*media.Frame) error
	// leftOut is told what is not taken.
	leftOut func(what string)

	queue     []queued
	again     time.Duration // how much there must be in stock after it ran out
	newest    time.Time     // when something was taken
	target    time.Duration
	transport *ts.Demuxer
	fragments *fmp4.Demuxer
	over      bool // no more comes
}

// queued is a frame that waits, with the time of its movie.
type queued struct {
	period uint64
	frame  *media.Frame
}

func (q queued) before(other queued) bool {
	return q.period < other.period || q.period == other.period && q.frame.DTS < other.frame.DTS
}

// missing tells whether nothing is to be expected of the rendition, so that the other one goes on without it.
func (p *hlsPart) missing() bool {
	return p.over || p.stock.dry.Load() && len(p.queue)+len(p.stock.segments) == 0 && time.Since(p.newest) > 2*p.target+time.Second
}

// silent tells whether nothing has come for so long that nothing is to be expected.
func (p *hlsPart) silent() bool {
	return len(p.stock.segments) == 0 && time.Since(p.newest) > 3*p.target+requestWithin
}

// take takes what comes next out of the stock. Who publishes a transport stream's frames holds them back where they are ahead of the time.
func (p *hlsPart) take(f fetched) error {
	defer func() { p.newest = time.Now() }()
	if panicked, ok := f.err.(*panicked); ok {
		panic(panicked.what)
	}
	if f.err == errEnded {
		p.over = true
		return nil
	}
	if f.err != nil {
		return f.err
	}
	p.stock.bytes.Add(-int64(len(f.b)))
	select {
	case p.stock.taken <- struct{}{}:
	default:
	}
	p.again, p.target = f.again, f.target
	switch {
	case f.movie:
		return p.takeFragments(f)
	case p.apart:
		return errApart
	}
	return p.takeTransport(f)
}

func (p *hlsPart) takeFragments(f fetched) (err error) {
	if f.header != nil {
		if p.fragments, err = fmp4.NewDemuxer(f.header); err != nil {
			return err
		}
		if what := p.fragments.LeftOut(); what != "" {
			p.leftOut(what)
		}
	}
	frames, err := p.fragments.Segment(f.b)
	for _, frame := range frames {
		p.queue = append(p.queue, queued{f.period, frame})
	}
	return err
}

func isMovie(b []byte) bool {
	return len(b) >= 8 && (string(b[4:8]) == "ftyp" || string(b[4:8]) == "styp" || string(b[4:8]) == "moov")
}

func (p *hlsPart) takeTransport(f fetched) error {
	b := f.b
	if len(b) > 1 && (bytes.HasPrefix(b, []byte("ID3")) || b[0] == 0xff && b[1]&0xe0 == 0xe0 || isMovie(b)) {
		return errPacked
	}
	if p.transport == nil {
		p.transport = ts.New(p.write)
		p.transport.LeftOut = p.leftOut
	}
	if f.anew {
		p.transport.BeginAnew()
	}
	p.transport.Stock(f.again)
	for len(b) > 0 {
		n := min(gulp, len(b))
		if err := p.transport.Write(b[:n], media.Now()); err != nil {
			return err
		}
		b = b[n:]
	}
	return p.transport.Flush(media.Now())
}
