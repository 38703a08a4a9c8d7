package sfu

import (
	"sync"
	"time"

	"github.com/tuttilive/tutti/internal/media"
)

// careInterval is how often streams are looked after apart from their packets: fine enough to ask for a lost packet at
// the end of a frame before its retransmission would come too late.
const careInterval = 20 * time.Millisecond

// caretaker looks after all streams that are received, with one goroutine, which runs while there are any.
var caretaker = care{streams: make(map[*stream]struct{})}

type care struct {
	mu      sync.Mutex
	streams map[*stream]struct{}
	stop    chan struct{}
}

func (c *care) add(st *stream) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.streams[st] = struct{}{}
	if len(c.streams) == 1 {
		c.stop = make(chan struct{})
		go c.run(c.stop)
	}
}

// remove does not wait for a look that is under way.
func (c *care) remove(st *stream) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.streams[st]; !ok {
		return
	}
	delete(c.streams, st)
	if len(c.streams) == 0 {
		close(c.stop)
	}
}

func (c *care) run(stop <-chan struct{}) {
	ticker := time.NewTicker(careInterval)
	defer ticker.Stop()
	var streams []*stream
	for {
		select {
		case <-stop:
			return
		case <-ticker.C:
		}
		streams = streams[:0]
		c.mu.Lock()
		for st := range c.streams {
			streams = append(streams, st)
		}
		c.mu.Unlock()
		now := media.Now()
		for _, st := range streams {
			st.look(now)
		}
		clear(streams)
	}
}
