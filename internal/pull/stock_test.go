package pull

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tuttilive/tutti/internal/mux/hls/m3u8"
)

// segments are all of a size.
type segments struct{ size, asked int }

func (s *segments) RoundTrip(req *http.Request) (*http.Response, error) {
	s.asked++
	return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(io.LimitReader(zeros{}, int64(s.size))), Request: req}, nil
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) { return len(b), nil }

// TestNotMoreIsFetchedThanThereIsRoomFor, while nobody takes it, and what is there is taken before it is told why no more comes.
func TestNotMoreIsFetchedThanThereIsRoomFor(t *testing.T) {
	for size, want := range map[int]int{1000: mostStocked + 1, mostStockedBytes + 1: 1} {
		synctest.Test(t, func(t *testing.T) {
			server := &segments{size: size}
			r := &rendition{client: &hlsClient{http: &http.Client{Transport: server}}, at: &url.URL{Scheme: "http", Host: "h"}, begun: new(atomic.Uint64),
				list: &m3u8.Media{Ended: true}, todo: make([]hlsSegment, 6), stock: newStock(make(chan struct{}, 1))}
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			go r.follow(ctx)
			synctest.Wait()
			if server.asked != want {
				t.Errorf("%d of %d bytes are fetched, want %d", server.asked, size, want)
			}
			p := &hlsPart{stock: r.stock}
			for taken := 0; !p.over; taken++ {
				if err := p.take(<-r.stock.segments); err != nil && !errors.Is(err, errPacked) && !strings.HasPrefix(err.Error(), "ts: ") {
					t.Fatal(err)
				}
				if p.over && (taken != 6 || r.stock.bytes.Load() != 0) {
					t.Errorf("%d are taken, %d bytes are left", taken, r.stock.bytes.Load())
				}
			}
		})
	}
}

// TestAPanicWhileFetchingIsTheStreams, which whoever fetches a source looks for.
func TestAPanicWhileFetchingIsTheStreams(t *testing.T) {
	r := &rendition{todo: make([]hlsSegment, 1), stock: newStock(nil)} // without a list
	r.follow(t.Context())
	defer func() {
		if text, _ := recover().(string); !strings.Contains(text, "rendition.go") {
			t.Errorf("it panics with %q", text)
		}
	}()
	(&hlsPart{stock: r.stock}).take(<-r.stock.segments)
}

// TestPictureAndSoundBeginAnewTogether: where one of them does, the other does with the next playlist that is older, and where it does not come so far the
// source ends, to be fetched again.
func TestPictureAndSoundBeginAnewTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const begin = "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:"
		var both atomic.Uint64
		picture, sound := &rendition{client: &hlsClient{}, begun: &both}, &rendition{client: &hlsClient{}, begun: &both}
		read := func(r *rendition, text string) error {
			t.Helper()
			err := r.read(begin + text)
			r.next += uint64(len(r.todo))
			return err
		}
		for _, r := range []*rendition{picture, sound} {
			if err := read(r, "5\n#EXTINF:2,\na5\n#EXTINF:2,\na6\n"); err != nil {
				t.Fatal(err)
			}
		}
		if err := read(picture, "5\n#EXTINF:2,\nb5\n"); err != nil || picture.turn != 1 {
			t.Fatalf("the picture's turn is %d, %v", picture.turn, err)
		}
		if err := read(sound, "4\n#EXTINF:2,\na4\n#EXTINF:2,\na5\n"); err != nil || sound.turn != 1 || sound.todo[0].period != picture.todo[0].period {
			t.Errorf("the sound's turn is %d, %v", sound.turn, err)
		}
		both.Add(1)
		for _, c := range []struct {
			after time.Duration
			want  error
		}{{0, nil}, {2*2*time.Second + staleFor, nil}, {time.Second, errAlone}} {
			time.Sleep(c.after)
			if err := read(sound, "4\n#EXTINF:2,\na4\n#EXTINF:2,\na5\n"); err != c.want {
				t.Errorf("%v later: %v, want %v", c.after, err, c.want)
			}
		}
	})
}
