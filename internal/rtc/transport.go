package rtc

// Transport is what media travels over below DTLS and SRTP.
type Transport uint8

const (
	// AnyTransport leaves the choice to the remote's ICE agent, which prefers UDP.
	AnyTransport Transport = iota
	UDP
	TCP
)

// Reachable tells whether remotes can come over a transport.
func (e *Endpoint) Reachable(t Transport) bool { return len(e.candidatesFor(t)) > 0 }

func (t Transport) String() string { return [...]string{"any", "udp", "tcp"}[t] }

// candidatesFor are the values of the a=candidate lines that a description restricted to a transport has.
func (e *Endpoint) candidatesFor(t Transport) []string {
	switch t {
	case UDP:
		return e.candidates[:e.udpCandidates]
	case TCP:
		return e.candidates[e.udpCandidates:]
	}
	return e.candidates
}
