package track

import (
	"encoding/binary"
	"os/exec"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tuttilive/tutti/internal/codec"
	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/media/bitstream"
	"github.com/tuttilive/tutti/internal/media/rtpfmt"
)

// tone encodes 20 ms blocks, or 1024 samples, of a tone.
func tone(t testing.TB, c media.Codec, n int, start time.Duration) []*media.Frame {
	t.Helper()
	packer, err := codec.NewAudioPacker(codec.PlainForm(c), 0)
	if err != nil {
		t.Fatal(err)
	}
	pcm := make([]float32, 960*codec.Channels)
	var frames []*media.Frame
	for at := codec.SamplesAt(start); len(frames) < n; at += 960 {
		for i := range pcm {
			pcm[i] = float32((i / 2 % 96)) / 200
		}
		if frames, err = packer.Pack(frames, pcm, at, len(frames) == 0 && at == codec.SamplesAt(start)); err != nil {
			t.Fatal(err)
		}
	}
	return frames
}

func TestSoundIsConvertedOnceForAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tests := []struct{ from, to media.Codec }{{media.Opus, media.AAC}, {media.AAC, media.Opus}}
		for _, tt := range tests {
			track := NewFromFrames(Info{Kind: media.Audio, Codec: tt.from})
			a, err := track.ReadFrames(tt.to)
			if err != nil {
				t.Fatal(err)
			}
			b, err := track.ReadFrames(tt.to)
			if err != nil {
				t.Fatal(err)
			}
			if a.Ring() != b.Ring() || a.Codec() != tt.to {
				t.Errorf("%v: two conversions", tt)
			}
			cursor := a.Ring().Live()
			start := media.Now()
			in := tone(t, tt.from, 60, start)
			for _, f := range in {
				if err := track.WriteFrame(f); err != nil {
					t.Fatal(err)
				}
				synctest.Wait()
			}
			out := make([]*media.Frame, 200)
			n, _, _ := cursor.Read(out)
			if n < 50 {
				t.Fatalf("%v: %d frames of %d", tt, n, len(in))
			}
			for i, f := range out[:n] {
				if f.Format.Codec != tt.to || i > 0 && !near(f.PTS-out[i-1].PTS, out[i-1].Duration, time.Millisecond) {
					t.Errorf("%v: frame %d at %v after %v", tt, i, f.PTS, out[max(i-1, 0)].PTS)
				}
			}
			if !near(out[0].PTS, start, 60*time.Millisecond) || !near(out[n-1].PTS, in[len(in)-1].PTS, 100*time.Millisecond) {
				t.Errorf("%v: from %v to %v, was %v to %v", tt, out[0].PTS, out[n-1].PTS, start, in[len(in)-1].PTS)
			}
			if tt.to == media.Opus {
				packets, err := track.ReadPackets(media.Opus)
				if err != nil {
					t.Fatal(err)
				}
				synctest.Wait()
				if layers, _ := packets.Layers(); len(layers) != 1 || layers[0].Ring().Head() == 0 {
					t.Error("no packets of the converted sound")
				}
				packets.Release()
			}
			ring := a.Ring()
			a.Release()
			time.Sleep(6 * time.Second)
			if c, _ := track.ReadFrames(tt.to); c.Ring() != ring {
				t.Error("ended while there was a reader")
			} else {
				c.Release()
			}
			b.Release()
			time.Sleep(4 * time.Second)
			c, _ := track.ReadFrames(tt.to)
			if c.Ring() != ring {
				t.Error("another conversion within 5 s")
			}
			c.Release()
			time.Sleep(6 * time.Second)
			d, _ := track.ReadFrames(tt.to)
			if d.Ring() == ring {
				t.Error("the same conversion after 6 s")
			}
			track.Close()
		}
	})
}

