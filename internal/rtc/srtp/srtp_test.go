package srtp

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"testing"

	"github.com/pion/rtp"
	pion "github.com/pion/srtp/v3"
)

var profiles = []Profile{AEADAES128GCM, AES128CMHMACSHA180}

// pair gives both our ends of a session and pion's.
func pair(t testing.TB, p Profile) (seal *Sealer, open *Opener, theirSeal, theirOpen *pion.Context) {
	t.Helper()
	material := make([]byte, p.MaterialSize())
	rand.Read(material)
	seal, _, err := Split(p, material, true)
	if err != nil {
		t.Fatal(err)
	}
	_, open, err = Split(p, material, false)
	if err != nil {
		t.Fatal(err)
	}
	key, salt := material[:keySize], material[2*keySize:2*keySize+p.saltSize()]
	for _, c := range []**pion.Context{&theirSeal, &theirOpen} {
		if *c, err = pion.CreateContext(key, salt, pion.ProtectionProfile(p)); err != nil {
			t.Fatal(err)
		}
	}
	return seal, open, theirSeal, theirOpen
}

func TestRTPAgainstPion(t *testing.T) {
	for _, p := range profiles {
		t.Run(p.String(), func(t *testing.T) {
			seal, open, theirSeal, theirOpen := pair(t, p)
			var roll Rollover
			for i := range 300 {
				seq := uint16(65400 + i) // over the wrap
				header := rtp.Header{Version: 2, PayloadType: 96, SequenceNumber: seq, Timestamp: uint32(i), SSRC: 0xdeadbeef}
				if i%2 == 0 {
					if err := header.SetExtension(1, []byte{1, 2, 3}); err != nil {
						t.Fatal(err)
					}
				}
				plain := bytes.Repeat([]byte{byte(i)}, i*4)
				packet, err := (&rtp.Packet{Header: header, Payload: plain}).Marshal()
				if err != nil {
					t.Fatal(err)
				}
				head := header.MarshalSize()
				index := roll.Guess(seq)
				roll.Accept(index)

				out := make([]byte, len(packet)+p.Overhead())
				copy(out, packet[:head])
				if n := seal.SealRTP(out, head, plain, header.SSRC, index); n != len(out) {
					t.Fatalf("sealed to %d bytes, want %d", n, len(out))
				}
				inPlace := make([]byte, len(out))
				copy(inPlace, packet)
				seal.SealRTP(inPlace, head, inPlace[head:head+len(plain)], header.SSRC, index)
				if !bytes.Equal(inPlace, out) {
					t.Fatal("sealing in place gives something else")
				}
				got, err := theirOpen.DecryptRTP(nil, out, nil)
				if err != nil || !bytes.Equal(got, packet) {
					t.Fatalf("pion cannot open packet %d: %v", seq, err)
				}

				theirs, err := theirSeal.EncryptRTP(nil, packet, nil)
				if err != nil {
					t.Fatal(err)
				}
				payload, ok := open.OpenRTP([]byte("x"), theirs, head, header.SSRC, index)
				if !ok || !bytes.Equal(payload, append([]byte("x"), plain...)) {
					t.Fatalf("cannot open pion's packet %d", seq)
				}
				theirs[len(theirs)-1-i%len(theirs)] ^= 1
				if _, ok := open.OpenRTP(nil, theirs, head, header.SSRC, index); ok {
					t.Fatal("a forged packet was opened")
				}
			}
			for size := range 12 + p.Overhead() {
				if _, ok := open.OpenRTP(nil, make([]byte, size), min(size, 12), 1, 1); ok {
					t.Fatalf("a packet of %d bytes was opened", size)
				}
			}
		})
	}
}

func TestRTCPAgainstPion(t *testing.T) {
	for _, p := range profiles {
		t.Run(p.String(), func(t *testing.T) {
			seal, open, theirSeal, theirOpen := pair(t, p)
			for i := range 50 {
				packet := append([]byte{0x80, 201, 0, byte(1 + i), 1, 2, 3, 4}, make([]byte, 4*i)...)
				got, err := theirOpen.DecryptRTCP(nil, seal.SealRTCP(nil, packet), nil)
				if err != nil || !bytes.Equal(got, packet) {
					t.Fatalf("pion cannot open packet %d: %v", i, err)
				}
				theirs, err := theirSeal.EncryptRTCP(nil, packet, nil)
				if err != nil {
					t.Fatal(err)
				}
				forged := bytes.Clone(theirs)
				forged[i%len(forged)] ^= 0x10
				if _, ok := open.OpenRTCP(nil, forged); ok {
					t.Fatal("a forged packet was opened")
				}
				plain, ok := open.OpenRTCP([]byte("x"), theirs)
				if !ok || !bytes.Equal(plain, append([]byte("x"), packet...)) {
					t.Fatalf("cannot open pion's packet %d", i)
				}
				if _, ok := open.OpenRTCP(nil, theirs); ok {
					t.Fatal("a packet was opened twice")
				}
			}
			for size := range 40 {
				if _, ok := open.OpenRTCP(nil, make([]byte, size)); ok {
					t.Fatalf("a packet of %d bytes was opened", size)
				}
			}
		})
	}
}

