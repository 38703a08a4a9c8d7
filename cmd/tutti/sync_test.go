package main

import (
	"bytes"
	"context"
	"math"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/rtp/codecs"
	"github.com/pion/webrtc/v4"

	"github.com/tuttilive/tutti/internal/codec"
	"github.com/tuttilive/tutti/internal/media"
)

// inSync is how far sound and picture may leave the server apart from each other.
const inSync = 40 * time.Millisecond

// flashAndBeep makes ffmpeg's source: each second, the picture is white and a tone sounds for 200 ms.
var flashAndBeep = []string{
	"-re", "-f", "lavfi", "-i", "color=black:size=320x240:rate=30,drawbox=t=fill:c=white:enable='lt(mod(t,1),0.2)'",
	"-re", "-f", "lavfi", "-i", "aevalsrc=exprs='0.7*sin(2*PI*1000*t)*lt(mod(t,1),0.2)':sample_rate=48000:channel_layout=stereo",
}

var baseline = []string{"-c:v", "libx264", "-profile:v", "baseline", "-pix_fmt", "yuv420p", "-preset", "ultrafast", "-tune", "zerolatency", "-g", "30"}

// TestRTMPToWebRTCInSync publishes a flash with a beep over RTMP and takes both from WHEP, each with the time that its sender
// reports give it.
func TestRTMPToWebRTCInSync(t *testing.T) {
	t.Parallel()
	takeTurn(t)
	r, p := start(t), keepPace(t)
	publish(t, slices.Concat(flashAndBeep, baseline, []string{"-c:a", "aac", "-f", "flv", "rtmp://" + r.RTMP + "/live/sync"})...)
	r.live("sync")
	p.repeat(func() { p.compare(watchWHEP(t, r, "sync", 7*time.Second)) })
}

// TestWebRTCToFLVInSync publishes the same over WHIP and reads FLV.
func TestWebRTCToFLVInSync(t *testing.T) {
	t.Parallel()
	takeTurn(t)
	r, p := start(t), keepPace(t)
	publishWHIP(t, r, "sync")
	r.live("sync")
	p.repeat(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		log, err := ffmpeg(t, ctx, "-i", r.url("/live/sync.flv"), "-t", "7",
			"-vf", "blackdetect=d=0.3:pic_th=0.9", "-af", "silencedetect=noise=-25dB:d=0.3", "-f", "null", "-")
		if err != nil {
			t.Fatalf("%v\n%s", err, log)
		}
		p.compare(times(log, `black_end:([\d.]+)`), times(log, `silence_end: ([\d.]+)`))
	})
}

// times finds durations in seconds in a log.
func times(log, pattern string) []time.Duration {
	var all []time.Duration
	for _, m := range regexp.MustCompile(pattern).FindAllStringSubmatch(log, -1) {
		if s, err := strconv.ParseFloat(m[1], 64); err == nil {
			all = append(all, time.Duration(s*float64(time.Second)))
		}
	}
	return all
}

// compare pairs each flash with the nearest beep.
func (p *pace) compare(flashes, beeps []time.Duration) {
	p.t.Helper()
	p.t.Logf("flashes %v, beeps %v", flashes, beeps)
	pairs := 0
	for i, f := range flashes {
		if i == 0 {
			continue // the first may have begun before we looked
		}
		var best time.Duration = math.MaxInt64
		for _, b := range beeps {
			if d := b - f; d.Abs() < best.Abs() {
				best = d
			}
		}
		if best.Abs() > 500*time.Millisecond {
			continue // at an end
		}
		pairs++
		p.t.Logf("beep %v after its flash", best)
		if best.Abs() > inSync {
			p.wrongf("beep %v after its flash, more than %v", best, inSync)
		}
	}
	if pairs < 3 {
		p.wrongf("only %d pairs of flash and beep", pairs)
	}
}

// clock maps one stream's RTP timestamps to its sender's time.
type clock struct {
	rate int64
	ntp  time.Duration
	rtp  uint32
	set  bool
}

