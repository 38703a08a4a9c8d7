package codec

import (
	"fmt"

	"github.com/tuttilive/tutti/internal/media"
)

// Form is what sound is encoded as.
type Form struct {
	Codec    media.Codec
	Rate     int // in Hz
	Channels int
}

// PlainForm is that of a codec in which sound of ours has what it has here.
func PlainForm(c media.Codec) Form { return Form{c, SampleRate, Channels} }

// FormOf is that of a format; ok tells whether sound can be encoded so.
func FormOf(f *media.Format) (form Form, ok bool) {
	form = Form{f.Codec, f.SampleRate, f.Channels}
	switch f.Codec {
	case media.Opus:
		return PlainForm(media.Opus), true
	case media.AAC:
		_, err := checkAAC(f)
		return form, err == nil && (form.Rate == 48000 || form.Rate == 44100)
	}
	return form, false
}

// String is the codec alone of a plain form.
func (f Form) String() string {
	if f == PlainForm(f.Codec) {
		return f.Codec.String()
	}
	return fmt.Sprintf("%s_%d_%d", f.Codec, f.Rate, f.Channels)
}
