package push

import (
	"context"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tuttilive/tutti/internal/room"
	"github.com/tuttilive/tutti/internal/store"
	"github.com/tuttilive/tutti/internal/studio"
)

// maxTargets bounds the targets of a room.
const maxTargets = 10

// lookAgainAfter is when a room is looked at again whose targets could not be read.
const lookAgainAfter = 5 * time.Second

// roots are trusted by RTMPS; nil for the system's. Tests have their own.
var roots *x509.CertPool

// Errors of changes.
var (
	ErrNotFound = errors.New("there is no such target")
	ErrTooMany  = errors.New("a room has at most 10 targets")
	// ErrOperators tells that hosts choose no such target, ErrNotYours that an operator chose this one.
	ErrOperators = errors.New("targets over SRT and WHIP are for operators")
	ErrNotYours  = errors.New("an operator chose this target: only operators change it")
)

// Dialer connects to where it may; package dial has it.
type Dialer interface {
	DialContext(ctx context.Context, network, address string) (net.Conn, error)
	// Resolve finds an address of a host that may be connected to, Allows tells of one.
	Resolve(ctx context.Context, host, port string) (string, error)
	Allows(a netip.Addr) (bool, error)
	Client(timeout time.Duration) *http.Client
}

// Options are what a pusher needs.
type Options struct {
	Dialer  Dialer
	Targets *store.Bucket[[]Target]
	// Tell tells applications of a target, "push_live" or "push_failed". It must not block; nil tells nobody.
	Tell func(in studio.RoomInfo, event string, s Status)
	Log  *slog.Logger
}

// Pusher sends shows to their rooms' targets. Its methods may be called from any goroutine. Whoever made it opens and closes it.
type Pusher struct {
	options Options
	house   *studio.House
	log     *slog.Logger
	http    *http.Client // for WHIP: one, so that connections that idle are few

	mu       sync.Mutex
	sessions map[string]map[string]*session // by room and target
	looks    map[string]struct{}            // rooms to look at
	closed   bool

	changing sync.Mutex // held while what is kept changes

	wake    chan struct{}
	closing chan struct{}
	running sync.WaitGroup
}

// New makes a pusher.
func New(o Options) *Pusher {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	return &Pusher{options: o, log: o.Log, http: o.Dialer.Client(whipAnswerWithin), sessions: map[string]map[string]*session{}, looks: map[string]struct{}{},
		wake: make(chan struct{}, 1), closing: make(chan struct{})}
}

// Open begins to send the shows of a house whose witness the pusher is.
func (p *Pusher) Open(h *studio.House) {
	p.house = h
	h.Policies().OnHandover(p.forget)
	h.Policies().OnClaim(p.keeps)
	p.warn()
	p.running.Go(p.tend)
}

// warn tells of each target that is not sent to since operators alone choose such: it may be an operator's own, kept since before that was noted.
func (p *Pusher) warn() {
	all, err := p.options.Targets.All()
	if err != nil {
		p.log.Error("reading where shows are sent", "error", err)
		return
	}
	for name, list := range all {
		for _, t := range list {
			if t.Enabled && errors.Is(t.check(), ErrOperators) {
				p.log.Warn("a target is not sent to until an operator changes anything of it", "room", name, "target", t.ID, "error", ErrOperators)
			}
		}
	}
}

// RoomEvent implements studio.Witness.
func (p *Pusher) RoomEvent(in func() studio.RoomInfo, e room.Event) {
	if _, ok := e.(room.LiveChanged); ok {
		p.lookSoon(in().Name)
	}
}

