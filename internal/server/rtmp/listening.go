package rtmp

import (
	"errors"
	"sync"
	"syscall"
	"time"

	"github.com/tuttilive/tutti/internal/poller"
	"github.com/tuttilive/tutti/internal/studio/fanout"
)

// errRests tells that a session goes on without a goroutine.
var errRests = errors.New("rtmp: player rests")

// hearingTimeout is how long a player may take for what it has begun to say.
const hearingTimeout = 10 * time.Second

// listening is a player's side of the conversation, which is silence for most of the time: then there is no goroutine, and a poller tells when the
// player says something or hangs up. Either a goroutine has the session, or it rests; whoever takes it out of its rest ends it.
type listening struct {
	raw syscall.RawConn // nil where a goroutine waits

	mu    sync.Mutex
	id    poller.ID
	rests bool
	over  bool // the stream has let go of the connection, or everybody is sent away
}

// rest leaves the session to the poller, if it can be left and has not ended. The goroutine that has it must let go then.
func (s *session) rest() bool {
	l := &s.listening
	if l.raw == nil || !s.conn.reader.Rest() {
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.over {
		return false
	}
	var err error
	if l.id == 0 {
		l.id, err = s.server.poller.WatchOnce(s, l.raw)
	} else {
		err = s.server.poller.WatchAgain(l.id, l.raw)
	}
	l.rests = err == nil
	return l.rests
}

// wake takes the session out of its rest, for good or until it rests again. It tells whether it did rest.
func (s *session) wake(forGood bool) bool {
	l := &s.listening
	l.mu.Lock()
	defer l.mu.Unlock()
	did := l.rests
	l.rests, l.over = false, l.over || forGood
	return did
}

// Readable comes from the poller.
func (s *session) Readable() {
	if s.wake(false) {
		go func() {
			s.conn.waitUntil(time.Now().Add(hearingTimeout))
			s.run(s.hear)
		}()
	}
}

// leave ends a session that rests.
func (s *session) leave() {
	if s.wake(true) {
		s.conn.net.Close()
		s.finish()
	}
}

// finish counts a session off that has ended.
func (s *session) finish() {
	s.listening.mu.Lock()
	if s.listening.id != 0 {
		s.server.poller.Forget(s.listening.id)
	}
	s.listening.mu.Unlock()
	s.server.end(s)
	s.server.running.Done()
}

// audience ends a player's session when the stream lets go of its connection.
type audience struct {
	fanout.Watcher
	session *session
}

func (a audience) Close() {
	a.Watcher.Close()
	a.session.leave()
}
