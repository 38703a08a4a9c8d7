//go:build linux && (amd64 || arm64)

package rtc

// setSegments lets a test do without segmented sends, as on a device that refuses them.
func setSegments(s *socket, on bool) { s.segments.Store(s.segments.Load() && on) }
