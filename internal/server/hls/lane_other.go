//go:build !linux

package hls

// read and try are never called: there is no poller whose connections they would be for.
func (l *lane) read(uintptr) {}

func (w *scribe) try(uintptr) {}
