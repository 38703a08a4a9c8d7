package rtcload

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"

	"github.com/pion/sdp/v3"
)

// Header extensions, with the numbers that we offer them under.
const (
	midURI      = "urn:ietf:params:rtp-hdrext:sdes:mid"
	sendTimeURI = "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time"
	sequenceURI = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"
	levelURI    = "urn:ietf:params:rtp-hdrext:ssrc-audio-level"
	ridURI      = "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id"
	repairedURI = "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id"

	midID, sendTimeID, sequenceID, levelID, ridID, repairedID = 1, 2, 3, 4, 5, 6
)

// Payload types that we offer.
const videoType, repairType, soundType = 102, 103, 111

const (
	soundFormat = "minptime=10;useinbandfec=1"
	videoFormat = "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f"
)

// server is where a server is and how it is spoken to.
type server struct {
	addr       *net.UDPAddr
	ufrag, pwd string
	active     bool // the server begins the DTLS handshake
}

// section is a media section that we offer.
type section struct {
	kind      string // "audio" or "video"
	direction string
	// What we send: the track's ID, its source and the one of its repairs, or layers by rid.
	track        string
	ssrc, repair uint32
	rids         []string
}

// offer is what a browser would send, reduced to what servers read.
func offer(who identity, sections []section) string {
	var b strings.Builder
	b.WriteString("v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE")
	for mid := range sections {
		fmt.Fprintf(&b, " %d", mid)
	}
	b.WriteString("\r\na=msid-semantic: WMS\r\n")
	for mid, s := range sections {
		s.write(&b, mid, who)
	}
	return b.String()
}

func (s section) write(b *strings.Builder, mid int, who identity) {
	types := fmt.Sprint(soundType)
	if s.kind == "video" {
		types = fmt.Sprint(videoType, " ", repairType)
	}
	writeHead(b, s.kind, types, strconv.Itoa(mid), "actpass", who)
	fmt.Fprintf(b, "a=extmap:%d %s\r\na=extmap:%d %s\r\na=extmap:%d %s\r\n", midID, midURI, sendTimeID, sendTimeURI, sequenceID, sequenceURI)
	fmt.Fprintf(b, "a=%s\r\na=rtcp-mux\r\n", s.direction)
	if s.kind == "audio" {
		fmt.Fprintf(b, "a=extmap:%d %s\r\na=rtpmap:%d opus/48000/2\r\na=rtcp-fb:%[3]d transport-cc\r\na=fmtp:%[3]d %s\r\n",
			levelID, levelURI, soundType, soundFormat)
	} else {
		fmt.Fprintf(b, "a=extmap:%d %s\r\na=extmap:%d %s\r\na=rtpmap:%d H264/90000\r\n", ridID, ridURI, repairedID, repairedURI, videoType)
		for _, feedback := range []string{"goog-remb", "transport-cc", "ccm fir", "nack", "nack pli"} {
			fmt.Fprintf(b, "a=rtcp-fb:%d %s\r\n", videoType, feedback)
		}
		fmt.Fprintf(b, "a=fmtp:%d %s\r\na=rtpmap:%d rtx/90000\r\na=fmtp:%[3]d apt=%[1]d\r\n", videoType, videoFormat, repairType)
	}
	if s.track == "" {
		return
	}
	fmt.Fprintf(b, "a=msid:bench %s\r\n", s.track)
	if len(s.rids) > 0 {
		for _, rid := range s.rids {
			fmt.Fprintf(b, "a=rid:%s send\r\n", rid)
		}
		fmt.Fprintf(b, "a=simulcast:send %s\r\n", strings.Join(s.rids, ";"))
		return
	}
	sources := []uint32{s.ssrc}
	if s.kind == "video" {
		sources = append(sources, s.repair)
		fmt.Fprintf(b, "a=ssrc-group:FID %d %d\r\n", s.ssrc, s.repair)
	}
	for _, ssrc := range sources {
		fmt.Fprintf(b, "a=ssrc:%d cname:bench\r\na=ssrc:%[1]d msid:bench %s\r\n", ssrc, s.track)
	}
}

// writeHead writes what all sections begin with.
func writeHead(b *strings.Builder, kind, types, mid, setup string, who identity) {
	protocol := "UDP/TLS/RTP/SAVPF"
	if kind == "application" {
		protocol = "UDP/DTLS/SCTP"
	}
	fmt.Fprintf(b, "m=%s 9 %s %s\r\nc=IN IP4 0.0.0.0\r\na=ice-ufrag:%s\r\na=ice-pwd:%s\r\na=fingerprint:sha-256 %s\r\na=setup:%s\r\na=mid:%s\r\n",
		kind, protocol, types, ourUfrag, ourPwd, who.fingerprint, setup, mid)
}

// agreement is what a client needs to know of a finished negotiation to read what comes.
type agreement struct {
	kinds    [128]payloadKind // by payload type
	sequence uint8            // extension number of transport-wide sequence numbers, 0 for none
	estimate bool             // the server wants REMB
	data     bool
}

type payloadKind uint8

const (
	unknownPayload payloadKind = iota
	soundPayload
	videoPayload
	repairPayload
)

