package s3

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tuttilive/tutti/internal/s3/s3test"
)

func open(t *testing.T, s *s3test.Server, c Config) *Bucket {
	t.Helper()
	t.Cleanup(s.Close)
	c.Endpoint, c.Key, c.Secret, c.PathStyle = s.URL, "key", "sEcReT", true
	b, err := Open(c, &net.Dialer{})
	if err != nil {
		t.Fatal(err)
	}
	b.part = 1000
	return b
}

// noted is what an upload tells.
type noted struct {
	began []Upload
	sent  []int64
}

func (n *noted) Began(u Upload)   { n.began = append(n.began, u) }
func (n *noted) Sent(bytes int64) { n.sent = append(n.sent, bytes) }

func noise(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{1}).Read(b)
	return b
}

func TestAFileGoesThereAndBack(t *testing.T) {
	ctx := context.Background()
	for name, size := range map[string]int{"whole": 900, "in pieces": 4500, "empty": 0} {
		t.Run(name, func(t *testing.T) {
			server := s3test.New()
			b := open(t, server, Config{Bucket: "bucket", Prefix: "a/b"})
			data := noise(size)
			var n noted
			if err := b.Put(ctx, "one.mp4", bytes.NewReader(data), int64(size), Upload{}, &n); err != nil {
				t.Fatal(err)
			}
			if got := n.sent[len(n.sent)-1]; got != int64(size) {
				t.Errorf("told of %d bytes", got)
			}
			if names, open := server.Objects(); !slices.Equal(names, []string{"a/b/one.mp4"}) || open != 0 {
				t.Errorf("there are %v, %d open", names, open)
			}
			f := b.Open(ctx, "one.mp4", int64(size))
			defer f.Close()
			if back, err := io.ReadAll(f); err != nil || !bytes.Equal(back, data) {
				t.Errorf("%d bytes back, %v", len(back), err)
			}
			if size > 100 {
				piece := make([]byte, 50)
				if _, err := f.Seek(-70, io.SeekEnd); err != nil {
					t.Fatal(err)
				}
				if _, err := io.ReadFull(f, piece); err != nil || !bytes.Equal(piece, data[size-70:size-20]) {
					t.Errorf("a piece: %v", err)
				}
			}
			if err := b.Remove(ctx, "one.mp4"); err != nil {
				t.Fatal(err)
			}
			if err := b.Remove(ctx, "one.mp4"); err != nil {
				t.Errorf("removed again: %v", err)
			}
			if _, err := b.Size(ctx, "one.mp4"); !errors.Is(err, ErrNotFound) {
				t.Errorf("it is still there: %v", err)
			}
		})
	}
}

// TestWhatIsPutTogetherIsNotSentAgain has an upload of which nobody hears that it has arrived: the question how long the file is fails.
func TestWhatIsPutTogetherIsNotSentAgain(t *testing.T) {
	ctx := context.Background()
	server := s3test.New()
	var pieces, questions atomic.Int32
	server.Fail = func(r *http.Request) int {
		if r.Method == http.MethodPut && r.URL.Query().Get("partNumber") != "" {
			pieces.Add(1)
		}
		if r.Method == http.MethodHead && questions.Add(1) <= 3 {
			return 503
		}
		return 0
	}
	b := open(t, server, Config{Bucket: "bucket"})
	data := noise(7500)
	var up Upload
	var err error
	for attempts := 1; attempts <= 4; attempts++ {
		var n noted
		err = b.Put(ctx, "one.mp4", bytes.NewReader(data), 7500, up, &n)
		if (err == nil) != (attempts == 4) {
			t.Errorf("attempt %d: %v", attempts, err)
		}
		if len(n.began) > 0 {
			up = n.began[len(n.began)-1]
		}
	}
	if n := pieces.Load(); n != 8 {
		t.Errorf("%d pieces were sent of 8", n)
	}
	// What is there and has another length is another file.
	var n noted
	if err := b.Put(ctx, "one.mp4", bytes.NewReader(data), 6500, up, &n); err != nil || pieces.Load() != 15 {
		t.Errorf("%v, %d pieces", err, pieces.Load())
	}
}

