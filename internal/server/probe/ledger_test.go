package probe

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
	"time"

	"github.com/tuttilive/tutti/internal/studio/refusal"
)

// watch is a clock that a test sets.
type watch struct{ time time.Time }

func (w *watch) now() time.Time { return w.time }

func net4(i int) network {
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), 32)
}

func TestRequestsOfOneNetwork(t *testing.T) {
	w := &watch{time.Unix(1000, 0)}
	l := newLedger(w.now)
	enter := func(who network) error {
		leave, err := l.enter(who, lookup)
		if err == nil {
			leave()
		}
		return err
	}
	for i := range requestsBurst {
		if err := enter(net4(1)); err != nil {
			t.Fatalf("request %d: %v", i, err)
		}
	}
	if err := enter(net4(1)); err != refusal.TooOften {
		t.Errorf("one more: %v", err)
	}
	if err := enter(net4(2)); err != nil {
		t.Errorf("somebody else: %v", err)
	}
	w.time = w.time.Add(time.Second)
	for i := range requestsPerSecond {
		if err := enter(net4(1)); err != nil {
			t.Errorf("request %d a second later: %v", i, err)
		}
	}
	if err := enter(net4(1)); err != refusal.TooOften {
		t.Errorf("too many a second later: %v", err)
	}
}

func TestTestsAtOnce(t *testing.T) {
	l := newLedger((&watch{time.Unix(1000, 0)}).now)
	var leave func()
	for i := range atOnce[session].all {
		if i > 0 && i < atOnce[session].network {
			if _, err := l.enter(net4(0), session); err != nil {
				t.Fatalf("test %d: %v", i, err)
			}
			continue
		}
		var err error
		if leave, err = l.enter(net4(i), session); err != nil {
			t.Fatalf("test %d: %v", i, err)
		}
	}
	if _, err := l.enter(net4(0), transfer); err != nil {
		t.Errorf("another kind: %v", err)
	}
	if _, err := l.enter(net4(1_000_000), session); err != errFull {
		t.Errorf("beyond what all may do: %v", err)
	}
	leave()
	if _, err := l.enter(net4(0), session); err != errBusy {
		t.Errorf("beyond what one may do: %v", err)
	}
	if _, err := l.enter(net4(1_000_000), session); err != nil {
		t.Errorf("after another one ended: %v", err)
	}
}

func TestBytes(t *testing.T) {
	w := &watch{time.Unix(1000, 0)}
	l := newLedger(w.now)
	for i := range bytesPerMinute / maxTransfer {
		if err := l.spend(net4(1), maxTransfer); err != nil {
			t.Fatalf("transfer %d: %v", i, err)
		}
	}
	if err := l.spend(net4(1), 1); err != errSpent {
		t.Errorf("one more byte: %v", err)
	}
	w.time = w.time.Add(10 * time.Second)
	if err := l.spend(net4(1), maxTransfer); err != nil {
		t.Errorf("10 s later: %v", err)
	}
	// All together reach their limit with every single one below its own.
	var err error
	for i := 2; err == nil && i < 1000; i++ {
		err = l.spend(net4(i), maxTransfer)
	}
	if err != errFull {
		t.Errorf("all together: %v", err)
	}
}

func TestAccountsAreBounded(t *testing.T) {
	l := newLedger((&watch{time.Unix(1000, 0)}).now)
	if _, err := l.enter(net4(0), session); err != nil {
		t.Fatal(err)
	}
	for i := range 3 * maxNetworks {
		leave, err := l.enter(net4(i), lookup)
		if err != nil {
			t.Fatal(err)
		}
		leave()
	}
	if n := len(l.accounts); n > maxNetworks {
		t.Errorf("%d accounts", n)
	}
	if a := l.accounts[net4(0)]; a == nil || a.underWay[session] != 1 {
		t.Error("a test that is under way was forgotten")
	}
}

func TestNamesTellNothing(t *testing.T) {
	one, two := newNames(), newNames()
	if one.of(net4(1)) != one.of(net4(1)) || one.of(net4(1)) == one.of(net4(2)) || one.of(net4(1)) == two.of(net4(1)) {
		t.Error("a network has no name of its own")
	}
}

// What is spent is refused before a byte goes over.
func TestSpentOverHTTP(t *testing.T) {
	s := New(Config{})
	who := netip.MustParsePrefix("192.0.2.1/32") // httptest's
	for s.ledger.spend(who, 1<<20) == nil {
	}
	for _, r := range []*http.Request{
		httptest.NewRequest(http.MethodGet, "/probe/down?bytes=1048576", nil),
		func() *http.Request {
			r := httptest.NewRequest(http.MethodPost, "/probe/up", http.NoBody)
			r.ContentLength = 1 << 20
			return r
		}(),
	} {
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		if w.Code != 429 || w.Header().Get("Retry-After") == "" {
			t.Errorf("%s: %d %s", r.URL, w.Code, w.Body)
		}
	}
	if n := s.ledger.all.underWay; n != [kinds]int{} {
		t.Errorf("%v are under way", n)
	}
	if _, err := s.ledger.enter(who, transfer); errors.Is(err, errBusy) {
		t.Error(err)
	}
}
