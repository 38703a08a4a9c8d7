package turn

import (
	"encoding/binary"
	"net/netip"
	"time"

	"github.com/pion/stun/v4"
	"github.com/pion/turn/v5"
)

// realm is what passwords are hashed with, and what clients are asked for.
const realm = "tutti"

// Methods of TURN (RFC 8656, section 17) as the first two bytes of a message.
const (
	bindingRequest          = 0x0001
	allocateRequest         = 0x0003
	refreshRequest          = 0x0004
	createPermissionRequest = 0x0008
	channelBindRequest      = 0x0009
	sendIndication          = 0x0016
)

const (
	stunHeader  = 20
	magicCookie = 0x2112A442
	protocolUDP = 17
	familyIPv4  = 1
	familyIPv6  = 2
)

// gate looks at what clients send before pion does: it bounds how often they ask, refuses wrong and expired credentials
// the way RFC 8489 wants it (pion answers 400, from which clients cannot tell what is wrong), and keeps out what is not
// offered. It is safe for use by several goroutines.
type gate struct {
	secret string
	rates  *requestRates
	count  *counters
	// family tells whether there are relays for an address family.
	family func(netip.Addr) bool
	now    func() time.Time
}

func newGate(cfg Config, relays *relays, count *counters) *gate {
	return &gate{secret: cfg.Secret, rates: newRequestRates(cfg.Limits.Requests), count: count, family: relays.has, now: cfg.now}
}

// verdict is what the gate makes of a message.
type verdict struct {
	pass bool
	// known: the message was a request with good credentials.
	known bool
	// answer goes back when there is one.
	answer []byte
}

// isChannelData tells whether a message is one of channel data (RFC 8656, section 12.4), of any channel that RFC 5766
// permitted, section 11: coturn's client uses them all.
func isChannelData(b []byte) bool { return len(b) >= 4 && b[0]&0xc0 == 0x40 }

// inspect looks at one message, which it does not change or keep.
func (g *gate) inspect(message []byte, from netip.Addr) verdict {
	if isChannelData(message) {
		return verdict{pass: true}
	}
	if len(message) < stunHeader || binary.BigEndian.Uint32(message[4:]) != magicCookie {
		g.count.refuse(refusedProtocol)
		return verdict{}
	}
	kind := binary.BigEndian.Uint16(message)
	switch kind {
	case sendIndication:
		return verdict{pass: true}
	case bindingRequest, allocateRequest, refreshRequest, createPermissionRequest, channelBindRequest:
	default: // among them TCP relaying (RFC 6062)
		g.count.refuse(refusedProtocol)
		return verdict{}
	}
	if !g.rates.allow(from, g.now()) {
		g.count.refuse(refusedRate)
		return verdict{}
	}
	if kind == bindingRequest {
		return verdict{pass: true}
	}
	request := &stun.Message{Raw: append([]byte(nil), message...)}
	if request.Decode() != nil {
		g.count.refuse(refusedProtocol)
		return verdict{}
	}
	if !request.Contains(stun.AttrMessageIntegrity) {
		return verdict{pass: true} // will be asked for credentials
	}
	return g.check(request)
}

// check looks at a request that carries credentials.
func (g *gate) check(request *stun.Message) verdict {
	var username stun.Username
	var nonce stun.Nonce
	if username.GetFrom(request) != nil || nonce.GetFrom(request) != nil {
		g.count.refuse(refusedCredential)
		return g.refuse(request, nil, stun.CodeBadRequest)
	}
	key, ok := g.key(username.String(), request.Type.Method)
	if !ok || key.Check(request) != nil {
		g.count.refuse(refusedCredential)
		// RFC 8489, section 9.2.4. The nonce may be any; one that is no good would have been found out by pion first.
		return g.refuse(request, nil, stun.CodeUnauthorized, stun.NewRealm(realm), stun.NewNonce(nonce.String()))
	}
	if request.Type.Method == stun.MethodAllocate {
		if code, fits := g.offered(request); !fits {
			g.count.refuse(refusedProtocol)
			return g.refuse(request, key, code)
		}
	}
	return verdict{pass: true, known: true}
}

// offered tells whether we have what an allocation is asked for, or else which error says that we have not. What is
// malformed is left to pion.
func (g *gate) offered(request *stun.Message) (stun.ErrorCode, bool) {
	if v, err := request.Get(stun.AttrRequestedTransport); err == nil && len(v) == 4 && v[0] != protocolUDP {
		return stun.CodeUnsupportedTransProto, false
	}
	family := netip.IPv4Unspecified()
	if v, err := request.Get(stun.AttrRequestedAddressFamily); err != nil {
		return 0, true // pion takes a family that we have
	} else if len(v) != 4 {
		return 0, true
	} else if v[0] == familyIPv6 {
		family = netip.IPv6Unspecified()
	} else if v[0] != familyIPv4 {
		return stun.CodeAddrFamilyNotSupported, false
	}
	return stun.CodeAddrFamilyNotSupported, g.family(family)
}

// key is what a username's requests are signed with, if it is good for a method now.
func (g *gate) key(username string, method stun.Method) (stun.MessageIntegrity, bool) {
	if _, err := userAt(username, g.now(), method == stun.MethodAllocate); err != nil {
		return nil, false
	}
	return stun.NewLongTermIntegrity(username, realm, passwordOf(g.secret, username)), true
}

// authenticate is pion's question for the same.
func (g *gate) authenticate(request *turn.RequestAttributes) (user string, key []byte, ok bool) {
	integrity, ok := g.key(request.Username, request.Method)
	if !ok {
		return "", nil, false
	}
	user, _, err := parseUsername(request.Username)
	return user, integrity, err == nil
}

// refuse makes an error response, signed when there is a key.
func (g *gate) refuse(request *stun.Message, key stun.MessageIntegrity, code stun.ErrorCode, more ...stun.Setter) verdict {
	setters := append([]stun.Setter{
		stun.NewTransactionIDSetter(request.TransactionID), stun.NewType(request.Type.Method, stun.ClassErrorResponse), code,
	}, more...)
	if key != nil {
		setters = append(setters, key)
	}
	answer, err := stun.Build(append(setters, stun.Fingerprint)...)
	if err != nil {
		return verdict{}
	}
	return verdict{answer: answer.Raw}
}
