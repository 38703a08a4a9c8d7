//go:build unix

package limit

import "syscall"

// descriptors is how many this process may have.
func descriptors() uint64 {
	var of syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &of) != nil {
		return 1 << 63
	}
	return uint64(of.Cur)
}
