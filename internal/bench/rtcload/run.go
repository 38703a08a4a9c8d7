package rtcload

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/tuttilive/tutti/internal/auth"
	"github.com/tuttilive/tutti/internal/bench"
)

// Mode is what a room is like.
type Mode string

const (
	// Fanout is one camera and microphone that many watch, Sound two microphones that many hear, and Meeting people of whom
	// each sends a camera in three layers, and sees all others as small pictures.
	Fanout  Mode = "fanout"
	Sound   Mode = "audio"
	Meeting Mode = "meeting"
)

// tileWidth and tileHeight are how large people are shown in a meeting: a grid of 3x3 on a screen of 1280x720.
const tileWidth, tileHeight = 426, 240

// Plan is what to measure.
type Plan struct {
	Mode Mode
	// People who receive, in all rooms.
	People int
	// Rooms is over how many rooms they are spread, each with publishers of its own; 0 is one.
	Rooms int
	// WHEP speaks WHIP and WHEP instead of LiveKit's protocol; for Fanout only.
	WHEP bool
	// Keys are the server's, for LiveKit's protocol.
	Keys auth.Keys
	// Bitrate of the (largest) picture in bit/s.
	Bitrate int
	Sizes   Sizes
	// Feedback is how often receivers report arrivals.
	Feedback time.Duration
	Duration time.Duration
	// Core that the server is pinned to, -1 for none.
	Core int
}

func (p Plan) check() error {
	_, err := p.Sizes.cut(maxFragment)
	switch {
	case err != nil:
		return err
	case p.People < 2:
		return errors.New("at least two are needed")
	case p.Rooms < 0 || p.Rooms > p.People:
		return errors.New("a room needs somebody in it")
	case p.WHEP && p.Mode != Fanout:
		return fmt.Errorf("WHEP has no %s", p.Mode)
	case p.Feedback < pace:
		return fmt.Errorf("feedback cannot be sent more often than each %v", pace)
	}
	return nil
}

// settle is how long the load runs before anything is measured.
const settle = 4 * time.Second

// crowd is all clients of a run.
type crowd struct {
	plan  Plan
	rooms []string
	who   identity
	http  string
	times times
	told  told
	pacer pacemaker
	open  []io.Closer
	life  context.Context
}

// Run measures a server.
func Run(ctx context.Context, server *bench.Server, plan Plan, progress func(string)) (Result, error) {
	if err := plan.check(); err != nil {
		return Result{}, err
	}
	life, end := context.WithCancel(ctx)
	defer end()
	who, err := newIdentity()
	if err != nil {
		return Result{}, err
	}
	c := &crowd{
		plan: plan, who: who, http: server.HTTP, life: life, pacer: pacemaker{interval: plan.Feedback},
	}
	run := time.Now().UnixNano() % 1e6
	for i := range max(plan.Rooms, 1) {
		c.rooms = append(c.rooms, fmt.Sprintf("bench-%d-%d", run, i))
	}
	go c.pacer.run(life.Done())
	r, err := c.measure(server, progress)
	end()
	c.close()
	if err != nil {
		return r, err
	}
	progress("measuring the floor")
	return r, r.floor()
}

// close lets all leave at the same time, since each waits for the server.
func (c *crowd) close() {
	var all sync.WaitGroup
	for _, o := range c.open {
		all.Go(func() { o.Close() })
	}
	all.Wait()
}

func (c *crowd) door() rooms { return rooms{c.http, c.plan.Keys, c.who, &c.told} }

// roomOf is where the i-th client is.
func (c *crowd) roomOf(i int) string { return c.rooms[i%len(c.rooms)] }

// begin lets those come who only publish.
func (c *crowd) begin() error {
	publishers := len(c.rooms) * map[Mode]int{Fanout: 1, Sound: 2}[c.plan.Mode]
	for i := range publishers {
		if err := c.publish(i); err != nil {
			return err
		}
	}
	return nil
}

func (c *crowd) publish(i int) error {
	ctx, done := context.WithTimeout(c.life, connectPatience)
	defer done()
	s := newSender(c.plan.Mode == Fanout, false, c.plan.Bitrate, c.plan.Sizes)
	s.late = &c.times.late
	if c.plan.WHEP {
		return whip{c.http, c.who}.publish(ctx, c.life, c.roomOf(i), s)
	}
	m, err := c.door().join(ctx, c.life, c.roomOf(i), fmt.Sprintf("publisher-%d", i), s, nil, 0, 0)
	if err == nil {
		c.open = append(c.open, m)
	}
	return err
}

