package track

import (
	"bytes"
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/media/mediatest"
	"github.com/tuttilive/tutti/internal/media/rtpfmt"
)

// copyLayer copies packets of a layer into another track, as an SFU and a receiver would; duplicates are dropped there.
func copyLayer(from *Layer, to *Layer) {
	for i := uint64(0); i < from.Ring().Head(); i++ {
		if p := from.Ring().At(i); p != nil {
			q := *p
			rtpfmt.Parse(from.Track().Info().Codec, &q)
			to.Write(&q)
		}
	}
	to.Flush()
}

func readAll(t *testing.T, cursor *media.Cursor[*media.Frame], n int) []*media.Frame {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	var out []*media.Frame
	batch := make([]*media.Frame, 64)
	for len(out) < n {
		if err := cursor.Wait(ctx); err != nil {
			t.Fatalf("got %d of %d frames: %v", len(out), n, err)
		}
		k, _, err := cursor.Read(batch)
		if err != nil {
			t.Fatalf("got %d of %d frames: %v", len(out), n, err)
		}
		out = append(out, batch[:k]...)
	}
	return out
}

func TestRoundTripKeepsEveryByte(t *testing.T) {
	vp8 := &media.Format{Codec: media.VP8, Width: 640, Height: 360}
	tests := []struct {
		name    string
		format  *media.Format
		payload func(key bool, i int) []byte
	}{
		{"H.264", mediatest.H264Format(1280, 720), func(key bool, i int) []byte {
			p := mediatest.H264(key, 100+i*997)
			return append(p, mediatest.H264(false, 50*i)...)
		}},
		{"VP8", vp8, func(key bool, i int) []byte { return mediatest.VP8(key, 640, 360, 100+i*997) }},
		{"Opus", rtpfmt.OpusFormat, func(key bool, i int) []byte { return mediatest.Opus(2 + i) }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				kind := tt.format.Kind()
				source := NewFromFrames(Info{Kind: kind, Codec: tt.format.Codec})
				defer source.Close()
				var in []*media.Frame
				for i := range 40 {
					key := i%10 == 0 || kind == media.Audio
					f := mediatest.Frame(tt.format, key, media.Now(), tt.payload(key, i))
					in = append(in, f)
				}
				packets, err := source.ReadPackets(tt.format.Codec)
				if err != nil {
					t.Fatal(err)
				}
				defer packets.Release()
				layers, _ := packets.Layers()

				sink := NewFromPackets(Info{Kind: kind, Codec: tt.format.Codec}, nil)
				defer sink.Close()
				frames, err := sink.ReadFrames(tt.format.Codec)
				if err != nil {
					t.Fatal(err)
				}
				defer frames.Release()
				cursor := frames.Ring().Live()
				layer := sink.AddLayer("")
				for _, f := range in {
					f.PTS = media.Now()
					f.DTS = f.PTS
					if err := source.WriteFrame(f); err != nil {
						t.Fatal(err)
					}
					time.Sleep(20 * time.Millisecond)
					synctest.Wait()
					copyLayer(layers[0], layer)
					synctest.Wait()
				}
				out := readAll(t, cursor, len(in))
				for i, f := range out {
					if !bytes.Equal(f.Payload, in[i].Payload) || f.Keyframe != in[i].Keyframe {
						t.Fatalf("frame %d differs", i)
					}
					if d := f.PTS - in[i].PTS - (out[0].PTS - in[0].PTS); d < -time.Millisecond || d > time.Millisecond {
						t.Errorf("frame %d is shifted by %v", i, d)
					}
					if f.Format.Width != tt.format.Width || f.Format.Height != tt.format.Height || f.Format != out[0].Format {
						t.Errorf("frame %d: format %+v", i, f.Format)
					}
				}
			})
		})
	}
}
