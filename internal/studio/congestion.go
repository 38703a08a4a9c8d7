package studio

import (
	"github.com/tuttilive/tutti/internal/rtc"
	"github.com/tuttilive/tutti/internal/sfu"
)

// Congestion makes what a peer that receives needs so that no more is sent to it than its way carries: give it to the peer
// when making it. What is subscribed for the peer then shares the way.
func Congestion() rtc.CongestionObserver { return sfu.NewDownlink() }

// LimitRate makes the way to a peer with a Congestion pass for one that carries no more than so many bit/s; 0 ends that.
func LimitRate(peer *rtc.Peer, rate int64) {
	if d, ok := peer.Congestion().(*sfu.Downlink); ok {
		d.Limit(rate)
	}
}
