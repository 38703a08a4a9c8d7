package audience

import (
	"net"
	"net/netip"
	"sync"
	"syscall"
	"time"

	"github.com/gobwas/ws"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/poller"
	"github.com/tuttilive/tutti/internal/room/pace"
	"github.com/tuttilive/tutti/internal/studio"
	"github.com/tuttilive/tutti/internal/studio/talk"
)

const (
	// helloWithin is how long somebody may take to say who they are.
	helloWithin = 10 * time.Second
	// pingEvery is how often everybody is pinged, and so says something; silence is after how long a connection that does not is broken.
	pingEvery = 20 * time.Second
	silence   = 3 * pingEvery
	// closeWithin is how long the other side may take to agree that it is over.
	closeWithin = 3 * time.Second
	// stallLimit is for how long a connection may take nothing of what waits for it.
	stallLimit = 20 * time.Second
	// maxOutBytes bounds what waits for one client alone.
	maxOutBytes = 256 << 10
	// batchesAtOnce is how many batches are written together.
	batchesAtOnce = 8
)

// What one connection may send.
var (
	requestRate = pace.Rate{Burst: 60, Every: time.Second / 20}
	byteRate    = pace.Rate{Burst: 256 << 10, Every: time.Second / (32 << 10)}
)

// client is one WebSocket. What it says comes in on one goroutine at a time (receive), what it is told is taken by another (next).
type client struct {
	server *Server
	conn   net.Conn
	from   netip.Prefix
	name   string // of the room
	url    string
	// foreign tells of a page of another origin.
	foreign bool

	raw      syscall.RawConn // of a client that the poller reads from
	polled   poller.ID       // names it there; guarded by the server's lock
	queued   bool            // guarded by its sweeper
	unsent   [][]byte        // the sweeper's own: what the connection has not taken yet; the first may be begun
	progress time.Time       // the sweeper's own: when it last took something

	frames   frames
	broken   bool // what comes makes no sense any more
	requests pace.Bucket
	bytes    pace.Bucket
	mistakes int

	mu       sync.Mutex
	carrier  carrier
	attendee *studio.Attendee // nil before hello
	hall     *hall
	view     studio.View
	turn     int      // of the signs of life
	stale    bool     // it is to begin anew, since it is told otherwise from now on
	out      [][]byte // frames for this client alone
	outBytes int
	cursor   *media.Cursor[*shared] // nil until there is a place
	ending   bool                   // nothing is queued any more
	gone     bool
	heard    time.Time // when something came last
	due      time.Time // when the connection ends if nothing comes; zero while silence bounds it
}

// carrier writes to clients.
type carrier interface {
	// wake has what waits for a client written. It does not block, and may be called with locks held.
	wake(*client)
	// enter has what is new in the client's hall written to it from now on.
	enter(*client)
}

// watch has the poller tell what comes.
func (c *client) watch() bool {
	c.server.mu.Lock() // so that forget knows of it
	defer c.server.mu.Unlock()
	var err error
	c.polled, err = c.server.poller.Watch(c, c.raw)
	return err == nil
}

// Readable implements poller.Reader.
func (c *client) Readable() { c.server.intake.from(c, time.Now()) }

// received handles bytes that came, which it may change. It tells whether the connection goes on.
func (c *client) received(data []byte, now time.Time) bool {
	c.mu.Lock()
	c.heard = now
	c.mu.Unlock()
	if wait := c.bytes.Take(byteRate, min(len(data), byteRate.Burst), now); wait > 0 {
		c.refuse(errTooFast, talk.Request{})
		return c.goesOn()
	}
	if c.broken {
		return c.goesOn() // until the other side agrees that it is over, or has had its time
	}
	err := c.frames.push(data, func(op ws.OpCode, payload []byte) error {
		c.frame(op, payload, now)
		return nil
	})
	switch err {
	case nil:
	case errTooLarge:
		c.end(nil, ws.StatusMessageTooBig, "too_large")
	case errNotText:
		c.end(nil, ws.StatusUnsupportedData, "malformed")
	case errNotUTF8:
		c.end(nil, ws.StatusInvalidFramePayloadData, "malformed")
	default:
		c.end(nil, ws.StatusProtocolError, "malformed")
	}
	c.broken = err != nil
	return c.goesOn()
}

