package push

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/webrtc/v4"

	"github.com/tuttilive/tutti/internal/dial"
	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/media/rtpfmt"
	"github.com/tuttilive/tutti/internal/program"
	"github.com/tuttilive/tutti/internal/studio"
)

const (
	// whipAnswerWithin bounds each request, whipConnectWithin the way from the answer to the connection.
	whipAnswerWithin  = 10 * time.Second
	whipConnectWithin = 15 * time.Second
	maxAnswer         = 256 << 10
	// maxDisordered is how many pictures of a stream with B-frames may be left out because they are to be shown before one that was sent. With
	// ffmpeg a few are, before the stream without B-frames is there.
	maxDisordered = 100
)

var (
	errConnection = errors.New("the connection ends")
	errBFrames    = errors.New("the picture has B-frames, which WebRTC cannot show, and this server has no ffmpeg to take them out: turn them off in the encoder")
)

// whipPlace is a WHIP endpoint (RFC 9725). Many platforms have the key in its path, so all behind the host is secret, as is the token.
type whipPlace struct {
	endpoint *url.URL
	token    string
}

func whipPlaceOf(u *url.URL, key string) (place, error) {
	if strings.Trim(u.Path, "/") == "" && u.RawQuery == "" {
		return nil, ErrTarget
	}
	return &whipPlace{endpoint: u, token: key}, nil
}

func (p *whipPlace) address() string {
	return p.endpoint.Scheme + "://" + p.endpoint.Host + "/" + dial.Hidden
}

func (p *whipPlace) secrets() []string {
	path := p.endpoint.EscapedPath()
	list := append(secretsOf(p.endpoint.RawQuery), p.token, p.endpoint.RequestURI(), path, p.endpoint.Path)
	for segment := range strings.SplitSeq(path, "/") { // any may be the key
		list = append(list, segment)
		if plain, err := url.PathUnescape(segment); err == nil {
			list = append(list, plain)
		}
	}
	return list
}

func (p *whipPlace) publish(ctx context.Context, s *session, w *studio.Watcher) error {
	c, err := newWHIPClient(s.pusher.options.Dialer, s.pusher.http, net.ParseIP(p.endpoint.Hostname()).IsLoopback() || p.endpoint.Hostname() == "localhost")
	if err != nil {
		return err
	}
	defer c.peer.Close()
	resource, err := c.offer(ctx, p)
	if err != nil {
		return err
	}
	defer c.leave(p, resource)
	if err := c.connected(ctx); err != nil {
		return err
	}
	demand := program.Demand{Video: []media.Codec{media.H264}, Audio: []media.Codec{media.Opus}, Plain: true}
	frames, err := w.Program().Read(demand)
	if err != nil {
		return err
	}
	defer frames.Close()
	following, end := context.WithCancel(ctx)
	defer end()
	heard := make(chan error, 1)
	go func() {
		select {
		case <-c.failed:
			heard <- c.why
			end()
		case <-following.Done():
		}
	}()
	go c.hear(func() {
		if t, _ := w.Program().Picture(); t != nil {
			t.AskKeyframe()
		}
	})
	s.live()
	for {
		f, err := frames.Next(following)
		if err == nil {
			var n int
			n, err = c.send(f)
			s.sent(n)
		}
		if err != nil {
			return ended(err, heard)
		}
	}
}

// whipClient is a WebRTC connection that sends one picture and one sound.
type whipClient struct {
	http         *http.Client
	dialer       Dialer
	peer         *webrtc.PeerConnection
	video, audio outgoing
	sender       *webrtc.RTPSender // of the picture
	up, failed   chan struct{}
	failing      sync.Once
	why          error // once it has failed

	latest     time.Duration // PTS of the last picture
	disordered int
}

// outgoing is a stream of RTP.
type outgoing struct {
	track  *webrtc.TrackLocalStaticRTP
	packet *rtpfmt.Packetizer
	seq    uint16
}

// newWHIPClient makes one that reaches only what the dialer allows. Loopback offers this machine's own address as well.
func newWHIPClient(d Dialer, requests *http.Client, loopback bool) (*whipClient, error) {
	c := &whipClient{http: requests, dialer: d, up: make(chan struct{}), failed: make(chan struct{})}
	heard := sources{excess: func() {
		c.fail(errSources)
		go c.peer.Close() // waits for its caller
	}}
	var settings webrtc.SettingEngine
	settings.BufferFactory = heard.buffer
	settings.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	settings.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4, webrtc.NetworkTypeUDP6})
	settings.SetIncludeLoopbackCandidate(loopback)
	settings.SetRemoteIPFilter(func(ip net.IP) bool {
		a, ok := netip.AddrFromSlice(ip)
		return ok && allows(d, a)
	})
	quiet(&settings)
	api, err := whipAPI(settings)
	if err != nil {
		return nil, err
	}
	if c.peer, err = api.NewPeerConnection(webrtc.Configuration{}); err != nil {
		return nil, fmt.Errorf("making a WebRTC connection: %w", err)
	}
	isUp := false // the library calls from one goroutine at a time
	c.peer.OnConnectionStateChange(func(state webrtc.PeerConnectionState) {
		switch {
		case state == webrtc.PeerConnectionStateConnected && !isUp:
			isUp = true
			close(c.up)
		case state == webrtc.PeerConnectionStateFailed || state == webrtc.PeerConnectionStateClosed:
			c.fail(errConnection)
		}
	})
	if err := c.addTracks(); err != nil {
		c.peer.Close()
		return nil, err
	}
	return c, nil
}