// read finds a server in its description; addr is nil when candidates come separately.
func readServer(d *sdp.SessionDescription) (server, error) {
	attribute := func(name string) string {
		for _, m := range d.MediaDescriptions {
			if v, ok := m.Attribute(name); ok {
				return v
			}
		}
		v, _ := d.Attribute(name)
		return v
	}
	s := server{ufrag: attribute("ice-ufrag"), pwd: attribute("ice-pwd"), active: attribute("setup") == "active"}
	if s.ufrag == "" || s.pwd == "" {
		return s, errors.New("the server's description has no ICE credentials")
	}
	for _, m := range d.MediaDescriptions {
		for _, a := range m.Attributes {
			if a.Key == "candidate" {
				s.consider(a.Value)
			}
		}
	}
	return s, nil
}

// consider takes a candidate's address if it is better than what is known: IPv4, loopback.
func (s *server) consider(candidate string) {
	f := strings.Fields(candidate)
	if len(f) < 6 || !strings.EqualFold(f[2], "udp") {
		return
	}
	ip := net.ParseIP(f[4])
	port, err := strconv.Atoi(f[5])
	if ip != nil && ip.To4() != nil && err == nil && (s.addr == nil || ip.IsLoopback()) {
		s.addr = &net.UDPAddr{IP: ip, Port: port}
	}
}

// answer answers an offer to send to us: Opus, H.264 and its repairs are taken, with all feedback that is offered.
func answer(who identity, d *sdp.SessionDescription) (string, *agreement) {
	var b strings.Builder
	a := new(agreement)
	b.WriteString("v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE")
	for _, m := range d.MediaDescriptions {
		mid, _ := m.Attribute("mid")
		b.WriteString(" " + mid)
	}
	b.WriteString("\r\na=msid-semantic: WMS\r\n")
	for _, m := range d.MediaDescriptions {
		mid, _ := m.Attribute("mid")
		kind := m.MediaName.Media
		if kind == "application" {
			a.data = true
			writeHead(&b, kind, "webrtc-datachannel", mid, "active", who)
			b.WriteString("a=sctp-port:5000\r\na=max-message-size:262144\r\n")
			continue
		}
		types := a.take(m)
		writeHead(&b, kind, strings.Join(types, " "), mid, "active", who)
		direction := "a=recvonly\r\n"
		if _, off := m.Attribute("inactive"); off {
			direction = "a=inactive\r\n"
		}
		b.WriteString(direction + "a=rtcp-mux\r\n")
		for _, x := range m.Attributes {
			pt, _, _ := strings.Cut(x.Value, " ")
			switch x.Key {
			case "rtpmap", "fmtp", "rtcp-fb":
				if slices.Contains(types, pt) {
					fmt.Fprintf(&b, "a=%s:%s\r\n", x.Key, x.Value)
				}
				a.estimate = a.estimate || x.Key == "rtcp-fb" && strings.HasSuffix(x.Value, "goog-remb")
			case "extmap":
				id, uri, _ := strings.Cut(x.Value, " ")
				if !slices.Contains([]string{midURI, sendTimeURI, sequenceURI, levelURI}, uri) {
					continue
				}
				fmt.Fprintf(&b, "a=extmap:%s %s\r\n", id, uri)
				a.extension(x.Value)
			}
		}
	}
	return b.String(), a
}

func (a *agreement) extension(value string) {
	id, uri, _ := strings.Cut(value, " ")
	if n, err := strconv.Atoi(id); err == nil && uri == sequenceURI && n < 15 {
		a.sequence = uint8(n)
	}
}

// take chooses payload types of a section: the first that will do, and for pictures the one that repairs it.
func (a *agreement) take(m *sdp.MediaDescription) []string {
	names, formats := map[string]string{}, map[string]string{}
	for _, x := range m.Attributes {
		pt, value, _ := strings.Cut(x.Value, " ")
		switch x.Key {
		case "rtpmap":
			names[pt] = strings.ToLower(value)
		case "fmtp":
			formats[pt] = value
		}
	}
	for _, pt := range m.MediaName.Formats {
		switch {
		case m.MediaName.Media == "audio" && strings.HasPrefix(names[pt], "opus/"):
			a.is(pt, soundPayload)
			return []string{pt}
		case strings.HasPrefix(names[pt], "h264/") && !strings.Contains(formats[pt], "packetization-mode=0"):
			a.is(pt, videoPayload)
			for repair, format := range formats {
				if format == "apt="+pt {
					a.is(repair, repairPayload)
					return []string{pt, repair}
				}
			}
			return []string{pt}
		}
	}
	return m.MediaName.Formats[:1] // nothing that we would understand comes then
}

func (a *agreement) is(pt string, kind payloadKind) {
	if n, err := strconv.Atoi(pt); err == nil && n >= 0 && n < len(a.kinds) {
		a.kinds[n] = kind
	}
}

// agreed is what follows from an answer to our offer.
func agreed(d *sdp.SessionDescription) *agreement {
	a := new(agreement)
	a.kinds[soundType], a.kinds[videoType], a.kinds[repairType] = soundPayload, videoPayload, repairPayload
	for _, m := range d.MediaDescriptions {
		for _, x := range m.Attributes {
			switch x.Key {
			case "extmap":
				a.extension(x.Value)
			case "rtcp-fb":
				a.estimate = a.estimate || strings.HasSuffix(x.Value, "goog-remb")
			}
		}
	}
	return a
}
