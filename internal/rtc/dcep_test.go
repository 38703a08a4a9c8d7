package rtc

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/tuttilive/tutti/internal/rtc/sctp"
)

func TestChannelOpenings(t *testing.T) {
	for _, o := range []channelOpening{
		{}, {label: "_reliable"}, {label: strings.Repeat("x", maxLabel)},
		{"_lossy", sctp.Reliability{Unordered: true, Limited: true}},
		{"some", sctp.Reliability{Limited: true, Retransmissions: 7}},
		{"soon", sctp.Reliability{Unordered: true, Lifetime: 1500 * time.Millisecond}},
	} {
		if got, ok := parseOpening(o.marshal()); !ok || got != o {
			t.Errorf("%+v came as %+v", o, got)
		}
	}
	long := channelOpening{label: strings.Repeat("x", maxLabel+1)}
	for name, b := range map[string][]byte{
		"long label": long.marshal(), "short": channelOpening{label: "x"}.marshal()[:openHeader], "kind": append([]byte{channelOpen, 9}, make([]byte, 10)...),
		"empty": nil,
	} {
		if _, ok := parseOpening(b); ok {
			t.Errorf("%s: taken", name)
		}
	}
}

// FuzzChannelOpening reads what opens a channel; what is read is written and read again.
func FuzzChannelOpening(f *testing.F) {
	f.Add(channelOpening{label: "_reliable"}.marshal())
	f.Add(channelOpening{"_lossy", sctp.Reliability{Unordered: true, Limited: true}}.marshal())
	f.Add(append([]byte{channelOpen, limitedByTime, 0, 0, 0xff, 0xff, 0xff, 0xff, 0, 1, 0, 2}, "xyz"...))
	f.Fuzz(func(t *testing.T, b []byte) {
		before := bytes.Clone(b)
		o, ok := parseOpening(b)
		if !bytes.Equal(b, before) {
			t.Error("reading has changed the message")
		}
		if !ok {
			return
		}
		again, ok := parseOpening(o.marshal())
		if o.reliability.Lifetime == 1 {
			o.reliability.Lifetime = again.reliability.Lifetime // no time at all is as good as reliable when written
		}
		if !ok || again != o {
			t.Errorf("%+v came as %+v", o, again)
		}
	})
}
