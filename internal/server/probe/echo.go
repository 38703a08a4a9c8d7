package probe

import (
	"context"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/tuttilive/tutti/internal/rtc"
)

const (
	sdpType  = "application/sdp"
	maxOffer = 64 << 10
	// echoLabel is the label of the channel that echoes.
	echoLabel = "echo"
	// maxEcho is the longest message that a channel echoes, in bytes: one packet.
	maxEcho = 1100
	// echoesPerSecond in the mean, twice as many at once (a network may keep some and let them go together), and
	// maxEchoes in all.
	echoesPerSecond = 100
	maxEchoes       = 2000
	// connectWithin is how long the peer of an offer may take to connect.
	connectWithin = 10 * time.Second
)

// serveRTC answers POST /probe/rtc: a peer without media that echoes what comes on the data channel "echo".
func (s *Server) serveRTC(w http.ResponseWriter, r *http.Request, v *visit) error {
	if t, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || t != sdpType {
		return errNotSDP
	}
	transport := rtc.AnyTransport
	switch r.URL.Query().Get("transport") {
	case "":
	case "udp":
		transport = rtc.UDP
	case "tcp":
		if transport = rtc.TCP; s.endpoint.TCPPort() == 0 {
			return errNoTCP
		}
	default:
		return errTransport
	}
	offer, err := io.ReadAll(io.LimitReader(r.Body, maxOffer+1))
	switch {
	case err != nil:
		return errBroken
	case len(offer) > maxOffer:
		return errLongSDP
	}
	answer, err := s.openEcho(string(offer), transport, v)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", sdpType)
	_, _ = io.WriteString(w, answer) // the client is gone when this fails
	return nil
}

// openEcho makes the peer and its answer. The visit ends with the peer.
func (s *Server) openEcho(offer string, transport rtc.Transport, v *visit) (answer string, err error) {
	e := &echo{visit: v, pace: rate.NewLimiter(echoesPerSecond, 2*echoesPerSecond), connected: make(chan struct{}), closed: make(chan struct{})}
	peer, err := s.endpoint.NewPeer(rtc.PeerConfig{Label: "probe", Handler: e, DataOnly: true, Transport: transport})
	if err != nil {
		return "", fmt.Errorf("making a peer for a test: %w", err)
	}
	go e.run(s.testing, peer)
	if err := peer.SetOffer(offer); err != nil {
		peer.Close()
		return "", errBadOffer
	}
	if answer, err = peer.CreateAnswer(); err != nil || !strings.Contains(answer, "a=sctp-port:") {
		peer.Close()
		return "", errBadOffer
	}
	return answer, nil
}

// echo is one test over WebRTC.
type echo struct {
	visit     *visit
	pace      *rate.Limiter
	connected chan struct{}
	closed    chan struct{}

	mu    sync.Mutex
	open  bool // there has been an echoing channel
	count int
}

// run ends the peer when it has had its time.
func (e *echo) run(testing context.Context, peer *rtc.Peer) {
	defer e.visit.end()
	patience := time.NewTimer(connectWithin)
	defer patience.Stop()
	connected := e.connected
	for {
		select {
		case <-connected:
			connected = nil
			patience.Reset(testTime)
			continue
		case <-patience.C:
		case <-testing.Done():
		case <-e.closed:
			return
		}
		peer.Close()
		<-e.closed
		return
	}
}

func (e *echo) PeerConnected()              { close(e.connected) }
func (e *echo) PeerClosed(error)            { close(e.closed) }
func (e *echo) InboundAdded(*rtc.Inbound)   {}
func (e *echo) InboundRemoved(*rtc.Inbound) {}

// DataChannel echoes on the first channel that has the right label, and closes all others.
func (e *echo) DataChannel(dc *rtc.DataChannel) {
	e.mu.Lock()
	first := dc.Label() == echoLabel && !e.open
	e.open = e.open || first
	e.mu.Unlock()
	if !first {
		dc.Close()
		return
	}
	dc.OnMessage(func(message []byte, text bool) {
		if len(message) > maxEcho || !e.pace.Allow() || !e.another() {
			dc.Close()
			return
		}
		_ = dc.Send(message, text) // what does not get through is what is measured
	})
}

func (e *echo) another() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.count++
	return e.count <= maxEchoes
}
