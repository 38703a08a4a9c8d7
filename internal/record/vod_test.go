package record

import (
	"io"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tuttilive/tutti/internal/media/mediatest"
	"github.com/tuttilive/tutti/internal/mux/movie"
)

func TestAFileIsLookedThroughOnceForAllWhoAskFirst(t *testing.T) {
	s := newSession(t, Limits{})
	if _, failure := s.run(t.Context(), &frames{n: 100, format: mediatest.H264Format(320, 180)}); failure != "" {
		t.Fatal(failure)
	}
	synctest.Test(t, func(t *testing.T) {
		var looks atomic.Int32
		s.library.scan = func(f io.ReaderAt, size int64) (movie.Pieces, error) {
			looks.Add(1)
			time.Sleep(time.Second) // until all have asked
			return movie.ReadPieces(f, size)
		}
		ask := func() {
			var all sync.WaitGroup
			for range 20 {
				all.Go(func() {
					if p, err := s.library.pieces(s.name); err != nil || len(p.Pieces) != 1 {
						t.Errorf("%d pieces, %v", len(p.Pieces), err)
					}
				})
			}
			all.Wait()
		}
		ask()
		ask() // it is known now
		if n := looks.Load(); n != 1 {
			t.Errorf("the file is looked through %d times", n)
		}
		if err := os.Remove(s.library.path(piecesName(s.name))); err != nil {
			t.Fatal(err)
		}
		ask()
		if n := looks.Load(); n != 2 {
			t.Errorf("what is lost is looked for %d times", n-1)
		}
	})
}

// TestAFileThatGoesWhileItIsLookedThroughLeavesNothing has retention take it away in the middle.
func TestAFileThatGoesWhileItIsLookedThroughLeavesNothing(t *testing.T) {
	s := newSession(t, Limits{})
	if _, failure := s.run(t.Context(), &frames{n: 100, format: mediatest.H264Format(320, 180)}); failure != "" {
		t.Fatal(failure)
	}
	s.library.scan = func(f io.ReaderAt, size int64) (movie.Pieces, error) {
		if err := s.library.drop(s.id, s.name); err != nil {
			t.Error(err)
		}
		return movie.ReadPieces(f, size)
	}
	if _, err := s.library.pieces(s.name); err != nil {
		t.Error(err)
	}
	left, err := filepath.Glob(s.library.path("*.pieces"))
	if err != nil || len(left) > 0 {
		t.Errorf("left are %v, %v", left, err)
	}
}
