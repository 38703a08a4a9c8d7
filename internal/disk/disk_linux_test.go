package disk

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// TestAReadOnlyDiskHasNoRoom mounts one that has, and then has not.
func TestAReadOnlyDiskHasNoRoom(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("none", dir, "tmpfs", 0, "size=1048576"); err != nil {
		t.Skipf("no disk of its own can be mounted here: %v", err)
	}
	defer syscall.Unmount(dir, syscall.MNT_DETACH)
	if free, err := Free(dir); err != nil || free < 1<<19 {
		t.Errorf("%d bytes are free, %v", free, err)
	}
	if err := syscall.Mount("none", dir, "", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
		t.Fatal(err)
	}
	if free, err := Free(dir); err != nil || free != 0 {
		t.Errorf("%d bytes are free, %v", free, err)
	}
	if err := os.WriteFile(filepath.Join(dir, "x"), nil, 0o600); !IsFull(err) {
		t.Errorf("writing: %v", err)
	}
}
