// Package sdp reads and writes session descriptions (RFC 8866) as WebRTC uses them (RFC 8829): as typed media sections
// instead of attribute lines. It negotiates nothing. The syntax is pion/sdp's; what is said here twice or wrongly is
// dropped or refused, and everything is bounded, since descriptions come from strangers.
package sdp

import (
	"errors"
	"strings"
)

// Bounds of a description. What exceeds them is refused.
const (
	MaxSize     = 1 << 20 // bytes: browsers write about 900 for each section that they receive in
	MaxSections = 512
	maxFormats  = 128
	maxSources  = 64
	maxRIDs     = 8
	// maxCandidates bounds those of a section; of others nobody needs to know.
	maxCandidates = 32
	maxToken      = 256
)

// ErrMalformed is wrapped by all errors about what a description says.
var ErrMalformed = errors.New("sdp: malformed description")

// Direction tells who sends in a section, from the describing side's point of view (RFC 8866, section 6.7).
type Direction uint8

const (
	Inactive Direction = 0
	SendOnly Direction = 1
	RecvOnly Direction = 2
	SendRecv Direction = SendOnly | RecvOnly
)

func (d Direction) Sends() bool    { return d&SendOnly != 0 }
func (d Direction) Receives() bool { return d&RecvOnly != 0 }

func (d Direction) String() string {
	return [...]string{"inactive", "sendonly", "recvonly", "sendrecv"}[d&SendRecv]
}

// Setup is the DTLS role (RFC 8842).
type Setup uint8

const (
	NoSetup Setup = iota
	ActPass
	Active
	Passive
)

func (s Setup) String() string { return [...]string{"", "actpass", "active", "passive"}[s&3] }

// Description is a whole session description.
type Description struct {
	// SessionID and Version are of the o= line; Version grows with every description of a session.
	SessionID, Version uint64
	// Bundle lists the mids of the first BUNDLE group (RFC 9143); Bundled tells that there is one.
	Bundle  []string
	Bundled bool
	ICELite bool
	// Mixed tells that one stream may have header extensions of both kinds, packet by packet (RFC 8285, section 6).
	Mixed    bool
	Sections []Section
}

// Section is one m= section.
type Section struct {
	// Kind is "audio", "video", "application" or whatever the remote wrote.
	Kind string
	// Port is 0 for a rejected section.
	Port       int
	Protocol   string
	Mid        string
	Direction  Direction
	BundleOnly bool

	Transport

	// Formats are the payload types in order of preference.
	Formats    []Format
	Extensions []Extension
	RTCPMux    bool
	RTCPRsize  bool

	// StreamID and TrackID are the first msid (RFC 8830).
	StreamID, TrackID string
	// SendRIDs and RecvRIDs are simulcast encodings in order (RFC 8853).
	SendRIDs, RecvRIDs []string
	// Sources are declared SSRCs (RFC 5576) and CNAME is that of the first.
	Sources []Source
	CNAME   string

	// SCTPPort is set for a section of data channels (RFC 8841), MaxMessageSize 0 when not said.
	SCTPPort, MaxMessageSize int

	// Candidates are the values of a=candidate lines; End tells that there are no others.
	Candidates []string
	End        bool
}

// Transport is what ICE and DTLS need.
type Transport struct {
	Ufrag, Pwd string
	// Fingerprints are "algorithm value" pairs (RFC 8122).
	Fingerprints []Fingerprint
	Setup        Setup
}

// Fingerprint is a certificate's digest (RFC 8122, section 5).
type Fingerprint struct{ Algorithm, Value string }

// Format is one RTP payload type.
type Format struct {
	PayloadType uint8
	Name        string
	ClockRate   int
	Channels    int
	// Parameters is the value of a=fmtp, Feedback those of a=rtcp-fb.
	Parameters string
	Feedback   []string
}

// HasFeedback tells whether a kind of feedback is offered, as in "nack pli".
func (f *Format) HasFeedback(kind string) bool {
	for _, fb := range f.Feedback {
		if fb == kind {
			return true
		}
	}
	return false
}

// Parameter finds one of the ;-separated parameters, its name in any case.
func (f *Format) Parameter(name string) (string, bool) {
	for part := range strings.SplitSeq(f.Parameters, ";") {
		key, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		if strings.EqualFold(strings.TrimSpace(key), name) {
			return strings.TrimSpace(value), true
		}
	}
	return "", false
}

// Extension is an RTP header extension (RFC 8285).
type Extension struct {
	ID  uint8
	URI string
}

// Source is an SSRC that a section sends. Repairs is the SSRC that it retransmits (ssrc-group FID), 0 for media.
type Source struct{ SSRC, Repairs uint32 }

// Section finds a section by its mid, nil when there is none.
func (d *Description) Section(mid string) *Section {
	for i := range d.Sections {
		if d.Sections[i].Mid == mid {
			return &d.Sections[i]
		}
	}
	return nil
}