// goesOn tells whether anything that comes still matters: at the end only that the other side agrees.
func (c *client) goesOn() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return !c.gone
}

// frame handles one message or control frame.
func (c *client) frame(op ws.OpCode, payload []byte, now time.Time) {
	switch op {
	case ws.OpClose:
		code, _ := ws.ParseCloseFrameData(payload)
		if code.Empty() || code.IsNotUsed() {
			code = ws.StatusNormalClosure
		}
		c.end(nil, code, "")
		c.agreed()
		return
	case ws.OpPong:
		return
	}
	if wait := c.requests.Take(requestRate, 1, now); wait > 0 {
		c.refuse(errTooFast, talk.Request{})
		return
	}
	if op == ws.OpPing {
		c.queue(ws.MustCompileFrame(ws.NewPongFrame(payload)))
		return
	}
	r, err := talk.Decode(payload)
	if err != nil {
		c.mistake(err, r)
		return
	}
	c.request(r)
}

// request does what the client asks for.
func (c *client) request(r talk.Request) {
	c.mu.Lock()
	attendee, ending := c.attendee, c.ending
	c.mu.Unlock()
	switch {
	case ending:
	case attendee == nil && r.Type == "hello":
		c.hello(r)
	case (attendee == nil) != (r.Type == "hello"):
		c.mistake(errFirst, r)
	case r.Type == "ping":
		c.Tell(talk.Frame(talk.Reply{At: time.Now()}.Event(r.Type, r.ID)))
	default:
		kind, id := r.Type, r.ID
		attendee.Do(r, func(answer talk.Reply) {
			c.server.asked(kind, answer)
			c.Tell(talk.Frame(answer.Event(kind, id)))
		})
	}
}

// mistake answers what cannot be understood, and ends the connection when that happens often, or before hello.
func (c *client) mistake(err error, r talk.Request) {
	c.mistakes++
	c.server.counts.requests.Count("malformed")
	c.mu.Lock()
	in := c.attendee != nil
	c.mu.Unlock()
	switch {
	case !in:
		c.refuse(err, r)
	case c.mistakes > maxMalformed:
		c.refuse(errMistakes, r)
	default:
		c.Tell(talk.Frame(talk.Reply{Err: err}.Event(r.Type, r.ID)))
	}
}

// refuse ends the connection with an error.
func (c *client) refuse(err error, r talk.Request) {
	refused := refusalOf(err, c.server.log)
	c.server.counts.refused.Count(refused.Code)
	c.Cut(talk.Frame(talk.Reply{Err: refused}.Event(r.Type, r.ID)), refused.Code)
}

// hello lets the client in.
func (c *client) hello(r talk.Request) {
	shown := studio.Credential{Token: r.Token, Key: r.Key}
	if shown == (studio.Credential{}) && c.foreign {
		c.refuse(errOrigin, r)
		return
	}
	attendee, h, err := c.server.attend(c, studio.Attendance{
		Credential: shown.In(c.from), Name: r.Name, Own: r.Identity, URL: c.url, Ear: c,
	})
	if err != nil {
		c.refuse(err, r)
		return
	}
	c.mu.Lock()
	c.attendee, c.hall, c.turn, c.stale, c.due = attendee, h, h.nextTurn(), true, time.Time{} // the welcome is written by next
	gone := c.gone
	c.mu.Unlock()
	c.carrier.enter(c)
	c.carrier.wake(c)
	switch {
	case gone: // it went away while it came in
		c.leave()
	case !h.enter(c):
		c.roomEnded(h.bye)
	default:
		attendee.Welcomed()
	}
}

// place is the hall that the client is in.
func (c *client) place() *hall {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.hall
}

// leave ends the attendance; it may be called more than once.
func (c *client) leave() {
	c.mu.Lock()
	attendee, h := c.attendee, c.hall
	c.mu.Unlock()
	if attendee != nil {
		h.leave(c)
		attendee.Leave()
	}
}

// Tell implements studio.Ear.
func (c *client) Tell(events []byte) { c.queue(textFrame(events)) }

// Cut implements studio.Ear.
func (c *client) Cut(farewell []byte, code string) { c.end(textFrame(farewell), closeCode(code), code) }

