package hls

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tuttilive/tutti/internal/auth"
	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/program"
	"github.com/tuttilive/tutti/internal/studio"
)

// fakeHouse has rooms with programs. A room named "locked" wants the key "sesame", and takes it from nobody named "eve".
type fakeHouse struct {
	mu   sync.Mutex
	live map[string]*fakeProgram
}

func (h *fakeHouse) Admit(_ context.Context, roomName string, c studio.Credential) error {
	switch {
	case roomName != "locked" || c.Key == "sesame" || c.Token == "a.b.c":
		return nil
	case c.Key == "eve":
		return auth.ErrDenied
	case c == studio.Credential{}:
		return auth.ErrMissing
	}
	return auth.ErrInvalid
}

func (h *fakeHouse) Watch(roomName string) (watcher, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	p := h.live[roomName]
	if p == nil {
		return nil, studio.ErrNotLive
	}
	p.watch(1)
	return &fakeWatcher{program: p}, nil
}

// Tap gives a watcher that does not count.
func (h *fakeHouse) Tap(roomName string) (watcher, error) {
	w, err := h.Watch(roomName)
	if err == nil {
		tap := w.(*fakeWatcher)
		tap.program.watch(-1)
		tap.tap = true
	}
	return w, err
}

func (h *fakeHouse) goLive(roomName string) *fakeProgram {
	h.mu.Lock()
	defer h.mu.Unlock()
	p := &fakeProgram{done: make(chan struct{}), frames: make(chan *media.Frame)}
	h.live[roomName] = p
	return p
}

func (h *fakeHouse) end(roomName string) {
	h.mu.Lock()
	p := h.live[roomName]
	delete(h.live, roomName)
	h.mu.Unlock()
	close(p.done)
	p.mu.Lock()
	stop := p.stop
	p.stop = nil
	p.mu.Unlock()
	if stop != nil {
		stop()
	}
}

// fakeProgram gives whatever is sent to frames. Its output closes with the last watcher.
type fakeProgram struct {
	done   chan struct{}
	frames chan *media.Frame
	broken atomic.Bool // panics where something was sent

	real    *program.Program // reads come from it, where it is not nil
	further map[media.Size]*fakeProgram
	sends   atomic.Bool // a picture
	lingers atomic.Bool // the output stays for as long as it is to

	mu       sync.Mutex
	watchers int
	users    int
	stays    time.Duration // after the last user
	linger   *time.Timer
	stop     func()
	opened   int
}

func (p *fakeProgram) watch(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.watchers += n
}

func (p *fakeProgram) viewers() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.watchers
}

// Read implements source: a smaller size has frames of its own.
func (p *fakeProgram) Read(d program.Demand) (reader, error) {
	if p.real != nil {
		return p.real.Read(d)
	}
	if d.Size == (media.Size{}) {
		return p, nil
	}
	return p.further[d.Size], nil
}

// Sizes implements source.
func (p *fakeProgram) Sizes() (sizes []media.Size) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for size := range p.further {
		sizes = append(sizes, size)
	}
	slices.SortFunc(sizes, func(a, b media.Size) int { return a.Area() - b.Area() })
	return append(sizes, media.Size{Width: 1280, Height: 720})
}

// SendsPicture implements source.
func (p *fakeProgram) SendsPicture(program.Demand) bool { return p.sends.Load() }

// Next and Close implement reader.
func (p *fakeProgram) Next(ctx context.Context) (*media.Frame, error) {
	select {
	case f := <-p.frames:
		return f, nil
	case <-p.done:
		return nil, io.EOF
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (p *fakeProgram) Close() {}

type fakeWatcher struct {
	program *fakeProgram
	using   bool
	tap     bool
	sent    atomic.Int64
}

func (w *fakeWatcher) Program() any          { return w.program }
func (w *fakeWatcher) Done() <-chan struct{} { return w.program.done }
func (w *fakeWatcher) Left(time.Time)        {}

func (w *fakeWatcher) Sent(n int) {
	if w.program.broken.Load() {
		panic("broken")
	}
	w.sent.Add(int64(n))
}

func (w *fakeWatcher) Output(stays time.Duration, open func(source) (func(), error)) error {
	p := w.program
	p.mu.Lock()
	defer p.mu.Unlock()
	w.using = true
	p.stays = stays
	if p.linger != nil {
		p.linger.Stop()
	}
	if p.users++; p.stop != nil {
		return nil
	}
	p.opened++
	stop, err := open(p)
	p.stop = stop
	return err
}

func (w *fakeWatcher) Close() {
	p := w.program
	if !w.tap {
		p.watch(-1)
	}
	p.mu.Lock()
	if w.using {
		p.users--
	}
	lingers := p.lingers.Load() && p.users == 0
	if lingers {
		p.linger = time.AfterFunc(p.stays, p.close)
	}
	p.mu.Unlock()
	if !lingers {
		p.close()
	}
}

// close ends the output where nobody uses it.
func (p *fakeProgram) close() {
	p.mu.Lock()
	var stop func()
	if p.users == 0 {
		stop, p.stop = p.stop, nil
	}
	p.mu.Unlock()
	if stop != nil {
		stop()
	}
}

// door is a server over a fake house.
func door(t testing.TB) (*Server, *fakeHouse) { return doorThatGivesBack(t, nil) }

func doorThatGivesBack(t testing.TB, giveBack func(net.Conn)) (*Server, *fakeHouse) {
	h := &fakeHouse{live: map[string]*fakeProgram{}}
	s := newServer(h, Cut{}, []media.Codec{media.H264}, slog.New(slog.DiscardHandler))
	s.begin(giveBack)
	t.Cleanup(s.Close)
	return s, h
}

// get asks as one viewer; header are pairs.
func get(s *Server, path string, header ...string) *httptest.ResponseRecorder {
	return ask(s, http.MethodGet, path, header...)
}

func ask(s *Server, method, path string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, nil)
	for i := 0; i < len(header); i += 2 {
		if header[i] == "From" {
			r.RemoteAddr = header[i+1]
			continue
		}
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w
}

var wide = &media.Format{Codec: media.H264, Width: 320, Height: 180,
	SPS: []byte("gB\xc0\r\xda\x05\x06~|\x04@\x00\x00\x03\x00@\x00\x00\x0f\x03\xc5\n\xa8"), PPS: []byte("h\xce\x0f\xc8")}

// pictures sends a keyframe each second from a time on.
func (p *fakeProgram) pictures(from, n int) {
	for i := range n {
		at := time.Duration(from+i) * time.Second
		p.frames <- &media.Frame{Format: wide, Payload: []byte{0, 0, 0, 1, 0x65}, PTS: at, DTS: at, Keyframe: true}
	}
}