func TestAnInterruptedUploadGoesOn(t *testing.T) {
	ctx := context.Background()
	server := s3test.New()
	var broken atomic.Bool
	var pieces atomic.Int32
	server.Fail = func(r *http.Request) int {
		if r.Method != http.MethodPut {
			return 0
		}
		if n := r.URL.Query().Get("partNumber"); broken.Load() && n > "3" {
			return 500
		}
		pieces.Add(1)
		return 0
	}
	broken.Store(true)
	b := open(t, server, Config{Bucket: "bucket"})
	data := noise(7500)
	var first, second noted
	err := b.Put(ctx, "one.mp4", bytes.NewReader(data), 7500, Upload{}, &first)
	if err == nil || CauseOf(err) != Unreachable || len(first.began) != 1 {
		t.Fatalf("%v, %+v", err, first)
	}
	broken.Store(false)
	if err := b.Put(ctx, "one.mp4", bytes.NewReader(data), 7500, first.began[0], &second); err != nil {
		t.Fatal(err)
	}
	if n := pieces.Load(); n != 8 || second.began[0] != first.began[0] {
		t.Errorf("%d pieces were sent of 8; %+v", n, second.began)
	}
	back, err := io.ReadAll(b.Open(ctx, "one.mp4", 7500))
	if err != nil || !bytes.Equal(back, data) {
		t.Errorf("%d bytes, %v", len(back), err)
	}
	// What the server has thrown away meanwhile is begun anew.
	var third noted
	if err := b.Put(ctx, "three.mp4", bytes.NewReader(data), 7500, Upload{ID: "gone", Part: 1000}, &third); err != nil || third.began[0].ID == "gone" {
		t.Errorf("%v, %+v", err, third.began)
	}
	var fourth noted
	broken.Store(true)
	_ = b.Put(ctx, "two.mp4", bytes.NewReader(data), 7500, Upload{}, &fourth)
	if _, open := server.Objects(); open != 1 {
		t.Errorf("%d uploads are open", open)
	}
	for range 2 { // the second time it is not there any more
		if err := b.Abandon(ctx, "two.mp4", fourth.began[0]); err != nil {
			t.Error(err)
		}
	}
	if _, open := server.Objects(); open != 0 {
		t.Errorf("%d uploads are open", open)
	}
}

func TestErrorsSayWhyAndNoSecret(t *testing.T) {
	ctx := context.Background()
	server := s3test.New()
	server.Fail = func(r *http.Request) int {
		if strings.HasSuffix(r.URL.Path, "denied") {
			return http.StatusForbidden
		}
		return 0
	}
	b := open(t, server, Config{Bucket: "bucket"})
	elsewhere := open(t, server, Config{Bucket: "other"})
	put := func(b *Bucket, name string) error {
		return b.Put(ctx, name, bytes.NewReader([]byte{1}), 1, Upload{}, &noted{})
	}
	for want, err := range map[Cause]error{Denied: put(b, "denied"), NoBucket: put(elsewhere, "x")} {
		if err == nil || CauseOf(err) != want || strings.Contains(err.Error(), "sEcReT") {
			t.Errorf("%s is %s: %v", want, CauseOf(err), err)
		}
	}
	server.Close()
	if err := put(b, "x"); CauseOf(err) != Unreachable {
		t.Error(err)
	}
	for _, c := range []Config{{}, {Endpoint: "host", Bucket: "b", Key: "k", Secret: "s"}, {Endpoint: "https://u:p@host", Bucket: "b", Key: "k", Secret: "s"}, {Endpoint: "https://host/path", Bucket: "b", Key: "k", Secret: "s"}, {Endpoint: "https://host", Key: "k", Secret: "s"}} {
		if _, err := Open(c, &net.Dialer{}); err == nil {
			t.Errorf("%+v is taken", c)
		}
	}
}

// TestAnAnswerThatStallsIsNotWaitedFor has the server say that all is well, and nothing more, to one of the things that it is asked.
func TestAnAnswerThatStallsIsNotWaitedFor(t *testing.T) {
	uploading := func(b *Bucket, ctx context.Context) error {
		return b.Put(ctx, "one.mp4", bytes.NewReader(noise(2500)), 2500, Upload{}, &noted{})
	}
	for what, c := range map[string]struct {
		stalls func(r *http.Request) bool
		ask    func(b *Bucket, ctx context.Context) error
	}{
		"begin":    {func(r *http.Request) bool { return r.URL.Query().Has("uploads") }, uploading},
		"complete": {func(r *http.Request) bool { return r.Method == http.MethodPost && r.URL.Query().Has("uploadId") }, uploading},
		"list": {func(r *http.Request) bool { return r.Method == http.MethodGet }, func(b *Bucket, ctx context.Context) error {
			return b.Put(ctx, "one.mp4", bytes.NewReader(noise(2500)), 2500, Upload{ID: "upload-1", Part: 1000}, &noted{})
		}},
		"remove":  {func(r *http.Request) bool { return r.Method == http.MethodDelete }, func(b *Bucket, ctx context.Context) error { return b.Remove(ctx, "one.mp4") }},
		"abandon": {func(r *http.Request) bool { return r.Method == http.MethodDelete }, func(b *Bucket, ctx context.Context) error { return b.Abandon(ctx, "one.mp4", Upload{ID: "upload-1"}) }},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			server := s3test.New()
			server.Server.Close()
			server.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if !c.stalls(r) {
					server.ServeHTTP(w, r)
					return
				}
				_, _ = io.Copy(io.Discard, r.Body)
				w.WriteHeader(http.StatusOK)
				_ = http.NewResponseController(w).Flush()
				<-r.Context().Done()
			}))
			b := open(t, server, Config{Bucket: "bucket"})
			b.within = 2 * time.Second
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			if err := c.ask(b, ctx); err == nil || ctx.Err() != nil {
				t.Errorf("it ends with %v", err)
			}
		})
	}
}
