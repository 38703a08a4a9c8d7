package rtc

import (
	"runtime"
	"testing"
	"time"
)

func inUse() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc + m.StackInuse
}

// A subscriber without data channels has a budget: what it costs beside the sender's own state above this package.
func TestPeerMemory(t *testing.T) {
	e, client := testEndpoint(t), idleEndpoint(t)
	description := lightOffer(client, audioSection("recvonly"), videoSection("recvonly"))
	var peers []*Peer
	connect := func() {
		c := newLight(t, e, description, nil)
		c.shake(client)
		c.vanish()
		peers = append(peers, c.peer)
	}
	connect() // what is made once is made
	goroutines, before := runtime.NumGoroutine(), inUse()
	const n = 50
	for range n {
		connect()
	}
	deadline := time.Now().Add(time.Minute)
	for runtime.NumGoroutine() > goroutines && time.Now().Before(deadline) {
		time.Sleep(time.Millisecond)
	}
	if got := runtime.NumGoroutine(); got > goroutines {
		t.Errorf("%d goroutines for %d peers", got-goroutines, n)
	}
	each := (int64(inUse()) - int64(before)) / n
	t.Logf("%d bytes a peer", each)
	if limit := int64(60 << 10); each > limit {
		t.Errorf("a peer takes %d bytes, at most %d", each, limit)
	}
	runtime.KeepAlive(peers)
}