// roomEnded tells the client that its room has ended; it may come back.
func (c *client) roomEnded(farewell []byte) {
	c.end(textFrame(farewell), ws.StatusNormalClosure, "room ended")
}

// queue has a frame written. A client that lets too much wait is cut off.
func (c *client) queue(frame []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ending {
		return
	}
	if c.outBytes+len(frame) > maxOutBytes {
		c.out, c.outBytes = nil, 0
		c.server.counts.lost.Count("too_slow")
		c.endLocked(nil, closeCode("too_slow"), "too_slow")
		return
	}
	c.out = append(c.out, frame)
	c.outBytes += len(frame)
	c.carrier.wake(c)
}

// end writes what is queued, a last frame that may be nil, and why it is over.
func (c *client) end(last []byte, code ws.StatusCode, reason string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.endLocked(last, code, reason)
}

func (c *client) endLocked(last []byte, code ws.StatusCode, reason string) {
	if c.ending {
		return
	}
	c.ending, c.cursor = true, nil
	c.due = time.Now().Add(closeWithin)
	if last != nil {
		c.out = append(c.out, last)
	}
	c.out = append(c.out, closeFrame(code, reason))
	c.carrier.wake(c)
}

// agreed notes that the other side has said that it is over, too.
func (c *client) agreed() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.due = time.Now() // as soon as what waits is written
	c.carrier.wake(c)
}

// finished tells that both sides have said that it is over.
func (c *client) finished() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ending && !time.Now().Before(c.due)
}

// over ends the connection; it may be called more than once and from anywhere, without locks held.
func (c *client) over() {
	c.mu.Lock()
	if c.gone {
		c.mu.Unlock()
		return // and nobody is woken: who writes calls this whenever it comes upon a client that is gone
	}
	c.gone, c.ending, c.out, c.cursor = true, true, nil, nil
	c.carrier.wake(c)
	c.mu.Unlock()
	c.conn.Close()
	c.leave()
	c.server.forget(c)
}

// next gives the frames to be written now. over tells that the connection ends after them. It belongs to who writes.
func (c *client) next(dst [][]byte) (bufs [][]byte, over bool) {
	c.mu.Lock()
	bufs = append(dst, c.out...)
	c.out, c.outBytes = nil, 0
	cursor, view, turn, ending, stale, h, attendee := c.cursor, c.view, c.turn, c.ending, c.stale, c.hall, c.attendee
	c.stale = false
	c.mu.Unlock()
	switch {
	case ending:
		return bufs, true
	case stale:
		return append(c.welcome(h, attendee), bufs...), false // what is for this client alone comes after it
	case cursor == nil:
		return bufs, false
	}
	var batches [batchesAtOnce]*shared
	for {
		n, skipped, _ := cursor.Read(batches[:])
		if skipped {
			c.server.counts.lost.Count("behind")
			return append(bufs, c.welcome(h, attendee)...), false
		}
		for _, b := range batches[:n] {
			if frame := b.frameFor(view, turn); frame != nil {
				bufs = append(bufs, frame)
			}
		}
		if len(bufs) > 0 || n < len(batches) {
			return bufs, false
		}
	}
}

// welcome begins anew with a client: when it comes in, when it is told otherwise from now on, and when it has fallen too far behind.
func (c *client) welcome(h *hall, attendee *studio.Attendee) [][]byte {
	you, view := attendee.You()
	standing, cursor := h.now(view)
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.ending {
		c.cursor, c.view = cursor, view
	}
	return [][]byte{textFrame(talk.Welcome(you, time.Now(), standing))}
}

// Refresh implements studio.Ear.
func (c *client) Refresh() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stale = c.attendee != nil
	c.carrier.wake(c)
}

// check ends a connection on which nothing comes, or that does not agree that it is over. It tells whether to close it now.
func (c *client) check(now time.Time) (over bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.ending:
		return !now.Before(c.due)
	case !c.due.IsZero() && now.After(c.due): // no hello
		c.endLocked(nil, closeCode("malformed"), "no hello")
	case now.Sub(c.heard) > silence:
		c.server.counts.lost.Count("silent")
		return true
	}
	return false
}
