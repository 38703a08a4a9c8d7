package livekit

import (
	"io"
	"net"
	"sync/atomic"
	"testing"

	"github.com/pion/logging"
	"github.com/pion/webrtc/v4"
)

// deafConn is a socket that hears nothing while it is told so.
type deafConn struct {
	net.PacketConn
	deaf atomic.Bool
}

func (c *deafConn) ReadFrom(b []byte) (int, net.Addr, error) {
	for {
		n, from, err := c.PacketConn.ReadFrom(b)
		if err != nil || !c.deaf.Load() {
			return n, from, err
		}
	}
}

// enterDeaf lets somebody into the hall who is connected, and can be made deaf.
func (w *world) enterDeaf(t *testing.T, identity string, onChannel func(*webrtc.DataChannel)) (*viewer, *deafConn) {
	t.Helper()
	socket, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { socket.Close() })
	conn := &deafConn{PacketConn: socket}
	settings := webrtc.SettingEngine{LoggerFactory: &logging.DefaultLoggerFactory{DefaultLogLevel: logging.LogLevelDisabled, Writer: io.Discard}}
	settings.SetIncludeLoopbackCandidate(true)
	settings.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4})
	settings.SetICEUDPMux(webrtc.NewICEUDPMux(settings.LoggerFactory.NewLogger("mux"), conn))
	peer, err := webrtc.NewAPI(webrtc.WithSettingEngine(settings)).NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { peer.Close() })
	peer.OnDataChannel(onChannel)
	theirs, _ := w.enter(t, identity, "hall", "")
	v := &viewer{wire: theirs, peer: peer}
	v.hears()()
	return v, conn
}
