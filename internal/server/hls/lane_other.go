//go:build !linux

package hls

// read, try and hungUp are never called: there is no poller whose connections they would be for.
func (l *lane) read(uintptr) {}

func (w *scribe) try(uintptr) {}

func hungUp(uintptr) bool { return false }
