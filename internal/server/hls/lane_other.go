//go:build !linux

package hls

// read and hungUp are never called: there is no poller whose connections they would be for.
func (l *lane) read(uintptr) {}

func hungUp(uintptr) bool { return false }
