package media

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// mark makes item n: a second after the one before, 10 bytes, a key at every fourth.
func mark(n int) Mark { return Mark{Bytes: 10, Time: time.Duration(n) * time.Second, Key: n%4 == 0} }

func fill(r *Ring[int], from, to int) {
	for n := from; n < to; n++ {
		r.Append(n, mark(n))
	}
}

func TestRingKeepsWithinItsLimits(t *testing.T) {
	tests := []struct {
		name   string
		limits Limits
		want   int // items kept of 100
	}{
		{"items", Limits{Items: 30}, 30},
		{"fewer items than slots", Limits{Items: 3}, 3},
		{"bytes", Limits{Items: 1000, Bytes: 205}, 20},
		{"span", Limits{Items: 1000, Span: 12 * time.Second}, 13},
		{"what is before the newest key", Limits{Items: 1000, Past: time.Second}, 4},
		{"some time before the newest key", Limits{Items: 1000, Past: 6 * time.Second}, 7},
		{"an item larger than all", Limits{Items: 1000, Bytes: 5}, 1},
		{"nothing dropped", Limits{Items: 100}, 100},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := NewRing[int](tt.limits)
			all := r.Live()
			fill(r, 0, 100)
			if at := int(r.next - r.first); at != tt.want {
				t.Errorf("keeps %d items, want %d", at, tt.want)
			}
			if r.bytes != 10*tt.want {
				t.Errorf("counts %d bytes", r.bytes)
			}
			if _, skipped, _ := all.Read(make([]int, 1)); skipped != (tt.want < 100) {
				t.Errorf("skipped: %v", skipped)
			}
		})
	}
}

func TestCursor(t *testing.T) {
	tests := []struct {
		name    string
		use     func(r *Ring[int]) *Cursor[int]
		want    []int
		skipped bool
	}{
		{"live", func(r *Ring[int]) *Cursor[int] {
			fill(r, 0, 6)
			c := r.Live()
			fill(r, 6, 9)
			return c
		}, []int{6, 7, 8}, false},
		{"from the newest key", func(r *Ring[int]) *Cursor[int] { fill(r, 0, 7); return r.FromKey() }, []int{4, 5, 6}, false},
		{"from the next key when there is none", func(r *Ring[int]) *Cursor[int] {
			c := r.FromKey()
			fill(r, 1, 6)
			return c
		}, []int{4, 5}, false},
		{"from the next key when the last was dropped", func(r *Ring[int]) *Cursor[int] {
			r.Append(0, mark(0))
			for range 10 {
				r.Append(1, Mark{Time: time.Second})
			}
			c := r.FromKey()
			fill(r, 2, 6)
			return c
		}, []int{4, 5}, false},
		{"from the first key not older than a time", func(r *Ring[int]) *Cursor[int] { fill(r, 0, 8); return r.FromTime(2 * time.Second) }, []int{4, 5, 6, 7}, false},
		{"from the oldest key since a time", func(r *Ring[int]) *Cursor[int] { fill(r, 0, 9); return r.FromKeySince(3 * time.Second) }, []int{4, 5, 6, 7, 8}, false},
		{"from the newest key where there is none since a time", func(r *Ring[int]) *Cursor[int] { fill(r, 0, 10); return r.FromKeySince(9 * time.Second) }, []int{8, 9}, false},
		{"from the next key where there is none at all", func(r *Ring[int]) *Cursor[int] {
			c := r.FromKeySince(0)
			fill(r, 1, 6)
			return c
		}, []int{4, 5}, false},
		{"from a time that is to come", func(r *Ring[int]) *Cursor[int] {
			fill(r, 0, 3)
			c := r.FromTime(time.Hour)
			fill(r, 3, 6)
			return c
		}, []int{4, 5}, false},
		{"a reader that fell out goes on at the newest key", func(r *Ring[int]) *Cursor[int] {
			c := r.Live()
			fill(r, 0, 30)
			return c
		}, []int{28, 29}, true},
		{"a reader that gives up", func(r *Ring[int]) *Cursor[int] {
			c := r.Live()
			fill(r, 0, 7)
			if c.KeepWithin(6*time.Second) || !c.KeepWithin(5*time.Second) || c.KeepWithin(0) {
				panic("it is 6 s behind, with one key ahead")
			}
			return c
		}, []int{4, 5, 6}, false},
		{"a reader with one item before it", func(r *Ring[int]) *Cursor[int] {
			c := r.Live()
			fill(r, 0, 1)
			if c.KeepWithin(0) {
				panic("it is not behind")
			}
			return c
		}, []int{0}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := NewRing[int](Limits{Items: 8})
			c := tt.use(r)
			dst := make([]int, 20)
			n, skipped, err := c.Read(dst)
			if !slices.Equal(dst[:n], tt.want) || skipped != tt.skipped || err != nil {
				t.Errorf("got %v, skipped %v, %v; want %v, %v", dst[:n], skipped, err, tt.want, tt.skipped)
			}
			if !c.At(r.Tip()) || r.Tip().Closed {
				t.Errorf("read all, and not at the tip %+v", r.Tip())
			}
		})
	}
}

