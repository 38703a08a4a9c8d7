package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"io"
	"math"
	"net/http"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/pion/interceptor"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/rtp/codecs"
	"github.com/pion/webrtc/v4"

	"github.com/tuttilive/tutti/internal/auth"
	"github.com/tuttilive/tutti/internal/media/bitstream"
	"github.com/tuttilive/tutti/internal/mux/hls/m3u8"
	"github.com/tuttilive/tutti/internal/record"
)

// ladder is a composed program in two sizes: who is red to the left, who is blue to the right.
type ladder struct {
	*running
	large, small m3u8.Variant
}

// TestAComposedProgramAtEveryDoor composes a program in two sizes and plays it: of HLS each variant, of WHEP the one that fits the viewer's
// bandwidth, of FLV the large one, which is recorded and pushed as well. Both sources are in each.
func TestAComposedProgramAtEveryDoor(t *testing.T) {
	needFFmpeg(t)
	dir := t.TempDir()
	l := &ladder{running: start(t, "--compose", "auto", "--away-grace", "1m", "--record-dir", dir)}
	yes := true
	for _, colour := range []string{"red", "blue"} {
		claims := auth.Claims{Identity: colour, Video: auth.Grant{Room: "ladder", RoomJoin: true, CanPublish: &yes}}
		token, err := devKeys.Mint(claims, time.Hour, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		// The noise is in the light alone. It makes pictures as costly as those of cameras.
		picture := []string{"-re", "-f", "lavfi", "-i", "color=" + colour + ":size=640x360:rate=10,format=yuv420p,noise=c0s=15:c0f=t"}
		publish(t, slices.Concat(picture, testTone, baseline, aac, []string{"-f", "flv", "rtmp://" + l.RTMP + "/live/ladder?token=" + token})...)
		for deadline := time.Now().Add(patience); !slices.Contains(l.sources(), colour); <-time.After(50 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("%s does not come", colour)
			}
		}
	}
	settings := `{"mode":"composed","layout":"side-by-side","height":360,"fps":5,"renditions":[180],"names":false,"badges":false,"emphasis":false}`
	if status := l.ask("PATCH", "/api/rooms/ladder/program", settings, nil); status != http.StatusOK {
		t.Fatalf("the composition is answered with %d", status)
	}
	l.findVariants()
	t.Run("HLS", func(t *testing.T) {
		for _, v := range []m3u8.Variant{l.large, l.small} {
			l.looks(t, "variant "+v.URI, l.url("/live/ladder/%s", v.URI), v)
		}
	})
	t.Run("FLV", func(t *testing.T) { l.looks(t, "FLV", l.url("/live/ladder.flv"), l.large) })
	t.Run("recording", func(t *testing.T) {
		var rec record.Recording
		if status := l.ask("POST", "/api/rooms/ladder/recordings", "", &rec); status != http.StatusCreated {
			t.Fatal(status)
		}
		l.recordings("ladder", longer(3))
		l.ask("POST", "/api/rooms/ladder/recordings/"+rec.ID+"/stop", "", &rec)
		if len(rec.Files) == 0 {
			t.Fatalf("%+v", rec)
		}
		l.looks(t, "what is recorded", filepath.Join(dir, rec.Files[0].Name), l.large)
	})
	t.Run("push", func(t *testing.T) {
		if status := l.ask("POST", "/api/rooms/ladder/push", `{"url":"rtmp://`+l.RTMP+`/live/copy"}`, nil); status != http.StatusCreated {
			t.Fatal(status)
		}
		l.live("copy")
		l.looks(t, "what is pushed", l.url("/live/copy.flv"), l.large)
	})
	t.Run("WHEP", func(t *testing.T) { l.watchLayers(t) })
}

func (l *ladder) sources() (names []string) {
	var program struct {
		Sources []struct{ Identity string }
	}
	l.ask("GET", "/api/rooms/ladder/program", "", &program)
	for _, s := range program.Sources {
		names = append(names, s.Identity)
	}
	return names
}

// skipWhereShed skips where the machine is too slow for renditions.
func (l *ladder) skipWhereShed(t *testing.T) {
	t.Helper()
	var program struct {
		Figures struct{ Shed int }
	}
	l.ask("GET", "/api/rooms/ladder/program", "", &program)
	if program.Figures.Shed > 1 {
		t.Skip("this machine is too busy for renditions")
	}
}