// fail says why the connection is of no more use; the first reason counts.
func (c *whipClient) fail(why error) {
	c.failing.Do(func() {
		c.why = why
		close(c.failed)
	})
}

func (c *whipClient) addTracks() error {
	for _, t := range []struct {
		to    *outgoing
		codec media.Codec
		as    webrtc.RTPCodecCapability
	}{{&c.video, media.H264, h264.RTPCodecCapability}, {&c.audio, media.Opus, opus.RTPCodecCapability}} {
		var err error
		if t.to.packet, err = rtpfmt.NewPacketizer(t.codec); err != nil {
			return err
		}
		if t.to.track, err = webrtc.NewTrackLocalStaticRTP(t.as, t.codec.Kind().String(), "program"); err != nil {
			return fmt.Errorf("making a track: %w", err)
		}
		transceiver, err := c.peer.AddTransceiverFromTrack(t.to.track, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionSendonly})
		if err != nil {
			return fmt.Errorf("making a track: %w", err)
		}
		if t.codec == media.H264 {
			c.sender = transceiver.Sender()
			continue
		}
		go drain(transceiver.Sender())
	}
	return nil
}

// offer agrees with the endpoint, and gives the address of the session that it made.
func (c *whipClient) offer(ctx context.Context, p *whipPlace) (resource *url.URL, err error) {
	gathered := webrtc.GatheringCompletePromise(c.peer)
	offer, err := c.peer.CreateOffer(nil)
	if err == nil {
		err = c.peer.SetLocalDescription(offer)
	}
	if err != nil {
		return nil, fmt.Errorf("making an offer: %w", err)
	}
	select {
	case <-gathered:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	resp, err := c.do(ctx, p, http.MethodPost, p.endpoint, withoutPrivate(c.peer.LocalDescription().SDP, c.dialer))
	if err != nil {
		return nil, dial.Failed("connecting", withoutURL(err))
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return nil, fmt.Errorf("reading the answer: %w", err)
	}
	if resp.StatusCode != http.StatusCreated {
		return nil, dial.Denial{Code: strconv.Itoa(resp.StatusCode), Words: http.StatusText(resp.StatusCode) + " " + firstLine(body)}
	}
	if resource, err = resp.Location(); err != nil {
		resource = nil // then it ends when the connection does
	}
	answer := webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: string(body)}
	if err = checkAnswer(&answer, len(c.peer.GetTransceivers())); err == nil {
		err = c.peer.SetRemoteDescription(answer)
	}
	if err != nil {
		c.leave(p, resource)
		return nil, fmt.Errorf("taking the answer: %w", err)
	}
	return resource, nil
}

func (c *whipClient) do(ctx context.Context, p *whipPlace, method string, to *url.URL, body string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, to.String(), strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/sdp")
	}
	if p.token != "" {
		req.Header.Set("Authorization", "Bearer "+p.token)
	}
	return c.http.Do(req)
}

// connected waits until media can be sent.
func (c *whipClient) connected(ctx context.Context) error {
	late := time.NewTimer(whipConnectWithin)
	defer late.Stop()
	select {
	case <-c.up:
		return nil
	case <-c.failed:
		if !errors.Is(c.why, errConnection) {
			return c.why
		}
	case <-late.C:
	case <-ctx.Done():
		return ctx.Err()
	}
	return dial.Failed("connecting", errors.New("no way over UDP was found"))
}

// leave ends the session, if the server gave it an address on its own host: nobody else is sent the token.
func (c *whipClient) leave(p *whipPlace, resource *url.URL) {
	if resource == nil || resource.Host != p.endpoint.Host || resource.Scheme != p.endpoint.Scheme {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), partingTime)
	defer cancel()
	if resp, err := c.do(ctx, p, http.MethodDelete, resource, ""); err == nil {
		resp.Body.Close()
	}
}

// send sends a frame, and tells how many bytes of media that was.
func (c *whipClient) send(f *media.Frame) (n int, err error) {
	out := &c.audio
	if f.Kind() == media.Video {
		out = &c.video
		if !f.Format.Reordered {
			c.disordered = 0
		}
		if f.PTS < c.latest {
			if c.disordered++; c.disordered > maxDisordered {
				return 0, errBFrames
			}
			return 0, nil
		}
		c.latest = f.PTS
	}
	for _, p := range out.packet.Packetize(f) {
		out.seq++
		if err := out.track.WriteRTP(rtpOf(&p, out.seq)); err != nil && !errors.Is(err, io.ErrClosedPipe) {
			return n, fmt.Errorf("sending: %w", err)
		}
		n += len(p.Payload)
	}
	return n, nil
}

// withoutURL is an error of a request without the address, which is secret.
func withoutURL(err error) error {
	if of := (*url.Error)(nil); errors.As(err, &of) {
		return of.Err
	}
	return err
}

// firstLine is the first line of what a server says of a refusal.
func firstLine(b []byte) string {
	line, _, _ := strings.Cut(strings.TrimSpace(string(b)), "\n")
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0xfffd {
			return -1
		}
		return r
	}, line)
}
