package studio

import (
	"cmp"
	"maps"
	"slices"
	"sync"
	"time"
)

const (
	// keptPlays is how many viewings that are over a house remembers, mostPlayRooms of how many rooms it adds them up.
	keptPlays     = 4096
	mostPlayRooms = 10_000
	// tellPlaysEvery is how often applications are told of those that began and ended, and mostPlaysTold of how many at once at most.
	tellPlaysEvery = 10 * time.Second
	mostPlaysTold  = 500
)

// Play is one viewing: what one player fetched over one protocol, from its coming to its going.
type Play struct {
	// ID tells it from all others.
	ID       string    `json:"id"`
	Protocol string    `json:"protocol"`
	Since    time.Time `json:"since"`
	// Until is zero while it goes on.
	Until time.Time `json:"until,omitzero"`
	// Watched is in seconds.
	Watched float64 `json:"watched"`
	Bytes   uint64  `json:"bytes"`
}

// Watched is what several viewings come to.
type Watched struct {
	Plays   int     `json:"plays"`
	Seconds float64 `json:"seconds"`
	Bytes   uint64  `json:"bytes"`
}

func (w *Watched) add(p Play) {
	w.Plays++
	w.Seconds += p.Watched
	w.Bytes += p.Bytes
}

// Plays are the viewings of a room since the server began.
type Plays struct {
	// Now are those that go on, Over those that ended of late, the newest first.
	Now, Over []Play
	// Watched adds up all, by protocol.
	Watched map[string]Watched
}

// PlaysBegun are the viewings of a room that began within a while and go on, the newest first. Omitted is how many more there are than are listed.
type PlaysBegun struct {
	Plays   []Play `json:"plays"`
	Omitted int    `json:"omitted,omitempty"`
}

// PlaysOver are the viewings of a room that ended within a while. Omitted is how many more there were than are listed.
type PlaysOver struct {
	Plays   []Play             `json:"plays"`
	Omitted int                `json:"omitted,omitempty"`
	Watched map[string]Watched `json:"watched"`
}

// PlaysTold is told, every few seconds, of viewings. It must not block.
type PlaysTold interface {
	Began(in RoomInfo, begun PlaysBegun)
	Ended(in RoomInfo, over PlaysOver)
}

// ledger is the viewings that are over.
type ledger struct {
	mu     sync.Mutex
	kept   []roomPlay // a ring
	next   int
	totals map[string]map[string]Watched // by room and protocol
	told   map[string]*PlaysOver         // by room, since it was told last; nil where nobody is
}

type roomPlay struct {
	room string
	play Play
}

func newLedger(tells bool) *ledger {
	l := &ledger{totals: map[string]map[string]Watched{}}
	if tells {
		l.told = map[string]*PlaysOver{}
	}
	return l
}

func (l *ledger) note(room string, p Play) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.kept) < keptPlays {
		l.kept = append(l.kept, roomPlay{room, p})
	} else {
		l.kept[l.next] = roomPlay{room, p}
	}
	l.next = (l.next + 1) % keptPlays
	totals := l.totals[room]
	if totals == nil {
		if len(l.totals) >= mostPlayRooms {
			for one := range l.totals { // any
				delete(l.totals, one)
				break
			}
		}
		totals = map[string]Watched{}
		l.totals[room] = totals
	}
	count(totals, p)
	if l.told == nil {
		return
	}
	over := l.told[room]
	if over == nil {
		over = &PlaysOver{Watched: map[string]Watched{}}
		l.told[room] = over
	}
	count(over.Watched, p)
	if len(over.Plays) < mostPlaysTold {
		over.Plays = append(over.Plays, p)
	} else {
		over.Omitted++
	}
}

func count(totals map[string]Watched, p Play) {
	w := totals[p.Protocol]
	w.add(p)
	totals[p.Protocol] = w
}