// findVariants reads what the multivariant playlist declares.
func (l *ladder) findVariants() {
	l.t.Helper()
	// The first playlist names both: a player reads none again.
	list, err := m3u8.ParseMultivariant(string(l.get("/live/ladder/index.m3u8")))
	if err != nil {
		l.t.Fatal(err)
	}
	for _, v := range list.Variants {
		switch [2]int{v.Width, v.Height} {
		case [2]int{640, 360}:
			l.large = v
		case [2]int{320, 180}:
			l.small = v
		}
	}
	l.skipWhereShed(l.t)
	if l.large.URI == "" || l.small.URI == "" {
		l.t.Fatalf("variants %+v", list.Variants)
	}
	l.t.Logf("declared: %+v, %+v", l.large, l.small)
	if l.small.Bandwidth >= l.large.Bandwidth || l.small.Average >= l.large.Average {
		l.t.Error("the small one is declared to take no less than the large one")
	}
}

// looks checks what ffprobe and ffmpeg find at an address against what was declared.
func (l *ladder) looks(t *testing.T, what, url string, declared m3u8.Variant) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	out, err := exec.CommandContext(ctx, "ffprobe", "-v", "error", "-analyzeduration", "1000000", "-of", "json", "-select_streams", "v", "-show_streams", url).Output()
	var found struct {
		Streams []struct {
			Codec         string `json:"codec_name"`
			Width, Height int
		}
	}
	if err == nil {
		err = json.Unmarshal(out, &found)
	}
	if err != nil || len(found.Streams) != 1 || found.Streams[0].Codec != "h264" {
		t.Fatalf("%s: %s, %v", what, out, err)
	}
	if s := found.Streams[0]; s.Width != declared.Width || s.Height != declared.Height {
		l.skipWhereShed(t)
		t.Errorf("%s is %dx%d, declared as %dx%d", what, s.Width, s.Height, declared.Width, declared.Height)
	}
	halves := l.halves(t, nil, "-t", "3", "-i", url)
	if n := len(halves); n < 10 || !redAndBlue(halves[n-1]) { // the first may be from when there was one
		l.skipWhereShed(t)
		t.Errorf("%s shows %v", what, halves)
	}
}

// halves decodes pictures with ffmpeg, which must not complain, and gives the mean colours of the left and the right half of each.
func (l *ladder) halves(t *testing.T, in io.Reader, from ...string) (all [][]byte) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	to := []string{"-map", "0:v", "-vf", "format=rgb24,scale=2:1:flags=area", "-fps_mode", "vfr", "-f", "rawvideo", "-"}
	cmd := exec.CommandContext(ctx, "ffmpeg", slices.Concat([]string{"-xerror", "-v", "error"}, from, to)...)
	var said bytes.Buffer
	cmd.Stdin, cmd.Stderr = in, &said
	out, err := cmd.Output()
	if err != nil || said.Len() > 0 {
		t.Errorf("decoding: %v\n%s", err, said.String())
	}
	return slices.Collect(slices.Chunk(out, 6))
}

// redAndBlue tells whether the two halves are.
func redAndBlue(p []byte) bool {
	return len(p) == 6 && int(p[0]) > int(p[2])+80 && int(p[5]) > int(p[3])+80
}

// watchLayers plays WHEP and says by REMB what its way carries: less than the large picture takes, then enough for both, then less again.
func (l *ladder) watchLayers(t *testing.T) {
	pc := l.viewer(t)
	defer pc.Close()
	var mu sync.Mutex
	var packets []*rtp.Packet
	var width int
	var widths []int // as they changed
	ssrc := make(chan uint32, 1)
	pc.OnTrack(func(tr *webrtc.TrackRemote, _ *webrtc.RTPReceiver) {
		if tr.Kind() != webrtc.RTPCodecTypeVideo {
			return
		}
		ssrc <- uint32(tr.SSRC())
		for {
			p, _, err := tr.ReadRTP()
			if err != nil {
				return
			}
			mu.Lock()
			packets = append(packets, p)
			if params, ok := parametersIn(p.Payload); ok && params.Width != width {
				width = params.Width
				widths = append(widths, width)
			}
			mu.Unlock()
		}
	})
	negotiate(t, pc, l.url("/whep/ladder"))
	media := <-ssrc
	between := math.Sqrt(float64(l.small.Average) * float64(l.large.Average))
	for _, step := range []struct {
		carries float64
		width   int
	}{{between, 320}, {50e6, 640}, {between, 320}} {
		for deadline := time.Now().Add(patience); ; <-time.After(200 * time.Millisecond) {

			_ = pc.WriteRTCP([]rtcp.Packet{&rtcp.ReceiverEstimatedMaximumBitrate{Bitrate: float32(step.carries), SSRCs: []uint32{media}}})
			mu.Lock()
			now := width
			mu.Unlock()
			if now == step.width {
				break
			}
			l.skipWhereShed(t)
			if time.Now().After(deadline) {
				t.Fatalf("with %.0f kbit/s it shows a width of %d, not %d", step.carries/1000, now, step.width)
			}
		}
	}
	<-time.After(time.Second) // some more of the last
	pc.Close()
	mu.Lock()
	defer mu.Unlock()
	stream, pictures := unpack(packets)
	t.Logf("widths %v in %d pictures", widths, pictures)
	halves := l.halves(t, stream, "-r", "10", "-f", "h264", "-i", "-")
	if len(halves) < pictures-2 {
		t.Errorf("%d pictures decode to %d", pictures, len(halves))
	}
	for i, h := range halves {
		if !redAndBlue(h) {
			t.Fatalf("picture %d shows %v", i, h)
		}
	}
}