func (c *clock) at(ts uint32) time.Duration {
	return c.ntp + time.Duration(int64(int32(ts-c.rtp))*int64(time.Second)/c.rate)
}

// watchWHEP plays some of a program and gives when flashes and beeps begin, on the server's clock.
func watchWHEP(t *testing.T, r *running, room string, span time.Duration) (flashes, beeps []time.Duration) {
	t.Helper()
	var understood webrtc.MediaEngine // what is decoded below
	for kind, c := range map[webrtc.RTPCodecType]webrtc.RTPCodecParameters{
		webrtc.RTPCodecTypeVideo: {PayloadType: 102, RTPCodecCapability: webrtc.RTPCodecCapability{
			MimeType: webrtc.MimeTypeH264, ClockRate: 90000, SDPFmtpLine: "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f",
			RTCPFeedback: []webrtc.RTCPFeedback{{Type: "nack"}, {Type: "nack", Parameter: "pli"}},
		}},
		webrtc.RTPCodecTypeAudio: {PayloadType: 111, RTPCodecCapability: webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeOpus, ClockRate: 48000, Channels: 2}},
	} {
		if err := understood.RegisterCodec(c, kind); err != nil {
			t.Fatal(err)
		}
	}
	pc, err := webrtc.NewAPI(webrtc.WithMediaEngine(&understood)).NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		t.Fatal(err)
	}
	defer pc.Close()
	for _, kind := range []webrtc.RTPCodecType{webrtc.RTPCodecTypeAudio, webrtc.RTPCodecTypeVideo} {
		if _, err := pc.AddTransceiverFromKind(kind, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly}); err != nil {
			t.Fatal(err)
		}
	}
	type unit struct {
		ts   uint32
		data []byte
	}
	var mu sync.Mutex
	units := map[webrtc.RTPCodecType][]unit{}
	clocks := map[webrtc.RTPCodecType]*clock{webrtc.RTPCodecTypeAudio: {rate: 48000}, webrtc.RTPCodecTypeVideo: {rate: 90000}}
	pc.OnTrack(func(tr *webrtc.TrackRemote, rec *webrtc.RTPReceiver) {
		go func() {
			for {
				packets, _, err := rec.ReadRTCP()
				if err != nil {
					return
				}
				for _, p := range packets {
					if sr, ok := p.(*rtcp.SenderReport); ok {
						mu.Lock()
						c := clocks[tr.Kind()]
						c.ntp, c.rtp, c.set = media.FromNTP(sr.NTPTime), sr.RTPTime, true
						mu.Unlock()
					}
				}
			}
		}()
		var h264 codecs.H264Packet
		seen := map[uint16]bool{}
		for {
			p, _, err := tr.ReadRTP()
			if err != nil {
				return
			}
			if seen[p.SequenceNumber] {
				continue // the server tries the way out with packets sent again, which this client passes on
			}
			seen[p.SequenceNumber] = true
			data := p.Payload
			if tr.Kind() == webrtc.RTPCodecTypeVideo {
				if data, err = h264.Unmarshal(p.Payload); err != nil {
					continue
				}
			}
			mu.Lock()
			list := units[tr.Kind()]
			if n := len(list); n > 0 && list[n-1].ts == p.Timestamp {
				list[n-1].data = append(list[n-1].data, data...)
			} else {
				list = append(list, unit{p.Timestamp, bytes.Clone(data)})
			}
			units[tr.Kind()] = list
			mu.Unlock()
		}
	})
	negotiate(t, pc, r.url("/whep/%s", room))
	enough := func(kind webrtc.RTPCodecType) bool {
		list, c := units[kind], clocks[kind]
		return c.set && len(list) > 0 && time.Duration(list[len(list)-1].ts-list[0].ts)*time.Second/time.Duration(c.rate) >= span
	}
	mu.Lock()
	defer mu.Unlock()
	for deadline := time.Now().Add(patience); !enough(webrtc.RTPCodecTypeVideo) || !enough(webrtc.RTPCodecTypeAudio); {
		if time.Now().After(deadline) {
			t.Fatalf("%d pictures, %d sounds, sender reports %+v", len(units[webrtc.RTPCodecTypeVideo]), len(units[webrtc.RTPCodecTypeAudio]), clocks)
		}
		mu.Unlock()
		<-time.After(50 * time.Millisecond)
		mu.Lock()
	}
	pictures, sounds := units[webrtc.RTPCodecTypeVideo], units[webrtc.RTPCodecTypeAudio]

	var stream bytes.Buffer
	for _, u := range pictures {
		stream.Write(u.data)
	}
	cmd := exec.Command("ffmpeg", "-loglevel", "error", "-f", "h264", "-i", "-", "-vf", "scale=1:1", "-pix_fmt", "gray", "-fps_mode", "passthrough", "-f", "rawvideo", "-")
	cmd.Stdin = &stream
	light, err := cmd.Output()
	if err != nil {
		t.Fatalf("decoding: %v", err)
	}
	if d := len(light) - len(pictures); d < -2 || d > 0 {
		t.Fatalf("%d pictures decode to %d", len(pictures), len(light))
	}
	was := true
	for i, l := range light {
		if white := l > 128; white != was {
			was = white
			if white {
				flashes = append(flashes, clocks[webrtc.RTPCodecTypeVideo].at(pictures[i].ts))
			}
		}
	}
	dec, err := codec.NewAudioDecoder(&media.Format{Codec: media.Opus, SampleRate: 48000, Channels: 2})
	if err != nil {
		t.Fatal(err)
	}
	was = true
	quietFor := 0
	for _, u := range sounds {
		pcm, err := dec.Decode(nil, u.data)
		if err != nil {
			t.Fatal(err)
		}
		for i := 0; i+1 < len(pcm); i += 2 {
			if loud := math.Abs(float64(pcm[i])) > 0.1; !loud {
				if quietFor++; quietFor > 4800 {
					was = false
				}
			} else {
				quietFor = 0
				if !was {
					was = true
					beeps = append(beeps, clocks[webrtc.RTPCodecTypeAudio].at(u.ts)+time.Duration(i/2)*time.Second/48000)
				}
			}
		}
	}
	return flashes, beeps
}

