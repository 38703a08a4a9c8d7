// Package rtctest connects pion's PeerConnection, as an independent client, to an rtc.Endpoint within one process. It
// is for tests only.
package rtctest

import (
	"errors"
	"net/netip"
	"testing"
	"time"

	"github.com/pion/dtls/v3"
	"github.com/pion/ice/v4"
	"github.com/pion/interceptor"
	"github.com/pion/logging"
	"github.com/pion/webrtc/v4"

	"github.com/tuttilive/tutti/internal/rtc"
)

// Timeout bounds every wait in this package. It is only ever reached by a failing test.
const Timeout = time.Minute

// Endpoint listens on the loopback interface, on a port of the kernel's choice; it is closed when the test ends.
func Endpoint(t testing.TB) *rtc.Endpoint {
	t.Helper()
	e, err := rtc.Listen(rtc.Config{Listen: "127.0.0.1:0", Addresses: []netip.Addr{netip.MustParseAddr("127.0.0.1")}})
	if err != nil {
		t.Fatalf("listen: %v", err)
	}
	t.Cleanup(func() { _ = e.Close() })
	return e
}

// EndpointTCP is the same with a TCP port.
func EndpointTCP(t testing.TB) *rtc.Endpoint {
	t.Helper()
	loopback := []netip.Addr{netip.MustParseAddr("127.0.0.1")}
	e, err := rtc.Listen(rtc.Config{Listen: "127.0.0.1:0", ListenTCP: "127.0.0.1:0", Shards: 2, Addresses: loopback})
	if err != nil {
		t.Fatalf("listen: %v", err)
	}
	t.Cleanup(func() { _ = e.Close() })
	return e
}

// OnlyTCP is a client's setup in a network that blocks UDP.
func OnlyTCP(s *webrtc.SettingEngine, _ *webrtc.MediaEngine, _ *interceptor.Registry) {
	s.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeTCP4})
}

// ClientConfig changes how a client behaves; the zero value is pion's default with all its codecs and interceptors.
type ClientConfig struct {
	// Profiles are the SRTP protection profiles that it offers.
	Profiles []dtls.SRTPProtectionProfile
	// Setup changes what else pion lets one change; may be nil.
	Setup func(*webrtc.SettingEngine, *webrtc.MediaEngine, *interceptor.Registry)
}

// Client makes a PeerConnection that talks over loopback; it is closed when the test ends.
func Client(t testing.TB, cfg ClientConfig) *webrtc.PeerConnection {
	t.Helper()
	var settings webrtc.SettingEngine
	settings.LoggerFactory = &logging.DefaultLoggerFactory{DefaultLogLevel: logging.LogLevelDisabled}
	settings.SetIncludeLoopbackCandidate(true)
	settings.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4})
	settings.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	if len(cfg.Profiles) > 0 {
		settings.SetSRTPProtectionProfiles(cfg.Profiles...)
	}
	var media webrtc.MediaEngine
	if err := media.RegisterDefaultCodecs(); err != nil {
		t.Fatalf("codecs: %v", err)
	}
	var registry interceptor.Registry
	if err := webrtc.RegisterDefaultInterceptors(&media, &registry); err != nil {
		t.Fatalf("interceptors: %v", err)
	}
	if cfg.Setup != nil {
		cfg.Setup(&settings, &media, &registry)
	}
	api := webrtc.NewAPI(webrtc.WithSettingEngine(settings), webrtc.WithMediaEngine(&media), webrtc.WithInterceptorRegistry(&registry))
	pc, err := api.NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		t.Fatalf("peer connection: %v", err)
	}
	t.Cleanup(func() { _ = pc.Close() })
	return pc
}

// Offer lets the client offer and the endpoint's peer answer.
func Offer(t testing.TB, client *webrtc.PeerConnection, peer *rtc.Peer) {
	t.Helper()
	offer, err := client.CreateOffer(nil)
	if err != nil {
		t.Fatalf("client's offer: %v", err)
	}
	if err := client.SetLocalDescription(offer); err != nil {
		t.Fatalf("client's offer: %v", err)
	}
	if err := peer.SetOffer(client.LocalDescription().SDP); err != nil {
		t.Fatalf("set offer: %v\n%s", err, offer.SDP)
	}
	answer, err := peer.CreateAnswer()
	if err != nil {
		t.Fatalf("create answer: %v", err)
	}
	if err := client.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: answer}); err != nil {
		t.Fatalf("client refuses the answer: %v\n%s", err, answer)
	}
}

// Answer lets the endpoint's peer offer and the client answer.
func Answer(t testing.TB, client *webrtc.PeerConnection, peer *rtc.Peer) {
	t.Helper()
	offer, err := peer.CreateOffer()
	if err != nil {
		t.Fatalf("create offer: %v", err)
	}
	if err := client.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: offer}); err != nil {
		t.Fatalf("client refuses the offer: %v\n%s", err, offer)
	}
	answer, err := client.CreateAnswer(nil)
	if err != nil {
		t.Fatalf("client's answer: %v", err)
	}
	if err := client.SetLocalDescription(answer); err != nil {
		t.Fatalf("client's answer: %v", err)
	}
	if err := peer.SetAnswer(client.LocalDescription().SDP); err != nil {
		t.Fatalf("set answer: %v\n%s", err, answer.SDP)
	}
}

// Events is an rtc.Handler that hands everything to channels. Each has room for more than a test needs.
type Events struct {
	Connected chan struct{}
	Closed    chan error
	Added     chan *rtc.Inbound
	Removed   chan *rtc.Inbound
	Channels  chan *rtc.DataChannel
}

// NewEvents makes one.
func NewEvents() *Events {
	return &Events{
		Connected: make(chan struct{}, 1), Closed: make(chan error, 1), Added: make(chan *rtc.Inbound, 64),
		Removed: make(chan *rtc.Inbound, 64), Channels: make(chan *rtc.DataChannel, 64),
	}
}

func (e *Events) PeerConnected()                  { e.Connected <- struct{}{} }
func (e *Events) PeerClosed(err error)            { e.Closed <- err }
func (e *Events) InboundAdded(in *rtc.Inbound)    { e.Added <- in }
func (e *Events) InboundRemoved(in *rtc.Inbound)  { e.Removed <- in }
func (e *Events) DataChannel(dc *rtc.DataChannel) { e.Channels <- dc }

// Peer makes a peer whose events go to channels; it is closed when the test ends.
func Peer(t testing.TB, e *rtc.Endpoint, cfg rtc.PeerConfig) (*rtc.Peer, *Events) {
	t.Helper()
	events := NewEvents()
	cfg.Handler = events
	p, err := e.NewPeer(cfg)
	if err != nil {
		t.Fatalf("new peer: %v", err)
	}
	t.Cleanup(p.Close)
	return p, events
}

// Wait takes one value from a channel, or fails the test.
func Wait[T any](t testing.TB, from <-chan T, what string) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(Timeout):
		t.Fatalf("no %s within %v", what, Timeout)
		panic(errors.ErrUnsupported)
	}
}
