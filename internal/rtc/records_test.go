package rtc

import (
	"bytes"
	"testing"
)

// recordPair gives two ends of a session.
func recordPair() (ours, theirs *records) {
	a := recordKey{key: bytes.Repeat([]byte{1}, 16), salt: []byte{1, 2, 3, 4}}
	b := recordKey{key: bytes.Repeat([]byte{2}, 16), salt: []byte{5, 6, 7, 8}}
	return &records{sending: a, receiving: b, next: 1}, &records{sending: b, receiving: a, next: 1}
}

func sealRecord(t testing.TB, r *records, kind byte, content []byte) []byte {
	t.Helper()
	b, err := r.seal(kind, content)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestRecordsAreOpenedOnce(t *testing.T) {
	ours, theirs := recordPair()
	first, second := sealRecord(t, theirs, recordData, []byte("first")), sealRecord(t, theirs, recordData, []byte("second"))
	again := bytes.Clone(first)
	for _, c := range []struct {
		record []byte
		want   string
	}{{second, "second"}, {first, "first"}} {
		if got, ok := ours.open(c.record); !ok || string(got) != c.want {
			t.Errorf("%q is opened as %q, %v", c.want, got, ok)
		}
	}
	if _, ok := ours.open(again); ok {
		t.Error("a record was opened twice")
	}
}

func TestForgedRecordsAreNotOpened(t *testing.T) {
	ours, theirs := recordPair()
	for at := range recordHeader + explicitNonce + 5 + gcmTag {
		if at == 11 || at == 12 {
			continue // the length is what nextRecord cuts by
		}
		b := sealRecord(t, theirs, recordData, []byte("hello"))
		b[at] ^= 1
		if _, ok := ours.open(b); ok {
			t.Errorf("a record with another byte %d was opened", at)
		}
	}
	if _, ok := ours.open(sealRecord(t, ours, recordData, []byte("hello"))); ok {
		t.Error("our own record was opened")
	}
}

func TestNumbersOfRecordsDoNotComeAgain(t *testing.T) {
	ours, _ := recordPair()
	ours.next = maxSequence
	sealRecord(t, ours, recordData, nil)
	if _, err := ours.seal(recordData, nil); err == nil {
		t.Error("a number was used twice")
	}
}

// FuzzRecords gives a session whatever datagrams there are, as protected content too.
func FuzzRecords(f *testing.F) {
	f.Add([]byte{recordAlert, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 0, 9, 0, 2, 2, 40}, uint8(recordAlert), false)
	f.Add([]byte{recordHandshake, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 9, 0xff, 0xff}, uint8(recordHandshake), false)
	f.Add([]byte{warningAlert, closeNotify}, uint8(recordAlert), true)
	f.Add([]byte{0x13, 0x88, 0x13, 0x88, 0, 0, 0, 0, 0, 0, 0, 0}, uint8(recordData), true)
	e := idleEndpoint(f)
	p, _ := receivingPeer(f, e)
	s := &p.secure
	p.closing.Do(func() {}) // nothing ends the peer
	f.Fuzz(func(t *testing.T, b []byte, kind uint8, authentic bool) {
		if len(b) > 1200 {
			return
		}
		ours, theirs := recordPair()
		s.phase, s.records, s.wantData = running, ours, true
		if authentic {
			content := bytes.Clone(b)
			got := s.sort(append(sealRecord(t, theirs, kind, b), sealRecord(t, theirs, recordData, b)...), nil)
			if !(kind == recordAlert && ends(content)) && (len(got) == 0 || !bytes.Equal(got[len(got)-1], content)) {
				t.Errorf("%q came as %q", content, got)
			}
			return
		}
		if got := s.sort(bytes.Clone(b), nil); len(got) > 0 {
			t.Errorf("%x was taken for data", b)
		}
	})
}
