//go:build !linux || !(amd64 || arm64)

package rtc

// setSegments does nothing where there are no segmented sends.
func setSegments(*socket, bool) {}
