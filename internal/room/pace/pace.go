// Package pace bounds how often people do something. Time is an argument.
package pace

import "time"

// Rate is what is allowed: so many at once, and one more in each Every.
type Rate struct {
	Burst int
	Every time.Duration
}

// Bucket is what somebody has used of a rate. The zero value has used nothing.
type Bucket struct {
	// free is when all that was used is there again: the bucket is as many Every from full as free lies ahead.
	free time.Time
}

// Take uses n of a rate if there are as many, and tells after how long there will be: 0 when they were taken.
func (b *Bucket) Take(r Rate, n int, now time.Time) (wait time.Duration) {
	if wait = b.Wait(r, n, now); wait == 0 {
		if b.free.Before(now) {
			b.free = now
		}
		b.free = b.free.Add(time.Duration(n) * r.Every)
	}
	return wait
}

// Wait tells after how long n can be taken.
func (b *Bucket) Wait(r Rate, n int, now time.Time) time.Duration {
	used := max(b.free.Sub(now), 0)
	return max(used+time.Duration(n)*r.Every-time.Duration(r.Burst)*r.Every, 0)
}

// Left tells how many can be taken.
func (b *Bucket) Left(r Rate, now time.Time) int {
	return r.Burst - int((max(b.free.Sub(now), 0)+r.Every-1)/r.Every)
}

// People remembers what each of many people has used. The zero value is ready. Those who have used nothing for a while are forgotten,
// so that it stays about as large as the number of those who do something.
type People struct {
	buckets map[string]Bucket
	swept   int // how many there were after the last look
}

// Take is Bucket.Take of somebody.
func (p *People) Take(who string, r Rate, n int, now time.Time) time.Duration {
	b := p.buckets[who]
	wait := b.Take(r, n, now)
	if wait > 0 {
		return wait
	}
	p.keep(who, b, now)
	return 0
}

// Wait is Bucket.Wait of somebody.
func (p *People) Wait(who string, r Rate, n int, now time.Time) time.Duration {
	b := p.buckets[who]
	return b.Wait(r, n, now)
}

// keep notes what somebody has used.
func (p *People) keep(who string, b Bucket, now time.Time) {
	if p.buckets == nil {
		p.buckets = map[string]Bucket{}
	}
	p.buckets[who] = b
	if len(p.buckets) > 2*p.swept+64 {
		for other, b := range p.buckets {
			if !b.free.After(now) {
				delete(p.buckets, other)
			}
		}
		p.swept = len(p.buckets)
	}
}

// Deter counts a try of somebody that was refused like one that was not, so that who goes on all the same gets nowhere until they pause. It tells
// after how long they can take one, which is most at the most.
func (p *People) Deter(who string, r Rate, most time.Duration, now time.Time) time.Duration {
	b := p.buckets[who]
	if b.free.Before(now) {
		b.free = now
	}
	b.free = b.free.Add(r.Every)
	if end := now.Add(most + time.Duration(r.Burst-1)*r.Every); b.free.After(end) {
		b.free = end
	}
	p.keep(who, b, now)
	return b.Wait(r, 1, now)
}

// Left is Bucket.Left of somebody.
func (p *People) Left(who string, r Rate, now time.Time) int {
	b := p.buckets[who]
	return b.Left(r, now)
}

// Forgive forgets what somebody has used.
func (p *People) Forgive(who string) { delete(p.buckets, who) }
