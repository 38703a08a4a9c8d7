// Package rtcload puts a load of WebRTC on a server: one publisher over WHIP and many light WHEP subscribers, which do ICE,
// DTLS, SRTP and feedback as browsers do, but decode nothing.
package rtcload

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/pion/interceptor/pkg/twcc"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/sdp/v3"

	"github.com/tuttilive/tutti/internal/bench"
)

const (
	// stallAfter is how long a picture may take to follow the one before until it counts as a stall.
	stallAfter = 300 * time.Millisecond
	// feedbackInterval and reportInterval are those of libwebrtc's receiver.
	feedbackInterval = 100 * time.Millisecond
	reportInterval   = time.Second

	videoType, rtxType, audioType = 102, 103, 111
	transportCC                   = 3
)

// Counters are shared by all subscribers.
type Counters struct {
	Packets, Bytes, Lost, Stalls, Undecryptable atomic.Uint64
	// Age is how old pictures were when their first packet came; FirstFrame how long after the POST the first one came.
	Age, FirstFrame bench.Latencies
}

// subscriber plays one program over WHEP. Its fields belong to the reading goroutine.
type subscriber struct {
	counters  *Counters
	asked     time.Time
	recorder  *twcc.Recorder
	started   time.Time
	lastFrame time.Time
	lastFed   time.Time
	lastTold  time.Time
	streams   map[uint32]*stream
	frameTS   uint32
	header    rtp.Header
	plain     []byte
	first     bool
}

type stream struct {
	highest uint32 // extended sequence number
	began   bool
}

// offer is what a browser that only receives would send, reduced to what the server reads.
func offer(ufrag, pwd, fingerprint string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1\r\na=msid-semantic: WMS\r\n")
	section := func(mid int, kind, types, lines string) {
		fmt.Fprintf(&b, "m=%s 9 UDP/TLS/RTP/SAVPF %s\r\nc=IN IP4 0.0.0.0\r\na=rtcp:9 IN IP4 0.0.0.0\r\na=ice-ufrag:%s\r\na=ice-pwd:%s\r\n"+
			"a=fingerprint:sha-256 %s\r\na=setup:actpass\r\na=mid:%d\r\n"+
			"a=extmap:%d http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01\r\na=recvonly\r\na=rtcp-mux\r\n%s",
			kind, types, ufrag, pwd, fingerprint, mid, transportCC, lines)
	}
	section(0, "audio", "111", "a=rtpmap:111 opus/48000/2\r\na=rtcp-fb:111 transport-cc\r\na=fmtp:111 minptime=10;useinbandfec=1\r\n")
	section(1, "video", "102 103", "a=rtpmap:102 H264/90000\r\na=rtcp-fb:102 nack\r\na=rtcp-fb:102 nack pli\r\na=rtcp-fb:102 transport-cc\r\n"+
		"a=fmtp:102 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f\r\n"+
		"a=rtpmap:103 rtx/90000\r\na=fmtp:103 apt=102\r\n")
	return b.String()
}

// subscribe opens one subscriber. Closing its transport and deleting its resource ends it.
func subscribe(ctx context.Context, address, room string, cert tls.Certificate, fingerprint string, counters *Counters) (*transport, string, error) {
	const ufrag, pwd = "bnch", "benchbenchbenchbenchbench"
	asked := time.Now()
	answer, resource, err := post(ctx, "http://"+address+"/whep/"+room, offer(ufrag, pwd, fingerprint))
	if err != nil {
		return nil, "", err
	}
	remote, theirUfrag, theirPwd, err := readAnswer(answer)
	if err != nil {
		return nil, "", err
	}
	s := &subscriber{counters: counters, asked: asked, recorder: twcc.NewRecorder(1), started: time.Now(), streams: map[uint32]*stream{}}
	var keyed atomic.Bool
	t, err := connect(ctx, remote, ufrag, theirUfrag, theirPwd, cert, func(t *transport, p []byte) {
		if keyed.Load() {
			s.receive(t, p)
		}
	})
	if err != nil {
		return nil, "", err
	}
	keyed.Store(true)
	go func() {
		tick := time.NewTicker(checkInterval)
		defer tick.Stop()
		for {
			select {
			case <-t.handshake.closed:
				return
			case <-tick.C:
				_ = t.check() // the next one comes soon
			}
		}
	}()
	return t, "http://" + address + resource, nil
}

// post sends an offer (RFC 9725 and its sister for playing).
func post(ctx context.Context, url, offer string) (answer, location string, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(offer))
	if err != nil {
		return "", "", err
	}
	req.Header.Set("Content-Type", "application/sdp")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	if err != nil {
		return "", "", err
	}
	if resp.StatusCode != http.StatusCreated {
		return "", "", fmt.Errorf("%s answers %s: %s", url, resp.Status, body)
	}
	return string(body), resp.Header.Get("Location"), nil
}