// negotiate posts a peer connection's offer to a WHIP or WHEP door and applies the answer.
func negotiate(t *testing.T, pc *webrtc.PeerConnection, url string) {
	t.Helper()
	offer, err := pc.CreateOffer(nil)
	if err != nil {
		t.Fatal(err)
	}
	gathered := webrtc.GatheringCompletePromise(pc)
	if err := pc.SetLocalDescription(offer); err != nil {
		t.Fatal(err)
	}
	<-gathered
	answer := post(t, url, pc.LocalDescription().SDP)
	if err := pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: answer}); err != nil {
		t.Fatalf("%v\n%s", err, answer)
	}
}

// publishWHIP sends flash and beep as a browser would: pictures and sound from clocks that sender reports tie together.
func publishWHIP(t *testing.T, r *running, room string) {
	t.Helper()
	pc, err := webrtc.NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { pc.Close() })
	picture, err := webrtc.NewTrackLocalStaticRTP(webrtc.RTPCodecCapability{
		MimeType: webrtc.MimeTypeH264, ClockRate: 90000, SDPFmtpLine: "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f",
	}, "picture", "p")
	if err != nil {
		t.Fatal(err)
	}
	sound, err := webrtc.NewTrackLocalStaticRTP(webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeOpus, ClockRate: 48000, Channels: 2}, "sound", "p")
	if err != nil {
		t.Fatal(err)
	}
	ssrcs := map[webrtc.TrackLocal]uint32{}
	for _, tr := range []webrtc.TrackLocal{sound, picture} {
		sender, err := pc.AddTrack(tr)
		if err != nil {
			t.Fatal(err)
		}
		ssrcs[tr] = uint32(sender.GetParameters().Encodings[0].SSRC)
	}
	connected := make(chan struct{}, 1)
	pc.OnConnectionStateChange(func(s webrtc.PeerConnectionState) {
		if s == webrtc.PeerConnectionStateConnected {
			connected <- struct{}{}
		}
	})
	negotiate(t, pc, r.url("/whip/%s", room))
	<-connected

	pictures := encodeFlashes(t)
	beeps := encodeSound(t, func(at float64) float64 {
		if at > 0.2 {
			return 0
		}
		return 0.7 * math.Sin(2*math.Pi*1000*at)
	})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		started := time.Now()
		packetize := rtp.NewPacketizer(1200, 0, 0, &codecs.H264Payloader{}, rtp.NewRandomSequencer(), 90000)
		const videoBase, audioBase = 4_000_000_000, 77 // clocks that have nothing to do with each other
		var seq uint16
		report := func(now time.Duration) {
			ntp := media.NTP(media.FromWallClock(started) + now)
			_ = pc.WriteRTCP([]rtcp.Packet{
				&rtcp.SenderReport{SSRC: ssrcs[picture], NTPTime: ntp, RTPTime: uint32(videoBase + int64(now)*90000/int64(time.Second))},
				&rtcp.SenderReport{SSRC: ssrcs[sound], NTPTime: ntp, RTPTime: uint32(audioBase + int64(now)*48000/int64(time.Second))},
			})
		}
		nextPicture, nextSound, nextReport := 0, 0, time.Duration(0)
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			now := time.Since(started)
			for ; time.Duration(nextSound)*20*time.Millisecond <= now; nextSound++ {
				seq++
				_ = sound.WriteRTP(&rtp.Packet{
					Header:  rtp.Header{Version: 2, SequenceNumber: seq, Timestamp: uint32(audioBase + nextSound*960)},
					Payload: beeps[nextSound%len(beeps)],
				})
			}
			for ; time.Duration(nextPicture)*time.Second/30 <= now; nextPicture++ {
				for _, p := range packetize.Packetize(pictures[nextPicture%len(pictures)], 0) {
					p.Timestamp = uint32(videoBase + nextPicture*3000)
					_ = picture.WriteRTP(p)
				}
			}
			if now >= nextReport {
				report(now)
				nextReport += 500 * time.Millisecond
			}
		}
	}()
	t.Cleanup(func() { cancel(); <-done })
}

