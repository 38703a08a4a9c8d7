package studio

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/pion/webrtc/v4"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/media/mediatest"
	"github.com/tuttilive/tutti/internal/media/rtpfmt"
	"github.com/tuttilive/tutti/internal/program"
	"github.com/tuttilive/tutti/internal/rtc"
	"github.com/tuttilive/tutti/internal/rtc/rtctest"
	"github.com/tuttilive/tutti/internal/track"
)

// names lists layers.
func names(layers []Layer) (all string) {
	for i, l := range layers {
		if i > 0 {
			all += " "
		}
		all += l.ID
	}
	return all
}

func TestLayersGoFromSmallToLarge(t *testing.T) {
	of := func(id string, width int) Layer { return Layer{ID: id, Width: width, Height: width * 9 / 16} }
	for _, test := range []struct {
		what   string
		layers []Layer
		want   string
	}{
		{"none", nil, ""},
		{"one", []Layer{of("full", 0)}, "full"},
		{"usual names", []Layer{of("q", 320), of("h", 640), of("f", 1280)}, "q h f"},
		{"usual names, nothing known", []Layer{of("q", 0), of("h", 0), of("f", 0)}, "q h f"},
		{"usual names, the largest not known yet", []Layer{of("q", 320), of("h", 640), of("f", 0)}, "q h f"},
		{"usual names, the middle not known yet", []Layer{of("q", 320), of("h", 0), of("f", 1280)}, "q h f"},
		{"usual names, only the largest known", []Layer{of("q", 0), of("h", 0), of("f", 1280)}, "q h f"},
		{"usual names the other way round", []Layer{of("q", 1280), of("h", 640), of("f", 0)}, "f h q"},
		{"composed, the whole not known yet", []Layer{of("q", 320), of("h", 640), of("full", 0)}, "q h full"},
		{"numbers going down", []Layer{of("0", 1280), of("1", 640), of("2", 320)}, "2 1 0"},
		{"numbers going down, the smallest not known yet", []Layer{of("0", 1280), of("1", 640), of("2", 0)}, "2 1 0"},
		{"numbers going down, the largest not known yet", []Layer{of("0", 0), of("1", 640), of("2", 320)}, "2 1 0"},
		{"numbers going up, the largest not known yet", []Layer{of("0", 320), of("1", 640), of("2", 0)}, "0 1 2"},
		{"numbers, nothing known", []Layer{of("0", 0), of("1", 0), of("2", 0)}, "0 1 2"},
		{"sizes speak against names", []Layer{of("high", 1280), of("low", 320), of("mid", 640)}, "low mid high"},
		{"of one size", []Layer{of("a", 640), of("b", 640)}, "a b"},
	} {
		for range 6 {
			layers := append([]Layer(nil), test.layers...)
			rand.Shuffle(len(layers), func(i, j int) { layers[i], layers[j] = layers[j], layers[i] })
			before := names(layers)
			if arrange(layers); names(layers) != test.want {
				t.Errorf("%s: %s became %s, want %s", test.what, before, names(layers), test.want)
			}
		}
	}
}

// simulcast publishes keyframes of two layers until the test ends.
func simulcast(t *testing.T) *track.Track {
	tr := track.NewFromPackets(track.Info{ID: "TR_S", Kind: media.Video, Codec: media.VP8, Label: "simulcast"}, nil)
	type stream struct {
		*track.Layer
		*rtpfmt.Packetizer
		width, height int
	}
	var streams []stream
	for _, l := range []Layer{{ID: "q", Width: 320, Height: 180}, {ID: "f", Width: 640, Height: 360}} {
		packets, err := rtpfmt.NewPacketizer(media.VP8)
		if err != nil {
			t.Fatal(err)
		}
		streams = append(streams, stream{tr.AddLayer(l.ID), packets, l.Width, l.Height})
	}
	over, stopped := make(chan struct{}), make(chan struct{})
	t.Cleanup(func() { close(over); <-stopped; tr.Close() })
	go func() {
		defer close(stopped)
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for seq := uint64(1 << 16); ; {
			for i, s := range streams {
				f := &media.Format{Codec: media.VP8, Width: s.width, Height: s.height}
				for _, p := range s.Packetize(mediatest.Frame(f, true, media.Now(), mediatest.VP8(true, s.width, s.height, 500))) {
					p.Seq, p.SSRC, p.Arrival = seq, uint32(i+1), media.Now()
					seq++
					s.Write(&p)
				}
				s.Flush()
			}
			select {
			case <-tick.C:
			case <-over:
				return
			}
		}
	}()
	return tr
}

func TestAWatcherNamesAndPrefersLayers(t *testing.T) {
	p := program.New("test", nil)
	defer p.Close()
	w := &Watcher{air: &air{program: p}, closed: make(chan struct{})}
	tr := simulcast(t)
	p.Add(tr, 0)
	if layers := w.Layers(); layers != nil {
		t.Errorf("before it is subscribed: %v", layers)
	}
	w.Prefer(media.Size{}) // of nothing

	client := rtctest.Client(t, rtctest.ClientConfig{})
	if _, err := client.AddTransceiverFromKind(webrtc.RTPCodecTypeVideo, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly}); err != nil {
		t.Fatal(err)
	}
	peer, events := rtctest.Peer(t, rtctest.Endpoint(t), rtc.PeerConfig{})
	if err := w.Subscribe(peer, media.VP8); err != nil {
		t.Fatal(err)
	}
	defer func() { close(w.closed); w.senders.Wait() }()
	rtctest.Offer(t, client, peer)
	rtctest.Wait(t, events.Connected, "connection")

	eventually := func(what string, holds func() bool) {
		t.Helper()
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for deadline := time.After(rtctest.Timeout); !holds(); {
			select {
			case <-tick.C:
			case <-deadline:
				t.Fatalf("in vain: %s; layers %v, sent %+v", what, w.Layers(), w.picture.Stats())
			}
		}
	}
	sends := func(rid string) func() bool { return func() bool { return w.picture.Stats().RID == rid } }
	eventually("two layers", func() bool {
		l := w.Layers()
		return names(l) == "q f" && l[0].Width == 320 && l[1].Width == 640 && l[0].Active && l[1].Active && l[1].Bitrate > 0
	})
	w.Prefer(media.Size{Width: 320, Height: 180})
	eventually("the small one is sent", sends("q"))
	w.Prefer(media.Size{})
	eventually("the large one is sent", sends("f"))
	p.Remove(tr)
	if layers := w.Layers(); len(layers) != 0 {
		t.Errorf("without a picture: %v", layers)
	}
	other := track.NewFromFrames(track.Info{ID: "TR_F", Kind: media.Video, Codec: media.H264})
	defer other.Close()
	p.Add(other, 0)
	if layers := w.Layers(); names(layers) != wholePicture {
		t.Errorf("where it is converted: %v", layers)
	}
}
