// Package disk tells how much room there is, and whether something failed for want of it.
package disk

import (
	"errors"
	"syscall"
)

// IsFull tells whether an error means that there is no room left, or none for us: a quota is used up, or the file system has been made
// read-only, as Linux does when a disk fails.
func IsFull(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) || errors.Is(err, syscall.EROFS)
}
