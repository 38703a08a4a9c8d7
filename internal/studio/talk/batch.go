package talk

// Batch is what everybody is told at once: arrays of events, encoded once. It is immutable.
type Batch struct {
	// All is for everybody but hosts and cohosts, Hosts for those; it may be the same.
	All, Hosts []byte
}

// Pending collects events until they are told. The zero value has none.
type Pending struct {
	events []Event
	keys   map[string]int
}

// Add adds an event; an absolute one takes the place of the one before it.
func (p *Pending) Add(e Event) {
	if a, ok := e.(Absolute); ok {
		if p.keys == nil {
			p.keys = map[string]int{}
		}
		if i, waits := p.keys[a.Key()]; waits {
			p.events[i] = nil // the newest stands where it happened
		}
		p.keys[a.Key()] = len(p.events)
	}
	p.events = append(p.events, e)
}

// Empty tells that nothing waits.
func (p *Pending) Empty() bool { return len(p.events) == 0 }

// Take encodes what waits, in order, and begins anew.
func (p *Pending) Take() Batch {
	var all, hosts [][]byte
	split := false
	for _, e := range p.events {
		if e == nil {
			continue
		}
		s, ok := e.(Split)
		if !ok {
			encoded := Encode(e)
			all, hosts = append(all, encoded), append(hosts, encoded)
			continue
		}
		split = true
		all, hosts = append(all, Encode(s.ForAll())), append(hosts, Encode(s.ForHosts()))
	}
	clear(p.events)
	p.events = p.events[:0]
	clear(p.keys)
	b := Batch{All: Frame(all...)}
	b.Hosts = b.All
	if split {
		b.Hosts = Frame(hosts...)
	}
	return b
}