// readAnswer finds where the server is and its ICE credentials.
func readAnswer(answer string) (remote *net.UDPAddr, ufrag, pwd string, err error) {
	var d sdp.SessionDescription
	if err := d.UnmarshalString(answer); err != nil {
		return nil, "", "", err
	}
	attribute := func(name string) string {
		for _, m := range d.MediaDescriptions {
			if v, ok := m.Attribute(name); ok {
				return v
			}
		}
		v, _ := d.Attribute(name)
		return v
	}
	ufrag, pwd = attribute("ice-ufrag"), attribute("ice-pwd")
	for _, m := range d.MediaDescriptions {
		for _, a := range m.Attributes {
			f := strings.Fields(a.Value)
			if a.Key != "candidate" || len(f) < 6 || !strings.EqualFold(f[2], "udp") {
				continue
			}
			ip := net.ParseIP(f[4])
			port, err := strconv.Atoi(f[5])
			if ip != nil && ip.To4() != nil && err == nil && (remote == nil || ip.IsLoopback()) {
				remote = &net.UDPAddr{IP: ip, Port: port}
			}
		}
	}
	if remote == nil || ufrag == "" || pwd == "" {
		return nil, "", "", fmt.Errorf("the answer has no candidate or no credentials:\n%s", answer)
	}
	return remote, ufrag, pwd, nil
}

// receive takes one packet.
func (s *subscriber) receive(t *transport, packet []byte) {
	if len(packet) < 12 || packet[1] >= 192 && packet[1] < 224 {
		return // RTCP
	}
	now := time.Now()
	s.counters.Packets.Add(1)
	s.counters.Bytes.Add(uint64(len(packet)))
	plain, err := t.in.DecryptRTP(s.plain[:0], packet, &s.header)
	if err != nil {
		s.counters.Undecryptable.Add(1)
		return
	}
	s.plain = plain
	h := &s.header
	if ext := h.GetExtension(transportCC); len(ext) == 2 {
		s.recorder.Record(h.SSRC, uint16(ext[0])<<8|uint16(ext[1]), now.Sub(s.started).Microseconds())
	}
	if h.PayloadType != rtxType {
		s.count(h)
	}
	if h.PayloadType == videoType && h.Timestamp != s.frameTS {
		s.frameTS = h.Timestamp
		s.frame(plain[h.MarshalSize():], now)
	}
	s.feedback(t, now)
}

func (s *subscriber) count(h *rtp.Header) {
	st := s.streams[h.SSRC]
	if st == nil {
		st = &stream{}
		s.streams[h.SSRC] = st
	}
	if !st.began {
		st.began, st.highest = true, uint32(h.SequenceNumber)
		return
	}
	step := int16(h.SequenceNumber - uint16(st.highest))
	if step <= 0 {
		if step < 0 {
			s.counters.Lost.Add(^uint64(0)) // it was counted as lost, and came late
		}
		return
	}
	s.counters.Lost.Add(uint64(step - 1))
	st.highest += uint32(step)
}

// frame notes that a picture began.
func (s *subscriber) frame(payload []byte, now time.Time) {
	if !s.first {
		s.first = true
		s.counters.FirstFrame.Add(now.Sub(s.asked))
	} else if now.Sub(s.lastFrame) > stallAfter {
		s.counters.Stalls.Add(1)
	}
	s.lastFrame = now
	if age, ok := bench.Age(payload, now); ok {
		s.counters.Age.Add(age)
	}
}

// feedback sends what a browser would send back.
func (s *subscriber) feedback(t *transport, now time.Time) {
	var packets []rtcp.Packet
	if now.Sub(s.lastTold) > reportInterval {
		s.lastTold = now
		rr := &rtcp.ReceiverReport{SSRC: 1}
		for ssrc, st := range s.streams {
			rr.Reports = append(rr.Reports, rtcp.ReceptionReport{SSRC: ssrc, LastSequenceNumber: st.highest})
		}
		packets = append(packets, rr)
	}
	if now.Sub(s.lastFed) > feedbackInterval {
		s.lastFed = now
		packets = append(packets, s.recorder.BuildFeedbackPacket()...)
	}
	if len(packets) == 0 {
		return
	}
	raw, err := rtcp.Marshal(packets)
	if err != nil {
		return
	}
	if raw, err = t.out.EncryptRTCP(nil, raw, nil); err == nil {
		_, _ = t.udp.Write(raw) // a lost report is as good as one on a lossy link
	}
}
