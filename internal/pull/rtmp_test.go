package pull

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/bluenviron/gortmplib/pkg/amf0"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/mux/rtmp"
	"github.com/tuttilive/tutti/internal/studio/ingest"
)

// told is a receiver that keeps what hosts would be told.
type told struct {
	write func(*media.Frame) error
	words []string
}

func (t *told) Write(f *media.Frame) error {
	if t.write == nil {
		return nil
	}
	return t.write(f)
}
func (t *told) More()               {}
func (t *told) LeftOut(what string) { t.words = append(t.words, "left out: "+what) }
func (t *told) Broken(kind media.Kind, _ error) {
	t.words = append(t.words, fmt.Sprint("broken: ", kind))
}
func (t *told) Rotated(degrees int) { t.words = append(t.words, fmt.Sprint("turned by ", degrees)) }

// published is an encoder's publisher.
type published struct{ *ingest.Publisher }

func (published) More() {}

// TestHostsHearWhatIsWrongOverRTMP, as of what encoders send. A source of which something can be read goes on.
func TestHostsHearWhatIsWrongOverRTMP(t *testing.T) {
	metadata, err := amf0.Data{"onMetaData", amf0.Object{{Key: "rotation", Value: float64(90)}}}.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	turned := rtmp.Message{Type: rtmp.TypeDataAMF0, Body: metadata}
	picture := rtmp.Message{Type: rtmp.TypeVideo, Body: []byte{0x27, 1, 0, 0, 0, 0, 0, 0, 9, 1}} // without a sequence header
	sound := rtmp.Message{Type: rtmp.TypeAudio, Body: []byte{0xaf, 1, 0x21}}
	begin := rtmp.Message{Type: rtmp.TypeAudio, Body: []byte("\x90OpusOpusHead\x01\x02\x38\x01\x80\xbb\x00\x00\x00\x00\x00")}
	opus := rtmp.Message{Type: rtmp.TypeAudio, Body: append([]byte{0x91}, "Opus\x78\x00\x00"...)}
	for _, c := range []struct {
		name  string
		all   []rtmp.Message
		words string
		ends  bool
	}{
		{"turned", []rtmp.Message{turned}, "turned by 90", false},
		{"a broken picture", repeated(ingest.ToldMalformed, picture), "broken: video", false},
		{"now and then", repeated(3, append(repeated(ingest.ToldMalformed-1, sound), opus)...), "", false},
		{"a broken picture beside a sound", repeated(2*ingest.MostMalformed, picture, opus), "broken: video", false},
		{"both broken", repeated(ingest.MostMalformed/2, picture, sound), "broken: video, broken: audio", true},
	} {
		to := &told{}
		p := playedMedia{to: to}
		var err error
		for _, m := range append([]rtmp.Message{begin}, c.all...) {
			if err = p.take(m); err != nil {
				break
			}
		}
		if got := strings.Join(to.words, ", "); got != c.words || errors.Is(err, ingest.ErrBroken) != c.ends || err != nil && !c.ends {
			t.Errorf("%s: told %q, want %q; %v", c.name, got, c.words, err)
		}
	}
}

func repeated(n int, messages ...rtmp.Message) (all []rtmp.Message) {
	for range n {
		all = append(all, messages...)
	}
	return all
}
