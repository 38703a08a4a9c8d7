package webhook

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tuttilive/tutti/internal/auth"
	"github.com/tuttilive/tutti/internal/room"
	"github.com/tuttilive/tutti/internal/studio"
)

// moderation is an application that takes its time for each message, and refuses those that are vile.
type moderation time.Duration

// RoundTrip implements http.RoundTripper.
func (m moderation) RoundTrip(r *http.Request) (*http.Response, error) {
	var asked struct{ Text string }
	if err := json.NewDecoder(r.Body).Decode(&asked); err != nil {
		return nil, err
	}
	select {
	case <-time.After(time.Duration(m)):
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
	body := fmt.Sprintf(`{"allow":%t}`, !strings.Contains(asked.Text, "vile"))
	return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader(body))}, nil
}

func reviewer(takes time.Duration, open bool) *Reviewer {
	keys := auth.Keys{Key: "APItest", Secret: "a secret that is long enough for HS256"}
	return NewReviewer("http://application/chat", open, keys, &http.Client{Transport: moderation(takes)}, slog.New(slog.DiscardHandler))
}

func reasonFor(err error) string {
	if errors.Is(err, studio.ErrNotShown) {
		return "refused"
	}
	if err != nil {
		return codeOf(err)
	}
	return "shown"
}

func TestWhatNobodyAnswersFor(t *testing.T) {
	for _, open := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			began := time.Now()
			_, err := reviewer(time.Minute, open).Review(studio.Written{Room: "hall", Text: "hello"})
			if got, want := reasonFor(err), map[bool]string{true: "shown", false: "unavailable"}[open]; got != want || time.Since(began) != answerWithin {
				t.Errorf("open %v, and after %v it is %s", open, time.Since(began), got)
			}
			if no, _ := errors.AsType[*room.Refusal](err); no != nil && no.Wait <= 0 {
				t.Error("when to try again is not told, so it counts in slow mode")
			}
		})
	}
}

// TestNobodyCrowdsTheReviewerOut has very many messages come, in one room, or in many or from one address, while others write what is to be refused: it is, and
// they are answered by the application and not told to wait.
func TestNobodyCrowdsTheReviewerOut(t *testing.T) {
	for what, who := range map[string]func(i int) studio.Written{
		"in a room of their own": func(i int) studio.Written { return studio.Written{Room: "own", Address: addressOf(i)} },
		"in many rooms": func(i int) studio.Written {
			return studio.Written{Room: fmt.Sprint("own", i%20), Address: addressOf(i)}
		},
		"from one address":        func(i int) studio.Written { return studio.Written{Room: fmt.Sprint("own", i), Address: addressOf(0)} },
		"from nobody knows where": func(i int) studio.Written { return studio.Written{Room: fmt.Sprint("own", i%20)} },
	} {
		synctest.Test(t, func(t *testing.T) {
			r := reviewer(100*time.Millisecond, true)
			stop := make(chan struct{})
			var all sync.WaitGroup
			for i := range 800 {
				all.Go(func() {
					for {
						select {
						case <-stop:
							return
						default:
						}
						w := who(i)
						w.Text = "hello"
						if _, err := r.Review(w); err != nil {
							time.Sleep(100 * time.Millisecond)
						}
					}
				})
			}
			time.Sleep(2 * time.Second)
			for range 20 {
				if _, err := r.Review(studio.Written{Room: "hall", Address: addressOf(1000), Text: "something vile"}); reasonFor(err) != "refused" {
					t.Errorf("many write %s, and what another room must not see is %s", what, reasonFor(err))
				}
			}
			close(stop)
			all.Wait()
			if p := &r.places; p.taken != 0 || len(p.waiting) != 0 || len(p.rooms) != 0 || len(p.addresses) != 0 {
				t.Errorf("left: %d taken, %d wait, %v, %v", p.taken, len(p.waiting), p.rooms, p.addresses)
			}
		})
	}
}

func addressOf(i int) netip.Prefix {
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{192, 0, byte(i >> 8), byte(i)}), 32)
}

// TestWhatFindsNoPlaceIsNotShown has a room write more than can be looked at, by an application that would allow all of it.
func TestWhatFindsNoPlaceIsNotShown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := reviewer(answerWithin-time.Millisecond, true)
		var mu sync.Mutex
		became := map[string]int{}
		var all sync.WaitGroup
		for i := range 200 {
			all.Go(func() {
				_, err := r.Review(studio.Written{Room: "hall", Address: addressOf(i), Text: "hello"})
				mu.Lock()
				defer mu.Unlock()
				became[reasonFor(err)]++
			})
		}
		all.Wait()
		// half of the places at once, and again those who had waited a millisecond less than they would
		if became["shown"] != 2*reviewsPerRoom || became["busy"] != 200-2*reviewsPerRoom {
			t.Errorf("they became %v", became)
		}
	})
}

// TestARoomInWhichNobodyWaitsFindsAPlace where all wait who may, however many rooms they write in.
func TestARoomInWhichNobodyWaitsFindsAPlace(t *testing.T) {
	var p places
	var all []*waiter
	for i := 0; len(p.waiting) < maxWaits; i++ {
		if w := newWaiter(fmt.Sprint("own", i/waitsPerRoom), netip.Prefix{}); p.join(w) {
			all = append(all, w)
		}
	}
	hall := newWaiter("hall", addressOf(1))
	if !p.join(hall) || len(p.waiting) != maxWaits || p.rooms["hall"].waits != 1 {
		t.Errorf("the first of another room has no place: %d wait, %+v", len(p.waiting), p.rooms["hall"])
	}
	displaced := 0
	for _, w := range all {
		if len(w.has) > 0 && !<-w.has {
			displaced++
		}
	}
	if displaced != 1 || p.join(newWaiter("hall", addressOf(2))) {
		t.Errorf("%d are displaced; or the second of the room displaces one, too", displaced)
	}
}