// grow lets people come, one after the other, until there are n.
func (c *crowd) grow(n int) error {
	for i := len(c.pacer.receivers); i < n; i++ {
		r := newReceiver(&c.times)
		come, err := c.come(i, r)
		if err != nil {
			return fmt.Errorf("client %d: %w", i+1, err)
		}
		c.open = append(c.open, come)
		c.pacer.add(r)
	}
	return nil
}

func (c *crowd) come(i int, r *receiver) (io.Closer, error) {
	ctx, done := context.WithTimeout(c.life, connectPatience)
	defer done()
	if c.plan.WHEP {
		return whip{c.http, c.who}.play(ctx, c.roomOf(i), r)
	}
	var s *sender
	width, height := 0, 0
	if c.plan.Mode == Meeting {
		s = newSender(true, true, c.plan.Bitrate, c.plan.Sizes)
		s.late = &c.times.late
		width, height = tileWidth, tileHeight
	}
	m, err := c.door().join(ctx, c.life, c.roomOf(i), fmt.Sprintf("person-%d", i), s, r, width, height)
	if err != nil {
		return nil, err
	}
	return m, nil
}

// state is what a server has used, and what came, by a moment.
type state struct {
	at     time.Time
	cpu    time.Duration
	waited time.Duration // ready to run, without a core
	memory int64
	tally  Tally
	// told are messages and bytes of signalling to all clients.
	told, toldBytes int64
}

func (c *crowd) look(server *bench.Server) (s state, err error) {
	cpu, err1 := server.CPU()
	waited, err2 := server.Waited()
	memory, err3 := server.Memory()
	return state{time.Now(), cpu, waited, memory, c.pacer.counted(), c.told.messages.Load(), c.told.bytes.Load()}, errors.Join(err1, err2, err3)
}

// measure lets people come in two waves, which gives the memory of one, and measures with all of them.
func (c *crowd) measure(server *bench.Server, progress func(string)) (r Result, err error) {
	r.Plan = c.plan
	if err := c.begin(); err != nil {
		return r, fmt.Errorf("publishing: %w", err)
	}
	few := max(1, c.plan.People/4)
	progress(fmt.Sprintf("%d clients come", c.plan.People))
	if err := c.grow(few); err != nil {
		return r, err
	}
	if err := bench.Pause(c.life, settle); err != nil {
		return r, err
	}
	before, err := c.look(server)
	if err != nil {
		return r, err
	}
	if err := c.grow(c.plan.People); err != nil {
		return r, err
	}
	after, err := c.look(server)
	if err != nil {
		return r, err
	}
	if err := bench.Pause(c.life, settle); err != nil {
		return r, err
	}
	progress(fmt.Sprintf("measuring for %v", c.plan.Duration))
	c.times.age.Reset() // what came before began in the past: a subscriber starts at the last keyframe
	c.times.late.Reset()
	own, err := bench.OwnCPU()
	if err != nil {
		return r, err
	}
	start, err := c.look(server)
	if err != nil {
		return r, err
	}
	if err := bench.Pause(c.life, c.plan.Duration); err != nil {
		return r, err
	}
	end, err := c.look(server)
	if err != nil {
		return r, err
	}
	ownAfter, err := bench.OwnCPU()
	if err != nil {
		return r, err
	}
	r.fill(start, end)
	r.Load = (ownAfter - own).Seconds() / r.Seconds
	if joined := c.plan.People - few; joined > 0 {
		r.MemoryEach = (end.memory - before.memory) / int64(joined)
		// What was forwarded meanwhile is no cost of joining.
		forwarding := r.perPacket() * float64(after.tally.Packets-before.tally.Packets)
		r.Join = (after.cpu - before.cpu - time.Duration(forwarding*1e3)) / time.Duration(joined)
	}
	r.Ages, r.First = c.times.age.Percentiles(shares...), c.times.first.Percentiles(shares...)
	r.Late = c.times.late.Percentiles(shares...)
	return r, nil
}