func TestABrowsersSoundBecomesAAC(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		track := NewFromPackets(Info{Kind: media.Audio, Codec: media.Opus}, nil)
		defer track.Close()
		lease, err := track.ReadFrames(media.AAC)
		if err != nil {
			t.Fatal(err)
		}
		cursor := lease.Ring().Live()
		layer := track.AddLayer("")
		synctest.Wait()
		start := media.Now()
		for i, f := range tone(t, media.Opus, 100, 0) {
			time.Sleep(20 * time.Millisecond)
			if i >= 40 && i < 43 {
				continue // lost
			}
			p := &media.Packet{Payload: f.Payload, Seq: firstSeq + uint64(i), Timestamp: uint32(i * 960), Arrival: media.Now()}
			rtpfmt.Parse(media.Opus, p)
			layer.Write(p)
			layer.Flush()
			synctest.Wait()
		}
		out := make([]*media.Frame, 200)
		n, _, _ := cursor.Read(out)
		if n < 85 {
			t.Fatalf("%d frames", n)
		}
		for i, f := range out[:n] {
			if i > 0 && !near(f.PTS-out[i-1].PTS, out[i-1].Duration, 2*time.Millisecond) {
				t.Errorf("frame %d: %v after the one before: a loss must be concealed", i, f.PTS-out[i-1].PTS)
			}
		}
		if !near(out[0].PTS, start, 60*time.Millisecond) {
			t.Errorf("begins at %v, not %v", out[0].PTS, start)
		}
		// The lease on the source ends with the conversion, which lingers, and then lingers itself.
		lease.Release()
		time.Sleep(11 * time.Second)
		synctest.Wait()
		track.mu.Lock()
		defer track.mu.Unlock()
		if len(track.unpacks) != 0 || len(track.derived) != 0 {
			t.Error("faces are left")
		}
	})
}

func needWorkers(t *testing.T) *codec.Workers {
	t.Helper()
	w := codec.FindWorkers("")
	if err := w.Available(); err != nil {
		t.Skip(err)
	}
	return w
}

func ffmpeg(t *testing.T, args ...string) []byte {
	t.Helper()
	cmd := exec.Command("ffmpeg", append([]string{"-loglevel", "error", "-nostdin", "-f", "lavfi", "-i", "testsrc2=r=30:s=320x180"}, args...)...)
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestALoneVP8SourceBecomesH264(t *testing.T) {
	workers := needWorkers(t)
	defer workers.Close()
	ivf := ffmpeg(t, "-frames:v", "45", "-pix_fmt", "yuv420p", "-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8", "-g", "15", "-f", "ivf", "pipe:1")
	p := &publisher{t: t, asked: make(map[*Layer]int)}
	track := NewFromPackets(Info{Kind: media.Video, Codec: media.VP8, Workers: workers}, p)
	defer track.Close()
	layer := track.AddLayer("")
	frames, err := track.ReadFrames(media.H264)
	if err != nil {
		t.Fatal(err)
	}
	defer frames.Release()
	cursor := frames.Ring().Live()
	packets, err := track.ReadPackets(media.H264)
	if err != nil {
		t.Fatal(err)
	}
	defer packets.Release()
	pack, _ := rtpfmt.NewPacketizer(media.VP8)
	seq := uint64(firstSeq)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for b := ivf[32:]; len(b) > 12; {
		size := int(binary.LittleEndian.Uint32(b))
		f := &media.Frame{Format: &media.Format{Codec: media.VP8}, Payload: b[12 : 12+size], PTS: media.Now()}
		b = b[12+size:]
		made := pack.Packetize(f)
		for i := range made {
			made[i].Seq, made[i].Arrival = seq, media.Now()
			seq++
			layer.Write(&made[i])
		}
		layer.Flush()
		<-tick.C
	}
	out := readAll(t, cursor, 20)
	for i, f := range out {
		if f.Format.Codec != media.H264 || f.Format.Width != 320 || f.Format.Height != 180 || f.Format.Reordered {
			t.Fatalf("frame %d: %+v", i, f.Format)
		}
	}
	if p.requestsOf(layer) == 0 {
		t.Error("no keyframe asked for")
	}
	layers, _ := packets.Layers()
	if _, ok := layers[0].Ring().LastKeyframe(); !ok {
		t.Error("no packets of the re-encoded picture")
	}
	before := p.requestsOf(layer)
	layers[0].RequestKeyframe()
	if d, ok := track.Format(), track.Format().Codec == media.VP8; !ok {
		t.Errorf("the track's own format became %+v", d)
	}
	deadline := time.Now().Add(time.Minute)
	for p.requestsOf(layer) == before && time.Now().Before(deadline) {
		<-tick.C
	}
	if p.requestsOf(layer) == before {
		t.Error("a WebRTC viewer's wish for a keyframe did not reach the publisher")
	}
}

func (p *publisher) requestsOf(l *Layer) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.asked[l]
}

