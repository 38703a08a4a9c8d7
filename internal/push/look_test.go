package push

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tuttilive/tutti/internal/dial"
	"github.com/tuttilive/tutti/internal/store"
)

// TestTargetsThatCannotBeReadAreReadAgain: else a disk that was slow when a show went live keeps it from its targets until it ends. They are not the more
// often the more there is to look for.
func TestTargetsThatCannotBeReadAreReadAgain(t *testing.T) {
	st, err := store.Open(t.TempDir(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	targets, err := store.OpenBucket[[]Target](st, "push")
	st.Close() // from here on nothing can be read
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		var said bytes.Buffer
		p := New(Options{Dialer: dial.New(nil), Targets: targets, Log: slog.New(slog.NewTextHandler(&said, nil))})
		p.running.Go(p.tend)
		p.lookSoon("tea")
		time.Sleep(time.Second)
		p.lookSoon("tea")
		time.Sleep(2 * lookAgainAfter)
		p.Close()
		if n := strings.Count(said.String(), "reading where a room's shows are sent"); n != 4 {
			t.Errorf("read %d times:\n%s", n, said.String())
		}
	})
}
