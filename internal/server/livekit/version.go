package livekit

import (
	"strings"
	"time"

	pb "github.com/livekit/protocol/livekit"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/room"
)

// What we say of ourselves. Clients compare the version with those of LiveKit's server to learn what they may use: from
// 1.8.0 on RPC; above 1.13.6 simulcast in rids with VP9 and AV1, which is forwarded but was never run with a client here.
const (
	serverVersion  = "1.13.0"
	serverProtocol = 17
)

// protocolVersion is the version that a client speaks. All differences between versions are in this file. Versions
// below 13 are served as if they were 13; for those a leave request says can_reconnect beside the action.
type protocolVersion int32

// positiveResponses: the client expects an answer also to requests that succeeded.
func (v protocolVersion) positiveResponses() bool { return v >= 15 }

// client is what a client says of itself.
type client struct {
	info     *pb.ClientInfo
	protocol protocolVersion
	agent    string // what its HTTP request said
}

func newClient(info *pb.ClientInfo) client {
	if info == nil {
		info = &pb.ClientInfo{}
	}
	return client{info: info, protocol: protocolVersion(info.Protocol)}
}

// program is what the other clients may ask of this one.
func (c client) program() room.Program {
	p := room.Program{Protocol: c.info.ClientProtocol, Capabilities: fromEnums(c.info.Capabilities)}
	c.describe(&p)
	return p
}

// unknownMessages: the client survives messages of kinds that it does not know. Early Rust SDKs do not.
func (c client) unknownMessages() bool {
	return c.info.Sdk != pb.ClientInfo_RUST || c.protocol >= 10
}

// isFirefox tells by what the SDK says, or, as newer ones say nothing of it, by what the browser says. On iOS it is Safari by
// another name ("FxiOS").
func (c client) isFirefox() bool {
	return strings.HasPrefix(strings.ToLower(c.info.Browser), "firefox") || c.info.Browser == "" && strings.Contains(c.agent, " Firefox/")
}

// mayLackH264 tells of clients that cannot be relied on to code H.264: Firefox needs a plug-in for it.
func (c client) mayLackH264() bool { return c.isFirefox() }

// lastingSilence is after how long without a connectivity check a client may have given a connection up: it does so 30 s
// after the last answer that reached it (RFC 7675, section 5.1), which may be some checks before the last one that reached us.
const lastingSilence = 20 * time.Second

// cannotRevive: a connection that the client has given up cannot be used again, although a restart of ICE brings it back to
// "connected": Firefox neither sends nor takes media on it any more (w3c/webrtc-pc issue 3139).
func (c client) cannotRevive(why pb.ReconnectReason, silence time.Duration) bool {
	failed := why == pb.ReconnectReason_RR_PUBLISHER_FAILED || why == pb.ReconnectReason_RR_SUBSCRIBER_FAILED
	return c.isFirefox() && (failed || silence > lastingSilence)
}

// sendsWhatItSays: the codec in the client's request is the only one that it means to send; others let us choose. So Go's SDK, whose
// tracks are made in one codec and which knows its track by the codec's name in what it is told of demand; and the SDKs with the Rust
// core, which offer that one alone.
func (c client) sendsWhatItSays() bool { return c.info.Sdk == pb.ClientInfo_GO || c.isRust() }

// isRust tells of the SDKs that have the Rust core.
func (c client) isRust() bool {
	switch c.info.Sdk {
	case pb.ClientInfo_RUST, pb.ClientInfo_PYTHON, pb.ClientInfo_CPP, pb.ClientInfo_UNITY, pb.ClientInfo_NODE:
		return true
	}
	return false
}

// answerDelay is how long the answer to a request is held back. The Rust core notes that it waits for one only after it has sent the
// request, and gives up 5 s later on one that came before.
func (c client) answerDelay() time.Duration {
	if c.isRust() {
		return 20 * time.Millisecond
	}
	return 0
}

// unsaidCodec is what a client most likely sends that names no codec, as the Rust core does for pictures in one layer: there VP8 is the
// default. NoCodec leaves the choice to us. It is a guess, and what the Rust core does mean it says in an offer of that codec alone. But it
// adds a picture to its connection a moment before it chooses the codec; an offer that it makes for another track in between names all
// codecs, and the one that it makes when it has chosen follows.
func (c client) unsaidCodec() media.Codec {
	if c.isRust() {
		return media.VP8
	}
	return media.NoCodec
}

// forgetsNoSection: on two connections, the Rust core (since 0.8) gives out what comes in a section once for each name of a stream and never
// again, not even when that had ended: who takes a track for the second time in the same section sees nothing.
func (c client) forgetsNoSection() bool { return c.isRust() }

// lateOfferDelay is how long after the join response the first answer goes out to clients that apply their offer late.
const lateOfferDelay = 300 * time.Millisecond

// appliesOfferLate: the client sets the offer of its join request as its own only after it has begun to read what comes
// behind the join response, so an answer right behind that finds no offer. Go's SDK 2.17 does so.
func (c client) appliesOfferLate() bool { return c.info.Sdk == pb.ClientInfo_GO }
