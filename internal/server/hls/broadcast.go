package hls

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tuttilive/tutti/internal/media"
	mux "github.com/tuttilive/tutti/internal/mux/hls"
	"github.com/tuttilive/tutti/internal/program"
	"github.com/tuttilive/tutti/internal/studio"
)

// broadcast is one program as HLS, from its first viewer until a while after its end, or all of it where a Keeper keeps it. When nobody has watched for as long as viewers can go
// back, no stream is made; the next one goes on under the same addresses.
type broadcast struct {
	id, room string
	done     <-chan struct{} // closed when the program ends
	stream   atomic.Pointer[mux.Stream]
	filler   atomic.Pointer[filler] // of stream
	waits    deadlines

	opening sync.Mutex
	stop    func() // ends the filling of stream and waits for it; nil before the first
}

// pauseMax is how long what is kept for players that paused stays at most when nobody watches: composing and conversions go on meanwhile.
const pauseMax = 2 * time.Minute

// watch counts a viewer in, who has joined.
func (s *Server) watch(roomName string) (*broadcast, watcher, error) {
	w, err := s.house.Watch(roomName)
	if err != nil {
		return nil, nil, err
	}
	b, err := s.join(roomName, w)
	if err != nil {
		w.Close()
		return nil, nil, fmt.Errorf("opening the program of room %q for HLS: %w", roomName, err)
	}
	return b, w, nil
}

// join has the program's output open for as long as a watcher is.
func (s *Server) join(roomName string, w watcher) (*broadcast, error) {
	b := s.broadcast(roomName, w)
	err := w.Output(min(max(s.cut.Window, studio.Briefly), pauseMax), func(from source) (func(), error) { return s.open(b, from) })
	return b, err
}

// broadcast finds or makes the broadcast of a watcher's program.
func (s *Server) broadcast(roomName string, w watcher) *broadcast {
	s.mu.Lock()
	defer s.mu.Unlock()
	if b, ok := s.programs[w.Program()]; ok {
		return b
	}
	b := &broadcast{id: strings.ToLower(rand.Text()), room: roomName, done: w.Done()}
	s.broadcasts[b.id], s.programs[w.Program()] = b, b
	s.running.Go(func() { s.bury(b, w.Program()) })
	return b
}

// bury forgets a broadcast when its program has ended and players have had time to read the end.
func (s *Server) bury(b *broadcast, program any) {
	select {
	case <-b.done:
	case <-s.closing.Done():
	}
	s.mu.Lock()
	delete(s.programs, program)
	s.mu.Unlock()
	late := time.NewTimer(afterlife)
	defer late.Stop()
	select {
	case <-late.C:
	case <-s.closing.Done():
	}
	s.mu.Lock()
	delete(s.broadcasts, b.id)
	s.mu.Unlock()
}

// open begins to make the broadcast's stream. stop ends that and waits for it.
func (s *Server) open(b *broadcast, from source) (stop func(), err error) {
	all := program.Demand{Video: s.video, Audio: []media.Codec{media.AAC}, Back: lookBack}
	frames, err := from.Read(all)
	if err != nil {
		return nil, err
	}
	b.opening.Lock()
	defer b.opening.Unlock()
	if b.stop != nil {
		b.stop() // the house may open the next output before it has closed the last one
	}
	stream := b.stream.Load()
	if stream != nil {
		stream = stream.Successor()
	} else {
		stream = mux.New(mux.Config{
			ID: b.id, Segment: s.cut.Segment, Part: s.cut.Part, Classic: s.cut.Classic, Window: s.cut.Window, MaxBytes: s.cut.WindowBytes,
			Warn: func(code, text string) { s.log.Warn("hls: "+text, "room", b.room, "code", code) },
		})
	}
	f := newFiller(b, stream, from, all)
	b.filler.Store(f)
	b.stream.Store(stream)
	b.stop = f.run(frames)
	return b.stop, nil
}

func (b *broadcast) ended() bool {
	select {
	case <-b.done:
		return true
	default:
		return false
	}
}

// ready waits for the stream's first segment. It is false when there was none in time.
func (b *broadcast) ready(ctx context.Context) (*mux.Snapshot, bool) {
	if snapshot := b.stream.Load().Snapshot(); snapshot.Ready() {
		return snapshot, true // as for each request but the first ones
	}
	ctx, cancel := context.WithTimeout(ctx, firstSegment)
	defer cancel()
	for {
		snapshot := b.stream.Load().Snapshot()
		if snapshot.Ready() {
			return snapshot, true
		}
		if snapshot.Ended() {
			return nil, false
		}
		select {
		case <-snapshot.Changed():
		case <-ctx.Done():
			return nil, false
		}
	}
}

// whole waits until the stream can be played, and its multivariant playlist names all sizes of the picture; a moment at most for those that are
// late. For a player that does not know low latency it waits for segments that last, too. It is false when there was nothing to play in time.
func (b *broadcast) whole(ctx context.Context, classic bool) (*mux.Snapshot, bool) {
	snapshot, ready := b.ready(ctx)
	if !ready {
		return nil, false
	}
	f := b.filler.Load()
	awaited := f.whole
	if classic {
		awaited = f.lasting
	}
	select {
	case <-awaited:
	case <-ctx.Done():
		return nil, false
	}
	if now := b.stream.Load().Snapshot(); now.Ready() {
		return now, true
	}
	return snapshot, true // another stream has begun meanwhile
}
