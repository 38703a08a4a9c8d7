package push

import (
	"net"
	"testing"
	"testing/synctest"
	"time"
)

// TestAConnectionThatEndsHasASecond ends one to a server that reads nothing, while something is being sent.
func TestAConnectionThatEndsHasASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := net.Pipe()
		defer theirs.Close()
		c := &client{net: ours, chunk: 128}
		sent := make(chan error, 1)
		go func() { sent <- c.send([][]byte{{3}}) }()
		synctest.Wait()
		begun := time.Now()
		c.limit(time.Now().Add(partingTime))
		if err := <-sent; err == nil {
			t.Error("nobody has read it")
		}
		c.close("key")
		if took := time.Since(begun); took > partingTime {
			t.Errorf("took %v", took)
		}
	})
}