// readFLV gives the pictures of an FLV file.
func readFLV(t *testing.T, b []byte, start time.Duration) []*media.Frame {
	t.Helper()
	var frames []*media.Frame
	var format *media.Format
	for b = b[9+4:]; len(b) >= 11; {
		size := int(b[1])<<16 | int(b[2])<<8 | int(b[3])
		at := time.Duration(int(b[4])<<16|int(b[5])<<8|int(b[6])) * time.Millisecond
		body := b[11 : 11+size]
		if b[0] == 9 {
			switch body[1] {
			case 0:
				record, err := bitstream.ParseAVCConfig(body[5:])
				if err != nil {
					t.Fatal(err)
				}
				if format, err = record.Format(); err != nil {
					t.Fatal(err)
				}
			case 1:
				shift := time.Duration(int32(uint32(body[2])<<24|uint32(body[3])<<16|uint32(body[4])<<8)>>8) * time.Millisecond
				frames = append(frames, &media.Frame{
					Format: format, Payload: body[5:], DTS: start + at, PTS: start + at + shift, Keyframe: body[0]>>4 == 1,
				})
			}
		}
		b = b[11+size+4:]
	}
	return frames
}

func TestBFramesAreTakenOutForWebRTC(t *testing.T) {
	workers := needWorkers(t)
	defer workers.Close()
	in := readFLV(t, ffmpeg(t, "-frames:v", "60", "-pix_fmt", "yuv420p", "-c:v", "libx264", "-preset", "veryfast", "-bf", "3", "-g", "20", "-f", "flv", "pipe:1"), media.Now())
	if len(in) != 60 || !in[0].Format.Reordered {
		t.Fatalf("%d frames, %+v: the test proves nothing", len(in), in[0].Format)
	}
	track := NewFromFrames(Info{Kind: media.Video, Codec: media.H264, Workers: workers})
	defer track.Close()
	lease, err := track.ReadPackets(media.H264)
	if err != nil {
		t.Fatal(err)
	}
	defer lease.Release()
	own, err := track.ReadFrames(media.H264)
	if err != nil {
		t.Fatal(err)
	}
	defer own.Release()
	cursor := own.Ring().Live()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for _, f := range in {
		if err := track.WriteFrame(f); err != nil {
			t.Fatal(err)
		}
		<-tick.C
	}
	layers, _ := lease.Layers()
	ring := layers[0].Ring()
	deadline := time.Now().Add(time.Minute)
	pictures := 0
	for pictures < 30 && time.Now().Before(deadline) {
		<-tick.C
		pictures = 0
		for i := uint64(0); i < ring.Head(); i++ {
			if ring.At(i).Marker {
				pictures++
			}
		}
	}
	if pictures < 30 {
		t.Fatalf("%d pictures of 60", pictures)
	}
	for i := uint64(1); i < ring.Head(); i++ {
		if d := int32(ring.At(i).Timestamp - ring.At(i-1).Timestamp); d < 0 {
			t.Fatalf("packet %d steps back by %d: B-frames are left", i, -d)
		}
	}
	if frames := readAll(t, cursor, 10); !frames[0].Format.Reordered || !track.Format().Reordered {
		t.Error("readers of frames lost their B-frames")
	}
	if problem(track, ProblemBFrames) {
		t.Error("reported although it works")
	}
}
