package rtc

import (
	"net/netip"
	"slices"

	"github.com/tuttilive/tutti/internal/rtc/ice"
	"github.com/tuttilive/tutti/internal/rtc/sdp"
)

// Way is how a peer is reached now.
type Way struct {
	Transport Transport
	// Candidate is what the remote calls its address: "host", "srflx" or "relay"; "prflx" when it has not named it, as
	// browsers do with addresses of their own network.
	Candidate string
	Remote    netip.AddrPort
}

// maxTold bounds how many addresses of a remote are remembered.
const maxTold = 32

// Way is how the peer is reached now; false while it is not.
func (p *Peer) Way() (Way, bool) {
	c := &p.connectivity
	c.Lock()
	defer c.Unlock()
	if c.selected == nil {
		return Way{}, false
	}
	w := Way{Transport: UDP, Candidate: "prflx", Remote: c.selected.addr}
	if c.selected.tcp != nil {
		w.Transport = TCP
	}
	for _, told := range slices.Backward(c.told) {
		// Of a TCP connection the remote can only name the address: it does not know the port beforehand.
		if told.Address == w.Remote || w.Transport == TCP && told.Address.Addr() == w.Remote.Addr() {
			w.Candidate = told.Type
			break
		}
	}
	return w, true
}

// TellCandidate notes what the remote says of one of its addresses, the value of an a=candidate line. Nothing is sent
// there: addresses are learnt from checks. It only serves to say what kind of address is used.
func (p *Peer) TellCandidate(value string) {
	told, ok := ice.ParseCandidate(value)
	if !ok {
		return
	}
	c := &p.connectivity
	c.Lock()
	defer c.Unlock()
	if len(c.told) < maxTold {
		c.told = append(c.told, told)
	}
}

// learnCandidates takes the addresses that a description names.
func (p *Peer) learnCandidates(d *sdp.Description) {
	for i := range d.Sections {
		for _, c := range d.Sections[i].Candidates {
			p.TellCandidate(c)
		}
	}
}

// wayChanged tells whoever wants to know that another path was selected. It is called with the connectivity locked, so
// the telling happens elsewhere.
func (p *Peer) wayChanged() {
	if f := p.cfg.WayChanged; f != nil {
		p.endpoint.tasks.Go(func() { p.events.post(f) })
	}
}