// TestRTCPOfManySources: each track that comes and goes brings senders of its own. All are heard, few are remembered, and nothing is
// taken twice of one that goes on.
func TestRTCPOfManySources(t *testing.T) {
	seal, open, _, _ := pair(t, AEADAES128GCM)
	sealed := func(ssrc uint32) []byte {
		return seal.SealRTCP(nil, binary.BigEndian.AppendUint32([]byte{0x80, 201, 0, 1}, ssrc))
	}
	const goesOn = 1 << 20
	for i := range uint32(10 * maxRTCPSources) {
		packet := sealed(goesOn)
		for n, want := range []bool{true, false} {
			if _, ok := open.OpenRTCP(nil, packet); ok != want {
				t.Fatalf("with %d others, time %d that the same packet comes: %v", i, n+1, ok)
			}
		}
		if _, ok := open.OpenRTCP(nil, sealed(i)); !ok || len(open.windows) > maxRTCPSources {
			t.Fatalf("source %d is heard: %v, %d are remembered", i, ok, len(open.windows))
		}
	}
}

func TestRollover(t *testing.T) {
	tests := map[string]struct {
		seqs []uint16
		want []uint64
	}{
		"in order":           {[]uint16{1, 2, 3}, []uint64{1, 2, 3}},
		"wrap":               {[]uint16{65534, 65535, 0, 1}, []uint64{65534, 65535, 65536, 65537}},
		"late before wrap":   {[]uint16{65535, 0, 65534}, []uint64{65535, 65536, 65534}},
		"late at the start":  {[]uint16{2, 65535}, []uint64{2, 65535}},
		"leap":               {[]uint16{10, 32000, 64000, 30000}, []uint64{10, 32000, 64000, 65536 + 30000}},
		"twice around":       {[]uint16{40000, 10, 30000, 60000, 5}, []uint64{40000, 65546, 65536 + 30000, 65536 + 60000, 2*65536 + 5}},
		"back by half":       {[]uint16{0, 32768}, []uint64{0, 32768}},
		"back over the wrap": {[]uint16{65000, 100, 40000}, []uint64{65000, 65636, 40000}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var r Rollover
			for i, seq := range test.seqs {
				got := r.Guess(seq)
				if got != test.want[i] {
					t.Fatalf("packet %d (%d) is guessed as %d, want %d", i, seq, got, test.want[i])
				}
				r.Accept(got)
			}
		})
	}
}

func TestWindow(t *testing.T) {
	type step struct {
		index uint64
		fresh bool
	}
	tests := map[string][]step{
		"duplicates":     {{5, true}, {5, false}, {4, true}, {4, false}, {6, true}, {5, false}},
		"from zero":      {{0, true}, {0, false}, {1, true}},
		"edge":           {{windowSize, true}, {1, true}, {0, false}, {windowSize + 1, true}, {1, false}, {2, true}},
		"leap":           {{10, true}, {10 + 5*windowSize, true}, {10, false}, {10 + 4*windowSize + 1, true}, {10 + 4*windowSize + 1, false}},
		"by a word":      {{63, true}, {64, true}, {128, true}, {127, true}, {64, false}, {65, true}},
		"reuse of a bit": {{3, true}, {3 + windowSize, true}, {3 + windowSize, false}, {3 + 2*windowSize, true}},
	}
	for name, steps := range tests {
		t.Run(name, func(t *testing.T) {
			var w Window
			for i, s := range steps {
				if got := w.Fresh(s.index); got != s.fresh {
					t.Fatalf("step %d: %d is fresh: %v", i, s.index, got)
				}
				if s.fresh {
					w.Accept(s.index)
				}
			}
		})
	}
}

// FuzzWindow compares the window with a set of all indices seen.
func FuzzWindow(f *testing.F) {
	f.Add([]byte{1, 2, 3, 255, 0, 128, 7})
	f.Fuzz(func(t *testing.T, moves []byte) {
		var w Window
		seen := make(map[uint64]bool)
		at, high := uint64(1<<20), uint64(0)
		for i := 0; i+1 < len(moves); i += 2 {
			at = (at + uint64(int64(int8(moves[i]))*int64(moves[i+1]))) & (1<<48 - 1) // indices have 48 bits
			want := !seen[at] && (at > high || high-at < windowSize)
			if got := w.Fresh(at); got != want {
				t.Fatalf("%d is fresh: %v, want %v", at, got, want)
			}
			if want {
				w.Accept(at)
				seen[at], high = true, max(high, at)
			}
		}
	})
}

func BenchmarkSealRTP(b *testing.B) {
	for _, p := range profiles {
		b.Run(p.String(), func(b *testing.B) {
			seal, _, _, _ := pair(b, p)
			plain, out := make([]byte, 1200), make([]byte, 1500)
			b.ReportAllocs()
			b.SetBytes(1200)
			for i := range b.N {
				seal.SealRTP(out, 24, plain, 1, uint64(i))
			}
		})
	}
}

func BenchmarkOpenRTP(b *testing.B) {
	for _, p := range profiles {
		b.Run(p.String(), func(b *testing.B) {
			seal, open, _, _ := pair(b, p)
			out := make([]byte, 1500)
			n := seal.SealRTP(out, 24, make([]byte, 1200), 1, 1)
			dst := make([]byte, 0, 1500)
			b.ReportAllocs()
			for range b.N {
				if _, ok := open.OpenRTP(dst, out[:n], 24, 1, 1); !ok {
					b.Fatal(fmt.Errorf("forged"))
				}
			}
		})
	}
}