// of gives what is known of a room.
func (l *ledger) of(room string) (over []Play, totals map[string]Watched) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range l.kept {
		if one := l.kept[(l.next+len(l.kept)-1-i)%len(l.kept)]; one.room == room {
			over = append(over, one.play)
		}
	}
	totals = maps.Clone(l.totals[room])
	if totals == nil {
		totals = map[string]Watched{}
	}
	return over, totals
}

// take gives what nobody was told of yet.
func (l *ledger) take() map[string]*PlaysOver {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.told) == 0 {
		return nil
	}
	all := l.told
	l.told = map[string]*PlaysOver{}
	return all
}

// forget forgets a room that is another's from now on. What ended in it is still told: a show's end is a good moment to delete its room.
func (l *ledger) forget(room string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.totals, room)
	for i := range l.kept {
		if l.kept[i].room == room {
			l.kept[i] = roomPlay{}
		}
	}
}

// Plays are a room's viewings.
func (h *House) Plays(roomName string) Plays {
	p := Plays{Now: []Play{}}
	p.Over, p.Watched = h.plays.of(roomName)
	if s, err := h.Studio(roomName); err == nil {
		s.mu.Lock()
		a := s.air
		s.mu.Unlock()
		if a != nil {
			p.Now = a.plays(time.Now())
		}
	}
	for _, one := range p.Now {
		count(p.Watched, one)
	}
	return p
}

// plays are the viewings that go on, the newest first.
func (a *air) plays(now time.Time) []Play {
	a.mu.Lock()
	defer a.mu.Unlock()
	all := []Play{}
	for w := range a.watching {
		all = append(all, w.playing(now))
	}
	newestFirst(all)
	return all
}

// begun are the viewings that go on and that nobody was told of yet. Who was sent nothing so far does not watch yet.
func (a *air) begun(now time.Time) PlaysBegun {
	a.mu.Lock()
	defer a.mu.Unlock()
	var b PlaysBegun
	for w := range a.watching {
		if p := w.playing(now); !w.told && p.Bytes > 0 {
			w.told = true
			b.Plays = append(b.Plays, p)
		}
	}
	newestFirst(b.Plays)
	b.Omitted = max(len(b.Plays)-mostPlaysTold, 0)
	b.Plays = b.Plays[:len(b.Plays)-b.Omitted]
	return b
}

func newestFirst(all []Play) {
	slices.SortFunc(all, func(x, y Play) int { return cmp.Or(y.Since.Compare(x.Since), cmp.Compare(x.Bytes, y.Bytes)) })
}

// Egress is how many bytes went to viewers since the show began, by protocol.
func (s *Studio) Egress() map[string]uint64 {
	s.mu.Lock()
	a := s.air
	s.mu.Unlock()
	if a == nil {
		return nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	all := maps.Clone(a.gone)
	for w := range a.watching {
		all[w.protocol] += w.bytes()
	}
	return all
}

// tellPlays tells applications, now and then, of viewings that began and ended, until the house closes.
func (h *House) tellPlays() {
	tick := time.NewTicker(tellPlaysEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			h.tellBegun()
			h.tellOver(nil)
		case <-h.stop:
			return
		}
	}
}

// tellBegun tells of what began since it was told last. What is over by then is told of as that alone.
func (h *House) tellBegun() {
	now := time.Now()
	for _, s := range h.Studios() {
		s.mu.Lock()
		a := s.air
		s.mu.Unlock()
		if a == nil {
			continue
		}
		if b := a.begun(now); len(b.Plays) > 0 {
			h.playsTold.Began(s.Info(), b)
		}
	}
}

// tellOver tells of what ended since it was told last. Rooms that are closed by now are described by known, as far as they are there.
func (h *House) tellOver(known map[string]RoomInfo) {
	for name, over := range h.plays.take() {
		in, ok := known[name]
		if !ok {
			in.Name = name
		}
		if s, err := h.Studio(name); err == nil {
			in = s.Info()
		}
		h.playsTold.Ended(in, *over)
	}
}