func (p *Pusher) lookSoon(name string) {
	p.mu.Lock()
	p.looks[name] = struct{}{}
	p.mu.Unlock()
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

func (p *Pusher) tend() {
	unread := map[string]struct{}{} // rooms to be looked at again
	var again <-chan time.Time      // nil while there are none
	for {
		var looks map[string]struct{}
		select {
		case <-p.wake:
			p.mu.Lock()
			looks, p.looks = p.looks, map[string]struct{}{}
			p.mu.Unlock()
		case <-again:
			looks, unread, again = unread, map[string]struct{}{}, nil
		case <-p.closing:
			return
		}
		for name := range looks {
			if p.look(name) {
				delete(unread, name)
				continue
			}
			unread[name] = struct{}{}
			if again == nil {
				again = time.After(lookAgainAfter)
			}
		}
	}
}

// look makes a room's sessions what they should be. It is false where that cannot be read.
func (p *Pusher) look(name string) bool {
	targets, err := p.targets(name)
	if err != nil {
		p.log.Error("reading where a room's shows are sent", "room", name, "error", err)
		return false
	}
	live := false
	if s, err := p.house.Studio(name); err == nil {
		live = s.Info().Live.On
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return true
	}
	for id, s := range p.sessions[name] {
		over := false
		select {
		case <-s.done:
			over = true
		default:
		}
		if !live || over || !slices.ContainsFunc(targets, func(t Target) bool { return t == s.target && t.Enabled }) {
			s.cancel()
			delete(p.sessions[name], id)
		}
	}
	if !live {
		delete(p.sessions, name)
		return true
	}
	for _, t := range targets {
		if at, ok := t.wanted(); ok && p.sessions[name][t.ID] == nil {
			p.begin(name, t, at)
		}
	}
	return true
}

// begin runs a session. The caller holds the lock.
func (p *Pusher) begin(name string, t Target, at place) {
	ctx, cancel := context.WithCancel(context.Background())
	s := &session{pusher: p, room: name, target: t, place: at, cancel: cancel, done: make(chan struct{}),
		log: p.log.With("room", name, "target", t.ID), status: statusOf(t)}
	if p.sessions[name] == nil {
		p.sessions[name] = map[string]*session{}
	}
	p.sessions[name][t.ID] = s
	p.running.Go(func() {
		defer cancel()
		s.run(ctx)
		close(s.done)
		if ctx.Err() == nil { // the show is over, or another one has begun before anybody looked
			p.lookSoon(name)
		}
	})
}

func statusOf(t Target) Status {
	s := Status{ID: t.ID, Name: t.Name, Address: t.address(), Enabled: t.Enabled, Operator: t.Operator, State: Idle}
	if err := t.check(); err != nil {
		s.Error = err.Error()
		if at, bad := t.place(); bad == nil {
			s.Reason, s.Code = reasonOf(at, err)
		}
	}
	return s
}

func (p *Pusher) tell(name, event string, s Status) {
	if p.options.Tell == nil {
		return
	}
	in := studio.RoomInfo{Name: name, CreatedAt: time.Now()}
	if st, err := p.house.Studio(name); err == nil {
		in = st.Info()
	}
	p.options.Tell(in, event, s)
}

func (p *Pusher) targets(name string) ([]Target, error) {
	list, err := p.options.Targets.Get(name)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	return list, err
}

// Of are a room's targets, as they may be shown.
func (p *Pusher) Of(name string) ([]Status, error) {
	list, err := p.targets(name)
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	all := []Status{}
	for _, t := range list {
		st := statusOf(t)
		if s := p.sessions[name][t.ID]; s != nil && s.target == t {
			st = s.snapshot()
		}
		all = append(all, st)
	}
	return all, nil
}

// Change is what is changed of a target; nil leaves what is.
type Change struct {
	Name    *string `json:"name"`
	URL     *string `json:"url"`
	Key     *string `json:"key"`
	Enabled *bool   `json:"enabled"`
}

// apply changes a target in the name of an operator or of a host.
func (c Change) apply(t Target, operator bool) (Target, error) {
	if t.Operator && !operator {
		return t, ErrNotYours
	}
	if c.Name != nil {
		t.Name = *c.Name
	}
	if c.URL != nil {
		if address := strings.TrimSpace(*c.URL); t.URL != address {
			t.Key = "" // it is another server's
			t.URL = address
		}
	}
	if c.Key != nil {
		t.Key = *c.Key
	}
	if c.Enabled != nil {
		t.Enabled = *c.Enabled
	}
	t.Operator = t.Operator || operator && (c.URL != nil || c.Key != nil || t.forOperators())
	return t, t.check()
}

// Add adds a target to a room, in the name of an operator or of a host. It is enabled where the change does not say otherwise.
func (p *Pusher) Add(name string, c Change, operator bool) (Status, error) {
	t, err := c.apply(Target{ID: strings.ToLower(rand.Text()[:12]), Enabled: true}, operator)
	if err != nil {
		return Status{}, err
	}
	err = p.change(name, func(list []Target) ([]Target, error) {
		if len(list) >= maxTargets {
			return nil, ErrTooMany
		}
		return append(list, t), nil
	})
	return statusOf(t), err
}

// Set changes a target, in the name of an operator or of a host. One that is live is connected anew.
func (p *Pusher) Set(name, id string, c Change, operator bool) (Status, error) {
	var t Target
	err := p.change(name, func(list []Target) ([]Target, error) {
		i := slices.IndexFunc(list, func(t Target) bool { return t.ID == id })
		if i < 0 {
			return nil, ErrNotFound
		}
		var err error
		t, err = c.apply(list[i], operator)
		list[i] = t
		return list, err
	})
	return statusOf(t), err
}

// Remove takes a target away, in the name of an operator or of a host.
func (p *Pusher) Remove(name, id string, operator bool) error {
	return p.change(name, func(list []Target) ([]Target, error) {
		i := slices.IndexFunc(list, func(t Target) bool { return t.ID == id })
		switch {
		case i < 0:
			return nil, ErrNotFound
		case list[i].Operator && !operator:
			return nil, ErrNotYours
		}
		return slices.Delete(list, i, i+1), nil
	})
}

func (p *Pusher) change(name string, f func([]Target) ([]Target, error)) error {
	p.changing.Lock()
	defer p.changing.Unlock()
	list, err := p.targets(name)
	if err != nil {
		return err
	}
	if list, err = f(list); err != nil {
		return err
	}
	if len(list) == 0 {
		err = p.options.Targets.Delete(name)
	} else {
		err = p.options.Targets.Put(name, list)
	}
	p.lookSoon(name)
	return err
}

// keeps tells whether a room has targets.
func (p *Pusher) keeps(name string) bool {
	list, err := p.targets(name)
	return err != nil || len(list) > 0
}

// forget forgets the targets of a room that is another's from now on.
func (p *Pusher) forget(name string) {
	p.changing.Lock()
	defer p.changing.Unlock()
	if err := p.options.Targets.Delete(name); err != nil {
		p.log.Error("forgetting where a room's shows were sent", "room", name, "error", err)
	}
	p.lookSoon(name)
}

// Close ends all connections and waits for that.
func (p *Pusher) Close() {
	p.mu.Lock()
	p.closed = true
	for _, room := range p.sessions {
		for _, s := range room {
			s.cancel()
		}
	}
	p.mu.Unlock()
	close(p.closing)
	p.running.Wait()
	p.http.CloseIdleConnections()
}
