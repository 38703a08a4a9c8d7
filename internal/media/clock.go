package media

import "time"

// epoch is the moment that media time counts from: the start of the process.
var epoch = time.Now()

// Now is the current media time: monotonic nanoseconds since the process started. All arrival times and all frame
// timestamps of one server lie on this clock, so frames of different tracks can be compared and aligned.
func Now() time.Duration { return time.Since(epoch) }

// WallClock converts a media time to wall-clock time, for sender reports, EXT-X-PROGRAM-DATE-TIME and the like.
func WallClock(t time.Duration) time.Time { return epoch.Round(0).Add(t) }

// FromWallClock is the inverse of WallClock.
func FromWallClock(t time.Time) time.Duration { return t.Round(0).Sub(epoch.Round(0)) }

// NTP is the 64-bit NTP timestamp (RFC 3550, section 4) of a media time.
func NTP(t time.Duration) uint64 {
	w := WallClock(t)
	const fromUnix = 2208988800
	return uint64(w.Unix()+fromUnix)<<32 | uint64(w.Nanosecond())<<32/1_000_000_000
}

// FromNTP converts a 64-bit NTP timestamp of a remote clock to a duration since the Unix epoch. It is comparable with
// other values of the same remote clock only.
func FromNTP(ntp uint64) time.Duration {
	const fromUnix = 2208988800
	seconds := int64(ntp>>32) - fromUnix
	nanos := int64((ntp & 0xffffffff) * 1_000_000_000 >> 32)
	return time.Duration(seconds)*time.Second + time.Duration(nanos)
}
