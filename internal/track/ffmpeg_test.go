package track

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/pion/rtp"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/media/bitstream"
	"github.com/tuttilive/tutti/internal/media/rtpfmt"
)

// ffmpeg's RTP, real pictures in real packets, becomes frames that ffmpeg can decode again.
func TestRealPicturesBecomeFrames(t *testing.T) {
	needWorkers(t)
	tests := []struct {
		codec media.Codec
		args  string
		raw   string // ffmpeg's name for a bare stream, to decode it again; empty for none
	}{
		{media.H264, "-c:v libx264 -preset ultrafast -tune zerolatency -g 10 -x264-params repeat-headers=1", "h264"},
		{media.H265, "-c:v libx265 -preset ultrafast -tune zerolatency -x265-params log-level=none:keyint=10:repeat-headers=1:bframes=0", "hevc"},
		{media.VP8, "-c:v libvpx -deadline realtime -cpu-used 8 -g 10 -b:v 1M", ""},
		{media.VP9, "-c:v libvpx-vp9 -deadline realtime -cpu-used 8 -g 10 -b:v 1M -strict experimental", ""},
	}
	for _, tt := range tests {
		t.Run(tt.codec.String(), func(t *testing.T) {
			t.Parallel()
			socket, err := net.ListenPacket("udp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer socket.Close()
			args := "-loglevel error -nostdin -re -f lavfi -i testsrc2=r=30:s=320x180 -frames:v 30 -pix_fmt yuv420p " + tt.args +
				fmt.Sprintf(" -f rtp rtp://%s?pkt_size=1200", socket.LocalAddr())
			cmd := exec.Command("ffmpeg", strings.Fields(args)...)
			cmd.Stderr = os.Stderr
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			defer func() {
				cmd.Process.Kill()
				cmd.Wait()
			}()

			track := NewFromPackets(Info{Kind: media.Video, Codec: tt.codec}, nil)
			defer track.Close()
			lease, err := track.ReadFrames(tt.codec)
			if err != nil {
				t.Fatal(err)
			}
			defer lease.Release()
			cursor := lease.Ring().Live()
			layer := track.AddLayer("")
			go func() { // ends when the socket is closed
				buf := make([]byte, 2000)
				var cycles, last uint64 = 1, 0
				for {
					n, _, err := socket.ReadFrom(buf)
					if err != nil {
						return
					}
					var p rtp.Packet
					if p.Unmarshal(bytes.Clone(buf[:n])) != nil || p.PayloadType >= 72 && p.PayloadType <= 76 {
						continue
					}
					if seq := uint64(p.SequenceNumber); seq+1<<15 < last {
						cycles++
						last = seq
					} else {
						last = seq
					}
					q := &media.Packet{
						Payload: p.Payload, Seq: cycles<<16 + last, Timestamp: p.Timestamp, SSRC: p.SSRC, Marker: p.Marker, Arrival: media.Now(),
					}
					rtpfmt.Parse(tt.codec, q)
					layer.Write(q)
					layer.Flush()
				}
			}()
			frames := readAll(t, cursor, 29)
			keys, bare := 0, []byte(nil)
			for i, f := range frames {
				if f.Format.Width != 320 || f.Format.Height != 180 || f.Discontinuity {
					t.Fatalf("frame %d: %+v, discontinuity %v", i, f.Format, f.Discontinuity)
				}
				if f.Keyframe {
					keys++
					for _, set := range [][]byte{f.Format.VPS, f.Format.SPS, f.Format.PPS} {
						if len(set) > 0 {
							bare = bitstream.AppendAnnexB(bare, bitstream.AppendUnit(nil, set))
						}
					}
				}
				bare = bitstream.AppendAnnexB(bare, f.Payload)
			}
			if keys != 3 {
				t.Errorf("%d keyframes", keys)
			}
			if tt.raw == "" {
				return
			}
			again := exec.Command("ffmpeg", "-loglevel", "error", "-f", tt.raw, "-i", "pipe:0", "-f", "framecrc", "pipe:1")
			again.Stdin = bytes.NewReader(bare)
			out, err := again.CombinedOutput()
			if err != nil || bytes.Count(out, []byte("\n0,")) < len(frames)-1 || bytes.Contains(out, []byte("error")) {
				t.Errorf("decoding again: %v\n%s", err, out)
			}
		})
	}
}
