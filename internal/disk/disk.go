// Package disk tells how much room there is, and whether something failed for want of it.
package disk

import (
	"errors"
	"syscall"
)

// IsFull tells whether an error means that there is no room left, or none for us.
func IsFull(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}