// encodeFlashes gives two seconds of pictures, each an access unit in Annex B, the first a keyframe.
func encodeFlashes(t *testing.T) [][]byte {
	t.Helper()
	needFFmpeg(t)
	args := slices.Concat([]string{"-loglevel", "error"}, flashAndBeep[1:5], []string{"-t", "2"}, baseline,
		[]string{"-bsf:v", "h264_mp4toannexb", "-x264-params", "aud=1:keyint=30:scenecut=0", "-f", "h264", "-"})
	out, err := exec.Command("ffmpeg", args...).Output()
	if err != nil {
		t.Fatal(err)
	}
	delimiter := []byte{0, 0, 0, 1, 9}
	var units [][]byte
	for _, u := range bytes.Split(out, delimiter)[1:] {
		units = append(units, slices.Concat(delimiter, u))
	}
	if len(units) != 60 {
		t.Fatalf("%d access units", len(units))
	}
	return units
}

// encodeSound gives one second of sound in Opus, 20 ms a packet, that can be repeated: wave tells the amplitude at a time in
// seconds. It is made beforehand, since encoding takes longer than real time where races are looked for.
func encodeSound(t *testing.T, wave func(at float64) float64) [][]byte {
	t.Helper()
	enc, err := codec.NewAudioEncoder(codec.PlainForm(media.Opus), 0)
	if err != nil {
		t.Fatal(err)
	}
	n := enc.FrameSize()
	var packets [][]byte
	for second := range 2 { // the first one brings the encoder into the state in which the second one begins
		for block := range 48000 / n {
			pcm := make([]float32, 2*n)
			for i := range n {
				pcm[2*i] = float32(wave(math.Mod(float64(block*n+i)/48000, 1)))
				pcm[2*i+1] = pcm[2*i]
			}
			p, err := enc.Encode(pcm)
			if err != nil {
				t.Fatal(err)
			}
			if second == 1 {
				packets = append(packets, p)
			}
		}
	}
	return packets
}
