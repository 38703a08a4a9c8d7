package rtc_test

import (
	"testing"
	"time"

	"github.com/pion/interceptor"
	"github.com/pion/rtcp"
	"github.com/pion/webrtc/v4"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/rtc"
	"github.com/tuttilive/tutti/internal/rtc/rtctest"
	"github.com/tuttilive/tutti/internal/rtc/twcc"
)

func TestTransportFeedbackToClient(t *testing.T) {
	t.Parallel()
	e := rtctest.Endpoint(t)
	peer, events := rtctest.Peer(t, e, rtc.PeerConfig{})
	client := rtctest.Client(t, rtctest.ClientConfig{Setup: func(_ *webrtc.SettingEngine, m *webrtc.MediaEngine, r *interceptor.Registry) {
		if err := webrtc.ConfigureTWCCHeaderExtensionSender(m, r); err != nil {
			t.Fatal(err)
		}
	}})
	track := localTrack(t, webrtc.MimeTypeVP8, "camera")
	sender, err := client.AddTrack(track)
	if err != nil {
		t.Fatal(err)
	}
	reports := make(chan *rtcp.TransportLayerCC, 64)
	go func() {
		for {
			packets, _, err := sender.ReadRTCP()
			if err != nil {
				return
			}
			for _, p := range packets {
				if cc, ok := p.(*rtcp.TransportLayerCC); ok {
					select {
					case reports <- cc:
					default:
					}
				}
			}
		}
	}()
	rtctest.Offer(t, client, peer)
	rtctest.Wait(t, events.Connected, "connection")
	stop := make(chan struct{})
	go publish(track, []byte{1}, stop)
	last := rtctest.Wait(t, reports, "report")
	for range 3 {
		next := rtctest.Wait(t, reports, "report")
		if want := last.BaseSequenceNumber + last.PacketStatusCount; next.BaseSequenceNumber != want || next.FbPktCount != last.FbPktCount+1 {
			t.Errorf("report %d begins at %d, want %d", next.FbPktCount, next.BaseSequenceNumber, want)
		}
		last = next
	}
	close(stop)
	for len(reports) > 0 { // the end of what was sent is reported, too, although nothing follows it
		last = <-reports
	}
}

// estimator hands what a congestion observer hears to channels.
type estimator struct {
	sent     chan uint16
	feedback chan int // packets reported
}

func (e *estimator) Sent(seq uint16, size int, _ time.Duration) {
	if size > 1000 {
		select {
		case e.sent <- seq:
		default:
		}
	}
}

func (e *estimator) TransportFeedback(r twcc.Report, _ time.Duration) {
	select {
	case e.feedback <- r.Count():
	default:
	}
}
func (e *estimator) RemoteEstimate(uint64, time.Duration) {}

func TestCongestionObserver(t *testing.T) {
	t.Parallel()
	e := rtctest.Endpoint(t)
	observer := &estimator{make(chan uint16, 4096), make(chan int, 64)}
	peer, _ := rtctest.Peer(t, e, rtc.PeerConfig{Congestion: observer})
	client := rtctest.Client(t, rtctest.ClientConfig{})
	fb := newFeedback()
	out, err := peer.AddOutbound(rtc.OutboundConfig{Codec: media.VP8, StreamID: "s", TrackID: "t", Feedback: fb})
	if err != nil {
		t.Fatal(err)
	}
	tracks := make(chan *webrtc.TrackRemote, 1)
	client.OnTrack(func(track *webrtc.TrackRemote, receiver *webrtc.RTPReceiver) {
		tracks <- track
		for { // pion takes note of sender reports only while somebody reads them
			if _, _, err := receiver.ReadRTCP(); err != nil {
				return
			}
		}
	})
	rtctest.Answer(t, client, peer)
	rtctest.Wait(t, fb.ready, "ready")
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		payload := make([]byte, 1000)
		tick := time.NewTicker(2 * time.Millisecond)
		defer tick.Stop()
		for seq := uint16(0); ; seq++ {
			w := &work{func(tx *rtc.Tx) {
				tx.Send(out, []rtc.Packet{{Seq: seq, Payload: payload}})
				tx.SendReport(out, media.NTP(tx.Now()), uint32(seq))
			}, make(chan struct{})}
			peer.Home().Post(w)
			<-w.done
			select {
			case <-stop:
				return
			case <-tick.C:
			}
		}
	}()
	track := rtctest.Wait(t, tracks, "track")
	go func() { // pion gives feedback only while somebody reads
		for {
			if _, _, err := track.ReadRTP(); err != nil {
				return
			}
		}
	}()
	if f := rtctest.Wait(t, observer.feedback, "feedback"); f == 0 {
		t.Error("the feedback is of no packet")
	}
	first := rtctest.Wait(t, observer.sent, "sent packet")
	if second := rtctest.Wait(t, observer.sent, "sent packet"); second != first+1 {
		t.Errorf("packets are stamped %d and %d", first, second)
	}
	for range 5 { // pion reports once a second; the first may come before our first report has reached it
		if rtctest.Wait(t, fb.reports, "receiver report").LastSenderReport != 0 {
			break
		}
	}
	if rtt := peer.RTT(); rtt <= 0 || rtt > time.Second {
		t.Errorf("round trip over loopback takes %v", rtt)
	}
	close(stop)
	rtctest.Wait(t, stopped, "end")
}
