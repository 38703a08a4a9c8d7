package srt

import (
	"testing"
	"time"

	gosrt "github.com/datarhei/gosrt"
)

// feed is what the statistics of a connection would say.
type feed struct {
	gosrt.Statistics
	search search
	bucket bucket
	now    time.Time
}

// look lets packets come and be taken out, between which there are gaps of one packet, and others that had come already. It gives how many were passed.
func (f *feed) look(unique, taken, gaps, repeats float64) float64 {
	a := &f.Accumulated
	a.PktRecvUnique += uint64(unique)
	a.PktRecvLoss += uint64(2 * gaps) // as the library counts
	a.PktRecvDrop += uint64(repeats)
	f.Instantaneous.PktRecvBuf += uint64(unique) - uint64(taken)
	return f.search.look(&f.Statistics, lookEvery)
}

// ended tells that what was passed until the next look is too much for a connection.
func (f *feed) ended(passed float64) bool {
	f.now = f.now.Add(lookEvery)
	return f.bucket.add(passed, usual.searched, f.now)
}

func TestHonestFeedsMayLoseAndRepeat(t *testing.T) {
	for name, c := range map[string]struct{ mbit, latency, loss, repeats float64 }{
		"much loss":                       {40, 8, .03, 4},
		"much is repeated":                {40, 8, .006, 10},
		"a low bitrate, most repeats":     {10, 8, .04, 10},
		"a short latency, very much loss": {40, .5, .2, 4},
		"no loss":                         {40, 10, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			f := &feed{now: time.Unix(1, 0)}
			perLook := c.mbit * 1e6 / 8 / 1316 * lookEvery.Seconds()
			lost := 0.
			for i := range 5 * 60 * 10 { // ten minutes
				jitter, taken := float64(i%3-1)*perLook/10, 0.
				if float64(i)*lookEvery.Seconds() >= c.latency {
					taken = perLook
				}
				lost += perLook * c.loss
				gaps := float64(int(lost))
				lost -= gaps
				come := perLook + jitter
				switch at := i % 1000; { // each three minutes nothing comes for 0.4 s, and then all of it
				case i < 1000 || at > 2:
				case at < 2:
					come, gaps = 0, 0
				default:
					come += 2 * perLook
					f.Accumulated.PktRecvLoss += uint64(2 * perLook)
				}
				if f.ended(f.look(come, taken, gaps, gaps*c.repeats)) {
					t.Fatalf("it is ended after %d looks, with %d packets that wait", i, f.Instantaneous.PktRecvBuf)
				}
				if f.Instantaneous.PktRecvBuf > uint64(usual.held) {
					t.Fatalf("%d wait", f.Instantaneous.PktRecvBuf)
				}
			}
		})
	}
}

// TestWhatIsPassedIsReckoned: nobody gets it for less by choosing when to make gaps, and when to fill them.
func TestWhatIsPassedIsReckoned(t *testing.T) {
	const many = 30_000
	for name, c := range map[string]struct {
		play func(f *feed) float64
		want float64 // at least
	}{
		"swapped pairs": {func(f *feed) float64 {
			f.look(many, 0, 0, 0)
			return f.look(2000, 0, 1000, 0)
		}, 1000 * many},
		"repeats": {func(f *feed) float64 {
			f.look(many, 0, 0, 0)
			return f.look(0, 0, 0, 1000)
		}, 1000 * many},
		"gaps that are made while nothing waits, and filled when much does": {func(f *feed) float64 {
			return f.look(1, 0, 1000, 0) + f.look(1000, 0, 0, 0) + f.look(many, 0, 0, 0) + f.look(1000, 0, 0, 0)
		}, 1000 * many},
		"what comes and is taken out between two looks": {func(f *feed) float64 {
			return f.look(many, many, 1000, 0)
		}, 1000 * many},
		"repeats that were explained long ago": {func(f *feed) float64 {
			f.look(many, 0, 1000, 0)
			for range 100 {
				f.look(0, 0, 0, 0)
			}
			return f.look(0, 0, 0, 1000)
		}, .99 * 1000 * many},
		"more repeats than are explained": {func(f *feed) float64 {
			f.look(many, 0, 0, 0)
			return f.look(1, 0, 1, 1000)
		}, 990 * many},
	} {
		t.Run(name, func(t *testing.T) {
			f := &feed{}
			if got := c.play(f); got < c.want {
				t.Errorf("%.0f were passed, want at least %.0f", got, c.want)
			}
		})
	}
}

func TestWhatIsSearchedByAllIsOneSum(t *testing.T) {
	var all, one, other bucket
	now := time.Unix(1, 0)
	for i := range 60 * 5 {
		now = now.Add(lookEvery)
		passed := .75 * usual.searched * lookEvery.Seconds()
		if one.add(passed, usual.searched, now) || other.add(passed, usual.searched, now) {
			t.Fatal("they are too much by themselves")
		}
		all.add(passed, usual.searchedByAll, now)
		if all.add(passed, usual.searchedByAll, now) {
			all.relieve(usual.searchedByAll)
			if all.add(passed, usual.searchedByAll, now) {
				t.Error("the next is ended for the same")
			}
			return
		}
		if i == 60*5-1 {
			t.Error("together they are not too much in a minute")
		}
	}
}
