package disk

import "golang.org/x/sys/unix"

// Free is how many bytes may still be written where a directory is: none where the file system is read-only. What a user's quota leaves it
// does not know; writing will.
func Free(dir string) (int64, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return 0, err
	}
	if st.Flags&unix.ST_RDONLY != 0 {
		return 0, nil
	}
	return int64(st.Bavail) * int64(st.Bsize), nil
}
