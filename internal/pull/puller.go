package pull

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tuttilive/tutti/internal/store"
	"github.com/tuttilive/tutti/internal/studio"
)

// Dialer connects to where it may; package dial has it.
type Dialer interface {
	DialContext(ctx context.Context, network, address string) (net.Conn, error)
	Resolve(ctx context.Context, host, port string) (string, error)
	Client(timeout time.Duration) *http.Client
}

// Keeper keeps the sources of rooms; store.Bucket does.
type Keeper interface {
	All() (map[string][]Source, error)
	Put(roomName string, list []Source) error
	Delete(roomName string) error
}

// Options are what a puller needs.
type Options struct {
	Dialer  Dialer
	Sources *store.Bucket[[]Source]
	// Linger is how long a source that is fetched on demand goes on after its last viewer, 20 s when 0.
	Linger time.Duration
	Log    *slog.Logger
}

// Puller fetches the sources of rooms. Its methods may be called from any goroutine. Whoever made it opens and closes it.
type Puller struct {
	dialer Dialer
	keeper Keeper
	linger time.Duration
	log    *slog.Logger
	house  *studio.House
	// fetchers are by protocol.
	fetchers map[string]fetcher

	changing sync.Mutex // held while what is kept changes

	mu       sync.Mutex
	sources  map[string][]Source
	sessions map[string]*session // by room and source
	closed   bool
	running  sync.WaitGroup
}

// New reads which sources there are.
func New(o Options) (*Puller, error) {
	return newPuller(o, o.Sources)
}

func newPuller(o Options, keeper Keeper) (*Puller, error) {
	all, err := keeper.All()
	if err != nil {
		return nil, err
	}
	p := &Puller{dialer: o.Dialer, keeper: keeper, linger: o.Linger, log: o.Log, sources: all, sessions: map[string]*session{}, fetchers: map[string]fetcher{
		"rtmp": fetchRTMP, "srt": fetchSRT, "hls": fetchHLS,
	}}
	if p.linger == 0 {
		p.linger = 20 * time.Second
	}
	if p.log == nil {
		p.log = slog.Default()
	}
	return p, nil
}

// Open begins to fetch into a house.
func (p *Puller) Open(h *studio.House) {
	h.Policies().OnHandover(p.forget)
	h.Policies().OnClaim(p.keeps)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.house = h
	for name, list := range p.sources {
		for _, s := range list {
			if s.Enabled && errors.Is(s.check(), ErrOperators) { // it may be an operator's own, kept since before that was noted
				p.log.Warn("a source is not fetched until an operator changes anything of it", "room", name, "source", s.ID, "error", ErrOperators)
			}
		}
		p.look(name)
	}
}

// Fetch implements studio.Fetcher: somebody wants to watch a room that is not live.
func (p *Puller) Fetch(roomName string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || p.house == nil {
		return false
	}
	any := false
	for _, s := range p.sources[roomName] {
		if !s.wanted() {
			continue
		}
		any = true
		p.begin(roomName, s)
		p.sessions[keyOf(roomName, s.ID)].wanted = true
	}
	return any
}

// Fetches implements studio.Fetcher.
func (p *Puller) Fetches(roomName string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return !p.closed && p.house != nil && slices.ContainsFunc(p.sources[roomName], Source.wanted)
}

func keyOf(roomName, id string) string { return roomName + "/" + id }

// look makes a room's sessions what they should be. The caller holds the lock.
func (p *Puller) look(roomName string) {
	if p.closed || p.house == nil {
		return
	}
	changed := map[string]bool{} // by ID: what was fetched before
	for key, x := range p.sessions {
		if x.room == roomName && !slices.Contains(p.sources[roomName], x.source) {
			x.cancel(errChanged)
			delete(p.sessions, key)
			changed[x.source.ID] = true
		}
	}
	for _, s := range p.sources[roomName] {
		if s.Mode == Always || changed[s.ID] { // who watches what was fetched does not come for it again
			p.begin(roomName, s)
		}
	}
}

