package rtcload

import (
	"testing"

	"github.com/pion/rtp"
	"github.com/pion/sdp/v3"
)

func TestLossIsCountedUntilThePacketComes(t *testing.T) {
	s := &stream{kind: videoPayload}
	var lost uint64
	for _, seq := range []uint16{65534, 65535, 2, 0, 0} {
		lost += s.note(seq)
	}
	if lost != 1 || len(s.missing) != 1 || s.missing[0].seq != 1 {
		t.Errorf("lost %d, missing %v", int64(lost), s.missing)
	}
	if lost += s.found(1); lost != 0 {
		t.Errorf("lost %d after the repair", int64(lost))
	}
}

func TestSequenceNumberIsFoundAmongExtensions(t *testing.T) {
	p := &rtp.Packet{Header: rtp.Header{Version: 2, PayloadType: 102}, Payload: []byte{1}}
	for id, value := range map[uint8][]byte{1: {'0'}, 2: {1, 2, 3}, 3: {0x12, 0x34}} {
		if err := p.SetExtension(id, value); err != nil {
			t.Fatal(err)
		}
	}
	raw, err := p.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	if n, ok := sequenceNumber(raw, 3); !ok || n != 0x1234 {
		t.Errorf("%#x, %v", n, ok)
	}
	for size := 12; size < len(raw)-1; size++ {
		if _, ok := sequenceNumber(raw[:size], 3); ok {
			t.Errorf("found in %d bytes", size)
		}
	}
	if _, ok := sequenceNumber(raw, 0); ok {
		t.Error("found though not negotiated")
	}
}

// What we answer to our own offer is what we agree on.
func TestAnswerTakesSoundPictureAndRepairs(t *testing.T) {
	who, err := newIdentity()
	if err != nil {
		t.Fatal(err)
	}
	var d sdp.SessionDescription
	if err := d.UnmarshalString(offer(who, newSender(true, true, 1e6, Libwebrtc).sections())); err != nil {
		t.Fatal(err)
	}
	text, a := answer(who, &d)
	if a.kinds[soundType] != soundPayload || a.kinds[videoType] != videoPayload || a.kinds[repairType] != repairPayload ||
		a.sequence != sequenceID || !a.estimate || a.data {
		t.Errorf("agreed on %+v", a)
	}
	var back sdp.SessionDescription
	if err := back.UnmarshalString(text); err != nil || len(back.MediaDescriptions) != 2 {
		t.Errorf("answer: %v\n%s", err, text)
	}
}