func TestTip(t *testing.T) {
	r := NewRing[int](Limits{Items: 100})
	c := r.Live()
	fill(r, 0, 10)
	c.Read(make([]int, 3))
	then := r.Tip()
	if c.At(then) {
		t.Error("seven items wait")
	}
	c.Read(make([]int, 7))
	fill(r, 10, 11)
	r.Close(nil)
	if !c.At(then) || c.At(r.Tip()) || !r.Tip().Closed {
		t.Errorf("read what lay before %+v, not before %+v", then, r.Tip())
	}
}

func TestReadersWaitAndAreWoken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := NewRing[int](Limits{Items: 100})
		c := r.Live()
		woken := make(chan error)
		wait := func(ctx context.Context) { woken <- c.Wait(ctx) }
		go wait(t.Context())
		synctest.Wait()
		r.Append(1, mark(1))
		synctest.Wait()
		select {
		case <-woken:
			t.Fatal("woken without a flush")
		default:
		}
		r.Flush()
		if err := <-woken; err != nil {
			t.Fatal(err)
		}
		if err := c.Wait(t.Context()); err != nil { // there is something already
			t.Fatal(err)
		}
		c.Read(make([]int, 5))
		ctx, cancel := context.WithCancel(t.Context())
		go wait(ctx)
		cancel()
		if err := <-woken; !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled: %v", err)
		}
		go wait(t.Context())
		synctest.Wait()
		reason := errors.New("reason")
		r.Append(2, mark(2))
		r.Close(reason)
		r.Close(nil)
		if err := <-woken; err != nil {
			t.Fatal(err)
		}
		<-r.Woken()
		r.Append(3, mark(3)) // too late
		r.Flush()
		if n, _, err := c.Read(make([]int, 5)); n != 1 || err != nil {
			t.Errorf("after the end: %d items, %v", n, err)
		}
		if _, _, err := c.Read(make([]int, 5)); err != reason {
			t.Errorf("after the last: %v", err)
		}
		other := NewRing[int](Limits{Items: 1})
		other.Close(nil)
		if _, _, err := other.Live().Read(make([]int, 1)); err != ErrRingClosed {
			t.Errorf("without a reason: %v", err)
		}
	})
}

func TestRingIsSafeForManyReaders(t *testing.T) {
	r := NewRing[int](Limits{Items: 64})
	const n = 5000
	var readers sync.WaitGroup
	for range 4 {
		c := r.Live()
		readers.Add(1)
		go func() {
			defer readers.Done()
			last := -1
			dst := make([]int, 16)
			for {
				if err := c.Wait(t.Context()); err != nil {
					t.Error(err)
					return
				}
				k, skipped, err := c.Read(dst)
				for i, v := range dst[:k] {
					if v <= last || v != last+1 && !(skipped && i == 0) {
						t.Errorf("%d after %d", v, last)
						return
					}
					last = v
				}
				if err != nil {
					return
				}
			}
		}()
	}
	for i := range n {
		r.Append(i, mark(i))
		r.Flush()
	}
	r.Close(nil)
	readers.Wait()
}

func BenchmarkRingAppend(b *testing.B) {
	r := NewRing[*Frame](Limits{Items: 1024, Bytes: 1 << 20, Span: 10 * time.Second})
	f := &Frame{}
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		n++
		r.Append(f, Mark{Bytes: 1000, Time: time.Duration(n) * time.Millisecond, Key: n%60 == 0})
	}
}

func BenchmarkCursorRead(b *testing.B) {
	r := NewRing[*Frame](Limits{Items: 1024})
	for n := range 1024 {
		r.Append(&Frame{}, mark(n))
	}
	dst := make([]*Frame, 32)
	c := r.Live()
	b.ReportAllocs()
	for b.Loop() {
		c.at = 0
		if n, _, _ := c.Read(dst); n != len(dst) {
			b.Fatal(n)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(dst)), "ns/item")
}

// TestRingAheadOfTheTime reads what is written before its time.
func TestRingAheadOfTheTime(t *testing.T) {
	r := NewRing[int](Limits{Items: 100})
	early := r.FromKeyUntil(time.Minute)
	fill(r, 2, 11) // keys are 4 and 8
	dst := make([]int, 3)
	for _, c := range []struct {
		until int
		want  []int
		next  int
	}{{3, nil, 4}, {4, []int{4}, 5}, {7, []int{5, 6, 7}, 7}, {7, nil, 8}, {60, []int{8, 9, 10}, 60}, {60, nil, 60}} {
		n, skipped, next, err := early.ReadUntil(dst, time.Duration(c.until)*time.Second)
		if !slices.Equal(dst[:n], c.want) || next != time.Duration(c.next)*time.Second || skipped || err != nil {
			t.Errorf("until %d s: %v, then %v, %v; want %+v", c.until, dst[:n], next, err, c)
		}
	}
	for until, want := range map[int]int{1: 4, 4: 4, 7: 4, 8: 8, 60: 8} {
		if r.FromKeyUntil(time.Duration(until) * time.Second).Read(dst); dst[0] != want {
			t.Errorf("the key until %d s is %d, want %d", until, dst[0], want)
		}
	}
	r.Close(nil)
	if n, _, next, err := r.FromKeyUntil(time.Second).ReadUntil(dst, 0); n > 0 || next != 4*time.Second || err != nil {
		t.Errorf("what is still to come of a closed ring: %d, %v, %v", n, next, err)
	}
}