// begin fetches a source unless that is done already. The caller holds the lock.
func (p *Puller) begin(roomName string, s Source) {
	key := keyOf(roomName, s.ID)
	if p.sessions[key] != nil || !s.wanted() {
		return
	}
	ctx, cancel := context.WithCancelCause(context.Background())
	x := &session{puller: p, room: roomName, source: s, cancel: cancel, log: p.log.With("room", roomName, "source", s.ID), status: statusOf(s)}
	x.status.State, x.status.Since = Connecting, time.Now()
	p.sessions[key] = x
	p.running.Go(func() {
		defer cancel(nil)
		left := x.run(ctx)
		again := left && x.watched() // somebody came in while it was being left
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.sessions[key] != x {
			return
		}
		delete(p.sessions, key)
		if (again || left && x.wanted) && !p.closed {
			p.begin(roomName, s)
		}
	})
}

// Of are a room's sources, as they may be shown.
func (p *Puller) Of(roomName string) []Status {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := []Status{}
	for _, s := range p.sources[roomName] {
		st := statusOf(s)
		if x := p.sessions[keyOf(roomName, s.ID)]; x != nil && x.source == s {
			st = x.snapshot()
		}
		all = append(all, st)
	}
	return all
}

// Add adds a source to a room, in the name of an operator or of a host. It is enabled, and fetched on demand, where the change does not say otherwise.
func (p *Puller) Add(roomName string, c Change, operator bool) (Status, error) {
	s, err := c.apply(Source{ID: strings.ToLower(rand.Text()[:12]), Enabled: true, Mode: Demand}, operator)
	if err != nil {
		return Status{}, err
	}
	return p.change(roomName, s.ID, func(list []Source) ([]Source, error) {
		if len(list) >= maxSources {
			return nil, ErrTooMany
		}
		return append(slices.Clone(list), s), nil
	})
}

// Set changes a source, in the name of an operator or of a host. One that is fetched is fetched anew.
func (p *Puller) Set(roomName, id string, c Change, operator bool) (Status, error) {
	return p.change(roomName, id, func(list []Source) ([]Source, error) {
		list = slices.Clone(list)
		i := slices.IndexFunc(list, func(s Source) bool { return s.ID == id })
		if i < 0 {
			return nil, ErrNotFound
		}
		var err error
		list[i], err = c.apply(list[i], operator)
		return list, err
	})
}

// Remove takes a source away, in the name of an operator or of a host.
func (p *Puller) Remove(roomName, id string, operator bool) error {
	_, err := p.change(roomName, id, func(list []Source) ([]Source, error) {
		i := slices.IndexFunc(list, func(s Source) bool { return s.ID == id })
		switch {
		case i < 0:
			return nil, ErrNotFound
		case list[i].Operator && !operator:
			return nil, ErrNotYours
		}
		return slices.Delete(slices.Clone(list), i, i+1), nil
	})
	return err
}

// change changes a room's sources, and gives the one that it is about.
func (p *Puller) change(roomName, id string, f func([]Source) ([]Source, error)) (Status, error) {
	p.changing.Lock()
	defer p.changing.Unlock()
	p.mu.Lock()
	list := p.sources[roomName]
	p.mu.Unlock()
	list, err := f(list)
	switch {
	case err != nil:
		return Status{}, err
	case len(list) == 0:
		err = p.keeper.Delete(roomName)
	default:
		err = p.keeper.Put(roomName, list)
	}
	if err != nil {
		return Status{}, err
	}
	p.put(roomName, list)
	for _, st := range p.Of(roomName) {
		if st.ID == id {
			return st, nil
		}
	}
	return Status{}, nil
}

func (p *Puller) put(roomName string, list []Source) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(list) == 0 {
		delete(p.sources, roomName)
	} else {
		p.sources[roomName] = list
	}
	p.look(roomName)
}

// keeps tells whether a room has sources.
func (p *Puller) keeps(roomName string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.sources[roomName]) > 0
}

// forget forgets the sources of a room that is another's from now on.
func (p *Puller) forget(roomName string) {
	p.changing.Lock()
	defer p.changing.Unlock()
	p.mu.Lock()
	_, has := p.sources[roomName]
	p.mu.Unlock()
	if !has {
		return
	}
	if err := p.keeper.Delete(roomName); err != nil {
		p.log.Error("forgetting where a room's stream was fetched from", "room", roomName, "error", err)
	}
	p.put(roomName, nil)
}

var (
	errChanged = errors.New("the source was changed or taken away")
	errClosing = errors.New("the server is shutting down")
)

// Close ends all fetching and waits for that.
func (p *Puller) Close() {
	p.mu.Lock()
	p.closed = true
	for _, x := range p.sessions {
		x.cancel(errClosing)
	}
	p.mu.Unlock()
	p.running.Wait()
}
