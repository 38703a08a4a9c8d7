package showload

import (
	"errors"
	"math"
	"time"

	"github.com/tuttilive/tutti/internal/codec"
	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/program/compose/paint"
)

const (
	fps = 30
	// gop is how many pictures there are, beginning with a keyframe: two seconds.
	gop = 2 * fps
	// soundFrames are eight seconds of AAC, which is a whole number of frames of 1024 samples.
	soundFrames = 375
	soundLoop   = 8 * time.Second
	// flash is how long there are a colour and a tone in each second, flashAt when: not with the first picture of a source that comes, whose
	// place fades in. What is to be measured is whether it is in step, not when it is there.
	flash   = 200 * time.Millisecond
	flashAt = time.Second / 2

	pictureWidth, pictureHeight = 320, 180
)

// marks tell sources apart: each flashes in a colour and beeps with a tone of its own. Tones are whole numbers of periods in a window
// of the detector.
var marks = []struct {
	colour paint.Color
	tone   float64
}{
	{paint.Color{Y: 82, U: 90, V: 240}, 500},   // red
	{paint.Color{Y: 145, U: 54, V: 34}, 700},   // green
	{paint.Color{Y: 60, U: 240, V: 110}, 1100}, // blue
	{paint.Color{Y: 180, U: 20, V: 146}, 1300}, // yellow
	{paint.Color{Y: 106, U: 202, V: 222}, 1700},
}

// clip is what a source sends again and again: pictures with a period of two seconds, sound with one of eight.
type clip struct {
	pictures []*media.Frame
	sounds   []*media.Frame
}

func makeClip(w *codec.Workers, mark int) (c clip, err error) {
	if c.pictures, err = makePictures(w, marks[mark].colour); err == nil {
		c.sounds, err = makeSounds(marks[mark].tone)
	}
	return c, err
}

// flashing tells that there are colour and tone at a time.
func flashing(at time.Duration) bool {
	in := at % time.Second
	return in >= flashAt && in < flashAt+flash
}

func makePictures(w *codec.Workers, colour paint.Color) ([]*media.Frame, error) {
	came := make(chan *media.Frame, gop)
	e, err := w.Encode(codec.EncoderConfig{Width: pictureWidth, Height: pictureHeight, FPS: fps, Out: func(f *media.Frame) { came <- f }})
	if err != nil {
		return nil, err
	}
	defer e.Close()
	f := paint.NewFrame(pictureWidth, pictureHeight)
	for i := range gop {
		at := time.Duration(i) * time.Second / fps
		f.Fill(paint.Rect{W: f.Width, H: f.Height}, paint.Color{Y: 24, U: 128, V: 128})
		if flashing(at) {
			f.Fill(paint.Rect{W: f.Width, H: f.Height}, colour)
		}
		if err := e.Write(f.Pix, at); err != nil {
			return nil, err
		}
	}
	var all []*media.Frame
	for patience := time.After(20 * time.Second); len(all) < gop; {
		select {
		case f := <-came:
			all = append(all, f)
		case <-patience:
			return nil, errors.New("making a clip takes too long")
		}
	}
	return all, nil
}

func makeSounds(tone float64) ([]*media.Frame, error) {
	p, err := codec.NewAudioPacker(codec.PlainForm(media.AAC), 64_000)
	if err != nil {
		return nil, err
	}
	// Three loops, of which the middle one has nothing of a beginning or an end.
	const samples = soundFrames * 1024
	pcm := make([]float32, 2*3*samples)
	for i := range 3 * samples {
		if flashing(codec.TimeOf(int64(i))) {
			v := float32(0.12 * math.Sin(2*math.Pi*tone*float64(i)/codec.SampleRate))
			pcm[2*i], pcm[2*i+1] = v, v
		}
	}
	frames, err := p.Pack(nil, pcm, 0, true)
	if err != nil {
		return nil, err
	}
	var loop []*media.Frame
	for _, f := range frames {
		if f.PTS >= soundLoop && len(loop) < soundFrames {
			g := *f
			g.PTS -= soundLoop
			g.DTS = g.PTS
			loop = append(loop, &g)
		}
	}
	return loop, nil
}
