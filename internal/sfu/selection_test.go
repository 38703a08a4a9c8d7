package sfu

import (
	"fmt"
	"strings"
	"testing"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/rtc"
	"github.com/tuttilive/tutti/internal/track"
)

// pictures writes packets of pictures in short: a picture is its temporal layer, k before it makes a keyframe, ^ behind it lets
// readers go up; spatial layers follow behind colons, two packets each, ^ again for one that depends on those below alone.
// "k0:1:2" is a keyframe in three spatial layers.
func pictures(text string) (list []*media.Packet) {
	seq := uint64(1 << 16)
	for i, word := range strings.Fields(text) {
		key := strings.HasPrefix(word, "k")
		layers := strings.Split(strings.TrimPrefix(word, "k"), ":")
		temporal := layers[0][0] - '0'
		for spatial, layer := range layers {
			for part := range 2 {
				first := part == 0
				list = append(list, &media.Packet{
					Seq: seq, Timestamp: uint32(i) * 3000, Payload: []byte{byte(i), byte(spatial)}, Temporal: temporal, Spatial: uint8(spatial),
					Start: first && spatial == 0, Keyframe: first && spatial == 0 && key, Up: first && (strings.HasSuffix(layer, "^") || key && spatial > 0),
					Last: !first, Marker: !first && spatial == len(layers)-1,
				})
				seq++
			}
		}
	}
	return list
}

// TestSelection forwards pictures while what is wanted changes before some of them. What goes out are pictures with their largest
// spatial layer, m where the marker is on the last packet.
func TestSelection(t *testing.T) {
	tests := []struct {
		name, pictures string
		want           map[int]selection
		sent           string
	}{
		{"everything", "k0:1 1:1 0:1", nil, "0:1m 1:1m 2:1m"},
		{"temporal layers are dropped at once", "k0 2 1 2 0 2 1 2", map[int]selection{2: {0, 0}}, "0:0m 1:0m 4:0m"},
		{"and come back one at a time", "k0 2 1^ 2^ 0 2^ 1^ 2^", map[int]selection{0: {0, 0}, 1: {0, 2}}, "0:0m 2:0m 3:0m 4:0m 5:0m 6:0m 7:0m"},
		{"not where nothing says so", "k0 1 0 1 k0 1", map[int]selection{0: {0, 0}, 1: {0, 1}}, "0:0m 2:0m 4:0m 5:0m"},
		{"behind a picture that says so", "k0 1 0^ 1 0 1", map[int]selection{0: {0, 0}, 1: {0, 1}}, "0:0m 2:0m 3:0m 4:0m 5:0m"},
		{"spatial layers are dropped with the next picture", "k0:1:2 0:1:2 0:1:2", map[int]selection{1: {1, 0}, 2: {0, 0}}, "0:2m 1:1m 2:0m"},
		{"and come back at a keyframe", "k0:1:2 0:1:2 0:1:2 k0:1:2 0:1:2", map[int]selection{0: {0, 0}, 1: {2, 0}}, "0:0m 1:0m 2:0m 3:2m 4:2m"},
		{"or where they depend on those below alone", "k0:1:2 0:1:2 0:1^:2 0:1:2^", map[int]selection{0: {0, 0}, 1: {2, 0}}, "0:0m 1:0m 2:1m 3:2m"},
		{"not further than wanted", "k0:1:2 k0:1:2", map[int]selection{0: {0, 0}, 1: {1, 0}}, "0:0m 1:1m"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r, layer := newRewriter(100, 0), new(track.Layer)
			var sent []string
			var seq uint16
			for _, p := range pictures(tt.pictures) {
				n := int(p.Payload[0])
				if want, ok := tt.want[n]; ok {
					r.want = want
				}
				if r.count == 0 {
					r.begin(layer, p, p.Timestamp, 0, 90000)
				}
				var out rtc.Packet
				if _, ok := r.rewrite(p, &out, nil); !ok {
					continue
				}
				if seq != 0 && out.Seq != seq+1 {
					t.Errorf("number %d after %d", out.Seq, seq)
				}
				seq = out.Seq
				name := fmt.Sprintf("%d:%d", n, p.Spatial)
				if out.Marker {
					name += "m"
				}
				if last := len(sent) - 1; last >= 0 && strings.HasPrefix(sent[last], fmt.Sprint(n, ":")) {
					sent[last] = name
				} else {
					sent = append(sent, name)
				}
			}
			if got := strings.Join(sent, " "); got != tt.sent {
				t.Errorf("sent %s, want %s", got, tt.sent)
			}
		})
	}
}

// TestSelectionKeepsDenseNumbers: pictures that are left out leave no gap in VP8's numbers, also when they come late.
func TestSelectionKeepsDenseNumbers(t *testing.T) {
	r, layer := newRewriter(100, 0), new(track.Layer)
	r.want = selection{0, 0}
	var got []string
	send := func(seq uint64, temporal uint8, picture uint16) {
		p := vp8Packet(seq, uint32(picture)*3000, picture, uint8(picture/2))
		p.Temporal = temporal
		if r.count == 0 {
			r.begin(layer, p, p.Timestamp, 0, 90000)
		}
		var out rtc.Packet
		if _, ok := r.rewrite(p, &out, nil); !ok {
			return
		}
		number := int(p.Descriptor.PictureID)
		if len(out.Payload) == 0 {
			got = append(got, fmt.Sprintf("%d:empty", out.Seq))
			return
		}
		if len(out.Prefix) > 0 {
			number = int(out.Prefix[2]&0x7f)<<8 | int(out.Prefix[3])
		}
		got = append(got, fmt.Sprintf("%d:%d", out.Seq, number))
	}
	send(10, 0, 40)
	send(11, 1, 41) // left out
	send(12, 1, 41)
	send(13, 0, 42)
	send(15, 1, 43) // left out
	send(16, 0, 44)
	send(14, 1, 43) // late, and left out: its hole is closed
	send(18, 0, 45)
	send(17, 0, 45) // late
	if s, want := strings.Join(got, " "), "100:40 101:41 103:42 102:empty 105:43 104:43"; s != want {
		t.Errorf("sent %s, want %s", s, want)
	}
}

// TestSelectionRemembersWhatItSent: what was sent while layers were left out can be sent again.
func TestSelectionRemembersWhatItSent(t *testing.T) {
	r, layer := newRewriter(100, 0), new(track.Layer)
	r.want = selection{0, 0}
	from := map[uint16]uint64{}
	for _, p := range pictures("k0:1 " + strings.Repeat("0:1 ", 100)) {
		if r.count == 0 {
			r.begin(layer, p, p.Timestamp, 0, 90000)
		}
		var out rtc.Packet
		if _, ok := r.rewrite(p, &out, nil); ok {
			from[out.Seq] = p.Seq
		}
	}
	if len(from) != 202 {
		t.Fatalf("%d packets were sent", len(from))
	}
	for seq, want := range from {
		if _, source, ok := r.source(seq); !ok || source != want {
			t.Errorf("%d is found as %d, %v, want %d", seq, source, ok, want)
		}
	}
}
