package store

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestAWriteThatFailedDoesNotEndTheStore has the disk fail under the embedded server, as it does with a quota, which nobody knows of before.
func TestAWriteThatFailedDoesNotEndTheStore(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("none", dir, "tmpfs", 0, "size=33554432"); err != nil {
		t.Skipf("no disk of its own can be mounted here: %v", err)
	}
	defer syscall.Unmount(dir, syscall.MNT_DETACH)
	s, err := Open(dir, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	b, err := OpenBucket[string](s, "texts")
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Put("before", "kept"); err != nil {
		t.Fatal(err)
	}
	if err := s.NoteSeen(time.Unix(1_800_000_000, 0)); err != nil {
		t.Fatal(err)
	}
	files, err := OpenFiles(s, "images")
	if err != nil {
		t.Fatal(err)
	}
	filler := filepath.Join(dir, "filler")
	if err := os.WriteFile(filler, make([]byte, 32<<20), 0o600); !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
	later := time.Unix(1_800_000_015, 0)
	if err := s.NoteSeen(later); err != nil {
		t.Errorf("that the server is there cannot be noted on a full disk: %v", err)
	}
	if seen, err := seenAt(dir); err != nil || !seen.Equal(later) {
		t.Errorf("seen at %v: %v", seen, err)
	}
	// Past the look at what is free, which a quota is not seen in.
	err = b.store.attempt(func(ctx context.Context) error {
		_, err := b.kv.Put(ctx, keyOf("during"), []byte(`"`+strings.Repeat("x", 1<<20)+`"`))
		return err
	})
	if !errors.Is(err, ErrFull) || !s.failed.Load() {
		t.Fatalf("writing on a full disk: %v, failed %v", err, s.failed.Load())
	}
	// As above, past the look.
	if err := files.write("during", make([]byte, 1<<20)); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("a file is written on a full disk: %v", err)
	}
	if err := files.Put("during", nil); !errors.Is(err, ErrFull) {
		t.Errorf("a file is written on a full disk: %v", err)
	}
	if left, err := os.ReadDir(files.dir); err != nil || len(left) != 0 {
		t.Errorf("half a file stays: %v, %v", left, err)
	}
	if v, err := b.Get("before"); err != nil || v != "kept" {
		t.Errorf("meanwhile: %q, %v", v, err)
	}
	if err := s.renew(reserve); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("it is started again on a disk that takes nothing: %v", err)
	}
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	for name, v := range map[string]string{"after": "also", "during": "at last"} {
		if err := b.Put(name, v); err != nil {
			t.Fatalf("with room again: %v", err)
		}
	}
	all, err := b.All()
	if err != nil || len(all) != 3 || all["before"] != "kept" || all["after"] != "also" || all["during"] != "at last" {
		t.Errorf("%v, %v", all, err)
	}
}
