package disk

import (
	"fmt"
	"io"
	"io/fs"
	"syscall"
	"testing"
)

// TestAQuotaThatIsUsedUpIsAFullDisk: also one of a directory over NFS, where it shows when the file is closed.
func TestAQuotaThatIsUsedUpIsAFullDisk(t *testing.T) {
	for _, test := range []struct {
		err  error
		full bool
	}{
		{syscall.ENOSPC, true},
		{&fs.PathError{Op: "write", Path: "x", Err: syscall.EDQUOT}, true},
		{fmt.Errorf("recording: %w", &fs.PathError{Op: "close", Path: "x", Err: syscall.EDQUOT}), true},
		{&fs.PathError{Op: "open", Path: "x", Err: syscall.EROFS}, true},
		{&fs.PathError{Op: "write", Path: "x", Err: syscall.EFBIG}, false},
		{&fs.PathError{Op: "write", Path: "x", Err: syscall.EIO}, false},
		{io.ErrShortWrite, false},
		{nil, false},
	} {
		if IsFull(test.err) != test.full {
			t.Errorf("%v: %t", test.err, !test.full)
		}
	}
}