// unpack puts packets in order, some of which may have been sent again, and gives the stream of whole pictures up to the first packet that is
// missing. The last picture of a layer that is left may be without its end.
func unpack(packets []*rtp.Packet) (stream *bytes.Buffer, pictures int) {
	stream = &bytes.Buffer{}
	whole := 0
	first := packets[0].SequenceNumber
	after := func(p *rtp.Packet) int { return int(int16(p.SequenceNumber - first)) }
	slices.SortStableFunc(packets, func(a, b *rtp.Packet) int { return after(a) - after(b) })
	var h264 codecs.H264Packet
	next, timestamp := after(packets[0]), packets[0].Timestamp
	for _, p := range packets {
		n := after(p)
		if n > next {
			break
		}
		if n < next {
			continue
		}
		next++
		if p.Timestamp != timestamp {
			timestamp, h264 = p.Timestamp, codecs.H264Packet{}
			stream.Truncate(whole)
		}
		data, err := h264.Unmarshal(p.Payload)
		if err != nil {
			continue // padding
		}
		stream.Write(data)
		if p.Marker {
			pictures++
			whole = stream.Len()
		}
	}
	stream.Truncate(whole)
	return stream, pictures
}

// parametersIn finds a sequence parameter set in a packet: alone, or with others (RFC 6184, section 5.7.1).
func parametersIn(payload []byte) (bitstream.H264Parameters, bool) {
	units := [][]byte{payload}
	if len(payload) > 0 && payload[0]&0x1f == 24 {
		units = units[:0]
		for rest := payload[1:]; len(rest) > 2; {
			n := int(binary.BigEndian.Uint16(rest))
			if n+2 > len(rest) {
				break
			}
			units, rest = append(units, rest[2:n+2]), rest[n+2:]
		}
	}
	for _, unit := range units {
		if len(unit) > 4 && unit[0]&0x1f == 7 {
			p, err := bitstream.ParseH264SPS(unit)
			return p, err == nil
		}
	}
	return bitstream.H264Parameters{}, false
}

// viewer offers to take H.264 and Opus, and to say by REMB what its way carries.
func (l *ladder) viewer(t *testing.T) *webrtc.PeerConnection {
	t.Helper()
	var understood webrtc.MediaEngine
	for kind, c := range map[webrtc.RTPCodecType]webrtc.RTPCodecParameters{
		webrtc.RTPCodecTypeVideo: {PayloadType: 102, RTPCodecCapability: webrtc.RTPCodecCapability{
			MimeType: webrtc.MimeTypeH264, ClockRate: 90000, SDPFmtpLine: "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f",
			RTCPFeedback: []webrtc.RTCPFeedback{{Type: "goog-remb"}, {Type: "nack"}, {Type: "nack", Parameter: "pli"}},
		}},
		webrtc.RTPCodecTypeAudio: {PayloadType: 111, RTPCodecCapability: webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeOpus, ClockRate: 48000, Channels: 2}},
	} {
		if err := understood.RegisterCodec(c, kind); err != nil {
			t.Fatal(err)
		}
	}
	var repairs interceptor.Registry
	if err := webrtc.ConfigureNack(&understood, &repairs); err != nil {
		t.Fatal(err)
	}
	pc, err := webrtc.NewAPI(webrtc.WithMediaEngine(&understood), webrtc.WithInterceptorRegistry(&repairs)).NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range []webrtc.RTPCodecType{webrtc.RTPCodecTypeAudio, webrtc.RTPCodecTypeVideo} {
		if _, err := pc.AddTransceiverFromKind(kind, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly}); err != nil {
			t.Fatal(err)
		}
	}
	return pc
}
